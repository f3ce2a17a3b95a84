"""Activations whose functions are compiled, for large arrays, where their code is there.

`Network` works on them as on any others. So the solvers that need all rows in each evaluation, with
products by BLAS, have the compiled functions too: NumPy's own ``tanh`` is half of an evaluation.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from ..activations.activation import ACTIVATIONS, Activation, Array
from ..network.network import Network
from ..registry import is_ours
from .code_cache import is_compiled, load, why_no_compiler
from .formulas import formula_of, parts
from .source import activation_text
from .symbols import Untraceable

__all__ = ["with_compiled_activations"]

_FEW = 2048  # numbers for which NumPy is as quick
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_PHI = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _COUNT)
_DELTA = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _POINTER, _COUNT)


def with_compiled_activations(network: Network) -> Network:
    """The same network over the same parameters, with the activations that are compiled here.

    Parameters
    ----------
    network : Network
        Itself, if there are none.
    """
    found = [_find(activation, network.w.dtype) for activation in network.activations]
    if not any(found) or why_no_compiler() is not None:
        return network
    activations = [
        _CompiledActivation(activation, text, network.w.dtype) if text else activation
        for activation, text in zip(network.activations, found, strict=True)
    ]
    return Network(network.sizes, activations, network.w, input_gain=network.input_gain)


def _find(activation: Activation, dtype: np.dtype) -> str | None:
    """The text of one of our own activations, if its code is there."""
    if not is_ours(parts(activation)[1]) or activation == ACTIVATIONS["identity"]:
        return None
    try:
        text = activation_text(formula_of(activation, dtype), dtype.name)
    except Untraceable:
        return None
    return text if is_compiled(text) else None


class _CompiledActivation(Activation):
    """An activation that works on large arrays by compiled functions."""

    _phi: Callable[..., None]
    _delta: Callable[..., None]
    _dtype: np.dtype
    _numbers: Array  # the parameters, which `_settings` is the address of
    _settings: int

    def __init__(self, activation: Activation, text: str, dtype: np.dtype):
        phi, delta = load(text)
        numbers = np.array([*parts(activation)[2].values(), 0.0])
        self.__dict__.update(
            vars(activation),
            _phi=_PHI(phi),
            _delta=_DELTA(delta),
            _dtype=dtype,
            _numbers=numbers,
            _settings=_address(numbers),
        )

    def into(self, v: Array, out: Array) -> Array:
        """Write ``phi(v)`` into `out`, which may be `v` itself, and return `out`."""
        if not self._takes(v, out):
            return super().into(v, out)
        self._phi(self._settings, _address(v), _address(out), v.size)
        return out

    def delta(self, e: Array, v: Array, y: Array, out: Array | None = None) -> Array:
        """Local gradient ``delta = -dE/dv = e * phi'(v)``."""
        if out is None:
            out = np.empty_like(e)
        if not self._takes(v, y, out):
            return super().delta(e, v, y, out)
        if out is not e:
            out[...] = e
        self._delta(self._settings, _address(v), _address(y), _address(out), v.size)
        return out

    def _takes(self, v: Array, *others: Array) -> bool:
        """Whether these are arrays that the code can walk through, and large ones."""
        return v.size > _FEW and all(
            a.shape == v.shape and a.dtype == self._dtype and a.flags.carray for a in (v, *others)
        )


def _address(a: Array) -> int:
    return a.__array_interface__["data"][0]
