"""The online rule: what presents single rows, an update each, and which engine does it.

A pass presents rows in order until one needs care, because a number of it is near overflow; that
row is for `Trainer.update`, which knows every case. `NumpyPass` is the same arithmetic with as few
calls as a row can do with; `compiled.CompiledPass` has no calls at all.
"""

from __future__ import annotations

import warnings
from itertools import pairwise
from math import fsum, isfinite
from typing import Protocol

import numpy as np
from scipy import sparse
from scipy.linalg import blas

from .compiled import CompiledPass, why_no_compiler, why_not
from .objective import take_rows
from .updates import SGD

__all__ = ["NumpyPass", "RowPass", "choose_engine"]


class RowPass(Protocol):
    """What presents single rows."""

    def load(self) -> None:
        """Get ready, before anything changes."""

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """Present rows in order, an update each, and stop before one that needs care.

        Parameters
        ----------
        X, targets : ndarray or CSR
        scale : ndarray of shape (n,) or None
        rows : slice or ndarray of int
            Those to present.
        factors : ndarray of shape (n_rows,) or (1,)
            Of eta, at each update or at all of them.

        Returns
        -------
        done : int
            Rows presented.
        total : float
            Their costs, each before its own update, summed.
        """


class NumpyPass:
    """The equations of `network` on one dense row, with a BLAS call for each.

    ``y_0 = +1``, which drives the biases, is carried along in the arrays: a layer's weights and
    biases lie one after the other in `w`, and so they are one matrix (n_in + 1, n_out), forward a
    product with it and the rule a change of rank one.

    Parameters
    ----------
    trainer : training.Trainer
        One without `extras`. Its network's `w` and its state are changed.
    """

    def __init__(self, trainer):
        self._trainer = trainer
        objective = trainer.objective
        self._network, self._loss = objective.network, objective.loss
        w, sizes = self._network.w, self._network.sizes
        self._ger = blas.sger if w.dtype == np.float32 else blas.dger
        # One array each for all layers, so that one product tells whether all is finite.
        self._y = np.ones(sum(n + 1 for n in sizes[:-1]), w.dtype)
        self._v, self._delta = np.empty(sum(sizes[1:]), w.dtype), np.empty(sum(sizes[1:]), w.dtype)
        self._g = np.empty_like(w)
        entering = _split(self._y, [n + 1 for n in sizes[:-1]])
        self._x = entering[0][:-1]
        self._output_y = np.empty((1, sizes[-1]), w.dtype)
        outputs = [*(y[np.newaxis, :-1] for y in entering[1:]), self._output_y]
        v, delta = _split(self._v, sizes[1:]), _split(self._delta, sizes[1:])
        shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        weights = _split(w, [n_in * n_out for n_in, n_out in shapes])
        weights = [W.reshape(shape) for W, shape in zip(weights, shapes, strict=True)]
        g = _split(self._g, [W.size for W in weights])
        self._output_v, self._output_delta = v[-1][np.newaxis], delta[-1][np.newaxis]
        self._forward = [
            (y.dot, W, v_l, v_l[np.newaxis], activation.phi_into or activation.into, y_l)
            for y, W, v_l, activation, y_l in zip(
                entering, weights, v, self._network.activations, outputs, strict=True
            )
        ]
        self._backward = [
            (
                weights[layer][:-1].dot,
                delta[layer],
                delta[layer - 1],
                delta[layer - 1][np.newaxis],
                self._network.activations[layer - 1].delta,
                v[layer - 1][np.newaxis],
                outputs[layer - 1],
            )
            for layer in range(self._network.n_layers - 1, 0, -1)
        ]
        # Transposed, because BLAS changes in place what is stored by columns only.
        self._weights = [W.T for W in weights]
        self._corrections = [G.reshape(n).T for G, n in zip(g, shapes, strict=True)]
        self._outer = list(zip(delta, entering, strict=True))
        self._eta = trainer.eta_by_layer()
        plain = type(trainer.rule) is SGD and not any(objective.penalty.strengths)
        self._is_plain = plain and objective.learning is None and self._eta is not None

    def load(self) -> None:
        """Nothing: NumPy is there."""

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""
        return max(1, min(1000, int(1e7 / self._network.w.size)))

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """See `RowPass.present`; sparse rows all need `Trainer.update`."""
        if sparse.issparse(X):
            return 0, 0.0
        loss, plain = self._loss, self._is_plain
        X, d = take_rows(X, rows), loss.encode(take_rows(targets, rows), self._network.w.dtype)
        n_rows, done, total = len(d), 0, 0.0
        weights = None if scale is None else scale[rows]
        weight, factor = None, float(factors[0])
        v, y = self._output_v, self._output_y
        if n_rows > 1:
            v, y = np.empty_like(d), np.empty_like(d)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while done < n_rows:
                d_row = d[done : done + 1] if n_rows > 1 else d
                if len(factors) > 1:
                    factor = float(factors[done])
                if weights is not None:
                    weight = float(weights[done])
                if not self._flow(X[done], d_row, weight, factor):
                    break
                if plain:
                    if n_rows > 1:
                        v[done], y[done] = self._output_v[0], self._output_y[0]
                    self._learn(factor)
                else:
                    total += self._learn_by_rule(d_row, weight, factor, done)
                done += 1
            if plain:  # the costs of all rows together
                values = loss.value(d[:done], y[:done], v[:done])
                total = fsum((values if weights is None else values * weights[:done]).tolist())
        return done, total

    def _flow(self, x, d, weight: float | None, factor: float) -> bool:
        """Forward, error and backward of one row; whether nothing comes near overflow."""
        self._x[...] = x
        for dot, W, v, v_row, phi_into, y in self._forward:
            dot(W, v)  # v_j = sum_i w_ji y_i
            phi_into(v_row, y)  # y_j = phi_j(v_j)
        self._loss.output_delta(d, self._output_y, self._output_v, out=self._output_delta)
        if weight is not None:
            self._output_delta *= weight
        for dot, delta, e, e_row, to_delta, v, y in self._backward:
            dot(delta, e)  # e_j = sum_k delta_k w_kj
            to_delta(e_row, v, y, e_row)  # delta_j = e_j phi_j'(v_j)
        step = max(self._trainer.largest_eta * factor, 1.0)
        size = self._delta.dot(self._delta) * self._y.dot(self._y) * step * step
        return isfinite(size + self._v.dot(self._v))

    def _learn(self, factor: float) -> None:
        """``Dw_ji = eta delta_j y_i``."""
        ger = self._ger
        for (delta, y), W, eta in zip(self._outer, self._weights, self._eta, strict=True):
            ger(eta * factor, delta, y, 1, 1, W, 1, 1, 1)

    def _learn_by_rule(self, d, weight: float | None, factor: float, done: int) -> float:
        """Give the rule the whole correction; returns the row's cost before."""
        trainer, w, g = self._trainer, self._network.w, self._g
        state, ger = trainer.state, self._ger
        cost = float(self._loss.value(d, self._output_y, self._output_v)[0])
        if weight is not None:
            cost *= weight
        g.fill(0.0)
        for (delta, y), G in zip(self._outer, self._corrections, strict=True):
            ger(1.0, delta, y, 1, 1, G, 1, 1, 1)  # delta_j y_i
        cost += trainer.objective.penalise(g)
        t = state.n_updates - state.rule_start + done
        trainer.rule.step(w, g, state.rule_state, t, trainer.eta * factor, cost)
        return cost


def _split(flat: np.ndarray, sizes) -> list[np.ndarray]:
    """Views of consecutive pieces of an array."""
    ends = np.cumsum(sizes)
    return [flat[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def choose_engine(engine: str, before: str | None, trainer) -> tuple[str, RowPass | None]:
    """What presents single rows.

    Parameters
    ----------
    engine : {"auto", "numpy", "compiled"}
        What the user wants. "auto" takes the compiled pass where its code is there already, so that
        nothing is ever compiled unasked.
    before : {"numpy", "compiled"} or None
        What the model has run on until now; "auto" keeps to it.
    trainer : training.Trainer

    Returns
    -------
    engine : {"numpy", "compiled"}
        What the model runs on from now.
    online : RowPass or None
        None where only `Trainer.update` will do.

    Raises
    ------
    ValueError
        If the engine is "compiled", and cannot do what the trainer does.
    ImportError
        If it is "compiled", Numba is missing, and the model has never run on it.
    """
    in_numpy = None if trainer.extras else NumpyPass(trainer)
    if engine == "numpy" or (engine == "auto" and before == "numpy"):
        return "numpy", in_numpy
    reason, missing = why_not(trainer), why_no_compiler()
    if engine == "compiled" and reason is not None:
        raise ValueError(f"engine='compiled' cannot train this model: {reason}.")
    if reason is None and missing is None:
        compiled = CompiledPass(trainer)
        if engine == "compiled" or compiled.is_compiled:
            return "compiled", compiled
        missing = "its code is not compiled here, which skbackprop.compile_engine() does"
    if before == "compiled":
        if missing is not None:
            warnings.warn(
                f"This model was trained by the compiled engine and goes on in NumPy: {missing}.",
                stacklevel=2,
            )
        return "compiled", in_numpy
    if engine == "compiled":
        raise ImportError(f"engine='compiled' cannot be used: {missing}.")
    return "numpy", in_numpy
