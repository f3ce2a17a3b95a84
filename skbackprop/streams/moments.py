"""Running means and variances of columns, in float64, row by row or merged by chunks."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from scipy import sparse

__all__ = [
    "LARGEST",
    "LARGEST_VALUE",
    "ROBUST_FROM",
    "ROUNDING",
    "Moments",
    "NumberMoments",
    "have_variances",
    "refuse_large",
]

LARGEST = 1e150  # of a deviation: its square is within float64
LARGEST_VALUE = LARGEST / 2  # of a number whose deviation from any other is no larger than that
ROUNDING = 1e-24  # of the square of a mean: a variance that is no larger is none
ROBUST_FROM = 12  # rows from which on a deviation is told from an outlier


def have_variances(numbers: np.ndarray) -> bool:
    """Whether the squares of all deviations are within float64; NaN, which is missing, has none."""
    # Of all products vdot is the one that does not warn of overflow.
    squares = np.vdot(numbers, numbers)
    return bool(squares < LARGEST_VALUE**2) or not (np.abs(numbers) > LARGEST_VALUE).any()


def refuse_large(rows: Any) -> None:
    """Refuse numbers whose squares are beyond float64, so that they have no variance.

    Parameters
    ----------
    rows : ndarray, sparse matrix, or sequence of mapping
    """
    if isinstance(rows, list):
        numbers = np.array([number for row in rows for number in row.values()])
    else:
        numbers = rows.data if sparse.issparse(rows) else rows
    if not have_variances(numbers):
        large = np.abs(numbers) > LARGEST_VALUE
        raise ValueError(
            f"X has {numbers[large][0]:.4g}; a number beyond {LARGEST_VALUE:g} has no variance "
            "within float64. Make it NaN if it is missing, or give the column in a larger unit."
        )


class Moments:
    """The mean and the variance of each column, over all rows or with a half-life.

    For a row x, with ``n <- 2^(-1/half_life) n + 1`` and ``r = 1 / n`` (Welford 1962, and its
    exponentially weighted form, West 1979) ::

        d = x - m;    m <- m + r d;    s^2 <- (1 - r) (s^2 + r d^2)

    A column that is NaN in a row keeps its moments. A deviation `s` that is zero, or rounding of
    the mean, has no inverse: `inverse` is zero there.

    Parameters
    ----------
    n_columns : int
    half_life : float or None
        Rows after which a row counts for half; None counts all rows alike.
    limit : float
        From the 14th row on, a row counts as no more than this many deviations away.

    Attributes
    ----------
    half_life, limit
        As given.
    table : ndarray of shape (5, n_columns)
        All of the following, which are its rows.
    count, mean, variance, inverse : ndarray of shape (n_columns,)
        Sum of the weights of the rows, moments, and ``1 / s``.
    bound : ndarray of shape (n_columns,)
        Largest deviation that is believed of the next row.
    common : float or None
        The count of all columns, where that is known to be one: arithmetic with it is cheap.
    """

    def __init__(self, n_columns: int, half_life: float | None = None, limit: float = np.inf):
        self.half_life, self.limit = half_life, limit
        self.keep = 1.0 if half_life is None else 0.5 ** (1.0 / half_life)
        self.table = np.zeros((5, n_columns))
        self.bound[...] = LARGEST
        self.common: float | None = 0.0

    def __len__(self) -> int:
        return self.table.shape[1]

    count = property(lambda self: self.table[0])
    mean = property(lambda self: self.table[1])
    variance = property(lambda self: self.table[2])
    inverse = property(lambda self: self.table[3])
    bound = property(lambda self: self.table[4])

    def grow(self, fixed: bool = False) -> None:
        """Add a column: one without rows, or, if fixed, of mean 0 and deviation 1 for ever."""
        new = (np.inf, 0.0, 1.0, 1.0, LARGEST) if fixed else (0.0, 0.0, 0.0, 0.0, LARGEST)
        self.table = np.column_stack([self.table, new])
        self.common = self.common if self.common == 0.0 and not fixed else None

    def update(self, x: np.ndarray) -> None:
        """Take in one row, (n_columns,)."""
        squares = x.dot(x)
        if squares == squares:  # nothing is missing
            self._update(self.table, x, self.common)
            return
        self.common, known = None, x == x
        if known.any():
            part = self.table[:, known]
            self._update(part, x[known], None)
            self.table[:, known] = part

    def _update(self, table: np.ndarray, x: np.ndarray, common: float | None) -> None:
        """Take in the numbers of a row, one for each column of a table of moments."""
        count, mean, variance, inverse, bound = table
        if common is None:
            count *= self.keep
            count += 1.0
            n: Any = count
        else:
            n = self.common = common * self.keep + 1.0
            count[...] = n
        rate = 1.0 / n
        d = x - mean
        if self.limit < np.inf:
            np.minimum(d, bound, out=d)
            np.maximum(d, -bound, out=d)
        step = d * rate
        mean += step
        step *= d
        variance += step
        variance *= 1.0 - rate
        _set_inverses(mean, variance, inverse)
        if self.limit < np.inf and (common is None or n > ROBUST_FROM):
            believed = (n > ROBUST_FROM) & (inverse > 0.0)
            np.divide(self.limit, inverse, out=bound, where=believed)

    def merge(self, X: np.ndarray) -> None:
        """Take in rows (n, n_columns) at once: as `update` of each, to round-off, without limit.

        The moments of the chunk are merged with those before it (Chan, Golub and LeVeque 1983).
        """
        known = X == X
        weights = np.where(known, self._ages(known), 0.0)
        n = weights.sum(axis=0)
        seen = n > 0.0
        safe = np.where(seen, n, 1.0)
        filled = np.where(known, X, 0.0)
        mean = (weights * filled).sum(axis=0) / safe
        deviation = np.where(known, X - mean, 0.0)
        variance = (weights * deviation**2).sum(axis=0) / safe
        before = self.count * self.keep ** known.sum(axis=0)
        count = before + n
        share = np.where(seen, n / np.where(seen, count, 1.0), 0.0)
        d = mean - self.mean
        variance = (1.0 - share) * (self.variance + share * d * d) + share * variance
        np.copyto(self.count, count, where=seen)
        self.common = None
        self.mean[...] += share * d
        np.copyto(self.variance, variance, where=seen)
        _set_inverses(self.mean, self.variance, self.inverse)

    def _ages(self, known: np.ndarray) -> np.ndarray:
        """What each row still counts after the rows that come after it."""
        later = known[::-1].cumsum(axis=0)[::-1] - 1
        return self.keep ** np.maximum(later, 0)

    def scaled(self, X: np.ndarray, clip: float, with_mean: bool = True) -> np.ndarray:
        """``(x - m) / s`` within ``-clip .. clip``; 0 where x is NaN or s is 0."""
        Z = X - self.mean if with_mean else X * 1.0
        Z *= self.inverse
        np.minimum(Z, clip, out=Z)
        np.maximum(Z, -clip, out=Z)
        total = Z.sum()
        if total != total:
            Z[Z != Z] = 0.0
        return Z


def _set_inverses(mean: np.ndarray, variance: np.ndarray, inverse: np.ndarray) -> None:
    """Write ``1 / s``, or 0 where s is no more than rounding of the mean."""
    rounding = mean * mean
    rounding *= ROUNDING
    varies = variance > rounding
    np.sqrt(variance, out=inverse)
    np.divide(1.0, inverse, out=inverse, where=varies)
    inverse *= varies


class NumberMoments:
    """`Moments` of one number at a time, without arrays: ten times as fast.

    Parameters
    ----------
    half_life, limit
        As those of `Moments`.

    Attributes
    ----------
    table : ndarray of shape (5,)
        As that of `Moments`.
    """

    def __init__(self, half_life: float | None, limit: float):
        self.limit, self.keep = limit, 1.0 if half_life is None else 0.5 ** (1.0 / half_life)
        self.table = np.array([0.0, 0.0, 0.0, 0.0, LARGEST])

    def update(self, x: float) -> None:
        """Take in one number."""
        count, mean, variance, inverse, bound = self.table.tolist()
        count = count * self.keep + 1.0
        rate = 1.0 / count
        d = min(max(x - mean, -bound), bound)
        step = rate * d
        mean += step
        variance = (variance + step * d) * (1.0 - rate)
        inverse = 1.0 / sqrt(variance) if variance > mean * mean * ROUNDING else 0.0
        if count > ROBUST_FROM and inverse:
            bound = self.limit / inverse
        self.table[:] = count, mean, variance, inverse, bound

    def location_and_scale(self) -> tuple[float, float]:
        """Mean and deviation; 1 while the numbers do not differ."""
        mean, inverse = float(self.table[1]), float(self.table[3])
        return mean, 1.0 / inverse if inverse else 1.0
