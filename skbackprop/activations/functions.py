"""Every built-in phi and its derivative phi', and nothing else.

All work on float arrays of any shape and keep the dtype they are given. Each function is written
once, as ``phi(v, out=None)``, and so is its own in-place twin; its derivative is
``phi_slope(v, y)``. tanh, arctan and sin are NumPy's own.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erfc, expit

from .activation import Array

# Constants are Python floats: they take the dtype of the array they meet. Temporaries are reused.
# np.negative(v, out=out) is avoided: where v and out both have a step of 8 elements (4 in float32),
# as single columns have, it reads the wrong elements (NumPy 2.2 and 2.4 on x86-64).


def identity_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1``, of ``phi(v) = v``."""
    return np.ones_like(y)


def logistic(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = 1 / (1 + exp(-v))``."""
    if v.size < 1000:
        return expit(v, out=out)
    # On larger arrays the vectorised exp is two to three times as fast as expit, with the same
    # relative accuracy in both tails; exp(-v) = inf rightly gives 0.
    with np.errstate(over="ignore"):
        out = np.multiply(v, -1.0, out=out)
        np.exp(out, out=out)
        out += 1.0
        return np.reciprocal(out, out=out)


def logistic_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = y (1 - y)``."""
    slope = 1.0 - y
    slope *= y
    return slope


def tanh_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1 - y^2``, of ``phi(v) = tanh(v)``."""
    slope = y * y
    return np.subtract(1.0, slope, slope)


def scaled_tanh(v: Array, out: Array | None = None, *, amplitude: float, slope: float) -> Array:
    """``phi(v) = amplitude tanh(slope v)`` (LeCun et al. 1998)."""
    out = np.multiply(v, slope, out=out)
    np.tanh(out, out=out)
    out *= amplitude
    return out


def scaled_tanh_slope(v: Array, y: Array, *, amplitude: float, slope: float) -> Array:
    """``phi'(v) = slope / amplitude (amplitude - y) (amplitude + y)``."""
    result = (amplitude - y) * (amplitude + y)
    result *= slope / amplitude
    return result


def relu(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = max(v, 0)``."""
    if v.size < 1000:
        return np.maximum(v, 0.0, out=out)
    # A row of zeros, because NumPy's maximum with a scalar does without SIMD: half the time.
    return np.maximum(v, np.zeros(v.shape[-1:], v.dtype), out=out)


def relu_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1`` where ``v > 0``, else 0."""
    if y.size < 200:  # one call for two, which are faster on many
        return np.heaviside(y, 0.0)
    return (y > 0.0).astype(y.dtype)


def leaky_relu(v: Array, out: Array | None = None, *, slope: float) -> Array:
    """``phi(v) = v`` where ``v > 0``, else ``slope v``."""
    return np.maximum(v, v * slope, out=out)


def leaky_relu_slope(v: Array, y: Array, *, slope: float) -> Array:
    """``phi'(v) = 1`` where ``v > 0``, else ``slope``."""
    one = y.dtype.type(1.0)
    return np.where(y > 0.0, one, y.dtype.type(slope))


def elu(v: Array, out: Array | None = None, *, alpha: float) -> Array:
    """``phi(v) = v`` where ``v > 0``, else ``alpha (exp(v) - 1)`` (Clevert et al. 2016)."""
    negative = np.minimum(v, 0.0)
    np.expm1(negative, out=negative)
    negative *= alpha
    out = np.maximum(v, 0.0, out=out)
    out += negative
    return out


def elu_slope(v: Array, y: Array, *, alpha: float) -> Array:
    """``phi'(v) = 1`` where ``v > 0``, else ``y + alpha``."""
    return np.where(y > 0.0, y.dtype.type(1.0), y + alpha)


# Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", NIPS 2017.
SELU_ALPHA = 1.6732632423543772


SELU_SCALE = 1.0507009873554805


def selu(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = scale elu(v)``, self-normalising (Klambauer et al. 2017).

    ``exp(v) - 1`` stands as it reads: exact to a rounding of its scale, near 0 too, where a neuron
    cannot tell it from expm1's value, which takes two to three times as long.
    """
    negative = np.minimum(v, 0.0)
    np.exp(negative, out=negative)
    negative -= 1.0
    negative *= SELU_SCALE * SELU_ALPHA
    out = np.maximum(v, 0.0, out=out)
    out *= SELU_SCALE
    out += negative
    return out


def selu_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = scale`` where ``v > 0``, else ``y + scale alpha``."""
    return np.where(y > 0.0, y.dtype.type(SELU_SCALE), y + SELU_SCALE * SELU_ALPHA)


def _normal_cdf(v: Array) -> Array:
    # erfc, unlike 1 + erf, keeps its relative accuracy in the lower tail.
    cdf = v * -math.sqrt(0.5)
    erfc(cdf, out=cdf)
    cdf *= 0.5
    return cdf


def gelu(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = v P(v)``, P being the normal distribution function (Hendrycks and Gimpel 2016)."""
    return np.multiply(v, _normal_cdf(v), out=out)


def gelu_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = P(v) + v p(v)``, p being the normal density."""
    density = gaussian(v * math.sqrt(0.5))
    density *= v
    density *= 1.0 / math.sqrt(2.0 * math.pi)
    density += _normal_cdf(v)
    return density


def silu(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = v logistic(v)`` (Elfwing et al. 2018)."""
    return np.multiply(v, logistic(v), out=out)


def silu_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = s + y (1 - s)``, ``s = logistic(v)``."""
    gate = logistic(v)
    slope = 1.0 - gate
    slope *= y
    slope += gate
    return slope


# tanh(log(1 + exp(v))) = n / (n + 2) with n = e (e + 2), e = exp(v): one exponential, where
# softplus and tanh take three, and exact in both tails. From v = 20 on it is 1 to the last bit, and
# n^2 does not overflow float32 before.
_MISH_ONE = 20.0


def mish(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = v tanh(log(1 + exp(v)))`` (Misra 2020)."""
    e = np.minimum(v, _MISH_ONE)
    np.exp(e, out=e)
    n = e + 2.0
    n *= e
    np.add(n, 2.0, out=e)
    n /= e
    return np.multiply(v, n, out=out)


def mish_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = n / (n + 2) + v 4 e (e + 1) / (n + 2)^2``, ``e = exp(v)``, ``n = e (e + 2)``."""
    bounded = np.minimum(v, _MISH_ONE)
    e = np.exp(bounded)
    n = e + 2.0
    n *= e
    slope = e + 1.0
    slope *= e
    slope *= 4.0
    slope *= bounded
    np.add(n, 2.0, out=e)
    slope /= e
    slope += n
    slope /= e
    return slope


def softplus(v: Array, out: Array | None = None, *, beta: float) -> Array:
    """``phi(v) = log(1 + exp(beta v)) / beta``."""
    # log(1 + exp(b v)) / b = max(v, 0) + log1p(exp(-|b v|)) / b: the exponent is never positive.
    soft = np.abs(v)
    soft *= -beta
    np.exp(soft, out=soft)
    np.log1p(soft, out=soft)
    soft *= 1.0 / beta
    out = np.maximum(v, 0.0, out=out)
    out += soft
    return out


def softplus_slope(v: Array, y: Array, *, beta: float) -> Array:
    """``phi'(v) = logistic(beta v)``."""
    slope = y * -beta
    np.expm1(slope, out=slope)
    slope *= -1.0
    return slope


def exp(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = exp(v)``."""
    with np.errstate(over="ignore"):  # inf is what it is; training refuses it
        return np.exp(v, out=out)


def exp_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = y``."""
    return y


def softsign(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = v / (1 + |v|)``."""
    scale = np.abs(v)
    scale += 1.0
    return np.divide(v, scale, out=out)


def softsign_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1 / (1 + |v|)^2``."""
    slope = np.abs(v)
    slope += 1.0
    np.reciprocal(slope, out=slope)
    slope *= slope
    return slope


def arctan_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1 / (1 + v^2)``, of ``phi(v) = arctan(v)``."""
    with np.errstate(over="ignore"):  # v * v = inf rightly gives 0
        slope = v * v
    slope += 1.0
    return np.reciprocal(slope, out=slope)


def sin_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = cos(v)``, of ``phi(v) = sin(v)``."""
    return np.cos(v)


def gaussian(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = exp(-v^2)``."""
    with np.errstate(over="ignore"):  # v * v = inf rightly gives 0
        out = np.multiply(v, v, out=out)
    out *= -1.0
    return np.exp(out, out=out)


def gaussian_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = -2 v y``."""
    slope = v * y
    slope *= -2.0
    return slope


def hard_tanh(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = v``, kept within -1 and 1."""
    return np.clip(v, -1.0, 1.0, out=out)


def hard_tanh_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1`` where ``|y| < 1``, else 0."""
    return (np.abs(y) < 1.0).astype(y.dtype)


def hard_sigmoid(v: Array, out: Array | None = None) -> Array:
    """``phi(v) = v / 6 + 1/2``, kept within 0 and 1."""
    out = np.multiply(v, 1.0 / 6.0, out=out)
    out += 0.5
    return np.clip(out, 0.0, 1.0, out=out)


def hard_sigmoid_slope(v: Array, y: Array) -> Array:
    """``phi'(v) = 1/6`` where ``0 < y < 1``, else 0."""
    slope = ((y > 0.0) & (y < 1.0)).astype(y.dtype)
    slope *= 1.0 / 6.0
    return slope


def row_max(a: Array) -> Array:
    """Largest entry of each row, (n,) of (n, k); a few times faster than ``a.max(axis=1)``."""
    return np.maximum.reduce(a.T.copy(), axis=0).T


def softmax(v: Array, out: Array | None = None) -> Array:
    """``phi_j(v) = exp(v_j) / sum_k exp(v_k)``."""
    out = np.subtract(v, row_max(v)[..., np.newaxis], out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def softmax_slope(v: Array, y: Array) -> Array:
    """Raise TypeError: each output depends on every v of its row."""
    raise TypeError(
        "softmax has no elementwise derivative: each output depends on every v of its row. "
        "Use delta(e, v, y), which applies its whole Jacobian."
    )
