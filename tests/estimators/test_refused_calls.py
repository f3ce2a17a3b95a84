"""A call that is refused leaves the model, and its random states, bit for bit as they were."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

from skbackprop import (
    LOSSES,
    RULES,
    SCHEDULES,
    SOLVERS,
    BackpropRegressor,
    GaussianNLL,
    InverseScaling,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.normal(size=20)


def state_of(model):
    network, rng = model._model.network, model._model.rng
    return network.w.tobytes(), pickle.dumps(model._model.state), pickle.dumps(rng.get_state())


@pytest.mark.parametrize("what", [{"dropout": 0.5}, {"noise": 0.1}])
def test_an_engine_that_cannot_serve_has_drawn_nothing(what):
    model = BackpropRegressor((4,), solver="sgd", random_state=0).partial_fit(X, Y)
    before = state_of(model)
    model.set_params(engine="compiled", solver="nadam", **what)  # which does not compile
    with pytest.raises((ValueError, ImportError), match="engine='compiled'"):
        model.partial_fit(X, Y)
    assert state_of(model) == before


REGISTERED = [
    *RULES.values(),
    *SOLVERS.values(),
    *LOSSES.values(),
    *(schedule for schedule in SCHEDULES.values() if hasattr(schedule, "get_params")),
]


def _numbers(part):
    return [
        name
        for name, value in part.get_params(deep=False).items()
        if isinstance(value, float) and name not in ("level", "max_memory")  # which may be endless
    ]


NO_NUMBERS = {
    "fraction": Fraction(1, 2),
    "huge": 10**400,
    "minus huge": -(10**400),
    "array": np.array([0.5]),
    "complex": 1j,
    "bool": True,
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize(
    ("part", "name"),
    [(part, name) for part in REGISTERED for name in _numbers(part)],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_numbers_that_no_array_can_take(part, name, kind):
    changed = type(part)(**{**part.get_params(deep=False), name: NO_NUMBERS[kind]})
    with pytest.raises(ValueError, match=f"{name} of {type(part).__name__} is "):
        changed.check()


@pytest.mark.parametrize("value", [1, np.float32(0.5), np.float64(0.5), np.int8(1)])
def test_numbers_that_it_can(value):
    GaussianNLL(epsilon=value).check()
    InverseScaling(power=value).check()
