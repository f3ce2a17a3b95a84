"""Neighbours as members of an average: what they predict, and when they are kept."""

import numpy as np
import pytest

from skbackprop import TabularClassifier, TabularRegressor, load_model, save_model, to_c
from skbackprop.tabular.neighbours import Neighbours, relevances

QUICK = {"n_networks": 1, "max_iter": 8, "random_state": 0}


@pytest.mark.parametrize("weights", [None, np.linspace(1, 2, 60)])
def test_they_predict_the_mean_weighted_by_distances(weights):
    rng = np.random.RandomState(0)
    X, targets, relevance = rng.randn(60, 3), rng.randn(60, 2), np.array([1.0, 0.5, 0.0])
    rows = rng.randn(5, 3)
    model = Neighbours(relevance).fit(X, targets, weights)
    pairs = [np.sum((relevance * (a - b)) ** 2) for a in X for b in X]
    unit = np.sqrt(np.mean(pairs))
    for row, prediction in zip(rows, model.predict(rows), strict=True):
        d = np.sqrt(np.sum((relevance * (row - X)) ** 2, axis=1)) / unit
        nearest = np.argsort(d)[:20]
        a = 1 / (d[nearest] + 1e-3) ** 2 * (1 if weights is None else weights[nearest])
        np.testing.assert_allclose(prediction, a @ targets[nearest] / a.sum(), rtol=1e-9)


def test_logits_of_classes_know_no_zero():
    marks = np.eye(3)[[0] * 30 + [1] * 30]
    model = Neighbours(np.ones(1)).fit(np.arange(60.0)[:, None], marks)
    logits = model.logits(np.array([[0.0]]), -12.0)
    np.testing.assert_allclose(np.exp(logits[0, :2]), [20.5 / 21, 0.5 / 21])
    assert logits[0, 2] == -12


def test_rows_that_are_all_the_same_have_the_mean_for_a_neighbour():
    model = Neighbours(np.ones(2)).fit(np.zeros((10, 2)), np.arange(10.0)[:, None])
    np.testing.assert_allclose(model.predict(np.zeros((1, 2))), [[4.5]])


def test_columns_that_networks_do_not_look_at_tell_little():
    rng = np.random.RandomState(0)
    X = rng.randn(400, 3)
    model = TabularRegressor(**QUICK | {"max_iter": 32}).fit(X, np.sin(2 * X[:, 1]))
    first, second, third = relevances([model.estimators_[0]], 3)
    assert second > 2 * first and second > 2 * third


def test_they_are_kept_where_rows_repeat_each_other_and_left_out_where_not(tmp_path):
    rng = np.random.RandomState(0)
    kinds = rng.randint(150, size=600)  # of rows, each with a number that follows from nothing
    X, y = rng.randn(150, 5)[kinds], rng.randn(150)[kinds] + 0.1 * rng.randn(600)
    model = TabularRegressor(**QUICK).fit(X[:450], y[:450])
    assert model.views_[-1] == "neighbours" and model.weights_[-1] > 0.5
    assert model.score(X[450:], y[450:]) > 0.8
    save_model(model, tmp_path / "model.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "model.npz").predict(X), model.predict(X))
    classes = TabularClassifier(**QUICK).fit(X[:450], y[:450] > 0)
    assert classes.views_[-1] == "neighbours" and classes.score(X[450:], y[450:] > 0) > 0.8
    apart = TabularRegressor(neighbours=False, **QUICK).fit(X[:450], y[:450])
    assert "neighbours" not in apart.views_
    with pytest.raises(TypeError, match="neighbours=False"):
        to_c(model)
    X = rng.randn(600, 5)
    smooth = TabularRegressor(**QUICK | {"max_iter": 32}).fit(X, X @ np.arange(5))
    assert "neighbours" not in smooth.views_
    counts = TabularRegressor(loss="poisson", **QUICK).fit(X, rng.poisson(3, 600))
    assert "neighbours" not in counts.views_
