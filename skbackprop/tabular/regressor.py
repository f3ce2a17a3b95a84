"""`TabularRegressor`."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin

from ..estimators.parameters import with_constructor
from ..estimators.plan import resolve_loss
from ..estimators.sample_weights import accept_scored
from ..estimators.targets import NumberCoding
from .base import TabularEstimator
from .number_task import NumberTask

__all__ = ["TabularRegressor"]


@with_constructor
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
    loss : str or Loss, default="squared_error"
        What networks minimise: one of `LOSSES` for regression, or an object such as
        ``Quantile([0.1, 0.5, 0.9])``. Targets are in standard deviations there (and so are the
        `delta` of `Huber`, the `epsilon` of `GaussianNLL`); those of counts and amounts ("poisson",
        "gamma", "tweedie"), which must be positive, are divided by their mean. Only for the squared
        error a ridge regression is part of the average.

    Attributes
    ----------
    estimators_ : list
        The members of the average: fitted networks, which speak of their view of the encoded
        table, and of standardised targets; fitted pipelines of `StandardScaler` and `Ridge`; and
        the nearest rows, if they are members.

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
