"""What a constant costs, and what is to blame where a fit has learnt nothing: nothing is silent."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor, diagnose
from skbackprop.losses.head import Head
from skbackprop.losses.loss import LOSSES
from skbackprop.losses.task import Task
from skbackprop.training.causes import (
    Finding,
    constant_cost,
    cost_unit,
    is_constant,
    unscaled_inputs,
)

RNG = np.random.RandomState(0)
X = RNG.randn(200, 3)
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
RAMP = np.linspace(-1, 1, 100)[:, None]


unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def warnings_of(model, *data, **keywords):
    """What a fit warns of, in one text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*data, **keywords)
    assert all(w.category is ConvergenceWarning for w in caught)
    assert all(w.filename == __file__ for w in caught)
    return " ".join(str(w.message) for w in caught)


def tanh(**params):
    return BackpropRegressor(**{"hidden_layer_sizes": (8,), "activation": "tanh",
                                "random_state": 0, **params})  # fmt: skip


# -- the best constant -----------------------------------------------------------------------------


def test_the_cost_of_the_best_constant():
    d, w = RNG.randn(50, 2), RNG.rand(50)
    rows = np.arange(10, 40)
    squares = Head(LOSSES["squared_error"], Task("regression", 2))
    mean = np.average(d[rows], axis=0, weights=w[rows])
    by_hand = np.average(0.5 * ((d[rows] - mean) ** 2).sum(axis=1), weights=w[rows])
    assert constant_cost(squares, d, w, rows) == pytest.approx(by_hand)
    c = RNG.randint(3, size=50)
    classes = Head(LOSSES["cross_entropy"], Task("multiclass", 3))
    p = np.bincount(c) / 50
    assert constant_cost(classes, c) == pytest.approx(-(p * np.log(p)).sum(), rel=1e-6)
    bounded = Head(LOSSES["squared_error"], Task("regression", 1), "logistic")
    assert constant_cost(bounded, np.full((9, 1), 0.3)) == pytest.approx(0.0)  # not that of v = 0
    assert constant_cost(bounded, np.full((9, 1), 3.0)) == pytest.approx(2.0)  # (3 - 1)^2 / 2


def test_the_unit_of_a_cost_is_that_of_the_targets():
    squares = Head(LOSSES["squared_error"], Task("regression", 1))
    assert cost_unit(squares, 7.0) == 7.0
    assert cost_unit(squares, 0.0) == 1.0  # constant targets
    likelihood = Head(LOSSES["gaussian_nll"], Task("regression", 1))
    assert cost_unit(likelihood, -7.0) == cost_unit(likelihood, 7.0) == 1.0


def test_constant_targets():
    assert is_constant(np.full((5, 2), 0.1)) and not is_constant(np.eye(2))
    assert is_constant(0.1 + np.array([[0.0], [1e-17]]))
    assert is_constant(np.array([1, 1, 0]), np.array([0, 1]))
    labels = sparse.csr_array(np.array([[1, 0], [1, 0]]))
    assert is_constant(labels) and not is_constant(sparse.csr_array(np.eye(2, dtype=int)))


@pytest.mark.parametrize("factor", [2.0**-30, 2.0**30])
@unconverged
def test_tol_has_no_unit(factor):
    """Of a network whose weights stay at zero, the output bias is proportional to y."""
    one, other = (
        tanh(solver="sgd", eta=0.02, tol=1e-2, weight_init=zeros, batch_size=50).fit(X, scale * Y)
        for scale in (1.0, factor)
    )
    assert one.n_iter_ == other.n_iter_ < 200
    np.testing.assert_allclose(other.loss_curve_, factor**2 * np.array(one.loss_curve_))


def zeros(n_in, n_out, rng):
    """Weights that stay: with tanh nothing but the output bias has a correction."""
    return np.zeros((n_in, n_out))


# -- a fit that has learnt nothing -----------------------------------------------------------------


@pytest.mark.parametrize(
    "model, scale, cause",
    [
        (tanh(solver="irprop+", max_iter=30), 1e-3, "Scale y"),
        (tanh(solver="lbfgs", loss="huber"), 1e-6, "Scale y"),
        (tanh(max_iter=30), 1e6, "Scale y"),
    ],
)
def test_targets_in_the_wrong_units(model, scale, cause):
    told = warnings_of(model, X, scale * Y)
    assert "learnt nothing" in told and "standard deviation" in told and cause in told
    assert "unscaled_targets" in {finding.name for finding in diagnose(model, X, scale * Y)}


@pytest.mark.parametrize("scale", [1e-6, 1e12])
def test_solvers_that_know_the_unit_need_no_warning(scale):
    model = tanh(solver="lbfgs", max_iter=3000)
    model.fit(X, scale * Y)
    assert model.score(X, scale * Y) > 0.99


def test_a_solver_that_stops_by_an_absolute_tolerance():
    told = warnings_of(tanh(solver="lbfgs", loss="huber", max_iter=1000), X, 1e-3 * Y)
    assert "absolute for loss='huber'" in told and "Scale y" in told


def test_inputs_that_are_not_scaled():
    A, c = load_wine(return_X_y=True)
    told = warnings_of(BackpropClassifier((20,), solver="rmsprop", random_state=0), A, c)
    assert "learnt nothing" in told and "Large columns of X" in told
    B = sparse.csr_array(A)
    assert [f.figure for f in unscaled_inputs(A)] == pytest.approx(
        [f.figure for f in unscaled_inputs(B)]
    )


def test_dead_neurons():
    model = BackpropRegressor((8,), random_state=0, max_iter=20, n_iter_no_change=3)
    b = [np.full(8, -100.0), np.zeros(1)]
    told = warnings_of(model, X, Y, intercept_init=b)
    assert "Dead neurons of layer 0: 8 of 8" in told


def test_no_cause_is_plain():
    told = warnings_of(tanh(solver="sgd", eta=1e-9, alpha=0.1, weight_init=zeros), X, Y + 1)
    assert "try another eta, a smaller alpha or more epochs" in told


def test_the_largest_of_several_targets_rules_the_cost():
    y = np.column_stack([100.0 * Y, np.sin(3.0 * X[:, 1])])
    model = tanh(solver="sgd", eta=1e-3, max_iter=100, n_iter_no_change=np.inf)
    told = warnings_of(model, X, y)
    shares = 1.0 - ((y - model.predict(X)) ** 2).mean(axis=0) / y.var(axis=0)
    assert shares[0] > 0 > shares[1]
    assert f"predicts no worse: 1, with an R^2 down to {shares[1]:.3g}" in told
    assert "scale_targets=True" in told and "learnt nothing" not in told
    told = warnings_of(tanh(solver="lbfgs", scale_targets=True, max_iter=100), X, y)
    assert "predicts no worse" not in told
    constant = np.column_stack([Y, np.full(200, 0.1)])  # nothing to learn there
    assert "predicts no worse" not in warnings_of(tanh(max_iter=30), X, constant)


def test_a_penalty_and_dropout_do_not_count():
    kept = tanh(dropout=0.8, eta=0.02, alpha=0.1, tol=0, max_iter=60)
    assert "learnt nothing" not in warnings_of(kept, X, Y)


def test_constants_have_nothing_to_learn():
    for loss in ("squared_error", "absolute_error", "gaussian_nll"):
        told = warnings_of(tanh(loss=loss, max_iter=30), X, np.full(200, 3.0))
        assert "learnt nothing" not in told


def test_a_fit_that_has_hardly_begun():
    """Nine updates are too few to learn anything; ten are judged."""
    model = tanh(solver="sgd", eta=1e-9, weight_init=zeros)
    for max_iter in (1, 9, 10):
        told = warnings_of(model.set_params(max_iter=max_iter), X, Y + 1)
        assert f"(max_iter={max_iter}) reached" in told
        assert ("learnt nothing" in told) == (max_iter == 10)
    told = warnings_of(model.set_params(max_iter=1, batch_size=10), X, Y + 1)  # twenty updates
    assert "learnt nothing" in told
    for solver in ("lbfgs", "irprop+"):  # which look at all rows
        told = warnings_of(tanh(solver=solver, max_iter=2, loss="huber"), X, 1e-6 * Y)
        assert "learnt nothing" in told and "(max_iter=2) reached" in told


def test_a_warm_start_waits():
    model = tanh(max_iter=1, warm_start=True, solver="sgd", eta=1e-9, weight_init=zeros)
    for _ in range(3):
        assert "learnt nothing" not in warnings_of(model, X, Y + 1)
    model.set_params(max_iter=100, tol=0.1)
    assert "learnt nothing" in warnings_of(model, X, Y + 1)


# -- targets that cannot be reached ----------------------------------------------------------------


@pytest.mark.parametrize("output, shown", [("tanh", "(-1, 1)"), ("logistic", "(0, 1)")])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error"])
def test_targets_out_of_the_range_of_the_output(output, shown, loss):
    y = 2.0 + 2.0 * RAMP[:, 0]
    model = tanh(output_activation=output, loss=loss, max_iter=2)
    told = warnings_of(model, RAMP, y)
    assert f"75% of the rows have targets out of the range of the output activation, {shown}" in (
        told
    )
    found = next(f for f in diagnose(model, RAMP, y) if f.name == "unscaled_targets")
    assert isinstance(found, Finding) and found.message in told
    with pytest.warns(ConvergenceWarning, match="75% of the rows"):
        tanh(output_activation=output, loss=loss).partial_fit(RAMP, y)
    inside = warnings_of(tanh(output_activation=output, loss=loss, max_iter=2), RAMP, y / 4)
    assert "out of the range" not in inside


def test_negative_targets_behind_relu():
    told = warnings_of(tanh(output_activation="relu", solver="lbfgs"), RAMP, -1.5 - RAMP[:, 0])
    assert "100% of the rows have targets out of the range" in told and "(0, inf)" in told
