"""scikit-learn's machinery, and properties that hold for any input."""

import copy
import itertools
import warnings

import numpy as np
import pytest
from estimator_cases import ONLINE, TARGETS, N, X, flat, make
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    INITIALIZERS,
    Adam,
    BackpropClassifier,
    BackpropRegressor,
    Mixed,
    Momentum,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_tags():
    regressor, classifier = get_tags(BackpropRegressor()), get_tags(BackpropClassifier())
    assert is_regressor(BackpropRegressor()) and is_classifier(BackpropClassifier())
    assert regressor.input_tags.sparse and classifier.input_tags.sparse
    assert not regressor.input_tags.allow_nan and not classifier.input_tags.allow_nan
    assert regressor.target_tags.multi_output and not regressor.classifier_tags
    assert not classifier.target_tags.multi_output  # that would be multiclass-multioutput
    assert classifier.classifier_tags.multi_label and classifier.classifier_tags.multi_class
    assert not regressor.regressor_tags.poor_score
    assert not classifier.classifier_tags.poor_score
    assert regressor.target_tags.required and classifier.target_tags.required


PARAMS = {
    "hidden_layer_sizes": [5, 3],
    "activation": ["tanh", Mixed(["relu", "elu", "tanh"])],
    "solver": Momentum(0.5),
    "eta": [0.1, 0.2, 0.3],
    "weight_init": INITIALIZERS["he_normal"],
}


@pytest.mark.parametrize("Estimator", [BackpropRegressor, BackpropClassifier])
def test_clone_and_parameters(Estimator):
    model = Estimator(**PARAMS)
    for name, value in PARAMS.items():
        assert getattr(model, name) is value  # neither copied nor validated
    copied = clone(model)
    assert copied.solver is not model.solver and copied.solver.momentum == 0.5
    assert clone(copied).get_params(deep=False).keys() == model.get_params(deep=False).keys()
    assert model.get_params()["solver__momentum"] == 0.5
    assert (
        repr(Estimator(solver=Adam(), eta=0.5)) == f"{Estimator.__name__}(eta=0.5, solver=Adam())"
    )
    y = TARGETS["regression"] if Estimator is BackpropRegressor else TARGETS["binary"]
    before = copy.copy(model.get_params(deep=False))
    model.set_params(random_state=0, max_iter=2).fit(X, y).partial_fit(X, y)
    fitted = model.get_params(deep=False)
    for name, value in before.items():
        if name not in ("random_state", "max_iter", "solver"):
            assert fitted[name] == value, name
    assert not hasattr(clone(model), "coefs_")


def test_parameters_of_the_two_estimators_agree():
    regressor, classifier = BackpropRegressor().get_params(), BackpropClassifier().get_params()
    assert set(classifier) - set(regressor) == {"class_weight"}
    assert set(regressor) - set(classifier) == {"scale_targets"}
    shared = set(regressor) & set(classifier)
    assert {n for n in shared if regressor[n] != classifier[n]} == {"loss"}


def test_grid_search():
    pipe = make_pipeline(StandardScaler(), make("multiclass", solver=Momentum(), max_iter=40))
    grid = {
        "backpropclassifier__solver__momentum": [0.0, 0.9],
        "backpropclassifier__activation": ["tanh", ACTIVATIONS["relu"]],
        "backpropclassifier__hidden_layer_sizes": [(), (6,)],
    }
    search = GridSearchCV(pipe, grid, cv=3, error_score="raise").fit(X, TARGETS["multiclass"])
    assert len(search.cv_results_["params"]) == 8
    scores = search.cv_results_["mean_test_score"]
    assert np.ptp(scores) > 0 and search.best_score_ > 0.5
    solvers = GridSearchCV(make("regression", max_iter=3), {"solver": ["sgd", Adam(0.8)]}, cv=2)
    solvers.fit(X, TARGETS["regression"])


def test_grid_search_in_other_processes():
    search = GridSearchCV(
        make("binary", solver=Momentum(), max_iter=2), {"solver__momentum": [0.1, 0.8]}, cv=2,
        n_jobs=2, error_score="raise",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, TARGETS["binary"])
    assert search.predict(X).shape == (N,)


@pytest.mark.parametrize("random_state", [0, np.random.RandomState(4)])
def test_random_state(random_state):
    y = TARGETS["multiclass"]
    one = make("multiclass", random_state=copy.deepcopy(random_state)).fit(X, y)
    two = make("multiclass", random_state=copy.deepcopy(random_state)).fit(X, y)
    np.testing.assert_array_equal(flat(one), flat(two))
    other = make("multiclass", random_state=99).fit(X, y)
    assert not np.array_equal(flat(one), flat(other))
    np.random.seed(5)
    a = flat(make("multiclass", random_state=None).fit(X, y))
    b = flat(make("multiclass", random_state=None).fit(X, y))
    np.random.seed(5)
    c = flat(make("multiclass", random_state=None).fit(X, y))
    np.testing.assert_array_equal(a, c)
    assert not np.array_equal(a, b)


@given(
    sizes=st.lists(st.integers(1, 5), max_size=3),
    n_features=st.integers(1, 4),
    n_targets=st.integers(1, 3),
    n_rows=st.integers(1, 7),
    activation=st.sampled_from(sorted(set(ACTIVATIONS) - {"softmax"})),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_shapes(sizes, n_features, n_targets, n_rows, activation, dtype):
    rng = np.random.default_rng(n_rows)
    Z = rng.normal(size=(n_rows, n_features)).astype(dtype)
    y = rng.normal(size=(n_rows, n_targets))
    model = BackpropRegressor(sizes, activation=activation, max_iter=2, random_state=0).fit(Z, y)
    all_sizes = [n_features, *sizes, n_targets]
    assert [W.shape for W in model.coefs_] == list(itertools.pairwise(all_sizes))
    assert [b.shape for b in model.intercepts_] == [(n,) for n in all_sizes[1:]]
    assert model.n_layers_ == len(all_sizes) and model.n_outputs_ == n_targets
    prediction = model.predict(Z)
    assert prediction.shape == y.shape and prediction.dtype == dtype
    assert np.isfinite(prediction).all()


@given(scale=st.floats(0.01, 100), solver=st.sampled_from(ONLINE), seed=st.integers(0, 2**16))
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
def test_only_ratios_of_the_weights_matter_in_fit(scale, solver, seed):
    w = np.random.default_rng(seed).uniform(0.1, 2, N)
    params = {"solver": solver, "batch_size": 20, "max_iter": 2, "eta": 1e-3}
    one, two = (make("multiclass", **params).fit(X, TARGETS["multiclass"], sample_weight=s)
                for s in (w, scale * w))  # fmt: skip
    np.testing.assert_allclose(flat(one), flat(two), rtol=1e-5, atol=1e-9)


@given(order=st.permutations(range(3)))
@settings(max_examples=6, deadline=None, derandomize=True, database=None)
def test_renaming_the_labels_renames_the_predictions(order):
    # sorted labels are classes; a monotone renaming changes nothing else
    names = np.array(sorted(["x", "y", "z"]))
    y = TARGETS["multiclass"]
    plain, named = make("multiclass").fit(X, y), make("multiclass").fit(X, names[y])
    np.testing.assert_array_equal(names[plain.predict(X[order])], named.predict(X[order]))


def test_everything_named_at_the_top_is_there():
    for name in skbackprop.__all__:
        assert hasattr(skbackprop, name)
