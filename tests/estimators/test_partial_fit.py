"""`partial_fit` is the online rule: one row, one update, in the order given, bit for bit."""

import copy
import pickle
import subprocess
import sys
import tracemalloc
import warnings
from functools import cache, partial

import joblib
import numpy as np
import problems
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import KINDS
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from skbackprop import (
    RULES,
    Adam,
    BackpropClassifier,
    BackpropRegressor,
    InverseScaling,
    Momentum,
)
from skbackprop.estimators import base, sample_weights, targets

ONLINE = sorted(name for name, rule in RULES.items() if not rule.full_batch)
N = 12
problem = partial(problems.problem, n=N)


def make(kind, **params):
    Estimator = BackpropRegressor if kind in ("regression", "two_targets") else BackpropClassifier
    defaults = {"hidden_layer_sizes": (5, 3), "activation": "tanh", "eta": 0.05, "random_state": 0}
    return Estimator(**{**defaults, **params})


def first(kind):
    """Keywords of the first call."""
    return {"binary": {"classes": [0, 1]}, "multiclass": {"classes": [0, 1, 2]}}.get(kind, {})


def flat(model):
    """All weights and biases in one new array."""
    arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    return np.concatenate([a.ravel() for a in arrays])


def bits(model):
    """What training has moved, to the bit."""
    state = model._model.state
    return flat(model).tobytes(), state.rule_state.tobytes(), model.n_updates_, model.t_


def by_rows(kind, X, y, rows=None, model=None, **params):
    """A model that has been shown the rows one at a time."""
    model = make(kind, **params) if model is None else model
    for i in range(X.shape[0]) if rows is None else rows:
        model.partial_fit(X[i : i + 1], y[i : i + 1], **first(kind))
    return model


# -- one row, one update -------------------------------------------------------------------------


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


# -- memory layouts and roads --------------------------------------------------------------------


def misaligned(X):
    raw = np.empty(X.nbytes + 1, np.uint8)
    view = raw[1:].view(X.dtype).reshape(X.shape)
    view[...] = X
    return view


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


LAYOUTS = {
    "fortran": np.asfortranarray,
    "columns_strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "rows_strided": lambda X: np.repeat(X, 3, axis=0)[::3],
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "misaligned": misaligned,
    "read_only": read_only,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_features", [1, 4, 33])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_changes_no_bit(layout, n_features, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, n_features)).astype(dtype)
    y = rng.normal(size=N)
    Z = LAYOUTS[layout](X)
    params = {"solver": "adam", "hidden_layer_sizes": (7,)}
    wanted = bits(by_rows("regression", X, y, **params))
    assert bits(by_rows("regression", Z, y, **params)) == wanted
    assert bits(make("regression", **params).partial_fit(Z, y)) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_lists_take_the_full_road_to_the_same_bits(kind):
    X, y = problem(kind)
    quick = by_rows(kind, X, y)
    model = make(kind)
    for i in range(N):
        model.partial_fit(X[i : i + 1].tolist(), y[i : i + 1].tolist(), **first(kind))
    assert bits(model) == bits(quick)
    mixed = make(kind)
    for i in range(N):
        model_X = X[i : i + 1] if i % 2 else X[i : i + 1].tolist()
        mixed.partial_fit(model_X, y[i : i + 1].tolist(), **first(kind))
    assert bits(mixed) == bits(quick)


NUMBERS = [1, 0, 1.0, 2, -1, 0.5, True, 1e200, 1e300, -1e-300, 2**53 + 1, 2**70, np.nan, np.inf]
FORMS_OF_X = [
    np.array,
    np.asfortranarray,
    sparse.csr_array,
    lambda X: X.astype(np.float32),
    np.ndarray.tolist,
    sparse.csr_matrix,
    sparse.csc_array,
    lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    lambda X: np.clip(np.nan_to_num(X), -9, 9).astype(int),
    lambda X: X.astype(object),
    lambda X: X[:, :3],
    lambda X: X + 1j,
]
FORMS_OF_Y = [
    list,
    np.array,
    lambda y: np.array([y]),
    lambda y: np.array([y], dtype=float),
    tuple,
    lambda y: [list(y)],
    lambda y: np.array(y, dtype=object),
    lambda y: np.array(y, dtype=float),
    lambda y: np.array(y, dtype=np.float16),
    lambda y: np.array([y], dtype=np.float32),
    lambda y: np.array(y, dtype=complex),
    lambda y: np.array(y, dtype=str),
    lambda y: np.array([str(entry) for entry in y], dtype=object),
    lambda y: [np.float32(entry) for entry in y],
    lambda y: sparse.csr_array([np.array(y, dtype=float)]),
    lambda y: np.array(y, dtype=float).astype("M8[ns]"),
    lambda y: np.empty((1, 0)),
]
FORMS_OF_WEIGHTS = [
    lambda weight: None,
    lambda weight: weight,
    lambda weight: [weight],
    lambda weight: np.array([weight]),
    lambda weight: np.array([float(weight)]),
    lambda weight: [str(weight)],
    lambda weight: [weight, weight],
]
SETTINGS_OF_ROWS = [
    ("regression", {}),
    ("regression", {"loss": "poisson", "noise": 0.1}),
    ("two_targets", {"solver": "sgd"}),
    ("binary", {"class_weight": {0: 0.5, 1: 2}}),
    ("multiclass", {}),
    ("multiclass", {"class_weight": {1: 1e300}}),
    ("multiclass", {"class_weight": {2: 3.0, 5: 1.0}}),
    ("multilabel", {}),
]


@cache
def started(setting, dtype):
    """A model of one setting after a few rows, pickled."""
    kind, params = SETTINGS_OF_ROWS[setting]
    X, y = problem(kind, dtype)
    model = make(kind, **{**params, "class_weight": None} if "class_weight" in params else params)
    model.partial_fit(X, abs(y), **first(kind))
    return pickle.dumps(model.set_params(**params))


def outcome(model, *args, **kwargs):
    """What comes of presenting a row: the model, the error, the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.partial_fit(*args, **kwargs)
        except (ValueError, TypeError, ArithmeticError) as error:
            return bits(model), type(error), str(error)
    told = [(warning.category, str(warning.message)) for warning in caught]
    return bits(model), model.n_iter_, repr(model.loss_), told


def mostly(choices):
    """One of the choices, every other time one of the first four."""
    return st.sampled_from(choices[:4]) | st.sampled_from(choices)


@given(data=st.data())
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_a_row_that_is_not_validated_has_nothing_to_be_refused(data):
    # Twice the same call: as it is, and validated whatever it looks like.
    setting = data.draw(st.integers(0, len(SETTINGS_OF_ROWS) - 1))
    n_targets = {"two_targets": 2, "multilabel": 3}.get(SETTINGS_OF_ROWS[setting][0], 1)
    stored = started(setting, data.draw(st.sampled_from([np.float32, np.float64])))
    numbers = mostly(NUMBERS)
    row = np.array([[data.draw(st.floats(-2, 2)), 0.0, data.draw(numbers), 1.0]], dtype=float)
    given_y = data.draw(st.lists(numbers, min_size=n_targets, max_size=n_targets))
    with np.errstate(all="ignore"):
        X, y = data.draw(mostly(FORMS_OF_X))(row), data.draw(mostly(FORMS_OF_Y))(given_y)
    weight = data.draw(mostly(FORMS_OF_WEIGHTS))(data.draw(numbers))
    got = outcome(pickle.loads(stored), X, y, sample_weight=weight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "plain_target", lambda y, numeric: None)
        patch.setattr(sample_weights, "_plain_weight", lambda sample_weight, dtype: None)
        patch.setattr(targets.ClassCoding, "_look_up", lambda coding, y: None)
        assert got == outcome(pickle.loads(stored), X, y, sample_weight=weight)


def unwanted(*args, **kwargs):
    raise AssertionError("a plain row is not worth this")


@pytest.mark.parametrize("weight", [None, 2, 0.5, [1.0], np.array([1])], ids=repr)
@pytest.mark.parametrize(
    "kind, params, form_of_x, y",
    [
        ("regression", {}, np.array, [1.5]),
        ("regression", {}, np.array, [1]),
        ("regression", {}, np.array, np.array([1], np.int32)),
        ("regression", {"loss": "poisson"}, np.array, np.array([[2.5]])),
        ("regression", {}, lambda X: X.astype(np.float32), np.array([1.5], np.float32)),
        ("regression", {}, lambda X: X.astype(int), [np.float64(1.5)]),
        ("regression", {}, np.asfortranarray, [1.5]),
        ("two_targets", {}, sparse.csr_array, np.array([[1.5, 2.5]])),
        ("two_targets", {}, sparse.csr_matrix, np.array([[1, 2]])),
        ("binary", {"class_weight": {0: 1, 1: 2}}, np.array, [1]),
        ("multiclass", {"class_weight": {2: 3.0}}, np.array, np.array([2])),
        ("multilabel", {}, np.array, np.array([[1, 0, 1]])),
        ("multilabel", {}, np.array, np.array([[True, False, True]])),
    ],
)
def test_plain_rows_are_not_validated(kind, params, form_of_x, y, weight, monkeypatch):
    X, targets_of_all = problem(kind)
    model = make(kind, **params).partial_fit(X, abs(targets_of_all), **first(kind))
    model.partial_fit(X[:1], abs(targets_of_all[:1]))  # works out what it keeps
    monkeypatch.setattr(base, "validate_data", unwanted)
    for module, name in (
        (targets, "check_array"),
        (targets, "compute_class_weight"),
        (sample_weights, "check_array"),
    ):
        monkeypatch.setattr(module, name, unwanted)
    model.partial_fit(form_of_x(X[:1]), y, sample_weight=weight)
    model.predict(form_of_x(X[:1]))
    assert model.n_updates_ == N + 2
    with pytest.raises(AssertionError):
        model.partial_fit(X[:1].tolist(), y)


def test_a_number_is_no_label_of_time():
    X, codes = problem("binary")
    classes = np.array([0, 1], "M8[ns]")
    model = make("binary").partial_fit(X, classes[codes], classes=classes)
    model.partial_fit(X[:1], classes[:1])
    with pytest.raises(ValueError, match="not in classes"):
        model.partial_fit(X[:1], [1])
    ints = make("binary").partial_fit(X, codes, classes=[0, 1])
    with pytest.raises(ValueError, match="not in classes"):
        ints.partial_fit(X[:1], classes[:1])


@pytest.mark.parametrize("changed", [{1: 4.0}, {0: 2.0, 1: 4.0}, {}])
def test_class_weight_changed_in_place_takes_effect_at_the_next_call(changed):
    X, y = problem("binary")
    given = {1: 3.0}
    model = make("binary", solver="sgd", class_weight=given).partial_fit(X, y, classes=[0, 1])
    same = pickle.loads(pickle.dumps(model)).set_params(class_weight=None)
    given.clear()
    given.update(changed)
    model.partial_fit(X[1:2], y[1:2])
    same.partial_fit(X[1:2], y[1:2], sample_weight=[changed.get(1, 1.0)])
    assert bits(model) == bits(same)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["two_targets", "multiclass"])
def test_sparse_rows(kind, dtype, container):
    X, y = problem(kind, dtype)
    X[np.abs(X) < 0.5] = 0
    S = container(X)
    chunk = make(kind).partial_fit(S, y, **first(kind))
    assert bits(by_rows(kind, sparse.csr_array(S), y)) == bits(chunk)
    assert flat(chunk).dtype == dtype
    tolerance = 1e-12 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(flat(chunk), flat(by_rows(kind, X, y)), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    "y",
    [
        [1],
        [1.0],
        [True],
        [np.int8(1)],
        [np.array(1)],
        np.array([1]),
        np.array([1.0]),
        np.array([1], dtype=object),
        (1,),
    ],
    ids=repr,
)
def test_one_label_however_it_is_given(y):
    X, labels = problem("multiclass")
    wanted = make("multiclass").partial_fit(X, labels, classes=[0, 1, 2])
    model = pickle.loads(pickle.dumps(wanted))
    model.partial_fit(X[:1], y)
    wanted.partial_fit(X[:1], np.array([1]))
    assert bits(model) == bits(wanted)


@pytest.mark.parametrize("y", [[[1]], np.array([[1]])], ids=repr)
def test_one_label_as_a_column(y):
    # As scikit-learn does: taken, with a warning.
    X, labels = problem("multiclass")
    model = make("multiclass").partial_fit(X, labels, classes=[0, 1, 2])
    before = model.n_updates_
    with pytest.warns(DataConversionWarning):
        model.partial_fit(X[:1], y)
    assert model.n_updates_ == before + 1


@pytest.mark.parametrize(
    "y",
    [
        [1.5],
        [np.float64(1.5)],
        [np.float32(1.5)],
        np.array([1.5]),
        np.array([1.5], np.float32),
        np.array([[1.5]]),
        [[1.5]],
        (1.5,),
        np.array([1.5], dtype=object),
    ],
    ids=repr,
)
def test_one_target_however_it_is_given(y):
    X, targets = problem("regression")
    wanted = make("regression").partial_fit(X, targets)
    model = pickle.loads(pickle.dumps(wanted))
    model.partial_fit(X[:1], y)
    wanted.partial_fit(X[:1], [1.5])
    assert bits(model) == bits(wanted)


def test_finite_rows_whose_squares_overflow_are_taken():
    model = BackpropRegressor((), solver="sgd", eta=1e-300, random_state=0)
    model.partial_fit([[1.0]], [1.0], coef_init=[[[0.0]]])
    model.partial_fit(np.array([[1e160]]), np.array([1.0]))
    np.testing.assert_allclose(model.coefs_[0], [[1e-140]], rtol=1e-12)
    assert model.n_updates_ == 2


def test_later_rows_are_cast_to_the_dtype_of_the_first():
    X, y = problem("regression", np.float32)
    model = make("regression").partial_fit(X, y)
    same = pickle.loads(pickle.dumps(model))
    model.partial_fit(X.astype(np.float64), y)
    same.partial_fit(X, y.astype(np.float32))
    assert flat(model).dtype == np.float32
    assert bits(model) == bits(same)


# -- sample weights ------------------------------------------------------------------------------


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


# -- batches -------------------------------------------------------------------------------------


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


# -- parameters between calls --------------------------------------------------------------------


def gradient_step(model, X, y):
    """What one row moves a plain-sgd model by, at eta = 1 (on a copy)."""
    probe = copy.deepcopy(model)
    probe.set_params(solver="sgd", eta=1.0, alpha=0.0, eta_schedule=None)
    return flat(probe.partial_fit(X, y)) - flat(model)


def test_eta_takes_effect_at_the_next_call():
    X, y = problem("regression")
    model = make("regression", solver="sgd").partial_fit(X, y)
    for eta in (0.01, 0.2, np.float32(0.5), np.int64(1), np.array(0.3), [0.1, 0.0, 0.2]):
        g, start = gradient_step(model, X[:1], y[:1]), flat(model)
        model.set_params(eta=eta).partial_fit(X[:1], y[:1])
        if isinstance(eta, list):
            eta = np.repeat(eta, [W.size + b.size for W, b in zip(
                model.coefs_, model.intercepts_, strict=True)])  # fmt: skip
        np.testing.assert_allclose(flat(model) - start, eta * g, rtol=1e-9, atol=1e-15)


def test_eta_list_changed_in_place():
    X, y = problem("regression")
    eta = [0.1, 0.1, 0.1]
    model = make("regression", solver="sgd", eta=eta).partial_fit(X, y)
    start = flat(model)
    eta[:] = [0.0, 0.0, 0.0]
    model.partial_fit(X, y)
    np.testing.assert_array_equal(flat(model), start)


SETTINGS = [
    {"eta": np.float64(0.05)},
    {"eta": np.float32(0.05)},
    {"eta": np.array(0.05)},
    {"eta": (0.1, 0.0, np.float64(0.2))},
    {"eta": np.array([0.1, 0.0, 0.2])},
    {"dropout": [0.0, 0.5, 0.0]},
    {"dropout": np.zeros(3)},
    {"mask": [None, True, np.bool_(False)]},
    {"mask": (np.eye(4, 5), None, [[1], [0], [True]])},
]


@pytest.mark.parametrize("params", SETTINGS, ids=lambda params: next(iter(params)))
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_unchanged_parameters_keep_the_trainer(solver, params):
    X, y = problem("regression")
    model = make("regression", solver=solver, **params).partial_fit(X, y)
    trainer = model.partial_fit(X[:1], y[:1])._running.trainer
    assert model.partial_fit(X[:1], y[:1])._running.trainer is trainer
    assert model.partial_fit(X, y)._running.trainer is trainer
    assert copy.deepcopy(model).partial_fit(X, y)._running.trainer is not trainer


def connections():
    return [np.ones((4, 5)), None, [[1], [1], [1]]]


def cut(mask):
    mask[0][1:, 2] = 0


def cut_listed(mask):
    mask[2][1][0] = 0


def speed_up(eta):
    eta[1] = 0.5


def double(eta):
    eta *= 2.0


@pytest.mark.parametrize(
    "name, value, change",
    [
        ("eta", [0.1, 0.1, 0.1], speed_up),
        ("eta", np.array([0.1, 0.1, 0.1]), speed_up),
        ("eta", np.array(0.1), double),
        ("dropout", [0.0, 0.0, 0.0], speed_up),
        ("mask", connections(), cut),
        ("mask", connections(), cut_listed),
    ],
)
def test_what_changes_in_place_takes_effect_at_the_next_call(name, value, change):
    X, y = problem("regression")
    value = copy.deepcopy(value)  # it is changed
    model = make("regression", solver="sgd", **{name: value}).partial_fit(X, y)
    fresh = copy.deepcopy(model)
    before = pickle.loads(pickle.dumps(model))
    change(value)
    fresh.set_params(**{name: copy.deepcopy(value)})
    assert bits(model.partial_fit(X[:1], y[:1])) == bits(fresh.partial_fit(X[:1], y[:1]))
    assert bits(before.partial_fit(X[:1], y[:1])) != bits(model)


def test_alpha_takes_effect_at_the_next_call():
    X, y = problem("regression")
    model = make("regression", solver="sgd", eta=0.1).partial_fit(X, y)
    is_weight = np.concatenate([
        np.repeat([1.0, 0.0], [W.size, b.size])
        for W, b in zip(model.coefs_, model.intercepts_, strict=True)
    ])  # fmt: skip
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(alpha=0.3, l1_ratio=0.25).partial_fit(X[:1], y[:1])
    pull = 0.3 * is_weight * (0.25 * np.sign(start) + 0.75 * start)
    np.testing.assert_allclose(flat(model) - start, 0.1 * (g - pull), rtol=1e-9, atol=1e-15)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(alpha=0.0).partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(flat(model) - start, 0.1 * g, rtol=1e-9, atol=1e-15)


def test_a_new_kind_of_solver_starts_fresh():
    X, y = problem("regression")
    model = make("regression", solver="momentum", eta=0.01).partial_fit(X, y)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(solver="adam").partial_fit(X[:1], y[:1])
    # Adam's first step is eta sign(g), wherever |g| is far from epsilon.
    big = np.abs(g) > 1e-3
    assert big.sum() > 10
    np.testing.assert_allclose((flat(model) - start)[big], 0.01 * np.sign(g[big]), rtol=1e-4)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(solver="sgd").partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(flat(model) - start, 0.01 * g, rtol=1e-9, atol=1e-15)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(solver=Momentum()).partial_fit(X[:1], y[:1])  # its old u is forgotten
    np.testing.assert_allclose(flat(model) - start, 0.01 * g, rtol=1e-9, atol=1e-15)
    assert model.n_updates_ == N + 3


def test_the_same_kind_of_solver_goes_on():
    X, y = problem("regression")
    named = make("regression", solver="adam").partial_fit(X, y).partial_fit(X, y)
    objects = make("regression", solver=Adam()).partial_fit(X, y)
    objects.set_params(solver="adam").partial_fit(X, y)
    assert bits(named) == bits(objects)


def test_settings_of_the_solver_take_effect_at_the_next_call():
    X, y = problem("regression")
    model = make("regression", solver=Momentum(0.9)).partial_fit(X, y)
    (u,) = model._model.state.rule_state.copy()
    for momentum in (0.5, 0.0):
        g, start = gradient_step(model, X[:1], y[:1]), flat(model)
        model.set_params(solver__momentum=momentum).partial_fit(X[:1], y[:1])
        u = momentum * u + 0.05 * g
        np.testing.assert_allclose(flat(model) - start, u, rtol=1e-9, atol=1e-14)
    # also when set on the object itself
    model.solver.momentum = 0.7
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(flat(model) - start, 0.7 * u + 0.05 * g, rtol=1e-9, atol=1e-14)


def test_schedule_sees_the_update_count_and_takes_effect_at_the_next_call():
    X, y = problem("regression")
    seen = []

    def schedule(t):
        seen.append(t)
        return 0.0

    model = make("regression", solver="sgd").partial_fit(X, y)
    start = flat(model)
    model.set_params(eta_schedule=schedule).partial_fit(X, y)
    model.partial_fit(X[:1], y[:1])
    assert seen == list(range(N, 2 * N + 1))
    np.testing.assert_array_equal(flat(model), start)
    for schedule, multiplier in (
        ("invscaling", (2 * N + 2) ** -0.5),
        (InverseScaling(0.8), (2 * N + 3) ** -0.8),
        ("constant", 1.0),
        (None, 1.0),
    ):
        g, start = gradient_step(model, X[:1], y[:1]), flat(model)
        model.set_params(eta_schedule=schedule).partial_fit(X[:1], y[:1])
        np.testing.assert_allclose(
            flat(model) - start, 0.05 * multiplier * g, rtol=1e-9, atol=1e-15
        )
    model.set_params(eta_schedule=InverseScaling(0.5)).partial_fit(X[:1], y[:1])
    g, start, t = gradient_step(model, X[:1], y[:1]), flat(model), model.n_updates_
    model.set_params(eta_schedule__power=0.9).partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(
        flat(model) - start, 0.05 * (t + 1) ** -0.9 * g, rtol=1e-9, atol=1e-15
    )


def test_adaptive_keeps_the_eta_that_fit_reached():
    X, y = problem("regression")
    model = make(
        "regression", solver="sgd", eta=0.1, eta_schedule="adaptive", n_iter_no_change=1,
        tol=1e3, max_iter=9, shuffle=False, batch_size=N,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)  # never improves by tol: divided by 5 in every second epoch
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.partial_fit(X[:1], y[:1])
    ratio = 0.1 * g / (flat(model) - start)
    divisions = np.log(np.median(ratio)) / np.log(5)
    assert divisions == pytest.approx(round(divisions), abs=1e-9)
    assert round(divisions) >= 3


STRUCTURE = [
    {"hidden_layer_sizes": (5,)},
    {"hidden_layer_sizes": (5, 4)},
    {"activation": "relu"},
    {"activation": ["tanh", "relu"]},
    {"output_activation": "tanh"},
    {"loss": "cross_entropy"},
]


@pytest.mark.parametrize("changed", STRUCTURE, ids=repr)
def test_structural_change_raises_and_predict_goes_on(changed):
    X, y = problem("binary")
    model = make("binary", loss="squared_error").partial_fit(X, y, classes=[0, 1])
    parameters = model.get_params()
    before, predictions = bits(model), model.decision_function(X)
    model.set_params(**changed)
    for rows in (slice(1), slice(None)):
        with pytest.raises(ValueError, match=next(iter(changed))):
            model.partial_fit(X[rows], y[rows])
        np.testing.assert_array_equal(model.decision_function(X), predictions)
        model.predict(X), model.predict(X[:1])
    assert bits(model) == before
    model.set_params(**{name: parameters[name] for name in changed}).partial_fit(X, y)
    assert model.n_updates_ == 2 * N


def test_the_same_structure_said_otherwise_is_no_change():
    X, y = problem("regression")
    model = make("regression").partial_fit(X, y)
    model.set_params(hidden_layer_sizes=[5, 3]).partial_fit(X, y)
    model.set_params(hidden_layer_sizes=np.array([5, 3])).partial_fit(X, y)
    assert model.n_updates_ == 3 * N


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partial_fit_goes_on_after_fit_and_early_stopping():
    X, y = problem("multiclass", n=40)
    for early_stopping in (False, True):
        model = make("multiclass", max_iter=3, early_stopping=early_stopping).fit(X, y)
        n_updates, t = model.n_updates_, model.t_
        model.partial_fit(X, y)
        assert (model.n_updates_, model.t_) == (n_updates + 40, t + 40)
        assert model.n_iter_ == 4 and len(model.loss_curve_) == 3


# -- classes -------------------------------------------------------------------------------------


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


# -- pickles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ONLINE)
def test_pickled_in_mid_stream(solver, kind):
    X, y = problem(kind, np.float32)
    params = {"solver": solver, "eta_schedule": "invscaling", "alpha": 0.01}
    straight = by_rows(kind, X, y, **params)
    half = by_rows(kind, X, y, range(N // 2), **params)
    loaded = pickle.loads(pickle.dumps(half))
    assert bits(loaded) == bits(half)
    by_rows(kind, X, y, range(N // 2, N), model=loaded)
    assert bits(loaded) == bits(straight)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pickled_between_warm_starts():
    X, y = problem("multiclass", n=40)
    for random_state in (0, np.random.RandomState(3), None):
        model = make(
            "multiclass", warm_start=True, max_iter=2, batch_size=7, random_state=random_state,
            eta_schedule="adaptive",
        )  # fmt: skip
        loaded = pickle.loads(pickle.dumps(model.fit(X, y)))
        assert bits(loaded.fit(X, y)) == bits(model.fit(X, y))
        assert loaded.loss_curve_ == model.loss_curve_


def test_continues_in_another_process(tmp_path):
    X, y = problem("multiclass")
    model = make("multiclass", solver=Adam(beta_2=0.9), eta_schedule=InverseScaling(0.3))
    model.partial_fit(X, y, classes=[0, 1, 2])
    (tmp_path / "model").write_bytes(pickle.dumps((model, X, y)))
    script = (
        "import pickle, sys, pathlib\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "model, X, y = pickle.loads((folder / 'model').read_bytes())\n"
        "for i in range(len(X)):\n"
        "    model.partial_fit(X[i : i + 1], y[i : i + 1])\n"
        "(folder / 'back').write_bytes(pickle.dumps(model))\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, timeout=60)
    back = pickle.loads((tmp_path / "back").read_bytes())
    assert bits(back) == bits(model.partial_fit(X, y))
    assert back.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize("solver", ONLINE)
def test_read_only_memory_mapped_pickle_goes_on(solver, tmp_path):
    X, y = problem("regression")
    model = make("regression", solver=solver).partial_fit(X, y)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    content = path.read_bytes()
    loaded = joblib.load(path, mmap_mode="r")
    assert not loaded.coefs_[0].flags.writeable
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.partial_fit(X[:1], y[:1]).partial_fit(X[1:], y[1:])
    assert bits(loaded) == bits(model.partial_fit(X, y))
    assigned = joblib.load(path, mmap_mode="r")
    assigned.coefs_ = [np.full_like(W, 0.5) for W in assigned.coefs_]
    assert all((W == 0.5).all() for W in assigned.coefs_)
    warm = joblib.load(path, mmap_mode="r").set_params(warm_start=True, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        warm.fit(X, y)
    assert warm.n_updates_ == N + 1
    assert path.read_bytes() == content


# -- an endless stream ---------------------------------------------------------------------------


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
