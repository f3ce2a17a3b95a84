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

__all__ = ["KEPT", "RATE", "RECENT", "WARM_UP", "WIDTH", "DriftMonitor"]

RATE, WIDTH = 0.005, 6.0  # lambda and h
WARM_UP = 600  # rows after an alarm before the next one can ring: networks get over the change
RECENT = 0.01  # what a row counts in the recent loss
KEPT = 100  # alarms that are remembered
_FIGURES = 8  # entries of the table before the alarms


class DriftMonitor:
    """A chart of a stream's losses, and the alarms that rang.

    Attributes
    ----------
    table : ndarray of shape (108,)
        Since the last alarm the rows, the mean of x, the sum of its squared deviations, z, the
        level, and the mean loss of the vote; then what alarms do not end: the recent loss, their
        number, and the rows of the last hundred, that of the n-th at ``n modulo 100``.
    """

    def __init__(self) -> None:
        self.table = np.zeros(_FIGURES + KEPT)

    @property
    def n_alarms(self) -> int:
        """Alarms so far."""
        return int(self.table[7])

    @property
    def alarms(self) -> list[int]:
        """Rows of the last hundred alarms."""
        n, rows = self.n_alarms, self.table[_FIGURES:].tolist()
        return [int(rows[k % KEPT]) for k in range(max(0, n - KEPT), n)]

    def record(self, row: int, vote_loss: float, average_loss: float) -> bool:
        """Take in the losses of vote and average on a row, and tell whether an alarm rings."""
        n, mean, squares, recent, level, usual_loss, recent_loss = self.table[:7].tolist()
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
        self.table[:7] = n, mean, squares, recent, level, usual_loss, recent_loss
        if level < 1.0:
            return False
        self.table[_FIGURES + self.n_alarms % KEPT] = row
        self.table[7] += 1.0
        self.table[:6] = 0.0
        return True

    def figures(self) -> dict[str, Any]:
        """What the estimators show as `drift_`."""
        return {
            "n_alarms": self.n_alarms,
            "alarms": self.alarms,
            "recent_loss": float(self.table[6]),
            "usual_loss": float(self.table[5]),
            "level": float(self.table[4]),
        }
