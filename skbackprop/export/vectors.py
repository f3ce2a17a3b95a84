"""What a model computes of one row, as vectors: the one form that all exports are written from.

A vector is a few numbers of a row, and how they come from other vectors: by a product with weights,
by a formula for each number, by a sum. The formulas are traced from the NumPy source of activations
and losses, as for the compiled engine (`engines.symbols`), so that each is written once, and one of
the user's own comes out like those of the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.row_symbols import HALF, NEURONS, RowTrace, reduction_of
from ..engines.symbols import Node, Trace

__all__ = [
    "Affine",
    "Backward",
    "Constant",
    "Formula",
    "Input",
    "Join",
    "Largest",
    "Reduce",
    "Sort",
    "Take",
    "Vector",
    "formula",
    "in_order",
    "row_formula",
]


@dataclass(frozen=True, eq=False)
class Vector:
    """Some numbers of a row; the base of all kinds.

    Attributes
    ----------
    size : int
        How many numbers.
    """

    size: int

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The vectors that this one is computed from."""
        return ()


@dataclass(frozen=True, eq=False)
class Input(Vector):
    """Numbers that the caller gives.

    Attributes
    ----------
    name : str
    """

    name: str


@dataclass(frozen=True, eq=False)
class Constant(Vector):
    """Numbers of the model: weights, the centres of a scaler.

    Attributes
    ----------
    values : ndarray
        A matrix of weights is (n_in, n_out), and counts as one vector, row after row.
    """

    values: np.ndarray

    @classmethod
    def of(cls, values: Any) -> Constant:
        """Make the vector of some numbers, which are not copied."""
        values = np.asarray(values)
        return cls(values.size, values)

    @property
    def place(self) -> tuple[int, int]:
        """Where the numbers lie in memory: two of the same weights are in the same place."""
        return self.values.__array_interface__["data"][0], self.size


@dataclass(frozen=True, eq=False)
class Formula(Vector):
    """Numbers that are each computed in the same way.

    Attributes
    ----------
    result : Node
        The formula.
    leaves : dict of int to Vector
        By the ids of nodes in it: where their numbers come from. Those of size 1 go with all.
    """

    result: Node
    leaves: Mapping[int, Vector]

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The vectors that the formula reads."""
        return tuple(self.leaves.values())


@dataclass(frozen=True, eq=False)
class Affine(Vector):
    """Induced local fields, ``v_j = sum_i w_ji y_i + b_j``."""

    y: Vector
    weights: Constant
    bias: Constant

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The signals, weights and biases."""
        return self.y, self.weights, self.bias


@dataclass(frozen=True, eq=False)
class Backward(Vector):
    """Error signals, ``e_i = sum_k delta_k w_ki``."""

    delta: Vector
    weights: Constant

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The local gradients and the weights."""
        return self.delta, self.weights


@dataclass(frozen=True, eq=False)
class Take(Vector):
    """Some numbers of a vector, by their places."""

    of: Vector
    places: tuple[int, ...]

    @classmethod
    def some(cls, of: Vector, places: Iterable[int]) -> Vector:
        """Take places of a vector; all in their order are the vector itself."""
        chosen = tuple(int(place) for place in places)
        return of if chosen == tuple(range(of.size)) else cls(len(chosen), of, chosen)

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The vector."""
        return (self.of,)


@dataclass(frozen=True, eq=False)
class Join(Vector):
    """Vectors one after the other."""

    parts: tuple[Vector, ...]

    @classmethod
    def all(cls, parts: Sequence[Vector]) -> Vector:
        """Join vectors; a single one is itself."""
        return parts[0] if len(parts) == 1 else cls(sum(p.size for p in parts), tuple(parts))

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The parts."""
        return self.parts


@dataclass(frozen=True, eq=False)
class Reduce(Vector):
    """A single number: the sum, the greatest or the least of a vector.

    Attributes
    ----------
    operation : {"add", "maximum", "minimum"}
    """

    of: Vector
    operation: str

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The vector."""
        return (self.of,)


@dataclass(frozen=True, eq=False)
class Sort(Vector):
    """The numbers of a vector, the least first."""

    of: Vector

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The vector."""
        return (self.of,)


@dataclass(frozen=True, eq=False)
class Largest(Vector):
    """The place of the greatest number of a vector, of equals the first: a single number."""

    of: Vector

    @property
    def operands(self) -> tuple[Vector, ...]:
        """The vector."""
        return (self.of,)


def formula(function: Callable[..., Any], *vectors: Vector, dtype=np.float64) -> Formula:
    """Make the vector that an elementwise NumPy function gives for some vectors.

    Parameters
    ----------
    function : callable
        Called once, with a symbol in the place of each array.
    *vectors : Vector
        All of one size, or of size 1.
    dtype : dtype
        Of the arrays that it would be given.

    Raises
    ------
    Untraceable
        If the function does what has no formula.
    """
    trace = Trace(dtype=dtype)
    nodes = [trace.symbol(f"x{i}").node for i in range(len(vectors))]
    symbols = [trace.symbol_type(trace, node) for node in nodes]
    result = trace.number(trace.call(function, *symbols))
    read = set(map(id, _nodes_in(result)))
    leaves = {id(n): vector for n, vector in zip(nodes, vectors, strict=True) if id(n) in read}
    return Formula(max(vector.size for vector in vectors), result, leaves)


def _nodes_in(node: Node) -> list[Node]:
    """A node and all that it is made of, each once."""
    found: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if id(node) not in found:
            found[id(node)] = node
            for operand in node.operands:
                visit(operand)

    visit(node)
    return list(found.values())


def row_formula(
    function: Callable[..., Any], signals: Mapping[str, Vector], dtype=np.float64
) -> Vector:
    """Make the vector that a NumPy function of rows gives: one that may sum over neurons.

    Parameters
    ----------
    function : callable
        It takes arrays (n_rows, n_units), and gives such an array, or its two halves.
    signals : dict of str to Vector
        Its arguments, all of one size.
    dtype : dtype

    Raises
    ------
    Untraceable
        If the function mixes rows, or does what has no formula.
    """
    n_units = next(iter(signals.values())).size
    trace = RowTrace(n_units, dtype)
    given = trace.call(function, *(trace.signal(name) for name in signals))
    parts = given if isinstance(given, tuple) else (given,)
    writer = _RowFormulas(trace, signals)
    return Join.all([writer.vector(trace.number(part)) for part in parts])


class _RowFormulas:
    """Turns the nodes of a `RowTrace` into vectors."""

    def __init__(self, trace: RowTrace, signals: Mapping[str, Vector]):
        self._trace = trace
        self._signals = signals
        self._known: dict[int, Vector] = {}

    def vector(self, node: Node) -> Vector:
        """The vector of a node: a formula of all that is read or summed up for it."""
        while node.operation in ("positive", "view"):
            (node,) = node.operands
        self._reduce_in(node)
        leaves: dict[int, Vector] = {}
        self._collect(node, leaves)
        return leaves.get(id(node)) or Formula(self._size(node), node, leaves)

    def _size(self, node: Node) -> int:
        n = self._trace.n_units
        return n // 2 if HALF in node.axes else n if NEURONS in node.axes else 1

    def _reduce_in(self, node: Node) -> None:
        """Make the sums that a node needs, and keep what was summed up: it may be needed again."""
        if id(node) in self._known:
            return
        for operand in node.operands:
            self._reduce_in(operand)
        if reduction_of(node):
            (each,) = node.operands
            vector = self._known[id(each)] = self.vector(each)
            self._known[id(node)] = Reduce(1, vector, reduction_of(node))

    def _collect(self, node: Node, leaves: dict[int, Vector]) -> None:
        """Find where the numbers of a formula come from."""
        if node.operation == "read" and id(node) not in self._known:
            self._known[id(node)] = self._read(node)
        if id(node) in self._known:
            leaves[id(node)] = self._known[id(node)]
        else:
            for operand in node.operands:
                self._collect(operand, leaves)

    def _read(self, node: Node) -> Vector:
        name, _, place = node.text.rstrip("]").partition("[")
        if name == "columns":
            return Constant.of(self._trace.columns[int(place.partition(" ")[0])])
        signal, n = self._signals[name], self._size(node)
        return Take.some(signal, range(n, 2 * n) if place.startswith("n // 2") else range(n))


def in_order(results: Iterable[Vector]) -> list[Vector]:
    """List the vectors that results need, each after those that it is computed from."""
    ordered: dict[Vector, None] = {}

    def visit(vector: Vector) -> None:
        if vector not in ordered:
            for operand in vector.operands:
                visit(operand)
            ordered[vector] = None

    for result in results:
        visit(result)
    return list(ordered)
