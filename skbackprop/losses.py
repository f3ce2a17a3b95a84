"""Losses, each also the head between the targets and the output neurons.

A loss says what the desired outputs ``d`` are (`encode`), what an output costs (`value`), the error
signal that starts the backward pass (`error`, ``e = -dE/dy``), and what the outputs mean (`decode`,
`decision`, `probabilities`). An estimator turns `y` into *targets*, the compact form: a float
(n, n_targets) array for regression, class indices (n,) for classes, an (n, n_targets) 0/1 array or
CSR matrix for labels; `encode` turns one batch of these into ``d`` (n, n_units).

`Loss.bind` gives the head for one task and one output activation. A pair is *canonical* when
``delta = -dE/dv = d - y`` exactly: then the value comes from v, stable at any v, and the division
by ``phi'`` that `error` would need never happens.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from .activations import ACTIVATIONS, Activation, resolve_activation, row_max

__all__ = ["LOSSES", "CrossEntropy", "Loss", "SquaredError", "Task"]


@dataclass(frozen=True)
class Task:
    """What is predicted: its kind, and how many targets, classes or labels there are."""

    kind: Literal["regression", "binary", "multiclass", "multilabel"]
    n_targets: int

    @property
    def is_classification(self) -> bool:
        """Whether the targets are classes or labels."""
        return self.kind != "regression"


class Loss(BaseEstimator):
    """Base class: a loss for regression needs `value` and `error`, and nothing else.

    Attributes
    ----------
    tasks : tuple of str
        Kinds of `Task` that the loss serves.
    sum_of_squares : bool
        Whether ``E = 1/2 sum_j e_j^2``, which some solvers ask for.
    task, output, canonical : Task, Activation, bool
        Set by `bind`.
    """

    tasks: tuple[str, ...] = ("regression",)
    canonical_output = "identity"
    sum_of_squares = False

    # -- binding -----------------------------------------------------------------------------

    def bind(self, task: Task, output_activation=None) -> Loss:
        """The head for `task` behind `output_activation` (None: the canonical one).

        Returns
        -------
        Loss
            A copy; the loss itself is left as it is.

        Raises
        ------
        ValueError
            If the loss does not serve the task, or not with that activation.
        """
        if task.kind not in self.tasks:
            raise ValueError(
                f"loss {self!r} does not serve {task.kind} targets; it serves "
                f"{', '.join(self.tasks)}."
            )
        head = copy.copy(self)
        head.task = task
        canonical = resolve_activation(head._canonical_output())
        head.output = (
            canonical if output_activation is None else resolve_activation(output_activation)
        )
        head.canonical = head.output == canonical and self._is_fused()
        head._check_output()
        return head

    def _canonical_output(self) -> str | Activation:
        return self.canonical_output

    def _is_fused(self) -> bool:
        return False

    def _check_output(self) -> None:
        """Refuse an output activation that the loss cannot stand behind."""

    # -- targets -----------------------------------------------------------------------------

    def n_units(self) -> int:
        """Output neurons: one per target, class or label; one for two classes, unless softmax."""
        if self.task.kind == "binary":
            return 1 if self.output.elementwise else 2
        return self.task.n_targets

    def levels(self) -> tuple[float, float]:
        """Desired outputs of "no" and "yes": (0, 1), or (-1, 1) if phi is bounded around 0."""
        low, high = self.output.range
        return (-1.0, 1.0) if -np.inf < low < 0.0 < high < np.inf else (0.0, 1.0)

    def encode(self, targets, dtype) -> np.ndarray:
        """Desired outputs ``d`` (n, n_units) of one batch of targets."""
        if not self.task.is_classification:
            return np.asarray(targets, dtype)
        low, high = self.levels()
        if self.task.kind == "multilabel":
            codes = targets.toarray() if sparse.issparse(targets) else targets
            d = codes.astype(dtype)
        elif self.n_units() == 1:
            d = targets.astype(dtype)[:, None]
        else:
            d = np.zeros((len(targets), self.n_units()), dtype)
            d[np.arange(len(targets)), targets] = 1.0
        if (low, high) != (0.0, 1.0):
            d *= high - low
            d += low
        return d

    # -- the maths ---------------------------------------------------------------------------

    def value(self, d: np.ndarray, y: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Cost ``E(n)`` of each row, (n,), summed over the output neurons."""
        raise NotImplementedError

    def error(self, d: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Error signal ``e_j = -dE/dy_j``, (n, n_units)."""
        raise NotImplementedError

    def output_delta(self, d, y, v, out: np.ndarray) -> np.ndarray:
        """Write the output neurons' local gradients: ``d - y`` if canonical, else ``e phi'(v)``."""
        if self.canonical:
            return np.subtract(d, y, out=out)
        out[...] = self.error(d, y)
        return self.output.delta(out, v, y, out=out)

    def link(self, d: np.ndarray) -> np.ndarray:
        """Induced local fields whose outputs are `d`, of the canonical pair; else zeros.

        ``E_av`` of a constant output is least at ``v = link(mean of d)``.
        """
        return np.zeros_like(d)

    # -- predictions -------------------------------------------------------------------------

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs estimate class probabilities."""
        return False

    def decode(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Prediction: the outputs, or class indices (n,), or 0/1 labels (n, n_targets)."""
        if not self.task.is_classification:
            return y
        scores = self.decision(v, y)
        if self.task.kind == "multiclass":
            return scores.argmax(axis=1)
        return (scores > 0).astype(np.intp)

    def decision(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Confidence: (n,) for two classes, > 0 for the second; else (n, n_targets)."""
        scores = v if self.canonical and self.gives_probabilities else y - sum(self.levels()) / 2
        if self.task.kind == "binary":
            return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores[:, 0]
        return scores

    def probabilities(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Probabilities (n, n_classes) of the classes, or (n, n_labels) of the labels."""
        if self.task.kind == "multilabel":
            tiny = np.finfo(y.dtype).tiny
            return np.clip(y, tiny, 1.0 - np.finfo(y.dtype).epsneg)
        if y.shape[1] == 1:
            return np.hstack([1.0 - y, y])
        return y

    def _is_probability(self) -> bool:
        softmax = not self.output.elementwise and self.task.kind in ("binary", "multiclass")
        logistic = self.output == ACTIVATIONS["logistic"]
        return softmax or (logistic and self.task.kind in ("binary", "multilabel"))


class SquaredError(Loss):
    """``E = 1/2 sum_j (d_j - y_j)^2``, ``e_j = d_j - y_j``: the cost of the notes.

    For regression, and for classification with any output activation: the desired outputs are then
    0 and 1, or -1 and +1 where the activation's range is bounded on both sides of zero.
    """

    tasks = ("regression", "binary", "multiclass", "multilabel")
    sum_of_squares = True

    def _is_fused(self):
        return True

    @property
    def gives_probabilities(self) -> bool:
        """True for logistic (two classes, labels) and softmax outputs."""
        return self.task.is_classification and self._is_probability()

    def link(self, d) -> np.ndarray:
        """``v = d`` for identity outputs; zeros for others."""
        return d if self.canonical else np.zeros_like(d)

    def value(self, d, y, v) -> np.ndarray:
        """``1/2 sum_j (d_j - y_j)^2``."""
        e = d - y
        return 0.5 * np.einsum("nj,nj->n", e, e)

    def error(self, d, y) -> np.ndarray:
        """``e_j = d_j - y_j``."""
        return d - y


class CrossEntropy(Loss):
    """Negative log-likelihood of the class: softmax over classes, logistic for two or for labels.

    ``E = -sum_j d_j log y_j`` (softmax) or ``E = -sum_j [d_j log y_j + (1 - d_j) log(1 - y_j)]``
    (logistic); with these outputs ``delta_j = d_j - y_j`` (Bishop 2006, section 5.2), and E is
    computed from v: ``logsumexp(v) - sum_j d_j v_j``, and ``softplus(v) - d v``.
    """

    tasks = ("binary", "multiclass", "multilabel")

    def _canonical_output(self):
        return "softmax" if self.task.kind == "multiclass" else "logistic"

    def _is_fused(self):
        return True

    def _check_output(self):
        if self.task.kind == "binary" and self.output == ACTIVATIONS["softmax"]:
            self.canonical = True
        if not self.canonical:
            raise ValueError(
                f"output_activation={self.output!r} does not go with loss {self!r} on "
                f"{self.task.kind} targets; leave it None for {self._canonical_output()!r}, or use "
                "loss='squared_error', which goes with any."
            )

    @property
    def gives_probabilities(self) -> bool:
        """Always."""
        return True

    def link(self, d) -> np.ndarray:
        """``log d`` (softmax) or ``log(d / (1 - d))`` (logistic), d kept off 0 and 1."""
        d = np.clip(d, 1e-8, 1.0 - 1e-8)
        return np.log(d) - np.log1p(-d) if self.output.elementwise else np.log(d)

    def value(self, d, y, v) -> np.ndarray:
        """``logsumexp(v) - d.v`` or ``sum_j softplus(v_j) - d_j v_j``, stable at any v."""
        if self.output.elementwise:
            return (np.logaddexp(v.dtype.type(0), v) - d * v).sum(axis=1)
        # The largest output is 1 / sum_j exp(v_j - v_max), so logsumexp(v) = v_max - log y_max;
        # scipy.special.logsumexp gives the same at a third of the cost of a whole update.
        return row_max(v) - np.einsum("nj,nj->n", d, v) - np.log(row_max(y))

    def error(self, d, y) -> np.ndarray:
        """``d_j / y_j`` (softmax) or ``(d_j - y_j) / (y_j (1 - y_j))`` (logistic)."""
        return (d - y) / (y * (1.0 - y)) if self.output.elementwise else d / y


LOSSES: dict[str, Loss] = {
    "squared_error": SquaredError(),
    "cross_entropy": CrossEntropy(),
}
