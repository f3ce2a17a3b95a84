"""The network as it is drawn on paper: signals on their way forward, errors on their way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..inspection.records import SignalTrace
from ..inspection.signals import trace_signals
from ..inspection.unwrapping import index_of
from .drawing import (
    SIGNED,
    SMALL,
    Display,
    check_count,
    choose,
    clipped,
    ink,
    lay_out,
    layer_names,
    local_gradients,
    pyplot_for,
    readable_on,
    short,
    told_apart,
)

__all__ = ["SignalFlowDisplay"]

_POSITIVE = {"color": "#0072B2", "linestyle": "-"}
_NEGATIVE = {"color": "#D55E00", "linestyle": (0, (3, 1.2))}
_BEHIND = {"edgecolor": "none", "pad": 0.4, "alpha": 0.85}  # a text that lines may cross
_FEW_LINES = 12  # that have heads and numbers
_NAME = 18  # letters of a name that are shown
_CAPTION = 17  # letters of the longest line of a caption
_EM = 0.6  # width of a letter, of the size of its font
_DIGIT = 0.73  # height of a digit
_MOST_LINES = 50  # between two layers: what the eye can still follow


class SignalFlowDisplay(Display):
    """The network as signal-flow graph, with the signals of one sample on their way.

    Forward, from left to right: neurons show their output ``y``, lines the weights that carry it.
    Backward, from right to left: neurons show their local gradient ``delta``, lines what the rule
    makes of it, the change ``Dw = eta delta y``. Colours are relative to the largest in the layer.
    Lines that go up in value are whole, others dashed; the wider, the larger. The box +1 drives the
    biases. Of large layers the neurons with the largest signals are shown.

    It is recommended to use `from_estimator`.

    Parameters
    ----------
    trace : SignalTrace

    Attributes
    ----------
    ax_ : matplotlib Axes
    axes_ : ndarray of Axes
        `ax_` alone.
    figure_ : matplotlib Figure
    shown_ : list of ndarray of int
        The inputs, and the neurons of each layer, that are shown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plots import SignalFlowDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier((5,), activation="tanh", random_state=0).fit(X, y)
    >>> display = SignalFlowDisplay.from_estimator(model, X, y, sample=60)
    >>> display.plot(sample=60, direction="backward")
    <...>
    """

    def __init__(self, trace: SignalTrace):
        self.trace = trace

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        sample=0,
        direction="forward",
        lines=None,
        max_neurons=10,
        ax=None,
    ) -> SignalFlowDisplay:
        """Draw one sample's way through a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, alone or at the end of a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like, optional
            Targets as in `fit`; needed for all that goes backward.
        sample, direction, lines, max_neurons, ax
            See `plot`.

        Returns
        -------
        SignalFlowDisplay
        """
        pyplot_for(cls.__name__)
        display = cls(trace_signals(estimator, X, y))
        return display.plot(
            ax, sample=sample, direction=direction, lines=lines, max_neurons=max_neurons
        )

    def plot(
        self, ax=None, *, sample=0, direction="forward", lines=None, max_neurons=10
    ) -> SignalFlowDisplay:
        """Draw one sample.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        sample : int, default=0
            The row of X.
        direction : {"forward", "backward"}, default="forward"
            Neurons show y, or delta.
        lines : {"weight", "change"}, optional
            What lines show; by default the weights forward, their changes backward.
        max_neurons : int, default=10
            Of each layer, those that are shown at most, up to 30.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If something is asked for that needs the targets, and the trace has none.
        IndexError
            If there is no such sample.
        """
        trace = self.trace
        choose("direction", direction, ("forward", "backward"))
        if lines is None:
            lines = "weight" if direction == "forward" else "change"
        choose("lines", lines, ("weight", "change"))
        check_count("max_neurons", max_neurons, 30)
        if direction == "backward" or lines == "change":
            local_gradients(trace, f"direction={direction!r} with lines={lines!r}")
        sample = index_of(sample, trace.n_samples, "sample")
        _SignalFlow(self, ax, sample, direction, lines, max_neurons).draw()
        return self


@dataclass
class _Column:
    """A layer of signals as it is drawn: which neurons, at what height, and what they carry."""

    neurons: np.ndarray  # those shown
    left_out: int
    values: np.ndarray | None  # of those shown; None where nothing is carried
    largest: float  # in size, of the whole layer
    heights: np.ndarray  # of the neurons, then of the ellipsis and the box, if there are any
    has_box: bool

    @property
    def ends(self) -> np.ndarray:
        """Heights of what lines start from: the neurons and the box."""
        n = len(self.neurons)
        return np.append(self.heights[:n], self.heights[-1:]) if self.has_box else self.heights[:n]


class _SignalFlow:
    """One drawing of a `SignalFlowDisplay`."""

    def __init__(self, display, ax, sample: int, direction: str, lines: str, max_neurons: int):
        from matplotlib import rcParams

        self.display = display
        self.trace: SignalTrace = display.trace
        self.inputs = told_apart(self.trace.feature_names, _NAME)
        self.outputs = told_apart(self.trace.output_names, _NAME)
        self.sample = sample
        self.forward = direction == "forward"
        self.symbol = "y" if self.forward else r"\delta"
        self.lines = lines
        self.columns = [self._column(c, max_neurons) for c in range(len(self.trace.y))]
        display.shown_ = [column.neurons for column in self.columns]
        self.n_slots = max(len(column.heights) for column in self.columns)
        n_gaps = len(self.columns) - 1
        size = 2.3 * n_gaps + 3.2, min(max(0.42 * self.n_slots, 1.8), 9.0) + 1.9
        (self.axis,) = display.divide(ax, 1, 1, size)
        self.figure = display.figure_
        self.ground = rcParams["figure.facecolor"]  # the axes are off
        self.behind = {**_BEHIND, "facecolor": self.ground}

    def _column(self, c: int, max_neurons: int) -> _Column:
        trace, sample = self.trace, self.sample
        forward = trace.y[c][sample]
        carried: np.ndarray | None = forward
        if not self.forward:
            assert trace.delta is not None
            carried = trace.delta[c - 1][sample] if c else None
        size = np.abs(forward if carried is None else carried)
        n = len(size)
        neurons = np.arange(n)
        if n > max_neurons:  # the largest, the first of equals, in their order
            neurons = np.sort(np.argsort(-size, kind="stable")[:max_neurons])
        has_box = c < trace.n_layers
        slots = len(neurons) + (len(neurons) < n) + has_box
        return _Column(
            neurons,
            n - len(neurons),
            None if carried is None else carried[neurons],
            float(size.max()),
            (slots - 1) / 2 - np.arange(slots),
            has_box,
        )

    def draw(self) -> None:
        self.axis.set_axis_off()
        self._write_title()
        self._draw_scales()
        lay_out(self.axis)
        self._find_room()
        for layer in range(self.trace.n_layers):
            self._draw_lines(layer)
        for c in range(len(self.columns)):
            self._draw_column(c)
        lay_out(self.axis)
        for layer in range(self.trace.n_layers):
            self._write_lines(layer)

    def _find_room(self) -> None:
        """Sizes, in points, and limits that leave room around the network for what is written."""
        width, height = self.axis.bbox.size * 72 / self.figure.dpi
        above, below = 4.5 * SMALL, 3.5 * SMALL  # three lines of text, and two
        slot = max(height - above - below, 0.4 * height) / self.n_slots
        self.radius = min(0.42 * slot, 13.0)
        self.font = max(min(SMALL, 0.56 * self.radius), 2.0)
        self.name_font = min(SMALL, self.font + 1)
        beside = [self.radius + 6 + _EM * self.name_font * n for n in self._name_lengths()]
        n_gaps = len(self.columns) - 1
        gap = max(width - sum(beside), 0.4 * width) / n_gaps
        self.caption_font = float(np.clip(gap / (_EM * _CAPTION), 3.0, SMALL))
        half = self.n_slots / 2
        self.axis.set(
            xlim=(-beside[0] / gap, n_gaps + beside[1] / gap),
            ylim=(-half - below / slot, half + above / slot),
        )

    def _name_lengths(self) -> tuple[int, int]:
        """Letters of the longest name, and half a caption at least: of the inputs, the outputs."""
        inputs = [self.inputs[i] for i in self.columns[0].neurons]
        outputs = [line for j in self.columns[-1].neurons for line in self._about_output(j)]
        half = _CAPTION // 2
        return max(half, *map(len, inputs)), max(half, *map(len, outputs))

    def _about_output(self, neuron: int) -> list[str]:
        """What stands beside an output neuron, line by line."""
        trace, lines = self.trace, [self.outputs[neuron]]
        if trace.d is not None and trace.e is not None:
            d, e = (short(a[self.sample, neuron]) for a in (trace.d, trace.e))
            lines.append(f"$d$ {d}, $e$ {e}" if trace.has_desired[neuron] else f"$e$ {e}")
        return lines

    # -- around the network ----------------------------------------------------------------------

    def _write_title(self) -> None:
        trace, sample = self.trace, self.sample
        arrow = "\N{RIGHTWARDS ARROW}" if self.forward else "\N{LEFTWARDS ARROW}"
        title = f"{'Forward signal flow' if self.forward else 'Backward error flow'}  {arrow}"
        title += f"   sample {sample}"
        if trace.E is not None:
            title += f",  E = {short(trace.E[sample])}"
        width = self.axis.bbox.width * 72 / self.figure.dpi
        self.axis.set_title(title, fontsize=min(10.0, width / (_EM * len(title))))

    def _draw_scales(self) -> None:
        """What colours and lines mean."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize
        from matplotlib.lines import Line2D

        self.colours = ScalarMappable(Normalize(-1.0, 1.0), SIGNED)
        bar = self.display.scale_beside(self.colours, self.axis, shrink=0.6, aspect=25, pad=0.02)
        bar.set_ticks([-1, 0, 1], labels=["\N{MINUS SIGN}largest", "0", "largest"], fontsize=SMALL)
        bar.set_label(f"${self.symbol}$ of a neuron, in its layer", fontsize=SMALL)
        letter = "$w$" if self.lines == "weight" else r"$\Delta w = \eta\,\delta\,y$"
        handles = [
            Line2D([], [], linewidth=2, label=f"{letter} {'>' if positive else '<'} 0", **style)
            for positive, style in ((True, _POSITIVE), (False, _NEGATIVE))
        ]
        self.axis.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2,
            frameon=False, fontsize=SMALL, borderaxespad=0.1,
        )  # fmt: skip

    # -- lines -----------------------------------------------------------------------------------

    def _strengths(self, layer: int) -> tuple[np.ndarray, float]:
        """What the lines of a layer show, (n_shown + 1, n_shown), and the largest of the layer."""
        trace, sample = self.trace, self.sample
        if self.lines == "weight":
            W, b = trace.coefs[layer], trace.intercepts[layer]
        else:
            W, b = trace.dw(layer, sample), trace.db(layer, sample)
        rows, columns = self.columns[layer].neurons, self.columns[layer + 1].neurons
        shown = np.vstack([W[np.ix_(rows, columns)], b[columns]])
        return shown, float(max(np.abs(W).max(), np.abs(b).max()))

    def _ends(self, layer: int):
        """The lines of a layer that are drawn: where they start and end, and their number."""
        shown, _ = self._strengths(layer)
        for place in np.argsort(-np.abs(shown), axis=None, kind="stable")[:_MOST_LINES]:
            i, j = np.unravel_index(place, shown.shape)
            start, end = self.columns[layer].ends[i], self.columns[layer + 1].heights[j]
            yield (layer, start), (layer + 1, end), shown[i, j]

    def _draw_lines(self, layer: int) -> None:
        shown, largest = self._strengths(layer)
        with_heads = shown.size <= _FEW_LINES
        for start, end, value in self._ends(layer):
            share = abs(value) / largest if largest else 0.0
            if not self.forward:
                start, end = end, start
            self.axis.annotate(
                "",
                xy=end,
                xytext=start,
                zorder=1 + share,
                arrowprops={
                    "arrowstyle": "-|>,head_length=0.35,head_width=0.15" if with_heads else "-",
                    "shrinkA": self.radius,
                    "shrinkB": self.radius,
                    "linewidth": 0.3 + 2.4 * share,
                    "alpha": 0.15 + 0.8 * share,
                    **(_POSITIVE if value > 0 else _NEGATIVE if value < 0 else {"color": "0.6"}),
                },
            )
        letter = "w" if self.lines == "weight" else r"\Delta w"
        caption = f"largest $|{letter}|$ {short(largest)}"
        n_lines = (self.trace.sizes[layer] + 1) * self.trace.sizes[layer + 1]
        if n_lines > min(shown.size, _MOST_LINES):
            caption += f"\n{min(shown.size, _MOST_LINES)} of {n_lines} lines"
        font = min(self.caption_font, SMALL - 1)
        self._text(layer + 0.5, -self.n_slots / 2, caption, (0, -2), va="top", fontsize=font)

    def _write_lines(self, layer: int) -> None:
        """The numbers of the lines, if they are few, where they touch nothing."""
        lines = list(self._ends(layer))
        if len(lines) > _FEW_LINES:
            return
        taken = [text.get_window_extent() for text in self.axis.texts if text.get_text()]
        taken += [self._extent_of_node(c, y) for c, k in enumerate(self.columns) for y in k.ends]
        for start, end, value in lines:
            text = self.axis.text(
                0, 0, short(value), ha="center", va="center", fontsize=SMALL - 1, zorder=4,
                bbox=self.behind,
            )  # fmt: skip
            for share in (0.4, 0.6, 0.3, 0.7, 0.5, 0.25, 0.75, 0.35, 0.65, 0.45, 0.55):
                text.set_position(tuple(np.add(np.multiply(share, np.subtract(end, start)), start)))
                extent = text.get_window_extent().padded(1.0)
                if not any(extent.overlaps(other) for other in taken):
                    taken.append(extent)
                    break
            else:
                text.remove()

    def _extent_of_node(self, x: float, y: float):
        from matplotlib.transforms import Bbox

        pixel = self.figure.dpi / 72
        (x, y), r = self.axis.transData.transform((x, y)), self.radius * pixel
        return Bbox([[x - r, y - r], [x + r, y + r]])

    # -- neurons ---------------------------------------------------------------------------------

    def _draw_column(self, c: int) -> None:
        column = self.columns[c]
        for k, height in enumerate(column.heights[: len(column.neurons)]):
            value = None if column.values is None else column.values[k]
            self._draw_neuron(c, height, value, column.largest)
            self._write_name(c, column.neurons[k], height)
        if column.left_out:
            height = column.heights[len(column.neurons)]
            dots = f"\N{VERTICAL ELLIPSIS} {column.left_out} more"
            self._text(c, height, dots, fontsize=self.font + 1, bbox=self.behind)
        if column.has_box:
            self._draw_node(c, column.heights[-1], self.ground, "s")
            self._text(c, column.heights[-1], "+1", fontsize=self.font)
        self._write_caption(c)

    def _draw_node(self, c: int, height: float, colour, marker: str) -> None:
        size = 2 * self.radius if marker == "o" else 1.5 * self.radius
        self.axis.plot(
            [c], [height], marker, color=colour, markersize=size, markeredgecolor=ink(),
            markeredgewidth=0.8, zorder=3, clip_on=False,
        )  # fmt: skip

    def _draw_neuron(self, c: int, height: float, value, largest: float) -> None:
        if value is None:
            self._draw_node(c, height, self.ground, "o")
            return
        colour = self.colours.to_rgba(value / largest if largest else 0.0)
        self._draw_node(c, height, colour, "o")
        text = self._text(c, height, short(value), fontsize=self.font, color=readable_on(colour))
        corner = np.hypot(text.get_window_extent().width * 72 / self.figure.dpi, _DIGIT * self.font)
        text.set_fontsize(self.font * min(1.0, 1.7 * self.radius / corner))  # inside its circle

    def _write_name(self, c: int, neuron: int, height: float) -> None:
        """Names beside inputs and outputs; numbers, where not all are shown, beside others."""
        trace, font = self.trace, self.name_font
        if c == 0:
            offset = (-self.radius - 3, 0)
            self._text(c, height, self.inputs[neuron], offset, ha="right", fontsize=font)
        elif c == trace.n_layers:
            name = "\n".join(self._about_output(neuron))
            self._text(c, height, name, (self.radius + 3, 0), ha="left", fontsize=font)
        elif self.columns[c].left_out:
            offset = (0.8 * self.radius, 0.85 * self.radius)
            small = {"ha": "left", "fontsize": 0.8 * self.font, "bbox": {**self.behind, "pad": 0.1}}
            self._text(c, height, str(neuron), offset, **small)

    def _write_caption(self, c: int) -> None:
        column, n = self.columns[c], self.trace.n_layers
        if c:
            caption = f"{layer_names(n)[c - 1]}\n{clipped(self.trace.activations[c - 1], 14)}"
        else:
            caption = "inputs"
        if column.values is not None:
            caption += f"\nlargest $|{self.symbol}|$ {short(column.largest)}"
        place = {"va": "bottom", "fontsize": self.caption_font}
        self._text(c, self.n_slots / 2, caption, (0, 2), **place)

    def _text(self, x: float, height: float, text: str, offset=(0, 0), **style):
        style = {"ha": "center", "va": "center", "zorder": 4, "annotation_clip": False, **style}
        return self.axis.annotate(
            text, (x, height), xytext=offset, textcoords="offset points", **style
        )
