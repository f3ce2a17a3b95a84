"""What the parameters of the estimators mean, and which of them do not go together."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from numbers import Integral, Real
from operator import is_, itemgetter
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils._param_validation import Interval, Options

from ..activations.activation import Activation, resolve_activation
from ..losses.loss import LOSSES, Loss
from ..network.initializers import INITIALIZERS
from ..registry import resolve
from ..schedules import resolve_schedule
from ..solvers.solver import SOLVERS
from ..updates.rule import RULES, Solver

__all__ = [
    "STRUCTURE",
    "Parameters",
    "batch_rows",
    "check_online_parameters",
    "check_parameters",
    "check_rows",
    "check_structure",
    "dropout_rates",
    "eta_per_layer",
    "hidden_activations",
    "hidden_sizes",
    "is_same_key",
    "loss_of",
    "schedule_of",
    "solver_of",
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
STRUCTURE = ("hidden_layer_sizes", "activation", "output_activation", "loss")
_UNCHANGING = {type(None), str, float, int}


class Parameters(BaseEstimator):
    """The constructor that both estimators share; what its parameters mean, the functions say."""

    _getter: itemgetter
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

    def _params_key(self) -> tuple[tuple, tuple]:
        """What `is_same_key` compares: the objects that the parameters are, and what some hold."""
        cls, parameters = type(self), vars(self)
        if "_getter" not in vars(cls):
            cls._getter = itemgetter(*cls._get_param_names())
        objects = cls._getter(parameters)
        for part in (parameters["solver"], parameters["eta_schedule"]):
            if type(part) not in _UNCHANGING:
                objects += tuple(getattr(part, "__dict__", {}).values())
        held: tuple = ()
        for part in (parameters["eta"], parameters["dropout"], parameters["mask"]):
            if type(part) not in _UNCHANGING:
                held += (_content(part),)
        return objects, held


def is_same_key(known: tuple[tuple, tuple], key: tuple[tuple, tuple]) -> bool:
    """Whether parameters are the very same objects, and hold what they held."""
    (before, held_before), (now, held) = known, key
    return len(before) == len(now) and all(map(is_, before, now)) and held_before == held


def _content(value) -> Any:
    """What `value` holds, to be compared by ``==`` after it may have changed in place."""
    if type(value) in _UNCHANGING or isinstance(value, (Real, np.bool_)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(map(_content, value))
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.shape, value.dtype, value.tobytes()
    return object()  # unknown: never the same twice


# -- refused --------------------------------------------------------------------------------------


def check_parameters(parameters: Parameters) -> None:
    """Refuse parameters that are out of their range, or do not go together."""
    parameters._validate_params()
    loss_of(parameters).check()
    solver_of(parameters).check()
    schedule_of(parameters).check()
    if isinstance(parameters.weight_init, str) and parameters.weight_init != "auto":
        resolve(parameters.weight_init, INITIALIZERS, Callable, "weight_init")
    n_layers = len(hidden_sizes(parameters)) + 1
    hidden_activations(parameters, n_layers - 1)
    eta_per_layer(parameters, n_layers)
    dropout_rates(parameters, n_layers)
    if isinstance(parameters.scoring, str) and parameters.scoring != "loss":
        check_scoring(parameters, parameters.scoring)
    if parameters.mask is not None and len(parameters.mask) != n_layers:
        raise ValueError(
            f"mask has {len(parameters.mask)} entries; it must have one for each of the {n_layers} "
            "layers of weights."
        )
    _check_solver_is_able(parameters)


def check_online_parameters(parameters: Parameters) -> None:
    """Refuse what `check_parameters` does, and what `partial_fit` cannot honour."""
    check_parameters(parameters)
    schedule = schedule_of(parameters)
    if getattr(schedule, "has_horizon", False) and schedule.total_steps is None:
        of = getattr(schedule, "following", schedule)
        raise ValueError(
            f"eta_schedule={parameters.eta_schedule!r} needs total_steps in partial_fit, for it "
            f"cannot know what rows will come; give {type(of).__name__}(total_steps=...)."
        )


def _check_solver_is_able(parameters: Parameters) -> None:
    """Refuse what the solver cannot honour."""
    solver = solver_of(parameters)
    loss = loss_of(parameters)
    if solver.sum_of_squares and not loss.sum_of_squares:
        raise ValueError(
            f"loss={parameters.loss!r} does not go with solver={parameters.solver!r}, which needs "
            "a sum of squares; use loss='squared_error', or solver='lbfgs' or 'scg', which take "
            "any loss."
        )
    if solver.full_batch and parameters.engine == "compiled":
        raise ValueError(
            f"engine='compiled' does not go with solver={parameters.solver!r}, which needs all "
            "rows in each update: it presents one row an update; leave engine at 'auto'."
        )
    refused = solver.refuses | {"dropout", "noise"} if solver.full_batch else solver.refuses
    if not parameters.alpha:
        refused = refused - {"l1_ratio"}
    for name in sorted(refused):
        value, neutral = getattr(parameters, name), _NEUTRAL[name]
        if value is neutral or all(each == neutral for each in np.ravel(value)):
            continue
        able = [
            repr(known)
            for known, other in sorted(_ALL_SOLVERS.items())
            if not other.full_batch and name not in other.refuses
        ]
        raise ValueError(
            f"{name}={value!r} does not go with solver={parameters.solver!r}, which cannot honour "
            f"it; leave {name} at {neutral!r}, or use one of {', '.join(able)}."
        )


def check_structure(parameters: Parameters, structure: tuple) -> None:
    """Refuse parameters that mean another network than `structure`, the values of `STRUCTURE`."""
    for name, fitted in zip(STRUCTURE, structure, strict=True):
        given = getattr(parameters, name)
        if not _same(given, fitted):
            raise ValueError(
                f"{name} is {given!r}, but the model was fitted with {fitted!r}; the structure "
                "can only change in a new fit with warm_start=False."
            )


def check_rows(parameters: Parameters, X) -> None:
    """Refuse rows that the parameters cannot train on."""
    if parameters.noise and sparse.issparse(X):
        raise ValueError(
            f"noise={parameters.noise!r} would make the sparse X dense; use noise=0, or a dense X."
        )


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


# -- meant ----------------------------------------------------------------------------------------


def loss_of(parameters: Parameters) -> Loss:
    """The loss that is asked for, not bound to any task."""
    return resolve(parameters.loss, LOSSES, Loss, "loss")


def solver_of(parameters: Parameters) -> Solver:
    """The update rule or whole-batch solver that is asked for."""
    return resolve(parameters.solver, _ALL_SOLVERS, Solver, "solver")


def schedule_of(parameters: Parameters, total_steps: int | None = None):
    """The schedule of eta; one with a horizon takes `total_steps`, or says that it needs it."""
    schedule = resolve_schedule(parameters.eta_schedule or "constant")
    return schedule if total_steps is None else schedule.for_horizon(total_steps)


def eta_per_layer(parameters: Parameters, n_layers: int) -> float | list[float]:
    """Eta before the schedule: one number, or one for each layer of weights."""
    if isinstance(parameters.eta, str):
        if parameters.eta != "auto":
            raise ValueError(
                f"eta is {parameters.eta!r}; it must be a number > 0, one per layer, or 'auto'."
            )
        return solver_of(parameters).default_eta
    if np.ndim(parameters.eta) == 0:
        if not np.isfinite(parameters.eta):
            raise ValueError(f"eta is {parameters.eta!r}; it must be finite and > 0.")
        return float(parameters.eta)
    eta = _floats(parameters.eta)
    if eta.shape != (n_layers,) or not (np.isfinite(eta).all() and (eta >= 0).all()):
        raise ValueError(
            f"eta is {parameters.eta!r}; one per layer means {n_layers} finite numbers >= 0."
        )
    return eta.tolist()


def batch_rows(parameters: Parameters, n_rows: int) -> int:
    """Rows in an update of `fit`."""
    if solver_of(parameters).full_batch:
        if parameters.batch_size != "auto" and parameters.batch_size < n_rows:
            raise ValueError(
                f"batch_size={parameters.batch_size!r} does not go with "
                f"solver={parameters.solver!r}, which needs all {n_rows} rows in each update; "
                "leave batch_size at 'auto', or use a solver that takes batches, such as 'adam' "
                "or 'sgd'."
            )
        return n_rows
    return min(200 if parameters.batch_size == "auto" else int(parameters.batch_size), n_rows)


def hidden_sizes(parameters: Parameters) -> tuple[int, ...]:
    """Neurons of each hidden layer."""
    sizes = parameters.hidden_layer_sizes
    sizes = (sizes,) if np.ndim(sizes) == 0 else tuple(sizes)
    if not all(isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 1 for n in sizes):
        raise ValueError(
            f"hidden_layer_sizes is {parameters.hidden_layer_sizes!r}; it must be a whole number "
            ">= 1 or a sequence of such, one per hidden layer."
        )
    return tuple(int(n) for n in sizes)


def hidden_activations(parameters: Parameters, n_hidden: int) -> list[Activation]:
    """Activation of each hidden layer."""
    given = parameters.activation
    if isinstance(given, (list, tuple)):
        if len(given) != n_hidden:
            raise ValueError(
                f"activation has {len(given)} entries; it must have one per hidden layer, "
                f"{n_hidden}."
            )
        activations = [resolve_activation(a, f"activation[{i}]") for i, a in enumerate(given)]
    else:
        activations = [resolve_activation(given)] * n_hidden
    for activation in activations:
        if not activation.elementwise:
            raise ValueError(f"activation {activation.name!r} serves at the output only.")
    return activations


def dropout_rates(parameters: Parameters, n_layers: int) -> list[float]:
    """Rate for the inputs and for each hidden layer."""
    if np.ndim(parameters.dropout) == 0:
        return [0.0] + [float(parameters.dropout)] * (n_layers - 1)
    rates = _floats(parameters.dropout)
    if rates.shape != (n_layers,) or not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(
            f"dropout is {parameters.dropout!r}; it must be a number in [0, 1) for the hidden "
            f"layers, or {n_layers} such: the inputs' and one for each hidden layer."
        )
    return rates.tolist()


def _floats(values) -> np.ndarray:
    """`values` as an array, empty if they are no numbers."""
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        return np.empty(0)
