"""Looks for what commonly ails a network, in a fitted estimator and on rows of data.

Each examination is a function that yields findings, and `EXAMINATIONS` lists them all. A threshold
separates what a healthy network shows in passing from what keeps one from learning; it stands
beside its examination with what it means.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..activations.activation import Activation
from ..estimators.compatibility import take_samples
from ..exceptions import DivergenceError
from ..losses.head import Head
from ..network.network import Network, Workspace
from ..network.objective import Objective
from ..network.rows import row_shares, take_rows
from ..schedules import resolve_schedule
from ..training import causes
from ..training.causes import FEW_ROWS, SHARE, SOME_ROWS, Finding, members, output_ranges
from .fitted import fitted_objective, read_rows
from .unwrapping import Unwrapped, unwrap

__all__ = ["EXAMINATIONS", "Diagnosis", "Finding", "diagnose"]

_FLAT = 0.02  # of the steepest slope: less is saturated
_NEARLY_ALL = 0.95  # of the rows
_SOLVED = 0.01  # of the cost of a constant prediction is left
_VANISHED = 1e-3  # of the local gradients of the last layer is left in the first
_LONG_UPDATE = 0.05  # of a layer's weights, by norm, in one update
_SHORT_UPDATE = 1e-3
_STRETCHES = tuple(3.0 * 10.0**k for k in range(1, 7))  # of an update that may be too short
_MUCH = 0.1  # of the cost of a constant prediction
_STILL_FALLING = 0.01  # of the loss, in the last tenth of the epochs
_SOME_ROWS = 5  # that a class must have to be missed
_BATCHES = 5  # whose updates are tried


class Diagnosis(list):
    """The findings, a list of `Finding`; empty for a healthy network.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skbackprop import BackpropClassifier, diagnose
    >>> X, y = load_wine(return_X_y=True)
    >>> net = BackpropClassifier((5,), activation="logistic", solver="sgd", random_state=0)
    >>> findings = diagnose(net.partial_fit(X, y, classes=[0, 1, 2]), X, y)
    >>> "unscaled_inputs" in [finding.name for finding in findings]
    True
    """

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) if self else "Nothing ails this network."


@dataclass
class _Patient:
    """What the examinations look at."""

    unwrapped: Unwrapped
    network: Network
    head: Head
    objective: Objective
    X: Any
    targets: Any
    workspace: Workspace

    @property
    def estimator(self):
        return self.unwrapped.estimator


def diagnose(estimator, X, y=None) -> Diagnosis:
    """Look for what commonly keeps a network from learning.

    Saturated neurons, dead ones; local gradients that vanish or explode from layer to layer; eta
    too large or too small, by a trial of the solver's own next update on a copy; inputs or targets
    that are not scaled; classes that are never predicted; training that ended too early, or
    diverged. Dropout and noise are off. The advice is by rules of thumb; the figure says how bad it
    is.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted; left as it is. Or something fitted around one, as in `trace_signals`.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows to look at, best those of the training.
    y : array-like, optional
        Their targets; without them only inputs, neurons and the history of the fit are looked at.

    Returns
    -------
    Diagnosis
        A list of `Finding`, empty if nothing was found.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        As `trace_signals`.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, diagnose
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = BackpropRegressor((10,), activation="tanh", solver="lbfgs", random_state=0)
    >>> diagnose(model.fit(X, X[:, 0] ** 2), X, X[:, 0] ** 2)
    Nothing ails this network.
    """
    unwrapped = unwrap(estimator, X, y)
    rows, targets = read_rows(unwrapped.estimator, unwrapped.X, unwrapped.y)
    objective = fitted_objective(unwrapped.estimator)
    workspace = Workspace(objective.network, rows.shape[0])
    patient = _Patient(
        unwrapped, objective.network, objective.head, objective, rows, targets, workspace
    )
    with np.errstate(all="ignore"):
        y_out = objective.network.forward(rows, workspace)
        if targets is not None:
            d = objective.head.encode(targets, y_out.dtype)
            objective.head.output_delta(d, y_out, workspace.v[-1], out=workspace.delta[-1])
            objective.network.backward(workspace)
        return Diagnosis(
            finding for examination in EXAMINATIONS for finding in examination(patient)
        )


# -- neurons ---------------------------------------------------------------------------------------


def _steepest(activation: Activation) -> float:
    """The largest slope of an activation near zero."""
    v = np.linspace(-4.0, 4.0, 161)[:, None]
    return float(np.abs(activation.delta(np.ones_like(v), v, activation.phi(v))).max())


def _flat(patient: _Patient, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Mask (n, n_l) of where neurons hardly respond; and which of them are bounded."""
    network, workspace = patient.network, patient.workspace
    activation, v = network.activations[layer], workspace.v[layer]
    slope = np.abs(activation.delta(np.ones_like(v), v, workspace.y[layer + 1]))
    neurons = members(activation, v.shape[1])
    steepest = {neuron: _steepest(neuron) for neuron in set(neurons)}
    scale = np.array([steepest[neuron] for neuron in neurons])
    bounded = np.array([np.isfinite(neuron.range).all() for neuron in neurons])
    return slope < _FLAT * scale, bounded


def saturated_neurons(patient: _Patient) -> Iterator[Finding]:
    """Bounded hidden neurons whose slope is next to nothing on nearly all rows.

    Where the network has learnt all there is to learn, they have done their work.
    """
    if patient.X.shape[0] < FEW_ROWS:
        return
    if patient.targets is not None and _cost(patient) < _SOLVED * _cost_of_rest(patient):
        return
    for layer in range(patient.network.n_layers - 1):
        flat, bounded = _flat(patient, layer)
        ill = np.flatnonzero(bounded & (flat.mean(axis=0) >= _NEARLY_ALL))
        share = len(ill) / flat.shape[1]
        if share >= SHARE:
            yield Finding(
                "saturated_neurons",
                f"Saturated neurons of layer {layer}: {len(ill)} of {flat.shape[1]}, on "
                f"{_NEARLY_ALL:.0%} of the rows or more, with slopes under {_FLAT:.0%} of the "
                "steepest.",
                "Scale X, start from smaller weights, use a smaller eta, or a penalty (alpha).",
                share,
                layer,
                tuple(ill.tolist()),
            )


def saturated_outputs(patient: _Patient) -> Iterator[Finding]:
    """Output neurons stuck at a bound while what is desired is far away: no error gets through."""
    head, workspace = patient.head, patient.workspace
    if patient.targets is None or head.fused or not head.output.elementwise:
        return
    layer = patient.network.n_layers - 1
    flat, bounded = _flat(patient, layer)
    low, high = output_ranges(head)
    d = np.clip(head.encode(patient.targets, workspace.y[-1].dtype), low, high)
    stuck = bounded & flat & (np.abs(d - workspace.y[-1]) > (high - low) / 2)
    share = stuck.mean(axis=0)
    ill = np.flatnonzero(share > SHARE / 2)
    if len(ill):
        yield Finding(
            "saturated_outputs",
            f"Output neurons stuck at the wrong end of their range: {len(ill)}, the worst on "
            f"{share.max():.0%} of the rows. Their phi' lets no error through.",
            "Use the loss that goes with the output activation (loss='cross_entropy'), or scale X "
            "and start from smaller weights.",
            float(share.max()),
            layer,
            tuple(ill.tolist()),
        )


def dead_neurons(patient: _Patient) -> Iterator[Finding]:
    """Unbounded hidden neurons, such as relu, that do not respond to any row."""
    return causes.dead_neurons(patient.network, patient.workspace)


# -- signals from layer to layer -------------------------------------------------------------------


def local_gradients(patient: _Patient) -> Iterator[Finding]:
    """The size of delta in the first layer against the last."""
    network = patient.network
    if patient.targets is None or network.n_layers < 3:
        return
    sizes = [float(np.sqrt(np.mean(np.square(a, dtype=float)))) for a in patient.workspace.delta]
    if not np.isfinite(sizes).all() or sizes[-1] == 0.0:
        return
    ratio = sizes[0] / sizes[-1]
    a_layer = ratio ** (1 / (network.n_layers - 1))
    seen = (
        f"the local gradients of layer 0 are {ratio:.1e} times those of the output layer, "
        f"{a_layer:.2g} a layer."
    )
    if ratio < _VANISHED:
        yield Finding(
            "vanishing_gradient",
            f"On the way back {seen}",
            "Use activation='relu' or 'tanh', fewer layers, larger initial weights "
            "(weight_init), or a solver that rescales (solver='adam').",
            ratio,
            0,
        )
    elif ratio > 1 / _VANISHED:
        yield Finding(
            "exploding_gradient",
            f"On the way back {seen}",
            "Use smaller initial weights (weight_init), max_grad_norm, a penalty (alpha), or a "
            "smaller eta.",
            ratio,
            0,
        )


# -- eta -------------------------------------------------------------------------------------------


@dataclass
class _Update:
    """The solver's own next update on some rows, made on a copy of the estimator.

    Attributes
    ----------
    cost_at : callable
        The cost of the rows at a multiple of the update.
    ratios : ndarray of shape (n_layers,)
        ``|Dw| / |w|`` of each layer's weights.
    """

    cost_at: Callable[[float], float]
    ratios: np.ndarray

    @classmethod
    def of(cls, patient: _Patient, rows: np.ndarray) -> _Update:
        unwrapped, network = patient.unwrapped, patient.network
        trial = _stripped(unwrapped.estimator, len(rows))
        trial.partial_fit(take_samples(unwrapped.X, rows), take_samples(unwrapped.y, rows))
        change = fitted_objective(trial).network.w - network.w
        layers = zip(network.layers(change), network.layers(network.w), strict=True)
        tiny = np.finfo(network.w.dtype).tiny
        ratios = [np.linalg.norm(dW) / (np.linalg.norm(W) + tiny) for (dW, _), (W, _) in layers]
        X, targets = take_rows(patient.X, rows), take_rows(patient.targets, rows)

        def cost_at(multiple: float) -> float:
            moved = network.with_parameters(network.w + network.w.dtype.type(multiple) * change)
            cost = Objective(moved, patient.head, patient.objective.penalty).value(X, targets)
            return cost if np.isfinite(cost) else np.inf

        return cls(cost_at, np.array(ratios))


def _stripped(estimator, batch_size: int):
    """A copy that takes a batch in one update, without chance and without what only `fit` knows."""
    trial = copy.deepcopy(estimator)
    plain = {"batch_size": batch_size, "dropout": 0.0, "noise": 0.0, "class_weight": None}
    given = trial.eta_schedule
    if given is not None and resolve_schedule(given).unnamed_horizon is not None:
        plain["eta_schedule"] = None
    known = trial.get_params(deep=False)
    return trial.set_params(**{name: value for name, value in plain.items() if name in known})


def _trains_online(patient: _Patient) -> bool:
    return patient.targets is not None and hasattr(patient.estimator, "partial_fit")


def _batches(patient: _Patient) -> list[np.ndarray]:
    """Rows of a few updates as the estimator makes them, spread over the data."""
    n, size = patient.X.shape[0], patient.estimator.batch_size
    if size == "auto":
        size = 200 if patient.estimator.loss_curve_ else 1
    size = min(int(size), n)
    order = np.random.default_rng(0).permutation(n)
    starts = range(0, n - size + 1, size)
    return [np.sort(order[start : start + size]) for start in starts][:_BATCHES]


def eta_too_large(patient: _Patient) -> Iterator[Finding]:
    """Whether the next update is long, and raises the cost of the very rows that it is for."""
    if not _trains_online(patient):
        return
    try:
        updates = [_Update.of(patient, rows) for rows in _batches(patient)]
    except DivergenceError:
        return  # `divergence` says so
    ratios = np.median([update.ratios for update in updates], axis=0)
    rises = [update.cost_at(1.0) - update.cost_at(0.0) for update in updates]
    layer = int(np.argmax(ratios))
    if ratios[layer] > _LONG_UPDATE and np.median(rises) > 0.0:
        yield Finding(
            "eta_too_large",
            f"One update changes the weights of layer {layer} by {ratios[layer]:.1%} of their "
            "norm, and raises the cost of the very rows that it is for.",
            "Use a smaller eta, or scale X and y.",
            float(ratios[layer]),
            layer,
        )


def eta_too_small(patient: _Patient) -> Iterator[Finding]:
    """Whether the next update is short, and one many times as long would lower the cost by much.

    By much is a share of the cost of the best constant prediction: what falls from next to nothing
    to nothing is no gain.
    """
    if not _trains_online(patient):
        return
    rows = np.arange(patient.X.shape[0])
    if len(rows) > SOME_ROWS:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:SOME_ROWS])
    try:
        update = _Update.of(patient, rows)
    except DivergenceError:
        return
    ratio = float(update.ratios.max())
    cost, rest = update.cost_at(0.0), _cost_of_rest(patient)
    lowest, stretch = min((update.cost_at(stretch), stretch) for stretch in _STRETCHES)
    if ratio < _SHORT_UPDATE and cost - lowest > _MUCH * rest:
        yield Finding(
            "eta_too_small",
            f"One update changes the weights by {ratio:.1e} of their norm at most; one "
            f"{stretch:g} times as long would lower the cost from {cost:.3g} to {lowest:.3g}.",
            "Use a larger eta, solver='adam', or more epochs (max_iter, n_iter_no_change, tol).",
            ratio,
            int(np.argmax(update.ratios)),
        )


def _cost(patient: _Patient) -> float:
    """``E_av``, without penalty."""
    head, y, v = patient.head, patient.workspace.y[-1], patient.workspace.v[-1]
    return float(np.mean(head.value(head.encode(patient.targets, y.dtype), y, v)))


def _cost_of_rest(patient: _Patient) -> float:
    """``E_av`` of the best constant prediction."""
    return abs(causes.constant_cost(patient.head, patient.targets))


# -- data ------------------------------------------------------------------------------------------


def unscaled_inputs(patient: _Patient) -> Iterator[Finding]:
    """Columns of X far from the size of 1, or of very different sizes."""
    return causes.unscaled_inputs(patient.X)


def unscaled_targets(patient: _Patient) -> Iterator[Finding]:
    """Targets out of reach of the outputs, or of a size that takes long to reach."""
    if patient.targets is not None:
        yield from causes.unscaled_targets(patient.network, patient.head, patient.targets)


def unlearnt_targets(patient: _Patient) -> Iterator[Finding]:
    """Some of several targets that a constant predicts no worse: the largest rule the cost."""
    if patient.targets is not None:
        y = patient.workspace.y[-1]
        yield from causes.unlearnt_targets(patient.head, patient.targets, y, row_shares(len(y)))


def never_predicted(patient: _Patient) -> Iterator[Finding]:
    """Classes or labels that some rows have, and none is given."""
    head, workspace = patient.head, patient.workspace
    if patient.targets is None or not head.task.is_classification:
        return
    given, wanted = head.decode(workspace.v[-1], workspace.y[-1]), patient.targets
    names, what = patient.estimator.classes_.tolist(), "Label"
    if head.task.kind != "multilabel":
        what = "Class"
        given, wanted = (np.eye(len(names), dtype=bool)[k.ravel()] for k in (given, wanted))
    n_wanted = np.asarray(wanted.sum(axis=0)).ravel()
    ill = np.flatnonzero((n_wanted >= _SOME_ROWS) & (given.sum(axis=0) == 0))
    if len(ill):
        share = float((np.asarray(wanted[:, ill].sum(axis=1)) > 0).mean())
        listed = ", ".join(repr(names[k]) for k in ill[:10]) + ", ..." * (len(ill) > 10)
        yield Finding(
            "never_predicted",
            f"{what} {listed} never predicted, though {share:.0%} of the rows have it.",
            "Train longer or with a larger eta; where classes are rare, class_weight='balanced'.",
            share,
            patient.network.n_layers - 1,
            tuple(ill.tolist()),
        )


# -- the history of the fit ------------------------------------------------------------------------


def still_falling(patient: _Patient) -> Iterator[Finding]:
    """The loss was still falling when the fit came to its limit of epochs or time."""
    curve = np.asarray(patient.estimator.loss_curve_)
    reason = patient.estimator.stop_reason_
    if reason not in ("max_iter", "max_time") or len(curve) < 3:
        return
    tail = max(1, len(curve) // 10)
    last, before = curve[-tail:].mean(), curve[-2 * tail : -tail].mean()
    progress = curve[0] - last
    if progress > 0 and before - last > _STILL_FALLING * progress:
        share = float((before - last) / progress)
        yield Finding(
            "still_falling",
            f"The loss was still falling at {reason}: {share:.1%} of its whole fall came in the "
            "last tenth of the epochs.",
            f"Raise {reason}, or eta.",
            share,
        )


def divergence(patient: _Patient) -> Iterator[Finding]:
    """Training broke off, or lost again most of what it had won."""
    estimator, curve = patient.estimator, np.asarray(patient.estimator.loss_curve_)
    advice = "Use a smaller eta, scale X and y, or set max_grad_norm."
    if estimator.stop_reason_ == "diverged":
        yield Finding(
            "divergence",
            f"The fit broke off in epoch {len(curve) + 1}: the next update was not finite.",
            advice,
            float("inf"),
        )
    elif len(curve) > 1:
        lost = curve[-1] - curve.min()
        if lost > 0.5 * (curve[0] - curve.min()) and lost > 0.1 * abs(curve.min()):
            yield Finding(
                "divergence",
                f"The loss rose again, from {curve.min():.3g} in epoch {curve.argmin() + 1} to "
                f"{curve[-1]:.3g} in the last.",
                advice,
                float(curve[-1] / curve.min()) if curve.min() > 0 else float("inf"),
            )


EXAMINATIONS: tuple[Callable[[_Patient], Iterator[Finding]], ...] = (
    divergence,
    unscaled_inputs,
    unscaled_targets,
    unlearnt_targets,
    saturated_neurons,
    saturated_outputs,
    dead_neurons,
    local_gradients,
    eta_too_large,
    eta_too_small,
    never_predicted,
    still_falling,
)
