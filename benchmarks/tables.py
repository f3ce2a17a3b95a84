"""Interleaved timings, and the lines of a markdown table."""

import gc
from time import perf_counter, process_time

import numpy as np

_clock = perf_counter


def count_cpu():
    """From now on, count the CPU time of the process, which other programs do not lengthen."""
    global _clock
    _clock = process_time


def counts_cpu():
    return _clock is process_time


def now():
    """Seconds of the clock that counts."""
    return _clock()


def interleaved(functions, repeats, warm_up=1):
    """Median seconds of each function, called in turn, so that a slow spell meets them all.

    A function may return the seconds that count, in the place of those of its whole call.
    """
    seconds = np.empty((repeats, len(functions)))
    gc.collect()
    for repeat in range(-warm_up, repeats):
        for j, function in enumerate(functions):
            start = now()
            own = function()
            taken = now() - start if own is None else own
            if repeat >= 0:
                seconds[repeat, j] = taken
    return np.median(seconds, axis=0)


def epoch(fit, n_epochs):
    """Seconds of an epoch: those by which more of them lengthen a fit.

    Parameters
    ----------
    fit : callable
        Given a number of epochs, it fits for so many.
    n_epochs : int
        How many more than one.

    Returns
    -------
    float
        NaN where the clock saw no difference.
    """
    seconds = []
    for count in (1, 1 + n_epochs):
        start = now()
        fit(count)
        seconds.append(now() - start)
    taken = (seconds[1] - seconds[0]) / n_epochs
    return taken if taken > 0 else np.nan


def head(*cells):
    print("| " + " | ".join(cells) + " |")
    print("| --- " * len(cells) + "|")


def line(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def duration(seconds):
    """Seconds in the unit that reads best; NaN is unknown."""
    if np.isnan(seconds):
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def ratio(theirs, ours, target=None):
    """How many times faster, and whether that is the target; NaN is unknown."""
    times = theirs / ours
    if np.isnan(times):
        return "-"
    told = f"{times:.3g}x"
    return told if target is None else f"{told} ({'>=' if times >= target else '<'} {target:g})"
