"""One cost ``E(w)`` and its derivatives: loss x network x penalty x sample weights.

``E_av = sum_n s_n E(n) / sum_n s_n`` plus the penalty. Inside, everything points down the cost, as
in the notes; `Objective.value_and_gradient` is the one place that turns the sign, for SciPy.
"""

from __future__ import annotations

import numpy as np

from .losses import Loss
from .network import Network, Workspace
from .penalties import ElasticNet

__all__ = ["Objective"]


class Objective:
    """The cost of a network on rows of data.

    Parameters
    ----------
    network : Network
    loss : Loss
        Bound to the task and the output activation.
    penalty : ElasticNet
    """

    def __init__(self, network: Network, loss: Loss, penalty: ElasticNet):
        self.network = network
        self.loss = loss
        self.penalty = penalty

    def correction(self, X, targets, scale, workspace: Workspace) -> tuple[float, np.ndarray]:
        """Cost of a batch and its descent direction ``-dE/dw``.

        Parameters
        ----------
        X : ndarray or CSR of shape (b, n_features)
        targets : ndarray or CSR
            See `losses`.
        scale : ndarray of shape (b,) or None
            Factor of each row; the batch counts ``sum_n scale_n E(n) / b``. None is all ones.
        workspace : Workspace
            Of b rows; written.

        Returns
        -------
        cost : float
        g : ndarray of shape (P,)
            ``workspace.g``.
        """
        n_rows = X.shape[0]
        network, loss = self.network, self.loss
        y = network.forward(X, workspace)
        v, delta = workspace.v[-1], workspace.delta[-1]
        d = loss.encode(targets, y.dtype)
        values = loss.value(d, y, v)
        loss.output_delta(d, y, v, out=delta)
        if scale is not None:
            values = values * scale
            delta *= scale[:, None]
        if n_rows > 1:
            delta /= n_rows
        network.backward(workspace)
        g = network.correction(workspace)
        self.penalty.correct(network.w, g)
        return float(values.sum()) / n_rows + self.penalty.value(network.w), g

    def at(self, w: np.ndarray) -> Objective:
        """The same cost over other parameters, which are not copied."""
        return Objective(self.network.with_parameters(w), self.loss, self.penalty)

    def value_and_gradient(
        self, w: np.ndarray, X, targets, sample_weight=None
    ) -> tuple[float, np.ndarray]:
        """``E(w)`` and ``+dE/dw``, the sign that SciPy's minimisers want.

        Parameters
        ----------
        w : ndarray of shape (P,)
        X, targets
            All rows of the data.
        sample_weight : ndarray of shape (n,), optional
            Only the ratios matter.
        """
        objective = self.at(w)
        workspace = Workspace(objective.network, X.shape[0])
        scale = None if sample_weight is None else sample_weight / sample_weight.mean()
        cost, g = objective.correction(X, targets, scale, workspace)
        return cost, np.negative(g, out=g)

    def value(self, X, targets, sample_weight=None, *, batch_rows: int = 4096) -> float:
        """``E`` at the network's parameters, over batches of rows, without derivatives."""
        total, weight = 0.0, 0.0
        for start in range(0, X.shape[0], batch_rows):
            rows = slice(start, start + batch_rows)
            batch = X[rows]
            workspace = Workspace(self.network, batch.shape[0], training=False)
            y = self.network.forward(batch, workspace)
            values = self.loss.value(self.loss.encode(targets[rows], y.dtype), y, workspace.v[-1])
            scale = np.ones(len(values)) if sample_weight is None else sample_weight[rows]
            total += float(np.dot(values, scale))
            weight += float(scale.sum())
        return total / weight + self.penalty.value(self.network.w)
