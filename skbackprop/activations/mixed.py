"""`Mixed`: different activations for the neurons of one layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..registry import resolve
from .activation import ACTIVATIONS, Activation, Array

__all__ = ["Mixed"]


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
