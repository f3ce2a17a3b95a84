"""Levenberg-Marquardt: damped Gauss-Newton steps for half a sum of squares.

Where the cost is half a mean of squares, ``E_av = 1/(2N) sum_n |e(n)|^2``, back-propagating unit
signals gives the Jacobian ``J = dy/dw``, and the step solves ::

    (J'J / N + diag(penalty) + mu I) Dw = g

which is a Gauss-Newton step for small mu, and a short step down the gradient for large mu.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..exceptions import DivergenceError
from ..network.objective import Problem
from .solver import SOLVERS, ScaledProblem, WholeBatchSolver, check_start

__all__ = ["LM"]


STEEPEST = 1e40  # scale of the curvature that leaves no step

# Trial points may be anywhere: what is not finite there is refused.
EXTREMES = np.errstate(over="ignore", invalid="ignore")


class LM(WholeBatchSolver):
    """Levenberg-Marquardt: damped Gauss-Newton steps, for small networks and sums of squares.

    ``(J'J / N + alpha I_w + mu I) Dw = g`` by Cholesky; mu falls while steps do as the quadratic
    model says, and rises until one lowers the cost (Marquardt 1963; Hagan and Menhaj 1994; the
    damping is that of Nielsen 1999). Scale X: one mu serves the weights of all layers; those of the
    output layer count in the unit of the targets (`ScaledProblem`). Time and memory grow with the
    square of the number of parameters (and its cube): some thousand of them are the limit. Another
    number of BLAS threads adds in another order, and changes the last bits of the result.

    Parameters
    ----------
    mu : float > 0, default=1e-3
        Initial damping, as a share of the largest diagonal element of ``J'J / N``.
    mu_max : float, default=1e10
        The fit has stalled once mu is above it, as a share of the largest element at that point: no
        step lowers the cost.
    min_grad : float, default=1e-9
        Converged once ``max |dE/du|`` is not above it, in the unit of the targets
        (`ScaledProblem`).
    max_memory : float, default=2e9
        Bytes that the matrices may take; ``np.inf`` is no limit.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import LM, BackpropRegressor
    >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> y = np.sin(3.0 * X[:, 0])
    >>> net = BackpropRegressor((4,), activation="tanh", solver=LM(), alpha=1e-6, random_state=0)
    >>> error = np.abs(net.fit(X, y).predict(X) - y).max()
    >>> bool(error < 0.01), net.stop_reason_
    (True, 'converged')
    """

    sum_of_squares = True
    single_threaded = "numpy"

    def __init__(
        self,
        mu: float = 1e-3,
        mu_max: float = 1e10,
        min_grad: float = 1e-9,
        max_memory: float = 2e9,
    ):
        self.mu = mu
        self.mu_max = mu_max
        self.min_grad = min_grad
        self.max_memory = max_memory

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("mu", "(0, inf)")
        self._check_number("mu_max", "(0, inf)")
        self._check_number("min_grad", "[0, inf)")
        self._check_number("max_memory", "(0, inf]")

    def minimise(self, problem, state, monitor) -> str | None:
        """Minimise by damped Gauss-Newton steps, one accepted step an iteration."""
        self._check_memory(problem)
        problem = ScaledProblem(problem, state.memory.get("unit"))
        l2 = problem.problem.objective.penalty.l2
        decay = 0.0 if l2 is None else l2 * problem.ratio**2
        point = self._evaluate(problem, problem.start())
        damping = self._damping(point, state.memory)
        while True:
            if np.abs(point.g).max(initial=0.0) <= self.min_grad:
                return "converged"
            u = damping.step(point, decay, problem.value)
            if u is None:
                return "stalled"
            problem.accept(u)
            point = self._evaluate(problem, u)
            state.memory = {"unit": problem.unit, **damping.memory()}
            if monitor.after_epoch(problem.cost(point.cost)):
                return None

    def _evaluate(self, problem: ScaledProblem, u: np.ndarray) -> Point:
        point = Point(u, *problem.gauss_newton(u))
        check_start(point.cost)
        if not np.isfinite(point.curvature) or not np.isfinite(point.g).all():
            raise DivergenceError(
                "training diverged: the squares of the outputs' slopes are not finite. Scale X."
            )
        return point

    def _damping(self, point: Point, memory: dict) -> Damping:
        if "mu" in memory:
            return Damping(memory["mu"], memory["factor"], self.mu_max)
        return Damping(self.mu * point.curvature, 2.0, self.mu_max)

    def _check_memory(self, problem: Problem) -> None:
        n = problem.w.size
        needed = 8.0 * (4 * n * n + 3 * n * problem.jacobian_rows)
        if needed > self.max_memory:
            name, unit = type(self).__name__, 10.0 ** (np.floor(np.log10(needed)) - 1)
            enough = np.ceil(needed / unit) * unit
            raise ValueError(
                f"solver {name} needs {needed:.3g} bytes for the {n} parameters of this network, "
                f"more than its max_memory={self.max_memory:.3g}; use a smaller network, "
                f"{name}(max_memory={enough:.3g}), or solver='lbfgs' or 'scg', whose memory grows "
                "with the number of parameters and not its square."
            )


class Point:
    """Cost, correction and Gauss-Newton matrix at one `w`."""

    def __init__(self, w, cost, g, H):
        self.w, self.cost, self.g, self.H = w, cost, g, H

    @property
    def curvature(self) -> float:
        """The largest diagonal element of `H`, and 1 if that is 0: the unit of mu."""
        return float(self.H.diagonal().max(initial=0.0)) or 1.0

    @EXTREMES
    def tilted(self, decay: np.ndarray) -> Point:
        """The point with ``1/2 sum decay w^2`` added to the cost; `H` is left as it is."""
        cost = self.cost + 0.5 * float(np.dot(decay * self.w, self.w))
        return Point(self.w, cost, self.g - decay * self.w, self.H)


class Damping:
    """The damping mu of Gauss-Newton steps (Nielsen, "Damping parameter in Marquardt's method")."""

    def __init__(self, mu: float, factor: float, mu_max: float):
        self.mu = mu
        self.factor = factor  # what the next failure multiplies mu by
        self.mu_max = mu_max  # in units of the curvature

    def memory(self) -> dict[str, float]:
        """What a later fit goes on with."""
        return {"mu": self.mu, "factor": self.factor}

    @EXTREMES
    def step(self, point: Point, decay, value) -> np.ndarray | None:
        """Parameters of less cost, or None if no damping up to the limit gives any."""
        H = point.H.copy(order="F")
        diagonal = np.einsum("ii->i", H)  # a view
        base = diagonal + decay
        limit = min(self.mu_max * point.curvature, 1e300)
        while self.mu <= limit:
            diagonal[...] = base + self.mu
            try:
                Dw = cho_solve(
                    cho_factor(H, lower=True, check_finite=False), point.g, check_finite=False
                )
            except LinAlgError:
                self._raise()
                continue
            w = point.w + Dw
            cost = value(w)
            predicted = 0.5 * float(np.dot(Dw, self.mu * Dw + point.g))
            gain = (point.cost - cost) / predicted if predicted > 0 else -1.0
            if np.isfinite(cost) and gain > 0:
                self.mu *= max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3)
                self.mu = max(self.mu, 1e-300)
                self.factor = 2.0
                return w
            self._raise()
        return None

    def _raise(self) -> None:
        self.mu *= self.factor
        self.factor *= 2.0


SOLVERS.update({"lm": LM()})
