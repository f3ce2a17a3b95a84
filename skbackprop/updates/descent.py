"""Update rules along the correction: the bare rule, and the rule with momentum."""

from __future__ import annotations

import numpy as np

from .rule import RULES, UpdateRule

__all__ = ["Momentum", "Nesterov", "SGD"]


class SGD(UpdateRule):
    """Steepest descent, ``Dw = eta g``: at one row a batch ``Dw_ji = eta delta_j y_i``.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import SGD
    >>> rule = SGD()
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.2 , -0.02])
    """

    default_eta = 0.005
    eta_of_rows = 0.02

    def step(self, w, g, state, t, eta, cost) -> None:
        """``w += eta g``."""
        g *= eta
        w += g


class Momentum(UpdateRule):
    """``u = momentum u + eta g; w += u`` (Rumelhart et al. 1986, the generalised delta rule).

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Momentum
    >>> rule = Momentum(momentum=0.9)
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.29 , -0.029])
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Nesterov
    >>> rule = Nesterov(momentum=0.9)
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.461 , -0.0461])
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


RULES.update({"sgd": SGD(), "momentum": Momentum(), "nesterov": Nesterov()})
