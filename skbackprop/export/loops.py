"""Vectors as statements of a language with braces: the part that C and JavaScript share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatchmethod
from typing import Any

import numpy as np

from ..engines.symbols import Node, Untraceable
from .vectors import (
    Affine,
    Backward,
    Constant,
    Formula,
    Input,
    Join,
    Largest,
    Reduce,
    Sort,
    Take,
    Vector,
    in_order,
)

__all__ = ["FormulaText", "Language", "Statements", "Tables"]

# Operations that are written alike in both languages; {} are the operands.
_COMMON = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "-{}",
    "positive": "{}",
    "view": "{}",
    "maximum": "{0} < {1} ? {1} : {0}",
    "minimum": "{1} < {0} ? {1} : {0}",
    "where": "{} ? {} : {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "logical_and": "{} && {}",
    "logical_or": "{} || {}",
    "logical_not": "!{}",
    "logical_xor": "{} != {}",
}
_REDUCED = {
    "add": "{0} + {1}",
    "maximum": "{0} < {1} ? {1} : {0}",
    "minimum": "{1} < {0} ? {1} : {0}",
}


class Language:
    """How a language writes what both have; the base of C and JavaScript.

    Attributes
    ----------
    operations : dict of str to str
        Patterns, by the names of NumPy's functions, beside the common ones.
    """

    operations: dict[str, str]

    def number(self, value: float) -> str:
        """A number."""
        raise NotImplementedError

    def array(self, name: str, size: int) -> str:
        """The declaration of numbers that are computed."""
        raise NotImplementedError

    def table(self, name: str, values: Iterable[Any], *, whole: bool, fixed: bool) -> str:
        """The declaration of numbers that are given, whole ones perhaps; they may be fixed."""
        raise NotImplementedError

    def part(self, name: str, of: str, start: int, size: int) -> str:
        """The declaration of a part of an array, which is not copied."""
        raise NotImplementedError

    def constant(self, name: str, text: str, *, is_truth: bool = False) -> str:
        """The declaration of a number that does not change."""
        raise NotImplementedError

    def variable(self, name: str, text: str, *, whole: bool = False) -> str:
        """The declaration of a number that changes."""
        raise NotImplementedError

    def loop(self, index: str, start: Any, end: Any) -> str:
        """The head of a loop over whole numbers."""
        raise NotImplementedError

    def operation(self, name: str) -> str:
        """The pattern of an operation; an Untraceable if there is none."""
        pattern = self.operations.get(name) or _COMMON.get(name)
        if pattern is None:
            raise Untraceable(f"{name} has no counterpart in {type(self).__name__}")
        return pattern


class Tables:
    """The tables of constants that the statements of all functions of a file share.

    Parameters
    ----------
    language : Language
    learning : collection of Constant
        Those that a function of the file changes.
    prefix : str
        What the names begin with.
    """

    def __init__(self, language: Language, learning: Iterable[Constant] = (), prefix: str = ""):
        self._language = language
        self._learning = {constant.place for constant in learning}
        self._prefix = prefix
        self._names: dict[Any, str] = {}
        self.lines: list[str] = []

    def name_of(self, constant: Constant) -> str:
        """What a constant is called; the first asked for is declared."""
        # Constants that learn are told apart by where they lie, others by their numbers.
        numbers = constant.values.ravel().astype(np.float64)
        changes = constant.place in self._learning
        key = constant.place if changes else numbers.tobytes()
        return self._declared(key, numbers, whole=False, fixed=not changes)

    def places(self, places: tuple[int, ...]) -> str:
        """What a table of places is called."""
        return self._declared(places, places, whole=True, fixed=True)

    def _declared(self, key: Any, values, *, whole: bool, fixed: bool) -> str:
        if key not in self._names:
            name = self._names[key] = f"{self._prefix}{'p' if whole else 'c'}{len(self._names)}"
            self.lines.append(self._language.table(name, values, whole=whole, fixed=fixed))
        return self._names[key]


class Statements:
    """The statements that compute vectors.

    Parameters
    ----------
    language : Language
    tables : Tables

    Attributes
    ----------
    lines : list of str
    """

    def __init__(self, language: Language, tables: Tables):
        self._language = language
        self._tables = tables
        self._names: dict[Vector, str] = {}
        self.lines: list[str] = []

    def compute(self, results: Iterable[Vector]) -> None:
        """Write the statements that results need."""
        for vector in in_order(results):
            if vector not in self._names:
                self._names[vector] = self._write(vector)

    def name_of(self, vector: Vector) -> str:
        """What a vector is called that has been computed."""
        return self._names[vector]

    def block(self, head: str, *lines: str) -> None:
        """Write lines in braces, behind a head if there is one."""
        self.lines += [f"{head} {{".lstrip(), *(f"    {line}" for line in lines), "}"]

    def loop(self, size: Any, *lines: str, index: str = "j", start: Any = 0) -> None:
        """Write lines as a loop."""
        self.block(self._language.loop(index, start, size), *lines)

    def _new(self, vector: Vector) -> str:
        name = f"v{len(self._names)}"
        self.lines.append(self._language.array(name, vector.size))
        return name

    @singledispatchmethod
    def _write(self, vector: Vector) -> str:
        """Write the statements of one vector, whose operands are there; returns its name."""
        raise TypeError(vector)

    @_write.register
    def _(self, vector: Input) -> str:
        return vector.name

    @_write.register
    def _(self, vector: Constant) -> str:
        return self._tables.name_of(vector)

    @_write.register
    def _(self, vector: Formula) -> str:
        name, writer = self._new(vector), FormulaText(self._language)
        for key, leaf in vector.leaves.items():
            writer.names[key] = f"{self._names[leaf]}[{'j' if leaf.size > 1 else '0'}]"
        result = writer.reference(vector.result)
        if vector.size == 1:
            self.block("", *writer.lines, f"{name}[0] = {result};")
        else:
            self.loop(vector.size, *writer.lines, f"{name}[j] = {result};")
        return name

    @_write.register
    def _(self, vector: Affine) -> str:
        name, write = self._new(vector), self._language
        y, w, b = (self._names[operand] for operand in vector.operands)
        n_in, n_out = vector.y.size, vector.size
        self.loop(
            n_out,
            write.variable("sum", f"{b}[j]"),
            write.loop("i", 0, n_in) + " {",
            f"    sum += {w}[i * {n_out} + j] * {y}[i];",
            "}",
            f"{name}[j] = sum;",
        )
        return name

    @_write.register
    def _(self, vector: Backward) -> str:
        name, write = self._new(vector), self._language
        delta, w = (self._names[operand] for operand in vector.operands)
        n_out = vector.delta.size
        self.loop(
            vector.size,
            write.variable("sum", write.number(0.0)),
            write.loop("k", 0, n_out) + " {",
            f"    sum += {w}[j * {n_out} + k] * {delta}[k];",
            "}",
            f"{name}[j] = sum;",
        )
        return name

    @_write.register
    def _(self, vector: Take) -> str:
        of, places = self._names[vector.of], vector.places
        start = places[0] if places else 0
        if places == tuple(range(start, start + len(places))):
            name = f"v{len(self._names)}"
            self.lines.append(self._language.part(name, of, start, vector.size))
            return name
        name, table = self._new(vector), self._tables.places(places)
        self.loop(vector.size, f"{name}[j] = {of}[{table}[j]];")
        return name

    @_write.register
    def _(self, vector: Join) -> str:
        name, start = self._new(vector), 0
        for part in vector.parts:
            place = f"{start} + j" if start else "j"
            self.loop(part.size, f"{name}[{place}] = {self._names[part]}[j];")
            start += part.size
        return name

    @_write.register
    def _(self, vector: Reduce) -> str:
        name, of = self._new(vector), self._names[vector.of]
        self.lines.append(f"{name}[0] = {of}[0];")
        text = _REDUCED[vector.operation].format(f"{name}[0]", f"{of}[j]")
        self.loop(vector.of.size, f"{name}[0] = {text};", start=1)
        return name

    @_write.register
    def _(self, vector: Sort) -> str:
        name, of, write = self._new(vector), self._names[vector.of], self._language
        self.loop(
            vector.size,
            write.constant("number", f"{of}[j]"),
            write.variable("k", "j", whole=True),
            f"for (; k > 0 && number < {name}[k - 1]; --k) {{",
            f"    {name}[k] = {name}[k - 1];",
            "}",
            f"{name}[k] = number;",
        )
        return name

    @_write.register
    def _(self, vector: Largest) -> str:
        name, of = self._new(vector), self._names[vector.of]
        place = self._language.variable("place", "0", whole=True)
        self.block(
            "",
            place,
            self._language.loop("j", 1, vector.of.size) + " {",
            f"    if ({of}[j] > {of}[place]) {{",
            "        place = j;",
            "    }",
            "}",
            f"{name}[0] = place;",
        )
        return name


class FormulaText:
    """The statements of one formula: one for each operation."""

    def __init__(self, language: Language):
        self._language = language
        self.names: dict[int, str] = {}  # of nodes, by their ids
        self.lines: list[str] = []

    def reference(self, node: Node) -> str:
        """How a statement calls a node; its own statement is written before."""
        if id(node) not in self.names:
            self.names[id(node)] = self._written(node)
        return self.names[id(node)]

    def _written(self, node: Node) -> str:
        if node.operation is None:
            text = self._language.number(number_of(node))
            return f"({text})" if text.startswith("-") else text
        operands = [self.reference(operand) for operand in node.operands]
        text = self._language.operation(node.operation).format(*operands)
        if node.operation in ("positive", "view"):
            return text
        name = f"a{len(self.lines)}"
        self.lines.append(self._language.constant(name, text, is_truth=node.is_truth))
        return name


def number_of(node: Node) -> float:
    """Return the number that a node without operands is."""
    return float(node.text.removeprefix("-").removeprefix("math.")) * (
        -1.0 if node.text.startswith("-") else 1.0
    )
