"""Speed beside scikit-learn's MLP: one process, one BLAS thread, interleaved, medians, ratios.

Every row does the same work on both sides: same data, sizes, activation, solver and batch size, no
penalty. Both are warmed up first; their timings alternate, so that a slow spell of the machine
meets both.
"""

import platform
from time import perf_counter

import numpy as np
import scipy
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from skbackprop import BackpropClassifier, BackpropRegressor


def main():
    with threadpool_limits(1):
        kernels = {lib.get("architecture") for lib in threadpool_info()} - {None}
        print(
            f"Python {platform.python_version()}, numpy {np.__version__}, scipy "
            f"{scipy.__version__}, scikit-learn {sklearn.__version__}; {platform.machine()}, BLAS "
            f"kernel {', '.join(sorted(kernels))}, one thread; median of interleaved runs\n"
        )
        print("| work | skbackprop | scikit-learn MLP | ratio |")
        print("| --- | --- | --- | --- |")
        for section in (fit_epochs, one_row_training, one_row_prediction):
            for work, ours, theirs, unit in section():
                print(
                    f"| {work} | {ours / unit[1]:.3g} {unit[0]} | {theirs / unit[1]:.3g} {unit[0]} "
                    f"| {theirs / ours:.1f} |",
                    flush=True,
                )


MS, US = ("ms", 1e-3), ("us", 1e-6)


def medians(ours, theirs, blocks=20, rows=20):
    """Median seconds a row of two functions of the row's number, called in turn in blocks."""
    seconds = np.empty((blocks + 1, 2))
    for block in range(blocks + 1):
        for j, function in enumerate((ours, theirs)):
            start = perf_counter()
            for i in range(rows):
                function(block * rows + i)
            seconds[block, j] = (perf_counter() - start) / rows
    return np.median(seconds[1:], axis=0)


def fit_epochs():
    """An epoch of fit: the time of four epochs less that of one, a third of it."""
    cases = [
        ("20000 x 30, (100,), b 200, adam, float64, 2 classes", 20000, 30, 2, "f8", {}),
        ("20000 x 30, (100,), b 200, adam, float64, 10 classes", 20000, 30, 10, "f8", {}),
        ("30000 x 784, (100,), b 200, adam, float32, 10 classes", 30000, 784, 10, "f4", {}),
        ("30000 x 784, (100,), b 200, adam, float64, 10 classes", 30000, 784, 10, "f8", {}),
        ("20000 x 30, (64, 64), b 32, adam, float64, 2 classes", 20000, 30, 2, "f8", {"n": 32}),
        ("2000 x 30, (32,), b 1, sgd, float64, 2 classes", 2000, 30, 2, "f8", {"n": 1}),
    ]
    for name, n, n_features, n_classes, dtype, more in cases:
        rng = np.random.RandomState(0)
        X, y = rng.standard_normal((n, n_features)).astype(dtype), rng.randint(n_classes, size=n)
        batch = more.get("n", 200)
        common = {
            "hidden_layer_sizes": {200: (100,), 32: (64, 64), 1: (32,)}[batch],
            "solver": "sgd" if batch == 1 else "adam",
            "batch_size": batch,
            "n_iter_no_change": 100,
            "random_state": 0,
        }
        peer = {"alpha": 0.0, "momentum": 0.0}

        def epoch(Estimator, settings, X=X, y=y):
            seconds = []
            for max_iter in (1, 4):
                start = perf_counter()
                Estimator(max_iter=max_iter, **settings).fit(X, y)
                seconds.append(perf_counter() - start)
            return (seconds[1] - seconds[0]) / 3

        pairs = [
            (epoch(BackpropClassifier, common), epoch(MLPClassifier, common | peer))
            for _ in range(4)
        ]
        yield ("epoch of `fit`, " + name, *np.median(pairs[1:], axis=0), MS)


def one_row_training():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((420, 30))
    y, c = X[:, 0].copy(), (X[:, 0] > 0).astype(int)
    for solver in ("sgd", "adam"):
        common = {"hidden_layer_sizes": (32,), "solver": solver, "random_state": 0}
        peer = {"alpha": 0.0, "momentum": 0.0}
        for kind, target, ours, theirs in (
            ("regressor", y, BackpropRegressor(**common), MLPRegressor(**common, **peer)),
            ("classifier", c, BackpropClassifier(**common), MLPClassifier(**common, **peer)),
        ):
            classes = {"classes": [0, 1]} if kind == "classifier" else {}
            ours.partial_fit(X[:1], target[:1], **classes)
            theirs.partial_fit(X[:1], target[:1], **classes)

            def train(model, i, target=target):
                model.partial_fit(X[i : i + 1], target[i : i + 1])

            yield (
                f"`partial_fit` of one row, 30 features, (32,), {solver}, {kind}",
                *medians(lambda i, m=ours: train(m, i), lambda i, m=theirs: train(m, i)),
                US,
            )


def one_row_prediction():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((420, 30))
    y = X[:, 0]
    settings = {"hidden_layer_sizes": (32,), "max_iter": 2, "random_state": 0}
    ours, theirs = BackpropRegressor(**settings).fit(X, y), MLPRegressor(**settings).fit(X, y)
    yield (
        "`predict` of one row, 30 features, (32,), regressor",
        *medians(lambda i: ours.predict(X[i : i + 1]), lambda i: theirs.predict(X[i : i + 1])),
        US,
    )
