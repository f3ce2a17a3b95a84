"""`to_c`: a fitted model as one C99 file, with its weights, and nothing to link but ``libm``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from ..version import __version__
from .computation import Computation, computation_of
from .learning import Learning, is_asked, learning_of
from .loops import Language, Statements, Tables
from .vectors import Vector

__all__ = ["to_c"]

_WIDTH = 96
_FUNCTIONS = {
    **{name: name for name in ("exp", "expm1", "log1p", "tanh", "sqrt", "log", "log2", "log10")},
    **{name: name for name in ("erf", "erfc", "sin", "cos", "tan", "sinh", "cosh")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: name for name in ("floor", "ceil")},
    "absolute": "fabs",
}
_OF_TWO = {"power": "pow", "arctan2": "atan2", "hypot": "hypot"}


class C(Language):
    """C99, in single or double precision.

    Parameters
    ----------
    real : {"float", "double"}
    """

    def __init__(self, real: str):
        self.real = real
        self._suffix = "f" if real == "float" else ""
        f = self._suffix
        self.operations = {
            **{name: f"{function}{f}({{}})" for name, function in _FUNCTIONS.items()},
            **{name: f"{function}{f}({{}}, {{}})" for name, function in _OF_TWO.items()},
            "expit": f"1.0{f} / (1.0{f} + exp{f}(-{{}}))",
            "equal": "{} == {}",
            "not_equal": "{} != {}",
            "isfinite": "isfinite({})",
            "isnan": "isnan({})",
        }

    def number(self, value: float) -> str:
        """A number of the precision, with all its digits."""
        with np.errstate(over="ignore"):
            number = np.float32(value) if self._suffix else np.float64(value)
        # The largest number of all stands for no bound.
        if np.isinf(number) and abs(value) < np.finfo(np.float64).max:
            raise ValueError(
                f"the model holds {value}, which single precision cannot: give precision='double'."
            )
        if not np.isfinite(number):
            return "NAN" if np.isnan(number) else "INFINITY" if number > 0 else "-INFINITY"
        return f"{number!s}{self._suffix}"

    def array(self, name: str, size: int) -> str:
        """An array on the stack."""
        return f"{self.real} {name}[{size}];"

    def table(self, name: str, values: Iterable[Any], *, whole: bool, fixed: bool) -> str:
        """A static array."""
        numbers = [str(v) if whole else self.number(v) for v in values]
        text = "\n".join(
            wrap(", ".join(numbers), _WIDTH, initial_indent="    ", subsequent_indent="    ")
        )
        kind = f"static {'const ' * fixed}{'int' if whole else self.real}"
        return f"{kind} {name}[{len(numbers)}] = {{\n{text}\n}};"

    def part(self, name: str, of: str, start: int, size: int) -> str:
        """A pointer."""
        return f"const {self.real} *{name} = {of} + {start};"

    def constant(self, name: str, text: str, *, is_truth: bool = False) -> str:
        """A constant, of which a truth value is an int."""
        return f"const {'int' if is_truth else self.real} {name} = {text};"

    def variable(self, name: str, text: str, *, whole: bool = False) -> str:
        """A variable."""
        return f"{'int' if whole else self.real} {name} = {text};"

    def loop(self, index: str, start: Any, end: Any) -> str:
        """The head of a for loop."""
        return f"for (int {index} = {start}; {index} < {end}; ++{index})"


def to_c(
    model: BaseEstimator,
    *,
    name: str = "model",
    precision: Literal["auto", "float", "double"] = "auto",
    learning: bool = False,
) -> str:
    """Return the text of a C99 file that computes what a fitted model predicts.

    The file needs no library but ``math.h``, allocates nothing, and keeps no state, unless it
    learns: then the weights are its state. It has, by the model,

    - ``void NAME_predict(const REAL *x, REAL *y)`` of a regressor, and with ``gaussian_nll``
      ``void NAME_predict_std(const REAL *x, REAL *std)``;
    - ``int NAME_predict(const REAL *x)`` of a classifier: the place of the class in `classes_`;
      ``void NAME_predict(const REAL *x, int *labels)`` of labels;
    - ``void NAME_predict_proba(const REAL *x, REAL *p)`` and
      ``void NAME_decision_function(const REAL *x, REAL *scores)``, where the model has them;
    - with `learning`, ``int NAME_partial_fit(const REAL *x, TARGET, REAL eta)``: one row and one
      update by the rule ``Dw_ji = eta delta_j y_i``. The target is ``const REAL *y``, ``int place``
      or ``const int *labels``. It returns 1, or 0 if the update would come near overflow, and then
      nothing has changed.

    Parameters
    ----------
    model : estimator
        A fitted network, a `TabularRegressor` or `TabularClassifier`, or a `Pipeline` that ends in
        one, behind `StandardScaler`, `MinMaxScaler`, `RobustSmoothScaler`, `PeriodicFeatures` or
        `TableEncoder`. Rows are given as the Pipeline takes them; of a table, a category that is no
        number is given by its place, which the head of the file tells.
    name : str, default="model"
        What the names in the file begin with.
    precision : {"auto", "float", "double"}, default="auto"
        That of all numbers; "auto" is that of the model.
    learning : bool, default=False
        Whether the file can learn. Only for a single network, and for the bare rule: parameters
        that change an update (`alpha`, `dropout`, `mask`, ...) are refused.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If a part of the model has no formula: a user's own activation that looks at its values,
        say, or a transformer that is not known.
    ValueError
        If `name` is no identifier of C, `precision` is unknown, `learning` is neither True nor
        False, or the model cannot learn so.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, to_c
    >>> model = BackpropRegressor((2,), random_state=0).partial_fit([[0.0], [1.0]], [0.0, 1.0])
    >>> text = to_c(model, name="sine", precision="float")
    >>> [line for line in text.splitlines() if line.startswith("void")]
    ['void sine_predict(const float *x, float *y) {']
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"name is {name!r}; it must be an identifier of C, such as 'model'.")
    computation = computation_of(model)
    learnt = learning_of(model) if is_asked(learning) else None
    language = C(_real(model, precision))
    tables = Tables(language, learnt.parameters if learnt else (), f"{name}_")
    functions = _predicting(computation, language, tables, name)
    if learnt is not None:
        functions.append(_learning(learnt, language, tables, name))
    parts = [_heading(model, computation, name), "#include <math.h>", *tables.lines, *functions]
    return "\n\n".join(parts) + "\n"


def _real(model: Any, precision: str) -> str:
    if precision not in ("auto", "float", "double"):
        raise ValueError(f"precision is {precision!r}; it must be 'auto', 'float' or 'double'.")
    if precision != "auto":
        return precision
    last = model[-1] if hasattr(model, "steps") else model
    members = getattr(last, "_members", None)
    networks = [last] if members is None else [m.estimator for m in members]
    dtypes = {n._model.network.w.dtype for n in networks if hasattr(n, "_model")}
    return "float" if dtypes == {np.dtype(np.float32)} else "double"


def _heading(model: BaseEstimator, computation: Computation, name: str) -> str:
    """The comment at the head of the file."""
    lines = [f"{type(model).__name__}, written by skbackprop {__version__}.", ""]
    lines.append(f"x has {computation.inputs.size} numbers.")
    if computation.classes is not None:
        places = ", ".join(f"{i}: {c!r}" for i, c in enumerate(computation.classes.tolist()))
        lines.append(f"The classes by their places are {places}.")
    lines += computation.notes
    text = [part for line in lines for part in (wrap(line, _WIDTH) or [""])]
    safe = [line.replace("*/", "* /").replace("/*", "/ *") for line in text]
    return "/* " + "\n   ".join(safe).replace("\n   \n", "\n\n") + " */"


def _predicting(computation: Computation, language: C, tables: Tables, name: str) -> list[str]:
    """The functions of all that the model gives."""
    x = f"const {language.real} *x"
    functions = []
    if computation.kind == "class":
        head = f"int {name}_predict({x})"
        functions.append(
            _function(language, tables, head, computation.predict, "return (int){}[0];")
        )
    else:
        kind, out = ("int", "labels") if computation.kind == "labels" else (language.real, "y")
        head = f"void {name}_predict({x}, {kind} *{out})"
        functions.append(_function(language, tables, head, computation.predict, out))
    for method, vector in computation.others.items():
        out = {"predict_std": "std", "predict_proba": "p"}.get(method, "scores")
        head = f"void {name}_{method}({x}, {language.real} *{out})"
        functions.append(_function(language, tables, head, vector, out))
    return functions


def _function(language: C, tables: Tables, head: str, result: Vector, out: str) -> str:
    """One function, which returns its result or writes it to an argument."""
    statements = Statements(language, tables)
    statements.compute([result])
    found = statements.name_of(result)
    if out.startswith("return"):
        statements.lines.append(out.format(found))
    else:
        cast = "(int)" if out == "labels" else ""
        statements.loop(result.size, f"{out}[j] = {cast}{found}[j];")
    unused = [] if any("x[" in line or "= x" in line for line in statements.lines) else ["(void)x;"]
    return _in_braces(head, [*unused, *statements.lines])


def _in_braces(head: str, lines: list[str]) -> str:
    return "\n".join([head + " {", *(f"    {line}" for line in lines), "}"])


def _learning(learnt: Learning, language: C, tables: Tables, name: str) -> str:
    real = language.real
    target = {
        "numbers": f"const {real} *y",
        "class": "int place",
        "labels": "const int *labels",
    }[learnt.kind]
    head = f"int {name}_partial_fit(const {real} *x, {target}, {real} eta)"
    return _in_braces(head, learnt.statements(language, tables))
