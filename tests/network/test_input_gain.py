"""The gains of the inputs: their place in the rule, and everywhere that the rule is applied."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skbackprop import (
    LOSSES,
    RULES,
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
    FanInEta,
    Quantile,
    check_gradient,
    trace_signals,
)
from skbackprop.engines import choice
from skbackprop.network.network import Network, Workspace

RNG = np.random.RandomState(0)
X = RNG.randn(60, 4)
Y = X[:, 0] * X[:, 1] + X[:, 2]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(**given):
    given = {"activation": "tanh", "random_state": 0, "input_gain": True, **given}
    return BackpropRegressor((5, 3), **given)


def parameters(estimator):
    return [*estimator.coefs_, *estimator.intercepts_, estimator.gains_]


def same(one, other, rtol=1e-9):
    for a, b in zip(parameters(one), parameters(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)


def moved(estimator):
    """The same, with gains and weights of no special values."""
    rng = np.random.RandomState(1)
    estimator.gains_ = rng.uniform(-2, 2, len(estimator.gains_))
    estimator.coefs_ = [rng.normal(size=W.shape) for W in estimator.coefs_]
    return estimator


CASES = [
    *((name, kind) for name, loss in LOSSES.items() for kind in loss.tasks),
    (Quantile([0.1, 0.5, 0.9]), "regression"),
]


# Whatever the loss, the gains of sparse rows are the same few lines.
@pytest.mark.parametrize(
    ("loss", "kind", "as_sparse"),
    [
        *((*case, False) for case in CASES),
        (*CASES[0], True),
        *(pytest.param(*case, True, marks=pytest.mark.matrix) for case in CASES[1:]),
    ],
)
def test_the_gradient_of_every_loss(loss, kind, as_sparse):
    rows = X[:15] * (RNG.rand(15, 4) > 0.3)
    rows = sparse.csr_array(rows) if as_sparse else rows
    if kind == "regression":
        estimator, y = model(loss=loss, alpha=0.1), np.abs(Y[:15]) + 0.1
    else:
        labels = {"binary": (Y[:15] > 0) * 1, "multiclass": np.arange(15) % 3}
        labels["multilabel"] = np.c_[Y[:15] > 0, X[:15, 0] > 0, X[:15, 1] > 0] * 1
        y = labels[kind]
        estimator = BackpropClassifier((5, 3), activation="tanh", loss=loss, input_gain=True)
    estimator.set_params(max_iter=1, random_state=0).fit(rows, y)
    estimator.gains_ = [0.5, -1.2, 2.0, 0.0]
    check = check_gradient(estimator, rows, y)
    assert check, check
    assert check_gradient(estimator, rows, y, n_directions=3)


def test_the_equations():
    estimator = moved(model(solver="sgd", eta=0.1).partial_fit(X, Y))
    W, b = estimator.coefs_[0].copy(), estimator.intercepts_[0]
    trace = trace_signals(estimator, X[:3], Y[:3])
    np.testing.assert_allclose(trace.v[0], (X[:3] * estimator.gains_) @ W + b)
    gains, x, delta = estimator.gains_.copy(), X[0], trace.delta[0][0]
    estimator.partial_fit(X[:1], Y[:1])
    np.testing.assert_allclose(estimator.gains_ - gains, 0.1 * x * (W @ delta))
    np.testing.assert_allclose(estimator.coefs_[0] - W, 0.1 * np.outer(gains * x, delta))


def test_gains_of_one_are_no_gains():
    one, none = model(max_iter=1, solver="sgd", eta=1e-9), model(input_gain=False, max_iter=1)
    one.fit(X, Y)
    none.set_params(solver="sgd", eta=1e-9).fit(X, Y)
    np.testing.assert_allclose(one.gains_, 1.0)
    for a, b in zip(one.coefs_, none.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)
    np.testing.assert_allclose(one.predict(X), none.predict(X), rtol=1e-7)
    assert not hasattr(none, "gains_") and hasattr(one, "gains_")


def test_the_jacobian_gives_the_correction():
    estimator = moved(model(max_iter=1).fit(X, Y))
    network = estimator._model.network
    workspace = Workspace(network, len(X))
    outputs = network.forward(X, workspace)
    J = network.jacobian(workspace)
    e = Y[:, None] - outputs
    workspace.delta[-1][...] = e
    network.backward(workspace)
    np.testing.assert_allclose(np.einsum("nkp,nk->p", J, e), network.correction(workspace))


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "scg"])
def test_whole_batch_solvers(solver):
    fitted = model(solver=solver, max_iter=60).fit(X, Y)
    assert fitted.score(X, Y) > 0.95 and not np.allclose(fitted.gains_, 1)
    linear = BackpropRegressor((), solver=solver, input_gain=True, random_state=0)
    assert linear.fit(X, 1e6 * X[:, 0]).score(X, 1e6 * X[:, 0]) > 0.99


def test_br_refuses_by_name():
    with pytest.raises(ValueError, match="input_gain=True does not go with solver='br'"):
        model(solver="br").fit(X, Y)


@pytest.mark.parametrize("solver", sorted(set(RULES) - {"irprop+", "irprop-", "quickprop"}))
def test_every_rule_online_is_batches_of_one(solver):
    online = model(solver=solver, eta=0.01).partial_fit(X, Y)
    batches = model(solver=solver, eta=0.01, batch_size=1, shuffle=False, max_iter=1).fit(X, Y)
    same(online, batches)
    chunks = model(solver=solver, eta=0.01)
    for start in range(0, 60, 7):
        chunks.partial_fit(X[start : start + 7], Y[start : start + 7])
    same(online, chunks)
    assert not np.allclose(online.gains_, 1.0, rtol=1e-6)


def test_sparse_rows():
    rows = X * (RNG.rand(60, 4) > 0.5)
    dense = model(max_iter=5).fit(rows, Y)
    thin = model(max_iter=5).fit(sparse.csr_array(rows), Y)
    same(dense, thin, 1e-7)
    np.testing.assert_allclose(dense.predict(rows), thin.predict(sparse.csr_array(rows)))
    same(
        model(solver="sgd", eta=0.05).partial_fit(rows, Y),
        model(solver="sgd", eta=0.05).partial_fit(sparse.csr_array(rows), Y),
        1e-7,
    )


def test_no_penalty_no_norm():
    heavy = model(solver="sgd", eta=0.05, alpha=10.0, max_iter=50, batch_size=10).fit(X, Y)
    assert abs(heavy.coefs_[0]).max() < 0.1 and abs(heavy.gains_ - 1).max() < 0.1
    fitted = model(eta=FanInEta(0.05), max_norm=0.5, max_iter=30, batch_size=10).fit(X, Y)
    assert np.linalg.norm(fitted.coefs_[0], axis=0).max() < 0.5 + 1e-9
    assert fitted.gains_.max() > 1


def test_eta_of_the_gains():
    def change(**given):
        start = model(solver="sgd", eta=1e-300).partial_fit(X[:1], Y[:1]).gains_
        return model(solver="sgd", **given).partial_fit(X[:1], Y[:1]).gains_ - start

    unit = change(eta=1.0)
    np.testing.assert_allclose(change(eta=FanInEta(0.01)), 0.06 * unit)
    np.testing.assert_allclose(change(eta=[0.2, 0.0, 0.0]), 0.2 * unit)
    np.testing.assert_array_equal(change(eta=0.1, mask=[False, None, None]), 0.0)
    np.testing.assert_allclose(change(eta=0.1, mask=[np.ones((4, 5)), None, None]), 0.1 * unit)


def test_dropout_and_noise_pass():
    for given in ({"dropout": [0.5, 0.1, 0.0]}, {"noise": 0.1}, {"max_grad_norm": 0.1}):
        fitted = model(**given, max_iter=50, batch_size=10).fit(X, Y)
        assert np.isfinite(fitted.gains_).all() and not np.allclose(fitted.gains_, 1)
        assert model(**given).partial_fit(X, Y).gains_.shape == (4,)


def test_views_assignments_and_pickles():
    fitted = model(max_iter=2).fit(X, Y)
    fitted.gains_[0] = 3.0
    assert fitted.gains_[0] == 3.0
    fitted.gains_ = [1, 2, 3, 4]
    before = fitted.predict(X)
    for wrong in ([1, 2], [1, 2, np.nan, 3], "abcd"):
        with pytest.raises(ValueError, match="gains_"):
            fitted.gains_ = wrong
    for twin in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(twin.predict(X), before)
        same(twin.partial_fit(X, Y), pickle.loads(pickle.dumps(fitted)).partial_fit(X, Y), 0)
    np.testing.assert_array_equal(fitted.predict(X), before)
    with pytest.raises(AttributeError):
        _ = clone(fitted).gains_


def test_warm_starts_and_early_stopping():
    given = {"eta": 0.01, "batch_size": 20, "tol": 0, "shuffle": False, "weight_init": "he_normal"}
    twice = model(max_iter=3, warm_start=True, **given).fit(X, Y).fit(X, Y)
    same(twice, model(max_iter=6, **given).fit(X, Y))
    best = model(max_iter=100, early_stopping=True, n_iter_no_change=5).fit(X, Y)
    assert best.score(X, Y) > 0
    with pytest.raises(ValueError, match="input_gain is False, but the model was fitted with True"):
        twice.set_params(input_gain=False).partial_fit(X, Y)


@pytest.mark.parametrize(
    "given", [{}, {"alpha": 0.1}, {"eta": [0.01, 0.0, 0.02]}, {"loss": "huber"}]
)
@pytest.mark.parametrize("solver", ["sgd", "adamw"])
def test_rows_are_batches_of_one(solver, given, monkeypatch):
    mask = [RNG.rand(4, 5) > 0.3, None, None]
    given = {"solver": solver, "eta": FanInEta(0.02), "mask": mask, **given}
    weights = RNG.rand(60)
    rows = model(**given).partial_fit(X, Y, sample_weight=weights)
    monkeypatch.setattr(choice, "_numpy_pass", lambda update, batch_size: None)
    same(rows, model(**given).partial_fit(X, Y, sample_weight=weights))


def test_rows_near_overflow_are_refused():
    online = model(solver="sgd", eta=0.01).partial_fit(X, Y)
    online.gains_ = np.full(4, 1e-200)
    before, far = online.gains_.copy(), np.full((1, 4), 1e200)
    online.partial_fit(far, [1.0])  # gain times x is 1: the gains' own correction alone is large
    assert np.isfinite(online.gains_).all() and not np.array_equal(online.gains_, before)
    online = model(solver="sgd", activation="identity", eta=0.01).partial_fit(X, Y)
    one = copy.deepcopy(online).partial_fit(X[:1], Y[:1])
    with pytest.raises(DivergenceError, match="at row 1"):
        online.partial_fit(np.r_[X[:1], far], [Y[0], 1.0])
    same(online, one)


def test_float32():
    fitted = model(max_iter=20).fit(X.astype(np.float32), Y)
    assert fitted.gains_.dtype == np.float32
    assert fitted.predict(X.astype(np.float32)).dtype == np.float32


def test_trace_and_explain(tmp_path):
    online = moved(model(solver="sgd", eta=FanInEta(0.1)).partial_fit(X, Y))
    trace = trace_signals(online, X[:2], Y[:2])
    np.testing.assert_array_equal(trace.gains, online.gains_)
    np.testing.assert_array_equal(trace.x, X[:2])
    np.testing.assert_allclose(trace.y[0], X[:2] * online.gains_)
    before = copy.deepcopy(online)
    online.partial_fit(X[:1], Y[:1])
    np.testing.assert_allclose(trace.dgain(0), online.gains_ - before.gains_, rtol=1e-7)
    np.testing.assert_allclose(trace.dw(0, 0), online.coefs_[0] - before.coefs_[0], rtol=1e-6)
    text = trace.explain(0, 0, 0, 1)
    assert "The gain of the input" in text and f"{trace.dgain(0)[1]:.6g}" in text
    assert "gain" in trace.explain(0, 0, 0) and "gain" not in trace.explain(0, 1, 0, 0)
    assert "The gain of the input" not in trace.explain(0, 0, 0, "bias")
    assert r"\Delta g_{i}" in text.latex and "Δg" in text.html
    with pytest.raises(ValueError, match="the page knows no gains"):
        trace.to_html(tmp_path / "page.html")
    plain = trace_signals(model(input_gain=False).partial_fit(X, Y), X[:2], Y[:2])
    assert plain.gains is None
    with pytest.raises(ValueError, match="no gains"):
        plain.dgain(0)


def test_a_wrong_gain_is_found(monkeypatch):
    correction = Network.correction

    def wrong(self, workspace):
        g = correction(self, workspace)
        g[-2] *= 1.1
        return g

    estimator = moved(model(max_iter=1).fit(X, Y))
    monkeypatch.setattr(Network, "correction", wrong)
    check = check_gradient(estimator, X, Y)
    assert not check and check.wrong_layers == [0]
    assert check.worst.source == "gain" and check.worst.neuron == 2
    assert "the gain of input 2" in str(check)
