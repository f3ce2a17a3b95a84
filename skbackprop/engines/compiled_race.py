"""A row of a stream, compiled: a race of networks is laid out for its code, which is then run.

The networks are of equal shape, and each goes by a rule of its own: `race_kernels` holds the
equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..activations.activation import ACTIVATIONS, Activation
from ..network.network import Network
from ..updates.descent import SGD
from ..updates.rule import RULES
from .compiled import Compiled
from .formulas import step_of
from .source import race_text, rule_text

__all__ = ["CompiledRace"]

_FLOAT = np.dtype(np.float64)


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

    Attributes
    ----------
    answer : ndarray
        What `learn` tells.

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
    ):
        names = dict.fromkeys(name for name, *_ in members if type(RULES[name]) is not SGD)
        self._steps = {name: step_of(RULES[name], _FLOAT) for name in names}
        texts = {name: rule_text(step, "float64") for name, step in self._steps.items()}
        activations = [activation] * (len(sizes) - 2) + [ACTIVATIONS["identity"]]
        super().__init__(Network(sizes, activations), present=race_text(), **texts)
        self._sizes, self._members, self._activation = tuple(sizes), members, activations[0]
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
        self._tables = np.array(plan, np.int64), np.array(settings, float)
        self._work = (
            np.zeros(3 * (len(members) + 1) * places[-1]),
            np.zeros(max(sizes), np.int32),
            np.zeros(max(kernels.CHUNK, *sizes)),
            np.zeros(sizes[0] + len(members) + 1 + 64),
        )
        self._row, self.answer = np.zeros(sizes[0]), np.zeros(kernels.N_ANSWER + sizes[-1])

    def learn(self, x: np.ndarray, state: tuple, row: tuple[Any, ...]) -> bool:
        """Learn one row, unless an output is not finite.

        Parameters
        ----------
        x : ndarray of shape (n_inputs,)
        state : tuple of ndarray
            ``moments, target, w, state, race``; changed.
        row : tuple
            ``label, weight, t, rate, is_first``.

        Returns
        -------
        bool
            Whether it was done; `answer` then holds the prediction, the loss of the vote, and that
            of the average.
        """
        if self._run is None:
            self.load()
        assert self._run is not None
        self._row[...] = x  # which may be strided, or not writeable
        return self._run(self._row, *state, *self._tables, *self._work, self.answer, *row)
