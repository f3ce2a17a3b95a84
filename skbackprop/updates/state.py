"""What a solver carries from one update, and from one call, to the next, beside the weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .rule import Solver

__all__ = ["TrainingState"]


@dataclass
class TrainingState:
    """The state that training carries from one call to the next, beside the weights."""

    rule_state: np.ndarray
    n_updates: int = 0
    n_samples: int = 0
    decay: float = 1.0  # factor of eta that plateaus have left ("adaptive")
    rule_kind: type | None = None
    split_seed: int | None = None  # decides the rows held out for early stopping
    rule_start: int = 0  # updates that were done when the rule began
    memory: dict[str, Any] = field(default_factory=dict)  # of a whole-batch solver
    disturbance_rng: np.random.Generator | None = None  # of dropout and noise
    engine: str | None = None  # what presents rows; None before any has come

    def adapt_to(self, solver: Solver, schedule, w: np.ndarray) -> None:
        """Give a new kind of solver a fresh state; without plateaus in the schedule, all of eta."""
        if self.rule_kind is not type(solver) or len(self.rule_state) != solver.n_slots:
            self.rule_kind = type(solver)
            self.rule_state = np.zeros((solver.n_slots, w.size), w.dtype)
            self.rule_start = self.n_updates
            self.memory = {}
        if not schedule.acts_on_plateau:
            self.decay = 1.0

    def snapshot(self) -> Snapshot:
        """A copy of what the solver goes on from."""
        age = self.n_updates - self.rule_start
        return Snapshot(self.rule_state.copy(), copy.deepcopy(self.memory), self.decay, age)

    def go_back(self, to: Snapshot) -> None:
        """The solver goes on from there; the updates since then remain counted."""
        self.rule_state, self.memory, self.decay = to.rule_state, to.memory, to.decay
        self.rule_start = self.n_updates - to.rule_age


@dataclass(frozen=True)
class Snapshot:
    """The solver's part of a `TrainingState`, a copy."""

    rule_state: np.ndarray
    memory: dict[str, Any]
    decay: float
    rule_age: int  # updates that the rule had done
