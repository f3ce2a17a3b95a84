"""An activation as an object: copies, equality, local gradients, what it refuses."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from activation_cases import (
    ENTRIES,
    cube,
    cube_slope,
    each_elementwise,
    normal,
)
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop.activations.activation import ACTIVATIONS, Activation, resolve_activation
from skbackprop.activations.built_in import elu, leaky_relu, scaled_tanh, softplus
from skbackprop.activations.check import check_activation
from skbackprop.activations.mixed import Mixed


@pytest.mark.parametrize(
    "entry", [*ENTRIES.values(), Mixed(["tanh", "relu", "tanh", "tanh", elu(0.3)])], ids=repr
)
def test_copies_are_equal_and_work(entry):
    v = normal((4, 5))
    for twin in (pickle.loads(pickle.dumps(entry)), copy.deepcopy(entry), copy.copy(entry)):
        assert twin == entry and hash(twin) == hash(entry) and repr(twin) == repr(entry)
        assert_array_equal(twin.phi(v), entry.phi(v))
        assert_array_equal(twin.delta(v, v, entry.phi(v)), entry.delta(v, v, entry.phi(v)))


def test_all_entries_differ():
    entries = [*ACTIVATIONS.values(), leaky_relu(0.3), elu(0.5), scaled_tanh(2), softplus(2)]
    assert len(set(entries)) == len(entries)
    assert leaky_relu(0.2) == leaky_relu(0.2) != leaky_relu(0.3)
    assert leaky_relu(0.01) == ACTIVATIONS["leaky_relu"]
    assert Mixed(["tanh", "relu"]) == Mixed(["tanh", "relu"]) != Mixed(["relu", "tanh"])
    assert ACTIVATIONS["tanh"] != "tanh"


def power(v, exponent):
    return v**exponent


def power_slope(v, y, exponent):
    return exponent * v ** (exponent - 1)


class Power:
    def __init__(self, exponent):
        self.exponent = np.array(exponent)

    def phi(self, v):
        return v**self.exponent

    def dphi(self, v, y):
        return self.exponent * v ** (self.exponent - 1)


def test_equality_of_custom_activations():
    custom = Activation(cube, cube_slope)
    assert custom == Activation(cube, cube_slope, check=False)
    assert custom == pickle.loads(pickle.dumps(custom)) == copy.deepcopy(custom)
    for other in (
        Activation(np.square, cube_slope),
        Activation(cube, power_slope_of(3)),
        Activation(cube, cube_slope, name="other"),
        Activation(cube, cube_slope, range=(-1, 1)),
        Activation(cube, cube_slope, phi_into=cube_into),
    ):
        assert other != custom
    square, third = (
        Activation(partial(power, exponent=n), partial(power_slope, exponent=n)) for n in (2, 3)
    )
    assert square != third and square.parameters == {"exponent": 2}
    assert square == pickle.loads(pickle.dumps(square)) == copy.deepcopy(square)
    bound, other = (Activation(Power(n).phi, Power(n).dphi) for n in (2, 3))
    assert bound == copy.deepcopy(bound) == pickle.loads(pickle.dumps(bound)) != other


def power_slope_of(exponent):
    return lambda v, y: exponent * v ** (exponent - 1)


def cube_into(v, out):
    np.power(v, 3, out=out)


def test_equality_looks_into_closures():
    first, again, other = (Activation(cube, power_slope_of(n)) for n in (3, 3, 2))
    assert first == again != other and hash(first) == hash(again)


def test_repr():
    assert repr(ACTIVATIONS["tanh"]) == "ACTIVATIONS['tanh']"
    assert repr(leaky_relu(0.2)) == "leaky_relu(slope=0.2)"
    assert eval(repr(scaled_tanh(2))) == scaled_tanh(2)
    assert repr(Activation(cube, cube_slope)) == "Activation(phi=cube, dphi=cube_slope)"
    partly = Activation(
        partial(power, exponent=2),
        partial(power_slope, exponent=2),
        phi_into=np.square,
        name="square",
        range=(0, np.inf),
        check=False,
    )
    assert repr(partly) == (
        "Activation(phi=partial(power, exponent=2), dphi=partial(power_slope, exponent=2), "
        "phi_into=square, name='square', range=(0.0, inf), check=False)"
    )
    mixed = Mixed(["tanh"] * 3 + ["relu", leaky_relu(0.2)])
    assert repr(mixed) == "Mixed(['tanh'] * 3 + ['relu'] + [leaky_relu(slope=0.2)])"
    assert eval(repr(mixed)) == mixed


def test_an_activation_does_not_change():
    for activation in (ACTIVATIONS["tanh"], Mixed(["tanh"])):
        with pytest.raises(AttributeError, match="cannot be set"):
            activation.name = "other"
        with pytest.raises(AttributeError, match="cannot be deleted"):
            del activation.name
    leaky = leaky_relu(0.2)
    leaky.parameters["slope"] = 0.5
    assert leaky == leaky_relu(0.2)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: leaky_relu(-0.1), ValueError, r"leaky_relu: slope=-0.1 must be .*\[0, 1\]"),
        (lambda: leaky_relu(1.5), ValueError, r"slope=1.5 .*\[0, 1\]"),
        (lambda: leaky_relu(np.nan), ValueError, "slope=nan must be a finite number"),
        (lambda: leaky_relu("0.1"), TypeError, "slope='0.1' must be a finite number"),
        (lambda: leaky_relu(True), TypeError, "slope=True"),
        (lambda: elu(-1), ValueError, r"elu: alpha=-1 .*\[0, inf\)"),
        (lambda: elu(np.inf), ValueError, "alpha=inf"),
        (lambda: elu(None), TypeError, "alpha=None"),
        (lambda: scaled_tanh(0), ValueError, r"amplitude=0 .*\(0, inf\)"),
        (lambda: scaled_tanh(1, -2), ValueError, "slope=-2"),
        (lambda: softplus(0), ValueError, "softplus: beta=0"),
        (lambda: Activation("tanh", cube_slope), TypeError, "phi='tanh' must be a function"),
        (lambda: Activation(cube, None), TypeError, r"dphi=None must be .* dphi\(v, y\)"),
        (lambda: Activation(cube, cube), TypeError, r"cannot be called as dphi\(v, y\)"),
        # np.cos(v, y) would write into y.
        (lambda: Activation(np.sin, np.cos), TypeError, "dphi=<ufunc 'cos'> cannot be called"),
        (lambda: Activation(cube, cube_slope, phi_into=cube), TypeError, r"phi_into\(v, out\)"),
        (lambda: Activation(cube, cube_slope, name=3), TypeError, "name=3"),
        (lambda: Activation(cube, cube_slope, range=(1, 0)), ValueError, r"range=\(1, 0\)"),
        (lambda: Activation(cube, cube_slope, range=3), ValueError, "range=3"),
        (lambda: Activation(cube, cube_slope, range=(0, np.nan)), ValueError, "range="),
    ],
)
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_resolve():
    assert resolve_activation("tanh") is ACTIVATIONS["tanh"]
    assert resolve_activation(np.str_("tanh")) is ACTIVATIONS["tanh"]
    custom = Activation(cube, cube_slope)
    assert resolve_activation(custom) is custom
    with pytest.raises(ValueError, match="activation='tahn' is not a known name.*'tanh'"):
        resolve_activation("tahn")
    for wrong in (np.tanh, None, 3, ["tanh"], Activation):
        with pytest.raises(TypeError, match="activation=.*neither a name nor.*'tanh'"):
            resolve_activation(wrong)


@each_elementwise
def test_delta_is_error_times_slope(entry):
    v, e = normal((5, 4)), normal((5, 4), seed=1)
    y = entry.phi(v)
    expected = e * entry.dphi(v, y)
    assert_array_equal(entry.delta(e, v, y), expected)
    assert entry.delta(e, v, y, out=e) is e
    assert_array_equal(e, expected)


def test_delta_keeps_single_precision_of_a_custom_activation():
    custom = Activation(cube, lambda v, y: 3.0 * np.asarray(v, dtype=np.float64) ** 2)
    v = normal((5, 4), np.float32)
    assert custom.delta(v, v, custom.phi(v)).dtype == np.float32


def test_scalar_slope():
    double = Activation(lambda v: 2 * v, lambda v, y: 2)
    check_activation(double)
    v = normal((3, 4))
    assert_array_equal(double.delta(v, v, 2 * v), 2 * v)
    assert_array_equal(Mixed([double] * 4).dphi(v, 2 * v), np.full_like(v, 2))


@pytest.mark.parametrize("n_units", [1, 2, 5])
def test_softmax_delta_against_numeric_jacobian(n_units):
    softmax = ACTIVATIONS["softmax"]
    v, e = normal((6, n_units)), normal((6, n_units), seed=1)
    y = softmax.phi(v)
    assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    h = 1e-6
    expected = np.empty_like(v)
    for j in range(n_units):
        step = h * np.eye(n_units)[j]
        # Column j of the Jacobian: how every output moves with v_j.
        column = (softmax.phi(v + step) - softmax.phi(v - step)) / (2 * h)
        expected[:, j] = (e * column).sum(axis=1)
    before = e.copy()
    assert_allclose(softmax.delta(e, v, y), expected, rtol=1e-7, atol=1e-9)
    assert_array_equal(e, before)
    assert_array_equal(softmax.delta(e, v, y), softmax.delta(before, v, y, out=before))
    with pytest.raises(TypeError, match="no elementwise derivative"):
        softmax.dphi(v, y)
    check_activation(softmax, force=True)
