"""Update rules with a rate for each weight, found from its corrections."""

from __future__ import annotations

import numpy as np

from .rule import RULES, UpdateRule

__all__ = ["Adagrad", "Adam", "AdamW", "DeltaBarDelta", "Nadam", "RMSprop"]


class Adagrad(UpdateRule):
    """Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011): rates fall with the squares seen so far.

    ``s = s + g^2;  w += eta g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    epsilon : float > 0, default=1e-10

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Adagrad
    >>> rule = Adagrad()
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.17071068, -0.17071068])
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import RMSprop
    >>> rule = RMSprop(rho=0.9)
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.54564348, -0.54564335])
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
        """One step by ``s`` and ``u`` as above; without momentum, ``u`` is left alone."""
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Adam
    >>> rule = Adam(beta_1=0.9, beta_2=0.999)
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.2       , -0.19999998])
    """

    default_eta = 0.003
    eta_of_unit_targets = 0.001  # targets of any other size ask for longer steps

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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import AdamW
    >>> rule = AdamW(weight_decay=0.01)
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.1999    , -0.19989998])
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Nadam
    >>> rule = Nadam()
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.18401361, -0.1840136 ])
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import DeltaBarDelta
    >>> rule = DeltaBarDelta()
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.205 , -0.0205])
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


RULES.update(
    {
        "adagrad": Adagrad(),
        "rmsprop": RMSprop(),
        "adam": Adam(),
        "adamw": AdamW(),
        "nadam": Nadam(),
        "delta_bar_delta": DeltaBarDelta(),
    }
)
