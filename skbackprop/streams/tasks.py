"""What is predicted, numbers or classes: from the networks' outputs to losses and back."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np

from ..activations.activation import ACTIVATIONS
from .moments import Moments

__all__ = ["ClassTask", "NumberTask"]

_LEAST_PROBABILITY = 1e-3  # that the right class counts with: it bounds the loss of a row
_LARGEST_LOSS = 20.0
_LARGEST_ERROR = 5.0  # deviations of the target: one that is further off moves no more
_LARGEST_OUTPUT = 10.0  # deviations of the target that a prediction keeps within
_STEADY = 30  # targets from which on their scale is corrected for


class NumberTask:
    """Numbers, scaled by running moments: a prediction is ``m + s v``.

    Parameters
    ----------
    half_life : float or None
        Of the moments of the target.

    Attributes
    ----------
    last : float
        The last target; NaN before there is one.
    """

    n_units, n_last, last_is_indicator = 1, 1, False

    def __init__(self, half_life: float | None):
        self.moments, self.overall = Moments(1, half_life, _LARGEST_OUTPUT), Moments(1)
        self.mean, self.deviation = 0.0, 1.0
        self.last = np.nan
        self.n_scored, self.sum_squares = 0, 0.0

    def outputs(self, v: np.ndarray) -> np.ndarray:
        """Predictions in y's units, kept within ten deviations of the mean."""
        y = np.minimum(v, _LARGEST_OUTPUT)
        np.maximum(y, -_LARGEST_OUTPUT, out=y)
        y *= self.deviation
        y += self.mean
        return y

    def score(self, vote: np.ndarray, y: float) -> float:
        """Count the row in the metric; returns its loss."""
        error = float(vote[0]) - y
        self.n_scored += 1
        self.sum_squares += error * error
        self.overall.update(np.array([y]))
        return min(0.5 * (error / self.deviation) ** 2, _LARGEST_LOSS)

    @property
    def metric(self) -> float:
        """Prequential R^2, ``1 - sum (prediction - y)^2 / sum (y - mean)^2``."""
        total = float(self.overall.variance[0]) * self.n_scored
        return 1.0 - self.sum_squares / total if total else np.nan

    def knows(self, y: float) -> bool:
        """Whether the target can be presented as it is."""
        return True

    def place(self, y: float) -> float:
        """The target as the networks are shown it."""
        return y

    def losses(self, outputs: np.ndarray, y: float) -> np.ndarray:
        """Half the squared error of each network, in deviations of the target."""
        e = outputs[:, 0] - y
        e /= self.deviation
        e *= e
        e *= 0.5
        return np.minimum(e, _LARGEST_LOSS, out=e)

    def see(self, y: float) -> tuple[float | None, float]:
        """Let the moments see a target; returns ``s / s'`` and ``(m - m') / s'``.

        The first is None while the scale is not steady.
        """
        mean, deviation = self.mean, self.deviation
        self.moments.update(np.array([y]))
        inverse = float(self.moments.inverse[0])
        self.mean, self.deviation = float(self.moments.mean[0]), 1.0 / inverse if inverse else 1.0
        if self.moments.count[0] <= _STEADY:
            return None, 0.0
        return deviation / self.deviation, (mean - self.mean) / self.deviation

    def delta(self, v: np.ndarray, outputs: np.ndarray, y: float) -> np.ndarray:
        """``delta = d - y``, d being the scaled target; within five deviations."""
        delta = (y - self.mean) / self.deviation - v
        np.minimum(delta, _LARGEST_ERROR, out=delta)
        return np.maximum(delta, -_LARGEST_ERROR, out=delta)

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
    """

    last_is_indicator = True

    def __init__(self, classes: list | None):
        self.is_open = classes is None
        self.classes = list(classes or ())
        self.known = set(self.classes)
        self.arrivals = list(self.classes)
        self.last = np.zeros(len(self.classes))
        self.n_right, self.n_scored = 0, 0

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

    def insert(self, label: Any) -> int:
        """Take in a new class; returns its place."""
        place = self.place(label)
        self.classes.insert(place, label)
        self.known.add(label)
        self.arrivals.append(label)
        self.last = np.append(self.last, 0.0)
        return place

    def outputs(self, v: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, by softmax."""
        y = np.empty_like(v)
        if y.size:
            flat = (-1, v.shape[-1])
            ACTIVATIONS["softmax"].into(v.reshape(flat), y.reshape(flat))
        return y

    def score(self, vote: np.ndarray, label: Any) -> float:
        """Count the row in the metric; returns whether the vote was wrong."""
        wrong = self.classes[int(vote.argmax())] != label
        self.n_scored += 1
        self.n_right += not wrong
        return float(wrong)

    @property
    def metric(self) -> float:
        """Prequential accuracy."""
        return self.n_right / self.n_scored if self.n_scored else np.nan

    def losses(self, outputs: np.ndarray, target: int) -> np.ndarray:
        """``-log p`` of the right class, of each network."""
        return -np.log(np.maximum(outputs[:, target], _LEAST_PROBABILITY))

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
