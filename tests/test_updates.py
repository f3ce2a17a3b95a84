"""Every update rule against its paper's formulas, in plain Python, over several steps."""

import math
import pickle

import numpy as np
import pytest

from skbackprop import RULES, SGD, Adam, BackpropRegressor, Momentum, Nesterov

STEPS = 7
RNG = np.random.default_rng(0)
START, CORRECTIONS = RNG.normal(size=5), RNG.normal(size=(STEPS, 5))


def sgd(w, gs, eta):
    for g in gs:
        w = w + eta * g
        yield w


def momentum(w, gs, eta, momentum=0.9):
    # Rumelhart, Hinton, Williams 1986: Dw(t) = eta g(t) + momentum Dw(t - 1)
    change = 0.0
    for g in gs:
        change = eta * g + momentum * change
        w = w + change
        yield w


def nesterov(w, gs, eta, momentum=0.9):
    # Sutskever et al. 2013, in the variables where the gradient is taken (Bengio et al. 2013)
    u = 0.0
    for g in gs:
        before, u = u, momentum * u + eta * g
        w = w - momentum * before + (1 + momentum) * u
        yield w


def adam(w, gs, eta, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    # Kingma and Ba 2015, algorithm 1
    m = s = 0.0
    for t, g in enumerate(gs, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * g * g
        w = w + eta * (m / (1 - beta_1**t)) / (math.sqrt(s / (1 - beta_2**t)) + epsilon)
        yield w


PAPERS = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov, "adam": adam}


def run(rule, eta, dtype=np.float64, start=START, stop=STEPS):
    w, state = start.astype(dtype), np.zeros((rule.n_slots, 5), dtype)
    for t in range(stop):
        rule.step(w, CORRECTIONS[t].astype(dtype), state, t, eta, 1.0)
        yield w.copy(), state.copy()


def test_every_rule_has_its_paper():
    assert set(PAPERS) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_rule_follows_its_paper(name):
    got = np.array([w for w, _ in run(RULES[name], 0.1)])
    for i in range(5):
        wanted = list(PAPERS[name](float(START[i]), map(float, CORRECTIONS[:, i]), 0.1))
        np.testing.assert_allclose(got[:, i], wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("rule", "paper", "settings"),
    [
        (Momentum(0.5), momentum, {"momentum": 0.5}),
        (Nesterov(0.0), nesterov, {"momentum": 0.0}),
        (Adam(0.0, 0.9, 1e-3), adam, {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-3}),
    ],
    ids=repr,
)
def test_settings_reach_the_formulas(rule, paper, settings):
    got = [w[0] for w, _ in run(rule, 0.1)]
    wanted = list(paper(float(START[0]), map(float, CORRECTIONS[:, 0]), 0.1, **settings))
    np.testing.assert_allclose(got, wanted, rtol=1e-13)


@pytest.mark.parametrize("name", RULES)
def test_eta_may_differ_from_weight_to_weight(name):
    etas = np.array([0.1, 0.0, 0.3, 0.1, 0.2])
    *_, (w, _) = run(RULES[name], etas)
    for i, eta in enumerate(etas):
        *_, (alone, _) = run(RULES[name], float(eta))
        np.testing.assert_allclose(w[i], alone[i], rtol=1e-14)
    assert w[1] == START[1]


@pytest.mark.parametrize("name", RULES)
def test_float32_stays(name):
    *_, (w, state) = run(RULES[name], 0.1, np.float32)
    *_, (wanted, _) = run(RULES[name], 0.1)
    assert w.dtype == state.dtype == np.float32
    np.testing.assert_allclose(w, wanted, rtol=2e-5)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_resumes_from_its_state_alone(name):
    *_, (w, state) = run(RULES[name], 0.1, stop=3)
    rule = pickle.loads(pickle.dumps(RULES[name]))
    for t in range(3, STEPS):
        rule.step(w, CORRECTIONS[t].copy(), state, t, 0.1, 1.0)
    *_, (wanted, _) = run(RULES[name], 0.1)
    np.testing.assert_array_equal(w, wanted)


@pytest.mark.parametrize(
    "rule",
    [
        Momentum(1.0),
        Momentum(-0.1),
        Momentum("0.9"),
        Nesterov(np.nan),
        Adam(beta_1=1.0),
        Adam(beta_2=2.0),
        Adam(epsilon=0.0),
        Adam(epsilon=None),
    ],
    ids=repr,
)
def test_settings_out_of_range_are_named(rule):
    (wrong,) = {
        k for k, v in rule.get_params().items() if repr(v) != repr(type(rule)().get_params()[k])
    }
    with pytest.raises(ValueError, match=f"{wrong} of {type(rule).__name__} is"):
        BackpropRegressor(solver=rule).partial_fit([[0.0]], [0.0])


@pytest.mark.parametrize("name", RULES)
def test_auto_is_the_rules_own_eta(name):
    given = {"hidden_layer_sizes": (3,), "solver": name, "random_state": 0}
    auto = BackpropRegressor(**given).partial_fit([[1.0]], [2.0])
    same = BackpropRegressor(eta=RULES[name].default_eta, **given).partial_fit([[1.0]], [2.0])
    np.testing.assert_array_equal(auto.coefs_[0], same.coefs_[0])


def test_sgd_is_the_rule_and_nothing_else():
    assert SGD().n_slots == 0 and SGD().get_params() == {}
