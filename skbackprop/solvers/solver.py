"""What a whole-batch solver is, and how one is run.

A whole-batch solver minimises one fixed cost, `Problem`, with steps of its own choice, so it knows
no eta. Inside, ``g = -dE/dw`` points down the cost, as everywhere; only SciPy is given the
gradient's sign.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..exceptions import DivergenceError
from ..network.objective import Problem
from ..training.monitor import REASONS, Monitor
from ..updates.rule import Solver
from ..updates.state import TrainingState
from .blas_threads import one_thread

__all__ = ["SOLVERS", "WholeBatchSolver", "solve"]


class WholeBatchSolver(Solver):
    """One way to minimise a `Problem`; subclass it and write `minimise`.

    Attributes
    ----------
    single_threaded : {"numpy", "scipy"}
        Of the two packages whose BLAS it calls, the one that does the lesser part of the work: that
        gets one thread, since the threads of both would wait for each other.
    """

    full_batch = True
    single_threaded: Literal["numpy", "scipy"] = "scipy"
    refuses = frozenset(
        ["eta", "eta_schedule", "l1_ratio", "dropout", "noise", "max_grad_norm", "max_norm"]
    )

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


def check_start(cost: float) -> None:
    if not np.isfinite(cost):
        raise DivergenceError(
            "training diverged: the cost is not finite. Scale X and y, or use smaller initial "
            "weights."
        )


#: The built-in ones by name; each file of this folder adds its own.
SOLVERS: dict[str, WholeBatchSolver] = {}
