"""Sparse rows: 10000 features, 1 % of them not zero, batch_size=1, sgd, no penalty."""

import numpy as np
from scipy.sparse import csr_array

from skbackprop import BackpropRegressor

from . import peers, tables


def main(arguments):
    n_rows, n_features = (5, 200) if arguments.quick else (100, 10000)
    rng = np.random.default_rng(0)
    dense = rng.random((n_rows, n_features)) * (rng.random((n_rows, n_features)) < 0.01)
    X, y = csr_array(dense), rng.normal(size=n_rows)
    engine = "compiled" if peers.has("numba") else "numpy"
    settings = {"activation": "tanh", "solver": "sgd", "eta": 0.001, "random_state": 0}
    ours = BackpropRegressor((32,), engine=engine, **settings).partial_fit(X, y)
    # The dense pass that does not know of zeros: one with a penalty must visit every weight.
    whole = BackpropRegressor((32,), engine="numpy", **settings).partial_fit(dense, y)
    mlp = peers.online_mlp((32,)).fit(X[:2], y[:2])
    few = max(n_rows // 20, 2)
    runs = [
        lambda: ours.partial_fit(X, y) and None,
        lambda: whole.partial_fit(dense, y) and None,
        lambda: mlp.fit(X[:few], y[:few]) and None,
    ]
    taken = tables.interleaved(runs, 1 if arguments.quick else 7)
    taken /= np.array([n_rows, n_rows, few])
    tables.head(f"CSR rows, {engine}", "dense rows, NumPy", "MLP, CSR rows", "dense / ours",
                "MLP / ours")  # fmt: skip
    cells = [tables.duration(seconds) for seconds in taken]
    tables.line(*cells, tables.ratio(taken[1], taken[0], 20), tables.ratio(taken[2], taken[0], 100))
