"""The vote of networks that race: each counts by its recent losses.

The prediction is ``sum_m q_m p_m`` with ``q_m = exp(-L_m) / sum_k exp(-L_k)``, and after each row
``L_m <- discount L_m + loss_m``: Hedge (Freund and Schapire 1997) with discounted losses. As a loss
is a negative log-likelihood, q is what Bayes' rule makes of the rows that still count.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Race"]


class Race:
    """Discounted losses of networks, and their weights in the vote.

    Parameters
    ----------
    n_networks : int
    discount : float in (0, 1)
        What a loss counts a row later.

    Attributes
    ----------
    losses, weights : ndarray of shape (n_networks,)
    """

    def __init__(self, n_networks: int, discount: float):
        self.discount = discount
        self.losses = np.zeros(n_networks)
        self.weights = np.full(n_networks, 1.0 / n_networks)

    @property
    def winner(self) -> int:
        """The network with the least discounted loss."""
        return int(self.losses.argmin())

    def record(self, losses: np.ndarray) -> None:
        """Count the losses (n_networks,) of a row."""
        self.losses *= self.discount
        self.losses += losses
        np.subtract(self.losses.min(), self.losses, out=self.weights)
        np.exp(self.weights, out=self.weights)
        self.weights /= self.weights.sum()

    def level(self, loser: int) -> None:
        """Give a restarted network the loss of the winner, whose weights it has."""
        self.losses[loser] = self.losses[self.winner]
