"""L-BFGS: SciPy's, with the monitor between its iterations."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from .solver import SOLVERS, ScaledProblem, WholeBatchSolver, check_start

__all__ = ["LBFGS"]


class LBFGS(WholeBatchSolver):
    """Limited-memory BFGS, ``scipy.optimize.minimize(method="L-BFGS-B")`` (Byrd et al. 1995).

    SciPy works in float64; the network keeps its own type. A fit with ``warm_start`` begins without
    past steps.

    Parameters
    ----------
    memory : int, default=10
        Number of past steps that approximate the inverse Hessian.
    min_grad : float, default=1e-5
        Converged once ``max |dE/du|`` is not above it, in the unit of the targets
        (`ScaledProblem`).
    min_decrease : float, default=1e-9
        Converged once a step lowers E by no more than this share of it or, if E is below 1 in the
        unit of the targets, by no more than this.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import LBFGS, BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> solver = LBFGS(memory=20)
    >>> net = BackpropClassifier((4,), solver=solver, alpha=0.01, max_iter=1000, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.95, net.stop_reason_
    (True, 'converged')
    """

    def __init__(self, memory: int = 10, min_grad: float = 1e-5, min_decrease: float = 1e-9):
        self.memory = memory
        self.min_grad = min_grad
        self.min_decrease = min_decrease

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_count("memory")
        self._check_number("min_grad", "[0, inf)")
        self._check_number("min_decrease", "[0, inf)")

    @np.errstate(over="ignore")  # of a cost of that size, where SciPy compares it with `ftol`
    def minimise(self, problem, state, monitor) -> str | None:
        """Minimise by SciPy's iterations, each told to the monitor."""
        problem = ScaledProblem(problem, state.memory.get("unit"))
        state.memory = {"unit": problem.unit}

        def after_iteration(intermediate_result):
            problem.accept(intermediate_result.x)
            if monitor.after_epoch(problem.cost(float(intermediate_result.fun))):
                raise StopIteration

        start = problem.start()
        check_start(problem.value(start))
        result = minimize(
            problem.value_and_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=after_iteration,
            options={
                "maxiter": monitor.max_iter,
                "maxfun": 100 * monitor.max_iter + 100,
                "maxcor": self.memory,
                "gtol": self.min_grad,
                "ftol": self.min_decrease,
            },
        )
        return {0: "converged", 2: "stalled"}.get(result.status)


SOLVERS.update({"lbfgs": LBFGS()})
