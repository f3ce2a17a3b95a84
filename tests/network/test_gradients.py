"""The cost and its derivatives belong together: over all pairs of settings, and at extremes."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy import sparse

from skbackprop import ACTIVATIONS, LOSSES, CrossEntropy, Loss, Quantile, Task, Tweedie
from skbackprop.activations.activation import resolve_activation
from skbackprop.losses.head import Head
from skbackprop.network.network import Network, Workspace
from skbackprop.network.objective import Objective, Problem
from skbackprop.network.penalties import ElasticNet
from skbackprop.network.row_sums import RowSums

HIDDEN = sorted(set(ACTIVATIONS) - {"softmax", "exp"})  # exp is for outputs: it overflows
CLASSES = ("binary", "multiclass", "multilabel")
HEADS = [
    ("squared_error", "regression", "exp"),
    *((name, "regression", None) for name, loss in LOSSES.items() if "regression" in loss.tasks),
    ("huber", "regression", "tanh"),
    ("quantile", "regression", "softplus"),
    *((name, "regression", "softplus") for name in ("poisson", "gamma", "tweedie")),
    (Tweedie(2.7), "regression", None),
    *((name, kind, None) for name in ("focal", "hinge") for kind in CLASSES),
    ("focal", "binary", "softmax"),
    ("hinge", "multiclass", "tanh"),
    (CrossEntropy(0.1), "multiclass", None),
    (CrossEntropy(0.2), "multilabel", None),
    *(("squared_error", "regression", name) for name in HIDDEN),
    ("squared_error", "binary", "tanh"),
    ("squared_error", "multiclass", "softmax"),
    ("squared_error", "multiclass", "logistic"),
    ("squared_error", "multilabel", "scaled_tanh"),
    ("cross_entropy", "binary", None),
    ("cross_entropy", "binary", "softmax"),
    ("cross_entropy", "multiclass", None),
    ("cross_entropy", "multilabel", None),
]
FACTORS = {
    "head": HEADS,
    "hidden": HIDDEN,
    "penalty": [(0.0, 0.0), (0.1, 0.0), (0.1, 1.0), (0.2, 0.5)],
    "weighted": [False, True],
    "n_targets": [1, 3],
    "depth": [1, 2, 3],
}


def pair_cover(factors):
    """Cases such that every pair of values of two factors is in one of them; greedy."""
    names = list(factors)
    open_pairs = {
        (a, i, b, j)
        for a, b in combinations(names, 2)
        for i, j in product(range(len(factors[a])), range(len(factors[b])))
    }
    while open_pairs:
        a, i, b, j = min(open_pairs)
        case = {a: i, b: j}
        for name in names:
            if name not in case:
                gains = [
                    sum(
                        ((o, case[o], name, k) in open_pairs)
                        + ((name, k, o, case[o]) in open_pairs)
                        for o in case
                    )
                    for k in range(len(factors[name]))
                ]
                case[name] = int(np.argmax(gains))
        open_pairs -= {(p, case[p], q, case[q]) for p, q in combinations(names, 2)}
        yield tuple(factors[name][case[name]] for name in names)


def loss_of(head):
    return head[0] if isinstance(head[0], Loss) else LOSSES[head[0]]


def targets_of(head, n_targets, n_rows, rng):
    kind = head[1]
    if kind == "regression":
        d = rng.normal(size=(n_rows, n_targets))
        return d if loss_of(head).least_target is None else np.exp(d)
    if kind == "multilabel":
        return rng.integers(0, 2, size=(n_rows, n_targets))
    return rng.integers(0, n_targets, size=n_rows)


def objective_of(head, hidden, penalty, n_targets, depth, rng):
    _, kind, output = head
    n_targets = {"binary": 2, "multiclass": 3 + n_targets}.get(kind, n_targets)
    loss = Head(loss_of(head), Task(kind, n_targets), output)
    sizes = (3, *(5 - layer for layer in range(depth)), loss.n_units())
    network = Network(sizes, [resolve_activation(hidden)] * depth + [loss.output])
    network.w[:] = 0.7 * rng.normal(size=network.w.size)
    is_weight = network.spread([1.0] * (depth + 1), [0.0] * (depth + 1))
    return Objective(network, loss, ElasticNet(is_weight, *penalty)), n_targets


def problem_of(objective, X, targets, weight=None):
    sums = RowSums(objective.network, objective.head, (X, targets, weight))
    return Problem(objective, sums)


def agrees(case, n_directions=None):
    """Whether one of three steps agrees: small ones drown in round-off, large ones meet kinks."""
    return any(relative_error(case, step, n_directions) < 1e-7 for step in (1e-6, 1e-5, 1e-4))


def relative_error(case, step, n_directions):
    """Of the gradient by differences, along each parameter or some directions drawn at random."""
    head, hidden, penalty, weighted, n_targets, depth = case
    rng = np.random.default_rng(1)
    objective, n_targets = objective_of(head, hidden, penalty, n_targets, depth, rng)
    X = rng.normal(size=(4, 3))
    targets = targets_of(head, n_targets, 4, rng)
    weight = rng.uniform(0.5, 3.0, size=4) if weighted else None
    w = objective.network.w.copy()
    problem = problem_of(objective, X, targets, weight)
    cost, gradient = problem.value_and_gradient(w)
    assert problem.value(w) == pytest.approx(cost, rel=1e-12, abs=1e-14)
    directions = np.eye(w.size)
    if n_directions is not None:
        directions = rng.choice([-1.0, 1.0], size=(n_directions, w.size))
    wrong = directions @ gradient - [
        (problem.value(w + step * u) - problem.value(w - step * u)) / (2 * step) for u in directions
    ]
    # Along a direction of +-1 the error has, in the mean square, the gradient's own length.
    length = np.linalg.norm(wrong) / np.sqrt(n_directions or 1)
    return length / max(np.linalg.norm(gradient), 1e-8)


PAIRS = list(pair_cover(FACTORS))


def test_the_cover_covers():
    names = list(FACTORS)
    for (a, p), (b, q) in combinations(enumerate(names), 2):
        seen = {(repr(case[a]), repr(case[b])) for case in PAIRS}
        assert len(seen) == len(FACTORS[p]) * len(FACTORS[q])


@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient_over_all_pairs(hidden):
    for case in PAIRS:
        if case[1] == hidden:
            assert agrees(case), case


@pytest.mark.matrix
@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient_over_the_full_product(hidden):
    rest = [FACTORS[name] for name in ("penalty", "weighted", "n_targets", "depth")]
    for case in product(HEADS, [hidden], *rest):
        assert agrees(case, n_directions=4), case


def test_every_loss_is_covered():
    assert {head[0] for head in HEADS if isinstance(head[0], str)} == set(LOSSES)


def test_gradient_of_several_quantiles():
    rng = np.random.default_rng(0)
    head = Head(Quantile([0.1, 0.5, 0.9]), Task("regression", 1))
    network = Network((3, 4, 3), [resolve_activation("tanh"), head.output])
    network.w[:] = rng.normal(size=network.w.size)
    data = rng.normal(size=(5, 3)), rng.normal(size=(5, 1))
    problem = problem_of(Objective(network, head, ElasticNet(None)), *data)
    _, gradient = problem.value_and_gradient(network.w)
    for i in range(network.w.size):
        h = np.zeros(network.w.size)
        h[i] = 1e-6
        rise = problem.value(network.w + h) - problem.value(network.w - h)
        assert gradient[i] == pytest.approx(rise / 2e-6, abs=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("head", [h for h in HEADS if h[2] in (None, "softmax")], ids=repr)
def test_value_and_delta_agree_at_extremes(head, dtype):
    _, kind, output = head
    n = {"binary": 2, "multiclass": 3}.get(kind, 2)
    loss = Head(loss_of(head), Task(kind, n), output)
    k = loss.n_units()
    corners = np.array(list(product((-40.0, 0.3, 40.0), repeat=k)))
    rng = np.random.default_rng(0)
    targets = targets_of(head, n, len(corners), rng)

    def cost(v):
        y = loss.output.into(v, np.empty_like(v))
        d = loss.encode(targets, v.dtype)
        return loss.value(d, y, v), loss.output_delta(d, y, v, np.empty_like(v))

    with np.errstate(all="raise", under="ignore"):
        values, delta = cost(corners.astype(dtype))
    assert values.dtype == delta.dtype == dtype
    assert np.isfinite(values).all() and np.isfinite(delta).all()
    step = 1e-4
    for j in range(k):
        moved = corners.copy(), corners.copy()
        moved[0][:, j] += step
        moved[1][:, j] -= step
        numeric = -(cost(moved[0])[0] - cost(moved[1])[0]) / (2 * step)
        # A cost of 1e17 hides what a neuron adds to it: the differences see no more than this.
        visible = 1e-7 + 4 * np.finfo(float).eps * np.abs(cost(corners)[0]) / step
        rtol, atol = (1e-6, 0.0) if dtype is np.float64 else (1e-3, 2e-5)
        assert (np.abs(delta[:, j] - numeric) <= rtol * np.abs(numeric) + atol + visible).all()


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_jacobian_times_error_is_the_correction(head):
    rng = np.random.default_rng(2)
    objective, n_targets = objective_of(head, "tanh", (0.0, 0.0), 3, 2, rng)
    network, loss = objective.network, objective.head
    X = rng.normal(size=(6, 3))
    d = loss.encode(targets_of(head, n_targets, 6, rng), float)
    workspace = Workspace(network, 6)
    y = network.forward(X, workspace)
    e = loss.error(d, y)
    workspace.delta[-1][...] = loss.output.delta(e, workspace.v[-1], y)
    network.backward(workspace)
    correction = network.correction(workspace).copy()
    J = network.jacobian(workspace)
    np.testing.assert_allclose(np.einsum("nkp,nk->p", J, e), correction, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
def test_sparse_rows_have_the_gradient_of_dense_ones(container):
    rng = np.random.default_rng(3)
    objective, _ = objective_of(HEADS[0], "tanh", (0.1, 0.5), 3, 2, rng)
    X = rng.normal(size=(8, 3)) * (rng.uniform(size=(8, 3)) < 0.4)
    d = rng.normal(size=(8, 3))
    w = objective.network.w
    dense, sparse_ = (problem_of(objective, Z, d).value_and_gradient(w) for Z in (X, container(X)))
    assert sparse_[0] == pytest.approx(dense[0], rel=1e-13)
    np.testing.assert_allclose(sparse_[1], dense[1], rtol=1e-10, atol=1e-13)


def test_weights_are_repetition_and_value_needs_no_derivatives():
    rng = np.random.default_rng(4)
    objective, _ = objective_of(HEADS[0], "gelu", (0.1, 0.5), 2, 1, rng)
    X, d, weight = rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), np.array([1, 2, 0, 3, 1])
    w = objective.network.w
    cost, gradient = problem_of(objective, X, d, weight.astype(float)).value_and_gradient(w)
    rows = np.repeat(np.arange(5), weight)
    again = problem_of(objective, X[rows], d[rows]).value_and_gradient(w)
    assert cost == pytest.approx(again[0], rel=1e-13)
    np.testing.assert_allclose(gradient, again[1], rtol=1e-11)
    assert objective.value(X, d, weight.astype(float)) == pytest.approx(cost)
    assert objective.value(X[rows], d[rows]) == pytest.approx(cost)
