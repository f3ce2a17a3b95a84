"""Mini-batches: an epoch of `fit`, relu, adam, cross-entropy; and the bare products that it needs.

An epoch is a third of the difference between fits of four epochs and of one. torch runs a plain
loop over batches that it gathers by index, as `fit` does. The bare products are those of the
forward pass, the backward pass and the corrections, on batches that lie ready. NumPy's and
scikit-learn's epochs call them, the compiled one has products of its own where matrices are small.
"""

import shutil

import numpy as np
from sklearn.neural_network import MLPClassifier

from skbackprop import BackpropClassifier

from . import peers, tables

# rows, features, classes, hidden, batch; targets of the compiled epoch against scikit-learn in
# float64 and float32
WORK = [
    (30000, 784, 10, (100,), 200, 1.4, 1.8),
    (20000, 30, 2, (100,), 200, 6, 10),
    (20000, 30, 2, (64, 64), 32, 10, 20),
    (2000, 10, 2, (100,), 200, 8, 12),
]


def main(arguments):
    tables.head("work", "type", "compiled", "NumPy", "scikit-learn MLP", "torch", "torch.compile",
                "skorch", "products", "MLP / compiled", "MLP / NumPy", "torch / compiled",
                "compiled / products")  # fmt: skip
    ratios = []
    for n_rows, n_features, n_classes, hidden, batch, *targets in WORK:
        n_rows = 400 if arguments.quick else n_rows
        for dtype, target in zip((np.float64, np.float32), targets, strict=True):
            rng = np.random.RandomState(0)
            X = rng.standard_normal((n_rows, n_features)).astype(dtype)
            y = rng.randint(n_classes, size=n_rows)
            n_epochs = 30 if arguments.quick else 3
            runs = contestants(X, y, hidden, n_classes, batch, dtype, n_epochs)
            repeats = 1 if arguments.quick else (3 if n_features > 100 else 7)
            taken = dict(zip(runs, tables.interleaved(list(runs.values()), repeats), strict=True))
            shown = (
                "compiled", "NumPy", "MLP", "torch", "torch.compile", "skorch", "products",
            )  # fmt: skip
            cells = [tables.duration(taken[name]) if name in taken else "-" for name in shown]
            none = float("nan")
            compiled = taken.get("compiled", none)
            cells.append(tables.ratio(taken["MLP"], compiled, target))
            cells.append(tables.ratio(taken["MLP"], taken["NumPy"]))
            cells.append(tables.ratio(taken.get("torch", none), compiled))
            cells.append(tables.ratio(compiled, taken["products"]))
            work, name = f"{n_rows} x {n_features}, {hidden}, b {batch}", np.dtype(dtype).name
            tables.line(work, name, *cells)
            for peer, label in (("MLP", "scikit-learn MLP"), ("torch", "torch")):
                for own in ("compiled", "NumPy"):
                    times = taken.get(peer, none) / taken.get(own, none)
                    if times > 0:  # both are known
                        ratios.append((f"fit, {work}, {name}", f"{label} / {own}", times))
    return ratios


def contestants(X, y, hidden, n_classes, batch, dtype, n_epochs):
    common = {"hidden_layer_sizes": hidden, "solver": "adam", "batch_size": batch,
              "n_iter_no_change": 100, "random_state": 0}  # fmt: skip
    runs = {
        "NumPy": lambda: epoch(BackpropClassifier, common | {"engine": "numpy"}, X, y, n_epochs),
        "MLP": lambda: epoch(MLPClassifier, common | {"alpha": 0.0}, X, y, n_epochs),
    }
    if peers.has("numba"):
        settings = common | {"engine": "compiled"}
        runs["compiled"] = lambda: epoch(BackpropClassifier, settings, X, y, n_epochs)
    if peers.has("torch"):
        runs["torch"] = peers.torch_epochs(X, y, hidden, max(n_classes, 2), batch, dtype)
        if shutil.which("g++"):
            runs["torch.compile"] = peers.torch_epochs(
                X, y, hidden, max(n_classes, 2), batch, dtype, compiled=True
            )
    if peers.has("skorch") and peers.has("torch"):
        runs["skorch"] = skorch_epochs(X, y, hidden, n_classes, batch, dtype)
    n_units = n_classes if n_classes > 2 else 1
    runs["products"] = products(X, (X.shape[1], *hidden, n_units), batch)
    return runs


def epoch(Estimator, settings, X, y, n_epochs):
    return tables.epoch(lambda n: Estimator(max_iter=n, **settings).fit(X, y), n_epochs)


def skorch_epochs(X, y, hidden, n_classes, batch, dtype):
    import torch
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        peers.torch_network((X.shape[1], *hidden, n_classes), dtype, "ReLU"),
        criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=0.001,
        batch_size=batch, max_epochs=1, train_split=None, iterator_train__shuffle=True, verbose=0,
    ).initialize()  # fmt: skip

    def run():
        start = tables.now()
        net.partial_fit(X, y.astype(np.int64))
        return tables.now() - start

    return run


def products(X, sizes, batch):
    """A function: seconds of the products of one epoch, without anything else."""
    rng = np.random.default_rng(0)
    dtype = X.dtype
    rows = np.ascontiguousarray(X[:batch])
    W = [rng.normal(size=s).astype(dtype) for s in zip(sizes, sizes[1:], strict=False)]
    y = [rows, *(np.zeros((len(rows), n), dtype) for n in sizes[1:])]
    delta = [rng.normal(size=(len(rows), n)).astype(dtype) for n in sizes[1:]]
    g = [np.empty_like(w) for w in W]

    def run():
        start = tables.now()
        for _ in range(-(-len(X) // batch)):
            for layer, w in enumerate(W):
                np.dot(y[layer], w, out=y[layer + 1])
            for layer in range(len(W) - 1, -1, -1):
                np.dot(y[layer].T, delta[layer], out=g[layer])
                if layer:
                    np.dot(delta[layer], W[layer].T, out=delta[layer - 1])
            for array in (*y[1:], *delta[:-1]):
                array.fill(0.1)  # keeps the numbers in range
        return tables.now() - start

    return run
