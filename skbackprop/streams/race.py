"""The vote of networks that race: each counts by its recent losses.

The prediction is ``sum_m q_m p_m`` with ``q_m = exp(-L_m / 2) / sum_k exp(-L_k / 2)``, and after
each row ``L_m <- discount L_m + loss_m``: Hedge (Freund and Schapire 1997) with discounted losses.
As a loss is a negative log-likelihood, q is what Bayes' rule makes of the rows that still count,
each believed by half: networks that learn the same rows err together, so that each row tells less.
"""

from __future__ import annotations

import numpy as np

__all__ = ["SHARPNESS", "Race"]

SHARPNESS = 0.5  # what the losses are multiplied by in the weights


class Race:
    """Discounted losses of networks, and their weights in the vote.

    Parameters
    ----------
    n_networks : int
    discount : float in (0, 1)
        What a loss counts a row later.

    Attributes
    ----------
    table : ndarray of shape (2, n_networks)
        All of the following, which are its rows.
    losses, weights : ndarray of shape (n_networks,)
        Discounted losses, and weights in the vote.
    """

    def __init__(self, n_networks: int, discount: float):
        self.discount = discount
        self.table = np.zeros((2, n_networks))
        self.weights[...] = 1.0 / n_networks

    losses = property(lambda self: self.table[0])
    weights = property(lambda self: self.table[1])

    def record(self, losses: np.ndarray) -> None:
        """Count the losses (n_networks,) of a row."""
        so_far, weights = self.table
        so_far *= self.discount
        so_far += losses
        np.subtract(np.minimum.reduce(so_far), so_far, out=weights)
        weights *= SHARPNESS
        np.exp(weights, out=weights)
        weights /= np.add.reduce(weights)
