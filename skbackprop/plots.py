"""Displays of a fitted network, in scikit-learn's manner.

A display takes data; `from_estimator` gets it from a fitted estimator, alone or at the end of a
Pipeline, and draws it; `plot` draws it again, into axes of one's own if they are given. Axes that
the display has drawn into before are emptied first. What was drawn is in ``figure_``, ``ax_`` (the
first panel) and ``axes_`` (all of them). Legends stand above their axes: figures of one's own with
``layout="constrained"`` leave room for them.

Matplotlib is needed, and imported, when something is drawn. For predictions against targets
scikit-learn's `PredictionErrorDisplay` serves, and for the regions of a classifier its
`DecisionBoundaryDisplay`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .access import fitted_objective
from .activations import Activation, Mixed
from .dissection import index_of, input_names, open_up, output_names
from .drawing import (
    COLOURS,
    SIGNED,
    SMALL,
    Display,
    check_count,
    choose,
    clipped,
    ink,
    lay_out,
    layer_names,
    legend_above,
    line_styles,
    local_gradients,
    pyplot_for,
    readable_on,
    short,
    told_apart,
)
from .inspection import SignalTrace, trace_signals
from .signal_flow import SignalFlowDisplay

__all__ = [
    "ActivationDisplay",
    "GradientFlowDisplay",
    "LossCurveDisplay",
    "SignalFlowDisplay",
    "WeightsDisplay",
]

_FOOT = 0.13  # share of the height of axes that a histogram at their foot takes


# -- learning curves -------------------------------------------------------------------------------


class LossCurveDisplay(Display):
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
        pyplot_for(cls.__name__)
        named = estimator if isinstance(estimator, Mapping) else {"": estimator}
        if not named:
            raise ValueError("estimator is an empty dict; give at least one fitted estimator.")
        curves = {name: _recorded(name, model) for name, model in named.items()}
        return cls(curves).plot(ax, panels=panels)

    def plot(self, ax=None, *, panels="auto") -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; divided if there is more than one panel.
        panels : "auto", "loss", "score", "eta" or a sequence of these, default="auto"
            What to show; "auto" is the costs, the scores if there are any, and eta if it changed.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such panel, or nothing that it could show.
        """
        self.panels_ = panels = self._chosen(panels)
        axes = self.divide(ax, len(panels), 1, (6.4, 1.2 + 2.6 / len(panels)), sharex=True)
        for panel, axis in zip(panels, axes, strict=True):
            getattr(self, f"_plot_{panel}")(axis)
            axis.set_ylabel(self._PANELS[panel])
            axis.grid(alpha=0.25)
        self._describe_lines(axes[0])
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        return self

    def _chosen(self, panels) -> tuple[str, ...]:
        """The panels that are asked for, or an error that says what cannot be shown."""
        if isinstance(panels, str) and panels == "auto":
            return tuple(p for p in self._PANELS if p == "loss" or self._is_telling(p))
        panels = (panels,) if isinstance(panels, str) else panels
        if not isinstance(panels, (Sequence, np.ndarray)):
            raise ValueError(
                f"panels is {panels!r}; it must be 'auto', or one or several of 'loss', 'score' "
                "and 'eta'."
            )
        if not len(panels):
            raise ValueError("panels is empty; name at least one of 'loss', 'score', 'eta'.")
        for panel in panels:
            choose("panels", panel, tuple(self._PANELS))
            if not self._has(panel):
                raise ValueError(
                    f"panels is {panels!r}, but there is no {self._PANELS[panel]} to show: none "
                    "was recorded."
                )
        return tuple(panels)

    def _is_telling(self, panel: str) -> bool:
        """Whether some estimator has anything to show there."""
        series = [_numbers(curve.get(panel)) for curve in self.curves.values()]
        if panel == "eta":
            return any(len(set(eta[np.isfinite(eta)])) > 1 for eta in series)
        return any(map(len, series))

    def _styles(self):
        """Each estimator's curves, with the colour and marker of its lines."""
        for curve, (colour, marker) in zip(self.curves.values(), line_styles(), strict=False):
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
            for name, (_, style) in zip(told_apart(list(self.curves)), self._styles(), strict=True):
                handles.append(Line2D([], [], label=name, **style))
        plain = {"color": ink(0.2) if several else COLOURS[0]}
        if self._has("validation_loss") or self._has("score"):
            handles.append(Line2D([], [], label="training", **plain))
            handles.append(Line2D([], [], label="validation", linestyle="--", **plain))
        best = [c["best_iter"] for c in self.curves.values() if c.get("best_iter")]
        if best:
            label = "weights kept" if several else f"weights kept: epoch {best[0]}"
            star = {"marker": "*", "markersize": 11, "linestyle": ":", "markeredgecolor": "white"}
            handles.append(Line2D([], [], label=label, **star, **plain))
        if handles:
            legend_above(axis, handles=handles)

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
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
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


class WeightsDisplay(Display):
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
        pyplot_for(cls.__name__)
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
        choose("kind", kind, ("auto", *self._KINDS))
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
        longest = max(map(len, map(clipped, ["bias"] if into is None else into)))
        width = np.clip(0.46 * n_columns, 2.3, 9.0) + 0.08 * longest + 1.3
        (axis,) = self.divide(ax, 1, 1, (width, np.clip(0.3 * n_rows, 2.0, 8.0) + 0.8))
        limits = _around_zero(self.coefs[layer])  # a large bias must not make the weights pale
        mesh = axis.imshow(W, cmap=SIGNED, aspect="auto", **limits)
        axis.axhline(n_rows - 1.5, color="white", linewidth=2)
        beyond = np.abs(W).max() > limits["vmax"]
        extend = "both" if beyond else "neither"
        self.scale_beside(mesh, axis, label="weight", extend=extend)
        called = ["inputs", *(f"neurons of {name}" for name in layer_names(len(self.coefs)))]
        axis.set(
            xlabel=called[layer + 1],
            ylabel="" if into is not None else called[layer],
        )
        rows = [*(into if into is not None else map(str, range(n_rows - 1))), "bias"]
        columns = out if out is not None else list(map(str, range(n_columns)))
        for names, upright in ((rows, True), (columns, False), (rows, True)):
            lay_out(axis)  # what one axis takes, the other lacks
            _name_ticks(axis, names, upright=upright)
            if ax is None and not upright:  # names that are turned must not squeeze the rows
                below = max(x.get_window_extent().height for x in axis.get_xticklabels())
                beyond_a_line = max(0.0, below / self.figure_.dpi - 0.2)
                self.figure_.set_figheight(self.figure_.get_figheight() + beyond_a_line)
        lay_out(axis)
        _write_cells(axis, mesh, W)

    def _plot_images(self, ax, layer: int, image_shape, max_neurons: int) -> None:
        """An image for each neuron, all on one scale."""
        W = self.coefs[layer]
        check_count("max_neurons", max_neurons)
        if not _is_shape(image_shape) or np.prod(image_shape) != len(W):
            raise ValueError(
                f"image_shape is {image_shape!r}; it must be (rows, columns) of an image of the "
                f"{len(W)} inputs of that layer."
            )
        shown = W[:, :max_neurons]
        n_columns = int(np.ceil(np.sqrt(shown.shape[1] * 1.5)))
        axes = self.divide(ax, shown.shape[1], n_columns, (0.95, 1.0))
        for j, axis in enumerate(axes):
            image = shown[:, j].reshape(image_shape)
            mesh = axis.imshow(image, cmap=SIGNED, **_around_zero(shown))
            axis.set(xticks=[], yticks=[])
            axis.set_title(str(j), fontsize=SMALL, pad=2)
        label = "weight"
        if W.shape[1] > shown.shape[1]:
            label += f" (neurons 0 to {shown.shape[1] - 1} of {W.shape[1]})"
        self.scale_beside(mesh, list(axes), label=label, location="bottom", aspect=40)

    def _plot_histograms(self, ax) -> None:
        """A panel for each layer: the weights filled, the biases in outline."""
        axes = self.divide(ax, len(self.coefs), 3, (3.2, 2.6))
        layers = zip(axes, layer_names(len(axes)), self.coefs, self.intercepts, strict=True)
        for axis, name, W, b in layers:
            bins = np.histogram_bin_edges(np.append(W, b), bins=min(40, max(5, W.size // 4)))
            axis.hist(W.ravel(), bins, density=True, color="#56B4E9", label=f"weights ({W.size})")
            axis.hist(
                b, bins, density=True, histtype="step", color=ink(), label=f"biases ({b.size})"
            )
            axis.set_yticks([])
            legend_above(axis, f"{name}, {W.shape[0]} to {W.shape[1]}")
        axes[0].set_ylabel("density")
        for axis in axes:
            axis.set_xlabel("weight")
            axis.locator_params(axis="x", nbins=4)
            axis.ticklabel_format(axis="x", scilimits=(-3, 4))


def _is_shape(value) -> bool:
    """Whether it is two positive whole numbers."""
    sizes = value if isinstance(value, (tuple, list, np.ndarray)) else ()
    return len(sizes) == 2 and all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes)


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
    texts = told_apart(names)
    line, longest = 1.35 * SMALL * pixel, max(map(len, texts)) * 0.72 * SMALL * pixel
    turned = not upright and longest > room / len(texts) and longest > 2 * line
    each = line if upright or turned else max(longest, line)
    step = max(1, int(np.ceil(each * len(texts) / room)))
    positions = list(range(0, len(texts), step))
    if upright and step > 1:  # the last is the bias
        positions = [i for i in positions if i < len(texts) - step] + [len(texts) - 1]
    axis.set_ticks(positions, [texts[i] for i in positions], fontsize=SMALL)
    if turned:
        axis.set_tick_params(rotation=90)


def _write_cells(axis, mesh, values: np.ndarray) -> None:
    """Write the numbers into the cells of a heat map, if there is room."""
    pixel = axis.figure.dpi / 72
    height, width = axis.bbox.height / values.shape[0], axis.bbox.width / values.shape[1]
    font = SMALL - 1
    if height < 1.5 * font * pixel or width < 3.9 * font * pixel:
        return
    for (i, j), value in np.ndenumerate(values):
        colour = readable_on(mesh.to_rgba(value))
        axis.text(j, i, short(value), ha="center", va="center", fontsize=font, color=colour)


# -- the flow of error -----------------------------------------------------------------------------


class GradientFlowDisplay(Display):
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
        pyplot_for(cls.__name__)
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
        deltas = local_gradients(trace, type(self).__name__)
        self.delta_ = [np.abs(delta) for delta in deltas]
        ratios = [self._ratios(layer, delta) for layer, delta in enumerate(deltas)]
        self.ratio_ = [single for single, _ in ratios]
        self.batch_ratio_ = [whole for _, whole in ratios]
        width = max(3.6, 0.62 * trace.n_layers + 1.0)
        left, right = self.divide(ax, 2, 2, (width, 3.8), apart=0.6)
        _boxes(left, self.delta_, r"$|\delta|$")
        _boxes(right, self.ratio_, r"$|\Delta w|\,/\,|w|$")
        layers = np.arange(trace.n_layers)
        whole = np.array(self.batch_ratio_)
        right.plot(
            layers[whole > 0], whole[whole > 0], "D", color="#D55E00", markeredgecolor="white",
            label="all samples in one update", zorder=3,
        )  # fmt: skip
        legend_above(left, "local gradients")
        legend_above(right, "change of a step of the rule")
        return self

    def _ratios(self, layer: int, delta: np.ndarray) -> tuple[np.ndarray, float]:
        """``|Dw| / |w|`` of a layer: of each sample, and of the mean change.

        Of one sample, ``sum_ij (m_ji delta_j y_i)^2 = sum_j delta_j^2 sum_i m_ji y_i^2``, where m
        is 1 for a weight that learns and 0 for one that the mask keeps.
        """
        trace = self.trace
        y, W = trace.y[layer], trace.coefs[layer]
        learns = np.ones_like(W) if trace.learns is None else trace.learns[layer]
        size = np.linalg.norm(W) or np.nan
        single = np.sqrt((y**2 @ learns * delta**2).sum(axis=1))
        whole = np.linalg.norm(y.T @ delta * learns) / len(y)
        return trace.eta[layer] * single / size, float(trace.eta[layer] * whole / size)


def _boxes(axis, layers: Sequence[np.ndarray], label: str) -> None:
    """A box of each layer's numbers on a logarithmic scale."""
    boxes, ticks = [], []
    for layer, values in enumerate(layers):
        positive = values[values > 0]
        zero = 1.0 - positive.size / values.size
        ticks.append(f"{layer}\n{zero:.0%} zero" if 0.005 < zero else str(layer))
        low, q1, median, q3, high = (
            np.percentile(positive, (5, 25, 50, 75, 95)) if positive.size else [np.nan] * 5
        )
        boxes.append({"whislo": low, "q1": q1, "med": median, "q3": q3, "whishi": high})
    axis.bxp(
        boxes,
        positions=list(range(len(layers))),
        showfliers=False,
        widths=0.55,
        patch_artist=True,
        boxprops={"facecolor": "#56B4E9", "edgecolor": ink()},
        medianprops={"color": "black", "linewidth": 2},
    )
    axis.set_yscale("log")
    axis.grid(axis="y", alpha=0.25)
    axis.set_xticks(range(len(layers)), ticks, fontsize=SMALL)
    axis.set_xlabel("layer (the last is the output)", fontsize=9, labelpad=2)
    axis.set_ylabel(label)


# -- activations -----------------------------------------------------------------------------------


class ActivationDisplay(Display):
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
        pyplot_for(cls.__name__)
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
        if not isinstance(layers, (Sequence, np.ndarray)) or not len(layers):
            raise ValueError(f"layers is {layers!r}; it must be a sequence of layers, or None.")
        layers = [index_of(layer, n_layers, "layer") for layer in layers]
        axes = self.divide(ax, len(layers), 3, (3.7, 3.4), apart=0.35)
        for layer, axis in zip(layers, axes, strict=True):
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
        for place, ((activation, neurons), (colour, marker)) in enumerate(
            zip(groups, line_styles(), strict=False)
        ):
            phi, slope = _curve(activation, grid, self.n_neurons[layer])
            drawn = np.append(phi, slope)
            drawn = drawn[np.isfinite(drawn)]  # exp, for one, ends where floats do
            low, high = drawn.min(initial=low), drawn.max(initial=high)
            symbol = marker if mixed else ""
            style = {"color": colour, "marker": symbol, "markersize": 4}
            slope_style = style if mixed else {"color": COLOURS[1]}
            axis.plot(grid, phi, markevery=50, **style)
            axis.plot(grid, slope, "--", markevery=(25, 50), **slope_style)
            label = clipped(f"{activation.name} ({len(neurons)})") if mixed else "$\\phi$"
            handles.append(Line2D([], [], label=label, **style))
            if v is not None:
                _foot(axis, v[:, neurons], grid, place, colour if mixed else ink(0.4), symbol)
        dashed = {"color": ink(0.3)} if mixed else {"color": COLOURS[1]}
        handles.append(Line2D([], [], label="$\\phi'$", linestyle="--", **dashed))
        name = layer_names(len(self.activations))[layer]
        legend_above(axis, f"{name}: {clipped(self.activations[layer].name)}", handles)
        self._leave_room(axis, low, high, 0 if v is None else len(groups))

    @staticmethod
    def _leave_room(axis, low: float, high: float, n_feet: int) -> None:
        """Limits that keep curves from `low` to `high` above the histograms at the foot."""
        size = (high - low) or 1.0
        share = n_feet * _FOOT + 0.06
        bottom = low - size * share / (1.0 - share)
        axis.locator_params(axis="y", nbins=6)
        if np.ptp(axis.get_xlim()) > 1e4:  # numbers so wide would touch
            axis.locator_params(axis="x", nbins=4)
        ticks = [t for t in axis.get_yticks() if low - 0.1 * size <= t <= high + 0.1 * size]
        # The power of ten that large numbers have in common would stand where the legend does.
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks] if size > 1e5 else None)
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
    finite = np.array([]) if v is None else v[np.isfinite(v)]
    return np.linspace(finite.min(initial=-4.0), finite.max(initial=4.0), 401)


def _curve(activation: Activation, grid: np.ndarray, n_neurons: int):
    """``phi(v)`` and its slope; of neurons that depend on each other, of the first alone."""
    v = np.zeros((len(grid), 1 if activation.elementwise else n_neurons))
    v[:, 0] = grid
    unit = np.zeros_like(v)
    unit[:, 0] = 1.0
    y = activation.phi(v)
    return y[:, 0], activation.delta(unit, v, y)[:, 0]


def _foot(axis, v: np.ndarray, grid: np.ndarray, place: int, colour, marker: str) -> None:
    """A histogram of v along the foot of the axes, above `place` others."""
    count, edges = np.histogram(v, bins=60, range=(grid[0], grid[-1]))
    floor = place * _FOOT
    height = floor + 0.9 * _FOOT * count / max(count.max(), 1)
    style = {"transform": axis.get_xaxis_transform(), "color": colour}
    axis.fill_between(
        edges, floor, np.append(height, floor), step="post", alpha=0.5, linewidth=1, **style
    )
    axis.plot([edges[0]], [floor + 0.4 * _FOOT], marker=marker, markersize=4, **style)
