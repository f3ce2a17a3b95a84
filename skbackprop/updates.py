"""Update rules: how a correction ``g = -dE/dw`` moves the weights, in place on flat arrays.

``rule.step(w, g, state, t, eta, cost)`` is one update. `state` is a ``(n_slots, P)`` array that
starts at zero and lives apart from the rule, so that it pickles and resumes; `t` counts the updates
already done; `eta` is a float or a (P,) array; `g` may be used up as scratch. `sgd` is the rule of
the notes, ``Dw = eta delta y``, and nothing else.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

__all__ = ["RULES", "SGD", "Adam", "Momentum", "Nesterov", "Solver", "UpdateRule"]


class Solver(BaseEstimator):
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
    refuses : frozenset of str
        Parameters of the estimators that the solver cannot honour.
    """

    n_slots = 0
    default_eta = 0.01
    full_batch = False
    sum_of_squares = False
    refuses: frozenset[str] = frozenset()

    def check(self) -> None:
        """Raise ValueError if a parameter of the solver is out of its range."""

    def fitted(self, state) -> dict[str, float]:
        """Attributes that the estimator shows after a fit."""
        return {}

    def _check_interval(self, name, low, high, *, closed_low=True):
        value = getattr(self, name)
        real = isinstance(value, (int, float, np.integer, np.floating))
        real = real and not isinstance(value, bool)
        if not (real and (low < value < high or (closed_low and value == low))):
            raise ValueError(
                f"{name} of {type(self).__name__} is {value!r}; it must be a number in "
                f"{'[' if closed_low else '('}{low}, {high})."
            )

    def _check_integer(self, name, low):
        value = getattr(self, name)
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (whole and value >= low):
            raise ValueError(
                f"{name} of {type(self).__name__} is {value!r}; it must be a whole number >= {low}."
            )


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

    def __init__(self, momentum: float = 0.9):
        self.momentum = momentum

    def check(self) -> None:
        """Raise ValueError if momentum is not in [0, 1)."""
        self._check_interval("momentum", 0, 1)

    def step(self, w, g, state, t, eta, cost) -> None:
        """``u = momentum u + eta g; w += u``."""
        (u,) = state
        g *= eta
        u *= self.momentum
        u += g
        w += u


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
        np.multiply(u, self.momentum, out=g)
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
    """

    n_slots = 2
    default_eta = 0.003

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_interval("beta_1", 0, 1)
        self._check_interval("beta_2", 0, 1)
        self._check_interval("epsilon", 0, np.inf, closed_low=False)

    def step(self, w, g, state, t, eta, cost) -> None:
        """One step of algorithm 1, with `g` as the only scratch."""
        m, s = state
        keep_1, keep_2 = 1.0 - self.beta_1, 1.0 - self.beta_2
        correct_1, correct_2 = 1.0 - self.beta_1 ** (t + 1), 1.0 - self.beta_2 ** (t + 1)
        m *= self.beta_1
        g *= keep_1
        m += g
        g *= g
        g *= keep_2 / keep_1**2
        s *= self.beta_2
        s += g
        np.sqrt(s, out=g)
        # m^ / (sqrt(s^) + epsilon), with both corrections moved into scalars
        root = correct_2**0.5
        g += self.epsilon * root
        np.divide(m, g, out=g)
        g *= eta * (root / correct_1)
        w += g


RULES: dict[str, UpdateRule] = {
    "sgd": SGD(),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "adam": Adam(),
}
