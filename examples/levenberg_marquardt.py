"""Levenberg-Marquardt beside adam and L-BFGS
==========================================

Levenberg-Marquardt against adam, on a smooth function without noise.

``solver="lm"`` uses the Jacobian of every output by every weight. With some hundred weights that is
cheap, and it goes on where first-order rules creep: the error falls by orders of magnitude more, in
a fraction of the epochs.

Run it with ``python examples/levenberg_marquardt.py [FOLDER]``; it needs matplotlib and draws
``levenberg_marquardt.png`` into ``examples/images``, or the folder given.
"""

import sys
import warnings
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor, LossCurveDisplay

warnings.simplefilter("ignore", ConvergenceWarning)  # adam would go on for a long time
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, (500, 2))
test = rng.uniform(-1, 1, (2000, 2))


def f(X):
    return np.sin(3 * X[:, 0]) * np.cos(3 * X[:, 1])


settings = {
    "adam": {"eta": 0.01, "eta_schedule": "cosine", "batch_size": 50, "max_iter": 1000},
    "lbfgs": {"max_iter": 1000},
    "lm": {"max_iter": 200},
}
nets = {}
for solver, more in settings.items():
    net = BackpropRegressor(
        (20,), activation="tanh", solver=solver, tol=0.0, n_iter_no_change=1000, random_state=0,
        **more,
    )  # fmt: skip
    begin = perf_counter()
    nets[solver] = net.fit(X, f(X))
    seconds = perf_counter() - begin
    error = np.sqrt(np.mean((net.predict(test) - f(test)) ** 2))
    print(f"{solver:>6}: {net.n_iter_:>4} epochs, {seconds:.1f} s, error on new points {error:.1e}")

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
LossCurveDisplay.from_estimator(nets, panels=["loss"], ax=ax)
ax.set_xscale("log")
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "levenberg_marquardt.png", dpi=90)
# sphinx_gallery_end_ignore
