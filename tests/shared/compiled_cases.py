"""What several tests of engines share."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from problems import problem
from scipy import sparse

import skbackprop
from skbackprop import (
    RULES,
    SGD,
    Adam,
    AdamW,
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    InverseScaling,
    Mixed,
    RMSprop,
    SquaredError,
    Task,
)
from skbackprop.activations.built_in import elu, leaky_relu, scaled_tanh, softplus
from skbackprop.engines import compiled_rows as compiled
from skbackprop.engines.update import Limits, Update
from skbackprop.losses.head import Head
from skbackprop.network.masks import learning_parameters
from skbackprop.network.network import Network
from skbackprop.network.objective import Objective
from skbackprop.network.penalties import ElasticNet
from skbackprop.schedules import SCHEDULES, constant, resolve_schedule
from skbackprop.training.trainer import Trainer
from skbackprop.updates.state import TrainingState

needs_numba = pytest.mark.usefixtures("numba")


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


def trainer(case, rule, dtype, engine, batch_size=1):
    """A trainer of the case: compiled, on NumPy's pass, or with `Trainer.apply` alone (None)."""
    hidden, activations = LAYERS[case["layers"]]
    task, loss, output = HEADS[case["head"]]
    loss = Head(loss, task, output)
    activations = [*map(skbackprop.activations.resolve_activation, activations), loss.output]
    sizes = (N_FEATURES, *hidden, loss.n_units())
    network = Network(sizes, activations, dtype=dtype, input_gain="input_gain" in case)
    rng = np.random.default_rng(3)
    for (W, b), n_in in zip(network.layers(network.w), sizes[:-1], strict=True):
        W[...] = rng.normal(size=W.shape) / np.sqrt(n_in)
        b[...] = rng.normal(scale=0.1, size=b.shape)
    n_layers = network.n_layers
    is_weight = network.spread([1.0] * n_layers, [0.0] * n_layers, 0.0)
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
    limits = Limits(case.get("max_grad_norm"), case.get("max_norm"))
    update = Update(objective, rule, eta, state, limits)
    made = Trainer(update, schedule, engine, batch_size)
    assert made.engine == (engine or "numpy")
    return made


def distance(a, b):
    """The largest difference, relative where the numbers are large."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return float((np.abs(a - b) / np.maximum(np.abs(b), 1.0)).max(initial=0.0))


def disagreement(case, rule, dtype=np.float64, n=1000, batch_size=1):
    """How far the compiled pass is from NumPy's two ways after n updates, at the most."""
    n_updates, n = n, n * batch_size
    case = {**SIMPLEST, **case}
    X, targets, scale, order = data(case, dtype, n)
    ours = trainer(case, rule, dtype, "compiled", batch_size)
    start = ours.objective.network.w.copy()
    cost = ours.present(ROWS[case["rows"]](X), targets, scale, order, batch_size)
    w, rule_state = ours.objective.network.w, ours.state.rule_state
    assert not len(ours._workspaces), f"{case}: some rows were left to Trainer.apply"
    assert w.dtype == rule_state.dtype == dtype
    assert np.isfinite(w).all() and np.array_equal(w, start) == (not np.any(ours.update.eta)), case
    worst = 0.0
    for engine in ("numpy", None) if batch_size == 1 else (None,):
        theirs = trainer(case, rule, dtype, engine)
        # Dense, whatever ours were.
        their_cost = theirs.present(X, targets, scale, order, batch_size)
        assert ours.state.n_updates == theirs.state.n_updates == n_updates
        assert ours.state.n_samples == theirs.state.n_samples == n
        worst = max(
            worst,
            distance(w, theirs.objective.network.w),
            distance(rule_state, theirs.state.rule_state),
            distance(cost, their_cost),
        )
    return worst


def growth_of_rounding(case, rule, dtype=np.float64, n=1000, batch_size=1):
    """How far NumPy's own weights are apart after n updates, from some that differ by rounding."""
    case = {**SIMPLEST, **case}
    X, targets, scale, order = data(case, dtype, n * batch_size)
    ends = []
    for size in (0.0, 4 * np.finfo(dtype).eps):
        made = trainer(case, rule, dtype, None)
        w = made.objective.network.w
        w *= 1 + size * np.random.default_rng(0).uniform(-1, 1, w.size).astype(dtype)
        made.present(X, targets, scale, order, batch_size)
        ends.append(w)
    return distance(*ends)


def agree(cases, rule=None, dtype=np.float64, bound=1e-12, n=1000, batch_size=1):
    """Check that the passes agree in each of the cases.

    Where an update makes rounding grow, and NumPy differs from itself, not much more than that.
    """
    for case in cases:
        rule_here = rule or RULES_HERE[case["rule"]]
        far = disagreement(case, rule_here, dtype, n, batch_size)
        if far >= bound:
            grown = growth_of_rounding(case, rule_here, dtype, n, batch_size)
            assert far < 50 * grown, (case, far, grown)


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


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


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


TINY = """
import numba


@numba.njit([numba.int64(numba.int64)], cache=True)
def compiled(x):
    return x + {}
"""


def text_of(activation="tanh", rule=None, dtype=np.float64):
    case = {**SIMPLEST, "layers": activation}
    made = compiled.CompiledPass(trainer(case, rule or SGD(), dtype, None).update)
    return "\n".join(made.texts)
