"""Losses: what an output costs, and the error signal that it sends back.

A loss is two formulas, `value` and `error` (``e = -dE/dy``), and what it declares beside them: the
tasks that it serves, the output activation it goes with, the targets that it takes. It knows no
task and no network; `head.Head` puts it between the targets of one and the outputs of the other.

Behind its *canonical* output activation a loss may give ``delta = -dE/dv`` in one piece, mostly
``d - y`` (`fused_delta`): then the division by ``phi'`` that `error` would need never happens.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import r2_score

from ..activations.activation import Activation
from ..registry import Checked
from .task import Kind, Task

__all__ = ["LOSSES", "Loss"]


class Loss(Checked):
    """Base class: a loss for regression needs `value` and `error`, and nothing else.

    Attributes
    ----------
    tasks : tuple of str
        Kinds of `Task` that the loss serves.
    canonical_output : str or Activation
        The output activation that goes with the loss, and is taken where none is given.
    fused : bool
        Whether `fused_delta` is its delta behind that activation, in one piece.
    sum_of_squares : bool
        Whether ``E = 1/2 sum_j e_j^2``, which some solvers ask for.
    gives_probabilities : bool
        Whether outputs that can be probabilities (softmax, logistic) estimate those of the classes.
    gives_deviation : bool
        Whether the outputs estimate the standard deviation of the targets, too (`deviation`).
    unit_free : bool
        Whether another unit of y adds a constant to the cost, as to a log-likelihood: differences
        of costs then have no unit, else that of the cost of the best constant.
    units_per_target : int
        Output neurons for each target of a regression.
    least_target : float or None
        Least target that the loss takes; None is any.
    takes_least : bool
        Whether it takes `least_target` itself.
    check_error : bool
        Whether a loss of the user's own is checked before training starts: that `error` (or
        `fused_delta`) is the slope of `value`. False where it is not, on purpose.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, Loss
    >>> class Quartic(Loss):
    ...     def value(self, d, y, v):
    ...         return 0.25 * ((d - y) ** 4).sum(axis=1)
    ...     def error(self, d, y):
    ...         return (d - y) ** 3
    >>> net = BackpropRegressor((), loss=Quartic(), random_state=0).partial_fit([[1.0]], [2.0])
    >>> net.loss
    Quartic()
    """

    tasks: tuple[Kind, ...] = ("regression",)
    canonical_output: str | Activation = "identity"
    fused = False
    sum_of_squares = False
    gives_probabilities = False
    gives_deviation = False
    unit_free = False
    units_per_target = 1
    least_target: float | None = None
    takes_least = True
    check_error = True

    # -- the maths ---------------------------------------------------------------------------

    def value(self, d: np.ndarray, y: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Cost ``E(n)`` of each row, (n,), summed over the output neurons."""
        raise NotImplementedError(f"loss {self!r} defines no value(d, y, v), the cost of each row.")

    def error(self, d: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Error signal ``e_j = -dE/dy_j``, (n, n_units)."""
        raise NotImplementedError(f"loss {self!r} defines no error(d, y), the slope -dE/dy.")

    def fused_delta(self, d, y, v, out: np.ndarray) -> np.ndarray:
        """Write ``delta = -dE/dv`` behind the canonical output activation: ``d - y``."""
        return np.subtract(d, y, out)

    # -- the output activation ---------------------------------------------------------------

    def canonical_outputs(self, task: Task) -> tuple[str | Activation, ...]:
        """Output activations that are canonical for a task; where none is given, the first."""
        return (self.canonical_output,)

    def check_output(self, task: Task, output: Activation) -> None:
        """Raise ValueError if the loss cannot stand behind an output activation."""

    def behind(self, output: Activation) -> Loss:
        """A copy of the loss, in the form that its formulas take behind an output activation."""
        return copy.copy(self)

    # -- the targets -------------------------------------------------------------------------

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

    def levels(self, output: Activation) -> tuple[float, float]:
        """Desired outputs of "no" and "yes": (0, 1), or (-1, 1) if phi is bounded around 0."""
        low, high = output.range
        return (-1.0, 1.0) if -np.inf < low < 0.0 < high < np.inf else (0.0, 1.0)

    def desired(self, d: np.ndarray) -> np.ndarray:
        """Desired outputs (n, n_units), of numbers as they are given or of classes as levels."""
        return d

    def link(self, d: np.ndarray) -> np.ndarray:
        """Induced local fields whose outputs, behind the canonical activation, are `d`.

        ``E_av`` of a constant output is least at ``v = link(mean of d)``; zeros where it is not.
        """
        return np.zeros_like(d)

    def best_constant(self, targets: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
        """Induced local fields (n_units,) of the best constant; None if `link` gives them.

        Parameters
        ----------
        targets : ndarray of shape (n, n_targets)
        weights : ndarray of shape (n,)
            Of the rows; their sum is one.
        """
        return None

    # -- the outputs, in a regression --------------------------------------------------------

    def unit_names(self, targets: Sequence[str]) -> list[str]:
        """What each output neuron stands for, from the names of the targets, classes or labels."""
        return list(targets)

    def prediction(self, y: np.ndarray) -> np.ndarray:
        """What the outputs predict, (n, n_targets); mostly it is the outputs."""
        return y

    def deviation(self, y: np.ndarray) -> np.ndarray:
        """Standard deviation (n, n_targets) of the prediction, if the loss `gives_deviation`."""
        raise NotImplementedError(f"loss {self!r} gives no deviation(y) of its predictions.")

    def score(self, targets, prediction, sample_weight=None) -> float:
        """How good a prediction is, higher is better: R^2."""
        return r2_score(targets, prediction, sample_weight=sample_weight)

    # -- as one writes it down (`SignalTrace.explain`) ---------------------------------------

    def error_rule(self, j: int, n_units: int) -> str:
        """`error` of output neuron j as one writes it down; "" says that it is a number only.

        In ``d_j`` and ``y_j`` (``y_0``: of neuron 0), with ``*``, ``/`` and ``^``, functions' names
        between backquotes; a comparison in brackets counts 1 where it holds, and 0 elsewhere. It is
        for the eye; what is computed is `error`, and a class that overrides one needs both.
        """
        return ""

    def has_desired(self, j: int, n_units: int) -> bool:
        """Whether neuron j has a desired output; else what `desired` gives it means nothing."""
        return True


LOSSES: dict[str, Loss] = {}
"""The built-in losses by name, which each file of this folder adds its own to.

Examples
--------
>>> from skbackprop import LOSSES
>>> sorted(name for name, loss in LOSSES.items() if "multiclass" in loss.tasks)
['cross_entropy', 'focal', 'hinge', 'squared_error']
"""
