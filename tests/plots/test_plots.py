"""Displays show the numbers that they say they show, and nothing is written over anything else."""

import doctest
import importlib
import pickle
import re
import subprocess
import sys
from dataclasses import replace

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import PredictionErrorDisplay
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop.plots
import skbackprop.plots.drawing
import skbackprop.plots.signal_flow
from skbackprop import (
    Activation,
    ActivationDisplay,
    BackpropClassifier,
    BackpropRegressor,
    GradientFlowDisplay,
    LossCurveDisplay,
    Mixed,
    SignalFlowDisplay,
    WeightsDisplay,
    trace_signals,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = X[:, 0] - np.abs(X[:, 1])
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


def regressor(hidden=(5,), **params):
    params = {"activation": "tanh", "random_state": 0, "max_iter": 8, **params}
    return BackpropRegressor(hidden, **params)


@pytest.fixture(scope="module")
def fitted():
    """A small regression, fitted behind a scaler on named columns."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["age", "height", "weight", "income"])
    model = make_pipeline(StandardScaler(), regressor(tol=10.0, n_iter_no_change=3, max_iter=50))
    return model.fit(frame, Y), frame


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


def numbers(texts):
    return [text.replace("\N{MINUS SIGN}", "-") for text in texts]


def texts(ax):
    return numbers(text.get_text() for text in ax.texts)


# -- nothing overlaps ------------------------------------------------------------------------------

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


def check_writing(figure, monkeypatch):
    """No two texts overlap, and none is cut off."""
    drawn = []
    draw = Text.draw

    def recording(text, renderer, *args, **kwargs):
        draw(text, renderer, *args, **kwargs)
        if text.get_visible() and text.get_text().strip():
            drawn.append((text.get_text(), Text.get_window_extent(text, renderer)))

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", recording)
        figure.canvas.draw()
    written = np.array([text for text, _ in drawn])
    low, high = (np.array([getattr(box, end) for _, box in drawn]) for end in ("min", "max"))
    apart = (low[:, None] + 0.5 >= high - 0.5).any(axis=2)  # in x or y
    touching = np.argwhere(np.triu(~(apart | apart.T), 1))
    assert not len(touching), f"these overlap: {written[touching].tolist()}"
    cut_off = (low <= -1).any(axis=1) | (high >= figure.bbox.max + 1).any(axis=1)
    assert len(written) and not cut_off.any(), f"these are cut off: {written[cut_off].tolist()}"


@unconverged
@pytest.mark.parametrize("sizes", SIZES)
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
@pytest.mark.parametrize("n", [3, 12, 60])
def test_names_of_weights_do_not_overlap_in_small_axes(n, name, monkeypatch):
    names = [name.format(i) for i in range(n)]
    W = [RNG.normal(size=(n, n))]
    figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
    display = WeightsDisplay(W, [np.zeros(n)], feature_names=names, output_names=names)
    display.plot(ax)
    check_writing(figure, monkeypatch)


@unconverged
@pytest.mark.parametrize("sizes", ["4-10-3", "64-100-50-10"])
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


# -- where it is drawn -----------------------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("what", DRAWN)
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
    one, other = (np.array(figure.canvas.buffer_rgba(), dtype=int) for figure in figures)
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
@pytest.mark.parametrize("layout", ["constrained", None])
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
@pytest.mark.parametrize("what", [WeightsDisplay, SignalFlowDisplay])
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


def test_the_package_does_not_import_matplotlib():
    code = "import sys, skbackprop; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@unconverged
def test_examples_in_the_docstrings():
    names = ("activation", "gradient_flow", "loss_curve", "signal_flow", "weights")
    modules = [importlib.import_module(f"skbackprop.plots.{name}") for name in names]
    results = [doctest.testmod(module, optionflags=doctest.ELLIPSIS) for module in modules]
    assert sum(r.attempted for r in results) > 20 and not any(r.failed for r in results)


def test_scikit_learns_display_of_prediction_errors_serves():
    model = regressor().partial_fit(X, Y)
    display = PredictionErrorDisplay.from_estimator(model, X, Y, subsample=None)
    np.testing.assert_allclose(display.scatter_.get_offsets()[:, 0], model.predict(X))


# -- learning curves -------------------------------------------------------------------------------


def curves(ax):
    """The data of the lines of axes; stars and the like are lines of few points."""
    return [line.get_ydata() for line in ax.lines if len(line.get_xdata()) > 2]


@unconverged
def test_loss_curves_show_the_history():
    model = regressor(eta_schedule="exponential").set_params(early_stopping=True, max_iter=12)
    model.fit(X, Y)
    display = LossCurveDisplay.from_estimator(make_pipeline(model))
    assert display.panels_ == ("loss", "score", "eta")
    loss, score, eta = display.axes_
    np.testing.assert_array_equal(curves(loss)[0], model.loss_curve_)
    np.testing.assert_array_equal(curves(loss)[1], model.validation_loss_curve_)
    np.testing.assert_array_equal(curves(score)[0], model.validation_scores_)
    np.testing.assert_array_equal(curves(eta)[0], model.eta_curve_)
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), np.arange(1, 13))
    (star,) = (line for line in loss.lines if line.get_marker() == "*")
    best = model.best_iter_
    assert star.get_xydata().tolist() == [[best, model.validation_loss_curve_[best - 1]]]
    labels = [text.get_text() for text in loss.get_legend().get_texts()]
    assert labels == ["training", "validation", f"weights kept: epoch {best}"]


@unconverged
def test_loss_curves_of_several():
    models = {"adam": regressor(), "lbfgs": regressor(solver="lbfgs"),
              "MLP": MLPRegressor(max_iter=5, random_state=0)}  # fmt: skip
    display = LossCurveDisplay.from_estimator({name: m.fit(X, Y) for name, m in models.items()})
    assert display.panels_ == ("loss",)  # no scores, and eta never changed
    lines = display.ax_.lines
    for line, model in zip(lines, models.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert len({line.get_color() for line in lines}) == len({x.get_marker() for x in lines}) == 3
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == list(models)
    np.testing.assert_array_equal(curves(display.plot(panels=["eta"]).ax_)[0], [0.003] * 8)


def test_loss_curves_on_a_logarithmic_scale():
    wide = LossCurveDisplay({"": {"loss": [1.0, 0.1, 0.01]}}).plot()
    narrow = LossCurveDisplay({"": {"loss": [1.0, 0.9, 0.8]}}).plot()
    negative = LossCurveDisplay({"": {"loss": [100.0, 0.9, -0.8]}}).plot()
    scales = [display.ax_.get_yscale() for display in (wide, narrow, negative)]
    assert scales == ["log", "linear", "linear"]


def test_loss_curves_refuse():
    with pytest.raises(ValueError, match="online: BackpropRegressor has no loss curve; fit it"):
        LossCurveDisplay.from_estimator({"online": regressor().partial_fit(X, Y)})
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(regressor())
    with pytest.raises(TypeError, match="StandardScaler"):
        LossCurveDisplay.from_estimator(StandardScaler())
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(make_pipeline(StandardScaler(), regressor()))
    display = LossCurveDisplay({"": {"loss": [1.0]}})
    with pytest.raises(ValueError, match="panels is 'cost'; choose one of 'loss', 'score', 'eta'"):
        display.plot(panels=["cost"])
    with pytest.raises(ValueError, match="estimator is an empty dict"):
        LossCurveDisplay.from_estimator({})
    with pytest.raises(ValueError, match="panels is empty"):
        display.plot(panels=())
    with pytest.raises(ValueError, match="panels is None; it must be 'auto', or one or several"):
        display.plot(panels=None)
    with pytest.raises(ValueError, match="there is no validation score to show: none was recorded"):
        display.plot(panels=["loss", "score"])
    with pytest.raises(ValueError, match="panels is .'eta',., but there is no eta to show"):
        display.plot(panels="eta")


@unconverged
def test_loss_curves_of_a_pipeline_of_scikit_learn():
    model = make_pipeline(StandardScaler(), make_pipeline(MLPRegressor(max_iter=5))).fit(X, Y)
    (curve,) = curves(LossCurveDisplay.from_estimator(model).ax_)
    np.testing.assert_array_equal(curve, model[-1][-1].loss_curve_)


# -- weights ---------------------------------------------------------------------------------------


def test_heat_map(fitted):
    model, _ = fitted
    ax = WeightsDisplay.from_estimator(model).ax_
    (image,) = ax.images
    expected = np.vstack([model[-1].coefs_[0], model[-1].intercepts_[0]])
    np.testing.assert_array_equal(image.get_array(), expected)
    low, high = image.get_clim()
    assert -low == high == np.abs(model[-1].coefs_[0]).max()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["age", "height", "weight", "income", "bias"]
    written = [float(text) for text in texts(ax)]
    np.testing.assert_allclose(written, expected.ravel(), atol=0.006)
    ax = WeightsDisplay.from_estimator(model, layer=-1).ax_
    assert [label.get_text() for label in ax.get_xticklabels()] == ["output 0"]


def test_a_heat_map_has_room_for_names_that_are_turned(monkeypatch):
    names = [f"output 0, quantile 0.{i}5" for i in range(5)]
    for n_rows in (3, 6):
        W = [np.ones((4, n_rows)), np.ones((n_rows, 5))]
        biases = [np.zeros(n_rows), np.zeros(5)]
        heights = []
        for output_names in (None, names):
            display = WeightsDisplay(W, biases, output_names=output_names).plot(layer=1)
            check_writing(display.figure_, monkeypatch)
            heights.append(display.ax_.bbox.height)
        assert heights[1] == pytest.approx(heights[0], rel=0.2)


def test_weights_as_images():
    W = np.arange(6 * 50.0).reshape(6, 50) - 100
    display = WeightsDisplay([W], [np.zeros(50)]).plot(image_shape=(2, 3))
    assert len(display.axes_) == 36
    for j, ax in enumerate(display.axes_):
        np.testing.assert_array_equal(ax.images[0].get_array(), W[:, j].reshape(2, 3))
        assert ax.get_title() == str(j)
    assert len({ax.images[0].get_clim() for ax in display.axes_}) == 1
    assert len(display.plot(image_shape=(2, 3), max_neurons=4).axes_) == 4


def test_weights_in_histograms(fitted):
    model = fitted[0][-1]
    display = WeightsDisplay.from_estimator(model, kind="histogram")
    for ax, W in zip(display.axes_, model.coefs_, strict=True):
        bars = [patch for patch in ax.patches if hasattr(patch, "get_height")]
        edges = [bar.get_x() for bar in bars] + [bars[-1].get_x() + bars[-1].get_width()]
        heights = np.histogram(W, edges, density=True)[0]
        np.testing.assert_allclose([bar.get_height() for bar in bars], heights)


def test_weights_refuse():
    display = WeightsDisplay([np.zeros((6, 2))], [np.zeros(2)])
    with pytest.raises(ValueError, match=r"image_shape is \(2, 4\).*the 6 inputs"):
        display.plot(image_shape=(2, 4))
    for bad in ((-2, -3), "ab", 6):
        with pytest.raises(ValueError, match=f"image_shape is {re.escape(repr(bad))}; it must be"):
            display.plot(image_shape=bad)
    for bad in (0, 2.5, "two"):
        with pytest.raises(ValueError, match=f"max_neurons is {bad!r}; it must be a whole number"):
            display.plot(image_shape=(2, 3), max_neurons=bad)
    with pytest.raises(ValueError, match="image_shape is None"):
        display.plot(kind="images")
    with pytest.raises(ValueError, match="kind is 'bars'; choose one of 'auto', 'heatmap'"):
        display.plot(kind="bars")
    with pytest.raises(IndexError, match="layer is 1"):
        display.plot(layer=1)
    with pytest.raises(NotFittedError):
        WeightsDisplay.from_estimator(regressor())


# -- the flow of error -----------------------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("mask", [None, [np.arange(24).reshape(4, 6) % 5 > 1, None, None]])
def test_gradient_flow(mask):
    model = regressor((6, 5), activation="relu", solver="sgd", eta=[0.1, 0.0, 0.2], batch_size=1)
    model.set_params(mask=mask)
    model = TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, Y)
    trace = trace_signals(model, X, Y)
    display = GradientFlowDisplay.from_estimator(model, X, Y)
    for layer in range(3):
        W = trace.coefs[layer]
        changes = [trace.dw(layer, sample) for sample in range(40)]
        np.testing.assert_array_equal(display.delta_[layer], np.abs(trace.delta[layer]))
        size = np.sqrt((W**2).sum())
        ratios = [np.sqrt((dw**2).sum()) / size for dw in changes]
        np.testing.assert_allclose(display.ratio_[layer], ratios, rtol=1e-12)
        whole = np.sqrt((np.mean(changes, axis=0) ** 2).sum()) / size
        assert display.batch_ratio_[layer] == pytest.approx(whole, rel=1e-12)
    left, right = display.axes_
    zero = (trace.delta[0] == 0).mean()
    labels = [label.get_text() for label in left.get_xticklabels()]
    assert labels[0] == f"0\n{zero:.0%} zero" and labels[2] == "2"
    assert right.get_xticklabels()[1].get_text() == "1\n100% zero"  # frozen
    median = np.median(display.delta_[2])
    assert median in [line.get_ydata()[0] for line in left.lines if len(line.get_ydata()) == 2]
    assert left.get_yscale() == right.get_yscale() == "log"


def test_gradient_flow_needs_targets():
    trace = trace_signals(regressor().partial_fit(X, Y), X)
    with pytest.raises(ValueError, match="GradientFlowDisplay needs the errors; give the targets"):
        GradientFlowDisplay(trace).plot()


# -- activations -----------------------------------------------------------------------------------


def test_activations_and_the_fields_of_the_data():
    mixed = Mixed(["tanh", "relu", "tanh"])
    model = regressor((4, 3), activation=["softplus", mixed]).partial_fit(X, Y)
    display = ActivationDisplay.from_estimator(model, X)
    first, second, output = display.axes_
    v, softplus = first.lines[0].get_data()
    np.testing.assert_allclose(softplus, np.log1p(np.exp(v)))
    np.testing.assert_allclose(first.lines[1].get_ydata(), 1 / (1 + np.exp(-v)))
    v = second.lines[0].get_xdata()
    expected = np.tanh(v), 1 - np.tanh(v) ** 2, v * (v > 0), v > 0
    for curve, phi in zip(curves(second), expected, strict=True):
        np.testing.assert_allclose(curve, phi, atol=1e-12)
    labels = [text.get_text() for text in second.get_legend().get_texts()]
    assert labels[:2] == ["tanh (2)", "relu (1)"]
    np.testing.assert_array_equal(curves(output)[1], 1.0)
    # The histogram has a corner on either side of a bin that holds something, none elsewhere.
    (foot,) = first.collections
    corners = foot.get_paths()[0].vertices
    fields = trace_signals(model, X).v[0]
    assert corners[:, 0].min() <= fields.min() and corners[:, 0].max() >= fields.max()
    tops = corners[corners[:, 1] > 0, 0]
    width = np.ptp(first.lines[0].get_xdata()) / 60
    assert abs(tops.min() - fields.min()) <= width and abs(tops.max() - fields.max()) <= width
    assert len(second.collections) == 2  # one histogram each


def test_activations_without_data_and_of_some_layers():
    model = BackpropClassifier((3,), random_state=0).partial_fit(X, Y > 0, classes=[False, True])
    display = ActivationDisplay.from_estimator(model, layers=[-1])
    (ax,) = display.axes_
    assert ax.get_legend().get_title().get_text() == "output: logistic"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["$\\phi$", "$\\phi'$"]
    assert not ax.collections
    with pytest.raises(IndexError, match="layer is 2"):
        display.plot(layers=[2])
    for bad in ([], 0):
        with pytest.raises(ValueError, match=r"layers is .*; it must be a sequence of layers"):
            display.plot(layers=bad)


@pytest.mark.parametrize("reach", [600.0, 6600.0, 66e3, 6.6e6])
def test_wide_fields_have_numbers_that_do_not_touch(reach, monkeypatch):
    activations = [skbackprop.ACTIVATIONS[name] for name in ("relu", "exp")]
    v = [np.array([[-reach], [0.95 * reach]])] * 2
    check_writing(ActivationDisplay(activations, [1, 1], v).plot().figure_, monkeypatch)


def test_activations_beyond_what_floats_hold(monkeypatch):
    exp, relu = (skbackprop.ACTIVATIONS[name] for name in ("exp", "relu"))
    v = [np.array([[-1e4], [1e4]]), np.array([[-np.inf, 5.0], [np.nan, np.inf]])]
    display = ActivationDisplay([exp, relu], [1, 2], v).plot()
    overflowing, infinite = display.axes_
    np.testing.assert_allclose(overflowing.get_xlim(), (-1.1e4, 1.1e4))
    phi = overflowing.lines[0].get_ydata()
    assert np.isinf(phi).any()
    assert phi[np.isfinite(phi)].max() < overflowing.get_ylim()[1] < np.inf
    v = infinite.lines[0].get_xdata()
    assert (v[0], v[-1]) == (-4.0, 5.0)
    check_writing(display.figure_, monkeypatch)


def test_softmax_is_drawn_beside_neurons_at_rest():
    model = BackpropClassifier(()).partial_fit(X, np.arange(40) % 3, classes=range(3))
    phi, slope = curves(ActivationDisplay.from_estimator(model).ax_)
    v = np.linspace(-4, 4, 401)
    y = np.exp(v) / (np.exp(v) + 2)
    np.testing.assert_allclose(phi, y)
    np.testing.assert_allclose(slope, y * (1 - y))


# -- signal flow -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("neurons", [3, 10, 28])
@pytest.mark.parametrize("direction", ["forward", "backward"])
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
