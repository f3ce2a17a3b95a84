"""Bayesian regularisation does not overfit
========================================

Bayesian regularisation does not overfit where plain Levenberg-Marquardt does.

Sixty noisy points of a sine, and a network with 151 parameters: enough to run through every point.
``solver="lm"`` tries to; ``solver="br"`` finds by itself how much of the data is noise, and keeps
the few effective parameters (gamma) that the rest calls for. It needs no validation set.

Run it with ``python examples/bayesian_regularisation.py [FOLDER]``; it needs matplotlib and draws
``bayesian_regularisation.png`` into ``examples/images``, or the folder given.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor

NOISE = 0.3
rng = np.random.default_rng(2)
x = np.linspace(-1, 1, 60)[:, None]
y = np.sin(4 * x[:, 0]) + NOISE * rng.normal(size=60)
grid = np.linspace(-1, 1, 400)[:, None]
truth = np.sin(4 * grid[:, 0])

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, solver in zip(axes, ("lm", "br"), strict=True):
    model = BackpropRegressor((50,), activation="tanh", solver=solver, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # lm would go on fitting the noise
        model.fit(x, y)
    prediction = model.predict(grid)
    error = np.sqrt(np.mean((prediction - truth) ** 2))
    on_data = np.sqrt(np.mean((model.predict(x) - y) ** 2))
    print(f"{solver}: error on the points {on_data:.3f}, against the true sine {error:.3f}")
    ax.plot(x[:, 0], y, "o", color="0.6", markersize=4, label="data")
    ax.plot(grid[:, 0], truth, "--", color="black", label="sine")
    ax.plot(grid[:, 0], prediction, color="#D55E00", linewidth=2, label=f'solver="{solver}"')
    ax.set(title=f"{solver}: error against the sine {error:.2f}", xlabel="x", ylim=(-2.7, 2.0))
    ax.legend(loc="lower right", frameon=False)
axes[0].set_ylabel("y")
print(
    f"br: {model.gamma_:.1f} effective parameters of {model.coefs_[0].size * 3 + 1}, "
    f"noise {1 / np.sqrt(model.beta_):.2f} (truly {NOISE})"
)
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "bayesian_regularisation.png", dpi=110)
# sphinx_gallery_end_ignore
