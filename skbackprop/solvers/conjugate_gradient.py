"""Scaled conjugate gradient."""

from __future__ import annotations

import numpy as np

from ..exceptions import DivergenceError
from .levenberg_marquardt import STEEPEST
from .solver import SOLVERS, ScaledProblem, WholeBatchSolver, check_start

__all__ = ["SCG"]


class SCG(WholeBatchSolver):
    """Scaled conjugate gradient (Moller, Neural Networks 6, 1993), without a line search.

    The curvature along the search direction p is a difference of gradients,
    ``p'Hp = p'(E'(w + sigma p) - E'(w)) / sigma``, raised by ``lambda |p|^2`` where the quadratic
    model does not hold. Memory is a few vectors.

    Parameters
    ----------
    sigma : float > 0, default=1e-3
        Length of the step that measures the curvature; a shorter one (Moller has 1e-4) measures
        more of the round-off.
    lambda_ : float > 0, default=5e-7
        Initial scale of the curvature.
    min_grad : float, default=1e-6
        Converged once ``max |dE/du|`` is not above it, in the unit of the targets
        (`ScaledProblem`).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import SCG, BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = BackpropClassifier((), solver=SCG(), alpha=0.1, max_iter=1000, random_state=0)
    >>> net.fit(X, y).score(X, y) > 0.95, net.stop_reason_
    (True, 'converged')
    """

    def __init__(self, sigma: float = 1e-3, lambda_: float = 5e-7, min_grad: float = 1e-6):
        self.sigma = sigma
        self.lambda_ = lambda_
        self.min_grad = min_grad

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("sigma", "(0, inf)")
        self._check_number("lambda_", "(0, inf)")
        self._check_number("min_grad", "[0, inf)")

    def minimise(self, problem, state, monitor) -> str | None:
        """Minimise by Moller's algorithm; a step that would raise the cost is not taken."""
        problem = ScaledProblem(problem, state.memory.get("unit"))
        w = problem.start()
        E, r = problem.correction(w)
        check_start(E)
        # Direction, scale of the curvature, and p'Hp with its scale after a step that failed.
        start = {"p": r, "scale": self.lambda_, "raised": 0.0, "curvature": None, "k": 0}
        memory = state.memory or start
        p, scale, raised, curvature, k = (memory[name] for name in start)
        while True:
            if np.abs(r).max(initial=0.0) <= self.min_grad:
                return "converged"
            # What overflows is found below, not warned of.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                length, slope = p @ p, p @ r
                if curvature is None:
                    curvature = self._curvature(problem, w, p, r, length)
                curvature += (scale - raised) * length
                if curvature <= 0:  # make the Hessian positive definite along p
                    raised = 2.0 * (scale - curvature / length)
                    curvature = -curvature + scale * length
                    scale = raised
                if not np.isfinite(slope * slope) or not np.isfinite(curvature):
                    raise DivergenceError(
                        "training diverged: the squares of the cost's slopes are not finite. "
                        "Scale X and y."
                    )
                trial = w + slope / curvature * p
                E_trial, r_trial = problem.correction(trial)
                # 1 where the cost falls as the quadratic model says
                gain = 2.0 * curvature * (E - E_trial) / slope**2
                gain = gain if np.isfinite(gain) else -1.0
                rise = curvature * (1.0 - gain) / length if gain < 0.25 else 0.0
                k += 1
                if gain >= 0:
                    p = r_trial + (r_trial @ (r_trial - r)) / slope * p
                    if k % w.size == 0 or p @ r_trial <= 0:  # conjugacy is lost: begin anew
                        p = r_trial.copy()
                    w, E, r = trial, E_trial, r_trial
                    raised, curvature = 0.0, None
                    scale *= 0.25 if gain >= 0.75 else 1.0
                else:
                    raised = scale
                scale += rise
            problem.accept(w)
            state.memory = {
                "p": p, "scale": scale, "raised": raised, "curvature": curvature, "k": k,
                "unit": problem.unit,
            }  # fmt: skip
            if monitor.after_epoch(problem.cost(E)):
                return None
            if not scale < STEEPEST:
                return "stalled"
        return None

    def _curvature(self, problem, w, p, r, length):
        sigma = self.sigma / np.sqrt(length)
        _, ahead = problem.correction(w + sigma * p)
        return (p @ (r - ahead)) / sigma


SOLVERS.update({"scg": SCG()})
