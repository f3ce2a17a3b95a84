"""A row of a stream, compiled: a race of networks is laid out for its code, which is then run.

As in `compiled_rows`, activations and update rules are traced from their NumPy source; here there
may be several rules in one code, a network being data to it. `race_kernels` holds the equations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..activations.activation import Activation
from ..updates.descent import SGD
from ..updates.rule import RULES
from .code_cache import is_compiled, load
from .formulas import Step, built_in_formulas, formula_of, parts, step_of
from .source import activation_text, beginning, step_text
from .symbols import Untraceable

__all__ = ["CompiledRace", "race_text"]

_FLOAT = np.dtype(np.float64)

_ARGUMENTS = {
    "prepare": "p, eta, t, shared",
    "step": "w, state, gains, size, n_gains, g, count, p, eta, factor, t, shared",
}

_CASES = """\
@exact
def prepare(rule, p, eta, t, shared):
{prepare}    return


@exact
def step(rule, w, state, gains, size, n_gains, g, count, p, eta, factor, t, shared):
{step}    return


"""

_ENTRY = """\
learn_row = make_learn(phi, dphi, prepare, step)
numbers = numba.float64
wholes = numba.int64


@numba.njit(
    numba.boolean(
        numbers[::1], numbers[:, ::1], numbers[::1], numbers[:, ::1], numbers[::1],
        numbers[:, ::1], wholes[::1], numbers[::1], numbers[::1], numba.int32[::1], numbers[::1],
        numbers[::1], numbers[::1], numbers, numbers, wholes, numbers, numba.boolean,
    ),
    error_model="numpy",
    fastmath={"reassoc", "contract", "arcp", "nsz"},
    nogil=True,
    cache=True,
)
def compiled(
    x, moments, target, w, state, race, plan, settings, signals, rows, g, shared, answer,
    label, weight, t, rate, is_first,
):
    return learn_row(
        x, moments, target, w, state, race, plan, settings, signals, rows, g, shared, answer,
        label, weight, t, rate, is_first,
    )
"""


@cache
def _online_rules() -> dict[str, Step]:
    """The rules that the code knows, the bare one apart, which needs none."""
    steps = {}
    for name, rule in RULES.items():
        if not rule.full_batch and type(rule) is not SGD:
            with suppress(Untraceable):
                steps[name] = step_of(rule, _FLOAT)
    return steps


@cache
def race_text() -> str:
    """The text of the code, for all rules of `RULES` and all built-in activations."""
    made_of = hashlib.sha256(Path(__file__).with_name("race_kernels.py").read_bytes()).hexdigest()
    text = f"{beginning('float64')}# race_kernels {made_of[:16]}\n"
    text += "from skbackprop.engines.race_kernels import make_learn\n\n\n"
    text += activation_text(built_in_formulas(_FLOAT))
    cases: dict[str, str] = {"prepare": "", "step": ""}
    for i, rule in enumerate(_online_rules().values()):
        of_rule = step_text(rule)
        for name in cases:
            of_rule = of_rule.replace(f"def {name}(", f"def {name}_{i}(")
            cases[name] += f"    if rule == {i}:\n        {name}_{i}({_ARGUMENTS[name]})\n"
        text += of_rule
    return text + _CASES.format(**cases) + _ENTRY


class CompiledRace:
    """The code of a race, laid out for networks of some shape.

    Parameters
    ----------
    sizes : sequence of int
        Neurons per layer.
    activation : Activation
    members : sequence of (str, float, int, int)
        Rule, learning rate, and place and stride of the rule's state, of each network.
    averaged : int
        The one whose weights are averaged; the average is a network after the others.
    n_classes : int
        0 for numbers.
    settings : sequence of float
        The first entries of the settings: see `race_kernels`.
    with_mean : bool

    Raises
    ------
    Untraceable
        If the activation is not one of the package's own, or a rule does not compile.
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
        formula, known = formula_of(activation, _FLOAT), built_in_formulas(_FLOAT)
        if formula not in known:
            raise Untraceable(f"activation {activation.name!r} is not one of the package's own")
        for name, *_ in members:
            if type(RULES[name]) is not SGD and name not in _online_rules():
                raise Untraceable(f"rule {name!r} does not compile")
        self._code = known.index(formula)
        self._phi = list(parts(activation)[2].values())
        self.text = race_text()
        self._layout = sizes, members, averaged, n_classes, settings, with_mean
        self._run: Any = None

    @property
    def is_compiled(self) -> bool:
        """Whether the code is there, in this process or on disk."""
        return is_compiled(self.text)

    def load(self) -> None:
        """Load the code, compiled first if need be, and lay out its tables."""
        if self._run is None:
            from . import race_kernels  # which imports Numba

            self._lay_out(race_kernels, *self._layout)
            self._run = load(self.text)

    def _lay_out(self, kernels, sizes, members, averaged, n_classes, settings, with_mean) -> None:
        padded = [-(-n // 16) * 16 for n in sizes]
        starts = np.cumsum([0, *((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))]).tolist()
        places = np.cumsum([0, *padded]).tolist()
        plan = [
            len(members),
            averaged,
            len(sizes) - 1,
            starts[-1],
            places[-1],
            self._code,
            n_classes,
        ]
        plan.append(int(with_mean))
        for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
            plan += [n_in, n_out, starts[layer], places[layer], places[layer + 1]]
        numbers = [*settings, 0.0, *(eta for _, eta, _, _ in members)]
        numbers[kernels.PHI] = len(numbers)
        numbers += self._phi
        rules, begins = _online_rules(), {}
        for name, step in rules.items():
            begins[name] = len(numbers)
            numbers += step.numbers
        for name, _, place, stride in members:
            which = list(rules).index(name) if name in rules else -1
            plan += [which, place, stride, begins.get(name, 0)]
        self._tables = np.array(plan, np.int64), np.array(numbers, float)
        n_shared = sizes[0] + 2 * places[-1] + len(members) + 64
        self._work = (
            np.zeros(3 * (len(members) + 1) * places[-1]),
            np.zeros(max(sizes), np.int32),
            np.zeros(max(kernels.CHUNK, *sizes)),
            np.zeros(n_shared),
        )
        self._row, self.answer = np.zeros(sizes[0]), np.zeros(3 + sizes[-1])

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
        self._row[...] = x  # which may be strided, or not writeable
        return self._run(self._row, *state, *self._tables, *self._work, self.answer, *row)
