"""Targets of every kind, and what is predicted of them."""

import numpy as np
import pytest
from estimator_cases import REGRESSION, TARGETS, N, X, flat, make
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    TabularClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


CLASSIFICATION = ["binary", "multiclass", "multilabel"]


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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("some", [[0], [1, 2]], ids=str)
def test_warm_start_on_some_of_the_classes_says_what_takes_them(some):
    y = TARGETS["multiclass"]
    rows = np.isin(y, some)
    model = make("multiclass", warm_start=True, max_iter=2).fit(X, y)
    before = flat(model)
    with pytest.raises(ValueError) as caught:
        model.fit(X[rows], y[rows])
    assert "same classes as in the previous call to fit. Previously got [0 1 2]" in str(
        caught.value
    )
    assert f"`y` has {np.array(some)}. partial_fit takes rows of some" in str(caught.value)
    with pytest.raises(ValueError, match=r"`y` has \[1 2 3\]\.$"):
        model.fit(X, y + 1)
    np.testing.assert_array_equal(flat(model), before)
    model.partial_fit(X[rows], y[rows])


@pytest.mark.parametrize(
    "zero, one, container",
    [(1, 2, np.asarray), (-1, 1, np.asarray), (0, 2, np.asarray), (0, 2, sparse.csr_array)],
)
@pytest.mark.parametrize("Estimator", [BackpropClassifier, TabularClassifier])
def test_labels_that_are_not_0_and_1_are_refused(Estimator, zero, one, container):
    labels = np.where(TARGETS["multilabel"], one, zero)
    told = rf"y is a matrix of labels with the values \[.*{one}\]; .* such as \(y == {one}\)"
    with pytest.raises(ValueError, match=told):
        Estimator().fit(X, container(labels))
    if Estimator is BackpropClassifier:
        with pytest.raises(ValueError, match=told):
            Estimator().partial_fit(X, container(labels), classes=[0, 1, 2])
