"""Formulas of activations and rules are what NumPy computes."""

import numpy as np
import pytest
from symbol_cases import DOUBLE, value

from skbackprop import (
    ACTIVATIONS,
    RULES,
    Adam,
    AdamW,
    DeltaBarDelta,
    Nadam,
    Quickprop,
    RMSprop,
    UpdateRule,
)
from skbackprop.engines import formulas, source
from skbackprop.engines.symbols import Untraceable


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.elementwise])
def test_every_activation_is_its_formula(name):
    activation = ACTIVATIONS[name]
    formula = formulas.formula_of(activation, DOUBLE)
    extremes = [-700.0, -40.0, -1e-8, 0.0, 1e-8, 40.0, 700.0]
    v = np.concatenate([np.linspace(-9.0, 9.0, 37), extremes])
    with np.errstate(all="ignore"):
        y = activation.phi(v.copy())
        slope = np.broadcast_to(activation.dphi(v.copy(), y.copy()), v.shape)
    parameters = formulas.parts(activation)[2].values()
    for v_j, y_j, slope_j in zip(v, y, slope, strict=True):
        names = {"v_j": v_j, "y_j": y_j, **{f"p{i}": p for i, p in enumerate(parameters)}}
        assert value(formula.phi, **names) == pytest.approx(y_j, rel=1e-14, abs=1e-300)
        assert value(formula.dphi, **names) == pytest.approx(slope_j, rel=1e-13, abs=1e-300)


TRACED = [rule for name, rule in RULES.items() if name not in ("nadam", "delta_bar_delta")]


TRACED = [rule for rule in TRACED if not rule.full_batch]


TRACED += [RMSprop(momentum=0.4), Adam(amsgrad=True, beta_1=0.0), AdamW(weight_decay=0.2)]


class LastGradient(UpdateRule):
    """Keeps a copy of g, which it uses up."""

    n_slots = 1

    def step(self, w, g, state, t, eta, cost):
        state[0] = g
        g *= eta
        w += g


class Assigned(UpdateRule):
    """What `state[0]` was before is a view of what is assigned to it."""

    n_slots = 2

    def step(self, w, g, state, t, eta, cost):
        u = state[0]
        state[0] = 0.9 * u + eta * g
        state[-1] += g * g
        first, second = state[:1], state[1:]
        second[0] = np.sqrt(second[0])
        w += u + 0.1 * first[0] + 0.01 * state[1]


class AllAtOnce(UpdateRule):
    """NumPy copies the rows of a list one by one: the second is what the first has become."""

    n_slots = 2

    def step(self, w, g, state, t, eta, cost):
        state[:] = [0.9 * state[0] + g, state[0]]
        w += eta * state[0] + 0.1 * eta * state[1]


TRACED += [LastGradient(), Assigned(), AllAtOnce()]


@pytest.mark.parametrize("rule", TRACED, ids=repr)
def test_every_rule_is_its_step(rule):
    step = formulas.step_of(rule, DOUBLE)
    rng = np.random.default_rng(0)
    for lines, eta in ((step.uniform, 0.1), (step.varied, np.array([0.1, 0.0, 0.3, 1e-4]))):
        w, state = rng.normal(size=4), np.zeros((rule.n_slots, 4))
        ours = np.vstack([w, state])
        for t in range(6):
            g = rng.normal(size=4)
            for k in range(4):
                names = {f"p{i}": number for i, number in enumerate(step.numbers)}
                names |= {f"s{i}_k": slot[k] for i, slot in enumerate(ours[1:])}
                names |= {"w_k": ours[0, k], "g_k": g[k], "t": t}
                names |= {"eta": eta, "eta_k": np.broadcast_to(eta, 4)[k]}
                ours[:, k] = value(lines, **names)
            rule.step(w, g.copy(), state, t, eta, None)
            np.testing.assert_allclose(ours, np.vstack([w, state]), rtol=1e-13, atol=1e-15)


class Counts(UpdateRule):
    """Changes itself: what is traced once would stay as it was then."""

    def __init__(self, calls=0):
        self.calls = calls

    def step(self, w, g, state, t, eta, cost):
        self.calls = self.calls + 1
        w += eta * g


class Costs(UpdateRule):
    """Goes by the cost, which the compiled pass does not give it."""

    def step(self, w, g, state, t, eta, cost):
        w += eta * g * cost


class Asks(UpdateRule):
    """Asks whether there is a cost."""

    def step(self, w, g, state, t, eta, cost):
        w += eta * g if cost else g


class Random(UpdateRule):
    def step(self, w, g, state, t, eta, cost):
        w += eta * g * np.random.rand()


class Hides(UpdateRule):
    """Counts in what it holds, which no attribute tells."""

    def __init__(self, count=(0,)):
        self.count = list(count)

    def step(self, w, g, state, t, eta, cost):
        self.count[0] += 1
        w += eta * g / self.count[0]


class Several(UpdateRule):
    n_slots = 2

    def step(self, w, g, state, t, eta, cost):
        state[:] = 0.5
        w += eta * g * state[0]


class Normed(UpdateRule):
    def step(self, w, g, state, t, eta, cost):
        w += eta * g / len(w)


@pytest.mark.parametrize(
    "rule, why",
    [
        (Counts(), "it changes itself"),
        (Costs(), "not a number"),
        (Normed(), "TypeError"),
        (Asks(), "does to arrays what it does not do to each weight"),
        (Random(), "does to arrays what it does not do to each weight"),
        (Hides(), "does to arrays what it does not do to each weight"),
        (Several(), "TypeError"),
        (Nadam(), "decides by the value"),
        (DeltaBarDelta(), "decides by the value"),
        (Quickprop(), "makes an array"),
    ],
    ids=repr,
)
def test_a_rule_that_cannot_be_traced_says_why(rule, why):
    name, before = type(rule).__name__, repr(vars(rule))
    with pytest.raises(Untraceable, match=f"solver {name}.* does not compile: .*{why}"):
        formulas.step_of(rule, DOUBLE)
    assert repr(vars(rule)) == before


def test_the_settings_of_a_rule_are_data():
    steps = [formulas.step_of(Adam(beta_1=b), DOUBLE) for b in (0.9, 0.5)]
    texts = [source.rule_text(step, "float64") for step in steps]
    assert texts[0] == texts[1]
    assert texts[0] != source.rule_text(formulas.step_of(Adam(amsgrad=True), DOUBLE), "float64")
    assert formulas.step_of(RMSprop(), DOUBLE).numbers == [0.9, 0.0, 1e-8]
