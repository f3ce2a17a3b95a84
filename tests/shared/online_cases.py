"""What several tests of estimators share."""

from functools import partial

import numpy as np
import problems

from skbackprop import (
    RULES,
    BackpropClassifier,
    BackpropRegressor,
)

ONLINE = sorted(name for name, rule in RULES.items() if not rule.full_batch)


N = 12


problem = partial(problems.problem, n=N)


def make(kind, **params):
    Estimator = BackpropRegressor if kind in ("regression", "two_targets") else BackpropClassifier
    defaults = {"hidden_layer_sizes": (5, 3), "activation": "tanh", "eta": 0.05, "random_state": 0}
    return Estimator(**{**defaults, **params})


def first(kind):
    """Keywords of the first call."""
    return {"binary": {"classes": [0, 1]}, "multiclass": {"classes": [0, 1, 2]}}.get(kind, {})


def flat(model):
    """All weights and biases in one new array."""
    arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    return np.concatenate([a.ravel() for a in arrays])


def bits(model):
    """What training has moved, to the bit."""
    state = model._model.state
    return flat(model).tobytes(), state.rule_state.tobytes(), model.n_updates_, model.t_


def by_rows(kind, X, y, rows=None, model=None, **params):
    """A model that has been shown the rows one at a time."""
    model = make(kind, **params) if model is None else model
    for i in range(X.shape[0]) if rows is None else rows:
        model.partial_fit(X[i : i + 1], y[i : i + 1], **first(kind))
    return model
