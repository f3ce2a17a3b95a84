"""One update of a network: what every engine is given to apply, and nothing of how."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..network.objective import Objective
from ..network.regularisation import limit_neuron_norms, limit_norm
from ..updates.rule import UpdateRule
from ..updates.state import TrainingState

__all__ = ["Limits", "Update"]


@dataclass(frozen=True)
class Limits:
    """Limits that an update keeps, None where there is none.

    Attributes
    ----------
    max_grad_norm : float, optional
        Longest correction; a longer one is scaled down to it.
    max_norm : float, optional
        Largest norm of a neuron's incoming weights, kept after each update.
    """

    max_grad_norm: float | None = None
    max_norm: float | None = None


@dataclass(frozen=True, eq=False)
class Update:
    """The change of a network's weights by a rule, along the correction of an objective.

    Attributes
    ----------
    objective : Objective
        Its network's `w` is changed in place.
    rule : UpdateRule
    eta : float or ndarray of shape (P,)
        Learning rate, before the schedule's factor.
    state : TrainingState
        Changed in place; it counts each update with its change.
    limits : Limits
    base_eta : float, optional
        What stands for eta where one number is shown; the largest by default.
    """

    objective: Objective
    rule: UpdateRule
    eta: float | np.ndarray
    state: TrainingState
    limits: Limits = Limits()
    base_eta: float | None = None

    @cached_property
    def largest_eta(self) -> float:
        """The largest learning rate of a parameter."""
        return float(np.max(self.eta))

    @property
    def shown_eta(self) -> float:
        """The learning rate that curves and messages show."""
        return self.largest_eta if self.base_eta is None else self.base_eta

    @cached_property
    def eta_by_layer(self) -> list[float] | None:
        """Eta of each layer, or None if it differs within one."""
        network = self.objective.network
        if not isinstance(self.eta, np.ndarray):
            return [float(self.eta)] * network.n_layers
        layers = network.layers(self.eta)
        if all((W == b[0]).all() and (b == b[0]).all() for W, b in layers):
            return [float(b[0]) for _, b in layers]
        return None

    @property
    def extras(self) -> list[str]:
        """Parameters in force that ask for more than correction, penalty and rule."""
        in_force = {
            "dropout and noise": self.objective.disturbance,
            "max_grad_norm": self.limits.max_grad_norm,
            "max_norm": self.limits.max_norm,
        }
        return [name for name, value in in_force.items() if value is not None]

    def try_step(self, g: np.ndarray, factor: float, cost: float) -> bool:
        """Step if weights and state stay finite, else change nothing; tell whether they did."""
        w, rule_state = self.objective.network.w, self.state.rule_state
        before = w.copy(), rule_state.copy()
        self.step(g, factor, cost)
        if np.isfinite(w).all() and np.isfinite(rule_state).all():
            return True
        w[...], rule_state[...] = before
        return False

    def step(self, g: np.ndarray, factor: float, cost: float) -> None:
        """Move the weights by the rule, within the limits.

        Parameters
        ----------
        g : ndarray of shape (P,)
            The correction ``-dE/dw``; used up.
        factor : float
            The schedule's, of eta.
        cost : float
            The cost before the update.
        """
        network, state, limits = self.objective.network, self.state, self.limits
        if limits.max_grad_norm is not None:
            limit_norm(g, limits.max_grad_norm)
        t = state.n_updates - state.rule_start
        self.rule.step(network.w, g, state.rule_state, t, self.eta * factor, cost)
        if limits.max_norm is not None:
            rates = network.layers(self.eta) if isinstance(self.eta, np.ndarray) else None
            limit_neuron_norms(network.layers(network.w), limits.max_norm, rates)
