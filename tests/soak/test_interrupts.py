"""Hundreds of alarms and interrupts in mid-call: nothing is lost, and every update is whole."""

import pickle
import signal
from itertools import product

import numpy as np
import pytest
from alarms import Alarm, X, Y, duration_of, falling, ring, ring_all_along

from skbackprop import RULES, SOLVERS, BackpropClassifier, BackpropRegressor
from skbackprop.engines.code_cache import why_no_compiler

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
ONLINE = sorted(name for name, rule in RULES.items() if not rule.full_batch)
COMPILED = pytest.mark.skipif(why_no_compiler() is not None, reason="no compiler here")
MANY = np.tile(X, (60, 1)), np.tile(Y, 60)


@pytest.mark.parametrize("solver, batch_size", [*product(ONLINE, (1, 7, 64))])
def test_alarms_in_partial_fit(solver, batch_size, alarm):
    ring_all_along(X, Y, engine="numpy", batch_size=batch_size, solver=solver)


@pytest.mark.parametrize("schedule", [None, falling, "invscaling"])
@pytest.mark.parametrize("loss", ["huber", "absolute_error", "log_cosh", "gaussian_nll"])
def test_alarms_whatever_the_loss(loss, schedule, alarm):
    ring_all_along(X, Y, engine="numpy", batch_size=1, loss=loss, eta_schedule=schedule)


@COMPILED
@pytest.mark.parametrize("schedule", [None, falling, "invscaling"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_alarms_in_compiled_code(solver, schedule, alarm):
    ring_all_along(*MANY, engine="compiled", batch_size=1, solver=solver, eta_schedule=schedule)


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"warm_start": True}])
@pytest.mark.parametrize("solver", [*RULES, *SOLVERS])
def test_alarms_in_fit(solver, settings, alarm, figures):
    """What a handler raises ends the fit, and leaves the model as it was; or it was whole."""
    model = BackpropRegressor((8,), solver=solver, max_iter=30, tol=0.0, random_state=0, **settings)
    rang = ended_early(model, Alarm, signal.SIGALRM)
    figures["alarms in fit"] = figures.get("alarms in fit", 0) + rang


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"warm_start": True}])
@pytest.mark.parametrize("solver", [*RULES, *SOLVERS])
def test_interrupts_in_fit(solver, settings, alarm, figures):
    """Ctrl-C ends the fit, and leaves the weights of the last update, or the best."""
    model = BackpropRegressor((8,), solver=solver, max_iter=30, tol=0.0, random_state=0, **settings)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        rang = ended_early(model, KeyboardInterrupt, signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, ring)
    figures["interrupts in fit"] = figures.get("interrupts in fit", 0) + rang


def ended_early(model, kind, signum) -> int:
    """Ring at many times of a fit; how often it rang within."""
    blob, rang = pickle.dumps(model.fit(X, Y)), 0
    whole = pickle.loads(blob).fit(X, Y)
    duration = min(duration_of(pickle.loads(blob).fit, X, Y) for _ in range(3))
    for delay in duration * np.linspace(0.02, 0.9, 12):
        model = pickle.loads(blob)
        before = dict(vars(model))
        w = model._model.network.w.copy()
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            model.fit(X, Y)
        except kind:
            rang += 1
            interrupted = kind is KeyboardInterrupt and model.stop_reason_ == "interrupted"
            if vars(model) != before and not interrupted:  # it rang on the way out
                assert model.loss_curve_ == whole.loss_curve_
                np.testing.assert_array_equal(model._model.network.w, whole._model.network.w)
            elif not interrupted:
                np.testing.assert_array_equal(model._model.network.w, w)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert np.isfinite(model.predict(X)).all()
    assert rang or model.warm_start  # what has converged may be done before
    return rang


@pytest.mark.parametrize("Estimator", [BackpropRegressor, BackpropClassifier])
def test_interrupts_of_the_first_partial_fit(Estimator, alarm, figures):
    """There is a model of whole updates after it, or none at all."""
    y = Y if Estimator is BackpropRegressor else (Y > 0).astype(int)
    given = {} if Estimator is BackpropRegressor else {"classes": [0, 1]}
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for delay in np.geomspace(1e-4, 2e-2, 100):
            model = Estimator((8,), random_state=0, engine="numpy")
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                model.partial_fit(X, y, **given)
            except KeyboardInterrupt:
                figures["interrupts of a first partial_fit"] = (
                    figures.get("interrupts of a first partial_fit", 0) + 1
                )
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if not model.__sklearn_is_fitted__():
                assert not [name for name in vars(model) if name.endswith("_")]
                continue
            assert model.t_ == model.n_updates_
            if model.t_:
                same = Estimator((8,), random_state=0, engine="numpy")
                same.partial_fit(X[: model.t_], y[: model.t_], **given)
                np.testing.assert_array_equal(same._model.network.w, model._model.network.w)
    finally:
        signal.signal(signal.SIGALRM, ring)
