"""Neurons of two kinds in one layer
=================================

A layer whose neurons differ, on a signal of different parts: a wave and a ramp.

Each neuron may have its own phi. Two sine and two relu neurons find the wave and the ramp as they
are, and so go on rightly where there were no data (outside the grey band); four neurons of one kind
do not even follow the data. Below, the kinds of the mixed layer, and where on them the data fall.

Run it with ``python examples/mixed_activations.py [FOLDER]``; it needs matplotlib and draws
``mixed_activations.png`` into ``examples/images``, or the folder given.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import ActivationDisplay, BackpropRegressor, Mixed

warnings.simplefilter("ignore", ConvergenceWarning)
t = np.linspace(-3, 3, 241)[:, None]
wide = np.linspace(-4.5, 4.5, 400)[:, None]


def signal(t):
    return (np.sin(4 * t) + 1.2 * np.maximum(t, 0)).ravel()


def steep(n_in, n_out, rng):
    """First weights as large as the wave is quick."""
    return rng.normal(scale=2.0, size=(n_in, n_out))


d = signal(t) + 0.1 * np.random.default_rng(0).normal(size=241)
kinds = {"tanh": "tanh", "relu": "relu", "mixed": Mixed(["sin"] * 2 + ["relu"] * 2)}
layout = [list(kinds), ["phi", "phi", "phi"]]
figure, axes = plt.subplot_mosaic(
    layout, figsize=(11, 6), layout="constrained", height_ratios=(1, 1.1)
)
for name, activation in kinds.items():
    fits = [
        BackpropRegressor(
            (4,), activation=activation, solver="lm", weight_init=steep, random_state=seed
        ).fit(t, d)
        for seed in range(10)
    ]
    net = min(fits, key=lambda net: net.loss_)  # of ten starts, by the cost on the data
    inside = np.sqrt(np.mean((net.predict(t) - signal(t)) ** 2))
    outside = np.abs(wide.ravel()) > 3
    beyond = np.sqrt(np.mean((net.predict(wide) - signal(wide))[outside] ** 2))
    print(f"{name}: error {inside:.3f} where there were data, {beyond:.3f} beyond")
    ax = axes[name]
    ax.axvspan(-3, 3, color="0.93")
    ax.plot(t, d, ".", color="0.6", markersize=3)
    ax.plot(wide, signal(wide), "--", color="black", linewidth=1, label="signal")
    ax.plot(wide, net.predict(wide), color="#D55E00", linewidth=2, label="network")
    ax.set(title=f"{name}: error {inside:.2f}, beyond {beyond:.2f}", xlabel="t", ylim=(-2.5, 6.5))
axes["tanh"].legend(loc="upper left", frameon=False)
ActivationDisplay.from_estimator(net, t, layers=[0], ax=axes["phi"])
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "mixed_activations.png", dpi=80)
# sphinx_gallery_end_ignore
