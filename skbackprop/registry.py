"""Built-in objects: their look-up by name, and the checks of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

from sklearn.base import BaseEstimator

T = TypeVar("T")

__all__ = ["Checked", "resolve"]


class Checked(BaseEstimator):
    """An object whose parameters can be searched, and say when they are out of their range."""

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""

    def _check_number(self, name: str, interval: str) -> None:
        """Refuse all but a number in an interval such as ``"[0, inf)"``."""
        value = getattr(self, name)
        low, high = (float(end) for end in interval[1:-1].split(","))
        real = isinstance(value, Real) and not isinstance(value, bool)
        if not (
            real
            and (low < value or (interval[0] == "[" and value == low))
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
        If `value` is a name that is not registered.
    TypeError
        If `value` is neither a name nor an instance of `kind`.
    """
    if isinstance(value, kind) and not isinstance(value, type):
        return value
    choices = ", ".join(repr(name) for name in sorted(registry))
    if isinstance(value, str):
        # str() so that numpy.str_ and other subclasses find their entry too.
        found = registry.get(str(value))
        if found is not None:
            return found
        raise ValueError(
            f"{parameter}={str(value)!r} is not a known name; "
            f"choose one of {choices}, or give an instance of {kind.__name__}."
        )
    hint = ""
    if isinstance(value, type) and issubclass(value, kind):
        hint = f" (this is the class {value.__name__}: give an instance of it)"
    raise TypeError(
        f"{parameter}={value!r} is neither a name nor an instance of {kind.__name__}{hint}; "
        f"choose one of {choices}, or give an instance of {kind.__name__}."
    )
