"""What several tests of plots share."""

import numpy as np
import pytest
from matplotlib.text import Text

from skbackprop import (
    BackpropRegressor,
)

RNG = np.random.default_rng(0)


X = RNG.normal(size=(40, 4))


Y = X[:, 0] - np.abs(X[:, 1])


unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def regressor(hidden=(5,), **params):
    params = {"activation": "tanh", "random_state": 0, "max_iter": 8, **params}
    return BackpropRegressor(hidden, **params)


def numbers(texts):
    return [text.replace("\N{MINUS SIGN}", "-") for text in texts]


def texts(ax):
    return numbers(text.get_text() for text in ax.texts)


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


def curves(ax):
    """The data of the lines of axes; stars and the like are lines of few points."""
    return [line.get_ydata() for line in ax.lines if len(line.get_xdata()) > 2]
