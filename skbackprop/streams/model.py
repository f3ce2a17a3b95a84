"""One row after the other: scale it, predict, compare, learn. What both estimators share inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .drift import DriftMonitor
from .moments import Moments
from .race import Race
from .rows import Columns, Key
from .stack import Stack

__all__ = ["StreamModel"]

_CLIP = 3.0  # deviations from the mean that an input is kept within
_LIMIT = 10.0  # deviations that one row counts for in the running moments
_STEADY = 30  # rows from which on a scale is corrected for: before, it jumps

Row = Any  # an ndarray (n_features,), or what `read_row` makes of a dict row


class StreamModel:
    """Scales, networks and race, moved row by row.

    Parameters
    ----------
    task : NumberTask or ClassTask
    first : ndarray of shape (n_features,) or mapping
        The first row: of an array, or what `read_row` makes of a dict row.
    new_stack : callable
        Sizes of inputs and outputs -> `Stack`.
    race : Race
    max_features : int
        Of dict rows.
    half_life : float or None
        Of the scales.
    with_mean : bool
        Whether inputs are shifted by their means; sparse rows are not.
    corrects : bool
        Whether the layers are corrected when a scale moves.
    last_target : bool
        Whether the last target is an input.

    Attributes
    ----------
    moments : Moments
        Of the inputs.
    """

    def __init__(
        self,
        task: Any,
        first: Row,
        new_stack: Callable[[int, int], Stack],
        race: Race,
        *,
        max_features: int,
        half_life: float | None,
        with_mean: bool,
        corrects: bool,
        last_target: bool,
    ):
        self.task, self.race = task, race
        self.with_mean, self.corrects, self.last_target = with_mean, corrects, last_target
        self.takes_dicts = not isinstance(first, np.ndarray)
        self.columns = Columns(max_features)
        self.moments = Moments(0 if self.takes_dicts else len(first), half_life, _LIMIT)
        self.n_features = len(self.moments)
        self.last_places: list[int] = []
        self._add_last_targets()
        if self.takes_dicts:
            self._add_features(first)
        self.stack = new_stack(len(self.moments), task.n_units)
        self.drift = DriftMonitor(len(self.stack))
        self.n_samples = 0

    # -- inputs ----------------------------------------------------------------------------------

    def _add_features(self, entries: Mapping[Key, float]) -> None:
        """Add the inputs of a dict row that are not there yet."""
        for key in self.columns.new_keys(entries):
            is_fixed = not isinstance(key, str)
            self.columns.add(key, len(self.moments))
            self.moments.grow(is_fixed)
            self.n_features += 1

    def _add_last_targets(self) -> None:
        """Add the inputs of the last target that are not there yet."""
        while self.last_target and len(self.last_places) < self.task.n_last:
            self.last_places.append(len(self.moments))
            self.moments.grow(self.task.last_is_indicator)

    def _grow_stack(self) -> None:
        n_new = len(self.moments) - self.stack.sizes[0]
        if n_new:
            self.stack.grow_inputs(n_new)

    def inputs(self, rows: Any) -> np.ndarray:
        """Inputs (n, n_inputs) of rows of an array or a list of entries, with the last target."""
        if not self.takes_dicts and not self.last_places:
            return rows
        X = np.full((len(rows), len(self.moments)), np.nan)
        if self.takes_dicts:
            for x, entries in zip(X, rows, strict=True):
                self.columns.write(entries, x)
        else:
            X[:, : self.n_features] = rows
        if self.last_places:
            X[:, self.last_places] = self.task.last
        return X

    # -- predictions -----------------------------------------------------------------------------

    def predict(self, rows: Any) -> np.ndarray:
        """The vote (n, n_outputs) on rows: probabilities, or numbers in y's units."""
        with np.errstate(all="ignore"):
            v = self.stack.respond(self.moments.scaled(self.inputs(rows), _CLIP, self.with_mean))
            weights, finite = self.race.weights, np.isfinite(v).all(axis=(1, 2))
            if not finite.all():  # what the next row to be learned restarts
                v, weights = np.where(finite[:, None, None], v, 0.0), weights * finite
                weights = weights / max(weights.sum(), np.finfo(float).tiny)
            return np.tensordot(weights, self.task.outputs(v), 1)

    # -- learning --------------------------------------------------------------------------------

    def learn(self, row: Row, label: Any, weight: float) -> None:
        """Learn one row: predict it, count the losses, update all networks, then the scales.

        Parameters
        ----------
        row : ndarray of shape (n_features,) or mapping
        label : float or label
        weight : float > 0
        """
        task, stack = self.task, self.stack
        if self.takes_dicts:
            self._add_features(row)
            self._grow_stack()
        x = row if not self.takes_dicts and not self.last_places else self.inputs([row])[0]
        v = self._forward(x)
        outputs = task.outputs(v)
        error = task.score(self.race.weights.dot(outputs), label) if self.n_samples else 0.0
        if not task.knows(label):
            x = self._add_class(label, v, x)
            v = self._forward(x)
            outputs = task.outputs(v)
        target = task.place(label)
        if self.n_samples:
            self._count(outputs, target, error)
        ratio, shift = task.see(target)
        if self.corrects and ratio is not None:
            stack.rescale_outputs(ratio, shift)
            v = v * ratio + shift
        delta = task.delta(v, outputs, target)
        if weight != 1.0:
            delta *= weight
        stack.learn(delta)
        self._update_moments(x)
        task.remember(target)
        self.n_samples += 1

    def _forward(self, x: np.ndarray) -> np.ndarray:
        """Induced local fields of the outputs; networks that diverged are restarted."""
        v = self.stack.forward(self.moments.scaled(x, _CLIP, self.with_mean))
        if not np.isfinite(v).all():
            self._restart_diverged(v)
        return v

    def _restart_diverged(self, v: np.ndarray) -> None:
        """Restart networks from the one that wins among those that have not diverged."""
        finite = np.isfinite(v).all(axis=1)
        losses = np.where(finite, self.race.losses, np.inf)
        if not finite.any():
            self.stack.w[...] = v[...] = 0.0
            losses[...] = 0.0
        winner = int(losses.argmin())
        for loser in np.flatnonzero(~finite):
            self.stack.restart(int(loser), winner)
            self.race.losses[loser] = self.race.losses[winner]
            v[loser] = v[winner]

    def _count(self, outputs: np.ndarray, target: Any, error: float) -> None:
        """Count the losses of the networks in the race, and show them to the drift monitor."""
        losses = self.task.losses(outputs, target)
        vote = self.race.weights.dot(outputs)
        loss = float(self.task.losses(vote[None], target)[0])
        self.drift.record(self.n_samples, error, loss, losses)
        self.race.record(losses)

    def _add_class(self, label: Any, v: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Add an output neuron for a class that comes up; returns the row, which may be wider.

        Its weights are 0 and its bias is ``logsumexp(v) - log(n)``, n rows having come before: on
        this row the class has the probability ``1 / (n + 1)``, its frequency.
        """
        n = self.n_samples
        biases = np.zeros(len(v))
        if v.shape[1]:
            biases = np.logaddexp.reduce(v, axis=1) - np.log(max(n, 1))
        self.stack.grow_outputs(self.task.insert(label), biases)
        self._add_last_targets()
        self._grow_stack()
        return np.append(x, np.zeros(len(self.moments) - len(x)))

    def _update_moments(self, x: np.ndarray) -> None:
        moments = self.moments
        if not self.corrects:
            moments.update(x)
            return
        mean, inverse = moments.mean.copy(), moments.inverse.copy()
        moments.update(x)
        steady = (moments.count > _STEADY) & (inverse > 0.0) & (moments.inverse > 0.0)
        ratio = np.divide(inverse, moments.inverse, out=np.ones_like(mean), where=steady)
        shift = (moments.mean - mean) * inverse * (steady & self.with_mean)
        self.stack.rescale_inputs(ratio, shift)
