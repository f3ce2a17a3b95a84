"""Look-up of built-in objects by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["resolve"]


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
    if isinstance(value, kind):
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
