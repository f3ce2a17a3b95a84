"""What watches a fit, epoch by epoch: history, validation, the best weights, and when to stop.

Update rules and whole-batch solvers alike call `Monitor.after_epoch` with their cost, and stop when
it says so. An epoch is one pass over the rows, or one iteration of a whole-batch solver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from ..network.network import Network

__all__ = ["REASONS", "Epoch", "History", "Monitor", "Stopping"]

# What `stop_reason_` may be.
REASONS = {
    "no_improvement": "no epoch of the last n_iter_no_change was better by more than tol",
    "converged": "the solver's own criterion is met",
    "stalled": "the solver finds no step that lowers the cost",
    "max_iter": "max_iter epochs are done",
    "max_time": "max_time seconds are over",
    "callback": "a callback asked to stop",
    "interrupted": "interrupted by the user",
    "diverged": "the next update would not have been finite",
}


@dataclass
class History:
    """What the epochs of a fit have measured."""

    loss: list[float] = field(default_factory=list)
    eta: list[float | None] = field(default_factory=list)  # at the start of the epoch
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    best_validation_score: float | None = None  # of this fit, the weights it began with counted
    best_iter: int | None = None  # epochs of `loss` that had gone by


@dataclass(frozen=True)
class Epoch:
    """One epoch, as listeners are told of it."""

    number: int
    max_iter: int
    loss: float
    validation_loss: float | None
    validation_score: float | None
    eta: float | None
    elapsed: float  # seconds since the fit began


class Stopping:
    """Stop when the watched figure has not improved by `tol` for more than `patience` epochs.

    Parameters
    ----------
    tol : float
    patience : int or inf
    """

    def __init__(self, tol: float, patience: float):
        self.tol = tol
        self.patience = patience
        self.stagnant = 0
        self.best = np.inf

    def improved(self, figure: float) -> bool:
        """Take an epoch's figure (less is better) into account; whether it is the best so far."""
        self.stagnant = 0 if figure < self.best - self.tol else self.stagnant + 1
        better = figure < self.best
        self.best = min(figure, self.best)
        return better

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.stagnant > self.patience


class Monitor:
    """Records the epochs of one fit, keeps the best weights, and says when to stop.

    Parameters
    ----------
    network : Network
        Whose weights are trained.
    state : TrainingState
        The solver's part of it is kept and restored with the weights.
    history : History
        Gone on with.
    stopping : Stopping
    max_iter : int
    max_time : float
        Seconds; inf is no limit.
    validate : callable, optional
        Gives ``(validation loss, validation score)``; a higher score is better.
    keep_best : bool, default=False
        Watch the validation score in the place of the training loss, and restore the weights of
        the best epoch at the end.
    listeners : sequence of callable
        Each is given the `Epoch`; one that returns true stops the fit.

    Attributes
    ----------
    reason : str
        Why training ended, one of `REASONS`.
    deadline : float
        When `max_time` is over, on the clock of `time.perf_counter`.
    """

    def __init__(
        self,
        network: Network,
        state,
        history: History,
        stopping: Stopping,
        *,
        max_iter: int,
        max_time: float = np.inf,
        validate: Callable[[], tuple[float, float]] | None = None,
        keep_best: bool = False,
        listeners: Sequence[Callable[[Epoch], object]] = (),
    ):
        self.network = network
        self.state = state
        self.history = history
        self.stopping = stopping
        self.max_iter = max_iter
        self.validate = validate
        self.keep_best = keep_best
        self.listeners = listeners
        self.reason = ""
        self.on_plateau: Callable[[], bool] | None = None  # true: it helped, go on
        self._started = perf_counter()
        self.deadline = self._started + max_time
        self._n_before = len(history.loss)
        self._best: tuple[np.ndarray, Any] | None = None
        if keep_best and validate is not None and state.n_updates:
            # What a fit goes on from may stay the best.
            history.best_validation_score = validate()[1]
            history.best_iter = self._n_before
            stopping.best = -history.best_validation_score
            self._remember()

    def after_epoch(self, loss: float, eta: float | None = None) -> bool:
        """Record an epoch; whether training is to stop, for `reason`.

        Parameters
        ----------
        loss : float
            The training cost.
        eta : float, optional
            In force at the start of the epoch; None if the solver chooses its own steps.
        """
        history = self.history
        figure = loss
        if self.validate is not None:  # before anything is recorded: the user's scorer may raise
            score = self._record_validation()
            figure = -score if self.keep_best else loss
        history.loss.append(loss)
        history.eta.append(eta)
        if self.stopping.improved(figure) and self.keep_best:
            history.best_iter = len(history.loss)
            self._remember()
        if self._tell_listeners(loss, eta):
            return self.stop("callback")
        if perf_counter() >= self.deadline:
            return self.stop("max_time")
        if self.stopping.exhausted:
            if self.on_plateau is not None and self.on_plateau():
                self.stopping.stagnant = 0
            else:
                return self.stop("no_improvement")
        if len(history.loss) - self._n_before >= self.max_iter:
            return self.stop("max_iter")
        return False

    def stop(self, reason: str) -> bool:
        """Note why training ends; True."""
        self.reason = reason
        return True

    def restore_best(self) -> None:
        """Put the best epoch's weights and solver state back, if they were kept."""
        if self._best is not None:
            w, solver_part = self._best
            self.network.w[...] = w
            self.state.go_back(solver_part)

    def _record_validation(self) -> float:
        history = self.history
        loss, score = self.validate()  # type: ignore[misc]
        history.validation_loss.append(loss)
        history.validation_score.append(score)
        if history.best_validation_score is None or score > history.best_validation_score:
            history.best_validation_score = score
        return score

    def _remember(self) -> None:
        self._best = self.network.w.copy(), self.state.snapshot()

    def _tell_listeners(self, loss: float, eta: float | None) -> bool:
        if not self.listeners:
            return False
        history, validated = self.history, self.validate is not None
        epoch = Epoch(
            number=len(history.loss) - self._n_before,
            max_iter=self.max_iter,
            loss=loss,
            validation_loss=history.validation_loss[-1] if validated else None,
            validation_score=history.validation_score[-1] if validated else None,
            eta=eta,
            elapsed=perf_counter() - self._started,
        )
        return any([bool(listen(epoch)) for listen in self.listeners])
