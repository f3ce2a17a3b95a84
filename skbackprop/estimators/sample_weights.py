"""The weights of rows that a user gives, to train by and to score by."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array

from .given_data import accept_rows, accept_targets
from .targets import plain_targets

__all__ = ["accept_scored", "check_weights"]


def check_weights(sample_weight, X, name: str) -> np.ndarray | None:
    """Weights (n,) of the rows of X: finite, >= 0 (all zero is the caller's question), or None."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weights = _plain_weight(sample_weight, X.dtype)
    if weights is None:
        sample_weight = accept_rows(sample_weight, name)
        try:
            with np.errstate(over="ignore"):  # of a long double; inf is refused
                weights = check_array(
                    sample_weight, ensure_2d=False, dtype=X.dtype, input_name=name
                )
        except (TypeError, ValueError, OverflowError) as error:
            told = str(error)
            raise ValueError(told if name in told else f"{name}: {told}") from error
    if weights.shape != (X.shape[0],):
        raise ValueError(f"{name} has shape {weights.shape}; expected ({X.shape[0]},).")
    if (weights < 0).any():
        raise ValueError(f"{name} has negative values, the least {weights.min()}; it must be >= 0.")
    return weights


def accept_scored(y: Any, sample_weight: Any, prediction, *, numeric: bool) -> tuple[Any, Any]:
    """Return the targets and weights (or None) that a prediction is scored by, accepted.

    Raises
    ------
    ValueError, TypeError
        As `accept_targets` and `check_weights` do, or if there are no targets.
    """
    if y is None:
        raise ValueError("y is None; score compares the predictions with targets: give them.")
    every_row = np.empty((len(prediction), 0))
    y = accept_targets(y, numeric=numeric)
    return y, check_weights(sample_weight, every_row, "sample_weight")


def _plain_weight(sample_weight, dtype) -> np.ndarray | None:
    """The weights, if scikit-learn would find nothing in them to refuse; else None."""
    if plain_targets(sample_weight, numeric=True) is None:
        return None
    with np.errstate(over="ignore"):
        weights = np.asarray(sample_weight, dtype)
    return weights if np.isfinite(weights).all() else None
