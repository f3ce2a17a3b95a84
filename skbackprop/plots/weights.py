"""`WeightsDisplay`: the weights of each layer, as heat maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..inspection.fitted import fitted_objective
from ..inspection.unwrapping import index_of, input_names, output_names, unwrap
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
    legend_above,
    pyplot_for,
    readable_on,
    short,
    told_apart,
)

__all__ = ["WeightsDisplay"]


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
        unwrapped = unwrap(estimator)
        network = fitted_objective(unwrapped.estimator).network
        coefs, intercepts = zip(*network.layers(network.w), strict=True)
        names = {"feature_names": input_names(unwrapped), "output_names": output_names(unwrapped)}
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
