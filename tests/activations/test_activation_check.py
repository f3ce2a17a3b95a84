"""The check of a user's own activation finds what is wrong, and passes what is right."""

import warnings

import numpy as np
import pytest
from activation_cases import cube, cube_slope
from hypothesis import given
from hypothesis import strategies as st

from skbackprop.activations.activation import ACTIVATIONS, Activation
from skbackprop.activations.check import check_activation


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
