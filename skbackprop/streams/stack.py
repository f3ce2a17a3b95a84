"""Networks of equal shape, side by side: one row is presented to all of them at once.

The equations are those of `skbackprop.network.network`, with one index more, for the network ::

    v_j = sum_i w_ji y_i + w_j0,     y_j = phi_j(v_j)                          (`forward`)
    delta_j = phi_j'(v_j) sum_k delta_k w_kj,     -dE/dw_ji = delta_j y_i      (`learn`)

and the weights of each are changed by one of the package's update rules, each rule for all the
networks that go by it at once. All networks have one input row; their weights are the rows of one
array, in the order of `Network.w`.

The last network does not learn by itself: its weights are the running average of those of another,
``w <- w + r (w_averaged - w)`` with ``r = max(1/1000, 1/n)`` (Polyak and Juditsky 1992). It is
calmer than any, and late where a stream changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..activations.activation import Activation
from ..network.initializers import initializer_for
from ..updates.rule import RULES

__all__ = ["AVERAGING_RATE", "Stack"]

AVERAGING_RATE = 0.001  # what a row counts in the average, at least
_FEW = 8  # columns up to which an outer product is faster as that of matrices


class Stack:
    """Networks of equal shape, and how each learns.

    Parameters
    ----------
    sizes : sequence of int
        Neurons per layer, the inputs first. The output neurons are linear here: what is made of
        their induced local fields is the race's.
    activation : Activation
        Of all hidden neurons.
    etas : mapping of str to sequence of float
        Rule -> learning rates, one for each network that goes by the rule.
    rng : RandomState
        Draws the hidden weights; the output weights start at zero.

    Attributes
    ----------
    w : ndarray of shape (n_networks, P)
        Those that learn, then the average.
    state : ndarray
        For each rule (n_slots, n_networks of the rule, P), one after the other.
    counts : ndarray of shape (2,)
        Updates, and those since the average began.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation,
        etas: Mapping[str, Sequence[float]],
        rng: np.random.RandomState,
    ):
        self.sizes = list(sizes)
        self.activation = activation
        self.etas = {rule: tuple(map(float, values)) for rule, values in etas.items()}
        self.counts = np.zeros(2)
        self.w = np.zeros((len(self), self.n_parameters))
        self._draw(rng)
        self.restart_average()
        self.state = np.zeros(sum(n_slots * size for n_slots, size in self._state_shapes()))
        self._prepare()

    def __len__(self) -> int:
        return self.n_learners + 1

    @property
    def n_learners(self) -> int:
        """Networks that learn."""
        return sum(map(len, self.etas.values()))

    @property
    def averaged(self) -> int:
        """The network that is averaged: of those of the first rule, that of the largest eta."""
        return int(np.argmax(next(iter(self.etas.values()))))

    @property
    def names(self) -> list[str]:
        """The rule and the learning rate of each network."""
        names = [f"{rule} {eta:g}" for rule, values in self.etas.items() for eta in values]
        return [*names, f"average of {names[self.averaged]}"]

    @property
    def n_updates(self) -> int:
        """Rows that have been learned."""
        return int(self.counts[0])

    def restart_average(self) -> None:
        """Let the average begin with the weights as they are now."""
        self.counts[1] = 0.0
        self.w[-1] = self.w[self.averaged]

    @property
    def n_parameters(self) -> int:
        """Weights and biases of one network."""
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))

    def __getstate__(self) -> dict:
        """Everything but views and workspaces."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self._prepare()

    def _state_shapes(self) -> list[tuple[int, int]]:
        """Slots of each rule, and the weights that it moves."""
        n = self.n_parameters
        return [(RULES[rule].n_slots, len(values) * n) for rule, values in self.etas.items()]

    def _draw(self, rng: np.random.RandomState) -> None:
        initializer = initializer_for("auto", self.activation)
        for W, (n_in, n_out) in zip(self._layers(self.w)[:-1], pairwise(self.sizes), strict=False):
            W[:, :-1] = initializer(n_in, n_out, rng)

    # -- layout ----------------------------------------------------------------------------------

    def _layers(self, flat: np.ndarray) -> list[np.ndarray]:
        """Views (n_networks, n_in + 1, n_out) of each layer, its biases last."""
        views, start = [], 0
        for n_in, n_out in pairwise(self.sizes):
            end = start + (n_in + 1) * n_out
            views.append(flat[:, start:end].reshape(len(flat), n_in + 1, n_out))
            start = end
        return views

    def _prepare(self) -> None:
        """Make the views and workspaces, which go with the sizes."""
        n, n_learners, sizes = len(self), self.n_learners, self.sizes
        self._averaged = self.averaged
        self._weights = self._layers(self.w)
        self._g = np.zeros((n_learners, self.n_parameters))
        self._corrections = self._layers(self._g)
        self._y = [np.ones((1, sizes[0] + 1)), *(np.ones((n, m + 1)) for m in sizes[1:-1])]
        self._v = [np.zeros((n, m)) for m in sizes[1:]]
        self._delta = [np.zeros((n_learners, m)) for m in sizes[1:]]
        self._groups = []
        for rule, members, state in self._rules():
            eta = np.repeat(self.etas[rule], self.n_parameters)
            w, g = self.w[members].reshape(-1), self._g[members].reshape(-1)
            self._groups.append((RULES[rule], w, g, state, eta))

    def _rules(self) -> Iterator[tuple[str, slice, np.ndarray]]:
        """Each rule, its networks, and its state (n_slots, n_networks * P), a view."""
        network, place = 0, 0
        for (rule, values), (n_slots, size) in zip(
            self.etas.items(), self._state_shapes(), strict=True
        ):
            state = self.state[place : place + n_slots * size].reshape(n_slots, size)
            yield rule, slice(network, network + len(values)), state
            network, place = network + len(values), place + n_slots * size

    def members(self) -> list[tuple[str, float, int, int]]:
        """Rule and learning rate of each network, and place and stride of its rule's state."""
        found, place = [], 0
        for (rule, values), (n_slots, size) in zip(
            self.etas.items(), self._state_shapes(), strict=True
        ):
            for i, eta in enumerate(values):
                found.append((rule, eta, place + i * self.n_parameters, size))
            place += n_slots * size
        return found

    # -- the rule --------------------------------------------------------------------------------

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Induced local fields (n_networks, n_units) of the output neurons for one row."""
        self._y[0][0, :-1] = x
        for layer, W in enumerate(self._weights):
            v = self._v[layer]
            np.matmul(self._y[layer][:, None], W, out=v[:, None])
            if layer + 1 < len(self._weights):
                self.activation.into(v, self._y[layer + 1][:, :-1])
        return self._v[-1]

    def learn(self, delta: np.ndarray) -> None:
        """Change all weights by the local gradients of the output neurons, after `forward`."""
        n = self.n_learners
        self._delta[-1][...] = delta[:n]
        for layer in range(len(self._weights) - 1, 0, -1):
            W, e = self._weights[layer][:n, :-1], self._delta[layer - 1]
            np.matmul(W, self._delta[layer][:, :, None], out=e[:, :, None])
            self.activation.delta(e, self._v[layer - 1][:n], self._y[layer][:n, :-1], out=e)
        for y, d, g in zip(self._y, self._delta, self._corrections, strict=True):
            outer = np.multiply if d.shape[1] > _FEW else np.matmul
            outer(y[:n, :, None], d[:, None], out=g)
        n_updates, n_averaged = self.counts.tolist()
        for rule, w, g, state, eta in self._groups:
            rule.step(w, g, state, int(n_updates), eta, 0.0)
        average = self.w[-1]
        step = self.w[self._averaged] - average
        step *= max(AVERAGING_RATE, 1.0 / (n_averaged + 1.0))
        average += step
        self.counts += 1.0

    def respond(self, X: np.ndarray) -> np.ndarray:
        """Induced local fields (n_networks, n, n_units) of the outputs; nothing is kept."""
        y = X[None]
        for layer, W in enumerate(self._weights):
            v = np.matmul(y, W[:, :-1])
            v += W[:, -1:]
            y = v
            if layer + 1 < len(self._weights):
                y = self.activation.into(v, v.copy())
        return v

    # -- what the scales do ----------------------------------------------------------------------

    def rescale_inputs(self, ratio: np.ndarray, shift: np.ndarray) -> None:
        """Keep the function of unscaled inputs when ``(x - m) / s`` becomes ``(x - m') / s'``.

        ``w'_ji = w_ji s'_i / s_i`` and ``w'_j0 = w_j0 + sum_i w_ji (m'_i - m_i) / s_i``.

        Parameters
        ----------
        ratio, shift : ndarray of shape (n_inputs,)
            ``s' / s`` and ``(m' - m) / s``.
        """
        W = self._weights[0]
        W[:, -1] += np.matmul(shift, W[:, :-1])
        W[:, :-1] *= ratio[:, None]

    def rescale_outputs(self, ratio: float, shift: float) -> None:
        """Keep the function when predictions ``s y + m`` become ``s' y + m'`` (PopArt).

        ``w' = w s / s'`` and ``w'_0 = (s w_0 + m - m') / s'`` (van Hasselt et al., NeurIPS 2016).

        Parameters
        ----------
        ratio, shift : float
            ``s / s'`` and ``(m - m') / s'``.
        """
        W = self._weights[-1]
        W *= ratio
        W[:, -1] += shift

    # -- growth ----------------------------------------------------------------------------------

    def grow_inputs(self, n_new: int) -> None:
        """Add inputs after the others, of weight zero: no output changes."""
        position = self.sizes[0]
        self._grow(0, 0, np.full(n_new, position))

    def grow_outputs(self, position: int, biases: np.ndarray) -> None:
        """Add an output neuron before that of a position: weights zero, a bias for each network."""
        self._grow(len(self.sizes) - 1, 1, np.array([position]))
        self._weights[-1][:, -1, position] = biases

    def _grow(self, size: int, axis: int, positions: np.ndarray) -> None:
        """Insert rows (axis 0) or columns (axis 1) of zeros into a layer, weights and states."""
        layer = size - axis

        def grown(flat: np.ndarray) -> np.ndarray:
            layers = self._layers(flat)
            layers[layer] = np.insert(layers[layer], positions, 0.0, axis=axis + 1)
            return np.concatenate([W.reshape(len(flat), -1) for W in layers], axis=1)

        w, n = grown(self.w), self.n_parameters
        states = [
            grown(slot.reshape(members.stop - members.start, n)).ravel()
            for _, members, state in self._rules()
            for slot in state
        ]
        self.sizes[size] += len(positions)
        self.w, self.state = w, np.concatenate([np.zeros(0), *states])
        self._prepare()

    # -- restarts --------------------------------------------------------------------------------

    def restart(self, loser: int, winner: int) -> None:
        """Give a network the weights of another; its rule starts anew."""
        self.w[loser] = self.w[winner]
        for _, members, state in self._rules():
            if members.start <= loser < members.stop:
                first = (loser - members.start) * self.n_parameters
                state[:, first : first + self.n_parameters] = 0.0
