"""Bayesian regularisation: Levenberg-Marquardt steps, with a weight decay found by the evidence."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, lapack

from ..network.objective import Problem
from .levenberg_marquardt import LM, Point, tilted_cost
from .solver import SOLVERS

__all__ = ["BayesianLM"]


_DECAY_GROWTH = 1.3  # of the weight decay of Bayesian regularisation, from a step to the next


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
                w = damping.step(
                    problem, tilted, decay, lambda w, d=decay: tilted_cost(problem, w, d)
                )
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

    def begin(self, point: Point, ratio: float) -> None:
        """From the weight decay `ratio`; if that is 0, as if half of the data's say were used.

        It begins no stronger than the data, and grows slowly: from the first weights of a network
        whose y is large, it would hold all of them at zero, and find itself confirmed.
        """
        n_parameters = self.decays.sum() + self.n_free
        self._set(0.5 * min(n_parameters, self.n_residuals) + self.n_free, point)
        self.ratio = ratio or min(self.ratio, float(point.H.diagonal().mean()))

    def update(self, point: Point, tol: float) -> bool:
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

    def _set(self, gamma: float, point: Point) -> None:
        E_W = 0.5 * float(np.dot(self.decays * point.w, point.w))
        E_D = self.n_samples * point.cost
        # More effective parameters than residuals cannot be; where they seem to be, the data are
        # fitted exactly and beta has no bound.
        self.gamma = float(min(gamma, 0.999 * self.n_residuals))
        self.alpha = max(self.gamma - self.n_free, 1e-3) / max(2.0 * E_W, 1e-30)
        self.beta = (self.n_residuals - self.gamma) / max(2.0 * E_D, 1e-30)
        self.ratio = float(self.alpha / (self.beta * self.n_samples))
        self.objective = point.cost + self.ratio * E_W


SOLVERS.update({"br": BayesianLM()})
