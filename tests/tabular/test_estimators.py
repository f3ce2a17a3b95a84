"""The estimators of whole tables: what goes in, what comes out, and what is promised of it."""

import pickle
import threading
import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score
from sklearn.model_selection import GridSearchCV, train_test_split

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    Quantile,
    TabularClassifier,
    TabularRegressor,
)

QUICK = {"n_networks": 1, "max_iter": 6, "random_state": 0}


@pytest.fixture(scope="module")
def numbers():
    X, y = load_diabetes(return_X_y=True)
    return X[:200], y[:200]


@pytest.fixture(scope="module")
def classes():
    return load_iris(return_X_y=True)


def mixed_table(n=240):
    pandas = pytest.importorskip("pandas")
    rng = np.random.RandomState(0)
    size, city, flag = rng.randn(n), rng.choice(["Oslo", "Rome", "Bonn"], n), rng.rand(n) < 0.5
    y = size + 2 * (city == "Rome") + flag + 0.1 * rng.randn(n)
    table = pandas.DataFrame({"size": size, "city": city, "flag": flag, "constant": 1})
    table.loc[::7, "size"] = np.nan
    table.loc[::11, "city"] = None
    return table, y


# -- scores ----------------------------------------------------------------------------------------


def test_regression_beats_a_constant_and_stays_in_the_range_seen(numbers):
    X, y = numbers
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = TabularRegressor(n_networks=2, random_state=0).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.3
    far = model.predict(100 * X_test)
    assert far.min() >= y_train.min() and far.max() <= y_train.max()


def test_probabilities_are_calibrated(classes):
    X, y = make_classification(400, 10, n_informative=5, flip_y=0.2, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = TabularClassifier(n_networks=2, random_state=0).fit(X_train, y_train)
    proba = model.predict_proba(X_test)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    linear = LogisticRegression().fit(X_train, y_train).predict_proba(X_test)
    assert log_loss(y_test, proba) < log_loss(y_test, linear)


def test_a_mixed_table_with_missing_values_goes_in_as_it_is():
    table, y = mixed_table()
    model = TabularRegressor(n_networks=2, random_state=0).fit(table[:180], y[:180])
    assert model.score(table[180:], y[180:]) > 0.6
    assert model.feature_names_in_.tolist() == list(table.columns)
    kind = np.where(y > y.mean(), "high", "low")
    model = TabularClassifier(n_networks=2, random_state=0).fit(table[:180], kind[:180])
    assert model.score(table[180:], kind[180:]) > 0.75


@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_units_of_columns_and_targets_do_not_matter(numbers, unit):
    X, y = numbers
    plain = TabularRegressor(**QUICK).fit(X, y)
    scaled = TabularRegressor(**QUICK).fit(X * unit + 5, y * unit - 3)
    np.testing.assert_allclose(scaled.predict(X * unit + 5), plain.predict(X) * unit - 3, rtol=0.05)


def test_outliers_in_the_columns_do_not_matter():
    rng = np.random.RandomState(0)
    X = rng.randn(450, 4)
    y = X[:, 0] + np.sin(2 * X[:, 1])
    ridden = X.copy()
    ridden[rng.rand(*X.shape) < 0.01] = 1000
    scores = [
        TabularRegressor(n_networks=2, random_state=0).fit(A[:300], y[:300]).score(A[300:], y[300:])
        for A in (X, ridden)
    ]
    assert scores[0] > 0.95 and scores[1] > scores[0] - 0.04  # what was spoilt is not known


def test_columns_with_two_values_are_enough():
    rng = np.random.RandomState(0)
    X = rng.randint(2, size=(200, 6))
    y = X[:, 0] ^ X[:, 1]
    model = TabularClassifier(n_networks=2, random_state=0).fit(X, y)
    assert set(model.views_) - {"neighbours"} == {"plain", "linear"} and model.score(X, y) == 1


# -- losses and tasks ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", "poisson", "gamma"])
def test_losses_of_one_number(numbers, loss):
    X, y = numbers
    model = TabularRegressor(loss=loss, **QUICK | {"max_iter": 20}).fit(X, y)
    assert model.predict(X).shape == y.shape and r2_score(y, model.predict(X)) > 0.2
    np.testing.assert_allclose(model.weights_.sum(), 1)
    assert "linear" not in model.views_


def test_counts_may_all_be_zero(numbers):
    model = TabularRegressor(loss="poisson", **QUICK).fit(numbers[0], np.zeros(200))
    assert (model.predict(numbers[0]) < 1e-6).all()


def test_quantiles_do_not_cross_and_cover(numbers):
    X, y = numbers
    model = TabularRegressor(loss=Quantile([0.1, 0.5, 0.9]), **QUICK | {"max_iter": 20}).fit(X, y)
    low, middle, high = model.predict(X).T
    assert (low <= middle).all() and (middle <= high).all()
    assert 0.6 < ((low <= y) & (y <= high)).mean() < 0.95
    assert 0 < model.score(X, y) < 1


def test_mean_and_deviation_are_those_of_the_mixture(numbers):
    X, y = numbers
    model = TabularRegressor(loss="gaussian_nll", **QUICK | {"max_iter": 16}).fit(X, y)
    mean, deviation = model.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    assert 0.5 < np.std((y - mean) / deviation) < 2
    encoded = model._encoder.transform(X)
    parts = [
        member.estimator.predict(member.view.transform(encoded), return_std=True)
        for member in model._members
    ]
    means, deviations = np.swapaxes(parts, 0, 1)
    inside = model._task._in_range(means)
    first = model.weights_ @ inside
    second = model.weights_ @ (inside**2 + deviations**2)
    np.testing.assert_allclose(
        deviation, np.sqrt(second - first**2) * model._task.scale[0], rtol=1e-4
    )


def test_deviations_need_their_loss(numbers):
    with pytest.raises(ValueError, match="return_std=True needs"):
        TabularRegressor(**QUICK).fit(*numbers).predict(numbers[0], return_std=True)


def test_several_targets(numbers):
    X, y = numbers
    Y = np.stack([y, -1000 * y], axis=1)
    model = TabularRegressor(**QUICK).fit(X, Y)
    assert model.predict(X).shape == Y.shape and model.score(X, Y) > 0.3


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_labels(numbers, form):
    X, y = numbers
    Y = np.stack([y > 100, y > 200], axis=1).astype(int)
    model = TabularClassifier(**QUICK | {"max_iter": 16}).fit(X, form(Y))
    assert model.predict_proba(X).shape == Y.shape
    assert (model.predict(X) == Y).mean() > 0.75 and model.score(X, Y) > 0.5
    assert model.classes_.tolist() == [0, 1]


def test_focal_loss_and_its_refusal(classes):
    model = TabularClassifier(loss="focal", **QUICK).fit(*classes)
    assert model.score(*classes) > 0.9
    plain = TabularClassifier(loss=CrossEntropy(), **QUICK).fit(*classes)
    assert plain.estimators_[0].loss.label_smoothing == 0
    with pytest.raises(ValueError, match="loss of TabularClassifier is 'hinge'"):
        TabularClassifier(loss="hinge").fit(*classes)


# -- members ---------------------------------------------------------------------------------------


def test_members_and_weights_go_together(classes):
    model = TabularClassifier(n_networks=2, neighbours=False, max_iter=4, random_state=0)
    model.fit(*classes)
    assert model.views_ == ["plain"] * 2 + ["waves"] * 2 + ["steps"] * 2 + ["linear"] * 2
    assert len(model.estimators_) == len(model.weights_) == 8
    np.testing.assert_allclose(model.weights_.sum(), 1)
    assert [len(curve) for curve in model.loss_curve_] == [4] * 6 and model.n_iter_ == 4
    networks = model.estimators_[:6]
    assert all(isinstance(network, BackpropClassifier) for network in networks)
    assert all(network.best_iter_ is not None for network in networks)


@pytest.mark.filterwarnings("ignore:.* has learnt next to nothing")
@pytest.mark.parametrize("n, each, of_classes", [(1500, 8, 8), (3000, 4, 4), (3100, 4, 2)])
def test_networks_by_number_of_rows(n, each, of_classes):
    rng = np.random.RandomState(0)
    X, y = rng.randn(n, 2), rng.randn(n)
    model = TabularRegressor((2,), max_iter=1, random_state=0).fit(X, y)
    assert model.views_.count("ramps") == each
    assert isinstance(model.estimators_[0], BackpropRegressor)
    model = TabularClassifier((2,), max_iter=1, random_state=0).fit(X, y > 0)
    assert model.views_.count("steps") == of_classes


def test_the_number_of_threads_does_not_matter(numbers):
    X, y = numbers
    one, two = (
        TabularRegressor(n_networks=2, max_iter=4, n_jobs=n, random_state=0).fit(X, y)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_pickles_clones_and_searches(classes):
    X, y = classes
    model = TabularClassifier(**QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not hasattr(clone(model), "classes_")
    search = GridSearchCV(clone(model), {"hidden_layer_sizes": [(4,), (8, 8)]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


def test_verbose_says_a_line_for_each_network(classes, capsys):
    TabularClassifier(verbose=True, **QUICK).fit(*classes)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("plain, network 1 of 1: 6 epochs, held-out loss")


# -- rows ------------------------------------------------------------------------------------------


def test_weights_are_repetition_where_nothing_is_held_out():
    rng = np.random.RandomState(0)
    X, y, weights = rng.randn(16, 3), rng.randn(16), rng.randint(3, size=16)
    settings = {"n_networks": 2, "random_state": 0}
    weighted = TabularRegressor(**settings).fit(X, y, weights)
    repeated = TabularRegressor(**settings).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)
    assert weighted.estimators_[0].validation_loss_curve_ is None


def test_rows_of_weight_zero_are_absent(classes):
    X, y = classes
    weights = np.ones(len(y))
    weights[y == 2] = 0
    a = TabularClassifier(**QUICK).fit(X, y, weights)
    b = TabularClassifier(**QUICK).fit(X[y < 2], y[y < 2], weights[y < 2])
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_units_of_weights_and_targets_may_be_extreme(numbers, unit):
    X, y = numbers
    plain = TabularRegressor(**QUICK).fit(X, y, np.ones(200))
    model = TabularRegressor(**QUICK).fit(X, y * unit, np.full(200, unit))
    np.testing.assert_allclose(model.predict(X), plain.predict(X) * unit, rtol=1e-4)


def test_class_weight_is_a_weight_of_rows(classes):
    X, y = classes
    a = TabularClassifier(class_weight={0: 1, 1: 1, 2: 5}, **QUICK).fit(X, y)
    b = TabularClassifier(**QUICK).fit(X, y, np.where(y == 2, 5.0, 1.0))
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("fraction, n_held", [(0.1, 20), ("auto", 40)])
def test_groups_stay_on_one_side(monkeypatch, numbers, fraction, n_held):
    from skbackprop.tabular import base

    splits = []

    def spy(*arguments):
        splits.extend(hold_out(*arguments))
        return splits

    hold_out = base.hold_out
    monkeypatch.setattr(base, "hold_out", spy)
    X, y = numbers
    groups = np.arange(200) // 10
    given = QUICK | {"n_networks": 3, "validation_fraction": fraction}
    TabularRegressor(**given).fit(X, y, groups=groups)
    held = [set(groups[rows]) for _, rows in splits]
    for (train, rows), names in zip(splits, held, strict=True):
        assert len(rows) == n_held and len(train) == 200 - n_held
        assert not names & set(groups[train])
    assert not held[0] & held[1] and not held[1] & held[2]
    with pytest.raises(ValueError, match="one group only"):
        TabularRegressor(**QUICK).fit(X, y, groups=np.zeros(200))


def test_the_users_own_validation_rows_are_what_networks_are_judged_by(numbers):
    X, y = numbers
    model = TabularRegressor(**QUICK)
    model.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:], sample_weight_val=np.ones(100))
    network = next(e for e, v in zip(model.estimators_, model.views_, strict=True) if v == "ramps")
    view = next(m.view for m in model._members if m.estimator is network)
    seen = view.transform(model._encoder.transform(X[100:]))
    targets = (y[100:] - y[:100].mean()) / y[:100].std()
    errors = model._task._in_range(network.predict(seen)[:, None])[:, 0] - targets
    np.testing.assert_allclose(
        min(network.validation_loss_curve_), 0.5 * np.mean(errors**2), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": [[0.0] * 10]}, "must be given together"),
        ({"sample_weight_val": [1.0]}, "without X_val and y_val"),
        ({"X_val": [[0.0] * 9], "y_val": [1.0]}, "in the validation rows"),
        ({"groups": [1, 2]}, r"groups has shape \(2,\); it must be \(200,\)"),
        ({"groups": np.zeros((200, 2))}, r"groups has shape \(200, 2\)"),
        ({"groups": [None, "a"] * 100}, r"groups has missing values in 100 of 200 rows \(0, 2, "),
        ({"groups": [1, pd.NA] * 100}, "groups has missing values in 100 of 200 rows"),
        ({"groups": [1.0, np.nan] * 100}, "groups has missing values in 100 of 200 rows"),
        ({"groups": np.array([1, "a"] * 100, object)}, r"do not sort: \['int', 'str'\]"),
        ({"X_val": np.zeros((1, 10)), "y_val": [1e200]}, "y_val has a number that is .e.* times"),
        ({"sample_weight": np.zeros(200)}, "zero for every row"),
    ],
)
def test_what_does_not_fit_together_is_refused(numbers, given, message):
    with pytest.raises(ValueError, match=message):
        TabularRegressor(**QUICK).fit(*numbers, **given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_networks": 0},
        {"n_networks": "few"},
        {"neighbours": "few"},
        {"max_iter": 0},
        {"validation_fraction": 1.0},
        {"max_time": 0},
        {"hidden_layer_sizes": (0,)},
        {"loss": "squared"},
        {"max_categories": 1},
        {"random_state": "x"},
    ],
)
def test_a_refusal_names_the_parameter_and_leaves_the_model(numbers, wrong):
    X, y = numbers
    model = TabularRegressor(**QUICK).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        model.set_params(**wrong).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_nothing_is_predicted_before_a_fit(numbers):
    with pytest.raises(NotFittedError):
        TabularRegressor().predict(numbers[0])
    assert not hasattr(TabularClassifier(), "classes_")


# -- time ------------------------------------------------------------------------------------------


def test_max_time_ends_the_fit(numbers):
    X, y = numbers
    began = time.perf_counter()
    model = TabularRegressor(max_iter=100_000, max_time=0.3, n_networks=1, random_state=0).fit(X, y)
    assert time.perf_counter() - began < 5
    assert all(e.stop_reason_ == "max_time" for e in model.estimators_[:3])


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_ctrl_c_leaves_the_networks_that_are_whole(numbers, monkeypatch, n_jobs):
    from skbackprop.tabular import team

    X, y = numbers
    train, counted, running, lock = team.train_network, [], [], threading.Lock()

    def interrupted(*arguments):
        with lock:
            counted.append(None)
            count = len(counted)
        if count == 8:
            raise KeyboardInterrupt
        running.append(None)
        try:
            return train(*arguments)
        finally:
            running.pop()

    monkeypatch.setattr(team, "train_network", interrupted)
    model = TabularRegressor(n_networks=4, max_iter=2, n_jobs=n_jobs, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    while running:  # the other thread, which puts back the filters of warnings when it ends
        time.sleep(0.01)
    time.sleep(0.2)
    assert 12 > len(model.loss_curve_) >= 6 and set(model.views_) == {
        "waves",
        "ramps",
        "steps",
        "linear",
    }
    np.testing.assert_allclose(model.weights_.sum(), 1)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_who_learns_nothing_that_serves_for_other_rows_is_told(kind):
    rng = np.random.default_rng(1)
    X, noise = rng.normal(size=(400, 5)), rng.normal(size=400)
    signal = X[:, 0] + 0.5 * noise
    model = TabularRegressor(n_networks=2, random_state=0)
    if kind == "classes":
        model, noise, signal = (
            TabularClassifier(n_networks=2, random_state=0),
            noise > 0,
            signal > 0,
        )
    with pytest.warns(ConvergenceWarning, match="has learnt next to nothing that serves"):
        model.fit(X, noise)
    assert model.fit(X, signal).score(X, signal) > 0.7  # without a warning


def test_rows_with_weights_of_one_class_alone_are_told(classes):
    X, y = classes
    with pytest.warns(UserWarning, match="All rows with a weight above zero are of one class, 1"):
        model = TabularClassifier(class_weight={0: 0, 1: 1, 2: 0}, **QUICK).fit(X, y)
    assert (model.predict(X) == 1).all()


def test_columns_without_names_are_warned_of_once(numbers):
    X, y = numbers
    pandas = pytest.importorskip("pandas")
    model = TabularRegressor(**QUICK).fit(pandas.DataFrame(X).add_prefix("x"), y)
    with pytest.warns(UserWarning, match="X does not have valid feature names") as caught:
        model.predict(X)
    assert len(caught) == 1
