"""Update rules: how a correction ``g = -dE/dw`` moves the weights, in place on flat arrays.

``rule.step(w, g, state, t, eta, cost)`` is one update. `state` is a ``(n_slots, P)`` array that
starts at zero and lives apart from the rule, so that it pickles and resumes; `t` counts the updates
already done; `eta` is a float or a (P,) array; `g` may be used up as scratch. `sgd` is the rule of
the notes, ``Dw = eta delta y``, and nothing else.
"""

from __future__ import annotations

import numpy as np

from .registry import Checked

__all__ = [
    "HEADROOM",
    "RULES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "DeltaBarDelta",
    "IRpropMinus",
    "IRpropPlus",
    "Momentum",
    "Nadam",
    "Nesterov",
    "Quickprop",
    "RMSprop",
    "Solver",
    "UpdateRule",
]

# A rule's state adds up squares of corrections, for ever in `Adagrad`. So an update is made without
# more care only where all squares are this factor below overflow.
HEADROOM = 2.0**30


class Solver(Checked):
    """What the estimators' parameter `solver` takes: an update rule or a whole-batch solver.

    Attributes
    ----------
    n_slots : int
        Rows of state that the solver keeps per parameter.
    default_eta : float
        What ``eta="auto"`` stands for.
    full_batch : bool
        Whether each update needs all rows: no batches then, no ``partial_fit``, no randomness.
    sum_of_squares : bool
        Whether the loss must be half a sum of squares.
    tunes_alpha : bool
        Whether the solver finds the strength of the penalty by itself, from `alpha` on.
    refuses : frozenset of str
        Parameters of the estimators that the solver cannot honour.
    """

    n_slots = 0
    default_eta = 0.01
    full_batch = False
    sum_of_squares = False
    tunes_alpha = False
    refuses: frozenset[str] = frozenset()

    def fitted(self, state) -> dict[str, float]:
        """Attributes that the estimator shows after a fit."""
        return {}


class UpdateRule(Solver):
    """One way to turn corrections into weight changes; subclass it and write `step`."""

    def step(self, w, g, state, t, eta, cost) -> None:
        """Change `w` (and `state`) in place by one update.

        Parameters
        ----------
        w, g : ndarray of shape (P,)
            Parameters, and the correction ``-dE/dw``.
        state : ndarray of shape (n_slots, P)
        t : int
            Updates done before this one.
        eta : float or ndarray of shape (P,)
        cost : float
            The batch's cost before the update.
        """
        raise NotImplementedError


class SGD(UpdateRule):
    """Steepest descent, ``Dw = eta g``: at one row a batch ``Dw_ji = eta delta_j y_i``."""

    default_eta = 0.005

    def step(self, w, g, state, t, eta, cost) -> None:
        """``w += eta g``."""
        g *= eta
        w += g


class Momentum(UpdateRule):
    """``u = momentum u + eta g; w += u`` (Rumelhart et al. 1986, the generalised delta rule).

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
    """

    n_slots = 1
    default_eta = 0.001

    def __init__(self, momentum: float = 0.9):
        self.momentum = momentum

    def check(self) -> None:
        """Raise ValueError if momentum is not in [0, 1)."""
        self._check_number("momentum", "[0, 1)")

    def step(self, w, g, state, t, eta, cost) -> None:
        """``u = momentum u + eta g; w += u``."""
        (u,) = state
        g *= eta
        u *= self.momentum
        u += g
        np.multiply(u, eta > 0, out=g)  # a frozen weight does not coast
        w += g


class Nesterov(Momentum):
    """``u = momentum u + eta g; w += momentum u + eta g`` (Sutskever et al. 2013).

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
    """

    def step(self, w, g, state, t, eta, cost) -> None:
        """``u = momentum u + eta g; w += momentum u + eta g``."""
        (u,) = state
        g *= eta
        u *= self.momentum
        u += g
        w += g
        np.multiply(u, self.momentum * (eta > 0), out=g)  # a frozen weight does not coast
        w += g


class Adagrad(UpdateRule):
    """Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011): rates fall with the squares seen so far.

    ``s = s + g^2;  w += eta g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    epsilon : float > 0, default=1e-10
    """

    n_slots = 1
    default_eta = 0.03

    def __init__(self, epsilon: float = 1e-10):
        self.epsilon = epsilon

    def check(self) -> None:
        """Raise ValueError if epsilon is not positive."""
        self._check_number("epsilon", "(0, inf)")

    def step(self, w, g, state, t, eta, cost) -> None:
        """``s = s + g^2;  w += eta g / (sqrt(s) + epsilon)``."""
        (s,) = state
        s += g * g
        scale = np.sqrt(s)
        scale += self.epsilon
        g /= scale
        g *= eta
        w += g


class RMSprop(UpdateRule):
    """RMSprop (Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012).

    ``s = rho s + (1 - rho) g^2;  u = momentum u + g / (sqrt(s) + epsilon);  w += eta u``.

    Parameters
    ----------
    rho : float in [0, 1), default=0.9
    momentum : float in [0, 1), default=0.0
    epsilon : float > 0, default=1e-8
    """

    n_slots = 2
    default_eta = 0.003

    def __init__(self, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-8):
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("rho", "[0, 1)")
        self._check_number("momentum", "[0, 1)")
        self._check_number("epsilon", "(0, inf)")

    def step(self, w, g, state, t, eta, cost) -> None:
        """``s`` and ``u`` as above; without momentum, ``u`` is left alone."""
        s, u = state
        s *= self.rho
        s += (1.0 - self.rho) * (g * g)
        scale = np.sqrt(s)
        scale += self.epsilon
        g /= scale
        if self.momentum:
            u *= self.momentum
            u += g
            np.copyto(g, u)
        g *= eta
        w += g


class Adam(UpdateRule):
    """Adam (Kingma and Ba, ICLR 2015, algorithm 1).

    ``m = beta_1 m + (1 - beta_1) g;  s = beta_2 s + (1 - beta_2) g^2;``
    ``w += eta m^ / (sqrt(s^) + epsilon)``, where ``m^ = m / (1 - beta_1^t)``,
    ``s^ = s / (1 - beta_2^t)``, t counted from 1.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8
    amsgrad : bool, default=False
        Use the largest s so far in the place of s (Reddi, Kale and Kumar, ICLR 2018).
    """

    default_eta = 0.003

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
    ):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    @property
    def n_slots(self) -> int:  # type: ignore[override]
        """``m``, ``s``, and with amsgrad the largest s."""
        return 3 if self.amsgrad else 2

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("beta_1", "[0, 1)")
        self._check_number("beta_2", "[0, 1)")
        self._check_number("epsilon", "(0, inf)")
        if not isinstance(self.amsgrad, (bool, np.bool_)):
            self._refuse("amsgrad", "True or False")

    def step(self, w, g, state, t, eta, cost) -> None:
        """One step of algorithm 1, with `g` as the only scratch.

        The factors ``1 - beta`` are left out of m and s, and put where there are only scalars.
        """
        m, s = state[0], state[1]
        correct_1 = (1.0 - self.beta_1) / (1.0 - self.beta_1 ** (t + 1))
        correct_2 = (1.0 - self.beta_2) / (1.0 - self.beta_2 ** (t + 1))
        m *= self.beta_1
        m += g
        s *= self.beta_2
        g *= g
        s += g
        if self.amsgrad:
            s = np.maximum(state[2], s, out=state[2])
        np.sqrt(s, g)
        # m^ / (sqrt(s^) + epsilon), with both corrections moved into scalars
        root = correct_2**0.5
        g += self.epsilon / root
        np.divide(m, g, g)
        g *= eta * (correct_1 / root)
        w += g


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2).

    ``w -= eta weight_decay w``, then Adam's step. As published, and as in other libraries, it
    decays all parameters, the biases too. The estimators' `alpha` is the other kind of decay: a
    part of the cost, of the weights only.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8
    amsgrad : bool, default=False
    weight_decay : float >= 0, default=0.01
    """

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
    ):
        super().__init__(beta_1, beta_2, epsilon, amsgrad)
        self.weight_decay = weight_decay

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        super().check()
        self._check_number("weight_decay", "[0, inf)")

    def step(self, w, g, state, t, eta, cost) -> None:
        """``w -= eta weight_decay w``, then Adam's step."""
        w *= 1.0 - eta * self.weight_decay
        super().step(w, g, state, t, eta, cost)


class Nadam(UpdateRule):
    """Adam with Nesterov's momentum (Dozat, ICLR workshop 2016), its momentum warmed up.

    ``mu_t = beta_1 (1 - 0.96^(momentum_decay t) / 2)``, ``m`` and ``s^`` as in Adam, and ::

        w += eta [(1 - mu_t) g / (1 - mu_1 .. mu_t)
                  + mu_{t+1} m / (1 - mu_1 .. mu_{t+1})] / (sqrt(s^) + epsilon)

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8
    momentum_decay : float >= 0, default=0.004
    """

    n_slots = 3
    default_eta = 0.003

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
    ):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.momentum_decay = momentum_decay

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("beta_1", "[0, 1)")
        self._check_number("beta_2", "[0, 1)")
        self._check_number("epsilon", "(0, inf)")
        self._check_number("momentum_decay", "[0, inf)")

    def _momentum(self, t: int) -> float:
        return self.beta_1 * (1.0 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def step(self, w, g, state, t, eta, cost) -> None:
        """One step; the product of the momenta so far is kept in the third slot."""
        m, s, product = state
        now, following = self._momentum(t + 1), self._momentum(t + 2)
        if t == 0:
            product[0] = 1.0
        product[0] *= now
        so_far = float(product[0])
        m *= self.beta_1
        m += (1.0 - self.beta_1) * g
        s *= self.beta_2
        s += (1.0 - self.beta_2) * (g * g)
        scale = np.sqrt(s)
        scale *= float(1.0 / np.sqrt(1.0 - self.beta_2 ** (t + 1)))
        scale += self.epsilon
        g *= (1.0 - now) / (1.0 - so_far)
        g += m * (following / (1.0 - so_far * following))
        g /= scale
        g *= eta
        w += g


class DeltaBarDelta(UpdateRule):
    """Delta-bar-delta (Jacobs, Neural Networks 1, 1988): a rate for each weight.

    A weight's rate is ``eta r``, r being 1 at first. With the trace of corrections
    ``g- = (1 - theta) g + theta g-``, r grows by kappa where g has the sign of the trace before it,
    and shrinks to ``(1 - phi) r`` where it has the other; ``w += eta r g``.

    Parameters
    ----------
    kappa : float >= 0, default=0.05
        Growth, as a share of eta.
    phi : float in [0, 1), default=0.2
        Share of the rate that a change of sign costs.
    theta : float in [0, 1), default=0.7
        Memory of the trace.
    """

    n_slots = 2
    default_eta = 0.005

    def __init__(self, kappa: float = 0.05, phi: float = 0.2, theta: float = 0.7):
        self.kappa = kappa
        self.phi = phi
        self.theta = theta

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("kappa", "[0, inf)")
        self._check_number("phi", "[0, 1)")
        self._check_number("theta", "[0, 1)")

    def step(self, w, g, state, t, eta, cost) -> None:
        """Rates by the sign of ``g g-``, then the step, then the trace."""
        trace, r = state
        if t == 0:
            r[...] = 1.0
        agrees = np.sign(trace) * np.sign(g)
        r += self.kappa * (agrees > 0)
        r *= 1.0 - self.phi * (agrees < 0)
        trace *= self.theta
        trace += (1.0 - self.theta) * g
        g *= r
        g *= eta
        w += g


class _Rprop(UpdateRule):
    """What both kinds of Rprop share: steps of a size of their own, by the sign of g alone.

    Where g keeps its sign the step grows, ``D = min(1.2 D, largest)``; where it changes, it
    shrinks, ``D = max(0.5 D, least)``.
    """

    full_batch = True
    refuses = frozenset(["eta_schedule"])  # eta is where the steps begin, no more
    default_eta = 0.01

    def __init__(
        self, grow: float = 1.2, shrink: float = 0.5, least: float = 1e-6, largest: float = 50.0
    ):
        self.grow = grow
        self.shrink = shrink
        self.least = least
        self.largest = largest

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("grow", "[1, inf)")
        self._check_number("shrink", "(0, 1)")
        self._check_number("least", "[0, inf)")
        self._check_number("largest", "(0, inf)")

    def _begin(self, D, eta) -> None:
        """Steps of size eta where there are none yet: at first, or until then eta was 0."""
        np.copyto(D, eta, where=D == 0.0)

    def _resize(self, D, agrees) -> None:
        """Steps after a g whose sign ``agrees`` (1), differs (-1) or is unknown (0)."""
        np.copyto(D, np.minimum(self.grow * D, self.largest), where=agrees > 0)
        np.copyto(D, np.maximum(self.shrink * D, self.least), where=agrees < 0)


class IRpropMinus(_Rprop):
    """iRprop- (Igel and Huesken, Neurocomputing 50, 2003): Rprop without going back.

    ``w += sign(g) D`` with a step size D for each weight, eta at first. Where g has changed its
    sign D shrinks, the weight stays, and the next g counts as the first.

    Parameters
    ----------
    grow, shrink : float, default=1.2, 0.5
        Factors of D where g keeps its sign, and where it changes.
    least, largest : float, default=1e-6, 50.0
        Bounds of D.
    """

    n_slots = 2

    def step(self, w, g, state, t, eta, cost) -> None:
        """Resize D by the sign of ``g(t) g(t-1)``, then ``w += sign(g) D``."""
        before, D = state
        self._begin(D, eta)
        agrees = np.sign(g) * np.sign(before)
        self._resize(D, agrees)
        g[agrees < 0] = 0.0
        before[...] = g
        w += np.sign(g) * D * (np.asarray(eta) > 0)


class IRpropPlus(_Rprop):
    """iRprop+ (Igel and Huesken, Neurocomputing 50, 2003): Rprop that goes back when E has risen.

    ``w += sign(g) D`` with a step size D for each weight, eta at first. Where g has changed its
    sign D shrinks, the next g counts as the first, and if the cost is higher than before, the
    weight's last step is taken back.

    Parameters
    ----------
    grow, shrink : float, default=1.2, 0.5
        Factors of D where g keeps its sign, and where it changes.
    least, largest : float, default=1e-6, 50.0
        Bounds of D.
    """

    n_slots = 4

    def step(self, w, g, state, t, eta, cost) -> None:
        """Resize D by the sign of ``g(t) g(t-1)``; then go on, stay, or go back."""
        before, D, change, cost_before = state
        self._begin(D, eta)
        agrees = np.sign(g) * np.sign(before)
        self._resize(D, agrees)
        turned = agrees < 0
        back = -change * turned if t > 0 and cost > cost_before[0] else 0.0
        g[turned] = 0.0
        before[...] = g
        np.copyto(change, np.sign(g) * D * (np.asarray(eta) > 0))
        w += change
        w += back
        cost_before[0] = cost


class Quickprop(UpdateRule):
    """Quickprop (Fahlman, "Faster-learning variations on back-propagation", 1988).

    Each weight jumps to the minimum of the parabola through its last two slopes,
    ``Dw(t) = g(t) / (g(t-1) - g(t)) Dw(t-1)``, but by no more than ``mu |Dw(t-1)|``; and ``eta g``
    is added unless g points against the last step. A first step is ``eta g``.

    Parameters
    ----------
    mu : float > 0, default=1.75
        Greatest growth of a step.
    """

    n_slots = 2
    full_batch = True
    default_eta = 0.003

    def __init__(self, mu: float = 1.75):
        self.mu = mu

    def check(self) -> None:
        """Raise ValueError if mu is not positive."""
        self._check_number("mu", "(0, inf)")

    def step(self, w, g, state, t, eta, cost) -> None:
        """The parabola's step, limited, and ``eta g`` where it may be added."""
        before, change = state
        along = np.sign(change)
        now, then = g * along, before * along  # slopes in the direction of the last step
        beyond = (
            now >= self.mu / (1.0 + self.mu) * then
        )  # the parabola's minimum is too far, or none
        bend = np.where(beyond, 1.0, then - now)
        ratio = np.where(beyond, self.mu, np.clip(now / bend, -self.mu, self.mu))
        before[...] = g
        change *= ratio
        g *= eta
        change += np.where(now >= 0, g, 0.0)
        change *= np.asarray(eta) > 0
        w += change


RULES: dict[str, UpdateRule] = {
    "sgd": SGD(),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "adagrad": Adagrad(),
    "rmsprop": RMSprop(),
    "adam": Adam(),
    "adamw": AdamW(),
    "nadam": Nadam(),
    "delta_bar_delta": DeltaBarDelta(),
    "irprop-": IRpropMinus(),
    "irprop+": IRpropPlus(),
    "quickprop": Quickprop(),
}
