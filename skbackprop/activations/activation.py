"""What an activation is: ``phi(v)`` and its derivative ``dphi(v, y)``, held as one pair.

A neuron turns its induced local field ``v`` into its output ``y = phi(v)``. Back-propagation needs
the slope as well: the error signal ``e = -dE/dy`` becomes the local gradient
``delta = -dE/dv = e * phi'(v)``. The derivative gets both the field and the output, and uses
whichever is cheaper (``1 - y**2`` for tanh).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..registry import is_same, resolve

__all__ = ["ACTIVATIONS", "Activation", "resolve_activation"]


Array = NDArray[Any]


INF = math.inf


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
    arguments of a `functools.partial`), names and ranges are; `check` plays no part. The built-in
    ones are pickled by name; of others `phi` and `dphi` must be functions at the top level of a
    module, not lambdas.

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

    #: What a pickle of a built-in calls to have it again; None, of a user's own, keeps its content.
    recipe: tuple[Callable[..., Activation], tuple[Any, ...]] | None = None

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
        range: tuple[float, float] = (-INF, INF),
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

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle a built-in by its name, which outlives the functions behind it."""
        return super().__reduce_ex__(protocol) if self.recipe is None else self.recipe

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
        return type(self) is type(other) and is_same(self._content(), other._content())

    def __hash__(self) -> int:
        """Hash what equal activations have in common and every copy keeps."""
        return hash((type(self), self.name, self.range))

    def __repr__(self) -> str:
        """Show the expression that makes this activation."""
        registered = ACTIVATIONS.get(self.name)
        if registered is not None:
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
        if self.range != (-INF, INF):
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


ACTIVATIONS: dict[str, Activation] = {}
"""The built-in activations by name, which the file `built_in` fills; yours may be added.

Examples
--------
>>> import numpy as np
>>> from skbackprop import ACTIVATIONS
>>> ACTIVATIONS["tanh"].phi(np.array([-1.0, 0.0, 1.0])).round(4)
array([-0.7616,  0.    ,  0.7616])
"""


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
