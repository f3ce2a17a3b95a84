"""Losses of classes and labels."""

from __future__ import annotations

import numpy as np

from ..activations.activation import resolve_activation
from ..activations.functions import row_max
from .loss import LOSSES, Loss
from .task import Kind

__all__ = ["CrossEntropy", "Focal", "Hinge"]


class CrossEntropy(Loss):
    """The cross-entropy, behind softmax over classes, or logistic for two classes and for labels.

    It is the negative log-likelihood of the class: ``E = -sum_j d_j log y_j`` (softmax) or
    ``E = -sum_j [d_j log y_j + (1 - d_j) log(1 - y_j)]`` (logistic). With these outputs
    ``delta_j = d_j - y_j`` (Bishop 2006, section 5.2), and E is computed from v:
    ``logsumexp(v) - sum_j d_j v_j``, and ``softplus(v) - d v``.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        Share of each desired output that is spread evenly over the classes:
        ``d = (1 - s) d + s / K``, K = 2 for logistic outputs (Szegedy et al., CVPR 2016).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier, CrossEntropy
    >>> X, y = load_iris(return_X_y=True)
    >>> smooth = CrossEntropy(label_smoothing=0.1)
    >>> net = BackpropClassifier((), loss=smooth, eta=0.05, random_state=0)
    >>> net.fit(X, y).predict_proba(X[:1]).round(1)
    array([[0.9, 0.1, 0. ]])
    """

    def __init__(self, label_smoothing: float = 0.0):
        self.label_smoothing = label_smoothing

    def check(self) -> None:
        """Raise ValueError if label_smoothing is not in [0, 1)."""
        self._check_number("label_smoothing", "[0, 1)")

    tasks: tuple[Kind, ...] = ("binary", "multiclass", "multilabel")
    fused = True
    gives_probabilities = True
    independent = False  # whether each output neuron answers for itself: behind logistic

    def canonical_outputs(self, task):
        """Softmax over classes, logistic for labels, either for two classes or one."""
        if task.is_one_class:
            return "softmax", "logistic"
        return {
            "binary": ("logistic", "softmax"),
            "multiclass": ("softmax",),
            "multilabel": ("logistic",),
        }[task.kind]

    def check_output(self, task, output) -> None:
        """Raise ValueError if the output activation is not canonical."""
        names = self.canonical_outputs(task)
        if output not in map(resolve_activation, names):
            raise ValueError(
                f"output_activation={output!r} does not go with loss {self!r} on "
                f"{task.kind} targets; leave it None for {names[0]!r}, or use "
                "loss='squared_error', which goes with any."
            )

    def behind(self, output) -> Loss:
        """A copy, which knows whether each output neuron answers for itself."""
        form = super().behind(output)
        form.independent = output.elementwise
        return form

    def desired(self, d) -> np.ndarray:
        """Desired outputs, smoothed in place."""
        if self.label_smoothing:
            d *= 1.0 - self.label_smoothing
            d += self.label_smoothing / (2 if self.independent else d.shape[1])
        return d

    def link(self, d) -> np.ndarray:
        """``log d`` (softmax) or ``log(d / (1 - d))`` (logistic), d kept off 0 and 1."""
        d = np.clip(d, 1e-8, 1.0 - 1e-8)
        return np.log(d) - np.log1p(-d) if self.independent else np.log(d)

    def value(self, d, y, v) -> np.ndarray:
        """``logsumexp(v) - d.v`` or ``sum_j softplus(v_j) - d_j v_j``, stable at any v."""
        if self.independent:
            values = np.logaddexp(v.dtype.type(0), v)
            values -= d * v
            return values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)
        # The largest output is 1 / sum_j exp(v_j - v_max), so logsumexp(v) = v_max - log y_max;
        # scipy.special.logsumexp gives the same at a third of the cost of a whole update.
        return row_max(v) - np.einsum("nj,nj->n", d, v) - np.log(row_max(y))

    def error(self, d, y) -> np.ndarray:
        """``d_j / y_j`` (softmax) or ``(d_j - y_j) / (y_j (1 - y_j))`` (logistic)."""
        return (d - y) / (y * (1.0 - y)) if self.independent else d / y

    def error_rule(self, j, n_units) -> str:
        """``d_j / y_j`` or ``(d_j - y_j) / (y_j (1 - y_j))``."""
        return "(d_j - y_j) / (y_j * (1 - y_j))" if self.independent else "d_j / y_j"


class Focal(CrossEntropy):
    """The focal loss (Lin et al., ICCV 2017): a cross-entropy that counts easy rows for less.

    ``E = -(1 - p)^gamma log p``, p being the probability of the right class (softmax), or of the
    right answer of each output neuron (logistic), summed. With those outputs
    ``delta_j = (1 - p)^gamma [1 - gamma p log(p) / (1 - p)] (d_j - y_j)``.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        At 0 it is the cross-entropy.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier, Focal
    >>> X, y = load_iris(return_X_y=True)
    >>> net = BackpropClassifier((), loss=Focal(), eta=0.05, max_iter=1000, random_state=0)
    >>> net.fit(X, y).predict(X[[0, 60, 140]])
    array([0, 1, 2])
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
        if self.independent:
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
        p = y if not self.independent else np.where(d > 0.5, y, 1.0 - y)
        e = (1.0 - p) ** self.gamma / p
        if self.gamma:
            e -= self.gamma * (1.0 - p) ** (self.gamma - 1.0) * np.log(p)
        return e * (d if not self.independent else np.where(d > 0.5, 1.0, -1.0))

    def error_rule(self, j, n_units) -> str:
        """Error signal of a right answer, times d; logistic, less that of a wrong one."""
        if not self.gamma:
            return super().error_rule(j, n_units)
        high, low = f"^{self.gamma:g}", f"^{self.gamma - 1.0:g}" if self.gamma != 2 else ""
        yes, no = "y_j", "(1 - y_j)"
        rule = f"d_j * ({no}{high} / {yes} - {self.gamma:g} * {no}{low} * `log`({yes}))"
        if not self.independent:
            return rule
        wrong = f"({yes}{high} / {no} - {self.gamma:g} * {yes}{low} * `log`{no})"
        return f"{rule} - {no.replace('y', 'd')} * {wrong}"


class Hinge(Loss):
    """The hinge loss, ``E = sum_j max(0, 1 - d_j y_j)``: classes by a margin, no probabilities.

    Desired outputs are -1 and +1; ``e_j = d_j`` inside the margin, 0 outside (Cortes and Vapnik
    1995). Over several classes each
    output neuron tells its class from the rest, and the largest output wins.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier, Hinge
    >>> X, y = load_iris(return_X_y=True)
    >>> net = BackpropClassifier((), loss=Hinge(), eta=0.05, random_state=0)
    >>> net.fit(X, y).predict(X[[0, 60, 140]])
    array([0, 1, 1])
    """

    tasks: tuple[Kind, ...] = ("binary", "multiclass", "multilabel")

    def check_output(self, task, output) -> None:
        """Raise ValueError if the outputs have one sign only."""
        low, high = output.range
        if not (output.elementwise and low < 0.0 < high):
            raise ValueError(
                f"output_activation={output!r} does not go with loss {self!r}, which needs "
                "outputs of both signs; leave it None for 'identity', or use 'tanh'."
            )

    def levels(self, output) -> tuple[float, float]:
        """Desired outputs of "no" and "yes": -1 and +1."""
        return -1.0, 1.0

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j max(0, 1 - d_j y_j)``."""
        return np.maximum(0.0, 1.0 - d * y).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``d_j`` where ``d_j y_j < 1``, else 0."""
        return d * (d * y < 1.0)

    def error_rule(self, j, n_units) -> str:
        """``d_j (d_j y_j < 1)``."""
        return "d_j * (d_j * y_j < 1)"


LOSSES.update({"cross_entropy": CrossEntropy(), "focal": Focal(), "hinge": Hinge()})
