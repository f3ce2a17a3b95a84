"""Which argument an error is about, where scikit-learn's or NumPy's own words do not say it.

"Expected 2D array, got 1D array instead" may be said of X and of X_val, "could not convert string
to float" of X and of y.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array

from .compatibility import count_samples

__all__ = ["naming", "naming_rows_or_targets"]

F = TypeVar("F", bound=Callable[..., Any])

_ABOUT_DATA = (ValueError, TypeError, OverflowError)
_NAMES = re.compile(
    r"\b(X|y|X_val|y_val|sample_weight|sample_weight_val|class_weight|solver)\b"
    r"|\bclasses(=| is | has )"
)


def naming(name: str) -> Callable[[F], F]:
    """Decorate a function whose errors are about the argument `name`, unless they say otherwise."""

    def decorate(function):
        @wraps(function)
        def named(*args, **kwargs):
            try:
                return function(*args, **kwargs)
            except _ABOUT_DATA as error:
                _raise_with(name, error)

        return named

    return decorate


def naming_rows_or_targets(validate: F) -> F:
    """Decorate the method ``validate(self, carrier, X, y, ...)``: its errors say which of the two.

    What is refused is looked at once more; what is taken costs nothing.
    """

    @wraps(validate)
    def named(self, carrier, X, y, *args, **kwargs):
        try:
            return validate(self, carrier, X, y, *args, **kwargs)
        except _ABOUT_DATA as error:
            _raise_with(_refused(X, y), error)

    return named  # type: ignore[return-value]


def _refused(X, y) -> str:
    try:
        # Of any sparse form: SciPy would crash where it made a broken one into another.
        with np.errstate(over="ignore"):  # of long doubles
            checked = check_array(X, accept_sparse=True, dtype=np.float64, ensure_all_finite=False)
    except _ABOUT_DATA:
        return "X"
    try:
        return "X and y" if count_samples(y) != checked.shape[0] else "y"
    except TypeError:
        return "y"


def _raise_with(name: str, error: Exception) -> None:
    """Raise the error, in the name of its argument if it gives none."""
    told = str(error)
    if isinstance(error, NotFittedError) or _NAMES.search(told):
        raise error
    kind = TypeError if isinstance(error, TypeError) else ValueError
    raise kind(f"{name}: {told}") from error
