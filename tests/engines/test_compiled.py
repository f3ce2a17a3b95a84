"""The compiled pass does what NumPy does: the same weights, costs, counters and errors.

Without Numba these tests are skipped, but for those of its absence; with SKBACKPROP_NUMBA=required,
as in `.ci/run`, they fail. Compiling takes some seconds for each rule and dtype: the quick
suite has four such pairs, `pytest -m matrix` the rest. Only the first run takes them.
"""

import errno
import hashlib
import importlib.util
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache, partial
from itertools import combinations, product
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from alarms import Alarm, ring_all_along
from problems import KINDS, problem
from scipy import sparse
from scipy.special import erf, erfc, expit
from sklearn.exceptions import ConvergenceWarning

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    RULES,
    SGD,
    Activation,
    Adam,
    AdamW,
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    DivergenceError,
    Focal,
    GaussianNLL,
    Huber,
    InverseScaling,
    Loss,
    Mixed,
    Quantile,
    RMSprop,
    SquaredError,
    Task,
    Tweedie,
    UpdateRule,
    compile_engine,
)
from skbackprop.activations.built_in import elu, leaky_relu, scaled_tanh, softplus
from skbackprop.engines import code_cache, compilation
from skbackprop.engines import compiled_rows as compiled
from skbackprop.engines.formulas import cost_of
from skbackprop.engines.source import cost_text
from skbackprop.engines.symbols import Untraceable
from skbackprop.engines.update import Update
from skbackprop.losses.head import Head
from skbackprop.network.masks import learning_parameters
from skbackprop.network.network import Network
from skbackprop.network.objective import Objective
from skbackprop.network.penalties import ElasticNet
from skbackprop.schedules import SCHEDULES, constant, resolve_schedule
from skbackprop.training.trainer import Trainer
from skbackprop.updates.state import TrainingState

needs_numba = pytest.mark.usefixtures("numba")


@pytest.fixture(scope="module", autouse=True)
def room(pytestconfig, tmp_path_factory):
    """A place of its own: what is compiled here is not there for the tests of other modules.

    It is pytest's, which the next run finds again: what has been edited is another text there.
    """
    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.pluginmanager.hasplugin("cacheprovider"):
            place = pytestconfig.cache.mkdir("compiled")
        else:
            place = tmp_path_factory.mktemp("compiled")
        patch.setenv("SKBACKPROP_CACHE_DIR", str(place))
        patch.setattr(code_cache, "_loaded", {})
        yield place


@pytest.fixture(scope="module")
def numba():
    if importlib.util.find_spec("numba") is None:
        reason = "needs Numba, which is not installed: pip install 'skbackprop[fast]'"
        if os.environ.get("SKBACKPROP_NUMBA") == "required":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def empty_room(tmp_path, monkeypatch):
    """As on a machine where nothing has been compiled."""
    monkeypatch.setenv("SKBACKPROP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(code_cache, "_loaded", {})
    return tmp_path / "cache"


@pytest.fixture
def no_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert importlib.util.find_spec("numba") is None


# -- the pass against NumPy, setting by setting --------------------------------------------------

N_FEATURES = 9
# Sizes and activations of the hidden layers. Not relu with an L1 penalty: the weights of a neuron
# that is dead for good jump about 0 in steps of eta, and rounding tells on which side they land.
LAYERS = {
    "none": ((), ()),
    "tanh": ((8,), ("tanh",)),
    "elu": ((33,), ("elu",)),
    "per_layer": ((5, 17, 4), ("logistic", "gelu", "hard_tanh")),
    "with_settings": ((7, 6, 3), (leaky_relu(0.2), softplus(2.0), scaled_tanh(1.2, 0.8))),
    "mixed": (
        (7, 5),
        (Mixed(["tanh", "selu", elu(0.5), "sin", elu(1.5), "tanh", "mish"]), "arctan"),
    ),
    "wide": ((49,), ("silu",)),
}
HEADS = {  # task, loss, output activation
    "squared": (Task("regression", 1), SquaredError(), None),
    "squared_softplus": (Task("regression", 3), SquaredError(), "softplus"),
    "squared_mixed": (Task("regression", 3), SquaredError(), Mixed(["tanh", "exp", elu(0.7)])),
    "squared_softmax": (Task("multiclass", 5), SquaredError(), "softmax"),
    "squared_tanh": (Task("multilabel", 4), SquaredError(), "tanh"),
    "logistic": (Task("binary", 1), CrossEntropy(), None),
    "logistic_smoothed": (Task("multilabel", 6), CrossEntropy(0.1), None),
    "softmax": (Task("multiclass", 3), CrossEntropy(), None),
    "softmax_of_two": (Task("binary", 1), CrossEntropy(), "softmax"),
    "softmax_smoothed": (Task("multiclass", 11), CrossEntropy(0.2), None),
}
MASKS = {
    "none": lambda sizes: None,
    "first_layer": lambda sizes: [False, *[None] * (len(sizes) - 2)],
    "connections": lambda sizes: [
        (np.arange(n_in * n_out).reshape(n_in, n_out) % 3 > 0).astype(int)
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)
    ],
}
ETAS = {  # factors of the rule's own eta, for the layers from the last one back
    "one": None,
    "per_layer": (1.0, 0.5, 2.0, 0.25),
    "with_zero": (1.5, 0.0, 1.0, 0.0),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "some_zero": lambda rng, n: rng.choice([0.0, 0.5, 1.0, 2.5], size=n),
    "float32": lambda rng, n: rng.uniform(0.1, 2.0, size=n).astype(np.float32),
}


def as_they_are(X):
    return X


def canonical(X):
    return sparse.csr_array(X)


def messy(X):
    """CSR with each number in two halves, and each row's columns from the last one back."""
    rows = [np.repeat(np.flatnonzero(x)[::-1], 2) for x in X]
    numbers = [x[columns] / 2 for x, columns in zip(X, rows, strict=True)]
    bounds = np.cumsum([0, *map(len, rows)])
    S = sparse.csr_array((np.concatenate(numbers), np.concatenate(rows), bounds), shape=X.shape)
    assert not S.has_canonical_format and (S.toarray() == X).all()
    return S


def with_stored_zeros(X):
    S = sparse.csr_array(np.ones_like(X))
    S.data[:] = X.ravel()
    return S


ROWS = {
    "dense": as_they_are,
    "fortran": np.asfortranarray,
    "csr": canonical,
    "messy_csr": messy,
    "csr_with_zeros": with_stored_zeros,
}
FACTORS = {
    "layers": LAYERS,
    "head": HEADS,
    "rows": ROWS,
    "penalty": {"none": (0.0, 0.0), "l1": (0.01, 1.0), "l2": (0.02, 0.0), "both": (0.02, 0.4)},
    "mask": MASKS,
    "eta": ETAS,
    "weights": WEIGHTS,
    "schedule": {
        "constant": constant,
        "invscaling": InverseScaling(0.25),
        "function": lambda t: 0.5 + 0.5 * (t % 7 > 2),
        "decayed": SCHEDULES["adaptive"],
    },
    "order": {"as_they_come": False, "permuted": True},
}
RULES_HERE = {
    **{name: RULES[name] for name in ("momentum", "nesterov", "adagrad", "rmsprop", "adamw")},
    "rmsprop_momentum": RMSprop(momentum=0.5),
    "amsgrad": Adam(beta_1=0.8, amsgrad=True),
    "adamw_strong": AdamW(weight_decay=0.1),
    "sgd": SGD(),
    "adam": Adam(),
}
SIMPLEST = {name: next(iter(levels)) for name, levels in FACTORS.items()}


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


def data(case, dtype, n):
    """Rows, between none and all of their numbers zero, and their targets, weights and order."""
    rng = np.random.default_rng(5)
    X = rng.normal(scale=0.7, size=(n, N_FEATURES))
    X *= rng.random(X.shape) < rng.choice([0.0, 0.2, 0.6, 1.0, 1.0], size=(n, 1))
    X = X.astype(dtype)
    task = HEADS[case["head"]][0]
    if task.kind == "regression":
        targets = rng.normal(scale=0.5, size=(n, task.n_targets)) + X[:, :1]
        if HEADS[case["head"]][1].least_target is not None:
            targets = np.exp(targets)
    elif task.kind == "multilabel":
        targets = (rng.normal(size=(n, task.n_targets)) + X[:, :1] > 0).astype(int)
    else:
        targets = rng.integers(0, max(task.n_targets, 2), size=n)
    order = rng.integers(0, n, size=n) if FACTORS["order"][case["order"]] else None
    return X, targets, WEIGHTS[case["weights"]](rng, n), order


def trainer(case, rule, dtype, engine):
    """A trainer of the case: compiled, on NumPy's pass, or with `Trainer.apply` alone (None)."""
    hidden, activations = LAYERS[case["layers"]]
    task, loss, output = HEADS[case["head"]]
    loss = Head(loss, task, output)
    activations = [*map(skbackprop.activations.resolve_activation, activations), loss.output]
    sizes = (N_FEATURES, *hidden, loss.n_units())
    network = Network(sizes, activations, dtype=dtype)
    rng = np.random.default_rng(3)
    for (W, b), n_in in zip(network.layers(network.w), sizes[:-1], strict=True):
        W[...] = rng.normal(size=W.shape) / np.sqrt(n_in)
        b[...] = rng.normal(scale=0.1, size=b.shape)
    n_layers = network.n_layers
    is_weight = network.spread([1.0] * n_layers, [0.0] * n_layers)
    penalty = ElasticNet(is_weight, *FACTORS["penalty"][case["penalty"]])
    mask, learning = MASKS[case["mask"]](sizes), None
    if mask is not None:
        learning = np.empty_like(network.w)
        learning_parameters(mask, network, learning)
    eta = rule.default_eta  # small enough that rounding does not grow from update to update
    if ETAS[case["eta"]] is not None:
        eta = network.spread([eta * factor for factor in ETAS[case["eta"]][:n_layers][::-1]])
    if learning is not None:
        eta = eta * learning
    state = TrainingState(np.empty((0, network.w.size), dtype))
    schedule = resolve_schedule(FACTORS["schedule"][case["schedule"]])
    if case["schedule"] == "decayed":
        state.decay = 0.4
    objective = Objective(network, loss, penalty, learning=learning)
    made = Trainer(Update(objective, rule, eta, state), schedule, engine)
    assert made.engine == (engine or "numpy")
    return made


def distance(a, b):
    """The largest difference, relative where the numbers are large."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return float((np.abs(a - b) / np.maximum(np.abs(b), 1.0)).max(initial=0.0))


def disagreement(case, rule, dtype=np.float64, n=1000):
    """How far the compiled pass is from NumPy's two ways after n updates, at the most."""
    case = {**SIMPLEST, **case}
    X, targets, scale, order = data(case, dtype, n)
    ours = trainer(case, rule, dtype, "compiled")
    start = ours.objective.network.w.copy()
    cost = ours.present(ROWS[case["rows"]](X), targets, scale, order, 1)
    w, rule_state = ours.objective.network.w, ours.state.rule_state
    assert not len(ours._workspaces), f"{case}: some rows were left to Trainer.apply"
    assert w.dtype == rule_state.dtype == dtype
    assert np.isfinite(w).all() and np.array_equal(w, start) == (not np.any(ours.update.eta)), case
    worst = 0.0
    for engine in ("numpy", None):
        theirs = trainer(case, rule, dtype, engine)
        their_cost = theirs.present(X, targets, scale, order, 1)  # dense, whatever ours were
        assert ours.state.n_updates == theirs.state.n_updates == n
        assert ours.state.n_samples == theirs.state.n_samples == n
        worst = max(
            worst,
            distance(w, theirs.objective.network.w),
            distance(rule_state, theirs.state.rule_state),
            distance(cost, their_cost),
        )
    return worst


def agree(cases, rule=None, dtype=np.float64, bound=1e-12, n=1000):
    """Check that the passes agree in each of the cases."""
    far = {str(c): disagreement(c, rule or RULES_HERE[c["rule"]], dtype, n) for c in cases}
    assert max(far.values()) < bound, max(far.items(), key=lambda item: item[1])


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
    monkeypatch.setattr(sys.modules[__name__], "HEADS", {**HEADS, **heads})
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
    monkeypatch.setattr(sys.modules[__name__], "HEADS", {**HEADS, **heads})
    cases = [{"head": i, "layers": "tanh", "weights": w} for i in heads for w in WEIGHTS]
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


# -- near overflow -------------------------------------------------------------------------------

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
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
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


# -- estimators ----------------------------------------------------------------------------------

CLASSES = {"binary": {"classes": [0, 1]}, "multiclass": {"classes": [0, 1, 2]}}


def make(kind="regression", **params):
    Estimator = BackpropRegressor if kind in ("regression", "two_targets") else BackpropClassifier
    defaults = {"hidden_layer_sizes": (5, 3), "activation": "tanh", "solver": "sgd"}
    defaults |= {"eta": 0.05, "random_state": 0, "engine": "compiled"}
    return Estimator(**{**defaults, **params})


def learnt(kind="regression", dtype=np.float64, **params):
    X, y = problem(kind, dtype)
    return make(kind, **params).partial_fit(X, y, **CLASSES.get(kind, {}))


def flat(model):
    return model._model.network.w.copy()


def bits(model):
    """What training has moved, to the bit."""
    state = model._model.state
    return flat(model).tobytes(), state.rule_state.tobytes(), model.n_updates_, model.t_


def same_but_for_rounding(ours, theirs):
    assert distance(flat(ours), flat(theirs)) < 1e-12
    assert distance(ours._model.state.rule_state, theirs._model.state.rule_state) < 1e-12
    assert (ours.n_updates_, ours.t_) == (theirs.n_updates_, theirs.t_)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-12)


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


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


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
def test_batches_are_numpys_on_every_engine():
    params = {"batch_size": 7, "solver": "adam"}
    assert bits(learnt(**params)) == bits(learnt(**params, engine="numpy"))


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


# -- the choice of the engine --------------------------------------------------------------------


@needs_numba
def test_the_engine_may_change_in_mid_stream():
    X, y = problem("regression")
    ours, theirs = make(engine="auto"), make(engine="numpy")
    for engine in ("numpy", "compiled", "compiled", "numpy", "compiled"):
        ours.set_params(engine=engine).partial_fit(X, y)
        theirs.partial_fit(X, y)
        assert ours.engine_ == engine
        same_but_for_rounding(ours, theirs)


@needs_numba
def test_auto_never_compiles_and_is_asked_once(empty_room, monkeypatch):
    X, y = problem("regression")
    early = make(engine="auto").partial_fit(X, y)
    assert early.engine_ == "numpy"
    assert not empty_room.exists()
    monkeypatch.undo()  # back to where the code is
    assert make().partial_fit(X, y).engine_ == "compiled"
    late = make(engine="auto").partial_fit(X, y)
    early.set_params(eta=0.01).partial_fit(X, y)  # keeps to what it has begun with
    pickle.loads(pickle.dumps(early)).partial_fit(X, y)
    assert (early.engine_, late.engine_) == ("numpy", "compiled")
    early.set_params(batch_size=1, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        assert early.fit(X, y).engine_ == "compiled"  # a new fit chooses anew


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_batches_make_no_engine_before_it_is_asked_for(empty_room, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("an engine is made")

    X, y = problem("regression")
    with monkeypatch.context() as patch:
        patch.setattr(skbackprop.training.trainer, "choose_engine", refuse)
        model = make(engine="auto", max_iter=2).fit(X, y)
        model.set_params(batch_size=7).partial_fit(X, y)
        make(engine="numpy", batch_size=7).partial_fit(X, y)
        copy = pickle.loads(pickle.dumps(model))
        with pytest.raises(AssertionError):
            copy.set_params(batch_size=1).partial_fit(X, y)
    before = bits(model)
    assert model.engine_ == "numpy" and bits(model) == before
    assert make(engine="auto", solver="lbfgs", eta="auto", max_iter=2).fit(X, y).engine_ == "numpy"
    assert not hasattr(make(engine="auto"), "engine_")
    late = copy.set_params(solver="nonsense")
    assert late.engine_ == "numpy"  # nothing else could, as things are
    assert late.set_params(solver="sgd").partial_fit(X, y).engine_ == "numpy"


@needs_numba
def test_auto_chooses_when_rows_come_or_when_it_is_asked(empty_room, monkeypatch):
    X, y = problem("regression")
    asked, other = (make(engine="auto", batch_size=7).partial_fit(X, y) for _ in range(2))
    assert asked.engine_ == "numpy"
    monkeypatch.undo()  # to where the code is
    make().partial_fit(X, y)
    for model in (asked, other):
        model.set_params(batch_size=1).partial_fit(X, y)
    assert (asked.engine_, other.engine_) == ("numpy", "compiled")


@needs_numba
def test_auto_finds_the_code_on_disk(monkeypatch):
    X, y = problem("regression")
    ours = make().partial_fit(X, y)
    monkeypatch.setattr(code_cache, "_loaded", {})  # as in a new process
    model = make(engine="auto").partial_fit(X, y)
    assert model.engine_ == "compiled" and bits(model) == bits(ours)


@needs_numba
@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_a_pickle_goes_on_bit_for_bit(engine):
    X, y = problem("regression")
    model = learnt(solver="adam").set_params(engine=engine)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.engine_ == "compiled"
    assert bits(copy.partial_fit(X, y)) == bits(model.partial_fit(X, y))


@needs_numba
@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_a_pickle_whose_engine_is_missing_goes_on_in_numpy(engine, monkeypatch):
    X, y = problem("regression")
    model = learnt(solver="adam").set_params(engine=engine)
    pickled = pickle.dumps(model)
    numpy = pickle.loads(pickled).set_params(engine="numpy").partial_fit(X, y)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numba", None)
        copy = pickle.loads(pickled)
        with pytest.warns(UserWarning, match="goes on in NumPy: it needs Numba, which") as told:
            copy.partial_fit(X[:30], y[:30])
        assert [warning.filename for warning in told] == [__file__]
        copy.set_params(eta=[0.05, 0.05, 0.05])
        copy.partial_fit(X[30:], y[30:])  # says it once
        with pytest.warns(UserWarning, match="goes on in NumPy"):  # as does any other model
            pickle.loads(pickled).partial_fit(X[:30], y[:30])
        assert copy.engine_ == "compiled"
    assert bits(copy)[:3] == bits(numpy)[:3]
    again = pickle.loads(pickle.dumps(copy)).partial_fit(X, y)  # and Numba is there again
    for part in (slice(30), slice(30, 60), slice(60)):
        model.partial_fit(X[part], y[part])
    same_but_for_rounding(again, model)


def _normal_cdf(v):
    from scipy.special import ndtr

    return ndtr(v)


def _normal_density(v, y):
    return np.exp(-0.5 * v * v) / np.sqrt(2.0 * np.pi)


NORMAL = Activation(_normal_cdf, _normal_density)


class Whole(UpdateRule):
    """Steps of one length, which a single weight knows nothing of."""

    def step(self, w, g, state, t, eta, cost):
        w += eta * g / np.sqrt(np.vdot(g, g) + 1.0)


class Trimmed(SquaredError):
    """Without the largest residual of a row."""

    fused = False

    def value(self, d, y, v):
        return 0.5 * np.sort((d - y) ** 2, axis=1)[:, :-1].sum(axis=1)

    def error(self, d, y):
        r = np.abs(d - y)
        return (d - y) * (r < r.max(axis=1, keepdims=True))


CANNOT = {  # parameters, and what the error says
    "max_grad_norm": ({"max_grad_norm": 1.0}, "only NumPy knows max_grad_norm"),
    "max_norm": ({"max_norm": 1.0}, "only NumPy knows max_norm"),
    "dropout": ({"dropout": 0.2}, "only NumPy knows dropout and noise"),
    "noise": ({"noise": 0.1}, "only NumPy knows dropout and noise"),
    "two": ({"noise": 0.1, "max_norm": 1.0}, "dropout and noise and max_norm"),
    "loss": ({"loss": Trimmed()}, r"loss Trimmed\(\) does not compile: np.sort has no scalar"),
    "activation": ({"activation": NORMAL}, "'_normal_cdf' does not compile: ndtr has no scalar"),
    "one_of_a_layer": (
        {"activation": ["tanh", Mixed(["tanh", NORMAL, "tanh"])]},
        "'_normal_cdf' does not compile",
    ),
    "nadam": ({"solver": "nadam"}, r"solver Nadam\(\) does not compile"),
    "delta_bar_delta": ({"solver": "delta_bar_delta"}, "solver DeltaBarDelta"),
    "rule": ({"solver": Whole()}, r"solver Whole\(\) does not compile"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_it_cannot_do_is_an_error_and_changes_nothing(case, empty_room):
    params, match = CANNOT[case]
    X, y = problem("regression")
    match = f"engine='compiled' cannot train this model: .*{match}"
    model = make(**params)
    before = dict(vars(model))
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=match):
            method(X, y)
        assert vars(model) == before
    numpy = make(**params, engine="auto").partial_fit(X, y)
    assert numpy.engine_ == "numpy" and not empty_room.exists()
    assert bits(numpy) == bits(make(**params, engine="numpy").partial_fit(X, y))
    # The same of a model that is trained already.
    before = bits(numpy)
    numpy.set_params(engine="compiled")
    for method in (numpy.fit, numpy.partial_fit):
        with pytest.raises(ValueError, match=match):
            method(X, y)
        assert bits(numpy) == before and numpy.engine_ == "numpy"


def test_a_solver_of_all_rows_is_an_error():
    X, y = problem("regression")
    for solver in ("lbfgs", "scg", "irprop+"):
        model = make(solver=solver)
        with pytest.raises(ValueError) as error:
            model.fit(X, y)
        assert f"engine='compiled' does not go with solver='{solver}'" in str(error.value)
        assert not hasattr(model, "coefs_")


def test_without_numba(no_numba, empty_room):
    X, y = problem("regression")
    model = make()
    before = dict(vars(model))
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ImportError, match=r"pip install 'skbackprop\[fast\]'"):
            method(X, y)
        assert vars(model) == before
    with pytest.raises(ImportError, match=r"pip install 'skbackprop\[fast\]'"):
        compile_engine()
    auto = make(engine="auto").partial_fit(X, y)
    assert auto.engine_ == "numpy"
    assert bits(auto) == bits(make(engine="numpy").partial_fit(X, y))
    before = bits(auto)
    with pytest.raises(ImportError, match="needs Numba"):
        auto.set_params(engine="compiled").partial_fit(X, y)
    assert bits(auto) == before and auto.engine_ == "numpy"


@needs_numba
def test_numba_switched_off(monkeypatch):
    X, y = problem("regression")
    make().partial_fit(X, y)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with pytest.raises(ImportError, match="NUMBA_DISABLE_JIT is set"):
        make().partial_fit(X, y)
    assert make(engine="auto").partial_fit(X, y).engine_ == "numpy"


def run(program, *arguments, **settings):
    """Run a program in a new process and return what it prints."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(skbackprop.__file__).parents[1]), **settings},
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_numba_is_not_imported_unasked(tmp_path):
    run(
        """
import sys
import numpy as np
import skbackprop
from skbackprop import BackpropRegressor
X = np.ones((3, 2))
BackpropRegressor(batch_size=1, random_state=0).partial_fit(X, X[:, 0])
BackpropRegressor(engine="numpy", batch_size=1, random_state=0).partial_fit(X, X[:, 0])
assert "numba" not in sys.modules and "llvmlite" not in sys.modules
""",
        SKBACKPROP_CACHE_DIR=str(tmp_path),
    )
    assert not list(tmp_path.iterdir())


@needs_numba
def test_compile_engine(capsys, monkeypatch):
    learnt("regression", np.float64), learnt("regression", np.float32)
    monkeypatch.setattr(compilation, "RULES", {name: RULES[name] for name in ("sgd", "nadam")})
    compile_engine()
    assert capsys.readouterr().out == ""
    compile_engine(verbose=True)
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["sgd, float64: there", "sgd, float32: there"]
    assert said[2].startswith("solver Nadam() does not compile")
    assert said[3] == "cross_entropy, float64: there" and len(said) == 3 + 2 * len(LOSSES)


@needs_numba
def test_compile_engine_compiles_what_auto_takes(empty_room, monkeypatch):
    asked = []
    monkeypatch.setattr(compilation, "load", asked.append)
    compile_engine()
    able = [name for name, rule in RULES.items() if _compiles(rule)]
    assert set(able) >= {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"}
    for name in able:
        for dtype in (np.float64, np.float32):
            made = trainer(SIMPLEST, RULES[name], dtype, None)
            wanted = compiled.CompiledPass(made.update)
            assert wanted.text in asked and wanted.cost_text in asked
    assert len(asked) == len(set(asked))
    for task, loss, output in HEADS.values():
        wanted = cost_text(cost_of(Head(loss, task, output), np.dtype(float)), "float64")
        assert wanted in asked, (task, loss, output)


def _compiles(rule):
    try:
        return bool(compiled.CompiledPass(trainer(SIMPLEST, rule, np.float64, None).update))
    except Untraceable:
        return False


# -- interrupts and threads ----------------------------------------------------------------------


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
    monkeypatch.setattr(compiled, "load", compile_slowly)
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
            assert set(paths) == set(place.iterdir()) and paths[0].read_text() == "a = 1"


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


# -- the code on disk ----------------------------------------------------------------------------

TINY = """
import numba


@numba.njit([numba.int64(numba.int64)], cache=True)
def compiled(x):
    return x + {}
"""


def reloaded(text):
    """The code of a text as a new process sees it."""
    code_cache._loaded.clear()
    return code_cache.load(text)


def files(room, pattern):
    return sorted(room.rglob(pattern))


@needs_numba
def test_code_is_compiled_once_and_found_on_disk(empty_room):
    assert not code_cache.is_compiled(TINY)
    assert code_cache.load(TINY.format(1))(1) == 2
    assert code_cache.is_compiled(TINY.format(1)) and not code_cache.is_compiled(TINY.format(2))
    (data,) = files(empty_room, "*.nbc")
    before = data.stat().st_mtime_ns
    compiled = reloaded(TINY.format(1))
    assert compiled(1) == 2
    assert compiled.stats.cache_hits and not compiled.stats.cache_misses
    assert code_cache.is_compiled(TINY.format(1))
    assert data.stat().st_mtime_ns == before
    assert reloaded(TINY.format(2))(1) == 3
    assert not files(empty_room, f"*.{os.getpid()}")  # no half-written file is left


@needs_numba
@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_spoilt_files_are_made_anew(empty_room, pattern, content):
    code_cache.load(TINY.format(1))
    (path,) = files(empty_room, pattern)
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    code_cache._loaded.clear()
    assert not code_cache.is_compiled(TINY.format(1))  # "auto" does without
    assert reloaded(TINY.format(1))(1) == 2
    (path,) = files(empty_room, pattern)
    assert len(path.read_bytes()) > 20
    assert reloaded(TINY.format(1)).stats.cache_hits


@needs_numba
def test_files_that_are_gone_are_made_anew(empty_room):
    code_cache.load(TINY.format(1))
    for path in files(empty_room, "*.nb?"):
        path.unlink()
        code_cache._loaded.clear()
        assert not code_cache.is_compiled(TINY.format(1))
    assert reloaded(TINY.format(1))(1) == 2
    assert code_cache.is_compiled(TINY.format(1))
    (source,) = files(empty_room, "*.py")
    source.write_text("compiled = None")
    assert reloaded(TINY.format(1))(1) == 2


@needs_numba
def test_code_that_was_touched_is_not_counted_on(empty_room):
    # Older versions of Numba go by the time of the source, and would compile.
    code_cache.load(TINY.format(1))
    (source,) = files(empty_room, "*.py")
    os.utime(source, (0, 0))
    code_cache._loaded.clear()
    assert not code_cache.is_compiled(TINY.format(1))
    assert reloaded(TINY.format(1))(1) == 2 and code_cache.is_compiled(TINY.format(1))


@needs_numba
def test_numbas_own_cache_directory_is_for_others(empty_room, tmp_path, monkeypatch):
    from numba import njit
    from numba.core import config

    elsewhere = tmp_path / "numba"
    code_cache.load(TINY.format(1))
    monkeypatch.setattr(config, "CACHE_DIR", str(elsewhere))  # what NUMBA_CACHE_DIR sets
    present = reloaded(TINY.format(1))
    assert present.stats.cache_hits and not present.stats.cache_misses
    assert reloaded(TINY.format(2)).stats.cache_misses
    assert reloaded(TINY.format(2)).stats.cache_hits
    assert len(files(empty_room, "*.nbc")) == 2 and not elsewhere.exists()
    assert config.CACHE_DIR == str(elsewhere)
    njit(cache=True)(as_they_are)
    assert elsewhere.exists()


@needs_numba
def test_a_place_that_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKBACKPROP_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(code_cache, "_loaded", {})
    assert not code_cache.is_compiled(TINY.format(3))
    assert code_cache.load(TINY.format(3))(1) == 4
    assert code_cache.is_compiled(TINY.format(3))  # in this process
    assert files(tmp_path, "*") == [tmp_path / "file"]


@needs_numba
def test_a_place_that_may_only_be_read(empty_room, monkeypatch):
    code_cache.load(TINY.format(1))
    for path in files(empty_room, "*.nb?"):
        path.unlink()
    read_only = OSError(errno.EROFS, "Read-only file system", str(empty_room))

    def refuse(path, *arguments, **settings):
        if empty_room in Path(path).parents:
            raise read_only
        return write(path, *arguments, **settings)

    write = Path.write_text
    monkeypatch.setattr(Path, "write_text", refuse)
    assert reloaded(TINY.format(1))(1) == 2


@needs_numba
def test_auto_does_not_count_on_a_place_it_cannot_write_to(empty_room, monkeypatch):
    # Numba does not take its own files from there, and would compile.
    code_cache.load(TINY.format(1))
    code_cache._loaded.clear()
    assert code_cache.is_compiled(TINY.format(1))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not code_cache.is_compiled(TINY.format(1))


def test_code_is_for_the_packages_it_was_compiled_with(monkeypatch):
    # Numba refuses a NumPy that is too new for it: "auto" must not come to that point.
    names = {code_cache._file_name(TINY)}
    for package in ("numba", "llvmlite", "numpy"):
        versions = {"numba": "1.0", "llvmlite": "1.0", "numpy": "1.0", package: "2.0"}
        monkeypatch.setattr(code_cache, "version", versions.get)
        monkeypatch.setattr(
            code_cache, "_machine", getattr(code_cache._machine, "__wrapped__", None)
        )
        names.add(code_cache._file_name(TINY))
        monkeypatch.undo()
    assert len(names) == 4


@pytest.mark.parametrize("trouble", ["no home", "another's home"])
def test_auto_where_there_is_no_place_for_code(trouble, monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    def refuse(path, *arguments, **settings):
        if str(tmp_path) in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, *arguments, **settings)

    stat = os.stat
    monkeypatch.delenv("SKBACKPROP_CACHE_DIR")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(code_cache, "_loaded", {})
    monkeypatch.setattr(skbackprop.engines.choice, "why_no_compiler", lambda: None)
    if trouble == "no home":
        monkeypatch.setattr(Path, "home", no_home)
    else:
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        monkeypatch.setattr(os, "stat", refuse)
    assert learnt(engine="auto").engine_ == "numpy"


@needs_numba
@pytest.mark.matrix
def test_processes_that_compile_the_same_code(tmp_path):
    program = """
import sys
from skbackprop.engines import code_cache, compilation
print(code_cache.load(sys.argv[1])(1))
"""
    with ThreadPool(2) as pool:
        said = pool.map(
            lambda text: run(program, text, SKBACKPROP_CACHE_DIR=str(tmp_path)),
            [TINY.format(1), TINY.format(1)],
        )
    assert said == ["2\n", "2\n"]
    assert len(files(tmp_path, "*.compiled")) == len(files(tmp_path, "*.py")) == 1
    assert len(files(tmp_path, "*.nbc")) == 1


@needs_numba
def test_what_numba_cannot_compile_is_an_error(empty_room):
    text = TINY.replace("x + {}", "x + len(x)")
    with pytest.raises(ValueError, match="The compiled engine cannot train this model: "):
        code_cache.load(text)
    assert not code_cache.is_compiled(text)


def text_of(activation="tanh", rule=None, dtype=np.float64):
    case = {**SIMPLEST, "layers": activation}
    return compiled.CompiledPass(trainer(case, rule or SGD(), dtype, None).update).text


def test_kernels_are_a_part_of_the_text():
    source = Path(compiled.__file__).with_name("kernels.py").read_bytes()
    assert hashlib.sha256(source).hexdigest()[:16] in text_of().splitlines()[0]


MODULE = """
import numpy as np
from skbackprop import Activation, UpdateRule


def phi(v):
    return np.tanh({factor} * v)


def dphi(v, y):
    return {factor} * (1.0 - y * y)


class Slow(UpdateRule):
    def step(self, w, g, state, t, eta, cost):
        w += {share} * eta * g
"""


def imported(path, **numbers):
    """The module, written anew and imported anew."""
    path.write_text(MODULE.format(**numbers))
    specification = importlib.util.spec_from_file_location("edited", path)
    module = importlib.util.module_from_spec(specification)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def test_an_edit_is_another_text(tmp_path, monkeypatch):
    path = tmp_path / "edited.py"
    texts = []
    for factor, share in [(1.0, 0.5), (2.0, 0.5), (2.0, 0.25), (1.0, 0.5)]:
        module = imported(path, factor=factor, share=share)
        activation = Activation(module.phi, module.dphi)
        monkeypatch.setitem(LAYERS, "edited", ((3,), (activation,)))
        texts.append(text_of("edited", module.Slow()))
    assert texts[0] == texts[3] and len(set(texts)) == 3


@needs_numba
@pytest.mark.matrix
def test_an_edit_is_seen_by_a_new_process(tmp_path):
    program = """
import numpy as np
import edited
from skbackprop import Activation, BackpropRegressor
from skbackprop.engines import compiled_rows as compiled
compiled.built_in_formulas = lambda dtype: ()  # the fewer activations, the sooner it is compiled
X = np.random.default_rng(0).normal(size=(50, 3))
w = []
for engine in ("compiled", "numpy"):
    model = BackpropRegressor(
        (4,), activation=Activation(edited.phi, edited.dphi), solver=edited.Slow(), eta=0.1,
        engine=engine, random_state=0,
    ).partial_fit(X, X[:, 0])
    w.append(model._model.network.w)
np.testing.assert_allclose(*w, rtol=0, atol=1e-13)
print(w[0].sum())
"""
    said = []
    for factor, share in [(1.0, 0.5), (2.0, 0.25)]:
        (tmp_path / "edited.py").write_text(MODULE.format(factor=factor, share=share))
        path = os.pathsep.join([str(Path(skbackprop.__file__).parents[1]), str(tmp_path)])
        said.append(run(program, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1"))
    assert len(set(said)) == 2


# -- the user's own functions --------------------------------------------------------------------


def log_like(v):
    return np.sign(v) * np.log1p(np.abs(v))


def log_like_slope(v, y):
    return np.reciprocal(1.0 + np.abs(v))


def bent(v, knee=0.5):
    out = np.empty_like(v)
    out[...] = v
    high = v > knee
    out[high] = knee + 0.1 * (v[high] - knee)
    np.multiply(out, 0.5, out=out, where=v < -knee)
    return out


def bent_slope(v, y, knee=0.5):
    return np.where(v > knee, 0.1, np.where(v < -knee, 0.5, 1.0))


def everything(v):
    a = np.clip(np.sin(v) * np.cosh(0.1 * v), -0.9, 0.9)
    b = np.arctan2(v, 2.0) + np.arcsinh(v) + np.logaddexp(v, 0.3)
    c = np.float_power(np.abs(v), 1.5) + np.exp2(-np.abs(v)) + v**2 + 1.0 / (1.0 + v**4)
    d = np.floor(v) + np.ceil(0.3 * v) + np.heaviside(v, 0.5) + np.maximum(v, 0.1)
    return 0.05 * (np.tanh(a) + b + c + d + np.sqrt(np.square(v) + 1.0) + erf(v) - erfc(v))


def everything_slope(v, y):
    within = (np.abs(v) < 1.0) & ~(v == 0.0) | np.isnan(v)
    return np.where(within ^ (y > 2.0), 0.2, 0.1) + 0.01 * np.expm1(-np.abs(y)) * np.arctan(v)


OWN = [
    Activation(log_like, log_like_slope),
    Activation(bent, bent_slope, check=False),
    Activation(partial(bent, knee=0.2), partial(bent_slope, knee=0.2), check=False),
    Activation(everything, everything_slope, check=False),  # no slope of it, yet a function
    Activation(lambda v: 0.5 * v, lambda v, y: 0.5, name="half"),
]


class Clipped(UpdateRule):
    """Momentum on clipped corrections, with a setting that decides."""

    n_slots = 1
    default_eta = 0.01

    def __init__(self, largest=0.3, decay=0.5, nesterov=True):
        self.largest = largest
        self.decay = decay
        self.nesterov = nesterov

    def step(self, w, g, state, t, eta, cost):
        (u,) = state
        np.clip(g, -self.largest, self.largest, out=g)
        u *= self.decay
        if self.decay:
            u += eta * g / (1.0 + 0.01 * t)
        w += u + eta * g if self.nesterov else u


class Asymmetric(Loss):
    """Softly absolute, and dearer on one side: a loss of the user's own."""

    def __init__(self, width=0.5, dear=2.0):
        self.width = width
        self.dear = dear

    def _side(self, r):
        return np.where(r > 0.0, self.dear, 1.0)

    def value(self, d, y, v):
        r = d - y
        return (self._side(r) * (np.sqrt(r * r + self.width**2) - self.width)).sum(axis=1)

    def error(self, d, y):
        r = d - y
        return self._side(r) * r / np.hypot(r, self.width)


class Contrast(Loss):
    """Of classes: the squared distance from the desired shares, less their mean."""

    tasks = ("multiclass",)
    canonical_output = "logistic"

    def _residuals(self, d, y):
        r = d - y
        return r - r.mean(axis=1, keepdims=True)

    def value(self, d, y, v):
        return 0.5 * np.vecdot(self._residuals(d, y), self._residuals(d, y))

    def error(self, d, y):
        return self._residuals(d, y)


class Scales(Loss):
    """Mean and log-scale of one target, whose d is for both neurons."""

    units_per_target = 2

    def value(self, d, y, v):
        return 0.5 * (np.exp(-y[:, 1:]) * (d[:, :1] - y[:, :1]) ** 2 + y[:, 1:]).sum(axis=1)

    def error(self, d, y):
        r, s = d[:, :1] - y[:, :1], np.exp(-y[:, 1:])
        return np.hstack([s * r, 0.5 * (s * r * r - 1.0)])


@needs_numba
@pytest.mark.parametrize(
    ("loss", "task"),
    [
        (Asymmetric(), Task("regression", 1)),
        (Asymmetric(0.2, 3), Task("regression", 3)),
        (Contrast(), Task("multiclass", 4)),
        (Scales(), Task("regression", 1)),
    ],
    ids=repr,
)
def test_a_loss_of_the_users_own(loss, task, monkeypatch):
    monkeypatch.setitem(HEADS, "own", (task, loss, None))
    agree([{"head": "own", "layers": "tanh"}, {"head": "own", "weights": "some_zero"}], SGD())


@needs_numba
def test_a_loss_by_its_name_compiles_from_the_one_place_where_it_is_written(monkeypatch):
    monkeypatch.setitem(LOSSES, "asymmetric", Asymmetric())
    X, y = problem("regression")
    ours = make(loss="asymmetric").partial_fit(X, y)
    theirs = make(loss="asymmetric", engine="numpy").partial_fit(X, y)
    assert (ours.engine_, theirs.engine_) == ("compiled", "numpy")
    same_but_for_rounding(ours, theirs)
    assert make(loss="asymmetric", engine="auto").partial_fit(X, y).engine_ == "compiled"


@needs_numba
def test_activations_and_a_rule_of_the_users_own(monkeypatch):
    # All in one network, so that they are compiled together.
    monkeypatch.setitem(LAYERS, "own", ((5, 4, 3), (Mixed(OWN), OWN[1], OWN[3])))
    cases = [
        {"layers": "own"},
        {"layers": "own", "rows": "csr", "head": "softmax"},
        {"layers": "own", "mask": "connections", "penalty": "l2"},
    ]
    agree(cases, Clipped())
    X, y = problem("regression")
    params = {"hidden_layer_sizes": (5, 4, 3), "activation": [Mixed(OWN), OWN[1], OWN[3]]}
    params["solver"] = Clipped()
    auto = make(**params, engine="auto").partial_fit(X, y)
    assert auto.engine_ == "compiled"
    same_but_for_rounding(auto, make(**params, engine="numpy").partial_fit(X, y))


def test_the_built_in_activations_are_in_every_text(monkeypatch):
    # So that code is compiled once, and compile_engine compiles what any model needs.
    for name in [n for n, a in ACTIVATIONS.items() if a.elementwise]:
        monkeypatch.setitem(LAYERS, name, ((2,), (name,)))
        assert text_of(name) == text_of()


def test_settings_of_an_activation_are_data(monkeypatch):
    texts = []
    for knee in (0.3, 0.6):
        own = Activation(partial(bent, knee=knee), partial(bent_slope, knee=knee), check=False)
        monkeypatch.setitem(LAYERS, "own", ((5,), (own,)))
        texts.append(text_of("own"))
    assert texts[0] == texts[1]
    monkeypatch.setitem(LAYERS, "own", ((5, 4), (elu(0.3), softplus(3.0))))
    assert text_of("own") == text_of()  # the built-in ones are in every text


class Gain:
    """A function that has content, and so no hash."""

    def __init__(self, gain):
        self.gain = gain

    def __eq__(self, other):
        return type(self) is type(other) and self.gain == other.gain

    def __call__(self, v, y=None):
        return self.gain * v if y is None else np.full_like(v, self.gain)


def test_functions_without_a_hash(monkeypatch):
    texts = []
    for gain in (0.5, 0.5, 0.7):
        own = Activation(Gain(gain), Gain(gain), name="gain")
        monkeypatch.setitem(LAYERS, "own", ((5,), (own,)))
        texts.append(text_of("own"))
    assert texts[0] == texts[1] != texts[2]


CELL = """
import numpy as np

K = {K}


def scaled(v):
    return K * v


class Curve:
    k = K

    def phi(self, v):
        return np.tanh(self.k * v)

    def dphi(self, v, y):
        return self.k * (1.0 - y * y)


curve = Curve()


def phi(v):
    return np.tanh(K * v)


def dphi(v, y):
    return K * (1.0 - y * y)


def phi_by_another(v):
    return np.tanh(scaled(v))
"""


def cell(K):
    """What a notebook's cell defines when it is run."""
    names = {"__name__": "notebook"}
    exec(compile(CELL.format(K=K), "cell", "exec"), names)
    return names


@pytest.mark.parametrize("change", ["global", "function", "attribute", "cell"])
def test_what_functions_refer_to_is_read_anew_by_every_trainer(change, monkeypatch):
    names = cell(1.0)
    texts = []
    for k in (1.0, 2.0, 1.0):
        phi, dphi = names["phi"], names["dphi"]
        if change == "global":
            names["K"] = k
        elif change == "function":
            names["scaled"] = cell(k)["scaled"]
            phi = names["phi_by_another"]
        elif change == "attribute":
            names["curve"].k = k
            phi, dphi = names["curve"].phi, names["curve"].dphi
        else:  # run again: the same code, of other globals
            phi, dphi = cell(k)["phi"], cell(k)["dphi"]
        monkeypatch.setitem(LAYERS, "own", ((5,), (Activation(phi, dphi, name="own"),)))
        texts.append(text_of("own"))
        assert ("2.0 * v_j" in texts[-1]) == (k == 2.0)
    assert texts[0] == texts[2]


@needs_numba
def test_functions_of_one_code_and_other_globals_in_one_network(monkeypatch):
    first, second = cell(1.0), cell(2.0)
    own = [Activation(names["phi"], names["dphi"], name="own") for names in (first, second)]
    assert own[0] == own[1]  # as far as `Activation` can tell
    monkeypatch.setitem(LAYERS, "own", ((4,), (Mixed([own[0], own[1], own[0], own[1]]),)))
    case = {**SIMPLEST, "layers": "own"}
    made = compiled.CompiledPass(trainer(case, SGD(), np.float64, None).update)
    monkeypatch.setattr(compiled, "load", lambda text: SimpleNamespace(address=0))
    made.load()
    layers, groups, member = made._tables[1:4]
    codes = [groups[group][0] for group in member[16:20]]  # the inputs take the first 16
    assert codes[0] == codes[2] != codes[1] == codes[3]


def by_dtype(v):
    return v / (np.sqrt(np.finfo(v.dtype).eps) + np.abs(v))


def by_dtype_slope(v, y):
    a = np.sqrt(np.finfo(v.dtype).eps)
    return a / (a + np.abs(v)) ** 2


class ByDtype(UpdateRule):
    default_eta = 0.01

    def step(self, w, g, state, t, eta, cost):
        w += eta * g / (np.abs(g) + (0.5 if g.dtype == np.float32 else 0.25))


def test_functions_that_ask_for_their_dtype_have_a_text_for_each(monkeypatch):
    own = Activation(by_dtype, by_dtype_slope, check=False)
    monkeypatch.setitem(LAYERS, "own", ((5,), (own,)))
    for dtype, other, share in ((np.float32, np.float64, 0.5), (np.float64, np.float32, 0.25)):
        text = text_of("own", ByDtype(), dtype)
        constants = [repr(float(np.sqrt(np.finfo(kind).eps))) for kind in (dtype, other)]
        assert constants[0] in text and constants[1] not in text
        assert f"real({share})" in text and f"real({0.75 - share})" not in text


class StraightThrough(Activation):
    def delta(self, e, v, y, out=None):
        return np.multiply(e, 1.0, out=out)


class Steeper(Activation):
    def into(self, v, out):
        return np.tanh(2.0 * v, out=out)


@pytest.mark.parametrize("kind, what", [(StraightThrough, "delta"), (Steeper, "into")])
def test_an_activation_with_its_own_way_is_numpys(kind, what, empty_room):
    X, y = problem("regression")
    own = kind(np.tanh, lambda v, y: 1.0 - y * y, name="own")
    with pytest.raises(ValueError, match=f"'own' does not compile: it has its own {what}"):
        make(activation=own).partial_fit(X, y)
    assert make(activation=own, engine="auto").partial_fit(X, y).engine_ == "numpy"
