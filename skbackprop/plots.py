"""Displays of a fitted network, in scikit-learn's manner.

A display takes data; `from_estimator` gets it from a fitted estimator, alone or at the end of a
Pipeline, and draws it; `plot` draws it again, into axes of one's own if they are given. What was
drawn is in ``figure_``, ``ax_`` (the first panel) and ``axes_`` (all of them).

Numbers with a sign run from dark (negative) to light (positive), and lines differ in style or
marker as well as in colour: everything can be read colour-blind, and printed in grey.

Matplotlib is needed, and imported, when something is drawn. For predictions against targets
scikit-learn's `PredictionErrorDisplay` serves, and for the regions of a classifier its
`DecisionBoundaryDisplay`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .activations import Activation, Mixed
from .dissection import index_of, input_names, open_up, output_names
from .estimators import fitted_objective
from .inspection import SignalTrace, trace_signals

__all__ = [
    "ActivationDisplay",
    "GradientFlowDisplay",
    "LossCurveDisplay",
    "SignalFlowDisplay",
    "WeightsDisplay",
]

# Okabe and Ito's colours, those first that differ most in grey; each goes with one of the markers.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SIGNED = "cividis"  # dark blue, grey at zero, light yellow: its lightness tells the sign
_POSITIVE = {"color": "#0072B2", "linestyle": "-"}
_NEGATIVE = {"color": "#D55E00", "linestyle": (0, (3, 1.2))}
_FOOT = 0.13  # share of the height of axes that a histogram at their foot takes
_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
_FEW_LINES = 12  # that have heads and numbers
_MOST_LINES = 50  # between two layers: what the eye can still follow
_SMALL = 8  # points, of what is written inside a plot


def _pyplot(caller: str):
    """``matplotlib.pyplot``, or an ImportError that says what to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib; install it with pip install 'skbackprop[plot]' or "
            "pip install matplotlib."
        ) from error
    return plt


class _Display:
    """What all displays share: where they are drawn."""

    figure_: Any
    ax_: Any
    axes_: np.ndarray

    def _panels(self, ax, n: int, n_columns: int, size: tuple[float, float], **sharing):
        """`n` axes in rows of `n_columns`: in a figure of their own, or in the place of `ax`.

        `size` is that of one panel in a figure of its own, in inches.
        """
        plt = _pyplot(type(self).__name__)
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
            axes = ax.get_subplotspec().subgridspec(*shape).subplots(squeeze=False, **sharing)
        for left_over in axes.flat[n:]:
            left_over.remove()
        self.axes_ = axes.ravel()[:n]
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self.axes_


def _legend_above(axis, title: str | None = None, handles: list | None = None) -> None:
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
        fontsize=_SMALL,
        title_fontsize=9,
    )


def _choose(name: str, value, choices: Sequence) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}.")


def _short(number: float) -> str:
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


def _clipped(name: Any, length: int = 24) -> str:
    """A name, shortened if it would take too much room."""
    name = str(name)
    return name if len(name) <= length else name[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _layer_names(n_layers: int) -> list[str]:
    return [f"hidden {layer + 1}" for layer in range(n_layers - 1)] + ["output"]


# -- learning curves -------------------------------------------------------------------------------


class LossCurveDisplay(_Display):
    """Cost, validation score and eta of every epoch, of one estimator or several.

    It is recommended to use `from_estimator`.

    Parameters
    ----------
    curves : dict of str to dict
        By the name of each estimator its curves: ``"loss"``, and where there are any
        ``"validation_loss"``, ``"score"`` and ``"eta"``, sequences with one number per epoch, and
        ``"best_iter"``, the epochs after which the weights were those that were kept.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The costs.
    axes_ : ndarray of Axes
        All panels: costs, scores, eta, as far as they are shown.
    figure_ : matplotlib Figure
    panels_ : tuple of str
        What the panels show.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plots import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> models = {
    ...     solver: BackpropClassifier((8,), solver=solver, early_stopping=True, random_state=0)
    ...     for solver in ("adam", "lbfgs")
    ... }
    >>> display = LossCurveDisplay.from_estimator({n: m.fit(X, y) for n, m in models.items()})
    >>> display.panels_
    ('loss', 'score')
    """

    _PANELS = {"loss": "cost", "score": "validation score", "eta": "eta"}

    def __init__(self, curves: Mapping[str, Mapping[str, Any]]):
        self.curves = curves

    @classmethod
    def from_estimator(cls, estimator, *, panels="auto", ax=None) -> LossCurveDisplay:
        """Draw what a fit has recorded.

        Parameters
        ----------
        estimator : estimator, or dict of str to estimator
            Fitted, alone or at the end of a Pipeline; several by their names, for comparison.
            Estimators of scikit-learn that record a ``loss_curve_`` will do.
        panels, ax
            See `plot`.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ValueError
            If an estimator has recorded nothing, as after `partial_fit` alone.
        """
        _pyplot(cls.__name__)
        named = estimator if isinstance(estimator, Mapping) else {"": estimator}
        curves = {name: _recorded(name, model) for name, model in named.items()}
        return cls(curves).plot(ax, panels=panels)

    def plot(self, ax=None, *, panels="auto") -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; divided if there is more than one panel.
        panels : "auto" or sequence of {"loss", "score", "eta"}, default="auto"
            What to show; "auto" is the costs, the scores if there are any, and eta if it changed.

        Returns
        -------
        self
        """
        if isinstance(panels, str) and panels == "auto":
            panels = [name for name in self._PANELS if name == "loss" or self._is_telling(name)]
        for panel in panels:
            _choose("panels", panel, tuple(self._PANELS))
        if not len(panels):
            raise ValueError("panels is empty; name at least one of 'loss', 'score', 'eta'.")
        self.panels_ = tuple(panels)
        axes = self._panels(ax, len(panels), 1, (6.4, 1.2 + 2.6 / len(panels)), sharex=True)
        for panel, axis in zip(panels, axes, strict=True):
            getattr(self, f"_plot_{panel}")(axis)
            axis.set_ylabel(self._PANELS[panel])
            axis.grid(alpha=0.25)
        self._describe_lines(axes[0])
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        return self

    def _is_telling(self, panel: str) -> bool:
        """Whether some estimator has anything to show there."""
        series = [_numbers(curve.get(panel)) for curve in self.curves.values()]
        if panel == "eta":
            return any(len(set(eta[np.isfinite(eta)])) > 1 for eta in series)
        return any(map(len, series))

    def _styles(self):
        """Each estimator's curves, with the colour and marker of its lines."""
        styles = zip(cycle(_COLOURS), cycle(_MARKERS), strict=True)
        for curve, (colour, marker) in zip(self.curves.values(), styles, strict=False):
            yield curve, {"color": colour, "marker": marker, "markersize": 4}

    def _draw(self, axis, series, style, **more) -> np.ndarray:
        """A line through the epochs 1, 2, ..., with some ten markers."""
        values = _numbers(series)
        if len(values):
            every = max(1, len(values) // 10)
            axis.plot(np.arange(1, len(values) + 1), values, markevery=every, **style, **more)
        return values

    def _plot_loss(self, axis) -> None:
        drawn = []
        for curve, style in self._styles():
            drawn.append(self._draw(axis, curve["loss"], style))
            validation = self._draw(axis, curve.get("validation_loss"), style, linestyle="--")
            drawn.append(validation)
            self._mark_best(axis, curve, validation if len(validation) else drawn[-2], style)
        _log_if_wide(axis, drawn)

    def _plot_score(self, axis) -> None:
        for curve, style in self._styles():
            scores = self._draw(axis, curve.get("score"), style, linestyle="--")
            self._mark_best(axis, curve, scores, style)

    def _plot_eta(self, axis) -> None:
        steps = {"drawstyle": "steps-post"}
        drawn = [self._draw(axis, c.get("eta"), style, **steps) for c, style in self._styles()]
        _log_if_wide(axis, drawn)

    def _mark_best(self, axis, curve, series, style) -> None:
        """A star where the weights were taken that were kept, and a line down from it."""
        best = curve.get("best_iter")
        if best and len(series) >= best:
            axis.axvline(best, color=style["color"], linestyle=":", linewidth=1)
            star = {"marker": "*", "markersize": 13, "markeredgecolor": "white"}
            axis.plot([best], [series[best - 1]], **{**style, **star}, zorder=3)

    def _describe_lines(self, axis) -> None:
        """The legend: a line for each estimator, if there are several, and what the styles mean."""
        from matplotlib.lines import Line2D

        several = len(self.curves) > 1
        handles = []
        if several:
            for name, (_, style) in zip(self.curves, self._styles(), strict=True):
                handles.append(Line2D([], [], label=_clipped(name), **style))
        plain = {"color": "0.2" if several else _COLOURS[0]}
        if self._has("validation_loss") or self._has("score"):
            handles.append(Line2D([], [], label="training", **plain))
            handles.append(Line2D([], [], label="validation", linestyle="--", **plain))
        best = [c["best_iter"] for c in self.curves.values() if c.get("best_iter")]
        if best:
            label = "weights kept" if several else f"weights kept: epoch {best[0]}"
            star = {"marker": "*", "markersize": 11, "linestyle": ":", "markeredgecolor": "white"}
            handles.append(Line2D([], [], label=label, **star, **plain))
        if handles:
            _legend_above(axis, handles=handles)

    def _has(self, series: str) -> bool:
        return any(len(_numbers(curve.get(series))) for curve in self.curves.values())


def _log_if_wide(axis, series: Sequence[np.ndarray]) -> None:
    """A logarithmic scale, if the numbers are positive and span more than a decade."""
    values = np.concatenate(series)
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 10 * values.min():
        axis.set_yscale("log")


def _numbers(series) -> np.ndarray:
    """A curve as floats, NaN where nothing was recorded; empty if there is none."""
    return np.array([] if series is None else list(series), dtype=float)


def _recorded(name: str, estimator) -> dict[str, Any]:
    """The curves of one fitted estimator."""
    if not hasattr(estimator, "loss_curve_"):
        estimator = open_up(estimator).estimator
        check_is_fitted(estimator)
    if not getattr(estimator, "loss_curve_", None):
        raise ValueError(
            f"{f'{name}: ' if name else ''}{type(estimator).__name__} has no loss curve; fit it "
            "first (partial_fit, and solvers that keep no costs, leave none)."
        )
    attributes = {
        "loss": "loss_curve_",
        "validation_loss": "validation_loss_curve_",
        "score": "validation_scores_",
        "eta": "eta_curve_",
        "best_iter": "best_iter_",
    }
    return {key: getattr(estimator, attribute, None) for key, attribute in attributes.items()}


# -- weights ---------------------------------------------------------------------------------------


class WeightsDisplay(_Display):
    """Weights of a layer as a heat map or as one image for each neuron, or all in histograms.

    It is recommended to use `from_estimator`.

    Parameters
    ----------
    coefs : sequence of ndarray of shape (n_in, n_out)
        Weights of each layer.
    intercepts : sequence of ndarray of shape (n_out,)
        Biases.
    feature_names, output_names : sequence of str, optional
        Of the inputs and of the output neurons.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first panel.
    axes_ : ndarray of Axes
        All panels.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plots import WeightsDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = BackpropClassifier((6,), random_state=0).fit(X, y)
    >>> WeightsDisplay.from_estimator(model)
    <...>
    >>> WeightsDisplay.from_estimator(model, kind="histogram").axes_.shape
    (2,)
    """

    _KINDS = ("heatmap", "images", "histogram")

    def __init__(self, coefs, intercepts, *, feature_names=None, output_names=None):
        self.coefs = coefs
        self.intercepts = intercepts
        self.feature_names = feature_names
        self.output_names = output_names

    @classmethod
    def from_estimator(
        cls, estimator, *, kind="auto", layer=0, image_shape=None, max_neurons=36, ax=None
    ) -> WeightsDisplay:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, alone or at the end of a Pipeline.
        kind, layer, image_shape, max_neurons, ax
            See `plot`.

        Returns
        -------
        WeightsDisplay
        """
        _pyplot(cls.__name__)
        opened = open_up(estimator)
        network = fitted_objective(opened.estimator).network
        coefs, intercepts = zip(*network.layers(network.w), strict=True)
        names = {"feature_names": input_names(opened), "output_names": output_names(opened)}
        display = cls(coefs, intercepts, **names)
        return display.plot(
            ax, kind=kind, layer=layer, image_shape=image_shape, max_neurons=max_neurons
        )

    def plot(
        self, ax=None, *, kind="auto", layer=0, image_shape=None, max_neurons=36
    ) -> WeightsDisplay:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; divided if there is more than one panel.
        kind : {"auto", "heatmap", "images", "histogram"}, default="auto"
            "heatmap" has a row for each input of the layer and one for the bias, "images" an image
            for each of its neurons, "histogram" a panel for each layer of the network; "auto" is
            "images" if there is an image shape, else "heatmap".
        layer : int, default=0
            Whose weights are drawn; -1 is the output layer.
        image_shape : (int, int), optional
            Rows and columns of the image that the inputs of the layer are.
        max_neurons : int, default=36
            Images that are drawn, at most.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such kind, or the image shape is not that of the inputs.
        IndexError
            If there is no such layer.
        """
        _choose("kind", kind, ("auto", *self._KINDS))
        if kind == "auto":
            kind = "heatmap" if image_shape is None else "images"
        layer = index_of(layer, len(self.coefs), "layer")
        draw = {
            "heatmap": lambda: self._plot_heatmap(ax, layer),
            "images": lambda: self._plot_images(ax, layer, image_shape, max_neurons),
            "histogram": lambda: self._plot_histograms(ax),
        }
        draw[kind]()
        return self

    def _plot_heatmap(self, ax, layer: int) -> None:
        """Rows are what enters the layer, the bias last; columns are its neurons."""
        W = np.vstack([self.coefs[layer], self.intercepts[layer]])
        n_rows, n_columns = W.shape
        last = layer == len(self.coefs) - 1
        into = self.feature_names if layer == 0 else None
        out = self.output_names if last else None
        longest = max(map(len, map(_clipped, ["bias"] if into is None else into)))
        width = np.clip(0.46 * n_columns, 2.3, 9.0) + 0.08 * longest + 1.3
        (axis,) = self._panels(ax, 1, 1, (width, np.clip(0.3 * n_rows, 2.0, 8.0) + 0.8))
        limits = _around_zero(self.coefs[layer])  # a large bias must not make the weights pale
        mesh = axis.imshow(W, cmap=_SIGNED, aspect="auto", **limits)
        axis.axhline(n_rows - 1.5, color="white", linewidth=2)
        beyond = np.abs(W).max() > limits["vmax"]
        extend = "both" if beyond else "neither"
        self.figure_.colorbar(mesh, ax=axis, label="weight", extend=extend)
        from_what = "inputs" if layer == 0 else f"neurons of hidden {layer}"
        axis.set(
            xlabel=f"neurons of {_layer_names(len(self.coefs))[layer]}",
            ylabel="" if into is not None else from_what,
        )
        rows = [*(into if into is not None else map(str, range(n_rows - 1))), "bias"]
        columns = out if out is not None else list(map(str, range(n_columns)))
        for names, upright in ((rows, True), (columns, False), (rows, True)):
            self.figure_.draw_without_rendering()  # lays out: what one axis takes, the other lacks
            _name_ticks(axis, names, upright=upright)
        self.figure_.draw_without_rendering()
        _write_cells(axis, mesh, W)

    def _plot_images(self, ax, layer: int, image_shape, max_neurons: int) -> None:
        """An image for each neuron, all on one scale."""
        W = self.coefs[layer]
        if image_shape is None or len(image_shape) != 2 or np.prod(image_shape) != len(W):
            raise ValueError(
                f"image_shape is {image_shape!r}; it must be (rows, columns) of an image of the "
                f"{len(W)} inputs of that layer."
            )
        shown = W[:, :max_neurons]
        n_columns = int(np.ceil(np.sqrt(shown.shape[1] * 1.5)))
        axes = self._panels(ax, shown.shape[1], n_columns, (0.95, 1.0))
        for j, axis in enumerate(axes):
            image = shown[:, j].reshape(image_shape)
            mesh = axis.imshow(image, cmap=_SIGNED, **_around_zero(shown))
            axis.set(xticks=[], yticks=[])
            axis.set_title(str(j), fontsize=_SMALL, pad=2)
        label = "weight"
        if W.shape[1] > shown.shape[1]:
            label += f" (neurons 0 to {shown.shape[1] - 1} of {W.shape[1]})"
        self.figure_.colorbar(mesh, ax=list(axes), label=label, location="bottom", aspect=40)

    def _plot_histograms(self, ax) -> None:
        """A panel for each layer: the weights filled, the biases in outline."""
        axes = self._panels(ax, len(self.coefs), 3, (3.2, 2.6))
        layers = zip(axes, _layer_names(len(axes)), self.coefs, self.intercepts, strict=True)
        for axis, name, W, b in layers:
            bins = np.histogram_bin_edges(np.append(W, b), bins=min(40, max(5, W.size // 4)))
            axis.hist(W.ravel(), bins, density=True, color="#56B4E9", label=f"weights ({W.size})")
            axis.hist(
                b, bins, density=True, histtype="step", color="black", label=f"biases ({b.size})"
            )
            axis.set_yticks([])
            _legend_above(axis, f"{name}, {W.shape[0]} to {W.shape[1]}")
        axes[0].set_ylabel("density")
        for axis in axes:
            axis.set_xlabel("weight")
            axis.locator_params(axis="x", nbins=4)
            axis.ticklabel_format(axis="x", scilimits=(-3, 4))


def _around_zero(values) -> dict[str, float]:
    """Limits of a colour scale with zero in the middle."""
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    return {"vmin": -largest, "vmax": largest}


def _name_ticks(axes, names: Sequence, *, upright: bool) -> None:
    """Name the ticks 0, 1, ... of the y (`upright`) or x axis: as many as do not touch each other.

    Names along the x axis are turned where they are too long.
    """
    axis, room = (axes.yaxis, axes.bbox.height) if upright else (axes.xaxis, axes.bbox.width)
    pixel = axes.figure.dpi / 72
    texts = [_clipped(name) for name in names]
    line, longest = 1.35 * _SMALL * pixel, max(map(len, texts)) * 0.72 * _SMALL * pixel
    turned = not upright and longest > room / len(texts) and longest > 2 * line
    each = line if upright or turned else max(longest, line)
    step = max(1, int(np.ceil(each * len(texts) / room)))
    positions = list(range(0, len(texts), step))
    if upright and step > 1:  # the last is the bias
        positions = [i for i in positions if i < len(texts) - step] + [len(texts) - 1]
    axis.set_ticks(positions, [texts[i] for i in positions], fontsize=_SMALL)
    if turned:
        axis.set_tick_params(rotation=90)


def _write_cells(axis, mesh, values: np.ndarray) -> None:
    """Write the numbers into the cells of a heat map, if there is room."""
    pixel = axis.figure.dpi / 72
    height, width = axis.bbox.height / values.shape[0], axis.bbox.width / values.shape[1]
    font = _SMALL - 1
    if height < 1.5 * font * pixel or width < 3.9 * font * pixel:
        return
    for (i, j), value in np.ndenumerate(values):
        colour = _readable_on(mesh.to_rgba(value))
        axis.text(j, i, _short(value), ha="center", va="center", fontsize=font, color=colour)


def _readable_on(rgba) -> str:
    """Black or white, whichever stands out."""
    return "black" if np.dot(rgba[:3], (0.299, 0.587, 0.114)) > 0.45 else "white"


# -- the flow of error -----------------------------------------------------------------------------


class GradientFlowDisplay(_Display):
    """How the local gradients fare on their way back, and how much each layer would change.

    On the left ``|delta|`` of each layer, over all samples and neurons; on the right
    ``|Dw| / |w|`` of the rule's step ``Dw = eta delta y``, over all samples. Boxes span the middle
    half with a line at the median, whiskers the middle 90 %; scales are logarithmic, and what is
    exactly zero is counted below.

    It is recommended to use `from_estimator`.

    Parameters
    ----------
    trace : SignalTrace
        With errors.

    Attributes
    ----------
    ax_ : matplotlib Axes
        That of ``|delta|``.
    axes_ : ndarray of Axes
        Both.
    figure_ : matplotlib Figure
    delta_ : list of ndarray of shape (n, n_l)
        ``|delta|`` of each layer.
    ratio_ : list of ndarray of shape (n,)
        ``|Dw| / |w|`` of each layer, Euclidean norms over its weights (without the biases), of one
        update on each sample.
    batch_ratio_ : list of float
        The same of one update on all samples, whose change is the mean.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plots import GradientFlowDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier((8, 8), activation="tanh", random_state=0).fit(X, y)
    >>> GradientFlowDisplay.from_estimator(model, X, y)
    <...>
    """

    def __init__(self, trace: SignalTrace):
        self.trace = trace

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None) -> GradientFlowDisplay:
        """Draw the flow of the errors on some data.

        Parameters
        ----------
        estimator : estimator
            Fitted, alone or at the end of a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like
            Targets, as in `fit`.
        ax
            See `plot`.

        Returns
        -------
        GradientFlowDisplay
        """
        _pyplot(cls.__name__)
        return cls(trace_signals(estimator, X, y)).plot(ax)

    def plot(self, ax=None) -> GradientFlowDisplay:
        """Draw both panels.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Divided in two.

        Returns
        -------
        self
        """
        trace = self.trace
        deltas = _local_gradients(trace, type(self).__name__)
        self.delta_ = [np.abs(delta) for delta in deltas]
        ratios = [self._ratios(layer, delta) for layer, delta in enumerate(deltas)]
        self.ratio_ = [single for single, _ in ratios]
        self.batch_ratio_ = [whole for _, whole in ratios]
        width = max(3.6, 0.62 * trace.n_layers + 1.0)
        left, right = self._panels(ax, 2, 2, (width, 3.8))
        _boxes(left, self.delta_, r"$|\delta|$")
        _boxes(right, self.ratio_, r"$|\Delta w|\,/\,|w|$")
        layers = np.arange(1, trace.n_layers + 1)
        whole = np.array(self.batch_ratio_)
        right.plot(
            layers[whole > 0], whole[whole > 0], "D", color="#D55E00", markeredgecolor="white",
            label="all samples in one update", zorder=3,
        )  # fmt: skip
        _legend_above(left, "local gradients")
        _legend_above(right, "change of a step of the rule")
        return self

    def _ratios(self, layer: int, delta: np.ndarray) -> tuple[np.ndarray, float]:
        """``|Dw| / |w|`` of a layer: of each sample, and of the mean change.

        The norm of an outer product is the product of the norms.
        """
        trace = self.trace
        y = trace.y[layer]
        size = np.linalg.norm(trace.coefs[layer]) or np.nan
        single = np.linalg.norm(y, axis=1) * np.linalg.norm(delta, axis=1)
        whole = np.linalg.norm(y.T @ delta) / len(y)
        return trace.eta[layer] * single / size, float(trace.eta[layer] * whole / size)


def _local_gradients(trace: SignalTrace, what: str) -> list[np.ndarray]:
    if trace.delta is None:
        raise ValueError(f"{what} needs the errors; give the targets y to the trace.")
    return trace.delta


def _boxes(axis, layers: Sequence[np.ndarray], label: str) -> None:
    """A box of each layer's numbers on a logarithmic scale."""
    boxes, ticks = [], []
    for layer, values in enumerate(layers, 1):
        positive = values[values > 0]
        zero = 1.0 - positive.size / values.size
        ticks.append(f"{layer}\n{zero:.0%} zero" if 0.005 < zero else str(layer))
        low, q1, median, q3, high = (
            np.percentile(positive, (5, 25, 50, 75, 95)) if positive.size else [np.nan] * 5
        )
        boxes.append({"whislo": low, "q1": q1, "med": median, "q3": q3, "whishi": high})
    axis.bxp(
        boxes,
        showfliers=False,
        widths=0.55,
        patch_artist=True,
        boxprops={"facecolor": "#56B4E9", "edgecolor": "black"},
        medianprops={"color": "black", "linewidth": 2},
    )
    axis.set_yscale("log")
    axis.grid(axis="y", alpha=0.25)
    axis.set_xticks(range(1, len(layers) + 1), ticks, fontsize=_SMALL)
    axis.set(xlabel="layer (the last is the output)", ylabel=label)


# -- activations -----------------------------------------------------------------------------------


class ActivationDisplay(_Display):
    """The activation phi of each layer and its slope phi', over the induced local fields v.

    A layer with `Mixed` activations shows each of them. With data, the v of its rows is a histogram
    at the foot of the panel: where it lies outside the slope, nothing is learnt.

    It is recommended to use `from_estimator`.

    Parameters
    ----------
    activations : sequence of Activation
        One for each layer.
    n_neurons : sequence of int
        Neurons of each layer.
    v : sequence of ndarray of shape (n, n_l), optional
        Induced local fields of each layer on some data.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first layer shown.
    axes_ : ndarray of Axes
        All layers shown.
    figure_ : matplotlib Figure

    Notes
    -----
    The output of a softmax neuron depends on the others, too: it is drawn with theirs at v = 0.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plots import ActivationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier((8,), activation="tanh", random_state=0).fit(X, y)
    >>> ActivationDisplay.from_estimator(model, X)
    <...>
    """

    def __init__(self, activations: Sequence[Activation], n_neurons: Sequence[int], v=None):
        self.activations = activations
        self.n_neurons = n_neurons
        self.v = v

    @classmethod
    def from_estimator(cls, estimator, X=None, *, layers=None, ax=None) -> ActivationDisplay:
        """Draw the activations of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, alone or at the end of a Pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), optional
            Rows whose v is shown.
        layers, ax
            See `plot`.

        Returns
        -------
        ActivationDisplay
        """
        _pyplot(cls.__name__)
        network = fitted_objective(open_up(estimator).estimator).network
        v = None if X is None else trace_signals(estimator, X).v
        return cls(network.activations, network.sizes[1:], v).plot(ax, layers=layers)

    def plot(self, ax=None, *, layers=None) -> ActivationDisplay:
        """Draw a panel for each layer.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; divided if there is more than one layer.
        layers : sequence of int, optional
            Those to show; all by default.

        Returns
        -------
        self

        Raises
        ------
        IndexError
            If there is no such layer.
        """
        n_layers = len(self.activations)
        layers = range(n_layers) if layers is None else layers
        layers = [index_of(layer, n_layers, "layer") for layer in layers]
        for layer, axis in zip(layers, self._panels(ax, len(layers), 3, (3.7, 3.4)), strict=True):
            self._plot_layer(axis, layer)
            axis.set_xlabel("v")
        return self

    def _plot_layer(self, axis, layer: int) -> None:
        from matplotlib.lines import Line2D

        groups = _neurons_by_activation(self.activations[layer], self.n_neurons[layer])
        mixed = len(groups) > 1
        v = None if self.v is None else np.asarray(self.v[layer], dtype=float)
        grid = _grid(v)
        handles = []
        low, high = np.inf, -np.inf
        styles = zip(cycle(_COLOURS), cycle(_MARKERS), strict=False)
        for place, ((activation, neurons), (colour, marker)) in enumerate(
            zip(groups, styles, strict=False)
        ):
            phi, slope = _curve(activation, grid, self.n_neurons[layer])
            low, high = min(low, phi.min(), slope.min()), max(high, phi.max(), slope.max())
            symbol = marker if mixed else ""
            style = {"color": colour, "marker": symbol, "markersize": 4}
            slope_style = style if mixed else {"color": _COLOURS[1]}
            axis.plot(grid, phi, markevery=50, **style)
            axis.plot(grid, slope, "--", markevery=(25, 50), **slope_style)
            label = f"{activation.name} ({len(neurons)})" if mixed else "$\\phi$"
            handles.append(Line2D([], [], label=_clipped(label), **style))
            if v is not None:
                _foot(axis, v[:, neurons], grid, place, colour if mixed else "0.4", symbol)
        dashed = {"color": "0.3"} if mixed else {"color": _COLOURS[1]}
        handles.append(Line2D([], [], label="$\\phi'$", linestyle="--", **dashed))
        name = _layer_names(len(self.activations))[layer]
        _legend_above(axis, f"{name}: {_clipped(self.activations[layer].name)}", handles)
        self._leave_room(axis, low, high, 0 if v is None else len(groups))

    @staticmethod
    def _leave_room(axis, low: float, high: float, n_feet: int) -> None:
        """Limits that keep curves from `low` to `high` above the histograms at the foot."""
        size = (high - low) or 1.0
        share = n_feet * _FOOT + 0.06
        bottom = low - size * share / (1.0 - share)
        axis.locator_params(axis="y", nbins=6)
        ticks = [t for t in axis.get_yticks() if low - 0.1 * size <= t <= high + 0.1 * size]
        axis.set_yticks(ticks)
        axis.set_ylim(bottom, high + 0.06 * size)
        axis.grid(alpha=0.25)


def _neurons_by_activation(activation: Activation, n: int) -> list[tuple[Activation, list[int]]]:
    """The different activations of a layer of n neurons, with the neurons that have them."""
    members = activation.activations if isinstance(activation, Mixed) else [activation] * n
    groups: dict[Activation, list[int]] = {}
    for neuron, member in enumerate(members):
        groups.setdefault(member, []).append(neuron)
    return list(groups.items())


def _grid(v: np.ndarray | None) -> np.ndarray:
    """Where to draw an activation: at least from -4 to 4, and wherever the data are."""
    low, high = (-4.0, 4.0) if v is None or not v.size else (min(v.min(), -4), max(v.max(), 4))
    return np.linspace(low, high, 401)


def _curve(activation: Activation, grid: np.ndarray, n_neurons: int):
    """``phi(v)`` and its slope; of neurons that depend on each other, of the first alone."""
    v = np.zeros((len(grid), 1 if activation.elementwise else n_neurons))
    v[:, 0] = grid
    unit = np.zeros_like(v)
    unit[:, 0] = 1.0
    y = activation.phi(v)
    return y[:, 0], activation.delta(unit, v, y)[:, 0]


def _foot(axis, v: np.ndarray, grid: np.ndarray, place: int, colour: str, marker: str) -> None:
    """A histogram of v along the foot of the axes, above `place` others."""
    count, edges = np.histogram(v, bins=60, range=(grid[0], grid[-1]))
    floor = place * _FOOT
    height = floor + 0.9 * _FOOT * count / max(count.max(), 1)
    style = {"transform": axis.get_xaxis_transform(), "color": colour}
    axis.fill_between(
        edges, floor, np.append(height, floor), step="post", alpha=0.5, linewidth=1, **style
    )
    axis.plot([edges[0]], [floor + 0.4 * _FOOT], marker=marker, markersize=4, **style)


# -- signal flow -----------------------------------------------------------------------------------


class SignalFlowDisplay(_Display):
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
        _pyplot(cls.__name__)
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
        _choose("direction", direction, ("forward", "backward"))
        if lines is None:
            lines = "weight" if direction == "forward" else "change"
        _choose("lines", lines, ("weight", "change"))
        if not 1 <= max_neurons <= 30:
            raise ValueError(f"max_neurons is {max_neurons!r}; it must be from 1 to 30.")
        if direction == "backward" or lines == "change":
            _local_gradients(trace, f"direction={direction!r} with lines={lines!r}")
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
        self.trace: SignalTrace = display.trace
        self.sample = sample
        self.forward = direction == "forward"
        self.symbol = "y" if self.forward else r"\delta"
        self.lines = lines
        self.columns = [self._column(c, max_neurons) for c in range(len(self.trace.y))]
        display.shown_ = [column.neurons for column in self.columns]
        self.n_slots = max(len(column.heights) for column in self.columns)
        n_gaps = len(self.columns) - 1
        size = 2.3 * n_gaps + 2.6, min(max(0.42 * self.n_slots, 1.8), 9.0) + 1.9
        (self.axis,) = display._panels(ax, 1, 1, size)
        self.figure = display.figure_

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
        axis = self.axis
        half = self.n_slots / 2
        axis.set(xlim=(-0.25, len(self.columns) - 0.75), ylim=(-half - 0.9, half + 1.6))
        axis.set_axis_off()
        self._write_title()
        self._draw_scales()
        self.figure.draw_without_rendering()
        pixel = self.figure.dpi / 72
        slot = axis.bbox.height / pixel / (self.n_slots + 2.5)  # points
        self.radius = min(0.42 * slot, 13.0)
        self.font = max(min(_SMALL, 0.56 * self.radius), 2.0)
        for layer in range(self.trace.n_layers):
            self._draw_lines(layer)
        for c in range(len(self.columns)):
            self._draw_column(c)
        self.figure.draw_without_rendering()
        for layer in range(self.trace.n_layers):
            self._write_lines(layer)

    # -- around the network ----------------------------------------------------------------------

    def _write_title(self) -> None:
        trace, sample = self.trace, self.sample
        arrow = "\N{RIGHTWARDS ARROW}" if self.forward else "\N{LEFTWARDS ARROW}"
        title = f"{'Forward signal flow' if self.forward else 'Backward error flow'}  {arrow}"
        title += f"   sample {sample}"
        if trace.E is not None:
            title += f",  E = {_short(trace.E[sample])}"
        self.axis.set_title(title, fontsize=10)

    def _draw_scales(self) -> None:
        """What colours and lines mean."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize
        from matplotlib.lines import Line2D

        self.colours = ScalarMappable(Normalize(-1.0, 1.0), _SIGNED)
        bar = self.figure.colorbar(self.colours, ax=self.axis, shrink=0.6, aspect=25, pad=0.02)
        bar.set_ticks([-1, 0, 1], labels=["\N{MINUS SIGN}largest", "0", "largest"], fontsize=_SMALL)
        bar.set_label(f"${self.symbol}$ of a neuron, in its layer", fontsize=_SMALL)
        letter = "$w$" if self.lines == "weight" else r"$\Delta w = \eta\,\delta\,y$"
        handles = [
            Line2D([], [], linewidth=2, label=f"{letter} {'>' if positive else '<'} 0", **style)
            for positive, style in ((True, _POSITIVE), (False, _NEGATIVE))
        ]
        self.axis.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2,
            frameon=False, fontsize=_SMALL, borderaxespad=0.1,
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
        caption = f"largest $|{letter}|$ {_short(largest)}"
        n_lines = (self.trace.sizes[layer] + 1) * self.trace.sizes[layer + 1]
        if n_lines > min(shown.size, _MOST_LINES):
            caption += f"\n{min(shown.size, _MOST_LINES)} of {n_lines} lines"
        self._text(layer + 0.5, -self.n_slots / 2 - 0.15, caption, va="top", fontsize=_SMALL - 1)

    def _write_lines(self, layer: int) -> None:
        """The numbers of the lines, if they are few, where they touch nothing."""
        lines = list(self._ends(layer))
        if len(lines) > _FEW_LINES:
            return
        taken = [text.get_window_extent() for text in self.axis.texts if text.get_text()]
        taken += [self._extent_of_node(c, y) for c, k in enumerate(self.columns) for y in k.ends]
        for start, end, value in lines:
            text = self.axis.text(
                0, 0, _short(value), ha="center", va="center", fontsize=_SMALL - 1, zorder=4,
                bbox=_WHITE,
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
            self._text(c, height, dots, fontsize=self.font + 1, bbox=_WHITE)
        if column.has_box:
            self._draw_node(c, column.heights[-1], "white", "s")
            self._text(c, column.heights[-1], "+1", fontsize=self.font)
        self._write_caption(c)

    def _draw_node(self, c: int, height: float, colour, marker: str) -> None:
        size = 2 * self.radius if marker == "o" else 1.5 * self.radius
        self.axis.plot(
            [c], [height], marker, color=colour, markersize=size, markeredgecolor="black",
            markeredgewidth=0.8, zorder=3, clip_on=False,
        )  # fmt: skip

    def _draw_neuron(self, c: int, height: float, value, largest: float) -> None:
        if value is None:
            self._draw_node(c, height, "white", "o")
            return
        colour = self.colours.to_rgba(value / largest if largest else 0.0)
        self._draw_node(c, height, colour, "o")
        number = _short(value)
        font = min(self.font, 2.9 * self.radius / len(number))
        self._text(c, height, number, fontsize=font, color=_readable_on(colour))

    def _write_name(self, c: int, neuron: int, height: float) -> None:
        """Names beside inputs and outputs; numbers, where not all are shown, beside others."""
        trace, sample = self.trace, self.sample
        font = min(_SMALL, self.font + 1)
        if c == 0:
            offset = (-self.radius - 3, 0)
            self._text(c, height, _clipped(trace.feature_names[neuron], 18), offset, ha="right",
                       fontsize=font)  # fmt: skip
        elif c == trace.n_layers:
            name = _clipped(trace.output_names[neuron], 18)
            if trace.d is not None and trace.e is not None:
                d, e = trace.d[sample, neuron], trace.e[sample, neuron]
                name += f"\n$d$ {_short(d)}, $e$ {_short(e)}"
            self._text(c, height, name, (self.radius + 3, 0), ha="left", fontsize=font)
        elif self.columns[c].left_out:
            offset = (0.8 * self.radius, 0.85 * self.radius)
            small = {"ha": "left", "fontsize": 0.8 * self.font, "bbox": {**_WHITE, "pad": 0.1}}
            self._text(c, height, str(neuron), offset, **small)

    def _write_caption(self, c: int) -> None:
        column, n = self.columns[c], self.trace.n_layers
        if c:
            caption = f"{_layer_names(n)[c - 1]}\n{_clipped(self.trace.activations[c - 1], 14)}"
        else:
            caption = "inputs"
        if column.values is not None:
            caption += f"\nlargest $|{self.symbol}|$ {_short(column.largest)}"
        self._text(c, self.n_slots / 2 + 0.15, caption, va="bottom", fontsize=_SMALL)

    def _text(self, x: float, height: float, text: str, offset=(0, 0), **style) -> None:
        style = {"ha": "center", "va": "center", "zorder": 4, "annotation_clip": False, **style}
        self.axis.annotate(text, (x, height), xytext=offset, textcoords="offset points", **style)
