"""Weights of rows and of classes."""

import numpy as np
import pytest
from estimator_cases import TARGETS, N, X, flat, make
from sklearn.metrics import accuracy_score, r2_score

from skbackprop import (
    RULES,
    BackpropRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", sorted(RULES))
def test_weights_equal_repetition_on_a_full_batch(kind, solver):
    y = TARGETS[kind]
    repeats = np.random.default_rng(3).integers(0, 4, N)
    repeated = np.repeat(np.arange(N), repeats)
    params = {"solver": solver, "alpha": 0.01, "batch_size": 10**6, "max_iter": 10}
    weighted = make(kind, **params).fit(X, y, sample_weight=repeats)
    plain = make(kind, **params).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(flat(weighted), flat(plain), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(weighted.loss_curve_, plain.loss_curve_, rtol=1e-9)
    scaled = make(kind, **params).fit(X, y, sample_weight=7.0 * repeats)
    np.testing.assert_allclose(flat(scaled), flat(weighted), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", ["auto", 7])
def test_zero_weight_rows_might_as_well_not_be_there(batch_size, shuffle):
    y = TARGETS["multiclass"]
    weights = np.ones(N)
    weights[::5] = 0
    kept = weights > 0
    params = {"batch_size": batch_size, "shuffle": shuffle, "weight_init": "glorot_uniform"}
    model = make("multiclass", **params).fit(X, y, sample_weight=weights)
    without = make("multiclass", **params).fit(X[kept], y[kept])
    np.testing.assert_array_equal(flat(model), flat(without))
    assert (model.t_, model.n_updates_) == (without.t_, without.n_updates_)


def test_heavy_row_moves_more_at_one_row_an_update():
    # Two rows, one update each: Dw = eta w / mean(w) delta y.
    Z, d = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 1.0])
    model = BackpropRegressor((), solver="sgd", eta=0.1, batch_size=1, shuffle=False, max_iter=1)
    start = {"coef_init": [np.zeros((2, 1))], "intercept_init": [np.zeros(1)]}
    w = np.array([1.0, 9.0]) / 5.0  # over their mean
    model.fit(Z, d, sample_weight=[1.0, 9.0], **start)
    b = 0.1 * w[0]
    np.testing.assert_allclose(model.coefs_[0][:, 0], [0.1 * w[0], 0.1 * w[1] * (1 - b)])


def test_step_of_a_weighted_batch():
    # sum_i w_i g_i / (b mean(w)), mean(w) over the whole call
    y, w = TARGETS["regression"], np.linspace(0.1, 5, N)
    model = BackpropRegressor((), solver="sgd", eta=0.1, batch_size=15, shuffle=False, max_iter=1)
    model.fit(X, y, w, coef_init=[np.zeros((4, 1))], intercept_init=[np.zeros(1)])
    W, b = np.zeros(4), 0.0
    for i in range(0, N, 15):
        Z, e, s = X[i : i + 15], y[i : i + 15] - (X[i : i + 15] @ W + b), w[i : i + 15]
        W, b = W + 0.1 * (s * e) @ Z / (15 * w.mean()), b + 0.1 * (s * e).sum() / (15 * w.mean())
    np.testing.assert_allclose(model.coefs_[0][:, 0], W, rtol=1e-12)
    np.testing.assert_allclose(model.intercepts_[0], b, rtol=1e-12)


@pytest.mark.parametrize("weight", [2.0, 5])
def test_one_number_is_a_weight_for_all(weight):
    y = TARGETS["regression"]
    np.testing.assert_array_equal(
        flat(make("regression").fit(X, y, weight)), flat(make("regression").fit(X, y, np.ones(N)))
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("dtype", "power"), [(np.float32, 30), (np.float64, 300)])
def test_weights_may_differ_as_much_as_numbers_can(solver, dtype, power):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(100, 3)).astype(dtype), np.full(100, 10.0**-power, dtype)
    for heavy in range(0, 100, 7):
        weights[heavy] = 10.0**power
        settings = {"early_stopping": True, "max_iter": 2, "scoring": "loss", "random_state": 0}
        model = BackpropRegressor((4,), solver=solver, **settings)
        model.fit(X, X[:, 0], sample_weight=weights)
        assert np.isfinite([*model.loss_curve_, *model.validation_loss_curve_]).all()
        weights[heavy] = 10.0**-power


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "lm"])
@pytest.mark.parametrize("size", [1e-310, 1e-30, 1e30, 1.7e308])
def test_only_the_ratios_of_weights_matter_however_large_they_are(solver, size):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(40, 3)), rng.uniform(0.1, 1.0, size=40)
    y = np.sin(X[:, 0])
    one, other = (
        BackpropRegressor((4,), solver=solver, scoring="loss", max_iter=5, random_state=0).fit(
            X, y, sample_weight=f * weights, X_val=X, y_val=y, sample_weight_val=f * weights
        )
        for f in (1.0, size)
    )
    np.testing.assert_allclose(other.predict(X), one.predict(X), rtol=1e-6)
    for curve in ("loss_curve_", "validation_loss_curve_"):
        np.testing.assert_allclose(getattr(other, curve), getattr(one, curve), rtol=1e-6)


def test_weighted_score():
    w = np.linspace(0, 1, N)
    for kind, metric in (
        ("regression", r2_score),
        ("two_targets", r2_score),
        ("multiclass", accuracy_score),
        ("multilabel", accuracy_score),
    ):
        model = make(kind, max_iter=2).fit(X, TARGETS[kind])
        score = model.score(X, TARGETS[kind], sample_weight=w)
        assert score == metric(TARGETS[kind], model.predict(X), sample_weight=w)
        assert score != model.score(X, TARGETS[kind])


def test_class_weight():
    y = TARGETS["multiclass"]
    params = {"batch_size": N, "max_iter": 5}
    counts = np.bincount(y)
    balanced = make("multiclass", class_weight="balanced", **params).fit(X, y)
    given = {c: N / (3 * n) for c, n in enumerate(counts)}
    np.testing.assert_allclose(
        flat(balanced), flat(make("multiclass", class_weight=given, **params).fit(X, y))
    )
    w = np.linspace(0.5, 2, N)
    both = make("multiclass", class_weight={0: 3.0}, **params).fit(X, y, sample_weight=w)
    product = make("multiclass", **params).fit(X, y, sample_weight=np.where(y == 0, 3 * w, w))
    np.testing.assert_allclose(flat(both), flat(product))
    names = np.array(["a", "b", "c"])[y]
    named = make("multiclass", class_weight={"a": 3.0}, **params).fit(X, names, sample_weight=w)
    np.testing.assert_array_equal(flat(named), flat(both))


def test_class_weight_raises_recall_of_a_rare_class():
    rare = (X[:, 0] + 0.5 * X[:, 3] > 1.2).astype(int)
    recall = [
        make("binary", class_weight=cw).fit(X, rare).predict(X)[rare == 1].mean()
        for cw in ({0: 10.0}, {1: 10.0})
    ]
    assert recall[0] < recall[1]
