"""Schedules of the learning rate."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbackprop import (
    SCHEDULES,
    Adaptive,
    BackpropRegressor,
    Cosine,
    CosineRestarts,
    CosLog4,
    Exponential,
    InverseScaling,
    OneCycle,
    Polynomial,
    SearchThenConverge,
    Step,
    WarmUp,
)

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0]


T = 40
HORIZON = [name for name, schedule in SCHEDULES.items() if schedule.has_horizon]


def bound(schedule):
    return schedule.for_horizon(T)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_takes_arrays_and_stays_in_its_range(name):
    schedule = bound(pickle.loads(pickle.dumps(SCHEDULES[name])))
    for t in (np.arange(6), np.arange(0, 3 * T, 7), np.array([0, 10**9])):
        values = schedule(t)
        assert values.shape == t.shape
        assert ((values >= 0) & (values <= 1)).all()
        np.testing.assert_allclose(values, [float(schedule(int(i))) for i in t], rtol=1e-15)


def equation(schedule, formula, steps=range(0, 2 * T)):
    for t in steps:
        assert schedule(t) == pytest.approx(formula(t), rel=1e-12, abs=1e-14), t


def test_equations():
    equation(InverseScaling(0.7), lambda t: 1 / (t + 1) ** 0.7)
    equation(Exponential(0.9), lambda t: 0.9**t)
    equation(Step(7, 0.5), lambda t: 0.5 ** (t // 7))
    equation(SearchThenConverge(5.0), lambda t: 5 / (5 + t))
    equation(Polynomial(2.0, 0.1, T), lambda t: 0.1 + 0.9 * (1 - min(t, T) / T) ** 2)
    equation(Cosine(0.2, T), lambda t: 0.2 + 0.8 * math.cos(math.pi * min(t, T) / T / 2) ** 2)
    equation(CosLog4(4, T), lambda t: math.sin(math.pi * math.log2(1 + 15 * min(t, T) / T)) ** 2)
    equation(WarmUp(Exponential(0.9), 5), lambda t: (t + 1) / 5 if t < 5 else 0.9 ** (t - 5))
    whole = WarmUp(Cosine(), 5).for_horizon(T)
    assert whole.total_steps == T and whole(T) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_cosine_restarts(factor):
    expected, length = [], 6
    while len(expected) < 300:
        expected += [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * s / length)) for s in range(length)]
        length *= factor
    got = CosineRestarts(6, factor, 0.1)(np.arange(300))
    np.testing.assert_allclose(got, expected[:300], rtol=1e-12)


def test_coslog4_has_four_cycles_each_twice_as_long():
    values = CosLog4(total_steps=1500)(np.arange(1501))
    zeros = np.flatnonzero(values < 1e-9)
    np.testing.assert_array_equal(zeros, [0, 100, 300, 700, 1500])
    assert all(values[a:b].max() > 0.99 for a, b in pairwise(zeros))


def test_one_cycle_goes_up_and_down_once():
    values = OneCycle(total_steps=100)(np.arange(150))
    assert values[0] == pytest.approx(0.04) and values.max() == pytest.approx(1.0)
    top = int(values.argmax())
    assert top == 29 and (np.diff(values[: top + 1]) > 0).all()
    assert (np.diff(values[top:100]) < 0).all() and (values[99:] == values[99]).all()
    assert values[99] == pytest.approx(4e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", HORIZON)
def test_fit_fills_the_horizon_in(name):
    given = clone(SCHEDULES[name])
    params = {"solver": "sgd", "batch_size": 16, "max_iter": 5, "random_state": 0, "tol": 0.0}
    model = BackpropRegressor((3,), eta_schedule=given, **params).fit(X, Y)
    assert given.total_steps is None  # the user's own is left as it is
    said = clone(given).set_params(total_steps=15)  # 5 epochs of 3 batches
    same = BackpropRegressor((3,), eta_schedule=said, **params).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], same.coefs_[0])


@pytest.mark.parametrize("name", HORIZON)
def test_partial_fit_demands_the_horizon(name):
    for schedule in (name, WarmUp(name, 3)):
        model = BackpropRegressor((3,), eta_schedule=schedule)
        with pytest.raises(ValueError, match="eta_schedule=.*total_steps in partial_fit"):
            model.partial_fit(X, Y)
    model = BackpropRegressor((3,), solver="sgd").partial_fit(X, Y)
    before = model.coefs_[0].copy()
    with pytest.raises(ValueError, match="total_steps"):
        model.set_params(eta_schedule=name).partial_fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], before)
    with pytest.raises(ValueError, match="total_steps"):
        SCHEDULES[name](3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_chunk_is_its_rows(name):
    schedule = bound(SCHEDULES[name])
    chunk = BackpropRegressor((3,), eta_schedule=schedule, random_state=0).partial_fit(X, Y)
    rows = BackpropRegressor((3,), eta_schedule=schedule, random_state=0)
    for i in range(40):
        rows.partial_fit(X[i : i + 1], Y[i : i + 1])
    np.testing.assert_array_equal(chunk.coefs_[0], rows.coefs_[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_in_a_warm_start(name):
    params = {"solver": "sgd", "eta_schedule": bound(SCHEDULES[name]), "random_state": 0,
              "tol": 0.0, "n_iter_no_change": np.inf}  # fmt: skip
    whole = BackpropRegressor((3,), max_iter=8, **params).fit(X, Y)
    parts = BackpropRegressor((3,), max_iter=4, warm_start=True, **params).fit(X, Y).fit(X, Y)
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])


def test_adaptive_after_a_warm_up():
    model = adaptive().set_params(eta_schedule=WarmUp("adaptive", 3)).fit(X, Y)
    assert 0.1 * model._model.state.decay <= 1e-6


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_settings_can_be_searched():
    model = BackpropRegressor((3,), eta_schedule=WarmUp(Cosine(), 3), max_iter=3)
    grid = {"eta_schedule__n_steps": [2, 4], "eta_schedule__schedule__end": [0.0, 0.5]}
    assert len(GridSearchCV(model, grid, cv=2).fit(X, Y).cv_results_["params"]) == 4


@pytest.mark.parametrize(
    "schedule",
    [
        InverseScaling(0.0), Exponential(1.5), Exponential(0.0), Step(0), Step(2.5), Step(gamma=2),
        SearchThenConverge(-1.0), Polynomial(0.0), Polynomial(end=2.0), Cosine(end=-0.1),
        Cosine(total_steps=0), CosineRestarts(0), CosineRestarts(factor=0), CosLog4(0),
        OneCycle(0.0), OneCycle(start=True), WarmUp(n_steps=0), Adaptive(1.0), Adaptive(floor=-1.0),
        WarmUp(Step(0)),
    ],
    ids=repr,
)  # fmt: skip
def test_settings_out_of_range_are_named(schedule):
    with pytest.raises(ValueError, match=r"\w+ of \w+ is .*; it must be"):
        BackpropRegressor(eta_schedule=schedule).fit(X, Y)


def test_unknown_names():
    for schedule in ("cosin", WarmUp("cosin")):
        with pytest.raises(ValueError, match="'cosin' is not a known name.*'cosine_restarts'"):
            BackpropRegressor(eta_schedule=schedule).fit(X, Y)


def test_the_multiplier_is_of_eta_and_counts_updates():
    model = BackpropRegressor((), solver="sgd", eta=0.1, eta_schedule=lambda t: 0.5**t)
    model.partial_fit([[1.0]], [1.0], coef_init=[[[0.0]]], intercept_init=[[0.0]])
    first = model.coefs_[0][0, 0]
    assert first == pytest.approx(0.1)
    model.partial_fit([[1.0]], [1.0])
    e = 1.0 - 2 * first
    assert model.coefs_[0][0, 0] == pytest.approx(first + 0.05 * e, rel=1e-14)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_eta_of_every_epoch_is_kept():
    params = {"batch_size": 10, "max_iter": 3, "eta": [0.2, 0.1], "warm_start": True}
    model = BackpropRegressor((2,), solver="sgd", eta_schedule=Exponential(0.9), **params)
    model.fit(X, Y).fit(X, Y)  # four updates an epoch; the largest eta of the layers
    np.testing.assert_allclose(model.eta_curve_, 0.2 * 0.9 ** np.arange(0, 24, 4))
    model.set_params(solver="lbfgs", batch_size="auto", eta="auto", eta_schedule=None).fit(X, Y)
    assert model.eta_curve_[6:] == [None] * model.n_iter_
    divided = adaptive().fit(X, Y).eta_curve_
    assert divided[0] == 0.1 and divided == sorted(divided, reverse=True)
    assert set(np.round(np.log(np.divide(0.1, divided)) / np.log(5), 9)) >= {0, 1, 2, 3}


def adaptive(**more):
    return BackpropRegressor(
        (), solver="sgd", eta=0.1, eta_schedule="adaptive", max_iter=500, tol=1e-3,
        n_iter_no_change=2, random_state=0, **more,
    )  # fmt: skip


def test_adaptive_divides_on_plateaus_until_its_floor():
    model = adaptive().fit(X, Y)
    assert model.n_iter_ < 500
    decay = model._model.state.decay
    assert 0.1 * decay <= 1e-6 < 0.1 * decay * 5


def test_partial_fit_keeps_the_eta_that_adaptive_reached():
    model = adaptive().fit(X, Y)
    reached = 0.1 * model._model.state.decay
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
    assert model._model.state.decay == pytest.approx(1e-2)
