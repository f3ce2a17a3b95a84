"""The model that training moves, built by the plan of a call: network, cost and trainer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..activations.activation import Activation
from ..activations.check import check_activation
from ..engines.compiled_activations import with_compiled_activations
from ..engines.update import Limits, Update
from ..exceptions import DivergenceError
from ..losses.head import Head
from ..network.initializers import initializer_for
from ..network.masks import is_connections, learning_parameters
from ..network.memory import aligned_copy
from ..network.network import Network
from ..network.objective import Objective
from ..network.penalties import ElasticNet
from ..network.regularisation import Disturbance
from ..network.rows import row_shares, take_rows
from ..schedules import Schedule
from ..training.trainer import Trainer
from ..updates.fan_in import FanInEta
from ..updates.rule import UpdateRule
from ..updates.state import TrainingState
from .given_data import accept_values
from .plan import Plan, structure_of
from .targets import ClassCoding, NumberCoding

__all__ = [
    "Model",
    "new_model",
    "objective_of",
    "penalty_of",
    "start_among_the_rows",
    "start_at_best_constant",
    "start_from",
    "trainer_of",
    "write_arrays",
]


@dataclass
class Model:
    """A network with all that predicting by it and training it go by: what an estimator keeps.

    Attributes
    ----------
    network : Network
    head : Head
        The loss, between the targets and the output neurons.
    coding : NumberCoding or ClassCoding
        Turns `y` into targets, and predictions back.
    structure : dict
        The parameters that the network was built by (see `structure_of`).
    state : TrainingState
        What training carries from one call to the next, beside the weights.
    rng : RandomState
    """

    network: Network
    head: Head
    coding: NumberCoding | ClassCoding
    structure: dict[str, Any]
    state: TrainingState
    rng: np.random.RandomState

    def copy(self) -> Model:
        """A copy of the model: training the one does not move the other."""
        return replace(
            self,
            network=self.network.with_parameters(aligned_copy(self.network.w)),
            state=copy.deepcopy(self.state),
            rng=copy.deepcopy(self.rng),
        )

    def without_rng_of(self, random_state) -> Model:
        """The same model with a generator of its own, if it draws from the user's random state.

        That goes its own way. Every other is the model's already, or NumPy's own, which is all's.
        """
        return replace(self, rng=copy.deepcopy(self.rng)) if self.rng is random_state else self

    def make_writeable(self) -> None:
        """Copy weights and solver state that are read-only (a memory-mapped pickle)."""
        if not self.network.w.flags.writeable:
            self.network = self.network.with_parameters(aligned_copy(self.network.w))
        if not self.state.rule_state.flags.writeable:
            self.state.rule_state = self.state.rule_state.copy()


def new_model(plan: Plan, X, coding: NumberCoding | ClassCoding, rng) -> Model:
    """Build a network with initial weights, its head, and nothing learnt."""
    head = Head(plan.loss, coding.task, plan.given.output_activation)
    activations = [*plan.hidden_activations, head.output]
    sizes = (X.shape[1], *plan.hidden_sizes, head.n_units())
    for activation, n in zip(activations, sizes[1:], strict=True):
        check_activation(activation)
        width = getattr(activation, "n_units", n)
        if width != n:
            raise ValueError(
                f"activation {activation!r} is for {width} neurons; its layer has {n}."
            )
    try:
        network = Network(sizes, activations, dtype=X.dtype.type, input_gain=plan.given.input_gain)
    except (ValueError, MemoryError) as error:
        given = plan.given.hidden_layer_sizes
        kind = MemoryError if isinstance(error, MemoryError) else ValueError
        raise kind(
            f"hidden_layer_sizes is {given!r}: there is no room for so many weights ({error})."
        ) from error
    layers = zip(network.layers(network.w), activations, plan.weight_init, strict=True)
    for (W, _), activation, weight_init in layers:
        n_in, n_out = W.shape
        W[...] = _initial_weights(weight_init, n_in, n_out, activation, rng)
    _cut_connections(plan.given.mask, network)
    state = TrainingState(np.empty((0, network.w.size), network.w.dtype))
    return Model(network, head, coding, structure_of(plan.given), state, rng)


def _cut_connections(mask, network: Network) -> None:
    """Start the weights that the mask names one by one at zero: no connection."""
    if mask is None:
        return
    learning = np.empty_like(network.w)
    learning_parameters(mask, network, learning)
    parts = zip(network.layers(network.w), network.layers(learning), mask, strict=True)
    for (W, _), (learns, _), entry in parts:
        if is_connections(entry):
            W *= learns


def _initial_weights(weight_init, n_in: int, n_out: int, activation: Activation, rng) -> np.ndarray:
    try:
        W = np.asarray(initializer_for(weight_init, activation)(n_in, n_out, rng))
    except Exception as error:
        error.add_note(f"Raised by weight_init={weight_init!r} for a layer of {n_in} x {n_out}.")
        raise
    if W.shape != (n_in, n_out) or not np.isfinite(W).all():
        raise ValueError(
            f"weight_init gave an array of shape {W.shape}; it must give finite numbers of "
            f"shape {(n_in, n_out)}."
        )
    return W


def start_at_best_constant(model: Model, targets, weights, rows) -> None:
    """Start the output biases at the best constant prediction of the rows, in float64.

    Raises
    ------
    DivergenceError
        If that is not finite in the dtype of the network.
    """
    shares = row_shares(targets.shape[0], weights, rows)
    whole = take_rows(targets, slice(None) if len(rows) == targets.shape[0] else rows)
    bias = model.network.layers(model.network.w)[-1][1]
    with np.errstate(all="ignore"):
        best = model.head.best_constant(whole, shares).astype(bias.dtype)
    if not np.isfinite(best).all():
        raise DivergenceError(
            f"the best constant of loss={model.head.loss!r}, where training begins, is not finite "
            f"in {bias.dtype}: y is too large for it. Scale y."
        )
    bias[...] = best


def start_among_the_rows(
    model: Model, moments: Callable[[], tuple[np.ndarray, np.ndarray]]
) -> None:
    """Start the hidden biases so that the neurons bend where the data are.

    Where ``v_j = 0`` a neuron bends, or is at its steepest. Each of the first layer is given a
    random point there, by mean and standard deviation of the columns of X, which `moments` gives ::

        b_j = -sum_i w_ji (mean_i + z_ji s_i),      z_ji uniform, of variance 1

    With zero biases all neurons of a network of one input would bend at ``x = 0``, however far from
    the data. In the layers above, biases are uniform within the bound of Glorot's weights.
    """
    hidden = model.network.layers(model.network.w)[:-1]
    if not hidden:
        return
    W, b = hidden[0]
    mean, deviation = moments()
    z = model.rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), W.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        z *= deviation[:, None]
        z += mean[:, None]
        z *= W
        b[...] = -z.sum(axis=0)
    b[~np.isfinite(b)] = 0.0
    for W, b in hidden[1:]:
        bound = np.sqrt(6.0 / sum(W.shape))
        b[...] = model.rng.uniform(-bound, bound, b.shape)


def start_from(network: Network, coef_init, intercept_init) -> None:
    """Start at the weights and biases that the user gives; None leaves them as they are."""
    layers = network.layers(network.w)
    if coef_init is not None:
        write_arrays("coef_init", coef_init, [W for W, _ in layers])
    if intercept_init is not None:
        write_arrays("intercept_init", intercept_init, [b for _, b in layers])


def write_arrays(name: str, values, views) -> None:
    """Copy `values` into `views`, all or nothing."""
    try:
        given = list(values)
    except TypeError:  # a number, an array without dimensions, a sparse matrix
        what = f"a sequence of {len(views)} arrays"
        raise TypeError(f"{name} is {values!r}; it must be {what}.") from None
    # Copies: they may be views of each other.
    arrays = [np.array(accept_values(value, f"{name}[{i}]")) for i, value in enumerate(given)]
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


def penalty_of(plan: Plan, network: Network) -> ElasticNet:
    """The penalty on the weights of `network`, none where the solver finds its own."""
    if not plan.given.alpha or plan.solver.tunes_alpha:
        return ElasticNet(None)
    n_layers = network.n_layers
    is_weight = network.spread([1.0] * n_layers, [0.0] * n_layers, 0.0)
    return ElasticNet(is_weight, plan.given.alpha, plan.given.l1_ratio)


def objective_of(plan: Plan, model: Model) -> Objective:
    """The cost of `model` that the plan describes, with its mask, dropout and noise."""
    network, state, given = model.network, model.state, plan.given
    if plan.solver.full_batch and given.engine != "numpy":
        network = with_compiled_activations(network)
    learning = disturbance = None
    if given.mask is not None:
        learning = np.empty_like(network.w)
        learning_parameters(given.mask, network, learning)
    if plan.is_disturbed:
        if state.disturbance_rng is None:
            state.disturbance_rng = np.random.default_rng(model.rng.randint(2**31 - 1))
        disturbance = Disturbance(plan.dropout, given.noise, state.disturbance_rng)
    return Objective(
        network,
        model.head,
        penalty_of(plan, network),
        learning=learning,
        disturbance=disturbance,
    )


def trainer_of(
    plan: Plan, model: Model, schedule: Schedule, batch_size: int, n_updates: float = np.inf
) -> Trainer:
    """The trainer of `model` that the plan describes, by a schedule whose horizon is known.

    It is to make at most `n_updates` updates.
    """
    plan = plan.for_updates(batch_size, model.head.task)
    if not plan.is_disturbed or model.state.disturbance_rng is not None:
        return _build_trainer(plan, model, schedule, batch_size, n_updates)
    before = model.rng.get_state()
    try:
        return _build_trainer(plan, model, schedule, batch_size, n_updates)
    except BaseException:  # what was drawn is refused
        model.rng.set_state(before)
        model.state.disturbance_rng = None
        raise


def _build_trainer(
    plan: Plan, model: Model, schedule: Schedule, batch_size: int, n_updates: float
) -> Trainer:
    objective = objective_of(plan, model)
    eta: Any = plan.eta
    base = eta.base if isinstance(eta, FanInEta) else None
    if not isinstance(eta, float):
        eta = model.network.spread(*plan.rates(model.network.sizes[0]))
    if objective.learning is not None:  # a rule may move a weight that has no correction
        eta = eta * objective.learning
    rule = plan.solver
    assert isinstance(rule, UpdateRule)
    _check_constants(rule, model.network.w.dtype)
    limits = Limits(plan.given.max_grad_norm, plan.given.max_norm)
    update = Update(objective, rule, eta, model.state, limits, base)
    return Trainer(update, schedule, plan.given.engine, batch_size, n_updates)


def _check_constants(rule: UpdateRule, dtype) -> None:
    """Refuse a rule's constant that is zero or infinite in the type of the weights."""
    for name, value in vars(rule).items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            continue
        if not value or not -np.inf < value < np.inf:
            continue
        if type(value) is dtype.type or (type(value) is float and dtype.itemsize == 8):
            continue
        with np.errstate(over="ignore", under="ignore"):
            constant = dtype.type(value)
        if not constant or not np.isfinite(constant):
            raise ValueError(
                f"{name} of solver {rule!r} is {value}, which is {constant} in {dtype}, the type "
                "of the weights; give a number within its range, or X in float64."
            )
