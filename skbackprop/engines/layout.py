"""Where the signals of a few rows lie, for `batch_kernels`: in one array, layer after layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

import numpy as np

from ..network.memory import aligned_zeros
from ..network.network import Network

__all__ = ["PANEL_ROWS", "Room", "is_small", "layers_of", "scratch_of"]

# Rows that go through a network together, whose signals stay in the first caches. An epoch takes
# 1.1 times as long with 12, as long with 48 or 192, and with all 2000 of a batch 1.4 times (AMD
# EPYC, Zen 1, 30 features and 100 neurons).
PANEL_ROWS = 96

# Weights of a layer up to which the products of `products` pay, in bytes. At 256 rows they run at
# 1.1 times the rate of OpenBLAS with 0.5 MB, at 0.85 with 2 MB, 0.75 with 8 and 0.5 with 32 (AMD
# EPYC, a second-level cache of 1 MB); what is between the products gains as much as 0.85 loses.
_MOST_BYTES = 2**21


def is_small(network: Network) -> bool:
    """Whether the products of `products` are as fast as BLAS for all layers of a network."""
    largest = max(n_in * n_out for n_in, n_out in pairwise(network.sizes))
    return largest * network.w.itemsize <= _MOST_BYTES


class Room:
    """Counts the numbers that are asked for, and gives an array with room for all of them."""

    def __init__(self, dtype: np.dtype):
        self._dtype = dtype
        self._line = 64 // dtype.itemsize
        self._size = 0

    def stride(self, n_neurons: int) -> int:
        """The numbers from a row of signals to the next: not a multiple of 512 bytes.

        Else the rows of a batch would share few places of the first-level cache.
        """
        return n_neurons + (self._line if n_neurons % (8 * self._line) == 0 else 0)

    def take(self, count: int) -> int:
        """Where so many numbers begin, at a cache line."""
        start = self._size
        self._size += -(-int(count) // self._line) * self._line
        return start

    def numbers(self) -> np.ndarray:
        """Zeros, with room for all that was taken."""
        return aligned_zeros(self._size + self._line, self._dtype)


def layers_of(
    kernels: ModuleType,
    network: Network,
    n_rows: int,
    room: Room,
    rates: Sequence[float] | None = None,
) -> np.ndarray:
    """A row for each layer of weights: its sizes, and where its signals are.

    Parameters
    ----------
    kernels : module
        `batch_kernels`, which says what each column is.
    network : Network
    n_rows : int
        Of a batch.
    room : Room
        For the signals.
    rates : sequence of float, optional
        Of dropout, for the signals that enter each layer.

    Returns
    -------
    ndarray of shape (n_layers, n_columns)
    """
    layers = np.zeros((network.n_layers, kernels.N_COLUMNS), np.int64)
    strides = [*map(room.stride, network.sizes[:-1]), network.sizes[-1]]
    entering, weights = room.take(n_rows * strides[0]), 0
    for layer, (n_in, n_out) in enumerate(pairwise(network.sizes)):
        row, (stride_in, stride_out) = layers[layer], strides[layer : layer + 2]
        if rates is not None and rates[layer]:
            row[kernels.GATES] = room.take(n_rows * stride_in)
            entering = room.take(n_rows * stride_in) if layer else entering
        row[kernels.N_IN], row[kernels.N_OUT], row[kernels.WEIGHTS] = n_in, n_out, weights
        row[kernels.STRIDE_IN], row[kernels.STRIDE_OUT] = stride_in, stride_out
        row[kernels.ENTERING] = entering
        for column in (kernels.FIELDS, kernels.OUTPUTS, kernels.GRADIENTS):
            row[column] = room.take(n_rows * stride_out)
        row[kernels.TRANSPOSED] = room.take(n_in * n_out)
        entering, weights = row[kernels.OUTPUTS], weights + (n_in + 1) * n_out
    return layers


def scratch_of(kernels: ModuleType, layers: np.ndarray, n_rows: int, room: Room) -> int:
    """Where scratch begins, for the signals of any layer or the norms of its neurons."""
    return room.take(n_rows * layers[:, kernels.STRIDE_OUT].max())
