"""A small problem of every kind of targets, for the tests of online training."""

import numpy as np

KINDS = ["regression", "two_targets", "binary", "multiclass", "multilabel"]


def problem(kind, dtype=np.float64, n=60):
    """Rows and targets of one kind."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 4)).astype(dtype)
    y = {
        "regression": X[:, 0] - X[:, 1] ** 2,
        "two_targets": X[:, :2] * 2.0,
        "binary": np.arange(n) % 2,
        "multiclass": np.arange(n) % 3,
        "multilabel": (X[:, :3] > 0).astype(int),
    }[kind]
    return X, y
