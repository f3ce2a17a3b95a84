"""What the handlers of signals raise is not lost, and no update is left half made."""

import signal
import threading
import time

import numpy as np
import pytest
from alarms import Alarm, X, Y, ring, ring_all_along

from skbackprop import Activation, BackpropRegressor
from skbackprop.activations.check import check_activation
from skbackprop.engines.symbols import Trace, Untraceable
from skbackprop.signal_handlers import Deferral, Watch

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_an_alarm_in_partial_fit(batch_size, solver, alarm):
    ring_all_along(X, Y, engine="numpy", batch_size=batch_size, solver=solver)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_an_alarm_in_the_schedule_comes_out_after_the_update(batch_size, alarm):
    def schedule(t):
        if t == 5:
            signal.raise_signal(signal.SIGALRM)
        return 1.0

    model = BackpropRegressor((3,), batch_size=batch_size, engine="numpy", random_state=0)
    model.partial_fit(X[:batch_size], Y[:batch_size]).set_params(eta_schedule=schedule)
    with pytest.raises(Alarm):
        model.partial_fit(X, Y)
    assert model.n_updates_ == 6


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_schedule_that_fails_once_is_an_error_at_its_update(batch_size):
    failures = []

    def schedule(t):
        if t == 5 and not failures:
            failures.append(t)
            raise OSError("the disk is gone")
        return 1.0

    model = BackpropRegressor((3,), batch_size=batch_size, engine="numpy", random_state=0)
    model.partial_fit(X[:batch_size], Y[:batch_size]).set_params(eta_schedule=schedule)
    with pytest.raises(OSError, match="the disk is gone"):
        model.partial_fit(X, Y)
    assert model.n_updates_ == 5 and failures == [5]


def test_a_fit_that_an_alarm_ends_changes_nothing(alarm):
    model = BackpropRegressor((30,), max_iter=10_000, tol=0.0, random_state=0)
    before = dict(vars(model))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(Alarm):
        model.fit(X, Y)
    assert vars(model) == before


# -- Deferral ------------------------------------------------------------------------------------


def test_all_that_wait_are_called(alarm):
    calls = []
    before = signal.signal(signal.SIGTERM, lambda *arguments: calls.append(arguments))
    try:
        with pytest.raises(Alarm), Deferral() as deferral:
            for signum in (signal.SIGTERM, signal.SIGALRM, signal.SIGTERM):
                signal.raise_signal(signum)
            assert deferral.is_waited_for and not calls
        assert [signum for signum, _ in calls] == [signal.SIGTERM]
        assert not deferral.is_waited_for
        with deferral, pytest.raises(Alarm):  # nothing is left over
            signal.raise_signal(signal.SIGALRM)
            deferral.honour()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_handler_that_is_set_meanwhile_stays(alarm):
    def another(signum, frame):
        raise AssertionError

    with Deferral():
        signal.signal(signal.SIGALRM, another)
    assert signal.signal(signal.SIGALRM, ring) is another


@pytest.mark.parametrize("kind", [Deferral, Watch])
def test_handlers_are_left_alone_in_other_threads(kind, alarm):
    seen = []

    def look():
        with kind():
            seen.append(signal.getsignal(signal.SIGALRM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [ring]


@pytest.mark.parametrize("kind", [Deferral, Watch])
def test_handlers_are_back_in_their_places_whenever_it_rings(kind, alarm):
    interrupt, caught = signal.getsignal(signal.SIGINT), 0
    for delay in np.linspace(1e-6, 2e-4, 300):
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            for _ in range(10):
                with kind():
                    pass
            time.sleep(1.0)
        except Alarm:
            caught += 1
        assert signal.getsignal(signal.SIGINT) is interrupt
        assert signal.getsignal(signal.SIGALRM) is ring
    assert caught == 300


# -- Watch ---------------------------------------------------------------------------------------


def test_what_is_swallowed_comes_out(alarm):
    with pytest.raises(Alarm), Watch():
        try:
            signal.raise_signal(signal.SIGALRM)
        except OSError:
            pass
    with pytest.raises(Alarm), Watch():
        try:
            signal.raise_signal(signal.SIGALRM)
        except OSError as error:
            raise ValueError from error
    with Watch():
        pass


def rings(v):
    signal.raise_signal(signal.SIGALRM)
    return v


def test_an_alarm_while_a_function_is_traced(alarm):
    trace = Trace()
    with pytest.raises(Alarm):
        trace.call(rings, trace.symbol("v_j"))
    with pytest.raises(Untraceable):
        trace.call(float, trace.symbol("v_j"))


def test_an_alarm_in_the_search_for_a_hint(alarm):
    def slope(v, y):
        if y.max() > 5.0:  # v in the place of y
            signal.raise_signal(signal.SIGALRM)
        return 2.0 + 0.0 * v

    with pytest.raises(Alarm):
        check_activation(Activation(np.tanh, slope))
