"""Tables and a plot from the results of `python -m benchmarks tabular`."""

import numpy as np
from scipy.stats import rankdata

from .peers import has
from .tables import head, line

SMALLEST = 10
FEWER_IS_BETTER = ("log_loss", "brier", "seconds")
# model: colour (Okabe and Ito's)
COLOURS = {
    "ours": "#D55E00",
    "linear": "#999999",
    "MLP": "#0072B2",
    "HistGB": "#009E73",
    "LightGBM": "#F0E442",
    "XGBoost": "#E69F00",
    "CatBoost": "#CC79A7",
    "RealMLP": "#56B4E9",
}


def write(results, images, names=None):
    """Print the scores and log losses of each set, then ranks and means, and draw a plot.

    Only the sets and folds that all `names` have are compared; by default those of all models.
    """
    names = results.models() if names is None else names
    names = [name for name in names if name != "constant"]
    sets = results.means(names)
    if not sets:
        print("No set has been measured with all models yet.")
        return
    print_sets("score", names, sets)
    classes = {name: of_set for name, of_set in sets.items() if is_of_classes(of_set)}
    if classes:
        print_sets("log_loss", names, classes)
    print_means(names, sets, classes)
    if has("matplotlib"):
        draw(names, sets, images / "tables.png")


def is_of_classes(of_set):
    return next(iter(of_set.values()))["kind"] != "numbers"


def table_of(figure, names, sets):
    """An array (n_sets, n_models)."""
    return np.array([[of_set[name][figure] for name in names] for of_set in sets.values()])


def ranks_of(figure, names, sets):
    """Mean ranks (n_models,), of figures rounded to three digits; 1 is the best."""
    table = np.round(table_of(figure, names, sets), 3)
    if figure not in FEWER_IS_BETTER:
        table = -table
    return rankdata(table, axis=1).mean(axis=0)


def print_sets(figure, names, sets):
    """A line for each set, the best in bold."""
    head(f"set, {figure.replace('_', ' ')} (seconds)", "rows x columns", *names)
    for name, of_set in sets.items():
        any_model = of_set[names[0]]
        values = np.round([of_set[n][figure] for n in names], 3)
        best = values.min() if figure in FEWER_IS_BETTER else values.max()
        cells = [
            f"{bold(f'{v:.3f}', v == best)} ({of_set[n]['seconds']:.1f})"
            for n, v in zip(names, values, strict=True)
        ]
        measure = f", {any_model['measure']}" if figure == "score" else ""
        line(name + measure, f"{any_model['rows']} x {any_model['features']:.0f}", *cells)
    print()


def bold(text, wanted):
    return f"**{text}**" if wanted else text


def print_means(names, sets, classes):
    """Mean ranks and means over the sets, by each measure, and seconds."""
    small = dict(sorted(sets.items(), key=lambda item: size(item[1]))[:SMALLEST])
    head("over sets", *names)
    print_measure("score", names, sets, f"{len(sets)} sets")
    print_measure("score", names, small, f"the {len(small)} smallest")
    for figure in ("log_loss", "brier"):
        if classes:
            print_measure(figure, names, classes, f"{len(classes)} sets of classes")
    seconds = table_of("seconds", names, sets)
    line("seconds, sum over sets", *(f"{s:.1f}" for s in seconds.sum(axis=0)))
    if "MLP" in names:
        ratios = seconds / seconds[:, [names.index("MLP")]]
        means = np.exp(np.log(ratios).mean(axis=0))
        line("times MLP's seconds, geometric mean", *(f"{ratio:.2f}" for ratio in means))
    print()


def size(of_set):
    return int(next(iter(of_set.values()))["rows"])


def print_measure(figure, names, sets, which):
    words = figure.replace("_", " ")
    line(f"mean rank in {words}, {which}", *(f"{r:.2f}" for r in ranks_of(figure, names, sets)))
    line(
        f"mean {words}, {which}", *(f"{m:.3f}" for m in table_of(figure, names, sets).mean(axis=0))
    )


def draw(names, sets, path):
    """Draw mean score and mean rank against seconds, a point for each model."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    seconds = table_of("seconds", names, sets).sum(axis=0)
    panels = {
        "mean score (R², accuracy, AUC)": table_of("score", names, sets).mean(axis=0),
        "mean rank in score (1 is the best)": ranks_of("score", names, sets),
    }
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for ax, (label, heights) in zip(axes, panels.items(), strict=True):
        for place, i in enumerate(np.argsort(seconds)):
            name, x, y = names[i], seconds[i], heights[i]
            ax.plot(x, y, "o", color=COLOURS.get(name, "black"), markersize=8, markeredgecolor="k")
            # Above and below in turn, for neighbours are often as good as each other.
            offset, centred = (0, -16 if place % 2 else 8), {"ha": "center", "fontsize": 9}
            ax.annotate(name, (x, y), offset, textcoords="offset points", **centred)
        ax.set(xscale="log", xlabel=f"CPU seconds, one fold of {len(sets)} sets", ylabel=label)
        ax.margins(0.15)
        ax.grid(alpha=0.3)
    axes[1].invert_yaxis()
    figure.savefig(path, dpi=100)
    plt.close(figure)
