"""What all displays do: nothing overlaps, and they stay where they are drawn."""

import pickle
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from plot_cases import RNG, X, Y, check_writing, regressor, texts, unconverged
from sklearn.metrics import PredictionErrorDisplay

import skbackprop.plots
import skbackprop.plots.drawing
import skbackprop.plots.signal_flow
from skbackprop import (
    Activation,
    ActivationDisplay,
    BackpropClassifier,
    GradientFlowDisplay,
    LossCurveDisplay,
    Mixed,
    SignalFlowDisplay,
    WeightsDisplay,
    trace_signals,
)

matplotlib.use("Agg")


SIZES = {"2-2-1": (2, (2,), 1), "4-10-3": (4, (10,), 3), "64-100-50-10": (64, (100, 50), 10)}


SIZES |= {"30-30-30-30": (30, (30, 30), 30)}


def network(sizes):
    """Fitted, all the same: what is drawn does not depend on how well."""
    n_in, hidden, n_out = SIZES[sizes]
    rows = RNG.normal(size=(60, n_in)) * np.linspace(0.1, 3, n_in)
    activation = [Mixed((["tanh", "relu", "gaussian"] * n)[:n]) for n in hidden]
    model = BackpropClassifier(
        hidden, activation=activation, max_iter=4, random_state=0, early_stopping=True,
        eta_schedule="cosine",
    )  # fmt: skip
    if n_out == 1:
        classes = rows[:, 0] > 0
    else:
        classes = np.array([f"class {i % n_out}" for i in range(len(rows))])
    again = np.tile(rows, (6, 1)), np.tile(classes, 6)  # enough to hold some of each class out
    return model.fit(*again), rows, classes


DRAWN = {
    "loss": lambda m, X, y: LossCurveDisplay.from_estimator(m),
    "losses": lambda m, X, y: LossCurveDisplay.from_estimator(
        {f"the model number {i} of this plot": m for i in range(6)}, panels=("loss", "eta")
    ),
    "heatmap": lambda m, X, y: WeightsDisplay.from_estimator(m),
    "last heatmap": lambda m, X, y: WeightsDisplay.from_estimator(m, layer=-1),
    "histograms": lambda m, X, y: WeightsDisplay.from_estimator(m, kind="histogram"),
    "images": lambda m, X, y: WeightsDisplay.from_estimator(
        m, image_shape=(2, X.shape[1] // 2), max_neurons=20
    ),
    "gradients": lambda m, X, y, ax=None: GradientFlowDisplay.from_estimator(m, X, y, ax=ax),
    "activations": lambda m, X, y, ax=None: ActivationDisplay.from_estimator(m, X, ax=ax),
    "forward": lambda m, X, y, ax=None: SignalFlowDisplay.from_estimator(
        m, X, y, max_neurons=30 if X.shape[1] == 30 else 10, ax=ax
    ),
    "backward": lambda m, X, y, ax=None: SignalFlowDisplay.from_estimator(
        m,
        X,
        y,
        sample=1,
        direction="backward",
        ax=ax,
        max_neurons=30 if X.shape[1] == 30 else 10,
    ),
}


def all_but(quick, values):
    """Parameters, of which all but those named are of the matrix."""
    return [
        value if value in quick else pytest.param(value, marks=pytest.mark.matrix)
        for value in values
    ]


@unconverged
@pytest.mark.parametrize("sizes", all_but(["4-10-3"], SIZES))
def test_no_text_overlaps_another(sizes, monkeypatch):
    model = network(sizes)
    whats = list(DRAWN)
    if sizes.startswith("30"):
        whats = ["heatmap", "gradients", "forward", "backward"]
    elif sizes != "4-10-3":  # which curves are the same for
        whats = [what for what in DRAWN if not what.startswith("loss")]
    for what in whats:
        check_writing(DRAWN[what](*model).figure_, monkeypatch)
        plt.close("all")


@pytest.mark.parametrize("name", ["a feature with a long name, number {}", "x{}"])
@pytest.mark.parametrize("n", all_but([12], [3, 12, 60]))
def test_names_of_weights_do_not_overlap_in_small_axes(n, name, monkeypatch):
    names = [name.format(i) for i in range(n)]
    W = [RNG.normal(size=(n, n))]
    figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
    display = WeightsDisplay(W, [np.zeros(n)], feature_names=names, output_names=names)
    display.plot(ax)
    check_writing(figure, monkeypatch)


@unconverged
@pytest.mark.parametrize("sizes", all_but(["4-10-3"], ["4-10-3", "64-100-50-10"]))
def test_no_text_overlaps_in_axes_that_are_not_laid_out(sizes, monkeypatch):
    model = network(sizes)
    for what in ("gradients", "forward", "backward"):
        figure = plt.figure(figsize=(6.4, 4.8))
        DRAWN[what](*model, ax=figure.subplots())
        check_writing(figure, monkeypatch)
        *_, left, right = figure.axes  # two panels, or one and its scale of colours
        writing = [text.get_window_extent() for text in left.texts if text.get_text()]
        assert not any(extent.overlaps(right.bbox) for extent in writing)
        assert not right.get_tightbbox().overlaps(left.bbox)


@unconverged
def test_signal_flow_in_small_axes(monkeypatch):
    for size in ((3.6, 2.6), (4.0, 5.0)):
        ax = plt.figure(figsize=size, layout="constrained").subplots()
        DRAWN["backward"](*network("4-10-3"), ax=ax)
        check_writing(ax.figure, monkeypatch)


def test_names_are_no_formulas():
    pd = pytest.importorskip("pandas")
    name = r"$\no$"
    own = Activation(np.tanh, lambda v, y: 1 - y * y, name=name)
    frame = pd.DataFrame(X, columns=[name, "b", "c", "d"])
    model = BackpropClassifier((3,), activation=own, solver="sgd", random_state=0, max_iter=2)
    model.partial_fit(frame, np.where(Y > 0, name, "other"), classes=[name, "other"])
    drawn = [
        SignalFlowDisplay.from_estimator(model, frame),
        WeightsDisplay.from_estimator(model),
        ActivationDisplay.from_estimator(model),
        LossCurveDisplay({name: {"loss": [1, 2]}, "b": {"loss": [1, 2]}}).plot(),
    ]
    for display in drawn:
        display.figure_.canvas.draw()  # which fails on what is no formula
        where = display.axes_[0].findobj(Text)
        assert any(name.replace("$", r"\$") in text.get_text() for text in where)


def lightness(colour):
    return np.dot(to_rgb(colour), (0.299, 0.587, 0.114))


def test_all_stands_out_from_the_ground_of_a_dark_style(fitted):
    model, frame = fitted
    with plt.style.context("dark_background"):
        flow = SignalFlowDisplay.from_estimator(model, frame, Y, max_neurons=3).ax_
        curves = {str(i): {"loss": [1, 2], "validation_loss": [2, 3]} for i in range(7)}
        loss = LossCurveDisplay(curves).plot().ax_
        histogram = WeightsDisplay.from_estimator(model, kind="histogram").ax_
        boxes = GradientFlowDisplay.from_estimator(model, frame, Y).ax_
        foot = ActivationDisplay.from_estimator(model, frame).ax_.collections[0]
    boxed = [text for text in flow.texts if text.get_bbox_patch()]
    assert {"\N{VERTICAL ELLIPSIS} 2 more", "4"} <= {text.get_text() for text in boxed}
    for text in boxed:
        ground = text.get_bbox_patch().get_facecolor()
        assert lightness(ground) < 0.1 < 0.9 < lightness(text.get_color()), text
    (box,) = {line.get_markerfacecolor() for line in flow.lines if line.get_marker() == "s"}
    (ones,) = {text.get_color() for text in flow.texts if text.get_text() == "+1"}
    assert lightness(box) < 0.1 < 0.9 < lightness(ones)
    drawn = [line.get_color() for line in (*loss.lines, *loss.get_legend().get_lines())]
    drawn += [patch.get_edgecolor() for patch in (histogram.patches[-1], *boxes.patches)]
    drawn += [foot.get_edgecolor()[0]]
    assert [colour for colour in drawn if lightness(colour) < 0.3] == []


@unconverged
def test_long_names_stay_apart(monkeypatch):
    pd = pytest.importorskip("pandas")
    names = [f"the measurement of a quantity, number {i}" for i in range(4)]
    frame = pd.DataFrame(X, columns=names)
    model = regressor(loss=skbackprop.Quantile([0.05, 0.1, 0.5, 0.9, 0.95])).fit(frame, Y)
    trace = trace_signals(model, frame, Y)
    flow = SignalFlowDisplay(trace).plot().ax_
    shown = {text.split("\n")[0] for text in texts(flow)}
    for name in (*names, *trace.output_names):
        assert f"{name[:5]}\N{HORIZONTAL ELLIPSIS}{name[-12:]}" in shown
    heatmap = WeightsDisplay.from_estimator(model).ax_
    assert len({label.get_text() for label in heatmap.get_yticklabels()}) == 5
    curves = dict.fromkeys(names, {"loss": [1, 2]})
    loss = LossCurveDisplay(curves).plot().ax_
    assert len({text.get_text() for text in loss.get_legend().get_texts()}) == 4
    for ax in (flow, heatmap, loss):
        check_writing(ax.figure, monkeypatch)


@unconverged
@pytest.mark.parametrize(
    "what", all_but(set(DRAWN) - {"last heatmap", "losses", "backward"}, DRAWN)
)
def test_a_display_stays_in_the_axes_that_it_is_given(what):
    model, rows, y = network("4-10-3")
    display = DRAWN[what](model, rows, y)
    n_figures = len(plt.get_fignums())
    figure, axes = plt.subplots(1, 2, figsize=(16, 8))
    keys = {"image_shape": (2, 2)} if what == "images" else {}
    keys |= {"kind": "histogram"} if what == "histograms" else {}
    display.plot(axes[1], **keys)
    assert len(plt.get_fignums()) == n_figures + 1
    assert display.figure_ is figure is display.ax_.figure
    assert display.ax_ is display.axes_[0]
    room = axes[1].get_subplotspec().get_position(figure).padded(0.02)
    for ax in display.axes_:
        box = ax.get_position()
        assert room.x0 <= box.x0 and box.x1 <= room.x1


def check_alike(*figures):
    """They look the same, but for what the rounding of sizes does to a pixel."""
    for figure in figures:
        figure.canvas.draw()
    one, other = (np.array(figure.canvas.buffer_rgba(), np.int16) for figure in figures)
    assert np.abs(one - other).max() <= 2


AGAIN = {  # first one way, then another
    WeightsDisplay: ({"layer": 1}, {"kind": "images", "image_shape": (2, 2)}, {}),
    "histogram": ({"kind": "histogram"}, {"kind": "heatmap"}),
    LossCurveDisplay: ({"panels": ["loss", "eta"]}, {"panels": "loss"}, {"panels": "auto"}),
    GradientFlowDisplay: ({}, {}),
    ActivationDisplay: ({"layers": [0]}, {}, {"layers": [1]}),
    SignalFlowDisplay: ({"sample": 3}, {"sample": 4, "direction": "backward"}),
}


@unconverged
@pytest.mark.parametrize("layout", all_but([None], ["constrained", None]))
@pytest.mark.parametrize("what", AGAIN)
def test_drawing_again_leaves_nothing_of_before(what, layout):
    model, rows, y = network("4-10-3")
    trace = trace_signals(model, rows, y)
    display, second = (
        LossCurveDisplay({"": {"loss": [3, 2, 1], "eta": [0.1, 0.2, 0.1]}})
        if what is LossCurveDisplay
        else WeightsDisplay(trace.coefs, trace.intercepts)
        if what in (WeightsDisplay, "histogram")
        else ActivationDisplay([skbackprop.ACTIVATIONS[n] for n in ("tanh", "relu")], [3, 3])
        if what is ActivationDisplay
        else what(trace)
        for _ in range(2)
    )
    figure, axes = plt.subplots(1, 2, figsize=(14, 7), layout=layout)
    for again, keys in enumerate(AGAIN[what]):
        display.plot(display.ax_ if again == 1 else axes[1], **keys)
    fresh, others = plt.subplots(1, 2, figsize=(14, 7), layout=layout)
    second.plot(others[1], **AGAIN[what][-1])
    check_alike(figure, fresh)
    assert display.ax_.figure is figure


@unconverged
def test_drawing_again_into_a_figure_of_its_own():
    curves = {"": {"loss": [3, 2, 1], "eta": [0.1, 0.2, 0.1]}}
    display = LossCurveDisplay(curves).plot()
    figure = display.figure_
    display.plot(display.axes_[1], panels=["loss"])
    assert display.figure_ is figure and figure.axes == [display.ax_]
    alone = plt.figure(figsize=figure.get_size_inches(), layout="constrained")
    LossCurveDisplay(curves).plot(alone.subplots(), panels=["loss"])
    check_alike(figure, alone)
    assert display.plot().figure_ is not figure


@unconverged
@pytest.mark.parametrize("what", all_but([SignalFlowDisplay], [WeightsDisplay, SignalFlowDisplay]))
def test_drawing_again_after_the_user_has_cleared_something(what):
    model, rows, y = network("4-10-3")
    display = (
        WeightsDisplay.from_estimator(model) if what is WeightsDisplay
        else SignalFlowDisplay.from_estimator(model, rows, y)
    )  # fmt: skip
    ax = display.ax_
    ax.clear()
    display.plot(ax=ax)
    for other in [axes for axes in display.figure_.axes if axes not in display.axes_]:
        other.remove()
    display.plot(ax=display.ax_)
    assert len(display.figure_.axes) == 2  # and the scale of the colours

    second = WeightsDisplay.from_estimator(model, ax=display.ax_)
    display.plot(ax=second.ax_)
    second.plot(ax=second.ax_)


@pytest.mark.matrix
@unconverged
def test_displays_in_subfigures(monkeypatch):
    model = network("4-10-3")
    figure = plt.figure(figsize=(14, 10), layout="constrained")
    parts = figure.subfigures(2, 2)
    for part, what in zip(parts.flat, ("gradients", "activations", "forward"), strict=False):
        display = DRAWN[what](*model, ax=part.subplots())
        assert display.figure_ is part
    WeightsDisplay.from_estimator(model[0], ax=parts[1, 1].subplots())
    check_writing(figure, monkeypatch)


def test_axes_that_cannot_be_divided():
    ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match="GradientFlowDisplay draws 2 panels.*plt.subplots"):
        GradientFlowDisplay.from_estimator(regressor().partial_fit(X, Y), X, Y, ax=ax)


def test_drawing_changes_nothing(fitted):
    model, frame = fitted
    before = pickle.dumps(model)
    LossCurveDisplay.from_estimator(model)
    WeightsDisplay.from_estimator(model)
    GradientFlowDisplay.from_estimator(model, frame, Y)
    ActivationDisplay.from_estimator(model, frame)
    SignalFlowDisplay.from_estimator(model, frame, Y)
    assert pickle.dumps(model) == before


def test_matplotlib_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for what, draw in DRAWN.items():
        with pytest.raises(ImportError, match=r"Display needs matplotlib.*pip install"):
            draw(None, X, None)
            raise AssertionError(what)


def test_scikit_learns_display_of_prediction_errors_serves():
    model = regressor().partial_fit(X, Y)
    display = PredictionErrorDisplay.from_estimator(model, X, Y, subsample=None)
    np.testing.assert_allclose(display.scatter_.get_offsets()[:, 0], model.predict(X))
