"""`FanInEta`: what each part of a network learns at, for every rule and every engine."""

import pickle
from math import sqrt

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbackprop import RULES, BackpropClassifier, BackpropRegressor, FanInEta, trace_signals

RNG = np.random.RandomState(0)
X = RNG.randn(60, 4)
Y = X[:, 0] * X[:, 1] + X[:, 2]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(**given):
    return BackpropRegressor((9, 3), **{"random_state": 0, "activation": "tanh", **given})


def moves(estimator):
    """The change of each weight and bias by one row, over what an eta of 1 makes of it."""
    start = model(solver="sgd", eta=1.0).partial_fit(X[:1], Y[:1])
    estimator.partial_fit(X[:1], Y[:1])
    before = model(solver="sgd", eta=1e-300).partial_fit(X[:1], Y[:1])
    parts = zip(
        [*before.coefs_, *before.intercepts_],
        [*estimator.coefs_, *estimator.intercepts_],
        [*start.coefs_, *start.intercepts_],
        strict=True,
    )
    return [(moved - w) / (whole - w) for w, moved, whole in parts]


def test_the_rates_of_each_part():
    found = moves(model(solver="sgd", eta=FanInEta(0.2, bias=0.5)))
    wanted = [0.2 / sqrt(4), 0.2 / sqrt(9), 0.2 / sqrt(3), 0.1, 0.1, 0.1]
    for ratio, eta in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ratio, eta, rtol=1e-9)
    assert FanInEta(0.2).rates((4, 9)) == ([0.1, 0.2 / 3], [0.2 * 0.1] * 2, 0.2 * 6)


@pytest.mark.parametrize("solver", sorted(set(RULES) - {"quickprop", "irprop+", "irprop-"}))
def test_every_rule_takes_it(solver):
    one = model(solver=solver, eta=FanInEta(0.01), max_iter=3, tol=0, batch_size=20)
    same = clone(one).fit(X, Y)
    # Without biases to move, and in layers of one width, it is a list.
    weights = [0.01 / sqrt(n) for n in (4, 9, 3)]
    assert same.eta_curve_ == [0.01] * 3
    frozen = clone(one).set_params(eta__bias=0.0)
    short, long = (clone(frozen).set_params(max_iter=n).fit(X, Y) for n in (1, 3))
    assert all((a == b).all() for a, b in zip(short.intercepts_, long.intercepts_, strict=True))
    listed = clone(one).set_params(eta=weights).fit(X, Y)
    assert not np.array_equal(listed.coefs_[0], same.coefs_[0])
    assert np.isfinite(same.predict(X)).all()


@pytest.mark.parametrize("solver", ["sgd", "adam", "irprop+", "quickprop"])
def test_batches_and_full_batches(solver):
    fitted = model(solver=solver, eta=FanInEta(0.01), max_iter=30, batch_size=len(X)).fit(X, Y)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


def test_schedules_masks_and_warm_starts():
    given = {"eta": FanInEta(0.05), "eta_schedule": "one_cycle", "batch_size": 10, "max_iter": 4}
    fitted = model(tol=0, mask=[False, None, None], **given).fit(X, Y)
    start = model(tol=0, **given, weight_init="auto")
    assert max(fitted.eta_curve_) <= 0.05
    np.testing.assert_array_equal(
        fitted.coefs_[0], start.set_params(eta=[0.0] * 3).fit(X, Y).coefs_[0]
    )
    warm = model(**{**given, "eta_schedule": None, "max_iter": 2}, tol=0, warm_start=True)
    warm.fit(X, Y).fit(X, Y)
    assert warm.eta_curve_ == [0.05] * 4


def test_adaptive_lowers_the_base():
    fitted = model(
        eta=FanInEta(0.5), eta_schedule="adaptive", n_iter_no_change=2, tol=0.1, max_iter=60
    ).fit(X, Y)
    assert fitted.eta_curve_[0] == 0.5 and fitted.eta_curve_[-1] < 0.5


def test_partial_fit_sees_a_new_base_and_keeps_its_trainer():
    online = model(solver="sgd", eta=FanInEta(0.01)).partial_fit(X[:2], Y[:2])
    running = online.partial_fit(X[:1], Y[:1])._running
    assert online.partial_fit(X[:1], Y[:1])._running is running
    online.set_params(eta__base=0.02).partial_fit(X[:1], Y[:1])
    assert online._running is not running
    twin = pickle.loads(pickle.dumps(online)).partial_fit(X, Y)
    np.testing.assert_array_equal(online.partial_fit(X, Y).coefs_[0], twin.coefs_[0])


def test_rows_are_batches_of_one():
    given = {"eta": FanInEta(0.02), "solver": "adam"}
    online = model(**given, engine="numpy").partial_fit(X, Y)
    batches = model(**given, batch_size=1, shuffle=False, max_iter=1, weight_init="auto").fit(X, Y)
    for a, b in zip(online.coefs_, batches.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_a_trace_shows_both_rates(tmp_path):
    online = model(solver="sgd", eta=FanInEta(0.02)).partial_fit(X, Y)
    trace = trace_signals(online, X[:1], Y[:1])
    np.testing.assert_allclose(trace.eta, [0.01, 0.02 / 3, 0.02 / sqrt(3)])
    np.testing.assert_allclose(trace.eta_biases, [0.002] * 3)
    before = [a.copy() for a in (*online.coefs_, *online.intercepts_)]
    online.partial_fit(X[:1], Y[:1])
    for layer in range(3):
        moved = online.coefs_[layer] - before[layer]
        np.testing.assert_allclose(trace.dw(layer, 0), moved, rtol=1e-6, atol=1e-12)
        moved = online.intercepts_[layer] - before[3 + layer]
        np.testing.assert_allclose(trace.db(layer, 0), moved, rtol=1e-6, atol=1e-12)
    assert "0.002 for the bias" in trace.explain(0, 0, 0)
    assert "0.002 * " in trace.explain(0, 0, 0, "bias")
    with pytest.raises(ValueError, match="FanInEta"):
        trace.to_html(tmp_path / "page.html")


def test_it_is_searched_and_refused_by_name():
    search = GridSearchCV(model(eta=FanInEta(0.1), max_iter=2), {"eta__base": [0.01]})
    assert search.fit(X, Y).best_params_ == {"eta__base": 0.01}
    for wrong, name in ((FanInEta(0.0), "base"), (FanInEta(1, bias=-1), "bias")):
        with pytest.raises(ValueError, match=f"{name} of FanInEta is"):
            model(eta=wrong).fit(X, Y)
    with pytest.raises(ValueError, match="gain of FanInEta is None"):
        model(eta=FanInEta(1, gain=None)).fit(X, Y)
    with pytest.raises(ValueError, match=r"eta=FanInEta.* does not go with solver='lbfgs'"):
        model(eta=FanInEta(0.1), solver="lbfgs").fit(X, Y)


def test_classifiers_and_float32():
    fitted = BackpropClassifier((5,), eta=FanInEta(0.04), random_state=0, max_iter=50, tol=0)
    fitted.set_params(n_iter_no_change=np.inf, batch_size=20)
    fitted.fit(X.astype(np.float32), Y > 0)
    assert fitted.coefs_[0].dtype == np.float32 and fitted.score(X.astype(np.float32), Y > 0) > 0.8
