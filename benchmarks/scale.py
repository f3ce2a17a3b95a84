"""Cost against the size of the problem: the slope of log time over log size; 1 is proportional.

An epoch of `fit` with adam and batches of 200 (but in the last row). Below some size a call costs
what it costs whatever it holds: the slope is that of the upper half of the sizes. The plot is
`images/scale.png`.
"""

import numpy as np

from skbackprop import BackpropRegressor

from . import peers, tables

BASE = {"samples": 10000, "features": 30, "width": 100, "depth": 1, "batch size": 200}
RANGES = {
    "samples": [1000, 3000, 10000, 30000, 100000, 300000],
    "features": [3, 10, 30, 100, 300, 1000],
    "width": [3, 10, 30, 100, 300, 1000],
    "depth": [1, 2, 4, 8, 16],
    "batch size": [1, 3, 10, 30, 100, 300, 1000, 3000],
}


def main(arguments):
    tables.head("what grows", "from", "to", "seconds an epoch", "slope", "where")
    curves = {}
    for what, sizes in RANGES.items():
        sizes = sizes[:3] if arguments.quick else sizes
        seconds = [measure({**BASE, what: size}, arguments.quick) for size in sizes]
        curves[what] = sizes, seconds
        half = len(sizes) // 2
        slope = "-"
        if not np.isnan(seconds).any():
            slope = f"{np.polyfit(np.log(sizes[half:]), np.log(seconds[half:]), 1)[0]:.2f}"
        span = " ... ".join(tables.duration(s) for s in (seconds[0], seconds[-1]))
        tables.line(what, sizes[0], sizes[-1], span, slope, remark(what, sizes, seconds))
    if peers.has("matplotlib"):
        draw(curves, arguments.images / "scale.png")


def measure(size, quick):
    n = min(size["samples"], 400) if quick else size["samples"]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, size["features"]))
    hidden = (size["width"],) * size["depth"]

    def fit(max_iter):
        settings = {"batch_size": size["batch size"], "engine": "numpy", "random_state": 0}
        model = BackpropRegressor(hidden, max_iter=max_iter, n_iter_no_change=np.inf, **settings)
        model.fit(X, X[:, 0])

    seconds = [tables.epoch(fit, 30 if quick else 2) for _ in range(1 if quick else 3)]
    return float(np.median(seconds))


def take_over(what, sizes, seconds):
    """Where the matrix products take over from the calls' own cost, as far as the sizes tell."""
    if what in ("samples", "depth") or np.isnan(seconds).any():
        return None
    slopes = np.diff(np.log(seconds)) / np.diff(np.log(sizes))
    if what == "batch size":  # from where larger batches save nothing
        return next((b for b, s in zip(sizes, slopes, strict=False) if s > -0.2), sizes[-1])
    return next((b for b, s in zip(sizes[1:], slopes, strict=True) if s > 0.5), sizes[-1])


def remark(what, sizes, seconds):
    size = take_over(what, sizes, seconds)
    return "" if size is None else f"products take over at about {size}"


def draw(curves, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(13, 2.9), sharey=True,
                                layout="constrained")  # fmt: skip
    for ax, (what, (sizes, seconds)) in zip(axes, curves.items(), strict=True):
        ax.loglog(sizes, seconds, "o-", color="#0072B2", markersize=4)
        middle = len(sizes) // 2
        line = np.array(sizes) / sizes[middle] * seconds[middle]
        if what != "batch size":
            ax.loglog(sizes, line, ":", color="0.4", label="proportional")
            # On white: the line where products take over may run through it.
            ax.legend(frameon=True, edgecolor="none", framealpha=1, loc="lower right", fontsize=8)
        taken_over = take_over(what, sizes, seconds)
        if taken_over is not None:
            ax.axvline(taken_over, color="#D55E00", linestyle="--", linewidth=1)
            side = "right" if taken_over**2 > sizes[0] * sizes[-1] else "left"
            ax.text(taken_over, 0.97, " products \n take over ", color="#D55E00", fontsize=8,
                    va="top", ha=side, transform=ax.get_xaxis_transform())  # fmt: skip
        ax.set(xlabel=what)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("seconds an epoch")
    figure.savefig(path, dpi=90)
    plt.close(figure)
