"""Rows of a stream, compiled: a race of networks is laid out for its code, which is then run.

The networks are of equal shape, and each goes by a rule of its own: `race_kernels` holds the
equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..activations.activation import ACTIVATIONS, Activation
from ..network.network import Network
from ..updates.descent import SGD
from ..updates.rule import RULES
from .compiled import Compiled, contiguous
from .formulas import step_of
from .source import race_text, rule_text, votes_text

__all__ = ["CompiledRace"]

_FLOAT = np.dtype(np.float64)
_PIECE_WORK = 2e7  # weights of a call, so that Ctrl-C waits some hundredths of a second


class CompiledRace(Compiled):
    """The code of a race, laid out for networks of some shape.

    Parameters
    ----------
    sizes : sequence of int
        Neurons per layer.
    activation : Activation
        Of the hidden neurons.
    members : sequence of (str, float, int, int)
        Rule, learning rate, and place and stride of the rule's state, of each network.
    averaged : int
        The one whose weights are averaged; the average is a network after the others.
    n_classes : int
        0 for numbers.
    settings : sequence of float
        The first entries of the settings: see `race_kernels`.
    with_mean : bool
    state : tuple of ndarray
        ``moments, target, w, state, race, counts, scores, chart``, float64, which are read and
        changed where they are.

    Raises
    ------
    Untraceable
        If the activation or a rule cannot be compiled; it says why.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation,
        members: Sequence[tuple[str, float, int, int]],
        *,
        averaged: int,
        n_classes: int,
        settings: Sequence[float],
        with_mean: bool,
        state: tuple[np.ndarray, ...],
    ):
        names = dict.fromkeys(name for name, *_ in members if type(RULES[name]) is not SGD)
        self._steps = {name: step_of(RULES[name], _FLOAT) for name in names}
        texts = {name: rule_text(step, "float64") for name, step in self._steps.items()}
        activations = [activation] * (len(sizes) - 2) + [ACTIVATIONS["identity"]]
        code = {"present": race_text(), "vote": votes_text()}
        super().__init__(Network(sizes, activations), **code, **texts)
        self._sizes, self._members, self._activation = tuple(sizes), members, activations[0]
        self._state = state
        self._numbers, self._facts = list(settings), (averaged, n_classes, int(with_mean))

    def _lay_out(self, code: dict[Any, Any]) -> None:
        from . import race_kernels as kernels  # which imports Numba

        sizes, members = self._sizes, self._members
        averaged, n_classes, with_mean = self._facts
        padded = [-(-n // 16) * 16 for n in sizes]
        starts = np.cumsum([0, *((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))]).tolist()
        places = np.cumsum([0, *padded]).tolist()
        formula, parameters = self._kind(self._activation)
        plan = [len(members), averaged, len(sizes) - 1, starts[-1], places[-1], *code[formula]]
        plan += [n_classes, with_mean]
        plan += [0] * (kernels.LAYERS - kernels.MOMENTS)
        for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
            plan += [n_in, n_out, starts[layer], places[layer], places[layer + 1]]
        settings = [*self._numbers, 0.0, *(eta for _, eta, _, _ in members)]
        settings[kernels.ACTIVATION] = len(settings)
        settings += parameters
        begins = {}
        for name, step in self._steps.items():
            begins[name] = len(settings)
            settings += step.numbers
        for name, _, place, stride in members:
            plan += [*code.get(name, (0, 0)), place, stride, begins.get(name, 0)]
        scratch = (
            np.array(settings, float),
            np.zeros(3 * (len(members) + 1) * places[-1]),
            np.zeros(max(sizes), np.int32),
            np.zeros(max(kernels.CHUNK, *sizes)),
            np.zeros(sizes[0] + len(members) + 1 + 64),
            np.zeros(kernels.N_ANSWER + sizes[-1]),
        )
        self._held = *self._state, *scratch  # the plan has their addresses alone
        plan[kernels.MOMENTS : kernels.LAYERS] = [table.ctypes.data for table in self._held]
        self._plan = np.array(plan, np.int64)
        self._row, self._label, self._weight = np.zeros((1, sizes[0])), np.zeros(1), np.zeros(1)
        self._learn, self._vote = code["present"], code["vote"]

    @property
    def most_rows(self) -> int:
        """Rows of a call of `learn_rows`: few enough for Ctrl-C."""
        return max(1, int(_PIECE_WORK / max(1, self._state[2].size)))

    def learn(self, x: np.ndarray, label: float, weight: float) -> bool:
        """Learn one row, unless an output is not finite; tell whether it was done.

        A signal that comes meanwhile finds it either whole or not begun.

        Parameters
        ----------
        x : ndarray of shape (n_inputs,)
        label : float or int
            The target, or the place of the class.
        weight : float
        """
        if self._run is None:
            self.load()
        row, labels, weights = self._row, self._label, self._weight
        row[0] = x  # which may be strided, or not writeable
        labels[0], weights[0] = label, weight
        return self._learn(self._plan, row, labels, weights, 1) == 1

    def learn_rows(self, X: np.ndarray, labels: ArrayLike, weights: ArrayLike) -> int:
        """Learn rows, up to one whose outputs are not finite; tell how many.

        Parameters
        ----------
        X : ndarray of shape (n, n_inputs)
        labels, weights : array-like of shape (n,)
        """
        if self._run is None:
            self.load()
        numbers = [np.array(values, _FLOAT) for values in (labels, weights)]
        return self._learn(self._plan, contiguous(X, _FLOAT), *numbers, len(X))

    def vote(self, X: np.ndarray) -> np.ndarray | None:
        """The vote (n, n_outputs) of the networks on rows; None if an output is not finite.

        Parameters
        ----------
        X : ndarray of shape (n, n_inputs)
        """
        if self._run is None:
            self.load()
        votes = np.empty((len(X), self._sizes[-1]))
        return votes if self._vote(self._plan, contiguous(X, _FLOAT), votes) else None
