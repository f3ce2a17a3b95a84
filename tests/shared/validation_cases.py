"""What several tests of estimators share."""

import numpy as np
import pytest

from skbackprop import BackpropRegressor

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


RNG = np.random.default_rng(0)


X = RNG.normal(size=(120, 3))


Y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * RNG.normal(size=120)


def regressor(**kw):
    return BackpropRegressor((8,), **{"random_state": 0, "max_iter": 30, **kw})
