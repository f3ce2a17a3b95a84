"""What is predicted, and of what kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Task"]


Kind = Literal["regression", "binary", "multiclass", "multilabel"]


@dataclass(frozen=True)
class Task:
    """The task of a network: its kind, and how many targets, classes or labels there are."""

    kind: Kind
    n_targets: int

    @property
    def is_classification(self) -> bool:
        """Whether the targets are classes or labels."""
        return self.kind != "regression"

    @property
    def is_one_class(self) -> bool:
        """Whether there is a single class, and so nothing to tell apart."""
        return self.kind == "multiclass" and self.n_targets == 1
