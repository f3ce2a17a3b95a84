"""One cost, its derivatives, and its Gauss-Newton matrix."""

import numpy as np
import pytest
from solver_cases import problem_of

from skbackprop.network.network import Workspace
from skbackprop.network.objective import Problem
from skbackprop.network.row_sums import RowSums


@pytest.mark.parametrize("output", ["identity", "tanh", "softmax"])
@pytest.mark.parametrize("weighted", [False, True])
def test_jacobian_transposed_times_error_is_the_correction(output, weighted):
    weights = np.array([1.0, 0.5, 2.0, 1.0, 3.0, 0.1, 1.0]) if weighted else None
    problem = problem_of(weights=weights, output=output)
    network, (X_, d) = problem.objective.network, (problem.sums.X, problem.sums.targets)
    workspace = Workspace(network, len(X_))
    e = d - network.forward(X_, workspace)
    J = network.jacobian(workspace)
    scale = np.ones(7) if weights is None else weights
    by_hand = np.einsum("n,nk,nkp->p", scale / scale.sum(), e, J)
    _, g = problem.correction(problem.w)
    np.testing.assert_allclose(g, by_hand, rtol=1e-10, atol=1e-14)
    cost, g, H = problem.gauss_newton(problem.w)
    assert cost == pytest.approx(0.5 * np.sum(scale[:, None] * e**2) / scale.sum(), rel=1e-12)
    np.testing.assert_allclose(g, by_hand, rtol=1e-10, atol=1e-14)
    expected = np.einsum("n,nkp,nkq->pq", scale / scale.sum(), J, J)
    np.testing.assert_allclose(H, np.tril(expected), rtol=1e-9, atol=1e-14)


def test_blocks_of_rows_add_up(monkeypatch):
    whole = problem_of(n=50, alpha=0.1, weights=np.linspace(0, 2, 50))
    results = whole.value(whole.w), *whole.correction(whole.w), *whole.gauss_newton(whole.w)
    monkeypatch.setattr("skbackprop.network.objective.BLOCK_ROWS", 7)
    monkeypatch.setattr("skbackprop.network.row_sums.BLOCK_ROWS", 7)
    pieces = problem_of(n=50, alpha=0.1, weights=np.linspace(0, 2, 50))
    again = pieces.value(pieces.w), *pieces.correction(pieces.w), *pieces.gauss_newton(pieces.w)
    for a, b in zip(results, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    assert len(pieces.sums._workspaces) == 2


def test_only_some_rows_count():
    rows = np.array([1, 4, 5])
    whole = problem_of()
    objective, X, targets = whole.objective, whole.sums.X, whole.sums.targets
    some, alone = (
        Problem(objective, RowSums(objective.network, objective.head, data, counted))
        for data, counted in [((X, targets, None), rows), ((X[rows], targets[rows], None), None)]
    )
    for ours, expected in zip(some.gauss_newton(some.w), alone.gauss_newton(some.w), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
    assert some.value(some.w) == pytest.approx(alone.value(some.w), rel=1e-12)


def test_trial_points_do_not_move_the_network():
    problem = problem_of()
    before = problem._trained.w.copy()
    problem.value(before + 1), problem.correction(before + 2), problem.gauss_newton(before + 3)
    np.testing.assert_array_equal(problem._trained.w, before)
    problem.accept(before + 4)
    np.testing.assert_array_equal(problem._trained.w, before + 4)
