"""`to_js`: a fitted model as an ES module, for a browser or Node.js."""

from __future__ import annotations

import json
from collections.abc import Iterable
from textwrap import wrap
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..version import __version__
from .composed import erf, erfc
from .computation import Computation, computation_of
from .learning import Learning, is_asked, learning_of
from .loops import FormulaText, Language, Statements, Tables
from .vectors import Input, Vector, formula

__all__ = ["to_js"]

_WIDTH = 96
_FUNCTIONS = {
    **{name: name for name in ("exp", "expm1", "log1p", "tanh", "sqrt", "log", "log2", "log10")},
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "floor", "ceil")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "absolute": "abs",
}
_OF_TWO = {"power": "pow", "arctan2": "atan2", "hypot": "hypot"}
_NAMES = {
    "predict_std": "predictStd",
    "predict_proba": "predictProba",
    "decision_function": "decisionFunction",
}


class JavaScript(Language):
    """JavaScript, whose numbers are all in double precision."""

    operations = {
        **{name: f"Math.{function}({{}})" for name, function in _FUNCTIONS.items()},
        **{name: f"Math.{function}({{}}, {{}})" for name, function in _OF_TWO.items()},
        "expit": "1 / (1 + Math.exp(-{}))",
        "erfc": "erfc({})",
        "erf": "erf({})",
        "equal": "{} === {}",
        "not_equal": "{} !== {}",
        "isfinite": "Number.isFinite({})",
        "isnan": "Number.isNaN({})",
    }

    def number(self, value: float) -> str:
        """A number with all its digits."""
        if not np.isfinite(value):
            return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return repr(float(value)).removesuffix(".0")

    def array(self, name: str, size: int) -> str:
        """A new array."""
        return f"const {name} = new Float64Array({size});"

    def table(self, name: str, values: Iterable[Any], *, whole: bool, fixed: bool) -> str:
        """An array of the module."""
        numbers = [str(v) if whole else self.number(v) for v in values]
        text = "\n".join(
            wrap(", ".join(numbers), _WIDTH, initial_indent="  ", subsequent_indent="  ")
        )
        return f"const {name} = {'Int32Array' if whole else 'Float64Array'}.of(\n{text}\n);"

    def part(self, name: str, of: str, start: int, size: int) -> str:
        """A copy of a part: the row that the caller gives may be a plain array."""
        return f"const {name} = {of}.slice({start}, {start + size});"

    def constant(self, name: str, text: str, *, is_truth: bool = False) -> str:
        """A constant."""
        return f"const {name} = {text};"

    def variable(self, name: str, text: str, *, whole: bool = False) -> str:
        """A variable."""
        return f"let {name} = {text};"

    def loop(self, index: str, start: Any, end: Any) -> str:
        """The head of a for loop."""
        return f"for (let {index} = {start}; {index} < {end}; ++{index})"


def to_js(model: BaseEstimator, *, learning: bool = False) -> str:
    """Return the text of an ES module that computes what a fitted model predicts.

    The module imports nothing. It exports, by the model,

    - ``predict(x)``: of a regressor a ``Float64Array``, of a classifier the class itself, of labels
      an array of 0 and 1; ``predictStd(x)`` with ``gaussian_nll``;
    - ``predictProba(x)`` and ``decisionFunction(x)``, where the model has them, and ``classes``;
    - with `learning`, ``partialFit(x, target, eta)``: one row and one update by the rule
      ``Dw_ji = eta delta_j y_i``. The target is an array of numbers, a class or an array of labels.
      It returns 1, or 0 if the update would come near overflow; then nothing has changed.

    All is computed in double precision. JavaScript has no ``erf``: that of gelu is approximated to
    5e-15 of its value.

    Parameters
    ----------
    model : estimator
        As `to_c` takes it.
    learning : bool, default=False
        Whether the module can learn, as in `to_c`.

    Returns
    -------
    str

    Raises
    ------
    TypeError, ValueError
        As `to_c` raises them; and if a class is no text, number or truth value.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, to_js
    >>> model = BackpropRegressor((2,), random_state=0).partial_fit([[0.0], [1.0]], [0.0, 1.0])
    >>> [line for line in to_js(model).splitlines() if line.startswith("export")]
    ['export function predict(x) {']
    """
    computation = computation_of(model)
    learnt = learning_of(model) if is_asked(learning) else None
    language = JavaScript()
    tables = Tables(language, learnt.parameters if learnt else ())
    functions = _predicting(computation, language, tables)
    if learnt is not None:
        functions.append(_learning(learnt, language, tables))
    functions += [
        _helper(f, language) for f in (erf, erfc) if f"{f.__name__}(" in "".join(functions)
    ]
    heading = [_heading(model, computation)]
    if computation.classes is not None:
        heading.append(f"export const classes = {_as_json(computation.classes)};")
    return "\n\n".join([*heading, *tables.lines, *functions]) + "\n"


def _as_json(classes: np.ndarray) -> str:
    values = classes.tolist()
    if not all(isinstance(value, str | int | float) for value in values):
        raise TypeError(f"classes_ is {values!r:.80}; JavaScript takes text, numbers and booleans.")
    return json.dumps(values).replace("<", "\\u003c")  # in a page, </script> would end it


def _heading(model: BaseEstimator, computation: Computation) -> str:
    lines = [f"{type(model).__name__}, written by skbackprop {__version__}."]
    lines += [f"x has {computation.inputs.size} numbers.", *computation.notes]
    # A note may hold any text: what ends a line ends the comment, and </script> would end a page's.
    safe = [" ".join(line.replace("</", "< /").split()) for line in lines]
    parts = [part for line in safe for part in wrap(line, _WIDTH)]
    return "\n".join(f"// {part}" for part in parts)


def _predicting(computation: Computation, language: JavaScript, tables: Tables) -> list[str]:
    result = {
        "numbers": "return {};",
        "labels": "return Array.from({});",
        "class": "return classes[{}[0]];",
    }[computation.kind]
    functions = [_function(language, tables, "predict", computation.predict, result)]
    for method, vector in computation.others.items():
        functions.append(_function(language, tables, _NAMES[method], vector, "return {};"))
    return functions


def _function(language, tables: Tables, name: str, vector: Vector, result: str) -> str:
    statements = Statements(language, tables)
    statements.compute([vector])
    found = statements.name_of(vector)
    copied = f"{found}.slice()" if result == "return {};" else found
    return _in_braces(f"export function {name}(x)", [*statements.lines, result.format(copied)])


def _helper(function, language: JavaScript) -> str:
    """The text of a function of one number that JavaScript has not."""
    made, writer = formula(function, Input(1, "x")), FormulaText(language)
    writer.names = dict.fromkeys(made.leaves, "x")
    result = writer.reference(made.result)
    return _in_braces(f"function {function.__name__}(x)", [*writer.lines, f"return {result};"])


def _in_braces(head: str, lines: list[str]) -> str:
    body = [f"  {line.replace('    ', '  ')}" for line in lines]
    return "\n".join([head + " {", *body, "}"])


def _learning(learnt: Learning, language: JavaScript, tables: Tables) -> str:
    lines = learnt.statements(language, tables)
    argument = {"numbers": "y", "class": "label", "labels": "labels"}[learnt.kind]
    if learnt.kind == "class":
        lines = [
            "const place = classes.indexOf(label);",
            "if (place < 0) {",
            "    throw new RangeError(`${label} is none of the classes`);",
            "}",
            *lines,
        ]
    return _in_braces(f"export function partialFit(x, {argument}, eta)", lines)
