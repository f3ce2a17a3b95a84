"""Running moments of the columns of a stream, compiled: a row is taken in, or scaled by them."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from .code_cache import is_compiled, load
from .compiled import contiguous
from .source import scale_text

__all__ = ["CompiledMoments"]

_FLOAT = np.dtype(np.float64)


class CompiledMoments:
    """The code of running moments without bounds; `race_kernels` holds the equations.

    Parameters
    ----------
    table : ndarray of shape (5, n_columns)
        Of `Moments`; changed.
    keep, rounding : float
        What a row counts a row later; of the square of a mean, a variance that is none.
    """

    def __init__(self, table: np.ndarray, keep: float, rounding: float):
        self._table, self._keep, self._rounding = table, keep, rounding
        self._run: Callable | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether the code is there, in this process or on disk."""
        return is_compiled(scale_text())

    def _load(self) -> Callable:
        if self._run is None:
            run = load(scale_text())
            from . import race_kernels as kernels  # which imports Numba

            self._settings, self._clip = np.zeros(kernels.ETAS), kernels.CLIP
            self._settings[[kernels.KEEP, kernels.ROUNDING]] = self._keep, self._rounding
            self._settings[[kernels.ROBUST_FROM, kernels.LIMIT]] = inf
            self._unused = np.zeros(1)
            self._run = run
        return self._run

    def update(self, x: np.ndarray) -> None:
        """Take in one row, (n_columns,)."""
        run = self._run or self._load()
        run(contiguous(x, _FLOAT), self._table, self._settings, True, True, self._unused)

    def scaled(self, X: np.ndarray, clip: float, with_mean: bool) -> np.ndarray:
        """One row, (1, n_columns), scaled as `Moments.scaled` does."""
        run = self._run or self._load()
        self._settings[self._clip] = clip
        Z = np.empty(X.shape)
        run(contiguous(X[0], _FLOAT), self._table, self._settings, with_mean, False, Z[0])
        return Z
