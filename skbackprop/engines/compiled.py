"""What the compiled passes share: an update is laid out for code that is compiled once for all.

The way to that code: `symbols` and `row_symbols` trace the NumPy source of activations, rules and
losses, a user's own like the built-in ones, to the `formulas`; `source` makes a text of each, and
one of each pass, from the equations in `kernels` and `batch_kernels`; and Numba compiles these, in
tenths of a second a formula and seconds a pass, and keeps them on disk (`code_cache`). Sizes,
activations, penalties and learning rates are data to it: the tables that are laid out here. With an
edit of any formula or of the kernels it is another text.

Importing this module imports no Numba, nor does the question what is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..activations.activation import Activation
from ..network.network import Network
from ..updates.headroom import is_tame
from .code_cache import is_compiled, load
from .formulas import Formula, cost_of, formulas_of, members_of, parts, step_of
from .source import activation_text, cost_text, rule_text
from .update import Update

__all__ = ["Compiled", "CompiledUpdate", "contiguous"]


class Compiled:
    """A network, for a compiled pass.

    Nothing is compiled or loaded before the first row comes.

    Parameters
    ----------
    network : Network
    **texts : str
        The pass, and what it calls beside activations.

    Raises
    ------
    Untraceable
        If an activation cannot be compiled; it says why.
    """

    def __init__(self, network: Network, **texts: str):
        self._dtype = network.w.dtype
        self._formulas = formulas_of(network.activations, self._dtype)
        own = {f: activation_text(f, self._dtype.name) for f in self._formulas.values() if f}
        self._texts: dict[Any, str] = {**texts, **own}
        self._run: Callable | None = None

    @property
    def texts(self) -> list[str]:
        """The texts of all code that the update needs."""
        return list(self._texts.values())

    @property
    def is_compiled(self) -> bool:
        """Whether the code is there, in this process or on disk."""
        return all(map(is_compiled, self._texts.values()))

    def load(self) -> None:
        """Load the code, compiled first if need be, and lay out what it must know of the network.

        Raises
        ------
        ValueError
            If Numba cannot compile it.
        """
        if self._run is None:
            code = {key: load(text) for key, text in self._texts.items()}
            self._lay_out(code)
            self._run = code["present"]

    def _lay_out(self, code: dict[Any, Any]) -> None:
        """Make the tables and scratch that the pass needs."""
        raise NotImplementedError

    def _groups_of(
        self, members: Sequence[Activation], code: dict[Any, Any], settings: list[float]
    ) -> tuple[list[tuple[int, int, int]], list[int]]:
        """The groups of a layer's neurons, and the group of each member, counted from 0.

        A group is what has one activation: its functions' addresses, and where in `settings`, which
        is added to, its parameters begin.
        """
        kinds = [self._kind(member) for member in members]
        numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
        groups = []
        for formula, parameters in numbers:
            addresses = (0, 0) if formula is None else code[formula]
            groups.append((*addresses, len(settings)))
            settings += parameters
        return groups, [numbers[kind] for kind in kinds]

    def _neurons_of(
        self,
        kernels: ModuleType,
        layers: np.ndarray,
        network: Network,
        code: dict[Any, Any],
        settings: list[float],
    ) -> tuple[np.ndarray, np.ndarray]:
        """The groups of all layers, and the group of each neuron; the layers' rows are filled."""
        groups: list[tuple[int, int, int]] = []
        member: list[int] = []
        for row, activation in zip(layers, network.activations, strict=True):
            own, numbers = self._groups_of(members_of(activation), code, settings)
            row[kernels.FIRST_GROUP], row[kernels.MEMBERS] = len(groups), len(member)
            row[kernels.LAST_GROUP] = len(groups) + len(own) - 1
            member += [len(groups) + number for number in numbers]
            groups += own
        return np.array(groups), np.array(member, np.int32)

    def _kind(self, activation: Activation) -> tuple[Formula | None, tuple[float, ...]]:
        """The formula of an activation, and the numbers that its functions are bound to."""
        formula = self._formulas[id(activation)]
        return formula, () if formula is None else tuple(parts(activation)[2].values())


class CompiledUpdate(Compiled):
    """An update of one network, for a compiled pass.

    Parameters
    ----------
    update : Update
        Its network's `w` and its state are changed.
    **texts : str
        The pass, and what it calls beside loss, rule and activations.

    Raises
    ------
    Untraceable
        If the compiled pass cannot do what the update asks for; it says why.
    """

    def __init__(self, update: Update, **texts: str):
        objective = update.objective
        super().__init__(objective.network, **texts)
        self._update = update
        self._is_tame = is_tame(update.rule)
        self._cost = cost_of(objective.head, self._dtype)
        self._step = step_of(update.rule, self._dtype)
        name = self._dtype.name
        self._texts |= {
            "cost": cost_text(self._cost, name),
            "rule": rule_text(self._step, name),
        }

    def _eta_and_learning(self, by_layer: bool) -> np.ndarray:
        """Each parameter's eta, and 1 if it learns, (2, P); empty where `by_layer` says it all."""
        update, network = self._update, self._update.objective.network
        learning = update.objective.learning
        if learning is None and by_layer:
            return np.zeros((2, 0), self._dtype)
        gains = np.ones((2, network.w.size), self._dtype)
        gains[0] = update.eta
        if learning is not None:
            gains[1] = learning
        return gains

    def _try(self, present: Callable[[int], tuple[int, float]], count: int) -> tuple[int, float]:
        """Present some updates, all that can be; the pass refuses those that need care.

        By a rule that may do anything, only so many that all stays finite.
        """
        if self._is_tame:
            return present(count)
        w, rule_state = self._update.objective.network.w, self._update.state.rule_state
        before = w.copy(), rule_state.copy()
        while count:
            done, total = present(count)
            if np.isfinite(w).all() and np.isfinite(rule_state).all():
                return done, total
            w[...], rule_state[...] = before
            count //= 2
        return 0, 0.0

    def _desired(self, targets) -> np.ndarray:
        """Desired outputs (n, n_units); of a loss that has fewer of them, each for all neurons."""
        network, head = self._update.objective.network, self._update.objective.head
        d, n_units = head.encode(targets, self._dtype), network.sizes[-1]
        d = d if d.shape[1] == n_units else np.broadcast_to(d, (len(d), n_units))
        return contiguous(d, self._dtype)


def contiguous(A: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """`A` as the compiled code takes arrays: contiguous, aligned, writeable, of one dtype."""
    if A.flags.carray and (dtype is None or A.dtype == dtype):
        return A
    return np.require(A, dtype, ("C", "A", "W"))
