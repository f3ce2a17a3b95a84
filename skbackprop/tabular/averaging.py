"""The weights of members in an average, and the temperature of their probabilities.

All are found on rows that the members have not been trained on. Weights are at least 0, and their
sum is one; each is pulled a little to equal weights, which rules where the rows say little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize, nnls

__all__ = ["best_temperature", "likelihood_weights", "loss_weights", "squared_error_weights"]

_FACTORS = np.exp(np.linspace(-1.2, 1.2, 25))
_STEPS = 200
_LIKELIHOOD_PULL = 0.005
_PULL = 1e-4


def best_temperature(cost: Callable[[float], float]) -> float:
    """Return the factor of the logits, from 0.3 to 3.3, at which a cost is least."""
    return float(min(_FACTORS, key=cost))


def likelihood_weights(likelihoods: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weights of a mixture that make what happened likeliest, by EM.

    ``w_k <- w_k sum_i a_i F_ik / (F w)_i`` for greatest ``sum_i a_i log (F w)_i`` (Dempster, Laird
    and Rubin 1977).

    Parameters
    ----------
    likelihoods : ndarray of shape (n, n_members)
        F: the probability, or density, that each member gave to what happened.
    weights : ndarray of shape (n,)
        a: the weights of the rows; their sum is one.
    """
    n_members = likelihoods.shape[1]
    w = np.full(n_members, 1 / n_members)
    for _ in range(_STEPS):
        share = weights / np.maximum(likelihoods @ w, 1e-9)
        w = w * (share @ likelihoods) + _LIKELIHOOD_PULL / n_members
        w /= w.sum()
    return w


def squared_error_weights(predictions, targets, weights) -> np.ndarray:
    """Return the weights whose average has the least mean squared error, by least squares.

    ``min sum_i a_i (F w - t)_i^2 + 1e-4 |w - 1/k|^2`` on the simplex.

    Parameters
    ----------
    predictions : ndarray of shape (n, n_members)
        F, in units in which the targets have a variance of about one.
    targets : ndarray of shape (n,)
    weights : ndarray of shape (n,)
        a: the weights of the rows; their sum is one.
    """
    n_members = predictions.shape[1]
    root = np.sqrt(weights)
    residuals = (predictions - targets[:, None]) * root[:, None]  # of the average, as sum w = 1
    pull = np.sqrt(_PULL) * np.eye(n_members)
    rows = np.vstack([residuals, pull, np.full((1, n_members), 1e3)])
    wanted = np.concatenate([np.zeros(len(root)), pull.sum(axis=0) / n_members, [1e3]])
    w = nnls(rows, wanted)[0]
    return w / w.sum()


def loss_weights(cost: Callable[[np.ndarray], float], n_members: int) -> np.ndarray:
    """Return the weights of the average at which a cost is least, by SciPy's SLSQP.

    Parameters
    ----------
    cost : callable
        The mean cost of the average with weights (n_members,).
    n_members : int
    """
    equal = np.full(n_members, 1 / n_members)
    unit = max(abs(cost(equal)), 1e-12)  # costs come in any unit
    found = minimize(
        lambda w: cost(w) / unit + _PULL * np.sum((w - equal) ** 2),
        equal,
        method="SLSQP",
        bounds=[(0, 1)] * n_members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )
    w = np.clip(found.x, 0, 1)
    usable = np.isfinite(w).all() and w.sum() > 0
    return w / w.sum() if usable else equal
