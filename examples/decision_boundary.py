"""The boundary between classes, while rows arrive
===============================================

The boundary between two classes, while rows arrive one by one.

Two spirals, and a network that sees each row once a pass: the boundary (the line) and the
probability of the second class (light is high) after 320, 3200, 8000 and 32 000 updates of the
bare rule.

Run it with ``python examples/decision_boundary.py [FOLDER]``; it needs matplotlib and draws
``decision_boundary.png`` into ``examples/images``, or the folder given.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropClassifier

MOMENTS = (320, 3_200, 8_000, 32_000)
rng = np.random.default_rng(0)
y = np.arange(160) % 2
angle = 1.0 + 5.0 * np.sqrt(rng.uniform(size=160))
X = (angle / 3.0 * [np.cos(angle + np.pi * y), np.sin(angle + np.pi * y)]).T
X += rng.normal(scale=0.08, size=X.shape)

net = BackpropClassifier((20, 10), activation="tanh", solver="sgd", eta=0.02, random_state=0)
side = np.linspace(-2.4, 2.4, 120)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
figure, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained", sharey=True)
done = 0
for ax, moment in zip(axes, MOMENTS, strict=True):
    while done < moment:
        order = rng.permutation(160)
        net.partial_fit(X[order], y[order], classes=[0, 1])
        done = net.n_updates_
    probability = net.predict_proba(plane)[:, 1].reshape(120, 120)
    ax.contourf(side, side, probability, np.linspace(0, 1, 11), cmap="cividis", alpha=0.8)
    ax.contour(side, side, probability, [0.5], colors="black")
    ax.plot(*X[y == 0].T, "o", color="white", markeredgecolor="black", markersize=4.5)
    ax.plot(*X[y == 1].T, "s", color="black", markeredgecolor="white", markersize=4.5)
    accuracy = net.score(X, y)
    print(f"{done:>6} updates: accuracy {accuracy:.3f}")
    ax.set(title=f"{done:,} updates: {accuracy:.0%}", aspect="equal", xticks=[], yticks=[])
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "decision_boundary.png", dpi=80)
# sphinx_gallery_end_ignore
