"""A call that fails changes nothing; one that is cut short leaves whole updates only."""

import copy
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    Activation,
    AdamW,
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
    InverseScaling,
    Mixed,
    Momentum,
)

N = 20
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3))
Y = {BackpropRegressor: X[:, 0] - X[:, 1], BackpropClassifier: np.arange(N) % 3}
ESTIMATORS = list(Y)


def fingerprint(model):
    """Everything that the model holds, and the random state that it draws from."""
    held = {name: value for name, value in vars(model).items() if name != "_running"}
    random_state = model.random_state
    if isinstance(random_state, np.random.RandomState):
        drawn = random_state.get_state()
    else:
        drawn = np.random.get_state()
    return pickle.dumps((held, drawn))


def make(Estimator, **params):
    defaults = {
        "hidden_layer_sizes": (4,),
        "activation": "tanh",
        "eta": 0.05,
        "max_iter": 3,
        "n_iter_no_change": np.inf,
        "batch_size": 6,
        "random_state": np.random.RandomState(5),
    }
    return Estimator(**{**defaults, **params})


def fitted(Estimator, **params):
    """A model after a fit and a few rows of the stream."""
    model = make(Estimator, **params)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y[Estimator])
    return model.partial_fit(X[:3], Y[Estimator][:3])


def weights(model):
    arrays = [a for pair in zip(model.coefs_, model.intercepts_, strict=True) for a in pair]
    return np.concatenate([a.ravel() for a in arrays])


def changed(array, value, where=(2, 1)):
    array = array.copy()
    array[where[: array.ndim]] = value
    return array


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

# -- invalid data --------------------------------------------------------------------------------

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
    refused(lambda: model.fit(X, np.zeros(N)), model)
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


# -- invalid parameters --------------------------------------------------------------------------

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
    lonely = np.where(np.arange(N) == 0, 2, np.arange(N) % 2)
    refused(lambda: model.fit(X, lonely), model)


# -- divergence ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov"])
def test_divergence_in_fit_keeps_the_last_finite_weights(solver, dtype):
    Z, y = 100 * X.astype(dtype), Y[BackpropRegressor]
    model = make(BackpropRegressor, activation="identity", solver=solver, eta=10.0, max_iter=500)
    with pytest.raises(DivergenceError, match=r"update \d+ at eta=10") as caught:
        model.fit(Z, y)
    assert isinstance(caught.value, ArithmeticError) and "row" in str(caught.value)
    assert weights(model).dtype == dtype and np.isfinite(weights(model)).all()
    assert np.isfinite(model._model.state.rule_state).all()
    assert f"update {model.n_updates_ + 1} " in str(caught.value)
    assert model.n_updates_ > 0
    # The same run, told to stop just before, has the same weights: no update is half done.
    stopped = make(BackpropRegressor, activation="identity", solver=solver, eta=10.0, max_iter=500)
    stopped.set_params(eta_schedule=Interrupted(model.n_updates_))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(Z, y)
    np.testing.assert_array_equal(weights(model), weights(stopped))
    assert model.t_ == stopped.t_


class Interrupted:
    """A schedule that is interrupted after `n` updates."""

    def __init__(self, n, by_signal=False):
        self.n = n
        self.by_signal = by_signal

    def __call__(self, t):
        if t == self.n:
            if not self.by_signal:
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)
        return 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov", "adam"])
def test_divergence_in_partial_fit_keeps_the_rows_before(solver, dtype):
    Z, y = X.astype(dtype), Y[BackpropRegressor]
    # identity neurons: one enormous row makes v, delta or the step overflow
    huge = changed(Z, np.finfo(dtype).max / 2, (7, 1))
    params = {"solver": solver, "batch_size": 1, "activation": "identity", "eta": 0.01}
    model = make(BackpropRegressor, **params).partial_fit(Z[:2], y[:2])
    before = model.n_updates_
    rows = copy.deepcopy(model).partial_fit(Z[:7], y[:7])
    with pytest.raises(DivergenceError, match=rf"row 7: .*update {before + 8} at eta=0.01"):
        model.partial_fit(huge, y)
    np.testing.assert_array_equal(weights(model), weights(rows))
    np.testing.assert_array_equal(model._model.state.rule_state, rows._model.state.rule_state)
    assert (model.n_updates_, model.t_) == (rows.n_updates_, rows.t_)
    with pytest.raises(DivergenceError, match="row 0"):
        model.partial_fit(huge[7:8], y[7:8])
    np.testing.assert_array_equal(weights(model), weights(rows))
    model.partial_fit(Z, y)


def test_divergence_of_a_classifier():
    y = Y[BackpropClassifier]
    model = fitted(BackpropClassifier, activation="identity", solver="sgd")
    model.coefs_ = [np.full_like(W, 10.0) for W in model.coefs_]
    before = fingerprint(model)
    with pytest.raises(DivergenceError):
        model.partial_fit(np.full((1, 3), 1e308), y[:1])
    with pytest.raises(DivergenceError):
        model.partial_fit(X[:1], y[:1], sample_weight=[1.7e308])
    assert fingerprint(model) == before


def test_divergence_names_the_row_given():
    # Rows of weight zero are passed over, and the number is that of the row in the call.
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor, activation="identity", solver="sgd", batch_size=1)
    model.partial_fit(X, y)
    w = np.ones(N)
    w[:5] = 0
    with pytest.raises(DivergenceError, match="row 7"):
        model.partial_fit(changed(X, 1e308, (7, 1)), y, sample_weight=w)


DECAYING = {"alpha": 1e3, "eta": 1.0}  # multiplies a weight by -999 where nothing comes in


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["sgd", "momentum", AdamW(weight_decay=1e3)])
def test_divergence_of_weights_whose_signal_is_zero(solver, batch_size):
    # No v tells of it, for all of them are zero.
    nothing, y = np.zeros((400, 3)), np.zeros(400)
    settings = {**DECAYING, "alpha": 0.0} if isinstance(solver, AdamW) else DECAYING
    model = make(BackpropRegressor, solver=solver, batch_size=batch_size, engine="numpy")
    model.partial_fit(nothing[:1], y[:1]).set_params(**settings)
    with pytest.raises(DivergenceError):
        for _ in range(10):
            model.partial_fit(nothing, y)
    assert model.n_updates_ > 95  # a factor of 1e3 each
    assert np.isfinite(weights(model)).all() and np.isfinite(model._model.state.rule_state).all()
    model.set_params(alpha=0.0, solver="sgd").partial_fit(nothing, y).predict(nothing)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["adam", "adagrad", "rmsprop", "sgd"])
def test_what_a_rule_adds_up_stays_finite(solver, batch_size):
    # In float32 every correction's square is finite here; their sum is not.
    rows, y = np.zeros((400, 3), np.float32), np.zeros(400)
    rows[:, 0] = 3e9
    model = BackpropRegressor(
        (), solver=solver, eta=1e-30, batch_size=batch_size, engine="numpy", loss="squared_error"
    )
    model.partial_fit(rows[:1], y[:1], coef_init=[[[1.0], [0.0], [0.0]]])
    try:
        model.partial_fit(rows, y)
    except DivergenceError:
        assert solver != "sgd"
    assert np.isfinite(weights(model)).all() and np.isfinite(model._model.state.rule_state).all()


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "adam"])
def test_an_eta_beyond_float32_is_a_divergence(solver, batch_size):
    # Without an error there is no change, but infinity times zero.
    rows, y = np.ones((4, 3), np.float32), np.zeros(4)
    model = BackpropRegressor((), solver=solver, batch_size=batch_size, engine="numpy")
    model.partial_fit(rows, y, coef_init=[np.zeros((3, 1))]).set_params(eta=1e39)
    with pytest.raises(DivergenceError, match=r"eta=1e\+39"):
        model.partial_fit(rows, y)
    np.testing.assert_array_equal(weights(model), 0)


COEFS = [np.ones((3, 4)), np.ones((4, 1))]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_at_the_first_update(solver):
    model = make(BackpropRegressor, activation="identity", solver=solver)
    with pytest.raises(DivergenceError):
        model.fit(np.full_like(X, 1.7e308), Y[BackpropRegressor], coef_init=COEFS)
    assert np.isfinite(weights(model)).all() and model.n_updates_ == 0
    model.partial_fit(X, Y[BackpropRegressor]).predict(X)


def test_targets_whose_sum_overflows():
    # Whatever becomes of the fit, no weight may be infinite.
    model = make(BackpropRegressor, solver="sgd", batch_size="auto")
    try:
        with np.errstate(over="ignore"):
            model.fit(X, np.full(N, 1e308))
    except (DivergenceError, ValueError):
        pass
    except ConvergenceWarning:
        pass
    if hasattr(model, "coefs_"):
        assert np.isfinite(weights(model)).all()


def test_large_numbers_that_stay_finite_are_no_divergence():
    model = BackpropRegressor((), solver="sgd", eta=1e-3, random_state=0)
    model.partial_fit([[1e-150]], [1e150], coef_init=[[[0.0]]])
    np.testing.assert_allclose(model.coefs_[0], [[1e-3]])
    model.partial_fit([[0.0]], [1e200])
    np.testing.assert_allclose(model.intercepts_[0], [1e197])


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("solver", ["sgd", "momentum", "adam", "rmsprop"])
def test_numbers_that_underflow_are_zero_whatever_numpy_is_told_to_raise(solver, batch_size):
    # Squares of the corrections underflow, half-way through the step of the rule.
    rows, y = np.full((8, 3), 1e-170), np.zeros(8)
    model = make(
        BackpropRegressor, solver=solver, batch_size=batch_size, alpha=1e-200, engine="numpy"
    ).partial_fit(X, Y[BackpropRegressor])
    same = copy.deepcopy(model).partial_fit(rows, y)
    with np.errstate(all="raise"):
        for part in (slice(1), slice(1, None)) if batch_size == 1 else (slice(None),):
            model.partial_fit(rows[part], y[part])
    np.testing.assert_array_equal(weights(model), weights(same))
    np.testing.assert_array_equal(model._model.state.rule_state, same._model.state.rule_state)
    assert model.n_updates_ == same.n_updates_


# -- Ctrl-C --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_signal", [False, True])
@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_interrupted_fit_leaves_the_last_whole_update(Estimator, refit, by_signal):
    y = Y[Estimator]
    n_epoch = 4  # updates: 20 rows, 6 a batch
    params = {"solver": "adam", "random_state": 2, "max_iter": 100}
    model = make(Estimator, **params)
    if refit:
        model.partial_fit(X, y, **({"classes": [0, 1, 2]} if y.dtype.kind == "i" else {}))
    handler = signal.getsignal(signal.SIGINT)
    stop = 2 * n_epoch + 1
    model.set_params(eta_schedule=Interrupted(stop, by_signal))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert signal.getsignal(signal.SIGINT) is handler
    n_updates = stop + 1 if by_signal else stop  # the signal waits until the update is whole
    assert model.n_updates_ == n_updates
    assert model.n_iter_ == len(model.loss_curve_) == 2
    # the weights, solver state and counters are those of a run that has gone exactly so far
    reference = make(Estimator, **params)
    reference.set_params(eta_schedule=Interrupted(n_updates))
    with pytest.raises(KeyboardInterrupt):
        reference.fit(X, y)
    np.testing.assert_array_equal(weights(model), weights(reference))
    np.testing.assert_array_equal(model._model.state.rule_state, reference._model.state.rule_state)
    assert model.t_ == reference.t_
    model.set_params(eta_schedule=None)
    assert model.predict(X).shape == (N,)
    pickle.loads(pickle.dumps(model)).partial_fit(X, y)
    model.set_params(warm_start=True, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.n_updates_ == n_updates + n_epoch


def test_interrupted_fit_equals_whole_epochs():
    # Stopped by a signal in the last update of epoch 3, it is the model of three epochs.
    y = Y[BackpropRegressor]
    params = {"random_state": 2, "shuffle": True, "solver": "momentum"}
    model = make(BackpropRegressor, **params, max_iter=50)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(eta_schedule=Interrupted(11, True)).fit(X, y)
    whole = make(BackpropRegressor, **params, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        whole.fit(X, y)
    np.testing.assert_array_equal(weights(model), weights(whole))
    assert model.n_updates_ == whole.n_updates_ == 12


@pytest.mark.parametrize("by_signal", [False, True])
def test_interrupted_partial_fit(by_signal):
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor, batch_size=1, solver="adam").partial_fit(X[:1], y[:1])
    before = copy.deepcopy(model)
    model.set_params(eta_schedule=Interrupted(6, by_signal))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    # Rows are taken in pieces of a tenth of a second; what is done is done as a whole.
    done = model.n_updates_ - 1
    rows = before.partial_fit(X[:done], y[:done]) if done else before
    assert done > 0 or not by_signal
    np.testing.assert_array_equal(weights(model), weights(rows))
    np.testing.assert_array_equal(model._model.state.rule_state, rows._model.state.rule_state)
    assert (model.n_updates_, model.t_) == (rows.n_updates_, rows.t_)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("n_rows", [1, 3])
def test_an_interrupt_in_the_last_update_comes_after_the_pass_is_counted(n_rows, batch_size):
    rows, y = X[:n_rows], Y[BackpropRegressor][:n_rows]
    n_updates = -(-n_rows // batch_size)
    params = {"batch_size": batch_size, "random_state": 0}
    whole = make(BackpropRegressor, **params).partial_fit(rows, y)
    model = make(BackpropRegressor, **params, eta_schedule=Interrupted(n_updates - 1, True))
    for n_calls in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(rows, y)
        assert (model.n_iter_, model.n_updates_) == (n_calls, n_calls * n_updates)
        assert model.loss_ == whole.loss_
        np.testing.assert_array_equal(weights(model), weights(whole))
        model.set_params(eta_schedule=Interrupted(2 * n_updates - 1, True))
        whole.partial_fit(rows, y)


def test_an_interrupt_is_not_lost_in_an_error():
    y = Y[BackpropRegressor]
    model = make(BackpropRegressor, batch_size=1, activation="identity", solver="sgd")
    model.partial_fit(X, y).set_params(eta_schedule=Interrupted(25, True))
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(changed(X, 1e308, (0, 1)), y)
    assert model.n_updates_ == N


# -- a function of the user's own that raises ----------------------------------------------------


def picky(v):
    if (np.abs(v) > 1e3).any():
        raise RuntimeError("a number that phi does not take")
    return np.tanh(v)


def picky_slope(v, y):
    return 1.0 - y * y


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("row", [0, 3, 40, 77])
def test_an_activation_that_raises_leaves_the_rows_before(row, solver):
    rows = np.random.default_rng(1).normal(size=(100, 3))
    y = rows[:, 0]
    own = Activation(picky, picky_slope, name="picky", check=False)
    model = make(BackpropRegressor, activation=own, solver=solver, batch_size=1, engine="numpy")
    model.partial_fit(rows[:2], y[:2])
    expected = copy.deepcopy(model)
    if row:
        expected.partial_fit(rows[:row], y[:row])
    with pytest.raises(RuntimeError, match="does not take"):
        model.partial_fit(changed(rows, 1e9, (row, 1)), y)
    np.testing.assert_array_equal(weights(model), weights(expected))
    np.testing.assert_array_equal(model._model.state.rule_state, expected._model.state.rule_state)
    assert model.n_updates_ == model.t_ == expected.n_updates_ == 2 + row


def interrupted_init(n_in, n_out, rng):
    rng.normal()
    raise KeyboardInterrupt


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_interrupted_before_the_first_update(Estimator):
    model = fitted(Estimator).set_params(weight_init=interrupted_init)
    before = fingerprint(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y[Estimator])
    assert fingerprint(model) == before


def test_interrupt_with_a_handler_of_ones_own():
    # A handler that does not raise only waits; training goes on.
    calls = []
    previous = signal.signal(signal.SIGINT, lambda *args: calls.append(args))
    try:
        model = make(BackpropRegressor, eta_schedule=Interrupted(3, True))
        with pytest.warns(ConvergenceWarning):
            model.fit(X, Y[BackpropRegressor])
    finally:
        signal.signal(signal.SIGINT, previous)
    assert len(calls) == 1 and calls[0][0] == signal.SIGINT
    assert model.n_iter_ == 3


# -- threads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_eight_threads_predict_what_one_does(Estimator):
    mixed = Mixed(["tanh", "relu", "gaussian", "elu"] * 4)
    model = fitted(Estimator, hidden_layer_sizes=(16, 16), activation=[mixed, "gelu"])
    rng = np.random.default_rng(1)
    blocks = [rng.normal(size=(200, 3)) for _ in range(7)]
    others = [rng.normal(size=(n, 3)) for n in (1, 7, 333, 5000, 2, 4096, 4097)]
    method = getattr(model, "predict_proba", model.predict)
    wanted = [method(block) for block in blocks]
    wanted_others = [method(block) for block in others]
    before = fingerprint(model)

    def many(i):
        if i == 7:
            for _ in range(6):
                for block, answer in zip(others, wanted_others, strict=True):
                    np.testing.assert_array_equal(method(block), answer)
        else:
            for _ in range(150):
                np.testing.assert_array_equal(method(blocks[i]), wanted[i])
                np.testing.assert_array_equal(method(blocks[i][:1]), method(blocks[i][:1].copy()))
        return i

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(many, range(8))) == list(range(8))
    assert fingerprint(model) == before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predictions_write_nothing(Estimator):
    model = fitted(Estimator)
    model._model.network.w.flags.writeable = False
    keys, before = sorted(vars(model)), fingerprint(model)
    for rows in (slice(1), slice(None)):
        model.predict(X[rows]), model.predict(sparse.csr_array(X[rows]))
        if Estimator is BackpropClassifier:
            model.predict_proba(X[rows]), model.decision_function(X[rows])
    model.score(X, Y[Estimator])
    assert sorted(vars(model)) == keys and fingerprint(model) == before
