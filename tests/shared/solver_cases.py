"""What several tests of solvers share."""

import numpy as np
import pytest

from skbackprop import (
    BackpropRegressor,
)
from skbackprop.activations.activation import resolve_activation
from skbackprop.losses.head import Head
from skbackprop.losses.regression import SquaredError
from skbackprop.losses.task import Task
from skbackprop.network.network import Network
from skbackprop.network.objective import Objective, Problem
from skbackprop.network.penalties import ElasticNet
from skbackprop.network.row_sums import RowSums

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


RNG = np.random.default_rng(0)


X = RNG.uniform(-1, 1, size=(80, 2))


Y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2


Y2 = np.c_[Y, X[:, 0] * X[:, 1]]


def flat(model):
    return model._model.network.w.copy()


def make(solver, hidden=(6,), **kw):
    kw = {"activation": "tanh", "max_iter": 200, "random_state": 0, **kw}
    return BackpropRegressor(hidden, solver=solver, **kw)


def problem_of(n_units=2, alpha=0.0, weights=None, learning=None, output="identity", n=7):
    rng = np.random.default_rng(3)
    loss = Head(SquaredError(), Task("regression", n_units), output)
    network = Network((3, 4, 5, n_units), [resolve_activation("tanh")] * 2 + [loss.output])
    network.w[:] = 0.6 * rng.normal(size=network.w.size)
    penalty = ElasticNet(network.spread([1.0] * 3, [0.0] * 3), alpha)
    objective = Objective(network, loss, penalty, learning=learning)
    data = rng.normal(size=(n, 3)), rng.normal(size=(n, n_units)), weights
    return Problem(objective, RowSums(network, loss, data))
