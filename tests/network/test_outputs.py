"""The forward pass against its definition, in blocks."""

import numpy as np
import pytest
from estimator_cases import TARGETS, X, make

from skbackprop import (
    Mixed,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ["two_targets", "multiclass"])
def test_predictions_are_those_of_the_weights(kind):
    mixed = Mixed(["tanh", "relu", "identity"])
    model = make(kind, hidden_layer_sizes=(3, 5), activation=[mixed, "logistic"])
    model.fit(X, TARGETS[kind])
    (W1, W2, W3), (b1, b2, b3) = model.coefs_, model.intercepts_
    v = X @ W1 + b1
    y = np.stack([np.tanh(v[:, 0]), np.maximum(v[:, 1], 0), v[:, 2]], axis=1)
    v = (1 / (1 + np.exp(-(y @ W2 + b2)))) @ W3 + b3
    result = model.predict(X) if kind == "two_targets" else model.decision_function(X)
    np.testing.assert_allclose(result, v, rtol=1e-10, atol=1e-12)


def test_prediction_in_blocks_is_that_of_the_rows():
    model = make("two_targets").fit(X, TARGETS["two_targets"])
    many = np.random.default_rng(1).normal(size=(9001, 4))
    whole = model.predict(many)
    np.testing.assert_allclose(whole[::600], [model.predict(r[None])[0] for r in many[::600]])
    np.testing.assert_allclose(whole[4090:4100], model.predict(many[4090:4100]))
