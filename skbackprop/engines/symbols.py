"""What an elementwise NumPy function computes, as the text of a scalar one.

A function such as ``dphi(v, y)`` is called once, with a `Symbol` in the place of each array. A
symbol goes through the function as one element of the array would, and writes down what happens to
it. Nothing is parsed, so any function will do that treats all elements alike: a built-in or a
user's own, a lambda, a `functools.partial`, a ufunc. Out comes straight-line code in the names of
`math` and of `kernels`, from which the compiled pass is made: each formula is written once, for
NumPy, and this is how it gets there.

A function that looks at the value of its argument (``if v > 0``), mixes elements (``v.sum()``), or
calls what has no scalar counterpart is refused with an `Untraceable` that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from ..signal_handlers import Watch

__all__ = ["Lines", "Node", "Symbol", "Trace", "Untraceable"]


class Untraceable(TypeError):
    """A function does what has no scalar text."""


# Operations on numbers, by the name of the ufunc; {} are the operands.
_NUMBERS = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "positive": "{}",
    "absolute": "abs({})",
    "maximum": "where({0} < {1}, {1}, {0})",
    "minimum": "where({1} < {0}, {1}, {0})",
    "where": "where({}, {}, {})",
    "power": "math.pow({}, {})",
    "arctan2": "math.atan2({}, {})",
    "hypot": "math.hypot({}, {})",
    **{name: f"{name}({{}})" for name in ("exp", "expm1", "expit", "log1p", "tanh")},
    **{f"arc{name}": f"math.a{name}({{}})" for name in ("sin", "cos", "tan")},
    **{f"arc{name}": f"math.a{name}({{}})" for name in ("sinh", "cosh", "tanh")},
    **{name: f"math.{name}({{}})" for name in ("sqrt", "log", "log2", "log10", "erf", "erfc")},
    **{name: f"math.{name}({{}})" for name in ("sin", "cos", "tan", "sinh", "cosh")},
    **{name: f"float(math.{name}({{}}))" for name in ("floor", "ceil")},
}
_COMPARISONS = {
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
    "isfinite": "math.isfinite({})",
    "isnan": "math.isnan({})",
}
# Operations on truth values. Both operands are evaluated: a branch would stop vector code.
_LOGIC = {
    "logical_and": "{} & {}",
    "logical_or": "{} | {}",
    "logical_xor": "{} != {}",
    "logical_not": "not {}",
}
_PATTERNS = {**_NUMBERS, **_COMPARISONS, **_LOGIC}
# Operations that are made of others.
_COMPOUNDS: dict[str, Callable] = {
    "fabs": lambda do, a: do("absolute", a),
    "fmax": lambda do, a, b: do("maximum", a, b),
    "fmin": lambda do, a, b: do("minimum", a, b),
    "reciprocal": lambda do, a: do("divide", 1.0, a),
    "square": lambda do, a: do("multiply", a, a),
    "exp2": lambda do, a: do("power", 2.0, a),
    "float_power": lambda do, a, b: do("power", a, b),
    "heaviside": lambda do, a, b: do(
        "where", do("greater", a, 0.0), 1.0, do("where", do("less", a, 0.0), 0.0, b)
    ),
    "sign": lambda do, a: do(
        "where", do("greater", a, 0.0), 1.0, do("where", do("less", a, 0.0), -1.0, a)
    ),
    "logaddexp": lambda do, a, b: do(
        "add",
        do("maximum", a, b),
        do("log1p", do("exp", do("negative", do("absolute", do("subtract", a, b))))),
    ),
    "bitwise_and": lambda do, a, b: do("logical_and", a, b),
    "bitwise_or": lambda do, a, b: do("logical_or", a, b),
    "bitwise_xor": lambda do, a, b: do("logical_xor", a, b),
    "invert": lambda do, a: do("logical_not", a),
    "xlogy": lambda do, a, b: do(
        "where", do("equal", a, 0.0), 0.0, do("multiply", a, do("log", b))
    ),
}
# Exponents that NumPy has a quicker way for.
_POWERS = {"2.0": "square", "1.0": "positive", "0.5": "sqrt", "-1.0": "reciprocal"}


class Node:
    """One number of the scalar code: a name or constant, or an operation on other nodes."""

    __slots__ = ("axes", "is_truth", "operands", "operation", "text", "value", "varies")

    def __init__(
        self,
        operation: str | None,
        operands: tuple[Node, ...],
        text: str,
        varies: bool,
        axes: tuple[str, ...] = (),
    ):
        self.operation = operation
        self.operands = operands
        self.text = text  # of a name or constant; of an operation, its pattern
        self.varies = varies  # from element to element
        self.axes = axes  # of the array of which it is an element, where that counts
        self.is_truth = operation in _COMPARISONS or operation in _LOGIC
        self.value: float | None = None  # by which a function may decide


class Trace:
    """Calls functions on symbols, and writes down what they compute.

    Parameters
    ----------
    sized : bool, default=True
        Whether symbols have a shape, that of a single number. A function of which only the whole
        is known to be elementwise may ask for one; where the result could depend on it, give False.
    dtype : dtype, default=float64
        Of the arrays that the symbols stand for. The code is for it alone where a function asks.
    """

    symbol_type: ClassVar[type[Symbol]]

    def __init__(self, *, sized: bool = True, dtype: DTypeLike = np.float64):
        self.sized = sized
        self.dtype = _DType(dtype)
        self._nodes: dict[tuple, Node] = {}

    def symbol(self, name: str, *, varies: bool = True, value: float | None = None) -> Symbol:
        """A symbol that the text calls `name`; the same for all elements unless it `varies`.

        With a `value`, a function may ask whether it is zero; the text is then that for this case.
        """
        symbol = self.symbol_type(self, Node(None, (), name, varies))
        symbol.node.value = value
        return symbol

    def call(self, function: Callable, *arguments: Any) -> Any:
        """What `function` returns; an Untraceable where it cannot be followed."""
        with Watch(), np.errstate(all="ignore"):  # a signal's handler is no part of the function
            try:
                return function(*arguments)
            except Untraceable:
                raise
            except Exception as error:
                raise Untraceable(f"{type(error).__name__}: {error}") from error

    def operate(self, operation: str, *operands: Any) -> Node:
        """The node of an operation; the same operation on the same operands is the same node."""
        if operation in _COMPOUNDS:
            return _COMPOUNDS[operation](self.operate, *operands)
        if operation not in _PATTERNS:
            raise Untraceable(f"{operation} has no scalar counterpart here")
        nodes = tuple(map(self.node, operands))
        if operation == "power" and nodes[1].text in _POWERS:
            return self.operate(_POWERS[nodes[1].text], nodes[0])
        wants_truth = [operation in _LOGIC] * len(nodes)
        if operation == "where":
            wants_truth[0] = True
        nodes = tuple(map(self._converted, nodes, wants_truth))
        key = (operation, *map(id, nodes))
        if key not in self._nodes:
            varies = any(node.varies for node in nodes)
            axes = self.axes_of(nodes)
            self._nodes[key] = Node(operation, nodes, _PATTERNS[operation], varies, axes)
        return self._nodes[key]

    def axes_of(self, operands: tuple[Node, ...]) -> tuple[str, ...]:
        """The axes of what an operation gives: none, of single numbers."""
        return ()

    def node(self, value: Any) -> Node:
        """The node of a symbol or a number."""
        if isinstance(value, (Node, Symbol)):
            return value if isinstance(value, Node) else value.node
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item()
        if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
            raise Untraceable(f"it works with {value!r:.60}, which is not a number")
        text = repr(float(value))
        text = {"inf": "math.inf", "-inf": "-math.inf", "nan": "math.nan"}.get(text, text)
        return self._nodes.setdefault((None, text), Node(None, (), text, False))

    def _converted(self, node: Node, to_truth: bool) -> Node:
        """The node as a truth value, or as a number."""
        if node.is_truth == to_truth:
            return node
        if to_truth:
            return self.operate("not_equal", node, 0.0)
        return self.operate("where", node, 1.0, 0.0)

    def lines(self, results: Sequence[Any], *, scalar: str = "{}") -> Lines:
        """The code of `results`, symbols or numbers.

        `scalar` is how the part for each element writes a number that does not vary.
        """
        return Lines([self.number(result) for result in results], scalar)

    def number(self, result: Any) -> Node:
        """The node of a result, a symbol or a number; a truth value counts 1 or 0."""
        return self._converted(self.node(result), False)


class Lines:
    """Straight-line code, in two parts.

    Attributes
    ----------
    once : list of str
        Assignments of what is the same for all elements.
    shared : list of str
        Names that `once` assigns and `each` reads.
    each : list of str
        Assignments for each element.
    results : list of str
        What to write for the results.
    """

    def __init__(self, results: Sequence[Node], scalar: str):
        self.once: list[str] = []
        self.shared: list[str] = []
        self.each: list[str] = []
        self._scalar = scalar
        self._names: dict[int, str] = {}
        self.results = [self._reference(node, True) for node in results]

    def _reference(self, node: Node, in_each: bool) -> str:
        """How a line of `each` (or `once`) calls a node; its own line is written before."""
        name = node.text if node.operation is None else self._names.get(id(node))
        if name is None:
            operands = [self._reference(operand, node.varies) for operand in node.operands]
            text = node.text.format(*(f"({o})" if o.startswith("-") else o for o in operands))
            lines, letter = (self.each, "a") if node.varies else (self.once, "c")
            name = self._names[id(node)] = f"{letter}{len(lines)}"
            lines.append(f"{name} = {text}")
        if node.varies or not in_each:
            return name
        if node.operation is not None and name not in self.shared:
            self.shared.append(name)
        return self._scalar.format(name)


class _DType:
    """The dtype of a symbol: a dtype, but that it converts symbols too."""

    def __init__(self, dtype: DTypeLike):
        self.dtype = np.dtype(dtype)

    def __getattr__(self, name):
        return getattr(self.dtype, name)

    def __eq__(self, other):
        return self.dtype == other

    def __hash__(self):
        return hash(self.dtype)

    def type(self, value):
        return value if isinstance(value, Symbol) else self.dtype.type(value)


class Symbol:
    """One element of an array, of which only the name is known."""

    __slots__ = ("node", "trace")
    __hash__ = None  # type: ignore[assignment]
    functions: ClassVar[dict[str, Callable[..., Any]]]  # that are no ufuncs, by their names

    def __init__(self, trace: Trace, node: Node):
        self.trace = trace
        self.node = node

    def __repr__(self):
        return f"Symbol({self.node.text})"

    def _of(self, operation: str, *operands: Any) -> Self:
        return type(self)(self.trace, self.trace.operate(operation, *operands))

    # -- what NumPy hands over ---------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, out=(None,), where=True, **settings):
        if method != "__call__" or settings:
            raise Untraceable(f"it uses {ufunc.__name__}.{method} with the settings {settings}")
        result = self._of(ufunc.__name__, *inputs)
        if where is not True:
            result = self._of("where", where, result, out[0])
        return _written(out[0], result)

    def __array_function__(self, function, types, arguments, settings):
        known = self.functions.get(function.__name__)
        if known is None:
            raise Untraceable(f"np.{function.__name__} has no scalar counterpart here")
        return known(*arguments, **settings)

    def __array__(self, *arguments, **settings):
        raise Untraceable("it makes an array of its argument")

    # -- what arrays have --------------------------------------------------------------------

    @property
    def dtype(self) -> _DType:
        """The dtype of the arrays that are traced."""
        return self.trace.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a single number, ``()``."""
        if not self.trace.sized:
            raise Untraceable("it asks how many elements there are")
        return ()

    @property
    def size(self) -> int:
        """One."""
        return len(self.shape) + 1

    @property
    def ndim(self) -> int:
        """Zero."""
        return len(self.shape)

    def copy(self) -> Symbol:
        """A symbol that goes its own way from here."""
        return type(self)(self.trace, self.node)

    def astype(self, dtype, **settings) -> Symbol:
        """A copy: all symbols have one dtype."""
        return self.copy()

    def clip(self, min=None, max=None, out=None) -> Symbol:
        """``np.clip``."""
        return _clip(self, min, max, out)

    def __getitem__(self, key) -> Symbol:
        if _is_everything(key):
            return self
        if isinstance(key, Symbol) and key.node.is_truth:
            return self.copy()  # the elements where the condition holds
        raise Untraceable("it picks out elements of its argument")

    def __setitem__(self, key, value) -> None:
        if _is_everything(key):
            self.node = self.trace.operate("positive", value)
        elif isinstance(key, Symbol) and key.node.is_truth:
            self.node = self.trace.operate("where", key, value, self)
        else:
            raise Untraceable("it picks out elements of its argument")

    def __bool__(self):
        if self.node.value is not None:
            return self.node.value != 0.0
        raise Untraceable("it decides by the value of its argument (np.where would do)")

    def __float__(self):
        raise Untraceable("it makes a Python number of its argument")

    __int__ = __index__ = __float__


Trace.symbol_type = Symbol


def _is_everything(key) -> bool:
    return key is Ellipsis or (isinstance(key, slice) and key == slice(None))


def _written(target, result: Symbol) -> Symbol:
    """The result, in `target` if there is one."""
    if target is None:
        return result
    if not isinstance(target, Symbol):
        raise Untraceable("it writes into an array of its own")
    target.node = result.node
    return target


def _binary(operation: str):
    def method(self, other):
        return self._of(operation, self, other)

    def reverse(self, other):
        return self._of(operation, other, self)

    def in_place(self, other):
        self.node = self.trace.operate(operation, self, other)
        return self

    return method, reverse, in_place


def _unary(operation: str):
    return lambda self: self._of(operation, self)


_BINARY = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power"}
_BINARY |= {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}
_COMPARED = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
_COMPARED |= {"eq": "equal", "ne": "not_equal"}
for _name, _operation in _BINARY.items():
    _methods = _binary(_operation)
    setattr(Symbol, f"__{_name}__", _methods[0])
    setattr(Symbol, f"__r{_name}__", _methods[1])
    setattr(Symbol, f"__i{_name}__", _methods[2])
for _name, _operation in _UNARY.items():
    setattr(Symbol, f"__{_name}__", _unary(_operation))
for _name, _operation in _COMPARED.items():
    setattr(Symbol, f"__{_name}__", _binary(_operation)[0])


# Functions that are no ufuncs ---------------------------------------------------------------------


def _like(value: float) -> Callable[..., Symbol]:
    def like(a, *_, **__):
        return a._of("positive", value)

    return like


def _clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None) -> Symbol:
    result = a.copy()
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    if low is not None:
        result = result._of("maximum", result, low)
    if high is not None:
        result = result._of("minimum", result, high)
    return _written(out, result)


def _where(condition, *values) -> Symbol:
    if len(values) != 2:
        raise Untraceable("np.where without values picks out elements")
    symbol = next(a for a in (condition, *values) if isinstance(a, Symbol))
    return symbol._of("where", condition, *values)


def _copyto(target, value, casting="same_kind", where=True) -> None:
    if not isinstance(target, Symbol):
        raise Untraceable("it writes into an array of its own")
    target[...] = value if where is True else target._of("where", where, value, target)


Symbol.functions = {
    "clip": _clip,
    "copyto": _copyto,
    "where": _where,
    "copy": lambda a, **_: a.copy(),
    "ones_like": _like(1.0),
    "zeros_like": _like(0.0),
    "empty_like": _like(0.0),
    "full_like": lambda a, value, *_, **__: a._of("positive", value),
}
