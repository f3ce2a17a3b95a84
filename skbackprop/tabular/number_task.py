"""Numbers as targets of tables: their units, networks, costs, predictions and their average.

Targets are standardised, by their weighted mean and deviation, so that eta suits them all; those
that must be positive are only divided by their mean. Predictions are kept in the range seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..estimators.base import Backprop
from ..estimators.regressor import BackpropRegressor
from ..estimators.targets import NumberCoding
from ..losses.head import Head
from ..losses.loss import Loss
from ..network.rows import with_mean_one
from .averaging import likelihood_weights, loss_weights, squared_error_weights
from .linear import fit_ridge
from .members import Member, TableRows

__all__ = ["NumberTask"]


@dataclass
class NumberTask:
    """One or several numbers.

    Attributes
    ----------
    coding : NumberCoding
    loss : Loss
    shift, scale : ndarray of shape (n_targets,)
        ``y = shift + scale t``, t being what networks learn.
    low, high : ndarray of shape (n_targets,)
        The range of t in training.
    """

    coding: NumberCoding
    loss: Loss
    shift: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    network_class = BackpropRegressor
    activation = "mish"
    output_activation = None
    eta = 0.07
    views = ("waves", "ramps", "steps")
    views_of_few = ("waves", "ramps")

    @classmethod
    def read(cls, coding: NumberCoding, loss: Loss, y, weights) -> NumberTask:
        """The task of some targets (n, n_targets), in float64."""
        shares = np.full(len(y), 1 / len(y))
        if weights is not None:
            shares *= with_mean_one(weights.astype(np.float64))
        mean = shares @ y
        if loss.least_target is None:
            shift, scale = mean, _deviation(y - mean, shares)
        else:
            shift, scale = np.zeros_like(mean), mean
        # The deviation of equal numbers is no more than their rounding.
        scale = np.where(scale > 1e-12 * np.abs(mean), scale, 1.0)
        low, high = ((bound - shift) / scale for bound in (y.min(axis=0), y.max(axis=0)))
        return cls(coding, loss, shift, scale, low, high)

    @property
    def head(self) -> Head:
        """The loss, at the outputs of a network."""
        return Head(self.loss, self.coding.task)

    @property
    def _of_squares(self) -> bool:
        return self.loss.sum_of_squares

    def encode(self, y) -> np.ndarray:
        """The targets (n, n_targets) in the units of the networks, in float64."""
        return (self.coding.encode(y, np.float64) - self.shift) / self.scale

    def marks(self, targets, dtype) -> np.ndarray:
        """The targets."""
        return targets.astype(dtype, copy=False)

    def strata(self, targets) -> None:
        """Nothing whose shares a split is to keep."""

    def cost(self, targets, v, y) -> np.ndarray:
        """The loss of each row, of outputs that are kept in range where they are predictions."""
        head = self.head
        if head.output.name == "identity":
            v = y = self._in_range(y)
        return head.value(head.encode(targets, y.dtype), y, v)

    def _in_range(self, predictions) -> np.ndarray:
        low, high = (bound.astype(predictions.dtype) for bound in (self.low, self.high))
        return np.clip(predictions, low, high)

    def linear(self, rows: TableRows, split) -> Any:
        """A ridge regression; none for other losses than the squared error."""
        if not self._of_squares:
            return None
        return fit_ridge(rows.X, rows.targets, rows.weights, *split)

    def has_neighbours(self) -> bool:
        """Whether neighbours can tell: they tell means, which only the squared error asks for."""
        return self._of_squares

    def outputs(self, estimator, X) -> np.ndarray:
        """The predictions of a member, and behind them the deviations if the loss gives any."""
        if not isinstance(estimator, Backprop):
            return self._in_range(estimator.predict(X).reshape(len(X), -1))
        head, (v, y) = self.head, estimator._signals(X)
        prediction = self._in_range(head.decode(v, y))
        if not self.loss.gives_deviation:
            return prediction
        return np.hstack([prediction, head.deviation(v, y)])

    def weigh(self, outputs, targets, shares) -> tuple[np.ndarray, list[float]]:
        """The weight of each view, from its outputs on rows held out, and no temperatures.

        Parameters
        ----------
        outputs : list of ndarray of shape (n, n_outputs)
        targets : ndarray of shape (n, n_targets)
        shares : ndarray of shape (n,)
            The weights of the rows; their sum is one.
        """
        members = np.stack(outputs).astype(np.float64)  # (n_members, n, n_outputs)
        n_targets = targets.shape[1]
        each = np.repeat(shares / n_targets, n_targets)
        if self._of_squares:
            weights = squared_error_weights(_as_columns(members), targets.ravel(), each)
        elif self.loss.gives_deviation:
            mean, deviation = members[:, :, :n_targets], members[:, :, n_targets:]
            z = (targets - mean) / deviation
            densities = np.exp(-0.5 * z * z) / deviation
            weights = likelihood_weights(_as_columns(densities), each)
        else:
            weights = loss_weights(
                lambda w: float(shares @ self._mean_cost(targets, w, members)), len(members)
            )
        return weights, [1.0] * len(outputs)

    def _mean_cost(self, targets, w, members) -> np.ndarray:
        """The loss of each row of the average of predictions."""
        head, y = self.head, np.tensordot(w, members, 1)
        v = y
        if head.output.name != "identity":
            y = np.maximum(y, np.finfo(np.float64).tiny)
            v = np.log(y)
        return head.value(head.encode(targets, np.float64), y, v)

    def blend(self, members: list[Member], outputs) -> np.ndarray:
        """The mean of the members' predictions; with deviations, that of the mixture."""
        n_targets = self.coding.task.n_targets
        first = second = 0.0
        for member, output in zip(members, outputs, strict=True):
            output = output.astype(np.float64)
            if not self.loss.gives_deviation:
                first = first + member.weight * output
                continue
            mean, deviation = output[:, :n_targets], output[:, n_targets:]
            first = first + member.weight * mean
            second = second + member.weight * (mean * mean + deviation * deviation)
        if not self.loss.gives_deviation:
            return first  # type: ignore[return-value]
        variance = np.maximum(second - first * first, 0.0)
        return np.hstack([first, np.sqrt(variance)])

    def decode(self, blended) -> np.ndarray:
        """Predictions in the units of y."""
        prediction = self.loss.prediction(blended) * self.scale + self.shift
        return self.coding.decode(prediction)

    def decode_with_deviation(self, blended) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and their standard deviations, in the units of y."""
        n_targets = self.coding.task.n_targets
        mean, deviation = blended[:, :n_targets], blended[:, n_targets:]
        parts = mean * self.scale + self.shift, deviation * self.scale
        return self.coding.decode(parts[0]), self.coding.decode(parts[1])


def _deviation(errors, shares) -> np.ndarray:
    """The root of their mean square, (n_targets,), whatever their unit."""
    largest = np.abs(errors).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)
    return unit * np.sqrt(shares @ (errors / unit) ** 2)


def _as_columns(members) -> np.ndarray:
    """Numbers (n_members, n, n_targets) as one column a member."""
    return members.reshape(len(members), -1).T
