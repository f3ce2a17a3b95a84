"""Dict rows, such as ``{"price": 3.2, "shop": "a"}``, as vectors whose columns grow.

A number has a column of its own; a string has a column for each of its values, 1 where the row has
that value. What a row does not have, or has as None, NaN or pandas' NA, is missing: NaN in a column
of numbers, 0 in those of strings.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

__all__ = ["Columns", "is_row", "read_row"]

_FLOAT, _NAME = {float}, {str}

Key = str | tuple[str, str]  # the name of a number; name and value of a string


class Columns:
    """The columns of the vectors that dict rows become.

    Parameters
    ----------
    max_columns : int
        Features beyond these are left out.

    Attributes
    ----------
    places : dict
        Column of each feature, by its name, or by ``(name, value)`` for a string.
    """

    def __init__(self, max_columns: int):
        self.max_columns = max_columns
        self.places: dict[Key, int] = {}
        self._indicators: list[int] = []
        self._before: tuple[tuple[Key, ...], np.ndarray] = (), np.zeros(0, np.intp)
        self._whole: tuple[Key, ...] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what it remembers of the row before."""
        left_out = ("_before", "_whole", "_packing")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._before, self._whole = ((), np.zeros(0, np.intp)), None

    @property
    def names(self) -> list[str]:
        """The name of each feature; that of a string is ``"name=value"``."""
        return [key if isinstance(key, str) else "{}={}".format(*key) for key in self.places]

    def new_keys(self, entries: Mapping[Key, float]) -> list[Key]:
        """The features of a row that have no column yet, as far as there is room for them."""
        if entries.keys() <= self.places.keys():
            return []
        new = [key for key in entries if key not in self.places]
        return new[: max(self.max_columns - len(self.places), 0)]

    def add(self, key: Key, place: int) -> None:
        """Say that a feature's column is the one at a place."""
        self.places[key], self._whole = place, None
        if not isinstance(key, str):
            self._indicators.append(place)

    def write(self, entries: Mapping[Key, float], x: np.ndarray) -> None:
        """Write a row into a vector of NaN; features without a column are left out."""
        if self._indicators:
            x[self._indicators] = 0.0
        if not entries.keys() <= self.places.keys():
            entries = {key: value for key, value in entries.items() if key in self.places}
        keys = tuple(entries)
        if keys != self._before[0]:  # most rows have the features of the one before
            places = [self.places[key] for key in keys]
            self._before = keys, np.array(places, np.intp)
            self._whole = keys if places == list(range(len(x))) else None
            self._packing = struct.Struct(f"{len(keys)}d")
        x[self._before[1]] = np.fromiter(entries.values(), float, len(keys))

    def whole(self, row: Mapping[str, Any]) -> np.ndarray | None:
        """A dict row as a vector, if it has all columns in order, as the one before had; else None.

        Its values are then numbers, infinite ones too; it is what `write` makes of it.
        """
        if tuple(row) != self._whole:
            return None
        x: Any = np.empty(len(self._whole))
        try:
            self._packing.pack_into(x, 0, *row.values())
        except (struct.error, OverflowError):  # of a string, None, or an integer beyond all floats
            return None
        return x


def is_row(row: Any) -> bool:
    """Whether something is a dict row."""
    return type(row) is dict or isinstance(row, Mapping)


def read_row(row: Mapping[str, Any]) -> dict[Key, float]:
    """Return what a dict row has: numbers by name, and 1 by ``(name, value)`` for a string.

    Raises
    ------
    TypeError
        If the row is no dict, a name no string, or a value neither a number nor a string.
    ValueError
        If a number is infinite.
    """
    if not is_row(row):
        raise TypeError(f"a row is {row!r}; among dict rows it must be a dict.")
    if set(map(type, row.values())) == _FLOAT and set(map(type, row)) == _NAME:
        if isfinite(sum(row.values())):  # nothing is missing
            plain: Any = row
            return plain if type(row) is dict else dict(plain)
    entries: dict[Key, float] = {}
    for name, value in row.items():
        if not isinstance(name, str):
            raise TypeError(f"a dict row has the name {name!r}; names must be str.")
        if isinstance(value, str):
            entries[name, str(value)] = 1.0
        elif value is not None and type(value).__name__ != "NAType":  # of pandas
            number = _as_number(name, value)
            if number == number:
                entries[name] = number
    return entries


def _as_number(name: str, value: Any) -> float:
    number: float | None
    is_number = hasattr(value, "__float__") or hasattr(value, "__index__")
    try:
        number = float(value) if is_number else None
    except OverflowError:  # an integer beyond all floats
        number = np.inf
    except (TypeError, ValueError):  # an array of several numbers
        number = None
    if number is None:
        raise TypeError(
            f"{name!r} is {value!r} in a dict row; give a number, a string, or None if it is "
            "missing."
        )
    if number in (np.inf, -np.inf):
        raise ValueError(f"{name!r} is {value!r} in a dict row; give a number within float64.")
    return number
