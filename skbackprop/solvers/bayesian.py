"""Bayesian regularisation: Levenberg-Marquardt steps, with a weight decay found by the evidence."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, lapack
from sklearn.exceptions import ConvergenceWarning

from ..callers import warn_user
from .levenberg_marquardt import EXTREMES, LM, Point
from .solver import SOLVERS, ScaledProblem

__all__ = ["BayesianLM"]


_WEAK = 1e-8  # in units of the mean curvature: the data speak first
_DECAY_GROWTH = 1.3  # at most, from a step to the next
_FLAT_DECAY = 1e4  # in units of the largest curvature: no weight is left
_NO_WEIGHT = 0.01  # effective parameters
_HUGE = 1e290  # what products with it do not overflow
_EXACT = 1e-30  # a cost in the unit of the targets that is round-off


class BayesianLM(LM):
    """Bayesian regularisation: Levenberg-Marquardt that finds the weight decay by itself.

    Minimises ``F = beta E_D + alpha E_W``, ``E_D = 1/2 sum_n |e(n)|^2``, ``E_W = 1/2 |w|^2`` (the
    biases of the output layer are free), and after each step sets alpha and beta to what makes the
    data most probable [1]_, H being the Gauss-Newton Hessian of F [2]_ ::

        gamma = P - alpha tr(H^-1)           effective number of parameters
        alpha = (gamma - K) / (2 E_W)        K free biases
        beta  = (N K - gamma) / (2 E_D)

    tr is over the parameters that the prior holds. These are the stationary points of the evidence,
    k weights being held ::

        ln p(d | alpha, beta) = -F - 1/2 ln det H + k/2 ln alpha + N K / 2 ln beta + constant

    E_W counts the weights below the output layer in the unit of the targets, too (times their
    standard deviation, `ScaledProblem`), so that the fit of 1000 y is that of y. For y of standard
    deviation 1, and for a network without hidden layers, it is as it stands above.

    The evidence has several maxima, and alpha goes to the one nearest its start. A strong decay
    takes the bends of a function for noise, and finds itself confirmed; a weak one may take noise
    for bends. So there are two starts, from the initial weights, and the decay grows by no more
    than 1.3 times a step:

    - next to no decay, as in [2]_: the first where there are two residuals or more a parameter;
    - a decay as strong as the data: the first where there are fewer, and the second where the
      evidence of what the weak start found is below that of the constant network (gamma = K).

    The weak one is the second where the strong one made the network constant, if there are 1.25
    residuals or more a parameter: with fewer, it would run through every point. If the constant
    network has the greatest evidence, the data show no more than noise: the decay is raised until
    the network is constant, and a `ConvergenceWarning` says so.

    It needs no validation set. One alpha holds the weights of all layers, so scale X. Sample
    weights count as repetitions. The cost that is recorded is the data's, ``E_D / N``. The
    estimator's parameter `alpha`, if it is not 0, is the only start, in the unit that it has there:
    alpha / (beta N). Another number of BLAS threads changes the last bits, as with `LM`.

    Parameters
    ----------
    mu, mu_max, min_grad, max_memory
        See `LM`.
    tol : float, default=1e-4
        Converged once a step changes gamma, alpha and F by no more than this share.

    References
    ----------
    .. [1] D. J. C. MacKay, "Bayesian interpolation", Neural Computation 4, 1992, and "A practical
       Bayesian framework for backpropagation networks", in the same volume.
    .. [2] F. D. Foresee, M. T. Hagan, "Gauss-Newton approximation to Bayesian learning", ICNN 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, BayesianLM
    >>> X = np.linspace(-1.0, 1.0, 60)[:, None]
    >>> y = np.sin(3.0 * X[:, 0]) + np.random.default_rng(0).normal(0.0, 0.1, 60)
    >>> net = BackpropRegressor((10,), activation="tanh", solver=BayesianLM(), random_state=0)
    >>> net.fit(X, y).gamma_ < 31 / 2  # effective parameters, of 31
    True
    """

    tunes_alpha = True
    refuses = LM.refuses | {"input_gain"}  # to which the weights that it decays would escape

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
        """Minimise F and find alpha and beta by their evidence, in turn."""
        self._check_memory(problem)
        given, problem = problem.alpha, ScaledProblem(problem, state.memory.get("unit"))
        first = point = self._evaluate(problem, problem.start())
        evidence = _Evidence(problem)
        given = state.memory.get("ratio", given)
        starts = [given] if given else evidence.starts(point)
        evidence.begin(starts.pop(0))
        damping = self._damping(point, state.memory)
        while True:
            moved = self._step(problem, point, damping, evidence.decay)
            stalled, point = moved is None, moved or point
            settled = evidence.update(point, self.tol)
            if stalled:  # at the least F of these alpha and beta: go on with the next ones
                damping = self._damping(point, {})
            state.memory = {"unit": problem.unit, **damping.memory(), **evidence.found()}
            if monitor.after_epoch(problem.cost(point.cost)):
                return None
            if not settled:
                continue
            if evidence.beats_constant(point):
                return "converged"
            if evidence.constant and not starts:
                self._warn_constant(problem)
                del state.memory["ratio"]  # other rows may show more
                return "converged"
            if starts and (evidence.constant or starts[0] > evidence.ratio):
                point = first
                evidence.begin(starts.pop(0))
                damping = self._damping(point, {})
            else:
                evidence.flatten(point)

    def _step(self, problem, point: Point, damping, decay: np.ndarray) -> Point | None:
        """The point after a step down F; the same if its slope is none, None if no step does."""
        tilted = point.tilted(decay)
        if np.abs(tilted.g).max(initial=0.0) <= self.min_grad:
            return point
        u = damping.step(tilted, decay, lambda u: problem.value(u) + half_square(decay, u))
        if u is None:
            return None
        problem.accept(u)
        return self._evaluate(problem, u)

    def _warn_constant(self, problem: ScaledProblem) -> None:
        warn_user(
            "solver='br' made the network constant: by the evidence, the "
            f"{problem.problem.n_rows} rows show no more than noise. If there is something to "
            "learn, give more rows, check that the rows of X and y belong together and that X is "
            "scaled, or begin with a smaller decay, such as alpha=1e-6.",
            ConvergenceWarning,
        )

    def fitted(self, state):
        """``gamma_``, ``alpha_`` and ``beta_``."""
        names = ("gamma", "alpha", "beta")
        return {f"{name}_": state.memory[name] for name in names if name in state.memory}


@EXTREMES
def half_square(decay: np.ndarray, u: np.ndarray) -> float:
    return 0.5 * float(np.dot(decay * u, u))


class _Evidence:
    """The weight decay by the evidence, for the problem in the unit s of its targets.

    Both E_W and E_D are divided by s^2, so `ratio`, the decay ``alpha / (beta N)``, is the same in
    every unit.
    """

    def __init__(self, problem: ScaledProblem):
        network = problem.problem.objective.network
        self.s = problem.unit
        self.n_residuals = min(problem.problem.n_residuals, _HUGE)
        self.n_outputs = network.sizes[-1]
        self.held = np.ones(network.w.size)  # 1 where the prior holds a parameter near zero
        W, b = network.layers(self.held)[-1]
        b[...] = 0.0
        free = np.ones(self.n_outputs)
        if problem.learning is not None:
            free = network.layers(problem.learning)[-1][1]
            self.held *= problem.learning
        self.n_free = float(free.sum())
        self.n_held = float(self.held.sum())
        # Whether the constant outputs of `ScaledProblem`, whose cost is 1/2, are within reach.
        self.knows_constant = self.s != 1.0 and bool(free.all() and W.all())
        self.flattened = False

    def starts(self, point: Point) -> list[float]:
        """The decays to begin with, from the initial `point`, the more promising first."""
        n_parameters, curvature = self.n_free + self.n_held, float(point.H.diagonal().mean())
        E_W = max(half_square(self.held, point.w), 1e-300)
        # As if half of the data's say were used, and no stronger than the data.
        used = 0.5 * min(n_parameters, self.n_residuals)
        strong = used / E_W * max(point.cost, _EXACT) / (self.n_residuals - used)
        weak, strong = _WEAK * curvature, min(strong, curvature)
        if self.n_residuals >= 2.0 * n_parameters:
            return [weak, strong]
        return [strong, weak] if self.n_residuals >= 1.25 * n_parameters else [strong]

    def begin(self, ratio: float) -> None:
        """Start from the weight decay `ratio`."""
        self.ratio, self.gamma, self.objective = ratio, self.n_free + self.n_held, 0.0

    @property
    def decay(self) -> np.ndarray:
        """The weight decay of each parameter, in units of the mean cost."""
        return self.ratio * self.held

    @property
    def constant(self) -> bool:
        """Whether the decay leaves no weight."""
        return self.gamma - self.n_free < _NO_WEIGHT

    @EXTREMES
    def update(self, point: Point, tol: float) -> bool:
        """Set gamma, alpha and beta from the Hessian at `point`; whether they have settled."""
        before = np.array([self.gamma, self.objective, self.ratio])
        self.cost = point.cost
        # Parameters that the data do not see at all are held by the prior alone.
        H = point.H.copy(order="F")
        diagonal = np.einsum("ii->i", H)
        diagonal += self.decay + ((diagonal == 0.0) & (self.held == 0.0))
        try:
            factor, _ = cho_factor(H, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            return False
        self.log_det = 2.0 * float(np.log(factor.diagonal()).sum())
        inverse, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)  # its lower triangle
        lost = float(np.dot(self.decay, inverse.diagonal()))
        # More effective parameters than residuals cannot be; where they seem to be, the data are
        # fitted exactly and beta has no bound.
        gamma = min(self.n_free + self.n_held - lost, 0.999 * self.n_residuals)
        self.gamma = float(gamma)
        E_W = half_square(self.held, point.w)
        if not self.flattened:
            variance = max(point.cost, _EXACT) / (self.n_residuals - gamma)
            wanted = max(gamma - self.n_free, 1e-3) / max(E_W, 1e-300) * variance
            self.ratio = float(min(wanted, _DECAY_GROWTH * self.ratio))
        self.objective = point.cost + self.ratio * E_W
        after = np.array([self.gamma, self.objective, self.ratio])
        still = np.abs(after - before) <= tol * np.abs(after)
        return point.cost <= _EXACT or bool(still[:2].all() and (still[2] or self.constant))

    @EXTREMES
    def beats_constant(self, point: Point) -> bool:
        """Whether the evidence is above that of the constant network, ``gamma = K``, cost 1/2.

        The difference of the two logarithms is ::

            (N K - K) / 2 - F + (N K - K) / 2 ln(beta / beta_constant)
            + k / 2 ln(decay) - 1/2 ln det(J'J / N + decay I_w)
        """
        if self.constant or self.flattened:
            return False
        if not self.knows_constant or point.cost <= _EXACT:
            return True
        rest = self.n_residuals - self.n_free
        precision = (self.n_residuals - self.gamma) / (2.0 * point.cost)  # beta N, by s^2
        occam = self.n_held * np.log(self.ratio) - self.log_det
        gain = rest - 2.0 * precision * self.objective + rest * np.log(precision / rest) + occam
        return bool(gain >= 0.0)

    def flatten(self, point: Point) -> None:
        """Raise the decay for good, so that the network becomes constant."""
        self.flattened = True
        self.ratio = min(max(self.ratio, _FLAT_DECAY * point.curvature), _HUGE)

    def found(self) -> dict[str, float]:
        """What a later fit goes on with, and what the estimator shows."""
        cost = max(self.cost, _EXACT) * self.s * self.s
        beta = (1.0 - self.gamma / self.n_residuals) * self.n_outputs / (2.0 * cost)
        n_rows = self.n_residuals / self.n_outputs
        return {
            "ratio": self.ratio,
            "gamma": self.gamma,
            "alpha": self.ratio * beta * n_rows,
            "beta": beta,
        }


SOLVERS.update({"br": BayesianLM()})
