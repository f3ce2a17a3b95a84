"""Whole-batch solvers: L-BFGS, scaled conjugate gradient, Levenberg-Marquardt, Bayesian.

They minimise one fixed cost, `Problem`, with steps of their own choice, so they know no eta.
Inside, ``g = -dE/dw`` points down the cost, as everywhere; only SciPy is given the gradient's sign.

Levenberg-Marquardt and Bayesian regularisation share one step. Where the cost is half a mean of
squares, ``E_av = 1/(2N) sum_n |e(n)|^2``, back-propagating unit signals gives the Jacobian
``J = dy/dw``, and the step solves ::

    (J'J / N + diag(penalty) + mu I) Dw = g

which is a Gauss-Newton step for small mu, and a short step down the gradient for large mu.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, lapack
from scipy.optimize import minimize

from .blas_threads import one_thread
from .monitor import REASONS, Monitor
from .objective import Problem
from .training import DivergenceError, TrainingState
from .updates import Solver

__all__ = ["LBFGS", "LM", "SCG", "SOLVERS", "BayesianLM", "WholeBatchSolver", "solve"]

_STEEPEST = 1e40  # scale of the curvature that leaves no step
_DECAY_GROWTH = 1.3  # of the weight decay of Bayesian regularisation, from a step to the next


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


class LBFGS(WholeBatchSolver):
    """Limited-memory BFGS, ``scipy.optimize.minimize(method="L-BFGS-B")`` (Byrd et al. 1995).

    SciPy works in float64; the network keeps its own type. A fit with ``warm_start`` begins with an
    empty memory.

    Parameters
    ----------
    memory : int, default=10
        Number of past steps that approximate the inverse Hessian.
    min_grad : float, default=1e-5
        Converged once ``max |dE/dw|`` is not above it.
    min_decrease : float, default=1e-9
        Converged once a step lowers E by no more than this share of it.
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

    def minimise(self, problem, state, monitor) -> str | None:
        """SciPy's iterations, each told to the monitor."""

        def after_iteration(intermediate_result):
            problem.accept(intermediate_result.x)
            if monitor.after_epoch(float(intermediate_result.fun)):
                raise StopIteration

        start = problem.w
        _check_start(problem.value(start))
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
        Converged once ``max |dE/dw|`` is not above it.
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
        """Moller's algorithm; a step that would raise the cost is not taken."""
        w = problem.w
        E, r = problem.correction(w)
        _check_start(E)
        # Direction, scale of the curvature, and p'Hp with its scale after a step that failed.
        start = {"p": r, "scale": self.lambda_, "raised": 0.0, "curvature": None, "k": 0}
        p, scale, raised, curvature, k = (state.memory or start).values()
        while True:
            if np.abs(r).max(initial=0.0) <= self.min_grad:
                return "converged"
            length, slope = float(p @ p), float(p @ r)
            if curvature is None:
                curvature = self._curvature(problem, w, p, r, length)
            curvature += (scale - raised) * length
            if curvature <= 0:  # make the Hessian positive definite along p
                raised = 2.0 * (scale - curvature / length)
                curvature = -curvature + scale * length
                scale = raised
            trial = w + slope / curvature * p
            E_trial, r_trial = problem.correction(trial)
            # 1 where the cost falls as the quadratic model says
            gain = 2.0 * curvature * (E - E_trial) / slope**2 if np.isfinite(E_trial) else -1.0
            rise = curvature * (1.0 - gain) / length if gain < 0.25 else 0.0
            k += 1
            if gain >= 0:
                p = r_trial + (r_trial @ (r_trial - r)) / slope * p
                if k % w.size == 0 or p @ r_trial <= 0:  # conjugacy is lost: begin anew
                    p = r_trial.copy()
                w, E, r = trial, E_trial, r_trial
                problem.accept(w)
                raised, curvature = 0.0, None
                scale *= 0.25 if gain >= 0.75 else 1.0
            else:
                raised = scale
            scale += rise
            state.memory = {
                "p": p, "scale": scale, "raised": raised, "curvature": curvature, "k": k
            }  # fmt: skip
            if monitor.after_epoch(E):
                return None
            if not scale < _STEEPEST:
                return "stalled"
        return None

    def _curvature(self, problem, w, p, r, length) -> float:
        sigma = self.sigma / np.sqrt(length)
        _, ahead = problem.correction(w + sigma * p)
        return float(p @ (r - ahead)) / sigma


class LM(WholeBatchSolver):
    """Levenberg-Marquardt: damped Gauss-Newton steps, for small networks and sums of squares.

    ``(J'J / N + alpha I_w + mu I) Dw = g`` by Cholesky; mu falls while steps do as the quadratic
    model says, and rises until one lowers the cost (Marquardt 1963; Hagan and Menhaj 1994; the
    damping is that of Nielsen 1999). Scale X and y: one mu serves the weights of all layers. Time
    and memory grow with the square of the number of parameters (and its cube): some thousand of
    them are the limit.

    Parameters
    ----------
    mu : float > 0, default=1e-3
        Initial damping, as a share of the largest diagonal element of ``J'J / N``.
    mu_max : float, default=1e10
        The fit has stalled once mu is above it, in the same unit: no step lowers the cost.
    min_grad : float, default=1e-9
        Converged once ``max |dE/dw|`` is not above it.
    max_memory : float, default=2e9
        Bytes that the matrices may take; ``np.inf`` is no limit.
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
        """One accepted step an iteration."""
        self._check_memory(problem)
        l2 = problem.objective.penalty.l2
        point = self._evaluate(problem, problem.w)
        damping = self._damping(point, state.memory)
        while True:
            if np.abs(point.g).max(initial=0.0) <= self.min_grad:
                return "converged"
            w = damping.step(problem, point, 0.0 if l2 is None else l2, problem.value)
            if w is None:
                return "stalled"
            problem.accept(w)
            point = self._evaluate(problem, w)
            state.memory = vars(damping).copy()
            if monitor.after_epoch(point.cost):
                return None

    def _evaluate(self, problem: Problem, w: np.ndarray) -> _Point:
        point = _Point(w, *problem.gauss_newton(w))
        _check_start(point.cost)
        return point

    def _damping(self, point: _Point, memory: dict) -> _Damping:
        if memory:
            return _Damping(memory["mu"], memory["factor"], memory["limit"])
        unit = float(point.H.diagonal().max(initial=0.0)) or 1.0
        return _Damping(self.mu * unit, 2.0, self.mu_max * unit)

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


class BayesianLM(LM):
    """Bayesian regularisation: Levenberg-Marquardt that finds the weight decay by itself.

    Minimises ``F = beta E_D + alpha E_W``, ``E_D = 1/2 sum_n |e(n)|^2``, ``E_W = 1/2 |w|^2`` (the
    biases of the output layer are free), and after each step sets alpha and beta to what makes the
    data most probable (MacKay, Neural Computation 4, 1992; with Gauss-Newton: Foresee and Hagan
    1997), H being the Gauss-Newton Hessian of F ::

        gamma = P - alpha tr(H^-1)      effective number of parameters
        alpha = gamma / (2 E_W)         beta = (N K - gamma) / (2 E_D)

    It needs no validation set. One alpha holds the weights of all layers, so scale X and y. Sample
    weights count as repetitions. The cost that is recorded is the data's, ``E_D / N``. The
    estimator's parameter `alpha`, if it is not 0, is where the decay begins, in the unit that it
    has there: alpha / (beta N). A decay that begins strong may take the bends of a function for
    noise, and stay so: where the fit is too flat, begin with a small one, such as ``alpha=1e-6``.

    Parameters
    ----------
    mu, mu_max, min_grad, max_memory
        See `LM`.
    tol : float, default=1e-4
        Converged once a step changes gamma, alpha and F by no more than this share.
    """

    tunes_alpha = True

    def __init__(
        self,
        mu: float = 5e-3,
        mu_max: float = 1e10,
        min_grad: float = 1e-9,
        max_memory: float = 2e9,
        tol: float = 1e-4,
    ):
        super().__init__(mu, mu_max, min_grad, max_memory)
        self.tol = tol

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        super().check()
        self._check_number("tol", "[0, inf)")

    def minimise(self, problem, state, monitor) -> str | None:
        """A step down F, then the evidence's alpha and beta, in turn."""
        self._check_memory(problem)
        point = self._evaluate(problem, problem.w)
        evidence = _Evidence(problem)
        evidence.begin(point, state.memory.get("ratio", problem.alpha))
        damping = self._damping(point, state.memory)
        while True:
            decay = evidence.ratio * evidence.decays
            tilted = point.tilted(decay)
            stalled = False
            if np.abs(tilted.g).max(initial=0.0) > self.min_grad:
                w = damping.step(problem, tilted, decay, lambda w, d=decay: _tilted(problem, w, d))
                stalled = w is None
                if w is not None:
                    problem.accept(w)
                    point = self._evaluate(problem, w)
            settled = evidence.update(point, self.tol)
            if stalled:  # at the least F of these alpha and beta: go on with the next ones
                damping = self._damping(point, {})
            state.memory = {**vars(damping), **evidence.found()}
            if monitor.after_epoch(point.cost):
                return None
            if settled:
                return "converged"

    def fitted(self, state):
        """``gamma_``, ``alpha_`` and ``beta_``."""
        names = ("gamma", "alpha", "beta")
        return {f"{name}_": state.memory[name] for name in names if name in state.memory}


class _Point:
    """Cost, correction and Gauss-Newton matrix at one `w`."""

    def __init__(self, w, cost, g, H):
        self.w, self.cost, self.g, self.H = w, cost, g, H

    def tilted(self, decay: np.ndarray) -> _Point:
        """The same with ``1/2 sum decay w^2`` added to the cost; `H` is left as it is."""
        cost = self.cost + 0.5 * float(np.dot(decay * self.w, self.w))
        return _Point(self.w, cost, self.g - decay * self.w, self.H)


def _tilted(problem: Problem, w: np.ndarray, decay: np.ndarray) -> float:
    return problem.value(w) + 0.5 * float(np.dot(decay * w, w))


class _Damping:
    """The damping mu of Gauss-Newton steps (Nielsen, "Damping parameter in Marquardt's method")."""

    def __init__(self, mu: float, factor: float, limit: float):
        self.mu = mu
        self.factor = factor  # what the next failure multiplies mu by
        self.limit = limit

    def step(self, problem, point: _Point, decay, value) -> np.ndarray | None:
        """Parameters of less cost, or None if no damping up to the limit gives any."""
        H = point.H.copy(order="F")
        diagonal = np.einsum("ii->i", H)  # a view
        base = diagonal + decay
        while self.mu <= self.limit:
            diagonal[...] = base + self.mu
            try:
                Dw = cho_solve(cho_factor(H, lower=True, check_finite=False), point.g)
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


class _Evidence:
    """alpha and beta of Bayesian regularisation, and the effective number of parameters gamma."""

    def __init__(self, problem: Problem):
        network, learning = problem.objective.network, problem.objective.learning
        self.decays = np.ones(network.w.size)  # 1 where the prior holds a parameter near zero
        network.layers(self.decays)[-1][1][...] = 0.0
        self.n_free = float(network.sizes[-1])
        if learning is not None:
            self.n_free = float(network.layers(learning)[-1][1].sum())
            self.decays *= learning
        self.n_residuals = problem.n_residuals
        self.n_samples = problem.n_residuals / network.sizes[-1]
        self.ratio = self.gamma = self.alpha = self.beta = self.objective = 0.0

    def begin(self, point: _Point, ratio: float) -> None:
        """From the weight decay `ratio`; if that is 0, as if half of the data's say were used.

        It begins no stronger than the data, and grows slowly: from the first weights of a network
        whose y is large, it would hold all of them at zero, and find itself confirmed.
        """
        n_parameters = self.decays.sum() + self.n_free
        self._set(0.5 * min(n_parameters, self.n_residuals) + self.n_free, point)
        self.ratio = ratio or min(self.ratio, float(point.H.diagonal().mean()))

    def update(self, point: _Point, tol: float) -> bool:
        """Set gamma, alpha and beta from the Hessian at `point`; whether they have settled."""
        before = np.array([self.gamma, self.ratio, self.objective])
        # Parameters that the data do not see at all are held by the prior alone.
        H = point.H.copy(order="F")
        diagonal = np.einsum("ii->i", H)
        fixed = (diagonal == 0.0) & (self.decays == 0.0)
        diagonal += self.ratio * self.decays + fixed
        try:
            factor, _ = cho_factor(H, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            return False
        inverse, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)  # its lower triangle
        lost = self.ratio * float(np.dot(self.decays, inverse.diagonal()))
        self._set(self.decays.sum() + self.n_free - lost, point)
        self.ratio = min(self.ratio, _DECAY_GROWTH * before[1])
        after = np.array([self.gamma, self.ratio, self.objective])
        return bool((np.abs(after - before) <= tol * np.abs(after)).all())

    def found(self) -> dict[str, float]:
        """What a later fit goes on with, and what the estimator shows."""
        return {name: getattr(self, name) for name in ("ratio", "gamma", "alpha", "beta")}

    def _set(self, gamma: float, point: _Point) -> None:
        E_W = 0.5 * float(np.dot(self.decays * point.w, point.w))
        E_D = self.n_samples * point.cost
        # More effective parameters than residuals cannot be; where they seem to be, the data are
        # fitted exactly and beta has no bound.
        self.gamma = float(min(gamma, 0.999 * self.n_residuals))
        self.alpha = max(self.gamma - self.n_free, 1e-3) / max(2.0 * E_W, 1e-30)
        self.beta = (self.n_residuals - self.gamma) / max(2.0 * E_D, 1e-30)
        self.ratio = float(self.alpha / (self.beta * self.n_samples))
        self.objective = point.cost + self.ratio * E_W


def _check_start(cost: float) -> None:
    if not np.isfinite(cost):
        raise DivergenceError(
            "training diverged: the cost is not finite. Scale X and y, or use smaller initial "
            "weights."
        )


SOLVERS: dict[str, WholeBatchSolver] = {
    "lbfgs": LBFGS(),
    "scg": SCG(),
    "lm": LM(),
    "br": BayesianLM(),
}
