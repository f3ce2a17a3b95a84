"""Bad input is named, and leaves the model as it was."""

import numpy as np
import pytest
from invalid_cases import ESTIMATORS, N, X, Y, changed, fingerprint, fitted, make, weights
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    Activation,
    BackpropClassifier,
    BackpropRegressor,
    InverseScaling,
    Mixed,
    Momentum,
)


def raising(t):
    raise RuntimeError("the schedule is broken")


def negative(t):
    return -1.0


class FailsAt:
    """A schedule that gives an impossible multiplier after `n` updates."""

    def __init__(self, n):
        self.n = n

    def __call__(self, t):
        return 1.0 if t < self.n else -1.0


def not_a_number(t):
    return np.nan


def not_even_a_float(t):
    return "fast"


def broken_init(n_in, n_out, rng):
    rng.normal(size=(n_in, n_out))
    return np.full((n_in, n_out), np.nan)


def misshapen_init(n_in, n_out, rng):
    return rng.normal(size=(n_out, n_in + 1))


def cube(v):
    return v**3


def square(v, y):
    return v**2


WRONG = Activation(cube, square, name="cube")


BAD_X = {
    "nan": changed(X, np.nan),
    "inf": changed(X, -np.inf),
    "narrow": X[:, :2],
    "wide": np.hstack([X, X]),
    "one_dimension": X[:, 0],
    "three_dimensions": X[None],
    "empty": X[:0],
    "no_columns": X[:, :0],
    "strings": X.astype(str).astype(object) + "a",
    "complex": X + 1j,
    "short": X[:-1],
    "none": None,
    "sparse_nan": sparse.csr_array(changed(X, np.nan)),
    "sparse_narrow": sparse.csr_array(X[:, :2]),
    "one_row_too_wide": X[:1, [0, 1, 2, 0]],
    "one_row_nan": changed(X[:1], np.nan, (0, 0)),
}


BAD_Y = {
    "nan": lambda y: changed(y.astype(float), np.nan),
    "inf": lambda y: changed(y.astype(float), np.inf),
    "short": lambda y: y[:-1],
    "empty": lambda y: y[:0],
    "none": lambda y: None,
    "scalar": lambda y: 1.0,
    "three_dimensions": lambda y: np.stack([np.stack([y, y], 1)] * 2, 2),
    "strings_for_numbers": lambda y: np.array(["a", "b"] * (N // 2)).astype(object) + "?",
    "complex": lambda y: y + 1j,
    "mixed_types": lambda y: np.array([1, "a"] * (N // 2), dtype=object),
}


BAD_WEIGHTS = {
    "nan": changed(np.ones(N), np.nan),
    "inf": changed(np.ones(N), np.inf),
    "negative": changed(np.ones(N), -1e-3),
    "short": np.ones(N - 1),
    "two_dimensions": np.ones((N, 2)),
    "strings": ["a"] * N,
    "negative_number": -1.0,
    "one_nan": np.nan,
}


def refused(call, model):
    """The call raises a clear error and changes nothing."""
    before = fingerprint(model)
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert len(str(caught.value)) > 10
    assert "unhashable" not in str(caught.value) and "has no len" not in str(caught.value)
    assert fingerprint(model) == before


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_X)
def test_bad_X_in_fit(case, Estimator, warm_start):
    # Without warm_start any width will do: that is no mistake of a new fit.
    model = fitted(Estimator, warm_start=warm_start)
    y = Y[Estimator]
    bad = BAD_X[case]
    if not warm_start and case in ("narrow", "wide", "sparse_narrow"):
        bad = changed(X, np.nan)[:, :2]
    refused(lambda: model.fit(bad, y), model)
    model.partial_fit(X, y).predict(X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_X)
def test_bad_X_in_partial_fit(case, Estimator):
    model, y = fitted(Estimator), Y[Estimator]
    bad = BAD_X[case]
    n = 1 if case.startswith("one_row") else N
    refused(lambda: model.partial_fit(bad, y[:n]), model)
    model.partial_fit(X, y).predict(X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_X)
def test_bad_X_in_predict(case, Estimator):
    if case == "short":
        pytest.skip("any number of rows will do")
    model = fitted(Estimator)
    refused(lambda: model.predict(BAD_X[case]), model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_Y)
def test_bad_y(case, Estimator):
    if Estimator is BackpropClassifier and case == "strings_for_numbers":
        pytest.skip("labels may be strings")
    model = fitted(Estimator)
    bad = BAD_Y[case](Y[Estimator])
    refused(lambda: model.fit(X, bad), model)
    refused(lambda: model.partial_fit(X, bad), model)
    if case in ("none", "scalar", "empty"):
        refused(lambda: model.partial_fit(X[:1], bad), model)  # the quick road
    elif case not in ("three_dimensions", "short"):
        one = bad[2:3] if Estimator is BackpropRegressor else np.array([7])
        if case in ("nan", "inf", "complex") or Estimator is BackpropClassifier:
            refused(lambda: model.partial_fit(X[:1], one), model)
            refused(lambda: model.partial_fit(X[:1], one.tolist()), model)
    model.partial_fit(X, Y[Estimator]).predict(X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_sample_weight(case, Estimator):
    model, y = fitted(Estimator), Y[Estimator]
    bad = BAD_WEIGHTS[case]
    refused(lambda: model.fit(X, y, sample_weight=bad), model)
    refused(lambda: model.partial_fit(X, y, sample_weight=bad), model)
    if np.ndim(bad):
        refused(lambda: model.partial_fit(X[:1], y[:1], sample_weight=bad), model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_that_are_all_zero_in_fit(Estimator):
    model = fitted(Estimator)
    refused(lambda: model.fit(X, Y[Estimator], sample_weight=np.zeros(N)), model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "validation",
    [
        {"X_val": X},
        {"y_val": "y"},
        {"sample_weight_val": np.ones(N)},
        {"X_val": X[:, :2], "y_val": "y"},
        {"X_val": changed(X, np.nan), "y_val": "y"},
        {"X_val": X[:5], "y_val": "y"},
        {"X_val": X, "y_val": [77.0, np.nan] * (N // 2)},
        {"X_val": X, "y_val": "y", "sample_weight_val": -np.ones(N)},
        {"X_val": X, "y_val": "y", "sample_weight_val": np.zeros(N)},
        {"X_val": X, "y_val": "y", "sample_weight_val": np.ones(3)},
    ],
    ids=lambda v: "-".join(v),
)
def test_bad_validation_rows(validation, Estimator):
    model, y = fitted(Estimator), Y[Estimator]
    given = {name: y if isinstance(value, str) else value for name, value in validation.items()}
    refused(lambda: model.fit(X, y, **given), model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "start",
    [
        {"coef_init": [np.zeros((3, 4))]},
        {"coef_init": [np.zeros((3, 4)), np.zeros((4, 9))]},
        {"coef_init": np.zeros((3, 4))},
        {"coef_init": 3},
        {"coef_init": ["a", "b"]},
        {"coef_init": "nan"},
        {"intercept_init": [np.zeros(4)]},
        {"intercept_init": [np.zeros(4), np.zeros(9)]},
        {"intercept_init": [np.full(4, np.inf), "out"]},
    ],
    ids=repr,
)
def test_bad_start(start, Estimator):
    model, y = fitted(Estimator), Y[Estimator]
    ((name, value),) = start.items()
    if isinstance(value, str):
        value = [np.full_like(W, np.nan) for W in model.coefs_]
    if isinstance(value, list) and isinstance(value[-1], str) and value[-1] == "out":
        value = [value[0], np.zeros_like(model.intercepts_[1])]
    refused(lambda: model.fit(X, y, **{name: value}), model)
    refused(lambda: model.partial_fit(X, y, **{name: value}), model)
    fresh = make(Estimator)
    first = {"classes": [0, 1, 2]} if Estimator is BackpropClassifier else {}
    refused(lambda: fresh.partial_fit(X, y, **first, **{name: value}), fresh)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_start_is_for_the_first_call(Estimator):
    model = fitted(Estimator)
    start = [W.copy() for W in model.coefs_]
    refused(lambda: model.partial_fit(X, Y[Estimator], coef_init=start), model)


def test_bad_classes():
    model, y = fitted(BackpropClassifier), Y[BackpropClassifier]
    refused(lambda: model.partial_fit(X, y, classes=[0, 1]), model)
    refused(lambda: model.partial_fit(X[:1], y[:1], classes=[0, 1, 2, 3]), model)
    refused(lambda: model.partial_fit(X, changed(y, 3)), model)
    refused(lambda: model.partial_fit(X[:1], [3]), model)
    refused(lambda: model.partial_fit(X[:1], ["a"]), model)
    refused(lambda: model.partial_fit(X[:1], [None]), model)
    refused(lambda: model.partial_fit(X[:1], [np.nan]), model)
    refused(lambda: model.fit(X, np.linspace(0, 1, N)), model)
    refused(lambda: model.fit(X, y, X_val=X, y_val=y + 1), model)
    fresh = make(BackpropClassifier)
    refused(lambda: fresh.partial_fit(X, y), fresh)
    refused(lambda: fresh.partial_fit(X, y, classes=[0, 1]), fresh)
    refused(lambda: fresh.partial_fit(X, y, classes=[1]), fresh)
    with np.errstate(invalid="ignore"):
        refused(lambda: fresh.partial_fit(X, y, classes=[0, 1, np.nan]), fresh)
    refused(lambda: fresh.partial_fit(X, y, classes=3), fresh)


def test_float32_overflow_of_targets_and_rows():
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor)
    with pytest.warns(ConvergenceWarning):
        model.fit(X.astype(np.float32), y)
    model.partial_fit(X[:2], y[:2])
    huge = changed(y, 1e300)
    refused(lambda: model.fit(X.astype(np.float32), huge), model)
    refused(lambda: model.partial_fit(X, huge), model)
    refused(lambda: model.partial_fit(X[:1].astype(np.float32), [1e300]), model)
    refused(lambda: model.partial_fit(X[:1].astype(np.float32), np.array([-1e39])), model)
    with np.errstate(over="ignore"):
        refused(lambda: model.partial_fit(changed(X, 1e300), y), model)
        refused(lambda: model.partial_fit(changed(X, 1e300)[2:3], y[2:3]), model)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_float32_overflow_of_weights(method):
    # A warning is not a refusal: whatever is too large for the dtype of X is named in an error.
    Z, y = X.astype(np.float32), Y[BackpropClassifier]
    model = make(BackpropClassifier).partial_fit(Z, y, classes=[0, 1, 2])
    model.set_params(class_weight={0: 1e300, 1: 1.0, 2: 1.0})
    refused(lambda: getattr(model, method)(Z, y), model)
    model.set_params(class_weight={0: 1e30, 1: 1.0, 2: 1.0})
    refused(lambda: getattr(model, method)(Z, y, sample_weight=np.full(N, 1e30)), model)
    model.set_params(class_weight=None)
    with np.errstate(over="ignore"):
        refused(lambda: getattr(model, method)(Z, y, sample_weight=np.full(N, 1e300)), model)


def test_float32_overflow_of_starts():
    Z, y = X.astype(np.float32), Y[BackpropRegressor]
    model = make(BackpropRegressor).partial_fit(Z, y)
    huge = [np.full(W.shape, 1e300) for W in model.coefs_]
    refused(lambda: model.fit(Z, y, coef_init=huge), model)
    refused(lambda: setattr(model, "coefs_", huge), model)


BAD_PARAMS = [
    {"hidden_layer_sizes": 0},
    {"hidden_layer_sizes": (4, -1)},
    {"hidden_layer_sizes": (4.0,)},
    {"hidden_layer_sizes": "4"},
    {"hidden_layer_sizes": [[4]]},
    {"activation": "tanch"},
    {"activation": ["tanh", "tanh"]},
    {"activation": "softmax"},
    {"activation": 3},
    {"activation": (cube, square)},
    {"activation": WRONG},
    {"activation": Mixed(["tanh"] * 3)},
    {"output_activation": "sqrt"},
    {"output_activation": WRONG},
    {"loss": "hing"},
    {"loss": None},
    {"solver": "lbfgz"},
    {"solver": Momentum},
    {"solver": Momentum(1.5)},
    {"solver": Momentum("a")},
    {"eta": 0.0},
    {"eta": -1.0},
    {"eta": np.inf},
    {"eta": np.nan},
    {"eta": "fast"},
    {"eta": None},
    {"eta": [0.1]},
    {"eta": [0.1, -0.1]},
    {"eta": [0.1, np.nan]},
    {"eta": ["a", "b"]},
    {"eta_schedule": "sometimes"},
    {"eta_schedule": 0.5},
    {"eta_schedule": raising},
    {"eta_schedule": negative},
    {"eta_schedule": not_a_number},
    {"eta_schedule": not_even_a_float},
    {"eta_schedule": InverseScaling("a")},
    {"solver": "adam", "eta_schedule": negative},
    {"solver": "sgd", "eta_schedule": raising},
    {"alpha": -0.1},
    {"alpha": np.inf},
    {"alpha": np.nan},
    {"alpha": None},
    {"l1_ratio": 1.1},
    {"l1_ratio": -0.1},
    {"batch_size": 0},
    {"batch_size": 2.5},
    {"batch_size": "all"},
    {"max_iter": 0},
    {"max_iter": 1.5},
    {"tol": -1.0},
    {"n_iter_no_change": 0},
    {"early_stopping": "yes"},
    {"validation_fraction": 1.0},
    {"shuffle": "yes"},
    {"warm_start": 2},
    {"random_state": -1},
    {"random_state": "seed"},
    {"verbose": "loud"},
    {"weight_init": "zeros"},
    {"weight_init": broken_init},
    {"weight_init": misshapen_init},
    {"weight_init": 3},
]


ONLY_FOR_CLASSES = [
    {"class_weight": "even"},
    {"class_weight": {0: -1.0}},
    {"class_weight": {0: np.nan}},
    {"class_weight": {0: np.inf}},
    {"class_weight": {0: "a"}},
    {"class_weight": {7: 1.0}},
    {"class_weight": 3},
]


# What a call of partial_fit has no use for may be wrong in a way that only `fit` finds out.
FIT_ONLY = ("weight_init",)


CASES = [(E, p) for E in ESTIMATORS for p in BAD_PARAMS] + [
    (BackpropClassifier, p) for p in ONLY_FOR_CLASSES
]


def name_of(value):
    if isinstance(value, dict):
        return "-".join(f"{name}={name_of(part)}" for name, part in value.items())
    return getattr(value, "__name__", None) or (
        "-".join(map(name_of, value)) if isinstance(value, tuple) else repr(value)
    )


def refused_parameter(call, model):
    before = fingerprint(model)
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        call()
    assert fingerprint(model) == before


@pytest.mark.parametrize(("Estimator", "params"), CASES, ids=name_of)
def test_bad_parameter_in_fit(Estimator, params):
    model = fitted(Estimator).set_params(**params)
    refused_parameter(lambda: model.fit(X, Y[Estimator]), model)
    if not set(params) & {*FIT_ONLY, "warm_start", "random_state"}:
        model.set_params(warm_start=True)
        refused_parameter(lambda: model.fit(X, Y[Estimator]), model)
    fresh = make(Estimator, **params)
    refused_parameter(lambda: fresh.fit(X, Y[Estimator]), fresh)
    assert not hasattr(fresh, "coefs_") and not hasattr(fresh, "n_features_in_")


@pytest.mark.parametrize(("Estimator", "params"), CASES, ids=name_of)
def test_bad_parameter_in_partial_fit(Estimator, params):
    model, y = fitted(Estimator), Y[Estimator]
    good = {name: model.get_params()[name] for name in params}
    model.set_params(**params)
    if not set(params) & {*FIT_ONLY, "random_state"}:
        for rows in (slice(1), slice(None)):
            refused_parameter(lambda rows=rows: model.partial_fit(X[rows], y[rows]), model)
    model.predict(X)
    same = fitted(Estimator).partial_fit(X, y)
    np.testing.assert_array_equal(
        weights(model.set_params(**good).partial_fit(X, y)), weights(same)
    )


@pytest.mark.parametrize(("Estimator", "params"), CASES, ids=name_of)
def test_bad_parameter_in_the_first_partial_fit(Estimator, params):
    fresh = make(Estimator, **params)
    first = {"classes": [0, 1, 2]} if Estimator is BackpropClassifier else {}
    refused_parameter(lambda: fresh.partial_fit(X, Y[Estimator], **first), fresh)
    assert not hasattr(fresh, "coefs_") and not hasattr(fresh, "n_features_in_")


@pytest.mark.parametrize("random_state", [None, 3, "instance"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_random_state_is_put_back(Estimator, random_state):
    if random_state == "instance":
        random_state = np.random.RandomState(1)
    fresh = make(Estimator, random_state=random_state, eta_schedule=negative)
    refused_parameter(lambda: fresh.fit(X, Y[Estimator]), fresh)
    model = fitted(Estimator, random_state=random_state)
    model.set_params(eta_schedule=FailsAt(5))  # in the second epoch
    refused_parameter(lambda: model.fit(X, Y[Estimator]), model)
    model.set_params(warm_start=True, eta_schedule=FailsAt(model.n_updates_ + 5))
    refused_parameter(lambda: model.fit(X, Y[Estimator]), model)


def test_feature_names_survive_a_failed_refit():
    pd = pytest.importorskip("pandas")
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor)
    with pytest.warns(ConvergenceWarning):
        model.fit(pd.DataFrame(X, columns=["a", "b", "c"]), y)
    bad = pd.DataFrame(changed(X, np.nan), columns=["d", "e", "f"])
    refused(lambda: model.fit(bad, y), model)
    refused(lambda: model.partial_fit(bad, y), model)
    refused(lambda: model.fit(changed(X, np.nan), y), model)
    refused(lambda: model.partial_fit(bad.rename(columns=dict(zip("def", "abc", strict=True))), y),
            model)  # fmt: skip
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]


def test_warm_start_with_other_targets():
    model = fitted(BackpropRegressor, warm_start=True)
    refused(lambda: model.fit(X, X[:, :2]), model)
    model = fitted(BackpropClassifier, warm_start=True)
    for y in (np.arange(N) % 2, np.arange(N) % 4, np.arange(N) % 3 + 1, (X > 0).astype(int)):
        refused(lambda y=y: model.fit(X, y), model)


def test_early_stopping_split_that_cannot_be_stratified():
    model = fitted(BackpropClassifier, early_stopping=True, validation_fraction=0.2)
    model.set_params(validation_fraction=0.05)  # one row, for three classes
    refused(lambda: model.fit(X, Y[BackpropClassifier]), model)
