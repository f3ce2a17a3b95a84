"""`ActivationDisplay`: activations, their slopes, and where the neurons stand on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..activations.activation import Activation
from ..activations.mixed import Mixed
from ..inspection.fitted import fitted_objective
from ..inspection.signals import trace_signals
from ..inspection.unwrapping import index_of, unwrap
from .drawing import (
    COLOURS,
    FOOT,
    Display,
    clipped,
    foot,
    ink,
    layer_names,
    legend_above,
    line_styles,
    pyplot_for,
)

__all__ = ["ActivationDisplay"]


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
        network = fitted_objective(unwrap(estimator).estimator).network
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
                foot(axis, v[:, neurons], grid, place, colour if mixed else ink(0.4), symbol)
        dashed = {"color": ink(0.3)} if mixed else {"color": COLOURS[1]}
        handles.append(Line2D([], [], label="$\\phi'$", linestyle="--", **dashed))
        name = layer_names(len(self.activations))[layer]
        legend_above(axis, f"{name}: {clipped(self.activations[layer].name)}", handles)
        self._leave_room(axis, low, high, 0 if v is None else len(groups))

    @staticmethod
    def _leave_room(axis, low: float, high: float, n_feet: int) -> None:
        """Limits that keep curves from `low` to `high` above the histograms at the foot."""
        size = (high - low) or 1.0
        share = n_feet * FOOT + 0.06
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
    """Values of v to draw an activation at: at least from -4 to 4, and wherever the data are."""
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
