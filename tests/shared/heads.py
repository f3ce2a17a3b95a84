"""A network for every pair of loss and output, for the tests of what looks inside."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    ACTIVATIONS,
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    Mixed,
    Quantile,
    Tweedie,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3))
REAL = RNG.normal(size=7)
CLASSES = np.array(["a", "b", "c", "a", "c", "b", "a"])
LABELS = np.array([[1, 0], [0, 0], [1, 1], [0, 1], [1, 0], [0, 1], [1, 1]])
TARGETS = {
    "regression": REAL,
    "several": np.column_stack([REAL, REAL[::-1]]),
    "positive": np.exp(REAL),
    "binary": CLASSES == "a",
    "multiclass": CLASSES,
    "multilabel": LABELS,
}
HIDDEN = sorted(set(ACTIVATIONS) - {"softmax", "exp"})
HEADS = [
    ("squared_error", "regression", None),
    ("squared_error", "several", "tanh"),
    ("squared_error", "multiclass", "softmax"),
    ("squared_error", "multiclass", "tanh"),
    ("squared_error", "several", Mixed(["tanh", "softplus"])),
    ("absolute_error", "several", None),
    ("huber", "several", "tanh"),
    ("log_cosh", "regression", None),
    ("quantile", "regression", None),
    (Quantile([0.1, 0.5, 0.9]), "regression", None),
    ("poisson", "positive", None),
    ("poisson", "positive", "softplus"),
    ("gamma", "positive", None),
    ("tweedie", "positive", None),
    (Tweedie(2.5), "positive", "softplus"),
    ("gaussian_nll", "several", None),
    ("cross_entropy", "binary", None),
    ("cross_entropy", "binary", "softmax"),
    ("cross_entropy", "multiclass", None),
    ("cross_entropy", "multilabel", None),
    (CrossEntropy(0.1), "multiclass", None),
    ("focal", "multiclass", None),
    ("focal", "multilabel", None),
    ("hinge", "multiclass", None),
    ("hinge", "binary", "tanh"),
]


def make(head=HEADS[0], hidden="tanh", dtype=np.float64, **settings):
    """A model at random weights, and its targets."""
    loss, kind, output = head
    kind_of = BackpropRegressor if kind in ("regression", "several", "positive") else None
    kind_of = kind_of or BackpropClassifier
    settings = {"solver": "sgd", "eta": 0.1, "random_state": 0, **settings}
    model = kind_of((4, 3), activation=hidden, loss=loss, output_activation=output, **settings)
    d = TARGETS[kind]
    classes = {} if kind_of is BackpropRegressor else {"classes": np.unique(d)}
    with warnings.catch_warnings():  # of targets out of the range of some outputs
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.partial_fit(X.astype(dtype), d, sample_weight=np.zeros(len(X)), **classes)
    rng = np.random.default_rng(5)
    model.coefs_ = [0.7 * rng.normal(size=W.shape) for W in model.coefs_]
    model.intercepts_ = [0.3 * rng.normal(size=b.shape) for b in model.intercepts_]
    return model, d
