"""A stack of networks moves each as `partial_fit` moves a single one, and grows without a trace."""

import numpy as np
import pytest

from skbackprop import ACTIVATIONS, BackpropClassifier, BackpropRegressor
from skbackprop.streams.stack import Stack

ETAS = {"sgd": (0.02, 0.1), "adagrad": (0.3,), "rmsprop": (0.003, 0.02), "adam": (0.01,)}


def new_stack(sizes=(4, 5, 3, 2), etas=ETAS, activation="tanh"):
    return Stack(sizes, ACTIVATIONS[activation], etas, np.random.RandomState(0))


def single(Estimator, rule, eta, stack, member, **parameters):
    """An estimator of one network with the weights of a member, before any row."""
    layers = [W[member] for W in stack._weights]
    start = {
        "coef_init": [W[:-1].copy() for W in layers],
        "intercept_init": [W[-1].copy() for W in layers],
    }
    hidden = tuple(stack.sizes[1:-1])
    model = Estimator(
        hidden, activation="tanh", solver=rule, eta=eta, engine="numpy", batch_size=1, **parameters
    )
    return model, start


@pytest.mark.parametrize("hidden", [(5,), (5, 3), ()])
def test_each_classifier_moves_as_a_single_network_does(hidden):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)
    stack = new_stack((4, *hidden, 3))
    members = [(rule, eta) for rule, etas in ETAS.items() for eta in etas]
    singles = [
        single(BackpropClassifier, rule, eta, stack, i, output_activation="softmax")
        for i, (rule, eta) in enumerate(members)
    ]
    for i, (x, k) in enumerate(zip(X, y, strict=True)):
        v = stack.forward(x)
        p = np.exp(v) / np.exp(v).sum(axis=1, keepdims=True)
        stack.learn(np.eye(3)[k] - p)
        for model, start in singles:
            model.partial_fit(x[None], [k], classes=[0, 1, 2], **({} if i else start))
    for i, (model, _) in enumerate(singles):
        for W, A, b in zip(stack._weights, model.coefs_, model.intercepts_, strict=True):
            np.testing.assert_allclose(W[i, :-1], A, rtol=0, atol=1e-12)
            np.testing.assert_allclose(W[i, -1], b, rtol=0, atol=1e-12)


def test_each_regressor_moves_as_a_single_network_does():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 4))
    y = np.sin(X).sum(axis=1)
    stack = new_stack((4, 6, 1))
    members = [(rule, eta) for rule, etas in ETAS.items() for eta in etas]
    singles = [
        single(BackpropRegressor, rule, eta, stack, i) for i, (rule, eta) in enumerate(members)
    ]
    for i, (x, d) in enumerate(zip(X, y, strict=True)):
        stack.learn(d - stack.forward(x))
        for model, start in singles:
            model.partial_fit(x[None], [d], **({} if i else start))
    for i, (model, _) in enumerate(singles):
        predicted = stack.respond(X)[i, :, 0]
        np.testing.assert_allclose(predicted, model.predict(X), rtol=0, atol=1e-12)


def test_the_average_is_that_of_the_weights_after_each_row():
    rng = np.random.default_rng(2)
    stack = new_stack()
    followed = [stack.w[stack.averaged].copy()]
    average = followed[0]
    for n in range(1, 1500):
        stack.learn(rng.normal(size=(len(stack), 2)) - stack.forward(rng.normal(size=4)))
        average = average + max(1 / 1000, 1 / n) * (stack.w[stack.averaged] - average)
    np.testing.assert_allclose(stack.w[-1], average, rtol=1e-12, atol=1e-14)
    assert stack.names[-1] == "average of sgd 0.1"


def trained(n=30):
    rng = np.random.default_rng(3)
    stack = new_stack()
    for _ in range(n):
        stack.learn(rng.normal(size=(len(stack), 2)) - stack.forward(rng.normal(size=4)))
    return stack, rng.normal(size=(6, 4))


def test_new_inputs_change_no_output_and_no_state():
    stack, X = trained()
    before, moved = stack.respond(X), [state.sum() for _, _, state in stack._rules()]
    stack.grow_inputs(3)
    wide = np.hstack([X, np.random.default_rng(4).normal(size=(6, 3))])
    np.testing.assert_array_equal(stack.respond(wide), before)
    np.testing.assert_allclose([state.sum() for _, _, state in stack._rules()], moved)
    stack.learn(np.ones((len(stack), 2)) - stack.forward(wide[0]))
    assert not np.array_equal(stack.respond(wide), before)  # and they learn


def test_a_new_output_leaves_the_others_and_has_its_bias():
    stack, X = trained()
    before = stack.respond(X)
    stack.grow_outputs(1, np.arange(len(stack), dtype=float))
    after = stack.respond(X)
    np.testing.assert_array_equal(after[..., [0, 2]], before)
    np.testing.assert_array_equal(after[..., 1], np.arange(len(stack))[:, None] * np.ones(6))


def test_rescaled_inputs_and_outputs_leave_the_function():
    # w'_ji = w_ji s'_i / s_i and w'_j0 = w_j0 + sum_i w_ji (m'_i - m_i) / s_i; PopArt at the end.
    stack, X = trained()
    rng = np.random.default_rng(5)
    m, s, m2, s2 = rng.normal(size=4), rng.uniform(0.5, 2, 4), rng.normal(size=4), np.ones(4) * 3
    mu, sigma, mu2, sigma2 = 1.0, 2.0, -3.0, 0.7
    before = stack.respond((X - m) / s) * sigma + mu
    stack.rescale_inputs(s2 / s, (m2 - m) / s)
    stack.rescale_outputs(sigma / sigma2, (mu - mu2) / sigma2)
    after = stack.respond((X - m2) / s2) * sigma2 + mu2
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)


def test_a_restarted_network_has_the_winner_s_weights_and_no_memory():
    stack, X = trained()
    stack.restart(3, 0)
    np.testing.assert_array_equal(stack.respond(X)[3], stack.respond(X)[0])
    states = {rule: state for rule, _, state in stack._rules()}
    n = stack.n_parameters
    assert not states["rmsprop"][:, :n].any()
    assert states["rmsprop"][0, n:].any()
    assert states["adagrad"].any()
