"""The rule on one row at a time, in NumPy, with as few calls as a row can do with.

A pass presents rows in order until one needs care, because a number of it is near overflow; that
row is for `Trainer.apply`, which knows every case.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import fsum, isfinite
from typing import NamedTuple, Protocol

import numpy as np
from scipy import sparse
from scipy.linalg import blas

from ..activations.activation import ACTIVATIONS
from ..losses.regression import SquaredError
from ..network.rows import take_rows
from ..updates.descent import SGD
from ..updates.headroom import has_headroom, is_tame
from .update import Update

__all__ = ["NumpyPass", "Pass"]

# Rows whose signals are held at a time, and the most numbers that these may be.
_BLOCK_ROWS = 32
_BLOCK_NUMBERS = 2**16
_MOST_FILLED = 10000  # features of sparse rows, which are filled up with zeros


class Pass(Protocol):
    """Protocol of what presents rows, one by one or in batches."""

    def load(self) -> None:
        """Get ready, before anything changes."""

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: whole batches, few enough that it takes 0.1 s at most."""

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """Present rows in order, a batch an update, and stop before one that needs care.

        The update's state counts each row with its change, so that the two agree whatever ends it.

        Parameters
        ----------
        X, targets : ndarray or CSR
        scale : ndarray of shape (n,) or None
        rows : slice or ndarray of int or None
            Those to present; None is all.
        factors : ndarray of shape (n_updates,) or (1,)
            The factor of eta, at each update or at all of them.

        Returns
        -------
        done : int
            Rows presented.
        total : float
            Their costs, each before its own update, summed.
        """


class NumpyPass:
    """The equations of `network` on one dense row at a time, with a BLAS call for each.

    ``y_0 = +1``, which drives the biases, is carried along in the arrays: a layer's weights and
    biases lie one after the other in `w`, and so they are one matrix (n_in + 1, n_out), forward a
    product with it and the rule a change of rank one.

    Parameters
    ----------
    update : Update
        One without `extras`. Its network's `w` and its state are changed.
    """

    def __init__(self, update: Update):
        self._update = update
        objective = update.objective
        self._network, self._head = objective.network, objective.head
        w, sizes = self._network.w, self._network.sizes
        self._ger = blas.sger if w.dtype == np.float32 else blas.dger
        shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        self._g = np.empty_like(w)
        self._weights, corrections = _matrices(w, shapes), _matrices(self._g, shapes)
        # Transposed, because BLAS changes in place what is stored by columns only.
        self._changed = [W.T for W in self._weights]
        self._corrections = [G.T for G in corrections]
        by_layer, self._largest_eta = update.eta_by_layer, update.largest_eta
        self._eta = by_layer or []
        self._is_penalised = any(objective.penalty.strengths) or objective.learning is not None
        self._is_tame = is_tame(update.rule)
        is_bare = type(update.rule) is SGD and not self._is_penalised
        # The gains' correction is no outer product: a rule gets the whole of it, the bare one too.
        gains = self._network.gains(w)
        self._is_plain = is_bare and by_layer is not None and gains is None
        self._is_measured = self._is_penalised or gains is not None
        # The signals of a block of rows: one array for all layers, so that one product tells
        # whether all is finite. Rows, and y, v and delta of a row, are whole cache lines apart.
        self._n_rows = max(1, min(_BLOCK_ROWS, _BLOCK_NUMBERS // sum(sizes)))
        n_y, n_v = _padded(sum(n + 1 for n in sizes[:-1])), _padded(sum(sizes[1:]))
        self._all = self._signals(n_y + 2 * n_v)
        self._y, self._v = self._all[:, :n_y], self._all[:, n_y : n_y + n_v]
        self._delta = self._all[:, n_y + n_v :]
        self._x = self._y[:, : sizes[0]]
        if gains is not None:
            self._gains, self._g_gains = gains[:, 0], self._g[-sizes[0] :]
            self._x = self._signals(sizes[0])[:, : sizes[0]]
        for bias in np.cumsum([n + 1 for n in sizes[:-1]]) - 1:
            self._y[:, bias] = 1.0
        self._output = self._output_v = self._v[:, sum(sizes[1:-1]) : sum(sizes[1:])]
        if self._network.activations[-1] != ACTIVATIONS["identity"]:
            self._output = self._signals(sizes[-1])[:, : sizes[-1]]
        self._is_output_guarded = self._head.output_may_overflow
        self._value, self._output_delta_into = self._head.loss.value, self._head.output_delta
        # Behind the identity E = 1/2 sum_j delta_j^2, which is there already.
        self._is_half_square = self._head.fused and type(self._head.loss) is SquaredError
        if self._head.fused:
            self._output_delta_into = self._head.loss.fused_delta
        self._rows: list[_Row] = []

    def _signals(self, count: int) -> np.ndarray:
        return np.zeros((self._n_rows, _padded(count)), self._network.w.dtype)

    def _views(self, count: int) -> list[_Row]:
        """The first rows of the block; made when they are first needed."""
        while len(self._rows) < count:
            self._rows.append(self._make_row(len(self._rows)))
        return self._rows

    def _make_row(self, index: int) -> _Row:
        network, sizes = self._network, self._network.sizes
        entering = _split(self._y[index], [n + 1 for n in sizes[:-1]])
        v, delta = _split(self._v[index], sizes[1:]), _split(self._delta[index], sizes[1:])
        outputs = [*(y[:-1] for y in entering[1:]), self._output[index]]
        into: list[Callable | None] = [a.phi_into or a.into for a in network.activations]
        if self._output is self._output_v:
            outputs[-1], into[-1] = v[-1], None
        forward = [
            (y.dot, W, v_l, phi_into, v_l[np.newaxis], out[np.newaxis])
            for y, W, v_l, phi_into, out in zip(
                entering, self._weights, v, into, outputs, strict=True
            )
        ]
        backward = [
            (
                self._weights[layer][:-1].dot,
                delta[layer],
                delta[layer - 1],
                network.activations[layer - 1].delta,
                delta[layer - 1][np.newaxis],
                v[layer - 1][np.newaxis],
                outputs[layer - 1][np.newaxis],
            )
            for layer in range(network.n_layers - 1, 0, -1)
        ]
        return _Row(
            forward,
            backward,
            list(zip(delta, entering, strict=True)),
            (outputs[-1][np.newaxis], v[-1][np.newaxis]),
            delta[-1][np.newaxis],
            self._all[index],
            (self._v[index], self._delta[index], self._y[index]),
            (self._x[index], entering[0][:-1]) if network.input_gain else None,
        )

    def load(self) -> None:
        """Do nothing: NumPy is there."""

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""
        return max(1, min(1000, int(1e7 / self._network.w.size)))

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """Present rows, as `Pass.present` says; long sparse ones are left to `Trainer.apply`."""
        if X.shape[1] > _MOST_FILLED and sparse.issparse(X):
            return 0, 0.0
        if rows is not None:
            X, targets = take_rows(X, rows), take_rows(targets, rows)
            scale = None if scale is None else take_rows(scale, rows)
        d = self._head.encode(targets, self._network.w.dtype)
        with np.errstate(all="ignore"):
            if len(d) == 1:
                weight = None if scale is None else float(scale[0])
                self._x[0] = X if isinstance(X, np.ndarray) else X.toarray()
                cost = self._present_row(self._views(1)[0], d, weight, float(factors[0]))
                return (0, 0.0) if cost is None else (1, cost)
            return self._present_rows(X, d, scale, factors)

    def _present_rows(self, X, d, scale, factors: np.ndarray) -> tuple[int, float]:
        weights = [None] * len(d) if scale is None else scale.tolist()
        multipliers = factors.tolist() * (len(d) if len(factors) == 1 else 1)
        done, total = 0, 0.0
        while done < len(d):
            part = slice(done, done + self._n_rows)
            block = X[part], d[part], weights[part], multipliers[part]
            count, cost = self._present_block(block)
            done, total = done + count, total + cost
            if count < len(block[1]):
                break
        return done, total

    def _present_block(self, block) -> tuple[int, float]:
        """Present rows in order; how many until one needs care, and the sum of their costs."""
        X, d, weights, factors = block
        self._x[: len(d)] = X if isinstance(X, np.ndarray) else X.toarray()
        if self._is_plain:
            values = self._present_trusting(block)
            if values is not None:
                return len(d), fsum(values.tolist())
        costs: list[float] = []
        rows = zip(self._views(len(d)), d[:, np.newaxis], weights, factors)  # noqa: B905
        for row, d_row, weight, factor in rows:
            cost = self._present_row(row, d_row, weight, factor)
            if cost is None:
                break
            costs.append(cost)
        return len(costs), fsum(costs)

    def _present_row(self, row: _Row, d, weight, factor: float) -> float | None:
        """One update; returns the cost before it, or None, with nothing done, if it needs care."""
        self._flow(row, d, weight)
        if weight is None and self._is_half_square:
            delta = row.outer[-1][0]
            cost = 0.5 * float(delta.dot(delta))
        else:
            cost = float(self._value(d, *row.output)[0])
            cost = cost if weight is None else cost * weight
        if not self._has_headroom(row.all_signals, row.signals, row.output[0], abs(cost), factor):
            return None
        if self._is_plain:
            self._change(row, factor)
        else:
            penalty = self._change_by_rule(row, cost, factor)
            if penalty is None:
                return None
            cost += penalty
        self._count(1)
        return cost

    def _has_headroom(self, signals, parts, output, cost: float, factor: float) -> bool:
        """Whether an update by a row, or updates by some, are far from overflow.

        By all signals, because their sum of squares is not less than that of any part.
        """
        guarded = 0.0
        if self._is_output_guarded:
            guarded = output.ravel().dot(output.ravel())
        eta, size = self._largest_eta * factor, signals.dot(signals)
        if has_headroom(size * size, eta, size + guarded + cost):
            return True
        v, delta, y = (part.ravel() for part in parts)
        return has_headroom(delta.dot(delta) * y.dot(y), eta, v.dot(v) + cost + guarded)

    def _count(self, n_rows: int) -> None:
        state = self._update.state
        state.n_updates += n_rows
        state.n_samples += n_rows

    def _present_trusting(self, block) -> np.ndarray | None:
        """Present rows by the bare rule, and look only then whether all was finite.

        Returns the costs; or None if it was not, and nothing has changed.
        """
        _, d, weights, factors = block
        before, done = self._network.w.copy(), 0
        rows = list(zip(self._views(len(d)), d[:, np.newaxis], weights, factors))  # noqa: B905
        try:
            for row, d_row, weight, factor in rows:
                self._flow(row, d_row, weight)
                self._change(row, factor)
                done += 1
        except BaseException:  # of a user's function, say: the rows before it stay presented
            self._network.w[...] = before
            for arguments in rows[:done]:
                self._present_row(*arguments)
            raise
        output, n_rows = self._output[: len(d)], len(d)
        values = self._value(d, output, self._output_v[:n_rows])
        if weights[0] is not None:
            values = values * weights
        parts = (A[:n_rows] for A in (self._v, self._delta, self._y))
        signals, cost = self._all[:n_rows].ravel(), np.abs(values).sum()
        if self._has_headroom(signals, parts, output, cost, max(factors)):
            self._count(len(d))
            return values
        self._network.w[...] = before
        return None

    def _flow(self, row: _Row, d, weight: float | None) -> None:
        """Forward, error and backward of one row."""
        if row.inputs is not None:
            x, y = row.inputs
            np.multiply(self._gains, x, out=y)  # y_i = gain_i x_i
        for dot, W, v, phi_into, v_row, y in row.forward:
            dot(W, v)  # v_j = sum_i w_ji y_i
            if phi_into is not None:
                phi_into(v_row, y)  # y_j = phi_j(v_j)
        self._output_delta_into(d, *row.output, row.output_delta)
        if weight is not None:
            np.multiply(row.output_delta, weight, out=row.output_delta)
        for dot, delta, e, to_delta, e_row, v, y in row.backward:
            dot(delta, e)  # e_j = sum_k delta_k w_kj
            to_delta(e_row, v, y, e_row)  # delta_j = e_j phi_j'(v_j)

    def _change(self, row: _Row, factor: float) -> None:
        """``Dw_ji = eta delta_j y_i``."""
        ger = self._ger
        for (delta, y), W, eta in zip(row.outer, self._changed, self._eta, strict=True):
            ger(eta * factor, delta, y, 1, 1, W, 1, 1, 1)

    def _change_by_rule(self, row: _Row, cost: float, factor: float) -> float | None:
        """Give the rule the whole correction; returns the penalty, or None if it needs care."""
        update, w, g, ger = self._update, self._network.w, self._g, self._ger
        g.fill(0.0)
        for (delta, y), G in zip(row.outer, self._corrections, strict=True):
            ger(1.0, delta, y, 1, 1, G, 1, 1, 1)  # delta_j y_i
        if row.inputs is not None:
            self._weights[0][:-1].dot(row.outer[0][0], self._g_gains)
            self._g_gains *= row.inputs[0]  # x_i sum_j delta_j w_ji
        penalty = update.objective.penalise(g) if self._is_penalised else 0.0
        # A decay moves weights whose signal is zero; a penalty and the gains have their part in g.
        size = w.dot(w)
        if not isfinite(size) or (
            self._is_measured and not has_headroom(g.dot(g), self._largest_eta * factor, size)
        ):
            return None
        if self._is_tame:
            update.step(g, factor, cost + penalty)
        elif not update.try_step(g, factor, cost + penalty):
            return None
        return penalty


class _Row(NamedTuple):
    """Views of one row's signals, as the equations need them."""

    forward: list[tuple]
    backward: list[tuple]
    outer: list[tuple[np.ndarray, np.ndarray]]  # delta and what enters, of each layer
    output: tuple[np.ndarray, np.ndarray]  # y and v of the output neurons, (1, n_units)
    output_delta: np.ndarray
    all_signals: np.ndarray  # of all layers: y, v and delta
    signals: tuple[np.ndarray, np.ndarray, np.ndarray]  # v, delta and y
    inputs: tuple[np.ndarray, np.ndarray] | None  # without and with their gains, if they have any


def _padded(count: int) -> int:
    return -(-count // 16) * 16


def _split(flat: np.ndarray, sizes) -> list[np.ndarray]:
    """Views of consecutive pieces of an array, which may go on after them."""
    ends = np.cumsum(sizes)
    return [flat[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _matrices(flat: np.ndarray, shapes) -> list[np.ndarray]:
    """Views of consecutive pieces of an array, as matrices."""
    pieces = _split(flat, [n_rows * n_columns for n_rows, n_columns in shapes])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]
