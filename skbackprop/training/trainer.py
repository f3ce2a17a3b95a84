"""The training loop of the update rules: order, batches, schedule, limits. It knows no estimator.

`Trainer` applies an `Update`, ``correction -> rule -> weights``, to the rows of one pass; `train`
owns the epochs, and asks a `Monitor` when to stop. What must survive between calls is in
`TrainingState`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
from scipy import sparse

from ..engines.choice import choose_engine
from ..engines.numpy_rows import Pass
from ..engines.update import Update
from ..exceptions import DivergenceError
from ..network.network import Workspace, Workspaces
from ..network.rows import SHARE, take_rows
from ..schedules import Constant, Schedule, multiplier_at
from ..signal_handlers import Deferral
from ..updates.headroom import has_headroom, is_tame
from .monitor import Monitor

__all__ = ["Trainer", "train"]

_ONE = np.ones(1)


class Trainer:
    """Presents rows to an update, in batches or one by one, under a schedule.

    Parameters
    ----------
    update : Update
        What is changed by it, the network's `w` and the state, is changed in place.
    schedule : Schedule
    engine : {"auto", "numpy", "compiled"}, optional
        What presents rows (see `choose_engine`); by default it is `apply` alone.
    batch_size : int, default=1
        Rows of an update, for which the engine is chosen here if it is "compiled".
    n_updates : int or inf, default=inf
        How many updates there will be at most.

    Raises
    ------
    ValueError, ImportError
        If the engine is "compiled", and cannot serve.
    """

    def __init__(
        self,
        update: Update,
        schedule: Schedule,
        engine: str | None = None,
        batch_size: int = 1,
        n_updates: float = np.inf,
    ):
        self.update = update
        self.objective, self.state = update.objective, update.state
        self._is_tame = is_tame(update.rule)
        self.schedule = schedule
        self._is_constant = isinstance(schedule, Constant)
        self._workspaces = Workspaces(update.objective.network)
        self._deferral = Deferral()
        self._wanted_engine = engine
        self._batch_size = batch_size
        self._n_updates = n_updates
        self._chosen: tuple[str | None, Pass | None] | None = None
        self._loaded: Pass | None = None
        if engine == "compiled":  # refused here if it cannot serve: nothing has changed yet
            self._choose(batch_size)

    def _choose(self, batch_size: int) -> tuple[str | None, Pass | None]:
        """The engine and its pass, which are made only when they are needed."""
        if self._chosen is None or batch_size != self._batch_size:
            if self._wanted_engine is None:
                self._chosen = "numpy", None
            else:
                self._chosen = choose_engine(
                    self._wanted_engine,
                    self.state.engine,
                    self.update,
                    batch_size,
                    self._n_updates,
                )
            self._batch_size = batch_size
            self._loaded = None
        return self._chosen

    @property
    def engine(self) -> str:
        """What presents rows: "numpy" or "compiled"."""
        return self._choose(self._batch_size)[0] or "numpy"

    def _pass_of(self, batch_size: int) -> Pass | None:
        """What presents batches of such a size, ready; None if they are for `apply`."""
        if self._loaded is not None and batch_size == self._batch_size:
            return self._loaded
        chosen = self._choose(batch_size)[1]
        if chosen is not None:
            chosen.load()  # it may take seconds, which Ctrl-C may end: nothing has changed
            self._loaded = chosen
        return chosen

    def apply(self, X, targets, scale, workspace: Workspace) -> float:
        """One update on one batch; returns the batch's cost before it."""
        cost, g = self.objective.correction(X, targets, scale, workspace)
        self._move(cost, g, X.shape[0], workspace)
        return cost

    def move(self, cost: float, g: np.ndarray, n_rows: int) -> None:
        """One update by a correction that was summed up elsewhere.

        Parameters
        ----------
        cost : float
            Of the rows, before the update.
        g : ndarray of shape (P,)
            Their correction, in the dtype of the network; used up.
        n_rows : int

        Raises
        ------
        DivergenceError
            If the update would not be finite; nothing has changed.
        """
        with self._deferral, np.errstate(all="ignore"):
            self._move(cost, g, n_rows)

    def _move(self, cost: float, g: np.ndarray, n_rows: int, workspace=None) -> None:
        """One update; `workspace` has the signals that it comes from, if they are here."""
        update, state, w = self.update, self.state, self.objective.network.w
        # What raises does so before any change.
        multiplier = multiplier_at(self.schedule, state.n_updates)
        state.adapt_to(update.rule, self.schedule, w)
        factor = state.decay * multiplier
        rest = np.dot(w, w) + abs(cost)  # infinite if an output is not finite (`Head.value`)
        for v in () if workspace is None else workspace.v:
            rest += np.vdot(v, v)
        if self._is_tame and has_headroom(np.dot(g, g), update.largest_eta * factor, rest):
            update.step(g, factor, cost)
        else:
            self._careful_step(g, workspace, factor, cost)
        state.n_updates += 1
        state.n_samples += n_rows

    def next_eta(self) -> float:
        """The eta of the next update, as it is shown: the largest, or the base of all."""
        multiplier = multiplier_at(self.schedule, self.state.n_updates)
        return self.update.shown_eta * self.state.decay * multiplier

    def lower_eta(self) -> bool:
        """Divide eta if the schedule does so on a plateau; False if there is nothing to divide."""
        schedule, state = self.schedule, self.state
        if not schedule.acts_on_plateau:
            return False
        if self.update.shown_eta * state.decay <= schedule.floor:
            return False
        state.decay /= schedule.factor
        return True

    def _careful_step(self, g, workspace, factor: float, cost: float) -> None:
        """Step on numbers near overflow: apply it only if everything stays finite."""
        eta = self.update.largest_eta * factor
        # A cost may be infinite, of residuals whose squares overflow; NaN says nothing.
        finite = workspace is None or self._signals_are_finite(workspace, eta)
        finite = finite and np.isfinite(g).all()
        if not (finite and cost == cost and self.update.try_step(g, factor, cost)):
            raise self._divergence(factor)

    @staticmethod
    def _signals_are_finite(workspace: Workspace, eta: float) -> bool:
        for y, v, delta in zip(workspace.entering, workspace.v, workspace.delta, strict=False):
            inputs = y.data if sparse.issparse(y) else y
            step = eta * np.abs(delta).max() * np.abs(inputs).max(initial=0.0)
            if not (np.isfinite(v).all() and np.isfinite(delta).all() and np.isfinite(step)):
                return False
        return bool(np.isfinite(workspace.y[-1]).all())

    def _divergence(self, factor: float) -> DivergenceError:
        eta = self.update.shown_eta * factor
        return DivergenceError(
            f"training diverged: update {self.state.n_updates + 1} at eta={eta:.6g} would not be "
            "finite and was not applied; the model keeps its last finite weights. Use a smaller "
            "eta, or scale X and y."
        )

    def present(
        self,
        X,
        targets,
        scale,
        order,
        batch_size: int,
        *,
        deadline: float = np.inf,
        count_pass: Callable[[float], None] | None = None,
    ) -> float:
        """Present rows once, in order, a batch an update.

        Parameters
        ----------
        X, targets : ndarray or CSR
        scale : ndarray of shape (n,) or None
            Factor of each row's change.
        order : ndarray of int or None
            Rows to present; None is all of them as they come.
        batch_size : int
        deadline : float, default=inf
            Time, on the clock of `time.perf_counter`, after which no further update begins.
        count_pass : callable, optional
            Is given what is returned, at the end, before a signal that waits may end the call.

        Returns
        -------
        float
            The mean cost of the rows, each before its own update; NaN without rows.
        """
        chosen = self._pass_of(batch_size)
        n_updates = self.state.n_updates
        with self._deferral:
            try:
                rows = X, targets, scale, order
                cost = self._present_all(chosen, rows, batch_size, deadline)
            finally:
                if self.state.n_updates > n_updates and self._chosen is not None:
                    self.state.engine = self._chosen[0]  # it has moved the weights, and keeps to it
            if count_pass is not None:
                count_pass(cost)
        return cost

    def _present_all(self, chosen: Pass | None, rows, batch_size: int, deadline: float) -> float:
        """Present rows, a batch an update, by the pass that there is; the mean of their costs."""
        X, targets, scale, order = rows
        n_rows = X.shape[0] if order is None else len(order)
        if n_rows == 1 and chosen is not None:
            count, cost = self._present_piece(chosen, rows, 0, batch_size)
            if count:
                return cost
        mean = _Mean()
        while (done := mean.n_rows) < n_rows:
            self._deferral.honour()
            count = 0
            if chosen is not None:
                count, cost = self._present_piece(chosen, rows, done, batch_size)
                mean.add(cost, 1, count)
            if not count:  # the next batch needs care, or all do
                count = min(batch_size, n_rows - done)
                with np.errstate(all="ignore"):
                    cost = self._present_batch(X, targets, scale, order, done, count)
                mean.add(cost, count, count)
            if deadline < np.inf and perf_counter() >= deadline:
                break
        return mean.value()

    def _present_batch(self, X, targets, scale, order, start: int, count: int) -> float:
        """One update on the next `count` rows; returns their mean cost before it."""
        rows = slice(start, start + count) if order is None else order[start : start + count]
        workspace = self._workspaces.of(count)
        disturbance = self.objective.disturbance
        drawn = None if disturbance is None else disturbance.rng.bit_generator.state
        try:
            return self.apply(
                take_rows(X, rows, workspace.rows),
                take_rows(targets, rows),
                None if scale is None else scale[rows],
                workspace,
            )
        except DivergenceError as error:
            if disturbance is not None and drawn is not None:
                disturbance.rng.bit_generator.state = drawn
            first = start if order is None else int(order[start])
            raise DivergenceError(f"at row {first}: {error}") from None

    def _present_piece(self, chosen: Pass, data, start: int, batch_size: int):
        """Present the next batches; how many rows that were, and the sum of their costs."""
        X, targets, scale, order = data
        state = self.state
        count = left = (X.shape[0] if order is None else len(order)) - start
        if count > batch_size:
            count = min(count, chosen.rows_at_once(X))
        factors, failure = _ONE, None
        if not self._is_constant:
            factors, failure = self._multipliers(-(-count // batch_size))
            count = min(left, count, len(factors) * batch_size)
        state.adapt_to(self.update.rule, self.schedule, self.objective.network.w)
        if state.decay != 1.0:
            factors = factors * state.decay
        if order is not None:
            rows = order[start : start + count]
        else:
            rows = None if count == X.shape[0] else slice(start, start + count)
        done, cost = chosen.present(X, targets, scale, rows, factors)
        if failure is not None and done == count:
            raise failure
        return done, cost

    def _multipliers(self, count: int) -> tuple[np.ndarray, BaseException | None]:
        """The schedule's factors of the next `count` updates, (count,).

        Fewer if the handler of a signal waits; or if the schedule fails, with the exception, which
        is to be raised when its update comes.
        """
        t, failure = self.state.n_updates, None
        multipliers = [multiplier_at(self.schedule, t)]
        try:
            while len(multipliers) < count and not self._deferral.is_waited_for:
                multipliers.append(multiplier_at(self.schedule, t + len(multipliers)))
        except BaseException as error:
            failure = error
        return np.array(multipliers), failure


class _Mean:
    """The mean cost of rows, which is finite even where their sum is not."""

    def __init__(self):
        self.n_rows = 0
        self._total = self._share = 0.0

    def add(self, cost: float, times: int, n_rows: int) -> None:
        """Count `cost` so many times; it is that of `n_rows` rows."""
        self.n_rows += n_rows
        self._total += times * cost
        self._share += times * (SHARE * cost)

    def value(self) -> float:
        """The mean; NaN without rows."""
        if not self.n_rows:
            return np.nan
        if isfinite(self._total):
            return self._total / self.n_rows
        return self._share / (SHARE * self.n_rows)


def train(
    trainer: Trainer,
    rows: Callable[[], np.ndarray | None],
    data: tuple[Any, Any, Any],
    batch_size: int,
    monitor: Monitor,
) -> None:
    """Run epochs until the monitor ends them.

    Parameters
    ----------
    trainer : Trainer
    rows : callable
        Gives the order of the next epoch (see `Trainer.present`).
    data : tuple
        ``(X, targets, scale)``.
    batch_size : int
    monitor : Monitor
    """
    monitor.on_plateau = trainer.lower_eta
    stop = False
    while not stop:
        eta = trainer.next_eta()
        loss = trainer.present(*data, rows(), batch_size, deadline=monitor.deadline)
        stop = monitor.after_epoch(loss, eta)
