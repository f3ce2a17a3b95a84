"""The rule on one row at a time, compiled: an update is laid out for its code, which is then run.

The code is for one update rule, one dtype and all built-in activations at once; sizes, activations,
penalties and learning rates are data to it: the tables laid out here. A loss is compiled by itself,
in a tenth of a second, and called by the pass. The way to it: `symbols` and `row_symbols` trace the
NumPy source of activations, rules and losses, a user's own like the built-in ones, to the
`formulas`; `source` writes them into a text, around the equations in `kernels`; and Numba compiles
that, in seconds, and keeps it on disk (`code_cache`). With an edit of any formula or of `kernels`
it is another text.

Importing this module imports no Numba, nor does the question what is on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy import sparse

from ..activations.activation import Activation
from ..network.rows import take_rows
from ..updates.descent import SGD
from ..updates.headroom import is_tame
from .code_cache import is_compiled, load
from .formulas import (
    Formula,
    built_in_formulas,
    cost_of,
    formulas_of,
    members_of,
    parts,
    step_of,
)
from .source import cost_text, source_of, step_text
from .symbols import Untraceable
from .update import Update

__all__ = ["CompiledPass"]

_PIECE_ROWS = 4096  # most rows of a call: each needs its desired outputs
_PIECE_WORK = 2e7  # most weights to visit in a call, so that Ctrl-C waits a tenth of a second


class CompiledPass:
    """The rule on one row at a time, compiled, for one update of one network.

    Nothing is compiled or loaded before the first row comes.

    Parameters
    ----------
    update : Update
        Its network's `w` and its state are changed.

    Raises
    ------
    Untraceable
        If the compiled pass cannot do what the update asks for; it says why.
    """

    def __init__(self, update: Update):
        extras = [*update.extras, *["input_gain"] * update.objective.network.input_gain]
        if extras:
            raise Untraceable(f"only NumPy knows {' and '.join(extras)}")
        self._update = update
        self._is_tame = is_tame(update.rule)
        objective = update.objective
        network = objective.network
        dtype = network.w.dtype
        plain = type(update.rule) is SGD and not any(objective.penalty.strengths)
        self._is_plain = plain and objective.learning is None and update.eta_by_layer is not None
        self._cost = cost_of(objective.head, dtype)
        self.cost_text = cost_text(self._cost, dtype.name)
        formulas = formulas_of(network.activations, dtype)
        in_text = dict.fromkeys([*built_in_formulas(dtype), *filter(None, formulas.values())])
        codes: dict[Formula | None, int | None] = {None: None}
        codes |= {formula: code for code, formula in enumerate(in_text)}
        self._codes = {key: codes[formula] for key, formula in formulas.items()}
        self._step = step_of(update.rule, dtype)
        self.text = source_of(tuple(in_text), step_text(self._step), dtype.name)
        self._present: Callable | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether the code is there, in this process or on disk."""
        return is_compiled(self.text) and is_compiled(self.cost_text)

    def load(self) -> None:
        """Load the code, compiled first if need be, and lay out what it must know of the network.

        Raises
        ------
        ValueError
            If Numba cannot compile it.
        """
        if self._present is not None:
            return
        from . import kernels  # which imports Numba

        self._kernels = kernels
        network = self._update.objective.network
        present, cost = load(self.text), load(self.cost_text)
        padded = [-(-n // kernels.PAD) * kernels.PAD for n in network.sizes]
        self._gains = self._eta_and_learning()
        self._tables = self._lay_out(padded, cost.address)
        dtype = network.w.dtype
        n_chunk = max(kernels.CHUNK, *network.sizes)
        self._work = (
            np.zeros((4, sum(padded)), dtype),
            np.zeros(sum(padded), np.int32),
            np.zeros(n_chunk, dtype),
            np.zeros(64),
        )
        self._all_ones = np.ones(0, dtype)
        self._no_indices, self._no_bounds = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._present = present

    def _eta_and_learning(self) -> np.ndarray:
        """Each parameter's eta, and 1 if it learns, (2, P); empty where `settings` says it all."""
        update, network = self._update, self._update.objective.network
        learning = update.objective.learning
        if learning is None and update.eta_by_layer is not None:
            return np.zeros((2, 0), network.w.dtype)
        gains = np.ones((2, network.w.size), network.w.dtype)
        gains[0] = update.eta
        if learning is not None:
            gains[1] = learning
        return gains

    def _lay_out(self, padded: list[int], cost: int) -> tuple[np.ndarray, ...]:
        """The tables that `kernels.present` reads."""
        kernels, update = self._kernels, self._update
        objective = update.objective
        network, penalty = objective.network, objective.penalty
        by_layer = update.eta_by_layer or [update.largest_eta] * network.n_layers
        settings = [*penalty.strengths, *by_layer, *self._step.numbers]
        layers = np.zeros((network.n_layers, kernels.N_COLUMNS), np.int64)
        groups: list[tuple[int, int]] = []
        member = np.zeros(sum(padded), np.int32)
        starts = np.cumsum([0, *((n_in + 1) * n_out for n_in, n_out in pairwise(network.sizes))])
        offsets = np.cumsum([0, *padded])
        for layer, activation in enumerate(network.activations):
            kinds = [self._kind(member) for member in members_of(activation)]
            numbers = {kind: len(groups) + i for i, kind in enumerate(dict.fromkeys(kinds))}
            before, after = offsets[layer : layer + 2]
            row = layers[layer]
            row[kernels.N_IN], row[kernels.N_OUT] = network.sizes[layer : layer + 2]
            row[kernels.WEIGHTS], row[kernels.BEFORE] = starts[layer], before
            row[kernels.AFTER], row[kernels.FIRST_GROUP] = after, len(groups)
            row[kernels.LAST_GROUP] = len(groups) + len(numbers) - 1
            member[after : after + len(kinds)] = [numbers[kind] for kind in kinds]
            for code, parameters in numbers:
                groups.append((code, len(settings)))
                settings += parameters
        plan = np.zeros(kernels.N_PLAN, np.int64)
        plan[kernels.N_LAYERS] = network.n_layers
        plan[kernels.RULE] = kernels.ETA + network.n_layers
        plan[kernels.LOSS], plan[kernels.COST] = len(settings), cost
        settings += self._cost.numbers
        plan[kernels.COLUMNS] = len(settings)
        settings += np.ravel(self._cost.columns).tolist()
        plan[kernels.FUSED] = objective.head.fused
        plan[kernels.PLAIN] = self._is_plain
        return plan, layers, np.array(groups), member, np.array(settings, float)

    def _kind(self, activation: Activation) -> tuple[int, tuple[float, ...]]:
        """The code of an activation, and the numbers that its functions are bound to."""
        code = self._codes[id(activation)]
        if code is None:
            return self._kernels.SOFTMAX_CODE, ()
        return code, tuple(parts(activation)[2].values())

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""
        network = self._update.objective.network
        work = network.w.size
        if sparse.issparse(X) and self._is_plain:  # else all weights move, stored or not
            stored = X.nnz / max(X.shape[0], 1)
            work += int((stored - X.shape[1]) * network.sizes[1])
        return max(1, min(_PIECE_ROWS, int(_PIECE_WORK / max(work, 1))))

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """Present rows, as `numpy_rows.RowPass.present` says."""
        run = self._present
        assert run is not None
        state, w = self._update.state, self._update.objective.network.w
        d = self._desired(take_rows(targets, rows))
        d = _contiguous(d, w.dtype)
        numbers, indices, bounds = self._rows(take_rows(X, rows))
        scale = self._all_ones if scale is None else _contiguous(take_rows(scale, rows), w.dtype)

        def present(count: int) -> tuple[int, float]:
            return run(
                w,
                state.rule_state,
                self._gains,
                numbers,
                indices,
                bounds,
                d[:count],
                scale,
                factors,
                state.n_updates - state.rule_start,
                *self._tables,
                *self._work,
            )

        done, total = present(len(d)) if self._is_tame else self._try(present, len(d))
        state.n_updates += done
        state.n_samples += done
        return done, total

    def _try(self, present: Callable[[int], tuple[int, float]], count: int) -> tuple[int, float]:
        """Present rows by a rule that may do anything: only so many that all stays finite."""
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
        d, n_units = head.encode(targets, network.w.dtype), network.sizes[-1]
        return d if d.shape[1] == n_units else np.broadcast_to(d, (len(d), n_units))

    def _rows(self, X) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows as the compiled code takes them, dense or sparse: contiguous and writeable."""
        if not sparse.issparse(X):
            return _contiguous(X), self._no_indices, self._no_bounds
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        self._work[0][0, : X.shape[1]] = 0.0
        numbers, indices = _contiguous(X.data), _contiguous(X.indices, np.dtype(np.int32))
        return numbers[np.newaxis], indices, X.indptr.astype(np.int64)


def _contiguous(A: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """`A` as the compiled code takes arrays: contiguous, aligned, writeable, of one dtype."""
    if A.flags.carray and (dtype is None or A.dtype == dtype):
        return A
    return np.require(A, dtype, ("C", "A", "W"))
