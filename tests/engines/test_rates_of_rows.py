"""Rows learn at the rates of a `FanInEta` in the compiled pass, too."""

import numpy as np
import pytest

from skbackprop import BackpropRegressor, FanInEta

RNG = np.random.RandomState(0)
X = RNG.randn(60, 4)
Y = X[:, 0] * X[:, 1] + X[:, 2]


@pytest.mark.usefixtures("numba")
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_compiled_engine_takes_it(solver):
    given = {"activation": "tanh", "random_state": 0, "eta": FanInEta(0.02), "solver": solver}
    ours = BackpropRegressor((9, 3), **given, engine="compiled").partial_fit(X, Y)
    theirs = BackpropRegressor((9, 3), **given, engine="numpy").partial_fit(X, Y)
    assert ours.engine_ == "compiled"
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
