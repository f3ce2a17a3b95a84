"""Ctrl-C is put off until the update under way is whole."""

from __future__ import annotations

# The C functions behind `signal`, without its 8 us of enum conversions a call.
import _signal  # type: ignore[import-not-found]
from collections.abc import Callable
from threading import get_ident, main_thread


class Interrupt:
    """Puts Ctrl-C off until the update under way is whole, weights and solver state together."""

    def __init__(self):
        self.pending: tuple | None = None
        self.previous: Callable | int | None = None

    def __call__(self, signum, frame):
        """Note the signal, in the place of its handler."""
        self.pending = (signum, frame)

    def honour(self) -> None:
        """Call the handler of a signal that came meanwhile."""
        if self.pending is not None:
            (signum, frame), self.pending = self.pending, None
            if callable(self.previous):
                self.previous(signum, frame)

    def __enter__(self):
        self.pending = None
        self.previous = _signal.getsignal(_signal.SIGINT)
        # Elsewhere than in the main thread handlers cannot be set, nor do they run.
        if get_ident() != main_thread().ident:
            self.previous = None
        if callable(self.previous):
            _signal.signal(_signal.SIGINT, self)

    def __exit__(self, kind, error, traceback):
        if callable(self.previous):
            _signal.signal(_signal.SIGINT, self.previous)
            self.honour()
