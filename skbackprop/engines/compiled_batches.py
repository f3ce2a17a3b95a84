"""The rule on batches, compiled by Numba: see `compiled` for how, `batch_kernels` for what."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..network.rows import take_rows
from .compiled import CompiledUpdate, contiguous
from .layout import PANEL_ROWS, Room, is_small, layers_of, scratch_of
from .source import batches_text, product_text
from .update import Update

__all__ = ["CompiledBatches"]

_PIECE_WORK = 1e8  # most weights times rows of a call, so that Ctrl-C waits a tenth of a second
_STEP_WORK = 10  # rows that a step of the rule takes as long as


class CompiledBatches(CompiledUpdate):
    """The rule on batches of rows, compiled, for one update of one network.

    Parameters
    ----------
    update : Update
        Its network's `w` and its state are changed.
    batch_size : int
        Rows of a batch.

    Raises
    ------
    Untraceable
        If the compiled pass cannot do what the update asks for; it says why.
    """

    def __init__(self, update: Update, batch_size: int):
        name = update.objective.network.w.dtype.name
        super().__init__(update, present=batches_text(name), product=product_text(name))
        self._batch_size = batch_size
        self._n_rows = 0  # of a batch, that there is room for

    @property
    def pays(self) -> bool:
        """Whether it is as fast as NumPy: not where a layer is large."""
        return is_small(self._update.objective.network)

    def _lay_out(self, code: dict[Any, Any]) -> None:
        self._code = code
        self._all_ones, self._none = np.ones(0, self._dtype), np.zeros(0, np.int64)
        self._no_indices = np.zeros(0, np.int32)

    def _make_room(self, n_rows: int) -> None:
        """Lay out the signals of batches of so many rows."""
        from . import batch_kernels as kernels  # which imports Numba

        self._n_rows = n_rows
        network = self._update.objective.network
        # Gains of the inputs, and limits of neurons' norms, ask for the eta of each weight.
        asked = network.input_gain or self._update.limits.max_norm is not None
        asked &= isinstance(self._update.eta, np.ndarray)
        self._gains = self._eta_and_learning(self._update.eta_by_layer is not None and not asked)
        room = Room(self._dtype)
        disturbance = self._update.objective.disturbance
        rates = None if disturbance is None else disturbance.rates
        panel = min(n_rows, PANEL_ROWS)
        layers = layers_of(kernels, network, panel, room, rates)
        *tables, plan = self._tables_of(kernels, layers)
        plan[kernels.ZEROS] = room.take(max(network.sizes))
        plan[kernels.PANEL] = panel
        plan[kernels.SCRATCH] = scratch_of(kernels, layers, panel, room)
        self._tables = plan, layers, *tables
        scratch = np.zeros(panel + 64)
        self._work = room.numbers(), np.zeros_like(network.w), scratch

    def _tables_of(self, kernels, layers: np.ndarray) -> tuple[np.ndarray, ...]:
        """The other tables that `batch_kernels.present` reads; the plan is the last."""
        update, code = self._update, self._code
        objective, limits = update.objective, update.limits
        network = objective.network
        largest = [np.inf if x is None else x for x in (limits.max_grad_norm, limits.max_norm)]
        parts = [] if self._gains.size else self._parts(layers[:, kernels.WEIGHTS])
        settings = [*objective.penalty.strengths, *largest, update.largest_eta]
        settings += [eta for _, _, eta in parts]
        plan = np.zeros(kernels.PARTS + 2 * len(parts), np.int64)
        plan[kernels.N_LAYERS], plan[kernels.BATCH] = network.n_layers, self._n_rows
        plan[kernels.COST] = code["cost"]
        plan[kernels.PREPARE], plan[kernels.STEP] = code["rule"]
        plan[kernels.PRODUCT] = code["product"]
        plan[kernels.FUSED], plan[kernels.GAINED] = objective.head.fused, network.input_gain
        plan[kernels.MASKED] = objective.learning is not None
        plan[kernels.N_PARTS] = len(parts)
        plan[kernels.PARTS :] = [n for start, count, _ in parts for n in (start, count)]
        if objective.disturbance is not None:
            plan[kernels.DISTURBANCE] = len(settings)
            settings += [objective.disturbance.noise, *objective.disturbance.rates]
        plan[kernels.RULE] = len(settings)
        settings += self._step.numbers
        plan[kernels.LOSS] = len(settings)
        settings += self._cost.numbers
        plan[kernels.COLUMNS] = len(settings)
        settings += np.ravel(self._cost.columns).tolist()
        groups, member = self._neurons_of(kernels, layers, network, code, settings)
        return groups, member, np.array(settings, float), plan

    def _parts(self, starts) -> list[tuple[int, int, float]]:
        """What of `w` has one eta: where it begins, how many weights, and the eta."""
        by_layer, size = self._update.eta_by_layer, self._update.objective.network.w.size
        assert by_layer is not None
        if len(set(by_layer)) == 1:
            return [(0, size, by_layer[0])]
        ends = [*starts[1:], size]
        return [(s, e - s, eta) for s, e, eta in zip(starts, ends, by_layer, strict=True)]

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""
        rows = _PIECE_WORK / max(self._update.objective.network.w.size, 1)
        rows /= 1 + _STEP_WORK / self._batch_size
        return max(1, int(rows / self._batch_size)) * self._batch_size

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """Present batches, as `numpy_rows.Pass.present` says."""
        disturbance = self._update.objective.disturbance
        run, state, w = self._run, self._update.state, self._update.objective.network.w
        assert run is not None
        d = self._desired(take_rows(targets, rows))
        batch_size = min(self._batch_size, len(d))
        if batch_size > self._n_rows:
            self._make_room(batch_size)
        n_batches, before, seeds = -(-len(d) // batch_size), None, self._none
        if disturbance is not None:  # one for each update: a chunk is what its batches are
            before = disturbance.rng.bit_generator.state
            seeds = disturbance.rng.integers(2**63, size=n_batches)
        inputs = self._inputs(X, rows, seeds, batch_size)
        scale = self._all_ones if scale is None else contiguous(take_rows(scale, rows), w.dtype)

        def present(count: int) -> tuple[int, float]:
            n_rows = min(count * batch_size, len(d))
            return run(
                w,
                state.rule_state,
                self._gains,
                *inputs,
                d[:n_rows],
                scale,
                factors,
                state.n_updates - state.rule_start,
                seeds,
                *self._tables,
                *self._work,
            )

        done, total = self._try(present, n_batches)
        n_updates = -(-done // batch_size)
        if disturbance is not None and n_updates < n_batches:
            assert before is not None
            disturbance.rng.bit_generator.state = before
            disturbance.rng.integers(2**63, size=n_updates)
        state.n_updates += n_updates
        state.n_samples += done
        return done, total

    def _inputs(self, X, rows, seeds: np.ndarray, batch_size: int) -> tuple[np.ndarray, ...]:
        """Numbers, indices and bounds of rows, dense or sparse, and their order."""
        order = self._none
        if sparse.issparse(X):
            X = X if rows is None else X[rows]
            disturbance = self._update.objective.disturbance
            if disturbance is not None and (rate := disturbance.rates[0]):
                X = _dropped(X, rate, seeds, batch_size)
            numbers, indices = contiguous(X.data), contiguous(X.indices, np.dtype(np.int32))
            return numbers[np.newaxis], indices, X.indptr.astype(np.int64), order
        if isinstance(rows, np.ndarray) and X.flags.carray:
            order = contiguous(rows, np.dtype(np.int64))
        else:
            X = contiguous(X if rows is None else X[rows])
        return X, self._no_indices, self._none, order


def _dropped(X, rate: float, seeds: np.ndarray, batch_size: int):
    """A copy of sparse rows, stored numbers behind gates that are shut with a probability.

    The numbers at random are those of `batch_kernels`, from a seed for each batch.
    """
    from .batch_kernels import mixed  # which imports Numba

    X = X.copy()
    X.sum_duplicates()  # a gate for each signal, in however many parts it is stored
    starts = X.indptr[:-1:batch_size].astype(np.uint64)
    counts = np.diff(np.append(starts, X.nnz)).astype(np.int64)
    own = np.repeat(mixed.py_func(seeds, -1), counts)  # panels count from 0
    places = np.arange(X.nnz, dtype=np.uint64) - np.repeat(starts, counts)
    uniform = (mixed.py_func(own, places) >> np.uint64(11)) * 2.0**-53
    X.data *= (uniform >= rate) * X.data.dtype.type(1.0 / (1.0 - rate))
    return X
