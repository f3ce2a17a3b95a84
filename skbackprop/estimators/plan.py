"""The plan of a call: what the parameters mean, resolved and checked once before anything moves."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics import check_scoring

from ..activations.activation import Activation, resolve_activation
from ..losses.loss import LOSSES, Loss
from ..losses.task import Task
from ..network.initializers import INITIALIZERS
from ..registry import is_same, resolve
from ..schedules import Schedule, constant, resolve_schedule
from ..solvers.solver import SOLVERS
from ..updates.fan_in import FanInEta, Rates
from ..updates.rule import RULES, Solver
from .compatibility import check_constraints
from .parameters import Parameters

__all__ = [
    "Plan",
    "check_online",
    "check_rows",
    "check_structure",
    "make_plan",
    "resolve_loss",
    "resolve_solver",
    "structure_of",
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
    "input_gain": False,
}
_STRUCTURE = (
    "hidden_layer_sizes",
    "activation",
    "output_activation",
    "loss",
    "input_gain",
    "scale_targets",  # of a regressor
)


@dataclass(frozen=True, eq=False)
class Plan:
    """What the parameters of an estimator mean for one call, or until they change.

    Attributes
    ----------
    given : Parameters
        The values as the user gave them; those that mean themselves are read from here.
    loss : Loss
        Not bound to any task.
    solver : Solver
        An update rule or a whole-batch solver.
    schedule : Schedule
        Of eta; its horizon may be open.
    hidden_sizes : tuple of int
        Neurons of each hidden layer.
    hidden_activations : list of Activation
        One for each hidden layer.
    eta : float, list of float or FanInEta
        Learning rate before the schedule: one number, one for each layer of weights, or a rule.
    dropout : list of float
        Rate for the inputs and for each hidden layer.
    weight_init : list of str or callable
        What initialises each layer of weights.
    """

    given: Parameters
    loss: Loss
    solver: Solver
    schedule: Schedule
    hidden_sizes: tuple[int, ...]
    hidden_activations: list[Activation]
    eta: float | list[float] | FanInEta
    dropout: list[float]
    weight_init: list[Any]

    def rates(self, n_features: int) -> Rates:
        """Learning rates of a network for so many inputs, before the schedule."""
        fan_in = (n_features, *self.hidden_sizes)
        if isinstance(self.eta, FanInEta):
            return self.eta.rates(fan_in)
        eta = self.eta if isinstance(self.eta, list) else [self.eta] * len(fan_in)
        return Rates(eta, eta, eta[0])

    def for_updates(self, batch_size: int, task: Task) -> Plan:
        """The plan with the eta that ``eta="auto"`` stands for in such updates of such a task."""
        if not isinstance(self.given.eta, str):
            return self
        unit_targets = task.is_classification or bool(getattr(self.given, "scale_targets", False))
        eta = self.solver.auto_eta(of_rows=batch_size == 1, unit_targets=unit_targets)
        return self if eta == self.eta else replace(self, eta=eta)

    @property
    def starts_at_constant(self) -> bool:
        """Whether batches are to begin at the best constant prediction."""
        return self.weight_init[-1] in ("auto", "zeros")

    @property
    def is_disturbed(self) -> bool:
        """Whether signals are disturbed in training, by dropout or noise."""
        return any(self.dropout) or bool(self.given.noise)

    def batch_rows(self, n_rows: int) -> int:
        """Rows in an update of `fit` on so many rows.

        Raises
        ------
        ValueError
            If `batch_size` asks for fewer than a whole-batch solver needs.
        """
        asked = self.given.batch_size
        if not self.solver.full_batch:
            return min(200 if asked == "auto" else int(asked), n_rows)
        if asked != "auto" and asked < n_rows:
            raise ValueError(
                f"batch_size={asked!r} does not go with solver={self.given.solver!r}, which needs "
                f"all {n_rows} rows in each update; leave batch_size at 'auto', or use a solver "
                "that takes batches, such as 'adam' or 'sgd'."
            )
        return n_rows

    @property
    def online_batch_rows(self) -> int:
        """Rows in an update of `partial_fit`."""
        return 1 if self.given.batch_size == "auto" else int(self.given.batch_size)


def make_plan(estimator: Parameters, structure: Mapping[str, Any] | None = None) -> Plan:
    """Resolve the parameters of an estimator, and refuse what is out of range or goes ill together.

    Parameters
    ----------
    estimator : Parameters
    structure : mapping, optional
        Values of `structure_of` to plan with, in the place of those that the estimator has now.

    Raises
    ------
    ValueError, TypeError
        It names the parameter, its value and what would be right.
    """
    values = {name: getattr(estimator, name) for name in estimator._parameter_hints}
    check_constraints(estimator, values)
    given = Parameters.__new__(Parameters)
    given.__dict__.update(values, **(structure or {}))
    loss, solver = resolve_loss(given.loss), resolve_solver(given.solver)
    schedule = constant if given.eta_schedule is None else resolve_schedule(given.eta_schedule)
    for part in (loss, solver, schedule):
        part.check()
    sizes = _hidden_sizes(given.hidden_layer_sizes)
    n_layers = len(sizes) + 1
    plan = Plan(
        given=given,
        loss=loss,
        solver=solver,
        schedule=schedule,
        hidden_sizes=sizes,
        hidden_activations=_hidden_activations(given.activation, len(sizes)),
        eta=_eta(given.eta, solver, n_layers),
        dropout=_dropout(given.dropout, n_layers),
        weight_init=_weight_init(given.weight_init, n_layers),
    )
    if isinstance(given.scoring, str) and given.scoring != "loss":
        check_scoring(estimator, given.scoring)
    if given.mask is not None and len(given.mask) != n_layers:
        raise ValueError(
            f"mask has {len(given.mask)} entries; it must have one for each of the {n_layers} "
            "layers of weights."
        )
    _check_solver_is_able(plan)
    return plan


# -- what does not go together ---------------------------------------------------------------------


def _check_solver_is_able(plan: Plan) -> None:
    """Refuse what the solver cannot honour."""
    given, solver = plan.given, plan.solver
    if solver.sum_of_squares and not plan.loss.sum_of_squares:
        raise ValueError(
            f"loss={given.loss!r} does not go with solver={given.solver!r}, which needs "
            "a sum of squares; use loss='squared_error', or solver='lbfgs' or 'scg', which take "
            "any loss."
        )
    if solver.full_batch and given.engine == "compiled":
        raise ValueError(
            f"engine='compiled' does not go with solver={given.solver!r}, which needs all "
            "rows in each update; leave engine at 'auto'."
        )
    refused = solver.refuses | {"dropout", "noise"} if solver.full_batch else solver.refuses
    if not given.alpha:
        refused = refused - {"l1_ratio"}
    for name in sorted(refused):
        value, neutral = getattr(given, name), _NEUTRAL[name]
        if value is neutral or all(each == neutral for each in np.ravel(value)):
            continue
        able = [
            repr(known)
            for known, other in sorted(_ALL_SOLVERS.items())
            if not other.full_batch and name not in other.refuses
        ]
        raise ValueError(
            f"{name}={value!r} does not go with solver={given.solver!r}, which cannot honour "
            f"it; leave {name} at {neutral!r}, or use one of {', '.join(able)}."
        )


def check_online(plan: Plan) -> None:
    """Refuse a schedule whose horizon is open, which `partial_fit` cannot fill in."""
    open_ended = plan.schedule.unnamed_horizon
    if open_ended is not None:
        raise ValueError(
            f"eta_schedule={plan.given.eta_schedule!r} needs total_steps in partial_fit, for it "
            "cannot know what rows will come; give "
            f"{type(open_ended).__name__}(total_steps=...)."
        )


def structure_of(parameters: Parameters) -> dict[str, Any]:
    """The parameters that only a new network can change, by name, sequences as tuples."""
    values = {name: getattr(parameters, name) for name in _STRUCTURE if hasattr(parameters, name)}
    return {
        name: tuple(value) if isinstance(value, (list, np.ndarray)) else copy(value)
        for name, value in values.items()
    }


def check_structure(parameters: Parameters, structure: Mapping[str, Any]) -> None:
    """Refuse parameters that mean another network than `structure`, which `structure_of` gave."""
    now = structure_of(parameters)
    for name, given in now.items():
        if is_same(given, structure[name]):
            continue
        if not is_same(_meaning(now, name), _meaning(structure, name)):
            raise ValueError(
                f"{name} is {getattr(parameters, name)!r}, but the model was fitted with "
                f"{structure[name]!r}; the structure can only change in a new fit with "
                "warm_start=False."
            )


def _meaning(structure: Mapping[str, Any], name: str) -> Any:
    """What a parameter of the structure stands for: 3 and (3,) are the same layer."""
    sizes, value = _hidden_sizes(structure["hidden_layer_sizes"]), structure[name]
    if name == "hidden_layer_sizes":
        return sizes
    if name == "activation":
        return _hidden_activations(value, len(sizes))
    if name == "loss":
        return resolve_loss(value)
    if name == "output_activation" and value is not None:
        return resolve_activation(value, name)
    return value


def check_rows(plan: Plan, X) -> None:
    """Refuse rows that the plan cannot train on."""
    if plan.given.noise and sparse.issparse(X):
        raise ValueError(
            f"noise={plan.given.noise!r} would make the sparse X dense; use noise=0, or a dense X."
        )


# -- what each parameter means ---------------------------------------------------------------------


def resolve_loss(value: str | Loss) -> Loss:
    """Return the loss that the parameter `loss` stands for, not bound to any task."""
    return resolve(value, LOSSES, Loss, "loss")


def resolve_solver(value: str | Solver) -> Solver:
    """Return the update rule or whole-batch solver that the parameter `solver` stands for."""
    return resolve(value, _ALL_SOLVERS, Solver, "solver")


def _hidden_sizes(given) -> tuple[int, ...]:
    """Neurons of each hidden layer."""
    sizes = (given,) if _is_single(given) else tuple(given)
    if not all(isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 1 for n in sizes):
        raise ValueError(
            f"hidden_layer_sizes is {given!r}; it must be a whole number >= 1 or a sequence of "
            "such, one per hidden layer."
        )
    return tuple(map(int, sizes))


def _hidden_activations(given, n_hidden: int) -> list[Activation]:
    """Activation of each hidden layer."""
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


def _eta(given, solver: Solver, n_layers: int) -> float | list[float] | FanInEta:
    """Learning rate before the schedule: one number, one for each layer of weights, or a rule."""
    if isinstance(given, FanInEta):
        given.check()
        return given
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(
                f"eta is {given!r}; it must be a number > 0, one per layer, a FanInEta, or 'auto'."
            )
        return solver.default_eta
    if _is_single(given):
        number = _floats(given)
        if number.shape or not 0.0 < number < np.inf:
            raise ValueError(f"eta is {given!r}; it must be finite and > 0.")
        return float(number)
    eta = _floats(given)
    if eta.shape != (n_layers,) or not (np.isfinite(eta).all() and (eta >= 0).all()):
        raise ValueError(f"eta is {given!r}; one per layer means {n_layers} finite numbers >= 0.")
    return eta.tolist()


def _weight_init(given, n_layers: int) -> list[Any]:
    """What initialises each layer of weights."""
    is_sequence = isinstance(given, (list, tuple))
    entries = list(given) if is_sequence else [given] * n_layers
    if len(entries) != n_layers:
        raise ValueError(
            f"weight_init has {len(entries)} entries; it must have one for each of the {n_layers} "
            "layers of weights."
        )
    for layer, entry in enumerate(entries):
        if not (isinstance(entry, str) and entry == "auto"):
            name = f"weight_init[{layer}]" if is_sequence else "weight_init"
            resolve(entry, INITIALIZERS, Callable, name)
    if sum(isinstance(entry, str) and entry == "zeros" for entry in entries) > 1:
        raise ValueError(
            f"weight_init is {given!r}; no correction would reach a layer of zeros before another, "
            "so that only one layer, as a rule the last, can start from 'zeros'."
        )
    return entries


def _dropout(given, n_layers: int) -> list[float]:
    """Rate for the inputs and for each hidden layer."""
    if type(given) is float and 0.0 <= given < 1.0:
        return [0.0] + [given] * (n_layers - 1)
    rates = _floats(given)
    if _is_single(given) and not rates.shape and 0.0 <= rates < 1.0:
        return [0.0] + [float(rates)] * (n_layers - 1)
    if rates.shape != (n_layers,) or not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(
            f"dropout is {given!r}; it must be a number in [0, 1) for the hidden "
            f"layers, or {n_layers} such: the inputs' and one for each hidden layer."
        )
    return rates.tolist()


def _is_single(value) -> bool:
    """Whether a parameter is one value and no sequence, which may be nested unevenly."""
    return not isinstance(value, (list, tuple)) and np.ndim(value) == 0


def _floats(values) -> np.ndarray:
    """`values` as an array, empty if they are no numbers."""
    try:
        given = np.asarray(values)
        with np.errstate(over="ignore"):
            return np.empty(0) if given.dtype.kind in "cmM" else given.astype(float)
    except (TypeError, ValueError, OverflowError):
        return np.empty(0)
