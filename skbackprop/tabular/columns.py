"""Numbers from a table as it comes: scaled columns, marks of what is missing, and of categories.

A column of numbers becomes one column, scaled as `RobustSmoothScaler` scales it, and, where
the training rows lack some of its values, a mark of what is missing. A column of categories becomes
a mark of each level. A mark is 0 or what the scaler makes of a column that is seldom 1.
"""

from __future__ import annotations

from collections.abc import Hashable
from numbers import Integral, Number
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from ..callers import warn_user
from ..estimators.onnx_methods import OnnxMethods
from ..estimators.sample_weights import check_weights
from ..registry import Checked
from .scaling import bounds_of_errors, centre_and_scale, positive_rows, squash
from .tables import CATEGORY, VALUES, Table, are_numbers, read_table

__all__ = ["LIMIT", "MARK", "Marks", "Numbers", "TableEncoder"]

LIMIT = 3.0  # RobustSmoothScaler's
# A column that is 1 in fewer than a quarter of the rows: median 0, half its range 1/2.
MARK = np.float32(2 / np.sqrt(1 + (2 / LIMIT) ** 2))


class TableEncoder(TransformerMixin, OnnxMethods, Checked):
    """A transformer of whole tables, of numbers and categories, into numbers for a network.

    Numbers and booleans are scaled by :class:`~skbackprop.RobustSmoothScaler`; where one is
    missing, the median stands in, and a column of marks says so if some training rows lacked it
    too. Numbers that must be errors count as missing: where the quartiles differ, those beyond the
    quantiles at 2 and 98 % by more than 50 times the distance of these, as every number is that is
    1000 deviations off. Columns of categories, strings and objects become one column of marks for
    each level; a missing value is a level of its own. Two levels share one column, with the values
    -1 and 1. A level that was not seen in training, or is pooled, is 0 in all of them. An object
    column in which every value is a number is a column of numbers. A constant column becomes 0.

    Rows of weight 0 count as absent, and a weight of 2 is a row that is there twice.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like of {bool, int, str}, \
default="from_dtype"
        Which columns are categories: by their dtype, as above; none; or a boolean mask, indices or
        names, and then all others must be numbers.
    max_categories : int >= 2, default=40
        The greatest number of levels of a column. Where there are more, the most frequent
        `max_categories - 1` keep their marks, and the others are pooled.

    Attributes
    ----------
    is_categorical_ : ndarray of shape (n_features_in_,), bool
        Which columns of the table are categories.
    origins_ : ndarray of shape (n_features_out,), int
        The index of the input column that each output column comes from. Scaled numbers come first,
        then the marks of what is missing, then the marks of categories.
    is_continuous_ : ndarray of shape (n_features_out,), bool
        Which output columns are scaled numbers with more than two values: those for which further
        features, periodic ones say, make sense.
    categories_ : dict of int to list
        The levels of each column of categories that have a mark, by the column's index; None is a
        missing value. Without those that are pooled.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where `fit` saw names.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbackprop.tabular import TableEncoder
    >>> table = pd.DataFrame({"age": [30, None, 50], "city": ["Oslo", "Rome", None]})
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'missingindicator_age', 'city_Oslo', 'city_Rome', 'city_None']
    """

    is_categorical_: np.ndarray
    origins_: np.ndarray
    is_continuous_: np.ndarray
    categories_: dict[int, list[Hashable]]

    def __init__(self, *, categorical_features: Any = "from_dtype", max_categories: int = 40):
        self.categorical_features = categorical_features
        self.max_categories = max_categories

    def __sklearn_tags__(self):
        """Categories and missing values are taken; the output is in single precision."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X, y=None, sample_weight=None) -> TableEncoder:
        """Find the medians, the quartiles, the levels, and what may be missing.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The table: what `read_table` reads.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            The weight of each row, >= 0.

        Returns
        -------
        TableEncoder
            The encoder itself.

        Raises
        ------
        ValueError
            If a column holds dates, infinity or complex numbers, or strings where numbers should
            be; if a parameter or a weight is out of its range.
        TypeError
            If X is sparse, or a value is no number and no possible category.

        Warns
        -----
        UserWarning
            If nearly all values of a column of categories are different.
        """
        self._check_max_categories()
        table = read_table(X, self)
        every_row = np.empty((table.n_rows, 0))
        rows, weights = positive_rows(check_weights(sample_weight, every_row, "sample_weight"))
        seen = table if isinstance(rows, slice) else table.rows(rows)
        is_categorical = _which_are_categories(seen, self.categorical_features)
        numbers = _learn_numbers(seen, np.flatnonzero(~is_categorical), weights)
        marks = {
            int(j): _learn_marks(seen, int(j), weights, int(self.max_categories))
            for j in np.flatnonzero(is_categorical)
        }
        # Nothing can fail from here on.
        validate_data(self, table.data, skip_check_array=True)
        self._numbers, self._marks = numbers, marks
        self.is_categorical_ = is_categorical
        self.categories_ = {j: mark.levels for j, mark in marks.items()}
        self.origins_ = np.concatenate(
            [numbers.columns, numbers.columns[numbers.gaps]]
            + [np.full(mark.width, j) for j, mark in marks.items()]
        ).astype(np.intp)
        self.is_continuous_ = np.zeros(len(self.origins_), bool)
        self.is_continuous_[: len(numbers.columns)] = numbers.continuous
        return self

    def transform(self, X) -> np.ndarray:
        """Return the table as numbers.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The columns that `fit` saw, in the same order.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), float32
            Complete and finite, in the order of `get_feature_names_out`. Numbers are scaled in
            double precision first, so that large ones (years, seconds) lose no digits that matter.

        Raises
        ------
        ValueError
            If the columns are others than in `fit`, or hold what `fit` would refuse.

        Warns
        -----
        UserWarning
            If none of the values of a column of categories was seen in `fit`. Not where rare levels
            are pooled, nor of missing values.
        """
        check_is_fitted(self)
        table = read_table(X, self)
        validate_data(self, table.data, reset=False, skip_check_array=True)
        return self._encode(table)

    def _encode(self, table: Table) -> np.ndarray:
        """A table that has been read and checked, as numbers."""
        out = np.empty((table.n_rows, len(self.origins_)), np.float32)
        end = self._numbers.write(table, out)
        unknown = []
        for j, mark in self._marks.items():
            start, end = end, end + mark.width
            values = table.values(j)
            codes = mark.codes(values)
            out[:, start:end] = mark.rows[codes]
            if mark.knows_none(codes, values):
                unknown.append((table.label(j), values, mark.levels))
        _warn_of_unknown(unknown)
        return out

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the output columns: `age`, `missingindicator_age`, `city_Oslo`, ...

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            The names of the columns; by default those that `fit` saw, or `x0`, `x1`, ...

        Returns
        -------
        ndarray of str objects
            One name for each output column, as scikit-learn's encoders and imputers have it.
        """
        check_is_fitted(self)
        inputs = _check_feature_names_in(self, input_features)
        numbers = inputs[self._numbers.columns]
        names = [*numbers, *(f"missingindicator_{name}" for name in numbers[self._numbers.gaps])]
        for j, mark in self._marks.items():
            names += mark.names(inputs[j])
        return np.array(names, dtype=object)

    def _check_max_categories(self) -> None:
        value = self.max_categories
        if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 2:
            self._refuse("max_categories", "a whole number >= 2")


class Numbers(NamedTuple):
    """What is known of the columns of numbers."""

    columns: np.ndarray  # which they are
    centre: np.ndarray
    scale: np.ndarray
    bounds: np.ndarray  # (2, n): what is beyond them is an error
    gaps: np.ndarray  # bool: which have a mark of what is missing
    continuous: np.ndarray  # bool: which have more than two values

    def write(self, table: Table, out: np.ndarray) -> int:
        """Fill the first columns of `out`; return how many."""
        n = len(self.columns)
        numbers = table.numbers(self.columns)
        low, high = self.bounds
        missing = ~((low <= numbers) & (numbers <= high))  # NaN, too
        out[:, :n] = squash(numbers, self.centre, self.scale, LIMIT)
        out[:, :n][missing] = 0  # the median
        end = n + int(self.gaps.sum())
        out[:, n:end] = missing[:, self.gaps] * MARK
        return end


class Marks(NamedTuple):
    """The marks of a column of categories."""

    levels: list[Hashable]  # those that have a mark, None for a missing value
    code_of: dict[Hashable, int]
    rows: np.ndarray  # (n_levels + 1, width) the marks of each level, and of any other
    pooled: bool = False  # whether some levels of the training rows have no mark of their own

    @property
    def width(self) -> int:
        """Return how many columns they are."""
        return self.rows.shape[1]

    def codes(self, values: list[Hashable]) -> np.ndarray:
        """The number of the level (n_rows,) of each value; -1 for any other."""
        code_of = self.code_of.get
        return np.array([code_of(value, -1) for value in values], np.intp)

    def knows_none(self, codes: np.ndarray, values: list[Hashable]) -> bool:
        """Whether levels matter, and no value, missing ones aside, was there in training."""
        if self.pooled or codes.max(initial=-1) >= 0 or not self.rows.any():
            return False
        return any(value is not None for value in values)

    def names(self, column: str) -> list[str]:
        """The names of the output columns; -1 and 1 go by the name of the level that is 1."""
        if len(self.levels) == self.width:
            return [f"{column}_{level}" for level in self.levels]
        return [f"{column}_{self.levels[-1]}"]


def _learn_numbers(table: Table, columns: np.ndarray, weights) -> Numbers:
    numbers = table.numbers(columns)
    missing = np.isnan(numbers).mean(axis=0)
    low, high = np.fmin.reduce(numbers, axis=0), np.fmax.reduce(numbers, axis=0)
    between = ((low < numbers) & (numbers < high)).any(axis=0)
    centre, scale = centre_and_scale(numbers, weights)
    bounds = bounds_of_errors(numbers, weights)
    return Numbers(columns, centre, scale, bounds, (missing > 0) & (missing < 1), between)


def _learn_marks(table: Table, j: int, weights, max_levels: int) -> Marks:
    values = table.values(j)
    levels = _sorted(set(values))
    _warn_of_identifiers(table, j, len(levels))
    pooled = len(levels) > max_levels
    if pooled:
        code_of = {level: code for code, level in enumerate(levels)}
        counts = np.bincount([code_of[value] for value in values], weights)
        # Among equals the first are pooled, as by OneHotEncoder.
        kept = np.argsort(counts, kind="stable")[len(levels) - max_levels + 1 :]
        levels = [levels[code] for code in sorted(kept)]
    rows = _rows(len(levels), pooled)
    return Marks(levels, {level: code for code, level in enumerate(levels)}, rows, pooled)


def _rows(n_levels: int, pooled: bool) -> np.ndarray:
    if n_levels == 1 and not pooled:
        return np.zeros((2, 1), np.float32)
    if n_levels == 2 and not pooled:
        return np.array([[-1], [1], [0]], np.float32)
    return np.eye(n_levels + 1, n_levels, dtype=np.float32) * MARK


def _sorted(levels: set[Hashable]) -> list[Hashable]:
    """Levels in an order that does not depend on that of the rows: numbers, others, missing."""

    def place(level):
        kind = "" if isinstance(level, Number) else type(level).__name__
        return (kind, level)

    there = levels - {None}
    try:
        ordered = sorted(there, key=place)
    except TypeError:
        ordered = sorted(there, key=repr)
    return [*ordered, *(levels & {None})]


def _warn_of_identifiers(table: Table, j: int, n_levels: int) -> None:
    if n_levels > 20 and n_levels > 0.9 * table.n_rows:
        warn_user(
            f"{table.label(j)} has {n_levels} different values in {table.n_rows} rows. As "
            "categories they tell nothing about new rows: leave out an identifier, derive numbers "
            "or categories from a text, and convert numbers that came as strings.",
        )


def _warn_of_unknown(columns: list[tuple[str, list[Hashable], list[Hashable]]]) -> None:
    """Warn of columns, by their names, values and known levels, in which no value is known."""
    if not columns:
        return
    told = "; ".join(
        f"{label}, which has {_some(values)}, where fit saw {_some(levels)}"
        for label, values, levels in columns
    )
    warn_user(
        f"No value was seen in fit of {told}. Every row counts as having none of the levels there: "
        "look whether they are written as in fit."
    )


def _some(values: list[Hashable]) -> str:
    """The first different values, as text."""
    listed = list(dict.fromkeys(value for value in values if value is not None))
    return ", ".join(map(repr, listed[:3])) + (", ..." if len(listed) > 3 else "")


def _which_are_categories(table: Table, wanted: Any) -> np.ndarray:
    """The mask (n_columns,) of the columns of categories; the checks of HistGradientBoosting."""
    if isinstance(wanted, str) and wanted == "from_dtype":
        return np.array([_is_category(table, j) for j in range(table.n_columns)], bool)
    mask = np.zeros(table.n_columns, bool)
    if wanted is None:
        return mask
    wanted = np.asarray(wanted)
    if wanted.size == 0:
        return mask
    types = {type(item) for item in wanted.ravel().tolist()}
    if wanted.ndim != 1 or types not in ({bool}, {int}, {str}):
        raise ValueError(
            "categorical_features must be 'from_dtype', None, or an array-like of bool, int or "
            f"str, got: {', '.join(sorted(kind.__name__ for kind in types))}, shape {wanted.shape}."
        )
    if types == {bool}:
        return _mask_of_mask(wanted, mask)
    mask[_indices_of_names(wanted, table) if types == {str} else _indices(wanted, mask)] = True
    return mask


def _is_category(table: Table, j: int) -> bool:
    kind = table.kind(j)
    return kind == CATEGORY or (kind == VALUES and not are_numbers(table.values(j)))


def _mask_of_mask(wanted, mask) -> np.ndarray:
    if wanted.shape != mask.shape:
        raise ValueError(
            "categorical_features set as a boolean mask must have shape (n_features,) = "
            f"{mask.shape}, got: {wanted.shape}"
        )
    return wanted.astype(bool)


def _indices(wanted, mask) -> np.ndarray:
    indices = wanted.astype(np.intp)
    if indices.min() < 0 or indices.max() >= len(mask):
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1] = "
            f"[0, {len(mask) - 1}], got: {wanted.tolist()}"
        )
    return indices


def _indices_of_names(wanted, table: Table) -> list[int]:
    if table.names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    for name in wanted:
        if name not in table.names:
            raise ValueError(
                f"categorical_features has an item value '{name}' which is not a valid feature "
                f"name of the training data. Observed feature names: {table.names}"
            )
    return [table.names.index(name) for name in wanted]
