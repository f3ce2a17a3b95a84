"""Why training fails: what a constant prediction costs, and what in data or network is to blame.

`fit` asks when it has ended no better than a constant, and `diagnose` when it is asked to. Each
examination yields findings; its threshold stands here with what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from ..activations.activation import Activation
from ..activations.mixed import Mixed
from ..losses.head import Head
from ..network.network import Network, Workspace
from ..network.rows import BLOCK_ROWS, ROUND_OFF, row_blocks, row_shares, take_rows

__all__ = [
    "Finding",
    "constant_cost",
    "cost_unit",
    "dead_neurons",
    "is_constant",
    "likely_causes",
    "members",
    "output_ranges",
    "some_rows",
    "unlearnt_targets",
    "unreachable_targets",
    "unscaled_inputs",
    "unscaled_targets",
]

SHARE = 0.2  # of a layer's neurons that must be ill
FEW_ROWS = 10  # on which a neuron may rest and yet be alive
SOME_ROWS = 2000  # for examinations that need some rows, not all
_CAUSE_ROWS = 500  # for those that `fit` makes
_LARGE_INPUT = 10.0
_SMALL_ROWS = 0.01  # length
_UNEQUAL_INPUTS = 100.0
_TARGETS = (0.01, 30.0)  # standard deviations that a network learns with ease


@dataclass(frozen=True)
class Finding:
    """Something that ails a network.

    Attributes
    ----------
    name : str
        What it is, such as ``"dead_neurons"``.
    message : str
        What was seen, with its figure.
    advice : str
        What commonly helps.
    figure : float
        What was measured; the message says what it is.
    layer : int or None
        The layer of weights concerned.
    neurons : tuple of int
        Of that layer; or the columns of X, or the output neurons.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skbackprop import BackpropClassifier, diagnose
    >>> X, y = load_wine(return_X_y=True)
    >>> net = BackpropClassifier((5,), activation="logistic", solver="sgd", random_state=0)
    >>> findings = diagnose(net.partial_fit(X, y, classes=[0, 1, 2]), X, y)
    >>> finding = findings[0]
    >>> len(finding.advice) > 0
    True
    """

    name: str
    message: str
    advice: str
    figure: float
    layer: int | None = None
    neurons: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.message} {self.advice}"


# -- the best constant -----------------------------------------------------------------------------


def constant_cost(head: Head, targets, weights=None, rows=None) -> float:
    """``E_av`` of the best constant outputs, without penalty, in float64.

    Where neither the loss nor its mean target says which outputs are best, those of ``v = 0``.

    Parameters
    ----------
    head : Head
    targets : ndarray or CSR
    weights : ndarray of shape (n,), optional
        Only the ratios matter.
    rows : ndarray of int, optional
        The rows that count; None is all.
    """
    shares, counted = row_shares(targets.shape[0], weights, rows), take_rows(targets, rows)
    with np.errstate(over="ignore", invalid="ignore"):
        v, y = _best_constant(head, counted, shares)
        total = 0.0
        for block in row_blocks(len(shares), BLOCK_ROWS):
            d = head.encode(take_rows(counted, block), np.float64)
            n = len(d)
            total += float(shares[block] @ head.value(d, np.tile(y, (n, 1)), np.tile(v, (n, 1))))
    return total


def _best_constant(head: Head, targets, shares) -> tuple[np.ndarray, np.ndarray]:
    """Fields and outputs, (n_units,) each, of the best constant."""
    v = head.best_constant(targets, shares)
    if not head.loss.sum_of_squares or head.fused:
        return v, head.output.phi(v[None])[0]
    mean = np.zeros_like(v)  # squares are least at the mean, or as near as the outputs come
    for block in row_blocks(len(shares), BLOCK_ROWS):
        mean += shares[block] @ head.encode(take_rows(targets, block), np.float64)
    return v, np.clip(mean, *output_ranges(head))


def cost_unit(head: Head, constant: float) -> float:
    """What a cost is measured by: that of the best constant prediction, `constant`.

    It is 1 for a loss whose differences have no unit, such as a log-likelihood, and where a
    constant costs nothing.
    """
    return constant if not head.loss.unit_free and 0.0 < constant < np.inf else 1.0


def is_constant(targets, rows=None) -> bool:
    """Whether all rows have the same targets, but for round-off: there is nothing to learn."""
    targets = take_rows(targets, rows)
    if sparse.issparse(targets):  # labels, 0 or 1
        counts = np.bincount(targets.indices[targets.data != 0], minlength=targets.shape[1])
        return bool(((counts == 0) | (counts == targets.shape[0])).all())
    low, high = targets.min(axis=0), targets.max(axis=0)
    if targets.dtype.kind != "f":
        return bool((low == high).all())
    with np.errstate(over="ignore"):
        size = np.maximum(np.abs(low), np.abs(high))
        return bool((high - low <= ROUND_OFF * np.finfo(targets.dtype).eps * size).all())


# -- data ------------------------------------------------------------------------------------------


def unscaled_inputs(X) -> Iterator[Finding]:
    """Columns of X far from the size of 1, or of very different sizes.

    Columns differ if both their largest values do and their root mean squares: by the largest alone
    a scaled column that is rarely active would stand out, by the other alone one of zeros and ones.
    """
    if sparse.issparse(X):
        mean, variance = mean_variance_axis(X, axis=0)
        size, largest = np.sqrt(mean**2 + variance), np.zeros(X.shape[1])
        np.maximum.at(largest, X.indices, np.abs(X.data))
    else:
        size, largest = np.sqrt(np.mean(X * X, axis=0, dtype=float)), np.abs(X).max(axis=0)
    ill = size > _LARGE_INPUT
    if ill.any():
        figure = float(size.max())
        seen = f"Large columns of X: {ill.sum()}, the largest {figure:.3g} in root mean square."
    elif (ill := _much_smaller(largest) & _much_smaller(size) & (largest > 0)).any():
        figure = float(largest.max() / largest[largest > 0].min())
        seen = f"The largest values of the columns of X differ by a factor of {figure:.3g}."
    elif 0 < (figure := sqrt(np.dot(size, size))) < _SMALL_ROWS:
        ill = largest > 0
        seen = f"The rows of X are of length {figure:.3g}, in root mean square: hardly a signal."
    if ill.any():
        yield Finding(
            "unscaled_inputs",
            seen,
            "Scale X, such as by StandardScaler in a Pipeline.",
            figure,
            0,
            tuple(np.flatnonzero(ill).tolist()),
        )


def _much_smaller(sizes: np.ndarray) -> np.ndarray:
    """Which columns are much smaller than the largest."""
    return sizes * _UNEQUAL_INPUTS < sizes.max()


def output_ranges(head: Head) -> np.ndarray:
    """Least and greatest output of each output neuron, (2, n_units)."""
    neurons = members(head.output, head.n_units())
    return np.array([neuron.range for neuron in neurons], dtype=float).T


def unreachable_targets(network: Network, head: Head, targets) -> Iterator[Finding]:
    """Targets of a regression that the output activation cannot reach."""
    if head.task.is_classification or head.loss.least_target is not None:
        return  # a loss refuses by itself what is below its least target
    low, high = output_ranges(head)
    if not (np.isfinite(low).any() or np.isfinite(high).any()):
        return
    d = head.encode(targets, np.float64)
    outside = (d < low) | (d > high)
    if outside.any():
        share, ill = float(outside.any(axis=1).mean()), np.flatnonzero(outside.any(axis=0))
        ranges = dict.fromkeys(f"({low[j]:g}, {high[j]:g})" for j in ill)
        yield Finding(
            "unscaled_targets",
            f"{100 * share:.3g}% of the rows have targets out of the range of the output "
            f"activation, {' or '.join(ranges)}.",
            "Scale y into it (TransformedTargetRegressor), or leave output_activation=None.",
            share,
            network.n_layers - 1,
            tuple(ill.tolist()),
        )


def unscaled_targets(network: Network, head: Head, targets) -> Iterator[Finding]:
    """Targets of a regression out of reach of the outputs, or of a size that takes long."""
    if head.task.is_classification or head.loss.least_target is not None:
        return
    unreachable = list(unreachable_targets(network, head, targets))
    if unreachable:
        yield from unreachable
        return
    spread = np.asarray(targets, np.float64).std(axis=0)
    ill = (spread > 0) & ((spread < _TARGETS[0]) | (spread > _TARGETS[1]))
    if ill.any():
        figure = float(spread[ill][np.argmax(np.abs(np.log(spread[ill])))])
        yield Finding(
            "unscaled_targets",
            f"y has a standard deviation of {figure:.3g}, far from the size of 1.",
            "Scale y, such as by TransformedTargetRegressor with StandardScaler.",
            figure,
            network.n_layers - 1,
            tuple(np.flatnonzero(ill).tolist()),
        )


def some_rows(rows: np.ndarray) -> np.ndarray:
    """Return the rows that `likely_causes` is to look at: some of them, evenly spread."""
    if len(rows) <= _CAUSE_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _CAUSE_ROWS).astype(int)]


def unlearnt_targets(
    head: Head, targets, y: np.ndarray, shares: np.ndarray, least_gain: float = 0.0
) -> Iterator[Finding]:
    """Some of several targets that a constant predicts no worse, where squares are summed.

    The sum over targets of different units is ruled by the largest: it may fall though other
    targets are predicted worse than by their mean.

    Parameters
    ----------
    head : Head
    targets : ndarray of shape (n, n_targets)
    y : ndarray of shape (n, n_targets)
        Outputs for the same rows.
    shares : ndarray of shape (n,)
        Of the rows, see `row_shares`.
    least_gain : float
        The R^2 that a target has to exceed to count as learnt.
    """
    if head.task.kind != "regression" or head.task.n_targets < 2 or not head.loss.sum_of_squares:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        d = head.encode(targets, np.float64)
        error, rest = shares @ (d - y) ** 2, shares @ (d - shares @ d) ** 2
        size = np.abs(d).max(axis=0)
        varies = rest > (ROUND_OFF * np.finfo(y.dtype).eps * size) ** 2
        gain = 1.0 - error / np.where(varies, rest, 1.0)
    ill = np.flatnonzero(varies & (gain <= least_gain))
    if len(ill):
        listed = ", ".join(map(str, ill[:10])) + ", ..." * (len(ill) > 10)
        yield Finding(
            "unlearnt_targets",
            f"Columns of y that a constant predicts no worse: {listed}, with an R^2 down to "
            f"{gain[ill].min():.3g}; the cost sums over columns, so that the largest rule.",
            "Scale y (scale_targets=True), or train longer.",
            float(gain[ill].min()),
            None,
            tuple(ill.tolist()),
        )


# -- neurons ---------------------------------------------------------------------------------------


def members(activation: Activation, n: int) -> list[Activation]:
    """The activation of each of the n neurons of a layer."""
    return list(activation.activations) if isinstance(activation, Mixed) else [activation] * n


def dead_neurons(network: Network, workspace: Workspace) -> Iterator[Finding]:
    """Unbounded hidden neurons, such as relu, that do not respond to any row.

    Parameters
    ----------
    network : Network
    workspace : Workspace
        In which the network has gone forward on the rows.
    """
    if len(workspace.ones) < FEW_ROWS:
        return
    for layer in range(network.n_layers - 1):
        activation, v = network.activations[layer], workspace.v[layer]
        unbounded = ~np.isfinite([m.range for m in members(activation, 1)]).all(axis=1)
        if not unbounded.any():
            continue
        slope = activation.delta(np.ones_like(v), v, workspace.y[layer + 1])
        ill = np.flatnonzero(unbounded & ~slope.any(axis=0))
        share = len(ill) / v.shape[1]
        if share >= SHARE:
            yield Finding(
                "dead_neurons",
                f"Dead neurons of layer {layer}: {len(ill)} of {v.shape[1]}, whose slopes are 0 "
                "on every row; they no longer learn.",
                "Use a smaller eta, activation='leaky_relu' or 'elu', or scale X.",
                share,
                layer,
                tuple(ill.tolist()),
            )


def likely_causes(network: Network, head: Head, X, targets) -> list[Finding]:
    """What is commonly to blame for a network that has learnt nothing from rows such as these."""
    with np.errstate(all="ignore"):
        return [
            *unscaled_inputs(X),
            *unscaled_targets(network, head, targets),
            *_dead_on_all(network, X),
        ]


def _dead_on_all(network: Network, X) -> list[Finding]:
    """What `dead_neurons` finds on the rows of X; a few rows tell mostly that there is nothing."""
    found: list[Finding] = []
    for n_rows in (min(FEW_ROWS, X.shape[0]), X.shape[0]):
        workspace = Workspace(network, n_rows)
        network.forward(X[:n_rows], workspace)
        found = list(dead_neurons(network, workspace))
        if not found:
            break
    return found
