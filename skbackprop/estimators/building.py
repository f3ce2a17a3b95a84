"""The model that training moves, built from the parameters: network, cost and trainer."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..activations.activation import Activation
from ..activations.check import check_activation
from ..engines.update import Limits, Update
from ..losses.head import Task
from ..losses.loss import Loss
from ..network.initializers import initializer_for
from ..network.masks import is_connections, learning_parameters
from ..network.network import Network
from ..network.objective import Objective
from ..network.penalties import ElasticNet
from ..network.regularisation import Disturbance
from ..network.rows import take_rows, with_mean_one
from ..training.trainer import Trainer
from ..updates.rule import UpdateRule
from ..updates.state import TrainingState
from .parameters import (
    Parameters,
    dropout_rates,
    eta_per_layer,
    hidden_activations,
    hidden_sizes,
    loss_of,
    solver_of,
)

__all__ = [
    "Model",
    "new_model",
    "objective_of",
    "penalty_of",
    "rest_outputs",
    "start_from",
    "trainer_of",
    "write_arrays",
]


@dataclass
class Model:
    """What training moves, and an estimator keeps."""

    network: Network
    loss: Loss
    state: TrainingState
    rng: np.random.RandomState

    def copy(self) -> Model:
        """The same, apart from this one: a failure of the fit must not touch it."""
        network = self.network.with_parameters(self.network.w.copy())
        state, rng = copy.deepcopy(self.state), copy.deepcopy(self.rng)
        return Model(network, self.loss, state, rng)


def new_model(parameters: Parameters, X, task: Task, rng) -> Model:
    """A network with initial weights, its loss, and nothing learnt."""
    loss = loss_of(parameters).bind(task, parameters.output_activation)
    hidden = hidden_sizes(parameters)
    activations = [*hidden_activations(parameters, len(hidden)), loss.output]
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
        W[...] = _initial_weights(parameters, n_in, n_out, activation, rng)
    _cut_connections(parameters, network)
    state = TrainingState(np.empty((0, network.w.size), network.w.dtype))
    return Model(network, loss, state, rng)


def _cut_connections(parameters: Parameters, network: Network) -> None:
    """Start the weights that the mask names one by one at zero: no connection."""
    if parameters.mask is None:
        return
    learning = np.empty_like(network.w)
    learning_parameters(parameters.mask, network, learning)
    parts = zip(network.layers(network.w), network.layers(learning), parameters.mask, strict=True)
    for (W, _), (learns, _), entry in parts:
        if is_connections(entry):
            W *= learns


def _initial_weights(
    parameters: Parameters, n_in: int, n_out: int, activation: Activation, rng
) -> np.ndarray:
    W = np.asarray(initializer_for(parameters.weight_init, activation)(n_in, n_out, rng))
    if W.shape != (n_in, n_out) or not np.isfinite(W).all():
        raise ValueError(
            f"weight_init gave an array of shape {W.shape}; it must give finite numbers of "
            f"shape {(n_in, n_out)}."
        )
    return W


def rest_outputs(model: Model, targets, weights, rows) -> None:
    """Start the output biases at the best constant prediction of the rows, in float64."""
    shares = np.full(len(rows), 1.0 / len(rows))
    if weights is not None:
        shares *= with_mean_one(weights[rows].astype(np.float64))
    whole = take_rows(targets, slice(None) if len(rows) == targets.shape[0] else rows)
    model.network.layers(model.network.w)[-1][1][...] = model.loss.rest(whole, shares)


def start_from(network: Network, coef_init, intercept_init) -> None:
    """Start at the weights and biases that the user gives; None leaves them as they are."""
    layers = network.layers(network.w)
    if coef_init is not None:
        write_arrays("coef_init", coef_init, [W for W, _ in layers])
    if intercept_init is not None:
        write_arrays("intercept_init", intercept_init, [b for _, b in layers])


def write_arrays(name: str, values, views) -> None:
    """Copy `values` into `views`, all or nothing."""
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} is {values!r}; it must be a sequence of {len(views)} arrays.")
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


def penalty_of(parameters: Parameters, network: Network) -> ElasticNet:
    """The penalty on the weights of `network`, none where the solver finds its own."""
    if not parameters.alpha or solver_of(parameters).tunes_alpha:
        return ElasticNet(None)
    n_layers = network.n_layers
    is_weight = network.spread([1.0] * n_layers, [0.0] * n_layers)
    return ElasticNet(is_weight, parameters.alpha, parameters.l1_ratio)


def objective_of(parameters: Parameters, model: Model) -> Objective:
    """The cost that the parameters describe, of `model`."""
    network, state = model.network, model.state
    learning = disturbance = None
    if parameters.mask is not None:
        learning = np.empty_like(network.w)
        learning_parameters(parameters.mask, network, learning)
    rates = dropout_rates(parameters, network.n_layers)
    if any(rates) or parameters.noise:
        if state.disturbance_rng is None:
            state.disturbance_rng = np.random.default_rng(model.rng.randint(2**31 - 1))
        disturbance = Disturbance(rates, parameters.noise, state.disturbance_rng)
    return Objective(
        network,
        model.loss,
        penalty_of(parameters, network),
        learning=learning,
        disturbance=disturbance,
    )


def trainer_of(parameters: Parameters, model: Model, schedule) -> Trainer:
    """The trainer that the parameters describe, on `model`."""
    objective = objective_of(parameters, model)
    eta: Any = eta_per_layer(parameters, model.network.n_layers)
    if isinstance(eta, list):
        eta = model.network.spread(eta)
    if objective.learning is not None:  # a rule may move a weight that has no correction
        eta = eta * objective.learning
    rule = solver_of(parameters)
    assert isinstance(rule, UpdateRule)
    _check_constants(rule, model.network.w.dtype)
    limits = Limits(parameters.max_grad_norm, parameters.max_norm)
    update = Update(objective, rule, eta, model.state, limits)
    return Trainer(update, schedule, parameters.engine)


def _check_constants(rule: UpdateRule, dtype) -> None:
    """Refuse a rule's constant that is zero or infinite in the type of the weights."""
    for name, value in vars(rule).items():
        if not isinstance(value, float) or not value or not np.isfinite(value):
            continue
        with np.errstate(over="ignore", under="ignore"):
            constant = dtype.type(value)
        if not constant or not np.isfinite(constant):
            raise ValueError(
                f"{name} of solver {rule!r} is {value}, which is {constant} in {dtype}, the type "
                "of the weights; give a number within its range, or X in float64."
            )
