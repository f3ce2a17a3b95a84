"""Vectors as the nodes of an ONNX graph: tensors (n_rows, size), for all rows at once.

onnxruntime has no kernel in double precision for Erf, Atan, Softplus, Elu and others of ONNX's own
activations, and ONNX has no expm1 and log1p at all. So formulas are written with the few operators
that it has for both precisions, and what these lack is composed of them (`composed`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import singledispatchmethod
from typing import Any

import numpy as np

from ..engines.symbols import Node, Untraceable
from . import composed
from .loops import number_of
from .vectors import (
    Affine,
    Constant,
    Formula,
    Input,
    Join,
    Largest,
    Reduce,
    Sort,
    Take,
    Vector,
    formula,
    in_order,
)

__all__ = ["Graph", "Tensors"]

_OPERATORS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "negative": "Neg",
    "absolute": "Abs",
    "maximum": "Max",
    "minimum": "Min",
    "where": "Where",
    "power": "Pow",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "sin": "Sin",
    "floor": "Floor",
    "ceil": "Ceil",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "equal": "Equal",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_xor": "Xor",
    "logical_not": "Not",
    "isnan": "IsNaN",
}
_COMPOSED: dict[str, Callable[..., Any]] = {
    **{name: getattr(composed, name) for name in composed.__all__},
    "expit": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "cos": lambda x: 1.0 - 2.0 * np.square(np.sin(0.5 * x)),  # onnxruntime 1.19 has no double Cos
    "log2": lambda x: np.log(x) * (1.0 / np.log(2.0)),
    "log10": lambda x: np.log(x) * (1.0 / np.log(10.0)),
    "not_equal": lambda a, b: np.logical_not(a == b),
    "isfinite": lambda x: np.abs(x) < np.inf,
}


class Graph(ABC):
    """Where nodes go: a model of ONNX, or what another converter collects.

    Attributes
    ----------
    dtype : dtype
        Of all real numbers.
    opset : int
        The version of the operators.
    """

    dtype: np.dtype
    opset: int

    @abstractmethod
    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node of one output; returns what that is called."""

    @abstractmethod
    def constant(self, values: np.ndarray) -> str:
        """Add a tensor of numbers or texts; returns what it is called."""

    def whole(self, *values: int) -> str:
        """Add a tensor of whole numbers."""
        return self.constant(np.array(values, np.int64))


class Tensors:
    """The tensors of vectors.

    Parameters
    ----------
    graph : Graph
    rows : str
        The tensor of the rows that are given.
    """

    def __init__(self, graph: Graph, rows: str):
        self._graph = graph
        self._rows = rows
        self._names: dict[Vector, str] = {}

    def of(self, vector: Vector) -> str:
        """Add what a vector needs; returns the name of its tensor, (n_rows, size)."""
        for each in in_order([vector]):
            if not isinstance(each, Constant):  # which may be a matrix, or not a tensor at all
                self._name(each)
        return self._for_all_rows(vector)

    def _name(self, vector: Vector) -> str:
        if vector not in self._names:
            self._names[vector] = self._made(vector)
        return self._names[vector]

    def _for_all_rows(self, vector: Vector) -> str:
        """The tensor of a vector, repeated for all rows if it is the same for them."""
        if not isinstance(vector, Constant):
            return self._name(vector)
        n_rows = self._graph.add(
            "Gather", [self._graph.add("Shape", [self._rows]), self._graph.whole(0)]
        )
        shape = self._graph.add("Concat", [n_rows, self._graph.whole(1)], axis=0)
        return self._graph.add("Expand", [self._name(vector), shape])

    def _real(self, values: Any) -> str:
        with np.errstate(over="ignore"):
            return self._graph.constant(np.asarray(values).astype(self._graph.dtype))

    @singledispatchmethod
    def _made(self, vector: Vector) -> str:
        """Add the nodes of one vector, whose operands are there."""
        raise TypeError(vector)

    @_made.register
    def _(self, vector: Input) -> str:
        return self._rows

    @_made.register
    def _(self, vector: Constant) -> str:
        return self._real(vector.values.reshape(1, -1))

    @_made.register
    def _(self, vector: Formula) -> str:
        names = {key: self._name(leaf) for key, leaf in vector.leaves.items()}
        return self._formula(vector.result, names)

    def _formula(self, node: Node, names: dict[int, str]) -> str:
        """The tensor of a formula; those of its parts are added to `names`."""
        if id(node) not in names:
            operands = [self._formula(operand, names) for operand in node.operands]
            names[id(node)] = self._operation(node, operands)
        return names[id(node)]

    def _operation(self, node: Node, operands: list[str]) -> str:
        operation = node.operation
        if operation is None:
            return self._real(number_of(node))
        if operation in ("positive", "view"):
            return operands[0]
        if operation in _OPERATORS:
            return self._graph.add(_OPERATORS[operation], operands)
        if operation not in _COMPOSED:
            raise Untraceable(f"{operation} has no counterpart in ONNX here")
        inputs: list[Vector] = [Input(1, name) for name in operands]
        made = formula(_COMPOSED[operation], *inputs, dtype=self._graph.dtype)
        tensor = dict(zip(inputs, operands, strict=True))
        return self._formula(made.result, {key: tensor[x] for key, x in made.leaves.items()})

    @_made.register
    def _(self, vector: Affine) -> str:
        weights = self._real(vector.weights.values)
        product = self._graph.add("MatMul", [self._for_all_rows(vector.y), weights])
        return self._graph.add("Add", [product, self._name(vector.bias)])

    @_made.register
    def _(self, vector: Take) -> str:
        places = self._graph.whole(*vector.places)
        return self._graph.add("Gather", [self._name(vector.of), places], axis=1)

    @_made.register
    def _(self, vector: Join) -> str:
        return self._graph.add("Concat", [self._for_all_rows(p) for p in vector.parts], axis=1)

    @_made.register
    def _(self, vector: Reduce) -> str:
        operator = {"add": "ReduceSum", "maximum": "ReduceMax", "minimum": "ReduceMin"}
        name, of = operator[vector.operation], self._name(vector.of)
        if vector.operation == "add" or self._graph.opset >= 18:
            return self._graph.add(name, [of, self._graph.whole(1)], keepdims=1)
        return self._graph.add(name, [of], axes=[1], keepdims=1)

    @_made.register
    def _(self, vector: Sort) -> str:
        inputs = [self._name(vector.of), self._graph.whole(vector.size)]
        return self._graph.add("TopK", inputs, largest=0, sorted=1)

    @_made.register
    def _(self, vector: Largest) -> str:
        # In whole numbers: what takes it goes by that.
        return self._graph.add("ArgMax", [self._for_all_rows(vector.of)], axis=1, keepdims=1)
