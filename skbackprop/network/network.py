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

Each input may have a learnable factor, its gain, a diagonal layer before the first: then
``y_i = gain_i x_i`` enters the first layer, and by the same chain rule ::

    -dE/dgain_i = x_i sum_j delta_j w_ji                                       (`correction`)

As ``v_j = sum_i (gain_i w_ji) x_i``, the factors are put to the weights, which are fewer than the
signals of a batch, and the rows stay as they are.

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
from .memory import aligned_copy, aligned_zeros
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
    gains, g_gains : ndarray of shape (n_features, 1) or None
        Views of the gains of the inputs in `w` and of their corrections in `g`, if there are any.
    weights_with_gain : ndarray of shape (n_features, n_out)
        With gains, ``gain_i w_ji``, the first layer's weights as the inputs meet them.
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
        self.gains, self.g_gains = network.gains(network.w), network.gains(self.g)
        if self.gains is not None:
            self.weights_with_gain = np.empty_like(self.layers[0][0])
        self.ones = np.ones(n_rows, dtype)
        self._rows: np.ndarray | None = None
        self._jacobian: np.ndarray | None = None

    def rows(self) -> np.ndarray:
        """An array (n_rows, n_features) for the batch's input, made when first asked for."""
        if self._rows is None:
            self._rows = np.empty((len(self.ones), self.layers[0][0].shape[0]), self.g.dtype)
        return self._rows

    def jacobian(self, n_units: int) -> np.ndarray:
        """An array (n_rows, n_units, P) for the derivatives, made when first asked for."""
        if self._jacobian is None:
            self._jacobian = np.empty((len(self.ones), n_units, self.g.size), self.g.dtype)
        return self._jacobian


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
        The gains of the inputs are the last. Zeros when not given, and gains of one.
    dtype : dtype, optional
        Of the zeros.
    input_gain : bool, default=False
        Whether each input has a gain.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        w: np.ndarray | None = None,
        dtype: type = np.float64,
        *,
        input_gain: bool = False,
    ):
        self.sizes = tuple(int(n) for n in sizes)
        self.activations = tuple(activations)
        self.input_gain = input_gain
        if w is None:
            n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))
            w = aligned_zeros(n_weights + self.sizes[0] * input_gain, dtype)
            w[n_weights:] = 1.0
        self.w = w

    @property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.sizes) - 1

    def __getstate__(self) -> dict:
        """Everything but the views, which would be copies."""
        return {key: value for key, value in vars(self).items() if key != "_views"}

    def __setstate__(self, state: dict) -> None:
        """Take a pickled state; what may be written to begins at a cache line again."""
        self.__dict__.update(state)
        if self.w.flags.writeable:  # a memory-mapped pickle stays where it is
            self.w = aligned_copy(self.w)

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

    def gains(self, flat: np.ndarray) -> np.ndarray | None:
        """View (n_features, 1) of the gains in a flat vector laid out as `w`; None without any."""
        return flat[-self.sizes[0] :, None] if self.input_gain else None

    def spread(
        self,
        per_layer: Sequence[float],
        per_bias: Sequence[float] | None = None,
        gain: float | None = None,
    ):
        """A flat vector holding ``per_layer[l]`` at every weight (and bias) of layer l.

        The gains of the inputs hold `gain`, or what the first layer holds.
        """
        flat = np.full_like(self.w, per_layer[0] if gain is None else gain)
        biases = per_layer if per_bias is None else per_bias
        for (W, b), value, bias in zip(self.layers(flat), per_layer, biases, strict=True):
            W[...] = value
            b[...] = bias
        return flat

    def with_parameters(self, w: np.ndarray) -> Network:
        """A network of the same kind over other parameters, which are not copied."""
        return Network(self.sizes, self.activations, w, input_gain=self.input_gain)

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
            if layer == 0 and workspace.gains is not None:
                W = np.multiply(W, workspace.gains, out=workspace.weights_with_gain)
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
        y, gains = X, self.gains(self.w)
        for (W, b), activation in zip(self.layers(self.w), self.activations, strict=True):
            v = affine(y, W if y is not X or gains is None else W * gains, b)
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
        if workspace.g_gains is not None:  # up to here x_i delta_j stands in the first layer
            (W, _), (gW, _) = workspace.layers[0], workspace.g_layers[0]
            np.einsum("ij,ij->i", gW, W, out=workspace.g_gains[:, 0])  # x_i sum_j delta_j w_ji
            gW *= workspace.gains
        return workspace.g

    def jacobian(self, workspace: Workspace) -> np.ndarray:
        """Derivatives of every output by every parameter, after a `forward` pass.

        One backward pass per output neuron k, with the unit signal ``e = (0, .., 1, .., 0)`` in
        the place of the error: ``dy_k/dw_ji = delta_j y_i``. So ``J^T e`` is the `correction`.

        Returns
        -------
        ndarray of shape (n_rows, n_units, P)
            The workspace's own, written.
        """
        n_rows, n_units = workspace.y[-1].shape
        J = workspace.jacobian(n_units)
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
                shape = n_rows, y.shape[1], delta.shape[1]
                end = start + shape[1] * shape[2]
                outer = J[:, k, start:end].reshape(shape)  # a view
                np.multiply(y[:, :, None], delta[:, None, :], out=outer)
                if workspace.gains is not None and not start:
                    W = workspace.layers[0][0]
                    J[:, k, -len(W) :] = np.einsum("nij,ij->ni", outer, W)
                    outer *= workspace.gains
                start = end + shape[2]
                J[:, k, end:start] = delta
        return J
