"""What users give as rows, targets and weights, before scikit-learn validates it.

scikit-learn's validation turns into numbers what is none: a masked entry counts as what lies under
the mask, a date or a missing one (NaT) as its nanoseconds, and None among targets passes. Here such
values are refused, each with a sentence that says what would be right.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import isfinite
from typing import Any

import numpy as np
from scipy import sparse

from ..network.rows import checked_csr

__all__ = [
    "accept_groups",
    "accept_rows",
    "accept_targets",
    "accept_values",
    "is_surely_finite",
    "refuse_masked",
]

# Numbers that are copied at next to no cost, and whose product BLAS does not share among threads,
# which may be busy.
_PIECE = 2**13
_TIMES = (np.datetime64, np.timedelta64, date, timedelta)


def accept_values(given: Any, name: str) -> Any:
    """Return what is given, a list as an array, if its entries are there and of equal length.

    Parameters
    ----------
    given : array-like
    name : str
        What the error message calls it.

    Raises
    ------
    ValueError
        If it is a masked array with masked entries, a list whose rows differ in length, or a sparse
        matrix with an index out of range.
    """
    refuse_masked(given, name)
    if not isinstance(given, (list, tuple)):
        return checked_csr(given, name)
    try:
        return np.asarray(given)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            f"{name} is a list whose rows differ in length, or are nested unevenly; every row "
            "needs as many entries."
        ) from error


def refuse_masked(given: Any, name: str) -> None:
    """Raise ValueError if what is given is a masked array with masked entries."""
    if isinstance(given, np.ma.MaskedArray) and np.any(given.mask):
        raise ValueError(
            f"{name} is a masked array, and {np.count_nonzero(given.mask)} of its entries are "
            f"masked: missing values. Drop their rows, or fill them in: {name}.filled(...)."
        )


def is_surely_finite(A: np.ndarray) -> bool:
    """Whether the sum of squares of an array of numbers is finite; one that would be copied: no."""
    if A.size <= _PIECE:
        return isfinite(np.vdot(A, A))  # which does not warn of what overflows
    flat = A if A.flags.c_contiguous else A.T
    if not flat.flags.c_contiguous:
        return False
    numbers = flat.reshape(-1)
    for start in range(0, numbers.size, _PIECE):
        piece = numbers[start : start + _PIECE]
        if not isfinite(np.vdot(piece, piece)):
            return False
    return True


def accept_rows(X: Any, name: str = "X") -> Any:
    """Return `X` as it is given, lists, text and objects as arrays of numbers, without dates.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame}
    name : str
        What the error message calls it.

    Raises
    ------
    ValueError
        As `accept_values` does, or if text is no number.
    TypeError
        If there are dates, times or durations, which have no unit as numbers, or other objects.
    """
    values = accept_values(X, name)
    _refuse_times(values, name)
    if not isinstance(values, np.ndarray):
        return values
    if values is not X and values.dtype.kind == "f":
        return values.astype(np.float64, copy=False)  # the numbers of a list are float64
    return _as_numbers(values, name) if values.dtype.kind in "OSU" else values


def accept_targets(y: Any, *, numeric: bool) -> Any:
    """Return `y` as it is given, a list as an array, if nothing is missing in it.

    Parameters
    ----------
    y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
    numeric : bool
        Whether numbers are wanted: then text and objects become float64. Else they are labels.

    Raises
    ------
    ValueError
        If targets are missing (NaN, None, NaT, masked) or infinite, or are no real numbers where
        numbers are wanted.
    TypeError
        If they are dates, durations or other objects where numbers are wanted.
    """
    y = accept_values(y, "y")
    if y is None or sparse.issparse(y):
        return y
    if "O" in _kinds(y):
        y = np.asarray(y)
        _refuse_missing(_missing_objects(y), "NaN" if numeric else "missing values")
        if not numeric and y.ndim == 2 and y.shape[1] > 1:
            return _as_indicator(y)
    if numeric:
        _refuse_times(y, "y")
        if "c" in _kinds(y):
            raise ValueError("y: Complex data not supported; give real numbers, such as y.real.")
        if _kinds(y) & set("OSU"):
            y = _as_numbers(np.asarray(y), "y")
    kinds = _kinds(y)
    if kinds in ({"m"}, {"M"}):
        _refuse_missing(np.isnat(np.asarray(y)), "missing values")
    elif kinds == {"f"}:
        _refuse_missing(np.isnan(np.asarray(y)), "NaN")
        if numeric:
            _refuse_infinite(np.asarray(y))
    return y


def accept_groups(groups: Any, n_rows: int) -> np.ndarray:
    """Return the groups of rows as an array (n_rows,), of which none is missing.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Numbers, strings or whatever sorts.
    n_rows : int

    Raises
    ------
    ValueError
        If they are of another shape, if some are missing, or do not sort.
    """
    values = np.asarray(accept_values(groups, "groups"))
    if values.shape == (n_rows, 1):
        values = values[:, 0]
    if values.shape != (n_rows,):
        raise ValueError(
            f"groups has shape {values.shape}; it must be ({n_rows},): a group for each row."
        )
    missing = np.zeros(n_rows, bool)
    if values.dtype.kind in "fmM":
        missing = values != values  # NaN and NaT
    elif values.dtype.kind == "O":
        missing = _missing_objects(values)
    if missing.any():
        raise ValueError(
            f"groups has missing values {_where(missing)}; every row needs a group, if only "
            "one of its own."
        )
    try:
        np.unique(values)
    except TypeError:
        kinds = sorted({type(group).__name__ for group in values.tolist()})
        raise ValueError(
            f"groups mixes values of types that do not sort: {kinds}; make all of them strings."
        ) from None
    return values


def _kinds(values: Any) -> set[str]:
    """The kinds of an array's, a Series' or a frame's data, by NumPy's letters."""
    dtypes = getattr(values, "dtypes", getattr(values, "dtype", None))
    listed = dtypes if np.iterable(dtypes) and not isinstance(dtypes, np.dtype) else [dtypes]
    return {getattr(dtype, "kind", "") for dtype in listed}


def _refuse_times(values: Any, name: str) -> None:
    kinds = _kinds(values)
    objects = np.asarray(values).flat if "O" in kinds else ()
    if kinds & set("mM") or any(isinstance(entry, _TIMES) for entry in objects):
        raise TypeError(
            f"{name} holds dates, times or durations, which are no numbers; give them in a unit "
            "of your choice, such as (t - t0) / np.timedelta64(1, 'D'), without missing ones."
        )


def _missing_objects(y: np.ndarray) -> np.ndarray:
    return np.fromiter(map(_is_missing, y.flat), bool, y.size).reshape(y.shape)


def _is_missing(entry: Any) -> bool:
    if entry is None or type(entry).__name__ in ("NAType", "NaTType"):  # of pandas
        return True
    try:
        return bool(entry != entry)
    except (TypeError, ValueError):
        return False


def _refuse_missing(missing: np.ndarray, what: str) -> None:
    if not missing.any():
        return
    several = missing.ndim == 2 and missing.shape[1] > 1
    advice = ", or fit an estimator for each output, on the rows that have it" if several else ""
    raise ValueError(f"y contains {what} {_where(missing)}; drop these rows{advice}.")


def _refuse_infinite(y: np.ndarray) -> None:
    finite = np.isfinite(y)
    if not finite.all():
        raise ValueError(
            f"y contains infinity {_where(~finite)}; drop these rows, or give finite numbers."
        )


def _where(wrong: np.ndarray) -> str:
    by_row = wrong.reshape(len(wrong) if wrong.ndim else 1, -1).any(axis=1)
    rows = np.flatnonzero(by_row)
    listed = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    return f"in {len(rows)} of {by_row.size} rows ({listed})"


def _as_numbers(values: np.ndarray, name: str) -> np.ndarray:
    try:
        return values.astype(np.float64)
    except TypeError as error:
        raise TypeError(f"{name} must be numbers: {error}.") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be numbers within float64: {error}.") from error


def _as_indicator(y: np.ndarray) -> np.ndarray:
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y is a matrix of objects that are not all numbers: {error}. Give a 0/1 indicator "
            "matrix of labels, or one class per row."
        ) from error
