"""Update rules: how a correction ``g = -dE/dw`` moves the weights, in place on flat arrays.

``rule.step(w, g, state, t, eta, cost)`` is one update. `state` is a ``(n_slots, P)`` array that
starts at zero and lives apart from the rule, so that it pickles and resumes; `t` counts the updates
already done; `eta` is a float or a (P,) array; `g` may be used up as scratch. `sgd` is the
textbook rule (Haykin 2009, ch. 4), ``Dw = eta delta y``, and nothing else.
"""

from __future__ import annotations

from ..registry import Checked

__all__ = ["RULES", "Solver", "UpdateRule"]


class Solver(Checked):
    """Base class of what the parameter `solver` takes: update rules and whole-batch solvers.

    Attributes
    ----------
    n_slots : int
        Rows of state that the solver keeps per parameter.
    default_eta : float
        What ``eta="auto"`` stands for.
    eta_of_unit_targets : float or None
        What it stands for where batches learn targets of size one, those of classes and with
        ``scale_targets=True``; None is `default_eta`.
    eta_of_rows : float or None
        What it stands for where each row is an update; None is `default_eta`.
    full_batch : bool
        Whether each update needs all rows: no batches then, no ``partial_fit``, no randomness.
    sum_of_squares : bool
        Whether the loss must be half a sum of squares.
    tunes_alpha : bool
        Whether the solver finds the strength of the penalty by itself, from `alpha` on.
    refuses : frozenset of str
        Parameters of the estimators that the solver cannot honour.
    """

    n_slots = 0
    default_eta = 0.01
    eta_of_unit_targets: float | None = None
    eta_of_rows: float | None = None
    full_batch = False
    sum_of_squares = False
    tunes_alpha = False
    refuses: frozenset[str] = frozenset()

    def auto_eta(self, *, of_rows: bool, unit_targets: bool) -> float:
        """Return what ``eta="auto"`` stands for.

        Parameters
        ----------
        of_rows : bool
            Whether each row is an update.
        unit_targets : bool
            Whether targets are of size one: classes, or numbers that are scaled.

        Returns
        -------
        float
        """
        special = None
        if of_rows:
            special = self.eta_of_rows
        elif unit_targets:
            special = self.eta_of_unit_targets
        return self.default_eta if special is None else special

    def fitted(self, state) -> dict[str, float]:
        """Attributes that the estimator shows after a fit."""
        return {}


class UpdateRule(Solver):
    """One way to turn corrections into weight changes; subclass it and write `step`.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, UpdateRule
    >>> class SignDescent(UpdateRule):
    ...     def step(self, w, g, state, t, eta, cost):
    ...         w += eta * np.sign(g)
    >>> net = BackpropRegressor((), solver=SignDescent(), eta=0.5, random_state=0)
    >>> net.partial_fit([[1.0]], [2.0], coef_init=[[[0.0]]]).coefs_[0]
    array([[0.5]])
    """

    def check(self) -> None:
        """Raise NotImplementedError if there is no `step`, before a model has adapted to it."""
        if type(self).step is UpdateRule.step:
            raise NotImplementedError(f"solver {self!r} has no step(w, g, state, t, eta, cost).")

    def step(self, w, g, state, t, eta, cost) -> None:
        """Change `w` (and `state`) in place by one update.

        Parameters
        ----------
        w, g : ndarray of shape (P,)
            Parameters, and the correction ``-dE/dw``.
        state : ndarray of shape (n_slots, P)
        t : int
            Updates done before this one.
        eta : float or ndarray of shape (P,)
        cost : float
            The batch's cost before the update.
        """
        raise NotImplementedError


RULES: dict[str, UpdateRule] = {}
"""The built-in update rules by name, which each file of this folder adds its own to.

Examples
--------
>>> from skbackprop import RULES
>>> RULES["momentum"], RULES["sgd"].default_eta
(Momentum(), 0.005)
>>> sorted(name for name, rule in RULES.items() if rule.full_batch)
['irprop+', 'irprop-', 'quickprop']
"""
