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
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.special import xlogy
from sklearn.metrics import accuracy_score, mean_pinball_loss, r2_score
from sklearn.utils.validation import check_consistent_length

from .activations import ACTIVATIONS, Activation, Mixed, resolve_activation, row_max
from .registry import Checked

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "CrossEntropy",
    "Focal",
    "Gamma",
    "GaussianNLL",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "Task",
    "Tweedie",
    "check_loss",
]

_BLOCK_ROWS = 4096  # targets that are encoded at a time


@dataclass(frozen=True)
class Task:
    """What is predicted: its kind, and how many targets, classes or labels there are."""

    kind: Literal["regression", "binary", "multiclass", "multilabel"]
    n_targets: int

    @property
    def is_classification(self) -> bool:
        """Whether the targets are classes or labels."""
        return self.kind != "regression"


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
        return 0.5 * np.vecdot(e, e)

    def error(self, d, y) -> np.ndarray:
        """``e_j = d_j - y_j``."""
        return d - y

    def error_rule(self, j) -> str:
        """``d_j - y_j``."""
        return "d_j - y_j"


def _require_positive(loss: Loss) -> None:
    """Refuse outputs that are not positive at any v."""
    members = loss.output.activations if isinstance(loss.output, Mixed) else (loss.output,)
    low = np.array([[-30.0]])
    if not all(member.elementwise and member.phi(low)[0, 0] > 0 for member in members):
        raise ValueError(
            f"output_activation={loss.output!r} does not go with loss {loss!r}, which needs "
            "positive outputs; leave it None for 'exp', or use 'softplus'."
        )


def _weighted_quantile(targets: np.ndarray, level, weights: np.ndarray) -> np.ndarray:
    """Least target at which the summed weights reach the level; each column on its own."""
    shared = np.broadcast_to(weights[:, None], targets.shape)
    return np.quantile(targets, level, axis=0, method="inverted_cdf", weights=shared)


class _OnMedian(Loss):
    """What the losses around the median share."""

    def rest(self, targets, weights) -> np.ndarray:
        """The weighted median of each target, behind identity outputs."""
        if self.output != ACTIVATIONS["identity"]:
            return np.zeros(self.n_units())
        return _weighted_quantile(targets.astype(np.float64), 0.5, weights)


class AbsoluteError(_OnMedian):
    """``E = sum_j |d_j - y_j|``, ``e_j = sign(d_j - y_j)``: the median of the target."""

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j |d_j - y_j|``."""
        return np.abs(d - y).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = sign(d_j - y_j)``."""
        return np.sign(d - y)

    def error_rule(self, j) -> str:
        """``sign(d_j - y_j)``."""
        return "`sign`(d_j - y_j)"


class Huber(_OnMedian):
    """Squared near zero, absolute beyond: ``r^2 / 2`` if ``|r| <= delta``, else
    ``delta (|r| - delta / 2)``, ``r = d_j - y_j`` (Huber, Annals of Mathematical Statistics 35,
    1964).

    Parameters
    ----------
    delta : float > 0, default=1.0
        Residual from which the cost grows linearly, in the unit of y.
    """  # noqa: D205

    def __init__(self, delta: float = 1.0):
        self.delta = delta

    def check(self) -> None:
        """Raise ValueError if delta is not positive."""
        self._check_number("delta", "(0, inf)")

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j r^2 / 2`` or ``delta (|r| - delta / 2)``."""
        r = np.abs(d - y)
        inside = np.minimum(r, self.delta)
        return (inside * (r - 0.5 * inside)).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = r``, kept within +-delta."""
        return np.clip(d - y, -self.delta, self.delta)

    def error_rule(self, j) -> str:
        """``clip(d_j - y_j, -delta, delta)``."""
        return f"`clip`(d_j - y_j, -{self.delta:g}, {self.delta:g})"


class LogCosh(_OnMedian):
    """``E = sum_j log cosh(d_j - y_j)``, ``e_j = tanh(d_j - y_j)``: a smooth Huber."""

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j |r| + log(1 + exp(-2 |r|)) - log 2``, which does not overflow."""
        r = np.abs(d - y)
        return (r + np.log1p(np.exp(-2.0 * r)) - np.log(2.0).astype(r.dtype)).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = tanh(d_j - y_j)``."""
        return np.tanh(d - y)

    def error_rule(self, j) -> str:
        """``tanh(d_j - y_j)``."""
        return "`tanh`(d_j - y_j)"


class _Deviance(Loss):
    """Half the deviance of a distribution with a positive mean, behind ``exp`` by default."""

    canonical_output = "exp"
    least_target = 0.0

    def _is_fused(self):
        return True

    def _check_output(self):
        _require_positive(self)

    def link(self, d) -> np.ndarray:
        """``v = log d`` behind exp; zeros behind others."""
        return np.log(np.maximum(d, 1e-8)) if self.canonical else np.zeros_like(d)


class Poisson(_Deviance):
    """Half the Poisson deviance, ``E = sum_j d_j log(d_j / y_j) - d_j + y_j``, for counts.

    ``e_j = d_j / y_j - 1``; behind ``exp``, ``delta_j = d_j - y_j``. Targets must be >= 0.
    """

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j d_j log d_j - d_j log y_j - d_j + y_j``; behind exp, ``log y_j`` is ``v_j``."""
        log_y = v if self.canonical else np.log(y)
        return (xlogy(d, d) - d * log_y - d + y).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = d_j / y_j - 1``."""
        return d / y - 1.0

    def error_rule(self, j) -> str:
        """``d_j / y_j - 1``."""
        return "d_j / y_j - 1"


class Gamma(_Deviance):
    """Half the gamma deviance, ``E = sum_j d_j / y_j - log(d_j / y_j) - 1``, for skewed amounts.

    ``e_j = (d_j - y_j) / y_j^2``; behind ``exp``, ``delta_j = d_j / y_j - 1``. Targets must be
    positive.
    """

    takes_least = False

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j d_j / y_j - log(d_j / y_j) - 1``; behind exp, from v."""
        if self.canonical:
            return (d * np.exp(-v) - np.log(d) + v - 1.0).sum(axis=1)
        return (d / y - np.log(d / y) - 1.0).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = (d_j - y_j) / y_j^2``."""
        return (d - y) / (y * y)

    def error_rule(self, j) -> str:
        """``(d_j - y_j) / y_j^2``."""
        return "(d_j - y_j) / y_j^2"

    def fused_delta(self, d, y, v, out) -> np.ndarray:
        """``delta_j = d_j exp(-v_j) - 1``."""
        np.negative(v, out=out)
        np.exp(out, out=out)
        out *= d
        out -= 1.0
        return out


class Tweedie(_Deviance):
    """Half the Tweedie deviance of a power p: between 1 and 2, amounts that may be exactly 0.

    ``E = sum_j d_j^(2-p) / ((1-p)(2-p)) - d_j y_j^(1-p) / (1-p) + y_j^(2-p) / (2-p)``,
    ``e_j = (d_j - y_j) / y_j^p``; behind ``exp``, ``delta_j = d_j y_j^(1-p) - y_j^(2-p)``
    (Jorgensen, Journal of the Royal Statistical Society B 49, 1987).

    Parameters
    ----------
    power : float, default=1.5
        The variance grows as ``mean^p``; > 1 and not 2: 1 is `Poisson`, 2 is `Gamma`. Targets must
        be >= 0 below 2, positive above.
    """

    def __init__(self, power: float = 1.5):
        self.power = power

    def check(self) -> None:
        """Raise ValueError if power is not above 1, or is 2."""
        self._check_number("power", "(1, inf)")
        if self.power == 2:
            raise ValueError("power of Tweedie is 2; that is loss='gamma'.")

    @property
    def takes_least(self) -> bool:  # type: ignore[override]
        """Whether a target may be zero."""
        return self.power < 2

    def value(self, d, y, v) -> np.ndarray:
        """The three terms above; behind exp, powers of y from v."""
        p = self.power
        first = np.maximum(d, np.finfo(d.dtype).tiny if p > 2 else 0.0) ** (2.0 - p)
        y_1, y_2 = self._powers(y, v)
        terms = first / ((1.0 - p) * (2.0 - p)) - d * y_1 / (1.0 - p) + y_2 / (2.0 - p)
        return terms.sum(axis=1)

    def _powers(self, y, v):
        p = self.power
        if self.canonical:
            return np.exp((1.0 - p) * v), np.exp((2.0 - p) * v)
        return y ** (1.0 - p), y ** (2.0 - p)

    def error(self, d, y) -> np.ndarray:
        """``e_j = (d_j - y_j) / y_j^p``."""
        return (d - y) * y**-self.power

    def error_rule(self, j) -> str:
        """``(d_j - y_j) / y_j^p``."""
        return f"(d_j - y_j) / y_j^{self.power:g}"

    def fused_delta(self, d, y, v, out) -> np.ndarray:
        """``delta_j = d_j y_j^(1-p) - y_j^(2-p)``, from v."""
        y_1, y_2 = self._powers(y, v)
        return np.subtract(d * y_1, y_2, out=out)


class Quantile(Loss):
    """The pinball loss: quantiles of the target, one or several in one network.

    ``E = sum_j max(tau r, (tau - 1) r)``, ``r = d_j - y_j``: ``e_j`` is tau where the target is
    above, tau - 1 where it is below (Koenker and Bassett, Econometrica 46, 1978). With several
    levels there is an output neuron for each, and `decode` sorts them, which never makes them worse
    (Chernozhukov, Fernandez-Val and Galichon, Econometrica 78, 2010): they cannot cross.

    Parameters
    ----------
    level : float in (0, 1) or increasing sequence of such, default=0.5
        Several levels are for one target.
    """

    def __init__(self, level=0.5):
        self.level = level

    @property
    def _levels(self) -> np.ndarray:
        return np.atleast_1d(np.asarray(self.level, dtype=float))

    def check(self) -> None:
        """Raise ValueError if a level is not in (0, 1), or they do not increase."""
        try:
            levels = self._levels
        except (TypeError, ValueError):
            levels = np.array([])
        inside = levels.ndim == 1 and levels.size > 0 and ((levels > 0) & (levels < 1)).all()
        if not inside or (np.diff(levels) <= 0).any():
            raise ValueError(
                f"level of Quantile is {self.level!r}; it must be a number in (0, 1), or several "
                "that increase."
            )

    def _check_output(self):
        if len(self._levels) > 1 and self.task.n_targets > 1:
            raise ValueError(
                f"loss {self!r} has {len(self._levels)} levels, and y {self.task.n_targets} "
                "targets; give one level, or one target."
            )

    def n_units(self) -> int:
        """One output neuron for each level, or for each target."""
        return max(len(self._levels), self.task.n_targets)

    def unit_names(self, targets) -> list[str]:
        """Over several levels, the level of each."""
        levels = self._levels.tolist()
        if len(levels) == 1:
            return list(targets)
        return [f"{targets[0]}, quantile {level:g}" for level in levels]

    def encode(self, targets, dtype) -> np.ndarray:
        """The target, once for each level."""
        d = np.asarray(targets, dtype)
        return d if d.shape[1] == self.n_units() else np.repeat(d, self.n_units(), axis=1)

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j max(tau_j r, (tau_j - 1) r)``."""
        r, tau = d - y, self._levels.astype(y.dtype)
        return np.maximum(tau * r, (tau - 1.0) * r).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``tau_j`` where ``d_j > y_j``, ``tau_j - 1`` where it is less, 0 where they are equal."""
        r, tau = d - y, self._levels.astype(y.dtype)
        return np.where(r > 0, tau, np.where(r < 0, tau - 1.0, 0.0)).astype(y.dtype)

    def error_rule(self, j) -> str:
        """``tau_j (d_j > y_j) - (1 - tau_j) (d_j < y_j)``."""
        tau = self._levels[j % len(self._levels)]
        return f"{tau:g} * (d_j > y_j) - {1.0 - tau:g} * (d_j < y_j)"

    def rest(self, targets, weights) -> np.ndarray:
        """The weighted quantiles of the target, behind identity outputs."""
        if self.output != ACTIVATIONS["identity"]:
            return np.zeros(self.n_units())
        return _weighted_quantile(targets.astype(np.float64), self._levels, weights).ravel()

    def decode(self, v, y) -> np.ndarray:
        """The quantiles (n, n_units), sorted over several levels."""
        return np.sort(y, axis=1) if len(self._levels) > 1 else y

    def score(self, targets, prediction, sample_weight=None) -> float:
        """D^2 of the mean pinball loss over the levels: 1 - its ratio to that of constants."""
        check_consistent_length(targets, prediction, sample_weight)
        targets = np.asarray(targets, dtype=float).reshape(len(targets), -1)
        prediction = np.asarray(prediction).reshape(len(prediction), -1)
        weights = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight)
        loss = constant = 0.0
        for j, level in enumerate(self._levels):
            given = prediction[:, [j]] if len(self._levels) > 1 else prediction
            rest = np.broadcast_to(_weighted_quantile(targets, level, weights), targets.shape)
            measure = {"sample_weight": sample_weight, "alpha": level}
            loss += mean_pinball_loss(targets, given, **measure)
            constant += mean_pinball_loss(targets, rest, **measure)
        if constant == 0.0:
            return 1.0 if loss == 0.0 else 0.0
        return 1.0 - loss / constant


class GaussianNLL(Loss):
    """Mean and variance of a normal target: its negative log-likelihood.

    ``E = 1/2 sum_j [log(2 pi s_j) + (d_j - m_j)^2 / s_j]``. The first half of the output neurons
    are the means m, behind the identity; the others, behind ``exp``, give ``s_j = y_j + epsilon``
    (Nix and Weigend, ICNN 1994). Prediction is the mean; ``predict(X, return_std=True)`` gives
    ``sqrt(s)``, too.

    Parameters
    ----------
    epsilon : float > 0, default=1e-6
        Least variance, in the square of y's unit.
    """

    def __init__(self, epsilon: float = 1e-6):
        self.epsilon = epsilon

    def check(self) -> None:
        """Raise ValueError if epsilon is not positive."""
        self._check_number("epsilon", "(0, inf)")

    def _canonical_output(self):
        return Mixed(["identity"] * self.task.n_targets + ["exp"] * self.task.n_targets)

    def _check_output(self):
        if self.output != self._canonical_output():
            raise ValueError(
                f"output_activation={self.output!r} does not go with loss {self!r}, whose outputs "
                "are means and variances; leave it None."
            )

    def n_units(self) -> int:
        """Two output neurons for each target."""
        return 2 * self.task.n_targets

    def unit_names(self, targets) -> list[str]:
        """The mean of each target, then the variances."""
        return [f"{name}, {what}" for what in ("mean", "variance") for name in targets]

    def _split(self, d, y):
        n = self.task.n_targets
        return d[:, :n] - y[:, :n], y[:, n:] + y.dtype.type(self.epsilon)

    def encode(self, targets, dtype) -> np.ndarray:
        """The targets, and zeros in the place of the unknown variances."""
        d = np.zeros((len(targets), self.n_units()), dtype)
        d[:, : self.task.n_targets] = targets
        return d

    def value(self, d, y, v) -> np.ndarray:
        """``1/2 sum_j log(2 pi s_j) + r_j^2 / s_j``."""
        r, s = self._split(d, y)
        return 0.5 * (np.log(2.0 * np.pi * s) + r * r / s).sum(axis=1).astype(y.dtype)

    def error(self, d, y) -> np.ndarray:
        """``r_j / s_j`` of the means, ``(r_j^2 / s_j - 1) / (2 s_j)`` of the variances."""
        r, s = self._split(d, y)
        return np.hstack([r / s, 0.5 * (r * r / s - 1.0) / s])

    def has_desired(self, j) -> bool:
        """Of the means; nobody knows the variances."""
        return j < self.task.n_targets

    def error_rule(self, j) -> str:
        """Each with the output neuron that is the other half of its target."""
        n, epsilon = self.task.n_targets, f"{self.epsilon:g}"
        if j < n:
            return f"(d_j - y_j) / (y_{j + n} + {epsilon})"
        s = f"(y_j + {epsilon})"
        return f"((d_{j - n} - y_{j - n})^2 / {s} - 1) / (2 * {s})"

    def rest(self, targets, weights) -> np.ndarray:
        """Mean and log-variance of each target."""
        d = np.asarray(targets, np.float64)
        mean = weights @ d
        variance = np.maximum(weights @ (d - mean) ** 2, self.epsilon)
        return np.hstack([mean, np.log(variance)])

    def decode(self, v, y) -> np.ndarray:
        """The means (n, n_targets)."""
        return y[:, : self.task.n_targets]

    @property
    def gives_deviation(self) -> bool:
        """Always."""
        return True

    def deviation(self, v, y) -> np.ndarray:
        """``sqrt(s_j)``."""
        return np.sqrt(self._split(y, y)[1])


class CrossEntropy(Loss):
    """Negative log-likelihood of the class: softmax over classes, logistic for two or for labels.

    ``E = -sum_j d_j log y_j`` (softmax) or ``E = -sum_j [d_j log y_j + (1 - d_j) log(1 - y_j)]``
    (logistic); with these outputs ``delta_j = d_j - y_j`` (Bishop 2006, section 5.2), and E is
    computed from v: ``logsumexp(v) - sum_j d_j v_j``, and ``softplus(v) - d v``.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        Share of each desired output that is spread evenly over the classes:
        ``d = (1 - s) d + s / K``, K = 2 for logistic outputs (Szegedy et al., CVPR 2016).
    """

    def __init__(self, label_smoothing: float = 0.0):
        self.label_smoothing = label_smoothing

    def check(self) -> None:
        """Raise ValueError if label_smoothing is not in [0, 1)."""
        self._check_number("label_smoothing", "[0, 1)")

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

    def encode(self, targets, dtype) -> np.ndarray:
        """Desired outputs, smoothed."""
        d = super().encode(targets, dtype)
        if self.label_smoothing:
            d *= 1.0 - self.label_smoothing
            d += self.label_smoothing / (2 if self.output.elementwise else d.shape[1])
        return d

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
            values = np.logaddexp(v.dtype.type(0), v)
            values -= d * v
            return values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)
        # The largest output is 1 / sum_j exp(v_j - v_max), so logsumexp(v) = v_max - log y_max;
        # scipy.special.logsumexp gives the same at a third of the cost of a whole update.
        return row_max(v) - np.einsum("nj,nj->n", d, v) - np.log(row_max(y))

    def error(self, d, y) -> np.ndarray:
        """``d_j / y_j`` (softmax) or ``(d_j - y_j) / (y_j (1 - y_j))`` (logistic)."""
        return (d - y) / (y * (1.0 - y)) if self.output.elementwise else d / y

    def error_rule(self, j) -> str:
        """``d_j / y_j`` or ``(d_j - y_j) / (y_j (1 - y_j))``."""
        return "(d_j - y_j) / (y_j * (1 - y_j))" if self.output.elementwise else "d_j / y_j"


class Focal(CrossEntropy):
    """Focal loss (Lin et al., ICCV 2017): cross-entropy that passes over what is easy.

    ``E = -(1 - p)^gamma log p``, p being the probability of the right class (softmax), or of the
    right answer of each output neuron (logistic), summed. With those outputs
    ``delta_j = (1 - p)^gamma [1 - gamma p log(p) / (1 - p)] (d_j - y_j)``.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        At 0 it is the cross-entropy.
    """

    def __init__(self, gamma: float = 2.0):
        super().__init__()
        self.gamma = gamma

    label_smoothing = 0.0

    def check(self) -> None:
        """Raise ValueError if gamma is negative."""
        self._check_number("gamma", "[0, inf)")

    def _right(self, d, y, v):
        """``log p`` and ``1 - p``: a column for each right answer, from v."""
        if self.output.elementwise:
            zero = v.dtype.type(0)
            return d * v - np.logaddexp(zero, v), np.abs(d - y)
        right = np.einsum("nj,nj->n", d, v)
        log_p = right - row_max(v) + np.log(row_max(y))
        return log_p[:, None], ((1.0 - d) * y).sum(axis=1)[:, None]

    def value(self, d, y, v) -> np.ndarray:
        """``-(1 - p)^gamma log p``, summed over the output neurons if they are logistic."""
        log_p, wrong = self._right(d, y, v)
        return -(wrong**self.gamma * log_p).sum(axis=1)

    def fused_delta(self, d, y, v, out) -> np.ndarray:
        """``(1 - p)^gamma [1 - gamma p log(p) / (1 - p)] (d_j - y_j)``; the ratio is 1 at p = 1."""
        log_p, wrong = self._right(d, y, v)
        near = wrong < np.finfo(wrong.dtype).eps
        ratio = np.where(near, 1.0, -log_p / np.where(near, 1.0, wrong))
        factor = wrong**self.gamma * (1.0 + self.gamma * np.exp(log_p) * ratio)
        np.subtract(d, y, out=out)
        out *= factor.astype(out.dtype)
        return out

    def error(self, d, y) -> np.ndarray:
        """``(1 - p)^gamma / p - gamma (1 - p)^(gamma - 1) log p`` of the right answers."""
        p = y if not self.output.elementwise else np.where(d > 0.5, y, 1.0 - y)
        e = (1.0 - p) ** self.gamma / p
        if self.gamma:
            e -= self.gamma * (1.0 - p) ** (self.gamma - 1.0) * np.log(p)
        return e * (d if not self.output.elementwise else np.where(d > 0.5, 1.0, -1.0))

    def error_rule(self, j) -> str:
        """That of a right answer, times d; less, of logistic outputs, that of a wrong one."""
        if not self.gamma:
            return super().error_rule(j)
        high, low = f"^{self.gamma:g}", f"^{self.gamma - 1.0:g}" if self.gamma != 2 else ""
        yes, no = "y_j", "(1 - y_j)"
        rule = f"d_j * ({no}{high} / {yes} - {self.gamma:g} * {no}{low} * `log`({yes}))"
        if not self.output.elementwise:
            return rule
        wrong = f"({yes}{high} / {no} - {self.gamma:g} * {yes}{low} * `log`{no})"
        return f"{rule} - {no.replace('y', 'd')} * {wrong}"


class Hinge(Loss):
    """``E = sum_j max(0, 1 - d_j y_j)``, desired outputs -1 and +1: a margin, no probabilities.

    ``e_j = d_j`` inside the margin, 0 outside (Cortes and Vapnik 1995). Over several classes each
    output neuron tells its class from the rest, and the largest output wins.
    """

    tasks = ("binary", "multiclass", "multilabel")

    def _check_output(self):
        low, high = self.output.range
        if not (self.output.elementwise and low < 0.0 < high):
            raise ValueError(
                f"output_activation={self.output!r} does not go with loss {self!r}, which needs "
                "outputs of both signs; leave it None for 'identity', or use 'tanh'."
            )

    def levels(self) -> tuple[float, float]:
        """-1 and +1."""
        return -1.0, 1.0

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j max(0, 1 - d_j y_j)``."""
        return np.maximum(0.0, 1.0 - d * y).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``d_j`` where ``d_j y_j < 1``, else 0."""
        return d * (d * y < 1.0)

    def error_rule(self, j) -> str:
        """``d_j (d_j y_j < 1)``."""
        return "d_j * (d_j * y_j < 1)"


LOSSES: dict[str, Loss] = {
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "log_cosh": LogCosh(),
    "quantile": Quantile(),
    "poisson": Poisson(),
    "gamma": Gamma(),
    "tweedie": Tweedie(),
    "gaussian_nll": GaussianNLL(),
    "cross_entropy": CrossEntropy(),
    "focal": Focal(),
    "hinge": Hinge(),
}


# The check of a user's loss -----------------------------------------------------------------------


_CHECKED_ROWS, _CHECKED_DIRECTIONS, _CHECK_STEPS = 12, 8, (1e-5, 1e-3, 1e-2)


def check_loss(head: Loss, targets) -> None:
    """Check that a user's loss gives a cost for each row, and the slope of that cost.

    For a few of the targets, at random v in float64, the local gradients of the output neurons are
    compared with central differences of the summed cost in random directions of v. Steps of several
    sizes are tried, so that a loss may compute in float32; what round-off hides is passed over.

    Parameters
    ----------
    head : Loss
        Bound. Nothing happens if its `check_error` is False, or to a loss of this module. The slope
        is not compared behind an output activation of the user's own that has ``check=False``.
    targets : ndarray or CSR
        Of a row at least.

    Raises
    ------
    ValueError
        If something is wrong; the message shows what.
    """
    if not head.check_error or type(head).__module__ == __name__:
        return
    with np.errstate(all="ignore"):
        d = head.encode(targets[np.arange(_CHECKED_ROWS) % targets.shape[0]], np.float64)
        rng = np.random.default_rng(1974)  # not a seed that y itself may come from
        v = rng.normal(size=(len(d), head.n_units()))
        y = head.output.phi(v.copy())
        values = _checked(head, "value(d, y, v)", (len(v),), d, y, v)
        e = None if head.canonical else _checked(head, "error(d, y)", v.shape, d, y)
        if not _is_smooth(head.output):
            return
        delta = head.output_delta(d, y, v, np.empty_like(v))
        precision = max(np.finfo(a.dtype).eps for a in (values, e) if a is not None)
        usable = np.isfinite(values) & np.isfinite(delta).all(axis=1)
        noise = 16.0 * precision * float(np.abs(values[usable]).sum())
        wrong = []
        for direction in rng.normal(size=(_CHECKED_DIRECTIONS, *v.shape)):
            direction[~usable] = 0.0
            given = float((delta * direction)[usable].sum())
            numeric = _numeric_slope(head, d, v, direction, given, noise)
            if numeric is not None:
                wrong.append((given, numeric))
    if 2 * len(wrong) > _CHECKED_DIRECTIONS:  # of a right slope, one in a while meets a kink
        given, numeric = wrong[0]
        part = "fused_delta()" if head.canonical else "error()"
        raise ValueError(
            f"loss {head!r}: {part} is not the slope of value(): in a random direction of the "
            f"outputs' v it gives {given:.6g}, but the cost falls by {numeric:.6g} a step. Correct "
            "it, or set check_error = False in the class if the difference is on purpose."
        )


def _checked(head: Loss, call: str, shape: tuple[int, ...], *arguments: np.ndarray) -> np.ndarray:
    """What a method gives, as floats of that shape; its arguments must be left alone."""
    copies = [a.copy() for a in arguments]
    given = np.asarray(getattr(head, call.partition("(")[0])(*copies))
    for name, before, after in zip("dyv", arguments, copies, strict=False):
        if not np.array_equal(before, after, equal_nan=True):
            raise ValueError(
                f"loss {head!r}: {call} writes into its argument {name}, which may be a part of "
                "the user's y; work on a copy."
            )
    if given.shape != shape:
        raise ValueError(
            f"loss {head!r}: {call} gives shape {given.shape} for outputs of shape "
            f"{arguments[1].shape}; it must give {shape}."
        )
    return given if given.dtype.kind == "f" else given.astype(np.float64)


def _is_smooth(output: Activation) -> bool:
    """Whether dphi is the slope of phi: of the package's own, and of all that is checked."""
    members = output.activations if isinstance(output, Mixed) else (output,)
    return all(member.check or member in ACTIVATIONS.values() for member in members)


def _numeric_slope(head: Loss, d, v, direction, given: float, noise: float) -> float | None:
    """The numeric slope of the summed cost if it is not the given one; None if it is, or may be."""
    usable = direction.any(axis=1)

    def cost(at: np.ndarray) -> float:
        return float(head.value(d, head.output.phi(at.copy()), at)[usable].sum())

    numeric = None
    for step in _CHECK_STEPS:
        difference = (cost(v - step * direction) - cost(v + step * direction)) / (2.0 * step)
        size = abs(difference) + abs(given)
        if not noise / step + 1e-9 < 0.01 * size:
            continue  # round-off hides it, or nothing is finite, or both are zero
        if abs(difference - given) <= 1e-3 * size + noise / step:
            return None
        numeric = difference
    return numeric
