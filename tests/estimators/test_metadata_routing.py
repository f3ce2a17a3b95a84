"""Metadata routing."""

import numpy as np
import pytest
import sklearn
from estimator_cases import TARGETS, N, X, flat, make
from sklearn.metrics import get_scorer
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_routing_of_sample_weight(kind, routing):
    y, w = TARGETS[kind], np.linspace(0, 2, N)
    model = make(kind, max_iter=3).set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=True).set_partial_fit_request(sample_weight=True)
    pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
    pipe.fit(X, y, sample_weight=w)
    Z = StandardScaler().fit_transform(X)
    np.testing.assert_array_equal(flat(pipe[-1]), flat(make(kind, max_iter=3).fit(Z, y, w)))
    scorer = get_scorer("r2" if kind == "regression" else "accuracy")
    scores = cross_validate(
        pipe,
        X,
        y,
        scoring=scorer.set_score_request(sample_weight=True),
        params={"sample_weight": w},
        error_score="raise",
    )
    assert len(scores["test_score"]) == 5


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_validation_rows_through_a_pipeline(kind, routing):
    if parse_version(sklearn.__version__) < parse_version("1.6"):
        pytest.skip("transform_input came in 1.6")
    y = TARGETS[kind]
    Z, Z_val = 100 + 50 * X[:40], 100 + 50 * X[40:]
    model = make(kind, early_stopping=True, max_iter=5).set_fit_request(X_val=True, y_val=True)
    pipe = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
    pipe.fit(Z, y[:40], X_val=Z_val, y_val=y[40:])
    scaler = StandardScaler().fit(Z)
    by_hand = make(kind, early_stopping=True, max_iter=5).fit(
        scaler.transform(Z), y[:40], X_val=scaler.transform(Z_val), y_val=y[40:]
    )
    np.testing.assert_array_equal(flat(pipe[-1]), flat(by_hand))
    assert pipe[-1].validation_scores_ == by_hand.validation_scores_
    assert pipe.score(Z_val, y[40:]) == pytest.approx(pipe[-1].best_validation_score_)


def test_requests_know_every_keyword(routing):
    fit = {"sample_weight", "X_val", "y_val", "sample_weight_val", "coef_init", "intercept_init"}
    for Estimator in (BackpropRegressor, BackpropClassifier):
        requests = Estimator().get_metadata_routing()
        assert set(requests.fit.requests) == fit
        classes = {"classes"} if Estimator is BackpropClassifier else set()
        assert set(requests.partial_fit.requests) == {
            "sample_weight", "coef_init", "intercept_init", *classes,
        }  # fmt: skip
        assert set(requests.score.requests) == {"sample_weight"}
