"""What all displays share: where they are drawn, in which colours, and how numbers are written.

Numbers with a sign run from dark (negative) to light (positive), and lines differ in style or
marker as well as in colour: everything can be read colour-blind, and printed in grey. What is
neither a signal nor a line of its own takes the colours of Matplotlib's style in force.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Any

import numpy as np

from ..extras import say_missing
from ..inspection.records import SignalTrace
from ..signal_handlers import Watch

__all__ = [
    "COLOURS",
    "Display",
    "SIGNED",
    "SMALL",
    "check_count",
    "choose",
    "clipped",
    "ink",
    "lay_out",
    "layer_names",
    "legend_above",
    "line_styles",
    "local_gradients",
    "pyplot_for",
    "readable_on",
    "short",
    "told_apart",
]


# Okabe and Ito's colours, those first that differ most in grey; their black is `ink`.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


SIGNED = "cividis"  # dark blue, grey at zero, light yellow: its lightness tells the sign


SMALL = 8  # points, of what is written inside a plot


def pyplot_for(caller: str):
    """``matplotlib.pyplot``, or an ImportError that says what to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(say_missing("matplotlib", caller)) from error
    return plt


def ink(grey: float = 0.0) -> tuple[float, ...]:
    """The style's colour of text, or so much of its ground in it: a grey, of black on white."""
    from matplotlib import rcParams
    from matplotlib.colors import to_rgb

    text, ground = (np.array(to_rgb(rcParams[name])) for name in ("text.color", "axes.facecolor"))
    return tuple((1.0 - grey) * text + grey * ground)


def line_styles() -> Iterator[tuple[Any, str]]:
    """Colour and marker of one line after another, without end."""
    return cycle(zip((*COLOURS, ink()), ("o", "s", "^", "D", "v", "P", "X"), strict=True))


class Display:
    """Base class of the displays: where they are drawn."""

    figure_: Any
    ax_: Any
    axes_: np.ndarray
    _drawn: tuple[Any, Any, list] | None = None  # in which axes, their place, and what else there

    def divide(
        self, ax, n: int, n_columns: int, size: tuple[float, float], apart: float = 0.2, **sharing
    ):
        """`n` axes in rows of `n_columns`: in a figure of their own, or in the place of `ax`.

        `size` is that of one panel in a figure of its own, in inches. Where a figure does not lay
        its axes out itself, panels side by side are `apart`, in widths of a panel. Axes that this
        display has drawn into before are emptied first.
        """
        plt = pyplot_for(type(self).__name__)
        if ax is not None and self._drawn is not None and ax in (self._drawn[0], *self.axes_):
            ax = self._emptied(*self._drawn)
        place = None if ax is None else ax.get_subplotspec() or ax.get_position(original=True)
        n_columns = min(n, n_columns)
        shape = -(-n // n_columns), n_columns
        if ax is None:
            size = size[0] * shape[1], size[1] * shape[0]
            figure = plt.figure(figsize=size, layout="constrained")
            axes = figure.subplots(*shape, squeeze=False, **sharing)
        elif n == 1:
            axes = np.array([[ax]])
        else:
            if ax.get_subplotspec() is None:
                raise ValueError(
                    f"{type(self).__name__} draws {n} panels here: give ax=None, or axes made by "
                    "plt.subplots, which can be divided."
                )
            ax.set_axis_off()
            spacing = {} if ax.figure.get_layout_engine() else {"wspace": apart}
            grid = ax.get_subplotspec().subgridspec(*shape, **spacing)
            axes = grid.subplots(squeeze=False, **sharing)
        for left_over in axes.flat[n:]:
            left_over.remove()
        self.axes_ = axes.ravel()[:n]
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        if ax is None:
            ax, place = self.ax_ if n == 1 else None, self.ax_.get_gridspec()[:, :]
        self._drawn = ax, place, [panel for panel in self.axes_ if panel is not ax]
        return self.axes_

    def scale_beside(self, colours, axes, **style):
        """The scale of `colours` beside the axes; it goes with what `divide` empties."""
        assert self._drawn is not None
        bar = self.figure_.colorbar(colours, ax=axes, **style)
        self._drawn[-1].insert(0, bar)
        return bar

    def _emptied(self, ax, place, beside: list):
        """The axes as they were given, without what was drawn into them and beside them."""
        for drawn in beside:
            # What the user has cleared or removed is gone, or in part.
            with Watch(), suppress(AttributeError, KeyError, NotImplementedError, ValueError):
                drawn.remove()
        if ax is None:  # panels that had a figure of their own
            return self.figure_.add_subplot(place)
        ax.clear()
        ax.set_axis_on()
        set_place = ax.set_subplotspec if hasattr(place, "get_gridspec") else ax.set_position
        set_place(place)
        return ax


def lay_out(axis) -> None:
    """Have the figure laid out, the whole of it, so that sizes are those that will be drawn."""
    axis.figure.canvas.figure.draw_without_rendering()  # a SubFigure has its figure's canvas


def legend_above(axis, title: str | None = None, handles: list | None = None) -> None:
    """A legend over the axes, where it hides nothing; its title is that of the axes."""
    if handles is None:
        handles = axis.get_legend_handles_labels()[0]
    widths = [len(handle.get_label()) + 7 for handle in handles]  # in letters
    room = 16 * axis.bbox.width / axis.figure.dpi
    n_columns = len(handles)
    while n_columns > 1 and n_columns * max(widths) > room < sum(widths):
        n_columns -= 1
    axis.legend(
        handles=handles,
        title=title,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.3,
        ncols=max(n_columns, 1),
        frameon=False,
        fontsize=SMALL,
        title_fontsize=9,
    )


def choose(name: str, value, choices: Sequence) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}.")


def check_count(name: str, value, most: float = np.inf) -> None:
    """Refuse what is no whole number from 1 to `most`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 1 <= value <= most:
        limit = ">= 1" if most == np.inf else f"from 1 to {most}"
        raise ValueError(f"{name} is {value!r}; it must be a whole number {limit}.")


def short(number: float) -> str:
    """A number in at most six characters."""
    size = abs(number)
    if size == 0:
        text = "0"
    elif not np.isfinite(number):
        text = str(number)
    elif 0.0995 <= size < 9.995:
        text = f"{number:.2f}"
    elif 0.0095 <= size < 0.0995:
        text = f"{number:.3f}"
    elif 9.995 <= size < 9999.5:
        text = f"{number:.{1 if size < 99.95 else 0}f}"
    else:
        mantissa, exponent = f"{number:.0e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "\N{MINUS SIGN}")


def clipped(name: Any, length: int = 24, tail: int = 0) -> str:
    """A name, shortened before its last `tail` letters if it would take too much room.

    A dollar sign begins no formula.
    """
    name = str(name)
    if len(name) > length:
        name = name[: length - 1 - tail] + "\N{HORIZONTAL ELLIPSIS}" + name[len(name) - tail :]
    return name.replace("$", r"\$")


def told_apart(names: Sequence, length: int = 24) -> list[str]:
    """Names as `clipped` has them; those that would be alike keep their ends."""
    texts = [clipped(name, length) for name in names]
    count = Counter(texts)
    return [
        text if count[text] == 1 else clipped(name, length, tail=2 * length // 3)
        for name, text in zip(names, texts, strict=True)
    ]


def layer_names(n_layers: int) -> list[str]:
    """The names of the layers of weights, counted from 0 as in `coefs_`."""
    hidden = [f"hidden {layer}" for layer in range(n_layers - 1)]
    return [*(hidden if len(hidden) > 1 else ["hidden"] * len(hidden)), "output"]


def readable_on(rgba) -> str:
    """Black or white, whichever stands out."""
    return "black" if np.dot(rgba[:3], (0.299, 0.587, 0.114)) > 0.45 else "white"


def local_gradients(trace: SignalTrace, what: str) -> list[np.ndarray]:
    """The local gradients of a trace, or a ValueError that says what needs them."""
    if trace.delta is None:
        raise ValueError(f"{what} needs the errors; give the targets y to the trace.")
    return trace.delta


FOOT = 0.13  # share of the height of axes that a histogram at their foot takes


def foot(axis, v: np.ndarray, grid: np.ndarray, place: int, colour, marker: str) -> None:
    """A histogram of v along the foot of the axes, above `place` others."""
    count, edges = np.histogram(v, bins=60, range=(grid[0], grid[-1]))
    floor = place * FOOT
    height = floor + 0.9 * FOOT * count / max(count.max(), 1)
    style = {"transform": axis.get_xaxis_transform(), "color": colour}
    axis.fill_between(
        edges, floor, np.append(height, floor), step="post", alpha=0.5, linewidth=1, **style
    )
    axis.plot([edges[0]], [floor + 0.4 * FOOT], marker=marker, markersize=4, **style)
