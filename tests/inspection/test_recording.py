"""Recorded training."""

import pickle

import numpy as np
import pytest
from heads import CLASSES, HEADS, REAL, X, make
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    record_training,
)


@pytest.mark.parametrize("head", [HEADS[0], HEADS[18], HEADS[19]], ids=repr)
def test_recorded_steps_are_those_of_sgd(head):
    model, d = make(head)
    before = pickle.dumps(model)
    record = record_training(model, X, d, 10)
    assert pickle.dumps(model) == before
    assert [step.sample for step in record.steps] == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]
    for step in record.steps:
        for layer, (W, b) in enumerate(zip(step.coefs, step.intercepts, strict=True)):
            given = step.trace.coefs[layer] + step.trace.dw(layer, 0)
            np.testing.assert_allclose(W, given, rtol=1e-13, atol=1e-15)
            given = step.trace.intercepts[layer] + step.trace.db(layer, 0)
            np.testing.assert_allclose(b, given, rtol=1e-13, atol=1e-15)
    model.partial_fit(X, d).partial_fit(X[:3], d[:3])
    for ours, theirs in zip(record.final_estimator.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(record.steps[-1].coefs[0], model.coefs_[0])
    assert "10 steps" in repr(record)


def test_recording_from_the_start_and_through_a_pipeline():
    pd = pytest.importorskip("pandas")
    net = BackpropClassifier((4,), solver="momentum", random_state=0)
    record = record_training(net, pd.DataFrame(X, columns=["p", "q", "r"]), CLASSES, 3)
    fresh = BackpropClassifier((4,), solver="momentum", random_state=0)
    fresh.partial_fit(X[:3], CLASSES[:3], classes=["a", "b", "c"])
    np.testing.assert_array_equal(record.final_estimator.coefs_[0], fresh.coefs_[0])
    assert not hasattr(net, "coefs_")
    assert record.steps[0].trace.feature_names == ["p", "q", "r"]
    net = BackpropRegressor((2,), batch_size=7, max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    with pytest.warns(ConvergenceWarning):
        pipeline.fit(X, REAL)
    record = record_training(pipeline, X.tolist(), REAL.tolist(), 8)
    np.testing.assert_array_equal(record.steps[7].trace.y[0], StandardScaler().fit_transform(X)[:1])


def test_recording_refuses():
    model, d = make()
    for n_steps in (0, 1.5, True):
        with pytest.raises(ValueError, match="n_steps is"):
            record_training(model, X, d, n_steps)
    with pytest.raises(ValueError, match="solver='lbfgs' needs all rows"):
        record_training(BackpropRegressor(solver="lbfgs"), X, d, 1)
    with pytest.raises(ValueError, match="3 features"):
        record_training(model, X[:, :2], d, 1)
