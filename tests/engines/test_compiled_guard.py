"""The compiled pass guards outputs, costs and what a rule may do, as NumPy's does."""

import numpy as np
import pytest
from compiled_cases import needs_numba

from skbackprop import BackpropRegressor, DivergenceError, UpdateRule

X = np.random.default_rng(0).normal(size=(50, 3))
AMOUNTS = 1e5 * np.random.default_rng(1).gamma(2.0, size=50)


class Breaks(UpdateRule):
    """A rule of the user's own that leaves what is not finite where a correction is positive."""

    default_eta = 0.01

    def step(self, w, g, state, t, eta, cost):
        w += eta * g / np.maximum(0.0, 1.0 - np.maximum(0.0, t - 20.0))


def pair(**parameters):
    """The same model on both engines."""
    return [
        BackpropRegressor((4,), activation="tanh", random_state=0, engine=engine, **parameters)
        for engine in ("compiled", "numpy")
    ]


@needs_numba
@pytest.mark.matrix  # it compiles
@pytest.mark.parametrize(("loss", "y"), [("gamma", AMOUNTS), ("huber", np.full(50, 1e308))])
def test_outputs_and_costs(loss, y):
    models = pair(loss=loss, solver="sgd")
    for model in models:
        if loss == "gamma":
            with pytest.raises(DivergenceError, match="at row 1: "):
                model.partial_fit(X, y)
        else:
            model.partial_fit(X, y)
            assert model.loss_ == pytest.approx(1e308)
    ours, theirs = models
    assert ours.n_updates_ == theirs.n_updates_ and np.isfinite(ours._model.network.w).all()
    np.testing.assert_allclose(ours._model.network.w, theirs._model.network.w, rtol=1e-9)


@needs_numba
@pytest.mark.matrix  # it compiles
def test_a_rule_of_the_users_own():
    ours, theirs = pair(loss="squared_error", solver=Breaks())
    for model in (ours, theirs):
        with pytest.raises(DivergenceError, match="at row 21: "):
            model.partial_fit(X, X[:, 0])
        assert model.n_updates_ == 21 and np.isfinite(model._model.network.w).all()
    np.testing.assert_allclose(ours._model.network.w, theirs._model.network.w, rtol=1e-9)
