"""The check of a user's own loss."""

import pickle

import numpy as np
import pytest
from loss_cases import TARGET, Z, unconverged
from scipy import sparse

from skbackprop import (
    LOSSES,
    Activation,
    BackpropRegressor,
    Loss,
    Task,
)
from skbackprop.losses.check import check_loss
from skbackprop.losses.head import Head


class Own(Loss):
    """A loss of the user's own, with something wrong."""

    def __init__(self, value_is="row", error_is="right"):
        self.value_is, self.error_is = value_is, error_is

    def value(self, d, y, v):
        if self.value_is == "in place":
            d -= y
            return 0.5 * (d * d).sum(axis=1)
        if self.value_is == "column":
            return 0.5 * (d - y) ** 2
        return 0.5 * ((d - y) ** 2).sum(axis=1)

    def error(self, d, y):
        if self.error_is == "row":
            return (d - y).sum(axis=1)
        return {"right": d - y, "uphill": y - d, "twice": 2 * (d - y)}[self.error_is]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            Own("column"),
            r"value\(d, y, v\) gives shape \(12, 2\) .* \(12, 2\); it must give \(12,\)",
        ),
        (Own(error_is="row"), r"error\(d, y\) gives shape \(12,\) for outputs of shape \(12, 2\)"),
        (
            Own(error_is="uphill"),
            r"error\(\) is not the slope of value\(\): in a random direction",
        ),
        (Own(error_is="twice"), "is not the slope"),
        (Own("in place"), r"value\(d, y, v\) writes into its argument d"),
    ],
    ids=["column", "row", "uphill", "twice", "in place"],
)
def test_a_wrong_loss_is_found_before_training(loss, message):
    model = BackpropRegressor((3,), random_state=0).partial_fit(Z, np.c_[TARGET, TARGET])
    before = pickle.dumps(model)
    for train in (model.set_params(loss=loss).fit, BackpropRegressor((3,), loss=loss).partial_fit):
        with pytest.raises(ValueError, match=message):
            train(Z, np.c_[TARGET, TARGET])
    assert pickle.dumps(model.set_params(loss="squared_error")) == before


class Single(Own):
    """Right, and computed in float32."""

    def value(self, d, y, v):
        r = (d - y).astype(np.float32)
        return np.where(abs(r) < 1, 0.5 * r * r, abs(r) - np.float32(0.5)).sum(axis=1)

    def error(self, d, y):
        return np.clip((d - y).astype(np.float32), -1, 1)


class Inside(Single):
    """In float32 inside, which cannot be seen from outside."""

    def value(self, d, y, v):
        return super().value(d, y, v).astype(float)


class Tube(Own):
    def value(self, d, y, v):
        return np.maximum(abs(d - y) - np.float32(0.1), 0).astype(np.float32).sum(axis=1)

    def error(self, d, y):
        return np.sign(d - y) * (abs(d - y) > 0.1)


class Scales(Own):
    """A mean and a log-scale for one target, whose d is broadcast."""

    units_per_target = 2

    def value(self, d, y, v):
        return 0.5 * (np.exp(-y[:, 1]) * (d[:, 0] - y[:, 0]) ** 2 + y[:, 1])

    def error(self, d, y):
        r, s = d[:, 0] - y[:, 0], np.exp(-y[:, 1])
        return np.c_[s * r, 0.5 * (s * r * r - 1)]


class Pairs(Own):
    """Of the differences between the rows of a batch."""

    def value(self, d, y, v):
        return 0.25 * ((d - d.T - (y - y.T)) ** 2).mean(axis=1)

    def error(self, d, y):
        return ((d - d.T) - (y - y.T)).mean(axis=1)[:, None]


def step_up(v):
    return (v > 0).astype(v.dtype)


def as_if_smooth(v, y):
    return 1 / (1 + v * v)


@unconverged
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("own", [Own, Single, Inside, Tube, Scales, Pairs])
def test_a_right_loss_is_not_refused(own, scale):
    for dtype in (float, np.float32):
        targets = (scale * np.random.default_rng(0).normal(size=(len(Z), 1))).astype(dtype)
        head = Head(own(), Task("regression", 1))
        check_loss(head, targets)
        check_loss(head, targets[:1])
    BackpropRegressor((3,), loss=own(), max_iter=2, random_state=0).fit(Z, TARGET)


@unconverged
def test_the_slope_of_an_output_is_not_laid_to_the_loss():
    surrogate = Activation(step_up, as_if_smooth, range=(0, 1), check=False)
    settings = {"loss": Own(), "output_activation": surrogate, "max_iter": 2, "random_state": 0}
    BackpropRegressor((3,), **settings).fit(Z, TARGET)
    settings["loss"] = Own("column")
    with pytest.raises(ValueError, match=r"value\(d, y, v\) gives shape"):
        BackpropRegressor((3,), **settings).fit(Z, TARGET)


def test_what_is_wrong_is_found_at_any_scale():
    for scale in (1e-6, 1.0, 1e9):
        head = Head(Own(error_is="twice"), Task("regression", 1), "tanh")
        with pytest.raises(ValueError, match="is not the slope"):
            check_loss(head, scale * np.random.default_rng(0).normal(size=(20, 1)))


def test_what_a_loss_lacks_is_named():
    class NoError(Loss):
        def value(self, d, y, v):
            return np.abs(d - y).sum(axis=1)

    with pytest.raises(NotImplementedError, match=r"NoError\(\) defines no error\(d, y\)"):
        BackpropRegressor((3,), loss=NoError()).fit(Z, TARGET)
    with pytest.raises(NotImplementedError, match=r"defines no value\(d, y, v\)"):
        BackpropRegressor((3,), loss=type("Nothing", (Loss,), {})()).fit(Z, TARGET)


@pytest.mark.parametrize("name", LOSSES)
def test_the_check_of_losses_finds_nothing_wrong_with_those_of_the_package(name):
    rng = np.random.default_rng(0)
    targets = {
        "regression": np.exp(3 * rng.normal(size=(20, 2))),
        "binary": rng.integers(0, 2, size=20),
        "multiclass": rng.integers(0, 3, size=20),
        "multilabel": rng.integers(0, 2, size=(20, 3)),
    }
    for kind, some in targets.items():
        mine = type("Mine", (type(LOSSES[name]),), {"__module__": "elsewhere"})()
        if kind in mine.tasks:
            head = Head(mine, Task(kind, some.shape[1] if some.ndim > 1 else some.max() + 1))
            check_loss(head, some)
            check_loss(head, some[:1])
            if kind == "regression":
                check_loss(head, 1e9 * some)
                check_loss(head, 1e-9 * some)
            elif kind == "multilabel":
                check_loss(head, sparse.csr_array(some))
