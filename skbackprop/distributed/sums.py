"""Sums over rows that lie in partitions: each worker sums over its own, and the sums are added.

The rows count by the same factors, and are divided by the same number, as if they lay together; so
the sums are those of `RowSums` but for the order of the additions. That order is fixed: neither the
number of workers nor which of them is lost changes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..losses.head import Head
from ..network.network import Network
from ..network.objective import CostSums
from ..network.row_sums import RowSums, jacobian_rows

__all__ = ["Block", "PartitionSums", "added", "same"]

_FAN_IN = 8  # results that are added in one place


@dataclass
class Block:
    """The rows of a partition that are trained on, on a worker.

    Attributes
    ----------
    X, targets : ndarray or CSR
    scale : ndarray of shape (n,) or None
        Weights of mean one over the rows of all partitions.
    """

    X: Any
    targets: Any
    scale: np.ndarray | None


class PartitionSums:
    """Sums over the rows of all partitions, see `objective.Sums`.

    Parameters
    ----------
    client : distributed.Client
    network : Network
        Its `w` is left alone.
    head : Head
    blocks : list of distributed.Future
        Of a `Block` each.
    sizes : list of int
        Rows of each block.
    total_weight : float
        Of all rows, as the user gave them.
    """

    def __init__(
        self, client, network: Network, head: Head, blocks: list, sizes: list[int], total_weight
    ):
        self.n_rows = sum(sizes)
        self.total_weight = total_weight
        self._client, self._blocks = client, blocks
        self._network, self._largest = network, max(sizes)
        own = network.with_parameters(network.w.copy())
        self._shared = client.submit(same, (own, head, self.n_rows), pure=False)

    @property
    def jacobian_rows(self) -> int:
        """Rows (n_samples times output neurons) of the Jacobian that a worker holds at a time."""
        return jacobian_rows(self._network, self._largest)

    def value(self, w: np.ndarray) -> CostSums:
        """The sums of the cost."""
        return CostSums(*self._sum(_value, w))

    def correction(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Cost, and ``-dE/dw``, (P,) in float64, a new array."""
        return self._sum(_correction, w)

    def gauss_newton(self, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Cost, ``-dE/dw``, and the lower triangle of ``J'J``, new arrays."""
        cost, g, H = self._sum(_gauss_newton, w)
        return cost, g, np.asfortranarray(H)

    def _sum(self, part: Callable, w: np.ndarray) -> tuple:
        w_there = self._client.submit(same, w.copy(), pure=False)
        parts = self._client.map(part, self._blocks, shared=self._shared, w=w_there, pure=False)
        return added(self._client, parts)


def same(value: Any) -> Any:
    """Return what is given.

    As a task of its own it is sent once, fetched by each worker from another, and sent again where
    all that had it are lost.
    """
    return value


def added(client, parts: list) -> tuple:
    """The sums, entry by entry, of tuples that lie on workers."""
    while len(parts) > 1:
        groups = [parts[i : i + _FAN_IN] for i in range(0, len(parts), _FAN_IN)]
        parts = [client.submit(_add, group, pure=False) for group in groups]
    total = client.gather(parts[0])
    # What a worker of this very process gives is its own.
    return tuple(np.array(entry) if isinstance(entry, np.ndarray) else entry for entry in total)


@np.errstate(over="ignore", invalid="ignore")
def _add(parts: list[tuple]) -> tuple:
    return tuple(sum(entries[1:], start=entries[0]) for entries in zip(*parts, strict=True))


def _rows(block: Block, shared) -> RowSums:
    network, head, n_rows = shared
    return RowSums(network, head, (block.X, block.targets, block.scale), whole=n_rows)


@np.errstate(over="ignore", invalid="ignore")
def _value(block: Block, shared, w) -> tuple:
    return tuple(_rows(block, shared).value(w))


@np.errstate(over="ignore", invalid="ignore")
def _correction(block: Block, shared, w) -> tuple:
    return _rows(block, shared).correction(w)


@np.errstate(over="ignore", invalid="ignore")
def _gauss_newton(block: Block, shared, w) -> tuple:
    return _rows(block, shared).gauss_newton(w)
