"""Outputs, costs and rules are guarded: no step leaves a model that is not finite."""

import numpy as np
import pytest

from skbackprop import (
    BackpropRegressor,
    DivergenceError,
    Huber,
    Quickprop,
    UpdateRule,
    WholeBatchSolver,
)
from skbackprop.updates import RULES
from skbackprop.updates.headroom import is_tame

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
Y = RNG.normal(size=50)
ZERO = np.zeros((2, 1))


def weights(model):
    return model._model.network.w


@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_that_overflow_where_delta_does_not(solver, batch_size, dtype):
    # delta = d exp(-v) - 1 = -1 at any v where y = exp(v) is infinite.
    amounts = 1e5 * RNG.gamma(2.0, size=50)
    model = BackpropRegressor(
        (4,), activation="tanh", loss="gamma", solver=solver, batch_size=batch_size, random_state=0
    ).set_params(eta=0.01 * batch_size)
    with pytest.raises(DivergenceError, match="at row "):
        model.partial_fit(X.astype(dtype), amounts)
    assert np.isfinite(weights(model)).all() and model.n_updates_ >= 1


@pytest.mark.parametrize("batch_size", [1, 4])
def test_an_output_beyond_the_range_is_refused_and_a_large_one_is_not(batch_size):
    model = BackpropRegressor((), loss="gamma", solver="sgd", batch_size=batch_size)
    model.partial_fit(ZERO, [1.0, 1.0], coef_init=[[[0.0]]], intercept_init=[[700.0]])
    assert model.n_updates_ == (2 if batch_size == 1 else 1)
    model.intercepts_ = [[710.0]]
    before = weights(model).copy()
    for count in (1, 2):
        with pytest.raises(DivergenceError, match="at row 0"):
            model.partial_fit(ZERO[:count], np.ones(count))
    np.testing.assert_array_equal(weights(model), before)


@pytest.mark.parametrize("solver", ["lbfgs", "scg"])
def test_whole_batch_solvers_see_it_too(solver):
    model = BackpropRegressor((), loss="gamma", solver=solver)
    start = {"coef_init": [[[0.0]]], "intercept_init": [[710.0]]}
    with pytest.raises(DivergenceError, match="the cost is not finite"):
        model.fit(ZERO, [1.0, 1.0], **start)


@pytest.mark.parametrize("loss", ["absolute_error", Huber(), "log_cosh", "quantile"])
@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("count", [2, 80])
def test_costs_whose_sum_overflows_have_a_mean(loss, batch_size, count):
    model = BackpropRegressor((), loss=loss, solver="sgd", batch_size=batch_size)
    model.partial_fit(np.zeros((count, 1)), np.full(count, 1e308))
    assert (model.t_, model.n_iter_) == (count, 1)
    assert model.loss_ == pytest.approx(5e307 if loss == "quantile" else 1e308, rel=1e-12)
    assert np.isfinite(weights(model)).all()


def test_so_has_a_validation_loss():
    model = BackpropRegressor((), loss="absolute_error", solver="sgd", max_iter=2, tol=1.0)
    model.set_params(n_iter_no_change=1, max_iter=50)
    X_val, y_val = np.zeros((3, 1)), np.full(3, 1.5e308)
    model.fit(ZERO, [1.0, 2.0], X_val=X_val, y_val=y_val)
    assert model.validation_loss_curve_[-1] == pytest.approx(1.5e308)


class Breaks(UpdateRule):
    """A rule of the user's own that leaves NaN after some updates."""

    default_eta = 0.1

    def __init__(self, after=3):
        self.after = after

    def step(self, w, g, state, t, eta, cost):
        w += eta * g
        if t >= self.after:
            w[0] = np.nan


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_rule_that_breaks_the_weights(batch_size):
    model = BackpropRegressor((3,), solver=Breaks(), batch_size=batch_size, engine="numpy")
    with pytest.raises(DivergenceError, match="update 4 "):
        model.partial_fit(X, Y)
    assert model.n_updates_ == 3 and np.isfinite(weights(model)).all()


class BreaksToo(WholeBatchSolver):
    """A solver of the user's own that moves to where no network is."""

    def minimise(self, problem, state, monitor):
        problem.accept(problem.w * np.inf)


def test_a_solver_that_breaks_the_weights():
    model = BackpropRegressor((3,), solver=BreaksToo(), random_state=0)
    with pytest.raises(DivergenceError, match="would not be finite"), np.errstate(invalid="ignore"):
        model.fit(X, Y)


def test_a_solver_that_leaves_float32():
    class Far(WholeBatchSolver):
        def minimise(self, problem, state, monitor):
            problem.accept(np.full(problem.w.size, 1e39))

    with pytest.raises(DivergenceError, match="finite in float32"):
        BackpropRegressor((3,), solver=Far(), random_state=0).fit(X.astype(np.float32), Y)


def test_rules_are_tame_by_ordinary_constants():
    assert all(is_tame(rule) for rule in RULES.values())
    assert not is_tame(Quickprop(mu=1e300)) and not is_tame(Breaks())


@pytest.mark.parametrize("loss", ["gaussian_nll", "squared_error"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_good_model_outlives_a_fit_that_never_began(loss, solver, warm_start):
    model = BackpropRegressor((3,), loss=loss, solver=solver, max_iter=400, tol=1.0, random_state=0)
    model.fit(X, Y).set_params(warm_start=warm_start)
    before = {**vars(model)}
    w, state = weights(model).copy(), model._model.state.rule_state.copy()
    with pytest.raises(DivergenceError):
        model.fit(1e305 * X, 1e160 * Y)
    assert vars(model).keys() - {"warm_start"} == before.keys() - {"warm_start"}
    assert all(before[name] is value for name, value in vars(model).items() if name[0] != "_")
    np.testing.assert_array_equal(weights(model), w)
    np.testing.assert_array_equal(model._model.state.rule_state, state)


def test_a_first_guess_that_is_not_finite_is_named():
    model = BackpropRegressor((3,), loss="gaussian_nll")
    with pytest.raises(DivergenceError, match=r"best constant of loss=.* Scale y"):
        model.fit(X, 1e160 * Y)
    assert not hasattr(model, "coefs_")
