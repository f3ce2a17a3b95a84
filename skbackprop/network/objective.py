"""One cost ``E(w)`` and its derivatives: loss x network x penalty x sample weights.

``E_av = sum_n s_n E(n) / sum_n s_n`` plus the penalty. Inside, everything points down the cost,
as in the textbook rule (Haykin 2009, ch. 4); `Problem.value_and_gradient` is the one place that
turns the sign, for SciPy.
"""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple, Protocol

import numpy as np

from ..exceptions import DivergenceError
from ..losses.head import Head
from .network import Network, Workspace
from .penalties import ElasticNet
from .regularisation import Disturbance
from .rows import BLOCK_ROWS, SHARE, row_blocks, take_rows

__all__ = ["CostSums", "Objective", "Problem", "Sums"]


class CostSums(NamedTuple):
    """The sums that a weighted mean of costs is made of; those of several parts add up."""

    total: float  # sum_n s_n E(n)
    share: float  # a small share of it, `SHARE`, which is finite where that overflows
    weight: float  # sum_n s_n

    def plus(self, other: CostSums) -> CostSums:
        """The sums over both parts."""
        return CostSums(*map(sum, zip(self, other, strict=True)))

    def mean(self) -> float:
        """``sum_n s_n E(n) / sum_n s_n``."""
        if isfinite(self.total):
            return self.total / self.weight
        return self.share / (SHARE * self.weight)


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
        sums = self.cost_sums(X, targets, sample_weight, rows)
        with np.errstate(all="ignore"):
            return sums.mean() + self.penalty.value(self.network.w)

    def cost_sums(self, X, targets, scale=None, rows=None) -> CostSums:
        """The sums that `value` is made of, but for the penalty."""
        total, share, weight = 0.0, 0.0, 0.0
        with np.errstate(all="ignore"):
            for block in row_blocks(X.shape[0] if rows is None else rows, BLOCK_ROWS):
                batch = take_rows(X, block)
                v, y = self.network.respond(batch)
                d = self.head.encode(take_rows(targets, block), y.dtype)
                values = self.head.value(d, y, v)
                factors = np.ones(len(values)) if scale is None else scale[block]
                total += float(np.dot(values, factors))
                share += float(np.dot(values * SHARE, factors))
                weight += float(factors.sum())
        return CostSums(total, share, weight)


class Sums(Protocol):
    """Sums over the rows that a problem is about, wherever these are (see `row_sums.RowSums`).

    Rows count by weights of mean one, and what is summed is divided by their number; the penalty,
    and what is fixed, are no part of it.
    """

    n_rows: int
    total_weight: float  # of the rows, as they are given

    @property
    def jacobian_rows(self) -> int:
        """Rows (n_samples times output neurons) of the Jacobian that are held at a time."""

    def value(self, w: np.ndarray) -> CostSums:
        """The sums of the cost."""

    def correction(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Cost, and ``-dE/dw``, (P,) in float64, a new array."""

    def gauss_newton(self, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Cost, ``-dE/dw``, and the lower triangle of ``J'J``, new arrays."""


class Problem:
    """An objective on all of its rows, as a function of the flat vector `w`: what solvers minimise.

    Every evaluation is at a point of the caller's; the network that is trained moves in `accept`
    alone.

    Parameters
    ----------
    objective : Objective
        Without a disturbance.
    sums : Sums
        Over the rows, of the same network and head.
    alpha : float, default=0.0
        Where a solver that tunes the strength of the penalty by itself begins.

    Attributes
    ----------
    w : ndarray of shape (P,)
        The trained network's parameters, in float64: where a solver begins.
    n_rows : int
    n_residuals : float
        Sample weights summed, times the output neurons.
    """

    def __init__(self, objective: Objective, sums: Sums, alpha: float = 0.0):
        self.alpha = alpha
        self.sums = sums
        self.n_rows = sums.n_rows
        self._trained = objective.network
        # A network of its own, so that trial points never show in the one that is trained.
        network = self._trained.with_parameters(self._trained.w.copy())
        self.objective = Objective(
            network, objective.head, objective.penalty, learning=objective.learning
        )
        self.n_residuals = sums.total_weight * network.sizes[-1]

    @property
    def jacobian_rows(self) -> int:
        """Rows (n_samples times output neurons) of the Jacobian that are held at a time."""
        return self.sums.jacobian_rows

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

    def _move(self, w: np.ndarray) -> Objective:
        self.objective.network.w[...] = w
        return self.objective

    def value(self, w: np.ndarray) -> float:
        """``E(w)``."""
        with np.errstate(over="ignore", invalid="ignore"):
            penalty = self._move(w).penalty.value(self.objective.network.w)
            return self.sums.value(w).mean() + penalty

    def correction(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """``E(w)`` and ``-dE/dw``, (P,) in float64, a new array."""
        with np.errstate(over="ignore", invalid="ignore"):
            objective = self._move(w)
            cost, g = self.sums.correction(w)
            return cost + objective.penalise(g), g

    def value_and_gradient(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """``E(w)`` and ``+dE/dw``, the sign that SciPy's minimisers want."""
        cost, g = self.correction(w)
        return cost, np.negative(g, out=g)

    def gauss_newton(self, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """``E(w)``, ``-dE/dw`` and ``J'J``, where ``J = dy/dw`` (see `Network.jacobian`).

        For a cost that is half a sum of squares, ``J'e`` is ``-dE/dw`` and ``J'J`` is the Hessian
        but for its second derivatives of y. Rows count as in the cost, ``s_n / sum s``. The penalty
        is a part of the first two only.

        Returns
        -------
        cost : float
        g : ndarray of shape (P,)
        H : ndarray of shape (P, P)
            Its lower triangle; zero above it, and in the rows and columns of parameters that are
            fixed.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            objective = self._move(w)
            cost, g, H = self.sums.gauss_newton(w)
            if objective.learning is not None:
                H *= objective.learning
                H *= objective.learning[:, None]
            return cost + objective.penalise(g), g, H
