"""Raw rows, for what learns from a stream: missing values, sparse rows, a new beginning."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from ..estimators.given_data import accept_rows
from ..registry import Checked
from .moments import LARGEST_VALUE

__all__ = ["TakesRows", "are_plain", "is_plain_row"]

_FLOAT = np.dtype(np.float64)


class TakesRows(Checked):
    """What learns from raw rows, in which NaN is missing, and keeps what it has learned inside.

    Subclasses name the attributes in which they keep it: the first is there from the first row on.
    """

    _inside: tuple[str, ...]

    def __sklearn_tags__(self):
        """Missing values and sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a row has been taken in."""
        return self._inside[0] in vars(self)

    def _fitted(self, name: str) -> Any:
        """What has been learned, for a fitted attribute that is made of it."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return vars(self)[self._inside[0]]

    def _unfitted(self) -> Any:
        """A copy with the parameters alone."""
        fresh: Any = copy.copy(self)
        fresh.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if not name.endswith("_") and name not in self._inside
        }
        return fresh

    def _validated(self, carrier: Any, X: Any, *, reset: bool) -> Any:
        """Rows as float64, dense or CSR; what they tell of themselves is written to a carrier."""
        return validate_data(
            carrier,
            accept_rows(X),
            accept_sparse="csr",
            dtype=_FLOAT,
            ensure_all_finite="allow-nan",
            reset=reset,
        )


def are_plain(X: Any, n_columns: int) -> bool:
    """Whether X is an array in which validation would find nothing to refuse or to change."""
    if type(X) is not np.ndarray or X.dtype != _FLOAT:
        return False
    if X.ndim != 2 or X.shape[1] != n_columns or not len(X):
        return False
    # NaN is missing, and of larger numbers not everything has variances.
    flat = X.ravel()
    return bool(flat.dot(flat) < LARGEST_VALUE**2) or not (np.abs(X) > LARGEST_VALUE).any()


def is_plain_row(X: Any, n_columns: int) -> bool:
    """Whether X is such an array of one row."""
    return type(X) is np.ndarray and X.shape == (1, n_columns) and are_plain(X, n_columns)
