"""Memory that runs out: NumPy's makers of arrays, as the package calls them, fail at the k-th call.

Everything in `skbackprop` reads them as ``np.empty`` and the like from the module `numpy`; a frame
of the package must be the caller, so that NumPy and scikit-learn go on as ever.
"""

import sys
from contextlib import contextmanager

import numpy as np

MAKERS = (
    *("empty", "zeros", "ones", "full", "array", "asarray", "empty_like", "zeros_like"),
    *("ones_like", "full_like", "arange", "concatenate", "stack", "flatnonzero", "repeat"),
)

__all__ = ["MAKERS", "no_memory_after"]


class Failing:
    """Counts the calls of the makers, and fails at one."""

    def __init__(self, k):
        self.k = k
        self.calls = 0

    def wrap(self, maker):
        def failing(*args, **kwargs):
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if caller.partition(".")[0] == "skbackprop":
                self.calls += 1
                if self.calls == self.k:
                    raise MemoryError(f"{maker.__name__}, call {self.k}")
            return maker(*args, **kwargs)

        return failing


@contextmanager
def no_memory_after(k):
    """Within, the k-th array that the package makes is one too many."""
    failing = Failing(k)
    before = {name: getattr(np, name) for name in MAKERS}
    for name, maker in before.items():
        setattr(np, name, failing.wrap(maker))
    try:
        yield failing
    finally:
        for name, maker in before.items():
            setattr(np, name, maker)
