"""Weights as heat maps, images and histograms."""

import re

import matplotlib
import numpy as np
import pytest
from plot_cases import check_writing, regressor, texts
from sklearn.exceptions import NotFittedError

from skbackprop import (
    WeightsDisplay,
)

matplotlib.use("Agg")


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
