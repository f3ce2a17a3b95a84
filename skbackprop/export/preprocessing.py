"""Scalers, periodic features, the encoding of tables and views of them, as vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from ..tabular.columns import LIMIT, MARK, TableEncoder
from ..tabular.periodic import PeriodicFeatures, wave
from ..tabular.scaling import RobustSmoothScaler, squash
from ..tabular.views import Ramps, Steps, View, Waves, ramp, side
from .vectors import Affine, Constant, Join, Take, Vector, formula

__all__ = ["notes_on", "transformed", "viewed"]


def transformed(transformer: Any, x: Vector) -> Vector:
    """Return what a fitted transformer makes of a row.

    Raises
    ------
    TypeError
        If it is none of those that are known here.
    """
    if transformer is None or transformer == "passthrough":
        return x
    if isinstance(transformer, Pipeline):
        for step in dict(transformer.steps).values():
            x = transformed(step, x)
        return x
    if type(transformer) not in _TRANSFORMERS:
        known = ", ".join(sorted(cls.__name__ for cls in _TRANSFORMERS))
        raise TypeError(
            f"the step {transformer!r:.80} cannot be exported; those that can are {known}. Export "
            "what follows it, and do the rest where the model runs."
        )
    check_is_fitted(transformer)
    return _TRANSFORMERS[type(transformer)](transformer, x)


def _standardised(scaler: StandardScaler, x: Vector) -> Vector:
    if scaler.with_mean:
        x = formula(lambda x, mean: x - mean, x, Constant.of(scaler.mean_))
    if scaler.with_std:
        x = formula(lambda x, scale: x / scale, x, Constant.of(scaler.scale_))
    return x


def _within_bounds(scaler: MinMaxScaler, x: Vector) -> Vector:
    scale, least = Constant.of(scaler.scale_), Constant.of(scaler.min_)
    scaled = formula(lambda x, scale, least: x * scale + least, x, scale, least)
    low, high = scaler.feature_range
    return formula(lambda x: np.clip(x, low, high), scaled) if scaler.clip else scaled


def _squashed(x: Vector, centre, scale, limit: float) -> Vector:
    def scaled(x, centre, scale):
        return squash(x, centre, scale, limit)

    return formula(scaled, x, Constant.of(centre), Constant.of(scale))


def _robust(scaler: RobustSmoothScaler, x: Vector) -> Vector:
    return _squashed(x, scaler.center_, scaler.scale_, scaler.limit)


def _periodic(transformer: PeriodicFeatures, x: Vector) -> Vector:
    n_columns, n_waves = transformer.frequencies_.shape
    repeated = Take.some(x, np.repeat(np.arange(n_columns), n_waves))
    frequencies = Constant.of(transformer.frequencies_), Constant.of(transformer.phases_)
    waves = formula(wave, repeated, *frequencies)
    return Join.all([x, waves]) if transformer.keep_input else waves


def _encoded(encoder: TableEncoder, x: Vector) -> Vector:
    numbers = encoder._numbers
    parts: list[Vector] = []
    known: Vector = Take.some(x, numbers.columns)
    if known.size:
        scaled = _squashed(known, numbers.centre, numbers.scale, LIMIT)
        parts.append(_where_known(known, numbers.bounds, 0.0, scaled))
    with_gaps = np.flatnonzero(numbers.gaps)
    gaps = Take.some(known, with_gaps)
    if gaps.size:
        parts.append(_where_known(gaps, numbers.bounds[:, with_gaps], MARK, 0.0))
    for j, marks in encoder._marks.items():
        parts.append(_marked(marks, Take.some(x, [j])))
    return Join.all(parts)


def _where_known(x: Vector, bounds, missing: float, known: Vector | float) -> Vector:
    """One value where x is within bounds, another where it is missing, or an error."""
    low, high = (Constant.of(bound) for bound in bounds)
    if isinstance(known, Vector):
        return formula(
            lambda x, low, high, s: np.where((low <= x) & (x <= high), s, missing),
            *(x, low, high, known),
        )
    return formula(
        lambda x, low, high: np.where((low <= x) & (x <= high), known, missing), x, low, high
    )


def _marked(marks, value: Vector) -> Vector:
    """The marks of a category: those of its level, or of any other."""
    *of_levels, of_others = marks.rows
    hits = [
        formula(
            lambda x, code=code: np.where(np.isnan(x) if code is None else x == code, 1.0, 0.0),
            value,
        )
        for code in level_codes(marks.levels)
    ]
    return Affine(
        marks.width,
        Join.all(hits),
        Constant.of(np.array(of_levels) - of_others),
        Constant.of(of_others),
    )


def level_codes(levels: list) -> list[float | None]:
    """Return the numbers by which levels are given: their own, or their places if some have none.

    None, a missing value, is given as NaN.
    """
    if all(level is None or isinstance(level, int | float | np.number) for level in levels):
        return [None if level is None else float(level) for level in levels]
    return [None if level is None else float(i) for i, level in enumerate(levels)]


_TRANSFORMERS: dict[type, Callable[[Any, Vector], Vector]] = {
    StandardScaler: _standardised,
    MinMaxScaler: _within_bounds,
    RobustSmoothScaler: _robust,
    PeriodicFeatures: _periodic,
    TableEncoder: _encoded,
}


def notes_on(encoder: TableEncoder) -> list[str]:
    """Say how categories are given."""
    notes = []
    for j, marks in encoder._marks.items():
        codes = ["NaN" if code is None else f"{code:g}" for code in level_codes(marks.levels)]
        pairs = ", ".join(f"{c} for {v!r}" for c, v in zip(codes, marks.levels, strict=True))
        notes.append(f"x[{j}] is a category: {pairs}.")
    return [*notes, "NaN is a missing value."]


def viewed(view: View, x: Vector) -> Vector:
    """Return what a view shows of an encoded row."""
    z = [Take.some(x, [j]) for j in view.columns]
    if isinstance(view, Waves) and z:
        return Join.all([x, _periodic(view.periodic, Take.some(x, view.columns))])
    parts = [x]
    if isinstance(view, Ramps):
        pairs = [(column, e) for column, e in zip(z, view.edges, strict=True) if len(e) > 2]
        parts += [formula(ramp, c, Constant.of(e[:-1]), Constant.of(e[1:])) for c, e in pairs]
    if isinstance(view, Steps):
        pairs = [(column, h) for column, h in zip(z, view.thresholds, strict=True) if len(h)]
        parts += [formula(side, column, Constant.of(h)) for column, h in pairs]
    return Join.all(parts)
