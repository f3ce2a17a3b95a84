"""One row after the other: scale it, predict, compare, learn. What both estimators share inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from math import isfinite
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..engines.choice import NOT_COMPILED, warn_of_numpy
from ..engines.code_cache import why_no_compiler
from ..engines.compiled_race import CompiledRace
from ..engines.symbols import Untraceable
from ..signal_handlers import Deferral
from .drift import KEPT, RATE, RECENT, WARM_UP, WIDTH, DriftMonitor
from .moments import LARGEST, LARGEST_VALUE, ROBUST_FROM, ROUNDING, Moments, refuse_large
from .race import SHARPNESS, Race
from .rows import Columns, Key
from .stack import AVERAGING_RATE, Stack
from .tasks import LARGEST_ERROR, LARGEST_LOSS, LARGEST_OUTPUT, LEAST_PROBABILITY

__all__ = ["StreamModel"]

_CLIP = 3.0  # deviations from the mean that an input is kept within
_LIMIT = 10.0  # deviations that one row counts for in the running moments
_STEADY = 30  # rows from which on a scale is corrected for: before, it jumps

Row = Any  # an ndarray (n_features,), or what `read_row` or `Columns.whole` makes of a dict row


class StreamModel:
    """Scales, networks and race, moved row by row.

    Parameters
    ----------
    task : NumberTask or ClassTask
    first : ndarray of shape (n_features,) or mapping
        The first row: of an array, or what `read_row` or `Columns.whole` makes of a dict row.
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
    engine : {"numpy", "compiled"}
        What learns the rows.
    """

    _code: CompiledRace | None  # laid out for the networks as they are; None if it is not yet

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
        self.drift = DriftMonitor()
        self.engine, self._code = "numpy", None
        self._may_compile = self._stands_in = False

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the tables of the compiled code."""
        return {**vars(self), "_code": None, "_stands_in": False}

    @property
    def n_samples(self) -> int:
        """Rows that have been learned."""
        return self.stack.n_updates

    # -- inputs ----------------------------------------------------------------------------------

    def _add_features(self, entries: Mapping[Key, float]) -> None:
        """Add the inputs of a dict row that are not there yet."""
        for key in self.columns.new_keys(entries):
            is_fixed = not isinstance(key, str)
            self.moments.grow(is_fixed)
            self.columns.add(key, len(self.moments) - 1)
            self.n_features += 1

    def _add_last_targets(self) -> None:
        """Add the inputs of the last target that are not there yet."""
        while self.last_target and len(self.last_places) < self.task.n_last:
            self.last_places.append(len(self.moments))
            self.moments.grow(self.task.last_is_indicator)

    def _grow_stack(self) -> None:
        n_new = len(self.moments) - self.stack.sizes[0]
        if n_new:
            self._code = None
            self.stack.grow_inputs(n_new)

    def inputs(self, rows: Any) -> np.ndarray:
        """Inputs (n, n_inputs) of rows of an array or a list of entries, with the last target."""
        if isinstance(rows, np.ndarray) and not self.last_places:
            return rows
        X = np.full((len(rows), len(self.moments)), np.nan)
        if isinstance(rows, np.ndarray):
            X[:, : self.n_features] = rows
        else:
            for x, entries in zip(X, rows, strict=True):
                self.columns.write(entries, x)
        if self.last_places:
            X[:, self.last_places] = self.task.last
        return X

    # -- predictions -----------------------------------------------------------------------------

    def predict(self, rows: Any) -> np.ndarray:
        """The vote (n, n_outputs) on rows: probabilities, or numbers in y's units."""
        X = self.inputs(rows)
        if self._lay_out_if_compiled():
            assert self._code is not None
            votes = self._code.vote(X)
            if votes is not None:
                return self.task.in_units(votes)
        return self.task.in_units(self._predict_numpy(X))

    @np.errstate(all="ignore")
    def _predict_numpy(self, X: np.ndarray) -> np.ndarray:
        v = self.stack.respond(self.moments.scaled(X, _CLIP, self.with_mean))
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

        Raises
        ------
        ValueError
            If a number is too large; nothing has changed.
        """
        is_plain = isinstance(row, np.ndarray) and not self.last_places
        if is_plain and self._learn_compiled(row, label, weight):
            return  # whole, whatever signals came
        self._load()
        with Deferral():
            self._learn_any(row, label, weight)

    def learn_rows(self, rows: Any, labels: list, weights: np.ndarray) -> None:
        """Learn rows as `learn` does, many at once where the compiled code can.

        Parameters
        ----------
        rows : ndarray or CSR of shape (n, n_features), or list of mappings
        labels : list of length n
        weights : ndarray of shape (n,)
            Above 0.
        """
        done, is_sparse = 0, issparse(rows)
        self._load()
        with Deferral() as deferral:
            while done < len(labels):
                n_learned = self._learn_rows_compiled(rows, labels, weights, done)
                if not n_learned:
                    row = rows[done : done + 1].toarray()[0] if is_sparse else rows[done]
                    self._learn_any(row, labels[done], float(weights[done]))
                done += n_learned or 1
                deferral.honour()

    def _learn_any(self, row: Row, label: Any, weight: float) -> None:
        """Learn a row that may have new features, and targets that are new."""
        x, is_array = row, isinstance(row, np.ndarray)
        refuse_large(row[np.newaxis] if is_array else [row])
        if not is_array:
            self._add_features(row)
            self._grow_stack()
            x = self.inputs([row])[0]
        elif self.last_places:
            x = self.inputs(row[np.newaxis])[0]
        if not self._learn_compiled(x, label, weight):
            self._learn_numpy(x, label, weight)
        if self.last_target:
            self.task.remember(self.task.place(label))

    @np.errstate(all="ignore")
    def _learn_numpy(self, x: np.ndarray, label: Any, weight: float) -> None:
        task, stack, is_first = self.task, self.stack, not self.n_samples
        v = self._forward(x)
        outputs = task.outputs(v)
        answer = None if is_first else task.answer(self.race.weights.dot(outputs))
        if not task.knows(label):
            x = self._add_class(label, v, x)
            v = self._forward(x)
            outputs = task.outputs(v)
        target = task.place(label)
        if not is_first:
            self._count(outputs, target, answer)
        ratio, shift = task.see(target)
        if self.corrects and ratio is not None:
            stack.rescale_outputs(ratio, shift)
            v = v * ratio + shift
        delta = task.delta(v, outputs, target)
        if weight != 1.0:
            delta *= weight
        stack.learn(delta)
        self._update_moments(x)

    # -- the compiled engine ---------------------------------------------------------------------

    def choose_engine(self, wanted: str) -> None:
        """Choose what learns the rows, as the estimators' `engine` says.

        Raises
        ------
        ValueError
            If it is "compiled", and the compiled code cannot do what is asked for.
        ImportError
            If it is "compiled", and Numba is missing.
        """
        if wanted == "numpy":
            return
        reason = "correct_scale is known to NumPy only" if self.corrects else None
        try:
            code = self._laid_out()
        except Untraceable as error:
            reason = str(error)
        if reason is not None:
            if wanted == "compiled":
                raise ValueError(f"engine='compiled' cannot train this model: {reason}.")
            return
        missing = why_no_compiler()
        if wanted == "compiled" and missing is not None:
            raise ImportError(f"engine='compiled' cannot be used: {missing}.")
        if wanted == "compiled" or (missing is None and code.is_compiled):
            self.engine, self._may_compile = "compiled", wanted == "compiled"
            self.moments.common = None  # the code counts in the table alone

    def _learn_compiled(self, x: np.ndarray, label: Any, weight: float) -> bool:
        """Learn a row by the compiled code, and tell whether it did.

        It leaves to NumPy what comes seldom: a new class, and a network that has diverged.
        """
        if not self.task.knows(label) or not self._lay_out_if_compiled():
            return False
        assert self._code is not None
        return self._code.learn(x, self.task.place(label), weight)

    def _learn_rows_compiled(self, rows: Any, labels: list, weights: np.ndarray, start: int) -> int:
        """Learn rows by the compiled code, from one on, as many as it can at once; how many."""
        if not isinstance(rows, np.ndarray) or self.last_target or not self._lay_out_if_compiled():
            return 0
        assert self._code is not None
        known = takewhile(self.task.knows, labels[start : start + self._code.most_rows])
        places = list(map(self.task.place, known))
        if not places:
            return 0
        part = slice(start, start + len(places))
        return self._code.learn_rows(rows[part], places, weights[part])

    def _lay_out_if_compiled(self) -> bool:
        """Whether there is compiled code; it is then laid out for the networks as they are now."""
        if self.engine != "compiled" or self._stands_in:
            return False
        if self._code is None:
            code = self._laid_out()
            self._stands_in = self._is_missing(code)
            self._code = code
        return not self._stands_in

    def _load(self) -> None:
        """Load the compiled code, compiled first if need be: seconds, in which Ctrl-C is heard."""
        if self._lay_out_if_compiled():
            assert self._code is not None
            self._code.load()

    def _is_missing(self, code: CompiledRace) -> bool:
        """Whether NumPy must stand in for the compiled code, as on another machine; it warns."""
        missing = why_no_compiler()
        if missing is None and not self._may_compile and not code.is_compiled:
            missing = NOT_COMPILED
        if missing is None:
            return False
        warn_of_numpy(missing)
        return True

    def _laid_out(self) -> CompiledRace:
        """The compiled code for the networks as they are now."""
        stack, moments, task = self.stack, self.moments, self.task
        settings = (
            _CLIP,
            self.race.discount,
            LEAST_PROBABILITY,
            LARGEST_LOSS,
            LARGEST_ERROR,
            LARGEST_OUTPUT,
            LARGEST,
            ROUNDING,
            ROBUST_FROM,
            moments.keep,
            moments.limit,
            SHARPNESS,
            AVERAGING_RATE,
            RATE,
            WIDTH,
            WARM_UP,
            RECENT,
            KEPT,
            LARGEST_VALUE,
        )
        return CompiledRace(
            stack.sizes,
            stack.activation,
            stack.members(),
            averaged=stack.averaged,
            n_classes=task.n_units if task.is_classification else 0,
            settings=settings,
            with_mean=self.with_mean,
            state=(
                moments.table,
                task.moments.table,
                stack.w,
                stack.state,
                self.race.table,
                stack.counts,
                task.scores,
                self.drift.table,
            ),
        )

    def _forward(self, x: np.ndarray) -> np.ndarray:
        """Induced local fields of the outputs; networks that diverged are restarted."""
        z = self.moments.scaled(x, _CLIP, self.with_mean)
        v = self.stack.forward(z)
        if not isfinite(v.sum()):
            finite = np.isfinite(v).all(axis=1)
            if not finite.all():
                self._restart(finite)
                v = self.stack.forward(z)
        return v

    def _restart(self, finite: np.ndarray) -> None:
        """Restart networks from the one that wins among those that have not diverged."""
        losses = np.where(finite, self.race.losses, np.inf)
        if not finite.any():
            self.stack.w[...] = 0.0
        winner = int(losses.argmin())
        for loser in np.flatnonzero(~finite):
            self.stack.restart(int(loser), winner)
            self.race.losses[loser] = self.race.losses[winner]

    def _count(self, outputs: np.ndarray, target: Any, answer: Any) -> None:
        """Count the losses of the networks in the race, and the answer in the metric."""
        race = self.race
        losses = self.task.losses(outputs, target)
        loss = self.task.vote_loss(race.weights.dot(outputs), target)
        race.record(losses)
        self.task.score(answer, self.task.decode(target))
        if self.drift.record(self.n_samples, loss, float(losses[-1])):
            self.stack.restart_average()

    def _add_class(self, label: Any, v: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Add an output neuron for a class that comes up; returns the row, which may be wider.

        Its weights are 0, and its bias is such that on this row, the (n + 1)-th, it has its
        frequency by the rule of succession, ``f = (1 + 1) / (n + 1 + K)``, K classes with it:
        ``logsumexp(v) + log(f / (1 - f))``.
        """
        n, n_classes = self.n_samples, v.shape[1] + 1
        biases = np.zeros(len(v))
        if n_classes > 1:
            biases = np.logaddexp.reduce(v, axis=1) + np.log(2.0 / (n + n_classes - 1))
        self._code = None
        self.stack.grow_outputs(self.task.place(label), biases)
        self.task.insert(label)
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
