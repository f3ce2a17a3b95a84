"""The networks of an average: each trains on one view of the table, and keeps its best epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..engines.compiled_outputs import outputs_of
from ..estimators.base import Backprop
from ..estimators.building import new_model, start_at_best_constant, trainer_of
from ..estimators.fitting import Fit, TrainingSet
from ..estimators.plan import make_plan
from ..estimators.targets import ClassCoding, NumberCoding
from ..exceptions import DivergenceError
from ..network.rows import row_shares
from ..schedules import Schedule
from ..training.monitor import History, Monitor, Stopping
from ..training.trainer import train
from .holdouts import LEAST_ROWS
from .views import View

__all__ = ["Clock", "Cycle", "Member", "TableRows", "train_network"]

_WARM_UP = 0.1  # of the updates
_BATCH_ROWS = 32, 128  # least and most


@dataclass
class TableRows:
    """The rows of a fit, encoded.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_columns)
        The table, in the precision of the networks.
    targets : ndarray
        As the head of a network takes them.
    marks : ndarray of shape (n_samples, n_targets)
        The targets as numbers: of classes, a mark of each.
    weights : ndarray of shape (n_samples,) or None
        Above zero.
    coding : NumberCoding or ClassCoding
        Of the targets.
    n_train : int
        How many of the rows, the first, are of training; the others are the user's to validate on.
    """

    X: np.ndarray
    targets: np.ndarray
    marks: np.ndarray
    weights: np.ndarray | None
    coding: NumberCoding | ClassCoding
    n_train: int

    def shares(self, rows) -> np.ndarray:
        """The weights of some rows, as shares of one."""
        return row_shares(len(self.targets), self.weights, rows)


@dataclass
class Member:
    """One estimator of an average.

    Attributes
    ----------
    estimator : Backprop or Pipeline
        A network, or a linear model.
    view : View
        What it sees of the table.
    weight : float
        Its weight in the average.
    temperature : float
        The factor of its logits, of classes.
    """

    estimator: Any
    view: View
    weight: float = np.nan
    temperature: float = 1.0


class Clock:
    """The time that is left for the networks of a fit, and whether they are to stop.

    Parameters
    ----------
    max_time : float or None
        Seconds in all.
    n_networks : int
        That share them.
    n_jobs : int
        Networks that train side by side.
    """

    def __init__(self, max_time: float | None, n_networks: int, n_jobs: int):
        self._end = np.inf if max_time is None else perf_counter() + max_time
        self._n_left = n_networks
        self._n_jobs = n_jobs
        self.stopped = False

    def share(self) -> float:
        """Seconds for the next network."""
        rest = max(self._end - perf_counter(), 0.0)
        share = rest * min(self._n_jobs / max(self._n_left, 1), 1.0)
        self._n_left -= 1
        return share


def train_network(
    network: Backprop,
    X: np.ndarray,
    rows: TableRows,
    split: tuple[np.ndarray, np.ndarray],
    cost: Callable[[Any, Any, Any], np.ndarray],
    clock: Clock,
) -> Backprop:
    """Train a network on some rows, and keep the epoch that is best on those held out.

    Parameters
    ----------
    network : Backprop
        Not fitted. Its schedule, its batches and when it stops are decided here.
    X : ndarray of shape (n_samples, n_features)
        The view of the table that it sees.
    rows : TableRows
    split : tuple of ndarray
        The indices of the rows to train on, and of those held out; if these are none, the last
        epoch stays.
    cost : callable
        Gives the cost of each row from targets and the network's ``(v, y)``.
    clock : Clock

    Returns
    -------
    Backprop
        The network, fitted.
    """
    train_rows, held = split
    batch_size = _batch_size(len(train_rows))
    n_batches = len(train_rows) // batch_size
    _plan_updates(network, batch_size, n_batches)
    plan = make_plan(network)
    model = new_model(plan, X, rows.coding, check_random_state(network.random_state))
    start_at_best_constant(model, rows.targets, rows.weights, train_rows)
    data = TrainingSet(
        X, None, rows.targets, rows.weights, train_rows, rows.coding, copy.copy(network)
    )
    data.validated.n_features_in_ = X.shape[1]
    fit = Fit(network, plan, data, model, History())
    model.state.adapt_to(plan.solver, plan.schedule, model.network.w)
    monitor = Monitor(
        model.network,
        model.state,
        fit.history,
        Stopping(0.0, np.inf),
        max_iter=network.max_iter,
        max_time=clock.share(),
        validate=_validator(model, X, rows, held, cost) if len(held) else None,
        keep_best=bool(len(held)),
        listeners=[lambda epoch: clock.stopped],
    )

    def order():  # what is left of a batch is left out: every row's turn comes
        if batch_size == len(train_rows):
            return train_rows
        return model.rng.permutation(train_rows)[: n_batches * batch_size]

    try:
        trainer = trainer_of(plan, model, plan.schedule, batch_size)
        train(trainer, order, (X, rows.targets, data.scale), batch_size, monitor)
        fit.reason = monitor.reason
    except DivergenceError:
        fit.reason = "diverged"
    monitor.restore_best()
    model.state.rule_state = np.empty((0, model.network.w.size), model.network.w.dtype)
    network._commit(fit)
    return network


def _batch_size(n_rows: int) -> int:
    if n_rows < LEAST_ROWS:
        return n_rows  # so that weights are exact: see `holdouts`
    return int(np.clip(n_rows // 16, *_BATCH_ROWS))


def _plan_updates(network: Backprop, batch_size: int, n_batches: int) -> None:
    schedule = Cycle(n_batches * network.max_iter)
    network.set_params(batch_size=batch_size, eta_schedule=schedule)


class Cycle(Schedule):
    """Straight up over a tenth of the updates, then down to 0 along half a cosine.

    In plain floats: small batches take so little time that arrays of one number would tell.
    """

    def __init__(self, total_steps: int):
        self.total_steps = total_steps

    def __call__(self, t):
        """Multiplier after t updates."""
        share = t / self.total_steps
        if share < _WARM_UP:
            return share / _WARM_UP
        return 0.5 * (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP)))


def _validator(model, X, rows: TableRows, held, cost):
    """A function that gives the cost of the rows held out, and minus that as the score."""
    X_held, targets, shares = X[held], rows.targets[held], rows.shares(held)

    def validate():
        with np.errstate(over="ignore", invalid="ignore"):
            signals = outputs_of(model.network, X_held, engine=model.state.engine)
            value = float(shares @ cost(targets, *signals))
        return value, -value

    return validate
