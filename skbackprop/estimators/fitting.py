"""The course of a fit: which rows are held out, the epochs under a monitor, and what is left."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from ..exceptions import DivergenceError
from ..network.objective import Objective, Problem
from ..network.outputs import outputs_of
from ..network.rows import with_mean_one
from ..solvers.solver import WholeBatchSolver, solve
from ..training.monitor import History, Monitor, Stopping
from ..training.progress import Progress
from ..training.trainer import train
from ..updates.rule import UpdateRule
from .building import Model, objective_of, penalty_of, trainer_of
from .callbacks import WRAPPER_FRAMES, callback_listener
from .parameters import STRUCTURE, Parameters, schedule_of, solver_of
from .targets import ClassCoding, NumberCoding

__all__ = ["Course", "HeldOut", "TrainingSet", "history_of"]


@dataclass
class HeldOut:
    """Rows that a fit is validated on: of the user's own set, or some of the training set's."""

    X: Any
    y: Any
    targets: Any
    weights: np.ndarray | None
    rows: np.ndarray | None = None  # None is all

    def take(self, A):
        """The validation rows of `A`, which is `X`, `y`, `targets` or `weights`."""
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
    carrier: Parameters  # took what validation writes
    held_out: HeldOut | None = None
    given_weights: np.ndarray | None = None  # the user's alone, which a validation score knows

    @property
    def scale(self) -> np.ndarray | None:
        """Weights of mean one over the rows to train on."""
        return None if self.weights is None else with_mean_one(self.weights, self.rows)


class Course:
    """One call of `fit`, from the rows that it trains on to why it ended."""

    def __init__(self, estimator: Parameters, data: TrainingSet, model: Model, history: History):
        self.estimator = estimator  # whose parameters say how
        self.data = data
        self.model = model
        self.history = history
        self.reason: str | None = None
        self.ended_by: BaseException | None = None
        self._n_before = len(history.loss)

    @property
    def n_epochs(self) -> int:
        """Epochs of this fit."""
        return len(self.history.loss) - self._n_before

    @property
    def loss(self) -> float:
        """Cost of the last epoch."""
        return self.history.loss[-1] if self.history.loss else np.nan

    def hold_out(self) -> None:
        """Set rows apart for early stopping, unless the user gave some."""
        estimator, data, state = self.estimator, self.data, self.model.state
        if not estimator.early_stopping or data.held_out is not None:
            return
        if state.split_seed is None:  # a later fit with warm_start holds out the same rows
            state.split_seed = self.model.rng.randint(2**31 - 1)
        try:
            kept, held_out = train_test_split(
                data.rows,
                test_size=estimator.validation_fraction,
                random_state=state.split_seed,
                stratify=data.coding.strata(data.targets, data.rows),
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction="
                f"{estimator.validation_fraction} of {len(data.rows)} rows: {error} Give more "
                "rows, another validation_fraction, or validation rows (X_val, y_val)."
            ) from error
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small: "
                f"validation_fraction={estimator.validation_fraction} of {len(data.rows)} rows. "
                "Increase validation_fraction, or give more rows."
            )
        data.held_out = HeldOut(data.X, data.y, data.targets, data.given_weights, np.sort(held_out))
        data.rows = np.sort(kept)

    def run(self, batch_size: int) -> None:
        """Train, and note why it ended, and the exception that ended it, if one did."""
        estimator, data = self.estimator, self.data
        progress = Progress() if estimator.verbose else None
        with callback_listener(
            estimator,
            data.X,
            data.y,
            data.weights,
            max_iter=estimator.max_iter,
            reconstruct=self._view,
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

    def _train(self, batch_size: int, listeners) -> str:
        """Run the solver under a monitor; returns why it stopped."""
        estimator, data, model = self.estimator, self.data, self.model
        solver, state = solver_of(estimator), model.state
        n_steps = estimator.max_iter * -(-len(data.rows) // batch_size)
        schedule = schedule_of(estimator, state.n_updates + n_steps)
        state.serve(solver, schedule, model.network.w)
        # A whole-batch solver knows when to stop, unless a validation score is watched.
        impatient = estimator.early_stopping or not isinstance(solver, WholeBatchSolver)
        monitor = Monitor(
            model.network,
            state,
            self.history,
            Stopping(estimator.tol, estimator.n_iter_no_change if impatient else np.inf),
            max_iter=estimator.max_iter,
            max_time=np.inf if estimator.max_time is None else estimator.max_time,
            validate=self._validator(),
            keep_best=estimator.early_stopping,
            listeners=listeners,
        )
        try:
            if isinstance(solver, WholeBatchSolver):
                rows = data.X, data.targets, data.weights
                problem = Problem(objective_of(estimator, model), rows, data.rows, estimator.alpha)
                solve(solver, problem, state, monitor)
            else:
                trainer = trainer_of(estimator, model, schedule)
                orders = self._orders(batch_size)
                train(trainer, orders, (data.X, data.targets, data.scale), batch_size, monitor)
        finally:  # Ctrl-C and a divergence leave the best weights, too
            monitor.restore_best()
        return monitor.reason

    def _orders(self, batch_size: int):
        """A function that gives the order of the rows in the next epoch (None: as they come)."""
        data, rng = self.data, self.model.rng
        if self.estimator.shuffle and batch_size < len(data.rows):
            return lambda: rng.permutation(data.rows)
        order = None if len(data.rows) == data.X.shape[0] else data.rows
        return lambda: order

    def _validator(self):
        """A function that gives (loss, score) on the validation rows, or None."""
        estimator = self.estimator
        held_out, network, loss = self.data.held_out, self.model.network, self.model.loss
        if held_out is None:
            return None
        X, rows = held_out.X, held_out.rows
        targets, weights = held_out.take(held_out.targets), held_out.take(held_out.weights)
        scale = None if held_out.weights is None else with_mean_one(held_out.weights, rows)
        objective = Objective(network, loss, penalty_of(estimator, network))
        scorer = None
        if estimator.scoring not in (None, "loss"):
            view = copy.copy(estimator)
            view.__dict__ = {**vars(estimator), **self._view(), "_network": network}
            view.__dict__.pop("feature_names_in_", None)  # the rows to score are a bare array
            scorer = check_scoring(view, estimator.scoring)

        def validate():
            with np.errstate(over="ignore", invalid="ignore"):
                v, outputs = outputs_of(network, X, rows)
            if not np.isfinite(v).all():
                raise DivergenceError(
                    "training diverged: the outputs on the validation rows are not finite. Use a "
                    "smaller eta, or scale X and y."
                )
            cost = objective.value(X, held_out.targets, scale, rows=rows)
            if estimator.scoring == "loss":
                score = -cost
            elif scorer is None:
                score = loss.score(targets, loss.decode(v, outputs), weights)
            else:
                score = self._score(scorer, view, weights)
            if estimator.early_stopping and np.isnan(score):
                raise ValueError(
                    f"scoring={estimator.scoring!r} gives nan on the validation rows; "
                    "early_stopping=True needs a number. Give validation rows on which the score "
                    "is defined (X_val, y_val), or another scoring."
                )
            return cost, score

        return validate

    def _score(self, scorer, view, weights) -> float:
        """What the user's scorer says of the validation rows."""
        estimator, held_out = self.estimator, self.data.held_out
        assert held_out is not None
        weighting = {} if weights is None else {"sample_weight": weights}
        try:
            rows = held_out.take(held_out.X), held_out.take(held_out.y)
            return float(scorer(view, *rows, **weighting))
        except Exception as error:
            error.add_note(
                f"Raised by scoring={estimator.scoring!r} on the validation rows"
                f"{', given their sample_weight' if weighting else ''}; the predictions are "
                f"those of loss={estimator.loss!r}."
            )
            raise

    def _view(self) -> dict:
        """Attributes with which a copy of the estimator predicts as the model does now."""
        model = self.model
        network = model.network.with_parameters(model.network.w.copy())
        return {
            "_network": network,
            "_loss": model.loss,
            "_state": copy.deepcopy(model.state),
            "n_features_in_": network.sizes[0],
            **self.data.coding.attributes,
        }

    def attributes(self) -> dict:
        """Every fitted attribute that the estimator is to have."""
        estimator, model, history = self.estimator, self.model, self.history
        validated = vars(self.data.carrier)
        names = ("n_features_in_", "feature_names_in_")
        return {
            "_network": model.network,
            "_loss": model.loss,
            "_state": model.state,
            "_rng": copy.deepcopy(model.rng),
            "_structure": tuple(copy.copy(getattr(estimator, name)) for name in STRUCTURE),
            "n_outputs_": model.loss.n_units(),
            "n_iter_": self.n_epochs,
            "loss_": self.loss,
            "loss_curve_": history.loss,
            "eta_curve_": history.eta,
            "best_loss_": None if estimator.early_stopping else min(history.loss, default=np.inf),
            "validation_loss_curve_": history.validation_loss or None,
            "validation_scores_": history.validation_score or None,
            "best_validation_score_": history.best_validation_score,
            "best_iter_": history.best_iter,
            "stop_reason_": self.reason,
            **solver_of(estimator).fitted(model.state),
            **self.data.coding.attributes,
            **{name: validated[name] for name in names if name in validated},
        }

    def warn_not_converged(self) -> None:
        """Warn if a limit ended the fit."""
        estimator, limit = self.estimator, self.reason
        if limit not in ("max_iter", "max_time"):
            return
        what = {"max_iter": "Maximum iterations", "max_time": "Time limit"}[limit]
        advice = f"{limit} or eta" if isinstance(solver_of(estimator), UpdateRule) else limit
        warnings.warn(
            f"{what} ({limit}={getattr(estimator, limit)!r}) reached and the optimization hasn't "
            f"converged yet, after {self.n_epochs} epochs, at a loss of {self.loss:.6g}; raise "
            f"{advice}, or scale X and y.",
            ConvergenceWarning,
            stacklevel=4 + WRAPPER_FRAMES,
        )


def history_of(estimator) -> History:
    """The history that a fit which goes on from an earlier one continues."""
    return History(
        loss=list(estimator.loss_curve_),
        eta=list(estimator.eta_curve_),
        validation_loss=list(estimator.validation_loss_curve_ or ()),
        validation_score=list(estimator.validation_scores_ or ()),
    )
