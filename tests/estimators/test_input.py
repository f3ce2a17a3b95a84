"""Rows of all kinds: frames, sparse, memory-mapped, float32."""

import copy
import itertools
import tracemalloc

import numpy as np
import pytest
from estimator_cases import REGRESSION, TARGETS, N, X, flat, make
from scipy import sparse
from sklearn.base import clone

from skbackprop import (
    BackpropRegressor,
)
from skbackprop.engines.numpy_rows import _BLOCK_ROWS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
    """Whatever turns more than a block of rows of a sparse X into a dense array fails."""

    def only_a_block(toarray):
        def refuse(self, *args, **kwargs):
            if toarray is None or self.shape[0] > _BLOCK_ROWS:
                raise AssertionError("a sparse matrix was densified")
            return toarray(self, *args, **kwargs)

        return refuse

    kinds = (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix,
             sparse.coo_array, sparse.coo_matrix)  # fmt: skip
    for kind, name in itertools.product(kinds, ("toarray", "todense", "__array__")):
        way = only_a_block(kind.toarray if name == "toarray" else None)
        monkeypatch.setattr(kind, name, way, raising=False)


@pytest.mark.parametrize(
    "container, dtype",
    [
        (sparse.csr_array, np.float32),
        (sparse.csr_array, np.float64),
        (sparse.csr_matrix, np.float64),
        (sparse.csc_array, np.float64),
        (sparse.coo_matrix, np.float64),
        pytest.param(sparse.csc_array, np.float32, marks=pytest.mark.matrix),
        pytest.param(sparse.coo_matrix, np.float32, marks=pytest.mark.matrix),
    ],
)
@pytest.mark.parametrize("kind", ["two_targets", "multiclass", "multilabel"])
def test_sparse_rows_are_never_densified_as_a_whole(kind, container, dtype, never_densified):
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
    S = sparse.random(1500, 20000, density=1e-4, format="csr", random_state=0)
    y = np.asarray(S[:, :50].sum(axis=1)).ravel()
    tracemalloc.start()
    try:
        BackpropRegressor((4,), max_iter=1, random_state=0).fit(S, y).predict(S)
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
