"""Heads: between targets and output neurons."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    CrossEntropy,
    Loss,
    SquaredError,
    Task,
)
from skbackprop.losses.head import Head

FUSED = ("squared_error", "poisson", "gamma", "tweedie", "cross_entropy", "focal")


KINDS = ("regression", "binary", "multiclass", "multilabel")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_binding_says_what_a_loss_serves(name, kind):
    loss, task = LOSSES[name], Task(kind, 2 if kind == "binary" else 3)
    if kind not in loss.tasks:
        with pytest.raises(ValueError, match=rf"{kind} targets.*Use one of .*'squared_error'"):
            Head(loss, task)
        return
    head = Head(loss, task)
    assert head.loss is not loss and head.task is task
    per_target = 2 if name == "gaussian_nll" else 1
    assert head.n_units() == per_target * (1 if kind == "binary" else 3)
    assert head.fused == (name in FUSED)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in FUSED for kind in LOSSES[name].tasks if name != "focal"],
)
def test_link_is_the_best_constant(name, kind):
    head = Head(LOSSES[name], Task(kind, 2 if kind == "binary" else 3))
    d = np.full(head.n_units(), 0.2)
    d[-1] += 1.0 - d.sum() if kind == "multiclass" else 0.0
    v = head.link(d)[None]
    y = head.output.into(v, np.empty_like(v))
    np.testing.assert_allclose(y[0], d, rtol=1e-12)


def test_levels_go_by_the_range_of_the_output():
    wanted = {"tanh": (-1, 1), "scaled_tanh": (-1, 1), "hard_tanh": (-1, 1), "sin": (-1, 1)}
    for name in set(ACTIVATIONS) - {"softmax", "arctan", "softsign"}:
        head = Head(SquaredError(), Task("binary", 2), name)
        assert head.loss.levels(head.output) == wanted.get(name, (0, 1)), name


def test_encoding():
    one_hot = Head(SquaredError(), Task("multiclass", 3), "tanh")
    np.testing.assert_array_equal(
        one_hot.encode(np.array([2, 0]), np.float32), [[-1, -1, 1], [1, -1, -1]]
    )
    two = Head(CrossEntropy(), Task("binary", 2), "softmax")
    np.testing.assert_array_equal(two.encode(np.array([1, 0]), float), [[0, 1], [1, 0]])
    one = Head(CrossEntropy(), Task("binary", 2))
    np.testing.assert_array_equal(one.encode(np.array([1, 0]), float), [[1], [0]])
    labels = Head(CrossEntropy(), Task("multilabel", 3))
    Y = np.array([[0, 1, 1], [0, 0, 0]])
    for given in (Y, sparse.csr_array(Y)):
        d = labels.encode(given, np.float32)
        assert d.dtype == np.float32
        np.testing.assert_array_equal(d, Y)


def test_decoding_and_decisions():
    v = np.array([[0.1, 2.0, -1.0], [3.0, 0.0, 1.0]])
    head = Head(CrossEntropy(), Task("multiclass", 3))
    y = head.output.into(v, np.empty_like(v))
    np.testing.assert_array_equal(head.decode(v, y), [1, 0])
    np.testing.assert_array_equal(head.decision(v, y), v)
    np.testing.assert_allclose(head.probabilities(v, y).sum(axis=1), 1.0)
    labels = Head(SquaredError(), Task("multilabel", 3), "tanh")
    np.testing.assert_array_equal(labels.decode(v, np.tanh(v)), v > 0)
    two = Head(SquaredError(), Task("binary", 2), "identity")
    np.testing.assert_allclose(two.decision(v[:, :1], v[:, :1]), v[:, 0] - 0.5)


def test_softplus_at_forty_is_exact():
    head = Head(CrossEntropy(), Task("binary", 2))
    v = np.array([[40.0], [-40.0], [800.0], [-800.0]])
    y = head.output.into(v, np.empty_like(v))
    assert y[0, 0] == 1.0
    wrong = head.value(np.array([[0.0], [1.0], [0.0], [1.0]]), y, v)
    np.testing.assert_allclose(wrong, [40.0, 40.0, 800.0, 800.0], rtol=1e-15)
    right = head.value(np.array([[1.0], [0.0], [1.0], [0.0]]), y, v)
    np.testing.assert_allclose(right[:2], np.log1p(np.exp(-40.0)), rtol=1e-6, atol=1e-17)


@pytest.mark.parametrize("output", ["tanh", "identity", "hard_sigmoid", "relu"])
def test_cross_entropy_names_what_it_cannot_stand_behind(output):
    with pytest.raises(ValueError, match=f"(?s){output}.*CrossEntropy.*squared_error"):
        Head(CrossEntropy(), Task("binary", 2), output)


def test_a_loss_of_ones_own_needs_two_methods():
    class Quartic(Loss):
        def value(self, d, y, v):
            return ((d - y) ** 4).sum(axis=1) / 4

        def error(self, d, y):
            return (d - y) ** 3

    head = Head(Quartic(), Task("regression", 2), "tanh")
    v = np.array([[0.3, -0.2]])
    y, d = np.tanh(v), np.array([[1.0, 0.5]])
    delta = head.output_delta(d, y, v, np.empty_like(v))
    np.testing.assert_allclose(delta, (d - y) ** 3 * (1 - y * y), rtol=1e-14)
    assert not head.fused and not head.gives_probabilities
