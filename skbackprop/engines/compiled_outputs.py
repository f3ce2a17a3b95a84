"""The outputs of a network for many rows, compiled by Numba where its code is there already."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..network import outputs
from ..network.network import Network
from .code_cache import why_no_compiler
from .compiled import Compiled, contiguous
from .layout import PANEL_ROWS, Room, is_small, layers_of, scratch_of
from .source import outputs_text, product_text
from .symbols import Untraceable

__all__ = ["outputs_of"]

_FEW_ROWS = 256  # for which NumPy is as quick


def outputs_of(network: Network, X, rows=None, engine: str | None = None):
    """``(v, y)`` of the output neurons for `rows` (all), as `network.outputs` gives them.

    Parameters
    ----------
    network : Network
    X : ndarray or CSR
    rows : ndarray of int, optional
    engine : {"numpy", "compiled"} or None
        What the network was trained by, which its outputs come from, too.

    Returns
    -------
    v, y : ndarray of shape (n, n_units)
    """
    n_rows = X.shape[0] if rows is None else len(rows)
    if engine == "compiled" and n_rows > _FEW_ROWS and isinstance(X, np.ndarray):
        compiled = _compiled_outputs(network)
        if compiled is not None:
            return compiled.respond(network, X, rows)
    return outputs.outputs_of(network, X, rows)


_known: WeakKeyDictionary[Network, _CompiledOutputs | None] = WeakKeyDictionary()


def _compiled_outputs(network: Network) -> _CompiledOutputs | None:
    """The compiled pass of a network, ready; None where its code is not there."""
    if network not in _known:
        _known[network] = _find(network)
    return _known[network]


def _find(network: Network) -> _CompiledOutputs | None:
    if why_no_compiler() is not None or not is_small(network):
        return None
    try:
        found = _CompiledOutputs(network)
    except Untraceable:
        return None
    if not found.is_compiled:
        return None
    found.load()
    return found


class _CompiledOutputs(Compiled):
    """The forward pass of a network, in panels of few rows; no shared writes."""

    def __init__(self, network: Network):
        name = network.w.dtype.name
        super().__init__(network, present=outputs_text(name), product=product_text(name))
        # Not the network itself, which this would keep alive.
        self._like = Network(
            network.sizes, network.activations, network.w[:0], input_gain=network.input_gain
        )

    def _lay_out(self, code: dict[Any, Any]) -> None:
        from . import batch_kernels as kernels  # which imports Numba

        network = self._like
        self._room = room = Room(self._dtype)
        layers = layers_of(kernels, network, PANEL_ROWS, room)
        plan, settings = np.zeros(kernels.PARTS, np.int64), [0.0]
        plan[kernels.N_LAYERS], plan[kernels.PANEL] = network.n_layers, PANEL_ROWS
        plan[kernels.PRODUCT], plan[kernels.GAINED] = code["product"], network.input_gain
        plan[kernels.SCRATCH] = scratch_of(kernels, layers, PANEL_ROWS, room)
        groups, member = self._neurons_of(kernels, layers, network, code, settings)
        self._tables = plan, layers, groups, member, np.array(settings, float)

    def respond(self, network: Network, X: np.ndarray, rows) -> tuple[np.ndarray, np.ndarray]:
        """``(v, y)`` of the output neurons."""
        run = self._run
        assert run is not None
        order = np.zeros(0, np.int64) if rows is None else contiguous(rows, np.dtype(np.int64))
        n_rows = X.shape[0] if rows is None else len(rows)
        v = np.empty((n_rows, network.sizes[-1]), self._dtype)
        y = np.empty_like(v)
        signals = self._room.numbers()
        w, X = contiguous(network.w), contiguous(X, self._dtype)
        run(w, X, order, v, y, *self._tables, signals)
        return v, y
