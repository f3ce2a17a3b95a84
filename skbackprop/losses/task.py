"""What is predicted, and of what kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Task"]


Kind = Literal["regression", "binary", "multiclass", "multilabel"]


@dataclass(frozen=True)
class Task:
    """The task of a network: its kind, and how many targets, classes or labels there are.

    Examples
    --------
    >>> from skbackprop import Task
    >>> task = Task("multiclass", 3)
    >>> task.is_classification, task.is_one_class
    (True, False)
    """

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
