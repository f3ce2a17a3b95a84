"""XOR, learned online and traced
==============================

XOR learned online, row by row, and one row of it traced through the network.

No network without hidden neurons can learn XOR; two of them are enough. The picture shows what has
been learnt, how the cost fell, and the row (1, 0) half-way: its signals on their way forward, and
its error on the way back with the changes that the rule makes of it, ``Dw = eta delta y``.

Run it with ``python examples/xor.py [FOLDER]``; it needs matplotlib and draws ``xor.png`` into
``examples/images``, or the folder given.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropClassifier, SignalFlowDisplay, trace_signals

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([0, 1, 1, 0])
ROW = 2
net = BackpropClassifier(
    (2,), activation="tanh", solver="sgd", eta=0.1, weight_init="lecun_normal", random_state=3
)
costs = []
for _ in range(500):
    net.partial_fit(X, y, classes=[0, 1])  # four rows, four updates
    costs.append(net.loss_)
    if costs[-1] > 0.35:
        trace = trace_signals(net, X, y)  # a copy: what is learnt from now on does not show in it
print("outputs:", " ".join(f"{p:.3f}" for p in net.predict_proba(X)[:, 1]))
print(f"cost per row: {costs[0]:.3f} in the first epoch, {costs[-1]:.4f} in the last")
print(trace.explain(sample=ROW, layer=0, neuron=0))

layout = [["surface", "forward"], ["curve", "backward"]]
figure, axes = plt.subplot_mosaic(
    layout, figsize=(11, 6), layout="constrained", width_ratios=(1, 2.2)
)
surface, curve = axes["surface"], axes["curve"]
side = np.linspace(-0.3, 1.3, 100)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
probability = net.predict_proba(plane)[:, 1].reshape(100, 100)
filled = surface.contourf(side, side, probability, np.linspace(0, 1, 11), cmap="cividis")
figure.colorbar(filled, ax=surface, ticks=[0, 0.5, 1])
surface.plot(*X[y == 0].T, "o", color="white", markeredgecolor="black", markersize=9)
surface.plot(*X[y == 1].T, "s", color="black", markeredgecolor="white", markersize=9)
surface.set(title="output, learnt", xlabel="x0", ylabel="x1", aspect="equal")
curve.plot(np.arange(1, 501), costs, color="#0072B2")
curve.axvline(sum(cost > 0.35 for cost in costs), color="0.4", linestyle=":")
curve.set(title="cost per row", xlabel="epoch", yscale="log")
display = SignalFlowDisplay(trace)
display.plot(axes["forward"], sample=ROW)
display.plot(axes["backward"], sample=ROW, direction="backward")
# sphinx_gallery_start_ignore
folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "images"
figure.savefig(folder / "xor.png", dpi=90)
# sphinx_gallery_end_ignore
