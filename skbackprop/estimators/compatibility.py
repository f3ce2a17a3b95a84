"""What this package takes from scikit-learn beyond its documented names: no other file does.

Here a release of scikit-learn that moves or renames a private part is answered, and decorators are
given the types that it leaves out. Its callbacks, experimental and optional, are in `callbacks`.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from sklearn.utils import _safe_indexing as take_samples
from sklearn.utils import metaestimators
from sklearn.utils._param_validation import Interval, Options, validate_parameter_constraints
from sklearn.utils.validation import _num_samples as count_samples

__all__ = [
    "Interval",
    "Options",
    "available_if",
    "check_constraints",
    "count_samples",
    "take_samples",
]

Method = TypeVar("Method", bound=Callable[..., Any])


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Decorate a method that an object has only where ``check(object)`` is true."""
    return metaestimators.available_if(check)


_PLAIN = frozenset([str, int, float, bool, type(None)])  # kinds of values that do not change
_MOST_KNOWN = 4096
# What has been checked: a class, the kinds of all values, and those that are plain.
_known_good: set[tuple] = set()


def check_constraints(estimator: Any, parameters: dict[str, Any]) -> None:
    """Refuse parameters of a kind, or out of a range, that the estimator does not take.

    Plain values that were found good together are not checked again.

    Raises
    ------
    TypeError
        If a number is of a kind that NumPy does not know, such as a Fraction, or a duration.
    ValueError
        If a value is masked.
    sklearn.utils._param_validation.InvalidParameterError
        A ValueError and TypeError that names the parameter, its value and what it may be.
    """
    kinds = {name: _plain_kind(value) for name, value in parameters.items()}
    plain = [value for name, value in parameters.items() if kinds[name]]
    key = type(estimator), *kinds.values(), *plain
    if key in _known_good:  # so that only the others are left to check
        parameters = {name: value for name, value in parameters.items() if not kinds[name]}
    _check_constraints(estimator, parameters)
    if len(_known_good) > _MOST_KNOWN:
        _known_good.clear()
    _known_good.add(key)


def _plain_kind(value: Any) -> Any:
    """The kind of a plain value, or of each entry of a plain tuple; None of any other."""
    kind = type(value)
    if kind is tuple:
        entries = tuple(map(type, value))
        return (tuple, *entries) if _PLAIN.issuperset(entries) else None
    return kind if kind in _PLAIN else None


def _check_constraints(estimator: Any, parameters: dict[str, Any]) -> None:
    for name, value in parameters.items():
        if isinstance(value, np.ma.MaskedArray) and np.any(value.mask):
            raise ValueError(f"{name} is masked, {value!r}; give a value that is not.")
        if isinstance(value, np.timedelta64):  # which counts as an integer of NumPy's
            raise TypeError(f"{name} is {value!r}; it must be no duration.")
        if isinstance(value, np.floating) and np.isfinite(value) and np.isinf(float(value)):
            raise ValueError(f"{name} is {value!r}; it must be within the range of a float.")
        if isinstance(value, Real) and not isinstance(value, (Integral, float, np.floating)):
            raise TypeError(
                f"{name} is {value!r}; it must be an int or a float, such as {float(value)!r}."
            )
    if parameters:
        validate_parameter_constraints(
            estimator._parameter_constraints, parameters, caller_name=type(estimator).__name__
        )
