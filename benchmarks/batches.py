"""Mini-batches: an epoch of `fit`, relu, adam, cross-entropy; and the bare products that it needs.

An epoch is a third of the difference between fits of four epochs and of one. torch runs a plain
loop over batches that it gathers by index, as `fit` does. The bare products are those of the
forward pass, the backward pass and the corrections, on batches that lie ready. NumPy's and
scikit-learn's epochs call them, the compiled one has products of its own where matrices are small.
Then whole fits of few rows for one epoch, and predictions of many rows.
"""

import shutil
import warnings
from time import perf_counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

from . import peers, tables

# rows, features, classes, hidden, batch; targets of the compiled epoch against scikit-learn in
# float64 and float32
WORK = [
    (30000, 784, 10, (100,), 200, 1.4, 1.8),
    (20000, 30, 2, (100,), 200, 6, 10),
    (20000, 30, 2, (64, 64), 32, 10, 20),
    (2000, 10, 2, (100,), 200, 8, 12),
]
FITS = 20  # of a run


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
    whole_fits(arguments.quick)
    predictions(arguments.quick)
    return ratios


def whole_fits(quick):
    """A fit of 100 x 10 for one epoch: what a call costs beside its arithmetic."""
    print()
    tables.head("work", "skbackprop", "scikit-learn MLP", "MLP / skbackprop")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 10))
    kinds = {
        "regressor": (BackpropRegressor, MLPRegressor, X[:, 0], 1.2),
        "classifier": (BackpropClassifier, MLPClassifier, (X[:, 0] > 0).astype(int), 1.5),
    }
    for kind, (Ours, MLP, y, goal) in kinds.items():
        runs = [several(Model(max_iter=1).fit, X, y) for Model in (Ours, MLP)]
        ours, mlp = tables.interleaved(runs, 1 if quick else 51) / FITS
        cells = tables.duration(ours), tables.duration(mlp), tables.ratio(mlp, ours, goal)
        tables.line(f"100 x 10, one epoch, {kind}", *cells)


def several(call, *arguments):
    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for _ in range(FITS):
                call(*arguments)

    return run


def predictions(quick):
    """`predict` of many rows, and the products in it: of blocks of rows that stay in cache."""
    print()
    tables.head("work", "type", "compiled", "scikit-learn MLP", "products", "MLP / compiled",
                "compiled / products")  # fmt: skip
    for dtype in (np.float64, np.float32):
        X = np.random.default_rng(0).normal(size=(1000 if quick else 100000, 30)).astype(dtype)
        settings = {"hidden_layer_sizes": (100,), "max_iter": 1, "random_state": 0}
        engine = "compiled" if peers.has("numba") else "numpy"
        models = BackpropRegressor(**settings, engine=engine), MLPRegressor(**settings)
        for model in models:
            several(model.fit, X[:1000], X[:1000, 0])()
        weights = [W.astype(dtype) for W in models[0].coefs_]

        def multiply(X=X, weights=weights):
            for start in range(0, len(X), 256):
                np.dot(np.dot(X[start : start + 256], weights[0]), weights[1])

        runs = [lambda m=m, X=X: (m.predict(X), None)[1] for m in models] + [multiply]
        ours, mlp, products = tables.interleaved(runs, 1 if quick else 15)
        tables.line(
            f"`predict` of {len(X)} x 30, (100,)", np.dtype(dtype).name,
            *map(tables.duration, (ours, mlp, products)), tables.ratio(mlp, ours, 4),
            tables.ratio(ours, products),
        )  # fmt: skip


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
        start = perf_counter()
        net.partial_fit(X, y.astype(np.int64))
        return perf_counter() - start

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
        start = perf_counter()
        for _ in range(-(-len(X) // batch)):
            for layer, w in enumerate(W):
                np.dot(y[layer], w, out=y[layer + 1])
            for layer in range(len(W) - 1, -1, -1):
                np.dot(y[layer].T, delta[layer], out=g[layer])
                if layer:
                    np.dot(delta[layer], W[layer].T, out=delta[layer - 1])
            for array in (*y[1:], *delta[:-1]):
                array.fill(0.1)  # keeps the numbers in range
        return perf_counter() - start

    return run
