"""What several tests of estimators share."""

import numpy as np

from skbackprop import (
    RULES,
    BackpropClassifier,
    BackpropRegressor,
)

ONLINE = sorted(name for name, rule in RULES.items() if not rule.full_batch)


N = 60


RNG = np.random.default_rng(0)


X = RNG.normal(size=(N, 4))


TARGETS = {
    "regression": X[:, 0] - X[:, 1] ** 2,
    "column": (X[:, 0] - X[:, 1] ** 2)[:, None],
    "two_targets": np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1),
    "binary": (X[:, 0] > 0).astype(int),
    "multiclass": np.digitize(X[:, 0], [-0.5, 0.5]),
    "multilabel": (X[:, :3] > 0).astype(int),
}


REGRESSION = ["regression", "column", "two_targets"]


def make(kind, **params):
    Estimator = BackpropRegressor if kind in REGRESSION else BackpropClassifier
    defaults = {"hidden_layer_sizes": (8,), "eta": 0.02, "max_iter": 30, "random_state": 0}
    return Estimator(**{**defaults, **params})


def flat(model):
    arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    return np.concatenate([a.ravel() for a in arrays])
