"""Classes and labels as targets of tables: networks, costs, probabilities and their average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax

from ..estimators.base import Backprop
from ..estimators.classifier import BackpropClassifier
from ..estimators.targets import ClassCoding
from ..losses.classification import CrossEntropy
from ..losses.head import Head
from ..losses.loss import Loss
from .averaging import best_temperature, likelihood_weights
from .linear import ABSENT, fit_logistic, logits_of
from .members import Member, TableRows
from .neighbours import Neighbours

__all__ = ["ClassTask"]

_LEAST = 1e-7  # probability in a logarithm


@dataclass
class ClassTask:
    """Classes, or labels as a 0/1 indicator matrix.

    Attributes
    ----------
    coding : ClassCoding
    loss : Loss
        Of the networks.
    """

    coding: ClassCoding
    loss: Loss

    network_class = BackpropClassifier
    activation = "selu"
    eta = 0.04
    views = ("plain", "waves", "steps")
    views_of_few = ("plain", "waves")

    @property
    def output_activation(self) -> str:
        """The output activation of the networks."""
        return "logistic" if self._of_labels else "softmax"

    @property
    def head(self) -> Head:
        """The head by whose cost networks are compared: the log loss."""
        return Head(CrossEntropy(), self.coding.task, self.output_activation)

    @property
    def _of_labels(self) -> bool:
        return self.coding.task.kind == "multilabel"

    def encode(self, y) -> np.ndarray:
        """Indices (n,) of classes, or the indicator matrix, dense."""
        targets = self.coding.encode(y, None)
        return targets.toarray() if sparse.issparse(targets) else targets

    def marks(self, targets, dtype) -> np.ndarray:
        """The targets as marks (n, n_targets) of each class or label."""
        return self.head.encode(targets, dtype)

    def strata(self, targets) -> np.ndarray | None:
        """The classes whose shares a split is to keep."""
        return None if self._of_labels else targets

    def cost(self, targets, v, y) -> np.ndarray:
        """The log loss of each row."""
        return self.head.value(self.head.encode(targets, y.dtype), y, v)

    def linear(self, rows: TableRows, split) -> Any:
        """A logistic regression; none for labels, or if the rows are of one class."""
        if self._of_labels:
            return None
        return fit_logistic(rows.X, rows.targets, rows.weights, split[0])

    def has_neighbours(self) -> bool:
        """Whether neighbours can tell: those of classes, not of labels."""
        return not self._of_labels

    def outputs(self, estimator, X) -> np.ndarray:
        """The logits (n, n_targets) of a member."""
        if isinstance(estimator, Backprop):
            return estimator._signals(X)[0]
        if isinstance(estimator, Neighbours):
            return estimator.logits(X, ABSENT)
        return logits_of(estimator, X, self.coding.task.n_targets)

    def probabilities(self, logits, temperature: float = 1.0) -> np.ndarray:
        """The probabilities of logits times a factor."""
        v = logits.astype(np.float64) * temperature
        return expit(v) if self._of_labels else softmax(v, axis=1)

    def weigh(self, outputs, targets, shares) -> tuple[np.ndarray, list[float]]:
        """The weight of each view, and its temperature, from its logits on rows held out.

        Parameters
        ----------
        outputs : list of ndarray of shape (n, n_targets)
        targets : ndarray
        shares : ndarray of shape (n,)
            The weights of the rows; their sum is one.
        """

        def likelihoods(logits, temperature):
            p = self.probabilities(logits, temperature)
            return np.where(targets, p, 1 - p) if self._of_labels else p[at, targets]

        def log_loss(logits, temperature):
            likely = np.maximum(likelihoods(logits, temperature), _LEAST)
            return -shares @ np.log(likely).reshape(len(shares), -1).sum(axis=1)

        at = np.arange(len(shares))
        factors = [best_temperature(lambda t, v=v: log_loss(v, t)) for v in outputs]  # type: ignore
        members = [likelihoods(v, t).ravel() for v, t in zip(outputs, factors, strict=True)]
        n_each = len(members[0]) // len(shares)
        return likelihood_weights(
            np.stack(members, axis=1), np.repeat(shares / n_each, n_each)
        ), factors

    def blend(self, members: list[Member], outputs) -> np.ndarray:
        """The average of the members' probabilities."""
        return sum(  # type: ignore[return-value]
            member.weight * self.probabilities(v, member.temperature)
            for member, v in zip(members, outputs, strict=True)
        )
