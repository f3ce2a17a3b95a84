"""A table as it comes, read column by column: a DataFrame of pandas or polars, or an array."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Complex, Number, Real
from typing import Any, NoReturn

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from ..estimators.given_data import refuse_masked

__all__ = ["CATEGORY", "NUMBER", "VALUES", "Table", "are_numbers", "read_table"]

# What a column is by its dtype.
NUMBER = "number"
CATEGORY = "category"
VALUES = "values"  # objects or strings: what they are must be seen from the values

_KINDS = {**dict.fromkeys("biuf", NUMBER), CATEGORY: CATEGORY}  # by NumPy's letters; else VALUES
_DATES = (date, time, timedelta, np.datetime64, np.timedelta64)


class Table(ABC):
    """The columns of a table, each as numbers or as values.

    Parameters
    ----------
    data : ndarray or DataFrame of shape (n_rows, n_columns)
        What is read, of the kind that the class is for.
    names : list or None
        The names of the columns, if they have any.
    """

    def __init__(self, data: Any, names: list | None = None):
        self.data = data
        self.names = names
        self.n_rows, self.n_columns = data.shape

    def label(self, j: int) -> str:
        """Return what an error calls column j."""
        return f"column {j if self.names is None else repr(self.names[j])} of X"

    def kind(self, j: int) -> str:
        """Return what column j is by its dtype; ValueError if that cannot be learned from."""
        letter = self._letter(j)
        if letter in ("m", "M"):
            _refuse_dates(self.label(j))
        if letter == "c":
            _refuse_complex(self.label(j))
        return _KINDS.get(letter, VALUES)

    def numbers(self, columns: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return some columns as numbers.

        Parameters
        ----------
        columns : sequence of int or ndarray of int
            Their indices.

        Returns
        -------
        ndarray of shape (n_rows, len(columns)), float64
            NaN where a value is missing. Not to be written to: it may be the table itself.

        Raises
        ------
        ValueError
            If a value is infinite, or no number; the column is named.
        """
        columns = [int(j) for j in columns]
        native = np.array([self.kind(j) == NUMBER for j in columns], bool)
        if native.all():
            numbers = self._numbers(columns)
        else:
            numbers = np.empty((self.n_rows, len(columns)))
            numbers[:, native] = self._numbers(
                [j for j, is_it in zip(columns, native, strict=True) if is_it]
            )
            for i in np.flatnonzero(~native):
                numbers[:, i] = _parse(self.values(columns[i]), self.label(columns[i]))
        infinite = np.isinf(numbers).any(axis=0)
        if infinite.any():
            _refuse_infinity(self.label(columns[int(infinite.argmax())]))
        return numbers

    def values(self, j: int) -> list[Hashable]:
        """Return the values of column j, None where one is missing; ValueError for dates."""
        self.kind(j)
        return _clean(self._values(j), self.label(j))

    @abstractmethod
    def rows(self, mask: np.ndarray) -> Table:
        """Return the table of some rows, by a boolean mask (n_rows,)."""

    @abstractmethod
    def _letter(self, j: int) -> str:
        """NumPy's letter for the kind of column j, or CATEGORY."""

    @abstractmethod
    def _numbers(self, columns: list[int]) -> np.ndarray:
        """Columns that are numbers by dtype, in float64."""

    @abstractmethod
    def _values(self, j: int) -> list:
        """The values of column j as Python objects."""


class _Array(Table):
    def rows(self, mask):
        return _Array(self.data[mask])

    def _letter(self, j):
        return self.data.dtype.kind

    def _numbers(self, columns):
        whole = columns == list(range(self.n_columns))
        return (self.data if whole else self.data[:, columns]).astype(np.float64, copy=False)

    def _values(self, j):
        return self.data[:, j].tolist()


class _Pandas(Table):
    def __init__(self, data):
        super().__init__(data, list(data.columns))
        self._dtypes = list(data.dtypes)

    def rows(self, mask):
        return _Pandas(self.data[mask])

    def _letter(self, j):
        dtype = self._dtypes[j]
        if dtype.kind == "O" and dtype.name.startswith(("category", "dictionary<")):
            return CATEGORY
        return dtype.kind

    def _numbers(self, columns):
        return self.data.iloc[:, columns].to_numpy(dtype=np.float64, na_value=np.nan)

    def _values(self, j):
        return self.data.iloc[:, j].to_numpy(dtype=object).tolist()


class _Polars(Table):
    def __init__(self, data):
        super().__init__(data, list(data.columns))
        self._polars = sys.modules["polars"]
        self._dtypes = data.dtypes

    def rows(self, mask):
        return _Polars(self.data.filter(mask))

    def _letter(self, j):
        dtype, polars = self._dtypes[j], self._polars
        if dtype in (polars.Categorical, polars.Enum):
            return CATEGORY
        if dtype.is_temporal():
            return "M"
        return "f" if dtype.is_numeric() or dtype == polars.Boolean else "O"

    def _numbers(self, columns):
        numbers = np.empty((self.n_rows, len(columns)))
        for i, j in enumerate(columns):
            numbers[:, i] = self.data.to_series(j).cast(self._polars.Float64).to_numpy()
        return numbers

    def _values(self, j):
        return self.data.to_series(j).to_list()


def read_table(X, estimator=None) -> Table:
    """Return the columns of a table.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_rows, n_columns)
        A DataFrame of pandas or polars, whatever has a method `to_pandas` (a pyarrow Table), an
        array of any dtype, or lists of rows.
    estimator : estimator instance or None
        Whom errors about shapes speak of.

    Returns
    -------
    Table
        The columns; nothing is copied that need not be.

    Raises
    ------
    TypeError
        If X is sparse, or not yet computed.
    ValueError
        If X is not two-dimensional, or has no rows or no columns.
    """
    if sparse.issparse(X):
        raise TypeError("Sparse X is not supported: a table has few columns; pass X.toarray().")
    if _is_frame(X, "pandas"):
        return _Pandas(_not_empty(X))
    if _is_frame(X, "polars"):
        return _Polars(_not_empty(X))
    if hasattr(X, "collect"):
        raise TypeError(f"X is a {type(X).__name__}, which is not computed yet: X.collect() is.")
    if hasattr(X, "to_pandas"):
        return read_table(X.to_pandas(), estimator)
    return _Array(_array(X, estimator))


def are_numbers(values: list[Hashable]) -> bool:
    """Tell whether there are values, and each that is not missing is a number."""
    types = set(map(type, values)) - {type(None)}
    return bool(types) and all(issubclass(kind, (Number, np.bool_)) for kind in types)


def _is_frame(X, library: str) -> bool:
    module = sys.modules.get(library)  # who has a DataFrame has imported it
    return module is not None and isinstance(X, module.DataFrame)


def _not_empty(frame):
    for what, count in zip(("sample", "feature"), frame.shape, strict=True):
        if not count:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={frame.shape}) while a minimum of 1 is "
                "required."
            )
    return frame


def _array(X, estimator) -> np.ndarray:
    refuse_masked(X, "X")
    taken = {"dtype": None, "ensure_all_finite": False, "estimator": estimator}
    array = check_array(X, **taken)
    if array.dtype.kind in "US" and not hasattr(X, "dtype"):
        # Among lists, NumPy makes strings of the numbers that stand beside strings.
        return check_array(X, **{**taken, "dtype": object})
    return array


def _clean(values: list, label: str) -> list[Hashable]:
    """Values of which None alone is missing; refuses those that are no categories."""
    types = set(map(type, values))
    if types == {str}:
        return values
    for kind in types:
        _check_type(kind, label)
    missing = {kind for kind in types if kind is type(None) or kind.__name__ == "NAType"}
    maybe_nan = {kind for kind in types if issubclass(kind, (float, np.floating, Decimal))}
    if not missing and not maybe_nan:
        return values
    return [None if type(v) in missing or (type(v) in maybe_nan and v != v) else v for v in values]


def _check_type(kind: type, label: str) -> None:
    if issubclass(kind, _DATES) or kind.__name__ == "Period":
        _refuse_dates(label)
    if issubclass(kind, Complex) and not issubclass(kind, Real):
        _refuse_complex(label)
    if kind.__hash__ is None:
        raise TypeError(
            f"{label} holds a {kind.__name__}: the argument must be a string or a number."
        )


def _parse(values: list[Hashable], label: str) -> np.ndarray:
    """The numbers that a column of objects holds."""
    if not are_numbers(values):
        for value in values:
            if value is not None and not are_numbers([value]):
                raise ValueError(
                    f"{label} must hold numbers, and holds {value!r}. If these are categories, "
                    "say so in categorical_features (by its dtype, with 'from_dtype'), and fit."
                )
    try:
        return np.array([np.nan if v is None else float(v) for v in values])  # type: ignore
    except OverflowError:
        _refuse_infinity(label)


def _refuse_dates(label: str) -> NoReturn:
    raise ValueError(
        f"{label} holds dates or times, which say nothing to a network as they are. Derive numbers "
        "from them first (year, month, weekday, seconds since a day that matters), or turn them "
        "into strings if they are categories."
    )


def _refuse_complex(label: str) -> NoReturn:
    raise ValueError(f"Complex data not supported: {label} holds complex numbers.")


def _refuse_infinity(label: str) -> NoReturn:
    raise ValueError(
        f"{label} holds infinity, or a number too large for float64. Make it NaN if it is "
        "missing, or a large number if it is one."
    )
