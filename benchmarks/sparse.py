"""Sparse rows: 10000 features, 1 % of them not zero, batch_size=1, sgd, no penalty.

The dense pass visits every weight: NumPy's on the same rows, and the compiled one on rows without
zeros (zeros it skips, sparse or not: the column after it).
"""

import numpy as np
from scipy.sparse import csr_array

from skbackprop import BackpropRegressor

from . import peers, tables


def main(arguments):
    n_rows, n_features = (5, 200) if arguments.quick else (1000, 10000)
    rng = np.random.default_rng(0)
    full = rng.random((n_rows, n_features))
    dense = full * (rng.random((n_rows, n_features)) < 0.01)
    X, y = csr_array(dense), rng.normal(size=n_rows)
    engine = "compiled" if peers.has("numba") else "numpy"
    runs = [
        passes(X, y, engine),
        passes(dense, y, "numpy"),
        passes(full, y, engine),
        passes(dense, y, engine),
    ]
    mlp = peers.online_mlp((32,)).fit(X[:2], y[:2])
    few = max(n_rows // 100, 2)
    runs.append(lambda: mlp.fit(X[:few], y[:few]) and None)
    taken = tables.interleaved(runs, 1 if arguments.quick else 7)
    taken /= np.array([n_rows, n_rows, n_rows, n_rows, few])
    tables.head(f"CSR rows, {engine}", "dense, NumPy", f"no zeros, {engine}",
                f"zeros in dense rows, {engine}", "MLP, CSR rows",
                "dense, NumPy / ours", "no zeros / ours", "MLP / ours")  # fmt: skip
    ours = taken[0]
    tables.line(
        *[tables.duration(seconds) for seconds in taken],
        tables.ratio(taken[1], ours, 20),
        tables.ratio(taken[2], ours, 20),
        tables.ratio(taken[-1], ours, 100),
    )
    label = {"compiled": "compiled", "numpy": "NumPy"}[engine]
    return [("sparse rows, 10000-32-1, sgd", f"scikit-learn MLP / {label}", taken[-1] / ours)]


def passes(X, y, engine):
    model = BackpropRegressor((32,), activation="tanh", solver="sgd", eta=0.0001, engine=engine,
                              random_state=0).partial_fit(X, y)  # fmt: skip
    return lambda: model.partial_fit(X, y) and None
