"""Schedules of the learning rate."""

import pickle

import numpy as np
import pytest

from skbackprop import SCHEDULES, Adaptive, BackpropRegressor, InverseScaling

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_starts_at_one_and_takes_arrays(name):
    schedule = pickle.loads(pickle.dumps(SCHEDULES[name]))
    t = np.arange(6)
    values = schedule(t)
    assert schedule(0) == 1.0 and values.shape == (6,)
    assert ((values > 0) & (values <= 1)).all()
    np.testing.assert_array_equal(values, [schedule(int(i)) for i in t])


def test_inverse_scaling():
    np.testing.assert_allclose(InverseScaling()(np.array([0, 3, 8])), [1, 1 / 2, 1 / 3])
    np.testing.assert_allclose(InverseScaling(1.0)(9), 0.1)


def test_the_multiplier_is_of_eta_and_counts_updates():
    model = BackpropRegressor((), solver="sgd", eta=0.1, eta_schedule=lambda t: 0.5**t)
    model.partial_fit([[1.0]], [1.0], coef_init=[[[0.0]]], intercept_init=[[0.0]])
    first = model.coefs_[0][0, 0]
    assert first == pytest.approx(0.1)
    model.partial_fit([[1.0]], [1.0])
    e = 1.0 - 2 * first
    assert model.coefs_[0][0, 0] == pytest.approx(first + 0.05 * e, rel=1e-14)


def adaptive(**more):
    return BackpropRegressor(
        (), solver="sgd", eta=0.1, eta_schedule="adaptive", max_iter=500, tol=1e-3,
        n_iter_no_change=2, random_state=0, **more,
    )  # fmt: skip


def test_adaptive_divides_on_plateaus_until_its_floor():
    model = adaptive().fit(X, Y)
    assert model.n_iter_ < 500
    decay = model._state.decay
    assert 0.1 * decay <= 1e-6 < 0.1 * decay * 5


def test_partial_fit_keeps_the_eta_that_adaptive_reached():
    model = adaptive().fit(X, Y)
    reached = 0.1 * model._state.decay
    before, row, d = model.coefs_[0].copy(), X[:1], 5.0
    e = d - model.predict(row)[0]
    model.partial_fit(row, [d])
    np.testing.assert_allclose(model.coefs_[0] - before, reached * e * row.T, rtol=1e-6)
    model.set_params(eta_schedule=None)
    before, e = model.coefs_[0].copy(), d - model.predict(row)[0]
    model.partial_fit(row, [d])
    np.testing.assert_allclose(model.coefs_[0] - before, 0.1 * e * row.T, rtol=1e-9)


def test_adaptive_settings():
    model = adaptive().set_params(eta_schedule=Adaptive(factor=10.0, floor=1e-3)).fit(X, Y)
    assert model._state.decay == pytest.approx(1e-2)
