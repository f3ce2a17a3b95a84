"""Update rules that need the whole batch in each update: the Rprop family and Quickprop."""

from __future__ import annotations

import numpy as np

from .rule import RULES, UpdateRule

__all__ = ["IRpropMinus", "IRpropPlus", "Quickprop"]


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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import IRpropMinus
    >>> rule = IRpropMinus()
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.22, -0.22])
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import IRpropPlus
    >>> rule = IRpropPlus()
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.22, -0.22])
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Quickprop
    >>> rule = Quickprop(mu=1.75)
    >>> w, state = np.zeros(2), np.zeros((rule.n_slots, 2))
    >>> for t in range(2):
    ...     rule.step(w, np.array([1.0, -0.1]), state, t, 0.1, 0.0)
    >>> w
    array([ 0.375 , -0.0375])
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


RULES.update({"irprop+": IRpropPlus(), "irprop-": IRpropMinus(), "quickprop": Quickprop()})
