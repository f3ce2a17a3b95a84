"""When a stream changes: a chart of what calm weights lose to the vote.

The vote gets over a change within some hundred rows, so that its own errors hardly show a small
one. The average of weights over a thousand rows does not: so the signal x of a row is the loss of
the average minus that of the vote (a stable and a reactive learner, paired: Bach and Maloof 2008).
The noise of the targets is in both, and cancels out. An exponentially weighted moving average z of
x is charted beside the mean m and the deviation s of x since the last alarm (Roberts 1959) ::

    z <- z + lambda (x - z),      level = (z - m) / (h s sqrt(lambda / (2 - lambda)))

and an alarm rings at level 1.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

__all__ = ["DriftMonitor"]

_RATE, _WIDTH = 0.005, 6.0  # lambda and h
_WARM_UP = 600  # rows after an alarm before the next one can ring: networks get over the change
_RECENT = 0.01  # what a row counts in the recent loss
_KEPT = 100  # alarms that are remembered


class DriftMonitor:
    """A chart of a stream's losses, and the alarms that rang.

    Attributes
    ----------
    alarms : list of int
        Rows of the last hundred alarms.
    n_alarms : int
    level : float
        How near the next alarm is; it rings at 1.
    """

    def __init__(self) -> None:
        self.n_alarms, self.alarms = 0, []  # type: int, list[int]
        self.recent_loss = 0.0
        self._start()

    def _start(self) -> None:
        self.level, self.usual_loss = 0.0, 0.0
        self._n, self._mean, self._squares, self._recent = 0, 0.0, 0.0, 0.0

    def record(self, row: int, vote_loss: float, average_loss: float) -> bool:
        """Take in the losses of vote and average on a row, and tell whether an alarm rings."""
        n = self._n = self._n + 1
        self.usual_loss += (vote_loss - self.usual_loss) / n
        rate = _RECENT if row >= 1.0 / _RECENT else 1.0 / (row + 1)
        self.recent_loss += rate * (vote_loss - self.recent_loss)
        self._chart(average_loss - vote_loss, n)
        if self.level < 1.0:
            return False
        self.n_alarms += 1
        self.alarms = [*self.alarms[1 - _KEPT :], row]
        self._start()
        return True

    def _chart(self, x: float, n: int) -> None:
        d = x - self._mean
        mean = self._mean = self._mean + d / n
        squares = self._squares = self._squares + d * (x - mean)
        recent = self._recent = mean if n == 1 else self._recent + _RATE * (x - self._recent)
        if n > _WARM_UP and squares > 0.0:
            self.level = (recent - mean) / (_WIDTH * sqrt(squares / n * _RATE / (2.0 - _RATE)))

    def figures(self) -> dict[str, Any]:
        """What the estimators show as `drift_`."""
        return {
            "n_alarms": self.n_alarms,
            "alarms": list(self.alarms),
            "recent_loss": self.recent_loss,
            "usual_loss": self.usual_loss,
            "level": self.level,
        }
