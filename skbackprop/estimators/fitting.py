"""One call of `fit`: which rows are held out, the epochs under a monitor, and what is left."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from ..callers import warn_user
from ..engines.compiled_outputs import outputs_of
from ..exceptions import DivergenceError
from ..network.network import Network
from ..network.objective import Objective, Problem
from ..network.penalties import ElasticNet
from ..network.row_sums import RowSums
from ..network.rows import column_moments, row_shares, take_rows, with_mean_one
from ..schedules import Schedule
from ..solvers.solver import WholeBatchSolver, solve
from ..training.causes import (
    constant_cost,
    cost_unit,
    is_constant,
    likely_causes,
    some_rows,
    unlearnt_targets,
    unreachable_targets,
)
from ..training.monitor import History, Monitor, Stopping
from ..training.progress import Progress
from ..training.trainer import train
from ..updates.rule import UpdateRule
from .building import Model, objective_of, penalty_of, trainer_of
from .callbacks import callback_listener
from .parameters import Parameters
from .plan import Plan
from .targets import ClassCoding, NumberCoding

__all__ = ["Fit", "HeldOut", "TrainingSet", "history_of", "warn_of_targets"]

# Of the cost of the best constant: who gains less has learnt nothing; or next to nothing, if there
# is a cause to name (where nothing stands in the way, little may be all that there is to learn).
_LEAST_GAIN, _SMALL_GAIN = 1e-4, 1e-2
_SMALL_COST = 1e-3  # of a constant prediction, beside solvers' own tolerances, about 1e-5
# Fewer updates by batches or rows, if max_iter ends them, have hardly begun: no more is said then.
_FEW_UPDATES = 10


@dataclass
class HeldOut:
    """Rows that a fit is validated on: of the user's own set, or some of the training set's.

    What is watched by default, loss and accuracy, weighs them as training does; a scorer, which is
    the user's own measure, knows the user's weights alone.
    """

    X: Any
    y: Any
    targets: Any
    weights: np.ndarray | None  # the user's times those of the classes; None is all ones
    given_weights: np.ndarray | None  # the user's alone
    rows: np.ndarray | None = None  # None is all

    def take(self, A):
        """The validation rows of `A`, such as `X`, `y`, `targets` or `weights`."""
        return A if A is None or self.rows is None else A[self.rows]


@dataclass
class TrainingSet:
    """What one call of `fit` trains on: validated data, and which of its rows."""

    X: Any
    y: Any
    targets: Any
    weights: np.ndarray | None  # the user's times those of the classes; None is all ones
    rows: np.ndarray  # to train on
    coding: NumberCoding | ClassCoding
    validated: Parameters  # a copy of the estimator, which took what validation writes
    held_out: HeldOut | None = None
    given_weights: np.ndarray | None = None  # the user's alone

    @property
    def scale(self) -> np.ndarray | None:
        """Weights of mean one over the rows to train on."""
        return None if self.weights is None else with_mean_one(self.weights, self.rows)

    # What is asked of X; a set whose X lies elsewhere answers in its own way.

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean and standard deviation of each column of X, (n_features,) each."""
        shares = row_shares(self.X.shape[0], self.weights, self.rows)
        return column_moments(self.X, shares, self.rows)

    def problem(self, objective: Objective, alpha: float = 0.0) -> Problem:
        """The objective on the rows to train on."""
        data = self.X, self.targets, self.weights
        rows = None if len(self.rows) == self.X.shape[0] else self.rows  # all: none is copied
        sums = RowSums(objective.network, objective.head, data, rows)
        return Problem(objective, sums, alpha)

    def outputs(self, network: Network) -> np.ndarray:
        """The outputs (n, n_units) of a network for the rows to train on."""
        return outputs_of(network, self.X, self.rows)[1]

    def some(self) -> tuple[Any, Any]:
        """Some of the rows to train on, and their targets."""
        rows = some_rows(self.rows)
        return take_rows(self.X, rows), take_rows(self.targets, rows)

    def hold_out(self, rows: np.ndarray) -> None:
        """Set these rows apart."""
        self.held_out = HeldOut(
            self.X, self.y, self.targets, self.weights, self.given_weights, rows
        )
        self.rows = np.setdiff1d(self.rows, rows)

    def updates_an_epoch(self, batch_size: int) -> int:
        """How many updates present the rows once."""
        return -(-len(self.rows) // batch_size)

    def train(
        self, plan: Plan, model: Model, schedule: Schedule, batch_size: int, monitor: Monitor
    ) -> None:
        """Run epochs of an update rule until the monitor ends them."""
        n_updates: float = plan.given.max_iter * self.updates_an_epoch(batch_size)
        if plan.given.warm_start or plan.is_disturbed:
            n_updates = np.inf  # more may follow, and are to be those of one fit; so are the draws
        trainer = trainer_of(plan, model, schedule, batch_size, n_updates)
        orders = self._orders(plan, model, batch_size)
        train(trainer, orders, (self.X, self.targets, self.scale), batch_size, monitor)

    def _orders(self, plan: Plan, model: Model, batch_size: int):
        """A function that gives the order of the rows in the next epoch (None: as they come)."""
        if plan.given.shuffle and batch_size < len(self.rows):
            return lambda: model.rng.permutation(self.rows)
        order = None if len(self.rows) == self.X.shape[0] else self.rows
        return lambda: order


class Fit:
    """One call of `fit`, from the rows that it trains on to why it ended."""

    def __init__(
        self,
        estimator: Parameters,
        plan: Plan,
        data: TrainingSet,
        model: Model,
        history: History,
    ):
        self.estimator = estimator  # as scorers and callbacks are to see it
        self.plan = plan
        self.data = data
        self.model = model
        self.history = history
        self.reason: str | None = None
        self.ended_by: BaseException | None = None
        self._n_before = len(history.loss)
        self._n_updates_before = model.state.n_updates

    @property
    def _moved(self) -> bool:
        return self.model.state.n_updates > self._n_updates_before

    @property
    def n_epochs(self) -> int:
        """Epochs of this fit."""
        return len(self.history.loss) - self._n_before

    @cached_property
    def constant_cost(self) -> float:
        """Cost of the best constant prediction of the rows to train on; 0 if that is perfect."""
        return self._constant_cost(self.data.weights)

    def _constant_cost(self, weights) -> float:
        data = self.data
        if is_constant(data.targets, data.rows):
            return 0.0
        return constant_cost(self.model.head, data.targets, weights, data.rows)

    @property
    def loss(self) -> float:
        """Cost of the last epoch."""
        return self.history.loss[-1] if self.history.loss else np.nan

    def hold_out(self) -> None:
        """Set rows apart for early stopping, unless the user gave some."""
        given, data, state = self.plan.given, self.data, self.model.state
        if not given.early_stopping or data.held_out is not None:
            return
        if state.split_seed is None:  # a later fit with warm_start holds out the same rows
            state.split_seed = self.model.rng.randint(2**31 - 1)
        rows, strata = data.coding.strata(data.targets, data.rows)
        if not len(rows):
            raise ValueError(
                "early_stopping=True has nothing to hold out: every class has one row. Give "
                "validation rows (X_val, y_val), merge classes, or use early_stopping=False."
            )
        try:
            _, held_out = train_test_split(
                rows,
                test_size=float(given.validation_fraction),
                random_state=state.split_seed,
                stratify=strata,
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction="
                f"{given.validation_fraction} of {len(rows)} rows: {error} Give more "
                "rows, another validation_fraction, or validation rows (X_val, y_val)."
            ) from error
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small: "
                f"validation_fraction={given.validation_fraction} of {len(rows)} rows. "
                "Increase validation_fraction, or give more rows."
            )
        data.hold_out(np.sort(held_out))

    def scale_targets(self) -> None:
        """Put the targets in the unit of the rows to train on, if that is asked for."""
        data, coding = self.data, self.data.coding
        if not isinstance(coding, NumberCoding) or not getattr(self.plan.given, "scale_targets", 0):
            return
        if coding.unit is None:  # else it is the one that the model was fitted with
            weights = None if data.weights is None else with_mean_one(data.weights[data.rows])
            coding = coding.scaled(data.y[data.rows], weights)
        data.coding = self.model.coding = coding
        data.targets = coding.encode(data.y, data.targets.dtype)
        if (held_out := data.held_out) is not None:
            own = held_out.y is not data.y
            held_out.targets = (
                coding.encode(held_out.y, data.targets.dtype) if own else data.targets
            )

    def run(self, batch_size: int) -> None:
        """Train, and note why it ended, and the exception that ended it, if one did."""
        data, given = self.data, self.plan.given
        progress = Progress() if given.verbose else None
        with callback_listener(
            self.estimator,
            data.X,
            data.y,
            data.weights,
            max_iter=given.max_iter,
            reconstruct=lambda: self._view(self.model.copy()),
        ) as listeners:
            if progress is not None:
                listeners.append(progress)
            try:
                self.reason = self._train(batch_size, listeners)
            except DivergenceError as error:
                self.reason, self.ended_by = "diverged", error
            except KeyboardInterrupt as error:
                self.reason, self.ended_by = "interrupted", error
        if progress is not None:
            progress.close(self.reason)

    def check_outcome(self, *, is_refit: bool) -> None:
        """Raise what ended the fit if nothing came of it that is worth the model that there was.

        That is a divergence before the first update, in the place of a fitted model; or weights
        that are not finite, of a user's own solver, say.
        """
        if np.isfinite(self.model.network.w).all():
            if is_refit and not self._moved and isinstance(self.ended_by, DivergenceError):
                raise self.ended_by
            return
        raise DivergenceError(
            f"training diverged: solver={self.plan.given.solver!r} has left weights that are not "
            "finite; the estimator is as it was. Scale X and y."
        ) from self.ended_by

    def _train(self, batch_size: int, listeners) -> str:
        """Run the solver under a monitor; returns why it stopped."""
        plan, data, model = self.plan, self.data, self.model
        given, solver, state = plan.given, plan.solver, model.state
        n_steps = given.max_iter * data.updates_an_epoch(batch_size)
        schedule = plan.schedule.for_horizon(state.n_updates + n_steps)
        state.adapt_to(solver, schedule, model.network.w)
        # A whole-batch solver knows when to stop, unless a validation score is watched.
        impatient = given.early_stopping or not isinstance(solver, WholeBatchSolver)
        monitor = Monitor(
            model.network,
            state,
            self.history,
            self._stopping(given.n_iter_no_change if impatient else np.inf),
            max_iter=given.max_iter,
            max_time=np.inf if given.max_time is None else given.max_time,
            validate=self._validator(),
            keep_best=given.early_stopping,
            listeners=listeners,
        )
        try:
            if isinstance(solver, WholeBatchSolver):
                problem = data.problem(objective_of(plan, model), given.alpha)
                solve(solver, problem, state, monitor)
            else:
                data.train(plan, model, schedule, batch_size, monitor)
        finally:  # Ctrl-C and a divergence leave the best weights, too
            monitor.restore_best()
        return monitor.reason

    def _stopping(self, patience: float) -> Stopping:
        """When to stop: by tolerances in the unit of the cost, but for a score of the user's."""
        given, tol, data = self.plan.given, self.plan.given.tol, self.data
        if given.max_iter <= patience:  # which cannot run out: no unit is needed
            return Stopping(0.0, patience)
        # Class weights may leave next to nothing of what a constant costs: they are no unit.
        same = data.given_weights is data.weights
        constant = self.constant_cost if same else self._constant_cost(data.given_weights)
        loss_tol = tol * cost_unit(self.model.head, constant)
        watches_score = given.early_stopping and given.scoring != "loss"
        return Stopping(tol if watches_score else loss_tol, patience, loss_tol)

    def _validator(self):
        """A function that gives (loss, score) on the validation rows, or None."""
        given, held_out = self.plan.given, self.data.held_out
        network, head, state = self.model.network, self.model.head, self.model.state
        if held_out is None:
            return None
        X, rows = held_out.X, held_out.rows
        targets, weights = held_out.take(held_out.targets), held_out.take(held_out.weights)
        scale = None if held_out.weights is None else with_mean_one(held_out.weights, rows)
        objective = Objective(network, head, penalty_of(self.plan, network))
        scorer = None
        if given.scoring not in (None, "loss"):
            view = copy.copy(self.estimator)
            view.__dict__.update(self._view(self.model))
            view.__dict__.pop("feature_names_in_", None)  # the rows to score are a bare array
            scorer = check_scoring(view, given.scoring)

        @np.errstate(all="ignore")
        def validate():
            with np.errstate(over="ignore", invalid="ignore"):
                v, outputs = outputs_of(network, X, rows, state.engine)
            if not (np.isfinite(v).all() and np.isfinite(outputs).all()):
                raise DivergenceError(
                    "training diverged: the outputs on the validation rows are not finite. Use a "
                    "smaller eta, or scale X and y."
                )
            cost = objective.value(X, held_out.targets, scale, rows=rows)
            if given.scoring == "loss":
                score = -cost
            elif scorer is None:
                score = head.score(targets, head.decode(v, outputs), weights)
            else:
                score = self._score(scorer, view)
            if given.early_stopping and np.isnan(score):
                raise ValueError(
                    f"scoring={given.scoring!r} gives nan on the validation rows; "
                    "early_stopping=True needs a number. Give validation rows on which the score "
                    "is defined (X_val, y_val), another scoring, or smaller sample_weight."
                )
            return cost, score

        return validate

    def _score(self, scorer, view) -> float:
        """What the user's scorer says of the validation rows."""
        given, held_out = self.plan.given, self.data.held_out
        assert held_out is not None
        weights = held_out.take(held_out.given_weights)
        weighting = {} if weights is None else {"sample_weight": weights}
        try:
            rows = held_out.take(held_out.X), held_out.take(held_out.y)
            return float(scorer(view, *rows, **weighting))
        except Exception as error:
            error.add_note(
                f"Raised by scoring={given.scoring!r} on the validation rows"
                f"{', given their sample_weight' if weighting else ''}; the predictions are "
                f"those of loss={given.loss!r}."
            )
            raise

    @staticmethod
    def _view(model: Model) -> dict:
        """Attributes with which a copy of the estimator predicts by `model`."""
        return {"_model": model, "n_features_in_": model.network.sizes[0]}

    def attributes(self) -> dict:
        """Every fitted attribute that the estimator is to have."""
        plan, model, history = self.plan, self.model, self.history
        validated = vars(self.data.validated)
        names = ("n_features_in_", "feature_names_in_")
        return {
            "_model": model.without_rng_of(self.estimator.random_state),
            "n_iter_": self.n_epochs,
            "loss_": self.loss,
            "loss_curve_": history.loss,
            "eta_curve_": history.eta,
            "best_loss_": None if plan.given.early_stopping else min(history.loss, default=np.inf),
            "validation_loss_curve_": history.validation_loss or None,
            "validation_scores_": history.validation_score or None,
            "best_validation_score_": history.best_validation_score,
            "best_iter_": history.best_iter,
            "stop_reason_": self.reason,
            **plan.solver.fitted(model.state),
            **{name: validated[name] for name in names if name in validated},
        }

    def failure(self) -> str:
        """What to warn of: a limit that ended the fit, nothing learnt, and what may be to blame."""
        if self.ended_by is not None:  # which says it all
            return ""
        failure = self._reached_limit()
        if not self._has_hardly_begun:
            failure += self._learnt_nothing() or self._stopped_too_soon() or self._learnt_in_part()
        return " ".join(failure)

    def _reached_limit(self) -> list[str]:
        limit, given = self.reason, self.plan.given
        if limit not in ("max_iter", "max_time"):
            return []
        what = {"max_iter": "Maximum iterations", "max_time": "Time limit"}[limit]
        advice = f"{limit} or eta" if isinstance(self.plan.solver, UpdateRule) else limit
        return [
            f"{what} ({limit}={getattr(given, limit)!r}) reached and the optimization hasn't "
            f"converged yet, after {self.n_epochs} epochs, at a loss of {self.loss:.6g}; raise "
            f"{advice}, or scale X and y."
        ]

    @property
    def _has_hardly_begun(self) -> bool:
        """Whether it was told to end before batches or rows could teach it anything."""
        n_updates = self.model.state.n_updates - self._n_updates_before
        is_stepwise = not self.plan.solver.full_batch
        return is_stepwise and self.reason == "max_iter" and n_updates < _FEW_UPDATES

    @property
    def _goes_on(self) -> bool:
        """Whether more epochs are to come, in another call."""
        return self.plan.given.warm_start and self.reason in ("max_iter", "max_time")

    @property
    def _least_gain(self) -> float:
        """The share of a constant's cost that must be gone.

        It is below zero for a solver that may find the data to be noise, and says so.
        """
        return -_LEAST_GAIN if self.plan.solver.tunes_alpha else _LEAST_GAIN

    def _learnt_nothing(self) -> list[str]:
        """What to say if the training cost is not better than that of the best constant."""
        given, constant, model = self.plan.given, self.constant_cost, self.model
        if constant == 0.0 or self._goes_on:
            return []
        unit = cost_unit(model.head, constant)
        is_noise_found = self.plan.solver.tunes_alpha
        enough = constant - (self._least_gain if is_noise_found else _SMALL_GAIN) * unit
        # Penalty, dropout and noise add to the loss of the last epoch; here they do not count.
        if self.loss < enough and not given.early_stopping:
            return []
        data = self.data
        plain = Objective(model.network, model.head, ElasticNet(None))
        cost = data.problem(plain).value(model.network.w)
        if cost < enough:
            return []
        causes = likely_causes(model.network, model.head, *data.some())
        is_nothing = cost >= constant - self._least_gain * unit
        if not (is_nothing or causes):
            return []
        alpha = ", a smaller alpha" if given.alpha else ""
        advice = f"Scale X and y, or try another eta{alpha} or more epochs."
        return [
            f"The fit has learnt {'' if is_nothing else 'next to '}nothing from X: it ended "
            f"({self.reason}) at a training cost of {cost:.6g}, {'no' if is_nothing else 'hardly'} "
            f"better than the {constant:.6g} of the best constant prediction.",
            *([f"{cause.message} {cause.advice}" for cause in causes] or [advice]),
            "See also diagnose(model, X, y).",
        ]

    def _learnt_in_part(self) -> list[str]:
        """What to say if some of several targets have been learnt, and others not."""
        data, head, network = self.data, self.model.head, self.model.network
        if self._goes_on or head.task.is_classification or head.task.n_targets < 2:
            return []
        y = data.outputs(network)
        targets, shares = data.targets[data.rows], row_shares(len(y), data.weights, data.rows)
        found = unlearnt_targets(head, targets, y, shares, self._least_gain)
        return [f"{finding.message} {finding.advice}" for finding in found]

    def _stopped_too_soon(self) -> list[str]:
        """What to say if a solver has converged by a tolerance that is large beside the cost."""
        plan, head = self.plan, self.model.head
        in_its_unit = head.loss.unit_free or (head.loss.sum_of_squares and head.fused)
        if head.task.is_classification or in_its_unit or not 0.0 < self.constant_cost < _SMALL_COST:
            return []
        if self.reason != "converged" or not isinstance(plan.solver, WholeBatchSolver):
            return []
        return [
            f"solver={plan.given.solver!r} ended by its own tolerance, which is absolute for "
            f"loss={plan.given.loss!r}, though a constant prediction costs no more than "
            f"{self.constant_cost:.3g}. Scale y, such as by TransformedTargetRegressor with "
            "StandardScaler."
        ]


def warn_of_targets(model: Model, targets, rows=None) -> None:
    """Warn of targets of `rows` (all) that the output activation cannot reach."""
    for finding in unreachable_targets(model.network, model.head, take_rows(targets, rows)):
        warn_user(f"{finding.message} {finding.advice}", ConvergenceWarning)


def history_of(estimator) -> History:
    """The history of an earlier fit, which one with `warm_start` continues."""
    return History(
        loss=list(estimator.loss_curve_),
        eta=list(estimator.eta_curve_),
        validation_loss=list(estimator.validation_loss_curve_ or ()),
        validation_score=list(estimator.validation_scores_ or ()),
    )
