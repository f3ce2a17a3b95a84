"""Traces: every signal against differences of the cost, and the changes against the solver's."""

import copy
import pickle

import numpy as np
import pytest
from heads import HEADS, HIDDEN, REAL, X, make
from inspection_cases import _with_rows
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    BackpropRegressor,
    Mixed,
    check_gradient,
    inspection,
    record_training,
    trace_signals,
)


def assert_slope(given, f):
    """Compare with a central difference of fourth order at s = 0; a long step may meet a kink."""
    agrees = False
    for h in (3e-4, 3e-5):
        numeric = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
        agrees = agrees | np.isclose(given, numeric, rtol=1e-9, atol=1e-9)
    assert np.all(agrees), (given, numeric)


def test_public_names():
    for name in inspection.__all__:
        assert hasattr(inspection, name)
    for name in ("trace_signals", "check_gradient", "diagnose", "record_training", "SignalTrace"):
        assert getattr(skbackprop, name) is getattr(inspection, name)


def test_every_loss_is_covered():
    assert {head[0] for head in HEADS if isinstance(head[0], str)} == set(LOSSES)


@pytest.mark.parametrize("hidden", [*HIDDEN, ["relu", Mixed(["tanh", "sin", "relu"])]], ids=repr)
def test_forward_and_slopes_of_every_activation(hidden):
    model, d = make(hidden=hidden)
    trace, y = trace_signals(model, X, d), X
    np.testing.assert_array_equal(trace.y[0], X)
    for layer in range(3):
        v = np.array([[model.coefs_[layer][:, j] @ row for j in range(trace.sizes[layer + 1])]
                      for row in y]) + model.intercepts_[layer]  # fmt: skip
        np.testing.assert_allclose(trace.v[layer], v, atol=1e-12)
        y = np.empty_like(v)
        for j in range(v.shape[1]):
            phi = ACTIVATIONS[trace.neuron_activation(layer, j)].phi
            y[:, j] = phi(v[:, j])
            assert_slope(trace.phi_prime[layer][:, j], lambda s, phi=phi, at=v[:, j]: phi(at + s))
        np.testing.assert_allclose(trace.y[layer + 1], y, atol=1e-12)


@pytest.mark.parametrize(
    ("head", "hidden"),
    [(head, HIDDEN[k % len(HIDDEN)]) for k, head in enumerate(HEADS)]
    + [(HEADS[1], hidden) for hidden in HIDDEN],
    ids=repr,
)
def test_delta_is_the_slope_of_the_cost(head, hidden):
    model, d = make(head, hidden)
    trace = trace_signals(model, X, d)
    start = [b.copy() for b in model.intercepts_]

    def moved(layer, j, s):
        biases = [b.copy() for b in start]
        biases[layer][j] += s
        model.intercepts_ = biases
        v, y = model._signals(X)
        return model._model.head.value(trace.d, y, v)

    for layer in range(3):
        for j in range(trace.sizes[layer + 1]):
            assert_slope(-trace.delta[layer][:, j], lambda s, at=(layer, j): moved(*at, s))


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_error_and_slopes_give_delta(head):
    model, d = make(head)
    trace = trace_signals(model, X, d)
    if trace.elementwise:
        delta = trace.e * trace.phi_prime[-1]
    else:
        y, e = trace.y[-1], trace.e
        jacobian = np.einsum("nj,jk->njk", y, np.eye(y.shape[1])) - y[:, :, None] * y[:, None]
        delta = np.einsum("njk,nk->nj", jacobian, e)
        np.testing.assert_allclose(trace.phi_prime[-1], np.einsum("njj->nj", jacobian), rtol=1e-12)
    np.testing.assert_allclose(trace.delta[-1], delta, rtol=1e-9, atol=1e-12)
    if trace.difference:
        np.testing.assert_array_equal(trace.delta[-1], trace.d - trace.y[-1])
    if trace.sum_of_squares:
        np.testing.assert_array_equal(trace.e, trace.d - trace.y[-1])
        np.testing.assert_allclose(trace.E, 0.5 * (trace.e**2).sum(axis=1), rtol=1e-12)


def test_what_is_fused():
    fused = {(head[0], head[1]): trace_signals(*_with_rows(head)).fused for head in HEADS[:4]}
    assert fused[("squared_error", "regression")] and not fused[("squared_error", "several")]
    gamma = trace_signals(*_with_rows(("gamma", "positive", None)))
    assert gamma.fused and not gamma.difference


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_changes_are_what_sgd_does(head):
    model, d = make(head)
    for row in range(4):
        trace = trace_signals(model, X, d)
        coefs, biases = copy.deepcopy(model.coefs_), copy.deepcopy(model.intercepts_)
        model.partial_fit(X[row : row + 1], d[row : row + 1])
        for layer in range(3):
            W, b = coefs[layer] + trace.dw(layer, row), biases[layer] + trace.db(layer, row)
            np.testing.assert_allclose(model.coefs_[layer], W, rtol=1e-14, atol=1e-15)
            np.testing.assert_allclose(model.intercepts_[layer], b, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "settings",
    [
        {"eta": [0.1, 0.0, 0.3]},
        {"eta": "auto"},
        {"eta_schedule": "invscaling"},
        {"mask": [None, False, np.array([[1], [0], [1]])]},
        {"engine": "numpy", "batch_size": 5},
    ],
    ids=repr,
)
def test_changes_with_eta_of_layers_schedules_and_masks(settings):
    model, d = make(**settings)
    model.partial_fit(X, d)
    trace = trace_signals(model, X, d)
    coefs, biases = copy.deepcopy(model.coefs_), copy.deepcopy(model.intercepts_)
    model.partial_fit(X[2:3], d[2:3])
    for layer in range(3):
        for after, before, change in (
            (model.coefs_[layer], coefs[layer], trace.dw(layer, 2)),
            (model.intercepts_[layer], biases[layer], trace.db(layer, 2)),
        ):
            np.testing.assert_allclose(after - before, change, rtol=1e-9, atol=1e-15)
    if "mask" in settings:
        assert trace.eta[1] == 0.0 and not trace.dw(2, 2)[1].any()


def test_eta_of_plateaus_horizons_and_whole_batch_solvers():
    model, d = make(eta=0.2, eta_schedule="adaptive")
    model._model.state.decay = 0.25
    assert trace_signals(model, X, d).eta == [0.05] * 3
    with pytest.warns(ConvergenceWarning):
        model.set_params(eta_schedule="cosine", max_iter=2).fit(X, d)
    assert trace_signals(model, X, d).eta == [0.2] * 3
    model = BackpropRegressor((2,), solver="lbfgs", random_state=0).fit(X, REAL)
    trace = trace_signals(model, X, REAL)
    assert trace.eta == [1.0, 1.0]
    np.testing.assert_array_equal(trace.db(0, 1), trace.delta[0][1])


def test_changes_of_other_solvers_leave_the_estimator_alone():
    model, d = make(solver="adam", dropout=0.5, noise=0.1)
    before = pickle.dumps(model)
    trace = trace_signals(model, X, d)
    trace.dw(0, 0), trace.explain()
    assert pickle.dumps(model) == before
    expected = 0.1 * np.outer(trace.y[0][3], trace.delta[0][3])
    np.testing.assert_allclose(trace.dw(0, 3), expected, rtol=1e-14)
    np.testing.assert_array_equal(trace.y[-1][:, 0], model.predict(X))  # no dropout


def test_bad_input_gets_the_estimators_errors():
    model, d = make()
    with pytest.raises(NotFittedError):
        trace_signals(BackpropRegressor(), X, d)
    with pytest.raises(NotFittedError):
        trace_signals(make_pipeline(StandardScaler(), BackpropRegressor()), X, d)
    with pytest.raises(NotFittedError):
        trace_signals(TransformedTargetRegressor(BackpropRegressor()), X, d)
    holes = X.copy()
    holes[1, 1] = np.nan
    for rows in (X[:, :2], holes, X[0]):
        with pytest.raises(ValueError) as expected:
            model.predict(rows)
        with pytest.raises(ValueError) as found:
            trace_signals(model, rows)
        assert str(found.value) == str(expected.value)
    for targets in (d[:3], np.full(7, np.nan), np.column_stack([d, d])):
        with pytest.raises(ValueError) as expected:
            model.partial_fit(X, targets)
        with pytest.raises(ValueError) as found:
            trace_signals(model, X, targets)
        assert str(found.value) == str(expected.value)
    with pytest.raises(TypeError, match="must be a BackpropRegressor or BackpropClassifier"):
        trace_signals(StandardScaler(), X)
    net = BackpropRegressor((2,), activation="tanh", solver="lbfgs", random_state=0)
    search = GridSearchCV(net, {"alpha": [0.1]}, cv=2)
    with pytest.raises(TypeError, match="give its best_estimator_"):
        trace_signals(search.fit(X, d), X)
    classifier, labels = make(("cross_entropy", "multiclass", None))
    with pytest.raises(ValueError, match="labels that are not in classes"):
        trace_signals(classifier, X, ["z", *labels[1:]])


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_targets_that_are_needed(kind):
    loss = "squared_error" if kind == "regression" else "cross_entropy"
    fitted, _ = make((loss, kind, None))
    for model in (fitted, type(fitted)((2,), solver="sgd")):
        for look in (check_gradient, lambda *given: record_training(*given, 3)):
            with pytest.raises(ValueError, match="requires y to be passed, but the target y is N"):
                look(model, X, None)


def test_places_out_of_range():
    trace = trace_signals(*_with_rows(HEADS[0]))
    for call in (
        lambda: trace.dw(0, 7),
        lambda: trace.db(3, 0),
        lambda: trace.explain(-8),
        lambda: trace.explain(0, 3),
        lambda: trace.explain(0, -1, 1),
        lambda: trace.explain(0, 0, 0, 3),
        lambda: trace.neuron_activation(0, 4),
    ):
        with pytest.raises(IndexError, match="must be from 0 to"):
            call()
    with pytest.raises(IndexError, match="sample is 7; there are 7"):
        trace.dw(0, 7)
    with pytest.raises(TypeError, match="sample is 1.5"):
        trace.dw(0, 1.5)
    np.testing.assert_array_equal(trace.dw(-1, -1), trace.dw(2, 6))
