"""What users of scikit-learn's MLP rely on, under our parameter names.

Read beside ``sklearn/neural_network/tests/test_mlp.py``; the places where we part on purpose are
the last section.
"""

import re
import warnings

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import (
    load_digits,
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import MinMaxScaler, scale

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
    InverseScaling,
    Momentum,
)

ESTIMATORS = [BackpropRegressor, BackpropClassifier]
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]


def digits(n_class):
    X, y = load_digits(n_class=n_class, return_X_y=True)
    return MinMaxScaler().fit_transform(X[:200]), y[:200]


X_MULTI, Y_MULTI = digits(3)
X_BINARY, Y_BINARY = digits(2)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_REG, Y_REG = make_regression(n_samples=200, n_features=10, bias=20.0, noise=100.0, random_state=7)
Y_REG = scale(Y_REG)
TINY = [[3, 2], [1, 6]], [1, 0]

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def flat(model):
    return np.concatenate([a.ravel() for a in (*model.coefs_, *model.intercepts_)])


# -- the update ----------------------------------------------------------------------------------


def test_worked_example():
    # scikit-learn's worked step: one logistic output, two logistic hidden neurons, L2. Its loss
    # divides alpha by the number of rows, here one.
    model = BackpropClassifier(
        2, solver="sgd", eta=0.1, alpha=0.1, activation="logistic", random_state=1
    )
    W = [np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0.0]]), np.array([[0.1], [0.2]])]
    b = [np.array([0.1, 0.1]), np.array([1.0])]
    X = np.array([[0.6, 0.8, 0.7]])
    model.partial_fit(X, [0], classes=[0, 1], coef_init=W, intercept_init=b)
    h = 1 / (1 + np.exp(-(X[0] @ W[0] + b[0])))
    o = 1 / (1 + np.exp(-(h @ W[1] + b[1])))
    np.testing.assert_allclose([*h, *o], [0.679179, 0.574443, 0.765452], atol=1e-6)
    delta = (0 - o) * W[1][:, 0] * h * (1 - h)
    np.testing.assert_allclose(
        model.coefs_[0], W[0] + 0.1 * (np.outer(X[0], delta) - 0.1 * W[0]), rtol=1e-13
    )
    np.testing.assert_allclose(
        model.coefs_[1], W[1] + 0.1 * (np.outer(h, 0 - o) - 0.1 * W[1]), rtol=1e-13
    )
    np.testing.assert_allclose(model.intercepts_[0], b[0] + 0.1 * delta, rtol=1e-13)
    np.testing.assert_allclose(model.intercepts_[1], b[1] - 0.1 * o, rtol=1e-13)
    np.testing.assert_allclose(model.predict_proba(X)[0, 1], 0.739, atol=5e-4)


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@unconverged
def test_same_weights_as_the_mlp(activation, kind):
    # From the same weights, without shuffling, plain momentum sgd moves both to the same place.
    X, y, Mine, Theirs = {
        "regression": (X_REG, Y_REG, BackpropRegressor, MLPRegressor),
        "binary": (X_BINARY, Y_BINARY, BackpropClassifier, MLPClassifier),
        "multiclass": (X_MULTI, Y_MULTI, BackpropClassifier, MLPClassifier),
        "multilabel": (X_MULTI, np.eye(3, dtype=int)[Y_MULTI], BackpropClassifier, MLPClassifier),
    }[kind]
    params = {"hidden_layer_sizes": (7, 5), "activation": activation, "shuffle": False}
    params |= {"batch_size": 50, "n_iter_no_change": np.inf, "random_state": 0, "alpha": 0.0}
    sgd = {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False}
    # So small a step that it leaves the initial weights as they are.
    start = Theirs(**params, **sgd, max_iter=1, learning_rate_init=1e-300).fit(X, y)
    theirs = Theirs(**params, **sgd, max_iter=5, learning_rate_init=0.01).fit(X, y)
    mine = Mine(**params, solver=Momentum(0.8), max_iter=5, eta=0.01)
    mine.fit(X, y, coef_init=start.coefs_, intercept_init=start.intercepts_)
    assert not np.array_equal(start.coefs_[0], theirs.coefs_[0])
    for ours, other in zip(
        (*mine.coefs_, *mine.intercepts_), (*theirs.coefs_, *theirs.intercepts_), strict=True
    ):
        np.testing.assert_allclose(ours, other, rtol=1e-7, atol=1e-9)
    # E is half the squared error in both
    np.testing.assert_allclose(mine.loss_curve_, theirs.loss_curve_, rtol=1e-7)
    assert (mine.n_iter_, mine.t_) == (theirs.n_iter_, theirs.t_)


@unconverged
def test_alpha_draws_weights_to_zero():
    sums = []
    for alpha in (0, 1):
        model = BackpropClassifier(10, alpha=alpha, random_state=1)
        model.fit(X_BINARY[:100], Y_BINARY[:100])
        sums.append([np.abs(W).sum() for W in model.coefs_])
    assert (np.array(sums[0]) > sums[1]).all()


@pytest.mark.parametrize("schedule", [InverseScaling(0.25), "constant"])
@unconverged
def test_learning_rate_goes_on_in_a_warm_start(schedule):
    # The schedule counts updates, over fits: two fits of two epochs are one fit of four.
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    params = {"solver": "sgd", "eta_schedule": schedule, "random_state": 0, "batch_size": 2}
    twice = BackpropClassifier(4, **params, max_iter=2, warm_start=True).fit(X, y)
    once = BackpropClassifier(4, **params, max_iter=4).fit(X, y)
    np.testing.assert_array_equal(flat(twice.fit(X, y)), flat(once))
    assert twice.n_updates_ == 8 and twice.t_ == 16


# -- scores --------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("X", "y"), [(X_MULTI, Y_MULTI), (X_BINARY, Y_BINARY)])
@unconverged
def test_classification(X, y, activation):
    model = BackpropClassifier(50, activation=activation, eta=0.01, max_iter=150, random_state=1)
    model.fit(X[:150], y[:150])
    prediction = model.predict(X[150:])
    assert model.score(X[:150], y[:150]) > 0.95
    assert (prediction.shape[0], prediction.dtype.kind) == (50, y.dtype.kind)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@unconverged
def test_regression(activation):
    # (With some seeds the logistic one rests for ten epochs where it is as good as a linear model.)
    model = BackpropRegressor(50, activation=activation, eta=0.02, max_iter=600, random_state=1)
    score = model.fit(X_REG, Y_REG).score(X_REG, Y_REG)
    assert score > (0.8 if activation == "identity" else 0.98)


@unconverged
def test_multilabel():
    X, y = make_multilabel_classification(n_samples=50, random_state=0, return_indicator=True)
    model = BackpropClassifier(50, activation="logistic", eta=0.02, max_iter=300, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.97
    model = BackpropClassifier(
        50, activation="logistic", solver="sgd", eta=0.2, batch_size=50, random_state=0
    )
    for _ in range(300):
        model.partial_fit(X, y, classes=[0, 1, 2, 3, 4])
    assert model.score(X, y) > 0.9
    BackpropClassifier(early_stopping=True, max_iter=20).fit(X, y).predict(X)


@unconverged
def test_multioutput_regression():
    X, y = make_regression(n_samples=200, n_targets=5, random_state=11)
    model = BackpropRegressor(50, eta=0.02, max_iter=300, random_state=1).fit(X, y)
    assert model.score(X, y) > 0.9


@unconverged
def test_predict_proba_binary():
    X, y = X_BINARY[:50], Y_BINARY[:50]
    model = BackpropClassifier(5, activation="logistic", random_state=1).fit(X, y)
    proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
    assert proba.shape == (50, 2)
    np.testing.assert_array_equal(proba.argmax(axis=1), log_proba.argmax(axis=1))
    np.testing.assert_allclose(log_proba, np.log(proba))
    assert roc_auc_score(y, proba[:, 1]) == 1.0


@unconverged
def test_predict_proba_multiclass():
    X, y = X_MULTI[:10], Y_MULTI[:10]
    model = BackpropClassifier(5, random_state=0).fit(X, y)
    proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
    assert proba.shape == (10, 3)
    np.testing.assert_array_equal(proba.argmax(axis=1), log_proba.argmax(axis=1))
    np.testing.assert_allclose(log_proba, np.log(proba))


@unconverged
def test_predict_proba_multilabel():
    X, y = make_multilabel_classification(n_samples=50, random_state=0, return_indicator=True)
    model = BackpropClassifier(30, eta=0.02, max_iter=400, random_state=0).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == y.shape
    np.testing.assert_array_equal(proba > 0.5, y)
    assert ((proba.sum(axis=1) - 1) ** 2).sum() > 1e-10
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba), atol=1e-15)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@unconverged
def test_sparse_and_dense_rows_agree(container):
    X, y = X_BINARY[:50], Y_BINARY[:50]
    model = BackpropClassifier(15, random_state=1)
    dense = model.fit(X, y).predict(X)
    weights = flat(model)
    np.testing.assert_array_equal(model.fit(container(X), y).predict(container(X)), dense)
    np.testing.assert_allclose(flat(model), weights, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(model.predict(X), model.predict(container(X)))


# -- partial_fit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("X", "y"), [(X_MULTI, Y_MULTI), (X_BINARY, Y_BINARY)])
@unconverged
def test_partial_fit_classification(X, y):
    params = {"solver": "sgd", "random_state": 1, "alpha": 1e-7, "eta": 0.2, "batch_size": 200,
              "weight_init": "glorot_uniform"}  # fmt: skip
    whole = BackpropClassifier(**params, max_iter=100, tol=0, n_iter_no_change=100).fit(X, y)
    model = BackpropClassifier(**params)
    for _ in range(100):
        model.partial_fit(X, y, classes=np.unique(y))
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("momentum", [0, 0.9])
@unconverged
def test_partial_fit_regression(momentum):
    params = {"solver": Momentum(momentum), "random_state": 1, "eta": 0.01, "batch_size": 200,
              "activation": "relu", "weight_init": "glorot_uniform"}  # fmt: skip
    whole = BackpropRegressor(**params, max_iter=100).fit(X_REG, Y_REG)
    model = BackpropRegressor(**params)
    for _ in range(100):
        model.partial_fit(X_REG, Y_REG)
    np.testing.assert_allclose(model.predict(X_REG), whole.predict(X_REG))
    assert model.score(X_REG, Y_REG) > (0.65 if momentum else 0.25)


def test_partial_fit_errors():
    model = BackpropClassifier(solver="sgd").partial_fit([[3, 2]], [0], classes=[0, 1])
    with pytest.raises(ValueError):
        model.partial_fit([[3, 2]], [0], classes=[1, 2])
    with pytest.raises(ValueError):
        BackpropClassifier(solver="sgd").partial_fit(*TINY, classes=[2])


def test_partial_fit_classes_that_come_later():
    model = BackpropClassifier(random_state=0)
    model.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["a", "b", "c", "d"])
    model.partial_fit([[4]], ["d"])
    assert model.score([[1], [2], [3], [4]], ["a", "b", "c", "d"]) > 0


def test_fine_tuning_a_model_from_disk(tmp_path):
    model = BackpropRegressor(42, random_state=42, eta=0.01, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit([[2]], [4])
    before = model.predict([[2]])
    joblib.dump(model, tmp_path / "model.pkl")
    loaded = joblib.load(tmp_path / "model.pkl")
    for _ in range(200):
        loaded.partial_fit([[2]], [1])
    np.testing.assert_allclose(loaded.predict([[2]]), [1], rtol=1e-4)
    np.testing.assert_array_equal(model.predict([[2]]), before)


# -- stopping ------------------------------------------------------------------------------------


@unconverged
def test_shuffle():
    X, y = make_regression(n_samples=50, n_features=5, n_targets=1, random_state=0)

    def coefs(shuffle):
        model = BackpropRegressor(1, max_iter=1, batch_size=1, random_state=0, shuffle=shuffle)
        return model.fit(X, y).coefs_[0]

    for shuffle in (True, False):
        np.testing.assert_array_equal(coefs(shuffle), coefs(shuffle))
    assert not np.array_equal(coefs(True), coefs(False))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_tolerance_stops_and_does_not_warn(Estimator):
    model = Estimator(tol=0.5, max_iter=3000, solver="sgd").fit(*TINY)
    assert model.n_iter_ < 3000


@unconverged
@pytest.mark.parametrize("n_iter_no_change", [2, 5, 10, 50, 100])
def test_n_iter_no_change(n_iter_no_change):
    tol = 0.01
    model = BackpropClassifier(
        tol=tol, max_iter=3000, solver="sgd", n_iter_no_change=n_iter_no_change, random_state=0
    )
    model.fit(X_BINARY[:100], Y_BINARY[:100])
    assert model.n_iter_ < 3000
    # it stops in the first epoch that ends n_iter_no_change + 1 epochs without improvement, which
    # here is relative to the cost of a constant
    p = Y_BINARY[:100].mean()
    tol *= -p * np.log(p) - (1 - p) * np.log(1 - p)
    best, stagnant, stops = np.inf, 0, None
    for epoch, loss in enumerate(model.loss_curve_, 1):
        stagnant = stagnant + 1 if loss > best - tol else 0
        best = min(best, loss)
        if stagnant > n_iter_no_change:
            stops = epoch
            break
    assert stops == model.n_iter_ == len(model.loss_curve_)


def test_n_iter_no_change_inf():
    model = BackpropClassifier(
        tol=1e9, max_iter=300, solver="sgd", n_iter_no_change=np.inf, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X_BINARY[:100], Y_BINARY[:100])
    assert model.n_iter_ == 300


@unconverged
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping(Estimator):
    X, y, tol = X_BINARY[:100], Y_BINARY[:100], 0.2
    model = Estimator(tol=tol, max_iter=3000, solver="sgd", early_stopping=True, random_state=0)
    model.fit(X, y)
    assert model.n_iter_ < 3000
    scores = model.validation_scores_
    assert isinstance(scores, list) and len(scores) == model.n_iter_
    assert max(scores) == model.best_validation_score_
    assert model.best_validation_score_ + tol > max(scores[-2:])
    assert model.best_loss_ is None  # the loss is not what was watched

    model = Estimator(tol=tol, max_iter=3000, solver="sgd", random_state=0).fit(X, y)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.loss_ == model.loss_curve_[-1]


def test_early_stopping_is_stratified():
    # scikit-learn refuses the only member of a class; here it is trained on, and never held out.
    X, y = [[1, 2], [2, 3], [3, 4], [4, 5]], [0, 0, 0, 1]
    with pytest.raises(ValueError, match="validation set is too small: .*=0.1 of 3 rows"):
        BackpropClassifier(early_stopping=True).fit(X, y)


@unconverged
def test_early_stopping_with_string_labels():
    X, y = make_classification(
        n_samples=200, n_features=10, n_classes=3, n_informative=5, random_state=42
    )
    y = np.array(["class_a", "class_b", "class_c"], dtype=object)[y]
    model = BackpropClassifier(early_stopping=True, max_iter=50, random_state=42).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_
    assert np.isfinite(model.validation_scores_).all()


def test_validation_set_that_is_too_small():
    X, y = make_regression(n_samples=2, n_features=5, random_state=0)
    with pytest.raises(ValueError, match="(?i)validation set is too small"):
        BackpropRegressor(early_stopping=True, random_state=0).fit(X, y)


@unconverged
def test_unit_weights_and_early_stopping():
    X, y = make_regression(n_samples=100, n_features=2, n_informative=2, random_state=42)
    params = {"hidden_layer_sizes": 10, "early_stopping": True, "tol": 1e-2, "eta": 0.01,
              "batch_size": 10, "random_state": 42}  # fmt: skip
    one = BackpropRegressor(**params).fit(X, y, sample_weight=np.ones_like(y))
    two = BackpropRegressor(**params).fit(X, y)
    np.testing.assert_allclose(one.predict(X), two.predict(X))


@unconverged
def test_adaptive_learning_rate(capsys):
    model = BackpropClassifier(
        tol=0.5, max_iter=3000, solver="sgd", eta=0.001, eta_schedule="adaptive", verbose=True
    )
    model.fit(*TINY)
    assert model.n_iter_ < 3000
    etas = [float(eta) for eta in re.findall(r"eta ([\d.e-]+)", capsys.readouterr().out)]
    etas = list(dict.fromkeys(etas))
    np.testing.assert_allclose(etas, 0.001 / 5.0 ** np.arange(len(etas)), rtol=1e-2)
    assert etas[-1] < 1e-6 < etas[-2]  # it stops once eta has gone below 1e-6


def test_max_iter_warns():
    message = r"Maximum iterations .* reached and the optimization hasn't converged yet"
    with pytest.warns(ConvergenceWarning, match=message):
        BackpropClassifier(max_iter=1).fit(*TINY)


@unconverged
def test_verbose(capsys):
    model = BackpropClassifier(2, solver="sgd", max_iter=2, verbose=10).fit(*TINY)
    model.partial_fit(*TINY)
    assert "epoch 1/2, loss " in capsys.readouterr().out


# -- warm start ----------------------------------------------------------------------------------


@unconverged
def test_warm_start_wants_the_same_classes():
    def fitted():
        model = BackpropClassifier(2, warm_start=True, random_state=42, max_iter=3)
        return model.fit(X_IRIS, Y_IRIS)

    fitted().fit(X_IRIS, Y_IRIS).fit(X_IRIS, np.repeat([0, 1, 2], [40, 40, 70]))
    for y in (
        np.repeat([0, 1], 75),
        np.repeat([0, 1, 3], 50),
        np.repeat([0, 1, 2, 3], [37, 37, 38, 38]),
        np.repeat([0, 1, 2, 3, 4], 30),
    ):
        message = (
            "warm_start can only be used where `y` has the same classes as in the previous call to "
            f"fit. Previously got [0 1 2], `y` has {np.unique(y)}"
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            fitted().fit(X_IRIS, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@unconverged
def test_warm_start_does_all_its_iterations(Estimator):
    model = Estimator(2, solver="sgd", warm_start=True, max_iter=3, random_state=0)
    for _ in range(3):
        assert model.fit(X_IRIS, Y_IRIS).n_iter_ == 3
    assert len(model.loss_curve_) == 9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_warm_start_stops_at_max_iter(Estimator, solver):
    model = Estimator(
        solver=solver, warm_start=True, max_iter=10, n_iter_no_change=np.inf, random_state=0
    )
    for max_iter in (10, 20):
        model.set_params(max_iter=max_iter)
        with pytest.warns(ConvergenceWarning):
            model.fit(X_IRIS, Y_IRIS)
        assert model.n_iter_ == max_iter


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@unconverged
def test_warm_start_with_early_stopping(Estimator):
    model = Estimator(max_iter=10, random_state=0, warm_start=True, early_stopping=True)
    n_scores = len(model.fit(X_IRIS, Y_IRIS).validation_scores_)
    model.set_params(max_iter=20).fit(X_IRIS, Y_IRIS)
    assert len(model.validation_scores_) > n_scores


# -- dtypes and names ----------------------------------------------------------------------------


@unconverged
def test_precisions_agree_on_classes():
    X, y = load_digits(n_class=2, return_X_y=True)
    params = {"alpha": 1e-7, "hidden_layer_sizes": (5, 3), "random_state": 1, "tol": 1e-1}
    wide, narrow = (
        BackpropClassifier(**params, max_iter=100).fit(X[:300].astype(dtype), y[:300])
        for dtype in (np.float64, np.float32)
    )
    np.testing.assert_array_equal(wide.predict(X[300:]), narrow.predict(X[300:].astype(np.float32)))
    np.testing.assert_allclose(
        wide.predict_proba(X[300:]), narrow.predict_proba(X[300:].astype(np.float32)), rtol=1e-2
    )


@unconverged
def test_precisions_agree_on_targets():
    X, y = load_digits(n_class=2, return_X_y=True)
    params = {"alpha": 1e-7, "hidden_layer_sizes": (5, 3), "random_state": 1, "tol": 1e-3}
    wide, narrow = (
        BackpropRegressor(**params, max_iter=150).fit(X[:300].astype(dtype), y[:300])
        for dtype in (np.float64, np.float32)
    )
    np.testing.assert_allclose(
        wide.predict(X[300:]), narrow.predict(X[300:].astype(np.float32)), rtol=5e-4, atol=1e-4
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@unconverged
def test_parameters_have_the_dtype_of_the_rows(dtype, Estimator):
    X, y = load_digits(n_class=2, return_X_y=True)
    X = X.astype(dtype)
    model = Estimator((5, 3), random_state=1, max_iter=50, tol=1e-1).fit(X[:300], y[:300])
    assert all(a.dtype == dtype for a in (*model.coefs_, *model.intercepts_))
    if Estimator is BackpropRegressor:
        assert model.predict(X[300:]).dtype == dtype


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@unconverged
def test_feature_names_are_kept_under_early_stopping(Estimator):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.random.RandomState(0).randn(20, 2), columns=["name_a", "name_b"])
    y = pd.Series(np.arange(20) % 2, name="y")
    model = Estimator(early_stopping=True, validation_fraction=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    np.testing.assert_array_equal(model.feature_names_in_, ["name_a", "name_b"])


@pytest.mark.parametrize("Mine, Theirs", [(BackpropRegressor, MLPRegressor),
                                          (BackpropClassifier, MLPClassifier)])  # fmt: skip
@pytest.mark.parametrize("early_stopping", [False, True])
@unconverged
def test_fitted_attributes_have_the_same_names_and_kinds(Mine, Theirs, early_stopping):
    X, y = X_MULTI, Y_MULTI
    params = {"hidden_layer_sizes": (6, 4), "max_iter": 3, "early_stopping": early_stopping}
    mine, theirs = (E(**params, random_state=0).fit(X, y) for E in (Mine, Theirs))
    for name, value in vars(theirs).items():
        if not name.endswith("_") or name.startswith("_"):
            continue
        ours = getattr(mine, name)
        assert (ours is None) == (value is None), name
        if isinstance(value, (int, str)):
            assert ours == value, name
        elif name in ("coefs_", "intercepts_"):
            assert [a.shape for a in ours] == [a.shape for a in value]
        elif isinstance(value, list):
            assert isinstance(ours, list) and len(ours) == len(value), name


# -- where we part on purpose --------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@unconverged
def test_partial_fit_after_early_stopping_is_allowed(Estimator):
    model = Estimator(early_stopping=True, random_state=0, max_iter=5).fit(X_IRIS, Y_IRIS)
    scores, n_updates = list(model.validation_scores_), model.n_updates_
    model.partial_fit(X_IRIS, Y_IRIS)
    assert model.n_updates_ == n_updates + len(X_IRIS)
    assert model.validation_scores_ == scores


def test_divergence_is_refused():
    model = BackpropRegressor(
        100, activation="identity", solver="sgd", eta=1, max_iter=200, early_stopping=True,
        random_state=0,
    )  # fmt: skip
    with pytest.raises(DivergenceError):
        model.fit(100 * X_IRIS, Y_IRIS)
    assert np.isfinite(flat(model)).all()


def test_rows_that_are_too_large_are_a_divergence():
    rng = np.random.RandomState(0)
    X = np.finfo(np.float64).max * rng.uniform(size=(10, 2))
    with pytest.raises(DivergenceError, match="scale X and y"):
        BackpropRegressor(random_state=0).fit(X, rng.standard_normal(size=10))
