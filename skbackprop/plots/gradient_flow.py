"""`GradientFlowDisplay`: the size of the local gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..inspection.records import SignalTrace
from ..inspection.signals import trace_signals
from .drawing import SMALL, Display, ink, legend_above, local_gradients, pyplot_for

__all__ = ["GradientFlowDisplay"]


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
