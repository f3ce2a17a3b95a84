"""`LossCurveDisplay`: cost, validation score and eta of every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..inspection.unwrapping import unwrap
from .drawing import (
    COLOURS,
    Display,
    choose,
    ink,
    legend_above,
    line_styles,
    pyplot_for,
    told_apart,
)

__all__ = ["LossCurveDisplay"]


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
        log_if_wide(axis, drawn)

    def _plot_score(self, axis) -> None:
        for curve, style in self._styles():
            scores = self._draw(axis, curve.get("score"), style, linestyle="--")
            self._mark_best(axis, curve, scores, style)

    def _plot_eta(self, axis) -> None:
        steps = {"drawstyle": "steps-post"}
        drawn = [self._draw(axis, c.get("eta"), style, **steps) for c, style in self._styles()]
        log_if_wide(axis, drawn)

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


def log_if_wide(axis, series: Sequence[np.ndarray]) -> None:
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
        estimator = unwrap(estimator).estimator
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
