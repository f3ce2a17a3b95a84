"""`verbose`: the epochs of a fit on one live line of a terminal, or as plain lines when piped."""

from __future__ import annotations

import math
import multiprocessing
import shutil
import sys
import threading

from .monitor import REASONS, Epoch

__all__ = ["Progress", "describe_epoch"]

_INTERVAL = 0.1  # seconds between two paintings of the live line


def describe_epoch(epoch: Epoch, width: float = math.inf) -> str:
    """One line: the epoch, its costs and score, eta, and the time that `max_iter` would take.

    Of no more than `width` characters: what does not fit is left out, the last figure first.
    """
    parts = [f"epoch {epoch.number}/{epoch.max_iter}", f"loss {epoch.loss:.5g}"]
    if epoch.validation_score is not None:
        parts.append(f"score {epoch.validation_score:.4g}")
    if epoch.eta is not None:
        parts.append(f"eta {epoch.eta:.3g}")
    remaining = epoch.elapsed / epoch.number * (epoch.max_iter - epoch.number)
    parts.append(f"{_format_seconds(remaining)} left")
    if epoch.validation_loss is not None:
        parts.append(f"validation loss {epoch.validation_loss:.5g}")
    while len(line := ", ".join(parts)) > width and len(parts) > 1:
        parts.pop()
    return line


def _format_seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class Progress:
    """A listener that writes each epoch to standard output; silent in worker processes and threads.

    On a terminal one line is painted over and over; elsewhere each epoch is a line.
    """

    def __init__(self):
        self._out = sys.stdout if _is_main() else None
        self._live = self._out is not None and self._out.isatty()
        self._painted = -_INTERVAL
        self._width = 0
        self._last: Epoch | None = None

    def __call__(self, epoch: Epoch) -> None:
        """Write a line about `epoch`."""
        self._last = epoch
        if self._out is None:
            return
        if not self._live:
            print(describe_epoch(epoch), file=self._out, flush=True)
        elif epoch.elapsed - self._painted >= _INTERVAL:
            self._paint(epoch)

    def close(self, reason: str) -> None:
        """Leave the last epoch on the screen, and say why training stopped."""
        if self._out is None:
            return
        if self._live and self._last is not None:
            self._paint(self._last)
            print(file=self._out)
        print(f"stopped ({reason}): {REASONS[reason]}", file=self._out, flush=True)

    def _paint(self, epoch: Epoch) -> None:
        line = describe_epoch(epoch, shutil.get_terminal_size().columns - 1)  # or it would wrap
        print(f"\r{line.ljust(self._width)}", end="", file=self._out, flush=True)
        self._painted, self._width = epoch.elapsed, len(line)


def _is_main() -> bool:
    process, thread = multiprocessing.current_process(), threading.current_thread()
    return process.name == "MainProcess" and thread is threading.main_thread()
