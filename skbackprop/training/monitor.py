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
    """Stop when nothing that is watched has improved by its `tol` for more than `patience` epochs.

    A score of a few rows ties at once, and says nothing of a network that has hardly begun. So the
    loss on the same rows may be watched beside it: it breaks ties, and as long as it falls,
    training goes on.

    Parameters
    ----------
    tol : float
        Of the figure.
    patience : int or inf
    loss_tol : float, default=0.0
        Of the loss beside it.
    """

    def __init__(self, tol: float, patience: float, loss_tol: float = 0.0):
        self.tol = tol
        self.patience = patience
        self.loss_tol = loss_tol
        self.stagnant = 0
        self.best = (np.inf, np.inf)  # figure, and the loss that broke the tie
        self.least_loss = np.inf

    def improved(self, figure: float, loss: float = np.inf) -> bool:
        """Take an epoch into account; whether it is the best so far.

        Parameters
        ----------
        figure : float
            Less is better.
        loss : float, optional
            On the rows of the figure.
        """
        progress = figure < self.best[0] - self.tol or loss < self.least_loss - self.loss_tol
        self.stagnant = 0 if progress else self.stagnant + 1
        self.least_loss = min(loss, self.least_loss)
        better = (figure, loss) < self.best
        if better:
            self.best = figure, loss
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
        Watch the validation score and loss in the place of the training loss, and restore the
        weights of the epoch with the best score at the end, of those that tie the one with the
        least loss.
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
            validation_loss, history.best_validation_score = validate()
            history.best_iter = self._n_before
            stopping.improved(-history.best_validation_score, validation_loss)
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
        watched: tuple[float, ...] = (loss,)
        if self.validate is not None:  # before anything is recorded: the user's scorer may raise
            validation_loss, score = self._record_validation()
            watched = (-score, validation_loss) if self.keep_best else watched
        history.loss.append(loss)
        history.eta.append(eta)
        if self.stopping.improved(*watched) and self.keep_best:
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

    def _record_validation(self) -> tuple[float, float]:
        history = self.history
        loss, score = self.validate()  # type: ignore[misc]
        history.validation_loss.append(loss)
        history.validation_score.append(score)
        if history.best_validation_score is None or score > history.best_validation_score:
            history.best_validation_score = score
        return loss, score

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
