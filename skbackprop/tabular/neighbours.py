"""The neighbours of an average: the nearest training rows, by the columns that networks look at.

Where rows repeat each other, or nearly, they tell more than a smooth function does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors

from ..estimators.base import Backprop

__all__ = ["Neighbours", "relevances"]

_N_NEIGHBOURS = 20
_LEAST_DISTANCE = 1e-3  # in units of that of two rows at random


class Neighbours:
    """The weighted mean of the targets of the nearest rows, the nearer the heavier.

    With `r_j` the relevance of column `j`, `a_i` the weight of row `i`, and the sum over the
    20 nearest rows,

        d_i^2 = sum_j r_j^2 (x_j - x_ij)^2        y = sum_i t_i a_i / d_i^2 / sum_i a_i / d_i^2

    Parameters
    ----------
    relevance : ndarray of shape (n_columns,)
        At least 0, in any unit.
    """

    def __init__(self, relevance: np.ndarray):
        self.relevance = relevance

    def fit(self, X, targets, weights=None) -> Neighbours:
        """Keep the rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
        targets : ndarray of shape (n_samples, n_targets)
            Numbers, or marks of classes.
        weights : ndarray of shape (n_samples,) or None
            Above zero.
        """
        self.scale_ = self.relevance / _distance_at_random(X * self.relevance)
        self.rows_ = X * self.scale_
        self.targets_ = targets
        self.weights_ = weights
        self.mean_ = np.average(targets, axis=0, weights=weights)
        return self

    def predict(self, X) -> np.ndarray:
        """Return the means (n_samples, n_targets) of the neighbours of rows."""
        # A search without a tree takes no time to set up, so that arrays are all there is to keep.
        search = NearestNeighbors(n_neighbors=self._count, algorithm="brute").fit(self.rows_)
        distances, rows = search.kneighbors(X * self.scale_)
        weights = (distances + _LEAST_DISTANCE) ** -2
        if self.weights_ is not None:
            weights *= self.weights_[rows]
        weights /= weights.sum(axis=1, keepdims=True)
        return np.einsum("ik,ikj->ij", weights, self.targets_[rows])

    def logits(self, X, least: float) -> np.ndarray:
        """Return the logarithms of the shares of classes among the neighbours, not below `least`.

        The shares of all rows count as one more neighbour.
        """
        shares = (self._count * self.predict(X) + self.mean_) / (self._count + 1)
        return np.log(np.maximum(shares, np.exp(least)))

    @property
    def _count(self) -> int:
        """How many rows are near."""
        return min(_N_NEIGHBOURS, len(self.rows_))


def relevances(networks: Sequence[Backprop], n_columns: int) -> np.ndarray:
    """Return what the first layers of networks make of each column: the mean of `|g_j| |w_j|`.

    Parameters
    ----------
    networks : sequence of Backprop
        Fitted, with gains `g`; the columns are the first of their inputs.
    n_columns : int

    Returns
    -------
    ndarray of shape (n_columns,)
    """
    strengths = [np.abs(n.gains_) * np.linalg.norm(n.coefs_[0], axis=1) for n in networks]
    return np.mean([s[:n_columns] for s in strengths], axis=0)


def _distance_at_random(Z) -> float:
    """The root of the mean squared distance of two rows; 1 if all are the same."""
    squared = 2 * Z.var(axis=0, dtype=np.float64).sum()
    return float(np.sqrt(squared)) if squared > 0 else 1.0
