"""What a whole-batch solver is, and how one is run.

A whole-batch solver minimises one fixed cost, `Problem`, with steps of its own choice, so it knows
no eta. Inside, ``g = -dE/dw`` points down the cost, as everywhere; only SciPy is given the
gradient's sign.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..exceptions import DivergenceError
from ..network.network import Network
from ..network.objective import Problem
from ..network.rows import ROUND_OFF
from ..training.monitor import REASONS, Monitor
from ..updates.rule import Solver
from ..updates.state import TrainingState
from .blas_threads import one_thread

__all__ = ["SOLVERS", "ScaledProblem", "WholeBatchSolver", "solve"]


class WholeBatchSolver(Solver):
    """One way to minimise a `Problem`; subclass it and write `minimise`.

    Attributes
    ----------
    single_threaded : {"numpy", "scipy"}
        Of the two packages whose BLAS it calls, the one that does the lesser part of the work: that
        gets one thread, since the threads of both would wait for each other.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, WholeBatchSolver
    >>> class SteepestDescent(WholeBatchSolver):
    ...     def minimise(self, problem, state, monitor):
    ...         cost, g = problem.correction(problem.w)
    ...         while not monitor.after_epoch(cost) and g @ g > 1e-6:
    ...             problem.accept(problem.w + 0.3 * g)
    ...             cost, g = problem.correction(problem.w)
    ...         return "converged" if g @ g <= 1e-6 else None
    >>> net = BackpropRegressor((), solver=SteepestDescent(), random_state=0)
    >>> net.fit([[0.0], [1.0]], [0.0, 1.0]).stop_reason_
    'converged'
    """

    full_batch = True
    single_threaded: Literal["numpy", "scipy"] = "scipy"
    refuses = frozenset(
        ["eta", "eta_schedule", "l1_ratio", "dropout", "noise", "max_grad_norm", "max_norm"]
    )

    def check(self) -> None:
        """Raise NotImplementedError if there is no `minimise`."""
        if type(self).minimise is WholeBatchSolver.minimise:
            raise NotImplementedError(f"solver {self!r} has no minimise(problem, state, monitor).")

    def minimise(self, problem: Problem, state: TrainingState, monitor: Monitor) -> str | None:
        """Minimise from ``problem.w``.

        Each iteration ends with ``problem.accept(w)`` and ``monitor.after_epoch(cost)``; when that
        is true, because time, `max_iter` or the user's patience are over, the solver returns.

        Parameters
        ----------
        problem : Problem
        state : TrainingState
            What the solver puts into ``state.memory`` is there again in the next fit with
            ``warm_start``.
        monitor : Monitor

        Returns
        -------
        str or None
            Why the solver itself ended, ``"converged"`` or ``"stalled"``; None if it did not.
        """
        raise NotImplementedError


def solve(
    solver: WholeBatchSolver, problem: Problem, state: TrainingState, monitor: Monitor
) -> None:
    """Run a solver, and count its iterations as updates of all rows."""
    n_before = len(monitor.history.loss)
    try:
        with one_thread(solver.single_threaded):
            reason = solver.minimise(problem, state, monitor)
        if reason is not None and reason not in REASONS:
            raise ValueError(
                f"solver {solver!r} ended with {reason!r}; `minimise` must return None or one of "
                f"{', '.join(map(repr, REASONS))}."
            )
        if len(monitor.history.loss) == n_before:  # it had nothing to do: an epoch of that cost
            monitor.after_epoch(problem.value(problem.w))
        monitor.reason = reason or monitor.reason
    finally:
        n_iterations = len(monitor.history.loss) - n_before
        state.n_updates += n_iterations
        state.n_samples += n_iterations * problem.n_rows


class ScaledProblem:
    """A `Problem` in the unit of its targets, so that a solver's path does not depend on that.

    For half a sum of squares behind identity outputs the unit s is the standard deviation of the
    targets (of several, the root of their summed variances), hence ``s^2 / 2`` the cost of the
    best constant outputs. The cost is divided by ``s^2``, and the parameters of the output layer
    by s ::

        E(u) = E(w) / s^2,      w_out = s u_out,      w_hidden = u_hidden

    Multiply y and the output layer's initial parameters by any number, and the path in u is the
    same up to round-off. Tolerances are absolute here, so they are relative to the spread of y.
    Other losses, and squares behind other outputs, have a scale of their own: s is 1. So it is for
    targets that are constant, or vary by no more than 1e-140.

    Parameters
    ----------
    problem : Problem
    unit : float, optional
        The s of the fit that is gone on with.

    Attributes
    ----------
    unit : float
        s.
    ratio : ndarray of shape (P,)
        ``dw/du / s``: 1 for the output layer, ``1 / s`` for those below.
    learning : ndarray of shape (P,) or None
        As in `Objective`.
    """

    def __init__(self, problem: Problem, unit: float | None = None):
        self.problem = problem
        self.unit = unit or _spread(problem)
        self.learning = problem.objective.learning
        self._first = problem.w
        layers = problem.objective.network
        # in float64
        layers = Network(layers.sizes, layers.activations, input_gain=layers.input_gain)
        below = layers.n_layers - 1
        self._dw = layers.spread([1.0] * below + [self.unit], gain=1.0)
        self.ratio = layers.spread([1.0 / self.unit] * below + [1.0], gain=1.0 / self.unit)

    def start(self) -> np.ndarray:
        """The parameters that a solver begins with, those of the trained network.

        Initial weights are for targets of size one. Where they are far too large, so that the
        network is much worse than the best constant, those of the output layer are shrunk first.
        """
        u = self._first / self._dw
        cost = self.value(u)
        if self.unit == 1.0 or not _FAR_WORSE < cost < np.inf:
            return u
        shrunk = u.copy()
        W, _ = self.problem.objective.network.layers(shrunk)[-1]
        W *= np.sqrt(0.5 / cost)
        return shrunk if self.value(shrunk) < cost else u

    def accept(self, u: np.ndarray) -> None:
        """Move the trained network to `u`."""
        self.problem.accept(self._w(u))

    def cost(self, E: float) -> float:
        """Turn a cost into the problem's own unit."""
        return float(E) * self.unit * self.unit

    def value(self, u: np.ndarray) -> float:
        """``E(u)``."""
        return self.problem.value(self._w(u)) / self.unit / self.unit

    def correction(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """``E(u)`` and ``-dE/du``."""
        E, g = self.problem.correction(self._w(u))
        return E / self.unit / self.unit, g * self.ratio / self.unit

    def value_and_gradient(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """``E(u)`` and ``+dE/du``, the sign that SciPy's minimisers want."""
        E, gradient = self.problem.value_and_gradient(self._w(u))
        return E / self.unit / self.unit, gradient * self.ratio / self.unit

    def gauss_newton(self, u: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """``E(u)``, ``-dE/du``, and ``J'J / N`` of the outputs over s by u (lower triangle)."""
        E, g, H = self.problem.gauss_newton(self._w(u))
        with np.errstate(over="ignore", invalid="ignore"):
            H *= self.ratio
            H *= self.ratio[:, None]
        return E / self.unit / self.unit, g * self.ratio / self.unit, H

    def _w(self, u: np.ndarray) -> np.ndarray:
        w = u * self._dw
        return w if self.learning is None else np.where(self.learning, w, self._first)


_FAR_WORSE = 50.0  # times s^2; the best constant costs half of one
_LEAST = 1e-140  # a spread whose square is still far from the least number


def _spread(problem: Problem) -> float:
    """The targets' standard deviation where the cost is half a sum of squares, else 1."""
    network = problem.objective.network
    if not problem.objective.head.loss.sum_of_squares or network.activations[-1].name != "identity":
        return 1.0
    constant = np.zeros(network.w.size)
    bias = network.layers(constant)[-1][1]
    bias += network.layers(problem.w)[-1][1]
    _, g = problem.correction(constant)  # the mean error; zero where the bias is fixed
    bias += network.layers(g)[-1][1]
    spread = np.sqrt(2.0 * problem.value(constant))
    size = np.abs(bias).max()
    least = max(ROUND_OFF * np.finfo(network.w.dtype).eps * size, _LEAST)
    return float(spread) if least < spread < np.inf else 1.0


def check_start(cost: float) -> None:
    if not np.isfinite(cost):
        raise DivergenceError(
            "training diverged: the cost is not finite. Scale X and y, or use smaller initial "
            "weights."
        )


SOLVERS: dict[str, WholeBatchSolver] = {}
"""The built-in whole-batch solvers by name, which each file of this folder adds its own to.

Examples
--------
>>> from skbackprop import SOLVERS
>>> sorted(SOLVERS)
['br', 'lbfgs', 'lm', 'scg']
"""
