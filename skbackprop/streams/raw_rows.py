"""Raw rows, for what learns from a stream: missing values, sparse rows, a new beginning."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from ..estimators.given_data import accept_rows
from ..registry import Checked
from .moments import have_variances

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
        fresh = self._carrier()
        fresh.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if not name.endswith("_") and name not in self._inside
        }
        return fresh

    def _carrier(self) -> Any:
        """Another object of the same content, which may be changed."""
        carrier: Any = object.__new__(type(self))
        carrier.__dict__ = dict(vars(self))
        return carrier

    def _validated(self, carrier: Any, X: Any, *, reset: bool) -> Any:
        """Rows as float64, dense or CSR; what they tell of themselves is written to a carrier."""
        return validate_data(
            carrier,
            accept_rows(_without_na(X)),
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
    return have_variances(X)


def is_plain_row(X: Any, n_columns: int) -> bool:
    """Whether X is an array of one row, whose numbers are all that validation would look at."""
    return type(X) is np.ndarray and X.dtype == _FLOAT and X.shape == (1, n_columns)


def _without_na(X: Any) -> Any:
    """A DataFrame whose columns of objects have NaN for pandas' NA, which no float is made of."""
    if not hasattr(X, "isna") or not hasattr(X, "columns"):
        return X
    has_objects = any(getattr(dtype, "kind", None) == "O" for dtype in X.dtypes)
    return X.where(X.notna(), np.nan) if has_objects else X
