"""Different activations for the neurons of one layer."""

import numpy as np
import pytest
from activation_cases import cube, cube_slope, each_dtype, normal
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.activations.activation import ACTIVATIONS, Activation, resolve_activation
from skbackprop.activations.built_in import leaky_relu
from skbackprop.activations.check import check_activation
from skbackprop.activations.mixed import Mixed

CUBE = Activation(cube, cube_slope)


LAYERS = {
    "one run each": ["tanh", "tanh", "relu", "relu", "relu"],
    "alternating": ["tanh", "relu", "tanh", "relu", "tanh"],
    "scattered": ["tanh", "relu", "relu", "tanh", "tanh"],
    "all different": ["tanh", leaky_relu(0.2), leaky_relu(0.3), CUBE, "gaussian"],
    "uniform": ["softplus"] * 5,
    "single": ["logistic"],
}


@each_dtype
@pytest.mark.parametrize("names", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("n_rows", [1, 9])
def test_mixed_is_its_members_column_by_column(names, n_rows, dtype):
    layer = Mixed(names)
    members = [resolve_activation(name) for name in names]
    assert layer.n_units == len(names) and layer.activations == tuple(members)
    v, e = (normal((n_rows, len(names)), dtype, seed) for seed in (0, 1))
    y = layer.phi(v)
    columns = [v[:, [j]] for j in range(len(names))]
    expected = np.hstack([m.phi(c) for m, c in zip(members, columns, strict=True)])
    slopes = np.hstack([m.dphi(c, m.phi(c)) for m, c in zip(members, columns, strict=True)])
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    assert_allclose(y, expected, **tolerance)
    assert_allclose(layer.dphi(v, y), slopes, **tolerance)
    assert_allclose(layer.delta(e, v, y), e * slopes, **tolerance)
    assert y.dtype == layer.dphi(v, y).dtype == layer.delta(e, v, y).dtype == dtype
    out = np.empty_like(v)
    assert layer.into(v, out) is out
    assert_array_equal(out, y)
    layer.into(v, v)
    assert_array_equal(v, y)


@given(st.lists(st.sampled_from(sorted(set(ACTIVATIONS) - {"softmax"})), min_size=1, max_size=12))
def test_mixed_of_any_neurons(names):
    layer = Mixed(names)
    v = normal((3, len(names)))
    expected = np.stack([ACTIVATIONS[name].phi(v[:, j]) for j, name in enumerate(names)], axis=1)
    assert_allclose(layer.phi(v), expected, rtol=1e-14, atol=1e-15)
    assert layer.range[0] == min(ACTIVATIONS[name].range[0] for name in names)
    assert layer.range[1] == max(ACTIVATIONS[name].range[1] for name in names)


def test_mixed_range_and_check():
    assert Mixed(["tanh", "logistic"]).range == (-1, 1)
    assert Mixed(["tanh", "relu"]).range == (-1, np.inf)
    assert not Mixed(["tanh", "relu"]).check
    assert Mixed(["tanh", CUBE]).check
    wrong = Activation(cube, lambda v, y: 2 * v**2)
    with pytest.raises(ValueError, match=r"Mixed: activations\[2\]: .*dphi contradicts phi"):
        check_activation(Mixed(["tanh", CUBE, wrong, "relu"]))
    tolerated = Activation(wrong.phi, wrong.dphi, check=False)
    check_activation(Mixed(["tanh", CUBE, tolerated]))
    with pytest.raises(ValueError, match="contradicts"):
        check_activation(Mixed([tolerated, wrong]))


@pytest.mark.parametrize(
    "activations, error, message",
    [
        ([], ValueError, "empty"),
        ("tanh", TypeError, "one name or Activation per neuron"),
        (CUBE, TypeError, "one name or Activation per neuron"),
        (3, TypeError, "one name or Activation per neuron"),
        (["tanh", "tahn"], ValueError, r"activations\[1\]='tahn' is not a known name"),
        (["tanh", np.tanh], TypeError, r"activations\[1\]="),
        (["softmax", "tanh"], ValueError, r"activations\[0\]='softmax' is not a function of one"),
        ([Mixed(["tanh"])], ValueError, r"activations\[0\]=.* is not a function of one neuron"),
    ],
)
def test_mixed_refuses(activations, error, message):
    with pytest.raises(error, match=message):
        Mixed(activations)


def test_mixed_refuses_a_wrong_width():
    layer = Mixed(["tanh", "relu", "tanh"])
    right, wrong = np.zeros((4, 3)), np.zeros((4, 2))
    message = r"layer of 3 neurons, but got an array of shape \(4, 2\)"
    for call in (
        lambda: layer.phi(wrong),
        lambda: layer.dphi(wrong, wrong),
        lambda: layer.delta(wrong, wrong, wrong),
        lambda: layer.into(right, wrong),
        lambda: layer.dphi(right, wrong),
    ):
        with pytest.raises(ValueError, match=message):
            call()
