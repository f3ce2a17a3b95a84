"""Regularisation that is no part of the cost: dropout, input noise, limits on norms.

The penalties, which are a part of it, are in `penalties`; fixed weights are in `masks`. All of
these are off by default.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

__all__ = ["Disturbance", "limit_neuron_norms", "limit_norm"]


class Disturbance:
    """Changes signals at random on their way into a layer, in training and never in prediction.

    Dropout is inverted: a signal is zero with probability p, else it is divided by 1 - p, so that
    its mean is kept and prediction needs no factor (Srivastava et al., JMLR 15, 2014). The error
    that comes back passes the same gates. The noise is Gaussian, added to the inputs; to the
    network it is a penalty on its own curvature (Bishop, "Training with noise is equivalent to
    Tikhonov regularization", 1995).

    Parameters
    ----------
    rates : sequence of float in [0, 1)
        Probability to drop a signal that enters layer l; the inputs' first.
    noise : float >= 0
        Standard deviation of the noise, in the units of X.
    rng : numpy.random.Generator
        Its state is the disturbance's only one: what is drawn next follows what was drawn before,
        a batch or a row at a time.
    """

    def __init__(self, rates: Sequence[float], noise: float, rng: np.random.Generator):
        self.rates = tuple(rates)
        self.noise = noise
        self.rng = rng
        self._gates: dict[int, np.ndarray] = {}  # factor of each signal of the batch, by layer

    def forward(self, layer: int, y):
        """The signals that enter `layer` in the place of `y`, which is left as it is."""
        if layer == 0 and self.noise:
            y = y + self._noise(y)
        rate = self.rates[layer]
        if not rate:
            return y
        if sparse.issparse(y):  # a zero stays one
            y = y.copy()
            y.sum_duplicates()  # a gate for each signal, in however many parts it is stored
            y.data *= self._gate(rate, y.data)
            return y
        gate = self._gates[layer] = self._gate(rate, y)
        return y * gate

    def backward(self, layer: int, e: np.ndarray) -> None:
        """Let the error `e` of the signals into `layer` through the gates that they came by."""
        if self.rates[layer]:
            e *= self._gates[layer]

    def _gate(self, rate: float, y: np.ndarray) -> np.ndarray:
        open_ = self.rng.random(y.shape, y.dtype.type) >= rate
        return open_ * y.dtype.type(1.0 / (1.0 - rate))

    def _noise(self, y) -> np.ndarray:
        if sparse.issparse(y):
            raise ValueError(
                f"noise={self.noise!r} would make the sparse X dense; use noise=0, or a dense X."
            )
        return self.rng.standard_normal(y.shape, y.dtype.type) * y.dtype.type(self.noise)


def limit_norm(g: np.ndarray, largest: float) -> None:
    """Scale `g` down, in place, to the Euclidean norm `largest` if it is longer.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    norm = float(np.sqrt(np.dot(g, g)))
    if np.isinf(norm):  # the squares overflow, the norm need not
        norm = float(unit := np.abs(g).max()) * float(np.linalg.norm(g / unit))
    if norm > largest:
        g *= largest / norm


def limit_neuron_norms(layers, largest: float, rates=None) -> None:
    """Scale each neuron's incoming weights, in place, to the norm `largest` if they are longer.

    The biases are left alone (Srivastava et al. 2014, section 5.1), and so are the weights whose
    learning rate is zero: those that learn are scaled to a norm of their own.

    Parameters
    ----------
    layers : sequence of (ndarray, ndarray)
    largest : float
    rates : sequence of (ndarray, ndarray), optional
        Learning rates, laid out as `layers`; None if all learn.
    """
    for layer, (W, _) in enumerate(layers):
        learns = None if rates is None else rates[layer][0] > 0
        moving = W if learns is None else W * learns
        norms = np.sqrt(np.einsum("ij,ij->j", moving, moving))
        if (norms > largest).any():
            factor = np.minimum(1.0, largest / np.maximum(norms, np.finfo(W.dtype).tiny))
            W *= factor if learns is None else np.where(learns, factor, W.dtype.type(1))
