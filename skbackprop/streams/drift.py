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

import numpy as np

__all__ = ["RATE", "RECENT", "WARM_UP", "WIDTH", "DriftMonitor"]

RATE, WIDTH = 0.005, 6.0  # lambda and h
WARM_UP = 600  # rows after an alarm before the next one can ring: networks get over the change
RECENT = 0.01  # what a row counts in the recent loss
_KEPT = 100  # alarms that are remembered


class DriftMonitor:
    """A chart of a stream's losses, and the alarms that rang.

    Attributes
    ----------
    table : ndarray of shape (7,)
        Since the last alarm the rows, the mean of x, the sum of its squared deviations, z, the
        level, and the mean loss of the vote; then the recent loss, which alarms do not end.
    alarms : list of int
        Rows of the last hundred alarms.
    n_alarms : int
    """

    def __init__(self) -> None:
        self.n_alarms, self.alarms = 0, []  # type: int, list[int]
        self.table = np.zeros(7)

    @property
    def level(self) -> float:
        """How near the next alarm is; it rings at 1."""
        return float(self.table[4])

    def record(self, row: int, vote_loss: float, average_loss: float) -> bool:
        """Take in the losses of vote and average on a row, and tell whether an alarm rings."""
        n, mean, squares, recent, level, usual_loss, recent_loss = self.table.tolist()
        n += 1.0
        usual_loss += (vote_loss - usual_loss) / n
        rate = RECENT if row >= 1.0 / RECENT else 1.0 / (row + 1)
        recent_loss += rate * (vote_loss - recent_loss)
        x = average_loss - vote_loss
        d = x - mean
        mean += d / n
        squares += d * (x - mean)
        recent = mean if n == 1.0 else recent + RATE * (x - recent)
        if n > WARM_UP and squares > 0.0:
            level = (recent - mean) / (WIDTH * sqrt(squares / n * RATE / (2.0 - RATE)))
        self.table[:] = n, mean, squares, recent, level, usual_loss, recent_loss
        if level >= 1.0:
            self.ring(row)
        return level >= 1.0

    def ring(self, row: int) -> None:
        """Note an alarm, and begin anew."""
        self.n_alarms += 1
        self.alarms = [*self.alarms[1 - _KEPT :], row]
        self.table[:6] = 0.0

    def figures(self) -> dict[str, Any]:
        """What the estimators show as `drift_`."""
        return {
            "n_alarms": self.n_alarms,
            "alarms": list(self.alarms),
            "recent_loss": float(self.table[6]),
            "usual_loss": float(self.table[5]),
            "level": self.level,
        }
