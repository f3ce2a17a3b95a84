"""Built-in objects: looked up by name, checked, compared with a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from numbers import Integral
from types import FunctionType, MethodType
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from .synonyms import advise_on_name

__all__ = ["Checked", "is_ours", "is_same", "resolve"]


T = TypeVar("T")


class Checked(BaseEstimator):
    """An object whose parameters can be searched, and say when they are out of their range."""

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""

    def _check_number(self, name: str, interval: str) -> None:
        """Refuse all but a number in an interval such as ``"[0, inf)"``."""
        value = _as_float(getattr(self, name))
        low, high = map(float, interval[1:-1].split(","))
        if not (
            (low < value or (interval[0] == "[" and value == low))
            and (value < high or (interval[-1] == "]" and value == high))
        ):
            self._refuse(name, f"a number in {interval}")

    def _check_count(self, name: str, *, optional: bool = False) -> None:
        """Refuse all but a whole number >= 1 (or None)."""
        value = getattr(self, name)
        if optional and value is None:
            return
        if not (isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1):
            self._refuse(name, "a whole number >= 1")

    def _refuse(self, name: str, wanted: str) -> None:
        raise ValueError(
            f"{name} of {type(self).__name__} is {getattr(self, name)!r}; it must be {wanted}."
        )


def _as_float(value: Any) -> float:
    """A number of Python's or NumPy's as a float; NaN if it is none, or no array can take it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return np.nan  # a Fraction, say: an array times that would be one of objects
    try:
        return float(value)
    except OverflowError:  # of a whole number
        return np.inf if value > 0 else -np.inf


def resolve(value: Any, registry: Mapping[str, T], kind: Any, parameter: str) -> T:
    """Return the object a parameter's value stands for.

    Parameters
    ----------
    value : str or instance of `kind`
        A name of `registry`, or an object that is passed through untouched.
    registry : mapping of str to `kind`
        The built-in objects.
    kind : type or abstract base class
        The type a custom object must have.
    parameter : str
        The name of the parameter, for the error message.

    Returns
    -------
    instance of `kind`

    Raises
    ------
    ValueError
        If `value` is a name that is not registered; it says what a name of another library, or
        one that is misspelt, is here.
    TypeError
        If `value` is neither a name nor an instance of `kind`.
    """
    if isinstance(value, str):
        # str() so that numpy.str_ and other subclasses find their entry too.
        found = registry.get(str(value))
        if found is not None:
            return found
    elif isinstance(value, kind) and not isinstance(value, type):
        return value
    raise _unresolved(value, registry, kind, parameter)


def _unresolved(value: Any, registry: Mapping[str, Any], kind: Any, parameter: str) -> Exception:
    """The error that says what a parameter takes."""
    choices = ", ".join(repr(name) for name in sorted(registry))
    wanted = f"choose one of {choices}, or give an instance of {kind.__name__}."
    if isinstance(value, str):
        advice = advise_on_name(str(value), registry)
        problem = f"is not a known name{advice and f' ({advice})'}"
        return ValueError(f"{parameter}={str(value)!r} {problem}; {wanted}")
    hint = ""
    if isinstance(value, type) and issubclass(value, kind):
        hint = f" (this is the class {value.__name__}: give an instance of it)"
    return TypeError(
        f"{parameter}={value!r} is neither a name nor an instance of {kind.__name__}{hint}; "
        f"{wanted}"
    )


def is_same(a: Any, b: Any) -> bool:
    """Tell whether two values have the same content, also when one is a copy of the other.

    Whole numbers of any type are the same if they are equal; estimators if their parameters are.
    """
    if a is b:
        return True
    if isinstance(a, Integral) and isinstance(b, Integral):
        return int(a) == int(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, BaseEstimator):
        return is_same(a.get_params(deep=False), b.get_params(deep=False))
    if isinstance(a, partial):
        return is_same((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if isinstance(a, MethodType):
        return a.__func__ is b.__func__ and is_same(a.__self__, b.__self__)
    if isinstance(a, FunctionType):
        # A function pickled by value (as joblib does with lambdas) comes back as another object.
        return is_same(_function_content(a), _function_content(b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(is_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_same(a[key], b[key]) for key in a)
    if type(a).__eq__ is object.__eq__ and hasattr(a, "__dict__"):
        return is_same(vars(a), vars(b))
    return bool(a == b)


def _function_content(function: FunctionType) -> tuple[Any, ...]:
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return (
        function.__module__,
        function.__qualname__,
        function.__code__,
        function.__defaults__,
        function.__kwdefaults__,
        cells,
    )


def is_ours(thing: Any) -> bool:
    """Whether a class or function is defined in this package, and not by a user of it."""
    module = getattr(thing, "__module__", None) or ""
    return module.partition(".")[0] == __name__.partition(".")[0]
