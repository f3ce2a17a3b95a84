"""What several tests of estimators share."""

import pickle
import signal

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
)

N = 20


RNG = np.random.default_rng(0)


X = RNG.normal(size=(N, 3))


Y = {BackpropRegressor: X[:, 0] - X[:, 1], BackpropClassifier: np.arange(N) % 3}


ESTIMATORS = list(Y)


def fingerprint(model):
    """Everything that the model holds, and the random state that it draws from."""
    held = {name: value for name, value in vars(model).items() if name != "_running"}
    random_state = model.random_state
    if isinstance(random_state, np.random.RandomState):
        drawn = random_state.get_state()
    else:
        drawn = np.random.get_state()
    return pickle.dumps((held, drawn))


def make(Estimator, **params):
    defaults = {
        "hidden_layer_sizes": (4,),
        "activation": "tanh",
        "eta": 0.05,
        "max_iter": 3,
        "n_iter_no_change": np.inf,
        "batch_size": 6,
        "random_state": np.random.RandomState(5),
    }
    return Estimator(**{**defaults, **params})


def fitted(Estimator, **params):
    """A model after a fit and a few rows of the stream."""
    model = make(Estimator, **params)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y[Estimator])
    return model.partial_fit(X[:3], Y[Estimator][:3])


def weights(model):
    arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    return np.concatenate([a.ravel() for a in arrays])


def changed(array, value, where=(2, 1)):
    array = array.copy()
    array[where[: array.ndim]] = value
    return array


class Interrupted:
    """A schedule that is interrupted after `n` updates."""

    def __init__(self, n, by_signal=False):
        self.n = n
        self.by_signal = by_signal

    def __call__(self, t):
        if t == self.n:
            if not self.by_signal:
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)
        return 1.0
