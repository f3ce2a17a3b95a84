"""Ctrl-C, signal handlers and functions that raise, in mid-call."""

import copy
import pickle
import signal

import numpy as np
import pytest
from invalid_cases import (
    ESTIMATORS,
    Interrupted,
    N,
    X,
    Y,
    changed,
    fingerprint,
    fitted,
    make,
    weights,
)
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    Activation,
    BackpropRegressor,
)


@pytest.mark.parametrize("by_signal", [False, True])
@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_interrupted_fit_leaves_the_last_whole_update(Estimator, refit, by_signal):
    y = Y[Estimator]
    n_epoch = 4  # updates: 20 rows, 6 a batch
    params = {"solver": "adam", "random_state": 2, "max_iter": 100}
    model = make(Estimator, **params)
    if refit:
        model.partial_fit(X, y, **({"classes": [0, 1, 2]} if y.dtype.kind == "i" else {}))
    handler = signal.getsignal(signal.SIGINT)
    stop = 2 * n_epoch + 1
    model.set_params(eta_schedule=Interrupted(stop, by_signal))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert signal.getsignal(signal.SIGINT) is handler
    n_updates = stop + 1 if by_signal else stop  # the signal waits until the update is whole
    assert model.n_updates_ == n_updates
    assert model.n_iter_ == len(model.loss_curve_) == 2
    # the weights, solver state and counters are those of a run that has gone exactly so far
    reference = make(Estimator, **params)
    reference.set_params(eta_schedule=Interrupted(n_updates))
    with pytest.raises(KeyboardInterrupt):
        reference.fit(X, y)
    np.testing.assert_array_equal(weights(model), weights(reference))
    np.testing.assert_array_equal(model._model.state.rule_state, reference._model.state.rule_state)
    assert model.t_ == reference.t_
    model.set_params(eta_schedule=None)
    assert model.predict(X).shape == (N,)
    pickle.loads(pickle.dumps(model)).partial_fit(X, y)
    model.set_params(warm_start=True, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.n_updates_ == n_updates + n_epoch


def test_interrupted_fit_equals_whole_epochs():
    # Stopped by a signal in the last update of epoch 3, it is the model of three epochs.
    y = Y[BackpropRegressor]
    params = {"random_state": 2, "shuffle": True, "solver": "momentum"}
    model = make(BackpropRegressor, **params, max_iter=50)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(eta_schedule=Interrupted(11, True)).fit(X, y)
    whole = make(BackpropRegressor, **params, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        whole.fit(X, y)
    np.testing.assert_array_equal(weights(model), weights(whole))
    assert model.n_updates_ == whole.n_updates_ == 12


@pytest.mark.parametrize("by_signal", [False, True])
def test_interrupted_partial_fit(by_signal):
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor, batch_size=1, solver="adam").partial_fit(X[:1], y[:1])
    before = copy.deepcopy(model)
    model.set_params(eta_schedule=Interrupted(6, by_signal))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    # Rows are taken in pieces of a tenth of a second; what is done is done as a whole.
    done = model.n_updates_ - 1
    rows = before.partial_fit(X[:done], y[:done]) if done else before
    assert done > 0 or not by_signal
    np.testing.assert_array_equal(weights(model), weights(rows))
    np.testing.assert_array_equal(model._model.state.rule_state, rows._model.state.rule_state)
    assert (model.n_updates_, model.t_) == (rows.n_updates_, rows.t_)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("n_rows", [1, 3])
def test_an_interrupt_in_the_last_update_comes_after_the_pass_is_counted(n_rows, batch_size):
    rows, y = X[:n_rows], Y[BackpropRegressor][:n_rows]
    n_updates = -(-n_rows // batch_size)
    params = {"batch_size": batch_size, "random_state": 0}
    whole = make(BackpropRegressor, **params).partial_fit(rows, y)
    model = make(BackpropRegressor, **params, eta_schedule=Interrupted(n_updates - 1, True))
    for n_calls in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(rows, y)
        assert (model.n_iter_, model.n_updates_) == (n_calls, n_calls * n_updates)
        assert model.loss_ == whole.loss_
        np.testing.assert_array_equal(weights(model), weights(whole))
        model.set_params(eta_schedule=Interrupted(2 * n_updates - 1, True))
        whole.partial_fit(rows, y)


def test_an_interrupt_is_not_lost_in_an_error():
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor, batch_size=1, activation="identity", solver="sgd")
    model.partial_fit(X, y).set_params(eta_schedule=Interrupted(25, True))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(changed(X, 1e308, (0, 1)), y)
    assert model.n_updates_ == N


def picky(v):
    if (np.abs(v) > 1e3).any():
        raise RuntimeError("a number that phi does not take")
    return np.tanh(v)


def picky_slope(v, y):
    return 1.0 - y * y


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("row", [0, 3, 40, 77])
def test_an_activation_that_raises_leaves_the_rows_before(row, solver):
    rows = np.random.default_rng(1).normal(size=(100, 3))
    y = rows[:, 0]
    own = Activation(picky, picky_slope, name="picky", check=False)
    model = make(BackpropRegressor, activation=own, solver=solver, batch_size=1, engine="numpy")
    model.partial_fit(rows[:2], y[:2])
    expected = copy.deepcopy(model)
    if row:
        expected.partial_fit(rows[:row], y[:row])
    with pytest.raises(RuntimeError, match="does not take"):
        model.partial_fit(changed(rows, 1e9, (row, 1)), y)
    np.testing.assert_array_equal(weights(model), weights(expected))
    np.testing.assert_array_equal(model._model.state.rule_state, expected._model.state.rule_state)
    assert model.n_updates_ == model.t_ == expected.n_updates_ == 2 + row


def interrupted_init(n_in, n_out, rng):
    rng.normal()
    raise KeyboardInterrupt


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_interrupted_before_the_first_update(Estimator):
    model = fitted(Estimator).set_params(weight_init=interrupted_init)
    before = fingerprint(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y[Estimator])
    assert fingerprint(model) == before


def test_interrupt_with_a_handler_of_ones_own():
    # A handler that does not raise only waits; training goes on.
    calls = []
    previous = signal.signal(signal.SIGINT, lambda *args: calls.append(args))
    try:
        model = make(BackpropRegressor, eta_schedule=Interrupted(3, True))
        with pytest.warns(ConvergenceWarning):
            model.fit(X, Y[BackpropRegressor])
    finally:
        signal.signal(signal.SIGINT, previous)
    assert len(calls) == 1 and calls[0][0] == signal.SIGINT
    assert model.n_iter_ == 3
