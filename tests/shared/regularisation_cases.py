"""What several tests of network share."""

import numpy as np
import pytest

from skbackprop import RULES, BackpropRegressor

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


RNG = np.random.default_rng(0)


X = RNG.normal(size=(50, 3))


Y = np.sin(X[:, 0]) + 0.5 * X[:, 1]


ONLINE = [name for name, rule in RULES.items() if not rule.full_batch]


def flat(model):
    return model._model.network.w.copy()


def make(**kw):
    kw = {"activation": "tanh", "solver": "sgd", "eta": 0.01, "random_state": 0, **kw}
    return BackpropRegressor((6, 5), **kw)
