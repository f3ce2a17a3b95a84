"""`StreamRegressor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from ..estimators.given_data import accept_targets
from ..estimators.parameters import with_constructor
from ..estimators.sample_weights import accept_scored
from .base import StreamEstimator, one_row
from .tasks import NumberTask

__all__ = ["StreamRegressor"]

_MOST = float(np.finfo(np.float64).max)


@with_constructor
class StreamRegressor(RegressorMixin, StreamEstimator):
    """Regression on a stream of raw rows, by networks that race; nothing has to be tuned.

    Inputs and targets are scaled inside by running moments. Some networks of equal shape, which
    differ in update rule and learning rate, learn each row side by side; the prediction is their
    average, weighted by their recent losses. Rows may be arrays, in which NaN is missing, or dicts
    of numbers and strings, whose features may come and go.

    Attributes
    ----------
    metric_ : float
        Prequential R^2: each row is predicted before it is learned. A target beyond 1e150 counts as
        1e150, so that the sums of squares stay finite.

    See Also
    --------
    StreamClassifier : The same for classes.
    OnlineScaler : The scaling alone.
    BackpropRegressor : One network, with everything to choose.

    Notes
    -----
    A chunk of rows is learned row by row: it gives the same bits as its rows one at a time. The
    parameters are read when the first row comes; `fit` starts anew.

    Examples
    --------
    >>> from skbackprop import StreamRegressor
    >>> model = StreamRegressor(random_state=0)
    >>> for i in range(300):
    ...     model.learn_one({"x": float(i % 7), "day": "even" if i % 2 else "odd"}, 10.0 * (i % 7))
    >>> round(model.predict_one({"x": 3.0, "day": "odd"}))
    30
    """

    _numeric_targets = True
    _river_base = "Regressor"

    def _new_task(self, classes) -> NumberTask:
        return NumberTask(self.half_life)

    def _read_targets(self, carrier, y) -> list[float]:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        y = column_or_1d(accept_targets(y, numeric=True), warn=True).astype(np.float64)
        if not np.isfinite(y).all():
            raise ValueError("y has values that are not finite in float64.")
        return y.tolist()

    def _is_plain(self, y) -> bool:
        return type(y) in (float, int) and -_MOST <= y <= _MOST

    def fit(self, X: Any, y: Any) -> Self:
        """Start anew, and learn the rows once, in order.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict
            NaN is missing. Sparse rows are scaled without a shift.
        y : array-like of shape (n_samples,)

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            On invalid input; the model is left as it was.
        """
        return self._fit(X, y)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn rows once, in order, each by one update.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or sequence of dict
            See `fit`.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
            Multiplies the update of each row; a row of weight 0 changes nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            On invalid input; the model is left as it was.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers, in the units of y.

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
        return self._vote(X)[:, 0]

    def predict_one(self, x: Mapping[str, Any]) -> float | None:
        """Predict one dict row; None before the first row has been learned.

        Parameters
        ----------
        x : dict
            Features that have not been learned yet are left out.

        Returns
        -------
        float or None
        """
        if not self.__sklearn_is_fitted__():
            one_row(x)
            return None
        return self._vote_dict(x).item()

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of the predictions on rows; `metric_` is the prequential one.

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
        y, weights = accept_scored(y, sample_weight, prediction, numeric=True)
        return r2_score(y, prediction, sample_weight=weights)
