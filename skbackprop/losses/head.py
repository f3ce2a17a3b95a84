"""The head of a network: a loss, between the targets of a task and the output neurons.

An estimator turns `y` into *targets*, the compact form: a float (n, n_targets) array for
regression, class indices (n,) for classes, an (n, n_targets) 0/1 array or CSR matrix for labels.
The head turns one batch of these into the desired outputs ``d`` (n, n_units), the outputs into a
cost and the local gradients that start the backward pass, and back into predictions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax
from sklearn.metrics import accuracy_score

from ..activations.activation import ACTIVATIONS, resolve_activation
from .loss import LOSSES, Loss
from .task import Task

__all__ = ["Head"]


_BLOCK_ROWS = 4096  # targets that are encoded at a time


def _within_range(targets, prediction):
    """Both over the largest number in them, where squares would leave the range of floats.

    A score of numbers does not depend on their unit.
    """
    try:
        size = max(float(np.abs(np.asarray(A)).max()) for A in (targets, prediction))
    except (AttributeError, TypeError, ValueError):  # which the score is to refuse
        return targets, prediction
    if _LEAST < size < _LARGEST or not 0.0 < size < np.inf:
        return targets, prediction
    return tuple(np.asarray(A, np.float64) / size for A in (targets, prediction))


# Sizes whose squares are far from either end of the range of float32.
_LEAST, _LARGEST = 1e-15, 1e15


class Head:
    """A loss, for one task and behind one output activation.

    Parameters
    ----------
    loss : Loss
        Left as it is; the head has a copy.
    task : Task
    output_activation : str or Activation, optional
        None is the loss's canonical one.

    Attributes
    ----------
    loss : Loss
        In the form that it takes behind the output activation.
    task : Task
    output : Activation
    fused : bool
        Whether the local gradients come in one piece, and not as ``e phi'(v)``.
    output_may_overflow : bool
        Whether an output may be infinite where its v is finite, as ``exp(v)`` may.

    Raises
    ------
    ValueError
        If the loss does not serve the task, or not with that activation.
    """

    def __init__(self, loss: Loss, task: Task, output_activation=None):
        if task.kind not in loss.tasks:
            able = [repr(name) for name in sorted(LOSSES) if task.kind in LOSSES[name].tasks]
            raise ValueError(
                f"loss {loss!r} does not serve {task.kind} targets; it serves "
                f"{', '.join(loss.tasks)}. Use one of {', '.join(able)}."
            )
        canonical = [resolve_activation(output) for output in loss.canonical_outputs(task)]
        self.task = task
        self.output = canonical[0]
        if output_activation is not None:
            self.output = resolve_activation(output_activation, "output_activation")
        loss.check_output(task, self.output)
        self.loss = loss.behind(self.output)
        self._is_canonical = self.output in canonical
        self.fused = loss.fused and self._is_canonical
        bounded = all(map(np.isfinite, self.output.range))
        self.output_may_overflow = not bounded and self.output != ACTIVATIONS["identity"]

    # -- targets -----------------------------------------------------------------------------

    def n_units(self) -> int:
        """Output neurons: one per target, class or label; one for two classes, unless softmax."""
        if self.task.kind == "binary":
            return 1 if self.output.elementwise else 2
        return self.task.n_targets * self.loss.units_per_target

    def unit_names(self, targets: Sequence[str]) -> list[str]:
        """What each output neuron stands for.

        Parameters
        ----------
        targets : sequence of str
            Names of the targets, classes or labels; a single output neuron for two classes stands
            for the second.
        """
        return self.loss.unit_names(targets)[-self.n_units() :]

    def encode(self, targets, dtype) -> np.ndarray:
        """Desired outputs ``d`` (n, n_units) of one batch of targets."""
        if not self.task.is_classification:
            return self.loss.desired(np.asarray(targets, dtype))
        low, high = self.loss.levels(self.output)
        if self.task.kind == "multilabel":
            codes = targets.toarray() if sparse.issparse(targets) else targets
            d = codes.astype(dtype)
        elif self.task.kind == "binary" and self.n_units() == 1:
            d = targets.astype(dtype)[:, None]
        else:
            d = np.zeros((len(targets), self.n_units()), dtype)
            d[np.arange(len(targets)), targets] = 1.0
        if (low, high) != (0.0, 1.0):
            d *= high - low
            d += low
        return self.loss.desired(d)

    # -- the maths ---------------------------------------------------------------------------

    def value(self, d: np.ndarray, y: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Cost ``E(n)`` of each row, (n,), summed over the output neurons.

        Infinite where an output is not finite, whatever the loss makes of that: a cost that is
        computed from v may be finite where ``y = exp(v)`` is not.
        """
        values = self.loss.value(d, y, v)
        if self.output_may_overflow and not (finite := np.isfinite(y)).all():
            values = np.where(finite.all(axis=1), values, np.inf)
        return values

    def error(self, d: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Error signal ``e_j = -dE/dy_j``, (n, n_units)."""
        return self.loss.error(d, y)

    def output_delta(self, d, y, v, out: np.ndarray) -> np.ndarray:
        """Write the output neurons' local gradients: fused if they can be, else ``e phi'(v)``."""
        if self.fused:
            return self.loss.fused_delta(d, y, v, out)
        out[...] = self.loss.error(d, y)
        return self.output.delta(out, v, y, out=out)

    def link(self, d: np.ndarray) -> np.ndarray:
        """Induced local fields whose outputs are `d`, of a canonical pair; else zeros."""
        return self.loss.link(d) if self._is_canonical else np.zeros_like(d)

    def best_constant(self, targets, weights: np.ndarray) -> np.ndarray:
        """Induced local fields (n_units,) of the best constant output, in float64.

        Zeros where the loss does not know them: behind an activation that is not canonical.

        Parameters
        ----------
        targets : ndarray or CSR
        weights : ndarray of shape (n,)
            Of the rows; their sum is one.
        """
        if not self._is_canonical:
            return np.zeros(self.n_units())
        if not self.task.is_classification:
            v = self.loss.best_constant(np.asarray(targets, np.float64), weights)
            if v is not None:
                return v
        mean = np.zeros(self.n_units())
        for start in range(0, len(weights), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            mean += weights[rows] @ self.encode(targets[rows], np.float64)
        return self.loss.link(mean)

    # -- predictions -------------------------------------------------------------------------

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs estimate class probabilities."""
        return self.loss.gives_probabilities and self._can_be_probabilities()

    def _can_be_probabilities(self) -> bool:
        softmax = not self.output.elementwise and self.task.kind in ("binary", "multiclass")
        logistic = self.output == ACTIVATIONS["logistic"]
        of_one = self.task.kind in ("binary", "multilabel") or self.task.is_one_class
        return softmax or (logistic and of_one)

    @property
    def gives_deviation(self) -> bool:
        """Whether the outputs estimate the standard deviation of the targets, too."""
        return self.loss.gives_deviation

    def decode(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Prediction: of numbers, or class indices (n,), or 0/1 labels (n, n_targets)."""
        if not self.task.is_classification:
            return self.loss.prediction(y)
        scores = self.decision(v, y)
        if scores.ndim == 2 and self.task.kind == "multiclass":
            return scores.argmax(axis=1)
        return (scores > 0).astype(np.intp)

    def deviation(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Standard deviation (n, n_targets) of the prediction."""
        return self.loss.deviation(y)

    def score(self, targets, prediction, sample_weight=None) -> float:
        """How good a prediction is, higher is better: the loss's own score, or the accuracy."""
        if self.task.is_classification:
            return accuracy_score(targets, prediction, sample_weight=sample_weight)
        with np.errstate(all="ignore"):
            targets, prediction = _within_range(targets, prediction)
            return self.loss.score(targets, prediction, sample_weight=sample_weight)

    def decision(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Confidence: (n,) for two classes, > 0 for the second; 0 for one; else (n, n_targets)."""
        if self.task.is_one_class:
            return np.zeros(len(y), y.dtype)
        scores = v
        if not (self.fused and self.gives_probabilities):
            scores = y - sum(self.loss.levels(self.output)) / 2
        if self.task.kind == "binary":
            return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores[:, 0]
        return scores

    def probabilities(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Probabilities (n, n_classes) of the classes, or (n, n_labels) of the labels.

        That of the first of two classes is ``phi(-v)``, which is exact where ``1 - phi(v)`` is 0.
        """
        if self.task.kind == "multilabel":
            tiny = np.finfo(y.dtype).tiny
            return np.clip(y, tiny, 1.0 - np.finfo(y.dtype).epsneg)
        if self.task.is_one_class:
            return np.ones_like(y)
        return y if y.shape[1] > 1 else np.hstack([expit(-v), y])

    def log_probabilities(self, v: np.ndarray) -> np.ndarray:
        """Logarithms of `probabilities`, from v: finite wherever they can be."""
        if self.task.is_one_class:
            return np.zeros_like(v)
        if not self.output.elementwise:
            with np.errstate(over="ignore", invalid="ignore"):  # of v that are infinite, or nearly
                return log_softmax(v, axis=1)
        if self.task.kind == "multilabel":
            return log_expit(v)
        return np.hstack([log_expit(-v), log_expit(v)])

    # -- as one writes it down ---------------------------------------------------------------

    def error_rules(self) -> list[str]:
        """`Loss.error_rule` of each output neuron, "" where a loss says it of another `error`."""
        rule, error = (
            next(owner for owner in type(self.loss).__mro__ if name in vars(owner))
            for name in ("error_rule", "error")
        )
        n_units = self.n_units()
        says = issubclass(rule, error)
        return [self.loss.error_rule(j, n_units) if says else "" for j in range(n_units)]

    def has_desired(self) -> list[bool]:
        """`Loss.has_desired` of each output neuron."""
        n_units = self.n_units()
        return [self.loss.has_desired(j, n_units) for j in range(n_units)]
