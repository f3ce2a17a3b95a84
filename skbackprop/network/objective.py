"""One cost ``E(w)`` and its derivatives: loss x network x penalty x sample weights.

``E_av = sum_n s_n E(n) / sum_n s_n`` plus the penalty. Inside, everything points down the cost,
as in the textbook rule (Haykin 2009, ch. 4); `Problem.value_and_gradient` is the one place that
turns the sign, for SciPy.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from scipy.linalg import blas

from ..exceptions import DivergenceError
from ..losses.head import Head
from .network import Network, Workspace, Workspaces
from .penalties import ElasticNet
from .regularisation import Disturbance
from .rows import BLOCK_ROWS, SHARE, row_blocks, take_rows, with_mean_one

__all__ = ["Objective", "Problem"]


_JACOBIAN_NUMBERS = 2**21  # numbers of the Jacobian that are held at a time


class Objective:
    """The cost of a network on rows of data.

    Parameters
    ----------
    network : Network
    head : Head
        The loss, between the targets and the outputs.
    penalty : ElasticNet
    learning : ndarray of shape (P,), optional
        1 where a parameter learns, 0 where it is fixed; None is all ones.
    disturbance : Disturbance, optional
        Of the signals in training.
    """

    def __init__(
        self,
        network: Network,
        head: Head,
        penalty: ElasticNet,
        *,
        learning: np.ndarray | None = None,
        disturbance: Disturbance | None = None,
    ):
        self.network = network
        self.head = head
        self.penalty = penalty
        self.learning = learning
        self.disturbance = disturbance

    def correction(self, X, targets, scale, workspace: Workspace) -> tuple[float, np.ndarray]:
        """Cost of a batch and its descent direction ``-dE/dw``.

        Parameters
        ----------
        X : ndarray or CSR of shape (b, n_features)
        targets : ndarray or CSR
            See `losses.head`.
        scale : ndarray of shape (b,) or None
            Factor of each row; the batch counts ``sum_n scale_n E(n) / b``. None is all ones.
        workspace : Workspace
            Of b rows; written.

        Returns
        -------
        cost : float
        g : ndarray of shape (P,)
            ``workspace.g``.
        """
        cost = self.signal_flow(X, targets, scale, workspace, X.shape[0])
        g = self.network.correction(workspace)
        return cost + self.penalise(g), g

    def signal_flow(self, X, targets, scale, workspace: Workspace, count: int) -> float:
        """Forward and backward through `workspace`; returns ``sum_n scale_n E(n) / count``."""
        network, head = self.network, self.head
        y = network.forward(X, workspace, self.disturbance)
        v, delta = workspace.v[-1], workspace.delta[-1]
        d = head.encode(targets, y.dtype)
        values = head.value(d, y, v)
        head.output_delta(d, y, v, out=delta)
        if scale is not None:
            values = values * scale
            delta *= scale[:, None]
        if count > 1:
            delta /= count
        network.backward(workspace, self.disturbance)
        total = float(values.sum())
        if not isfinite(total):  # the mean may be
            return float((values / count).sum())
        return total / count

    def penalise(self, g: np.ndarray) -> float:
        """The penalty; its part of the correction is added to `g`, and what is fixed is zeroed."""
        self.penalty.correct(self.network.w, g)
        if self.learning is not None:
            g *= self.learning
        return self.penalty.value(self.network.w)

    def value(self, X, targets, sample_weight=None, *, rows=None) -> float:
        """``E`` at the network's parameters, over blocks of rows, without derivatives.

        Parameters
        ----------
        X, targets : ndarray or CSR
        sample_weight : ndarray of shape (n,), optional
            Only the ratios matter; their sum must not overflow (`with_mean_one`).
        rows : ndarray of int, optional
            The rows that count; None is all.
        """
        total, share, weight = 0.0, 0.0, 0.0
        with np.errstate(all="ignore"):
            for block in row_blocks(X.shape[0] if rows is None else rows, BLOCK_ROWS):
                batch = take_rows(X, block)
                v, y = self.network.respond(batch)
                d = self.head.encode(take_rows(targets, block), y.dtype)
                values = self.head.value(d, y, v)
                scale = np.ones(len(values)) if sample_weight is None else sample_weight[block]
                total += float(np.dot(values, scale))
                share += float(np.dot(values * SHARE, scale))
                weight += float(scale.sum())
            if not isfinite(total):
                total, weight = share, SHARE * weight
            return total / weight + self.penalty.value(self.network.w)


class Problem:
    """An objective on all of its rows, as a function of the flat vector `w`: what solvers minimise.

    Every evaluation is at a point of the caller's; the network that is trained moves in `accept`
    alone.

    Parameters
    ----------
    objective : Objective
        Without a disturbance.
    data : tuple
        ``(X, targets, sample_weight)``, the weight None or (n,); only its ratios matter.
    rows : ndarray of int, optional
        The rows that count; None is all.
    alpha : float, default=0.0
        Where a solver that tunes the strength of the penalty by itself begins.

    Attributes
    ----------
    w : ndarray of shape (P,)
        The trained network's parameters, in float64: where a solver begins.
    n_residuals : float
        Sample weights summed, times the output neurons.
    """

    def __init__(self, objective: Objective, data: tuple[Any, Any, Any], rows=None, alpha=0.0):
        self.alpha = alpha
        self.X, self.targets, weights = data
        self.rows = self.X.shape[0] if rows is None else rows
        self.n_rows = self.rows if isinstance(self.rows, int) else len(self.rows)
        total, self._scale = float(self.n_rows), None
        if weights is not None:
            counted = weights if rows is None else weights[rows]
            self._scale = with_mean_one(weights, rows)
            with np.errstate(over="ignore"):  # it counts for Bayesian regularisation alone
                total = float(counted.sum(dtype=np.float64))
        self._trained = objective.network
        # A network of its own, so that trial points never show in the one that is trained.
        network = self._trained.with_parameters(self._trained.w.copy())
        self.objective = Objective(
            network, objective.head, objective.penalty, learning=objective.learning
        )
        self.n_residuals = total * network.sizes[-1]
        self._workspaces = Workspaces(network)

    @property
    def jacobian_rows(self) -> int:
        """Rows (n_samples times output neurons) of the Jacobian that are held at a time."""
        n_units = self.objective.network.sizes[-1]
        numbers = n_units * self._trained.w.size
        size = max(1, min(BLOCK_ROWS, _JACOBIAN_NUMBERS // numbers, self.n_rows))
        return size * n_units

    @property
    def w(self) -> np.ndarray:
        """Parameters of the trained network, a copy in float64."""
        return self._trained.w.astype(np.float64)

    def accept(self, w: np.ndarray) -> None:
        """Move the trained network to `w`.

        Raises
        ------
        DivergenceError
            If `w` is not finite in the dtype of the network, which stays where it is.
        """
        with np.errstate(all="ignore"):
            moved = w.astype(self._trained.w.dtype)
        if not np.isfinite(moved).all():
            raise DivergenceError(
                f"training diverged: the next weights would not be finite in {moved.dtype}; the "
                "model keeps its last ones. Scale X and y."
            )
        self._trained.w[...] = moved

    def _blocks(self, size: int):
        for block in row_blocks(self.rows, size):
            X = take_rows(self.X, block)
            scale = None if self._scale is None else self._scale[block]
            yield X, take_rows(self.targets, block), scale, self._workspaces.of(X.shape[0])

    def _move(self, w: np.ndarray) -> Objective:
        self.objective.network.w[...] = w
        return self.objective

    def value(self, w: np.ndarray) -> float:
        """``E(w)``."""
        with np.errstate(over="ignore", invalid="ignore"):
            rows = None if isinstance(self.rows, int) else self.rows
            return self._move(w).value(self.X, self.targets, self._scale, rows=rows)

    def correction(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """``E(w)`` and ``-dE/dw``, (P,) in float64, a new array."""
        objective = self._move(w)
        cost, g = 0.0, np.zeros(w.size)
        with np.errstate(over="ignore", invalid="ignore"):
            for X, targets, scale, workspace in self._blocks(BLOCK_ROWS):
                cost += objective.signal_flow(X, targets, scale, workspace, self.n_rows)
                g += objective.network.correction(workspace)
            return cost + objective.penalise(g), g

    def value_and_gradient(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """``E(w)`` and ``+dE/dw``, the sign that SciPy's minimisers want."""
        cost, g = self.correction(w)
        return cost, np.negative(g, out=g)

    def gauss_newton(self, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """``E(w)``, ``-dE/dw`` and ``J'J``, where ``J = dy/dw`` (see `Network.jacobian`).

        For a cost that is half a sum of squares, ``J'e`` is ``-dE/dw`` and ``J'J`` is the Hessian
        but for its second derivatives of y. `J` is held for a block of rows at a time; rows count
        as in the cost, ``s_n / sum s``. The penalty is a part of the first two only.

        Returns
        -------
        cost : float
        g : ndarray of shape (P,)
        H : ndarray of shape (P, P)
            Its lower triangle; zero above it, and in the rows and columns of parameters that are
            fixed.
        """
        objective = self._move(w)
        network = objective.network
        cost, g, H = 0.0, np.zeros(w.size), np.zeros((w.size, w.size), order="F")
        size = self.jacobian_rows // network.sizes[-1]
        with np.errstate(over="ignore", invalid="ignore"):
            for X, targets, scale, workspace in self._blocks(size):
                cost += objective.signal_flow(X, targets, scale, workspace, self.n_rows)
                g += network.correction(workspace)
                J = network.jacobian(workspace)
                if scale is not None:
                    J *= np.sqrt(scale)[:, None, None]
                # By SciPy's BLAS, as the factors of H: it has all the threads here (blas_threads).
                J = J.reshape(-1, w.size).T
                H = blas.dsyrk(1.0, J, beta=1.0, c=H, lower=True, overwrite_c=True)
            H /= self.n_rows
            if objective.learning is not None:
                H *= objective.learning
                H *= objective.learning[:, None]
            return cost + objective.penalise(g), g, H
