"""Functions that JavaScript or ONNX has not, composed of those that it has.

They are NumPy functions, to be traced like an activation. Their errors are measured in the tests.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import Chebyshev
from scipy import special

__all__ = ["arctan", "cosh", "erf", "erfc", "expm1", "hypot", "log1p", "sinh", "tan"]

_MIDDLE, _DEGREE = 2.0, 24
_SPLIT = 2.0**27 + 1.0  # Dekker's: what is left of x times this, less the rest, has half its digits
_FARTHEST = 27.3  # from there on erfc is 0 in double precision


def _fitted() -> list[float]:
    """The coefficients of ``(1 + 2 x) exp(x^2) erfc(x)``, x >= 0, in t = (x - m) / (x + m).

    The form is that of Shepherd and Laframboise (Mathematics of Computation 36, 1981): smooth, and
    without a zero, from x = 0 to infinity.
    """

    def scaled(t):
        x = _MIDDLE * (1.0 + t) / np.maximum(1.0 - t, 1e-300)
        return (1.0 + 2.0 * x) * special.erfcx(x)

    return Chebyshev.interpolate(scaled, _DEGREE).coef.tolist()


_COEFFICIENTS = _fitted()


def erfc(x):
    """``1 - erf(x)``, by a Chebyshev series, exact in the tail too."""
    a = np.minimum(np.abs(x), _FARTHEST)
    t = (a - _MIDDLE) / (a + _MIDDLE)
    last, before = 0.0 * t, 0.0 * t  # Clenshaw's recurrence
    for c in _COEFFICIENTS[:0:-1]:
        last, before = 2.0 * t * last - before + c, last
    series = (t * last - before + _COEFFICIENTS[0]) / (1.0 + 2.0 * a)
    # exp(-a^2) in two parts, of which the first is exact in its argument.
    c = _SPLIT * a
    high = c - (c - a)
    tail = series * np.exp(-high * high) * np.exp((high - a) * (high + a))
    return np.where(x < 0.0, 2.0 - tail, tail)


def erf(x):
    """``2 / sqrt(pi) int_0^x exp(-t^2) dt``: by its series near 0, elsewhere ``1 - erfc(x)``."""
    square = np.minimum(x * x, 1.0)
    series = 0.0 * square
    for n in range(17, -1, -1):
        series = series * square + (-1.0) ** n / (math.factorial(n) * (2 * n + 1))
    return np.where(np.abs(x) < 0.5, 2.0 / math.sqrt(math.pi) * x * series, 1.0 - erfc(x))


def expm1(x):
    """``exp(x) - 1``, as ``2 q / (1 - q)`` with ``q = tanh(x / 2)`` where x is small."""
    near = np.clip(x, -1.0, 1.0)
    q = np.tanh(0.5 * near)
    return np.where(np.abs(x) < 1.0, 2.0 * q / (1.0 - q), np.exp(x) - 1.0)


def log1p(x):
    """``log(1 + x)``, the rounding of 1 + x made up for (Kahan)."""
    u = 1.0 + x
    rest = u - 1.0
    corrected = np.log(u) * x / np.where(rest == 0.0, 1.0, rest)
    return np.where(rest == 0.0, x, np.where(x > 1e15, np.log(u), corrected))


def arctan(x):
    """``arctan(x)``: of 1 / x beyond 1, twice of half the angle, and a series."""
    a = np.abs(x)
    inner = np.where(a > 1.0, 1.0 / np.maximum(a, 1.0), a)
    for _ in range(2):
        inner = inner / (1.0 + np.sqrt(1.0 + inner * inner))
    square, series = inner * inner, 0.0 * inner
    for n in range(12, -1, -1):
        series = series * square + (-1.0) ** n / (2 * n + 1)
    angle = 4.0 * inner * series
    angle = np.where(a > 1.0, math.pi / 2 - angle, angle)
    return np.where(x < 0.0, -angle, angle)


def sinh(x):
    """``(exp(x) - exp(-x)) / 2``, by expm1."""
    a = np.abs(x)
    e = expm1(np.minimum(a, 20.0))
    s = np.where(a < 20.0, 0.5 * (e + e / (e + 1.0)), 0.5 * np.exp(a))
    return np.where(x < 0.0, -s, s)


def cosh(x):
    """``(exp(x) + exp(-x)) / 2``."""
    return 0.5 * (np.exp(x) + np.exp(-x))


def tan(x):
    """``sin(x) / cos(x)``."""
    return np.sin(x) / np.cos(x)


def hypot(a, b):
    """``sqrt(a^2 + b^2)``."""
    return np.sqrt(a * a + b * b)
