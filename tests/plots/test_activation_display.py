"""Activations, and where the neurons stand on them."""

import matplotlib
import numpy as np
import pytest
from plot_cases import X, Y, check_writing, curves, regressor

import skbackprop.plots
import skbackprop.plots.drawing
import skbackprop.plots.signal_flow
from skbackprop import (
    ActivationDisplay,
    BackpropClassifier,
    Mixed,
    trace_signals,
)

matplotlib.use("Agg")


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
