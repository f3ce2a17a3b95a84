"""The training loop: order, batches, schedule, stopping, history. It knows no estimator.

`Trainer` owns one update, ``correction -> rule -> weights``, and one pass over rows; `train` owns
the epochs. What must survive between calls is in `TrainingState`.
"""

from __future__ import annotations

# The C functions behind `signal`, without its 8 us of enum conversions a call.
import _signal  # type: ignore[import-not-found]
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from scipy import sparse

from .network import Workspace
from .objective import Objective
from .updates import UpdateRule

__all__ = ["DivergenceError", "History", "Stopping", "Trainer", "TrainingState", "train"]


class DivergenceError(ArithmeticError):
    """An update would have made the weights non-finite, and was not applied."""


@dataclass
class TrainingState:
    """What training carries from one call to the next, beside the weights."""

    rule_state: np.ndarray
    n_updates: int = 0
    n_samples: int = 0
    decay: float = 1.0  # factor of eta that plateaus have left ("adaptive")
    rule_kind: type | None = None
    split_seed: int | None = None  # decides the rows held out for early stopping
    rule_start: int = 0  # updates that were done when the rule began

    def serve(self, rule: UpdateRule, schedule, w: np.ndarray) -> None:
        """Give a new kind of rule a fresh state, and a schedule without plateaus its whole eta."""
        if self.rule_kind is not type(rule):
            self.rule_kind = type(rule)
            self.rule_state = np.zeros((rule.n_slots, w.size), w.dtype)
            self.rule_start = self.n_updates
        if not getattr(schedule, "acts_on_plateau", False):
            self.decay = 1.0


@dataclass
class History:
    """What the epochs of a fit have measured."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    best_validation_score: float | None = None  # of this fit, the weights it began with counted


class _Interrupt:
    """Puts Ctrl-C off until the update under way is whole, weights and solver state together."""

    def __init__(self):
        self.pending: tuple | None = None
        self.previous: Callable | int | None = None

    def __call__(self, signum, frame):
        self.pending = (signum, frame)

    def honour(self) -> None:
        if self.pending is not None:
            (signum, frame), self.pending = self.pending, None
            if callable(self.previous):
                self.previous(signum, frame)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        self.pending = None
        self.previous = _signal.getsignal(_signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(self.previous):
            yield
            return
        _signal.signal(_signal.SIGINT, self)
        try:
            yield
        finally:
            _signal.signal(_signal.SIGINT, self.previous)
        self.honour()


def take_rows(A, rows, out=None):
    """Rows of `A` (dense, memory-mapped or CSR), contiguous; `rows` is a slice or indices.

    `out` gives an array for them, and is asked only if there is something to copy.
    """
    if sparse.issparse(A):
        return A[rows]
    if isinstance(rows, slice):
        return np.ascontiguousarray(A[rows])
    if out is not None:
        return np.take(A, rows, axis=0, out=out(), mode="clip")
    return A[rows]


class Trainer:
    """Applies an update rule to an objective's network, batch by batch.

    Parameters
    ----------
    objective : Objective
        Its network's `w` is changed in place.
    rule : UpdateRule
    eta : float or ndarray of shape (P,)
        Learning rate.
    schedule : callable
        ``t -> multiplier``.
    state : TrainingState
        Changed in place.
    """

    def __init__(self, objective: Objective, rule: UpdateRule, eta, schedule, state: TrainingState):
        self.objective = objective
        self.rule = rule
        self.eta = eta
        self.largest_eta = float(np.max(eta))
        self.schedule = schedule
        self.state = state
        self.memo: dict = {}  # what the caller keeps for as long as the trainer serves
        self._workspaces: dict[int, Workspace] = {}
        self._interrupt = _Interrupt()

    def update(self, X, targets, scale, workspace: Workspace) -> float:
        """One update on one batch; returns the batch's cost before it."""
        state, w = self.state, self.objective.network.w
        cost, g = self.objective.correction(X, targets, scale, workspace)
        multiplier = self._multiplier(state.n_updates)  # raises, if it does, before any change
        state.serve(self.rule, self.schedule, w)
        factor = state.decay * multiplier
        eta = self.eta * factor
        largest = self.largest_eta * factor
        # One number that is finite unless some v, delta or step comes near overflow.
        magnitude = float(np.dot(g, g)) * max(largest * largest, 1.0)
        for v in workspace.v:
            magnitude += float(np.vdot(v, v))
        if isfinite(magnitude):
            self.rule.step(w, g, state.rule_state, state.n_updates - state.rule_start, eta, cost)
        else:
            self._careful_step(g, workspace, eta, largest, cost)
        state.n_updates += 1
        state.n_samples += X.shape[0]
        return cost

    def _multiplier(self, t: int) -> float:
        multiplier = float(self.schedule(t))
        if not 0.0 <= multiplier < np.inf:
            raise ValueError(
                f"eta_schedule gave {multiplier!r} after {t} updates; it must give a finite "
                "multiplier >= 0."
            )
        return multiplier

    def _careful_step(self, g, workspace, eta, largest, cost) -> None:
        """Step on numbers near overflow: apply it only if everything stays finite."""
        w, state = self.objective.network.w, self.state
        rule_state = state.rule_state
        if not (self._signals_are_finite(workspace, largest) and np.isfinite(g).all()):
            raise self._divergence(largest)
        before = w.copy(), rule_state.copy()
        self.rule.step(w, g, rule_state, state.n_updates - state.rule_start, eta, cost)
        if not (np.isfinite(w).all() and np.isfinite(rule_state).all()):
            w[...], rule_state[...] = before
            raise self._divergence(largest)

    @staticmethod
    def _signals_are_finite(workspace: Workspace, eta: float) -> bool:
        for y, v, delta in zip(workspace.y, workspace.v, workspace.delta, strict=False):
            inputs = y.data if sparse.issparse(y) else y
            step = eta * np.abs(delta).max() * np.abs(inputs).max(initial=0.0)
            if not (np.isfinite(v).all() and np.isfinite(delta).all() and np.isfinite(step)):
                return False
        return True

    def _divergence(self, eta: float) -> DivergenceError:
        return DivergenceError(
            f"training diverged: update {self.state.n_updates + 1} at eta={eta:.6g} would not be "
            "finite and was not applied; the model keeps its last finite weights. Use a smaller "
            "eta, or scale X and y."
        )

    def _workspace(self, n_rows: int) -> Workspace:
        if n_rows not in self._workspaces:
            while len(self._workspaces) > 1:  # a full batch's and the last batch's are enough
                del self._workspaces[next(iter(self._workspaces))]
            self._workspaces[n_rows] = Workspace(self.objective.network, n_rows)
        return self._workspaces[n_rows]

    def present(self, X, targets, scale, order, batch_size: int) -> float:
        """Present rows once, in order, a batch an update.

        Parameters
        ----------
        X, targets : ndarray or CSR
        scale : ndarray of shape (n,) or None
            Factor of each row's change.
        order : ndarray of int or None
            Rows to present; None is all of them as they come.
        batch_size : int

        Returns
        -------
        float
            The mean cost of the rows, each before its own update; NaN without rows.
        """
        n_rows = X.shape[0] if order is None else len(order)
        total = 0.0
        with (
            self._interrupt.deferred(),
            np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        ):
            for start in range(0, n_rows, batch_size):
                stop = min(start + batch_size, n_rows)
                rows = slice(start, stop) if order is None else order[start:stop]
                workspace = self._workspace(stop - start)
                try:
                    cost = self.update(
                        take_rows(X, rows, workspace.rows),
                        take_rows(targets, rows),
                        None if scale is None else scale[rows],
                        workspace,
                    )
                except DivergenceError as error:
                    first = start if order is None else int(order[start])
                    raise DivergenceError(f"at row {first}: {error}") from None
                total += cost * (stop - start)
                self._interrupt.honour()
        return total / n_rows if n_rows else np.nan


class Stopping:
    """Stop when the watched figure has not improved by `tol` for more than `patience` epochs.

    Parameters
    ----------
    tol : float
    patience : int or inf
    history : History
    watch_validation : bool
        Watch the validation score (higher is better) in the place of the training loss.
    """

    def __init__(self, tol: float, patience: float, history: History, watch_validation: bool):
        self.tol = tol
        self.patience = patience
        self.history = history
        self.watch_validation = watch_validation
        self.stagnant = 0
        self.best = np.inf  # the least loss, or the negative of the best score

    def improved(self) -> bool:
        """Take the last epoch into account; whether it is the best so far."""
        history = self.history
        figure = -history.validation_score[-1] if self.watch_validation else history.loss[-1]
        self.stagnant = 0 if figure <= self.best - self.tol else self.stagnant + 1
        better = figure < self.best
        self.best = min(figure, self.best)
        return better

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.stagnant > self.patience

    def describe(self) -> str:
        """Why training stops when patience has run out."""
        watched = "Validation score" if self.watch_validation else "Training loss"
        return (
            f"{watched} did not improve more than tol={self.tol:f} for {self.patience} consecutive "
            "epochs."
        )


def train(
    trainer: Trainer,
    rows: Callable[[], np.ndarray | None],
    data: tuple[Any, Any, Any],
    *,
    batch_size: int,
    max_iter: int,
    stopping: Stopping,
    validate: Callable[[], tuple[float, float]] | None,
    report: Callable[[str], None],
) -> bool:
    """Run epochs until patience or `max_iter` ends them.

    Parameters
    ----------
    trainer : Trainer
    rows : callable
        Gives the order of the next epoch (see `Trainer.present`).
    data : tuple
        ``(X, targets, scale)``.
    batch_size, max_iter : int
    stopping : Stopping
    validate : callable or None
        Gives ``(validation loss, validation score)`` after an epoch.
    report : callable
        Takes a line about each epoch.

    Returns
    -------
    bool
        Whether training stopped before `max_iter` ran out.
    """
    history, network, state = stopping.history, trainer.objective.network, trainer.state
    best = None
    state.serve(trainer.rule, trainer.schedule, network.w)
    if stopping.watch_validation and validate is not None and state.n_updates:
        # What a fit goes on from may stay the best.
        history.best_validation_score = validate()[1]
        stopping.best = -history.best_validation_score
        best = network.w.copy(), state.rule_state.copy()
    stopped = False
    for epoch in range(1, max_iter + 1):
        history.loss.append(trainer.present(*data, rows(), batch_size))
        line = f"Iteration {epoch}, loss = {history.loss[-1]:.8f}"
        if validate is not None:
            loss, score = validate()
            history.validation_loss.append(loss)
            history.validation_score.append(score)
            if history.best_validation_score is None or score > history.best_validation_score:
                history.best_validation_score = score
            line += f", validation score = {score:.6f}"
        report(line)
        if stopping.improved() and stopping.watch_validation:
            best = network.w.copy(), state.rule_state.copy()
        if stopping.exhausted:
            if _lower_eta(trainer):
                stopping.stagnant = 0
                report(f"{stopping.describe()} Setting eta to {trainer.largest_eta * state.decay}")
                continue
            report(f"{stopping.describe()} Stopping.")
            stopped = True
            break
    if best is not None:
        network.w[...] = best[0]
        state.rule_state = best[1]
    return stopped


def _lower_eta(trainer: Trainer) -> bool:
    """Divide eta if the schedule does so on a plateau; False if there is nothing left to divide."""
    schedule, state = trainer.schedule, trainer.state
    if not getattr(schedule, "acts_on_plateau", False):
        return False
    if trainer.largest_eta * state.decay <= schedule.floor:
        return False
    state.decay /= schedule.factor
    return True
