"""The estimators as a scikit-learn user meets them: tasks, input of all kinds, parameters."""

import copy
import itertools
import pickle
import re
import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.metrics import accuracy_score, get_scorer, r2_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.fixes import parse_version

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    INITIALIZERS,
    RULES,
    Activation,
    Adagrad,
    Adam,
    AdamW,
    BackpropClassifier,
    BackpropRegressor,
    Cosine,
    DivergenceError,
    Mixed,
    Momentum,
    Quantile,
    WarmUp,
    WholeBatchSolver,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ONLINE = sorted(name for name, rule in RULES.items() if not rule.full_batch)
N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4))
TARGETS = {
    "regression": X[:, 0] - X[:, 1] ** 2,
    "column": (X[:, 0] - X[:, 1] ** 2)[:, None],
    "two_targets": np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1),
    "binary": (X[:, 0] > 0).astype(int),
    "multiclass": np.digitize(X[:, 0], [-0.5, 0.5]),
    "multilabel": (X[:, :3] > 0).astype(int),
}
REGRESSION = ["regression", "column", "two_targets"]
CLASSIFICATION = ["binary", "multiclass", "multilabel"]


def make(kind, **params):
    Estimator = BackpropRegressor if kind in REGRESSION else BackpropClassifier
    defaults = {"hidden_layer_sizes": (8,), "eta": 0.02, "max_iter": 30, "random_state": 0}
    return Estimator(**{**defaults, **params})


def flat(model):
    arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    return np.concatenate([a.ravel() for a in arrays])


# -- tasks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_tasks(kind):
    y = TARGETS[kind]
    model = make(kind, max_iter=150, batch_size=10, n_iter_no_change=np.inf)
    assert model.fit(X, y) is model
    prediction = model.predict(X)
    assert prediction.shape == y.shape
    assert model.score(X, y) > 0.85
    units = {"binary": 1, "multiclass": 3, "multilabel": 3, "two_targets": 2}.get(kind, 1)
    assert model.n_outputs_ == units
    assert [W.shape for W in model.coefs_] == [(4, 8), (8, units)]
    assert [b.shape for b in model.intercepts_] == [(8,), (units,)]
    assert model.n_layers_ == 3 and model.n_features_in_ == 4
    assert model.n_iter_ == 150 == len(model.loss_curve_)
    assert model.n_updates_ == 150 * 6 and model.t_ == 150 * N
    assert model.loss_ == model.loss_curve_[-1]
    assert not hasattr(model, "feature_names_in_")
    names = {"binary": "logistic", "multiclass": "softmax", "multilabel": "logistic"}
    assert model.out_activation_ == names.get(kind, "identity")


@pytest.mark.parametrize("kind", CLASSIFICATION)
def test_probabilities_and_decisions(kind):
    y = TARGETS[kind]
    model = make(kind).fit(X, y)
    p, log_p, v = model.predict_proba(X), model.predict_log_proba(X), model.decision_function(X)
    assert p.shape == (N, {"binary": 2}.get(kind, 3))
    assert (p > 0).all() and (p < 1).all()
    np.testing.assert_allclose(log_p, np.log(p))
    logistic = 1 / (1 + np.exp(-v))
    if kind == "binary":
        assert v.shape == (N,)
        np.testing.assert_allclose(p[:, 1], logistic)
        np.testing.assert_array_equal(model.predict(X), model.classes_[(v > 0).astype(int)])
    elif kind == "multiclass":
        np.testing.assert_allclose(p, np.exp(v) / np.exp(v).sum(axis=1, keepdims=True))
        np.testing.assert_array_equal(model.predict(X), model.classes_[v.argmax(axis=1)])
    else:
        np.testing.assert_allclose(p, logistic)
        np.testing.assert_array_equal(model.predict(X), v > 0)
        assert not np.allclose(p.sum(axis=1), 1)
    if kind != "multilabel":
        np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", CLASSIFICATION)
def test_probabilities_at_extremes(kind, dtype):
    Z = X.astype(dtype)
    model = make(kind).fit(Z, TARGETS[kind])
    p, log_p = model.predict_proba(1e6 * Z), model.predict_log_proba(1e6 * Z)
    assert np.isfinite(p).all() and p.dtype == dtype
    assert (p >= 0).all() and (p <= 1).all()
    assert not np.isnan(log_p).any()
    if kind == "multilabel":
        assert (p > 0).all() and (p < 1).all()
    else:
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("params", "kind", "able"),
    [
        ({}, "binary", True),
        ({}, "multiclass", True),
        ({"loss": "squared_error"}, "multiclass", False),
        ({"loss": "squared_error", "output_activation": "tanh"}, "binary", False),
        ({"loss": "squared_error", "output_activation": "logistic"}, "binary", True),
        ({"loss": "squared_error", "output_activation": "logistic"}, "multilabel", True),
        ({"loss": "squared_error", "output_activation": "softmax"}, "multiclass", True),
        ({"loss": "squared_error", "output_activation": "logistic"}, "multiclass", False),
    ],
    ids=str,
)
def test_probabilities_exist_only_where_the_outputs_are_some(params, kind, able):
    model = make(kind, **params)
    if kind != "multiclass" or able:  # before fit the task is not known
        assert hasattr(model, "predict_proba") == able
    model.fit(X, TARGETS[kind])
    for name in ("predict_proba", "predict_log_proba"):
        assert hasattr(model, name) == able
        if not able:
            with pytest.raises(AttributeError):
                getattr(model, name)
    assert model.predict(X).shape == TARGETS[kind].shape
    assert model.score(X, TARGETS[kind]) > 0.5
    assert not hasattr(BackpropRegressor(), "predict_proba")


def test_probabilities_of_an_impossible_pair_do_not_hide_the_error():
    model = BackpropClassifier(output_activation="tanh")
    with pytest.raises(ValueError, match="output_activation"):
        model.fit(X, TARGETS["binary"])


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
def test_sparse_indicator(container):
    y = TARGETS["multilabel"]
    for params in ({}, {"early_stopping": True}, {"class_weight": "balanced"}):
        dense = make("multilabel", **params).fit(X, y)
        model = make("multilabel", **params).fit(X, container(y))
        np.testing.assert_array_equal(flat(model), flat(dense))
        np.testing.assert_array_equal(model.predict(X), dense.predict(X))
        assert model.score(X, container(y)) == dense.score(X, y)
    validated = make("multilabel").fit(X, container(y), X_val=X[:9], y_val=container(y)[:9])
    assert len(validated.validation_scores_) == validated.n_iter_


@pytest.mark.parametrize(
    "labels",
    [np.array(["no", "yes", "maybe"]), np.array(["no", "yes", "maybe"], dtype=object),
     np.array([-1, 5, 2]), np.array([1.0, 2.0, 4.0])],
    ids=lambda a: a.dtype.str,
)  # fmt: skip
def test_labels(labels):
    codes = TARGETS["multiclass"]
    order = np.argsort(labels)
    y = labels[order][codes]
    model, plain = make("multiclass").fit(X, y), make("multiclass").fit(X, codes)
    np.testing.assert_array_equal(model.classes_, labels[order])
    np.testing.assert_array_equal(flat(model), flat(plain))
    prediction = model.predict(X)
    assert prediction.dtype == y.dtype
    np.testing.assert_array_equal(prediction, labels[order][plain.predict(X)])
    assert model.score(X, y) == accuracy_score(y, prediction) == plain.score(X, codes)
    np.testing.assert_array_equal(flat(make("multiclass").fit(X, y.tolist())), flat(plain))


def test_boolean_labels():
    model = make("binary").fit(X, TARGETS["binary"].astype(bool))
    assert model.predict(X).dtype == bool
    assert model.score(X, TARGETS["binary"].astype(bool)) > 0.8


def test_column_of_labels_warns():
    with pytest.warns(DataConversionWarning):
        model = make("multiclass").fit(X, TARGETS["multiclass"][:, None])
    assert model.predict(X).shape == (N,)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="number of classes has to be greater than one"):
        make("binary").fit(X, np.zeros(N))


def test_multi_output_of_classes_is_refused():
    with pytest.raises(ValueError, match="one class per row"):
        make("multiclass").fit(X, np.stack([TARGETS["multiclass"]] * 2, axis=1))


@pytest.mark.parametrize("kind", TARGETS)
def test_linear_model(kind):
    # hidden_layer_sizes=() is the single-layer perceptron
    model = make(kind, hidden_layer_sizes=()).fit(X, TARGETS[kind])
    (W,), (b,) = model.coefs_, model.intercepts_
    v = X @ W + b
    if kind in REGRESSION:
        np.testing.assert_allclose(model.predict(X), v.reshape(TARGETS[kind].shape))
    else:
        np.testing.assert_allclose(model.decision_function(X), v[:, 0] if kind == "binary" else v)


def test_squared_error_on_bounded_outputs_aims_at_both_ends():
    model = make("binary", loss="squared_error", output_activation="tanh", hidden_layer_sizes=(),
                 max_iter=400, n_iter_no_change=np.inf).fit(X, TARGETS["binary"])  # fmt: skip
    v = model.decision_function(X)
    assert v.min() < -0.7 and v.max() > 0.7


# -- forward pass against its definition ---------------------------------------------------------


@pytest.mark.parametrize("kind", ["two_targets", "multiclass"])
def test_predictions_are_those_of_the_weights(kind):
    mixed = Mixed(["tanh", "relu", "identity"])
    model = make(kind, hidden_layer_sizes=(3, 5), activation=[mixed, "logistic"])
    model.fit(X, TARGETS[kind])
    (W1, W2, W3), (b1, b2, b3) = model.coefs_, model.intercepts_
    v = X @ W1 + b1
    y = np.stack([np.tanh(v[:, 0]), np.maximum(v[:, 1], 0), v[:, 2]], axis=1)
    v = (1 / (1 + np.exp(-(y @ W2 + b2)))) @ W3 + b3
    result = model.predict(X) if kind == "two_targets" else model.decision_function(X)
    np.testing.assert_allclose(result, v, rtol=1e-10, atol=1e-12)


def test_prediction_in_blocks_is_that_of_the_rows():
    model = make("two_targets").fit(X, TARGETS["two_targets"])
    many = np.random.default_rng(1).normal(size=(9001, 4))
    whole = model.predict(many)
    np.testing.assert_allclose(whole[::600], [model.predict(r[None])[0] for r in many[::600]])
    np.testing.assert_allclose(whole[4090:4100], model.predict(many[4090:4100]))


# -- sample weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", sorted(RULES))
def test_weights_equal_repetition_on_a_full_batch(kind, solver):
    y = TARGETS[kind]
    repeats = np.random.default_rng(3).integers(0, 4, N)
    repeated = np.repeat(np.arange(N), repeats)
    params = {"solver": solver, "alpha": 0.01, "batch_size": 10**6, "max_iter": 10}
    weighted = make(kind, **params).fit(X, y, sample_weight=repeats)
    plain = make(kind, **params).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(flat(weighted), flat(plain), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(weighted.loss_curve_, plain.loss_curve_, rtol=1e-9)
    scaled = make(kind, **params).fit(X, y, sample_weight=7.0 * repeats)
    np.testing.assert_allclose(flat(scaled), flat(weighted), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", ["auto", 7])
def test_zero_weight_rows_might_as_well_not_be_there(batch_size, shuffle):
    y = TARGETS["multiclass"]
    weights = np.ones(N)
    weights[::5] = 0
    kept = weights > 0
    params = {"batch_size": batch_size, "shuffle": shuffle, "weight_init": "glorot_uniform"}
    model = make("multiclass", **params).fit(X, y, sample_weight=weights)
    without = make("multiclass", **params).fit(X[kept], y[kept])
    np.testing.assert_array_equal(flat(model), flat(without))
    assert (model.t_, model.n_updates_) == (without.t_, without.n_updates_)


def test_heavy_row_moves_more_at_one_row_an_update():
    # Two rows, one update each: Dw = eta w / mean(w) delta y.
    Z, d = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 1.0])
    model = BackpropRegressor((), solver="sgd", eta=0.1, batch_size=1, shuffle=False, max_iter=1)
    start = {"coef_init": [np.zeros((2, 1))], "intercept_init": [np.zeros(1)]}
    w = np.array([1.0, 9.0]) / 5.0  # over their mean
    model.fit(Z, d, sample_weight=[1.0, 9.0], **start)
    b = 0.1 * w[0]
    np.testing.assert_allclose(model.coefs_[0][:, 0], [0.1 * w[0], 0.1 * w[1] * (1 - b)])


def test_step_of_a_weighted_batch():
    # sum_i w_i g_i / (b mean(w)), mean(w) over the whole call
    y, w = TARGETS["regression"], np.linspace(0.1, 5, N)
    model = BackpropRegressor((), solver="sgd", eta=0.1, batch_size=15, shuffle=False, max_iter=1)
    model.fit(X, y, w, coef_init=[np.zeros((4, 1))], intercept_init=[np.zeros(1)])
    W, b = np.zeros(4), 0.0
    for i in range(0, N, 15):
        Z, e, s = X[i : i + 15], y[i : i + 15] - (X[i : i + 15] @ W + b), w[i : i + 15]
        W, b = W + 0.1 * (s * e) @ Z / (15 * w.mean()), b + 0.1 * (s * e).sum() / (15 * w.mean())
    np.testing.assert_allclose(model.coefs_[0][:, 0], W, rtol=1e-12)
    np.testing.assert_allclose(model.intercepts_[0], b, rtol=1e-12)


@pytest.mark.parametrize("weight", [2.0, 5])
def test_one_number_is_a_weight_for_all(weight):
    y = TARGETS["regression"]
    np.testing.assert_array_equal(
        flat(make("regression").fit(X, y, weight)), flat(make("regression").fit(X, y, np.ones(N)))
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("dtype", "power"), [(np.float32, 30), (np.float64, 300)])
def test_weights_may_differ_as_much_as_numbers_can(solver, dtype, power):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(100, 3)).astype(dtype), np.full(100, 10.0**-power, dtype)
    for heavy in range(0, 100, 7):
        weights[heavy] = 10.0**power
        settings = {"early_stopping": True, "max_iter": 2, "scoring": "loss", "random_state": 0}
        model = BackpropRegressor((4,), solver=solver, **settings)
        model.fit(X, X[:, 0], sample_weight=weights)
        assert np.isfinite([*model.loss_curve_, *model.validation_loss_curve_]).all()
        weights[heavy] = 10.0**-power


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "lm"])
@pytest.mark.parametrize("size", [1e-310, 1e-30, 1e30, 1.7e308])
def test_only_the_ratios_of_weights_matter_however_large_they_are(solver, size):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(40, 3)), rng.uniform(0.1, 1.0, size=40)
    y = np.sin(X[:, 0])
    one, other = (
        BackpropRegressor((4,), solver=solver, scoring="loss", max_iter=5, random_state=0).fit(
            X, y, sample_weight=f * weights, X_val=X, y_val=y, sample_weight_val=f * weights
        )
        for f in (1.0, size)
    )
    np.testing.assert_allclose(other.predict(X), one.predict(X), rtol=1e-6)
    for curve in ("loss_curve_", "validation_loss_curve_"):
        np.testing.assert_allclose(getattr(other, curve), getattr(one, curve), rtol=1e-6)


def test_weighted_score():
    w = np.linspace(0, 1, N)
    for kind, metric in (
        ("regression", r2_score),
        ("two_targets", r2_score),
        ("multiclass", accuracy_score),
        ("multilabel", accuracy_score),
    ):
        model = make(kind, max_iter=2).fit(X, TARGETS[kind])
        score = model.score(X, TARGETS[kind], sample_weight=w)
        assert score == metric(TARGETS[kind], model.predict(X), sample_weight=w)
        assert score != model.score(X, TARGETS[kind])


def test_class_weight():
    y = TARGETS["multiclass"]
    params = {"batch_size": N, "max_iter": 5}
    counts = np.bincount(y)
    balanced = make("multiclass", class_weight="balanced", **params).fit(X, y)
    given = {c: N / (3 * n) for c, n in enumerate(counts)}
    np.testing.assert_allclose(
        flat(balanced), flat(make("multiclass", class_weight=given, **params).fit(X, y))
    )
    w = np.linspace(0.5, 2, N)
    both = make("multiclass", class_weight={0: 3.0}, **params).fit(X, y, sample_weight=w)
    product = make("multiclass", **params).fit(X, y, sample_weight=np.where(y == 0, 3 * w, w))
    np.testing.assert_allclose(flat(both), flat(product))
    names = np.array(["a", "b", "c"])[y]
    named = make("multiclass", class_weight={"a": 3.0}, **params).fit(X, names, sample_weight=w)
    np.testing.assert_array_equal(flat(named), flat(both))


def test_class_weight_raises_recall_of_a_rare_class():
    rare = (X[:, 0] + 0.5 * X[:, 3] > 1.2).astype(int)
    recall = [
        make("binary", class_weight=cw).fit(X, rare).predict(X)[rare == 1].mean()
        for cw in ({0: 10.0}, {1: 10.0})
    ]
    assert recall[0] < recall[1]


# -- input of all kinds --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_dataframes(kind):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    y = pd.Series(TARGETS[kind], name="y", index=np.arange(N)[::-1])
    model = make(kind).fit(frame, y)
    np.testing.assert_array_equal(flat(model), flat(make(kind).fit(X, TARGETS[kind])))
    np.testing.assert_array_equal(model.feature_names_in_, list("abcd"))
    model.predict(frame), model.predict(frame[:1]), model.partial_fit(frame[:1], y[:1])
    for call in (model.predict, lambda Z: model.partial_fit(Z, TARGETS[kind][: len(Z)])):
        for Z in (X, X[:1]):  # the one-row road keeps the warning
            with pytest.warns(UserWarning, match="X does not have valid feature names"):
                call(Z)
        with pytest.raises(ValueError, match="feature names"):
            call(frame[list("dcba")])
    bare = make(kind).fit(X, TARGETS[kind])
    for call in (bare.predict, lambda Z: bare.partial_fit(Z, y[: len(Z)])):
        with pytest.warns(UserWarning, match="was fitted without feature names"):
            call(frame)
    refitted = model.fit(X, TARGETS[kind])
    assert not hasattr(refitted, "feature_names_in_")


def test_dataframe_of_targets_and_labels():
    pd = pytest.importorskip("pandas")
    y = TARGETS["two_targets"]
    model = make("two_targets").fit(X, pd.DataFrame(y, columns=["u", "v"]))
    np.testing.assert_array_equal(flat(model), flat(make("two_targets").fit(X, y)))
    names = np.array(["a", "b", "c"], dtype=object)[TARGETS["multiclass"]]
    plain = make("multiclass").fit(X, names)
    for series in (pd.Series(names), pd.Series(names, dtype="category")):
        model = make("multiclass").fit(X, series)
        np.testing.assert_array_equal(flat(model), flat(plain))
        assert set(model.predict(X)) <= set("abc")
    w = pd.Series(np.linspace(0, 1, N))
    np.testing.assert_array_equal(
        flat(make("multiclass").fit(X, names, w)),
        flat(make("multiclass").fit(X, names, w.to_numpy())),
    )


@pytest.fixture
def never_densified(monkeypatch):
    """Whatever turns a sparse X into a dense array fails."""

    def refuse(self, *args, **kwargs):
        raise AssertionError("a sparse matrix was densified")

    kinds = (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix,
             sparse.coo_array, sparse.coo_matrix)  # fmt: skip
    for kind, name in itertools.product(kinds, ("toarray", "todense", "__array__")):
        monkeypatch.setattr(kind, name, refuse, raising=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "container", [sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix]
)
@pytest.mark.parametrize("kind", ["two_targets", "multiclass", "multilabel"])
def test_sparse_rows_are_never_densified(kind, container, dtype, never_densified):
    Z, y = np.where(np.abs(X) < 0.6, 0, X).astype(dtype), TARGETS[kind]
    S = container(Z)
    tolerance = (
        {"rtol": 1e-7, "atol": 1e-9} if dtype is np.float64 else {"rtol": 2e-3, "atol": 1e-3}
    )
    for params, keywords in (
        ({"batch_size": 16}, {}),
        ({"solver": "sgd", "batch_size": 1, "max_iter": 2, "alpha": 0.01}, {}),
        ({"early_stopping": True, "max_iter": 5}, {"sample_weight": np.linspace(0, 1, N)}),
        ({"max_iter": 5, "shuffle": False}, {"X_val": True}),
    ):
        dense_val, sparse_val = {}, {}
        if keywords.get("X_val"):
            keywords = {}
            dense_val, sparse_val = (
                {"X_val": part, "y_val": y[:20]} for part in (Z[:20], sparse.csr_array(Z[:20]))
            )
        model = make(kind, **params).fit(S, y, **keywords, **sparse_val)
        dense = make(kind, **params).fit(Z, y, **keywords, **dense_val)
        assert flat(model).dtype == dtype
        np.testing.assert_allclose(flat(model), flat(dense), **tolerance)
    for one in (model, dense):
        one.partial_fit(S if one is model else Z, y)
    np.testing.assert_allclose(flat(model), flat(dense), **tolerance)
    np.testing.assert_array_equal(model.predict(S).shape, y.shape)
    if kind == "two_targets":
        np.testing.assert_allclose(model.predict(S), model.predict(Z), **tolerance)
    else:
        np.testing.assert_allclose(model.predict_proba(S), model.predict_proba(Z), **tolerance)
    model.score(S, y)


def test_wide_sparse_rows_take_no_dense_memory():
    S = sparse.random(3000, 20000, density=1e-4, format="csr", random_state=0)
    y = np.asarray(S[:, :50].sum(axis=1)).ravel()
    tracemalloc.start()
    try:
        BackpropRegressor((4,), max_iter=2, random_state=0).fit(S, y).predict(S)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < S.shape[0] * S.shape[1] * 8 / 20


def test_integers_and_wide_indices():
    S = sparse.csr_array((X > 0).astype(np.int64))
    S.indices, S.indptr = S.indices.astype(np.int64), S.indptr.astype(np.int64)
    model = make("regression").fit(S, TARGETS["regression"])
    assert flat(model).dtype == np.float64
    same = make("regression").fit((X > 0).astype(int), TARGETS["regression"])
    np.testing.assert_allclose(flat(model), flat(same), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", TARGETS)
def test_float32_is_kept(kind):
    Z, y = X.astype(np.float32), TARGETS[kind]
    y = y.astype(np.float64) if kind in REGRESSION else y
    for params in ({}, {"eta": [0.01, 0.02], "alpha": 0.1, "l1_ratio": 0.5, "solver": "momentum"}):
        model = make(kind, **params).fit(Z, y, sample_weight=np.linspace(0.5, 1, N))
        assert all(a.dtype == np.float32 for a in (*model.coefs_, *model.intercepts_))
        assert model._model.state.rule_state.dtype == np.float32
    if kind in REGRESSION:
        assert model.predict(Z).dtype == model.predict(X).dtype == np.float32
    else:
        assert model.predict_proba(Z).dtype == model.decision_function(Z).dtype == np.float32
    model.set_params(warm_start=True, max_iter=1).fit(X, y)
    assert flat(model).dtype == np.float32
    model.partial_fit(X, y)
    assert flat(model).dtype == np.float32
    wide = make(kind).fit(X, TARGETS[kind].astype(np.float32 if kind in REGRESSION else int))
    assert flat(wide).dtype == np.float64
    for other in (X.astype(np.float16), np.round(X).astype(np.int8)):
        assert flat(make(kind, max_iter=1).fit(other, y)).dtype == np.float64
    assert flat(make(kind, max_iter=1).fit(Z.astype(">f4").astype(">f8"), y)).dtype == np.float64


def test_targets_that_overflow_float32():
    y = TARGETS["regression"].copy()
    y[3] = 1e39
    with pytest.raises(ValueError, match="float32"):
        make("regression").fit(X.astype(np.float32), y)
    make("regression", solver="sgd", eta=1e-9, max_iter=1).fit(X, y)
    model = make("regression").fit(X.astype(np.float32), TARGETS["regression"])
    with pytest.raises(ValueError, match="float32"):
        model.partial_fit(X, y)
    for one in ([1e39], np.array([1e39]), np.array([-1e39])):
        with pytest.raises(ValueError, match="float32"):
            model.partial_fit(X[:1].astype(np.float32), one)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_map_is_not_loaded_whole(tmp_path, dtype, shuffle):
    n, width = 20000, 100
    mapped = np.memmap(tmp_path / "X", dtype, "w+", shape=(n, width))
    mapped[:] = np.random.default_rng(0).normal(size=(n, width))
    mapped.flush()
    mapped = np.memmap(tmp_path / "X", dtype, "r", shape=(n, width))
    y = np.asarray(mapped[:, 0])
    model = BackpropRegressor(
        (4,), batch_size=100, max_iter=1, random_state=0, shuffle=shuffle, early_stopping=False
    )
    model.fit(mapped[:200], y[:200])
    tracemalloc.start()
    try:
        model.fit(mapped, y)
        model.set_params(batch_size=50).partial_fit(mapped, y)
        model.predict(mapped)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mapped.nbytes / 4
    assert model.score(mapped[:500], y[:500]) > 0.5
    plain = clone(model).set_params(batch_size=100).fit(np.array(mapped), y)
    same = clone(model).set_params(batch_size=100).fit(mapped, y)
    np.testing.assert_array_equal(flat(plain), flat(same))


@pytest.mark.parametrize("order", ["F", "strided", "list"])
def test_layout_of_rows(order):
    y = TARGETS["regression"]
    Z = {"F": np.asfortranarray(X), "strided": np.repeat(X, 2, axis=1)[:, ::2], "list": X.tolist()}
    wanted = make("regression", batch_size=1, shuffle=False, max_iter=3).fit(X, y)
    model = make("regression", batch_size=1, shuffle=False, max_iter=3).fit(Z[order], y)
    np.testing.assert_array_equal(flat(model), flat(wanted))
    np.testing.assert_allclose(model.predict(Z[order]), wanted.predict(X), rtol=1e-12)


def test_input_is_left_alone():
    Z, y, w = X.copy(), TARGETS["two_targets"].copy(), np.linspace(0.1, 1, N)
    start = [np.ones((4, 8)), np.ones((8, 2))], [np.ones(8), np.ones(2)]
    copies = copy.deepcopy((Z, y, w, start))
    model = make("two_targets", shuffle=True).fit(
        Z, y, w, coef_init=start[0], intercept_init=start[1]
    )
    model.partial_fit(Z, y, sample_weight=w).predict(Z)
    for now, before in zip((Z, y, w, *start[0], *start[1]),
                           (*copies[:3], *copies[3][0], *copies[3][1]), strict=True):  # fmt: skip
        np.testing.assert_array_equal(now, before)
    before = flat(model)
    start[0][0][:] = -1
    np.testing.assert_array_equal(flat(model), before)


# -- metadata routing ----------------------------------------------------------------------------


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


# -- stopping, validation, warm start ------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_early_stopping(kind):
    y = TARGETS[kind]
    model = make(kind, early_stopping=True, max_iter=500, eta=0.05, validation_fraction=0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(X, y)
    scores = model.validation_scores_
    assert model.n_iter_ == len(scores) == len(model.loss_curve_) < 500
    assert len(model.validation_loss_curve_) == len(scores)
    assert model.best_validation_score_ == max(scores)
    # n_iter_no_change epochs in a row have not improved by tol
    best = np.maximum.accumulate(scores)
    assert (np.array(scores[-10:]) <= best[-12] + model.tol).all()
    assert model.t_ == model.n_iter_ * round(0.7 * N)  # the held-out rows are not trained on


def test_early_stopping_keeps_the_best_weights():
    y = TARGETS["regression"]
    model = make("regression", early_stopping=True, eta=0.3, max_iter=60, n_iter_no_change=np.inf)
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    scores = model.validation_scores_
    assert scores[-1] < max(scores)
    assert model.score(X[40:], y[40:]) == pytest.approx(model.best_validation_score_, abs=1e-12)
    best = int(np.argmax(scores))
    stopped = make("regression", eta=0.3, max_iter=best + 1, n_iter_no_change=np.inf)
    np.testing.assert_array_equal(flat(model), flat(stopped.fit(X[:40], y[:40])))


def test_early_stopping_in_a_second_fit_keeps_the_best_of_both():
    # best_validation_score_ is the score of the weights that are kept, also after a warm start.
    y = TARGETS["regression"]
    validation = {"X_val": X[40:], "y_val": y[40:]}
    model = make("regression", early_stopping=True, warm_start=True, max_iter=40, eta=0.01)
    model.fit(X[:40], y[:40], **validation)
    first = model.best_validation_score_
    model.set_params(solver="sgd", eta=0.5, max_iter=2).fit(X[:40], -5 * y[:40], **validation)
    assert max(model.validation_scores_[-2:]) < first  # the second fit made it worse
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X[40:], y[40:]) == pytest.approx(model.best_validation_score_, abs=1e-9)


@pytest.mark.parametrize("second", ONLINE)
@pytest.mark.parametrize("first", ONLINE)
def test_early_stopping_in_a_second_fit_with_another_solver(first, second):
    # The state that is kept with the best weights is that of their solver.
    y = TARGETS["regression"]
    validation = {"X_val": X[40:], "y_val": y[40:]}
    model = make("regression", solver=first, early_stopping=True, warm_start=True, eta=0.01)
    model.fit(X[:40], y[:40], **validation)
    best = flat(model)
    model.set_params(solver=second, eta=0.5, max_iter=2).fit(X[:40], -5 * y[:40], **validation)
    np.testing.assert_array_equal(flat(model), best)
    for solver in (second, first):
        model.set_params(solver=solver, eta=1e-3).partial_fit(X, y)
        assert model._model.state.rule_state.shape == (RULES[solver].n_slots, best.size)


def test_early_stopping_in_a_second_fit_holds_out_the_same_rows():
    # Rows that the first fit was trained on say nothing about generalisation in the second.
    held_out = []

    def spy(estimator, X, y):
        held_out.append(X)
        return 0.0

    model = BackpropRegressor(
        (4,), early_stopping=True, scoring=spy, warm_start=True, max_iter=1, random_state=0
    )
    model.fit(X, TARGETS["regression"]).fit(X, TARGETS["regression"])
    np.testing.assert_array_equal(*held_out)
    assert 1 < len(held_out[0]) < len(X) / 2


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_validation_rows_are_recorded_without_early_stopping(kind):
    y = TARGETS[kind]
    plain = make(kind, max_iter=7).fit(X, y)
    w = np.linspace(0, 1, 20)
    model = make(kind, max_iter=7).fit(X, y, X_val=X[:20], y_val=y[:20], sample_weight_val=w)
    np.testing.assert_array_equal(flat(model), flat(plain))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 7
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[:20], y[:20], w))
    assert plain.validation_scores_ is None and plain.best_validation_score_ is None
    assert plain.validation_loss_curve_ is None


def test_validation_loss_is_the_cost():
    y = TARGETS["regression"]
    w = np.linspace(0, 1, 20)
    model = make("regression", max_iter=3, alpha=0.1).fit(
        X, y, X_val=X[:20], y_val=y[:20], sample_weight_val=w
    )
    e = y[:20] - model.predict(X[:20])
    cost = np.average(0.5 * e**2, weights=w)
    cost += 0.1 * 0.5 * sum((W**2).sum() for W in model.coefs_)
    assert model.validation_loss_curve_[-1] == pytest.approx(cost, rel=1e-12)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", ONLINE)
def test_warm_start_goes_on(kind, solver):
    y = TARGETS[kind]
    params = {"solver": solver, "n_iter_no_change": np.inf, "batch_size": 9, "shuffle": True}
    whole = make(kind, **params, max_iter=6).fit(X, y)
    model = make(kind, **params, max_iter=2, warm_start=True)
    for _ in range(3):
        model.fit(X, y)
        assert model.n_iter_ == 2
    np.testing.assert_array_equal(flat(model), flat(whole))
    assert model.loss_curve_ == whole.loss_curve_
    assert (model.t_, model.n_updates_) == (whole.t_, whole.n_updates_)
    assert model.best_loss_ == min(model.loss_curve_) == whole.best_loss_


def test_best_loss_after_a_warm_start_that_made_it_worse():
    y = TARGETS["regression"]
    model = make("regression", warm_start=True).fit(X, y)
    model.fit(X, 10 * y)
    assert model.best_loss_ == min(model.loss_curve_)


def test_warm_start_refuses_what_it_cannot_go_on_from():
    model = make("regression", warm_start=True).fit(X, TARGETS["regression"])
    before = flat(model)
    for params in ({"hidden_layer_sizes": (9,)}, {"activation": "tanh"}):
        with pytest.raises(ValueError, match="structure"):
            clone(model).fit(X, TARGETS["regression"]).set_params(**params).fit(
                X, TARGETS["regression"]
            )
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.fit(X[:, :3], TARGETS["regression"])
    with pytest.raises(ValueError):
        model.fit(X, TARGETS["two_targets"])
    np.testing.assert_array_equal(flat(model), before)


def test_refit_starts_anew():
    y = TARGETS["multiclass"]
    model = make("multiclass").fit(X, y)
    first = flat(model)
    np.testing.assert_array_equal(flat(model.fit(X, y)), first)
    assert model.t_ == model.n_iter_ * N
    model.fit(X[:, :2], y % 2)
    assert model.n_features_in_ == 2 and model.n_outputs_ == 1
    model.partial_fit(X[:, :2], y % 2)


@pytest.mark.parametrize("value", [True, 1])
def test_verbose(value, capsys):
    make("regression", max_iter=3, verbose=value).fit(X, TARGETS["regression"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("epoch 2/3, loss ") and lines[3].startswith("stopped (max_iter)")
    make("regression", max_iter=3, verbose=value, early_stopping=True).fit(X, TARGETS["regression"])
    out = capsys.readouterr().out
    assert len(re.findall("loss .*, score .*, eta .* left, validation loss ", out)) == 3
    make("regression", tol=1e9, verbose=value).fit(X, TARGETS["regression"])
    assert "stopped (no_improvement)" in capsys.readouterr().out
    make("regression", max_iter=3).fit(X, TARGETS["regression"])
    assert capsys.readouterr().out == ""


def test_not_converged_warns():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2\b.*raise max_iter") as caught:
        make("regression", max_iter=2).fit(X, TARGETS["regression"])
    assert caught[0].filename == __file__  # it points at the caller's line


def test_loss_curve_is_the_cost():
    # A full batch: each epoch's figure is the cost of the weights before its update.
    y, rng = TARGETS["two_targets"], np.random.default_rng(0)
    start = [rng.normal(size=(4, 8)), rng.normal(size=(8, 2))]
    model = make(
        "two_targets", activation="tanh", batch_size=N, max_iter=1, alpha=0.3, l1_ratio=0.4
    )
    model.fit(X, y, coef_init=start, intercept_init=[np.zeros(8), np.zeros(2)])
    e = y - np.tanh(X @ start[0]) @ start[1]
    cost = 0.5 * (e**2).sum(axis=1).mean()
    cost += 0.3 * sum(0.4 * np.abs(W).sum() + 0.3 * (W**2).sum() for W in start)
    assert model.loss_ == pytest.approx(cost, rel=1e-12)


# -- what is wrong is named ------------------------------------------------------------------------

REFUSED = [
    ({"scoring": "nonsense"}, "'scoring' parameter.*'nonsense'"),
    ({"mask": ["no", None]}, r"mask\[0\] holds no; .* None, True, False, or an array of 0 and 1"),
    ({"mask": [None, 2]}, r"mask\[1\] holds 2;"),
    ({"mask": [np.nan, None]}, r"mask\[0\] holds nan"),
    ({"mask": [np.full((4, 8), 0.5), None]}, r"mask\[0\] holds 0.5"),
    ({"mask": [np.ones((8, 4)), None]}, r"mask\[0\] has shape \(8, 4\); .* shape \(4, 8\)"),
    ({"eta": [0.1, "a"]}, r"eta is \[0.1, 'a'\]; one per layer means 2"),
    ({"dropout": ["a", "b"]}, r"dropout is \['a', 'b'\]; it must be a number in \[0, 1\)"),
    ({"output_activation": "x"}, "output_activation='x' is not a known name"),
    ({"activation": ["x"]}, r"activation\[0\]='x' is not a known name"),
    ({"eta_schedule": Cosine}, "this is the class Cosine: give an instance"),
]


@pytest.mark.parametrize(("settings", "match"), REFUSED, ids=str)
def test_what_is_wrong_with_a_parameter_is_named(settings, match):
    model = make("regression").fit(X, TARGETS["regression"])
    before = pickle.dumps(model)
    was = {name: getattr(model, name) for name in settings}
    for call in (model.fit, clone(model).set_params(**settings).partial_fit):
        model.set_params(**settings)
        with pytest.raises((ValueError, TypeError), match=match):
            call(X, TARGETS["regression"])
    assert pickle.dumps(model.set_params(**was)) == before


def test_the_schedule_that_lacks_its_horizon_is_named():
    model = make("regression", eta_schedule=WarmUp("cosine", 5))
    with pytest.raises(ValueError, match=r"give Cosine\(total_steps=\.\.\.\)"):
        model.partial_fit(X, TARGETS["regression"])


@pytest.mark.parametrize(
    "rule", [Adam(epsilon=1e-50), Adagrad(epsilon=1e-60), AdamW(weight_decay=1e200)], ids=repr
)
def test_a_constant_of_a_rule_must_exist_in_the_type_of_the_weights(rule):
    y = TARGETS["regression"]
    model = make("regression", solver=rule)
    with pytest.raises(ValueError, match=r"(epsilon|weight_decay) of solver .* in float32"):
        model.fit(X.astype(np.float32), y)
    if rule.__class__ is not AdamW:
        assert np.isfinite(flat(model.fit(X, y))).all()


def test_what_cannot_be_held_out_is_told():
    with pytest.raises(ValueError, match="cannot hold out validation_fraction=0.1 of 1 rows"):
        make("regression", early_stopping=True).fit(X[:1], TARGETS["regression"][:1])
    y = np.repeat(np.arange(30), 2)
    rows = np.random.default_rng(0).normal(size=(60, 4))
    with pytest.raises(ValueError, match=r"early_stopping=True .* of 60 rows.*\(X_val, y_val\)"):
        make("multiclass", early_stopping=True).fit(rows, y)


def test_a_loss_of_one_row_is_a_loss():
    y = TARGETS["regression"]
    model = make("regression", early_stopping=True, scoring="loss")
    model.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert model.best_validation_score_ == -min(model.validation_loss_curve_)


def test_an_error_of_a_scorer_names_it():
    y = TARGETS["regression"]
    model = make("regression", early_stopping=True, loss=Quantile([0.1, 0.9]), scoring="r2")
    with pytest.raises(ValueError, match="different number of output") as caught:
        model.fit(X, y)
    (note,) = caught.value.__notes__
    assert "scoring='r2'" in note and "loss=Quantile(level=[0.1, 0.9])" in note


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"X_val": X[:5, :2]}, "X has 2 features"),
        ({"X_val": np.full((5, 4), np.nan)}, "contains NaN"),
        ({"y_val": ["no"] * 5}, "labels that are not in classes"),
        ({"y_val": ["yes"]}, "inconsistent numbers of samples"),
    ],
)
def test_errors_of_the_validation_rows_say_so(given, match):
    y = np.where(X[:, 0] > 0, "yes", "nay")
    given = {"X_val": X[:5], "y_val": y[:5], **given}
    with pytest.raises(ValueError, match=f"in the validation rows, X_val and y_val: .*{match}"):
        make("binary").fit(X, y, **given)


@pytest.mark.parametrize(
    ("settings", "given", "match"),
    [
        ({"class_weight": {"yes": "a"}}, {}, r"class_weight is \{'yes': 'a'\}: could not convert"),
        ({"class_weight": [{0: 1}]}, {}, r"class_weight is \[\{0: 1\}\]; a list is for"),
        ({}, {"sample_weight": ["a"] * N}, "sample_weight: could not convert"),
        ({}, {"sample_weight": [np.nan] * N}, "sample_weight contains NaN"),
    ],
    ids=str,
)
def test_weights_that_are_none_are_named(settings, given, match):
    y = np.where(X[:, 0] > 0, "yes", "nay")
    with pytest.raises(ValueError, match=match):
        make("binary", **settings).fit(X, y, **given)
    with pytest.raises(ValueError, match=match):
        make("binary", **settings).partial_fit(X, y, classes=["yes", "nay"], **given)


def test_too_few_classes_are_told_of_whom_they_are():
    y = np.where(X[:, 0] > 0, "yes", "nay")
    with pytest.raises(ValueError, match=r"classes has 1 class, \['yes'\]; the number of classes"):
        make("binary").partial_fit(X, y, classes=["yes"])
    with pytest.raises(ValueError, match=r"y has 1 class, \['yes'\]"):
        make("binary").fit(X, ["yes"] * N)
    with pytest.raises((TypeError, FutureWarning), match="bytes"):  # a warning before 1.7
        make("binary").fit(X, y.astype("S"))


class Odd(WholeBatchSolver):
    def minimise(self, problem, state, monitor):
        return "tired"


def test_a_solver_ends_for_a_known_reason():
    with pytest.raises(ValueError, match=r"Odd\(\) ended with 'tired'; .*None or one of 'no_imp"):
        make("regression", solver=Odd(), eta="auto").fit(X, TARGETS["regression"])


# -- weights given, weights assigned -------------------------------------------------------------


def test_start_from_given_weights():
    y = TARGETS["regression"]
    donor = make("regression").fit(X, y)
    frozen = {"solver": "sgd", "eta": [0.0, 0.0]}
    for model in (
        make("regression", **frozen, max_iter=1).fit(
            X, y, coef_init=donor.coefs_, intercept_init=donor.intercepts_
        ),
        make("regression", **frozen).partial_fit(
            X, y, coef_init=donor.coefs_, intercept_init=donor.intercepts_
        ),
        make("regression", **frozen).partial_fit(
            X, y, coef_init=[W.tolist() for W in donor.coefs_], intercept_init=donor.intercepts_
        ),
    ):
        np.testing.assert_array_equal(flat(model), flat(donor))
    biases_only = make("regression", **frozen).partial_fit(X, y, intercept_init=donor.intercepts_)
    np.testing.assert_array_equal(biases_only.intercepts_[1], donor.intercepts_[1])


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("coef_init", [np.zeros((4, 8))], r"\(8, 1\)"),
        ("coef_init", [np.zeros((8, 4)), np.zeros((8, 1))], r"\(4, 8\)"),
        ("coef_init", [np.zeros((4, 8)), np.full((8, 1), np.nan)], "finite"),
        ("coef_init", [np.zeros((4, 8), dtype=str), np.zeros((8, 1))], "real numbers"),
        ("intercept_init", [np.zeros(8), np.zeros((1, 1))], r"\(1,\)"),
        ("intercept_init", [np.zeros(8)], "intercept_init"),
        ("coef_init", 3, "coef_init is 3; it must be a sequence of 2 arrays"),
    ],
)
def test_wrong_starts_say_what_is_wanted(name, value, match):
    for call in ("fit", "partial_fit"):
        with pytest.raises((ValueError, TypeError), match=match) as caught:
            getattr(make("regression"), call)(X, TARGETS["regression"], **{name: value})
        assert name in str(caught.value)


def test_assigning_weights_copies_in():
    model = make("regression", hidden_layer_sizes=(4, 4)).fit(X, TARGETS["regression"])
    views = model.coefs_
    new = [np.full(W.shape, float(i)) for i, W in enumerate(views)]
    model.coefs_ = new
    for W, value in zip(views, new, strict=True):
        np.testing.assert_array_equal(W, value)
        assert not np.shares_memory(W, value)
    model.intercepts_ = [b.tolist() for b in model.intercepts_]
    model.coefs_[0][0, 0] = 17.0  # a view: written straight into the model
    assert model.coefs_[0][0, 0] == 17.0
    before = flat(model)
    for wrong in (new[:2], new[::-1], [W.T for W in new], [np.full_like(W, np.inf) for W in new],
                  None, 3, [None] * 3, [W.astype(complex) for W in new]):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            model.coefs_ = wrong
        np.testing.assert_array_equal(flat(model), before)
    with pytest.raises(ValueError, match="intercepts_"):
        model.intercepts_ = [np.zeros(4)] * 3
    # what is assigned is what predicts and what is trained on
    model.coefs_ = [np.zeros(W.shape) for W in model.coefs_]
    np.testing.assert_array_equal(model.predict(X), model.intercepts_[-1].repeat(N))
    with pytest.raises(AttributeError):
        make("regression").coefs_ = new


def test_assigning_weights_of_one_layer_to_another():
    model = make("regression", hidden_layer_sizes=(4, 4)).fit(X, TARGETS["regression"])
    first, second, last = (W.copy() for W in model.coefs_)
    model.coefs_ = [model.coefs_[1], model.coefs_[0], model.coefs_[2]]
    for W, wanted in zip(model.coefs_, (second, first, last), strict=True):
        np.testing.assert_array_equal(W, wanted)
    model.coefs_ = [model.coefs_[0].T, model.coefs_[1], model.coefs_[2]]
    np.testing.assert_array_equal(model.coefs_[0], second.T)


def test_averaging_two_models_through_their_weights():
    y = TARGETS["regression"]
    one, two = (make("regression", random_state=seed).fit(X, y) for seed in (0, 1))
    mean = copy.deepcopy(one)
    mean.coefs_ = [(a + b) / 2 for a, b in zip(one.coefs_, two.coefs_, strict=True)]
    mean.intercepts_ = [(a + b) / 2 for a, b in zip(one.intercepts_, two.intercepts_, strict=True)]
    np.testing.assert_allclose(flat(mean), (flat(one) + flat(two)) / 2)
    assert not np.shares_memory(mean.coefs_[0], one.coefs_[0])


def test_unfitted():
    for model in (BackpropRegressor(), BackpropClassifier()):
        with pytest.raises(NotFittedError):
            model.predict(X)
        names = ("coefs_", "intercepts_", "t_", "n_updates_", "n_layers_", "out_activation_")
        for name in (*names, "n_features_in_", "loss_"):
            assert not hasattr(model, name)


# -- scikit-learn's own machinery ----------------------------------------------------------------


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
    assert {n for n in regressor if regressor[n] != classifier[n]} == {"loss"}
    assert set(regressor) <= set(classifier)


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


# -- activations, etas, initial weights ----------------------------------------------------------


def cubed(v):
    return v**3 / 10 + v


def cubed_slope(v, y):
    return 3 * v**2 / 10 + 1


def wrong_slope(v, y):
    return 3 * v**2 / 10


def step(v):
    return np.where(v > 0, 1.0, 0.0)


def smooth_slope(v, y):
    return np.exp(-np.abs(v)) / 2


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_custom_activation(kind):
    custom = Activation(cubed, cubed_slope, name="cubed")
    model = make(kind, activation=custom, max_iter=100).fit(X, TARGETS[kind])
    assert model.score(X, TARGETS[kind]) > 0.7
    assert model.coefs_[0].dtype == np.float64
    tanh = Activation(np.tanh, ACTIVATIONS["tanh"].dphi, name="my_tanh")
    mine, theirs = (make(kind, activation=a, weight_init="glorot_uniform").fit(X, TARGETS[kind])
                    for a in (tanh, "tanh"))  # fmt: skip
    np.testing.assert_allclose(flat(mine), flat(theirs), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "where",
    [
        lambda a: {"activation": a},
        lambda a: {"activation": ["tanh", a], "hidden_layer_sizes": (3, 2)},
        lambda a: {"activation": Mixed(["relu", a, "tanh"]), "hidden_layer_sizes": (3,)},
        lambda a: {"output_activation": a},
    ],
    ids=["everywhere", "one layer", "one neuron", "output"],
)
def test_wrong_derivative_is_found_out(where, call):
    wrong = Activation(cubed, wrong_slope, name="cubed")
    model = make("regression", **where(wrong))
    with pytest.raises(ValueError, match="cubed"):
        getattr(model, call)(X, TARGETS["regression"])
    assert not hasattr(model, "coefs_")
    unchecked = Activation(cubed, wrong_slope, name="cubed", check=False)
    getattr(make("regression", **where(unchecked), max_iter=1), call)(X, TARGETS["regression"])


def test_surrogate_slope():
    surrogate = Activation(step, smooth_slope, name="step", check=False)
    model = make("binary", activation=surrogate, max_iter=200).fit(X, TARGETS["binary"])
    assert model.score(X, TARGETS["binary"]) > 0.8


def test_different_neurons_of_one_layer():
    mixed = Mixed(["tanh"] * 4 + ["relu"] * 4)
    y = TARGETS["regression"]
    assert make("regression", activation=mixed, max_iter=100).fit(X, y).score(X, y) > 0.7
    same = Mixed(["tanh"] * 8)
    np.testing.assert_allclose(
        flat(make("regression", activation=same, weight_init="glorot_uniform").fit(X, y)),
        flat(make("regression", activation="tanh", weight_init="glorot_uniform").fit(X, y)),
        rtol=1e-9, atol=1e-12,
    )  # fmt: skip
    with pytest.raises(ValueError, match="for 8 neurons; its layer has 9"):
        make("regression", activation=mixed, hidden_layer_sizes=(9,)).fit(X, y)
    outputs = make("two_targets", output_activation=Mixed(["identity", "tanh"])).fit(
        X, np.tanh(TARGETS["two_targets"])
    )
    assert np.abs(outputs.predict(10 * X)[:, 1]).max() <= 1


def test_one_activation_per_layer():
    y = TARGETS["regression"]
    params = {"hidden_layer_sizes": (4, 3, 2)}
    model = make("regression", **params, activation=["tanh", "relu", "sin"], max_iter=5).fit(X, y)
    assert model.n_layers_ == 5
    with pytest.raises(ValueError, match="one per hidden layer"):
        make("regression", **params, activation=["tanh", "relu"]).fit(X, y)
    with pytest.raises(ValueError, match="softmax"):
        make("regression", **params, activation="softmax").fit(X, y)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_every_activation_learns(name):
    y = TARGETS["multiclass"]
    model = make("multiclass", activation=name, max_iter=100, batch_size=10).fit(X, y)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_every_output_activation_regresses(name):
    low, high = ACTIVATIONS[name].range
    y = np.clip(0.5 + 0.1 * X[:, 0], max(low, 0.2), min(high, 0.8))
    model = make("regression", output_activation=name, max_iter=20).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.predict(X).min() >= low and model.predict(X).max() <= high


def test_eta_per_layer():
    y = TARGETS["regression"]
    for solver in RULES:
        one = make("regression", solver=solver, eta=0.01).fit(X, y)
        same = make("regression", solver=solver, eta=[0.01, 0.01]).fit(X, y)
        np.testing.assert_allclose(flat(same), flat(one), rtol=1e-9, atol=1e-12)
        start = make("regression", solver=solver, eta=[0.0, 1e-3], max_iter=1)
        rng = np.random.default_rng(0)
        W = [rng.normal(size=(4, 8)), rng.normal(size=(8, 1))]
        start.fit(X, y, coef_init=W)
        np.testing.assert_array_equal(start.coefs_[0], W[0])  # 0 freezes a layer
        assert not np.array_equal(start.coefs_[1], W[1])
    np.testing.assert_array_equal(
        flat(make("regression", eta=np.array([0.01, 0.02])).fit(X, y)),
        flat(make("regression", eta=(0.01, 0.02)).fit(X, y)),
    )


@pytest.mark.parametrize("solver", sorted(RULES))
def test_auto_eta_is_the_solvers_own(solver):
    y = TARGETS["regression"]
    auto = make("regression", solver=solver, eta="auto").fit(X, y)
    named = make("regression", solver=solver, eta=RULES[solver].default_eta).fit(X, y)
    np.testing.assert_array_equal(flat(auto), flat(named))


def constant_init(n_in, n_out, rng):
    return np.full((n_in, n_out), 0.25)


@pytest.mark.parametrize("weight_init", ["auto", *sorted(INITIALIZERS), constant_init])
def test_initial_weights_do_not_depend_on_the_rows(weight_init):
    frozen = {"solver": "sgd", "eta": [0.0, 0.0], "max_iter": 1, "weight_init": weight_init}
    one = make("regression", **frozen).fit(X, TARGETS["regression"])
    few = make("regression", **frozen).fit(X[:5] * 100, TARGETS["regression"][:5])
    for a, b in zip(one.coefs_, few.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    if weight_init is constant_init:
        assert (one.coefs_[0] == 0.25).all()
    np.testing.assert_array_equal(one.intercepts_[0], np.zeros(8))


# -- properties ----------------------------------------------------------------------------------


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


# -- what a review found -------------------------------------------------------------------------


def test_named_labels_go_on_in_a_warm_start():
    Y = TARGETS["multilabel"]
    names = [2, 3, 5]
    model = make("multilabel", warm_start=True).partial_fit(X, Y, classes=names)
    model.fit(X, Y)
    assert model.classes_.tolist() == names


def test_one_validation_row_is_too_few_to_stop_by():
    model = make("regression", early_stopping=True)
    y = TARGETS["regression"]
    with pytest.raises(ValueError, match="validation set is too small"):
        model.fit(X, y, X_val=X[:1], y_val=y[:1])


def test_a_refused_first_pass_is_not_counted():
    model = make("regression", solver="sgd", eta=1e300)
    with pytest.raises(DivergenceError):
        model.partial_fit(X, TARGETS["regression"])
    assert model.n_iter_ == 0


def test_one_row_of_fit_is_the_online_rule():
    y = TARGETS["regression"][:1]
    fitted = make("regression", max_iter=1).fit(X[:1], y)
    online = make("regression").partial_fit(X[:1], y)
    np.testing.assert_array_equal(fitted.coefs_[0], online.coefs_[0])
