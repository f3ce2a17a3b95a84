"""The equations of a network, as vectors: forward, what its outputs mean, and the rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..activations.activation import ACTIVATIONS, Activation
from ..activations.mixed import Mixed
from ..engines.formulas import cost_of, formula_of
from ..engines.symbols import Untraceable
from ..losses.head import Head
from ..losses.loss import Loss
from ..losses.regression import Quantile
from ..network.network import Network
from ..registry import is_ours
from .vectors import (
    Affine,
    Backward,
    Constant,
    Join,
    Largest,
    Sort,
    Take,
    Vector,
    formula,
    row_formula,
)

__all__ = [
    "Layer",
    "Step",
    "class_index",
    "decision",
    "deviation",
    "forward",
    "labels",
    "prediction",
    "probabilities",
    "rule",
]

_ADVICE = (
    "To export it, compute each number alike, with NumPy's functions (np.where in the place of "
    "if), or use what the package has by a name."
)


@dataclass(frozen=True)
class Layer:
    """The signals of a layer: what enters it, its induced local fields and its outputs."""

    entering: Vector
    v: Affine
    y: Vector
    activation: Activation


def forward(network: Network, x: Vector) -> list[Layer]:
    """Return the signals of all layers: ``v_j = sum_i w_ji y_i + b_j``, ``y_j = phi(v_j)``."""
    dtype, y, layers = network.w.dtype, x, []
    gains = network.gains(network.w)
    if gains is not None:
        y = formula(lambda x, gain: x * gain, x, Constant.of(gains), dtype=dtype)
    for (W, b), activation in zip(network.layers(network.w), network.activations, strict=True):
        v = Affine(b.size, y, Constant.of(W), Constant.of(b))
        layers.append(Layer(y, v, _outputs(activation, v, dtype), activation))
        y = layers[-1].y
    return layers


def _outputs(activation: Activation, v: Vector, dtype: np.dtype) -> Vector:
    """``phi(v)``."""
    if activation == ACTIVATIONS["softmax"]:
        return row_formula(activation.phi, {"v": v}, dtype)
    if activation == ACTIVATIONS["identity"]:
        return v

    def outputs(member: Activation, v: Vector) -> Vector:
        return formula(member.phi, v, dtype=dtype)

    return _of_members(activation, outputs, dtype, v)


def _slopes(activation: Activation, v: Vector, y: Vector, dtype: np.dtype) -> Vector:
    """``phi'(v)``."""

    def slopes(member: Activation, v: Vector, y: Vector) -> Vector:
        return formula(member.dphi, v, y, dtype=dtype)

    return _of_members(activation, slopes, dtype, v, y)


def _of_members(activation: Activation, make, dtype: np.dtype, *vectors: Vector) -> Vector:
    """What is made of the neurons of each activation, in the order of the neurons."""
    if not isinstance(activation, Mixed):
        _check(activation, dtype)
        return make(activation, *vectors)
    places: dict[Activation, list[int]] = {}
    for j, member in enumerate(activation.activations):
        places.setdefault(member, []).append(j)
    parts = []
    for member, own in places.items():
        _check(member, dtype)
        parts.append(make(member, *(Take.some(vector, own) for vector in vectors)))
    order = [j for own in places.values() for j in own]
    return Take.some(Join.all(parts), np.argsort(order))


def _check(activation: Activation, dtype: np.dtype) -> None:
    """Refuse an activation whose formula is not what it does to arrays."""
    try:
        formula_of(activation, dtype)
    except Untraceable as error:
        raise Untraceable(f"{error}. {_ADVICE}") from None


# -- what the outputs mean -------------------------------------------------------------------------


def prediction(head: Head, y: Vector, dtype: np.dtype) -> Vector:
    """Return the predicted numbers, in the unit of the network."""
    loss = head.loss
    if isinstance(loss, Quantile):
        return Sort(y.size, y) if loss.units_per_target > 1 else y
    if type(loss).prediction is Loss.prediction:
        return y
    return _of_loss(loss, "prediction", {"y": y}, dtype)


def deviation(head: Head, y: Vector, dtype: np.dtype) -> Vector:
    """Return the standard deviations of the predicted numbers, in the unit of the network."""
    return _of_loss(head.loss, "deviation", {"y": y}, dtype)


def _of_loss(loss: Loss, method: str, signals: dict[str, Vector], dtype) -> Vector:
    try:
        return row_formula(getattr(loss, method), signals, dtype)
    except Untraceable as error:
        raise Untraceable(f"loss {loss!r}: {method} has no formula: {error}. {_ADVICE}") from None


def decision(head: Head, v: Vector, y: Vector, dtype: np.dtype) -> Vector:
    """Return the confidence in each class or label; of two classes, that in the second."""
    if head.task.is_one_class:
        return Constant.of([0.0])
    scores = v
    if not (head.fused and head.gives_probabilities):
        middle = sum(head.loss.levels(head.output)) / 2
        scores = formula(lambda y: y - middle, y, dtype=dtype)
    if head.task.kind == "binary" and scores.size == 2:
        no, yes = (Take.some(scores, [j]) for j in range(2))
        return formula(lambda yes, no: yes - no, yes, no, dtype=dtype)
    return scores


def probabilities(head: Head, v: Vector, y: Vector, dtype: np.dtype) -> Vector:
    """Return the probability of each class or label."""
    if head.task.kind == "multilabel":
        limits = np.finfo(dtype)
        return formula(lambda y: np.clip(y, limits.tiny, 1.0 - limits.epsneg), y, dtype=dtype)
    if head.task.is_one_class:
        return Constant.of([1.0])
    return y if y.size > 1 else Join.all([formula(lambda v: expit(-v), v, dtype=dtype), y])


def class_index(head: Head, scores: Vector) -> Vector:
    """Return the place of the predicted class among the classes."""
    return Largest(1, scores) if head.task.kind == "multiclass" else labels(scores)


def labels(scores: Vector, threshold: float = 0.0) -> Vector:
    """Return 1 for each label whose score is above a threshold, 0 for the others."""
    return formula(lambda score: np.where(score > threshold, 1.0, 0.0), scores)


# -- the rule --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """What the rule changes for one row: ``w_ji += eta delta_j y_i`` in each layer.

    Attributes
    ----------
    layers : list of Layer
    deltas : list of Vector
        The local gradients of each layer.
    gains : tuple of Constant and Vector, or None
        The gains of the inputs, and ``-dE/dgain``, if there are any.
    """

    layers: list[Layer]
    deltas: list[Vector]
    gains: tuple[Constant, Vector] | None

    @property
    def slopes(self) -> list[Vector]:
        """All that is computed before the first weight changes."""
        return [*self.deltas, *([self.gains[1]] if self.gains else [])]


def rule(network: Network, head: Head, x: Vector, target: Vector) -> Step:
    """Return the change by one row.

    Parameters
    ----------
    network : Network
    head : Head
    x : Vector
        The inputs.
    target : Vector
        As the head takes it, but that a class is given by a 1 in its place.
    """
    dtype, layers = network.w.dtype, forward(network, x)
    delta = _output_delta(head, _desired(head, target, dtype), layers[-1], dtype)
    deltas = [delta]
    for layer, above in zip(layers[-2::-1], layers[:0:-1], strict=True):
        e = Backward(layer.v.size, delta, above.v.weights)
        slope = _slopes(layer.activation, layer.v, layer.y, dtype)
        delta = formula(lambda e, slope: e * slope, e, slope, dtype=dtype)
        deltas.insert(0, delta)
    first = layers[0]
    if not network.input_gain:
        return Step(layers, deltas, None)
    gains = first.entering.operands[1]
    assert isinstance(gains, Constant)
    e = Backward(x.size, delta, first.v.weights)
    return Step(layers, deltas, (gains, formula(lambda x, e: x * e, x, e, dtype=dtype)))


def _output_delta(head: Head, d: Vector, layer: Layer, dtype: np.dtype) -> Vector:
    """The local gradients of the output neurons."""
    try:
        cost_of(head, dtype)
    except Untraceable as error:
        raise Untraceable(f"{error}. {_ADVICE}") from None
    signals = {"d": d, "y": layer.y, "v": layer.v}
    if head.fused:
        return row_formula(
            lambda d, y, v: head.loss.fused_delta(d, y, v, np.empty_like(v)), signals, dtype
        )
    e = row_formula(head.loss.error, {"d": d, "y": layer.y}, dtype)
    if not head.output.elementwise:
        return row_formula(head.output.delta, {"e": e, "v": layer.v, "y": layer.y}, dtype)
    slope = _slopes(head.output, layer.v, layer.y, dtype)
    return formula(lambda e, slope: e * slope, e, slope, dtype=dtype)


def _desired(head: Head, target: Vector, dtype: np.dtype) -> Vector:
    """Desired outputs, from marks of classes or labels, or from numbers."""
    if not is_ours(type(head.loss)) and type(head.loss).desired is not Loss.desired:
        raise Untraceable(f"loss {head.loss!r} has a `desired` of its own. {_ADVICE}")
    n = target.size
    if head.task.kind in ("binary", "multiclass"):
        return Affine(
            head.n_units(),
            target,
            Constant.of(head.encode(np.arange(n), dtype)),
            Constant.of(np.zeros(head.n_units())),
        )
    at_zero = head.encode(np.zeros((1, n), int), dtype)
    slopes = head.encode(np.eye(n, dtype=int), dtype) - at_zero
    return Affine(head.n_units(), target, Constant.of(slopes), Constant.of(at_zero))
