"""One self-contained web page that steps through the back-propagation rule on a user's own samples.

`render` puts a trace, and if there is one a recording of online training, into the template
``template.html`` with its style ``style.css`` and its program, the ``.js`` files. The result is one
file that asks the network for nothing, and a content security policy inside it forbids that it
could.

The page computes no signal again: it shows the arrays of the trace. They travel as the bytes of
IEEE numbers in base64, so that every number in the browser is bit for bit NumPy's, in half the
space of decimal digits, and NaN and infinity need no convention of their own. What is a plain
product or sum of shown numbers (the terms of a chain rule, ``Dw = eta delta y``) the page works out
itself. Everything is inside one JSON object in which no ``<`` is left, so that no name of a
feature or a class can end the script element that holds it.
"""

from __future__ import annotations

import base64
import json
import re
import reprlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np

from ...registry import is_same

__all__ = ["MAX_MEGABYTES", "render"]

#: Most megabytes of signals and weights that a page holds: above, browsers are slow to open it.
MAX_MEGABYTES = 16.0

_FACTS = (
    "loss", "sum_of_squares", "has_desired", "error_rules", "elementwise", "fused", "difference",
)  # fmt: skip
_LAYERED = ("y", "v", "phi_prime", "delta")  # a list each, with one array a layer
_WHOLE = ("d", "e", "E")  # one array each; they and delta are None where y was not given


def render(trace: Any, recording: Any = None) -> str:
    """The page of a trace, as the text of one HTML file.

    Parameters
    ----------
    trace : SignalTrace
        The signals of the samples to step through. Without desired outputs it has no error, and
        the page shows the forward flow alone.
    recording : TrainingRecord, optional
        Steps of online training, of the network that was traced, which the page then plays. It has
        weights and eta of its own: it may begin before what was traced, or come after it.

    Returns
    -------
    str
        To be written as UTF-8.

    Raises
    ------
    ValueError
        If the inputs have gains, if weights and biases of a layer learn at rates of their own
        (`FanInEta`), if there are no samples or steps, if they take more than `MAX_MEGABYTES`, or
        if the recording is of a network of other sizes, activations, loss, mask, features or
        outputs.
    """
    _check_page_is_able(trace)
    flows = {"samples": _samples(trace), "training": None}
    if recording is not None:
        flows["training"] = _training(recording, trace)
    data = {
        **_network(trace),
        "learns": _encoded(trace.learns),
        **{name: flow and _encoded(flow) for name, flow in flows.items()},
    }
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    # One pass: what is put in is not searched again, whatever a name in the data looks like.
    return re.sub(
        r"\{\{(\w+\.\w+|data)\}\}",
        lambda match: text if match[1] == "data" else _part(match[1]),
        _part("template.html"),
    )


def _check_page_is_able(trace: Any) -> None:
    """Refuse a network of which the page knows a part too few."""
    if trace.gains is not None:
        raise ValueError(
            "the page knows no gains of the inputs (input_gain=True); explain() and the trace "
            "itself show them."
        )
    if trace.eta_biases != trace.eta:
        raise ValueError(
            "the page shows one eta for a layer's weights and biases; theirs differ, by a FanInEta."
            " explain() and the trace itself show both."
        )


def _part(name: str) -> str:
    """The text of a file of the template."""
    return (files(__package__) / name).read_text("utf-8")


def _activations(trace: Any, layer: int) -> str | list[str]:
    """Names of the activations of a layer: one if all neurons share it."""
    names = [str(trace.neuron_activation(layer, j)) for j in range(trace.sizes[layer + 1])]
    return names[0] if len(set(names)) == 1 else names


def _network(trace: Any) -> dict[str, Any]:
    """What a page says once, for all the rows that it shows; the mask comes beside it."""
    return {
        "sizes": [int(n) for n in trace.sizes],
        "activations": [_activations(trace, layer) for layer in range(trace.n_layers)],
        **{name: getattr(trace, name) for name in _FACTS},
        "features": [str(name) for name in trace.feature_names],
        "outputs": [str(name) for name in trace.output_names],
    }


def _check_same_network(recorded: Any, traced: Any) -> None:
    """Refuse a recording of which the page would say what is true of the traced network only."""
    theirs, ours = _network(recorded), _network(traced)
    other = next((name for name in ours if theirs[name] != ours[name]), None)
    if other is not None:
        what = f"its {other} are" if isinstance(ours[other], list) else f"its {other} is"
        what += f" {reprlib.repr(theirs[other])}, not {reprlib.repr(ours[other])}"
    elif not is_same(recorded.learns, traced.learns):
        what = "it has another mask"
    else:
        return
    raise ValueError(
        f"recording is of another network than the trace: {what}. "
        "record_training needs the estimator that was traced."
    )


# -- flows ---------------------------------------------------------------------------------------
# A *flow* is what one slider of the page runs over: the samples of a trace, or the steps of a
# recording. Every array has a leading axis of rows, which is one where all rows share the entry.


def _samples(trace: Any) -> dict[str, Any]:
    """The flow of a trace, whose rows all meet the same weights."""
    if not trace.n_samples:
        raise ValueError("The trace has no samples; a page needs one row of X at least.")
    signals = _signals(trace)
    weights = {"W": [W[None] for W in trace.coefs], "b": [b[None] for b in trace.intercepts]}
    _check_size(signals, weights, trace.n_samples, "samples of this network", "Trace {} rows")
    return {**signals, **weights, "eta": np.array([trace.eta], np.float64)}


def _training(recording: Any, trace: Any) -> dict[str, Any]:
    """The flow of a recording: row s of its weights is before step s, row s + 1 after it."""
    steps = list(recording.steps)
    if not steps:
        raise ValueError("recording has no steps; a page needs one at least.")
    traces = [step.trace for step in steps]
    _check_same_network(traces[0], trace)
    each = [(_signals(t), t.coefs, t.intercepts) for t in traces]
    _check_size(each, [], len(steps), "recorded steps of this network", "Record {} steps")
    layers = range(trace.n_layers)
    last = steps[-1]
    flow: dict[str, Any] = {
        name: [
            np.concatenate([getattr(t, name)[layer] for t in traces])
            for layer in range(len(getattr(traces[0], name)))
        ]
        for name in _LAYERED
    }
    flow |= {name: np.concatenate([getattr(t, name) for t in traces]) for name in _WHOLE}
    flow["W"] = [np.stack([*(t.coefs[i] for t in traces), last.coefs[i]]) for i in layers]
    flow["b"] = [np.stack([*(t.intercepts[i] for t in traces), last.intercepts[i]]) for i in layers]
    flow["eta"] = np.array([t.eta for t in traces], np.float64)
    flow["row"] = np.array([step.sample for step in steps], np.float64)
    return flow


def _signals(trace: Any) -> dict[str, Any]:
    """The arrays of a trace that have a row for each sample."""
    return {name: getattr(trace, name) for name in _LAYERED + _WHOLE}


# -- size and encoding ---------------------------------------------------------------------------


def _check_size(rows: Any, shared: Any, n: int, what: str, advice: str) -> None:
    """Refuse what a browser would choke on, before it is put together."""
    each, fixed = _megabytes(rows) / n, _megabytes(shared)
    if n * each + fixed > MAX_MEGABYTES:
        fits = int((MAX_MEGABYTES - fixed) / each)
        raise ValueError(
            f"A page with {n} {what} would hold {n * each + fixed:.1f} MB; the most is "
            f"{MAX_MEGABYTES:g} MB. "
            + (f"{advice.format(fits)} at most." if fits > 0 else "The network is too large.")
        )


def _megabytes(value: Any) -> float:
    """Size of all arrays in nested dicts and sequences, once they are in base64."""
    return sum(array.nbytes for array in _arrays(value)) * 4 / 3 / 1e6


def _arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))
    elif value is not None:
        for item in value:
            yield from _arrays(item)


def _encoded(value: Any) -> Any:
    """`value` with every array as ``{"shape", "dtype", "base64"}``, little-endian, C order."""
    if isinstance(value, dict):
        return {name: _encoded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    dtype = "<f4" if value.dtype == np.float32 else "<f8"
    content = np.ascontiguousarray(value, dtype).tobytes()
    text = base64.b64encode(content).decode("ascii")
    return {"shape": list(value.shape), "dtype": dtype, "base64": text}
