"""Rows of data, dense or sparse: taken in batches, weighed, and multiplied with weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

__all__ = [
    "BLOCK_ROWS",
    "ROUND_OFF",
    "SHARE",
    "add_outer",
    "affine",
    "checked_csr",
    "column_moments",
    "moment_sums",
    "moments_of",
    "row_blocks",
    "row_of_origin",
    "row_shares",
    "take_rows",
    "with_mean_one",
]


def affine(X, W, b, out=None):
    """``X W + b``, written into `out` if there is one; X is dense or CSR and is never densified."""
    if isinstance(X, np.ndarray):
        out = np.dot(X, W, out=out)
    elif out is None:
        out = X @ W
    else:
        out[...] = X @ W
    out += b
    return out


def add_outer(X, delta, out):
    """Write the sum over rows of the outer products ``y_i delta_j`` into `out`, (n_in, n_out)."""
    if isinstance(X, np.ndarray):
        np.dot(X.T, delta, out=out)
    else:
        out[...] = X.T @ delta
    return out


def checked_csr(A, name: str = "X"):
    """`A` as CSR whose indices are all within it; what is not sparse, as it is.

    SciPy's compiled code trusts the indices of a sparse matrix, and neither SciPy nor scikit-learn
    looks at all of them: one out of range, from a file of elsewhere, reads and writes memory that
    is not the matrix's.

    Parameters
    ----------
    A : object
        Of any sparse format; what is not CSR is converted.
    name : str
        What `A` is to the user.

    Raises
    ------
    ValueError
        If an index of `A` is out of range, or no whole number.
    """
    if type(A) is np.ndarray or not sparse.issparse(A) or A.ndim != 2:
        return A
    if A.format in ("csr", "csc", "bsr"):
        _check_compressed(A, name)
    elif A.format == "coo":
        for indices, size in zip((A.row, A.col), A.shape, strict=True):
            _check_indices(indices, size, name)
        if not len(A.row) == len(A.col) == len(A.data):
            raise _broken(name, "it has not as many row and column indices as numbers")
    if A.format == "csr":
        return A
    A = A.tocsr()
    _check_compressed(A, name)  # of lil, say, whose lists nobody has looked at
    return A


def _check_compressed(A, name: str) -> None:
    """Refuse a CSR, CSC or BSR matrix that is none."""
    major, minor = A.shape if A.format != "csc" else A.shape[::-1]
    if A.format == "bsr":
        major, minor = major // A.blocksize[0], minor // A.blocksize[1]
    indptr, indices = A.indptr, A.indices
    if indptr.dtype.kind != "i" or indptr.shape != (major + 1,) or indptr[0] != 0:
        raise _broken(name, f"indptr must be {major + 1} whole numbers that begin with 0")
    if indptr[-1] > min(len(indices), len(A.data)):
        raise _broken(name, "indptr ends beyond its numbers")
    if major > 1 and (indptr[1:] < indptr[:-1]).any():
        raise _broken(name, "indptr decreases")
    _check_indices(indices, minor, name)


def _check_indices(indices: np.ndarray, size: int, name: str) -> None:
    """Refuse all but whole numbers in [0, size)."""
    if indices.dtype.kind != "i" or indices.ndim != 1:
        raise _broken(name, f"its indices have dtype {indices.dtype}, not int32 or int64")
    # Read as unsigned a negative one is large: one pass, which a single row can afford.
    unsigned = indices.view(f"u{indices.itemsize}")
    if len(indices) and np.maximum.reduce(unsigned) >= size:
        wrong = indices[unsigned >= size][0]
        raise _broken(name, f"it has index {wrong}, out of range for {size}")


def _broken(name: str, why: str) -> ValueError:
    return ValueError(
        f"{name} is a broken sparse matrix: {why}. Make it anew from rows, columns and numbers."
    )


SHARE = 2.0**-64  # of costs whose sum overflows: it is exact, and there are fewer rows

ROUND_OFF = 10.0  # times eps: what varies by less, of its size, is constant

BLOCK_ROWS = 4096  # rows whose signals are held at a time
_MOMENT_ROWS = 256  # rows of inputs that are held in float64


def take_rows(A, rows, out=None):
    """Rows of `A` (dense, memory-mapped or CSR), contiguous; `rows` is a slice or indices.

    `out` gives an array for them, and is asked only if there is something to copy. None is all
    rows, as they are.
    """
    if rows is None:
        return A
    if not isinstance(A, np.ndarray):
        return A[rows]
    if isinstance(rows, slice):
        return np.ascontiguousarray(A[rows])
    if out is not None:
        return np.take(A, rows, axis=0, out=out(), mode="clip")
    return A[rows]


def row_blocks(rows: int | np.ndarray, size: int) -> Iterator[slice | np.ndarray]:
    """`rows`, a number of them or their indices, in pieces of at most `size`."""
    n_rows = rows if isinstance(rows, int) else len(rows)
    for start in range(0, n_rows, size):
        piece = slice(start, min(start + size, n_rows))
        yield piece if isinstance(rows, int) else rows[piece]


def with_mean_one(weights: np.ndarray, rows=None) -> np.ndarray:
    """Sample weights over their mean on `rows` (all), whatever their size; zero elsewhere."""
    counted = weights if rows is None else weights[rows]
    counted = counted / counted.max()
    counted /= counted.mean()
    if rows is None:
        return counted
    scale = np.zeros_like(weights)
    scale[rows] = counted
    return scale


def row_shares(n_rows: int, weights: np.ndarray | None = None, rows=None) -> np.ndarray:
    """The part of each of `rows` (all n_rows) in a weighted mean, in float64: they sum to one."""
    count = n_rows if rows is None else len(rows)
    shares = np.full(count, 1.0 / count)
    if weights is not None:
        counted = weights if rows is None else weights[rows]
        shares *= with_mean_one(counted.astype(np.float64))
    return shares


def column_moments(X, shares: np.ndarray, rows=None) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of each column of X, (n_features,) each, in float64.

    Parameters
    ----------
    X : ndarray or CSR
    shares : ndarray of shape (n,)
        Of the rows, see `row_shares`.
    rows : ndarray of int, optional
        The rows that count; None is all.
    """
    origin = row_of_origin(X, 0 if rows is None else rows[0])
    return moments_of(origin, *moment_sums(X, shares, origin, rows))


def row_of_origin(X, row: int):
    """What `moment_sums` counts from: a row, so that a large mean leaves a deviation its digits."""
    return X[row].astype(np.float64) if isinstance(X, np.ndarray) else 0.0


def moment_sums(X, shares: np.ndarray, origin, rows=None) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums of ``x - origin`` and of its square, (n_features,) each, in float64."""
    numbers = np.arange(X.shape[0]) if rows is None else rows
    first, second = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for block in row_blocks(len(numbers), _MOMENT_ROWS):
            A = take_rows(X, numbers[block])
            A = A - origin if isinstance(A, np.ndarray) else A.astype(np.float64)
            first += shares[block] @ A
            second += shares[block] @ (
                A * A if isinstance(A, np.ndarray) else A.multiply(A).tocsr()
            )
    return first, second


def moments_of(origin, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, (n_features,) each, from the sums of `moment_sums`."""
    with np.errstate(over="ignore", invalid="ignore"):
        return origin + first, np.sqrt(np.maximum(second - first * first, 0.0))
