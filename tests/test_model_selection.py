"""Survivors of a search are trained on: the same bits as at one go, and no epoch twice."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, HalvingGridSearchCV, KFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
    HalvingPartialFitSearchCV,
    StreamClassifier,
)

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NET = BackpropClassifier((6,), solver="momentum", batch_size=10, random_state=0)
ETAS = {"eta": [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5]}


def search_of(estimator=NET, grid=ETAS, **settings):
    settings = {"max_resources": 9, "cv": 3, "random_state": 0} | settings
    return HalvingPartialFitSearchCV(estimator, grid, **settings)


class Recorder(RegressorMixin, BaseEstimator):
    """Remembers the rows and weights of each call; its score is its quality."""

    def __init__(self, quality=0.0):
        self.quality = quality

    def partial_fit(self, X, y=None, sample_weight=None):
        weights = None if sample_weight is None else list(sample_weight)
        self.calls_ = [*getattr(self, "calls_", []), (X[:, 0].astype(int).tolist(), weights)]
        return self

    fit = partial_fit

    def predict(self, X):
        return np.zeros(len(X))

    def score(self, X, y=None, sample_weight=None):
        self.scored_ = X[:, 0].astype(int).tolist(), sample_weight
        return self.quality + 0.001 * len(self.calls_)


# -- exact ---------------------------------------------------------------------------------------


def test_a_survivor_is_what_training_at_one_go_makes():
    splits = list(KFold(3, shuffle=True, random_state=1).split(X))
    search = search_of(cv=splits, shuffle=False).fit(X, Y)
    assert search.n_resources_ == [1, 3, 9]
    results = search.cv_results_
    for i in range(len(results["params"])):
        for k, (train, test) in enumerate(splits):
            net = BackpropClassifier(**{**NET.get_params(), **results["params"][i]})
            for _ in range(results["n_resources"][i]):
                net.partial_fit(X[train], Y[train], classes=[0, 1, 2])
            assert net.score(X[test], Y[test]) == results[f"split{k}_test_score"][i]
    best = BackpropClassifier(**{**NET.get_params(), **search.best_params_})
    for _ in range(9):
        best.partial_fit(X, Y, classes=[0, 1, 2])
    assert np.array_equal(best.coefs_[0], search.best_estimator_.coefs_[0])


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop", "delta_bar_delta"])
def test_shuffled_epochs_are_those_of_training_at_one_go(solver):
    net = BackpropClassifier((6,), solver=solver, dropout=0.1, batch_size=10, random_state=0)
    loss = {"scoring": "neg_log_loss"}
    halved = search_of(net, **loss).fit(X, Y)
    assert halved.n_candidates_ == [9, 3, 1]
    grid = {"eta": [halved.best_params_["eta"]]}
    at_one_go = search_of(net, grid, min_resources=9, **loss).fit(X, Y)
    assert at_one_go.n_resources_ == [9] and at_one_go.n_iterations_ == 1
    for k in range(3):
        name = f"split{k}_test_score"
        assert at_one_go.cv_results_[name][0] == halved.cv_results_[name][-1]
    assert np.array_equal(at_one_go.predict_proba(X), halved.predict_proba(X))


# Processes import the package first.
@pytest.mark.parametrize("backend", [pytest.param("loky", marks=pytest.mark.matrix), "threading"])
def test_jobs_change_no_bit(backend):
    alone = search_of(max_resources=3).fit(X, Y)
    with joblib.parallel_backend(backend):
        beside = search_of(max_resources=3, n_jobs=2).fit(X, Y)
    for name in ("mean_test_score", "split2_test_score", "params", "iter", "n_resources"):
        assert np.array_equal(alone.cv_results_[name], beside.cv_results_[name])
    assert np.array_equal(alone.best_estimator_.coefs_[1], beside.best_estimator_.coefs_[1])


def test_no_epoch_is_done_twice():
    rows = np.arange(12.0)[:, None]
    grid = {"quality": np.linspace(0, 1, 9)}
    splits = [(np.arange(6), np.arange(6, 12)), (np.arange(6, 12), np.arange(6))]
    before = {"calls": 0}

    class Counted(Recorder):
        def partial_fit(self, X, y=None, sample_weight=None):
            before["calls"] += 1
            return super().partial_fit(X, y, sample_weight)

    search = search_of(Counted(), grid, cv=splits).fit(rows, rows[:, 0])
    # 9 candidates to epoch 1, 3 of them to epoch 3, 1 to epoch 9; two splits; the refit.
    assert before["calls"] == 2 * (9 * 1 + 3 * 2 + 1 * 6) + 9
    assert search.best_params_ == {"quality": 1.0}
    orders = [order for order, _ in search.best_estimator_.calls_]
    assert all(sorted(order) == list(range(12)) for order in orders)
    assert len({tuple(order) for order in orders}) == 9  # each epoch has an order of its own


class Sized(Recorder):
    """The same with a parameter to spend, which scikit-learn's search wants of an estimator."""

    def __init__(self, quality=0.0, size=1):
        super().__init__(quality)
        self.size = size


@pytest.mark.parametrize(
    "n_candidates, most, least, factor",
    [
        (1, 9, 1, 3),
        (2, 81, "exhaust", 3),
        (9, 81, "exhaust", 3),
        (10, 20, 2, 2.5),
        (27, 20, 2, 3),
        (27, 81, "exhaust", 3),
    ],
)
def test_iterations_are_those_of_scikit_learn(n_candidates, most, least, factor):
    rows = np.arange(4.0)[:, None]
    grid = {"quality": list(range(n_candidates))}
    halving = {"factor": factor, "max_resources": most, "min_resources": least, "cv": 2}
    theirs = HalvingGridSearchCV(Sized(), grid, resource="size", **halving)
    theirs.fit(rows, rows[:, 0])
    ours = search_of(Recorder(), grid, **halving).fit(rows, rows[:, 0])
    for name in ("n_resources_", "n_candidates_", "n_iterations_", "n_remaining_candidates_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.best_params_["quality"] == theirs.best_params_["quality"] == n_candidates - 1
    # Theirs has the parameter that is spent beside these, and scores of the training rows; its
    # survivors are in another order.
    assert set(ours.cv_results_) == {
        name for name in theirs.cv_results_ if "size" not in name and "train" not in name
    }
    rounds = [
        sorted(zip(*(s.cv_results_[n].tolist() for n in ROUND), strict=True))
        for s in (ours, theirs)
    ]
    assert rounds[0] == rounds[1]


ROUND = ("iter", "n_resources", "param_quality")


@pytest.mark.parametrize("factor", [1.1, 1.5, 2.5, 3])
@pytest.mark.parametrize("most", [1, 2, 5, 28])
@pytest.mark.parametrize("least", ["exhaust", 1])
def test_every_iteration_trains_and_the_last_comes_to_max_resources(factor, most, least):
    rows = np.arange(4.0)[:, None]
    splits = [(np.arange(2), np.arange(2, 4))]
    halving = {"factor": factor, "max_resources": most, "min_resources": least}
    search = search_of(Recorder(), {"quality": list(range(8))}, cv=splits, **halving)
    epochs = search.fit(rows, rows[:, 0]).n_resources_
    assert (np.diff([0, *epochs]) >= 1).all() and epochs[-1] <= most
    if least == "exhaust":
        assert epochs[-1] == most
    else:
        assert epochs[0] == least
    times = np.divide(epochs[1:], epochs[:-1])
    apart = np.subtract(epochs[1:], epochs[:-1])
    # As many times the epochs as `factor` says, up to whole epochs; or one more.
    rounding = 1 / np.array(epochs[:-1])
    assert ((np.abs(times - factor) <= rounding * (1 + factor)) | (apart == 1)).all()


# -- what it finds -------------------------------------------------------------------------------


def test_the_best_of_the_last_iteration():
    search = search_of().fit(X, Y)
    results = search.cv_results_
    last = results["iter"] == 2
    assert search.best_score_ == results["mean_test_score"][last].max() > 0.9
    assert results["params"][search.best_index_] == search.best_params_
    assert search.best_params_["eta"] > 0.003
    np.testing.assert_allclose(
        results["mean_test_score"], [np.mean(s) for s in zip(*splits_of(results), strict=True)]
    )
    np.testing.assert_allclose(
        results["rank_test_score"],
        1 + (results["mean_test_score"][:, None] < results["mean_test_score"]).sum(axis=1),
    )
    table = pd.DataFrame(results)
    assert len(table) == 13 and (table["mean_fit_time"] > 0).all()


def splits_of(results):
    return [results[f"split{k}_test_score"] for k in range(3)]


@pytest.mark.parametrize(
    "estimator, grid",
    [
        (SGDClassifier(random_state=0), {"alpha": [1e-4, 1e-1, 10.0]}),
        (MLPClassifier((5,), random_state=0), {"learning_rate_init": [1e-6, 1e-3, 1e-1]}),
        (StreamClassifier(random_state=0), {"half_life": [50, 500, None]}),
    ],
)
def test_whatever_has_partial_fit(estimator, grid):
    search = search_of(estimator, grid).fit(X, Y)
    assert search.score(X, Y) > 0.6 and search.n_candidates_ == [3, 1]
    assert search.classes_.tolist() == [0, 1, 2] and search.n_features_in_ == 4


def test_without_targets():
    search = search_of(MiniBatchKMeans(random_state=0), {"n_clusters": [1, 2, 3]}).fit(X)
    assert search.best_params_ == {"n_clusters": 3}
    assert search.transform(X).shape == (150, 3)
    assert search.score(X) == search.best_estimator_.score(X)


def test_labels_and_classes_that_a_split_lacks():
    first, labels = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    assert search_of(max_resources=3).fit(first, labels).predict(first).shape == (60, 3)
    # Rows in the order of the classes: the training rows of each split lack one.
    search = search_of(cv=KFold(3), max_resources=3).fit(X, Y)
    assert search.classes_.tolist() == [0, 1, 2]


def test_draws_from_distributions():
    spaces = [{"eta": stats.loguniform(1e-3, 1e-1)}, {"eta": [0.5], "alpha": [0.0, 0.1]}]
    search = search_of(grid=spaces, n_candidates=6, max_resources=3).fit(X, Y)
    again = search_of(grid=spaces, n_candidates=6, max_resources=3).fit(X, Y)
    assert search.n_candidates_ == [6, 2]
    assert search.cv_results_["params"] == again.cv_results_["params"]
    column = search.cv_results_["param_alpha"]
    assert all(
        mask == ("alpha" not in params)
        for mask, params in zip(column.mask, search.cv_results_["params"], strict=True)
    )


def test_scoring():
    search = search_of(scoring="neg_log_loss", max_resources=3).fit(X, Y)
    assert search.score(X, Y) == get_scorer("neg_log_loss")(search.best_estimator_, X, Y) < 0


def test_verbose(capsys):
    search_of(verbose=1, max_resources=3).fit(X, Y)
    assert capsys.readouterr().out.splitlines() == [
        "iter 0: 9 candidates, 1 epochs",
        "iter 1: 3 candidates, 3 epochs",
    ]


def test_what_is_there_before_and_without_a_refit():
    search = search_of(refit=False)
    assert hasattr(search, "predict_proba") and not hasattr(search, "transform")
    with pytest.raises(NotFittedError):
        search.predict(X)
    search.fit(X, Y)
    assert search.best_score_ > 0.9 and not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError, match="refit=False"):
        search.predict(X)
    assert np.array_equal(
        search.set_params(refit=True).fit(X, Y).predict(X), search.best_estimator_.predict(X)
    )


def test_names_of_columns():
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = search_of(max_resources=3).fit(frame, Y)
    assert search.feature_names_in_.tolist() == list("abcd")
    assert search.decision_function(frame).shape == search.predict_log_proba(frame).shape


# -- what goes with the rows ---------------------------------------------------------------------


def test_weights_and_groups_go_with_their_rows():
    rows = np.arange(12.0)[:, None]
    groups = np.repeat([0, 1, 2, 3], 3)
    search = search_of(Recorder(), {"quality": [0, 1]}, cv=GroupKFold(4), max_resources=2)
    search.fit(rows, rows[:, 0], sample_weight=np.arange(12) / 2, groups=groups)
    for order, weights in search.best_estimator_.calls_:
        assert sorted(order) == list(range(12)) and [w * 2 for w in weights] == order
    assert search.n_splits_ == 4


def test_metadata_routing():
    rows, weights = np.arange(12.0)[:, None], np.arange(12) / 2
    with config_context(enable_metadata_routing=True):
        estimator = Recorder().set_partial_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search = search_of(estimator, {"quality": [0, 1]}, cv=GroupKFold(4), max_resources=2)
        groups = np.repeat([0, 1, 2, 3], 3)
        search.fit(rows, rows[:, 0], sample_weight=weights, groups=groups)
        (order, given), *_ = search.best_estimator_.calls_
        assert [w * 2 for w in given] == order
        search.score(rows, rows[:, 0], sample_weight=weights)
        scored, by = search.best_estimator_.scored_
        assert [w * 2 for w in by] == scored
        unasked = search_of(Recorder(), {"quality": [0, 1]})
        with pytest.raises(ValueError, match="sample_weight.* not explicitly set as requested"):
            unasked.fit(rows, rows[:, 0], sample_weight=weights)


# -- what goes wrong -----------------------------------------------------------------------------

WILD = {"eta": [0.01, 1e9, 0.1, 1e12]}
RISKY = BackpropRegressor((4,), solver="sgd", activation="relu", random_state=0)


def test_candidates_that_fail_do_not_survive():
    search = search_of(RISKY, WILD, factor=2, max_resources=4)
    with pytest.warns(FitFailedWarning, match=r"6 of 12 trainings failed(.|\n)*DivergenceError"):
        search.fit(X, X[:, 0])
    assert search.n_candidates_ == [4, 2, 1]
    failed = np.isnan(search.cv_results_["mean_test_score"])
    assert failed.tolist() == [False, True, False, True, False, False, False]
    assert search.cv_results_["rank_test_score"][1] == 6
    with pytest.warns(FitFailedWarning):
        search.set_params(error_score=-7).fit(X, X[:, 0])
    assert search.cv_results_["mean_test_score"][1] == -7
    with pytest.raises(DivergenceError):
        search.set_params(error_score="raise").fit(X, X[:, 0])


def test_fewer_survive_where_more_have_failed():
    search = search_of(RISKY, {"eta": [1e9, 1e10, 0.01, 1e11]}, factor=2, max_resources=4)
    with pytest.warns(FitFailedWarning):
        search.fit(X, X[:, 0])
    assert search.n_candidates_ == [4, 1, 1] and search.best_params_ == {"eta": 0.01}


def test_where_all_fail_the_error_is_the_first():
    search = search_of(RISKY, {"eta": [0.01, 0.1]}, max_resources=3).fit(X, X[:, 0])
    before = search.cv_results_, search.best_estimator_
    search.set_params(param_distributions={"eta": [1e9, 1e12]})
    with pytest.raises(DivergenceError) as caught:
        search.fit(X, X[:, 0])
    assert "{'eta': 1000000000.0}" in caught.value.__notes__[0]
    assert (search.cv_results_, search.best_estimator_) == before


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"factor": 1}, ValueError, r"factor of HalvingPartialFitSearchCV is 1; .* \(1, inf\)"),
        ({"max_resources": 0}, ValueError, "max_resources .* a whole number >= 1"),
        ({"max_resources": 4, "min_resources": 5}, ValueError, "min_resources .* at most .* 4"),
        ({"min_resources": "smallest"}, ValueError, "'smallest'; .* or 'exhaust'"),
        ({"n_candidates": "exhaust"}, ValueError, "'exhaust'; .* or 'all'"),
        ({"n_candidates": 0}, ValueError, "n_candidates .* is 0"),
        ({"error_score": "zero"}, ValueError, "error_score .* or 'raise'"),
        ({"scoring": ["accuracy", "roc_auc"]}, ValueError, "scoring .* must be one scorer"),
        ({"scoring": {"a": "accuracy"}}, ValueError, "scoring .* must be one scorer"),
        ({"n_jobs": -2.5}, ValueError, "n_jobs .* is -2.5; it must be a whole number or None"),
        ({"grid": {"eta": stats.uniform()}}, TypeError, "n_candidates=30"),
        ({"grid": {"speed": [1]}}, ValueError, "speed"),
        ({"estimator": make_pipeline(NET), "grid": {}}, TypeError, "search the last step"),
        ({"grid": {"solver": ["adam", "lbfgs"]}}, TypeError, "lbfgs.*no partial_fit"),
        ({"estimator": SGDRegressor(), "grid": {"alpha": [-1]}}, ValueError, "alpha"),
    ],
)
def test_bad_parameters(settings, error, words):
    search = search_of(**settings)
    with pytest.raises(error, match=words):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")


def test_what_partial_fit_does_not_read_is_warned_of():
    told = "^partial_fit does not read max_iter or tol, so that a search changes nothing by it"
    spaces = [{"max_iter": [1, 100]}, {"eta": [0.01], "tol": [1e-4]}]
    with pytest.warns(UserWarning, match=told):
        search = search_of(grid=spaces, max_resources=1, min_resources=1).fit(X, Y)
    first, second, _ = search.cv_results_["mean_test_score"]
    assert first == second


def test_unknown_parameters_are_answered():
    with pytest.raises(TypeError, match="Did you mean 'max_resources'"):
        HalvingPartialFitSearchCV(NET, ETAS, max_resource=3)


def test_targets_are_asked_for():
    with pytest.raises(ValueError, match="requires y to be passed"):
        search_of().fit(X)


# -- scikit-learn's own checks -------------------------------------------------------------------


def checks(*estimators):
    return [
        pytest.param(
            one, check, id=f"{type(net).__name__}-{getattr(check, 'func', check).__name__}"
        )
        for net in estimators
        for one, check in estimator_checks_generator(
            search_of(net, {"alpha": [1e-4, 1e-3]}, max_resources=8, factor=2, cv=2)
        )
    ]


@pytest.mark.matrix
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("search", "check"),
    checks(
        BackpropClassifier((5,), eta=0.01, random_state=0),
        BackpropRegressor((5,), eta=0.01, random_state=0),
        SGDClassifier(random_state=0),
    ),
)
def test_check_estimator(search, check):
    check(search)
