"""`scale_targets`: targets of size one inside, predictions in the units of y."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skbackprop import (
    BackpropRegressor,
    Quantile,
    check_gradient,
    diagnose,
    record_training,
    trace_signals,
)

RNG = np.random.RandomState(0)
X = RNG.randn(120, 4)
SHAPE = X[:, 0] * X[:, 1] + X[:, 2] + 0.1 * RNG.randn(120)
Y = 1e6 + 2e4 * SHAPE

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(**given):
    eta = {} if "solver" in given else {"eta": 0.003}
    given = {"random_state": 0, "max_iter": 100, "scale_targets": True, "batch_size": 20} | given
    return BackpropRegressor((20,), **eta, **given)


def standard(y, weights=None):
    mean = np.average(y, axis=0, weights=weights)
    return (y - mean) / np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weights))


def same(one, other, rtol=1e-9):
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)


def test_it_is_what_a_scaler_around_it_does():
    ours = model().fit(X, Y)
    around = TransformedTargetRegressor(model(scale_targets=False), transformer=StandardScaler())
    around.fit(X, Y)
    same(ours, around.regressor_, 1e-6)
    np.testing.assert_allclose(ours.predict(X), around.predict(X), rtol=1e-9)
    np.testing.assert_allclose(ours.loss_curve_, around.regressor_.loss_curve_, rtol=1e-6)
    assert (
        ours.score(X, Y) == pytest.approx(r2_score(Y, ours.predict(X))) and ours.score(X, Y) > 0.9
    )


def test_the_unit_of_y_makes_no_difference():
    one, other = model().fit(X, SHAPE), model().fit(X, Y)
    same(one, other, 1e-6)
    np.testing.assert_allclose(1e6 + 2e4 * one.predict(X), other.predict(X), rtol=1e-9)


def test_several_targets_each_in_its_own_unit():
    both = np.c_[Y, -1e-5 * X[:, 1]]
    fitted = model(max_iter=300).fit(X, both)
    assert r2_score(both, fitted.predict(X), multioutput="raw_values").min() > 0.9


def test_quantiles_and_deviations_come_out_in_the_units_of_y():
    fitted = model(loss=Quantile([0.1, 0.5, 0.9]), max_iter=300).fit(X, Y)
    low, middle, high = fitted.predict(X).T
    assert (low <= middle).all() and (middle <= high).all()
    assert 0.7 < np.mean((low <= Y) & (high >= Y)) < 0.95 and fitted.score(X, Y) > 0.5
    nll = model(loss="gaussian_nll", max_iter=300).fit(X, Y)
    mean, std = nll.predict(X, return_std=True)
    plain = model(loss="gaussian_nll", max_iter=300, scale_targets=False).fit(X, standard(Y))
    np.testing.assert_allclose(std, plain.predict(X, return_std=True)[1] * Y.std(), rtol=1e-6)
    np.testing.assert_allclose(mean, nll.predict(X))
    assert mean.shape == std.shape == Y.shape


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_positive_targets_are_divided_by_their_mean(loss):
    y = 1e4 * np.exp(0.5 * SHAPE)
    fitted = model(loss=loss).fit(X, y)
    same(fitted, model(loss=loss, scale_targets=False).fit(X, y / y.mean()), 1e-6)
    assert fitted.score(X, y) > 0.8 and fitted.predict(X).min() > 0
    with pytest.raises(ValueError, match=">"):
        model(loss=loss).fit(X, y - 1e5)
    if loss != "gamma":
        assert np.isfinite(model(loss=loss, max_iter=3).fit(X, np.zeros(120)).predict(X)).all()


def test_weights_equal_repetition():
    weights = RNG.randint(0, 4, 120)
    full = {"batch_size": 500, "max_iter": 20, "tol": 0}
    weighed = model(**full).fit(X, Y, sample_weight=weights)
    repeated = model(**full).fit(np.repeat(X, weights, 0), np.repeat(Y, weights))
    same(weighed, repeated, 1e-6)
    np.testing.assert_allclose(weighed.predict(X), repeated.predict(X), rtol=1e-9)


def test_rows_held_out_have_no_say():
    fitted = model(early_stopping=True, max_iter=200).fit(X, Y)
    assert fitted.best_validation_score_ > 0.8
    given = model().fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    alone = model().fit(X[:80], Y[:80])
    same(given, alone)
    rest = (Y[80:] - alone.predict(X[80:])) / Y[:80].std()
    assert given.validation_loss_curve_[-1] == pytest.approx(0.5 * np.mean(rest**2))
    scored = model(early_stopping=True, scoring="neg_mean_absolute_error").fit(X, Y)
    assert -1e5 < scored.best_validation_score_ < -100  # in the units of y


def test_warm_start_and_partial_fit_keep_the_unit():
    warm = model(max_iter=5, warm_start=True).fit(X, Y)
    unit = warm._model.coding.unit
    warm.fit(X[:60], Y[:60] + 1e3)
    np.testing.assert_array_equal(warm._model.coding.unit.center, unit.center)
    assert abs(warm.predict(X).mean() - 1e6) < 1e5
    online = model(solver="sgd", eta=0.01, batch_size="auto", max_iter=50).fit(X, Y)
    inner = model(solver="sgd", eta=0.01, batch_size="auto", scale_targets=False, max_iter=50)
    inner.fit(X, standard(Y)).partial_fit(X, standard(Y))
    for row, target in zip(X, Y, strict=True):
        online.partial_fit(row[None], [target])
    same(online, inner, 1e-6)
    with pytest.raises(ValueError, match="scale_targets is False, but the model was fitted with"):
        online.set_params(scale_targets=False).partial_fit(X, Y)


def test_a_stream_cannot_begin_with_it():
    fresh = model()
    for begin in (lambda: fresh.partial_fit(X, Y), lambda: record_training(fresh, X, Y, n_steps=2)):
        with pytest.raises(ValueError, match="scale_targets=True needs the spread of the targets"):
            begin()
    assert not hasattr(fresh, "coefs_")
    assert len(record_training(fresh.fit(X, Y), X, Y, n_steps=2).steps) == 2


@pytest.mark.parametrize("solver", ["lbfgs", "scg", "lm", "br"])
def test_whole_batch_solvers(solver):
    fitted = model(solver=solver, batch_size="auto").fit(X, Y)
    assert fitted.score(X, Y) > 0.9


def test_extremes():
    for y in (np.full(120, 3.0), np.zeros(120), np.full(120, 1e300), np.full(120, 5e-324)):
        constant = model(max_iter=20).fit(X, y).predict(X)
        np.testing.assert_allclose(constant, y, rtol=0.5, atol=0.5)
    for factor in (1e-300, 1e300):
        np.testing.assert_allclose(
            model().fit(X, SHAPE * factor).predict(X) / factor,
            model().fit(X, SHAPE).predict(X),
            1e-5,
        )
    far = model().fit(X.astype(np.float32), 1e7 + SHAPE)  # float32 has steps of one there
    assert far.predict(X.astype(np.float32)).dtype == np.float32
    assert far.loss_ < 0.1
    with pytest.raises(ValueError, match="too large for float32"):
        far.partial_fit(X[:1].astype(np.float32), [1e39])


def test_what_looks_inside_sees_the_scaled_problem():
    fitted = model().fit(X, Y)
    trace = trace_signals(fitted, X[:5], Y[:5])
    np.testing.assert_allclose(trace.d[:, 0], standard(Y)[:5])
    np.testing.assert_allclose(trace.y[-1][:, 0] * Y.std() + Y.mean(), fitted.predict(X[:5]))
    assert check_gradient(fitted, X, Y) and check_gradient(clone(fitted), X, SHAPE)
    assert "unscaled_targets" not in str(diagnose(fitted, X, Y))


def test_copies_searches_and_failures():
    fitted = model(max_iter=5).fit(X, Y)
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(twin.predict(X), fitted.predict(X))
        np.testing.assert_array_equal(
            twin.partial_fit(X, Y).predict(X),
            pickle.loads(pickle.dumps(fitted)).partial_fit(X, Y).predict(X),
        )
    search = GridSearchCV(model(max_iter=30), {"scale_targets": [False, True]}, cv=3).fit(X, Y)
    assert search.best_params_ == {"scale_targets": True}
    before = fitted.predict(X)
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(X, np.where(Y > 1e6, np.nan, Y))
    np.testing.assert_array_equal(fitted.predict(X), before)
    with pytest.raises(ValueError, match="'scale_targets' parameter"):
        model(scale_targets="yes").fit(X, Y)


@pytest.mark.matrix
def test_scikit_learns_checks():
    estimator = BackpropRegressor(scale_targets=True, input_gain=True)
    failed = [
        check["exception"]
        for check in check_estimator(estimator, on_skip=None, on_fail=None)
        if check["status"] == "failed"
    ]
    assert all("scale_targets=True needs" in str(why) for why in failed)  # begin with partial_fit
