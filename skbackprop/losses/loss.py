"""Losses, each also the head between the targets and the output neurons.

A loss says what the desired outputs ``d`` are (`encode`), what an output costs (`value`), the error
signal that starts the backward pass (`error`, ``e = -dE/dy``), and what the outputs mean (`decode`,
`decision`, `probabilities`). An estimator turns `y` into *targets*, the compact form: a float
(n, n_targets) array for regression, class indices (n,) for classes, an (n, n_targets) 0/1 array or
CSR matrix for labels; `encode` turns one batch of these into ``d`` (n, n_units).

`Loss.bind` gives the head for one task and one output activation. With its *canonical* output
activation a loss may give ``delta = -dE/dv`` in one piece, `fused_delta`, mostly ``d - y``: then
the value comes from v, stable at any v, and the division by ``phi'`` that `error` would need never
happens.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.metrics import accuracy_score, r2_score

from ..activations.activation import ACTIVATIONS, Activation, resolve_activation
from ..activations.mixed import Mixed
from ..registry import Checked
from .head import Task

__all__ = ["LOSSES", "Loss"]


_BLOCK_ROWS = 4096  # targets that are encoded at a time


class Loss(Checked):
    """Base class: a loss for regression needs `value` and `error`, and nothing else.

    Attributes
    ----------
    tasks : tuple of str
        Kinds of `Task` that the loss serves.
    sum_of_squares : bool
        Whether ``E = 1/2 sum_j e_j^2``, which some solvers ask for.
    least_target : float or None
        Least target that the loss takes; None is any.
    takes_least : bool
        Whether it takes `least_target` itself.
    check_error : bool
        Whether a loss of the user's own is checked before training starts: that `error` (or
        `fused_delta`) is the slope of `value`. False where it is not, on purpose.
    task, output, canonical : Task, Activation, bool
        Set by `bind`.
    """

    tasks: tuple[str, ...] = ("regression",)
    canonical_output = "identity"
    sum_of_squares = False
    least_target: float | None = None
    takes_least = True
    check_error = True

    # -- targets that are given ----------------------------------------------------------------

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise ValueError if a target is below what the loss is defined for."""
        if self.least_target is None or not targets.size:
            return
        least = targets.min()
        if least < self.least_target or (least == self.least_target and not self.takes_least):
            raise ValueError(
                f"y has {least}, but loss={self!r} needs y "
                f"{'>=' if self.takes_least else '>'} {self.least_target}."
            )

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
            able = [repr(name) for name, loss in sorted(LOSSES.items()) if task.kind in loss.tasks]
            raise ValueError(
                f"loss {self!r} does not serve {task.kind} targets; it serves "
                f"{', '.join(self.tasks)}. Use one of {', '.join(able)}."
            )
        head = copy.copy(self)
        head.task = task
        canonical = resolve_activation(head._canonical_output())
        head.output = canonical
        if output_activation is not None:
            head.output = resolve_activation(output_activation, "output_activation")
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

    def unit_names(self, targets: Sequence[str]) -> list[str]:
        """What each output neuron stands for.

        Parameters
        ----------
        targets : sequence of str
            Names of the targets, classes or labels; a single output neuron for two classes stands
            for the second.
        """
        return list(targets[-self.n_units() :])

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
        raise NotImplementedError(f"loss {self!r} defines no value(d, y, v), the cost of each row.")

    def error(self, d: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Error signal ``e_j = -dE/dy_j``, (n, n_units)."""
        raise NotImplementedError(f"loss {self!r} defines no error(d, y), the slope -dE/dy.")

    def has_desired(self, j: int) -> bool:
        """Whether neuron j has a desired output; else what `encode` gives it means nothing.

        It is for the eye, as `error_rule`.
        """
        return True

    def written_error(self, j: int) -> str:
        """`error_rule`, if it is of the class that `error` is of; what overrides one needs both."""
        rule, error = (
            next(owner for owner in type(self).__mro__ if name in vars(owner))
            for name in ("error_rule", "error")
        )
        return self.error_rule(j) if issubclass(rule, error) else ""

    def error_rule(self, j: int) -> str:
        """`error` of output neuron j as one writes it down; "" says that it is a number only.

        In ``d_j`` and ``y_j`` (``y_0``: of neuron 0), with ``*``, ``/`` and ``^``, functions' names
        between backquotes; a comparison in brackets counts 1 where it holds, and 0 elsewhere. It is
        for the eye (`SignalTrace.explain`); what is computed is `error`.
        """
        return ""

    def fused_delta(self, d, y, v, out: np.ndarray) -> np.ndarray:
        """Write ``delta = -dE/dv`` behind the canonical output activation: ``d - y``."""
        return np.subtract(d, y, out)

    def output_delta(self, d, y, v, out: np.ndarray) -> np.ndarray:
        """Write the output neurons' local gradients: fused if canonical, else ``e phi'(v)``."""
        if self.canonical:
            return self.fused_delta(d, y, v, out)
        out[...] = self.error(d, y)
        return self.output.delta(out, v, y, out=out)

    def link(self, d: np.ndarray) -> np.ndarray:
        """Induced local fields whose outputs are `d`, of the canonical pair; else zeros.

        ``E_av`` of a constant output is least at ``v = link(mean of d)``.
        """
        return np.zeros_like(d)

    def rest(self, targets, weights: np.ndarray) -> np.ndarray:
        """Induced local fields (n_units,) of the best constant prediction, in float64.

        Parameters
        ----------
        targets : ndarray or CSR
        weights : ndarray of shape (n,)
            Of the rows; their sum is one.
        """
        mean = np.zeros(self.n_units())
        for start in range(0, len(weights), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            mean += weights[rows] @ self.encode(targets[rows], np.float64)
        return self.link(mean)

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

    @property
    def gives_deviation(self) -> bool:
        """Whether the outputs estimate the standard deviation of the targets, too."""
        return False

    def deviation(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Standard deviation (n, n_targets) of the prediction."""
        raise NotImplementedError

    def score(self, targets, prediction, sample_weight=None) -> float:
        """How good a prediction is, higher is better: R^2, or the accuracy."""
        measure = accuracy_score if self.task.is_classification else r2_score
        return measure(targets, prediction, sample_weight=sample_weight)

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
            both = np.empty((len(y), 2), y.dtype)
            np.subtract(1.0, y, out=both[:, :1])
            both[:, 1:] = y
            return both
        return y

    def _is_probability(self) -> bool:
        softmax = not self.output.elementwise and self.task.kind in ("binary", "multiclass")
        logistic = self.output == ACTIVATIONS["logistic"]
        return softmax or (logistic and self.task.kind in ("binary", "multilabel"))


def require_positive(loss: Loss) -> None:
    """Refuse outputs that are not positive at any v."""
    members = loss.output.activations if isinstance(loss.output, Mixed) else (loss.output,)
    low = np.array([[-30.0]])
    if not all(member.elementwise and member.phi(low)[0, 0] > 0 for member in members):
        raise ValueError(
            f"output_activation={loss.output!r} does not go with loss {loss!r}, which needs "
            "positive outputs; leave it None for 'exp', or use 'softplus'."
        )


def weighted_quantile(targets: np.ndarray, level, weights: np.ndarray) -> np.ndarray:
    """Least target at which the summed weights reach the level; each column on its own."""
    shared = np.broadcast_to(weights[:, None], targets.shape)
    return np.quantile(targets, level, axis=0, method="inverted_cdf", weights=shared)


#: The built-in ones by name; each file of this folder adds its own.
LOSSES: dict[str, Loss] = {}
