"""Objects with parameters: looked up by name, checked, compared with a user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial, wraps
from numbers import Integral
from types import FunctionType, MethodType
from typing import Any, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from .addresses import API_PAGE
from .synonyms import advise_on_name, advise_on_parameter

__all__ = ["Checked", "Parametrised", "advise_callers", "is_ours", "is_same", "resolve"]


T = TypeVar("T")
_NO_NUMBERS = (bool, np.timedelta64)  # which count as integers of Python's and NumPy's


def advise_callers(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a constructor, or `fit`, answer parameters that it does not know with those that it has.

    Parameters
    ----------
    method : callable
        An ``__init__`` or a ``fit``.

    Returns
    -------
    callable
        The same, of the same signature; its TypeError for an unknown parameter names what the
        parameter of another library, or one that is misspelt, is here.
    """

    @wraps(method)
    def advised(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except TypeError:
            _, *parameters = inspect.signature(method).parameters.values()
            if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
                raise
            known = [parameter.name for parameter in parameters]
            answer = _answer(type(self), kwargs, known, method.__name__)
            if answer:
                raise TypeError(answer) from None
            raise

    return advised


def _answer(cls: type, given: Iterable[str], known: list[str], method: str = "__init__") -> str:
    """What to say of the parameters that a class does not have; empty if it has all of them."""
    unknown = [name for name in given if name not in known]
    if not unknown:
        return ""
    own: list[str] = [] if method == "__init__" else list(inspect.signature(cls).parameters)
    advice = " ".join(
        f"{name} is a parameter of the estimator."
        if name in own
        else advise_on_parameter(name, known)
        for name in unknown
    ).strip()
    names = " or ".join(map(repr, unknown))
    taken = f"It takes {', '.join(known)}." if known else "It takes none."
    owner = cls.__name__ if method == "__init__" else f"{cls.__name__}.{method}"
    return f"{owner} has no parameter {names}. {advice or taken}"


class Parametrised(BaseEstimator):
    """An object whose parameters are those of its constructor, as scikit-learn wants it.

    It links to its page in the documentation, and answers an unknown parameter with its own.
    """

    _doc_link_module = __name__.partition(".")[0]
    _doc_link_template = API_PAGE

    @advise_callers
    def __init__(self) -> None:
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the class's own constructor, and its `fit`, answer unknown parameters."""
        super().__init_subclass__(**kwargs)
        for name in ("__init__", "fit"):
            if isinstance(vars(cls).get(name), FunctionType):
                setattr(cls, name, advise_callers(vars(cls)[name]))

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this object, or of one that it holds, as in ``solver__momentum``.

        Parameters
        ----------
        **params
            Names and values.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no parameter of a name; nothing is set then.
        """
        names = dict.fromkeys(name.partition("__")[0] for name in params)
        if not names.keys() <= vars(self).keys():  # the names that it has take their time
            answer = _answer(type(self), names, list(inspect.signature(type(self)).parameters))
            if answer:
                raise ValueError(answer)
        return super().set_params(**params)


class Checked(Parametrised):
    """An object whose parameters can be searched, and say when they are out of their range."""

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""

    def _check_number(self, name: str, interval: str) -> None:
        """Refuse all but a number in an interval such as ``"[0, inf)"``."""
        value = _as_float(getattr(self, name))
        low, high = _ends_of(interval)
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
        whole = isinstance(value, Integral) and not isinstance(value, _NO_NUMBERS)
        if not (whole and int(value) >= 1):
            self._refuse(name, "a whole number >= 1")
        if int(value) >= 2**63:  # it meets the counts of updates in arrays
            self._refuse(name, "below 2**63")

    def _refuse(self, name: str, wanted: str) -> None:
        raise ValueError(
            f"{name} of {type(self).__name__} is {getattr(self, name)!r}; it must be {wanted}."
        )


@cache
def _ends_of(interval: str) -> tuple[float, float]:
    low, high = map(float, interval[1:-1].split(","))
    return low, high


def _as_float(value: Any) -> float:
    """Convert a number to float; NaN stands for what is none, or what no array can take."""
    if isinstance(value, _NO_NUMBERS) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
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
