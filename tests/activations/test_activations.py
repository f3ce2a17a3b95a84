"""Tests of the activations, driven by the registry: a new entry is tested as it is added."""

import copy
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf

from skbackprop.activations.activation import ACTIVATIONS, Activation, resolve_activation
from skbackprop.activations.built_in import elu, leaky_relu, scaled_tanh, softplus
from skbackprop.activations.check import check_activation
from skbackprop.activations.mixed import Mixed

NAMES = (
    "identity logistic tanh scaled_tanh relu leaky_relu elu selu gelu silu mish softplus softsign "
    "arctan sin gaussian hard_tanh hard_sigmoid softmax"
).split()
ENTRIES = {
    **ACTIVATIONS,
    "leaky_relu(0.3)": leaky_relu(0.3),
    "leaky_relu(0)": leaky_relu(0),
    "leaky_relu(1)": leaky_relu(slope=1),
    "elu(0.5)": elu(alpha=0.5),
    "elu(0)": elu(0),
    "scaled_tanh(2, 0.5)": scaled_tanh(2, 0.5),
    "softplus(3)": softplus(beta=3),
}
ELEMENTWISE = {key: entry for key, entry in ENTRIES.items() if entry.elementwise}
DTYPES = [np.float64, np.float32]
each_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
each_elementwise = pytest.mark.parametrize("entry", ELEMENTWISE.values(), ids=ELEMENTWISE)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def normal(shape, dtype=np.float64, seed=0):
    return (3 * np.random.default_rng(seed).normal(size=shape)).astype(dtype)


# The registry -------------------------------------------------------------------------------------


def test_every_name_is_there():
    assert set(NAMES) <= set(ACTIVATIONS)
    assert all(entry.name == name for name, entry in ACTIVATIONS.items())


FORMULAS = {
    "identity": lambda v: v,
    "logistic": lambda v: 1 / (1 + np.exp(-v)),
    "tanh": np.tanh,
    "scaled_tanh": lambda v: 1.7159 * np.tanh(2 * v / 3),
    "relu": lambda v: np.where(v > 0, v, 0),
    "leaky_relu": lambda v: np.where(v > 0, v, 0.01 * v),
    "elu": lambda v: np.where(v > 0, v, np.exp(v) - 1),
    "selu": lambda v: 1.0507009873554805 * np.where(v > 0, v, 1.6732632423543772 * (np.exp(v) - 1)),
    "gelu": lambda v: v * (1 + erf(v / np.sqrt(2))) / 2,
    "silu": lambda v: v / (1 + np.exp(-v)),
    "mish": lambda v: v * np.tanh(np.log(1 + np.exp(v))),
    "softplus": lambda v: np.log(1 + np.exp(v)),
    "softsign": lambda v: v / (1 + np.abs(v)),
    "arctan": np.arctan,
    "sin": np.sin,
    "gaussian": lambda v: np.exp(-(v**2)),
    "hard_tanh": lambda v: np.clip(v, -1, 1),
    "hard_sigmoid": lambda v: np.clip(v / 6 + 0.5, 0, 1),
    "softmax": lambda v: np.exp(v) / np.exp(v).sum(axis=1, keepdims=True),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 5), (40, 3), (100, 30)])
def test_formula(name, shape):
    v = normal(shape)
    assert_allclose(ACTIVATIONS[name].phi(v), FORMULAS[name](v), rtol=1e-12, atol=1e-14)


def test_parameters_take_effect():
    v = np.array([[-2.0, -0.5, 0.7]])
    assert_allclose(leaky_relu(0.3).phi(v), [[-0.6, -0.15, 0.7]])
    assert_allclose(elu(0.5).phi(v), np.where(v > 0, v, 0.5 * np.expm1(v)))
    assert_allclose(scaled_tanh(2, 0.5).phi(v), 2 * np.tanh(v / 2))
    assert_allclose(softplus(3).phi(v), np.log(1 + np.exp(3 * v)) / 3)
    assert leaky_relu(0.3).parameters == {"slope": 0.3}
    assert ACTIVATIONS["tanh"].parameters == {}
    assert leaky_relu(0).range == (0, np.inf) and leaky_relu().range == (-np.inf, np.inf)
    assert elu(0.5).range == (-0.5, np.inf) and scaled_tanh(2).range == (-2, 2)


@each_elementwise
def test_derivative_against_central_differences(entry):
    v = np.concatenate([np.linspace(-9.97, 9.97, 400), [1e-3, -1e-3, 30.3, -30.3]])
    h = 1e-5
    numeric = (entry.phi(v + h) - entry.phi(v - h)) / (2 * h)
    assert_allclose(entry.dphi(v, entry.phi(v)), numeric, rtol=1e-7, atol=1e-9)


@each_elementwise
def test_the_registry_passes_its_own_check(entry):
    assert not entry.check
    check_activation(entry, force=True)


@each_dtype
@each_entry
def test_dtype_and_shape_are_kept(entry, dtype):
    for shape in [(7, 3), (1, 3), (1, 1), (3,), (0, 3), (60, 40)]:
        v = normal(shape, dtype)
        y = entry.phi(v)
        out = np.empty_like(v)
        delta = entry.delta(v, v, y)
        assert entry.into(v, out) is out
        results = [y, delta] + ([entry.dphi(v, y)] if entry.elementwise else [])
        assert all(result.dtype == dtype and result.shape == shape for result in results)


@each_dtype
@each_entry
def test_extremes(entry, dtype):
    # Up to the last: |v| where v * v overflows.
    for size in [1, 600]:
        for extreme in [40.0, 100.0, 1e4, 1e30]:
            v = np.tile(np.array([extreme, -extreme, 0.0, -0.0], dtype=dtype), (size, 1))
            out = v.copy()
            with warnings.catch_warnings(), np.errstate(over="raise", divide="raise"):
                warnings.simplefilter("error")
                y = entry.phi(v)
                entry.into(out, out)
                results = [y, out, entry.delta(np.ones_like(v), v, y)]
                if entry.elementwise:
                    results.append(entry.dphi(v, y))
            # exp is infinite there, as it should be; training refuses such an update.
            sound = np.isfinite if entry.name != "exp" else lambda a: ~np.isnan(a)
            assert all(sound(result).all() for result in results)


def test_saturation_is_exact():
    v = np.array([[40.0, -1e4]])
    assert_array_equal(ACTIVATIONS["logistic"].phi(v), [[1.0, 0.0]])
    assert_array_equal(ACTIVATIONS["logistic"].phi(np.repeat(v, 999, 0))[3], [1.0, 0.0])
    assert_array_equal(ACTIVATIONS["tanh"].phi(v), [[1.0, -1.0]])


@each_dtype
def test_tails_keep_their_relative_accuracy(dtype):
    v = np.full((1, 1), -20.0, dtype)
    for size in (1, 2000):
        got = ACTIVATIONS["logistic"].phi(np.repeat(v, size, 0))
        assert_allclose(got, np.exp(-20.0), rtol=1e-6)
        assert_allclose(ACTIVATIONS["softplus"].phi(np.repeat(v, size, 0)), got, rtol=1e-6)
    # The normal distribution at -5, from a table.
    gelu = ACTIVATIONS["gelu"].phi(np.full((1, 1), -5.0, dtype))
    assert_allclose(gelu, -5 * 2.866515718791939e-07, rtol=1e-5)


@each_dtype
@each_entry
def test_into_is_phi_also_in_place(entry, dtype):
    for shape in [(1, 4), (50, 40)]:
        v = normal(shape, dtype)
        before = v.copy()
        y = entry.phi(v)
        out = np.full_like(v, np.nan)
        entry.into(v, out)
        assert_array_equal(v, before)
        assert_array_equal(out, y)
        in_place = v.copy()
        entry.into(in_place, in_place)
        assert_array_equal(in_place, y)
        wide = np.repeat(v, 2, axis=1)
        strided = wide[:, ::2]
        entry.into(strided, strided)
        assert_allclose(strided, y, rtol=1e-5, atol=1e-6)
        assert_array_equal(wide[:, 1::2], v)
        assert not np.shares_memory(entry.phi(v), v)


@each_dtype
@each_entry
@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
def test_into_a_column_of_a_wider_array(entry, width, dtype):
    # np.negative(v, out=out) fails this at a width of 8, or of 4 in float32.
    v = normal((9, width), dtype)
    out = np.full_like(v, 7)
    expected = entry.phi(v[:, -1:].copy())
    entry.into(v[:, -1:], out[:, -1:])
    assert_allclose(out[:, -1:], expected, rtol=1e-5, atol=1e-6)
    entry.into(v[:, -1:], v[:, -1:])
    assert_allclose(v[:, -1:], expected, rtol=1e-5, atol=1e-6)
    assert_array_equal(out[:, :-1], 7)


@each_dtype
@each_entry
def test_range(entry, dtype):
    low, high = entry.range
    v = np.concatenate([np.linspace(-20, 20, 20001), [-1e4, 1e4]]).astype(dtype)[:, np.newaxis]
    y = entry.phi(np.hstack([v, -v]))
    rounding = 4 * np.finfo(dtype).eps
    assert y.min() >= low - rounding and y.max() <= high + rounding
    # The bounds are those of the function, not just some bounds.
    assert y.min() <= low + 2e-3 if np.isfinite(low) else y.min() < -50
    assert y.max() >= high - 2e-3 if np.isfinite(high) else y.max() > 1000


@each_elementwise
@given(
    v=arrays(
        st.sampled_from([np.float32, np.float64]),
        array_shapes(min_dims=2, max_dims=2, max_side=4),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_phi_and_slope_are_finite_and_in_range(entry, v):
    y = entry.phi(v)
    rounding = 4 * np.finfo(v.dtype).eps * max(1.0, *np.abs(np.nan_to_num(entry.range, posinf=0)))
    assert (entry.range[0] - rounding <= y).all() and (y <= entry.range[1] + rounding).all()
    slope = entry.dphi(v, y)
    assert slope.dtype == v.dtype
    if entry.name == "exp":
        assert_array_equal(slope, y)
    else:
        assert np.isfinite(slope).all() and (np.abs(slope) < 2).all()
    assert_array_equal(entry.into(v.copy(), v), y)


# Copies, equality, repr ---------------------------------------------------------------------------


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


def cube(v):
    return v**3


def cube_slope(v, y):
    return 3 * v**2


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


# What the constructors refuse ---------------------------------------------------------------------


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


# Delta --------------------------------------------------------------------------------------------


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


# Mixed --------------------------------------------------------------------------------------------

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


# The check of custom activations ------------------------------------------------------------------


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def swish(v):
    return v * sigmoid(v)


def in_float32(function):
    return lambda *arguments: function(*(a.astype(np.float32) for a in arguments))


SOUND = {
    "tanh": (np.tanh, lambda v, y: 1 - y**2),
    "from v": (np.tanh, lambda v, y: np.cosh(v) ** -2),
    "cube": (cube, cube_slope),
    "exp": (np.exp, lambda v, y: y),
    "constant slope": (lambda v: 2 * v + 1, lambda v, y: 2.0),
    "constant": (np.zeros_like, lambda v, y: 0),
    "fast sine": (lambda v: np.sin(20 * v), lambda v, y: 20 * np.cos(20 * v)),
    "tiny": (lambda v: 1e-9 * np.tanh(v), lambda v, y: 1e-9 * (1 - np.tanh(v) ** 2)),
    "huge": (lambda v: 1e9 * np.tanh(v), lambda v, y: 1e9 * (1 - np.tanh(v) ** 2)),
    "high offset": (lambda v: 1e6 + np.tanh(v), lambda v, y: 1 - np.tanh(v) ** 2),
    "relu, 0 at 0": (lambda v: np.maximum(v, 0), lambda v, y: v > 0),
    "relu, 1 at 0": (lambda v: np.maximum(v, 0), lambda v, y: 1.0 * (v >= 0)),
    "relu, 1/2 at 0": (lambda v: np.maximum(v, 0), lambda v, y: np.heaviside(v, 0.5)),
    "abs": (np.abs, lambda v, y: np.sign(v)),
    "abs, 1 at 0": (np.abs, lambda v, y: np.where(v < 0, -1.0, 1.0)),
    "hard tanh": (lambda v: np.clip(v, -1, 1), lambda v, y: np.abs(v) < 1),
    "hard tanh, closed": (lambda v: np.clip(v, -1, 1), lambda v, y: np.abs(v) <= 1),
    "kink on the grid": (
        lambda v: np.abs(v - np.linspace(-7.97, 7.97, 200)[7]),
        lambda v, y: np.sign(v - np.linspace(-7.97, 7.97, 200)[7]),
    ),
    "floor": (np.floor, lambda v, y: 0.0),
    "round": (np.round, lambda v, y: np.zeros_like(v)),
    "sign": (np.sign, lambda v, y: np.zeros_like(v)),
    "step of booleans": (lambda v: v > 0, lambda v, y: 0.0),
    "triangle wave": (
        lambda v: np.abs(v % 2 - 1),
        lambda v, y: np.where(v % 2 < 1, -1.0, 1.0),
    ),
    "sawtooth": (lambda v: v - np.floor(v), lambda v, y: 1.0),
    "hard swish": (
        lambda v: v * np.clip(v / 6 + 0.5, 0, 1),
        lambda v, y: np.where(v < -3, 0, np.where(v > 3, 1, v / 3 + 0.5)),
    ),
    "cube root": (
        lambda v: np.cbrt(v),
        lambda v, y: 1 / (3 * np.maximum(y**2, 1e-6)),
    ),
    "single precision": (in_float32(np.tanh), in_float32(lambda v, y: 1 - y**2)),
    "single precision inside": (
        lambda v: in_float32(np.tanh)(v).astype(v.dtype),
        lambda v, y: 1 - y**2,
    ),
    "half precision kink": (
        lambda v: np.maximum(v, 0).astype(np.float16),
        lambda v, y: v > 0,
    ),
    "identity without a copy": (lambda v: v, lambda v, y: np.ones_like(v)),
    "overflow inside": (lambda v: 1 / (1 + np.exp(-200 * v)), lambda v, y: 200 * y * (1 - y)),
}

WRONG = {
    "wrong sign": (np.tanh, lambda v, y: y**2 - 1),
    "zero": (np.tanh, lambda v, y: 0.0),
    "missing factor": (lambda v: np.tanh(2 * v), lambda v, y: 1 - y**2),
    "factor 1.001": (np.tanh, lambda v, y: 1.001 * (1 - y**2)),
    "y for v": (sigmoid, lambda v, y: v * (1 - v)),
    "v for y": (np.tanh, lambda v, y: np.cosh(y) ** -2),
    "one term missing": (swish, lambda v, y: sigmoid(v)),
    "other function": (np.arctan, lambda v, y: 1 - y**2),
    "approximation": (swish, lambda v, y: (v > -1.25) * 1.0),
    "wrong for v < 0": (
        lambda v: np.where(v > 0, v, 0.1 * v),
        lambda v, y: np.where(v > 0, 1, 0.2),
    ),
    "wrong sign for v < 0": (np.abs, lambda v, y: np.ones_like(v)),
    "tail wrong for v < 0": (np.exp, lambda v, y: np.where(v > 0, y, 2 * y)),
    "wrong beyond 6": (np.sin, lambda v, y: np.cos(np.minimum(v, 6))),
    "wrong at 0 only": (cube, lambda v, y: np.where(v == 0, 1, 3 * v**2)),
    "wrong at 0 only, steep": (np.sin, lambda v, y: np.where(v == 0, 2, np.cos(v))),
    "tiny": (lambda v: 1e-9 * np.tanh(v), lambda v, y: 2e-9 * (1 - np.tanh(v) ** 2)),
    "surrogate of a step": (np.sign, lambda v, y: 1 / (1 + v**2)),
    "kink elsewhere": (lambda v: np.maximum(v, 0), lambda v, y: v > 0.5),
    "single precision": (in_float32(np.tanh), in_float32(lambda v, y: 1 - y)),
}


@pytest.mark.parametrize("phi, dphi", SOUND.values(), ids=SOUND)
def test_check_passes_what_is_right(phi, dphi):
    check_activation(Activation(phi, dphi))


@pytest.mark.parametrize("phi, dphi", WRONG.values(), ids=WRONG)
def test_check_finds_a_wrong_slope(phi, dphi):
    message = r"dphi contradicts phi at \d+ of 201 points.*v=.*dphi\(v, y\)=.*numeric slope"
    with pytest.raises(ValueError, match=message):
        check_activation(Activation(phi, dphi))
    check_activation(Activation(phi, dphi, check=False))
    with pytest.raises(ValueError, match=message):
        check_activation(Activation(phi, dphi, check=False), force=True)


@given(st.floats(0.01, 100), st.floats(-3, 3), st.sampled_from([0.5, 0.99, 1.01, -1.0]))
def test_check_tells_right_from_wrong_at_any_scale(scale, shift, factor):
    def phi(v):
        return scale * np.tanh(v - shift)

    def dphi(v, y):
        return scale * (1 - np.tanh(v - shift) ** 2)

    check_activation(Activation(phi, dphi))
    with pytest.raises(ValueError, match="contradicts"):
        check_activation(Activation(phi, lambda v, y: factor * dphi(v, y)))


def test_message_of_a_wrong_slope():
    with pytest.raises(ValueError, match="at v=0, dphi.*=2, but the numeric slope of phi is 1"):
        check_activation(Activation(np.tanh, lambda v, y: 2 * (1 - y**2)))
    with pytest.raises(ValueError, match="right with v and y exchanged"):
        check_activation(Activation(sigmoid, lambda v, y: v * (1 - v)))
    with pytest.raises(ValueError, match=r"at 100 of 201 points \(all with v < 0\)"):
        check_activation(Activation(np.abs, lambda v, y: 1.0))
    with pytest.raises(ValueError, match="Activation 'mine'.*check=False"):
        check_activation(Activation(np.abs, lambda v, y: 1.0, name="mine"))


def spoil(function):
    """Let a function write into its first argument."""

    def spoiled(*arguments):
        result = function(*arguments)
        arguments[0][...] = 0
        return result

    return spoiled


def spoil_y(v, y):
    y *= -y
    y += 1
    return y


def log_slope(v, y):
    return 1 / v


BROKEN = {
    "phi writes": (spoil(np.tanh), lambda v, y: 1 - y**2, r"phi\(v\) writes into its argument v"),
    "dphi writes v": (np.tanh, spoil(lambda v, y: 1 - y**2), r"dphi\(v, y\) writes into .* v"),
    "dphi writes y": (np.tanh, spoil_y, r"dphi\(v, y\) writes into its argument y"),
    "phi sums": (lambda v: v.sum(axis=1), lambda v, y: 1.0, r"phi\(v\) returns shape \(67,\)"),
    "phi scalar": (lambda v: 1.0, lambda v, y: 0.0, r"phi\(v\) returns shape \(\)"),
    "phi flat": (lambda v: v.ravel(), lambda v, y: 1.0, r"phi\(v\) returns shape \(201,\)"),
    "dphi shape": (np.tanh, lambda v, y: (1 - y**2)[:, :1], r"dphi\(v, y\) returns shape \(67, 1"),
    "phi nan": (np.log, log_slope, r"phi\(v\) is not finite: nan at v=-7.97"),
    "dphi inf at 0": (np.cbrt, lambda v, y: 1 / (3 * y**2), r"dphi\(v, y\) is not finite: inf at"),
    "complex": (lambda v: v + 1j, lambda v, y: 1.0, "not real numbers"),
    "objects": (lambda v: np.full(v.shape, None), lambda v, y: 1.0, "not real numbers"),
    "softmax": (ACTIVATIONS["softmax"].phi, lambda v, y: y * (1 - y), r"phi\(v\) is not elementw"),
    "mixes rows": (lambda v: v - v.mean(axis=0), lambda v, y: 1.0, r"phi\(v\) is not elementwise"),
    "mixes all": (lambda v: v - v.mean(), lambda v, y: 1.0, r"phi\(v\) is not elementwise"),
    "mixes neurons": (lambda v: v * np.arange(v.shape[1]), lambda v, y: 1.0, "not elementwise"),
    "cumulates": (lambda v: v.cumsum(axis=0), lambda v, y: 1.0, r"phi\(v\) is not elementwise"),
    "dphi mixes": (np.tanh, lambda v, y: 1 - y**2 + y.mean(), r"dphi\(v, y\) is not elementwise"),
}


@pytest.mark.parametrize("phi, dphi, message", BROKEN.values(), ids=BROKEN)
def test_check_finds_what_is_broken(phi, dphi, message):
    with pytest.raises(ValueError, match=message):
        check_activation(Activation(phi, dphi))
    check_activation(Activation(phi, dphi, check=False))


def into_wrong_values(v, out):
    np.multiply(v, 2, out=out)


def into_not_in_place(v, out):
    out[...] = 0
    np.tanh(v, out=out)


def into_forgets_a_column(v, out):
    np.tanh(v[:, 1:], out=out[:, 1:])


def into_writes_v(v, out):
    np.tanh(v, out=v)
    out[...] = v


@pytest.mark.parametrize(
    "phi_into, message",
    [
        (into_wrong_values, r"phi_into\(v, out\) contradicts phi\(v\): at v=.*it gives"),
        (into_not_in_place, r"phi_into\(v, v\) contradicts phi\(v\)"),
        (into_forgets_a_column, r"phi_into\(v, out\) contradicts phi\(v\).* nan"),
        (into_writes_v, r"phi_into\(v, out\) writes into v"),
    ],
)
def test_check_finds_a_wrong_twin(phi_into, message):
    slope = ACTIVATIONS["tanh"].dphi
    check_activation(Activation(np.tanh, slope, phi_into=np.tanh))
    with pytest.raises(ValueError, match=message):
        check_activation(Activation(np.tanh, slope, phi_into=phi_into))


def test_check_tries_single_precision():
    def overflows(v):
        return np.exp(v + 85) if v.dtype == np.float32 else np.exp(v)

    with pytest.raises(ValueError, match="not finite for float32"):
        check_activation(Activation(overflows, lambda v, y: y))


def test_an_error_of_the_function_itself_is_passed_on_with_a_note():
    def refuses(v):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as caught:
        check_activation(Activation(refuses, cube_slope))
    assert "phi(v) of activation 'refuses'" in caught.value.__notes__[0]


def test_check_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for phi, dphi in SOUND.values():
            check_activation(Activation(phi, dphi))
