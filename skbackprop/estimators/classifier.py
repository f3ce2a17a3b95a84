"""`BackpropClassifier`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ..losses.head import Head
from ..losses.loss import Loss
from ..losses.task import Task
from .base import Backprop
from .callbacks import fit_with_callbacks
from .compatibility import Options, available_if
from .offenders import naming
from .parameters import with_constructor
from .plan import Plan, resolve_loss
from .targets import ClassCoding

__all__ = ["BackpropClassifier"]


@with_constructor
class BackpropClassifier(ClassifierMixin, Backprop):
    """Classification by the back-propagation rule ``Dw_ji = eta delta_j y_i``.

    Two classes have one logistic output neuron, more classes one softmax neuron each, labels (a 0/1
    indicator matrix `y`) one logistic neuron each; the cost is the cross-entropy, whose local
    gradient at these outputs is ``delta_j = d_j - y_j``. ``loss="squared_error"`` is the cost of
    the textbook rule (Haykin 2009, ch. 4), behind any output activation.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        What an output costs: a name in `LOSSES` or an object such as
        ``CrossEntropy(label_smoothing=0.1)``. ``"cross_entropy"``, ``"focal"``, ``"hinge"``, or
        ``"squared_error"`` (the desired outputs are 0 and 1, or -1 and 1 where the output
        activation's range is bounded on both sides of zero).
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, which multiply ``sample_weight``. "balanced" is for `fit` only.
        Accuracy and loss of validation rows know nothing of them: where classes are rare, let
        early stopping watch ``scoring="balanced_accuracy"``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
        Classes, or labels, in the order of the outputs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier((10,), eta=0.01, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _: KW_ONLY
    loss: Annotated[str | Loss, str, Loss] = "cross_entropy"
    class_weight: Annotated[
        Mapping[Any, float] | Sequence[Mapping[Any, float]] | Literal["balanced"] | None,
        *(Options(str, {"balanced"}), dict, list, None),
    ] = None

    _numeric_targets = False

    def __sklearn_tags__(self):
        """Label indicators are taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @fit_with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
    ) -> Self:
        """Train on the rows of X for up to `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is kept as float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
            Classes of any sortable type, or a 0/1 indicator matrix. Of one class the model
            predicts it for every row, and a UserWarning says so.
        sample_weight, X_val, y_val, sample_weight_val, coef_init, intercept_init
            See `BackpropRegressor.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; the weights before it are kept.
        """
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, coef_init, intercept_init)

    @available_if(Backprop._trains_online)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        *,
        classes: Any = None,
        sample_weight: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
    ) -> Self:
        """Present the rows once, in the order given: by default one update a row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
        classes : array-like of shape (n_classes,), optional
            All classes that will come; needed on the first call (not for indicators).
        sample_weight, coef_init, intercept_init
            See `BackpropRegressor.partial_fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; it is not applied, earlier rows stay applied.
        """
        return self._partial_fit(X, y, sample_weight, coef_init, intercept_init, classes)

    @property
    def classes_(self) -> np.ndarray:
        """Classes, or labels, in the order of the outputs."""
        coding = self._fitted("classes_").coding
        assert isinstance(coding, ClassCoding)
        return coding.classes

    @naming("y")
    @np.errstate(all="ignore")
    def _read_targets(self, plan: Plan, y, dtype, classes=None, *, online=False):
        return ClassCoding.read(y, classes, online=online)

    def _weights(self, X, coding, targets, given, *, like=None, online=False):
        if self.class_weight is None:
            return given
        return coding.weigh(self.class_weight, targets, given, X.dtype, like=like, online=online)

    def _check_classes(self, classes) -> None:
        try:
            same = np.ndim(classes) == 1 and np.array_equal(np.unique(classes), self.classes_)
        except (TypeError, ValueError):  # of types that do not sort, or nested unevenly
            same = False
        if not same:
            raise ValueError(
                f"classes={classes!r} is not the same as on the last call to partial_fit: "
                f"{self.classes_!r}."
            )

    @naming("X, y or sample_weight")
    @np.errstate(all="ignore")
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the prediction: the share of rows whose class, or whose labels, are right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        prediction = self.predict(X)
        return self._score(y, prediction, sample_weight)

    def decision_function(self, X: Any) -> np.ndarray:
        """Confidence of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Two classes: (n_samples,), > 0 for ``classes_[1]``; one class: (n_samples,), all 0.
            Cross-entropy: the induced local fields v; squared error: the outputs, with their
            threshold at 0.
        """
        check_is_fitted(self)
        return self._model.head.decision(*self._signals(X))

    def _gives_probabilities(self) -> bool:
        if self.__sklearn_is_fitted__():
            able = self._model.head.gives_probabilities
        else:
            able = self._could_give_probabilities()
        if not able:
            raise AttributeError(
                f"predict_proba is not available with loss={self.loss!r} and "
                f"output_activation={self.output_activation!r}: the outputs are no probabilities."
            )
        return True

    def _could_give_probabilities(self) -> bool:
        for task in (Task("binary", 2), Task("multiclass", 3)):
            try:
                head = Head(resolve_loss(self.loss), task, self.output_activation)
            except (ValueError, TypeError):
                continue
            if head.gives_probabilities:
                return True
        return False

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Rows sum to one over classes, so that a model of one class gives a column of ones; a
            label's is that of the label being present.
        """
        v, y = self._signals(X)
        return self._model.head.probabilities(v, y)

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`, exact also where a probability is 0 or 1 to the last bit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        v, y = self._signals(X)
        head = self._model.head
        log_p = head.log_probabilities(v)
        # As scikit-learn checks: a probability that underflows to zero has no logarithm.
        log_p[head.probabilities(v, y) == 0.0] = -np.inf
        return log_p
