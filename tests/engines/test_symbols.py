"""What is traced from a NumPy function does to each number what the function does to an array."""

import math
from functools import partial

import numpy as np
import pytest
from scipy import special
from symbol_cases import DOUBLE, value

from skbackprop import (
    Activation,
)
from skbackprop.engines import formulas
from skbackprop.engines.symbols import _COMPOUNDS, _PATTERNS, Trace, Untraceable

V = np.array([-3.7, -1.0, -0.5, -0.25, 0.0, 0.1, 0.5, 1.0, 2.0, 4.2])


DOMAINS = {"arccosh": (1.0, 9.0), "arctanh": (-0.9, 0.9), "arcsin": (-1, 1), "arccos": (-1, 1)}


DOMAINS |= {
    name: (0.01, 9.0) for name in ("sqrt", "log", "log2", "log10", "log1p", "reciprocal", "xlogy")
}


LOGIC = ("logical_and", "logical_or", "logical_xor", "logical_not")


LOGIC += ("bitwise_and", "bitwise_or", "bitwise_xor", "invert")


def traced(function, *arrays):
    """The function, number by number."""
    trace = Trace()
    names = [f"x{i}" for i in range(len(arrays))]
    lines = trace.lines([trace.call(function, *(trace.symbol(name) for name in names))])
    return [value(lines, **dict(zip(names, x, strict=True))) for x in zip(*arrays, strict=True)]


def same(function, *arrays):
    copies = [a.copy() for a in arrays]
    wanted = np.broadcast_to(np.asarray(function(*copies), float), arrays[0].shape)
    np.testing.assert_allclose(traced(function, *arrays), wanted, rtol=1e-14, atol=1e-300)


def ufunc(name):
    found = getattr(np, name, None)
    return getattr(special, name) if found is None else found


@pytest.mark.parametrize("name", sorted({*_PATTERNS, *_COMPOUNDS} - {"where"} - {*LOGIC}))
def test_every_ufunc_of_the_tables(name):
    function = ufunc(name)
    x = V if name not in DOMAINS else np.linspace(*DOMAINS[name], 10)
    if function.nin == 1:
        return same(function, x)
    if name in ("power", "float_power"):
        for exponent in (2.0, 0.5, -1.0, 1.0, 1.7, 3):
            same(partial(lambda e, v: function(v, e), exponent), np.abs(x) + 0.1)
        same(lambda v: function(1.3, v), x)
        return None
    same(function, x, x[::-1] + 0.05)
    if name != "divide":
        same(function, x, x)
    same(lambda v: function(v, 0.5), x)
    same(lambda v: function(0.5, v), x + 0.05)


@pytest.mark.parametrize("name", LOGIC)
def test_logic(name):
    function = ufunc(name)
    a, b = np.repeat([-1.0, 1.0], 2), np.tile([-1.0, 1.0], 2)
    if function.nin == 1:
        same(lambda a: np.where(function(a > 0), 2.0, 3.0), a)
    else:
        same(lambda a, b: np.where(function(a > 0, b > 0), 2.0, 3.0), a, b)
        same(lambda a, b: function(a > 0, b > 0).astype(a.dtype), a, b)


def indexed(v):
    out = np.zeros_like(v)
    out[v > 0] = 2.0
    out[v < -0.3] = v[v < -0.3] ** 2
    out[...] += 1.0
    out[:] = out * 0.5
    return out


def written(v):
    out = np.empty_like(v)
    np.multiply(v, 3.0, out=out)
    np.add(out, 1.0, out=out, where=v > 0)
    np.copyto(out, 7.0, where=v == 0.5)
    np.clip(out, -2.0, 4.0, out=out)
    return out


def in_place(v):
    a = v.copy()
    b = a
    a += 1.0
    a *= v
    a -= 0.5
    a /= 3.0
    a **= 2
    return b - a + a.clip(min=0.1) + (2.0 - v) * (1.0 / (v * v + 1.0)) + (-v) - (-3.0)


def of_arrays_own(v):
    return np.full_like(v, 2.0) + np.ones_like(v) * v.dtype.type(0.5) + np.copy(v) + v.astype(float)


def nested(v):
    return np.where(v > 1, 1.0, np.where(v < -1, -1.0, v)) * (v != 0) + abs(v) + (+v)


def truth_as_number(v):
    return (v > 0) * 2.0 + (v <= 0.5) - np.isfinite(v)


@pytest.mark.parametrize(
    "function", [indexed, written, in_place, of_arrays_own, nested, truth_as_number]
)
def test_what_functions_do_with_arrays(function):
    same(function, V)


def test_negative_numbers_keep_their_place():
    same(lambda v: 2.0 - (-v), V)
    same(lambda v: (-v) ** 2 - -3.0, V)
    same(lambda v: np.power(-2.0, 2.0) * v - np.negative(-1.5), V)


def test_the_same_is_computed_once():
    trace = Trace()
    v, p = trace.symbol("v"), trace.symbol("p", varies=False)
    lines = trace.lines([trace.call(lambda v: np.tanh(v * p) + np.tanh(v * p) * np.exp(p), v)])
    assert sum("tanh" in line for line in lines.each) == 1
    assert lines.once == ["c0 = exp(p)"] and lines.shared == ["c0"]


@pytest.mark.parametrize(
    "function, why",
    [
        (lambda v: v if v > 0 else 0.0, "decides by the value"),
        (lambda v: v - v.mean(), "AttributeError.*mean"),
        (lambda v: np.sum(v), "np.sum has no scalar counterpart"),
        (lambda v: np.cumsum(v), "np.cumsum"),
        (lambda v: np.maximum.reduce(v), "maximum.reduce"),
        (lambda v: np.add(v, 1, dtype=np.float32), "with the settings"),
        (lambda v: special.i0(v), "i0 has no scalar counterpart"),
        (lambda v: np.asarray(v) + 1, "makes an array"),
        (lambda v: math.sin(v), "makes a Python number"),
        (lambda v: v[0], "picks out elements"),
        (lambda v: v.__setitem__(0, 1.0), "picks out elements"),
        (lambda v: v * np.arange(3.0), "not a number"),
        (lambda v: np.multiply(v, 2.0, out=np.empty(3)), "an array of its own"),
        (lambda v: np.copyto(np.empty(3), v), "an array of its own"),
        (lambda v: np.where(v > 0), "picks out elements"),
        (lambda v: v * "a", "not a number"),
        (lambda v: 1 / 0, "ZeroDivisionError"),
        (lambda v: None, "not a number"),
        (lambda v: {}[v], "TypeError"),
    ],
)
def test_what_cannot_be_traced_says_why(function, why):
    with pytest.raises(Untraceable, match=why):
        traced(function, V)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_that_of_the_arrays(dtype):
    def asks(v):
        assert v.dtype == dtype and v.dtype.itemsize == np.dtype(dtype).itemsize
        assert np.issubdtype(v.dtype, dtype) and v.dtype.kind == "f"
        one = np.ones(1, v.dtype)
        assert one.dtype == dtype
        return v.astype(v.dtype) * v.dtype.type(0.1) + one * float(np.finfo(v.dtype).tiny)

    trace = Trace(dtype=dtype)
    lines = trace.lines([trace.call(asks, trace.symbol("v"))])
    tenth, tiny = float(dtype(0.1)), float(np.finfo(dtype).tiny)
    assert lines.each[0] == f"a0 = v * {tenth!r}" and lines.each[1] == f"a1 = a0 + {tiny!r}"


def test_the_shape_is_a_secret_where_it_may_matter():
    for asks in (lambda w: w.shape, lambda w: w.size, lambda w: w.ndim):
        trace = Trace(sized=False)
        with pytest.raises(Untraceable, match="how many elements"):
            trace.call(asks, trace.symbol("w"))


def by_size(v):
    return v if v.size < 2 else 2.0 * v


def by_order(v):
    return v * np.sign(v.reshape(-1)[0]) if v.shape else v


@pytest.mark.parametrize("phi", [by_size, by_order])
def test_a_function_of_the_whole_array_is_refused(phi):
    with pytest.raises(Untraceable, match="does to an array what it does not do to each number"):
        own = Activation(phi, lambda v, y: 1.0, name=phi.__name__, check=False)
        formulas.formula_of(own, DOUBLE)
