"""`TabularClassifier`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from ..estimators.compatibility import Options
from ..estimators.parameters import with_constructor
from ..estimators.plan import resolve_loss
from ..estimators.sample_weights import accept_scored
from ..estimators.targets import ClassCoding
from ..losses.classification import CrossEntropy
from ..losses.loss import Loss
from .base import TabularEstimator
from .class_task import ClassTask

__all__ = ["TabularClassifier"]

_SMOOTHING = 0.1


@with_constructor
class TabularClassifier(ClassifierMixin, TabularEstimator):
    """Classification of a table as it comes, by small networks, logistic regression and neighbours.

    What predicts is their average. DataFrames and arrays go in as they are, with numbers, booleans,
    categories, strings and missing values: a :class:`~skbackprop.tabular.TableEncoder` makes
    numbers of them. Then the networks are trained, each on one of three views of the columns: as
    they are, with waves (`cos(f z + b)`) beside each continuous one, or with steps at the
    thresholds of a small tree. Each network holds out some rows, and keeps the epoch that was best
    on them. The nearest training rows, by the columns that the networks look at, are members where
    they earn a weight. By the rows held out the views are weighed, and the probabilities of each
    corrected by a temperature.

    The networks are :class:`~skbackprop.BackpropClassifier`, with a gain for each input, `selu`
    neurons, a learning rate by the number of inputs of each layer, `Adam(beta_2=0.95)`, and one
    cycle of the learning rate.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        What networks minimise: "cross_entropy" is ``CrossEntropy(label_smoothing=0.1)``; or
        "focal", or an object of these classes. Probabilities, epochs and weights go by the log
        loss, whichever it is.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Multiplies ``sample_weight``. A list is for the columns of labels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
    estimators_ : list
        The members of the average: fitted networks, which speak of their view of the encoded
        table, and of classes as numbers; fitted pipelines of a `StandardScaler` and a
        `LogisticRegression` (none for labels); and the nearest rows, if they are members.

    Notes
    -----
    See `TabularRegressor`.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbackprop import TabularClassifier
    >>> table = pd.DataFrame({"petals": [3, 4, None, 8] * 20, "colour": ["red", "blue"] * 40})
    >>> species = ["rose", "violet", "rose", "daisy"] * 20
    >>> model = TabularClassifier(random_state=0).fit(table, species)
    >>> model.predict(table[:4]).tolist()
    ['rose', 'violet', 'rose', 'daisy']
    """

    _: KW_ONLY
    loss: Annotated[str | Loss, str, Loss] = "cross_entropy"
    class_weight: Annotated[
        Mapping[Any, float] | Literal["balanced"] | list[Mapping[Any, float]] | None,
        *(Options(str, {"balanced"}), Mapping, list, None),
    ] = None

    _numeric_targets = False

    def __sklearn_tags__(self):
        """Label indicators are taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Encode the table, and train and weigh the networks.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            See `TableEncoder`.
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
            Classes of any sortable type, or a 0/1 indicator matrix.
        sample_weight, X_val, y_val, sample_weight_val, groups
            See `TabularRegressor.fit`. `class_weight` does not count in `sample_weight_val`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        KeyboardInterrupt
            On Ctrl-C; the members that are whole are the model, if there are any.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), groups)

    def _read_task(self, y, weights) -> ClassTask:
        loss = resolve_loss(self.loss)
        if not isinstance(loss, CrossEntropy):
            self._refuse("loss", "'cross_entropy', 'focal' or an object of their classes")
        if self.loss == "cross_entropy":
            loss = CrossEntropy(label_smoothing=_SMOOTHING)
        loss.check()
        return ClassTask(ClassCoding.read(y)[0], loss)

    def _weigh_classes(self, task, targets, weights):
        if self.class_weight is None:
            return weights
        return task.coding.weigh(self.class_weight, targets, weights, np.dtype(float), online=False)

    @property
    def classes_(self) -> np.ndarray:
        """Classes, or labels, in the order of the probabilities."""
        if "_task" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'classes_'")
        return self._task.coding.classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The columns that `fit` saw, in the same order.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Rows sum to one over classes; a label's is that of the label being present.
        """
        return self._blend(X)

    def predict(self, X: Any) -> np.ndarray:
        """Predict classes or labels: the likeliest class, and labels likelier than not.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The columns that `fit` saw, in the same order.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        probabilities = self._blend(X)
        if self._task.coding.task.kind == "multilabel":
            return (probabilities > 0.5).astype(np.intp)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the prediction: the share of rows whose class, or whose labels, are right.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        prediction = self.predict(X)
        y, weights = accept_scored(y, sample_weight, prediction, numeric=False)
        return accuracy_score(y, prediction, sample_weight=weights)
