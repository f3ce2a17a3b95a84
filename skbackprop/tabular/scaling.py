"""Scaling by median and quartiles, with a smooth clip: outliers stretch no column.

With `q_p` the quantile of a column at `p`, and `limit` written `c`,

    z = (x - q_0.5) / (q_0.75 - q_0.25)        s = z / sqrt(1 + (z / c)^2)

so `s` is `z` where `z` is small, and stays between `-c` and `c` wherever `x` goes.

References
----------
D. Holzmüller, L. Grinsztajn and I. Steinwart (2024). Better by default: strong pre-tuned MLPs and
boosted trees on tabular data. NeurIPS 37. (Section 3: robust scaling and smooth clipping.)
"""

from __future__ import annotations

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..estimators.onnx_methods import OnnxMethods
from ..estimators.sample_weights import check_weights
from ..registry import Checked
from .numbers import check_numbers, validate_numbers

__all__ = [
    "RobustSmoothScaler",
    "bounds_of_errors",
    "centre_and_scale",
    "positive_rows",
    "squash",
]

_TAILS = (0.25, 0.1, 0.05, 0.01)  # of the rows, on each side of what is no outlier
_TAIL, _REACH = 0.02, 50.0  # of what is no error
_FAR = 1e9  # from there on 1 + (z / c)^2 is (z / c)^2 to the last bit, in double precision too


class RobustSmoothScaler(OneToOneFeatureMixin, TransformerMixin, OnnxMethods, Checked):
    r"""A scaler that brings each column to its median and quartiles, then bends outliers back.

    .. math::

        z = (x - q_{0.5}) / (q_{0.75} - q_{0.25}), \qquad s = z / \sqrt{1 + (z / c)^2}

    where `q_p` is the quantile of the column at `p` and `c` is `limit`. Where the quartiles are the
    same, half the distance of quantiles farther out stands in for theirs (10 and 90 %, 5 and 95 %,
    1 and 99 %, or else the least and the greatest value, the first that differ); a column that is
    constant becomes 0. From Holzmüller, Grinsztajn and Steinwart (2024), "Better by default:
    strong pre-tuned MLPs and boosted trees on tabular data".

    Missing values (NaN) stay missing, and count in no quantile. The quantiles are values that
    occur: the least at which the share of the rows, or of their weight, reaches `p` (the inverted
    distribution function). So a weight of 2 is a row that is there twice, to the bit. All rows are
    needed for that, so there is no `partial_fit`.

    Parameters
    ----------
    limit : float > 0, default=3.0
        What no scaled value leaves, in either direction: the `c` above.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        The median of each column, in its own units.
    scale_ : ndarray of shape (n_features,)
        What one unit of `z` is in the units of the column; infinite if the column is constant.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where `fit` saw names.

    Examples
    --------
    >>> from skbackprop import RobustSmoothScaler
    >>> RobustSmoothScaler().fit_transform([[1.0], [2.0], [3.0], [4.0], [1e9]]).round(2).ravel()
    array([-0.95, -0.49,  0.  ,  0.49,  3.  ])
    """

    center_: np.ndarray
    scale_: np.ndarray

    def __init__(self, limit: float = 3.0):
        self.limit = limit

    def __sklearn_tags__(self):
        """Missing values are taken; single precision is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X, y=None, sample_weight=None) -> RobustSmoothScaler:
        """Find the median and the quartiles of each column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, or NaN where a value is missing.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each row, >= 0; a row of weight 0 counts as absent.

        Returns
        -------
        RobustSmoothScaler
            The scaler itself.

        Raises
        ------
        ValueError
            If `limit` or a weight is out of its range, all weights are 0, or X holds infinity.
        """
        self._check_number("limit", "(0, inf)")
        data = check_numbers(self, X)
        weights = check_weights(sample_weight, data, "sample_weight")
        rows, weights = positive_rows(weights)
        center, scale = centre_and_scale(data[rows], weights)
        validate_data(self, X, skip_check_array=True)
        self.center_, self.scale_ = center, scale
        return self

    def transform(self, X) -> np.ndarray:
        """Return the scaled columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers in the units that `fit` saw, or NaN.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Values from -`limit` to `limit`, NaN where X has it; float32 if X is, float64 otherwise.
        """
        check_is_fitted(self)
        X = validate_numbers(self, X)
        return squash(X, self.center_, self.scale_, self.limit)

    def inverse_transform(self, X) -> np.ndarray:
        """Return the columns in their own units: `x = q_0.5 + scale s / sqrt(1 - (s / c)^2)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Scaled values.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            What `transform` had been given, but for two losses: a constant column comes back as its
            constant, and the farther out a value was, the fewer of its digits come back. Values at
            `limit` or beyond come back as the farthest that can be told apart from it: 5e7
            `limit` units (float32: 2e3) from the median.
        """
        check_is_fitted(self)
        # Another width is refused; the names of the scaled columns may be others.
        X = check_numbers(self, X)
        if X.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {X.shape[1]} columns; expected {self.n_features_in_}.")
        below_one = 1 - np.finfo(X.dtype).eps
        share = np.clip(X / X.dtype.type(self.limit), -below_one, below_one)
        z = self.limit * share / np.sqrt((1 - share) * (1 + share))
        constant = np.isinf(self.scale_)
        z *= np.where(constant, 0, self.scale_)
        return (z + self.center_).astype(X.dtype, copy=False)


def positive_rows(weights: np.ndarray | None) -> tuple[slice | np.ndarray, np.ndarray | None]:
    """Return which rows count, as an index, and their weights; ValueError if none does."""
    if weights is None:
        return slice(None), None
    rows = weights > 0
    if not rows.any():
        raise ValueError("sample_weight is zero for every row; at least one must be above zero.")
    return (slice(None), weights) if rows.all() else (rows, weights[rows])


def centre_and_scale(X: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of each column and its unit, in float64; weights are above 0, or None."""
    n = len(_TAILS)
    shares = quantiles(X, weights, (0.5, *_TAILS, *(1 - tail for tail in _TAILS)))
    centre, low, high = shares[0], shares[1 : n + 1], shares[n + 1 :]
    with np.errstate(over="ignore", invalid="ignore"):
        scale = high[0] - low[0]
        halves = [*(high[1:] / 2 - low[1:] / 2)]
        halves.append(np.fmax.reduce(X, axis=0) / 2.0 - np.fmin.reduce(X, axis=0) / 2.0)
    for half in halves:
        scale = np.where(scale > 0, scale, half)
    return np.nan_to_num(centre), np.where(scale > 0, scale, np.inf)


def bounds_of_errors(X: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the bounds (2, n_features) beyond which numbers are errors; infinite where unknown.

    They are 50 times the distance of the quantiles at 2 and 98 % beyond these. By Chebyshev's
    inequality that distance is less than 15 deviations, so that numbers that are 1000 deviations
    off are errors. Where the quartiles are the same, most of what differs is rare, and none is.
    """
    low, first, third, high = quantiles(X, weights, (_TAIL, 0.25, 0.75, 1 - _TAIL))
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.where(third > first, _REACH * (high - low), np.inf)
        return np.nan_to_num(np.stack([low - reach, high + reach]), nan=np.inf)


def squash(X: np.ndarray, centre: np.ndarray, scale: np.ndarray, limit: float) -> np.ndarray:
    """Return `z / sqrt(1 + (z / c)^2)` with `z = (X - centre) / scale`, in the precision of X."""
    with np.errstate(over="ignore"):
        z = X - centre.astype(X.dtype)
        z /= scale.astype(X.dtype)
    np.clip(z, -_FAR * limit, _FAR * limit, out=z)
    root = z / X.dtype.type(limit)
    root *= root
    root += 1
    z /= np.sqrt(root, out=root)
    return z


def quantiles(X, weights, shares=(0.25, 0.5, 0.75)) -> np.ndarray:
    """Return quantiles (len(shares), n_features), by the inverted distribution, in float64."""
    if weights is None:
        ordered = np.sort(X, axis=0)  # what is missing comes last
        known = len(X) - np.isnan(X).sum(axis=0)
        at = [np.maximum(np.ceil(share * known).astype(np.intp) - 1, 0) for share in shares]
    else:
        order = np.argsort(X, axis=0, kind="stable")
        ordered = np.take_along_axis(X, order, axis=0)
        weight = np.where(np.isnan(ordered), 0, weights.astype(np.float64)[order]).cumsum(axis=0)
        # Rounded sums of weights may fall short of a share that they reach.
        total = weight[-1] * (1 - 1e-12)
        at = [(weight < share * total).sum(axis=0) for share in shares]
    return np.take_along_axis(ordered, np.array(at), axis=0).astype(np.float64)
