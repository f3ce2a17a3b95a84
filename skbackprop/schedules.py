"""Schedules of the learning rate: ``t -> multiplier of eta``, t = updates done so far.

A schedule sees the update count and nothing else, so a chunk of rows trains as its rows do one at
a time. Any callable is a schedule. The one that looks at the loss, `Adaptive`, acts between epochs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator

__all__ = ["SCHEDULES", "Adaptive", "InverseScaling", "constant"]

Schedule = Callable[[int], float]


def constant(t):
    """eta as it is: the rule of the notes."""
    return np.ones_like(t, dtype=float) if np.ndim(t) else 1.0


class InverseScaling(BaseEstimator):
    """``(t + 1) ** -power`` (Robbins and Monro 1951 ask for 1/2 < power <= 1).

    Parameters
    ----------
    power : float, default=0.5
        Exponent, > 0.
    """

    def __init__(self, power: float = 0.5):
        self.power = power

    def __call__(self, t):
        """Multiplier after t updates."""
        return (t + 1.0) ** -self.power


class Adaptive(BaseEstimator):
    """Divide eta by `factor` each time the epochs stop improving, and stop below `floor`.

    Acts in ``fit`` only, as in scikit-learn's MLP; ``partial_fit`` keeps the eta that it reached.

    Parameters
    ----------
    factor : float, default=5.0
        Divisor, > 1.
    floor : float, default=1e-6
        Training stops once eta (the largest, if there is one per layer) is not above it.
    """

    acts_on_plateau = True

    def __init__(self, factor: float = 5.0, floor: float = 1e-6):
        self.factor = factor
        self.floor = floor

    def __call__(self, t):
        """Constant between plateaus."""
        return constant(t)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "invscaling": InverseScaling(),
    "adaptive": Adaptive(),
}
