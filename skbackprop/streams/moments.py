"""Running means and variances of columns, in float64, row by row or merged by chunks."""

from __future__ import annotations

import numpy as np

__all__ = ["FIXED", "Moments"]

FIXED = np.inf  # the count of a column whose moments never move
_LARGEST = 1e150  # of a deviation: its square is within float64
_ROBUST_FROM = 30  # rows from which on a deviation is told from an outlier


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
    limit : float or None
        From the 30th row on, a row counts as no more than this many deviations away.

    Attributes
    ----------
    count, mean, variance, inverse : ndarray of shape (n_columns,)
        Sum of the weights of the rows, and ``1 / s``.
    """

    def __init__(self, n_columns: int, half_life: float | None = None, limit: float | None = None):
        self.half_life, self.limit = half_life, limit
        self.keep = 1.0 if half_life is None else 0.5 ** (1.0 / half_life)
        self.count, self.mean = np.zeros(n_columns), np.zeros(n_columns)
        self.variance, self.inverse = np.zeros(n_columns), np.zeros(n_columns)

    def __len__(self) -> int:
        return len(self.count)

    def grow(self, fixed: bool = False) -> None:
        """Add a column: one without rows, or, if fixed, of mean 0 and deviation 1 for ever."""
        new = (FIXED, 0.0, 1.0, 1.0) if fixed else (0.0, 0.0, 0.0, 0.0)
        names = ("count", "mean", "variance", "inverse")
        for name, value in zip(names, new, strict=True):
            setattr(self, name, np.append(getattr(self, name), value))

    def update(self, x: np.ndarray) -> None:
        """Take in one row, (n_columns,)."""
        known = x == x
        if known.all():
            self._update(slice(None), x)
        elif known.any():
            self._update(known, x[known])

    def _update(self, columns, x: np.ndarray) -> None:
        count = self.count[columns] * self.keep
        count += 1.0
        rate = 1.0 / count
        mean, variance = self.mean[columns], self.variance[columns]
        d = x - mean
        self._limit(d, count, variance)
        step = rate * d
        mean = mean + step
        step *= d
        variance = (1.0 - rate) * (variance + step)
        self.count[columns], self.mean[columns], self.variance[columns] = count, mean, variance
        self.inverse[columns] = _inverses(mean, variance)

    def _limit(self, d: np.ndarray, count: np.ndarray, variance: np.ndarray) -> None:
        """Bring deviations within what is believed of one row."""
        bound = np.full_like(d, _LARGEST)
        if self.limit is not None:
            believed = (count > _ROBUST_FROM) & (variance > 0.0)
            np.copyto(bound, self.limit * np.sqrt(variance), where=believed)
        np.minimum(d, bound, out=d)
        np.maximum(d, -bound, out=d)

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
        self.count = np.where(seen, count, self.count)
        self.mean = self.mean + share * d
        self.variance = np.where(seen, variance, self.variance)
        self.inverse = _inverses(self.mean, self.variance)

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
        missing = Z != Z
        if missing.any():
            Z[missing] = 0.0
        return Z


def _inverses(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    varies = variance > 1e-24 * mean * mean
    return np.divide(1.0, np.sqrt(variance), out=np.zeros_like(mean), where=varies)
