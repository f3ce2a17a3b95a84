"""Networks of equal shape, side by side: one row is presented to all of them at once.

The equations are those of `skbackprop.network.network`, with one index more, for the network ::

    v_j = sum_i w_ji y_i + w_j0,     y_j = phi_j(v_j)                          (`forward`)
    delta_j = phi_j'(v_j) sum_k delta_k w_kj,     -dE/dw_ji = delta_j y_i      (`learn`)

and the weights of each are changed by one of the package's update rules, each rule for all the
networks that go by it at once. All networks have one input row; their weights are the rows of one
array, in the order of `Network.w`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..activations.activation import Activation
from ..network.initializers import initializer_for
from ..updates.rule import RULES

__all__ = ["Stack"]


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
    states : list of ndarray of shape (n_slots, n_networks of the rule, P)
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
        self.n_updates = 0
        self.w = np.zeros((len(self), self.n_parameters))
        self._draw(rng)
        self.states = [
            np.zeros((RULES[rule].n_slots, len(values), self.n_parameters))
            for rule, values in self.etas.items()
        ]
        self._prepare()

    def __len__(self) -> int:
        return sum(map(len, self.etas.values()))

    @property
    def names(self) -> list[str]:
        """The rule and the learning rate of each network."""
        return [f"{rule} {eta:g}" for rule, values in self.etas.items() for eta in values]

    @property
    def n_parameters(self) -> int:
        """Weights and biases of one network."""
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))

    def __getstate__(self) -> dict:
        """Everything but views and workspaces."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.w, self.states = self.w.copy(), [state.copy() for state in self.states]
        self._prepare()

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
        n, sizes = len(self), self.sizes
        self._weights = self._layers(self.w)
        self._g = np.zeros_like(self.w)
        self._corrections = self._layers(self._g)
        self._y = [np.ones((1, sizes[0] + 1)), *(np.ones((n, m + 1)) for m in sizes[1:-1])]
        self._v = [np.zeros((n, m)) for m in sizes[1:]]
        self._delta = [np.zeros((n, m)) for m in sizes[1:]]
        self._groups, start = [], 0
        for (rule, values), state in zip(self.etas.items(), self.states, strict=True):
            end = start + len(values)
            eta = np.repeat(values, self.n_parameters)
            self._groups.append(
                (
                    RULES[rule],
                    self.w[start:end].reshape(-1),
                    self._g[start:end].reshape(-1),
                    state.reshape(len(state), eta.size),
                    eta,
                )
            )
            start = end

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
        self._delta[-1][...] = delta
        for layer in range(len(self._weights) - 1, 0, -1):
            W, e = self._weights[layer][:, :-1], self._delta[layer - 1]
            np.matmul(W, self._delta[layer][:, :, None], out=e[:, :, None])
            self.activation.delta(e, self._v[layer - 1], self._y[layer][:, :-1], out=e)
        for y, d, g in zip(self._y, self._delta, self._corrections, strict=True):
            np.multiply(y[:, :, None], d[:, None], out=g)
        for rule, w, g, state, eta in self._groups:
            rule.step(w, g, state, self.n_updates, eta, 0.0)
        self.n_updates += 1

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

        w = grown(self.w)
        states = [
            np.stack([grown(slot) for slot in state]) if len(state) else state[:, :, :0]
            for state in self.states
        ]
        self.sizes[size] += len(positions)
        self.w = w
        self.states = [
            state if len(state) else np.zeros((0, state.shape[1], self.n_parameters))
            for state in states
        ]
        self._prepare()

    # -- restarts --------------------------------------------------------------------------------

    def restart(self, loser: int, winner: int) -> None:
        """Give a network the weights of another; its rule starts anew."""
        self.w[loser] = self.w[winner]
        start = 0
        for state in self.states:
            if start <= loser < start + state.shape[1]:
                state[:, loser - start] = 0.0
            start += state.shape[1]
