"""Alarms that ring in mid-call, for the tests of what their exceptions leave behind."""

import pickle
import signal
import time

import numpy as np

from skbackprop import BackpropRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 20))
Y = X[:, 0]


class Alarm(TimeoutError):
    """What the handler of these tests raises."""


def ring(signum, frame):
    raise Alarm


def falling(t):
    return 1.0 / (1.0 + 1e-4 * t)


def whole_after_an_alarm(blob, X, y, batch_size, delay):
    """Whether the alarm rang in a call of partial_fit; the model is then some whole updates on."""
    model = pickle.loads(blob).partial_fit(X[:batch_size], y[:batch_size])
    handler, before = signal.getsignal(signal.SIGINT), model.n_updates_
    rang, is_over = [], []

    def note_and_ring(signum, frame):
        if not is_over:  # where the timer is put off, it may ring once more
            rang.append(1)
            raise Alarm

    signal.signal(signal.SIGALRM, note_and_ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        model.partial_fit(X, y)
        is_over.append(1)
        raised = False
    except Alarm:
        raised = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, ring)
    assert raised == bool(rang)
    assert signal.getsignal(signal.SIGINT) is handler
    n_rows = min((model.n_updates_ - before) * batch_size, len(X))
    same = pickle.loads(blob).partial_fit(X[:batch_size], y[:batch_size])
    if n_rows:
        same.partial_fit(X[:n_rows], y[:n_rows])
    np.testing.assert_array_equal(model._model.network.w, same._model.network.w)
    np.testing.assert_array_equal(model._model.state.rule_state, same._model.state.rule_state)
    assert (model.n_updates_, model.t_) == (same.n_updates_, same.t_)
    return raised


def duration_of(call, *arguments) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def ring_all_along(X, y, **params):
    """Ring at many times of a call of partial_fit."""
    params = {"solver": "adam", "eta": 1e-3, "eta_schedule": falling, "random_state": 0} | params
    blob = pickle.dumps(BackpropRegressor((30,), **params).partial_fit(X, y))
    # On a busy machine a call may take many times as long as the next: the alarms would be late.
    durations = [duration_of(pickle.loads(blob).partial_fit, X, y) for _ in range(5)]
    delays = min(durations) * np.linspace(0.02, 0.9, 20)
    rang = [whole_after_an_alarm(blob, X, y, params["batch_size"], delay) for delay in delays]
    assert sum(rang) > 3
