"""One update, one pass over rows, the epochs."""

import signal

import numpy as np
import pytest
from training_cases import RNG, D, X, trainer

from skbackprop import DivergenceError
from skbackprop.engines.update import Update
from skbackprop.network.network import Workspace
from skbackprop.schedules import constant
from skbackprop.training.trainer import Trainer
from skbackprop.updates.rule import RULES


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
