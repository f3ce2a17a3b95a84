"""Rows of data, dense or sparse: taken in batches, weighed, and multiplied with weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["BLOCK_ROWS", "add_outer", "affine", "row_blocks", "take_rows", "with_mean_one"]


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


BLOCK_ROWS = 4096  # rows whose signals are held at a time


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
