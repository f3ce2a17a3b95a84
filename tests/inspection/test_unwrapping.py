"""A network inside pipelines and transformed targets."""

import numpy as np
import pytest
from heads import CLASSES, REAL, X
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    trace_signals,
)

# The networks are small and hardly train: what is looked at is what stands around them.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_through_a_pipeline():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(5 + 3 * X, columns=["width", "length", "height"])
    net = BackpropClassifier((4,), solver="lbfgs", max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    with pytest.warns(ConvergenceWarning):
        pipeline.fit(frame, CLASSES)
    trace = trace_signals(pipeline, frame, CLASSES)
    np.testing.assert_array_equal(trace.y[0], StandardScaler().fit_transform(frame))
    assert trace.feature_names == ["width", "length", "height"]
    np.testing.assert_array_equal(trace.y[-1], pipeline.predict_proba(frame))
    direct = trace_signals(pipeline[-1], StandardScaler().fit_transform(frame), CLASSES)
    np.testing.assert_array_equal(direct.delta[0], trace.delta[0])
    assert "input length" in trace.explain(layer=0)


def test_names_through_nested_pipelines():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["p", "q", "r"])
    steps = [("num", StandardScaler(), ["p", "r"]), ("as", "passthrough", ["q"])]
    columns = ColumnTransformer(steps)
    net = BackpropRegressor((2,), solver="lbfgs", random_state=0)
    names = ["num__p", "num__r", "as__q"]
    for inner in (
        make_pipeline(MaxAbsScaler(), net),
        make_pipeline(net),
        TransformedTargetRegressor(make_pipeline(MaxAbsScaler(), net)),
    ):
        model = make_pipeline(columns, inner).fit(frame, REAL)
        assert trace_signals(model, frame, REAL).feature_names == names
    model = make_pipeline(columns, make_pipeline(FunctionTransformer(np.tanh), net))
    trace = trace_signals(model.fit(frame, REAL), frame, REAL)
    assert trace.feature_names == ["x0", "x1", "x2"]


def test_through_steps_that_know_no_names_and_through_none():
    for steps in ([FunctionTransformer(np.tanh)], []):
        model = make_pipeline(*steps, make_pipeline(BackpropRegressor((2,), solver="lbfgs")))
        model.fit(X, REAL)
        assert trace_signals(model, X, REAL).feature_names == ["x0", "x1", "x2"]


def test_through_a_transformed_target():
    inner = make_pipeline(StandardScaler(), BackpropRegressor((2,), solver="lbfgs", random_state=0))
    model = TransformedTargetRegressor(inner, transformer=StandardScaler())
    model.fit(X, 100 * REAL)
    trace = trace_signals(model, X, 100 * REAL)
    np.testing.assert_allclose(trace.d[:, 0], (REAL - REAL.mean()) / REAL.std(), rtol=1e-12)
    np.testing.assert_allclose(trace.y[-1][:, 0] * 100 * REAL.std() + 100 * REAL.mean(),
                               model.predict(X), rtol=1e-12)  # fmt: skip
