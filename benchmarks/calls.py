"""Whole calls: a fit of 100 x 10 for one epoch, mostly paperwork, and a prediction of many rows.

The products are those of the prediction, by NumPy's BLAS, of blocks of rows that stay in cache.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

from . import peers, tables

FITS = 20  # of a run


def main(arguments):
    tables.head("work", "type", "skbackprop", "scikit-learn MLP", "products", "MLP / skbackprop",
                "skbackprop / products")  # fmt: skip
    fits(1 if arguments.quick else 51)
    for dtype in (np.float64, np.float32):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(1000 if arguments.quick else 100000, 30)).astype(dtype)
        predictions(X, 1 if arguments.quick else 15)


def fits(repeats):
    X = np.random.default_rng(0).normal(size=(100, 10))
    kinds = {
        "regressor": (BackpropRegressor, MLPRegressor, X[:, 0], 1.2),
        "classifier": (BackpropClassifier, MLPClassifier, (X[:, 0] > 0).astype(int), 1.5),
    }
    for kind, (Ours, MLP, y, goal) in kinds.items():
        runs = [fit_often(Model(max_iter=1), X, y) for Model in (Ours, MLP)]
        ours, mlp = tables.interleaved(runs, repeats) / FITS
        cells = tables.duration(ours), tables.duration(mlp), "-", tables.ratio(mlp, ours, goal)
        tables.line(f"`fit` of 100 x 10, one epoch, {kind}", "float64", *cells, "-")


def fit_often(model, X, y, times=FITS):
    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for _ in range(times):
                model.fit(X, y)

    return run


def predictions(X, repeats):
    settings = {"hidden_layer_sizes": (100,), "max_iter": 1, "random_state": 0}
    engine = "compiled" if peers.has("numba") else "numpy"
    models = BackpropRegressor(**settings, engine=engine), MLPRegressor(**settings)
    for model in models:
        fit_often(model, X[:1000], X[:1000, 0], times=1)()
    weights = models[0].coefs_

    def multiply():
        for start in range(0, len(X), 256):
            np.dot(np.dot(X[start : start + 256], weights[0]), weights[1])

    def predict(model):
        model.predict(X)

    runs = [*(lambda m=m: predict(m) for m in models), multiply]
    ours, mlp, products = tables.interleaved(runs, repeats)
    cells = [*map(tables.duration, (ours, mlp, products)), tables.ratio(mlp, ours, 4)]
    work = f"`predict` of {len(X)} x 30, (100,)"
    tables.line(work, X.dtype.name, *cells, tables.ratio(ours, products))
