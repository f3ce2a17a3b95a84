"""`StreamRegressor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from ..estimators.given_data import accept_targets
from ..estimators.sample_weights import accept_scored
from .base import StreamEstimator, one_row
from .tasks import NumberTask

__all__ = ["StreamRegressor"]


class StreamRegressor(RegressorMixin, StreamEstimator):
    """Regression on a stream of raw rows, by networks that race; nothing has to be tuned.

    Inputs and targets are scaled inside by running moments. Some networks of equal shape, which
    differ in update rule and learning rate, learn each row side by side; the prediction is their
    average, weighted by their recent losses. Rows may be arrays, in which NaN is missing, or dicts
    of numbers and strings, whose features may come and go.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(32,)
        Neurons of the hidden layers of each network.
    activation : str or Activation, default="tanh"
        Of the hidden neurons.
    etas : "auto", sequence of float or dict, default="auto"
        Learning rates: a network for each. A sequence is for ``sgd``; a dict has those of each
        update rule. "auto" is ``{"sgd": (0.02, 0.1), "adagrad": (0.1, 0.3), "rmsprop": (0.003,
        0.02)}``.
    discount : float in (0, 1), default=0.99
        What the loss of a row counts a row later, in the weights of the networks.
    half_life : float > 0 or None, default=1000
        Rows after which a row counts for half in the scales; None counts all rows alike.
    correct_scale : bool, default=False
        Whether first and last layer are corrected when a scale moves, so that the function does
        not. It costs time, and on most of the streams that were measured, accuracy.
    last_target : bool, default=False
        Whether the target of the row learned before is an input, too. Leave it off where targets
        come late.
    max_features : int, default=10000
        Most features of dict rows; later ones are left out.
    engine : {"auto", "numpy", "compiled"}, default="auto"
        What learns the rows. "compiled" needs Numba; "auto" takes it where its code is there (see
        `compile_engine`).
    random_state : int, RandomState instance or None, default=None
        Draws the initial weights.

    Attributes
    ----------
    n_samples_seen_ : int
        Rows learned.
    metric_ : float
        Prequential R^2: each row is predicted before it is learned.
    networks_ : list of str
        Rule and learning rate of each network.
    weights_ : ndarray of shape (n_networks,)
        Of the networks in the vote; their sum is 1.
    losses_ : ndarray of shape (n_networks,)
        Discounted losses of the networks.
    drift_ : dict
        ``n_alarms``; ``alarms``, the rows of the last hundred; ``recent_loss`` and ``usual_loss``
        since the last alarm; ``level``, how near the next one is: it rings at 1.
    engine_ : {"numpy", "compiled"}
        What learns the rows.
    feature_names_ : list of str
        The inputs of dict rows, in order of arrival; ``"shop=a"`` for a string's value.
    n_features_in_ : int
        Number of inputs; with dict rows, so far.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the inputs, if X has string column names.

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

    def __init__(
        self,
        hidden_layer_sizes=(32,),
        *,
        activation="tanh",
        etas: str | Sequence[float] | Mapping[str, Sequence[float]] = "auto",
        discount: float = 0.99,
        half_life: float | None = 1000,
        correct_scale: bool = False,
        last_target: bool = False,
        max_features: int = 10_000,
        engine: Literal["auto", "numpy", "compiled"] = "auto",
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.etas = etas
        self.discount = discount
        self.half_life = half_life
        self.correct_scale = correct_scale
        self.last_target = last_target
        self.max_features = max_features
        self.engine = engine
        self.random_state = random_state

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
        return self._vote(one_row(x)).item() if self.__sklearn_is_fitted__() else None

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
