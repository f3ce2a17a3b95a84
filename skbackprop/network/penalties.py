"""Penalties on the weights, added to the average cost: L2, L1 and their mix.

The cost that is minimised is ``E_av + alpha * (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2)``, over
the weights and never the biases. ``alpha`` is not divided by the number of samples.
"""

from __future__ import annotations

import numpy as np

__all__ = ["ElasticNet"]


class ElasticNet:
    """``alpha * (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2)`` (Zou and Hastie 2005).

    L1 enters by its subgradient ``sign(w)`` (0 at 0): weights come close to zero, and do not stay
    exactly there.

    Parameters
    ----------
    is_weight : ndarray of shape (P,) or None
        1 where the flat vector holds a weight, 0 where it holds a bias; None will do if `alpha`
        is 0.
    alpha : float
        Strength, >= 0; 0 is no penalty.
    l1_ratio : float in [0, 1]
        0 is L2 only, 1 is L1 only.

    Attributes
    ----------
    strengths : (float, float)
        The factors of ``|w|_1`` and of ``|w|_2^2 / 2``.
    """

    def __init__(self, is_weight: np.ndarray | None, alpha: float = 0.0, l1_ratio: float = 0.0):
        self.l1 = self.l2 = None
        self.strengths = float(alpha * l1_ratio), float(alpha * (1.0 - l1_ratio))
        if alpha and is_weight is not None:
            self.l1 = self.strengths[0] * is_weight if l1_ratio > 0 else None
            self.l2 = self.strengths[1] * is_weight if l1_ratio < 1 else None

    def value(self, w: np.ndarray) -> float:
        """The penalty at `w`."""
        value = 0.0
        if self.l1 is not None:
            value += float(np.dot(self.l1, np.abs(w)))
        if self.l2 is not None:
            value += 0.5 * float(np.dot(self.l2 * w, w))
        return value

    def correct(self, w: np.ndarray, g: np.ndarray) -> None:
        """Add the penalty's own ``-d/dw`` to the correction `g`, in place."""
        if self.l1 is not None:
            g -= self.l1 * np.sign(w)
        if self.l2 is not None:
            g -= self.l2 * w
