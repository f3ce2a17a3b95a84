"""The one list of parameters: a new one is one line, which everything else goes by."""

import dataclasses
import inspect
import pickle
from dataclasses import KW_ONLY
from numbers import Real
from typing import Annotated

import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.estimators.compatibility import Interval
from skbackprop.estimators.parameters import Parameters, with_constructor

X = np.random.default_rng(0).normal(size=(12, 2))


@with_constructor
class Hasty(BackpropRegressor):
    _: KW_ONLY
    haste: Annotated[float, Interval(Real, 0, None, closed="left")] = 1.0


def test_a_new_parameter_is_one_line():
    model = Hasty((3,), haste=2.5, random_state=0)
    assert model.get_params()["haste"] == 2.5 and Hasty().haste == 1.0
    assert set(model.get_params()) == {*BackpropRegressor().get_params(), "haste"}
    assert clone(model).haste == pickle.loads(pickle.dumps(model)).haste == 2.5
    assert "haste=2.5" in repr(model)
    assert model.set_params(haste=3.0).haste == 3.0
    with pytest.raises(ValueError, match="'haste' parameter of Hasty must be a float .*-1"):
        Hasty(haste=-1.0).partial_fit(X, X[:, 0])
    with pytest.raises(TypeError, match="hast"):
        Hasty(hast=1.0)
    running = model.partial_fit(X, X[:, 0]).partial_fit(X, X[:, 0])._running
    assert model.partial_fit(X, X[:, 0])._running is running
    assert model.set_params(haste=4.0).partial_fit(X, X[:, 0])._running is not running


def test_a_subclass_may_have_a_constructor_of_its_own():
    class Deep(BackpropRegressor):
        def __init__(self, depth=2, *, random_state=None):
            super().__init__((4,) * depth, random_state=random_state)
            self.depth = depth

    assert Deep(depth=3, random_state=0).partial_fit(X, X[:, 0]).n_layers_ == 5


@pytest.mark.parametrize("Estimator", [BackpropRegressor, BackpropClassifier])
def test_the_constructor(Estimator):
    first, *others = inspect.signature(Estimator).parameters.values()
    assert first.name == "hidden_layer_sizes"
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in others)
    constraints = Estimator._parameter_constraints
    assert list(constraints) == [first.name, *(other.name for other in others)]
    assert all(constraints.values())
    with pytest.raises(TypeError):
        Estimator((3,), "tanh")


def test_what_the_classifier_has_of_its_own():
    ours, base = BackpropClassifier().get_params(), BackpropRegressor().get_params()
    assert ours.pop("loss") == "cross_entropy" and base.pop("loss") == "squared_error"
    assert ours.pop("class_weight", 0) is None and base.pop("scale_targets") is False
    assert ours == base
    assert Parameters().get_params()["loss"] == "squared_error"


def test_an_estimator_is_no_dataclass():
    """Who knows a dataclass by its fields would take two fits for the same."""
    assert not dataclasses.is_dataclass(BackpropRegressor)
