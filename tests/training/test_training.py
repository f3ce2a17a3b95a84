"""The training loop, without an estimator."""

import signal

import numpy as np
import pytest
from scipy import sparse

from skbackprop import ACTIVATIONS, DivergenceError, SquaredError, Task
from skbackprop.engines.update import Update
from skbackprop.losses.head import Head
from skbackprop.network.network import Network, Workspace
from skbackprop.network.objective import Objective
from skbackprop.network.penalties import ElasticNet
from skbackprop.network.rows import take_rows
from skbackprop.schedules import constant, resolve_schedule
from skbackprop.training.monitor import History, Monitor, Stopping
from skbackprop.training.trainer import Trainer, train
from skbackprop.updates.rule import RULES
from skbackprop.updates.state import TrainingState

RNG = np.random.default_rng(0)
X, D = RNG.normal(size=(23, 3)), RNG.normal(size=(23, 2))


def trainer(rule="sgd", eta=0.1, schedule=constant):
    tanh, identity = ACTIVATIONS["tanh"], ACTIVATIONS["identity"]
    network = Network((3, 4, 2), (tanh, identity))
    network.w[:] = np.random.default_rng(1).normal(size=network.w.size)
    loss = Head(SquaredError(), Task("regression", 2))
    state = TrainingState(np.empty((0, network.w.size)))
    objective = Objective(network, loss, ElasticNet(None))
    return Trainer(Update(objective, RULES[rule], eta, state), resolve_schedule(schedule))


@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_present_takes_every_row_once_in_order(batch_size):
    ours, order = trainer(), RNG.permutation(23)
    cost = ours.present(X, D, None, order, batch_size)
    by_hand, costs = trainer(), []
    for start in range(0, 23, batch_size):
        rows = order[start : start + batch_size]
        workspace = Workspace(by_hand.objective.network, len(rows))
        costs.append(by_hand.apply(X[rows], D[rows], None, workspace) * len(rows))
    np.testing.assert_array_equal(ours.objective.network.w, by_hand.objective.network.w)
    assert ours.state.n_samples == 23 and ours.state.n_updates == -(-23 // batch_size)
    assert cost == pytest.approx(sum(costs) / 23, rel=1e-13)


def test_two_workspaces_are_enough():
    ours = trainer()
    for n in range(1, 24):
        ours.present(X[:n], D[:n], None, None, 7)
    assert len(ours._workspaces) <= 2


def test_scale_multiplies_a_rows_change():
    one, two = trainer(), trainer()
    start = one.objective.network.w.copy()
    one.present(X[:1], D[:1], None, None, 1)
    two.present(X[:1], D[:1], np.array([3.0]), None, 1)
    np.testing.assert_allclose(
        two.objective.network.w - start, 3 * (one.objective.network.w - start), rtol=1e-10
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bad", [1e200, 1e308])
def test_a_diverging_update_is_refused_before_it_is_applied(rule, bad):
    ours = trainer(rule, eta=1e10)
    ours.present(X[:2], D[:2], None, None, 1)
    with pytest.raises(DivergenceError, match=r"at row 1: .*update 4 at eta=1e\+10"):
        ours.present(X[2:4] * [[0.0], [bad]], np.vstack([D[2:3], [[1e300, -1e300]]]), None, None, 1)
    assert ours.state.n_updates == 3
    w, state = ours.objective.network.w.copy(), ours.state.rule_state.copy()
    with pytest.raises(DivergenceError):
        ours.present(X[:1] * bad, D[:1] - 1e300, None, None, 1)
    np.testing.assert_array_equal(ours.objective.network.w, w)
    np.testing.assert_array_equal(ours.state.rule_state, state)
    assert ours.state.n_updates == 3


@pytest.mark.parametrize("rule", RULES)
def test_ctrl_c_waits_for_the_whole_update(rule):
    def schedule(t):
        if t == 4:
            signal.raise_signal(signal.SIGINT)
        return 1.0

    handler = signal.getsignal(signal.SIGINT)
    stopped, whole = trainer(rule, schedule=schedule), trainer(rule)
    with pytest.raises(KeyboardInterrupt):
        stopped.present(X, D, None, None, 1)
    assert signal.getsignal(signal.SIGINT) is handler
    whole.present(X[:5], D[:5], None, None, 1)
    np.testing.assert_array_equal(stopped.objective.network.w, whole.objective.network.w)
    np.testing.assert_array_equal(stopped.state.rule_state, whole.state.rule_state)
    assert stopped.state.n_updates == stopped.state.n_samples == 5
    stopped.present(X[5:], D[5:], None, None, 1)  # nothing of the interrupt is left over


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, None, "half", np.ones(3)])
def test_a_schedule_must_give_a_multiplier(value):
    ours = trainer(schedule=lambda t: value)
    w = ours.objective.network.w.copy()
    with pytest.raises(ValueError, match="eta_schedule gave"):
        ours.present(X, D, None, None, 1)
    np.testing.assert_array_equal(ours.objective.network.w, w)


def test_a_new_kind_of_rule_starts_afresh():
    ours = trainer("momentum")
    ours.present(X, D, None, None, 1)
    state, network = ours.state, ours.objective.network
    other = Trainer(Update(ours.objective, RULES["adam"], 0.01, state), constant)
    before = network.w.copy()
    other.present(X[:1], D[:1], None, None, 1)
    # Adam's first step is eta in size (where g is not tiny): its count begins with it, not with
    # the stream.
    assert np.median(np.abs(network.w - before)) == pytest.approx(0.01, rel=1e-4)
    assert state.rule_state.shape == (2, network.w.size) and state.n_updates == 24


def stop_after(losses, patience, tol=0.1):
    stopping = Stopping(tol, patience)
    for epoch, loss in enumerate(losses):
        stopping.improved(loss)
        if stopping.exhausted:
            return epoch
    return None


def test_stopping_counts_epochs_without_improvement():
    assert stop_after([5, 4, 3, 2, 1], 1) is None
    assert stop_after([1, 1, 1, 1, 1], 2) == 3
    assert stop_after([1, 0.95, 0.9, 0.85, 0.8], 2) == 3  # each less than tol better than the best
    assert stop_after([1, 1, 0.5, 0.5, 0.5, 0.5], 2) == 5
    assert stop_after([1] * 1000, np.inf) is None


def test_train_keeps_the_best_weights_by_validation_score():
    ours, weights = trainer(), []
    scores = iter([0.1, 0.5, 0.3, 0.2, 0.1])

    def validate():
        weights.append(ours.objective.network.w.copy())
        return 0.0, next(scores)

    network, state, history = ours.objective.network, ours.state, History()
    monitor = Monitor(
        network, state, history, Stopping(0.0, 2), max_iter=100, validate=validate, keep_best=True
    )
    train(ours, lambda: None, (X, D, None), 5, monitor)
    monitor.restore_best()
    assert monitor.reason == "no_improvement"
    assert history.best_validation_score == 0.5 and history.best_iter == 2
    np.testing.assert_array_equal(ours.objective.network.w, weights[1])


def test_take_rows_is_contiguous():
    wide = np.asfortranarray(X)
    for rows in (slice(2, 5), np.array([4, 1])):
        taken = take_rows(wide, rows)
        assert taken.flags.c_contiguous
        np.testing.assert_array_equal(taken, X[rows])
        np.testing.assert_array_equal(take_rows(sparse.csr_array(X), rows).toarray(), X[rows])
    out = np.empty((2, 3))
    assert take_rows(X, np.array([4, 1]), lambda: out) is out
