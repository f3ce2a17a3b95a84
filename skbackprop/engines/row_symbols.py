"""What a NumPy function of rows computes, such as a loss, as the text of scalar code for one row.

As in `symbols`, a function is called once, with a `RowSymbol` in the place of each array. That is
an array with a number for each row and neuron, and it knows its axes: so it may be summed over the
neurons, be given an axis, or be cut into two halves. Out come loops over the neurons of one row,
one after the other, because what needs the sum of a row can begin when that is known.

A function that mixes rows, or sorts neurons, say, is refused with an `Untraceable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .symbols import Node, Symbol, Trace, Untraceable

__all__ = ["HALF", "NEURONS", "ROWS", "RowSymbol", "RowTrace", "reduction_of"]


# What an axis counts; ONE has a single entry, which fits any other.
ROWS, NEURONS, HALF, ONE = "rows", "neurons", "half of the neurons", "one"
_RANGES = {NEURONS: "n", HALF: "n // 2"}
# Reductions, by the name of the ufunc: what each begins with, and one more number.
_REDUCTIONS = {
    "add": ("0.0", "{} + {}"),
    "maximum": ("-math.inf", "where({0} < {1}, {1}, {0})"),
    "minimum": ("math.inf", "where({1} < {0}, {1}, {0})"),
}
_ALL = slice(None)


class RowSymbol(Symbol):
    """An array with a number for each row and neuron, of which only the name is known."""

    __slots__ = ()
    __hash__ = None
    trace: RowTrace

    def _seen_as(self, axes: tuple[str, ...]) -> RowSymbol:
        return RowSymbol(self.trace, self.trace.seen_as(self.node, axes))

    # -- what NumPy hands over ---------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        if method == "reduce" and ufunc.__name__ in _REDUCTIONS:
            return inputs[0]._over(ufunc.__name__, **settings)
        if method == "__call__" and ufunc.__name__ == "vecdot":
            return self._of("multiply", *inputs)._over("add", -1, **settings)
        return super().__array_ufunc__(ufunc, method, *inputs, **settings)

    # -- what arrays have --------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, whose number of rows may not be asked for."""
        n = self.trace.n_units
        sizes = {ROWS: _UNKNOWN, NEURONS: n, HALF: n // 2, ONE: 1}
        return _Shape(sizes[axis] for axis in self.node.axes)

    @property
    def size(self) -> int:
        """Refused: it goes by the number of rows."""
        raise Untraceable("it asks how many rows there are")

    @property
    def T(self) -> RowSymbol:  # noqa: N802
        """The axes the other way round."""
        return self._seen_as(self.node.axes[::-1])

    def sum(self, axis=None, **settings) -> RowSymbol:
        """``np.sum``, over the neurons."""
        return self._over("add", axis, **settings)

    def max(self, axis=None, **settings) -> RowSymbol:
        """``np.max``, over the neurons."""
        return self._over("maximum", axis, **settings)

    def min(self, axis=None, **settings) -> RowSymbol:
        """``np.min``, over the neurons."""
        return self._over("minimum", axis, **settings)

    def mean(self, axis=None, **settings) -> RowSymbol:
        """``np.mean``, over the neurons."""
        return self._over("add", axis, **settings) / self.shape[axis]

    def _over(self, operation: str, axis=None, keepdims=False, dtype=None, out=None) -> RowSymbol:
        axes = self.node.axes
        if axis is None or axes[axis] == ROWS or out is not None:
            raise Untraceable("it mixes rows")
        i = axis % len(axes)
        left = (*axes[:i], *([ONE] if keepdims else []), *axes[i + 1 :])
        node = self.node
        if axes[axis] != ONE:
            node = self.trace.over(operation, node)
        return RowSymbol(self.trace, self.trace.seen_as(node, left))

    def __getitem__(self, key) -> Any:
        axes = self.node.axes
        if not isinstance(key, tuple) or len(key) != 2:
            return super().__getitem__(key)
        first, last = key
        if last is None and (first is Ellipsis or (first == _ALL and len(axes) == 1)):
            return self._seen_as((*axes, ONE))
        if first == _ALL and axes == (ROWS, NEURONS) and isinstance(last, slice):
            return self._half(last)
        if first == _ALL and last == 0 and len(axes) == 2 and self.shape[1] == 1:
            return self.sum(axis=1)  # of a single column, it is the column
        return super().__getitem__(key)

    def _half(self, columns: slice) -> Any:
        n = self.trace.n_units
        bounds = columns.start or 0, n if columns.stop is None else columns.stop, columns.step
        if n % 2 or bounds not in ((0, n // 2, None), (n // 2, n, None)):
            return super().__getitem__(columns)  # which says why not
        return RowSymbol(self.trace, self.trace.half(self.node, is_second=bounds[1] == n))


_UNKNOWN = -1  # a number of rows


class _Shape(tuple):
    """A shape with the numbers of neurons, but not of rows."""

    def __getitem__(self, axis):
        size = super().__getitem__(axis)
        if size == _UNKNOWN or isinstance(size, tuple):
            raise Untraceable("it asks how many rows there are")
        return size

    def __iter__(self):
        return (self[axis] for axis in range(len(self)))


def _einsum(subscripts, *operands, **settings) -> RowSymbol:
    parts = subscripts.replace(" ", "").replace("->", ",").split(",")
    if settings or len(parts) != 3 or parts[0] != parts[1] or parts[2] != parts[0][:-1]:
        raise Untraceable(f"np.einsum({subscripts!r}) has no scalar counterpart here")
    a, b = operands
    return np.multiply(a, b).sum(axis=-1)


def _hstack(halves, **settings) -> tuple:
    if settings or len(halves) != 2:
        raise Untraceable("it puts together what are not two halves of the neurons")
    return tuple(halves)


def _like(a, value: float) -> RowSymbol:
    return RowSymbol(a.trace, a.trace.seen_as(a.trace.node(value), a.node.axes))


RowSymbol.functions = {
    **Symbol.functions,
    "sum": lambda a, axis=None, **settings: a.sum(axis, **settings),
    "max": lambda a, axis=None, **settings: a.max(axis, **settings),
    "min": lambda a, axis=None, **settings: a.min(axis, **settings),
    "amax": lambda a, axis=None, **settings: a.max(axis, **settings),
    "amin": lambda a, axis=None, **settings: a.min(axis, **settings),
    "mean": lambda a, axis=None, **settings: a.mean(axis, **settings),
    "einsum": _einsum,
    "hstack": _hstack,
    "ones_like": lambda a, *_, **__: _like(a, 1.0),
    "zeros_like": lambda a, *_, **__: _like(a, 0.0),
    "empty_like": lambda a, *_, **__: _like(a, 0.0),
    "full_like": lambda a, value, *_, **__: _like(a, value),
}


class RowTrace(Trace):
    """Calls functions of arrays (n_rows, n_units), and writes down what they do to one row.

    Parameters
    ----------
    n_units : int
        Neurons. The code is for any number of them, unless a function goes by it.
    dtype : dtype, default=float64
        Of the arrays that the symbols stand for.

    Attributes
    ----------
    columns : list of ndarray of shape (n_units,)
        Arrays with a number for each neuron, which a function brings with it: data to the code.
    """

    symbol_type = RowSymbol

    def __init__(self, n_units: int, dtype: DTypeLike = np.float64):
        super().__init__(dtype=dtype)
        self.n_units = n_units
        self.columns: list[np.ndarray] = []

    def signal(self, name: str) -> RowSymbol:
        """A symbol of an array (n_rows, n_units), of which the code has a row by that name."""
        return RowSymbol(self, self._read(f"{name}_j", f"{name}[j]", (ROWS, NEURONS)))

    def _read(self, name: str, place: str, axes: tuple[str, ...]) -> Node:
        """A number that a loop over the neurons reads from its place."""
        node = Node("read", (), place, True, axes)
        return self._nodes.setdefault(("read", name, axes), node)

    def half(self, node: Node, *, is_second: bool) -> Node:
        """One half of the neurons of a signal."""
        if node.operation != "read":
            raise Untraceable("it picks out neurons of what it has computed")
        name = node.text.partition("[")[0]
        index = "n // 2 + j" if is_second else "j"
        return self._read(f"{name}_{is_second}", f"{name}[{index}]", (ROWS, HALF))

    def seen_as(self, node: Node, axes: tuple[str, ...]) -> Node:
        """The symbol of the same number with other axes."""
        if axes == node.axes:
            return node
        view = Node("view", (node,), "{}", node.varies, axes)
        view.is_truth = node.is_truth
        return self._nodes.setdefault(("view", id(node), axes), view)

    def over(self, operation: str, node: Node) -> Node:
        """``add``, ``maximum`` or ``minimum`` over the neurons."""
        node = self._converted(node, False)
        made = Node(f"over {operation}", (node,), _REDUCTIONS[operation][1], False)
        return self._nodes.setdefault((made.operation, id(node)), made)

    def axes_of(self, operands: tuple[Node, ...]) -> tuple[str, ...]:
        """The axes of arrays that are broadcast against each other."""
        common: list[str] = []
        for axes in (node.axes for node in operands):
            common = [ONE] * (len(axes) - len(common)) + common
            start = len(common) - len(axes)
            for i, axis in enumerate(axes, start):
                if ONE not in (axis, common[i]) and axis != common[i]:
                    raise Untraceable(f"it brings together {axis} and {common[i]}")
                common[i] = axis if common[i] == ONE else common[i]
        return tuple(common)

    def node(self, value: Any) -> Node:
        """The node of a symbol or a number, or of an array with a number for each neuron."""
        if not isinstance(value, np.ndarray) or value.ndim == 0:
            return super().node(value)
        if value.size not in (1, self.n_units) or value.dtype.kind not in "biuf":
            raise Untraceable(f"it works with {value!r:.60}, not with a number for each neuron")
        column = np.broadcast_to(value.astype(np.float64).ravel(), self.n_units)
        known = [i for i, other in enumerate(self.columns) if np.array_equal(other, column)]
        if not known:
            self.columns.append(column)
        i = known[0] if known else len(self.columns) - 1
        return self._read(f"column {i}", f"columns[{i} * n + j]", (NEURONS,))

    def code(self, value: Any, place: str, signal: Any) -> list[str]:
        """The lines that compute one row: a number to return, and a signal to write.

        Parameters
        ----------
        value : RowSymbol
            The number, (n_rows,).
        place : str
            The array that the signal is written to.
        signal : RowSymbol or pair of RowSymbol
            (n_rows, n_units), or its two halves.

        Returns
        -------
        list of str
            In the names of the signals and parameters, and ``n``, the number of neurons.
        """
        result = self.result(value, (ROWS,))
        if isinstance(signal, tuple):
            first, second = (self.result(half, (ROWS, HALF)) for half in signal)
            return _Loops().lines(result, {f"{place}[j]": first, f"{place}[n // 2 + j]": second})
        return _Loops().lines(result, {f"{place}[j]": self.result(signal, (ROWS, NEURONS))})

    def result(self, value: Any, wanted: tuple[str, ...]) -> Node:
        """The node of a result, which must fit an array of some axes."""
        node = self.number(value)
        pairs = zip(reversed(node.axes), reversed(wanted), strict=False)
        if len(node.axes) > len(wanted) or any(axis not in (ONE, other) for axis, other in pairs):
            given, wants = (" x ".join(axes) for axes in (node.axes, wanted))
            raise Untraceable(f"it gives an array of {given}, which must be {wants}")
        return self.seen_as(node, wanted)


class _Loops:
    """Writes the loops over the neurons of a row: those on which others wait come first."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}  # of numbers that are the same for all neurons
        self._levels: dict[int, int] = {}
        self._n_names = 0

    def lines(self, value: Node, stores: dict[str, Node]) -> list[str]:
        """The lines that return a value, with a node stored at each place."""
        roots = (value, *stores.values())
        sums = list(dict.fromkeys(total for root in roots for total in _sums_in(root)))
        looped = [*(total.operands[0] for total in sums), *stores.values()]
        lines: list[str] = []
        for level in range(1 + max(map(self._level, looped))):
            for axis in _RANGES:
                here = [total for total in sums if self._is_in(total.operands[0], level, axis)]
                written = {p: node for p, node in stores.items() if self._is_in(node, level, axis)}
                if here or written:
                    lines += self._loop(axis, here, written)
        result = self._reference(value, lines, lines, {})
        return [*lines, f"return {result}"]

    def _level(self, node: Node) -> int:
        """How many loops must have ended before a node is computed."""
        if id(node) not in self._levels:
            level = max(map(self._level, node.operands), default=0)
            self._levels[id(node)] = level + _is_over(node)
        return self._levels[id(node)]

    def _is_in(self, node: Node, level: int, axis: str) -> bool:
        return self._level(node) == level and axis in node.axes

    def _loop(self, axis: str, sums: list[Node], stores: dict[str, Node]) -> list[str]:
        before: list[str] = []
        inside: list[str] = []
        names: dict[int, str] = {}  # of numbers of one neuron, in this loop
        last = []
        for total in sums:
            operand = self._reference(total.operands[0], before, inside, names)
            name = self._names[id(total)] = self._new_name("r")
            before.append(f"{name} = {_REDUCTIONS[reduction_of(total)][0]}")
            last.append(f"{name} = {total.text.format(name, operand)}")
        for place, node in stores.items():
            last.append(f"{place} = {self._reference(node, before, inside, names)}")
        body = [f"    {line}" for line in (*inside, *last)]
        return [*before, f"for j in range({_RANGES[axis]}):", *body]

    def _reference(self, node: Node, once: list[str], each: list[str], names: dict) -> str:
        """How a line calls a node; the line of its own, if it has one, is written before."""
        if node.operation is None:
            return f"({node.text})" if node.text.startswith("-") else node.text
        if node.operation == "view":
            return self._reference(node.operands[0], once, each, names)
        known, lines = (names, each) if node.varies else (self._names, once)
        if id(node) not in known:
            operands = [self._reference(operand, once, each, names) for operand in node.operands]
            text = node.text.format(*operands)
            known[id(node)] = name = self._new_name("a" if node.varies else "c")
            lines.append(f"{name} = {f'float({text})' if node.operation == 'read' else text}")
        return known[id(node)]

    def _new_name(self, letter: str) -> str:
        self._n_names += 1
        return f"{letter}{self._n_names}"


def reduction_of(node: Node) -> str:
    """The reduction of a node, or nothing."""
    return (node.operation or "").partition("over ")[2]


def _is_over(node: Node) -> bool:
    return bool(reduction_of(node))


def _sums_in(node: Node) -> Iterator[Node]:
    """The reductions that a node needs, those that come first first."""
    for operand in node.operands:
        yield from _sums_in(operand)
    if _is_over(node):
        yield node
