"""Sums over rows: the cost, its correction and ``J'J`` of all rows are those of their parts, added.

So a whole-batch solver needs no row at hand, only these sums (`objective.Sums`), and rows may lie
in parts, each where it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas

from ..losses.head import Head
from .network import Network, Workspaces
from .objective import CostSums, Objective
from .penalties import ElasticNet
from .rows import BLOCK_ROWS, row_blocks, take_rows, with_mean_one

__all__ = ["RowSums", "jacobian_rows"]

_JACOBIAN_NUMBERS = 2**21  # numbers of the Jacobian that are held at a time


def jacobian_rows(network: Network, n_rows: int) -> int:
    """Rows (of n_rows samples, times output neurons) of the Jacobian that are held at a time."""
    n_units = network.sizes[-1]
    size = max(1, min(BLOCK_ROWS, _JACOBIAN_NUMBERS // (n_units * network.w.size), n_rows))
    return size * n_units


class RowSums:
    """Sums over rows in memory, at any parameters; all the rows of a problem, or a part of them.

    Points may be anywhere: what overflows is infinite, and for the caller to expect.

    Parameters
    ----------
    network : Network
        Its `w` is left alone.
    head : Head
    data : tuple
        ``(X, targets, sample_weight)``, the weight None or (n,); only its ratios matter.
    rows : ndarray of int, optional
        The rows that count; None is all.
    whole : int, optional
        Rows of the problem of which these are a part: their weights have mean one over it.
    """

    def __init__(
        self,
        network: Network,
        head: Head,
        data: tuple[Any, Any, Any],
        rows: np.ndarray | None = None,
        whole: int | None = None,
    ):
        self.X, self.targets, weights = data
        self.rows = self.X.shape[0] if rows is None else rows
        self.n_rows = self.rows if isinstance(self.rows, int) else len(self.rows)
        self.total_weight, self._scale = float(self.n_rows), weights
        if weights is not None and whole is None:
            counted = weights if rows is None else weights[rows]
            self._scale = with_mean_one(weights, rows)
            with np.errstate(over="ignore"):  # it counts for Bayesian regularisation alone
                self.total_weight = float(counted.sum(dtype=np.float64))
        self._count = self.n_rows if whole is None else whole
        network = network.with_parameters(network.w.copy())
        self._objective = Objective(network, head, ElasticNet(None))
        self._workspaces = Workspaces(network)

    @property
    def jacobian_rows(self) -> int:
        """Rows (n_samples times output neurons) of the Jacobian that are held at a time."""
        return jacobian_rows(self._objective.network, self.n_rows)

    def _blocks(self, size: int):
        for block in row_blocks(self.rows, size):
            X = take_rows(self.X, block)
            scale = None if self._scale is None else self._scale[block]
            yield X, take_rows(self.targets, block), scale, self._workspaces.of(X.shape[0])

    def _move(self, w: np.ndarray) -> Objective:
        self._objective.network.w[...] = w
        return self._objective

    def value(self, w: np.ndarray) -> CostSums:
        """The sums of the cost."""
        rows = None if isinstance(self.rows, int) else self.rows
        return self._move(w).cost_sums(self.X, self.targets, self._scale, rows)

    def correction(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Cost, and ``-dE/dw``, (P,) in float64, a new array."""
        objective = self._move(w)
        cost, g = 0.0, np.zeros(w.size)
        for X, targets, scale, workspace in self._blocks(BLOCK_ROWS):
            cost += objective.signal_flow(X, targets, scale, workspace, self._count)
            g += objective.network.correction(workspace)
        return cost, g

    def gauss_newton(self, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Cost, ``-dE/dw``, and the lower triangle of ``J'J``, new arrays.

        `J` is held for a block of rows at a time.
        """
        objective = self._move(w)
        network = objective.network
        cost, g, H = 0.0, np.zeros(w.size), np.zeros((w.size, w.size), order="F")
        size = self.jacobian_rows // network.sizes[-1]
        for X, targets, scale, workspace in self._blocks(size):
            cost += objective.signal_flow(X, targets, scale, workspace, self._count)
            g += network.correction(workspace)
            J = network.jacobian(workspace)
            if scale is not None:
                J *= np.sqrt(scale)[:, None, None]
            # By SciPy's BLAS, as the factors of H: it has all the threads here (blas_threads).
            J = J.reshape(-1, w.size).T
            H = blas.dsyrk(1.0, J, beta=1.0, c=H, lower=True, overwrite_c=True)
        H /= self._count
        return cost, g, H
