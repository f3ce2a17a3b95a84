"""What is predicted, numbers or classes: from the networks' outputs to losses and back."""

from __future__ import annotations

from bisect import bisect_left
from math import log, log2
from typing import Any

import numpy as np

from ..activations.activation import ACTIVATIONS
from .moments import LARGEST, NumberMoments

__all__ = [
    "LARGEST_ERROR",
    "LARGEST_LOSS",
    "LARGEST_OUTPUT",
    "LEAST_PROBABILITY",
    "ClassTask",
    "NumberTask",
]

LEAST_PROBABILITY = 1e-3  # that the right class counts with: it bounds the loss of a row
LARGEST_LOSS = 20.0
LARGEST_ERROR = 5.0  # deviations of the target: one that is further off moves no more
LARGEST_OUTPUT = 10.0  # deviations of the target that a prediction keeps within
_SMALLEST_USUAL, _LARGEST_USUAL = 1e-100, 1e100  # targets that are learned as they are
_STEADY = 30  # targets from which on their scale is corrected for


class NumberTask:
    """Numbers, scaled by running moments: a prediction is ``m + s v``.

    Where the first target that is not zero is below 1e-100 or above 1e100, so that its square would
    be lost, all are learned in another unit: times a power of two that makes it about that.

    Parameters
    ----------
    half_life : float or None
        Of the moments of the target.

    Attributes
    ----------
    last : float
        The last target, in the unit of the task; NaN before there is one.
    unit : float
        What targets are multiplied by; 0 while all were 0.
    scores : ndarray of shape (4,)
        Rows predicted, the sum of their squared errors, their mean, and the sum of their squared
        deviations from it.
    """

    is_classification = False
    n_units, n_last, last_is_indicator = 1, 1, False

    def __init__(self, half_life: float | None):
        self.moments = NumberMoments(half_life, LARGEST_OUTPUT)
        self.last, self.unit = np.nan, 0.0
        self.scores = np.zeros(4)

    def outputs(self, v: np.ndarray) -> np.ndarray:
        """Predictions, kept within ten deviations of the mean."""
        mean, deviation = self.moments.location_and_scale()
        y = np.minimum(v, LARGEST_OUTPUT)
        np.maximum(y, -LARGEST_OUTPUT, out=y)
        y *= deviation
        y += mean
        return y

    def answer(self, vote: np.ndarray) -> float:
        """The prediction that a vote is."""
        return float(vote[0])

    def decode(self, target: float) -> float:
        """The target as the metric counts it."""
        return target

    def in_units(self, votes: np.ndarray) -> np.ndarray:
        """Predictions in y's units."""
        return votes if self.unit == 1.0 else votes / (self.unit or 1.0)

    def score(self, answer: float, y: float) -> None:
        """Count the row in the metric; a number beyond `LARGEST` counts as that."""
        y = min(max(y, -LARGEST), LARGEST)
        error = min(max(answer, -LARGEST), LARGEST) - y
        n, squares, mean, total = self.scores.tolist()
        d = y - mean
        mean += d / (n + 1.0)
        self.scores[:] = n + 1.0, squares + error * error, mean, total + d * (y - mean)

    @property
    def metric(self) -> float:
        """Prequential R^2, ``1 - sum (prediction - y)^2 / sum (y - mean)^2``."""
        _, squares, _, total = self.scores.tolist()
        return 1.0 - squares / total if total > 0.0 else np.nan

    def knows(self, y: float) -> bool:
        """Whether the target can be presented as it is."""
        return True

    def place(self, y: float) -> float:
        """The target as the networks are shown it."""
        unit = self.unit or self._choose_unit(abs(y))
        return y if unit == 1.0 else min(max(y * unit, -LARGEST), LARGEST)

    def _choose_unit(self, size: float) -> float:
        """Choose the unit by the size of a target, unless that is 0."""
        if size > 0.0:
            usual = min(max(size, _SMALLEST_USUAL), _LARGEST_USUAL)
            self.unit = 2.0 ** round(log2(usual) - log2(size))
        return self.unit or 1.0

    def losses(self, outputs: np.ndarray, y: float) -> np.ndarray:
        """Half the squared error of each network, in deviations of the target."""
        e = outputs[:, 0] - y
        e /= self.moments.location_and_scale()[1]
        e *= e
        e *= 0.5
        return np.minimum(e, LARGEST_LOSS, out=e)

    def vote_loss(self, vote: np.ndarray, y: float) -> float:
        """Half the squared error of a vote, in deviations of the target."""
        error = (float(vote[0]) - y) / self.moments.location_and_scale()[1]
        return min(0.5 * error * error, LARGEST_LOSS)

    def see(self, y: float) -> tuple[float | None, float]:
        """Let the moments see a target; returns ``s / s'`` and ``(m - m') / s'``.

        The first is None while the scale is not steady.
        """
        mean, deviation = self.moments.location_and_scale()
        self.moments.update(y)
        new_mean, new_deviation = self.moments.location_and_scale()
        if self.moments.table[0] <= _STEADY:
            return None, 0.0
        return deviation / new_deviation, (mean - new_mean) / new_deviation

    def delta(self, v: np.ndarray, outputs: np.ndarray, y: float) -> np.ndarray:
        """``delta = d - y``, d being the scaled target; within five deviations."""
        mean, deviation = self.moments.location_and_scale()
        delta = (y - mean) / deviation - v
        np.minimum(delta, LARGEST_ERROR, out=delta)
        return np.maximum(delta, -LARGEST_ERROR, out=delta)

    def remember(self, y: float) -> None:
        """Keep the last target."""
        self.last = y


class ClassTask:
    """Classes, by softmax and cross-entropy; more may come up.

    Parameters
    ----------
    classes : list or None
        Sorted; None if they come up in the stream.

    Attributes
    ----------
    classes : list
        Sorted: an output neuron each.
    is_open : bool
        Whether more may come up.
    last : ndarray of shape (n_classes,)
        1 for the class of the last row, in order of arrival.
    scores : ndarray of shape (2,)
        Rows predicted, and those predicted right.
    """

    is_classification = True
    last_is_indicator = True
    moments = NumberMoments(None, LARGEST_OUTPUT)  # classes have no scale: it is not read

    def __init__(self, classes: list | None):
        self.is_open = classes is None
        self.classes = list(classes or ())
        self.known = set(self.classes)
        self.arrivals = list(self.classes)
        self.last = np.zeros(len(self.classes))
        self.scores = np.zeros(2)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what the classes tell."""
        return {name: value for name, value in vars(self).items() if name != "known"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, known=set(state["classes"]))

    @property
    def n_units(self) -> int:
        """An output neuron for each class."""
        return len(self.classes)

    @property
    def n_last(self) -> int:
        """An indicator for each class."""
        return len(self.classes)

    def place(self, label: Any) -> int:
        """Place of a class among the others, where it is or would be."""
        return bisect_left(self.classes, label)

    def knows(self, label: Any) -> bool:
        """Whether a class has come up."""
        return label in self.known

    def insert(self, label: Any) -> None:
        """Take in a new class, at its place."""
        self.classes.insert(self.place(label), label)
        self.known.add(label)
        self.arrivals.append(label)
        self.last = np.append(self.last, 0.0)

    def outputs(self, v: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, by softmax."""
        y = np.empty_like(v)
        if y.size:
            flat = (-1, v.shape[-1])
            ACTIVATIONS["softmax"].into(v.reshape(flat), y.reshape(flat))
        return y

    def in_units(self, votes: np.ndarray) -> np.ndarray:
        """Probabilities, which have no unit."""
        return votes

    def answer(self, vote: np.ndarray) -> Any:
        """The class that a vote is for."""
        return self.classes[int(vote.argmax())]

    def decode(self, target: int) -> Any:
        """The class at a place."""
        return self.classes[target]

    def score(self, answer: Any, truth: Any) -> None:
        """Count the row in the metric."""
        self.scores += 1.0, answer == truth

    @property
    def metric(self) -> float:
        """Prequential accuracy."""
        n, n_right = self.scores.tolist()
        return n_right / n if n else np.nan

    def losses(self, outputs: np.ndarray, target: int) -> np.ndarray:
        """``-log p`` of the right class, of each network."""
        return -np.log(np.maximum(outputs[:, target], LEAST_PROBABILITY))

    def vote_loss(self, vote: np.ndarray, target: int) -> float:
        """``-log p`` of the right class, of the vote."""
        return -log(max(float(vote[target]), LEAST_PROBABILITY))

    def see(self, target: int) -> tuple[None, float]:
        """Return None: classes have no scale."""
        return None, 0.0

    def delta(self, v: np.ndarray, outputs: np.ndarray, target: int) -> np.ndarray:
        """``delta_j = d_j - y_j``, d being 1 for the class of the row."""
        delta = -outputs
        delta[:, target] += 1.0
        return delta

    def remember(self, target: int) -> None:
        """Keep the last target."""
        self.last[...] = 0.0
        self.last[self.arrivals.index(self.classes[target])] = 1.0
