"""`StreamClassifier`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ..estimators.given_data import accept_targets
from ..estimators.parameters import COUNT, with_constructor
from ..estimators.sample_weights import accept_scored
from .base import StreamEstimator, one_row
from .tasks import ClassTask

__all__ = ["StreamClassifier"]

_KINDS = frozenset([str, int, bool, float])  # of labels that stay what they are


@with_constructor
class StreamClassifier(ClassifierMixin, StreamEstimator):
    """Classification of a stream of raw rows, by networks that race; nothing has to be tuned.

    Inputs are scaled inside by running moments. Some networks of equal shape, which differ in
    update rule and learning rate, learn each row side by side; the probabilities are their average,
    weighted by their recent losses. Rows may be arrays, in which NaN is missing, or dicts of
    numbers and strings, whose features may come and go. A class that comes up gets an output
    neuron.

    Parameters
    ----------
    last_target : bool, default=False
        Whether the class of the row learned before is an input, too. Leave it off where classes
        come late.
    max_classes : int, default=1000
        Most classes that may come up; a row of one more is refused.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes that have come up, or that were given, sorted.
    metric_ : float
        Prequential accuracy: each row is predicted before it is learned.

    See Also
    --------
    StreamRegressor : The same for numbers.
    OnlineScaler : The scaling alone.
    BackpropClassifier : One network, with everything to choose.

    Notes
    -----
    A chunk of rows is learned row by row: it gives the same bits as its rows one at a time. The
    parameters are read when the first row comes; `fit` starts anew.

    Examples
    --------
    >>> from skbackprop import StreamClassifier
    >>> model = StreamClassifier(random_state=0)
    >>> for i in range(300):
    ...     model.learn_one({"size": float(i % 5), "colour": "red"}, "big" if i % 5 > 2 else "tiny")
    >>> model.predict_one({"size": 4.0, "colour": "red"})
    'big'
    """

    _: KW_ONLY
    max_classes: Annotated[int, COUNT] = 1000

    _numeric_targets = False
    _river_base = "Classifier"

    @property
    def _multiclass(self) -> bool:  # river asks
        return True

    @property
    def classes_(self) -> np.ndarray:
        """Classes, sorted, in the order of the probabilities."""
        with self._held:
            return np.array(self._fitted("classes_").task.classes)

    def _new_task(self, classes) -> ClassTask:
        known = None if classes is None else self._sorted(classes)
        if known is not None and len(known) > self.max_classes:
            raise ValueError(
                f"classes has {len(known)} classes; max_classes is {self.max_classes}."
            )
        return ClassTask(known)

    def _sorted(self, classes) -> list:
        """The classes that a user names, sorted."""
        try:
            return sorted(set(self._read_targets(None, classes)))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"classes is {classes!r}; it must be a sequence of all classes that will come."
            ) from error

    def _check_classes(self, classes) -> None:
        task = self._model.task
        if task.is_open or self._sorted(classes) != task.classes:
            known = "come up as they come" if task.is_open else f"are {task.classes}"
            raise ValueError(
                f"classes is {classes!r}; those of the model {known} since the first partial_fit."
            )

    def _read_targets(self, carrier, y) -> list:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        y = column_or_1d(accept_targets(y, numeric=False), warn=True)
        with np.errstate(invalid="ignore"):  # of labels beyond all integers
            check_classification_targets(y)
        return y.tolist()

    def _is_plain(self, y) -> bool:
        return type(y) in _KINDS

    def _check_targets(self, task, targets: list) -> None:
        """Refuse classes that were not given, too many, or of kinds that do not sort."""
        new = set(targets) - task.known
        if not new:
            return
        if not task.is_open:
            raise ValueError(
                f"y has labels that are not in classes {task.classes}: {list(new)[:5]}."
            )
        both = [*task.classes, *new]
        if len(both) > self.max_classes:
            raise ValueError(
                f"y has {len(new)} new classes beside {len(task.classes)}; max_classes is "
                f"{self.max_classes}."
            )
        try:
            sorted(both)
        except TypeError:
            raise ValueError(
                f"y has classes that do not sort: {both!r}; give labels of one type."
            ) from None

    def fit(self, X: Any, y: Any) -> Self:
        """Start anew, and learn the rows once, in order.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict
            NaN is missing. Sparse rows are scaled without a shift.
        y : array-like of shape (n_samples,)
            Labels that sort.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            On invalid input; the model is left as it was.
        """
        return self._fit(X, y)

    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, classes: Any = None
    ) -> Self:
        """Learn rows once, in order, each by one update.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict
            See `fit`.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Multiplies the update of each row; a row of weight 0 changes nothing.
        classes : array-like of shape (n_classes,), optional
            At the first call: all classes that will come. Without it, classes come up as they come.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            On invalid input; the model is left as it was.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            Before the first row.
        """
        return self._vote(X)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the likeliest class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError
            Before the first row.
        """
        with self._held:
            votes = self._vote(X)
            return self.classes_[votes.argmax(axis=1)]

    def predict_proba_one(self, x: Mapping[str, Any]) -> dict[Hashable, float]:
        """Probabilities of one dict row by class; empty before the first row has been learned.

        Parameters
        ----------
        x : dict
            Features that have not been learned yet are left out.

        Returns
        -------
        dict of label to float
        """
        if not self.__sklearn_is_fitted__():
            one_row(x)
            return {}
        with self._held:
            return dict(zip(self._model.task.classes, self._vote_dict(x).tolist(), strict=True))

    def predict_one(self, x: Mapping[str, Any]) -> Any:
        """Predict the class of one dict row; None before the first row has been learned.

        Parameters
        ----------
        x : dict
            Features that have not been learned yet are left out.

        Returns
        -------
        label or None
        """
        probabilities = self.predict_proba_one(x)
        return max(probabilities, key=probabilities.__getitem__) if probabilities else None

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the predictions on rows; `metric_` is the prequential one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        prediction = self.predict(X)
        y, weights = accept_scored(y, sample_weight, prediction, numeric=False)
        return accuracy_score(y, prediction, sample_weight=weights)
