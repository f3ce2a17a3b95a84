"""Handlers of signals: what they raise leaves no update half made, and none of it is lost.

Python runs the handler of a signal between any two instructions of the main thread, and what the
handler raises, the KeyboardInterrupt of Ctrl-C or a TimeoutError of one's own, comes out right
there. In the middle of an update that would leave weights and solver state apart: `Deferral` makes
handlers wait until it is whole. In a ``try`` that expects failures it would be taken for one of
them: `Watch` raises it all the same.
"""

from __future__ import annotations

# The C functions behind `signal`, without its 8 us of enum conversions a call.
import _signal  # type: ignore[import-not-found]
from collections.abc import Callable
from threading import get_ident, main_thread

__all__ = ["Deferral", "Watch"]

# A fault comes back for ever until it is handled, so it cannot wait. Above 31 are the real-time
# signals, which would double the time that it takes to ask for all handlers.
_FAULTS = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP")
_SIGNALS = tuple(
    sorted(
        {int(number) for number in _signal.valid_signals() if number < 32}
        - {getattr(_signal, name, 0) for name in (*_FAULTS, "SIGKILL", "SIGSTOP")}
    )
)


class _StandIn:
    """Takes the place of every handler that is written in Python, for the length of a ``with``."""

    def __init__(self):
        self._found: list = []
        self._handlers: dict[int, Callable] = {}

    def __call__(self, signum, frame):
        """Be called in the place of a handler."""
        raise NotImplementedError

    def __enter__(self):
        # Elsewhere than in the main thread handlers cannot be set, nor do they run.
        if get_ident() == main_thread().ident:
            found = [*map(_signal.getsignal, _SIGNALS)]
            if found != self._found:
                pairs = zip(_SIGNALS, found, strict=True)
                self._found, self._handlers = found, {n: one for n, one in pairs if callable(one)}
            try:
                for signum in self._handlers:
                    _signal.signal(signum, self)
            except BaseException:  # of a handler whose turn had not come
                self._give_back()
                raise
        return self

    def _give_back(self) -> None:
        try:
            for signum, handler in self._handlers.items():
                if _signal.getsignal(signum) is self:  # or another one has been set meanwhile
                    _signal.signal(signum, handler)
        except BaseException:  # of a handler that is back already
            self._give_back()
            raise


class Deferral(_StandIn):
    """Puts handlers off until the update under way is whole, weights and solver state together.

    To be used by one thread at a time.
    """

    def __init__(self):
        super().__init__()
        self._waiting: dict[int, object] = {}

    def __call__(self, signum, frame):
        """Note the signal."""
        self._waiting[signum] = frame

    def __exit__(self, kind, error, traceback):
        try:
            self._give_back()
        finally:
            if self._waiting:
                self.honour()

    @property
    def is_waited_for(self) -> bool:
        """Whether a handler waits."""
        return bool(self._waiting)

    def honour(self) -> None:
        """Call the handlers that wait, each once; what the first signal's raises comes out last."""
        if self._waiting:
            signum, frame = self._waiting.popitem()
            try:
                self._handlers[signum](signum, frame)
            finally:
                self.honour()


class Watch(_StandIn):
    """Raises what handlers have raised where the block has swallowed it, or raised something else.

    Handlers run at once. The first exception of theirs is raised where the handler ran, and if it
    did not come out of the block, at its end.
    """

    def __init__(self):
        super().__init__()
        self._raised: BaseException | None = None

    def __call__(self, signum, frame):
        """Call the handler, and note what it raises."""
        try:
            self._handlers[signum](signum, frame)
        except BaseException as error:
            self._raised = error
            self._give_back()  # here, for this may be on the way into the block, or out of it
            raise

    def __exit__(self, kind, error, traceback):
        self._give_back()
        if self._raised is not None and self._raised is not error:
            raise self._raised from None
