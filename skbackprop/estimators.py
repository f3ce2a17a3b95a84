"""`BackpropRegressor` and `BackpropClassifier`: validate, encode the labels, delegate.

Every call validates all of its input before it changes anything. `fit` trains a network of its own
and commits it, with every fitted attribute, in one step at the end; `partial_fit` moves the fitted
weights in place, one whole update after the other.
"""

from __future__ import annotations

import copy
import warnings
from collections import ChainMap
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from operator import is_, itemgetter
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, Options
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    validate_data,
)

from .activations import Activation, check_activation, resolve_activation
from .callbacks import (
    WRAPPER_FRAMES,
    CallbackSupport,
    callback_listener,
    fit_with_callbacks,
)
from .initializers import INITIALIZERS, initializer_for
from .losses import LOSSES, Loss, Task
from .monitor import History, Monitor, Stopping
from .network import Network
from .objective import BLOCK_ROWS, Objective, Problem, row_blocks, take_rows
from .online import choose_engine
from .penalties import ElasticNet
from .progress import Progress
from .registry import resolve
from .regularisation import Disturbance, is_connections, learning_parameters
from .schedules import SCHEDULES
from .solvers import SOLVERS, WholeBatchSolver, solve
from .training import DivergenceError, Trainer, TrainingState, train
from .updates import RULES, Solver, UpdateRule

__all__ = [
    "BackpropClassifier",
    "BackpropRegressor",
    "eta_in_force",
    "fitted_objective",
    "initial_objective",
    "read_rows",
]

_ALL_SOLVERS: ChainMap[str, Solver] = ChainMap(RULES, SOLVERS)
# What each parameter is when it asks nothing of the solver.
_NEUTRAL = {
    "eta": "auto",
    "eta_schedule": None,
    "alpha": 0.0,
    "l1_ratio": 0.0,
    "dropout": 0.0,
    "noise": 0.0,
    "max_grad_norm": None,
    "max_norm": None,
}
_STRUCTURE = ("hidden_layer_sizes", "activation", "output_activation", "loss")
_LEAVES_A_MODEL = (KeyboardInterrupt, DivergenceError)  # what ends a fit, yet leaves its weights
_UNCHANGING = {type(None), str, float, int}
_LARGEST: dict[np.dtype, float] = {
    np.dtype(t): float(np.finfo(t).max) for t in (np.float32, np.float64)
}


@dataclass
class _Model:
    """What training moves, and `_Backprop._commit` keeps."""

    network: Network
    loss: Loss
    state: TrainingState
    rng: np.random.RandomState
    engine: str | None = None  # chosen when the first trainer is made


@dataclass
class _HeldOut:
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
class _Fit:
    """What one call of `fit` trains on: validated data, and which of its rows."""

    X: Any
    y: Any
    targets: Any
    weights: np.ndarray | None  # of the user; None is all ones
    rows: np.ndarray  # to train on
    task: Task
    described: dict
    carrier: _Backprop  # took what validation writes
    held_out: _HeldOut | None = None

    @property
    def scale(self) -> np.ndarray | None:
        """Weights of mean one over the rows to train on."""
        return None if self.weights is None else self.weights / self.weights[self.rows].mean()


class _Backprop(CallbackSupport, BaseEstimator):
    """What both estimators share."""

    _network: Network
    _loss: Loss
    _state: TrainingState
    _running: tuple[tuple, Trainer]
    _getter: itemgetter
    _numeric_targets: bool
    engine_: str | None

    _parameter_constraints: dict = {
        "hidden_layer_sizes": [Interval(Integral, 1, None, closed="left"), list, tuple, np.ndarray],
        "activation": [str, Activation, list, tuple],
        "output_activation": [str, Activation, None],
        "loss": [str, Loss],
        "solver": [str, Solver],
        "eta": [str, Interval(Real, 0, None, closed="neither"), list, tuple, np.ndarray],
        "eta_schedule": [str, callable, None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple, np.ndarray],
        "noise": [Interval(Real, 0, None, closed="left")],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "mask": [list, tuple, None],
        "batch_size": [Options(str, {"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "scoring": [str, callable, None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "shuffle": ["boolean"],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "weight_init": [str, callable],
        "engine": [Options(str, {"auto", "numpy", "compiled"})],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        activation="relu",
        output_activation=None,
        loss="squared_error",
        solver="adam",
        eta="auto",
        eta_schedule=None,
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        noise=0.0,
        max_grad_norm=None,
        max_norm=None,
        mask=None,
        batch_size="auto",
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        max_time=None,
        shuffle=True,
        warm_start=False,
        random_state=None,
        verbose=False,
        weight_init="auto",
        engine="auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.solver = solver
        self.eta = eta
        self.eta_schedule = eta_schedule
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.noise = noise
        self.max_grad_norm = max_grad_norm
        self.max_norm = max_norm
        self.mask = mask
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.max_time = max_time
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.weight_init = weight_init
        self.engine = engine

    def __sklearn_tags__(self):
        """Sparse input is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network."""
        return "_network" in vars(self)

    def __getstate__(self):
        """Everything but the workspaces of the running trainer."""
        state = dict(super().__getstate__())
        state.pop("_running", None)
        return state

    # -- fitted attributes that live elsewhere ---------------------------------------------------

    def _fitted(self, name: str):
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._network

    @property
    def coefs_(self) -> tuple[np.ndarray, ...]:
        """Weights of each layer, (n_in, n_out): views; assigning copies in."""
        network = self._fitted("coefs_")
        return tuple(W for W, _ in network.layers(network.w))

    @coefs_.setter
    def coefs_(self, values):
        network = self._fitted("coefs_")
        _write("coefs_", values, [W for W, _ in network.layers(self._writeable().w)])

    @property
    def intercepts_(self) -> tuple[np.ndarray, ...]:
        """Biases of each layer, (n_out,): views; assigning copies in."""
        network = self._fitted("intercepts_")
        return tuple(b for _, b in network.layers(network.w))

    @intercepts_.setter
    def intercepts_(self, values):
        network = self._fitted("intercepts_")
        _write("intercepts_", values, [b for _, b in network.layers(self._writeable().w)])

    @property
    def t_(self) -> int:
        """Samples seen in training."""
        self._fitted("t_")
        return self._state.n_samples

    @property
    def n_updates_(self) -> int:
        """Updates done in training."""
        self._fitted("n_updates_")
        return self._state.n_updates

    @property
    def n_layers_(self) -> int:
        """Number of layers, the input counted, as in scikit-learn."""
        return len(self._fitted("n_layers_").sizes)

    @property
    def out_activation_(self) -> str:
        """Name of the output activation."""
        return self._fitted("out_activation_").activations[-1].name

    def _writeable(self) -> Network:
        """The network, its parameters copied if they are read-only (a memory-mapped pickle)."""
        if not self._network.w.flags.writeable:
            self._network = self._network.with_parameters(self._network.w.copy())
        if not self._state.rule_state.flags.writeable:
            self._state.rule_state = self._state.rule_state.copy()
        return self._network

    # -- parameters ------------------------------------------------------------------------------

    def _check_params(self) -> None:
        self._validate_params()
        self._loss_parameter().check()
        self._solver().check()
        getattr(self._schedule(), "check", bool)()
        if isinstance(self.weight_init, str) and self.weight_init != "auto":
            resolve(self.weight_init, INITIALIZERS, Callable, "weight_init")
        n_layers = len(self._hidden_sizes()) + 1
        self._hidden_activations(n_layers - 1)
        self._eta_per_layer(n_layers)
        self._dropout_rates(n_layers)
        if self.mask is not None and len(self.mask) != n_layers:
            raise ValueError(
                f"mask has {len(self.mask)} entries; it must have one for each of the {n_layers} "
                "layers of weights."
            )
        self._check_solver_is_able()

    def _check_solver_is_able(self) -> None:
        """Refuse what the solver cannot honour."""
        solver = self._solver()
        loss = self._loss_parameter()
        if solver.sum_of_squares and not loss.sum_of_squares:
            raise ValueError(
                f"loss={self.loss!r} does not go with solver={self.solver!r}, which needs a sum of "
                "squares; use loss='squared_error', or solver='lbfgs' or 'scg', which take any "
                "loss."
            )
        if solver.full_batch and self.engine == "compiled":
            raise ValueError(
                f"engine='compiled' does not go with solver={self.solver!r}, which needs all rows "
                "in each update: it presents one row an update; leave engine at 'auto'."
            )
        refused = solver.refuses | {"dropout", "noise"} if solver.full_batch else solver.refuses
        if not self.alpha:
            refused = refused - {"l1_ratio"}
        for name in sorted(refused):
            value, neutral = getattr(self, name), _NEUTRAL[name]
            if value is neutral or all(each == neutral for each in np.ravel(value)):
                continue
            able = [
                repr(known)
                for known, other in sorted(_ALL_SOLVERS.items())
                if not other.full_batch and name not in other.refuses
            ]
            raise ValueError(
                f"{name}={value!r} does not go with solver={self.solver!r}, which cannot honour "
                f"it; leave {name} at {neutral!r}, or use one of {', '.join(able)}."
            )

    def _params_key(self) -> tuple:
        """The objects that the parameters are; a change of any makes another tuple."""
        parameters = vars(self)
        key = self._parameters_of(parameters)
        for part in (parameters["solver"], parameters["eta_schedule"]):
            if type(part) not in _UNCHANGING:
                key += tuple(getattr(part, "__dict__", {}).values())
        for part in (parameters["eta"], parameters["dropout"], parameters["mask"]):
            if type(part) not in _UNCHANGING:
                key += (object(),)  # may change in place: never the same twice
        return key

    @classmethod
    def _parameters_of(cls, attributes) -> tuple:
        if "_getter" not in vars(cls):
            cls._getter = itemgetter(*cls._get_param_names())
        return cls._getter(attributes)

    def _loss_parameter(self) -> Loss:
        """The loss that is asked for, not bound to any task."""
        return resolve(self.loss, LOSSES, Loss, "loss")

    def _solver(self) -> Solver:
        return resolve(self.solver, _ALL_SOLVERS, Solver, "solver")

    def _batch_rows(self, n_rows: int) -> int:
        """Rows in an update of `fit`."""
        if self._solver().full_batch:
            if self.batch_size != "auto" and self.batch_size < n_rows:
                raise ValueError(
                    f"batch_size={self.batch_size!r} does not go with solver={self.solver!r}, "
                    f"which needs all {n_rows} rows in each update; leave batch_size at 'auto', or "
                    "use a solver that takes batches, such as 'adam' or 'sgd'."
                )
            return n_rows
        return min(200 if self.batch_size == "auto" else int(self.batch_size), n_rows)

    def _trains_online(self) -> bool:
        running = vars(self).get("_running")
        if running is not None and running[1].rule is RULES.get(self.solver, self.solver):
            return True
        try:
            solver = self._solver()
        except (ValueError, TypeError):
            return True  # partial_fit says what is wrong with it
        if solver.full_batch:
            raise AttributeError(
                f"partial_fit is not available with solver={self.solver!r}, which needs all rows "
                "in each update; use fit, or a solver that takes rows as they come, such as 'sgd' "
                "or 'adam'."
            )
        return True

    def _dropout_rates(self, n_layers: int) -> list[float]:
        """Rate for the inputs and for each hidden layer."""
        if np.ndim(self.dropout) == 0:
            return [0.0] + [float(self.dropout)] * (n_layers - 1)
        rates = np.asarray(self.dropout, dtype=float)
        if rates.shape != (n_layers,) or not ((rates >= 0) & (rates < 1)).all():
            raise ValueError(
                f"dropout is {self.dropout!r}; it must be a number in [0, 1) for the hidden "
                f"layers, or {n_layers} such: the inputs' and one for each hidden layer."
            )
        return rates.tolist()

    def _schedule(self, total_steps: int | None = None):
        """The schedule of eta; one with a horizon takes `total_steps`, or says that it needs it."""
        schedule = SCHEDULES["constant"]
        if self.eta_schedule is not None:
            schedule = resolve(self.eta_schedule, SCHEDULES, Callable, "eta_schedule")
        if total_steps is not None and hasattr(schedule, "for_horizon"):
            schedule = schedule.for_horizon(total_steps)
        return schedule

    def _eta_per_layer(self, n_layers: int) -> float | list[float]:
        if isinstance(self.eta, str):
            if self.eta != "auto":
                raise ValueError(
                    f"eta is {self.eta!r}; it must be a number > 0, one per layer, or 'auto'."
                )
            return self._solver().default_eta
        if np.ndim(self.eta) == 0:
            if not np.isfinite(self.eta):
                raise ValueError(f"eta is {self.eta!r}; it must be finite and > 0.")
            return float(self.eta)
        eta = np.asarray(self.eta, dtype=float)
        if eta.shape != (n_layers,) or not (np.isfinite(eta).all() and (eta >= 0).all()):
            raise ValueError(
                f"eta is {self.eta!r}; one per layer means {n_layers} finite numbers >= 0."
            )
        return eta.tolist()

    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        sizes = (sizes,) if np.ndim(sizes) == 0 else tuple(sizes)
        if not all(
            isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 1 for n in sizes
        ):
            raise ValueError(
                f"hidden_layer_sizes is {self.hidden_layer_sizes!r}; it must be a whole number "
                ">= 1 or a sequence of such, one per hidden layer."
            )
        return tuple(int(n) for n in sizes)

    def _hidden_activations(self, n_hidden: int) -> list[Activation]:
        given = self.activation
        if isinstance(given, (list, tuple)):
            if len(given) != n_hidden:
                raise ValueError(
                    f"activation has {len(given)} entries; it must have one per hidden layer, "
                    f"{n_hidden}."
                )
            activations = [resolve_activation(a) for a in given]
        else:
            activations = [resolve_activation(given)] * n_hidden
        for activation in activations:
            if not activation.elementwise:
                raise ValueError(f"activation {activation.name!r} serves at the output only.")
        return activations

    # -- building --------------------------------------------------------------------------------

    def _new_model(self, X, task: Task, rng) -> _Model:
        """A network with initial weights, its loss, and nothing learnt."""
        loss = self._loss_parameter().bind(task, self.output_activation)
        hidden = self._hidden_sizes()
        activations = [*self._hidden_activations(len(hidden)), loss.output]
        sizes = (X.shape[1], *hidden, loss.n_units())
        for activation, n in zip(activations, sizes[1:], strict=True):
            check_activation(activation)
            width = getattr(activation, "n_units", n)
            if width != n:
                raise ValueError(
                    f"activation {activation!r} is for {width} neurons; its layer has {n}."
                )
        network = Network(sizes, activations, dtype=X.dtype.type)
        for (W, _), activation in zip(network.layers(network.w), activations, strict=True):
            n_in, n_out = W.shape
            W[...] = self._initial(n_in, n_out, activation, rng)
        self._cut_connections(network)
        state = TrainingState(np.empty((0, network.w.size), network.w.dtype))
        return _Model(network, loss, state, rng)

    def _cut_connections(self, network: Network) -> None:
        """Start the weights that the mask names one by one at zero: no connection."""
        if self.mask is None:
            return
        learning = np.empty_like(network.w)
        learning_parameters(self.mask, network, learning)
        parts = zip(network.layers(network.w), network.layers(learning), self.mask, strict=True)
        for (W, _), (learns, _), entry in parts:
            if is_connections(entry):
                W *= learns

    def _initial(self, n_in: int, n_out: int, activation: Activation, rng) -> np.ndarray:
        W = np.asarray(initializer_for(self.weight_init, activation)(n_in, n_out, rng))
        if W.shape != (n_in, n_out) or not np.isfinite(W).all():
            raise ValueError(
                f"weight_init gave an array of shape {W.shape}; it must give finite numbers of "
                f"shape {(n_in, n_out)}."
            )
        return W

    def _copy_model(self) -> _Model:
        """The fitted model, apart from this one: a failure of the fit must not touch it."""
        network = self._network.with_parameters(self._network.w.copy())
        state, rng = copy.deepcopy(self._state), copy.deepcopy(self._rng)
        return _Model(network, self._loss, state, rng, self.engine_)

    def _penalty(self, network: Network) -> ElasticNet:
        if not self.alpha or self._solver().tunes_alpha:
            return ElasticNet(None)
        n_layers = network.n_layers
        is_weight = network.spread([1.0] * n_layers, [0.0] * n_layers)
        return ElasticNet(is_weight, self.alpha, self.l1_ratio)

    def _objective(self, model: _Model) -> Objective:
        """The cost that the parameters describe, of `model`."""
        network, state = model.network, model.state
        learning = disturbance = None
        if self.mask is not None:
            learning = np.empty_like(network.w)
            learning_parameters(self.mask, network, learning)
        rates = self._dropout_rates(network.n_layers)
        if any(rates) or self.noise:
            if state.disturbance_rng is None:
                state.disturbance_rng = np.random.default_rng(model.rng.randint(2**31 - 1))
            disturbance = Disturbance(rates, self.noise, state.disturbance_rng)
        return Objective(
            network,
            model.loss,
            self._penalty(network),
            learning=learning,
            disturbance=disturbance,
        )

    def _trainer(self, model: _Model, schedule) -> Trainer:
        """The trainer that the parameters describe, on `model`."""
        objective = self._objective(model)
        eta: Any = self._eta_per_layer(model.network.n_layers)
        if isinstance(eta, list):
            eta = model.network.spread(eta)
        if objective.learning is not None:  # a rule may move a weight that has no correction
            eta = eta * objective.learning
        rule = self._solver()
        assert isinstance(rule, UpdateRule)
        trainer = Trainer(
            objective,
            rule,
            eta,
            schedule,
            model.state,
            max_grad_norm=self.max_grad_norm,
            max_norm=self.max_norm,
        )
        model.engine, trainer.online = choose_engine(self.engine, model.engine, trainer)
        return trainer

    # -- fit -------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, coef_init, intercept_init) -> _Backprop:
        self._check_params()
        going_on = self.warm_start and self.__sklearn_is_fitted__()
        fit = self._prepare(X, y, sample_weight, validation, going_on)
        with _restored_on_error(check_random_state(self.random_state)) as rng:
            model = self._copy_model() if going_on else self._new_model(fit.X, fit.task, rng)
            self._hold_out(fit, model)
            batch_size = self._batch_rows(len(fit.rows))
            # At one row an update, fit is the online rule: it starts where partial_fit does.
            if self.weight_init == "auto" and not going_on and batch_size > 1:
                _rest_outputs(model, fit.targets, fit.weights, fit.rows)
            _start_from(model.network, coef_init, intercept_init)
            history = self._history_to_continue() if going_on else History()
            n_before = len(history.loss)
            reason, ended_by = self._run(fit, model, history, batch_size)
        self._commit(fit, model, history, len(history.loss) - n_before, reason)
        if ended_by is not None:
            raise ended_by
        if reason in ("max_iter", "max_time"):
            self._warn_not_converged(reason)
        return self

    def _prepare(self, X, y, sample_weight, validation, going_on: bool) -> _Fit:
        """Validate all that `fit` is given, and change nothing."""
        carrier = copy.copy(self)  # takes what validation writes, so that a failure writes nothing
        if going_on:
            self._check_structure()
        dtype = self._network.w.dtype if going_on else None
        X, y = self._validate_X_y(carrier, X, y, dtype, reset=not going_on)
        self._check_input(X)
        task, targets, described = self._describe_targets(y, X.dtype)
        weights = self._weights(X, y, targets, described, sample_weight)
        held_out = self._validate_validation(carrier, X, task, described, validation)
        if going_on:
            self._check_same_targets(task, described)
        rows = np.arange(X.shape[0]) if weights is None else np.flatnonzero(weights)
        if not len(rows):
            raise ValueError("sample_weight is zero for every row; at least one must be positive.")
        return _Fit(X, y, targets, weights, rows, task, described, carrier, held_out)

    def _run(self, fit: _Fit, model: _Model, history: History, batch_size: int):
        """Train; returns why it ended, and the exception that ended it, if one did."""
        progress = Progress() if self.verbose else None
        ended_by: BaseException | None = None
        with callback_listener(
            self,
            fit.X,
            fit.y,
            fit.weights,
            max_iter=self.max_iter,
            reconstruct=lambda: self._view(model, fit.described),
        ) as listeners:
            if progress is not None:
                listeners.append(progress)
            try:
                reason = self._train(fit, model, history, batch_size, listeners)
            except DivergenceError as error:
                reason, ended_by = "diverged", error
            except KeyboardInterrupt as error:
                reason, ended_by = "interrupted", error
        if progress is not None:
            progress.close(reason)
        return reason, ended_by

    def _train(self, fit: _Fit, model: _Model, history, batch_size: int, listeners) -> str:
        """Run the solver under a monitor; returns why it stopped."""
        solver, state = self._solver(), model.state
        n_steps = self.max_iter * -(-len(fit.rows) // batch_size)
        schedule = self._schedule(state.n_updates + n_steps)
        state.serve(solver, schedule, model.network.w)
        # A whole-batch solver knows when to stop, unless a validation score is watched.
        impatient = self.early_stopping or not isinstance(solver, WholeBatchSolver)
        monitor = Monitor(
            model.network,
            state,
            history,
            Stopping(self.tol, self.n_iter_no_change if impatient else np.inf),
            max_iter=self.max_iter,
            max_time=np.inf if self.max_time is None else self.max_time,
            validate=self._validator(fit, model),
            keep_best=self.early_stopping,
            listeners=listeners,
        )
        if isinstance(solver, WholeBatchSolver):
            data = fit.X, fit.targets, fit.weights
            problem = Problem(self._objective(model), data, fit.rows, self.alpha)
            solve(solver, problem, state, monitor)
        else:
            trainer = self._trainer(model, schedule)
            orders = self._orders(fit, batch_size, model.rng)
            train(trainer, orders, (fit.X, fit.targets, fit.scale), batch_size, monitor)
        monitor.restore_best()
        return monitor.reason

    def _orders(self, fit: _Fit, batch_size: int, rng):
        """A function that gives the order of the rows in the next epoch (None: as they come)."""
        if self.shuffle and batch_size < len(fit.rows):
            return lambda: rng.permutation(fit.rows)
        order = None if len(fit.rows) == fit.X.shape[0] else fit.rows
        return lambda: order

    def _warn_not_converged(self, limit: str) -> None:
        what = {"max_iter": "Maximum iterations", "max_time": "Time limit"}[limit]
        advice = f"{limit} or eta" if isinstance(self._solver(), UpdateRule) else limit
        warnings.warn(
            f"{what} ({limit}={getattr(self, limit)!r}) reached and the optimization hasn't "
            f"converged yet, after {self.n_iter_} epochs, at a loss of {self.loss_:.6g}; raise "
            f"{advice}, or scale X and y.",
            ConvergenceWarning,
            stacklevel=4 + WRAPPER_FRAMES,
        )

    def _view(self, model: _Model, described: dict) -> dict:
        """Attributes with which a copy of the estimator predicts as the model does now."""
        network = model.network.with_parameters(model.network.w.copy())
        return {
            "_network": network,
            "_loss": model.loss,
            "_state": copy.deepcopy(model.state),
            "n_features_in_": network.sizes[0],
            **described,
        }

    def _history_to_continue(self) -> History:
        return History(
            loss=list(self.loss_curve_),
            eta=list(self.eta_curve_),
            validation_loss=list(self.validation_loss_curve_ or ()),
            validation_score=list(self.validation_scores_ or ()),
        )

    def _commit(
        self, fit: _Fit, model: _Model, history: History, n_epochs: int, reason: str | None
    ) -> None:
        """Replace all fitted attributes in one step."""
        names = ("n_features_in_", "feature_names_in_")
        fitted = {
            "_network": model.network,
            "_loss": model.loss,
            "_state": model.state,
            "_rng": copy.deepcopy(model.rng),
            "_structure": tuple(copy.copy(getattr(self, name)) for name in _STRUCTURE),
            "n_outputs_": model.loss.n_units(),
            "n_iter_": n_epochs,
            "loss_": history.loss[-1] if history.loss else np.nan,
            "loss_curve_": history.loss,
            "eta_curve_": history.eta,
            "best_loss_": None if self.early_stopping else min(history.loss, default=np.inf),
            "validation_loss_curve_": history.validation_loss or None,
            "validation_scores_": history.validation_score or None,
            "best_validation_score_": history.best_validation_score,
            "best_iter_": history.best_iter,
            "stop_reason_": reason,
            "engine_": model.engine or "numpy",
            **self._solver().fitted(model.state),
            **fit.described,
            **{name: vars(fit.carrier)[name] for name in names if name in vars(fit.carrier)},
        }
        kept = {k: v for k, v in vars(self).items() if not k.endswith("_") and k != "_running"}
        self.__dict__ = {**kept, **fitted}

    def _hold_out(self, fit: _Fit, model: _Model) -> None:
        """Set rows of `fit` apart for early stopping, unless the user gave some."""
        if not self.early_stopping or fit.held_out is not None:
            return
        if model.state.split_seed is None:  # a later fit with warm_start holds out the same rows
            model.state.split_seed = model.rng.randint(2**31 - 1)
        kept, held_out = train_test_split(
            fit.rows,
            test_size=self.validation_fraction,
            random_state=model.state.split_seed,
            stratify=self._stratify(fit.targets, fit.rows),
        )
        if len(held_out) < 2:
            raise ValueError(
                f"The validation set is too small: validation_fraction={self.validation_fraction} "
                f"of {len(fit.rows)} rows. Increase validation_fraction, or give more rows."
            )
        fit.held_out = _HeldOut(fit.X, fit.y, fit.targets, fit.weights, np.sort(held_out))
        fit.rows = np.sort(kept)

    def _validator(self, fit: _Fit, model: _Model):
        """A function that gives (loss, score) on the validation rows, or None."""
        held_out, network, loss = fit.held_out, model.network, model.loss
        if held_out is None:
            return None
        X, rows = held_out.X, held_out.rows
        targets, weights = held_out.take(held_out.targets), held_out.take(held_out.weights)
        objective = Objective(network, loss, self._penalty(network))
        scorer = None
        if self.scoring not in (None, "loss"):
            view = copy.copy(self)
            view.__dict__ = {**vars(self), **self._view(model, fit.described), "_network": network}
            view.__dict__.pop("feature_names_in_", None)  # the rows to score are a bare array
            scorer = check_scoring(view, self.scoring)

        def validate():
            with np.errstate(over="ignore", invalid="ignore"):
                v, outputs = _outputs(network, X, rows)
            if not np.isfinite(v).all():
                raise DivergenceError(
                    "training diverged: the outputs on the validation rows are not finite. Use a "
                    "smaller eta, or scale X and y."
                )
            cost = objective.value(X, held_out.targets, held_out.weights, rows=rows)
            if self.scoring == "loss":
                return cost, -cost
            if scorer is None:
                return cost, loss.score(targets, loss.decode(v, outputs), weights)
            weighting = {} if weights is None else {"sample_weight": weights}
            score = scorer(view, held_out.take(X), held_out.take(held_out.y), **weighting)
            return cost, float(score)

        return validate

    def _validate_validation(self, carrier, X, task, described, validation):
        """The user's own validation set, or None."""
        X_val, y_val, sample_weight_val = validation
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is given without X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together.")
        X_val, y_val = self._validate_X_y(carrier, X_val, y_val, X.dtype, reset=False)
        if self.early_stopping and X_val.shape[0] < 2:
            raise ValueError("The validation set is too small: X_val has 1 row; give at least 2.")
        targets = self._encode_targets(y_val, X.dtype, task, described)
        weights = None
        if sample_weight_val is not None:
            weights = _check_weights(sample_weight_val, X_val, "sample_weight_val")
            if not weights.any():
                raise ValueError("sample_weight_val is zero for every row.")
        return _HeldOut(X_val, y_val, targets, weights)

    # -- partial_fit -----------------------------------------------------------------------------

    def _check_online_params(self) -> None:
        self._check_params()
        schedule = self._schedule()
        if getattr(schedule, "has_horizon", False) and schedule.total_steps is None:
            raise ValueError(
                f"eta_schedule={self.eta_schedule!r} needs total_steps in partial_fit, for it "
                f"cannot know what rows will come; give {type(schedule).__name__}(total_steps=...)."
            )

    def _partial_fit(
        self, X, y, sample_weight, coef_init, intercept_init, classes=None
    ) -> _Backprop:
        if not self.__sklearn_is_fitted__():
            return self._first_partial_fit(X, y, sample_weight, coef_init, intercept_init, classes)
        if coef_init is not None or intercept_init is not None:
            raise ValueError(
                "coef_init and intercept_init are for fit and the first partial_fit; to change a "
                "fitted model's weights assign coefs_ and intercepts_."
            )
        if classes is not None:
            self._check_classes(classes)
        trainer = self._running_trainer()
        quick = self._quick_row(X, y) if sample_weight is None else None
        if quick is not None:
            X, targets = quick
            weights = None
        else:
            dtype = self._network.w.dtype
            X, y = self._validate_X_y(self, X, y, dtype, reset=False)
            self._check_input(X)
            described = self._described()
            targets = self._encode_targets(y, dtype, self._loss.task, described)
            weights = self._weights(X, y, targets, described, sample_weight, online=True)
        self._count_pass(self._present(trainer, X, targets, weights))
        return self

    def _first_partial_fit(self, X, y, sample_weight, coef_init, intercept_init, classes):
        self._check_online_params()
        carrier = copy.copy(self)
        X, y = self._validate_X_y(carrier, X, y, None)
        self._check_input(X)
        task, targets, described = self._describe_targets(y, X.dtype, classes, online=True)
        weights = self._weights(X, y, targets, described, sample_weight, online=True)
        ended_by = None
        with _restored_on_error(check_random_state(self.random_state)) as rng:
            model = self._new_model(X, task, rng)
            _start_from(model.network, coef_init, intercept_init)
            loss = np.nan
            try:
                loss = self._present(self._trainer(model, self._schedule()), X, targets, weights)
            except _LEAVES_A_MODEL as error:
                ended_by = error
        rows = np.arange(X.shape[0])
        fit = _Fit(X, y, targets, weights, rows, task, described, carrier)
        self._commit(fit, model, History(), 0, None)
        if ended_by is not None:
            raise ended_by
        self._count_pass(loss)
        return self

    def _present(self, trainer: Trainer, X, targets, weights) -> float:
        """Present the rows once, in the order given; rows of weight zero are passed over."""
        order = None
        if weights is not None and not weights.all():
            order = np.flatnonzero(weights)
        batch_size = 1 if self.batch_size == "auto" else self.batch_size
        return trainer.present(X, targets, weights, order, batch_size)

    def _count_pass(self, loss: float) -> None:
        self.n_iter_ += 1
        if loss == loss:  # NaN: every row had weight zero
            self.loss_ = loss

    def _running_trainer(self) -> Trainer:
        """The trainer of the fitted network; made anew when a parameter has changed."""
        key = self._params_key()
        running = vars(self).get("_running")
        if running is not None:
            known, trainer = running
            if trainer.objective.network is self._network and _is_same(known, key):
                return trainer
        self._check_online_params()
        self._check_structure()
        network = self._writeable()
        model = _Model(network, self._loss, self._state, self._rng, self.engine_)
        trainer = self._trainer(model, self._schedule())
        self.engine_ = model.engine
        self._running = key, trainer
        return trainer

    def _check_structure(self) -> None:
        for name, fitted in zip(_STRUCTURE, self._structure, strict=True):
            given = getattr(self, name)
            if not _same(given, fitted):
                raise ValueError(
                    f"{name} is {given!r}, but the model was fitted with {fitted!r}; the structure "
                    "can only change in a new fit with warm_start=False."
                )

    # -- data ------------------------------------------------------------------------------------

    def _validate_X_y(self, carrier, X, y, dtype, *, reset=True):
        return validate_data(
            carrier,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32) if dtype is None else dtype,
            multi_output=True,
            y_numeric=self._numeric_targets,
            reset=reset,
        )

    def _check_input(self, X) -> None:
        """Refuse rows that the parameters cannot train on."""
        if self.noise and sparse.issparse(X):
            raise ValueError(
                f"noise={self.noise!r} would make the sparse X dense; use noise=0, or a dense X."
            )

    def _plain_row(self, X) -> bool:
        """Whether `X` is one row that needs no validation beyond this test."""
        return (
            type(X) is np.ndarray
            and X.shape == (1, self.n_features_in_)
            and X.dtype == self._network.w.dtype
            and X.flags.c_contiguous
            and "feature_names_in_" not in vars(self)
            and isfinite(np.vdot(X, X))  # what overflows here takes the full road, no more
        )

    def _weights(self, X, y, targets, described, sample_weight, *, online=False):
        """Weights of the rows (None: all one)."""
        if sample_weight is None:
            return None
        return _check_weights(sample_weight, X, "sample_weight")

    def _described(self) -> dict:
        return {}

    def _check_classes(self, classes) -> None:
        """Refuse `classes` that are not those of the first call."""

    def _check_same_targets(self, task, described) -> None:
        if task != self._loss.task:
            raise ValueError(
                f"warm_start=True needs targets as in the first fit, {self._loss.task}; got {task}."
            )

    # -- predictions -----------------------------------------------------------------------------

    def _signals(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Induced local fields and outputs of the output neurons, each (n, n_units)."""
        if "_network" not in vars(self):
            check_is_fitted(self)
        if not self._plain_row(X):
            X = validate_data(
                self, X, accept_sparse="csr", dtype=self._network.w.dtype, reset=False
            )
        return _outputs(self._network, X)

    def predict(self, X) -> np.ndarray:
        """Predict targets, classes or labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the `y` that the model was fitted with.
        """
        v, y = self._signals(X)
        return self._decode(self._loss.decode(v, y))


class BackpropRegressor(RegressorMixin, _Backprop):
    """Regression by the back-propagation rule ``Dw_ji = eta delta_j y_i``.

    Minimises ``E_av = 1/N sum_n 1/2 sum_j (d_j(n) - y_j(n))^2`` (a sum over outputs, a weighted
    mean over samples) plus ``alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2)``.
    ``solver="sgd"`` with ``partial_fit`` is the online rule of [1]_: one row, one update.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Neurons of each hidden layer; ``()`` is a linear model behind its output activation.
    activation : str, Activation or sequence of these, default="relu"
        Of the hidden neurons; a sequence has one entry per hidden layer. See `ACTIVATIONS`.
    output_activation : str, Activation or None, default=None
        Of the output neurons; None is the loss's canonical one (identity).
    loss : str or Loss, default="squared_error"
        A name in `LOSSES` or an object: ``"squared_error"``, ``"absolute_error"``, ``"huber"``,
        ``"log_cosh"``, ``"quantile"`` (one or several levels), ``"poisson"``, ``"gamma"``,
        ``"tweedie"`` (positive outputs), ``"gaussian_nll"`` (mean and variance).
    solver : str, UpdateRule or WholeBatchSolver, default="adam"
        An update rule of `RULES`: ``"sgd"`` (the bare rule), ``"adam"``, ...; or a whole-batch
        solver of `SOLVERS`: ``"lbfgs"``, ``"scg"``, ``"lm"`` (Levenberg-Marquardt), ``"br"``
        (Bayesian regularisation). What a solver cannot honour (a parameter, a loss, small batches)
        is an error that names both. A whole-batch solver has no `partial_fit`, an epoch is one of
        its iterations, and it stops by its own criteria.
    eta : float, sequence of float or "auto", default="auto"
        Learning rate: one number or one per layer of weights (0 freezes a layer); "auto" is the
        solver's own default.
    eta_schedule : str, callable or None, default=None
        A name in `SCHEDULES` (None is ``"constant"``), an object, or any ``t -> multiplier`` of
        eta, where t counts the updates done. Those with a horizon take `total_steps`, which `fit`
        fills in and `partial_fit` asks for.
    alpha : float, default=0.0
        Strength of the penalty on the weights (never the biases). Not divided by the number of
        samples: scikit-learn's MLP with ``alpha=a`` on batches of b rows is ``alpha=a / b`` here.
        ``solver="br"`` finds it by itself, and takes this as its start (see `BayesianLM`).
    l1_ratio : float, default=0.0
        0 is L2 only, 1 is L1 only. L1 enters by its subgradient: weights come close to zero, and do
        not become exactly zero; see `mask` to remove some.
    dropout : float in [0, 1) or sequence of float, default=0.0
        Probability that a signal is dropped in training: a number for the outputs of every hidden
        layer, or one for the inputs and one for each hidden layer. Inverted: what is left is
        divided by ``1 - dropout``, and prediction uses all.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to X in training, in the units of X.
    max_grad_norm : float or None, default=None
        A correction whose Euclidean norm, over all parameters, is longer is scaled down to it.
    max_norm : float or None, default=None
        Largest Euclidean norm of the weights into one neuron, kept after each update; of those
        that learn.
    mask : sequence or None, default=None
        What learns, an entry for each layer of weights: None or True, all of it; False, nothing (a
        frozen layer); an array (n_in, n_out) of 0 and 1, the weights at 1 and the biases. A weight
        at 0 starts at 0, no connection, unless ``coef_init`` gives it a value, and stays there.
    batch_size : int or "auto", default="auto"
        Rows per update, in `fit` and `partial_fit` alike; "auto" is min(200, n) in `fit` and 1, the
        online rule, in `partial_fit`.
    max_iter : int, default=200
        Most epochs of a `fit`.
    tol : float, default=1e-4
        What counts as an improvement of the loss or of the validation score.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before training stops.
    early_stopping : bool, default=False
        Watch a validation score in the place of the training loss, and keep the best weights.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping, unless `fit` is given ``X_val``.
    scoring : str, callable or None, default=None
        The validation score, higher is better: a scikit-learn scorer or its name, ``"loss"`` for
        the negative of the validation loss, None for what `score` gives.
    max_time : float or None, default=None
        Seconds after which `fit` stops at the next update or iteration.
    shuffle : bool, default=True
        Whether each epoch of `fit` presents the rows in a new order.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted weights and solver state.
    random_state : int, RandomState or None, default=None
        Decides initial weights, the order of rows and the validation split.
    verbose : bool, default=False
        Show epoch, costs, score, eta and time: one live line on a terminal, else a line an epoch;
        nothing in worker processes.
    weight_init : str or callable, default="auto"
        Name in `INITIALIZERS`, or ``(n_in, n_out, rng) -> W``; "auto" goes by the activation.
        Biases start at zero; but with "auto", and batches of more than one row, `fit` starts those
        of the output neurons at the best constant prediction (the mean of y, the log-odds of the
        classes), so that y need not be centred.
    engine : {"auto", "numpy", "compiled"}, default="auto"
        What presents single rows (``batch_size=1``, and `partial_fit` by default): "compiled" is
        the pass that Numba compiles, in seconds when it is first needed, and an error where it
        cannot serve. "auto" takes it if its code is on disk already (see `compile_engine`), else
        NumPy, and keeps to its choice for as long as the model lives. Batches always run in NumPy.

    Attributes
    ----------
    coefs_ : tuple of ndarray of shape (n_in, n_out)
        Weights of each layer, views into one flat vector; assigning copies in.
    intercepts_ : tuple of ndarray of shape (n_out,)
        Biases.
    n_iter_ : int
        Epochs of the last `fit`, and passes of `partial_fit` since.
    t_, n_updates_ : int
        Samples seen and updates done.
    loss_, best_loss_ : float
        Cost of the last epoch or `partial_fit` call, each row before its own update; and the best
        (None with early stopping, which watches the score).
    loss_curve_ : list of float
        Cost of each epoch of `fit`.
    eta_curve_ : list of float or None
        Learning rate at the start of each epoch of `fit`, the largest if there is one per layer;
        None for an epoch of a whole-batch solver, which chooses its own steps.
    validation_loss_curve_, validation_scores_ : list of float or None
        Cost and score (see `scoring`) on the validation rows after each epoch.
    best_validation_score_ : float or None
    best_iter_ : int or None
        With early stopping, the epochs of `loss_curve_` after which the weights were those kept.
    stop_reason_ : str or None
        Why the last `fit` ended: ``"no_improvement"`` (of `tol` in `n_iter_no_change` epochs),
        ``"converged"`` or ``"stalled"`` (a whole-batch solver), ``"max_iter"``, ``"max_time"``,
        ``"callback"``, ``"interrupted"``, ``"diverged"``.
    gamma_, alpha_, beta_ : float
        With ``solver="br"`` only: effective number of parameters, and precisions of the weights and
        of the noise.
    engine_ : {"numpy", "compiled"}
        What presents single rows.
    n_layers_, n_outputs_ : int
        Layers, the input counted; output neurons.
    out_activation_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

    References
    ----------
    .. [1] S. Haykin, "Neural Networks and Learning Machines", 3rd ed., 2009, chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = BackpropRegressor((10,), activation="tanh", solver="sgd", eta=0.1, random_state=0)
    >>> for row, target in zip(X, X[:, 0] ** 2):
    ...     model = model.partial_fit(row[None, :], [target])
    >>> model.n_updates_
    50
    """

    _numeric_targets = True

    def __sklearn_tags__(self):
        """Several targets are taken; by some losses positive ones only."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        loss = LOSSES.get(self.loss) if isinstance(self.loss, str) else self.loss
        tags.target_tags.positive_only = getattr(loss, "least_target", None) is not None
        return tags

    @fit_with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        coef_init=None,
        intercept_init=None,
    ) -> BackpropRegressor:
        """Train on the rows of X for up to `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is kept as float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            A batch of b rows steps along ``sum_i w_i g_i / (b mean(w))``: on one full batch that is
            the weighted mean, and at ``batch_size=1`` a heavy row moves more. >= 0.
        X_val, y_val, sample_weight_val : array-like, optional
            Validation rows: recorded each epoch, and watched if ``early_stopping=True``.
        coef_init, intercept_init : sequence of ndarray, optional
            Weights and biases to start from, in the shapes of `coefs_` and `intercepts_`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; the weights before it are kept.
        """
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, coef_init, intercept_init)

    @available_if(_Backprop._trains_online)
    def partial_fit(
        self, X, y, *, sample_weight=None, coef_init=None, intercept_init=None
    ) -> BackpropRegressor:
        """Present the rows once, in the order given: by default one update a row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            Raw: ``Dw = eta w delta y``. A row of weight zero changes nothing. >= 0.
        coef_init, intercept_init : sequence of ndarray, optional
            Weights and biases to start from; first call only.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; it is not applied, earlier rows stay applied.
        """
        return self._partial_fit(X, y, sample_weight, coef_init, intercept_init)

    def _describe_targets(self, y, dtype, classes=None, *, online=False):
        task = Task("regression", 1 if y.ndim == 1 else y.shape[1])
        described = {"_one_column": y.ndim == 1}
        return task, self._encode_targets(y, dtype, task, described), described

    def _described(self) -> dict:
        return {"_one_column": self._one_column}

    def _encode_targets(self, y, dtype, task, described):
        if sparse.issparse(y):
            raise TypeError("y is sparse; regression targets must be a dense array.")
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != task.n_targets:
            raise ValueError(f"y has {n_targets} columns; the model has {task.n_targets} targets.")
        with np.errstate(over="ignore"):
            targets = y.astype(dtype, copy=False)
        if not np.isfinite(targets).all():
            raise ValueError(f"y has values too large for {np.dtype(dtype)}, the dtype of X.")
        self._loss_parameter().check_targets(targets)
        return targets.reshape(len(targets), n_targets)

    def _quick_row(self, X, y):
        if self._loss.task.n_targets != 1 or not _is_single(y) or not self._plain_row(X):
            return None
        if not isinstance(y[0], (float, np.floating)) or self._loss.least_target is not None:
            return None
        d = float(y[0])
        return (X, np.array([[d]], X.dtype)) if abs(d) < _LARGEST[X.dtype] else None

    def _stratify(self, targets, rows):
        return None

    def _decode(self, prediction):
        return prediction[:, 0] if self._one_column and prediction.shape[1] == 1 else prediction

    def predict(self, X, return_std: bool = False):
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Also give standard deviations; for ``loss="gaussian_nll"``.

        Returns
        -------
        prediction : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the `y` that the model was fitted with; with several levels of
            ``loss="quantile"``, a column for each.
        std : ndarray of the same shape
            If `return_std`.

        Raises
        ------
        ValueError
            On invalid rows, or if the loss gives no standard deviations.
        """
        if not return_std:
            return super().predict(X)
        v, y = self._signals(X)
        if not self._loss.gives_deviation:
            raise ValueError(
                f"return_std=True needs a loss that estimates it, loss='gaussian_nll'; the model "
                f"was fitted with loss={self._structure[_STRUCTURE.index('loss')]!r}."
            )
        parts = self._loss.decode(v, y), self._loss.deviation(v, y)
        return tuple(self._decode(part) for part in parts)

    def score(self, X, y, sample_weight=None) -> float:
        """R^2 of the prediction, the mean over targets; of quantiles, D^2 of the pinball loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 is perfect, 0 is as good as a constant.
        """
        prediction = self.predict(X)
        return self._loss.score(y, prediction, sample_weight)


class BackpropClassifier(ClassifierMixin, _Backprop):
    """Classification by the back-propagation rule ``Dw_ji = eta delta_j y_i``.

    Two classes have one logistic output neuron, more classes one softmax neuron each, labels (a 0/1
    indicator matrix `y`) one logistic neuron each; the cost is the cross-entropy, whose local
    gradient at these outputs is ``delta_j = d_j - y_j``. ``loss="squared_error"`` is the cost of
    the notes, behind any output activation.

    Parameters
    ----------
    hidden_layer_sizes, activation, output_activation, solver, eta, eta_schedule
        See `BackpropRegressor`.
    loss : str or Loss, default="cross_entropy"
        Or ``"squared_error"`` (the desired outputs are 0 and 1, or -1 and 1 where the output
        activation's range is bounded on both sides of zero), ``"focal"``, ``"hinge"``, or an object
        such as ``CrossEntropy(label_smoothing=0.1)``.
    alpha, l1_ratio, dropout, noise, max_grad_norm, max_norm, mask
        See `BackpropRegressor`.
    batch_size, max_iter, tol, n_iter_no_change, scoring, max_time
        See `BackpropRegressor`.
    shuffle, warm_start, verbose, weight_init, engine
        See `BackpropRegressor`.
    early_stopping, validation_fraction, random_state
        See `BackpropRegressor`; the validation split is stratified, the score the accuracy.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Multiplies ``sample_weight``. "balanced" is for `fit` only.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
    coefs_, intercepts_, n_iter_, t_, n_updates_, loss_, best_loss_, loss_curve_, eta_curve_
        See `BackpropRegressor`.
    validation_loss_curve_, validation_scores_, best_validation_score_, best_iter_, stop_reason_
        See `BackpropRegressor`; unless `scoring` says otherwise, the score is the accuracy.
    engine_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        See `BackpropRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier((10,), eta=0.01, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _numeric_targets = False
    _parameter_constraints: dict = {
        **_Backprop._parameter_constraints,
        "class_weight": [Options(str, {"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        activation="relu",
        output_activation=None,
        loss="cross_entropy",
        solver="adam",
        eta="auto",
        eta_schedule=None,
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        noise=0.0,
        max_grad_norm=None,
        max_norm=None,
        mask=None,
        batch_size="auto",
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        max_time=None,
        shuffle=True,
        warm_start=False,
        random_state=None,
        verbose=False,
        weight_init="auto",
        engine="auto",
        class_weight=None,
    ):
        super().__init__(
            hidden_layer_sizes,
            activation=activation,
            output_activation=output_activation,
            loss=loss,
            solver=solver,
            eta=eta,
            eta_schedule=eta_schedule,
            alpha=alpha,
            l1_ratio=l1_ratio,
            dropout=dropout,
            noise=noise,
            max_grad_norm=max_grad_norm,
            max_norm=max_norm,
            mask=mask,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            scoring=scoring,
            max_time=max_time,
            shuffle=shuffle,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            weight_init=weight_init,
            engine=engine,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self):
        """Label indicators are taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @fit_with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        coef_init=None,
        intercept_init=None,
    ) -> BackpropClassifier:
        """Train on the rows of X for up to `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is kept as float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
            Classes of any sortable type, or a 0/1 indicator matrix.
        sample_weight, X_val, y_val, sample_weight_val, coef_init, intercept_init
            See `BackpropRegressor.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; the weights before it are kept.
        """
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, coef_init, intercept_init)

    @available_if(_Backprop._trains_online)
    def partial_fit(
        self, X, y, *, classes=None, sample_weight=None, coef_init=None, intercept_init=None
    ) -> BackpropClassifier:
        """Present the rows once, in the order given: by default one update a row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
        classes : array-like of shape (n_classes,), optional
            All classes that will come; needed on the first call (not for indicators).
        sample_weight, coef_init, intercept_init
            See `BackpropRegressor.partial_fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; it is not applied, earlier rows stay applied.
        """
        return self._partial_fit(X, y, sample_weight, coef_init, intercept_init, classes)

    def _describe_targets(self, y, dtype, classes=None, *, online=False):
        if y.ndim == 2 and y.shape[1] == 1 and not sparse.issparse(y):
            y = column_or_1d(y, warn=True)
        try:
            check_classification_targets(y)
        except TypeError as error:
            kinds = sorted({type(label).__name__ for label in y.tolist()})
            raise ValueError(f"y mixes labels of types that do not sort: {kinds}.") from error
        if type_of_target(y) == "multiclass-multioutput":
            raise ValueError(
                "y is multiclass-multioutput, which is not supported: give one class per row, or a "
                "0/1 indicator matrix of labels."
            )
        if _is_indicator(y):
            task = Task("multilabel", y.shape[1])
            known = np.arange(y.shape[1]) if classes is None else unique_labels(classes)
            described = {"classes_": known}
            if len(known) != y.shape[1]:
                raise ValueError(f"classes has {len(known)} labels; y has {y.shape[1]} columns.")
        else:
            if online and classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            known = np.unique(y) if classes is None else unique_labels(classes)
            if len(known) < 2:
                raise ValueError(
                    f"y has {len(known)} class, {known.tolist()}; the number of classes has to be "
                    "greater than one."
                )
            task = Task("binary" if len(known) == 2 else "multiclass", len(known))
            described = {"classes_": known}
        return task, self._encode_targets(y, dtype, task, described), described

    def _described(self) -> dict:
        return {"classes_": self.classes_}

    def _encode_targets(self, y, dtype, task, described):
        if y.ndim == 2 and y.shape[1] == 1 and not sparse.issparse(y):
            y = column_or_1d(y, warn=True)
        if task.kind == "multilabel":
            if y.ndim != 2 or y.shape[1] != task.n_targets or not _is_binary(y):
                raise ValueError(
                    f"y has shape {y.shape}; the model was fitted on a 0/1 indicator matrix with "
                    f"{task.n_targets} columns."
                )
            return sparse.csr_array(y) if sparse.issparse(y) else y
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}; one class per row is needed.")
        return _class_indices(y, described["classes_"])

    def _quick_row(self, X, y):
        if self._loss.task.kind == "multilabel" or self.class_weight is not None:
            return None
        if not _is_single(y) or not self._plain_row(X):
            return None
        label = y[0]
        if not isinstance(label, (str, int, float, np.number, np.bool_)):
            return None
        index = self._class_index().get(label)
        return None if index is None else (X, np.array([index]))

    def _class_index(self) -> dict:
        """Index of each class by its label, kept with the running trainer."""
        memo = self._running[1].memo
        if "class_index" not in memo:
            memo["class_index"] = {c: i for i, c in enumerate(self.classes_.tolist())}
        return memo["class_index"]

    def _check_classes(self, classes) -> None:
        if not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes={classes!r} is not the same as on the last call to partial_fit: "
                f"{self.classes_!r}."
            )

    def _check_same_targets(self, task, described) -> None:
        if task.kind == self._loss.task.kind == "multilabel":
            described["classes_"] = self.classes_  # named by the first call; the columns count
        if not np.array_equal(described["classes_"], self.classes_) or task != self._loss.task:
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {described['classes_']}."
            )

    def _weights(self, X, y, targets, described, sample_weight, *, online=False):
        weights = super()._weights(X, y, targets, described, sample_weight)
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, str) and online:
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit: the share of each class "
                "in the stream is not known. Give a dict of weights, or sample_weight."
            )
        with np.errstate(over="ignore"):
            factors = self._class_factors(targets, described["classes_"], online).astype(X.dtype)
            factors = factors if weights is None else factors * weights
        if not np.isfinite(factors).all() or (factors < 0).any():
            raise ValueError(
                f"class_weight is {self.class_weight!r}; times sample_weight, weights must be >= 0 "
                f"and within {X.dtype}."
            )
        return factors

    def _class_factors(self, targets, classes, online: bool) -> np.ndarray:
        """The weight of each row that `class_weight` gives to its class, or to its labels."""
        if targets.ndim == 1:
            # A dict says it all; "balanced" goes by the rows at hand.
            given = classes if online else classes[targets]
            return compute_class_weight(self.class_weight, classes=classes, y=given)[targets]
        labels = targets.toarray() if sparse.issparse(targets) else targets
        if not online:
            return compute_sample_weight(self.class_weight, labels)
        if not isinstance(self.class_weight, list) or len(self.class_weight) != labels.shape[1]:
            raise ValueError(
                f"class_weight is {self.class_weight!r}; for labels it must be a list of "
                f"{labels.shape[1]} dicts."
            )
        both = np.array([0, 1])
        factors = [compute_class_weight(w, classes=both, y=both) for w in self.class_weight]
        return np.prod([f[c] for f, c in zip(factors, labels.T, strict=True)], axis=0)

    def _stratify(self, targets, rows):
        return targets[rows] if targets.ndim == 1 else None

    def _decode(self, prediction):
        return prediction if self._loss.task.kind == "multilabel" else self.classes_[prediction]

    def decision_function(self, X) -> np.ndarray:
        """Confidence of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Two classes: > 0 for ``classes_[1]``. Cross-entropy: the induced local fields v;
            squared error: the outputs, with their threshold at 0.
        """
        return self._loss_for(X).decision(*self._signals(X))

    def _loss_for(self, X) -> Loss:
        check_is_fitted(self)
        return self._loss

    def _gives_probabilities(self) -> bool:
        if self.__sklearn_is_fitted__():
            able = self._loss.gives_probabilities
        else:
            able = self._could_give_probabilities()
        if not able:
            raise AttributeError(
                f"predict_proba is not available with loss={self.loss!r} and "
                f"output_activation={self.output_activation!r}: the outputs are no probabilities."
            )
        return True

    def _could_give_probabilities(self) -> bool:
        for task in (Task("binary", 2), Task("multiclass", 3)):
            try:
                loss = self._loss_parameter().bind(task, self.output_activation)
            except (ValueError, TypeError):
                continue
            if loss.gives_probabilities:
                return True
        return False

    @available_if(_gives_probabilities)
    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Rows sum to one over classes; a label's is that of the label being present.
        """
        v, y = self._signals(X)
        return self._loss.probabilities(v, y)

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X) -> np.ndarray:
        """Logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


# -- for those that look inside --------------------------------------------------------------------


def read_rows(estimator: _Backprop, X, y=None) -> tuple[Any, Any]:
    """Rows and targets, validated as a fitted estimator's own methods validate them.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted; left as it is.
    X, y : array-like
        As `predict` and `partial_fit` take them; y may be None.

    Returns
    -------
    X : ndarray or CSR of shape (n_samples, n_features)
        In the dtype of the model.
    targets : ndarray or CSR, or None
        See `losses`.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        Those of the estimators.
    """
    check_is_fitted(estimator)
    dtype = estimator._network.w.dtype
    if y is None:
        return (
            validate_data(estimator, X, accept_sparse="csr", dtype=dtype, reset=False),
            None,
        )
    X, y = estimator._validate_X_y(estimator, X, y, dtype, reset=False)
    task, described = estimator._loss.task, estimator._described()
    return X, estimator._encode_targets(y, dtype, task, described)


def fitted_objective(estimator: _Backprop) -> Objective:
    """The cost of a fitted estimator at a copy of its weights; dropout and noise are left out."""
    check_is_fitted(estimator)
    objective = estimator._objective(estimator._copy_model())
    objective.disturbance = None
    return objective


def initial_objective(estimator: _Backprop, X, y) -> tuple[Objective, Any, Any]:
    """The cost at new initial weights, biases zero; dropout and noise are left out.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Left as it is.
    X, y : array-like
        As `fit` takes them.

    Returns
    -------
    objective : Objective
    X, targets : ndarray or CSR
        Validated.
    """
    estimator._check_params()
    fit = estimator._prepare(X, y, None, (None, None, None), False)
    rng = copy.deepcopy(check_random_state(estimator.random_state))
    objective = estimator._objective(estimator._new_model(fit.X, fit.task, rng))
    objective.disturbance = None
    return objective, fit.X, fit.targets


def eta_in_force(estimator: _Backprop) -> list[float]:
    """Eta of each layer at the next update of a fitted estimator.

    That is `eta` times what the schedule, and plateaus before, make of it; 0 for a frozen layer. A
    schedule whose horizon only `fit` knows counts as 1 here. A whole-batch solver finds its steps
    by itself: eta is 1, so that ``eta delta y`` is the correction.

    Returns
    -------
    list of float
        One for each layer of weights.
    """
    check_is_fitted(estimator)
    n_layers = estimator._network.n_layers
    solver, state = estimator._solver(), estimator._state
    if solver.full_batch:
        factor, eta = 1.0, [1.0] * n_layers
    else:
        schedule = estimator._schedule()
        factor = state.decay if getattr(schedule, "acts_on_plateau", False) else 1.0
        if getattr(schedule, "total_steps", None) or not getattr(schedule, "has_horizon", False):
            factor *= float(schedule(state.n_updates))
        base = estimator._eta_per_layer(n_layers)
        eta = base if isinstance(base, list) else [base] * n_layers
    mask = [True] * n_layers if estimator.mask is None else estimator.mask
    learns = [entry is None or is_connections(entry) or bool(entry) for entry in mask]
    return [float(value) * factor * on for value, on in zip(eta, learns, strict=True)]


# -- helpers -------------------------------------------------------------------------------------


@contextmanager
def _restored_on_error(random_state):
    """Put a random state back to where it was when nothing comes of what drew from it."""
    before = random_state.get_state()
    try:
        yield random_state
    except BaseException:
        random_state.set_state(before)
        raise


def _outputs(network: Network, X, rows=None) -> tuple[np.ndarray, np.ndarray]:
    """``(v, y)`` of the output neurons for `rows` (all), in bounded blocks; no shared writes."""
    n_rows = X.shape[0] if rows is None else len(rows)
    if rows is None and n_rows <= BLOCK_ROWS:
        return network.respond(X)
    v = np.empty((n_rows, network.sizes[-1]), network.w.dtype)
    y = np.empty_like(v)
    for block in row_blocks(n_rows, BLOCK_ROWS):
        v[block], y[block] = _outputs(network, X[block if rows is None else rows[block]])
    return v, y


def _write(name: str, values, views) -> None:
    """Copy `values` into `views`, all or nothing."""
    if values is None:
        raise TypeError(f"{name} is None; it must be a sequence of {len(views)} arrays.")
    arrays = [np.array(value) for value in values]  # copies: they may be views of each other
    shapes, wanted = [a.shape for a in arrays], [view.shape for view in views]
    if shapes != wanted:
        raise ValueError(f"{name} has shapes {shapes}; they must be {wanted}.")
    for array, view in zip(arrays, views, strict=True):
        with np.errstate(over="ignore"):
            real = array.dtype.kind in "fiu" and np.isfinite(array.astype(view.dtype)).all()
        if not real:
            raise ValueError(f"{name} must hold finite real numbers within {view.dtype}.")
    for array, view in zip(arrays, views, strict=True):
        view[...] = array


def _rest_outputs(model: _Model, targets, weights, rows) -> None:
    """Start the output biases at the best constant prediction of the rows, in float64."""
    shares = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
    shares /= shares.sum()
    whole = take_rows(targets, slice(None) if len(rows) == targets.shape[0] else rows)
    model.network.layers(model.network.w)[-1][1][...] = model.loss.rest(whole, shares)


def _start_from(network: Network, coef_init, intercept_init) -> None:
    layers = network.layers(network.w)
    if coef_init is not None:
        _write("coef_init", coef_init, [W for W, _ in layers])
    if intercept_init is not None:
        _write("intercept_init", intercept_init, [b for _, b in layers])


def _check_weights(sample_weight, X, name: str) -> np.ndarray:
    """Weights (n,) of the rows of X: finite, >= 0 (all zero is the caller's question)."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weights = check_array(sample_weight, ensure_2d=False, dtype=X.dtype, input_name=name)
    if weights.shape != (X.shape[0],):
        raise ValueError(f"{name} has shape {weights.shape}; expected ({X.shape[0]},).")
    if (weights < 0).any():
        raise ValueError(f"{name} has negative values, the least {weights.min()}; it must be >= 0.")
    return weights


def _is_same(known: tuple, key: tuple) -> bool:
    """Whether two tuples hold the very same objects."""
    return len(known) == len(key) and all(map(is_, known, key))


def _is_single(y) -> bool:
    """Whether `y` is a list or array of one entry."""
    return (type(y) is list and len(y) == 1) or (type(y) is np.ndarray and y.shape == (1,))


def _same(a, b) -> bool:
    """Whether two parameter values mean the same structure."""
    if a is b:
        return True
    if isinstance(a, (list, tuple, np.ndarray)) and isinstance(b, (list, tuple, np.ndarray)):
        return len(a) == len(b) and all(_same(p, q) for p, q in zip(a, b, strict=True))
    if isinstance(a, BaseEstimator) and type(a) is type(b):
        left, right = a.get_params(), b.get_params()
        return left.keys() == right.keys() and all(_same(left[k], right[k]) for k in left)
    if isinstance(a, Integral) and isinstance(b, Integral):
        return int(a) == int(b)
    return type(a) is type(b) and bool(a == b)


def _is_indicator(y) -> bool:
    return y.ndim == 2 and type_of_target(y) == "multilabel-indicator"


def _is_binary(y) -> bool:
    values = y.data if sparse.issparse(y) else y
    return bool(np.isin(values, (0, 1)).all())


def _class_indices(y, classes) -> np.ndarray:
    """Index in `classes` of every label; a label that is not there is an error."""
    y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    try:
        indices = np.searchsorted(classes, y)
        indices[indices == len(classes)] = 0
        unseen = classes[indices] != y
    except TypeError:
        unseen = np.ones(len(y), dtype=bool)
    if np.any(unseen):
        raise ValueError(
            f"y has labels that are not in classes {classes.tolist()}: "
            f"{list(dict.fromkeys(y[unseen].tolist()))[:5]}."
        )
    return indices
