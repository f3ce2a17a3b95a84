"""Predictions from many threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from invalid_cases import ESTIMATORS, X, Y, fingerprint, fitted
from scipy import sparse

from skbackprop import (
    BackpropClassifier,
    Mixed,
)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_eight_threads_predict_what_one_does(Estimator):
    mixed = Mixed(["tanh", "relu", "gaussian", "elu"] * 4)
    model = fitted(Estimator, hidden_layer_sizes=(16, 16), activation=[mixed, "gelu"])
    rng = np.random.default_rng(1)
    blocks = [rng.normal(size=(200, 3)) for _ in range(7)]
    others = [rng.normal(size=(n, 3)) for n in (1, 7, 333, 5000, 2, 4096, 4097)]
    method = getattr(model, "predict_proba", model.predict)
    wanted = [method(block) for block in blocks]
    wanted_others = [method(block) for block in others]
    before = fingerprint(model)

    def many(i):
        if i == 7:
            for _ in range(6):
                for block, answer in zip(others, wanted_others, strict=True):
                    np.testing.assert_array_equal(method(block), answer)
        else:
            for _ in range(150):
                np.testing.assert_array_equal(method(blocks[i]), wanted[i])
                np.testing.assert_array_equal(method(blocks[i][:1]), method(blocks[i][:1].copy()))
        return i

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(many, range(8))) == list(range(8))
    assert fingerprint(model) == before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predictions_write_nothing(Estimator):
    model = fitted(Estimator)
    model._model.network.w.flags.writeable = False
    keys, before = sorted(vars(model)), fingerprint(model)
    for rows in (slice(1), slice(None)):
        model.predict(X[rows]), model.predict(sparse.csr_array(X[rows]))
        if Estimator is BackpropClassifier:
            model.predict_proba(X[rows]), model.decision_function(X[rows])
    model.score(X, Y[Estimator])
    assert sorted(vars(model)) == keys and fingerprint(model) == before
