"""Draw how many times faster than its peers the package is, a line for each work."""

# label of a peer: marker, colour (Okabe and Ito's), filled
LOOKS = {
    "scikit-learn MLP / compiled": ("o", "#0072B2", True),
    "scikit-learn MLP / NumPy": ("o", "#0072B2", False),
    "torch / compiled": ("s", "#D55E00", True),
    "torch / NumPy": ("s", "#D55E00", False),
    "FANN (C) / compiled": ("^", "#009E73", True),
}


def draw(ratios, path):
    """Draw ratios, a list of (work, peer, times faster), into a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    works = list(dict.fromkeys(work for work, _, _ in ratios))
    figure, ax = plt.subplots(figsize=(8, 1.2 + 0.24 * len(works)), layout="constrained")
    for peer, (marker, colour, filled) in LOOKS.items():
        points = [(times, works.index(work)) for work, name, times in ratios if name == peer]
        if points:
            face = colour if filled else "none"
            ax.plot(*zip(*points, strict=True), marker, color=colour, markerfacecolor=face,
                    markersize=6, label=peer)  # fmt: skip
    ax.axvline(1, color="0.3", linewidth=1)
    ax.set_xscale("log")
    ticks = [1, 3, 10, 30, 100, 300, 1000]
    ax.set_xticks(ticks, map(str, ticks))
    ax.set_yticks(range(len(works)), works, fontsize=8)
    ax.set_ylim(len(works) - 0.5, -0.5)
    ax.set_xlabel("times faster than the peer")
    ax.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)
    plt.close(figure)
