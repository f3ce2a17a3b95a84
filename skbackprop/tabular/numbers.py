"""Columns of numbers as the transformers take them: dense, finite or missing."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from ..estimators.given_data import accept_rows
from ..estimators.offenders import naming

__all__ = ["check_numbers", "validate_numbers"]

_ACCEPTED = {"dtype": (np.float64, np.float32), "ensure_all_finite": "allow-nan"}


@naming("X")
def check_numbers(transformer, X) -> np.ndarray:
    """Return X as an array (n_samples, n_features) of float64, or of float32 if it is.

    Raises
    ------
    ValueError, TypeError
        If X is sparse, not of two dimensions, empty, no numbers, infinite, or masked in places.
    """
    with np.errstate(over="ignore"):  # of long doubles; inf is refused
        return check_array(accept_rows(X), estimator=transformer, input_name="X", **_ACCEPTED)


@naming("X")
def validate_numbers(transformer, X) -> np.ndarray:
    """Return X as `check_numbers` does, if it also has the columns that a fitted transformer saw.

    Raises
    ------
    ValueError, TypeError
        As `check_numbers` does, or if the number or the names of the columns are others.
    """
    with np.errstate(over="ignore"):
        return validate_data(transformer, accept_rows(X), reset=False, **_ACCEPTED)
