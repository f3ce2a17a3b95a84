"""The rule for one row as statements: ``Dw_ji = eta delta_j y_i``, in C and JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..estimators.base import Backprop
from ..estimators.targets import NumberCoding
from ..updates.headroom import HEADROOM
from . import networks
from .computation import final_step
from .loops import Language, Statements, Tables
from .vectors import Constant, Input, Vector, formula

__all__ = ["Learning", "is_asked", "learning_of"]

# Parameters that make an update another one than the bare rule, and what each is without effect.
_BARE = {
    "alpha": 0.0,
    "dropout": 0.0,
    "noise": 0.0,
    "max_grad_norm": None,
    "max_norm": None,
    "mask": None,
}


def is_asked(learning: Any) -> bool:
    """Return `learning`; ValueError if it is neither True nor False."""
    if not isinstance(learning, (bool, np.bool_)):
        raise ValueError(f"learning is {learning!r}; it must be True or False.")
    return bool(learning)


@dataclass(frozen=True)
class Learning:
    """The change of a network by one row.

    Attributes
    ----------
    kind : {"numbers", "class", "labels"}
        What the target is: ``y``, ``place`` or ``labels`` in the text.
    target : Input
        As numbers: of a class, a 1 in its place.
    step : Step
    """

    kind: str
    target: Input
    step: networks.Step

    @property
    def parameters(self) -> list[Constant]:
        """What changes: the weights and biases of all layers, and the gains."""
        layers = [p for layer in self.step.layers for p in (layer.v.weights, layer.v.bias)]
        return [*layers, *([self.step.gains[0]] if self.step.gains else [])]

    def statements(self, language: Language, tables: Tables) -> list[str]:
        """The body of a function of ``x``, the target and ``eta``."""
        write, step = Statements(language, tables), self.step
        if self.kind != "numbers":
            write.lines.append(language.array("target", self.target.size))
            marked = "j == place" if self.kind == "class" else "labels[j]"
            one, zero = language.number(1.0), language.number(0.0)
            write.loop(self.target.size, f"target[j] = {marked} ? {one} : {zero};")
        write.compute([*step.slopes, step.layers[-1].y])
        self._guard(write, language)
        for layer, delta in zip(step.layers, step.deltas, strict=True):
            signals = (layer.v.weights, layer.v.bias, layer.entering, delta)
            w, b, y, d = map(write.name_of, signals)
            write.loop(
                delta.size,
                language.constant("step", f"eta * {d}[j]"),
                language.loop("i", 0, layer.entering.size) + " {",
                f"    {w}[i * {delta.size} + j] += step * {y}[i];",
                "}",
                f"{b}[j] += step;",
            )
        if step.gains:
            gains, change = map(write.name_of, step.gains)
            write.loop(step.gains[1].size, f"{gains}[j] += eta * {change}[j];")
        return [*write.lines, "return 1;"]

    def _guard(self, write: Statements, language: Language) -> None:
        """Leave if the update would come near overflow, by the criterion of `updates.headroom`."""
        layers, zero = self.step.layers, language.number(0.0)
        sums: dict[str, list[Vector]] = {
            "deltas": self.step.slopes,
            "signals": [layer.entering for layer in layers],
            "fields": [*(layer.v for layer in layers), layers[-1].y],
        }
        for total, vectors in sums.items():
            write.lines.append(language.variable(total, zero))
            for each in dict.fromkeys(vectors):
                number = f"{write.name_of(each)}[j]"
                write.loop(each.size, f"{total} += {number} * {number};")
        one = language.number(1.0)
        step = language.constant("largest", f"eta > {one} ? eta : {one}")
        sizes = f"deltas * ({one} + signals) * largest * largest + fields"
        finite = language.operation("isfinite").format(f"({sizes}) * {language.number(HEADROOM)}")
        write.lines += [step, f"if (!({finite})) {{", "    return 0;", "}"]


def learning_of(model: BaseEstimator) -> Learning:
    """Return the change of a model by one row.

    Parameters
    ----------
    model : estimator
        A fitted network, or a `Pipeline` that ends in one: what is before it stays as it is.

    Raises
    ------
    ValueError
        If the model is no single network, or its parameters ask for more than the bare rule.
    """
    _, x, last = final_step(model)
    if not isinstance(last, Backprop):
        raise ValueError(f"{last!r:.80} is no single network; only one of those can learn so.")
    for name, bare in _BARE.items():
        value = getattr(last, name)
        if np.any(value) if bare == 0.0 else value is not bare:
            raise ValueError(
                f"{name} is {value!r}; what is exported learns by the bare rule, which has no "
                f"{name}. Set it to {bare!r} if that is what you want."
            )
    fitted = last._model
    task = fitted.head.task
    n = max(task.n_targets, 2) if task.kind == "binary" else task.n_targets
    kinds = {"regression": "numbers", "multilabel": "labels"}
    kind = kinds.get(task.kind, "class")
    target = Input(n, "y" if kind == "numbers" else "target")
    given = _in_the_unit(fitted.coding, target)
    return Learning(kind, target, networks.rule(fitted.network, fitted.head, x, given))


def _in_the_unit(coding: Any, target: Vector) -> Vector:
    """Targets as the network has them."""
    if not isinstance(coding, NumberCoding) or coding.unit is None:
        return target
    center, scale = Constant.of(coding.unit.center), Constant.of(coding.unit.scale)
    return formula(lambda y, center, scale: (y - center) / scale, target, center, scale)
