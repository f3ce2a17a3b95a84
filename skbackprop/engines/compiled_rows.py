"""The rule on one row at a time, compiled by Numba: see `compiled` for how, `kernels` for what."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from ..activations.activation import Activation
from ..network.rows import take_rows
from ..updates.descent import SGD
from .code_cache import is_compiled, load
from .compiled import CompiledUpdate, contiguous
from .formulas import members_of
from .source import known_rows_text, rows_text
from .symbols import Untraceable
from .update import Update

__all__ = ["CompiledPass", "text_for_one"]

_PIECE_ROWS = 4096  # most rows of a call: each needs its desired outputs
_MOST_FOR_ONE = 10000  # most weights of a network with code of its own: see docs/speed.md
_PIECE_WORK = 2e7  # most weights to visit in a call, so that Ctrl-C waits a tenth of a second


class CompiledPass(CompiledUpdate):
    """The rule on one row at a time, compiled, for one update of one network.

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
        super().__init__(update, present=rows_text(update.objective.network.w.dtype.name))
        objective = update.objective
        plain = type(update.rule) is SGD and not any(objective.penalty.strengths)
        self._is_plain = plain and objective.learning is None and update.eta_by_layer is not None
        self._run_dense: Callable | None = None

    @property
    def pays(self) -> bool:
        """Whether it is as fast as NumPy: always."""
        return True

    def load(self) -> None:
        """Load the code, and that for this network alone if it has been compiled."""
        if self._run is None:
            super().load()
            text = self._text_for_one() if self._why_not_for_one() is None else None
            self._run_dense = load(text) if text and is_compiled(text) else self._run

    def _why_not_for_one(self) -> str | None:
        """Why there is no pass for this network alone; None if there may be."""
        network = self._update.objective.network
        if network.w.size > _MOST_FOR_ONE:
            return f"it has {network.w.size} weights, and from {_MOST_FOR_ONE} on nothing is gained"
        if self._dtype != np.float64:
            return f"its weights are {self._dtype.name}, not float64"
        if any(len(members_of(activation)) > 1 for activation in network.activations):
            return "the neurons of a layer have several activations"
        return None

    def _text_for_one(self) -> str:
        """The text of the pass for this network alone; what it has in general is loaded."""
        from . import kernels

        network = self._update.objective.network
        plan, layers, groups = (table.copy() for table in self._tables[:3])
        plan[[kernels.COST, kernels.PREPARE, kernels.STEP]] = 0
        groups[:, [kernels.PHI, kernels.DELTA]] = 0
        return known_rows_text(
            self._dtype.name,
            network.sizes,
            [self._formulas[id(activation)] for activation in map(_only_one, network.activations)],
            self._cost,
            None if self._is_plain else self._step,
            (plan, layers, groups),
        )

    def _lay_out(self, code: dict[Any, Any]) -> None:
        from . import kernels  # which imports Numba

        network = self._update.objective.network
        padded = [-(-n // kernels.PAD) * kernels.PAD for n in network.sizes]
        self._gains = self._eta_and_learning(self._update.eta_by_layer is not None)
        self._tables = self._tables_of(kernels, padded, code)
        n_chunk = max(kernels.CHUNK, *network.sizes)
        self._work = (
            np.zeros((4, sum(padded)), self._dtype),
            np.zeros(sum(padded) + network.n_layers, np.int32),
            np.zeros(n_chunk, self._dtype),
            np.zeros(64),
        )
        self._all_ones = np.ones(0, self._dtype)
        self._no_indices, self._no_bounds = np.zeros(0, np.int32), np.zeros(0, np.int64)

    def _tables_of(self, kernels, padded: list[int], code: dict[Any, Any]) -> tuple:
        """The tables that `kernels.present` reads."""
        update = self._update
        objective = update.objective
        network, penalty = objective.network, objective.penalty
        by_layer = update.eta_by_layer or [update.largest_eta] * network.n_layers
        settings = [*penalty.strengths, *by_layer, *self._step.numbers]
        layers = np.zeros((network.n_layers, kernels.N_COLUMNS), np.int64)
        groups: list[tuple[int, int, int]] = []
        member = np.zeros(sum(padded), np.int32)
        starts = np.cumsum([0, *((n_in + 1) * n_out for n_in, n_out in pairwise(network.sizes))])
        offsets = np.cumsum([0, *padded])
        for layer, activation in enumerate(network.activations):
            own, numbers = self._groups_of(members_of(activation), code, settings)
            before, after = offsets[layer : layer + 2]
            row = layers[layer]
            row[kernels.N_IN], row[kernels.N_OUT] = network.sizes[layer : layer + 2]
            row[kernels.WEIGHTS], row[kernels.BEFORE] = starts[layer], before
            row[kernels.AFTER], row[kernels.FIRST_GROUP] = after, len(groups)
            row[kernels.LAST_GROUP] = len(groups) + len(own) - 1
            member[after : after + len(numbers)] = [len(groups) + number for number in numbers]
            groups += own
        plan = np.zeros(kernels.N_PLAN, np.int64)
        plan[kernels.N_LAYERS] = network.n_layers
        plan[kernels.RULE] = kernels.ETA + network.n_layers
        plan[kernels.COST] = code["cost"]
        plan[kernels.PREPARE], plan[kernels.STEP] = code["rule"]
        plan[kernels.LOSS] = len(settings)
        settings += self._cost.numbers
        plan[kernels.COLUMNS] = len(settings)
        settings += np.ravel(self._cost.columns).tolist()
        plan[kernels.FUSED] = objective.head.fused
        plan[kernels.PLAIN] = self._is_plain
        return plan, layers, np.array(groups), member, np.array(settings, float)

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""
        network = self._update.objective.network
        work = network.w.size
        if sparse.issparse(X) and self._is_plain:  # else all weights move, stored or not
            stored = X.nnz / max(X.shape[0], 1)
            work += int((stored - X.shape[1]) * network.sizes[1])
        return max(1, min(_PIECE_ROWS, int(_PIECE_WORK / max(work, 1))))

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """Present rows, as `numpy_rows.Pass.present` says."""
        run = self._run if sparse.issparse(X) else self._run_dense
        assert run is not None
        state, w = self._update.state, self._update.objective.network.w
        d = self._desired(take_rows(targets, rows))
        numbers, indices, bounds = self._rows(take_rows(X, rows))
        scale = self._all_ones if scale is None else contiguous(take_rows(scale, rows), w.dtype)

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

        done, total = self._try(present, len(d))
        state.n_updates += done
        state.n_samples += done
        return done, total

    def _rows(self, X) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows as the compiled code takes them, dense or sparse: contiguous and writeable."""
        if not sparse.issparse(X):
            return contiguous(X), self._no_indices, self._no_bounds
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        self._work[0][0, : X.shape[1]] = 0.0
        numbers, indices = contiguous(X.data), contiguous(X.indices, np.dtype(np.int32))
        return numbers[np.newaxis], indices, X.indptr.astype(np.int64)


def _only_one(activation: Activation) -> Activation:
    return members_of(activation)[0]


def text_for_one(update: Update) -> str:
    """The text of the pass for one network alone; what it calls is compiled, if need be.

    Raises
    ------
    Untraceable
        If the compiled pass cannot do what the update asks for, or not for this network alone; it
        says why.
    """
    compiled = CompiledPass(update)
    why_not = compiled._why_not_for_one()
    if why_not is not None:
        raise Untraceable(why_not)
    compiled.load()
    return compiled._text_for_one()
