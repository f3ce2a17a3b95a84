"""The back-propagation rule on one layered network: every equation, once, beside its symbol.

A network with layers ``l = 0 .. L-1`` carries a row of signals ``y[0] = x`` forward ::

    v_j = sum_i w_ji y_i + w_j0        induced local field of neuron j        (`forward`)
    y_j = phi_j(v_j)                   its output

and local gradients ``delta_j = -dE/dv_j`` backward, from the last layer to the first ::

    delta_j = e_j phi_j'(v_j)                        j an output neuron, e_j = -dE/dy_j
    delta_j = phi_j'(v_j) sum_k delta_k w_kj         j a hidden neuron         (`backward`)

so that for ANY weight the descent direction on the cost of that row is ::

    -dE/dw_ji = delta_j y_i                                                    (`correction`)

and the rule changes it by ``Dw_ji = eta delta_j y_i``. For ``E = 1/2 sum_j e_j^2`` with
``e_j = d_j - y_j`` the four factors of the chain rule are ``dE/de_j = e_j``, ``de_j/dy_j = -1``,
``dy_j/dv_j = phi_j'(v_j)`` and ``dv_j/dw_ji = y_i``; hence the signs. The sign is Haykin's: errors
and local gradients point *down* the cost. Rows of a batch are independent; their corrections add
up.

The one layer that may be fed something else than a dense array is the first: sparse rows are known
to `affine` and `add_outer` alone.

References
----------
.. [1] D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
   errors", Nature 323, 1986.
.. [2] S. Haykin, "Neural Networks and Learning Machines", 3rd ed., 2009, chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import sparse

from ..activations.activation import Activation
from .regularisation import Disturbance
from .rows import add_outer, affine

__all__ = ["Network", "Workspace", "Workspaces"]


class Workspace:
    """The signals of one batch, allocated once and written again by every pass.

    Attributes
    ----------
    layers : list of (ndarray, ndarray)
        The network's weights and biases: views of its `w`, which the workspace is tied to.
    y : list of ndarray
        ``y[0]`` the input rows, ``y[l + 1]`` the outputs of layer l, each (n_rows, n_l).
    entering : list of ndarray
        The signals that enter layer l: `y` itself, unless a disturbance changed them on their way.
    v, delta : list of ndarray
        Induced local fields and local gradients of layer l.
    g : ndarray of shape (P,)
        The correction ``-dE/dw`` in the order of `Network.w`.
    ones : ndarray of shape (n_rows,)
        ``y_0 = +1`` of every row, the signal that enters the biases.
    g_layers : list of (ndarray, ndarray)
        Views of `g`: one (n_in, n_out) and one (n_out,) array per layer.
    """

    def __init__(self, network: Network, n_rows: int):
        dtype, sizes = network.w.dtype, network.sizes
        self.layers = network.layers(network.w)
        self.y: list = [None, *(np.empty((n_rows, n), dtype) for n in sizes[1:])]
        self.entering = self.y
        self.v = [np.empty((n_rows, n), dtype) for n in sizes[1:]]
        self.delta = [np.empty((n_rows, n), dtype) for n in sizes[1:]]
        self.g = np.empty_like(network.w)
        self.g_layers = network.layers(self.g)
        self.ones = np.ones(n_rows, dtype)
        self._rows: np.ndarray | None = None

    def rows(self) -> np.ndarray:
        """An array (n_rows, n_features) for the batch's input, made when first asked for."""
        if self._rows is None:
            self._rows = np.empty((len(self.ones), self.layers[0][0].shape[0]), self.g.dtype)
        return self._rows


class Workspaces:
    """The workspaces of a network for the batches of a pass, kept from one batch to the next.

    Two are kept: all batches of a pass have one number of rows, but for the last.

    Parameters
    ----------
    network : Network
        Of which the workspaces hold views.
    """

    def __init__(self, network: Network):
        self._network = network
        self._kept: dict[int, Workspace] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, n_rows: int) -> Workspace:
        """The workspace for a batch of `n_rows`; a third one takes the place of the oldest."""
        if n_rows not in self._kept:
            while len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]
            self._kept[n_rows] = Workspace(self._network, n_rows)
        return self._kept[n_rows]


class Network:
    """Sizes, activations and the flat parameter vector of a layered network.

    Parameters
    ----------
    sizes : sequence of int
        Neurons per layer, the inputs first: ``(n_features, ..., n_units)``.
    activations : sequence of Activation
        One per layer of weights.
    w : ndarray of shape (P,), optional
        All parameters: for each layer its C-ordered (n_in, n_out) weights, then its n_out biases.
        Zeros when not given.
    dtype : dtype, optional
        Of the zeros.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        w: np.ndarray | None = None,
        dtype: type = np.float64,
    ):
        self.sizes = tuple(int(n) for n in sizes)
        self.activations = tuple(activations)
        n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))
        self.w = np.zeros(n_parameters, dtype) if w is None else w

    @property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.sizes) - 1

    def __getstate__(self) -> dict:
        """Everything but the views, which would be copies."""
        return {key: value for key, value in vars(self).items() if key != "_views"}

    def layers(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views ``(W, b)`` of each layer into a flat vector laid out as `w`."""
        if flat is not self.w:
            return self._layers(flat)
        if "_views" not in vars(self):
            self._views = self._layers(flat)
        return self._views

    def _layers(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        views, start = [], 0
        for n_in, n_out in pairwise(self.sizes):
            middle = start + n_in * n_out
            views.append((flat[start:middle].reshape(n_in, n_out), flat[middle : middle + n_out]))
            start = middle + n_out
        return views

    def spread(self, per_layer: Sequence[float], per_bias: Sequence[float] | None = None):
        """A flat vector holding ``per_layer[l]`` at every weight (and bias) of layer l."""
        flat = np.empty_like(self.w)
        biases = per_layer if per_bias is None else per_bias
        for (W, b), value, bias in zip(self.layers(flat), per_layer, biases, strict=True):
            W[...] = value
            b[...] = bias
        return flat

    def with_parameters(self, w: np.ndarray) -> Network:
        """A network of the same kind over other parameters, which are not copied."""
        return Network(self.sizes, self.activations, w)

    def forward(
        self, X, workspace: Workspace, disturbance: Disturbance | None = None
    ) -> np.ndarray:
        """Forward signal flow: ``v_j = sum_i w_ji y_i``, ``y_j = phi_j(v_j)``, layer by layer.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_features)
            In the dtype of `w`.
        workspace : Workspace
            Of n_rows rows; its `y`, `v` and `entering` are written.
        disturbance : Disturbance, optional
            Changes the signals on their way into a layer, in training.

        Returns
        -------
        ndarray of shape (n_rows, n_units)
            The outputs of the last layer, which are ``workspace.y[-1]``.
        """
        y, v = workspace.y, workspace.v
        y[0] = X
        entering = workspace.entering = y if disturbance is None else [None] * self.n_layers
        for layer, (W, b) in enumerate(workspace.layers):
            if disturbance is not None:
                entering[layer] = disturbance.forward(layer, y[layer])
            affine(entering[layer], W, b, v[layer])
            self.activations[layer].into(v[layer], y[layer + 1])
        return y[-1]

    def respond(self, X) -> tuple[np.ndarray, np.ndarray]:
        """`forward` for a prediction: no signal is kept, and nothing shared is written.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_features)

        Returns
        -------
        v, y : ndarray of shape (n_rows, n_units)
            Induced local fields and outputs of the last layer.
        """
        y = X
        for (W, b), activation in zip(self.layers(self.w), self.activations, strict=True):
            v = affine(y, W, b)
            y = activation.into(v, v.copy())
        return v, y

    def backward(self, workspace: Workspace, disturbance: Disturbance | None = None) -> None:
        """Backward error flow: ``delta_j = phi_j'(v_j) sum_k delta_k w_kj``, last layer to first.

        ``workspace.delta[-1]``, the output neurons' local gradients, is given by the cost; those
        of the hidden layers are written, with the weights as they are before this step's change.
        """
        y, v, delta = workspace.y, workspace.v, workspace.delta
        for layer in range(self.n_layers - 1, 0, -1):
            W = workspace.layers[layer][0]
            e = np.dot(delta[layer], W.T, out=delta[layer - 1])  # sum_k delta_k w_kj = -dE/dy_j
            if disturbance is not None:
                disturbance.backward(layer, e)
            self.activations[layer - 1].delta(e, v[layer - 1], y[layer], out=e)

    def correction(self, workspace: Workspace) -> np.ndarray:
        """Sum over the rows of ``delta_j y_i = -dE/dw_ji``, with ``y_0 = 1`` for the biases.

        Returns
        -------
        ndarray of shape (P,)
            ``workspace.g``, written.
        """
        for y, delta, (gW, gb) in zip(
            workspace.entering, workspace.delta, workspace.g_layers, strict=False
        ):
            add_outer(y, delta, gW)
            np.dot(workspace.ones, delta, out=gb)
        return workspace.g

    def jacobian(self, workspace: Workspace) -> np.ndarray:
        """Derivatives of every output by every parameter, after a `forward` pass.

        One backward pass per output neuron k, with the unit signal ``e = (0, .., 1, .., 0)`` in
        the place of the error: ``dy_k/dw_ji = delta_j y_i``. So ``J^T e`` is the `correction`.

        Returns
        -------
        ndarray of shape (n_rows, n_units, P)
        """
        n_rows, n_units = workspace.y[-1].shape
        J = np.empty((n_rows, n_units, self.w.size), self.w.dtype)
        inputs = workspace.y[0]
        dense = inputs.toarray() if sparse.issparse(inputs) else inputs
        for k in range(n_units):
            unit = np.zeros_like(workspace.y[-1])
            unit[:, k] = 1.0
            workspace.delta[-1][...] = self.activations[-1].delta(
                unit, workspace.v[-1], workspace.y[-1]
            )
            self.backward(workspace)
            start = 0
            for y, delta in zip([dense, *workspace.y[1:-1]], workspace.delta, strict=True):
                n_weights = y.shape[1] * delta.shape[1]
                outer = y[:, :, None] * delta[:, None, :]
                J[:, k, start : start + n_weights] = outer.reshape(n_rows, n_weights)
                J[:, k, start + n_weights : start + n_weights + delta.shape[1]] = delta
                start += n_weights + delta.shape[1]
        return J
