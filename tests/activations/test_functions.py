"""Every built-in phi and phi': formulas, slopes, dtypes, extremes."""

import warnings

import numpy as np
import pytest
from activation_cases import ENTRIES, each_dtype, each_elementwise, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf

from skbackprop.activations.activation import ACTIVATIONS
from skbackprop.activations.built_in import elu, leaky_relu, scaled_tanh, softplus
from skbackprop.activations.check import check_activation

NAMES = (
    "identity logistic tanh scaled_tanh relu leaky_relu elu selu gelu silu mish softplus softsign "
    "arctan sin gaussian hard_tanh hard_sigmoid softmax"
).split()


each_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


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
@settings(max_examples=50)
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
