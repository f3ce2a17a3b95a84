"""Every update rule against its paper's formulas, in plain Python, over several steps."""

import math
import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbackprop import (
    RULES,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    BackpropClassifier,
    BackpropRegressor,
    DeltaBarDelta,
    IRpropMinus,
    IRpropPlus,
    Momentum,
    Nadam,
    Nesterov,
    Quickprop,
    RMSprop,
)

STEPS = 12
RNG = np.random.default_rng(0)
START, CORRECTIONS = RNG.normal(size=5), RNG.normal(size=(STEPS, 5))
CORRECTIONS[:, 0] = np.abs(CORRECTIONS[:, 0])  # one never changes its sign,
CORRECTIONS[3:6, 1] = 0.0  # one is zero for a while
COSTS = [float(cost) for cost in RNG.normal(size=STEPS)]  # rises and falls
ONLINE = [name for name, rule in RULES.items() if not rule.full_batch]


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


def amsgrad(w, gs, eta, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    # Reddi, Kale, Kumar 2018, with Adam's corrections, as in torch
    m = s = largest = 0.0
    for t, g in enumerate(gs, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * g * g
        largest = max(largest, s)
        w = w + eta * (m / (1 - beta_1**t)) / (math.sqrt(largest / (1 - beta_2**t)) + epsilon)
        yield w


def adamw(w, gs, eta, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    # Loshchilov and Hutter 2019, algorithm 2
    m = s = 0.0
    for t, g in enumerate(gs, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * g * g
        step = (m / (1 - beta_1**t)) / (math.sqrt(s / (1 - beta_2**t)) + epsilon)
        w = w + eta * (step - weight_decay * w)
        yield w


def nadam(w, gs, eta, beta_1=0.9, beta_2=0.999, epsilon=1e-8, psi=0.004):
    # Dozat 2016, algorithm 2 with the momentum schedule of its section 3
    m = s = 0.0
    mu = [beta_1 * (1 - 0.5 * 0.96 ** (t * psi)) for t in range(STEPS + 2)]
    for t, g in enumerate(gs, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * g * g
        m_bar = mu[t + 1] * m / (1 - math.prod(mu[1 : t + 2]))
        m_bar += (1 - mu[t]) * g / (1 - math.prod(mu[1 : t + 1]))
        w = w + eta * m_bar / (math.sqrt(s / (1 - beta_2**t)) + epsilon)
        yield w


def adagrad(w, gs, eta, epsilon=1e-10):
    # Duchi, Hazan, Singer 2011, the diagonal form
    s = 0.0
    for g in gs:
        s += g * g
        w = w + eta * g / (math.sqrt(s) + epsilon)
        yield w


def rmsprop(w, gs, eta, rho=0.9, momentum=0.0, epsilon=1e-8):
    # Tieleman and Hinton 2012
    s = u = 0.0
    for g in gs:
        s = rho * s + (1 - rho) * g**2
        u = momentum * u + g / (math.sqrt(s) + epsilon)
        w = w + eta * u
        yield w


def delta_bar_delta(w, gs, eta, kappa=0.05, phi=0.2, theta=0.7):
    # Jacobs 1988, equations 4 and 5, kappa in units of the first rate
    rate, bar = eta, 0.0
    for g in gs:
        if bar * g > 0:
            rate += kappa * eta
        elif bar * g < 0:
            rate -= phi * rate
        w = w + rate * g
        bar = (1 - theta) * g + theta * bar
        yield w


def sign(x):
    return (x > 0) - (x < 0)


def irprop_minus(w, gs, eta, grow=1.2, shrink=0.5, least=1e-6, largest=50.0):
    # Igel and Huesken 2003, figure 4
    D, before = eta, 0.0
    for g in gs:
        if g * before > 0:
            D = min(D * grow, largest)
        elif g * before < 0:
            D, g = max(D * shrink, least), 0.0
        w = w + sign(g) * D
        before = g
        yield w


def irprop_plus(w, gs, eta, grow=1.2, shrink=0.5, least=1e-6, largest=50.0):
    # Igel and Huesken 2003, figure 3
    D, before, change, cost_before = eta, 0.0, 0.0, -math.inf
    for g, cost in zip(gs, COSTS, strict=False):
        if g * before > 0:
            D = min(D * grow, largest)
            change = sign(g) * D
            w = w + change
        elif g * before < 0:
            D = max(D * shrink, least)
            if cost > cost_before and before != 0:
                w = w - change
            g = 0.0
        else:
            change = sign(g) * D
            w = w + change
        before, cost_before = g, cost
        yield w


def quickprop(w, gs, eta, mu=1.75):
    # Fahlman 1988; growth is limited both ways
    before = change = 0.0
    for g in gs:
        step = 0.0
        if change == 0:
            step = eta * g
        else:
            now, then = g * sign(change), before * sign(change)
            if now >= 0:
                step += eta * g
            if now >= mu / (1 + mu) * then:
                step += mu * change
            else:
                step += max(-mu, min(mu, g / (before - g))) * change
        w = w + step
        before, change = g, step
        yield w


PAPERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "nadam": nadam,
    "delta_bar_delta": delta_bar_delta,
    "irprop-": irprop_minus,
    "irprop+": irprop_plus,
    "quickprop": quickprop,
}


def run(rule, eta, dtype=np.float64, start=START, stop=STEPS):
    w, state = start.astype(dtype), np.zeros((rule.n_slots, 5), dtype)
    for t in range(stop):
        rule.step(w, CORRECTIONS[t].astype(dtype), state, t, eta, COSTS[t])
        yield w.copy(), state.copy()


def test_every_rule_has_its_paper():
    assert set(PAPERS) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_rule_follows_its_paper(name):
    got = np.array([w for w, _ in run(RULES[name], 0.1)])
    for i in range(5):
        wanted = list(PAPERS[name](float(START[i]), map(float, CORRECTIONS[:, i]), 0.1))
        np.testing.assert_allclose(got[:, i], wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("rule", "paper", "settings"),
    [
        (Momentum(0.5), momentum, {"momentum": 0.5}),
        (Nesterov(0.0), nesterov, {"momentum": 0.0}),
        (Adam(0.0, 0.9, 1e-3), adam, {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-3}),
        (Adam(beta_2=0.5, amsgrad=True), amsgrad, {"beta_2": 0.5}),
        (AdamW(0.5, weight_decay=0.3), adamw, {"beta_1": 0.5, "weight_decay": 0.3}),
        (Adagrad(0.1), adagrad, {"epsilon": 0.1}),
        (RMSprop(0.5, 0.8, 0.1), rmsprop, {"rho": 0.5, "momentum": 0.8, "epsilon": 0.1}),
        (
            Nadam(0.8, 0.9, 0.1, 0.5),
            nadam,
            {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.1, "psi": 0.5},
        ),
        (DeltaBarDelta(0.5, 0.5, 0.1), delta_bar_delta, {"kappa": 0.5, "phi": 0.5, "theta": 0.1}),
        (
            IRpropMinus(2.0, 0.1, 0.05, 0.3),
            irprop_minus,
            {"grow": 2.0, "shrink": 0.1, "least": 0.05, "largest": 0.3},
        ),
        (
            IRpropPlus(2.0, 0.1, 0.05, 0.3),
            irprop_plus,
            {"grow": 2.0, "shrink": 0.1, "least": 0.05, "largest": 0.3},
        ),
        (Quickprop(1.2), quickprop, {"mu": 1.2}),
    ],  # fmt: skip
    ids=repr,
)
def test_settings_reach_the_formulas(rule, paper, settings):
    got = np.array([w for w, _ in run(rule, 0.1)])
    for i in range(5):
        wanted = list(paper(float(START[i]), map(float, CORRECTIONS[:, i]), 0.1, **settings))
        np.testing.assert_allclose(got[:, i], wanted, rtol=1e-12, atol=1e-14)


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
    np.testing.assert_allclose(w, wanted, rtol=3e-5)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_resumes_from_its_state_alone(name):
    *_, (w, state) = run(RULES[name], 0.1, stop=3)
    rule = pickle.loads(pickle.dumps(RULES[name]))
    for t in range(3, STEPS):
        rule.step(w, CORRECTIONS[t].copy(), state, t, 0.1, COSTS[t])
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
        Adam(amsgrad="yes"),
        AdamW(weight_decay=-1.0),
        Adagrad(0.0),
        RMSprop(rho=1.0),
        RMSprop(momentum=-0.5),
        Nadam(momentum_decay=-1.0),
        DeltaBarDelta(kappa=-1.0),
        DeltaBarDelta(phi=1.0),
        IRpropPlus(grow=0.9),
        IRpropMinus(shrink=0.0),
        IRpropMinus(largest=0.0),
        Quickprop(0.0),
    ],
    ids=repr,
)
def test_settings_out_of_range_are_named(rule):
    (wrong,) = {
        k for k, v in rule.get_params().items() if repr(v) != repr(type(rule)().get_params()[k])
    }
    with pytest.raises(ValueError, match=f"{wrong} of {type(rule).__name__} is"):
        BackpropRegressor(solver=rule).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize("name", RULES)
def test_a_masked_weight_does_not_move(name):
    w, state = START.copy(), np.zeros((RULES[name].n_slots, 5))
    eta = np.array([0.1, 0.0, 0.1, 0.0, 0.1])
    for t in range(STEPS):
        RULES[name].step(w, CORRECTIONS[t] * (eta > 0), state, t, eta, COSTS[t])
    np.testing.assert_array_equal(w[eta == 0], START[eta == 0])
    assert (w != START)[eta > 0].all()


@pytest.mark.parametrize("name", ONLINE)
def test_auto_is_the_rules_own_eta(name):
    given = {"hidden_layer_sizes": (3,), "solver": name, "random_state": 0}
    eta = {"sgd": 0.02}.get(name, RULES[name].default_eta)
    auto = BackpropRegressor(**given).partial_fit([[1.0]], [2.0])
    same = BackpropRegressor(eta=eta, **given).partial_fit([[1.0]], [2.0])
    np.testing.assert_array_equal(auto.coefs_[0], same.coefs_[0])


@pytest.mark.parametrize(
    "Estimator, given, eta",
    [
        (BackpropRegressor, {"solver": "adam"}, 0.003),
        (BackpropRegressor, {"solver": "adam", "scale_targets": True}, 0.001),
        (BackpropRegressor, {"solver": "adam", "scale_targets": True, "batch_size": 1}, 0.003),
        (BackpropClassifier, {"solver": "adam"}, 0.001),
        (BackpropClassifier, {"solver": "adamw"}, 0.001),
        (BackpropClassifier, {"solver": "nadam"}, 0.003),
        (BackpropClassifier, {"solver": "adam", "batch_size": 1}, 0.003),
        (BackpropClassifier, {"solver": "sgd"}, 0.005),
        (BackpropClassifier, {"solver": "sgd", "batch_size": 1}, 0.02),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_knows_batches_from_rows_and_classes_from_numbers(Estimator, given, eta):
    rows, d = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    fitted = Estimator((3,), max_iter=1, random_state=0, **given).fit(rows, d)
    assert fitted.eta_curve_ == [eta]


def test_sgd_is_the_rule_and_nothing_else():
    assert SGD().n_slots == 0 and SGD().get_params() == {}


# -- in the estimators ---------------------------------------------------------------------------

X = RNG.normal(size=(60, 3))
Y = np.tanh(X[:, 0]) - 0.5 * X[:, 1]
unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(name, **kw):
    kw = {"activation": "tanh", "batch_size": "auto", "max_iter": 30, "random_state": 0, **kw}
    return BackpropRegressor((5,), solver=name, **kw).fit(X, Y)


@unconverged
@pytest.mark.parametrize("name", RULES)
def test_every_rule_trains_from_its_own_eta(name):
    first, *_, last = fitted(name, max_iter=300, n_iter_no_change=np.inf).loss_curve_
    assert last < 0.2 * first


@unconverged
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (0.1, 0.0), (0.1, 0.5)])
def test_full_batch_fit_is_the_rule_on_the_cost(name, penalty):
    # Weights, penalty and per-layer eta, through the estimator and by the objective's gradient.
    weight, eta = RNG.uniform(0.5, 2.0, size=60), [0.01, 0.03]
    start = [RNG.normal(size=(3, 5)), RNG.normal(size=(5, 1))]
    model = BackpropRegressor((5,), activation="tanh", solver=name, eta=eta, alpha=penalty[0],
                              l1_ratio=penalty[1], batch_size=60 if name in ONLINE else "auto",
                              max_iter=6, random_state=0)  # fmt: skip
    model.fit(X, Y, weight, coef_init=start)
    rates = model._model.network.spread(eta)
    is_weight = model._model.network.spread([1.0, 1.0], [0.0, 0.0])

    def cost_and_correction(w):
        W1, b1, W2, b2 = w[:15].reshape(3, 5), w[15:20], w[20:25], w[25]
        y1 = np.tanh(X @ W1 + b1)
        e = (Y - y1 @ W2 - b2) * weight / weight.sum()
        delta = e[:, None] * W2 * (1 - y1**2)
        g = np.r_[(X.T @ delta).ravel(), delta.sum(axis=0), y1.T @ e, e.sum()]
        g -= is_weight * penalty[0] * (penalty[1] * np.sign(w) + (1 - penalty[1]) * w)
        cost = 0.5 * np.sum((Y - y1 @ W2 - b2) ** 2 * weight) / weight.sum()
        held = is_weight * (penalty[1] * np.abs(w) + (1 - penalty[1]) / 2 * w**2)
        return cost + penalty[0] * held.sum(), g

    w = np.r_[start[0].ravel(), np.zeros(5), start[1].ravel(), np.average(Y, weights=weight)]
    state = np.zeros((RULES[name].n_slots, w.size))
    for t in range(6):
        cost, g = cost_and_correction(w)
        RULES[name].step(w, g, state, t, rates, cost)
    np.testing.assert_allclose(model._model.network.w, w, rtol=1e-9, atol=1e-12)


@unconverged
@pytest.mark.parametrize("name", RULES)
def test_fit_resumes_bit_for_bit(name):
    parts = fitted(name, max_iter=7, warm_start=True, shuffle=False)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, Y)
    whole = fitted(name, max_iter=14, shuffle=False)
    np.testing.assert_array_equal(parts._model.network.w, whole._model.network.w)


@unconverged
@pytest.mark.parametrize("name", RULES)
def test_a_frozen_layer_learns_once_its_eta_is_not_zero(name):
    eta = RULES[name].default_eta
    model = fitted(name, max_iter=5, eta=[0.0, eta], warm_start=True)
    frozen = model.coefs_[0].copy()
    model.set_params(eta=eta, max_iter=1).fit(X, Y)
    assert np.abs(model.coefs_[0] - frozen).max() > 1e-6
    if name.startswith("irprop"):  # steps begin at eta, whenever they do, and g kept its sign
        assert np.median(np.abs(model.coefs_[0] - frozen)) == pytest.approx(1.2 * eta)


@pytest.mark.parametrize("name", sorted(set(RULES) - set(ONLINE)))
def test_a_full_batch_rule_refuses_batches(name):
    with pytest.raises(ValueError, match=rf"batch_size=1 .*solver='{re.escape(name)}'.*'adam'"):
        BackpropRegressor(solver=name, batch_size=1).fit(X, Y)
    with pytest.raises(ValueError, match=f"dropout=0.5 .*solver='{re.escape(name)}'"):
        BackpropRegressor(solver=name, dropout=0.5).fit(X, Y)
    assert not hasattr(BackpropClassifier(solver=name), "partial_fit")
    assert BackpropRegressor(solver=name, batch_size=60, max_iter=500).fit(X, Y).n_updates_ > 3


def test_amsgrad_may_be_switched_on_between_calls():
    model = BackpropRegressor((5,), solver=Adam(), random_state=0).partial_fit(X, Y)
    model.set_params(solver__amsgrad=True).partial_fit(X, Y)
    assert len(model._model.state.rule_state) == 3


@unconverged
@pytest.mark.parametrize("name", [n for n, rule in RULES.items() if rule.get_params()])
def test_settings_can_be_searched(name):
    settings = RULES[name].get_params()
    parameter, value = next((k, v) for k, v in settings.items() if not isinstance(v, bool))
    model = BackpropRegressor((3,), solver=clone(RULES[name]), max_iter=2)
    search = GridSearchCV(model, {f"solver__{parameter}": [value, 1.1 * value]}, cv=2).fit(X, Y)
    assert len(search.cv_results_["params"]) == 2
