"""The rule itself, against arithmetic that shares nothing with the package."""

import math

import numpy as np
import pytest
from worked_step import ETA, D, X, by_hand, start

from skbackprop import ACTIVATIONS, BackpropRegressor, SquaredError, Task
from skbackprop.losses.head import Head
from skbackprop.network.network import Network, Workspace
from skbackprop.network.objective import Objective
from skbackprop.network.penalties import ElasticNet


def test_the_published_numbers():
    v, y, v_o, y_o, e, delta_o, delta, d_output, d_hidden = by_hand()
    np.testing.assert_allclose(v, [0.3, 0.2], rtol=1e-12)
    np.testing.assert_allclose(y, [0.574442516812, 0.549833997312], atol=1e-12)
    np.testing.assert_allclose((v_o, y_o), (0.340218288032, 0.584243546733), atol=1e-12)
    np.testing.assert_allclose((e, e * e / 2), (0.415756453267, 0.0864267142164), atol=1e-12)
    np.testing.assert_allclose(delta_o, 0.100988500093, atol=1e-12)
    np.testing.assert_allclose(delta, [-0.0148124869397, 0.0174974291984], atol=1e-12)
    wanted = [0.0504942500463, 0.0290060440811, 0.0277634553443]
    np.testing.assert_allclose(d_output, wanted, atol=1e-12)
    np.testing.assert_allclose(d_hidden[0], [-0.00740624346985] * 2 + [0.0], atol=1e-12)
    np.testing.assert_allclose(d_hidden[1], [0.00874871459918] * 2 + [0.0], atol=1e-12)


@pytest.mark.parametrize("first_call", [True, False])
def test_partial_fit_takes_the_worked_step(first_call):
    *_, d_output, d_hidden = by_hand()
    coefs, intercepts = start()
    model = BackpropRegressor(
        (2,), activation="logistic", output_activation="logistic", solver="sgd", eta=ETA
    )
    given = {"coef_init": coefs, "intercept_init": intercepts}
    if first_call:
        model.partial_fit([X], [D], **given)
    else:
        model.partial_fit([[0.0, 0.0]], [0.0], sample_weight=[0.0], **given)
        model.partial_fit([X], [D])
    dW1 = np.array(d_hidden)[:, 1:].T
    np.testing.assert_allclose(model.coefs_[0] - coefs[0], dW1, atol=1e-15)
    np.testing.assert_allclose(
        model.intercepts_[0] - intercepts[0], np.array(d_hidden)[:, 0], atol=1e-15
    )
    np.testing.assert_allclose((model.coefs_[1] - coefs[1])[:, 0], d_output[1:], atol=1e-15)
    np.testing.assert_allclose(model.intercepts_[1] - intercepts[1], d_output[:1], atol=1e-15)
    assert model.loss_ == pytest.approx(0.0864267142164, abs=1e-12)


def test_every_signal_of_the_worked_step():
    v, y, v_o, y_o, _, delta_o, delta, _, _ = by_hand()
    phi = ACTIVATIONS["logistic"]
    network = Network((2, 2, 1), (phi, phi))
    for (W, b), W0, b0 in zip(network.layers(network.w), *start(), strict=True):
        W[...], b[...] = W0, b0
    workspace = Workspace(network, 1)
    loss = Head(SquaredError(), Task("regression", 1), "logistic")
    cost, _ = Objective(network, loss, ElasticNet(None)).correction(
        np.array([X]), np.array([[D]]), None, workspace
    )
    np.testing.assert_allclose(workspace.v[0][0], v, atol=1e-15)
    np.testing.assert_allclose(workspace.y[1][0], y, atol=1e-15)
    np.testing.assert_allclose((workspace.v[1][0, 0], workspace.y[2][0, 0]), (v_o, y_o), atol=1e-15)
    np.testing.assert_allclose(workspace.delta[1][0, 0], delta_o, atol=1e-15)
    np.testing.assert_allclose(workspace.delta[0][0], delta, atol=1e-15)
    assert cost == pytest.approx(0.0864267142164, abs=1e-12)


def test_correction_of_a_deep_net_against_loops():
    # 3-4-3-2, tanh, two hidden layers, three rows: sums written out, neuron by neuron.
    rng = np.random.default_rng(0)
    sizes = (3, 4, 3, 2)
    tanh, identity = ACTIVATIONS["tanh"], ACTIVATIONS["identity"]
    network = Network(sizes, (tanh, tanh, identity))
    network.w[:] = rng.normal(size=network.w.size)
    layers = [(W.copy(), b.copy()) for W, b in network.layers(network.w)]
    rows, targets = rng.normal(size=(3, 3)), rng.normal(size=(3, 2))
    wanted = [(np.zeros_like(W), np.zeros_like(b)) for W, b in layers]
    for x, d in zip(rows, targets, strict=True):
        y = [list(x)]
        for layer, (W, b) in enumerate(layers):
            v = [
                b[j] + sum(W[i, j] * y[-1][i] for i in range(sizes[layer]))
                for j in range(sizes[layer + 1])
            ]
            y.append(v if layer == 2 else [math.tanh(a) for a in v])
        delta = [d[k] - y[3][k] for k in range(2)]
        for layer in (2, 1, 0):
            for j in range(sizes[layer + 1]):
                wanted[layer][1][j] += delta[j]
                for i in range(sizes[layer]):
                    wanted[layer][0][i, j] += delta[j] * y[layer][i]
            delta = [
                (1 - y[layer][i] ** 2)
                * sum(delta[k] * layers[layer][0][i, k] for k in range(sizes[layer + 1]))
                for i in range(sizes[layer])
            ]
    workspace = Workspace(network, 3)
    loss = Head(SquaredError(), Task("regression", 2))
    Objective(network, loss, ElasticNet(None)).correction(rows, targets, None, workspace)
    for (W, b), (W0, b0) in zip(workspace.g_layers, wanted, strict=True):
        np.testing.assert_allclose(W, W0 / 3, rtol=1e-12)
        np.testing.assert_allclose(b, b0 / 3, rtol=1e-12)
