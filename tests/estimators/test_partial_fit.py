"""`partial_fit` is the online rule: one row, one update, in the order given, bit for bit."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from online_cases import ONLINE, N, bits, by_rows, first, flat, make, problem
from problems import KINDS
from scipy import sparse

from skbackprop import (
    BackpropRegressor,
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ONLINE)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_chunk_is_its_rows_is_an_epoch_of_fit(solver, kind, dtype):
    X, y = problem(kind, dtype)
    params = {"solver": solver, "alpha": 0.01, "l1_ratio": 0.3, "eta_schedule": "invscaling"}
    rows = by_rows(kind, X, y, **params)
    chunk = make(kind, **params).partial_fit(X, y, **first(kind))
    epoch = make(kind, **params, batch_size=1, shuffle=False, max_iter=1).fit(X, y)
    assert bits(rows) == bits(chunk) == bits(epoch)
    assert flat(rows).dtype == dtype and rows._model.state.rule_state.dtype == dtype
    assert rows.n_updates_ == rows.t_ == N
    assert rows.n_iter_ == N and chunk.n_iter_ == 1
    assert chunk.loss_ == epoch.loss_  # the mean over the rows, each before its own update


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_one_row_is_one_update_of_the_rule(kind):
    X, y = problem(kind)
    model = make(kind, hidden_layer_sizes=(), solver="sgd", eta=0.1)
    model.partial_fit(X[:1], y[:1], **first(kind))
    for i in range(1, N):
        (W,), (b,) = [a.copy() for a in model.coefs_], [a.copy() for a in model.intercepts_]
        v = X[i] @ W + b
        if kind == "regression":
            delta = y[i] - v
        else:
            delta = np.eye(3)[y[i]] - np.exp(v) / np.exp(v).sum()
        model.partial_fit(X[i : i + 1], y[i : i + 1])
        np.testing.assert_allclose(
            model.coefs_[0] - W, 0.1 * np.outer(X[i], delta), rtol=0, atol=1e-14
        )
        np.testing.assert_allclose(model.intercepts_[0] - b, 0.1 * delta, rtol=0, atol=1e-14)
        assert model.n_updates_ == model.t_ == i + 1


@given(cuts=st.lists(st.integers(1, N - 1), max_size=5), solver=st.sampled_from(ONLINE))
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_however_the_stream_is_cut(cuts, solver):
    X, y = problem("multiclass")
    whole = make("multiclass", solver=solver).partial_fit(X, y, classes=[0, 1, 2])
    model = make("multiclass", solver=solver)
    for part in np.split(np.arange(N), sorted(set(cuts))):
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert bits(model) == bits(whole)


def test_order_matters_and_is_kept():
    X, y = problem("regression")
    forward = make("regression", solver="sgd").partial_fit(X, y)
    backward = make("regression", solver="sgd").partial_fit(X[::-1], y[::-1])
    assert bits(forward) != bits(backward)
    assert bits(backward) == bits(by_rows("regression", X, y, range(N)[::-1], solver="sgd"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight", [0.25, 1.0, 7.0])
def test_weights_are_raw(kind, weight):
    # Dw = eta w delta y: linear in w, whatever the other weights of the call are.
    X, y = problem(kind)
    model = make(kind, solver="sgd").partial_fit(X, y, **first(kind))
    start = flat(model)
    plain, weighted = (pickle.loads(pickle.dumps(model)) for _ in range(2))
    plain.partial_fit(X[:1], y[:1])
    weighted.partial_fit(X[:1], y[:1], sample_weight=[weight])
    np.testing.assert_allclose(
        flat(weighted) - start, weight * (flat(plain) - start), rtol=1e-9, atol=1e-15
    )


def test_weighted_chunk_is_its_weighted_rows():
    X, y = problem("multiclass")
    weights = np.linspace(0.0, 3.0, N)
    chunk = make("multiclass").partial_fit(X, y, classes=[0, 1, 2], sample_weight=weights)
    rows = make("multiclass")
    for i in range(N):
        rows.partial_fit(
            X[i : i + 1], y[i : i + 1], classes=[0, 1, 2], sample_weight=weights[i : i + 1]
        )
    assert bits(rows) == bits(chunk)


def test_weight_by_hand():
    X, y = problem("regression")
    model = BackpropRegressor((), solver="sgd", eta=0.1, random_state=0)
    model.partial_fit(X[:1], y[:1], coef_init=[np.zeros((4, 1))], sample_weight=[3.0])
    np.testing.assert_allclose(model.coefs_[0][:, 0], 0.1 * 3.0 * y[0] * X[0], rtol=1e-14)
    np.testing.assert_allclose(model.intercepts_[0], [0.1 * 3.0 * y[0]], rtol=1e-14)


@pytest.mark.parametrize("batch_size", ["auto", 3])
@pytest.mark.parametrize("solver", ONLINE)
def test_zero_weight_rows_change_nothing(solver, batch_size):
    X, y = problem("regression")
    params = {"solver": solver, "alpha": 0.1, "batch_size": batch_size}
    weights = np.ones(N)
    weights[[0, 3, 4, N - 1]] = 0
    model = make("regression", **params).partial_fit(X, y, sample_weight=weights)
    kept = weights > 0
    without = make("regression", **params)
    without.partial_fit(X[kept], y[kept], sample_weight=weights[kept])
    assert bits(model) == bits(without)
    assert model.t_ == kept.sum()
    before, loss = bits(model), model.loss_
    model.partial_fit(X, y, sample_weight=np.zeros(N))
    assert bits(model) == before and model.loss_ == loss


def test_first_call_with_nothing_but_zero_weights():
    X, y = problem("binary")
    model = make("binary").partial_fit(X, y, classes=[0, 1], sample_weight=np.zeros(N))
    assert model.n_updates_ == model.t_ == 0
    assert bits(model.partial_fit(X, y)) == bits(make("binary").partial_fit(X, y, classes=[0, 1]))


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_class_weight_is_a_sample_weight(kind):
    X, y = problem(kind)
    weighted = make(kind, class_weight={0: 0.0, 1: 2.5}).partial_fit(X, y, **first(kind))
    factors = np.where(y == 0, 0.0, np.where(y == 1, 2.5, 1.0))
    same = make(kind).partial_fit(X, y, sample_weight=factors, **first(kind))
    assert bits(weighted) == bits(same)
    rows = by_rows(kind, X, y, class_weight={0: 0.0, 1: 2.5})
    assert bits(rows) == bits(weighted)
    both = make(kind, class_weight={1: 2.0}).partial_fit(
        X, y, sample_weight=np.full(N, 0.5), **first(kind)
    )
    product = make(kind).partial_fit(X, y, sample_weight=np.where(y == 1, 1.0, 0.5), **first(kind))
    assert bits(both) == bits(product)


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize(
    "class_weight", [[{0: 1.0, 1: 2.0}, {0: 3.0, 1: 1.0}, {0: 1.0, 1: 1.0}], [{1: 2.0}] * 3]
)
def test_class_weight_of_labels_is_that_of_each_row(class_weight, as_sparse):
    # A weight must not depend on what else happens to be in the chunk.
    X, y = problem("multilabel")
    factors = np.prod(
        [
            [weights.get(label, 1.0) for label in column]
            for weights, column in zip(class_weight, y.T, strict=True)
        ],
        axis=0,
    )
    wanted = make("multilabel").partial_fit(X, y, sample_weight=factors)
    y = sparse.csr_array(y) if as_sparse else y
    assert bits(make("multilabel", class_weight=class_weight).partial_fit(X, y)) == bits(wanted)
    assert bits(by_rows("multilabel", X, y, class_weight=class_weight)) == bits(wanted)


def test_class_weight_can_change_between_calls():
    X, y = problem("binary")
    model = make("binary", solver="sgd").partial_fit(X, y, classes=[0, 1])
    same = pickle.loads(pickle.dumps(model))
    model.set_params(class_weight={1: 4.0}).partial_fit(X[1:2], y[1:2])
    same.partial_fit(X[1:2], y[1:2], sample_weight=[4.0])
    assert bits(model) == bits(same)


def test_balanced_is_refused():
    X, y = problem("binary")
    with pytest.raises(ValueError, match="balanced"):
        make("binary", class_weight="balanced").partial_fit(X, y, classes=[0, 1])
    model = make("binary").partial_fit(X, y, classes=[0, 1]).set_params(class_weight="balanced")
    for rows in (slice(1), slice(None)):
        with pytest.raises(ValueError, match="balanced"):
            model.partial_fit(X[rows], y[rows])


def test_explicit_batch_size_is_honoured():
    X, y = problem("regression")
    model = BackpropRegressor((), solver="sgd", eta=0.1, batch_size=5)
    zero = [np.zeros((4, 1))]
    model.partial_fit(X[:5], y[:5], coef_init=zero)
    np.testing.assert_allclose(model.coefs_[0][:, 0], 0.1 * (y[:5] @ X[:5]) / 5, rtol=1e-13)
    assert (model.n_updates_, model.t_) == (1, 5)
    model.partial_fit(X, y)
    assert (model.n_updates_, model.t_) == (1 + 3, 5 + N)  # 5 + 5 + 2 rows
    model.set_params(batch_size=1000).partial_fit(X, y)
    assert (model.n_updates_, model.t_) == (1 + 3 + 1, 5 + 2 * N)
    model.set_params(batch_size="auto").partial_fit(X, y)
    assert (model.n_updates_, model.t_) == (5 + N, 5 + 3 * N)


def test_raw_weights_in_a_batch():
    X, y = problem("regression")
    w = np.linspace(0.5, 4.0, N)
    model = BackpropRegressor((), solver="sgd", eta=0.1, batch_size=N)
    model.partial_fit(X, y, coef_init=[np.zeros((4, 1))], sample_weight=w)
    np.testing.assert_allclose(model.coefs_[0][:, 0], 0.1 * ((w * y) @ X) / N, rtol=1e-13)


@pytest.mark.parametrize("solver", ONLINE)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_batches_are_those_of_fit(solver):
    X, y = problem("multiclass")
    # A named weight_init: with "auto", fit starts the output biases where y has its mean.
    params = {
        "solver": solver, "batch_size": 5, "shuffle": False, "weight_init": "glorot_uniform",
    }  # fmt: skip
    epochs = make("multiclass", **params, max_iter=3, n_iter_no_change=np.inf).fit(X, y)
    model = make("multiclass", **params)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert bits(model) == bits(epochs)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["ham", "spam", "eggs"]),
        np.array(["ham", "spam", "eggs"], dtype=object),
        np.array([10, -3, 7]),
        np.array([1.0, 3.0, 2.0]),
        np.array([2, 0, 1], np.uint8),
    ],
    ids=lambda labels: labels.dtype.str,
)
def test_labels_of_any_sort(labels):
    X, codes = problem("multiclass")
    y = labels[codes]
    chunk = make("multiclass").partial_fit(X, y, classes=labels)
    np.testing.assert_array_equal(chunk.classes_, np.unique(labels))
    rows = make("multiclass")
    for i in range(N):
        rows.partial_fit(X[i : i + 1], y[i : i + 1], classes=labels if i == 0 else None)
    assert bits(rows) == bits(chunk)
    lists = make("multiclass").partial_fit(X, y, classes=labels.tolist())
    assert bits(lists) == bits(chunk)
    assert set(chunk.predict(X).tolist()) <= set(labels.tolist())
    assert chunk.predict(X).dtype.kind == chunk.classes_.dtype.kind


def test_two_classes_of_any_sort():
    X, codes = problem("binary")
    wanted = bits(make("binary").partial_fit(X, codes, classes=[0, 1]))
    for labels in (np.array([False, True]), np.array(["no", "yes"]), np.array([-1, 1])):
        y = labels[codes]
        assert bits(make("binary").partial_fit(X, y, classes=labels)) == wanted
        model = make("binary").partial_fit(X[:1], y[:1], classes=labels)
        for i in range(1, N):
            model.partial_fit(X[i : i + 1], y[i : i + 1])
        assert bits(model) == wanted


def test_classes_are_needed_on_the_first_call_only():
    X, y = problem("multiclass")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        make("multiclass").partial_fit(X, y)
    model = make("multiclass").partial_fit(X[:1], y[:1], classes=[2, 0, 1])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[1, 2, 0])
    for classes in ([0, 1], [0, 1, 2, 3], [0, 1, 5], ["0", "1", "2"]):
        with pytest.raises(ValueError, match="not the same as on the last call"):
            model.partial_fit(X[:1], y[:1], classes=classes)
    with pytest.raises(ValueError, match="class"):
        make("multiclass").partial_fit(X, y, classes=[2])


def test_classes_that_have_not_come_yet_are_predictable():
    model = make("multiclass", eta=0.1, solver="sgd", hidden_layer_sizes=())
    model.partial_fit([[1.0], [2.0]], ["a", "b"], classes=["a", "b", "c"])
    assert model.predict_proba([[1.0]]).shape == (1, 3)
    for _ in range(50):
        model.partial_fit([[9.0]], ["c"])
    assert model.predict([[9.0]]) == ["c"]


@pytest.mark.parametrize("rows", [slice(1), slice(None)])
@pytest.mark.parametrize("label", [3, -1, 0.5, "a"])
def test_unseen_class_raises_and_changes_nothing(label, rows):
    X, y = problem("multiclass")
    model = make("multiclass").partial_fit(X, y, classes=[0, 1, 2])
    before = bits(model)
    bad = y.astype(object)
    bad[0] = label
    bad = bad[rows] if isinstance(label, str) else bad[rows].astype(type(label))
    with pytest.raises(ValueError):
        model.partial_fit(X[rows], bad)
    assert bits(model) == before
    with pytest.raises(ValueError):
        make("multiclass").partial_fit(X[rows], bad, classes=[0, 1, 2])


def test_a_label_without_a_hash():
    X, y = problem("multiclass")
    model = make("multiclass").partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="labels that are not in classes"):
        model.partial_fit(X[:1], np.zeros(1, [("label", int)]))


def test_labels_indicator():
    X, y = problem("multilabel")
    dense = make("multilabel").partial_fit(X, y)
    np.testing.assert_array_equal(dense.classes_, [0, 1, 2])
    for container in (sparse.csr_matrix, sparse.csr_array, sparse.csc_array):
        assert bits(make("multilabel").partial_fit(X, container(y))) == bits(dense)
    assert bits(make("multilabel").partial_fit(X, y.astype(bool))) == bits(dense)
    for wrong in (y[:, :2], y * 2, y[:, 0]):
        with pytest.raises(ValueError):
            dense.partial_fit(X, wrong)


def test_labels_indicator_with_the_same_classes_in_every_call():
    X, y = problem("multilabel")
    for classes in ([0, 1, 2], [2, 3, 5]):
        model = make("multilabel").partial_fit(X, y, classes=classes)
        model.partial_fit(X, y, classes=classes)
        assert model.n_updates_ == 2 * N
    with pytest.raises(ValueError, match="classes"):
        make("multilabel").partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_grows(kind):
    X, y = problem(kind)
    model = make(kind)
    sizes = {}
    for call in range(301):
        rows = slice(call % N, call % N + 1 + call % 3)
        model.partial_fit(X[rows], y[rows], **first(kind))
        sizes[call] = len(pickle.dumps(model))
    assert sizes[300] <= sizes[30] + 8  # a counter may take a byte more
    assert len(pickle.dumps(model.__dict__["loss_curve_"])) < 20


def test_chunks_of_every_size_leave_no_memory_behind():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(512, 50)), rng.normal(size=512)
    model = BackpropRegressor((8,), solver="sgd", eta=1e-4, batch_size=512, random_state=0)
    model.partial_fit(X, y).partial_fit(X[:1], y[:1])
    tracemalloc.start()
    try:
        for n in range(2, 512, 5):
            model.partial_fit(X[:n], y[:n])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10 * X.nbytes
