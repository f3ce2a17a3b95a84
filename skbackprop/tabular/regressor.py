"""`TabularRegressor`."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin

from ..estimators.plan import resolve_loss
from ..estimators.sample_weights import accept_scored
from ..estimators.targets import NumberCoding
from ..losses.loss import Loss
from .base import TabularEstimator
from .number_task import NumberTask

__all__ = ["TabularRegressor"]


class TabularRegressor(RegressorMixin, MultiOutputMixin, TabularEstimator):
    """Regression on a table as it comes, by small networks, a ridge regression and neighbours.

    What predicts is their average. DataFrames and arrays go in as they are, with numbers, booleans,
    categories, strings and missing values: a :class:`~skbackprop.tabular.TableEncoder` makes
    numbers of them. Then the networks are trained, each on one of three views of the columns: with
    waves (`cos(f z + b)`) beside each continuous one, with ramps between its quantiles, or with
    steps at the thresholds of a small tree. Each network holds out some rows, and keeps the epoch
    that was best on them; by those rows the views are weighed, too. So are the nearest training
    rows, by the columns that the networks look at, which are members where they earn a weight.
    Targets are standardised inside, and predictions are kept in the range of the targets seen.

    The networks are :class:`~skbackprop.BackpropRegressor`, with a gain for each input, `mish`
    neurons, a learning rate by the number of inputs of each layer, `Adam(beta_2=0.95)`, and one
    cycle of the learning rate.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Neurons of each hidden layer, in every network.
    n_networks : int or "auto", default="auto"
        Networks of each view, each with held-out rows of its own; "auto" is 8 up to 1500
        rows, 4 up to 3000, and 2 for more. There are three views, or two of the same kind where no
        column is continuous.
    neighbours : bool, default=True
        Whether the 20 nearest training rows may be members of the average: they are if the rows
        held out give them 5 % of the weight or more, with the squared error or classes. They help
        where rows repeat each other; the model keeps its training rows then, cannot be exported,
        and is slower at predictions.
    loss : str or Loss, default="squared_error"
        What networks minimise: one of `LOSSES` for regression, or an object such as
        ``Quantile([0.1, 0.5, 0.9])``. Targets are in standard deviations there (and so are the
        `delta` of `Huber`, the `epsilon` of `GaussianNLL`); those of counts and amounts ("poisson",
        "gamma", "tweedie"), which must be positive, are divided by their mean. Only for the squared
        error a ridge regression is part of the average.
    categorical_features, max_categories
        See `TableEncoder`.
    max_iter : int, default=32
        Epochs of each network. The learning rate falls to zero over them.
    validation_fraction : float in (0, 1), default=0.1
        The share of the rows that each network holds out. With fewer than 50 rows none are: all
        epochs are run, on one full batch, and the views have equal weights.
    max_time : float or None, default=None
        Seconds after which no further epoch begins, shared evenly among the networks.
    n_jobs : int or None, default=None
        Networks that are trained side by side, in threads. The result is the same for any number.
    verbose : bool, default=False
        Whether to print a line for each network.
    random_state : int, RandomState instance or None, default=None
        Of the rows held out, the waves, the first weights, and the order of the rows.

    Attributes
    ----------
    estimators_ : list
        The members of the average: fitted networks, which speak of their view of the encoded
        table, and of standardised targets; fitted pipelines of `StandardScaler` and `Ridge`; and
        the nearest rows, if they are members.
    views_ : list of str
        What each member sees: "plain", "waves", "ramps", "steps"; or "linear", "neighbours".
    weights_ : ndarray of shape (n_estimators,)
        Their weights; the sum is one.
    loss_curve_ : list of list of float
        The training loss of each network, epoch by epoch.
    n_iter_ : int
        The most epochs of a network.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where `fit` saw names.

    Notes
    -----
    Which columns matter: :func:`sklearn.inspection.permutation_importance`. Rows in the order of
    time: give the latest as `X_val` and `y_val`, for rows held out at random tell little about the
    future. Weights of rows equal repeated rows to rounding where nothing is held out; elsewhere
    costs, encodings and validation are weighted.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbackprop import TabularRegressor
    >>> table = pd.DataFrame({"rooms": [3, 4, None, 2] * 20, "city": ["Oslo", "Rome"] * 40})
    >>> price = [3.0, 2.0, 1.0, 4.0] * 20
    >>> model = TabularRegressor(random_state=0).fit(table, price)
    >>> bool(model.score(table, price) > 0.9)
    True
    """

    _numeric_targets = True
    _task: NumberTask

    def __init__(
        self,
        hidden_layer_sizes=(64, 64),
        *,
        n_networks: int | Literal["auto"] = "auto",
        neighbours: bool = True,
        loss: str | Loss = "squared_error",
        categorical_features: Any = "from_dtype",
        max_categories: int = 40,
        max_iter: int = 32,
        validation_fraction: float = 0.1,
        max_time: float | None = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_networks = n_networks
        self.neighbours = neighbours
        self.loss = loss
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.max_iter = max_iter
        self.validation_fraction = validation_fraction
        self.max_time = max_time
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self):
        """Say to scikit-learn that losses of counts and amounts need positive targets."""
        tags = super().__sklearn_tags__()
        try:
            loss = resolve_loss(self.loss)
        except (ValueError, TypeError):
            return tags
        tags.target_tags.positive_only = loss.least_target is not None
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
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            The weight of each row, >= 0. A row of weight 0 counts as absent.
        X_val, y_val, sample_weight_val : array-like, optional
            Rows that all networks are validated on, in the place of rows of X.
        groups : array-like of shape (n_samples,), optional
            Rows of the same group are held out together, or not at all.

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

    def _read_task(self, y, weights) -> NumberTask:
        loss = resolve_loss(self.loss)
        loss.check()
        coding, targets = NumberCoding.read(y, np.float64, loss)
        task = NumberTask.read(coding, loss, targets, weights)
        _ = task.head  # refuses a loss that does not serve
        return task

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> np.ndarray: ...

    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The columns that `fit` saw, in the same order.
        return_std : bool, default=False
            Also give standard deviations, those of the mixture of the networks; for
            ``loss="gaussian_nll"``.

        Returns
        -------
        prediction : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of y; with several levels of a `Quantile`, a column for each, increasing.
        std : ndarray of the same shape
            If `return_std`.

        Raises
        ------
        ValueError
            On invalid rows, or if the loss gives no standard deviations.
        """
        blended = self._blend(X)
        if not self._task.loss.gives_deviation:
            if return_std:
                raise ValueError(
                    "return_std=True needs a loss that estimates it, loss='gaussian_nll'; the "
                    f"model was fitted with loss={self._task.loss!r}."
                )
            return self._task.decode(blended)
        prediction, deviation = self._task.decode_with_deviation(blended)
        return (prediction, deviation) if return_std else prediction

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of the prediction, the mean over targets; of quantiles, D^2 of the pinball loss.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 is perfect, 0 is as good as a constant.
        """
        prediction = self.predict(X)
        y, weights = accept_scored(y, sample_weight, prediction, numeric=True)
        return self._task.loss.score(y, prediction, weights)
