"""One row a call, 30 features, one hidden layer of 32: `partial_fit`, and `predict`."""

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

from . import peers, tables

KINDS = {
    "regressor": (BackpropRegressor, MLPRegressor, SGDRegressor, (25, 15)),
    "classifier": (BackpropClassifier, MLPClassifier, SGDClassifier, (60, 40)),
}
CALLS = 200


def main(arguments):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((CALLS, 30))
    targets = {"regressor": X[:, 0].copy(), "classifier": (X[:, 0] > 0).astype(int)}
    repeats = 1 if arguments.quick else 11
    ratios = []
    tables.head("work", "compiled", "NumPy", "scikit-learn MLP", "linear SGD (scikit-learn)",
                "MLP / compiled", "MLP / NumPy")  # fmt: skip
    for kind, (Ours, MLP, Linear, goals) in KINDS.items():
        y = targets[kind]
        for solver in ("sgd", "adam"):
            models = {
                engine: Ours((32,), solver=solver, random_state=0, engine=engine)
                for engine in ("compiled", "numpy")
                if engine == "numpy" or peers.has("numba")
            }
            settings = {"solver": solver, "alpha": 0.0, "momentum": 0.0, "random_state": 0}
            models |= {
                "MLP": MLP(hidden_layer_sizes=(32,), **settings),
                "linear": Linear(random_state=0),
            }
            work = f"`partial_fit`, {solver}, {kind}"
            ratios += report(work, models, training, X, y, repeats, goals)
        models = {
            "numpy": Ours((32,), random_state=0),
            "MLP": MLP(hidden_layer_sizes=(32,), random_state=0),
        }
        models["linear"] = Linear(random_state=0)
        ratios += report(f"`predict`, {kind}", models, prediction, X, y, repeats, (None, 8))
    return ratios


def report(work, models, make, X, y, repeats, goals):
    classes = {"classes": [0, 1]} if y.dtype.kind == "i" else {}
    for model in models.values():
        model.partial_fit(X[:1], y[:1], **classes)
    runs = [make(model, X, y) for model in models.values()]
    each = dict(zip(models, tables.interleaved(runs, repeats) / CALLS, strict=True))
    cells = [tables.duration(each[m]) if m in each else "-" for m in ("compiled", "numpy")]
    cells += [tables.duration(each["MLP"]), tables.duration(each["linear"])]
    for engine, goal in zip(("compiled", "numpy"), goals, strict=True):
        cells.append(tables.ratio(each["MLP"], each[engine], goal) if engine in each else "-")
    tables.line(work, *cells)
    names = {"compiled": "compiled", "numpy": "NumPy"}
    return [
        (
            f"one row, {work.replace('`', '')}",
            f"scikit-learn MLP / {name}",
            each["MLP"] / each[ours],
        )
        for ours, name in names.items()
        if ours in each
    ]


def training(model, X, y):
    def run():
        for i in range(CALLS):
            model.partial_fit(X[i : i + 1], y[i : i + 1])

    return run


def prediction(model, X, y):
    def run():
        for i in range(CALLS):
            model.predict(X[i : i + 1])

    return run
