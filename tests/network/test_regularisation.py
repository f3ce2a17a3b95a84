"""Dropout, noise, limits on norms, masks: their equations, their statistics, their limits."""

import pickle

import numpy as np
import pytest
from regularisation_cases import ONLINE, RNG, X, Y, flat, make, unconverged
from scipy import sparse
from sklearn.base import clone

from skbackprop import BackpropClassifier, BackpropRegressor, DivergenceError
from skbackprop.activations.activation import resolve_activation
from skbackprop.losses.head import Head
from skbackprop.losses.regression import SquaredError
from skbackprop.losses.task import Task
from skbackprop.network.network import Network, Workspace
from skbackprop.network.objective import Objective
from skbackprop.network.penalties import ElasticNet
from skbackprop.network.regularisation import Disturbance, limit_neuron_norms, limit_norm


class _Replay(Disturbance):
    """Draws the same gates and noise again and again."""

    def forward(self, layer, y):
        if layer == 0:
            self.rng = np.random.default_rng(7)
        return super().forward(layer, y)


@pytest.mark.parametrize("hidden", ["tanh", "relu", "gaussian", "softsign"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("rates", [(0.3, 0.0, 0.0), (0.0, 0.5, 0.4), (0.2, 0.2, 0.2)])
def test_gradient_through_gates_and_noise(hidden, noise, rates):
    # With fixed gates the disturbed network is a network, and its correction must be its own.
    loss = Head(SquaredError(), Task("regression", 2))
    network = Network((3, 6, 5, 2), [resolve_activation(hidden)] * 2 + [loss.output])
    network.w[:] = 0.7 * np.random.default_rng(1).normal(size=network.w.size)
    rows, d = X[:8], RNG.normal(size=(8, 2))

    def cost_and_correction(w):
        moved = network.with_parameters(w)
        objective = Objective(
            moved, loss, ElasticNet(None), disturbance=_Replay(rates, noise, None)
        )
        return objective.correction(rows, d, None, Workspace(moved, 8))

    _, g = cost_and_correction(network.w)
    for i in range(0, network.w.size, 3):
        h = np.zeros_like(network.w)
        h[i] = 1e-6
        slope = cost_and_correction(network.w + h)[0] - cost_and_correction(network.w - h)[0]
        assert -slope / 2e-6 == pytest.approx(g[i], rel=1e-5, abs=1e-8)


def test_dropout_is_inverted_and_of_the_given_rate():
    y = np.ones((4000, 5))
    dropped = Disturbance([0.0, 0.3], 0.0, np.random.default_rng(0)).forward(1, y)
    assert set(np.unique(dropped)) == {0.0, 1.0 / 0.7}
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.01)
    assert (y == 1).all()


def test_noise_has_the_given_deviation():
    disturbance = Disturbance([0.0], 0.25, np.random.default_rng(0))
    noise = disturbance.forward(0, X[:, :1].repeat(2000, axis=1)) - X[:, :1]
    assert noise.std() == pytest.approx(0.25, rel=0.01) and abs(noise.mean()) < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_disturbance_keeps_the_type(dtype):
    disturbance = Disturbance([0.5, 0.5], 0.1, np.random.default_rng(0))
    assert disturbance.forward(0, X.astype(dtype)).dtype == dtype
    model = make(dropout=0.2, noise=0.1).partial_fit(X.astype(dtype), Y)
    assert model.coefs_[0].dtype == dtype


@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"noise": 0.5}, {"dropout": [0.5, 0, 0]}])
@unconverged
def test_prediction_is_undisturbed_and_training_seeded(options):
    models = [make(**options, max_iter=5).fit(X, Y) for _ in range(2)]
    np.testing.assert_array_equal(flat(models[0]), flat(models[1]))
    np.testing.assert_array_equal(models[0].predict(X), models[0].predict(X))
    plain = make(max_iter=5).fit(X, Y)
    assert np.abs(flat(plain) - flat(models[0])).max() > 1e-6
    other = make(**options, max_iter=5, random_state=1).fit(X, Y)
    assert np.abs(flat(other) - flat(models[0])).max() > 1e-6


@pytest.mark.parametrize("rule", ONLINE)
@pytest.mark.parametrize("options", [{"dropout": 0.4}, {"noise": 0.5, "dropout": [0.2, 0, 0.5]}])
def test_a_chunk_is_its_rows_also_with_drawn_gates(rule, options):
    chunk = make(solver=rule, eta=1e-3, **options).partial_fit(X, Y)
    rows = make(solver=rule, eta=1e-3, **options)
    for i in range(50):
        rows.partial_fit(X[i : i + 1], Y[i : i + 1])
        if i == 20:
            rows = pickle.loads(pickle.dumps(rows))
    np.testing.assert_array_equal(flat(chunk), flat(rows))


@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_refused_update_draws_nothing(batch_size):
    options = {"dropout": 0.4, "noise": 0.1, "activation": "relu"}
    model = make(batch_size=batch_size, **options).partial_fit(X, Y)
    other = pickle.loads(pickle.dumps(model))
    with pytest.raises(DivergenceError):
        model.partial_fit(1e300 * X[:20], Y[:20])
    for each in (model, other):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(flat(model), flat(other))


@unconverged
def test_dropout_on_sparse_rows():
    rng = np.random.default_rng(0)
    before = rng.random((40, 30)) * (rng.random((40, 30)) < 0.2)
    Z = sparse.csr_array(before)
    model = BackpropClassifier((5,), dropout=[0.5, 0.2], max_iter=3, random_state=0)
    model.fit(Z, np.arange(40) % 2)
    np.testing.assert_array_equal(Z.toarray(), before)
    with pytest.raises(ValueError, match="noise=0.1 would make the sparse X dense"):
        clone(model).set_params(noise=0.1).fit(Z, np.arange(40) % 2)
    weights = flat(model)
    with pytest.raises(ValueError, match="noise=0.1 would make the sparse X dense"):
        model.set_params(noise=0.1).partial_fit(Z, np.arange(40) % 2)
    np.testing.assert_array_equal(flat(model), weights)


def test_dropout_is_what_bagging_is_on_a_linear_model():
    # Input dropout on a linear model is ridge with a penalty of rate / (1 - rate) diag(X'X) on
    # average (Srivastava et al. 2014, section 9.1).
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(300, 4)) * [1.0, 2.0, 0.5, 1.0]
    y = Z @ [1.0, -1.0, 2.0, 0.0]
    rate = 0.3
    model = BackpropRegressor((), dropout=[rate], solver="sgd", eta=0.02,
                              eta_schedule=lambda t: 1 / (1 + t / 500), batch_size=50,
                              max_iter=3000, n_iter_no_change=np.inf, random_state=0)  # fmt: skip
    with pytest.warns(Warning, match="max_iter"):
        model.fit(Z, y)
    A = np.c_[Z, np.ones(300)]
    penalty = np.diag([*(rate / (1 - rate) * (Z**2).sum(axis=0)), 0.0])
    expected = np.linalg.solve(A.T @ A + penalty, A.T @ y)[:4]
    np.testing.assert_allclose(model.coefs_[0][:, 0], expected, atol=0.02)


@pytest.mark.parametrize("length", [0.5, 3.0, 1e200, 1e300])
def test_limit_norm(length):
    g = np.array([3.0, -4.0, 0.0]) / 5 * length
    limited = g.copy()
    with np.errstate(over="ignore"):  # as the trainer does
        limit_norm(limited, 2.0)
    np.testing.assert_allclose(limited, g / length * min(length, 2.0), rtol=1e-12)


def test_max_grad_norm_limits_the_step():
    model = make(max_grad_norm=0.01, eta=1.0)
    start = flat(make(eta=1e-300).partial_fit(X[:1], [0.0]))
    model.partial_fit(X[:1], [1e3])
    assert np.linalg.norm(flat(model) - start) == pytest.approx(0.01, rel=1e-9)
    wide = make(max_grad_norm=1e9).partial_fit(X, Y)
    np.testing.assert_allclose(flat(wide), flat(make().partial_fit(X, Y)), rtol=1e-9)


def test_max_grad_norm_survives_what_diverges_without_it():
    y = 1e160 * Y
    model = make(max_grad_norm=1.0).partial_fit(X, y)
    assert np.isfinite(flat(model)).all() and model.n_updates_ == 50


def test_limit_neuron_norms():
    W, b = np.array([[3.0, 0.3], [4.0, 0.4]]), np.array([100.0, 100.0])
    limit_neuron_norms([(W, b)], 2.0)
    np.testing.assert_allclose(W, [[1.2, 0.3], [1.6, 0.4]], rtol=1e-14)
    np.testing.assert_array_equal(b, 100.0)


def test_limit_neuron_norms_spares_what_does_not_learn():
    W, rate = np.array([[3.0, 5.0], [4.0, 6.0]]), np.array([[0.1, 0.0], [0.1, 0.1]])
    limit_neuron_norms([(W, None)], 2.0, [(rate, None)])
    np.testing.assert_allclose(W, [[1.2, 5.0], [1.6, 2.0]], rtol=1e-14)


@pytest.mark.parametrize("name", ONLINE)
@pytest.mark.parametrize(
    "freeze",
    [
        {"mask": [False, None, None]},
        {"mask": [np.eye(3, 6), None, None]},
        {"eta": [0.0, 0.01, 0.01]},
        {"eta_schedule": lambda t: 1.0 if t < 20 else 0.0},
    ],
    ids=["layer", "weights", "eta", "schedule"],
)
def test_what_is_frozen_in_mid_stream_does_not_coast(name, freeze):
    model = make(solver=name).partial_fit(X[:20], Y[:20])
    before = model.coefs_[0].copy()
    model.set_params(**freeze).partial_fit(X[20:], Y[20:])
    still = np.eye(3, 6) == 0 if np.ndim(freeze.get("mask", [None])[0]) else np.full((3, 6), True)
    assert np.array_equal(model.coefs_[0][still], before[still])


@unconverged
@pytest.mark.parametrize("fixed", [{"mask": [False, None, None]}, {"eta": [0.0, 0.01, 0.01]}])
def test_max_norm_leaves_a_frozen_layer_as_it_is(fixed):
    start = [3.0 * RNG.normal(size=s) for s in ((3, 6), (6, 5), (5, 1))]
    model = make(max_norm=0.7, max_iter=3, **fixed).fit(X, Y, coef_init=start)
    np.testing.assert_array_equal(model.coefs_[0], start[0])
    assert max(np.linalg.norm(W, axis=0).max() for W in model.coefs_[1:]) <= 0.7 * (1 + 1e-12)


@pytest.mark.parametrize("rule", ONLINE)
def test_max_norm_holds_after_every_update(rule):
    model = make(solver=rule, eta=0.3 if rule == "sgd" else 0.05, max_norm=0.7)
    for i in range(20):
        model.partial_fit(X[i : i + 1], 10 * Y[i : i + 1])
        for W in model.coefs_:
            assert np.linalg.norm(W, axis=0).max() <= 0.7 * (1 + 1e-12)
    assert max(np.linalg.norm(W, axis=0).max() for W in model.coefs_) > 0.69


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_an_eta_that_touches_zero_keeps_the_velocity(name):
    model = make(solver=name, eta_schedule=lambda t: 0.0 if t == 20 else 1.0).partial_fit(X, Y)
    before = model._model.state.rule_state.copy()
    other = make(solver=name, eta_schedule=lambda t: 1e-12 if t == 20 else 1.0).partial_fit(X, Y)
    np.testing.assert_allclose(before, other._model.state.rule_state, rtol=0.3, atol=1e-3)
    assert np.abs(before).max() > 0.005


def test_a_signal_stored_in_parts_has_one_gate():
    n = 400
    two = sparse.csr_matrix((np.full(2 * n, 0.5), np.zeros(2 * n, int), np.arange(0, 2 * n + 1, 2)))
    dropped = Disturbance([0.5], 0.0, np.random.default_rng(0)).forward(0, two)
    assert set(np.unique(dropped.toarray())) == {0.0, 2.0}
    assert two.nnz == 2 * n  # the user's own is left as it is
