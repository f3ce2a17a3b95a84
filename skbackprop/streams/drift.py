"""When a stream changes: charts of the errors, and of what a steady network loses to the vote.

Each chart is an exponentially weighted moving average z of a signal x, beside its plain mean m and
variance since the last alarm (Roberts 1959; for errors of classifiers Ross et al. 2012) ::

    z <- z + lambda (x - z),      level = (z - m) / (h s sqrt(lambda / (2 - lambda)))

and an alarm rings at level 1. The first signal is the loss of the vote. The second is paired
(stable and reactive learners, Bach and Maloof 2008): the loss of the network that was best since
the last alarm, minus that of the vote. The noise of the targets is in both and cancels out, so that
it tells a change that the vote has got over before its own errors could show it.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

__all__ = ["DriftMonitor"]

_WARM_UP = 300  # rows after an alarm before the next one can ring
_KEPT = 100  # alarms that are remembered


class _Chart:
    """An EWMA chart of one signal: rings when its recent mean is far above its usual one."""

    def __init__(self, rate: float, width: float):
        self.rate, self.width = rate, width
        self.n, self.mean, self.sum_squares, self.recent = 0, 0.0, 0.0, 0.0

    def level(self, x: float) -> float:
        """Take in the signal of a row; returns the distance to the alarm, which rings at 1."""
        self.n += 1
        d = x - self.mean
        self.mean += d / self.n
        self.sum_squares += d * (x - self.mean)
        self.recent = self.mean if self.n == 1 else self.recent + self.rate * (x - self.recent)
        if self.n <= _WARM_UP or self.sum_squares <= 0.0:
            return 0.0
        variance = self.sum_squares / self.n * self.rate / (2.0 - self.rate)
        return (self.recent - self.mean) / (self.width * sqrt(variance))


class DriftMonitor:
    """Charts of a stream's losses, and the alarms that rang.

    Parameters
    ----------
    n_networks : int

    Attributes
    ----------
    alarms : list of int
        Rows of the last hundred alarms.
    n_alarms : int
    level : float
        How near the next alarm is; it rings at 1.
    """

    def __init__(self, n_networks: int):
        self.n_alarms, self.level = 0, 0.0
        self.alarms: list[int] = []
        self._start(n_networks)

    def _start(self, n_networks: int) -> None:
        self.errors, self.pair = _Chart(0.01, 4.5), _Chart(0.005, 3.25)
        self.sums = np.zeros(n_networks)

    def record(self, row: int, error: float, vote_loss: float, losses: np.ndarray) -> None:
        """Take in how far the vote was wrong on a row, its loss, and those of the networks."""
        stable = self.sums.argmin()
        level = self.errors.level(error)
        self.level = max(level, self.pair.level(float(losses[stable]) - vote_loss))
        self.sums += losses
        if self.level >= 1.0:
            self.n_alarms += 1
            self.alarms = [*self.alarms[1 - _KEPT :], row]
            self._start(len(losses))

    def figures(self) -> dict:
        """What the estimators show as `drift_`."""
        return {
            "n_alarms": self.n_alarms,
            "alarms": list(self.alarms),
            "recent_loss": self.errors.recent,
            "usual_loss": self.errors.mean,
            "level": self.level,
        }
