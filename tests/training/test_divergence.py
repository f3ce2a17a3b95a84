"""A diverging update is refused before it is applied."""

import copy

import numpy as np
import pytest
from invalid_cases import (
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
    AdamW,
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov"])
def test_divergence_in_fit_keeps_the_last_finite_weights(solver, dtype):
    Z, y = 100 * X.astype(dtype), Y[BackpropRegressor]
    model = make(BackpropRegressor, activation="identity", solver=solver, eta=10.0, max_iter=500)
    with pytest.raises(DivergenceError, match=r"update \d+ at eta=10") as caught:
        model.fit(Z, y)
    assert isinstance(caught.value, ArithmeticError) and "row" in str(caught.value)
    assert weights(model).dtype == dtype and np.isfinite(weights(model)).all()
    assert np.isfinite(model._model.state.rule_state).all()
    assert f"update {model.n_updates_ + 1} " in str(caught.value)
    assert model.n_updates_ > 0
    # The same run, told to stop just before, has the same weights: no update is half done.
    stopped = make(BackpropRegressor, activation="identity", solver=solver, eta=10.0, max_iter=500)
    stopped.set_params(eta_schedule=Interrupted(model.n_updates_))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(Z, y)
    np.testing.assert_array_equal(weights(model), weights(stopped))
    assert model.t_ == stopped.t_


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov", "adam"])
def test_divergence_in_partial_fit_keeps_the_rows_before(solver, dtype):
    Z, y = X.astype(dtype), Y[BackpropRegressor]
    # identity neurons: one enormous row makes v, delta or the step overflow
    huge = changed(Z, np.finfo(dtype).max / 2, (7, 1))
    params = {"solver": solver, "batch_size": 1, "activation": "identity", "eta": 0.01}
    model = make(BackpropRegressor, **params).partial_fit(Z[:2], y[:2])
    before = model.n_updates_
    rows = copy.deepcopy(model).partial_fit(Z[:7], y[:7])
    with pytest.raises(DivergenceError, match=rf"row 7: .*update {before + 8} at eta=0.01"):
        model.partial_fit(huge, y)
    np.testing.assert_array_equal(weights(model), weights(rows))
    np.testing.assert_array_equal(model._model.state.rule_state, rows._model.state.rule_state)
    assert (model.n_updates_, model.t_) == (rows.n_updates_, rows.t_)
    with pytest.raises(DivergenceError, match="row 0"):
        model.partial_fit(huge[7:8], y[7:8])
    np.testing.assert_array_equal(weights(model), weights(rows))
    model.partial_fit(Z, y)


def test_divergence_of_a_classifier():
    y = Y[BackpropClassifier]
    model = fitted(BackpropClassifier, activation="identity", solver="sgd")
    model.coefs_ = [np.full_like(W, 10.0) for W in model.coefs_]
    before = fingerprint(model)
    with pytest.raises(DivergenceError):
        model.partial_fit(np.full((1, 3), 1e308), y[:1])
    with pytest.raises(DivergenceError):
        model.partial_fit(X[:1], y[:1], sample_weight=[1.7e308])
    assert fingerprint(model) == before


def test_divergence_names_the_row_given():
    # Rows of weight zero are passed over, and the number is that of the row in the call.
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor, activation="identity", solver="sgd", batch_size=1)
    model.partial_fit(X, y)
    w = np.ones(N)
    w[:5] = 0
    with pytest.raises(DivergenceError, match="row 7"):
        model.partial_fit(changed(X, 1e308, (7, 1)), y, sample_weight=w)


DECAYING = {"alpha": 1e3, "eta": 1.0}  # multiplies a weight by -999 where nothing comes in


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["sgd", "momentum", AdamW(weight_decay=1e3)])
def test_divergence_of_weights_whose_signal_is_zero(solver, batch_size):
    # No v tells of it, for all of them are zero.
    nothing, y = np.zeros((400, 3)), np.zeros(400)
    settings = {**DECAYING, "alpha": 0.0} if isinstance(solver, AdamW) else DECAYING
    model = make(BackpropRegressor, solver=solver, batch_size=batch_size, engine="numpy")
    model.partial_fit(nothing[:1], y[:1]).set_params(**settings)
    with pytest.raises(DivergenceError):
        for _ in range(10):
            model.partial_fit(nothing, y)
    assert model.n_updates_ > 95  # a factor of 1e3 each
    assert np.isfinite(weights(model)).all() and np.isfinite(model._model.state.rule_state).all()
    model.set_params(alpha=0.0, solver="sgd").partial_fit(nothing, y).predict(nothing)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["adam", "adagrad", "rmsprop", "sgd"])
def test_what_a_rule_adds_up_stays_finite(solver, batch_size):
    # In float32 every correction's square is finite here; their sum is not.
    rows, y = np.zeros((400, 3), np.float32), np.zeros(400)
    rows[:, 0] = 3e9
    model = BackpropRegressor(
        (), solver=solver, eta=1e-30, batch_size=batch_size, engine="numpy", loss="squared_error"
    )
    model.partial_fit(rows[:1], y[:1], coef_init=[[[1.0], [0.0], [0.0]]])
    try:
        model.partial_fit(rows, y)
    except DivergenceError:
        assert solver != "sgd"
    assert np.isfinite(weights(model)).all() and np.isfinite(model._model.state.rule_state).all()


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "adam"])
def test_an_eta_beyond_float32_is_a_divergence(solver, batch_size):
    # Without an error there is no change, but infinity times zero.
    rows, y = np.ones((4, 3), np.float32), np.zeros(4)
    model = BackpropRegressor((), solver=solver, batch_size=batch_size, engine="numpy")
    model.partial_fit(rows, y, coef_init=[np.zeros((3, 1))]).set_params(eta=1e39)
    with pytest.raises(DivergenceError, match=r"eta=1e\+39"):
        model.partial_fit(rows, y)
    np.testing.assert_array_equal(weights(model), 0)


COEFS = [np.ones((3, 4)), np.ones((4, 1))]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_at_the_first_update(solver):
    model = make(BackpropRegressor, activation="identity", solver=solver)
    with pytest.raises(DivergenceError):
        model.fit(np.full_like(X, 1.7e308), Y[BackpropRegressor], coef_init=COEFS)
    assert np.isfinite(weights(model)).all() and model.n_updates_ == 0
    model.partial_fit(X, Y[BackpropRegressor]).predict(X)


def test_targets_whose_sum_overflows():
    # Whatever becomes of the fit, no weight may be infinite.
    model = make(BackpropRegressor, solver="sgd", batch_size="auto")
    try:
        with np.errstate(over="ignore"):
            model.fit(X, np.full(N, 1e308))
    except (DivergenceError, ValueError):
        pass
    except ConvergenceWarning:
        pass
    if hasattr(model, "coefs_"):
        assert np.isfinite(weights(model)).all()


def test_large_numbers_that_stay_finite_are_no_divergence():
    model = BackpropRegressor((), solver="sgd", eta=1e-3, random_state=0)
    model.partial_fit([[1e-150]], [1e150], coef_init=[[[0.0]]])
    np.testing.assert_allclose(model.coefs_[0], [[1e-3]])
    model.partial_fit([[0.0]], [1e200])
    np.testing.assert_allclose(model.intercepts_[0], [1e197])


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "adam", "rmsprop"])
def test_numbers_that_underflow_are_zero_whatever_numpy_is_told_to_raise(solver, batch_size):
    # Squares of the corrections underflow, half-way through the step of the rule.
    rows, y = np.full((8, 3), 1e-170), np.zeros(8)
    model = make(
        BackpropRegressor, solver=solver, batch_size=batch_size, alpha=1e-200, engine="numpy"
    ).partial_fit(X, Y[BackpropRegressor])
    same = copy.deepcopy(model).partial_fit(rows, y)
    with np.errstate(all="raise"):
        for part in (slice(1), slice(1, None)) if batch_size == 1 else (slice(None),):
            model.partial_fit(rows[part], y[part])
    np.testing.assert_array_equal(weights(model), weights(same))
    np.testing.assert_array_equal(model._model.state.rule_state, same._model.state.rule_state)
    assert model.n_updates_ == same.n_updates_
