"""Dict rows, such as ``{"price": 3.2, "shop": "a"}``, as vectors whose columns grow.

A number has a column of its own; a string has a column for each of its values, 1 where the row has
that value. What a row does not have, or has as None or NaN, is missing: NaN in a column of numbers,
0 in those of strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["Columns", "read_row"]

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

    @property
    def names(self) -> list[str]:
        """The name of each feature; that of a string is ``"name=value"``."""
        return [key if isinstance(key, str) else "{}={}".format(*key) for key in self.places]

    def new_keys(self, entries: Mapping[Key, float]) -> list[Key]:
        """The features of a row that have no column yet, as far as there is room for them."""
        new = [key for key in entries if key not in self.places]
        return new[: max(self.max_columns - len(self.places), 0)]

    def add(self, key: Key, place: int) -> None:
        """Say that a feature's column is the one at a place."""
        self.places[key] = place
        if not isinstance(key, str):
            self._indicators.append(place)

    def write(self, entries: Mapping[Key, float], x: np.ndarray) -> None:
        """Write a row into a vector of NaN; features without a column are left out."""
        x[self._indicators] = 0.0
        for key, value in entries.items():
            place = self.places.get(key)
            if place is not None:
                x[place] = value


def read_row(row: Mapping[str, Any]) -> dict[Key, float]:
    """Return what a dict row has: numbers by name, and 1 by ``(name, value)`` for a string.

    Raises
    ------
    TypeError
        If the row is no dict, a name no string, or a value neither a number nor a string.
    ValueError
        If a number is infinite.
    """
    if not isinstance(row, Mapping):
        raise TypeError(f"a row is {row!r}; among dict rows it must be a dict.")
    entries: dict[Key, float] = {}
    for name, value in row.items():
        if not isinstance(name, str):
            raise TypeError(f"a dict row has the name {name!r}; names must be str.")
        if isinstance(value, str):
            entries[name, str(value)] = 1.0
        elif value is not None:
            number = _as_number(name, value)
            if number == number:
                entries[name] = number
    return entries


def _as_number(name: str, value: Any) -> float:
    if not isinstance(value, (Real, np.bool_)):
        raise TypeError(
            f"{name!r} is {value!r} in a dict row; give a number, a string, or None if it is "
            "missing."
        )
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = np.inf
    if number in (np.inf, -np.inf):
        raise ValueError(f"{name!r} is {value!r} in a dict row; give a number within float64.")
    return number
