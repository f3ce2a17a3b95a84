"""What is no number, or is missing, is refused by name before anything moves."""

import datetime
import warnings

import numpy as np
import pytest
from invalid_cases import ESTIMATORS, N, X, Y, fingerprint, fitted, make
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.multioutput import MultiOutputRegressor

from skbackprop import (
    LOSSES,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
    UpdateRule,
    WholeBatchSolver,
    check_gradient,
    diagnose,
    trace_signals,
)

pd = pytest.importorskip("pandas")

HOLE = 3
POSITIVE = 1.0 + np.abs(Y[BackpropRegressor])
FOR_NUMBERS = sorted(name for name, loss in LOSSES.items() if "regression" in loss.tasks)


def holed(values, hole, dtype=object):
    values = np.asarray(values).astype(dtype)
    values[HOLE] = hole
    return values


def text(values, hole):
    return [hole if i == HOLE else repr(float(value)) for i, value in enumerate(values)]


def masked(values):
    A = np.ma.array(values, mask=np.zeros(np.shape(values), bool), copy=True)
    A[HOLE] = np.ma.masked
    A.data[HOLE] = -9999
    return A


def refused(call, model, match, error=ValueError):
    before = fingerprint(model)
    with pytest.raises(error, match=match) as caught:
        call()
    assert fingerprint(model) == before
    return str(caught.value)


MISSING_NUMBERS = {
    "None": lambda y: holed(y, None),
    "nan": lambda y: holed(y, np.nan),
    "float": lambda y: holed(y, np.nan, float),
    "float32": lambda y: holed(y, np.nan, np.float32),
    "NA": lambda y: holed(y, pd.NA),
    "text": lambda y: text(y, "nan"),
    "array_of_text": lambda y: np.array(text(y, "nan")),
    "list": lambda y: holed(y, None).tolist(),
    "series": lambda y: pd.Series(holed(y, None)),
    "float_series": lambda y: pd.Series(holed(y, np.nan, float)),
    "nullable_series": lambda y: pd.Series(holed(y, pd.NA), dtype="Float64"),
}
INFINITE = {
    "object": lambda y: holed(y, np.inf),
    "float": lambda y: holed(y, -np.inf, float),
    "text": lambda y: text(y, "inf"),
    "series": lambda y: pd.Series(holed(y, np.inf)),
}


@pytest.mark.parametrize("loss", FOR_NUMBERS)
@pytest.mark.parametrize(
    ("form", "match"),
    [(form, "y contains NaN") for form in MISSING_NUMBERS.values()]
    + [(form, "y contains infinity") for form in INFINITE.values()],
    ids=[*MISSING_NUMBERS, *(f"infinite-{name}" for name in INFINITE)],
)
def test_missing_and_infinite_targets(form, match, loss):
    model = make(BackpropRegressor, loss=loss, eta=1e-3).partial_fit(X, POSITIVE)
    y = form(POSITIVE)
    refused(lambda: model.fit(X, y), model, match)
    refused(lambda: model.partial_fit(X, y), model, match)
    refused(lambda: model.partial_fit(X[HOLE : HOLE + 1], y[HOLE : HOLE + 1]), model, match)
    refused(lambda: model.fit(X, POSITIVE, X_val=X, y_val=y), model, f"validation rows.*{match}")
    refused(lambda: model.score(X, y), model, match)
    fresh = make(BackpropRegressor, loss=loss)
    refused(lambda: fresh.partial_fit(X, y), fresh, match)


@pytest.mark.parametrize("solver", SOLVERS)
def test_missing_targets_of_whole_batch_solvers(solver):
    model = BackpropRegressor((3,), solver=solver, activation="tanh", max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, POSITIVE)
    model.set_params(warm_start=True)
    refused(lambda: model.fit(X, holed(POSITIVE, None)), model, "y contains NaN in 1 of 20 rows")


MISSING_LABELS = {
    "None": lambda y: holed(y, None),
    "None_among_text": lambda y: holed(y.astype(str), None),
    "nan": lambda y: holed(y, np.nan),
    "NA": lambda y: holed(y, pd.NA),
    "NaT": lambda y: holed(y, np.datetime64("NaT")),
    "dates": lambda y: holed(y.astype("M8[D]"), "NaT", "M8[D]"),
    "durations": lambda y: holed(y, "NaT", "m8[s]"),
    "series": lambda y: pd.Series(holed(y.astype(str), None)),
    "dates_series": lambda y: pd.Series(holed(y, "NaT", "M8[ns]")),
}


@pytest.mark.parametrize("form", MISSING_LABELS.values(), ids=MISSING_LABELS)
def test_missing_labels(form):
    match = "y contains missing values in 1 of 20 rows \\(3\\)"
    model, y = fitted(BackpropClassifier), form(Y[BackpropClassifier])
    refused(lambda: model.fit(X, y), model, match)
    refused(lambda: model.partial_fit(X, y), model, match)
    refused(lambda: model.fit(X, Y[BackpropClassifier], X_val=X, y_val=y), model, match)
    refused(lambda: model.score(X, y), model, match)


@pytest.mark.parametrize(("hole", "match"), [
    (None, "y contains missing values"), ("a", "y is a matrix of objects .* 0/1 indicator")
])  # fmt: skip
def test_indicators_of_objects(hole, match):
    labels = (X > 0).astype(int)
    whole, broken = labels.astype(object), labels.astype(object)
    broken[HOLE, 1] = hole
    model = make(BackpropClassifier, max_iter=100, n_iter_no_change=1, tol=10.0)
    refused(lambda: model.fit(X, broken), model, match)
    same = make(BackpropClassifier, max_iter=100, n_iter_no_change=1, tol=10.0).fit(X, labels)
    model.fit(X, whole)
    np.testing.assert_array_equal(model.coefs_[0], same.coefs_[0])
    refused(lambda: model.partial_fit(X, broken), model, match)
    refused(lambda: model.score(X, broken), model, match)
    assert model.score(X, whole) == same.score(X, labels)


def test_text_among_the_numbers_that_are_labels():
    model = fitted(BackpropClassifier)
    message = refused(lambda: model.partial_fit(X, holed(Y[BackpropClassifier], "a")), model, "a")
    assert message == "y has labels that are not in classes [0, 1, 2]: ['a']."


def test_missing_targets_of_several_outputs_say_what_to_do():
    y = np.stack([POSITIVE, POSITIVE], axis=1)
    y[[2, 5, 9, 11], 1] = np.nan
    wanted = (
        r"y contains NaN in 4 of 20 rows \(2, 5, 9, ...\); drop these rows, or fit an estimator "
        "for each output, on the rows that have it"
    )
    for given in (y, pd.DataFrame(y), y.tolist(), y.astype(object)):
        model = make(BackpropRegressor)
        refused(lambda y=given, fit=model.fit: fit(X, y), model, wanted)
    with pytest.raises(ValueError, match="y contains NaN"):
        make(BackpropRegressor).partial_fit(X, POSITIVE).partial_fit(X[2:3], y[2:3, 1])
    each = MultiOutputRegressor(make(BackpropRegressor, random_state=0))
    with pytest.warns(ConvergenceWarning):
        each.fit(X, np.nan_to_num(y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_masked_entries(Estimator):
    y, match = Y[Estimator], " is a masked array, and [13] of its entries are masked"
    model = fitted(Estimator)
    weights = masked(np.ones(N))
    for call in (model.fit, model.partial_fit):
        refused(lambda fit=call: fit(X, masked(y)), model, f"y{match}")
        refused(lambda fit=call: fit(masked(X), y), model, f"X{match}")
        refused(lambda fit=call: fit(X, y, sample_weight=weights), model, f"sample_weight{match}")
    refused(lambda: model.predict(masked(X)), model, f"X{match}")
    refused(lambda: model.predict(masked(X)[HOLE : HOLE + 1]), model, f"X{match}")
    refused(lambda: model.score(X, masked(y)), model, f"y{match}")
    refused(lambda: model.score(X, y, masked(np.ones(N))), model, f"sample_weight{match}")
    refused(lambda: model.fit(X, y, X_val=masked(X), y_val=y), model, f"X{match}")
    start = [masked(W) if len(W) > HOLE else W for W in model.coefs_]
    refused(lambda: model.fit(X, y, coef_init=start), model, r"coef_init\[1\] is a masked array")
    refused(lambda: setattr(model, "coefs_", start), model, r"coefs_\[1\] is a masked array")
    for name in ("eta", "dropout", "alpha"):
        for fit in (clone(model).fit, fitted(Estimator).fit, fitted(Estimator).partial_fit):
            fit.__self__.set_params(**{name: np.ma.masked})
            with pytest.raises(ValueError, match=f"{name} is masked"):
                fit(X, y)
    bare = np.ma.array(X, mask=False), np.ma.array(y, mask=False)
    same = fitted(Estimator).partial_fit(X, y)
    model.partial_fit(*bare)
    np.testing.assert_array_equal(model.coefs_[0], same.coefs_[0])


TIMES = {
    "durations": np.arange(N).astype("m8[s]"),
    "dates": np.arange(N).astype("M8[D]"),
    "missing": holed(np.arange(N), "NaT", "m8[s]"),
    "objects": np.arange(N).astype("m8[s]").astype(object),
    "numpy_objects": np.array([*np.arange(N).astype("m8[s]"), None], dtype=object)[:-1],
    "list": list(np.arange(N).astype("M8[D]")),
    "python": [datetime.date(2020, 1, 1 + i) for i in range(N)],
    "series": pd.Series(np.arange(N).astype("M8[ns]")),
    "timestamps": pd.Series(np.arange(N).astype("M8[ns]")).astype(object),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_dates_and_durations_are_no_numbers(times):
    model, match = fitted(BackpropRegressor), "holds dates, times or durations"
    if "NaT" not in str(times):
        for call in (model.fit, model.partial_fit, model.score):
            refused(lambda fit=call: fit(X, times), model, f"y {match}", TypeError)
    rows = [[value, 1.0, 2.0] for value in times]
    if isinstance(times, np.ndarray) and times.dtype.kind in "mM":
        rows = np.repeat(times[:, None], 3, axis=1)
    y = Y[BackpropRegressor]
    for call in (model.fit, model.partial_fit, model.score):
        refused(lambda fit=call: fit(rows, y), model, f"X {match}", TypeError)
    refused(lambda: model.predict(rows[:1]), model, f"X {match}", TypeError)
    refused(lambda: model.fit(X, y, times), model, f"sample_weight {match}", TypeError)


def test_frames_with_dates():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor).partial_fit(frame, y)
    dated = frame.assign(b=pd.Series(np.arange(N).astype("M8[ns]")))
    for call in (model.fit, model.partial_fit, model.score):
        refused(lambda fit=call: fit(dated, y), model, "X holds dates", TypeError)
    refused(lambda: model.predict(dated), model, "X holds dates", TypeError)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_dates_are_labels(Estimator):
    dates = Y[BackpropClassifier].astype("M8[D]")
    if Estimator is BackpropRegressor:
        return
    model = make(Estimator).partial_fit(X, dates, classes=np.unique(dates))
    assert model.partial_fit(X[:1], dates[:1]).predict(X).dtype == dates.dtype


def test_lists_whose_rows_differ_in_length():
    model, ragged = fitted(BackpropRegressor), [[1.0, 2.0, 3.0], [1.0]]
    for call in (model.fit, model.partial_fit):
        refused(lambda fit=call: fit(ragged, [1, 2]), model, "X is a list whose rows differ")
        refused(lambda fit=call: fit(X[:2], ragged), model, "y is a list whose rows differ")
        refused(
            lambda fit=call: fit(X[:2], [1, 2], sample_weight=ragged),
            model,
            "sample_weight is a list whose rows differ",
        )
    refused(lambda: model.predict(ragged), model, "X is a list whose rows differ")
    refused(lambda: model.predict([[1.0, [2.0], 3.0]]), model, "X is a list whose rows differ")
    refused(lambda: model.score(X[:2], ragged), model, "y is a list whose rows differ")
    start = [ragged, [[1.0]]]
    refused(lambda: model.fit(X[:2], [1, 2], coef_init=start), model, r"coef_init\[0\] is a list")
    for name in ("coefs_", "intercepts_"):
        refused(lambda name=name: setattr(model, name, start), model, rf"{name}\[0\] is a list")


def test_numbers_too_large_for_any_float():
    model = fitted(BackpropRegressor)
    big = [[10**400, 1, 2]]
    refused(lambda: model.partial_fit(big, [1.0]), model, "X must be numbers within float64")
    refused(lambda: model.predict(big), model, "X must be numbers within float64")
    refused(lambda: model.partial_fit(X[:1], [10**400]), model, "y must be numbers within float64")


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [("a", ValueError, " within float64: could not.*'a'"), ({}, TypeError, ": float.*not 'dict'")],
)
def test_what_is_no_number_is_named(wrong, error, said):
    model = fitted(BackpropRegressor)
    for rows in ([[1.0, wrong, 2.0]], np.array([[1.0, wrong, 2.0]], dtype=object)):
        for call in (model.predict, lambda X: model.partial_fit(X, [1.0])):
            refused(lambda X=rows, f=call: f(X), model, f"X must be numbers{said}", error)
    for y in ([wrong, 1.0], np.array([wrong, 1.0], dtype=object)):
        for call in (model.fit, model.partial_fit, model.score):
            refused(lambda y=y, f=call: f(X[:2], y), model, f"y must be numbers{said}", error)
    mixed = pd.DataFrame({"a": [1.0] * N, "b": ["x", None] * (N // 2)})
    model = fitted(BackpropClassifier)
    for call in (model.fit, model.partial_fit, model.score):
        refused(lambda f=call: f(X, mixed), model, "y contains missing values")


def test_those_that_look_inside_refuse_alike():
    model, y = fitted(BackpropRegressor), Y[BackpropRegressor]
    for look in (trace_signals, diagnose, check_gradient):
        refused(lambda f=look: f(model, masked(X), y), model, "X is a masked array")
        refused(lambda f=look: f(model, X, holed(y, None)), model, "y contains NaN")
    refused(lambda: trace_signals(model, masked(X)), model, "X is a masked array")


@pytest.mark.parametrize("loss", FOR_NUMBERS)
def test_score_needs_targets(loss):
    model = make(BackpropRegressor, loss=loss, eta=1e-3).partial_fit(X, POSITIVE)
    refused(lambda: model.score(X, None), model, "y is None; score compares")


def test_score_of_a_classifier_needs_targets():
    model = fitted(BackpropClassifier)
    refused(lambda: model.score(X, None), model, "y is None; score compares")
    sparse_y = sparse.csr_array((X > 0).astype(int))
    labels = make(BackpropClassifier).partial_fit(X, sparse_y)
    assert labels.score(X, sparse_y) == labels.score(X, sparse_y.toarray())


def test_lists_and_text_and_objects_of_numbers_are_numbers():
    wanted = make(BackpropRegressor, random_state=0).partial_fit(X, POSITIVE)
    assert wanted.coefs_[0].dtype == np.float64
    for y in (POSITIVE.tolist(), list(map(repr, POSITIVE.tolist())), POSITIVE.astype(object)):
        for rows in (X, X.tolist(), X.astype(object), tuple(map(tuple, X.tolist()))):
            model = make(BackpropRegressor, random_state=0).partial_fit(rows, y)
            np.testing.assert_array_equal(model.coefs_[0], wanted.coefs_[0])
    half = [[np.float32(value) for value in row] for row in X]  # a list has no type of its own
    assert make(BackpropRegressor).partial_fit(half, POSITIVE).coefs_[0].dtype == np.float64


@pytest.mark.parametrize(
    "classes",
    [3.0, 3, "abc", [[0, 1], [1, 2]], [0, 1, None], [0, 1, np.nan], [0, "a"], [], {0, 1}],
    ids=repr,
)  # fmt: skip
def test_classes_that_are_no_sequence_of_labels(classes):
    fresh, model, y = make(BackpropClassifier), fitted(BackpropClassifier), Y[BackpropClassifier]
    refused(lambda: fresh.partial_fit(X, y, classes=classes), fresh, "^classes is .*; it must be a")
    refused(lambda: model.partial_fit(X, y, classes=classes), model, "^classes=.* is not the same")


@pytest.mark.parametrize(
    ("Estimator", "loss"),
    [
        (BackpropRegressor, "squared_error"),
        (BackpropRegressor, "quantile"),
        (BackpropClassifier, "cross_entropy"),
    ],
)
def test_weights_of_a_score_are_those_of_a_fit(Estimator, loss):
    """What `fit` refuses, `score` refuses alike, whatever measures."""
    model, y = fitted(Estimator, loss=loss), Y[Estimator]
    assert model.score(X, y, 2.0) == model.score(X, y, np.full(N, 2.0)) == model.score(X, y)
    for wrong in (
        *(sparse.csr_array(np.ones((1, N))), np.ones(N, complex), 1j, "one", np.ones(N - 1)),
        *(-np.ones(N), np.full(N, np.nan), np.full(N, np.longdouble("1e4000"))),
    ):
        refused(lambda weights=wrong: model.score(X, y, weights), model, "sample_weight")
        refused(lambda weights=wrong: model.fit(X, y, weights), model, "sample_weight")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_long_doubles_out_of_range(Estimator):
    model, y, far = fitted(Estimator), Y[Estimator], np.longdouble("1e4000")
    for rows in (far, np.full(X.shape, far)):
        refused(lambda X=rows: model.fit(X, y), model, "X")
        refused(lambda X=rows: model.partial_fit(X, y), model, "X")
        refused(lambda rows=rows: model.fit(X, y, X_val=rows, y_val=y), model, "X_val")
        refused(lambda X=rows: model.predict(X), model, "X")
        refused(lambda X=rows: trace_signals(model, X, y), model, "X")


@pytest.mark.parametrize("solver", [UpdateRule(), WholeBatchSolver()], ids=repr)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_solver_that_is_none(Estimator, solver):
    model = fitted(Estimator)
    model.set_params(solver=solver)
    if not solver.full_batch:
        refused(lambda: model.partial_fit(X, Y[Estimator]), model, "solver", NotImplementedError)
    refused(lambda: model.fit(X, Y[Estimator]), model, "solver", NotImplementedError)


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
def test_complex_targets(loss):
    y = Y[BackpropRegressor] * (1 + 1j)
    model = fitted(BackpropRegressor, loss=loss)
    for wrong in (y, y.tolist(), y.astype(object)):
        for call in (model.fit, model.partial_fit, model.score):
            refused(lambda y=wrong, call=call: call(X, y), model, r"\by\b", (ValueError, TypeError))
