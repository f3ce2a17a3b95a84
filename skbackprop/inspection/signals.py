"""`trace_signals`: every signal of the way forward and back, on the user's own rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..activations.activation import Activation
from ..activations.mixed import Mixed
from ..losses.head import Head
from ..losses.loss import LOSSES, Loss
from ..network.network import Network, Workspace
from .fitted import eta_in_force, fitted_objective, read_rows
from .records import SignalTrace
from .unwrapping import Unwrapped, input_names, output_names, unwrap

__all__ = ["trace_signals"]


def trace_signals(estimator, X, y=None) -> SignalTrace:
    """Present rows to a fitted estimator, and keep every signal of the way forward and back.

    Nothing of the estimator changes. Dropout and noise, which are for training, are off.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted. Or a fitted `Pipeline` that ends in one, or a `TransformedTargetRegressor` around
        one: the trace is of the network inside, on transformed rows and targets.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like, optional
        Targets as `fit` takes them; without them there is the forward pass only.

    Returns
    -------
    SignalTrace

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError, TypeError
        On invalid rows or targets, as from the estimators; or no estimator of this package.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, trace_signals
    >>> X, y = [[0.0, 1.0], [1.0, 1.0]], [0.0, 1.0]
    >>> model = BackpropRegressor((3,), solver="sgd", random_state=0).partial_fit(X, y)
    >>> trace = trace_signals(model, X, y)
    >>> [delta.shape for delta in trace.delta]
    [(2, 3), (2, 1)]
    >>> bool(abs(trace.e - (trace.d - trace.y[-1])).max() == 0)
    True
    """
    return trace_unwrapped(unwrap(estimator, X, y))


def trace_unwrapped(unwrapped: Unwrapped) -> SignalTrace:
    estimator = unwrapped.estimator
    X, targets = read_rows(estimator, unwrapped.X, unwrapped.y)
    objective = fitted_objective(estimator)
    network, head = objective.network, objective.head
    gains = network.gains(network.w)
    layers, rates = network.layers(network.w), eta_in_force(estimator)
    learns = None
    if objective.learning is not None:
        learns = [fixed(W) for W, _ in network.layers(objective.learning)]
    return SignalTrace(
        **_signals(network, head, X, targets),
        fused=head.fused,
        difference=head.fused and type(head.loss).fused_delta is Loss.fused_delta,
        elementwise=head.output.elementwise,
        coefs=[fixed(W) for W, _ in layers],
        intercepts=[fixed(b) for _, b in layers],
        eta=rates.weights,
        eta_biases=rates.biases,
        eta_gains=rates.gains,
        gains=None if gains is None else fixed(gains[:, 0]),
        learns=learns,
        activations=[activation.name for activation in network.activations],
        loss=_loss_name(head.loss),
        sum_of_squares=head.loss.sum_of_squares,
        has_desired=head.has_desired(),
        error_rules=head.error_rules(),
        feature_names=input_names(unwrapped),
        output_names=output_names(unwrapped),
        _neurons=[_neuron_names(activation) for activation in network.activations],
    )


def _signals(network: Network, head: Head, X, targets) -> dict[str, Any]:
    """The passes forward and back, each row on its own."""
    workspace = Workspace(network, X.shape[0])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        outputs = network.forward(X, workspace)
        y, v = workspace.y, workspace.v
        inputs, gains = X.toarray() if sparse.issparse(X) else X, network.gains(network.w)
        forward = {
            "x": fixed(inputs),
            "y": [fixed(inputs if gains is None else inputs * gains[:, 0]), *map(fixed, y[1:])],
            "v": [fixed(a) for a in v],
            "phi_prime": [
                fixed(_slopes(activation, a, b))
                for activation, a, b in zip(network.activations, v, y[1:], strict=True)
            ],
        }
        if targets is None:
            return {**forward, "d": None, "e": None, "delta": None, "E": None}
        d = head.encode(targets, outputs.dtype)
        head.output_delta(d, outputs, v[-1], out=workspace.delta[-1])
        network.backward(workspace)
        return {
            **forward,
            "d": fixed(d),
            "e": fixed(head.error(d, outputs)),
            "delta": [fixed(a) for a in workspace.delta],
            "E": fixed(head.value(d, outputs, v[-1])),
        }


def _slopes(activation: Activation, v: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``dy_j/dv_j`` of each neuron."""
    if activation.elementwise:
        return activation.delta(np.ones_like(v), v, y)
    slopes = np.empty_like(v)
    for j in range(v.shape[1]):
        unit = np.zeros_like(v)
        unit[:, j] = 1.0
        slopes[:, j] = activation.delta(unit, v, y)[:, j]
    return slopes


def fixed(a) -> np.ndarray:
    """A copy that cannot be written, and in which no zero has a sign."""
    a = np.array(a) + 0.0
    a.flags.writeable = False
    return a


def _loss_name(loss: Loss) -> str:
    """The name of a loss in the registry, or the expression that makes it."""
    return next((name for name, known in LOSSES.items() if repr(known) == repr(loss)), repr(loss))


def _neuron_names(activation: Activation) -> list[str] | None:
    if isinstance(activation, Mixed):
        return [member.name for member in activation.activations]
    return None
