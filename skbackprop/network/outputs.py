"""The outputs of a network for rows of any number, in bounded memory."""

from __future__ import annotations

import numpy as np

from .network import Network
from .rows import BLOCK_ROWS, row_blocks

__all__ = ["outputs_of"]


def outputs_of(network: Network, X, rows=None) -> tuple[np.ndarray, np.ndarray]:
    """``(v, y)`` of the output neurons for `rows` (all), in bounded blocks; no shared writes.

    What overflows is infinite, and not warned of.
    """
    n_rows = X.shape[0] if rows is None else len(rows)
    if rows is None and n_rows <= BLOCK_ROWS:
        with np.errstate(all="ignore"):
            return network.respond(X)
    v = np.empty((n_rows, network.sizes[-1]), network.w.dtype)
    y = np.empty_like(v)
    for block in row_blocks(n_rows, BLOCK_ROWS):
        v[block], y[block] = outputs_of(network, X[block if rows is None else rows[block]])
    return v, y
