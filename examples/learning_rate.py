"""A learning rate too small, right, too large
===========================================

What eta does: too small crawls, right arrives, too large swings, beyond that it diverges.

On the left the error surface of a single linear neuron with two weights, and the way of each eta
over it in thirty updates on all rows; on the right the cost of a whole network with each eta.
``skbackprop`` refuses an update that would not be finite, and says at which eta.

Run it with ``python examples/learning_rate.py [FOLDER]``; it needs matplotlib and draws
``learning_rate.png`` into ``examples/images``, or the folder given.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor, DivergenceError, LossCurveDisplay

warnings.simplefilter("ignore", ConvergenceWarning)  # not to arrive is the point here
rng = np.random.default_rng(0)
X = rng.normal(size=(100, 2)) * (1.0, 0.45)
y = X @ (1.0, -1.0)
figure, (surface, curves) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")

a, b = np.meshgrid(np.linspace(-3.2, 4.2, 150), np.linspace(-2.2, 2.7, 150))
cost = np.mean((y - a[..., None] * X[:, 0] - b[..., None] * X[:, 1]) ** 2, axis=-1) / 2
surface.contour(a, b, cost, np.geomspace(0.01, 8, 10), colors="0.8")
styles = ((0.02, "#0072B2", "o"), (0.5, "#009E73", "^"), (1.7, "#D55E00", "s"))
for eta, colour, marker in styles:
    neuron = BackpropRegressor((), solver="sgd", eta=eta, batch_size=100)
    start = {"coef_init": [[[-2.5], [2.2]]], "intercept_init": [[0.0]]}
    way = [(-2.5, 2.2)]
    for _ in range(30):
        neuron.partial_fit(X, y, **(start if len(way) == 1 else {}))
        way.append(neuron.coefs_[0].ravel().copy())
    surface.plot(*np.transpose(way), "-", color=colour, marker=marker, markersize=4, linewidth=1,
                 label=f"eta = {eta:g}")  # fmt: skip
surface.plot(1, -1, "*", color="black", markersize=14)
surface.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-3.2, 4.2), ylim=(-2.2, 2.7))
surface.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8)

X = rng.normal(size=(400, 5))
y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
nets = {}
for eta in (0.0003, 0.003, 0.03, 0.3):
    net = BackpropRegressor(
        (20,), activation="tanh", solver="sgd", eta=eta, batch_size=4, max_iter=60, tol=0.0,
        n_iter_no_change=60, random_state=0,
    ).fit(X, y)  # fmt: skip
    nets[f"eta = {eta:g}"] = net
    print(f"eta = {eta:<7g} cost {net.loss_curve_[0]:.3f} -> {net.loss_:.4f}")
try:
    BackpropRegressor((20,), solver="sgd", eta=30.0, batch_size=4, random_state=0).fit(X, y)
except DivergenceError as error:
    print(f"eta = 30      DivergenceError: {error}")
LossCurveDisplay.from_estimator(nets, ax=curves)
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "learning_rate.png", dpi=90)
# sphinx_gallery_end_ignore
