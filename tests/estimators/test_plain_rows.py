"""Memory layouts, and rows that need no validation."""

import pickle
import warnings
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from online_cases import N, bits, by_rows, first, flat, make, problem
from problems import KINDS
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.estimators import base, sample_weights, targets


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
def test_lists_come_to_the_same_bits(kind):
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
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
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
        patch.setattr(base, "plain_targets", lambda y, numeric: None)
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
    model.partial_fit(X[:1].tolist(), y if isinstance(y, list) else y.tolist())
    model.predict(X[:1].tolist())
    assert model.n_updates_ == N + 3
    with pytest.raises(AssertionError):
        model.partial_fit([X[:1].tolist()], y)


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


FORMS_OF_TABLES = {
    "as it is": lambda A: A,
    "by columns": np.asfortranarray,
    "every other row": lambda A: np.repeat(A, 2, axis=0)[::2],
    "large and strided": lambda A: np.tile(A, (190, 2))[:, :3],
    "float32": lambda A: A.astype(np.float32),
    "integers": lambda A: (9 * A).astype(int),
    "a NaN": lambda A: np.where(A == A.max(), np.nan, A),
    "squares that overflow": lambda A: A * 1e160,
    "other bytes": lambda A: A.astype(A.dtype.newbyteorder()),
    "no rows": lambda A: A[:0],
    "a list": lambda A: A.tolist(),
}
FORMS_OF_TARGETS = {
    "numbers": lambda x: x,
    "integers": lambda x: (x > 0).astype(int),
    "many integers": lambda x: np.arange(len(x)) % 40,
    "booleans": lambda x: x > 0,
    "text": lambda x: np.where(x > 0, "yes", "no"),
    "objects": lambda x: np.where(x > 0, "yes", "no").astype(object),
    "a column": lambda x: (x > 0).astype(int)[:, None],
    "two columns": lambda x: np.column_stack([x > 0, x > 1]).astype(int),
    "infinite": lambda x: np.where(x > 0, np.inf, x),
    "one class": lambda x: np.zeros(len(x), int),
    "too short": lambda x: x[1:],
    "three dimensions": lambda x: x[:, None, None],
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", [BackpropRegressor, BackpropClassifier])
@pytest.mark.parametrize("form_of_y", FORMS_OF_TARGETS)
@pytest.mark.parametrize("form_of_x", FORMS_OF_TABLES)
def test_a_fit_of_plain_arrays_is_that_of_validated_ones(Estimator, form_of_x, form_of_y):
    X = np.random.default_rng(0).normal(size=(30, 3))
    X = FORMS_OF_TABLES[form_of_x](X)
    y = FORMS_OF_TARGETS[form_of_y](np.asarray(X)[:, 0].astype(float))

    def fitted():
        model = Estimator((3,), max_iter=2, engine="numpy", random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model.fit(X, y)
            except (ValueError, TypeError, ArithmeticError) as error:
                return type(error), str(error), sorted(vars(model))
        told = [(warning.category, str(warning.message)) for warning in caught]
        return bits(model), model.n_features_in_, model.loss_curve_, told

    got = fitted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "plain_targets", lambda y, numeric: None)
        patch.setattr(targets, "_DISCRETE", "")
        assert got == fitted()


def test_a_refit_on_a_plain_array_forgets_the_names_of_columns():
    frame = pytest.importorskip("pandas").DataFrame(np.eye(4), columns=list("abcd"))
    model = BackpropRegressor((3,), solver="lbfgs", random_state=0).fit(frame, np.arange(4.0))
    assert list(model.feature_names_in_) == list("abcd")
    model.fit(np.eye(3), np.arange(3.0))
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 3
