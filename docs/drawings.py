"""What the pages show and the build draws: the two signal-flow graphs, and a live signal page."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, record_training, trace_signals

#: The ink of either scheme of the site's theme; the ground is the page's own.
INKS = {"light": "#1b1f24", "dark": "#e6e9ee"}

#: The nodes: name -> place, symbol, and on which side of the dot the symbol stands.
FORWARD_NODES = {
    "1": ((0, 1), "$y_0 = +1$", "above"),
    "y_i": ((0, 0), "$y_i$", "below"),
    "v_j": ((2, 0), "$v_j$", "below"),
    "y_j": ((4, 0), "$y_j$", "below"),
    "v_k": ((6, 0), "$v_k$", "below"),
    "y_k": ((8, 0), "$y_k$", "below"),
    "e_k": ((9.6, 0), "$e_k$", "below"),
    "d_k": ((9.6, 1), "$d_k$", "above"),
}
FORWARD_LINKS = [
    ("1", "v_j", "$w_{j0}$"),
    ("y_i", "v_j", "$w_{ji}$"),
    ("v_j", "y_j", r"$\varphi_j(\cdot)$"),
    ("y_j", "v_k", "$w_{kj}$"),
    ("v_k", "y_k", r"$\varphi_k(\cdot)$"),
    ("y_k", "e_k", "$-1$"),
    ("d_k", "e_k", "$+1$"),
]
BACKWARD_NODES = {
    "delta_j": ((0, 0), r"$\delta_j$", "below"),
    "sum": ((2.6, 0), r"$-\dfrac{\partial E}{\partial y_j}$", "below"),
    "delta_1": ((5.6, 1.5), r"$\delta_1$", "above"),
    "delta_k": ((5.6, 0), r"$\delta_k$", "below"),
    "delta_m": ((5.6, -1.5), r"$\delta_m$", "below"),
    "e_1": ((8.6, 1.5), "$e_1$", "above"),
    "e_k": ((8.6, 0), "$e_k$", "below"),
    "e_m": ((8.6, -1.5), "$e_m$", "below"),
}
BACKWARD_LINKS = [
    ("sum", "delta_j", r"$\varphi_j'(v_j)$"),
    *((f"delta_{k}", "sum", f"$w_{{{k}j}}$") for k in "1km"),
    *((f"e_{k}", f"delta_{k}", rf"$\varphi_{k}'(v_{k})$") for k in "1km"),
]


def write(folder: Path) -> None:
    """Draw and write all that is not there yet: delete the folder to have it made anew."""
    live = folder / "live"
    live.mkdir(parents=True, exist_ok=True)
    for scheme, ink in INKS.items():
        draw(FORWARD_NODES, FORWARD_LINKS, ink, folder / f"forward-{scheme}.svg")
        draw(BACKWARD_NODES, BACKWARD_LINKS, ink, folder / f"backward-{scheme}.svg")
    if not (live / "signals.html").exists():
        write_signal_page(live / "signals.html")


def draw(nodes: dict, links: list, ink: str, path: Path) -> None:
    """Draw one signal-flow graph: dots for signals, arrows for what happens on the way."""
    places = np.array([place for place, _, _ in nodes.values()], float)
    low, high = places.min(axis=0) - 0.75, places.max(axis=0) + 0.75
    figure, ax = plt.subplots(figsize=(9, 1.6 + 0.75 * np.ptp(places[:, 1])), layout="constrained")
    for start, end, label in links:
        draw_link(ax, np.array(nodes[start][0]), np.array(nodes[end][0]), label, ink)
    for (x, y), symbol, side in nodes.values():
        ax.plot(x, y, "o", color=ink, markersize=8)
        shift, alignment = (0.2, "bottom") if side == "above" else (-0.2, "top")
        ax.text(x, y + shift, symbol, color=ink, fontsize=19, ha="center", va=alignment)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.axis("off")
    figure.savefig(path, transparent=True)
    plt.close(figure)


def draw_link(ax, start: np.ndarray, end: np.ndarray, label: str, ink: str) -> None:
    """Draw a line with its arrow head a little beyond the middle, and its label there."""
    style = {"color": ink, "linewidth": 1.6}
    ax.plot(*np.transpose([start, end]), **style)
    middle, ahead = (start + end) / 2, 0.42 * start + 0.58 * end
    head = {"arrowstyle": "-|>", "mutation_scale": 20, **style}
    ax.annotate("", ahead, middle, arrowprops=head)
    right, up = end - start
    beside = {"ha": "left", "va": "center"} if right == 0 else {"ha": "center", "va": "bottom"}
    lift = (0.15, 0.0) if right == 0 else (0.0, 0.13 + 0.1 * abs(up / right))
    ax.text(*(middle + lift), label, color=ink, fontsize=17, **beside)


def write_signal_page(path: Path) -> None:
    """Write the page that steps through the rule, on a network that is learning the irises."""
    X, y = load_iris(return_X_y=True)
    X, y = X[::5], y[::5]
    net = BackpropClassifier(
        (6,), activation="tanh", solver="sgd", eta=0.1, max_iter=1000, random_state=0
    )
    model = make_pipeline(StandardScaler(), net).fit(X, y)
    trace_signals(model, X, y).to_html(path, record_training(model, X, y, n_steps=30))
