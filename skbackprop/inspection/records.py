"""What a look inside keeps: the signals of rows, and the steps of a training."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..estimators.classifier import BackpropClassifier
from ..estimators.regressor import BackpropRegressor
from ..extras import say_missing
from .explanations import RENDERERS, Explanation, explain_neuron
from .unwrapping import index_of

__all__ = ["SignalTrace", "TrainingRecord", "TrainingStep"]


class Record:
    """Base class of records, whose arrays stay read-only through pickles and deep copies."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for value in state.values():
            for a in value if isinstance(value, list) else [value]:
                if isinstance(a, np.ndarray):
                    a.flags.writeable = False


@dataclass(frozen=True, eq=False, repr=False)
class SignalTrace(Record):
    """The signals of some rows through a network; made by `trace_signals`.

    Layers of weights are counted from 0; a list over the layers has one array for each, with a row
    for each sample and a column for each neuron. All arrays are copies and read-only: nothing that
    later happens to the estimator shows here.

    Attributes
    ----------
    x : ndarray of shape (n_samples, n_features)
        The inputs.
    y : list of ndarray
        ``y[0]`` the inputs as they enter the first layer, times their gains if they have any;
        ``y[l + 1]`` the outputs of layer l.
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
        Learning rate of each layer's weights at the next update: the parameter `eta` times what the
        schedule makes of it; 0 for a frozen layer. 1 for a whole-batch solver, which knows no eta,
        and for the unknown factor of a schedule whose horizon only `fit` knows.
    eta_biases : list of float
        That of each layer's biases, which is the same unless `eta` is a `FanInEta`.
    eta_gains : float
        That of the gains.
    gains : ndarray of shape (n_features,) or None
        Gain of each input, with ``input_gain=True``.
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
        Of the inputs and of the output neurons: ``"class 1"``, ``"class 'b'"``, ``"output 0"``.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, trace_signals
    >>> X, y = np.array([[1.0, 2.0]]), np.array([1.0])
    >>> net = BackpropRegressor((3,), solver="sgd", eta=0.1, random_state=0).partial_fit(X, y)
    >>> trace = trace_signals(net, X, y)
    >>> trace
    <SignalTrace: 1 samples with targets through 2-3-1, squared_error>
    >>> np.allclose(trace.dw(1, sample=0), 0.1 * np.outer(trace.y[1], trace.delta[1]))
    True
    """

    x: np.ndarray
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
    eta_biases: list[float]
    eta_gains: float
    gains: np.ndarray | None
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

    def neuron_names(self, layer: int) -> list[str]:
        """The names of the neurons of a layer: ``"neuron 0"``; `output_names` of the last."""
        layer = index_of(layer, self.n_layers, "layer")
        if layer == self.n_layers - 1:
            return self.output_names
        return [f"neuron {j}" for j in range(self.sizes[layer + 1])]

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
        if self.learns is not None:
            change *= self.learns[layer]
        return change + 0.0  # no -0.0, which reads like a change

    def db(self, layer: int, sample: int) -> np.ndarray:
        """The rule's change of a layer's biases for one sample, ``eta delta_j``, for ``y_0 = 1``.

        Returns
        -------
        ndarray of shape (n_out,)
        """
        layer, _, delta = self._at(layer, sample)
        return self.eta_biases[layer] * delta + 0.0

    def dgain(self, sample: int) -> np.ndarray:
        """Change of the inputs' gains, ``Dgain_i = eta x_i sum_j delta_j w_ji``, at one sample.

        Returns
        -------
        ndarray of shape (n_features,)

        Raises
        ------
        ValueError
            If the inputs have no gains, or the trace was made without targets.
        """
        if self.gains is None:
            raise ValueError(
                "The inputs have no gains: the model was fitted with input_gain=False."
            )
        _, sample, delta = self._at(0, sample)
        return self.eta_gains * (self.x[sample] * (self.coefs[0] @ delta)) + 0.0

    def _at(self, layer: int, sample: int) -> tuple[int, int, np.ndarray]:
        layer = index_of(layer, self.n_layers, "layer")
        sample = index_of(sample, self.n_samples, "sample")
        if self.delta is None:
            raise ValueError("The trace was made without y: there is no error, and no change.")
        return layer, sample, self.delta[layer][sample]

    def to_frame(self) -> Any:
        """A table with a row for each neuron and sample.

        Returns
        -------
        pandas.DataFrame
            Columns sample, layer, neuron, name (see `neuron_names`), v, y, phi_prime, and with
            targets e (of output neurons, else NaN) and delta.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(say_missing("pandas", "to_frame")) from error
        tables = []
        for layer, v in enumerate(self.v):
            sample, neuron = np.indices(v.shape)
            columns: dict[str, Any] = {
                "sample": sample,
                "layer": np.full(v.shape, layer),
                "neuron": neuron,
                "name": np.array(self.neuron_names(layer), object)[neuron],
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
            if not isinstance(weight, str):
                weight = index_of(weight, self.sizes[layer], "weight")
        if isinstance(digits, (bool, np.timedelta64)) or not isinstance(digits, (int, np.integer)):
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
            Of `record_training`, to be played step by step, with its own weights and eta.

        Raises
        ------
        TypeError
            If `recording` is something else.
        ValueError
            If there is more than a browser takes, 16 megabytes of signals and weights, or if the
            recording is of a network of other sizes, activations, loss, mask, features or outputs.

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


@dataclass(frozen=True, eq=False)
class TrainingStep(Record):
    """One update on one row; its arrays are read-only.

    Attributes
    ----------
    sample : int
        The row.
    trace : SignalTrace
        Of that row alone (its sample 0), before the update.
    coefs, intercepts : list of ndarray
        Weights and biases after it.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, record_training
    >>> X, y = np.eye(2), np.array([0.0, 1.0])
    >>> net = BackpropRegressor((), solver="sgd", eta=0.1, random_state=0)
    >>> first, second = record_training(net, X, y, n_steps=2).steps
    >>> np.allclose(first.coefs[0], second.trace.coefs[0])  # after one step, before the next
    True
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

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, record_training
    >>> X, y = np.eye(2), np.array([0.0, 1.0])
    >>> net = BackpropRegressor((3,), solver="sgd", eta=0.1, random_state=0)
    >>> record = record_training(net, X, y, n_steps=4)
    >>> [step.sample for step in record.steps]
    [0, 1, 0, 1]
    """

    steps: list[TrainingStep]
    final_estimator: BackpropRegressor | BackpropClassifier

    def __repr__(self) -> str:
        return f"<TrainingRecord: {len(self.steps)} steps of {self.final_estimator!r}>"
