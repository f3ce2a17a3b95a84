"""A network that does not learn, diagnosed and cured
==================================================

A network that does not learn: ``diagnose`` finds out why, and the cure is one line.

The columns of the wine data lie between 0.1 and 1680. Fed as they are to logistic neurons they
drive them flat, where phi' is zero and no error comes back. ``diagnose`` names the neurons, and the
inputs as the cause; a ``StandardScaler`` in front puts it right.

Run it with ``python examples/saturation.py [FOLDER]``; it needs matplotlib and draws
``saturation.png`` into ``examples/images``, or the folder given.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import ActivationDisplay, BackpropClassifier, LossCurveDisplay, diagnose

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_wine(return_X_y=True, as_frame=True)
X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
net = {"activation": "logistic", "solver": "momentum", "eta": 0.05, "random_state": 0}
net |= {"batch_size": 10, "max_iter": 60, "tol": 0.0, "n_iter_no_change": 60}
models = {
    "as they come": BackpropClassifier((12,), **net),
    "scaled": make_pipeline(StandardScaler(), BackpropClassifier((12,), **net)),
}
layout = [["loss", "loss"], list(models)]
figure, axes = plt.subplot_mosaic(
    layout, figsize=(8, 6.4), layout="constrained", height_ratios=(1, 1.2)
)
for name, model in models.items():
    model.fit(X, y)
    print(f"{name}: accuracy on new rows {model.score(X_test, y_test):.3f}")
    print(diagnose(model, X, y), end="\n\n")
    ActivationDisplay.from_estimator(model, X, layers=[0], ax=axes[name])
    axes[name].set_xlabel(f"v of the hidden neurons, inputs {name}")
LossCurveDisplay.from_estimator(models, panels=["loss"], ax=axes["loss"])
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "saturation.png", dpi=90)
# sphinx_gallery_end_ignore
