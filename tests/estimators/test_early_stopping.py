"""Early stopping that a small or unbalanced set survives, and where networks begin."""

from contextlib import suppress

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_wine, make_classification
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, DivergenceError
from skbackprop.network.rows import column_moments, row_shares

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)


@unconverged
def test_a_score_of_a_dozen_rows_does_not_stop_a_network_that_has_hardly_begun():
    X, y = load_wine(return_X_y=True)
    net = make_pipeline(StandardScaler(), BackpropClassifier(random_state=0, early_stopping=True))
    result = cross_validate(net, X, y, cv=FOLDS, return_estimator=True)
    assert result["test_score"].mean() > 0.97
    assert all(pipeline[-1].best_iter_ > 10 for pipeline in result["estimator"])


@unconverged
def test_ties_are_broken_by_the_validation_loss():
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = BackpropClassifier(random_state=0, early_stopping=True).fit(X, y)
    pairs = zip(model.validation_scores_, model.validation_loss_curve_, strict=True)
    ranked = [(-score, loss) for score, loss in pairs]
    assert ranked.index(min(ranked)) + 1 == model.best_iter_
    best, least = max(model.validation_scores_), min(model.validation_loss_curve_)
    assert model.validation_scores_.index(best) + 1 < model.best_iter_  # not the first that ties
    assert model.validation_loss_curve_[model.best_iter_ - 1] < 1.5 * least


@unconverged
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_rare_positives_are_learnt(class_weight):
    X, y = make_classification(
        2000, 10, n_informative=5, n_redundant=0, weights=[0.95], flip_y=0, random_state=0
    )
    params = {"class_weight": class_weight, "early_stopping": True, "random_state": 0}
    for train, test in FOLDS.split(X, y):
        net = make_pipeline(StandardScaler(), BackpropClassifier(**params)).fit(X[train], y[train])
        assert net[-1].best_iter_ > 5
        assert roc_auc_score(y[test], net.predict_proba(X[test])[:, 1]) > 0.85


@unconverged
@pytest.mark.parametrize("scoring", [None, "loss", "balanced_accuracy"])
def test_what_is_watched_knows_the_class_weights(scoring):
    X, y = make_classification(
        1000, 10, n_informative=4, weights=[0.95], class_sep=0.8, flip_y=0.02, random_state=2
    )
    net = BackpropClassifier((32,), early_stopping=True, class_weight="balanced", random_state=2)
    net.set_params(scoring=scoring).fit(X, y)
    assert net.best_iter_ > 10


# -- hidden biases ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 2000.0])
def test_one_input_bends_where_the_data_are(shift):
    x = np.linspace(0, 1, 200)[:, None]
    y = np.abs(x[:, 0] - 0.5)
    for seed in range(4):
        model = BackpropRegressor((20,), solver="lbfgs", max_iter=1, weight_init="auto")
        model.set_params(random_state=seed, mask=[False, None])
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(x + shift, y)
        bends = -model.intercepts_[0] / model.coefs_[0][0] - shift
        assert (bends > -1e-6).all() and (bends < 1 + 1e-6).all() and np.ptp(bends) > 0.5
    model = BackpropRegressor(solver="lbfgs", max_iter=5000, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.999


@unconverged
def test_what_starts_at_zero():
    X, y = np.random.RandomState(0).randn(30, 3), np.arange(30.0)
    still = {"solver": "sgd", "eta": [0.0, 0.0], "max_iter": 1, "random_state": 0}

    def biases(**params):
        return BackpropRegressor((5,), **{**still, **params}).fit(X, y).intercepts_[0]

    assert biases().all()
    assert not biases(batch_size=1).any() and not biases(weight_init="he_normal").any()
    first = BackpropRegressor((5,), **still).partial_fit(X, y)
    assert not first.intercepts_[0].any()
    given = BackpropRegressor((5,), **still).fit(X, y, coef_init=first.coefs_)
    assert not given.intercepts_[0].any()
    np.testing.assert_array_equal(given.coefs_[0], first.coefs_[0])


@unconverged
@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_inputs_of_any_size_start_finite(factor):
    X = factor * np.random.RandomState(0).randn(30, 3)
    model = BackpropRegressor((5,), solver="sgd", eta=[0.0, 0.0], max_iter=1, random_state=0)
    with suppress(DivergenceError):  # the squares of such sums overflow
        model.fit(X, np.arange(30.0))
    assert np.isfinite(model.intercepts_[0]).all()


@pytest.mark.parametrize("rows", [None, np.arange(3, 900)])
def test_moments_of_the_columns(rows):
    rng = np.random.RandomState(0)
    X, w = rng.randn(1000, 4) + [0, 0, 1e8, 0], rng.rand(1000)
    X[:, 1] = 0.0
    shares, counted = row_shares(1000, w, rows), slice(None) if rows is None else rows
    mean, deviation = column_moments(X, shares, rows)
    by_hand = np.average(X[counted], axis=0, weights=w[counted])
    np.testing.assert_allclose(mean, by_hand)
    square = np.average((X[counted] - by_hand) ** 2, axis=0, weights=w[counted])
    np.testing.assert_allclose(deviation, np.sqrt(square), rtol=1e-6)
    S = X * (rng.rand(1000, 4) < 0.2) / [1, 1, 1e8, 1]
    for sparse_moment, moment in zip(
        column_moments(sparse.csr_array(S), shares, rows),
        column_moments(S, shares, rows),
        strict=True,
    ):
        np.testing.assert_allclose(sparse_moment, moment, atol=1e-12)
