"""The signal flow."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from plot_cases import X, Y, numbers, regressor, texts
from sklearn.datasets import load_iris

import skbackprop.plots
import skbackprop.plots.drawing
import skbackprop.plots.signal_flow
from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    SignalFlowDisplay,
    trace_signals,
)

matplotlib.use("Agg")


def by_hand():
    """The worked step of the derivation: a net of two inputs, two hidden neurons, one output."""
    W = [np.array([[0.2, 0.4], [-0.3, 0.5]]), np.array([[-0.6], [0.7]])]
    b = [np.array([0.1, -0.2]), np.array([0.3])]
    model = BackpropRegressor(
        (2,), activation="logistic", output_activation="logistic", solver="sgd", eta=0.5
    )
    model.partial_fit([[0.0, 0.0]], [1.0])
    model.coefs_, model.intercepts_ = W, b
    return model, [[1.0, 0.0]], [1.0]


def test_signal_flow_of_the_worked_step():
    display = SignalFlowDisplay.from_estimator(*by_hand())
    shown = texts(display.ax_)
    assert "E = 0.086" in display.ax_.get_title()
    for y in ("1.00", "0", "0.57", "0.55", "0.58"):  # of the neurons
        assert y in shown
    assert "output 0\n$d$ 1.00, $e$ 0.42" in shown
    weights = ("0.20", "0.40", "-0.30", "0.50", "0.10", "-0.20", "-0.60", "0.70", "0.30")
    for w in weights:
        assert shown.count(w) == 1, w
    shown = texts(display.plot(direction="backward").ax_)
    assert {"0.10", "-0.015", "0.017"} <= set(shown)  # delta
    # 0.0504942500463, 0.0290060440811, 0.0277634553443; -0.00740624346985, 0.00874871459918, 0
    for change in ("0.050", "0.029", "0.028"):
        assert shown.count(change) == 1
    assert shown.count("-7e-3") == 2 and shown.count("9e-3") == 2
    assert "0.40" in texts(display.plot(direction="backward", lines="weight").ax_)


def arrows(ax):
    return [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]


@pytest.mark.parametrize(
    ("direction", "neurons"),
    [
        ("forward", 10),
        ("backward", 28),
        pytest.param("forward", 28, marks=pytest.mark.matrix),
        pytest.param("backward", 10, marks=pytest.mark.matrix),
        pytest.param("forward", 3, marks=pytest.mark.matrix),
        pytest.param("backward", 3, marks=pytest.mark.matrix),
    ],
)
def test_signal_flow_keeps_numbers_in_their_circles(direction, neurons):
    model = regressor((neurons,)).partial_fit(X, Y)
    trace = trace_signals(model, X, Y)
    tiny = {
        name: [-6e-5 * np.ones_like(a) for a in getattr(trace, name)] for name in ("y", "delta")
    }
    display = SignalFlowDisplay(replace(trace, **tiny)).plot(direction=direction, max_neurons=30)
    display.figure_.canvas.draw()
    pixel = display.figure_.dpi / 72
    circle = max(line.get_markersize() for line in display.ax_.lines if line.get_marker() == "o")
    inside = [
        text for text in display.ax_.texts if text.get_text() == "\N{MINUS SIGN}6e\N{MINUS SIGN}5"
    ]
    assert len(inside) > neurons
    for text in inside:
        width, height = text.get_window_extent().width / pixel, 0.73 * text.get_fontsize()
        assert np.hypot(width, height) <= circle


def test_signal_flow_tells_signs_apart_without_colours():
    model, row, d = by_hand()
    display = SignalFlowDisplay.from_estimator(model, row, d)
    styles = {}
    for text in display.ax_.texts:
        if getattr(text, "arrow_patch", None):
            (layer, start), (_, end) = text.xyann, text.xy
            styles[layer, start, end] = text.arrow_patch.get_linestyle()
    # Neurons from above: 0.5 and so on around the middle; w of the output are -0.6, 0.7, 0.3.
    output = [styles[key] for key in sorted(styles, key=lambda key: -key[1]) if key[0] == 1]
    assert output[0] != output[1] == output[2] == "-"
    widths = [patch.get_linewidth() for patch in arrows(display.ax_)]
    assert max(widths) > 2 * min(widths)
    assert {-1} == {np.sign(text.xy[0] - text.xyann[0])
                    for text in display.plot(direction="backward").ax_.texts
                    if getattr(text, "arrow_patch", None)}  # fmt: skip


def test_signal_flow_of_a_large_network_is_no_hairball():
    model = regressor((100, 50), activation="relu").partial_fit(X, Y)
    trace = trace_signals(model, X, Y)
    display = SignalFlowDisplay(trace).plot(sample=3, max_neurons=7)
    assert [len(neurons) for neurons in display.shown_] == [4, 7, 7, 1]
    least = np.abs(trace.y[1][3][display.shown_[1]]).min()
    others = np.delete(trace.y[1][3], display.shown_[1])
    assert least >= np.abs(others).max()
    assert (np.diff(display.shown_[1]) > 0).all()
    assert any(text.endswith("93 more") for text in texts(display.ax_))
    assert len(arrows(display.ax_)) <= 3 * 50
    display.plot(sample=3, direction="backward", max_neurons=7)
    delta = np.abs(trace.delta[1][3])
    assert set(delta[display.shown_[2]]) == set(np.sort(delta)[-7:])


def test_signal_flow_in_a_pipeline_shows_the_names(fitted):
    model, frame = fitted
    display = SignalFlowDisplay.from_estimator(model, frame, sample=-1)
    shown = texts(display.ax_)
    assert {"age", "height", "weight", "income", "output 0"} <= set(shown)
    assert "sample 39" in display.ax_.get_title() and "E =" not in display.ax_.get_title()
    scaled = model[0].transform(frame)[-1]
    assert f"{scaled[0]:.2f}" in shown


def test_signal_flow_shows_no_desired_variance():
    trace = trace_signals(regressor(loss="gaussian_nll").partial_fit(X, Y), X, Y)
    shown = texts(SignalFlowDisplay(trace).plot().ax_)
    about = {text.split("\n")[0]: text for text in shown if "$e$" in text}
    assert "$d$" in about["output 0, mean"] and "$d$" not in about["output 0, variance"]


def test_signal_flow_refuses():
    model = regressor().partial_fit(X, Y)
    display = SignalFlowDisplay(trace_signals(model, X))
    with pytest.raises(ValueError, match="direction='backward' .* needs the errors"):
        display.plot(direction="backward")
    with pytest.raises(ValueError, match="lines='change' needs the errors"):
        display.plot(lines="change")
    with pytest.raises(ValueError, match="direction is 'sideways'; choose one of 'forward'"):
        display.plot(direction="sideways")
    with pytest.raises(ValueError, match="lines is 'all'; choose one of 'weight', 'change'"):
        display.plot(lines="all")
    with pytest.raises(ValueError, match="max_neurons is 31; it must be a whole number from"):
        display.plot(max_neurons=31)
    with pytest.raises(ValueError, match="max_neurons is 2.5"):
        display.plot(max_neurons=2.5)
    with pytest.raises(IndexError, match="sample is 40"):
        display.plot(sample=40)


@pytest.mark.parametrize(
    "number, text",
    [(0, "0"), (-0.0, "0"), (1, "1.00"), (-0.5, "-0.50"), (0.0994, "0.099"), (0.00874, "9e-3"),
     (12.34, "12.3"), (-123.4, "-123"), (12345, "1e4"), (-1e-12, "-1e-12"), (np.nan, "nan"),
     (np.inf, "inf")],
)  # fmt: skip
def test_short_numbers(number, text):
    assert numbers([skbackprop.plots.drawing.short(number)]) == [text]


def test_iris_in_full():
    iris = load_iris()
    model = BackpropClassifier((6,), random_state=0).partial_fit(
        iris.data, iris.target_names[iris.target], classes=iris.target_names
    )
    shown = texts(SignalFlowDisplay.from_estimator(model, iris.data).ax_)
    assert {f"class '{name}'" for name in iris.target_names} <= set(shown)
