"""The built-in activations by name, and those with parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np

from . import functions
from .activation import ACTIVATIONS, INF, Activation, Array

__all__ = ["built_in", "elu", "leaky_relu", "scaled_tanh", "softplus"]


def _check_parameter(
    function: str,
    parameter: str,
    value: Any,
    *,
    low: float = 0.0,
    high: float = INF,
    low_open: bool = False,
) -> float:
    """Return a parameter of a factory as a Python float, which never widens a float32 array."""
    left = "(" if low_open else "["
    right = ")" if high == INF else "]"
    what = f"{function}: {parameter}={value!r} must be a finite number in {left}{low:g}, {high:g}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{what}{right}.")
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high or (low_open and number == low):
        raise ValueError(f"{what}{right}.")
    return number


class Softmax(Activation):
    """Softmax over the last axis: ``y_j = exp(v_j) / sum_k exp(v_k)``."""

    elementwise = False

    def delta(self, e: Array, v: Array, y: Array, out: Array | None = None) -> Array:
        """Local gradient ``delta_j = y_j * (e_j - sum_k e_k y_k)``, the Jacobian times `e`."""
        mean = np.einsum("...k,...k->...", e, y)[..., np.newaxis]
        out = np.subtract(e, mean, out=out)
        out *= y
        return out


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
    activation = kind(phi, dphi, phi_into=phi, name=name, range=range, check=False)
    activation.__dict__["recipe"] = built_in, (name, *parameters.values())
    return activation


def built_in(name: str, *parameters: float) -> Activation:
    """Return the built-in activation of a name, whatever `ACTIVATIONS` has there now.

    Parameters
    ----------
    name : str
    *parameters : float
        Of those that have some, in the order of their function, such as `leaky_relu`.

    Returns
    -------
    Activation
    """
    return _PARAMETRISED[name](*parameters) if parameters else _BUILT_IN[name]


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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import leaky_relu
    >>> leaky_relu(slope=0.1).phi(np.array([-2.0, 2.0]))
    array([-0.2,  2. ])
    """
    slope = _check_parameter("leaky_relu", "slope", slope, high=1.0)
    low = -INF if slope > 0.0 else 0.0
    return _built_in(
        "leaky_relu", functions.leaky_relu, functions.leaky_relu_slope, (low, INF), slope=slope
    )


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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import elu
    >>> elu(alpha=0.5).phi(np.array([-100.0, 2.0]))
    array([-0.5,  2. ])
    """
    alpha = _check_parameter("elu", "alpha", alpha)
    return _built_in("elu", functions.elu, functions.elu_slope, (-alpha, INF), alpha=alpha)


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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import scaled_tanh
    >>> scaled_tanh().phi(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-1.,  0.,  1.])
    """
    amplitude = _check_parameter("scaled_tanh", "amplitude", amplitude, low_open=True)
    slope = _check_parameter("scaled_tanh", "slope", slope, low_open=True)
    return _built_in(
        "scaled_tanh",
        functions.scaled_tanh,
        functions.scaled_tanh_slope,
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.activations import softplus
    >>> softplus(beta=2.0).phi(np.array([-100.0, 0.0, 100.0])).round(4)
    array([  0.    ,   0.3466, 100.    ])
    """
    beta = _check_parameter("softplus", "beta", beta, low_open=True)
    return _built_in(
        "softplus", functions.softplus, functions.softplus_slope, (0.0, INF), beta=beta
    )


# gelu is the exact one (with erf), not its tanh approximation;
# hard_sigmoid is ``clip(v / 6 + 1 / 2, 0, 1)``; gaussian is ``exp(-v**2)``.
ACTIVATIONS.update(
    {
        activation.name: activation
        for activation in (
            _built_in("identity", np.positive, functions.identity_slope, (-INF, INF)),
            _built_in("logistic", functions.logistic, functions.logistic_slope, (0.0, 1.0)),
            _built_in("tanh", np.tanh, functions.tanh_slope, (-1.0, 1.0)),
            scaled_tanh(),
            _built_in("relu", functions.relu, functions.relu_slope, (0.0, INF)),
            leaky_relu(),
            elu(),
            _built_in(
                "selu",
                functions.selu,
                functions.selu_slope,
                (-functions.SELU_SCALE * functions.SELU_ALPHA, INF),
            ),
            # The lower bounds of gelu, silu and mish are the values at their one minimum.
            _built_in("gelu", functions.gelu, functions.gelu_slope, (-0.16997120747990369, INF)),
            _built_in("silu", functions.silu, functions.silu_slope, (-0.27846454276107380, INF)),
            _built_in("mish", functions.mish, functions.mish_slope, (-0.30884341301725043, INF)),
            softplus(),
            _built_in("exp", functions.exp, functions.exp_slope, (0.0, INF)),
            _built_in("softsign", functions.softsign, functions.softsign_slope, (-1.0, 1.0)),
            _built_in("arctan", np.arctan, functions.arctan_slope, (-math.pi / 2, math.pi / 2)),
            _built_in("sin", np.sin, functions.sin_slope, (-1.0, 1.0)),
            _built_in("gaussian", functions.gaussian, functions.gaussian_slope, (0.0, 1.0)),
            _built_in("hard_tanh", functions.hard_tanh, functions.hard_tanh_slope, (-1.0, 1.0)),
            _built_in(
                "hard_sigmoid", functions.hard_sigmoid, functions.hard_sigmoid_slope, (0.0, 1.0)
            ),
            _built_in(
                "softmax", functions.softmax, functions.softmax_slope, (0.0, 1.0), kind=Softmax
            ),
        )
    }
)

_BUILT_IN = MappingProxyType(dict(ACTIVATIONS))
_PARAMETRISED: dict[str, Callable[..., Activation]] = {
    "elu": elu,
    "leaky_relu": leaky_relu,
    "scaled_tanh": scaled_tanh,
    "softplus": softplus,
}
