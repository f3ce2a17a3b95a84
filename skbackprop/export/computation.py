"""What a fitted model computes, as vectors: its preprocessing, its networks, what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..activations.activation import ACTIVATIONS
from ..estimators.base import Backprop
from ..estimators.targets import NumberCoding
from ..tabular.base import TabularEstimator
from ..tabular.class_task import ClassTask
from ..tabular.linear import ABSENT
from ..tabular.members import Member
from ..tabular.neighbours import Neighbours
from ..tabular.number_task import NumberTask
from . import networks
from .preprocessing import notes_on, transformed, viewed
from .vectors import Affine, Constant, Input, Largest, Vector, formula, row_formula

__all__ = ["Computation", "computation_of", "final_step"]


@dataclass(frozen=True)
class Computation:
    """The results of a model for one row, by what they are.

    Attributes
    ----------
    inputs : Input
        The row: numbers.
    kind : {"numbers", "class", "labels"}
        What `predict` gives: numbers, the place of a class, or 1 and 0 for labels.
    predict : Vector
    others : dict of str to Vector
        ``predict_std``, ``predict_proba`` and ``decision_function``, where the model has them.
    classes : ndarray or None
        The classes, in the order of their places.
    notes : list of str
        What whoever gives the inputs must know of them.
    """

    inputs: Input
    kind: str
    predict: Vector
    others: dict[str, Vector] = field(default_factory=dict)
    classes: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def computation_of(model: BaseEstimator) -> Computation:
    """Return what a fitted model computes of a row.

    Parameters
    ----------
    model : estimator
        `BackpropRegressor`, `BackpropClassifier`, `TabularRegressor`, `TabularClassifier`, or a
        `Pipeline` that ends in one of them.

    Raises
    ------
    TypeError
        If there is no formula for the model, or for a part of it.
    NotFittedError
        If it is not fitted.
    """
    check_is_fitted(model)
    inputs, x, last = final_step(model)
    if isinstance(last, TabularEstimator):
        return _of_table(last, inputs, x)
    signals = networks.forward(last._model.network, x)[-1]
    return _of_network(last, inputs, signals.v, signals.y)


def final_step(model: BaseEstimator) -> tuple[Input, Vector, Any]:
    """Return a row, what a Pipeline makes of it, and the network or team that is given that."""
    steps = list(dict(model.steps).values()) if isinstance(model, Pipeline) else [model]
    *before, last = steps
    if not isinstance(last, Backprop | TabularEstimator):
        raise TypeError(
            f"{last!r:.80} cannot be exported: a model must be one of BackpropRegressor, "
            "BackpropClassifier, TabularRegressor and TabularClassifier, or a Pipeline that ends "
            "in one."
        )
    inputs = Input(steps[0].n_features_in_ if before == [] else _width(before, last), "x")
    x: Vector = inputs
    for step in before:
        x = transformed(step, x)
    return inputs, x, last


def _width(before: list, last: Any) -> int:
    """The number of inputs of the first step that knows it."""
    return next(step.n_features_in_ for step in (*before, last) if hasattr(step, "n_features_in_"))


# -- one network -----------------------------------------------------------------------------------


def _of_network(estimator: Backprop, inputs: Input, v: Vector, y: Vector) -> Computation:
    model = estimator._model
    head, coding, dtype = model.head, model.coding, model.network.w.dtype
    if isinstance(coding, NumberCoding):
        return _of_numbers(head, coding, inputs, y, dtype)
    scores = networks.decision(head, v, y, dtype)
    others = {"decision_function": scores}
    if head.gives_probabilities:
        others["predict_proba"] = networks.probabilities(head, v, y, dtype)
    kind = "labels" if head.task.kind == "multilabel" else "class"
    predicted = networks.labels(scores) if kind == "labels" else networks.class_index(head, scores)
    return Computation(inputs, kind, predicted, others, coding.classes)


def _of_numbers(head, coding: NumberCoding, inputs: Input, y: Vector, dtype) -> Computation:
    predicted, others = networks.prediction(head, y, dtype), {}
    if head.gives_deviation:
        others["predict_std"] = networks.deviation(head, y, dtype)
    if coding.unit is not None:
        scale, center = _by_unit(coding.unit.scale, predicted), coding.unit.center
        predicted = _in_units(predicted, scale, _by_unit(center, predicted))
        if head.gives_deviation:
            deviation = others["predict_std"]
            others["predict_std"] = _in_units(deviation, scale, Constant.of([0.0]))
    return Computation(inputs, "numbers", predicted, others)


def _by_unit(values: np.ndarray, predicted: Vector) -> Constant:
    """A number for each target, or for each of several quantiles of one."""
    return Constant.of(np.broadcast_to(values, predicted.size))


def _in_units(y: Vector, scale: Constant, center: Constant) -> Vector:
    return formula(lambda y, scale, center: y * scale + center, y, scale, center)


# -- the networks of a table -----------------------------------------------------------------------


def _of_table(estimator: TabularEstimator, inputs: Input, x: Vector) -> Computation:
    if any(isinstance(member.estimator, Neighbours) for member in estimator._members):
        raise TypeError(
            "The nearest training rows are members of this average (views_ says so), and have no "
            f"formula. Fit it with neighbours=False: {type(estimator).__name__}(neighbours=False)."
        )
    encoded, seen = transformed(estimator._encoder, x), {}
    for member in estimator._members:  # of which some share a view
        if id(member.view) not in seen:
            seen[id(member.view)] = viewed(member.view, encoded)
    rows = [seen[id(member.view)] for member in estimator._members]
    of_task = _of_classes if isinstance(estimator._task, ClassTask) else _of_targets
    return of_task(estimator, inputs, rows)


def _of_classes(estimator: TabularEstimator, inputs: Input, rows: list[Vector]) -> Computation:
    coding = estimator._task.coding
    kind = "labels" if coding.task.kind == "multilabel" else "class"
    parts = []
    for member, x in zip(estimator._members, rows, strict=True):
        v = formula(
            lambda v, t=member.temperature: v * t, _logits(member, x, coding.task.n_targets)
        )
        softmax = ACTIVATIONS["softmax"].phi
        parts.append(formula(expit, v) if kind == "labels" else row_formula(softmax, {"v": v}))
    blended = _average(estimator._members, parts)
    predicted = networks.labels(blended, 0.5) if kind == "labels" else Largest(1, blended)
    notes = notes_on(estimator._encoder)
    return Computation(inputs, kind, predicted, {"predict_proba": blended}, coding.classes, notes)


def _logits(member: Member, x: Vector, n_classes: int) -> Vector:
    """The logits of a network, or of a logistic regression."""
    if isinstance(member.estimator, Backprop):
        return networks.forward(member.estimator._model.network, x)[-1].v
    scaler, model = (step for _, step in member.estimator.steps)
    W, b = np.zeros((x.size, n_classes)), np.full(n_classes, ABSENT)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, intercept = np.vstack([0 * coef, coef]), np.hstack([0 * intercept, intercept])
    W[:, model.classes_], b[model.classes_] = coef.T, intercept
    return Affine(n_classes, transformed(scaler, x), Constant.of(W), Constant.of(b))


def _average(members: list[Member], vectors: list[Vector]) -> Vector:
    """The weighted sum of what members give."""

    def blend(*arrays):
        return sum(m.weight * array for m, array in zip(members, arrays, strict=True))

    return formula(blend, *vectors)


def _of_targets(estimator: TabularEstimator, inputs: Input, rows: list[Vector]) -> Computation:
    task, members = estimator._task, estimator._members
    outputs = [_raw(member, x) for member, x in zip(members, rows, strict=True)]
    means = [_within_range(task, m, y) for m, y in zip(members, outputs, strict=True)]
    blended = predicted = _average(members, means)
    others: dict[str, Vector] = {}
    if task.loss.gives_deviation:
        others["predict_std"] = _deviation(task, members, outputs, means, blended)
    else:
        predicted = networks.prediction(task.head, blended, np.dtype(np.float64))
    scale, shift = (_by_unit(values, predicted) for values in (task.scale, task.shift))
    predicted = _in_units(predicted, scale, shift)
    notes = notes_on(estimator._encoder)
    return Computation(inputs, "numbers", predicted, others, notes=notes)


def _raw(member: Member, x: Vector) -> Vector:
    """The outputs of a network, or of a ridge regression."""
    if isinstance(member.estimator, Backprop):
        return networks.forward(member.estimator._model.network, x)[-1].y
    scaler, model = (step for _, step in member.estimator.steps)
    W, b = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    return Affine(b.size, transformed(scaler, x), Constant.of(W), Constant.of(b))


def _within_range(task: NumberTask, member: Member, y: Vector) -> Vector:
    """The prediction of a member, kept within the range of the targets."""
    if isinstance(member.estimator, Backprop):
        y = networks.prediction(task.head, y, member.estimator._model.network.w.dtype)
    low, high = (_by_unit(values, y) for values in (task.low, task.high))
    return formula(lambda y, low, high: np.clip(y, low, high), y, low, high)


def _deviation(task: NumberTask, members, outputs, means, blended: Vector) -> Vector:
    """The standard deviation of the mixture of the members."""
    seconds: list[Vector] = []
    for member, y, mean in zip(members, outputs, means, strict=True):
        s = networks.deviation(task.head, y, member.estimator._model.network.w.dtype)
        seconds.append(formula(lambda mean, s: mean * mean + s * s, mean, s))

    def spread(first, second, scale):
        return np.sqrt(np.maximum(second - first * first, 0.0)) * scale

    return formula(spread, blended, _average(members, seconds), Constant.of(task.scale))
