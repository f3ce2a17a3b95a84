"""Tables and a plot from the results of `python -m benchmarks streams`."""

import numpy as np

from .peers import has
from .table_report import FEWER_IS_BETTER, bold, is_of_classes, ranks_of, table_of
from .tables import head, line

# model: colour (Okabe and Ito's)
COLOURS = {
    "ours": "#D55E00",
    "ours + last target": "#E69F00",
    "no change": "#999999",
    "SGD": "#0072B2",
    "MLP": "#CC79A7",
    "river linear": "#56B4E9",
    "Hoeffding tree": "#009E73",
    "random forest": "#000000",
}


def write(results, images, names=None, drifts=()):
    """Print scores, log losses, ranks and costs of the streams that all `names` have; draw a plot.

    Parameters
    ----------
    drifts : sequence of (str, list of int)
        Streams, and the rows at which their concept is known to change.
    """
    names = results.models() if names is None else names
    streams = results.means(names)
    if not streams:
        print("No stream has been measured with all models yet.")
        return
    print_streams("score", names, streams)
    classes = {name: stream for name, stream in streams.items() if is_of_classes(stream)}
    guessing = [name for name in names if name != "no change"]
    if classes:
        print_streams("log_loss", guessing, classes)
    head("over streams", *names)
    line(f"mean rank in score, {len(streams)}", *two_digits(ranks_of("score", names, streams)))
    if classes:
        ranks = dict(
            zip(guessing, two_digits(ranks_of("log_loss", guessing, classes)), strict=True)
        )
        label = f"mean rank in log loss, {len(classes)}"
        line(label, *(ranks.get(name, "-") for name in names))
    print_costs(names, streams)
    if has("matplotlib"):
        draw(names, streams, images / "streams.png", dict(drifts))


def two_digits(values):
    return [f"{value:.2f}" for value in values]


def three_digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def print_streams(figure, names, streams):
    """A line for each stream, the best in bold."""
    head(f"stream, {figure.replace('_', ' ')}", "rows x columns", *names)
    for name, stream in streams.items():
        any_model = stream[names[0]]
        values = np.round([stream[n][figure] for n in names], 3)
        best = values.min() if figure in FEWER_IS_BETTER else values.max()
        measure = f", {any_model['measure']}" if figure == "score" else ""
        cells = [bold(f"{value:.3f}", value == best) for value in values]
        line(name + measure, f"{any_model['rows']} x {any_model['features']:.0f}", *cells)
    print()


def microseconds(names, streams):
    """CPU microseconds a row (n_streams, n_models)."""
    rows = table_of("rows", names, streams).astype(float)
    return 1e6 * table_of("seconds", names, streams) / rows


def print_costs(names, streams):
    """Microseconds a row, and what a model takes of memory."""
    cost = np.median(microseconds(names, streams), axis=0)
    size = np.median(table_of("bytes", names, streams), axis=0) / 1000
    growth = table_of("growth", names, streams).max(axis=0)
    line("CPU microseconds a row, median", *map(three_digits, cost))
    line("kB of the model at the end, median", *map(three_digits, size))
    line("growth in bytes a row, largest", *(f"{value:.2g}" for value in growth))
    print()


def draw(names, streams, path, drifts):
    """Draw each stream's score over time with our alarms, and what a row costs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image  # which matplotlib needs, too

    n_rows = len(streams) // 2 + 1
    figure, axes = plt.subplots(n_rows, 2, figsize=(10, 2.6 * n_rows), layout="constrained")
    shown = [name for name in COLOURS if name in names]
    for ax, (name, stream) in zip(axes.flat, streams.items(), strict=False):
        draw_course(ax, name, {model: stream[model] for model in shown}, drifts.get(name, []))
    draw_costs(axes.flat[len(streams)], names, microseconds(names, streams))
    for ax in axes.flat[len(streams) + 1 :]:
        ax.remove()
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)
    with Image.open(path) as drawn:  # 64 colours take a third of the bytes
        few = drawn.convert("RGB").quantize(64)
    few.save(path, optimize=True)


def draw_course(ax, name, models, drifts):
    """Draw the score of models over a stream, its known changes as bands, alarms as ticks."""
    n = int(next(iter(models.values()))["rows"])
    lows, highs = [], []
    for model, row in models.items():
        course = np.array(row["course"].split(), float)
        lows.append(np.quantile(course, 0.05))
        highs.append(course.max())
        places = (np.arange(len(course)) + 0.5) * n / len(course)
        front = {"linewidth": 2.2, "zorder": 3} if model == "ours" else {"linewidth": 1.1}
        ax.plot(places, course, color=COLOURS[model], label=model, **front)
    for row in drifts:
        ax.axvline(row, color="0.8", linewidth=5, zorder=0)
    alarms = [int(row) for row in models["ours"]["alarms"].split()] if "ours" in models else []
    ax.plot(alarms, np.full(len(alarms), 0.07), "^", color=COLOURS["ours"], markeredgecolor="k",
            transform=ax.get_xaxis_transform())  # fmt: skip
    measure = "R²" if next(iter(models.values()))["measure"] == "R2" else "accuracy"
    bottom, top = max(np.median(lows), 0.0), max(highs)
    room = top - bottom
    ax.set(title=f"{name}: {measure}", xlim=(0, n), ylim=(bottom - 0.2 * room, top + 0.03 * room))
    ax.locator_params(axis="x", nbins=5)
    ax.grid(alpha=0.3)


def draw_costs(ax, names, cost):
    """Draw bars of the median microseconds a row."""
    costs = dict(zip(names, np.median(cost, axis=0), strict=True))
    ordered = sorted(costs, key=costs.__getitem__, reverse=True)
    colours = [COLOURS.get(name, "#F0E442") for name in ordered]
    ax.barh(ordered, [costs[name] for name in ordered], color=colours)
    for place, name in enumerate(ordered):
        ax.text(1.1 * costs[name], place, three_digits(costs[name]), fontsize=8, va="center")
    ax.set(xscale="log", title="CPU µs a row", xlim=(min(costs.values()), 5 * max(costs.values())))
    ax.tick_params(labelsize=8)
