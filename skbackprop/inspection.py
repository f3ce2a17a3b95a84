"""Every signal of the derivation, in view, on the user's own data.

`trace_signals` presents rows to a fitted estimator and keeps what flows through it ::

    y_i -> w_ji -> v_j -> phi_j -> y_j        forward, then d_j - y_j = e_j
    delta_j <- phi_j'(v_j) <- sum_k delta_k w_kj        backward
    Dw_ji = eta delta_j y_i        the change of any weight

by the very functions that train it. A `SignalTrace` explains any of its numbers (`explain`), and
`record_training` keeps one for each step of online training. `check_gradient` holds the backward
pass against numeric derivatives; `diagnose` looks for what commonly ails a network.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import _num_samples

from .access import eta_in_force, fitted_objective, read_pairs, read_rows
from .activations import Activation, Mixed
from .diagnosis import Diagnosis, Finding, diagnose
from .dissection import Opened, index_of, input_names, open_up, output_names
from .estimators import BackpropClassifier, BackpropRegressor
from .explanations import RENDERERS, Explanation, explain_neuron
from .gradient_check import GradientCheck, check_gradient
from .losses import LOSSES, Loss
from .network import Network, Workspace

__all__ = [
    "Diagnosis",
    "Explanation",
    "Finding",
    "GradientCheck",
    "SignalTrace",
    "TrainingRecord",
    "TrainingStep",
    "check_gradient",
    "diagnose",
    "record_training",
    "trace_signals",
]


class _Record:
    """What holds arrays that are read-only, through pickles and deep copies, too."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for value in state.values():
            for a in value if isinstance(value, list) else [value]:
                if isinstance(a, np.ndarray):
                    a.flags.writeable = False


@dataclass(frozen=True, eq=False, repr=False)
class SignalTrace(_Record):
    """The signals of some rows through a network; made by `trace_signals`.

    Layers of weights are counted from 0; a list over the layers has one array for each, with a row
    for each sample and a column for each neuron. All arrays are copies and read-only: nothing that
    later happens to the estimator shows here.

    Attributes
    ----------
    y : list of ndarray
        ``y[0]`` the inputs, ``y[l + 1]`` the outputs of layer l.
    v : list of ndarray
        Induced local fields.
    phi_prime : list of ndarray
        Slopes ``phi_j'(v_j)``; of softmax, which has no slope of one neuron alone, the derivative
        ``dy_j/dv_j = y_j (1 - y_j)``, the diagonal of its Jacobian.
    d : ndarray of shape (n_samples, n_units) or None
        Desired outputs, as the loss encodes the targets; 0 of an output neuron that has none
        (`has_desired`). None without y, as all that follows.
    e : ndarray of shape (n_samples, n_units) or None
        Error signals ``-dE/dy_j`` of the output neurons. Not finite where an output has met a bound
        at which the cost has no slope (cross-entropy at ``y_j = 0``); `delta` is.
    delta : list of ndarray or None
        Local gradients ``-dE/dv_j``.
    E : ndarray of shape (n_samples,) or None
        Cost of each sample, without penalty.
    fused : bool
        Whether the output neurons' delta came in one piece, ``d - y`` for most losses with their
        canonical output activation, and not as ``e phi'(v)``; the two are equal.
    difference : bool
        Whether that piece is ``d - y``.
    elementwise : bool
        Whether each output depends on its own v alone; not so with softmax.
    coefs, intercepts : list of ndarray
        Weights (n_in, n_out) and biases (n_out,) of each layer.
    eta : list of float
        Learning rate of each layer at the next update: the parameter `eta` times what the schedule
        makes of it; 0 for a frozen layer. 1 for a whole-batch solver, which knows no eta, and for
        the unknown factor of a schedule whose horizon only `fit` knows.
    learns : list of ndarray or None
        With a mask, 1 where a weight learns and 0 where it is fixed, (n_in, n_out) for each layer.
    activations : list of str
        Of each layer; ``"mixed"`` where its neurons differ (see `neuron_activation`).
    loss : str
    sum_of_squares : bool
        Whether ``E = 1/2 sum_j e_j^2``.
    has_desired : list of bool
        Whether there is a desired output for each output neuron; not for a variance, which
        ``loss="gaussian_nll"`` learns without.
    error_rules : list of str
        `e` of each output neuron as one writes it down, such as ``"d_j - y_j"``; "" where a loss
        does not say (`Loss.error_rule`).
    feature_names, output_names : list of str
        Of the inputs and of the output neurons.
    """

    y: list[np.ndarray]
    v: list[np.ndarray]
    phi_prime: list[np.ndarray]
    d: np.ndarray | None
    e: np.ndarray | None
    delta: list[np.ndarray] | None
    E: np.ndarray | None
    fused: bool
    difference: bool
    elementwise: bool
    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    eta: list[float]
    learns: list[np.ndarray] | None
    activations: list[str]
    loss: str
    sum_of_squares: bool
    has_desired: list[bool]
    error_rules: list[str]
    feature_names: list[str]
    output_names: list[str]
    _neurons: list[list[str] | None] = field(default_factory=list)

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.y[0])

    @property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.coefs)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, the inputs first."""
        return tuple(y.shape[1] for y in self.y)

    def __repr__(self) -> str:
        net = "-".join(map(str, self.sizes))
        has = "with" if self.d is not None else "without"
        return f"<SignalTrace: {self.n_samples} samples {has} targets through {net}, {self.loss}>"

    def neuron_activation(self, layer: int, neuron: int) -> str:
        """Name of the activation of one neuron."""
        layer = index_of(layer, self.n_layers, "layer")
        neuron = index_of(neuron, self.sizes[layer + 1], "neuron")
        names = self._neurons[layer]
        return self.activations[layer] if names is None else names[neuron]

    def dw(self, layer: int, sample: int) -> np.ndarray:
        """The rule's change of a layer's weights for one sample, ``Dw_ji = eta delta_j y_i``.

        That is what ``solver="sgd"`` does with this row in `partial_fit`, penalty, class weights
        and limits apart.
        Other update rules make more of the same ``delta_j y_i``; whole-batch solvers add it up over
        all rows, and their eta is 1 here. Dropout and noise are off.

        Parameters
        ----------
        layer, sample : int

        Returns
        -------
        ndarray of shape (n_in, n_out)

        Raises
        ------
        IndexError
            If there is no such layer or sample.
        ValueError
            If the trace was made without targets.
        """
        layer, sample, delta = self._at(layer, sample)
        change = np.outer(self.y[layer][sample], self.eta[layer] * delta)
        return change if self.learns is None else change * self.learns[layer]

    def db(self, layer: int, sample: int) -> np.ndarray:
        """As `dw`, of the biases: ``eta delta_j``, for ``y_0 = 1``.

        Returns
        -------
        ndarray of shape (n_out,)
        """
        layer, _, delta = self._at(layer, sample)
        return self.eta[layer] * delta

    def _at(self, layer: int, sample: int) -> tuple[int, int, np.ndarray]:
        layer = index_of(layer, self.n_layers, "layer")
        sample = index_of(sample, self.n_samples, "sample")
        if self.delta is None:
            raise ValueError("The trace was made without y: there is no error, and no change.")
        return layer, sample, self.delta[layer][sample]

    def to_frame(self):
        """A table with a row for each neuron and sample.

        Returns
        -------
        pandas.DataFrame
            Columns sample, layer, neuron, v, y, phi_prime, and with targets e (of output neurons,
            else NaN) and delta.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        tables = []
        for layer, v in enumerate(self.v):
            sample, neuron = np.indices(v.shape)
            columns: dict[str, Any] = {
                "sample": sample,
                "layer": np.full(v.shape, layer),
                "neuron": neuron,
                "v": v,
                "y": self.y[layer + 1],
                "phi_prime": self.phi_prime[layer],
            }
            if self.delta is not None:
                is_output = layer == self.n_layers - 1
                columns["e"] = self.e if is_output else np.full(v.shape, np.nan, v.dtype)
                columns["delta"] = self.delta[layer]
            tables.append(pd.DataFrame({name: a.ravel() for name, a in columns.items()}))
        table = pd.concat(tables).sort_values(["sample", "layer", "neuron"])
        return table.reset_index(drop=True)

    def explain(
        self,
        sample: int = 0,
        layer: int = -1,
        neuron: int = 0,
        weight: int | str | None = None,
        fmt: str = "text",
        *,
        digits: int = 6,
    ) -> Explanation:
        """The chain rule of a neuron, or of one of its weights, worked with the numbers.

        Forward, error and local gradient, ``e phi'`` of an output neuron and
        ``phi' sum_k delta_k w_kj`` of a hidden one with its sum spelled out, and what becomes of
        the weights. Of sums with more than ten terms the eight largest are shown, and the others as
        one number.

        Parameters
        ----------
        sample, layer, neuron : int
            Layer -1 is the output layer.
        weight : int, "bias" or None, default=None
            The place of the signal that enters the weight, among those of the layer before; None
            explains the neuron, and the changes of all of its weights.
        fmt : {"text", "latex", "html"}, default="text"
            LaTeX needs no package; names in other letters than Latin ones need LuaLaTeX or XeLaTeX,
            and a font that has them. Lines fit the page of class article.
        digits : int, default=6
            Significant digits, from 1 to 17.

        Returns
        -------
        Explanation
            A string. Notebooks show it as HTML, or LaTeX if that is what it is.

        Raises
        ------
        IndexError
            If there is no such sample, layer, neuron or weight.
        ValueError, TypeError
            If `fmt`, `weight` or `digits` is something else, or a weight is asked for without
            targets.
        """
        layer = index_of(layer, self.n_layers, "layer")
        neuron = index_of(neuron, self.sizes[layer + 1], "neuron")
        sample = index_of(sample, self.n_samples, "sample")
        if not isinstance(fmt, str) or fmt not in RENDERERS:
            raise ValueError(f"fmt is {fmt!r}; it must be one of {', '.join(RENDERERS)}.")
        if isinstance(weight, str) and weight != "bias":
            raise ValueError(f"weight is {weight!r}; it must be None, a whole number, or 'bias'.")
        if weight is not None:
            self._at(layer, sample)
            if weight != "bias":
                weight = index_of(weight, self.sizes[layer], "weight")
        if isinstance(digits, bool) or not isinstance(digits, (int, np.integer)):
            raise TypeError(f"digits is {digits!r}; it must be a whole number.")
        if not 1 <= digits <= 17:
            raise ValueError(f"digits is {digits!r}; it must be from 1 to 17.")
        return explain_neuron(self, sample, layer, neuron, weight, fmt, int(digits))

    def to_html(self, path: str | os.PathLike, recording: TrainingRecord | None = None) -> None:
        """Write a page that steps through the rule on these samples.

        Parameters
        ----------
        path : str or path-like
            Of the file; one that is there is overwritten.
        recording : TrainingRecord, optional
            Of `record_training`, to be played step by step.

        Raises
        ------
        TypeError
            If `recording` is something else.
        ValueError
            If there is more than a browser takes, 16 megabytes of signals and weights, or if the
            recording is of a network of other sizes, activations or loss.

        Notes
        -----
        The page needs nothing else: no network, no server. It grows by some 11 bytes for each
        number of the trace: 4-10-3 with 100 samples is 130 kB, 64-100-50-10 is 1 MB, and each
        recorded step adds all weights once.
        """
        from .page import render

        if not (recording is None or isinstance(recording, TrainingRecord)):
            raise TypeError(
                f"recording is {recording!r}; it must be a TrainingRecord, of record_training."
            )
        page = render(self, recording)
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)


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
    return _trace(open_up(estimator, X, y))


def _trace(opened: Opened) -> SignalTrace:
    estimator = opened.estimator
    X, targets = read_rows(estimator, opened.X, opened.y)
    objective = fitted_objective(estimator)
    network, loss = objective.network, objective.loss
    layers = network.layers(network.w)
    learns = None
    if objective.learning is not None:
        learns = [_fixed(W) for W, _ in network.layers(objective.learning)]
    return SignalTrace(
        **_signals(network, loss, X, targets),
        fused=loss.canonical,
        difference=loss.canonical and type(loss).fused_delta is Loss.fused_delta,
        elementwise=loss.output.elementwise,
        coefs=[_fixed(W) for W, _ in layers],
        intercepts=[_fixed(b) for _, b in layers],
        eta=eta_in_force(estimator),
        learns=learns,
        activations=[activation.name for activation in network.activations],
        loss=_loss_name(loss),
        sum_of_squares=loss.sum_of_squares,
        has_desired=[loss.has_desired(j) for j in range(loss.n_units())],
        error_rules=[loss.written_error(j) for j in range(loss.n_units())],
        feature_names=input_names(opened),
        output_names=output_names(opened),
        _neurons=[_neuron_names(activation) for activation in network.activations],
    )


def _signals(network: Network, loss: Loss, X, targets) -> dict[str, Any]:
    """The passes forward and back, each row on its own."""
    workspace = Workspace(network, X.shape[0])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        outputs = network.forward(X, workspace)
        y, v = workspace.y, workspace.v
        inputs = X.toarray() if sparse.issparse(X) else X
        forward = {
            "y": [_fixed(inputs), *map(_fixed, y[1:])],
            "v": [_fixed(a) for a in v],
            "phi_prime": [
                _fixed(_slopes(activation, a, b))
                for activation, a, b in zip(network.activations, v, y[1:], strict=True)
            ],
        }
        if targets is None:
            return {**forward, "d": None, "e": None, "delta": None, "E": None}
        d = loss.encode(targets, outputs.dtype)
        loss.output_delta(d, outputs, v[-1], out=workspace.delta[-1])
        network.backward(workspace)
        return {
            **forward,
            "d": _fixed(d),
            "e": _fixed(loss.error(d, outputs)),
            "delta": [_fixed(a) for a in workspace.delta],
            "E": _fixed(loss.value(d, outputs, v[-1])),
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


def _fixed(a) -> np.ndarray:
    """A copy that cannot be written."""
    a = np.array(a)
    a.flags.writeable = False
    return a


def _loss_name(loss: Loss) -> str:
    """Its name in the registry, or the expression that makes it."""
    return next((name for name, known in LOSSES.items() if repr(known) == repr(loss)), repr(loss))


def _neuron_names(activation: Activation) -> list[str] | None:
    if isinstance(activation, Mixed):
        return [member.name for member in activation.activations]
    return None


# -- training, step by step ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TrainingStep(_Record):
    """One update on one row; its arrays are read-only.

    Attributes
    ----------
    sample : int
        The row.
    trace : SignalTrace
        Of that row alone (its sample 0), before the update.
    coefs, intercepts : list of ndarray
        Weights and biases after it.
    """

    sample: int
    trace: SignalTrace
    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """Steps of online training; made by `record_training`.

    Attributes
    ----------
    steps : list of TrainingStep
    final_estimator : BackpropRegressor or BackpropClassifier
        The copy that was trained, as it is after the last step.
    """

    steps: list[TrainingStep]
    final_estimator: BackpropRegressor | BackpropClassifier

    def __repr__(self) -> str:
        return f"<TrainingRecord: {len(self.steps)} steps of {self.final_estimator!r}>"


def record_training(estimator, X, y, n_steps: int) -> TrainingRecord:
    """Train a copy of an estimator online, one row an update, and keep every step.

    The rows come in their order, again and again, each by the estimator's own `partial_fit`: its
    solver, schedule, penalty and dropout are in force, so that what a step does to the weights is
    the trace's `SignalTrace.dw` for a bare ``solver="sgd"`` only. It goes on from the weights that
    the estimator has; one that is not fitted begins at its initial weights.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Left as it is. Or something fitted around one, as in `trace_signals`: what is trained is the
        network inside, on transformed rows. Of a Pipeline give the whole, not its last step, lest
        the network meet rows that were not transformed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like
    n_steps : int

    Returns
    -------
    TrainingRecord

    Raises
    ------
    ValueError
        On invalid rows, or if the solver needs all rows at once.
    DivergenceError
        When an update would not be finite.
    """
    if not isinstance(n_steps, (int, np.integer)) or isinstance(n_steps, bool) or n_steps < 1:
        raise ValueError(f"n_steps is {n_steps!r}; it must be a whole number >= 1.")
    opened = open_up(estimator, X, y)
    model = copy.deepcopy(opened.estimator)
    if not hasattr(model, "partial_fit"):
        raise ValueError(
            f"solver={model.solver!r} needs all rows in each update and cannot be recorded row by "
            "row; set_params(solver='sgd'), for one, can."
        )
    _initialise(model, opened.X, opened.y)
    read_pairs(model, opened.X, opened.y)  # refuses the last row before the first is presented
    n_rows = _num_samples(opened.X)
    steps = [_step(model, opened, step % n_rows) for step in range(n_steps)]
    return TrainingRecord(steps, model)


def _initialise(model: BackpropRegressor | BackpropClassifier, X, y) -> None:
    """Give a model that is not fitted its initial weights: no row counts yet."""
    if model.__sklearn_is_fitted__():
        return
    has_classes = isinstance(model, BackpropClassifier) and y is not None  # that it refuses
    classes = {"classes": unique_labels(y)} if has_classes else {}
    model.partial_fit(X, y, sample_weight=np.zeros(_num_samples(X)), **classes)


def _step(model: BackpropRegressor | BackpropClassifier, opened: Opened, row: int) -> TrainingStep:
    """Trace one row, and train on it."""
    X, y = _safe_indexing(opened.X, [row]), _safe_indexing(opened.y, [row])
    trace = _trace(Opened(model, X, y, opened.feature_names))
    model.partial_fit(X, y)
    return TrainingStep(
        row, trace, [_fixed(W) for W in model.coefs_], [_fixed(b) for b in model.intercepts_]
    )
