"""The compiled pass does what NumPy does: the same weights, costs, counters and errors."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from itertools import combinations, product
from multiprocessing.pool import ThreadPool
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from alarms import Alarm, ring_all_along
from compiled_cases import (
    CLASSES,
    FACTORS,
    HEADS,
    LAYERS,
    MASKS,
    ROWS,
    RULES_HERE,
    SIMPLEST,
    TINY,
    agree,
    bits,
    data,
    distance,
    flat,
    learnt,
    make,
    messy,
    needs_numba,
    read_only,
    same_but_for_rounding,
    trainer,
)
from problems import KINDS, problem
from scipy import sparse
from scipy.special import expit

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    RULES,
    SGD,
    Adam,
    BackpropRegressor,
    CrossEntropy,
    DivergenceError,
    Focal,
    GaussianNLL,
    Huber,
    Quantile,
    SquaredError,
    Task,
    Tweedie,
)
from skbackprop.engines import code_cache
from skbackprop.losses.head import Head
from skbackprop.schedules import constant, resolve_schedule
from skbackprop.training.trainer import Trainer


def pairs(factors):
    """Cases such that any two levels of any two factors meet in one of them; always the same."""
    names = list(factors)
    missing = {
        frozenset([(a, i), (b, j)])
        for a, b in combinations(names, 2)
        for i in factors[a]
        for j in factors[b]
    }
    cases = []
    while missing:
        # The factor with most left to do begins; the others join it one by one.
        case = {}
        while len(case) < len(names):
            best = max(
                ((name, level) for name in names if name not in case for level in factors[name]),
                key=lambda new: (
                    sum(frozenset([new, old]) in missing for old in case.items()),
                    sum(new in pair for pair in missing) if not case else 0,
                    -len(factors[new[0]]),
                ),
            )
            case[best[0]] = best[1]
        covered = set(map(frozenset, combinations(case.items(), 2)))
        assert covered & missing
        missing -= covered
        cases.append({name: case[name] for name in names})
    return cases


def test_pairs_are_all_there():
    factors = {"a": range(4), "b": range(3), "c": "xyz", "d": range(2)}
    cases = pairs(factors)
    for (a, levels_a), (b, levels_b) in combinations(factors.items(), 2):
        met = {(case[a], case[b]) for case in cases}
        assert met == {(i, j) for i in levels_a for j in levels_b}
    assert len(cases) < 20


QUICK = {name: RULES_HERE[name] for name in ("sgd", "adam")}


pairs_with_rules = cache(lambda *rules: pairs({**FACTORS, "rule": rules}))


@needs_numba
def test_settings_in_pairs():
    agree(pairs_with_rules(*QUICK), n=300)  # the matrix takes a thousand rows of each


@needs_numba
@pytest.mark.matrix
def test_settings_and_rules_in_pairs():
    agree(pairs_with_rules(*RULES_HERE))


@needs_numba
@pytest.mark.matrix
def test_float32_in_pairs():
    agree(pairs_with_rules("sgd"), dtype=np.float32, bound=2e-6, n=200)  # measured: 2.4e-7


@needs_numba
@pytest.mark.matrix
def test_float32_and_state_in_pairs():
    # As above, L1 is a matter of rounding with a rule that makes all steps alike.
    factors = {**FACTORS, "penalty": ("none", "l2")}
    agree(pairs(factors), Adam(), dtype=np.float32, bound=3e-5, n=300)  # measured: 2.6e-6


@needs_numba
@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.elementwise])
def test_every_activation(name, monkeypatch):
    case = {"layers": name, "head": name}
    hidden = ((6,), (name,)) if name == "exp" else ((6, 3), (name, name))  # exp of exp diverges
    monkeypatch.setitem(LAYERS, name, hidden)
    monkeypatch.setitem(HEADS, name, (Task("regression", 2), SquaredError(), name))
    agree([case], SGD())


def heads_of(loss, outputs):
    """The loss behind some outputs, for all tasks; those it refuses are left out."""
    for kind, output in product(loss.tasks, outputs):
        task = Task(kind, 1 if kind == "binary" else 3)
        with suppress(ValueError):
            Head(loss, task, output)
            yield task, loss, output


@needs_numba
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name, monkeypatch):
    heads = dict(enumerate(heads_of(LOSSES[name], (None, "softplus", "tanh", "softmax"))))
    for key, head in heads.items():
        monkeypatch.setitem(HEADS, key, head)
    agree([{"head": i, "layers": "tanh"} for i in heads], SGD())


OTHER_LOSSES = [
    Huber(0.3), Quantile(0.8), Tweedie(1.2), Tweedie(2.6), GaussianNLL(0.01), Focal(0.0),
    Focal(0.6), CrossEntropy(0.3),
]  # fmt: skip


@needs_numba
@pytest.mark.matrix
@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("loss", [*LOSSES.values(), *OTHER_LOSSES], ids=repr)
def test_every_loss_behind_every_output(loss, rule, monkeypatch):
    names = [name for name in ACTIVATIONS if name != "exp"]
    heads = dict(enumerate(heads_of(loss, [None, *names])))
    for key, head in heads.items():
        monkeypatch.setitem(HEADS, key, head)
    weights = ("none", "some_zero")
    cases = [{"head": i, "layers": "tanh", "weights": w} for i, w in product(heads, weights)]
    # If all e_j are alike, delta_j behind softmax is zero but for rounding: adam enlarges that.
    agree(cases, RULES_HERE[rule], bound=1e-12 if rule == "sgd" else 1e-10)  # measured: 3.4e-11


@needs_numba
def test_several_levels(monkeypatch):
    monkeypatch.setitem(HEADS, "levels", (Task("regression", 1), Quantile([0.1, 0.5, 0.8]), None))
    agree([{"head": "levels", "layers": "tanh"}], SGD())


@needs_numba
@pytest.mark.parametrize("rule", QUICK)
def test_every_width(rule, monkeypatch):
    # The loops over neurons go in blocks of 32, 8, 4, 2 and 1.
    for n in range(1, 41):
        monkeypatch.setitem(LAYERS, n, ((n,), ("tanh",)))
        monkeypatch.setitem(HEADS, n, (Task("regression", n), SquaredError(), None))
    agree([{"layers": n, "head": n} for n in range(1, 41)], QUICK[rule], n=100)


@needs_numba
@pytest.mark.parametrize("rule", QUICK)
def test_signals_that_are_zero(rule, monkeypatch):
    monkeypatch.setitem(LAYERS, "relu", ((33, 20), ("relu", "relu")))
    factors = {"rows": ROWS, "penalty": ("none", "l2"), "mask": MASKS}
    agree([{"layers": "relu", **case} for case in pairs(factors)], QUICK[rule])


@needs_numba
def test_more_weights_in_a_row_than_a_rule_is_given_at_a_time(monkeypatch):
    monkeypatch.setitem(LAYERS, "widest", ((600,), ("tanh",)))
    agree([{"layers": "widest", "penalty": "both"}], Adam(), n=50)


@needs_numba
def test_the_functions_of_the_kernels_are_exact_to_the_last_places():
    import numba

    from skbackprop.engines import kernels

    x = np.concatenate(
        [
            np.linspace(-750.0, 711.0, 4001),
            np.linspace(-5.0, 5.0, 4001),
            [sign * 10.0**power for sign in (-1, 1) for power in range(-320, 300, 7)],
            [0.0, -0.0, np.inf, -np.inf, np.nan],
        ]
    )
    for name in ("exp", "expm1", "tanh", "expit"):
        function = getattr(kernels, name)

        @numba.njit
        def of_all(x, out, function=function):
            for i in range(len(x)):
                out[i] = function(x[i])

        ours, theirs = np.empty_like(x), getattr(np, name, expit)
        of_all(x, ours)
        with np.errstate(all="ignore"):
            theirs = theirs(x)
        # Below the normal numbers there are fewer places.
        np.testing.assert_allclose(ours, theirs, rtol=9e-16, atol=1e-322, err_msg=name)


@needs_numba
@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((n, np.float32) for n in ("exp", "expm1", "tanh", "expit", "log1p")), ("log1p", np.float64)],
)
def test_the_functions_are_exact_to_the_last_places(name, dtype):
    import numba

    from skbackprop.engines import kernels

    rng = np.random.default_rng(0)
    least = np.finfo(dtype).smallest_subnormal
    largest = 1e38 if name == "log1p" else 1e4
    sizes = np.exp(rng.uniform(np.log(1e-38), np.log(largest), 40_000))
    x = np.concatenate(
        [
            np.linspace(-110.0, 95.0, 40_001),
            np.linspace(-2.0, 2.0, 40_001),
            sizes * rng.choice([-1, 1], len(sizes)),
            [0.0, -0.0, np.inf, -np.inf, least, -least],
        ]
    ).astype(dtype)
    function = getattr(kernels, f"{name}_32" if dtype == np.float32 else name)

    @numba.njit
    def of_all(x, out):
        for i in range(len(x)):
            out[i] = function(x[i])

    ours, wide = np.empty_like(x), x.astype(np.longdouble)
    of_all(x, ours)
    with np.errstate(all="ignore"):
        theirs = 1.0 / (1.0 + np.exp(-wide)) if name == "expit" else getattr(np, name)(wide)
        rounded = theirs.astype(dtype)
        far = np.abs(ours - theirs) / np.spacing(np.abs(rounded))
    ends = ~np.isfinite(rounded)
    assert np.array_equal(ours[ends], rounded[ends], equal_nan=True)
    # Below the normal numbers a unit is as large as the least of them.
    assert far[~ends].max() <= 2.5, x[~ends][far[~ends].argmax()]
    of_all(np.array([np.nan], dtype), ours[:1])
    assert np.isnan(ours[0])


TROUBLE = {  # factors of row 37's x and target, and of eta at its update
    "input": (1e300, 1.0, 1.0),
    "target": (1.0, 1e305, 1e10),
    "eta": (1.0, 1e150, 1e200),
    "all": (1e300, 1e300, 1e300),
    "single": (1e18, 1.0, 1e10),  # near overflow in float32 only
}


def in_trouble(rule, engine, dtype, order, trouble):
    """The trainer that was shown rows of which one cannot be learnt, and the error."""
    x, target, eta = TROUBLE[trouble]
    case = {**SIMPLEST, "layers": "elu"}
    X, targets, _, _ = data(case, np.float64, 60)
    X[37], targets[37] = np.abs(X[37]) * x + x, targets[37] * target
    made = trainer(case, rule, dtype, engine)
    made.schedule = resolve_schedule(lambda t: eta if t == (37 if order is None else 22) else 1.0)
    with pytest.raises(DivergenceError) as caught:
        made.present(X.astype(dtype), targets, None, order, 1)
    made.schedule = constant
    made.present(X[:30].astype(dtype), targets[:30], None, None, 1)  # it goes on
    return made, str(caught.value)


@needs_numba
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("rule", QUICK)
def test_a_diverging_update_is_refused_as_in_numpy(rule, trouble, reverse):
    dtype = np.float64
    if trouble == "single":
        rule, dtype = "sgd", np.float32
    order = np.arange(60)[::-1] if reverse else None
    ours, error = in_trouble(RULES[rule], "compiled", dtype, order, trouble)
    n_before = 22 if reverse else 37
    assert f"at row 37: training diverged: update {n_before + 1} at eta=" in error
    bound = 1e-12 if dtype is np.float64 else 1e-6
    for engine in ("numpy", None):
        theirs, their_error = in_trouble(RULES[rule], engine, dtype, order, trouble)
        assert error == their_error
        assert ours.state.n_updates == theirs.state.n_updates == n_before + 30
        assert distance(ours.objective.network.w, theirs.objective.network.w) < bound
        assert distance(ours.state.rule_state, theirs.state.rule_state) < bound


@needs_numba
def test_a_row_whose_squares_overflow_is_left_to_numpy_and_learnt():
    X, targets, _, _ = data(SIMPLEST, np.float64, 40)
    X[20] = 1e120
    made = {engine: trainer(SIMPLEST, SGD(), np.float64, engine) for engine in ("compiled", None)}
    costs = []
    for one in made.values():
        one.schedule = resolve_schedule(lambda t: 1e-240 if t == 20 else 1.0)
        costs.append(one.present(X, targets, None, None, 1))
    ours, theirs = made.values()
    assert len(ours._workspaces) == 1
    assert ours.state.n_updates == ours.state.n_samples == 40
    assert distance(ours.objective.network.w, theirs.objective.network.w) < 1e-12
    assert costs[0] == pytest.approx(costs[1], rel=1e-12)


def first_refused(engine, rule, dtype, monkeypatch):
    """The least k at which an engine refuses a row of numbers of the size 2**k, or takes care."""
    X, targets, _, _ = data(SIMPLEST, dtype, 1)
    careful = []
    monkeypatch.setattr(Trainer, "_careful_step", lambda *arguments: careful.append(1))
    for k in range(20 if dtype is np.float32 else 300, 600):
        made = trainer(SIMPLEST, rule, dtype, engine)
        with np.errstate(all="ignore"):
            made.present(X * dtype(2.0) ** k, targets * dtype(2.0) ** k, None, None, 1)
        if careful or len(made._workspaces) != (engine is None):
            return k
        assert np.isfinite(made.objective.network.w).all()
    raise AssertionError("nothing is refused")


@needs_numba
@pytest.mark.parametrize(
    ("rule", "dtype"),
    [
        ("sgd", np.float64),
        pytest.param("sgd", np.float32, marks=pytest.mark.matrix),
        pytest.param("adam", np.float64, marks=pytest.mark.matrix),
        pytest.param("adam", np.float32, marks=pytest.mark.matrix),
    ],
)
def test_all_engines_go_by_one_criterion(rule, dtype, monkeypatch):
    batch, rows, kernel = (
        first_refused(engine, RULES[rule], dtype, monkeypatch)
        for engine in (None, "numpy", "compiled")
    )
    # A row's bound on |g|^2 is not less than |g|^2, which a batch has with |w|^2 added; the kernel
    # has the former's own equations layer by layer, and |w|^2 unless the rule is the bare one.
    assert rows <= kernel and batch <= kernel
    assert kernel - min(batch, rows) <= 2


@needs_numba
@pytest.mark.parametrize("rule", QUICK)
def test_weights_whose_signal_is_zero_stay_finite(rule):
    # The penalty multiplies them by -999 at each update, and no v tells of it.
    X, y = np.zeros((400, 3)), np.zeros(400)
    params = {"alpha": 1e3, "eta": 1.0, "solver": rule, "random_state": 0}
    both = [BackpropRegressor((4,), engine=engine, **params) for engine in ("compiled", "numpy")]
    errors = []
    for model in both:
        try:
            model.partial_fit(X, y)
        except DivergenceError as error:
            errors.append(str(error))
        assert np.isfinite(model._model.network.w).all()
        assert np.isfinite(model._model.state.rule_state).all()
    ours, theirs = both
    assert ours.n_updates_ == theirs.n_updates_ > 95
    assert not errors or errors[0] == errors[1]
    assert distance(ours._model.network.w, theirs._model.network.w) < 1e-10


@needs_numba
@pytest.mark.parametrize("weight", [1e200, 1.7e308])
@pytest.mark.parametrize("rule", QUICK)
def test_huge_weights_whose_signal_is_zero(rule, weight):
    X, y = np.array([[0.0, 1.0]] * 40), np.zeros(40)
    for settings in ({"alpha": 1e-3}, {"alpha": 1.0, "eta": 3.0}, {"alpha": 1e3, "l1_ratio": 1.0}):
        model = BackpropRegressor((3,), solver=rule, engine="compiled", random_state=0)
        model.partial_fit(X, y).set_params(**settings)
        coefs = [W.copy() for W in model.coefs_]
        coefs[0][0] = weight
        model.coefs_ = coefs
        try:
            model.partial_fit(X, y)
        except DivergenceError:
            pass
        assert np.isfinite(model._model.network.w).all()
        assert np.isfinite(model._model.state.rule_state).all()


@needs_numba
def test_an_eta_beyond_float32_is_a_divergence():
    # Without an error there is no change, but infinity times zero.
    X, y = np.ones((4, 3), np.float32), np.zeros(4)
    model = BackpropRegressor((), solver="sgd", engine="compiled")
    model.partial_fit(X, y, coef_init=[np.zeros((3, 1))]).set_params(eta=1e39)
    with pytest.raises(DivergenceError, match=r"eta=1e\+39"):
        model.partial_fit(X, y)
    np.testing.assert_array_equal(model._model.network.w, 0)


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", QUICK)
def test_chunk_is_its_rows_bit_for_bit(solver, kind):
    X, y = problem(kind)
    weights = np.linspace(0.0, 2.0, len(X))
    params = {"solver": solver, "alpha": 0.01, "l1_ratio": 0.3, "eta_schedule": "invscaling"}
    chunk = make(kind, **params)
    chunk.partial_fit(X, y, sample_weight=weights, **CLASSES.get(kind, {}))
    rows = make(kind, **params)
    for i in range(len(X)):
        i = slice(i, i + 1)
        rows.partial_fit(X[i], y[i], sample_weight=weights[i], **CLASSES.get(kind, {}))
    assert chunk.engine_ == rows.engine_ == "compiled"
    assert bits(chunk) == bits(rows)
    assert chunk.n_updates_ == len(X) - 1  # the row of weight zero is passed over
    numpy = make(kind, **params, engine="numpy")
    numpy.partial_fit(X, y, sample_weight=weights, **CLASSES.get(kind, {}))
    assert numpy.engine_ == "numpy"
    same_but_for_rounding(chunk, numpy)


@needs_numba
@pytest.mark.parametrize("kind", ["regression", "multilabel"])
def test_sparse_chunk_is_its_rows_bit_for_bit(kind):
    X, y = problem(kind)
    X[np.abs(X) < 0.7] = 0.0
    X[7] = 0.0
    S = messy(X)
    chunk = make(kind).partial_fit(S, y)
    rows, dense = make(kind), make(kind, engine="numpy").partial_fit(X, y)
    for i in range(len(X)):
        rows.partial_fit(S[i : i + 1], y[i : i + 1])
    assert bits(chunk) == bits(rows)
    same_but_for_rounding(chunk, dense)
    assert not S.has_canonical_format  # the user's matrix is left as it is


@needs_numba
def test_sparse_labels():
    X, y = problem("multilabel")
    params = {"hidden_layer_sizes": (4,)}
    ours = make("multilabel", **params).partial_fit(X, sparse.csr_array(y))
    assert bits(ours) == bits(make("multilabel", **params).partial_fit(X, y))


LAYOUTS = {
    "fortran": np.asfortranarray,
    "columns_strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read_only": read_only,
    "big_endian": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "list": lambda X: X.tolist(),
}


@needs_numba
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_changes_no_bit(layout):
    X, y = problem("regression")
    Z = LAYOUTS[layout](X)
    assert bits(make().partial_fit(Z, y)) == bits(make().partial_fit(X, y))
    one = make().partial_fit(X[:1], y[:1])
    for i in range(1, len(X)):
        one.partial_fit(Z[i : i + 1], y[i : i + 1])
    assert bits(one) == bits(make().partial_fit(X, y))


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays(kind):
    ours, theirs = learnt(kind, np.float32), learnt(kind, np.float32, engine="numpy")
    assert flat(ours).dtype == np.float32 and ours._model.state.rule_state.dtype == np.float32
    assert distance(flat(ours), flat(theirs)) < 2e-6  # measured: 2.4e-7
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_fit_with_all_its_trimmings(kind):
    X, y = problem(kind)
    models = []
    for engine in ("compiled", "numpy"):
        model = make(
            kind,
            solver="adam",
            eta=0.01,
            engine=engine,
            batch_size=1,
            max_iter=6,
            early_stopping=True,
            validation_fraction=0.3,
            eta_schedule="adaptive",
            alpha=1e-3,
            warm_start=True,
        )
        model.fit(X, y, sample_weight=np.arange(len(X)) % 4)
        model.set_params(early_stopping=False, shuffle=False, max_iter=2)
        model.fit(X, y)
        models.append(model)
    ours, theirs = models
    same_but_for_rounding(ours, theirs)
    assert (ours.engine_, theirs.engine_) == ("compiled", "numpy")
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-11)
    assert ours.best_iter_ == theirs.best_iter_ and ours.stop_reason_ == theirs.stop_reason_


@needs_numba
def test_batches_agree_on_every_engine():
    params = {"batch_size": 7, "solver": "adam"}
    same_but_for_rounding(learnt(**params), learnt(**params, engine="numpy"))


@needs_numba
def test_what_may_change_between_calls():
    X, y = problem("regression")
    changes = [
        {"eta": 0.02},
        {"eta": [0.01, 0.0, 0.03]},
        {"alpha": 0.05, "l1_ratio": 0.5},
        {"solver": "adam", "eta": 0.01},
        {"solver": Adam(beta_1=0.7), "alpha": 0.0},
        {"eta_schedule": "invscaling"},
        {"mask": [None, False, None]},
        {"mask": None, "solver": "sgd", "eta": 0.01, "eta_schedule": None},
        {"batch_size": 3},
        {"batch_size": "auto"},
        {"max_norm": 1.0, "engine": "auto"},  # only NumPy knows it
        {"max_norm": None, "engine": "compiled"},
    ]
    ours, theirs = make().partial_fit(X, y), make(engine="numpy").partial_fit(X, y)
    for change in changes:
        ours.set_params(**change).partial_fit(X, y)
        theirs.set_params(**{**change, "engine": "numpy"}).partial_fit(X, y)
        same_but_for_rounding(ours, theirs)
        assert (ours.engine_, theirs.engine_) == ("compiled", "numpy")
    assert ours.n_updates_ == (len(changes)) * len(X) + len(X) // 3


def a_long_dense_call():
    """A model and rows that take it about a second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 50))
    return make(hidden_layer_sizes=(150, 150), eta=1e-4), X, X[:, 0]


def a_long_sparse_call():
    """As above; the penalty moves all weights of each row, though few of its numbers are stored."""
    rng = np.random.default_rng(0)
    indices = rng.integers(0, 20_000, size=(2000, 5))
    S = sparse.csr_array((np.ones(10_000), indices.ravel(), np.arange(2001) * 5), (2000, 20_000))
    return make(hidden_layer_sizes=(40,), eta=1e-3, alpha=1e-4), S, rng.normal(size=2000)


@needs_numba
@pytest.mark.parametrize("call", [a_long_dense_call, a_long_sparse_call])
def test_ctrl_c_waits_for_one_piece_and_the_whole_of_an_update(call):
    model, X, y = call()
    model.partial_fit(X[:1], y[:1])
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.1, press)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        model.partial_fit(X, y)
    waited = time.perf_counter() - pressed[0]
    timer.join()
    assert waited < 0.6  # 0.1 on a machine that has nothing else to do
    n = model.n_updates_
    assert 1 < n < X.shape[0]
    whole = call()[0].partial_fit(X[:1], y[:1]).partial_fit(X[: n - 1], y[: n - 1])
    assert bits(model) == bits(whole)


@needs_numba
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_an_alarm_leaves_whole_updates(solver, alarm):
    rows = np.random.default_rng(0).normal(size=(12_000, 20))
    ring_all_along(rows, rows[:, 0], engine="compiled", batch_size=1, solver=solver)


@needs_numba
def test_an_alarm_while_it_compiles_is_no_error_of_the_model(empty_room, monkeypatch, alarm):
    def compile_slowly(path):
        try:
            signal.raise_signal(signal.SIGALRM)
        except Exception as error:
            raise ValueError("The compiled engine cannot train this model") from error

    monkeypatch.setattr(code_cache, "_run", compile_slowly)
    X, y = problem("regression")
    model = make()
    with pytest.raises(Alarm):
        model.partial_fit(X, y)
    assert not hasattr(model, "coefs_")


def test_ctrl_c_while_it_compiles(empty_room, monkeypatch):
    # What takes seconds, and has changed nothing, need not be waited for.
    def compile_slowly(text):
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("Ctrl-C was put off")

    monkeypatch.setattr(skbackprop.engines.choice, "why_no_compiler", lambda: None)
    monkeypatch.setattr(skbackprop.engines.compiled, "load", compile_slowly)
    monkeypatch.setitem(sys.modules, "skbackprop.engines.kernels", SimpleNamespace())
    X, y = problem("regression")
    with pytest.raises(KeyboardInterrupt):
        make().partial_fit(X, y)


def train_all(seeds, n_jobs=1, **settings):
    X, y = problem("multiclass", n=300)

    def one(seed):
        model = make("multiclass", random_state=seed, solver=("sgd", "adam")[seed % 2])
        for _ in range(5):
            model.partial_fit(X, y, classes=[0, 1, 2])
        return bits(model), model.engine_

    return joblib.Parallel(n_jobs, **settings)(joblib.delayed(one)(seed) for seed in seeds)


@needs_numba
def test_models_may_train_in_threads():
    alone = train_all(range(6))
    assert [engine for _, engine in alone] == ["compiled"] * 6
    assert len({moved for moved, _ in alone}) == 6
    assert train_all(range(6), 3, backend="threading") == alone


@needs_numba
def test_code_compiled_in_threads(empty_room):
    texts = [TINY.format(number) for number in (1, 2, 1, 2)]
    with ThreadPool(4) as pool:
        functions = pool.map(code_cache.load, texts)
    assert [function(40) for function in functions] == [41, 42, 41, 42]


def test_code_written_in_threads(tmp_path):
    with ThreadPool(8) as pool:
        for attempt in range(40):
            place = tmp_path / str(attempt)
            place.mkdir()
            paths = pool.map(
                lambda text, place=place: code_cache._write(place, text), ["a = 1"] * 8
            )
            assert set(paths) == set(place.glob("*.*")) and paths[0].read_text() == "a = 1"


@needs_numba
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # pytest's own threads
def test_a_forked_process_goes_on():
    alone = train_all(range(2))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(train_some, [[0], [1]]).get(60) == [[alone[0]], [alone[1]]]


def train_some(seeds):
    return train_all(seeds)


@needs_numba
@pytest.mark.matrix
def test_processes_of_joblib():
    alone = train_all(range(4))
    assert train_all(range(4), 2, backend="loky") == alone
