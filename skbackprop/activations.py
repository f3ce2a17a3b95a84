"""Activation functions phi and their derivatives.

A neuron turns its induced local field ``v`` into its output ``y = phi(v)``. Back-propagation needs
the slope as well: the error signal ``e = -dE/dy`` becomes the local gradient
``delta = -dE/dv = e * phi'(v)``. An `Activation` holds the two as one pair, ``phi(v)`` and
``dphi(v, y)``: the derivative gets both the field and the output, and uses whichever is cheaper
(``1 - y**2`` for tanh).

All functions work on float arrays of any shape and keep the dtype they are given. Each built-in
function is written once, as ``phi(v, out=None)``, and so is its own in-place twin.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from numbers import Real
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, expit

from .registry import resolve

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Mixed",
    "check_activation",
    "elu",
    "leaky_relu",
    "resolve_activation",
    "scaled_tanh",
    "softplus",
]

Array = NDArray[Any]
_INF = math.inf


# Content equality ---------------------------------------------------------------------------------


def _same(a: Any, b: Any) -> bool:
    """Tell whether two values have the same content, also when one is a copy of the other."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, partial):
        return _same((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if isinstance(a, MethodType):
        return a.__func__ is b.__func__ and _same(a.__self__, b.__self__)
    if isinstance(a, FunctionType):
        # A function pickled by value (as joblib does with lambdas) comes back as another object.
        return _same(_function_content(a), _function_content(b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if type(a).__eq__ is object.__eq__ and hasattr(a, "__dict__"):
        return _same(vars(a), vars(b))
    return bool(a == b)


def _function_content(function: FunctionType) -> tuple[Any, ...]:
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return (
        function.__module__,
        function.__qualname__,
        function.__code__,
        function.__defaults__,
        function.__kwdefaults__,
        cells,
    )


# Validation ---------------------------------------------------------------------------------------


def _check_callable(value: Any, parameter: str, signature: tuple[str, ...]) -> None:
    """Refuse what cannot be called with the given arguments.

    A ufunc of one input would take the second argument for its `out` and overwrite it.
    """
    call = f"{parameter}({', '.join(signature)})"
    if not callable(value):
        raise TypeError(f"{parameter}={value!r} must be a function, called as {call}.")
    if isinstance(value, np.ufunc):
        fits = len(signature) == value.nin or (signature[-1] == "out" and value.nin == 1)
    else:
        try:
            inspect.signature(value).bind(*signature)
            fits = True
        except ValueError:  # a compiled function without a signature
            fits = True
        except TypeError:
            fits = False
    if not fits:
        raise TypeError(f"{parameter}={value!r} cannot be called as {call}.")


def _check_parameter(
    function: str,
    parameter: str,
    value: Any,
    *,
    low: float = 0.0,
    high: float = _INF,
    low_open: bool = False,
) -> float:
    """Return a parameter of a factory as a Python float, which never widens a float32 array."""
    left = "(" if low_open else "["
    right = ")" if high == _INF else "]"
    what = f"{function}: {parameter}={value!r} must be a finite number in {left}{low:g}, {high:g}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{what}{right}.")
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high or (low_open and number == low):
        raise ValueError(f"{what}{right}.")
    return number


# Activation ---------------------------------------------------------------------------------------


class Activation:
    r"""An elementwise activation function with its derivative.

    Parameters
    ----------
    phi : callable
        ``phi(v) -> y``, elementwise on a float array of any shape. Must not write into `v`.
    dphi : callable
        ``dphi(v, y) -> slope``: the derivative phi'(v), given both the induced local field `v` and
        the output ``y = phi(v)``. An array of the shape of `v`, or a scalar for a constant slope.
    phi_into : callable, default=None
        ``phi_into(v, out)``: the in-place twin of `phi`, which writes into `out`; `out` may be
        `v` itself. Without it the result of `phi` is copied.
    name : str, default=None
        Shown in messages; the name of the function `phi` by default.
    range : tuple (low, high), default=(-inf, inf)
        The bounds of phi.
    check : bool, default=True
        Whether `check_activation` compares `dphi` with `phi` when an estimator is fitted. Switch it
        off for a deliberate surrogate, such as a smooth slope for a step function.

    Raises
    ------
    TypeError
        If `phi`, `dphi` or `phi_into` is not a function of the arguments above.
    ValueError
        If `range` is not an interval.

    Notes
    -----
    An activation does not change after it is made. Two are equal if their functions (with the
    arguments of a `functools.partial`), names and ranges are; `check` plays no part. To be pickled,
    `phi` and `dphi` must be functions at the top level of a module, not lambdas.

    Examples
    --------
    >>> import numpy as np
    >>> def cube(v):
    ...     return v**3
    >>> def cube_slope(v, y):
    ...     return 3 * v**2
    >>> Activation(cube, cube_slope)
    Activation(phi=cube, dphi=cube_slope)
    """

    #: Whether y_j depends on v_j alone; if not, only `delta` gives the local gradient.
    elementwise: bool = True

    phi: Callable[..., Any]
    dphi: Callable[..., Any]
    phi_into: Callable[..., Any] | None
    name: str
    range: tuple[float, float]
    check: bool

    def __init__(
        self,
        phi: Callable[..., Any],
        dphi: Callable[..., Any],
        *,
        phi_into: Callable[..., Any] | None = None,
        name: str | None = None,
        range: tuple[float, float] = (-_INF, _INF),
        check: bool = True,
    ) -> None:
        _check_callable(phi, "phi", ("v",))
        _check_callable(dphi, "dphi", ("v", "y"))
        if phi_into is not None:
            _check_callable(phi_into, "phi_into", ("v", "out"))
        if name is None:
            name = _function_name(phi)
        if not isinstance(name, str):
            raise TypeError(f"name={name!r} must be a str.")
        try:
            low, high = (float(bound) for bound in range)
            valid = low < high
        except (TypeError, ValueError):
            valid = False
        if not valid:
            raise ValueError(f"range={range!r} must be a pair (low, high) with low < high.")
        self.__dict__.update(
            phi=phi, dphi=dphi, phi_into=phi_into, name=name, range=(low, high), check=bool(check)
        )

    def __setattr__(self, attribute: str, value: Any) -> None:
        """Refuse: an activation may be shared by many estimators."""
        raise AttributeError(f"{attribute!r} cannot be set: make a new {type(self).__name__}.")

    def __delattr__(self, attribute: str) -> None:
        """Refuse, as `__setattr__` does."""
        raise AttributeError(f"{attribute!r} cannot be deleted.")

    @property
    def parameters(self) -> dict[str, Any]:
        """The keyword arguments that `phi` is bound to, such as ``{"slope": 0.01}``."""
        return dict(self.phi.keywords) if isinstance(self.phi, partial) else {}

    def into(self, v: Array, out: Array) -> Array:
        """Write ``phi(v)`` into `out`, which may be `v` itself, and return `out`."""
        if self.phi_into is not None:
            self.phi_into(v, out)
        else:
            out[...] = self.phi(v)
        return out

    def delta(self, e: Array, v: Array, y: Array, out: Array | None = None) -> Array:
        """Local gradient ``delta = -dE/dv = e * phi'(v)``.

        Parameters
        ----------
        e : ndarray
            Error signal ``-dE/dy``.
        v : ndarray
            Induced local field, of the shape of `e`.
        y : ndarray
            Output ``phi(v)``.
        out : ndarray, default=None
            Where to write the result; may be `e` itself.

        Returns
        -------
        ndarray
            `out`, or a new array of the shape and dtype of `e`.
        """
        if out is None:
            out = np.empty_like(e)
        # Multiplying into `out` keeps float32 where a custom dphi answers in float64.
        return np.multiply(e, self.dphi(v, y), out)

    def _content(self) -> tuple[Any, ...]:
        return self.phi, self.dphi, self.phi_into, self.name, self.range

    def __eq__(self, other: object) -> bool:
        """Compare by content, so that a copy or an unpickled activation equals its origin."""
        if self is other:
            return True
        if not isinstance(other, Activation):
            return NotImplemented
        return type(self) is type(other) and _same(self._content(), other._content())

    def __hash__(self) -> int:
        """Hash what equal activations have in common and every copy keeps."""
        return hash((type(self), self.name, self.range))

    def __repr__(self) -> str:
        """Show the expression that makes this activation."""
        registered = ACTIVATIONS.get(self.name)
        if registered is not None and not isinstance(registered, Mixed):
            if registered._content() == self._content():
                known = True
            else:
                known = _unbound(self.phi) is _unbound(registered.phi) and bool(self.parameters)
            if known and self.parameters:
                settings = ", ".join(f"{key}={value!r}" for key, value in self.parameters.items())
                return f"{self.name}({settings})"
            if known:
                return f"ACTIVATIONS[{self.name!r}]"
        shown = [f"phi={_shown(self.phi)}", f"dphi={_shown(self.dphi)}"]
        if self.phi_into is not None:
            shown.append(f"phi_into={_shown(self.phi_into)}")
        if self.name != _function_name(self.phi):
            shown.append(f"name={self.name!r}")
        if self.range != (-_INF, _INF):
            shown.append(f"range={self.range!r}")
        if not self.check:
            shown.append("check=False")
        return f"{type(self).__name__}({', '.join(shown)})"


def _unbound(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.func if isinstance(function, partial) else function


def _function_name(function: Callable[..., Any]) -> str:
    function = _unbound(function)
    return str(getattr(function, "__name__", type(function).__name__))


def _shown(function: Callable[..., Any]) -> str:
    """Name a function without the memory address of its repr."""
    name = _function_name(function)
    if isinstance(function, partial):
        arguments = [repr(value) for value in function.args]
        arguments += [f"{key}={value!r}" for key, value in function.keywords.items()]
        return f"partial({', '.join([name, *arguments])})"
    return name


# The built-in functions ---------------------------------------------------------------------------
# Constants are Python floats: they take the dtype of the array they meet. Temporaries are reused.
# np.negative(v, out=out) is avoided: where v and out both have a step of 8 elements (4 in float32),
# as single columns have, it reads the wrong elements (NumPy 2.2 and 2.4 on x86-64).


def _identity_slope(v: Array, y: Array) -> Array:
    return np.ones_like(y)


def _logistic(v: Array, out: Array | None = None) -> Array:
    if v.size < 1000:
        return expit(v, out=out)
    # On larger arrays the vectorised exp is two to three times as fast as expit, with the same
    # relative accuracy in both tails; exp(-v) = inf rightly gives 0.
    with np.errstate(over="ignore"):
        out = np.multiply(v, -1.0, out=out)
        np.exp(out, out=out)
        out += 1.0
        return np.reciprocal(out, out=out)


def _logistic_slope(v: Array, y: Array) -> Array:
    slope = 1.0 - y
    slope *= y
    return slope


def _tanh_slope(v: Array, y: Array) -> Array:
    slope = y * y
    return np.subtract(1.0, slope, slope)


def _scaled_tanh(v: Array, out: Array | None = None, *, amplitude: float, slope: float) -> Array:
    out = np.multiply(v, slope, out=out)
    np.tanh(out, out=out)
    out *= amplitude
    return out


def _scaled_tanh_slope(v: Array, y: Array, *, amplitude: float, slope: float) -> Array:
    result = (amplitude - y) * (amplitude + y)
    result *= slope / amplitude
    return result


def _relu(v: Array, out: Array | None = None) -> Array:
    if v.size < 1000:
        return np.maximum(v, 0.0, out=out)
    # A row of zeros, because NumPy's maximum with a scalar does without SIMD: half the time.
    return np.maximum(v, np.zeros(v.shape[-1:], v.dtype), out=out)


def _relu_slope(v: Array, y: Array) -> Array:
    return (y > 0.0).astype(y.dtype)


def _leaky_relu(v: Array, out: Array | None = None, *, slope: float) -> Array:
    return np.maximum(v, v * slope, out=out)


def _leaky_relu_slope(v: Array, y: Array, *, slope: float) -> Array:
    one = y.dtype.type(1.0)
    return np.where(y > 0.0, one, y.dtype.type(slope))


def _elu(v: Array, out: Array | None = None, *, alpha: float) -> Array:
    negative = np.minimum(v, 0.0)
    np.expm1(negative, out=negative)
    negative *= alpha
    out = np.maximum(v, 0.0, out=out)
    out += negative
    return out


def _elu_slope(v: Array, y: Array, *, alpha: float) -> Array:
    return np.where(y > 0.0, y.dtype.type(1.0), y + alpha)


# Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", NIPS 2017.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def _selu(v: Array, out: Array | None = None) -> Array:
    out = _elu(v, out, alpha=_SELU_ALPHA)
    out *= _SELU_SCALE
    return out


def _selu_slope(v: Array, y: Array) -> Array:
    return np.where(y > 0.0, y.dtype.type(_SELU_SCALE), y + _SELU_SCALE * _SELU_ALPHA)


def _normal_cdf(v: Array) -> Array:
    # erfc, unlike 1 + erf, keeps its relative accuracy in the lower tail.
    cdf = v * -math.sqrt(0.5)
    erfc(cdf, out=cdf)
    cdf *= 0.5
    return cdf


def _gelu(v: Array, out: Array | None = None) -> Array:
    return np.multiply(v, _normal_cdf(v), out=out)


def _gelu_slope(v: Array, y: Array) -> Array:
    density = _gaussian(v * math.sqrt(0.5))
    density *= v
    density *= 1.0 / math.sqrt(2.0 * math.pi)
    density += _normal_cdf(v)
    return density


def _silu(v: Array, out: Array | None = None) -> Array:
    return np.multiply(v, _logistic(v), out=out)


def _silu_slope(v: Array, y: Array) -> Array:
    gate = _logistic(v)
    slope = 1.0 - gate
    slope *= y
    slope += gate
    return slope


def _mish(v: Array, out: Array | None = None) -> Array:
    gate = _softplus(v, beta=1.0)
    np.tanh(gate, out=gate)
    return np.multiply(v, gate, out=out)


def _mish_slope(v: Array, y: Array) -> Array:
    gate = _softplus(v, beta=1.0)
    np.tanh(gate, out=gate)
    slope = gate * gate
    np.subtract(1.0, slope, out=slope)
    slope *= _logistic(v)
    slope *= v
    slope += gate
    return slope


def _softplus(v: Array, out: Array | None = None, *, beta: float) -> Array:
    # log(1 + exp(b v)) / b = max(v, 0) + log1p(exp(-|b v|)) / b: the exponent is never positive.
    soft = np.abs(v)
    soft *= -beta
    np.exp(soft, out=soft)
    np.log1p(soft, out=soft)
    soft *= 1.0 / beta
    out = np.maximum(v, 0.0, out=out)
    out += soft
    return out


def _softplus_slope(v: Array, y: Array, *, beta: float) -> Array:
    slope = y * -beta
    np.expm1(slope, out=slope)
    slope *= -1.0
    return slope


def _exp(v: Array, out: Array | None = None) -> Array:
    with np.errstate(over="ignore"):  # inf is what it is; training refuses it
        return np.exp(v, out=out)


def _exp_slope(v: Array, y: Array) -> Array:
    return y


def _softsign(v: Array, out: Array | None = None) -> Array:
    scale = np.abs(v)
    scale += 1.0
    return np.divide(v, scale, out=out)


def _softsign_slope(v: Array, y: Array) -> Array:
    slope = np.abs(v)
    slope += 1.0
    np.reciprocal(slope, out=slope)
    slope *= slope
    return slope


def _arctan_slope(v: Array, y: Array) -> Array:
    with np.errstate(over="ignore"):  # v * v = inf rightly gives 0
        slope = v * v
    slope += 1.0
    return np.reciprocal(slope, out=slope)


def _sin_slope(v: Array, y: Array) -> Array:
    return np.cos(v)


def _gaussian(v: Array, out: Array | None = None) -> Array:
    with np.errstate(over="ignore"):  # v * v = inf rightly gives 0
        out = np.multiply(v, v, out=out)
    out *= -1.0
    return np.exp(out, out=out)


def _gaussian_slope(v: Array, y: Array) -> Array:
    slope = v * y
    slope *= -2.0
    return slope


def _hard_tanh(v: Array, out: Array | None = None) -> Array:
    return np.clip(v, -1.0, 1.0, out=out)


def _hard_tanh_slope(v: Array, y: Array) -> Array:
    return (np.abs(y) < 1.0).astype(y.dtype)


def _hard_sigmoid(v: Array, out: Array | None = None) -> Array:
    out = np.multiply(v, 1.0 / 6.0, out=out)
    out += 0.5
    return np.clip(out, 0.0, 1.0, out=out)


def _hard_sigmoid_slope(v: Array, y: Array) -> Array:
    slope = ((y > 0.0) & (y < 1.0)).astype(y.dtype)
    slope *= 1.0 / 6.0
    return slope


def row_max(a: Array) -> Array:
    """Largest entry of each row, (n,) of (n, k); a few times faster than ``a.max(axis=1)``."""
    return np.maximum.reduce(np.ascontiguousarray(a.T), axis=0).T


def _softmax(v: Array, out: Array | None = None) -> Array:
    out = np.subtract(v, row_max(v)[..., np.newaxis], out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def _softmax_slope(v: Array, y: Array) -> Array:
    raise TypeError(
        "softmax has no elementwise derivative: each output depends on every v of its row. "
        "Use delta(e, v, y), which applies its whole Jacobian."
    )


class _Softmax(Activation):
    """Softmax over the last axis: ``y_j = exp(v_j) / sum_k exp(v_k)``."""

    elementwise = False

    def delta(self, e: Array, v: Array, y: Array, out: Array | None = None) -> Array:
        """Local gradient ``delta_j = y_j * (e_j - sum_k e_k y_k)``, the Jacobian times `e`."""
        mean = np.einsum("...k,...k->...", e, y)[..., np.newaxis]
        out = np.subtract(e, mean, out=out)
        out *= y
        return out


# Factories ----------------------------------------------------------------------------------------


def _built_in(
    name: str,
    phi: Callable[..., Any],
    dphi: Callable[..., Any],
    range: tuple[float, float],
    kind: type[Activation] = Activation,
    **parameters: float,
) -> Activation:
    if parameters:
        phi, dphi = partial(phi, **parameters), partial(dphi, **parameters)
    # The registry is tested as a whole: checking its members again at every fit is waste.
    return kind(phi, dphi, phi_into=phi, name=name, range=range, check=False)


def leaky_relu(slope: float = 0.01) -> Activation:
    """Leaky rectifier: ``phi(v) = v`` for v > 0, ``slope * v`` elsewhere.

    Parameters
    ----------
    slope : float in [0, 1], default=0.01
        Slope for negative `v`.

    Returns
    -------
    Activation

    Raises
    ------
    TypeError, ValueError
        If `slope` is not a number in [0, 1].
    """
    slope = _check_parameter("leaky_relu", "slope", slope, high=1.0)
    low = -_INF if slope > 0.0 else 0.0
    return _built_in("leaky_relu", _leaky_relu, _leaky_relu_slope, (low, _INF), slope=slope)


def elu(alpha: float = 1.0) -> Activation:
    """Exponential linear unit: ``phi(v) = v`` for v > 0, ``alpha * (exp(v) - 1)`` elsewhere.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        The limit of ``-phi(v)`` for v -> -inf. The slope is continuous for ``alpha=1`` only.

    Returns
    -------
    Activation

    Raises
    ------
    TypeError, ValueError
        If `alpha` is not a finite number >= 0.

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
    Linear Units (ELUs)", ICLR 2016.
    """
    alpha = _check_parameter("elu", "alpha", alpha)
    return _built_in("elu", _elu, _elu_slope, (-alpha, _INF), alpha=alpha)


def scaled_tanh(amplitude: float = 1.7159, slope: float = 2.0 / 3.0) -> Activation:
    """Scaled hyperbolic tangent: ``phi(v) = amplitude * tanh(slope * v)``.

    With the default parameters phi(+-1) = +-1 and the gain near 0 is about 1.

    Parameters
    ----------
    amplitude : float > 0, default=1.7159
        The limit of phi for v -> inf.
    slope : float > 0, default=2/3
        The factor of `v`; phi'(0) is ``amplitude * slope``.

    Returns
    -------
    Activation

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a finite number > 0.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998.
    """
    amplitude = _check_parameter("scaled_tanh", "amplitude", amplitude, low_open=True)
    slope = _check_parameter("scaled_tanh", "slope", slope, low_open=True)
    return _built_in(
        "scaled_tanh",
        _scaled_tanh,
        _scaled_tanh_slope,
        (-amplitude, amplitude),
        amplitude=amplitude,
        slope=slope,
    )


def softplus(beta: float = 1.0) -> Activation:
    """Softplus: ``phi(v) = log(1 + exp(beta * v)) / beta``.

    Parameters
    ----------
    beta : float > 0, default=1.0
        Sharpness: the larger, the closer to relu.

    Returns
    -------
    Activation

    Raises
    ------
    TypeError, ValueError
        If `beta` is not a finite number > 0.
    """
    beta = _check_parameter("softplus", "beta", beta, low_open=True)
    return _built_in("softplus", _softplus, _softplus_slope, (0.0, _INF), beta=beta)


#: The built-in activations by name. gelu is the exact one (with erf), not its tanh approximation;
#: hard_sigmoid is ``clip(v / 6 + 1 / 2, 0, 1)``; gaussian is ``exp(-v**2)``.
ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        _built_in("identity", np.positive, _identity_slope, (-_INF, _INF)),
        _built_in("logistic", _logistic, _logistic_slope, (0.0, 1.0)),
        _built_in("tanh", np.tanh, _tanh_slope, (-1.0, 1.0)),
        scaled_tanh(),
        _built_in("relu", _relu, _relu_slope, (0.0, _INF)),
        leaky_relu(),
        elu(),
        _built_in("selu", _selu, _selu_slope, (-_SELU_SCALE * _SELU_ALPHA, _INF)),
        # The lower bounds of gelu, silu and mish are the values at their one minimum.
        _built_in("gelu", _gelu, _gelu_slope, (-0.16997120747990369, _INF)),
        _built_in("silu", _silu, _silu_slope, (-0.27846454276107380, _INF)),
        _built_in("mish", _mish, _mish_slope, (-0.30884341301725043, _INF)),
        softplus(),
        _built_in("exp", _exp, _exp_slope, (0.0, _INF)),
        _built_in("softsign", _softsign, _softsign_slope, (-1.0, 1.0)),
        _built_in("arctan", np.arctan, _arctan_slope, (-math.pi / 2, math.pi / 2)),
        _built_in("sin", np.sin, _sin_slope, (-1.0, 1.0)),
        _built_in("gaussian", _gaussian, _gaussian_slope, (0.0, 1.0)),
        _built_in("hard_tanh", _hard_tanh, _hard_tanh_slope, (-1.0, 1.0)),
        _built_in("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_slope, (0.0, 1.0)),
        _built_in("softmax", _softmax, _softmax_slope, (0.0, 1.0), kind=_Softmax),
    )
}


def resolve_activation(value: str | Activation, parameter: str = "activation") -> Activation:
    """Return the `Activation` that a name stands for, or an `Activation` as it is.

    Parameters
    ----------
    value : str or Activation
        A name of `ACTIVATIONS`, or an activation.
    parameter : str, default="activation"
        Whose value it is, for the error message.

    Returns
    -------
    Activation

    Raises
    ------
    ValueError
        If the name is not known; the message lists the names.
    TypeError
        If `value` is something else, such as a bare function.
    """
    return resolve(value, ACTIVATIONS, Activation, parameter)


# Mixed --------------------------------------------------------------------------------------------


class Mixed(Activation):
    """Different activations for the neurons of one layer.

    Parameters
    ----------
    activations : sequence of str or Activation
        One entry per neuron of the layer: a name of `ACTIVATIONS` or an `Activation`. Softmax is
        refused, as it is no function of one neuron.

    Attributes
    ----------
    activations : tuple of Activation
        The activation of each neuron.
    n_units : int
        The number of neurons.

    Raises
    ------
    TypeError, ValueError
        If an entry is no activation of a single neuron, or there is none.

    Examples
    --------
    >>> layer = Mixed(["tanh"] * 3 + ["relu"] * 2)
    >>> layer
    Mixed(['tanh'] * 3 + ['relu'] * 2)
    >>> layer.n_units
    5
    """

    activations: tuple[Activation, ...]
    n_units: int
    _groups: list[tuple[Activation, Any]]

    def __init__(self, activations: Sequence[str | Activation]) -> None:
        if isinstance(activations, (str, Activation)) or not hasattr(activations, "__iter__"):
            raise TypeError(
                f"Mixed: activations={activations!r} must be a sequence with one name or "
                "Activation per neuron."
            )
        members = []
        for j, value in enumerate(activations):
            member = resolve(value, ACTIVATIONS, Activation, f"activations[{j}]")
            if isinstance(member, Mixed) or not member.elementwise:
                raise ValueError(
                    f"Mixed: activations[{j}]={value!r} is not a function of one neuron; give an "
                    "elementwise activation (softmax and Mixed hold for a whole layer)."
                )
            members.append(member)
        if not members:
            raise ValueError("Mixed: activations is empty; give one name or Activation per neuron.")
        units: dict[Activation, list[int]] = {}
        for j, member in enumerate(members):
            units.setdefault(member, []).append(j)
        self.__dict__.update(
            activations=tuple(members),
            n_units=len(members),
            phi_into=None,
            name="mixed",
            range=(
                min(member.range[0] for member in members),
                max(member.range[1] for member in members),
            ),
            check=any(member.check for member in members),
            _groups=[(member, _columns(indices)) for member, indices in units.items()],
        )

    def _blocks(self, *arrays: Array) -> Iterator[tuple[Activation, Any]]:
        """Yield each distinct activation with the columns of its neurons."""
        for array in arrays:
            if array.ndim == 0 or array.shape[-1] != self.n_units:
                raise ValueError(
                    f"This Mixed activation is for a layer of {self.n_units} neurons, "
                    f"but got an array of shape {array.shape}."
                )
        yield from self._groups

    def into(self, v: Array, out: Array) -> Array:
        """Write ``phi(v)`` into `out`, which may be `v` itself, and return `out`."""
        for activation, columns in self._blocks(v, out):
            block = _take(v, columns)
            out[..., columns] = activation.into(block, block)
        return out

    def phi(self, v: Array) -> Array:
        """Output ``y_j = phi_j(v_j)`` of each neuron, in an array of the shape of `v`."""
        return self.into(v, np.empty_like(v))

    def dphi(self, v: Array, y: Array) -> Array:
        """Slope ``phi_j'(v_j)`` of each neuron, in an array of the shape of `v`."""
        slope = np.empty_like(v)
        for activation, columns in self._blocks(v, y):
            slope[..., columns] = activation.dphi(_take(v, columns), _take(y, columns))
        return slope

    @property
    def parameters(self) -> dict[str, Any]:
        """Empty: each of `activations` has its own parameters."""
        return {}

    def _content(self) -> tuple[Any, ...]:
        return self.activations

    def __hash__(self) -> int:
        """Hash the activations of all neurons."""
        return hash((type(self), self.activations))

    def __repr__(self) -> str:
        """Show the expression that makes this activation, runs of equal neurons together."""
        parts = []
        for member, run in groupby(self.activations):
            shown = repr(member.name) if ACTIVATIONS.get(member.name) == member else repr(member)
            length = len(list(run))
            parts.append(f"[{shown}]" + (f" * {length}" if length > 1 else ""))
        return f"Mixed({' + '.join(parts)})"


def _columns(indices: list[int]) -> slice | NDArray[np.intp]:
    """Return evenly spaced indices as a slice, which is faster, and others as an array."""
    steps = set(np.diff(indices).tolist())
    if len(steps) > 1:
        return np.array(indices)
    step = steps.pop() if steps else 1
    return slice(indices[0], indices[-1] + 1, step)


def _take(array: Array, columns: slice | NDArray[np.intp]) -> Array:
    """Copy columns into a contiguous block, on which NumPy's vector loops run at full speed."""
    if isinstance(columns, slice):
        return array[..., columns].copy()
    return array.take(columns, axis=-1)


# The check of custom activations ------------------------------------------------------------------


def check_activation(activation: Activation, *, force: bool = False) -> None:
    """Check that a custom activation is sound and that its `dphi` is the derivative of its `phi`.

    `dphi` is compared with difference quotients of `phi` in float64 at 0 and at 200 points of
    [-8, 8]. Where phi has a kink or a jump, any value between its one-sided slopes is right. In
    addition `phi` and `dphi` must be elementwise, finite, of the right shape, and leave their
    arguments alone; `phi_into` must do what `phi` does.

    Parameters
    ----------
    activation : Activation
        For a `Mixed`, each distinct member is checked.
    force : bool, default=False
        Check also what was made with ``check=False``, such as the built-in activations.

    Raises
    ------
    ValueError
        If something is wrong; the message shows where. Nothing happens if `activation.check` is
        False, or for an activation that is not elementwise.
    """
    if isinstance(activation, Mixed):
        checked: set[Activation] = set()
        for j, member in enumerate(activation.activations):
            if member in checked or not (member.check or force):
                continue
            checked.add(member)
            try:
                check_activation(member, force=force)
            except ValueError as error:
                raise ValueError(f"Mixed: activations[{j}]: {error}") from error
        return
    if not activation.elementwise or not (activation.check or force):
        return
    # What overflows on the way to a finite result is not the business of this check.
    with np.errstate(all="ignore"):
        v = _grid()
        y = _call(activation, "phi", v)
        slope = _call(activation, "dphi", v, y)
        _check_elementwise(activation, v, y, slope)
        _check_into(activation, v, y)
        _check_slope(activation, v, y, slope)
        _check_single_precision(activation, v)


def _grid() -> Array:
    """Return 201 points in an array of 67 rows; apart from 0, none is a likely place of a kink."""
    return np.insert(np.linspace(-7.97, 7.97, 200), 100, 0.0).reshape(67, 3)


def _complain(activation: Activation, problem: str) -> ValueError:
    return ValueError(f"Activation {activation.name!r}: {problem}")


def _call(activation: Activation, function: str, *arguments: Array) -> Array:
    """Call phi or dphi on copies and check all that can be checked about one call."""
    call = "phi(v)" if function == "phi" else "dphi(v, y)"
    v = arguments[0]
    given = [argument.copy() for argument in arguments]
    try:
        result = np.array(getattr(activation, function)(*given))
    except Exception as error:
        error.add_note(f"Raised by {call} of activation {activation.name!r}, v.shape={v.shape}.")
        raise
    for symbol, before, after in zip("vy", arguments, given, strict=False):
        if not np.array_equal(before, after):
            raise _complain(activation, f"{call} writes into its argument {symbol}; return a copy.")
    if result.dtype.kind not in "fiub":
        raise _complain(activation, f"{call} returns dtype {result.dtype}, not real numbers.")
    if function == "dphi" and result.ndim == 0:
        result = np.full(v.shape, result)  # a constant slope
    if result.shape != v.shape:
        raise _complain(
            activation,
            f"{call} returns shape {result.shape} for v of shape {v.shape}; it must be the same.",
        )
    finite = np.isfinite(result)
    if not finite.all():
        where = ~finite
        raise _complain(
            activation, f"{call} is not finite: {result[where][0]:g} at v={v[where][0]:.6g}."
        )
    return result


def _close(a: Array, b: Array) -> bool:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-7 * np.abs(b).max(initial=0.0)))


def _check_elementwise(activation: Activation, v: Array, y: Array, slope: Array) -> None:
    """Compare with the same numbers in other surroundings: another order, shape and row count."""

    def rearranged(array: Array) -> list[Array]:
        return [array.ravel()[::-1].reshape(3, 67), array[20:21], array[:, 2:], array[40:41, 1:2]]

    for some_v, some_y, some_slope in zip(
        rearranged(v), rearranged(y), rearranged(slope), strict=True
    ):
        for call, expected, result in (
            ("phi(v)", some_y, _call(activation, "phi", some_v)),
            ("dphi(v, y)", some_slope, _call(activation, "dphi", some_v, some_y)),
        ):
            if not _close(result, expected):
                raise _complain(
                    activation,
                    f"{call} is not elementwise: the same v gives other values among other "
                    f"neurons or rows (array of shape {some_v.shape} against {v.shape}).",
                )


def _check_into(activation: Activation, v: Array, y: Array) -> None:
    if activation.phi_into is None:
        return
    given, out = v.copy(), np.full_like(v, np.nan)
    activation.phi_into(given, out)
    if not np.array_equal(given, v):
        raise _complain(activation, "phi_into(v, out) writes into v.")
    in_place = v.copy()
    activation.phi_into(in_place, in_place)
    for result, call in ((out, "phi_into(v, out)"), (in_place, "phi_into(v, v)")):
        if not _close(result, y):
            # A result that is not written at all is nan, the farthest of all.
            distance = np.nan_to_num(np.abs(result - y), nan=_INF).ravel()
            worst = int(np.argmax(distance))
            raise _complain(
                activation,
                f"{call} contradicts phi(v): at v={v.flat[worst]:.6g} it gives "
                f"{result.flat[worst]:.6g}, phi gives {y.flat[worst]:.6g}.",
            )


def _check_slope(activation: Activation, v: Array, y: Array, slope: Array) -> None:
    """Compare dphi with difference quotients of phi."""
    low, high, numeric, tolerance = _difference_quotients(activation, v, y)

    def wrong(slope: Array) -> NDArray[np.bool_]:
        allowed = tolerance(slope)
        return (slope < low - allowed) | (slope > high + allowed)

    slope = slope.astype(np.float64)
    bad = wrong(slope)
    if not bad.any():
        return
    where = v[bad]
    worst = int(np.argmax(np.where(bad, np.abs(slope - numeric), -1.0)))
    side = ""
    if where.max() < 0 or where.min() > 0:
        side = f" (all with v {'<' if where.max() < 0 else '>'} 0)"
    hint = ""
    try:
        swapped = _call(activation, "dphi", y.astype(np.float64), v).astype(np.float64)
        if not wrong(swapped).any():
            hint = " It would be right with v and y exchanged: dphi is called as dphi(v, y)."
    except Exception:  # noqa: S110 - only the search for a hint failed
        pass
    raise _complain(
        activation,
        f"dphi contradicts phi at {bad.sum()} of {bad.size} points{side}: at "
        f"v={v.flat[worst]:.6g}, dphi(v, y)={slope.flat[worst]:.6g}, but the numeric slope of phi "
        f"is {numeric.flat[worst]:.6g}.{hint} Correct dphi, or give check=False if the difference "
        "is meant (a surrogate slope).",
    )


def _difference_quotients(
    activation: Activation, v: Array, y: Array
) -> tuple[Array, Array, Array, Callable[[Array], Array]]:
    """Return the least and greatest one-sided slope, the central one, and the tolerance."""
    dtype = y.dtype if y.dtype.kind == "f" else np.dtype(np.float64)
    if dtype == np.float64 and np.array_equal(y, y.astype(np.float32)):
        dtype = np.dtype(np.float32)  # computed in single precision, whatever it is kept in
    eps = float(np.finfo(dtype).eps)
    y = y.astype(np.float64)
    width = eps ** (1 / 3)

    def phi(v: Array) -> Array:
        return _call(activation, "phi", v).astype(np.float64)

    above, below = v + width, v - width
    y_above, y_below = phi(above), phi(below)
    forward = (y_above - y) / (above - v)
    backward = (y - y_below) / (v - below)
    central = (y_above - y_below) / (above - below)
    above, below = v + 2 * width, v - 2 * width
    coarse = (phi(above) - phi(below)) / (above - below)
    # Two step widths disagree by three times the truncation error, and at a kink nearby by much.
    truncation = 4 * np.abs(coarse - central)
    rounding = 16 * eps * np.maximum(np.abs(y), np.maximum(np.abs(y_above), np.abs(y_below)))
    absolute = truncation + rounding / width
    # At a jump or a vertical tangent the quotients grow without end as the step shrinks: there phi
    # has no slope that dphi could miss. If that is so at many points, phi is merely steep.
    endless = np.abs(central) - np.abs(coarse) > 0.1 * np.abs(central) + rounding / width
    if endless.sum() <= 10:
        absolute[endless] = np.inf
    relative = max(1e-4, 3 * math.sqrt(eps))

    def tolerance(slope: Array) -> Array:
        return absolute + relative * np.maximum(np.abs(slope), np.abs(central))

    low = np.minimum(np.minimum(forward, backward), central)
    high = np.maximum(np.maximum(forward, backward), central)
    return low, high, central, tolerance


def _check_single_precision(activation: Activation, v: Array) -> None:
    """Run what a network runs on float32 data."""
    v = v.astype(np.float32)
    y = activation.into(v, np.full_like(v, np.nan))
    if not np.isfinite(y).all():
        where = v[~np.isfinite(y)]
        raise _complain(activation, f"phi(v) is not finite for float32 at v={where[0]:.6g}.")
    _call(activation, "dphi", v, y)
