"""Losses of numbers by their residuals: squared, absolute, between the two, and quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.validation import check_consistent_length

from .loss import LOSSES, Loss
from .task import Kind

__all__ = ["AbsoluteError", "Huber", "LogCosh", "Quantile", "SquaredError"]


class SquaredError(Loss):
    """Half the squared error, ``E = 1/2 sum_j (d_j - y_j)^2``; ``e_j = d_j - y_j``.

    It is the cost of the textbook rule (Haykin 2009, ch. 4), least at the mean of the target. For
    regression, and for classification with any output activation: the desired outputs are then 0
    and 1, or -1 and +1 where the activation's range is bounded on both sides of zero.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import SquaredError
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = SquaredError()
    >>> loss.value(d, y, y)  # the cost of each row
    array([0.125, 2.   ])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 0.5],
           [-2. ]])
    """

    tasks: tuple[Kind, ...] = ("regression", "binary", "multiclass", "multilabel")
    fused = True
    sum_of_squares = True
    gives_probabilities = True

    def link(self, d) -> np.ndarray:
        """``v = d``, behind the identity."""
        return d

    def value(self, d, y, v) -> np.ndarray:
        """``1/2 sum_j (d_j - y_j)^2``."""
        e = d - y
        return 0.5 * np.vecdot(e, e)

    def error(self, d, y) -> np.ndarray:
        """``e_j = d_j - y_j``."""
        return d - y

    def error_rule(self, j, n_units) -> str:
        """``d_j - y_j``."""
        return "d_j - y_j"


class _OnMedian(Loss):
    """A loss whose best constant is the median of the target, or close to it."""

    def best_constant(self, targets, weights) -> np.ndarray:
        """The weighted median of each target."""
        return _weighted_quantile(targets, 0.5, weights)


class AbsoluteError(_OnMedian):
    """The absolute error, ``E = sum_j |d_j - y_j|``, ``e_j = sign(d_j - y_j)``: for the median.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import AbsoluteError
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = AbsoluteError()
    >>> loss.value(d, y, y)  # the cost of each row
    array([0.5, 2. ])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 1.],
           [-1.]])
    """

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j |d_j - y_j|``."""
        return np.abs(d - y).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = sign(d_j - y_j)``."""
        return np.sign(d - y)

    def error_rule(self, j, n_units) -> str:
        """``sign(d_j - y_j)``."""
        return "`sign`(d_j - y_j)"


class Huber(_OnMedian):
    """Huber's loss, squared for small residuals and absolute for large ones.

    ``E = sum_j r^2 / 2`` if ``|r| <= delta``, else ``delta (|r| - delta / 2)``, ``r = d_j - y_j``
    (Huber, Annals of Mathematical Statistics 35, 1964).

    Parameters
    ----------
    delta : float > 0, default=1.0
        Residual from which the cost grows linearly, in the unit of y.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Huber
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = Huber(delta=1.0)
    >>> loss.value(d, y, y)  # the cost of each row
    array([0.125, 1.5  ])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 0.5],
           [-1. ]])
    """

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

    def error_rule(self, j, n_units) -> str:
        """``clip(d_j - y_j, -delta, delta)``."""
        return f"`clip`(d_j - y_j, -{self.delta:g}, {self.delta:g})"


class LogCosh(_OnMedian):
    """The log-cosh loss, ``E = sum_j log cosh(d_j - y_j)``, ``e_j = tanh(d_j - y_j)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import LogCosh
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = LogCosh()
    >>> loss.value(d, y, y)  # the cost of each row
    array([0.12011451, 1.32500275])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 0.46211716],
           [-0.96402758]])
    """

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j |r| + log(1 + exp(-2 |r|)) - log 2``, which does not overflow."""
        r = np.abs(d - y)
        return (r + np.log1p(np.exp(-2.0 * r)) - np.log(2.0).astype(r.dtype)).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = tanh(d_j - y_j)``."""
        return np.tanh(d - y)

    def error_rule(self, j, n_units) -> str:
        """``tanh(d_j - y_j)``."""
        return "`tanh`(d_j - y_j)"


class Quantile(Loss):
    """The pinball loss: quantiles of the target, one or several in one network.

    ``E = sum_j max(tau r, (tau - 1) r)``, ``r = d_j - y_j``: ``e_j`` is tau where the target is
    above, tau - 1 where it is below (Koenker and Bassett, Econometrica 46, 1978). With several
    levels there is an output neuron for each, and `prediction` sorts them, which never makes them
    worse (Chernozhukov, Fernandez-Val and Galichon, Econometrica 78, 2010): they cannot cross.

    Parameters
    ----------
    level : float in (0, 1) or increasing sequence of such, default=0.5
        Several levels are for one target.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor, Quantile
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bounds = Quantile([0.1, 0.9])
    >>> net = BackpropRegressor(
    ...     (), loss=bounds, scale_targets=True, eta=0.02, max_iter=1000, random_state=0
    ... )
    >>> low, high = net.fit(X, y).predict(X).T  # a column for each level
    >>> bool((low < high).all()), round(float(((low <= y) & (y <= high)).mean()), 1)
    (True, 0.8)
    """

    def __init__(self, level: float | Sequence[float] | np.ndarray = 0.5):
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

    def check_output(self, task, output) -> None:
        """Raise ValueError if there are several levels, and several targets too."""
        if len(self._levels) > 1 and task.n_targets > 1:
            raise ValueError(
                f"loss {self!r} has {len(self._levels)} levels, and y {task.n_targets} "
                "targets; give one level, or one target."
            )

    @property
    def units_per_target(self) -> int:  # type: ignore[override]
        """One output neuron for each level."""
        return len(self._levels)

    def unit_names(self, targets) -> list[str]:
        """The level of each output neuron, if there are several."""
        levels = self._levels.tolist()
        if len(levels) == 1:
            return list(targets)
        return [f"{targets[0]}, quantile {level:g}" for level in levels]

    def desired(self, d) -> np.ndarray:
        """The target, once for each level."""
        n_levels = len(self._levels)
        return d if n_levels == 1 else np.repeat(d, n_levels, axis=1)

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j max(tau_j r, (tau_j - 1) r)``."""
        r, tau = d - y, self._levels.astype(y.dtype)
        return np.maximum(tau * r, (tau - 1.0) * r).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``tau_j`` where ``d_j > y_j``, ``tau_j - 1`` where it is less, 0 where they are equal."""
        r, tau = d - y, self._levels.astype(y.dtype)
        return np.where(r > 0, tau, np.where(r < 0, tau - 1.0, 0.0)).astype(y.dtype)

    def error_rule(self, j, n_units) -> str:
        """``tau_j (d_j > y_j) - (1 - tau_j) (d_j < y_j)``."""
        tau = self._levels[j % len(self._levels)]
        return f"{tau:g} * (d_j > y_j) - {1.0 - tau:g} * (d_j < y_j)"

    def best_constant(self, targets, weights) -> np.ndarray:
        """The weighted quantiles of the target."""
        return _weighted_quantile(targets, self._levels, weights).ravel()

    def prediction(self, y) -> np.ndarray:
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


def _weighted_quantile(targets: np.ndarray, level, weights: np.ndarray) -> np.ndarray:
    """Least target at which the summed weights reach the level; each column on its own."""
    shared = np.broadcast_to(weights[:, None], targets.shape)
    return np.quantile(targets, level, axis=0, method="inverted_cdf", weights=shared)


LOSSES.update(
    {
        "squared_error": SquaredError(),
        "absolute_error": AbsoluteError(),
        "huber": Huber(),
        "log_cosh": LogCosh(),
        "quantile": Quantile(),
    }
)
