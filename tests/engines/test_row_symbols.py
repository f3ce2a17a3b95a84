"""What is traced from a loss does to one row what the loss does to an array of rows."""

import numpy as np
import pytest

from skbackprop import ACTIVATIONS, LOSSES, CrossEntropy, Focal, Loss, Quantile, Task, Tweedie
from skbackprop.engines import formulas
from skbackprop.engines.compilation import _texts_of
from skbackprop.engines.row_symbols import RowTrace
from skbackprop.engines.source import cost_text
from skbackprop.engines.symbols import Untraceable
from skbackprop.losses.head import Head

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)
OTHERS = [CrossEntropy(0.2), Focal(0.0), Focal(0.5), Quantile([0.2, 0.5, 0.9]), Tweedie(2.7)]


def heads(loss, n_targets=(1, 2, 3)):
    """The loss behind every output that it can stand behind."""
    for kind in loss.tasks:
        for n in n_targets:
            for output in (None, *ACTIVATIONS):
                try:
                    yield Head(loss, Task(kind, n), output)
                except ValueError:
                    pass


@pytest.mark.parametrize("loss", [*LOSSES.values(), *OTHERS], ids=repr)
def test_every_loss_is_followed_behind_every_output(loss):
    for head in heads(loss):
        for dtype in (DOUBLE, SINGLE):
            formulas._check_cost(formulas.cost_of(head, dtype), head, dtype)


@pytest.mark.parametrize("name", LOSSES)
def test_the_texts_that_are_kept_serve_every_output_and_number(name):
    kept = _texts_of(LOSSES[name], DOUBLE)
    used = {cost_text(formulas.cost_of(head, DOUBLE), "float64") for head in heads(LOSSES[name])}
    assert used == set(kept)


def test_parameters_are_data():
    def text(loss):
        kind, n = loss.tasks[0], 1 if isinstance(loss, Quantile) else 2
        return cost_text(formulas.cost_of(Head(loss, Task(kind, n)), DOUBLE), "float64")

    assert text(Quantile(0.3)) == text(Quantile([0.1, 0.2, 0.7])) == text(LOSSES["quantile"])
    assert text(Focal(0.7)) == text(Focal(2)) and text(CrossEntropy(0.3)) == text(CrossEntropy())
    assert text(Tweedie(1.2)) == text(Tweedie(3.0))


class Rowwise(Loss):
    """A value and an error of one function each."""

    def __init__(self, value_of=None, error_of=None):
        self.value_of, self.error_of = value_of, error_of

    def value(self, d, y, v):
        return (self.value_of or _plain_value)(d, y, v)

    def error(self, d, y):
        return (self.error_of or np.subtract)(d, y)


def _plain_value(d, y, v):
    return np.sum((d - y) ** 2, axis=1)


FOLLOWED = {
    "mean": lambda d, y, v: np.mean((d - y) ** 2, axis=-1),
    "largest": lambda d, y, v: np.max(np.abs(d - y), axis=1) - np.abs(d - y).min(1),
    "two sums": lambda d, y, v: ((y - y.mean(axis=1)[:, None]) ** 2).sum(axis=1) / d.shape[1],
    "kept axis": lambda d, y, v: (v - v.max(axis=1, keepdims=True)).sum(axis=1),
    "reduced": lambda d, y, v: np.add.reduce(d * y, axis=1) + np.vecdot(y, v),
    "transposed": lambda d, y, v: (d - y).T.copy().sum(axis=0),
    "einsum": lambda d, y, v: np.einsum("ij, ij -> i", d, y),
    "truths": lambda d, y, v: (d > y).sum(axis=1) + np.any(0.0),
    "ones": lambda d, y, v: (np.ones_like(d) + np.full_like(y, 0.5)).sum(axis=1),
    "weights": lambda d, y, v: (np.array([1.0, 2.0, 0.5, 0.1]) * (d - y) ** 2).sum(axis=1),
    "halves": lambda d, y, v: (d[:, :2] * y[:, 2:]).sum(axis=1),
    "extended": lambda d, y, v: d.sum(axis=1)[..., np.newaxis][:, 0],
    "constant": lambda d, y, v: 1.5,
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_may_be_done_with_rows(name):
    head = Head(Rowwise(FOLLOWED[name]), Task("regression", 4))
    head.loss.value_of = lambda d, y, v: np.broadcast_to(FOLLOWED[name](d, y, v), len(d))
    traced = Head(Rowwise(FOLLOWED[name]), Task("regression", 4))
    trace, lines = formulas.Cost._trace(traced, {}, DOUBLE)
    cost = formulas.Cost.__new__(formulas.Cost)
    cost.lines, cost.numbers, cost.columns = lines, [], trace.columns
    formulas._check_cost(cost, head, DOUBLE)


REFUSED = {
    "sorted": (lambda d, y, v: np.sort(y, axis=1).sum(axis=1), "np.sort has no scalar"),
    "rows": (lambda d, y, v: (d - y).sum(axis=0), "it mixes rows"),
    "all": (lambda d, y, v: (d - y).sum(), "it mixes rows"),
    "rows of batch": (lambda d, y, v: (d - d.T).sum(axis=1), "it brings together"),
    "count": (lambda d, y, v: (d - y).sum(axis=1) / d.shape[0], "how many rows"),
    "length": (lambda d, y, v: (d - y).sum(axis=1) / len(d), "TypeError"),
    "a neuron": (lambda d, y, v: d[:, 1] - y[:, 1], "picks out elements"),
    "some": (lambda d, y, v: (2 * d)[:, :2].sum(axis=1), "neurons of what it has computed"),
    "column": (lambda d, y, v: (d - y) ** 2, "it gives an array of .*neurons"),
    "decides": (lambda d, y, v: d.sum(axis=1) if d[0, 0] > 0 else y.sum(axis=1), "picks out"),
    "numbers": (lambda d, y, v: (np.arange(3.0) * d).sum(axis=1), "a number for each neuron"),
    "dot": (lambda d, y, v: np.einsum("ij,kj->i", d, y), "np.einsum"),
    "many": (lambda d, y, v: np.hstack([d, y, v]).sum(axis=1), "two halves"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_not(name):
    function, message = REFUSED[name]
    head = Head(Rowwise(function), Task("regression", 4))
    with pytest.raises(Untraceable, match=rf"loss Rowwise.* does not compile: .*{message}"):
        formulas.cost_of(head, DOUBLE)


class Counting(Rowwise):
    """It remembers that it was asked."""

    def value(self, d, y, v):
        self.calls = getattr(self, "calls", 0) + 1
        return super().value(d, y, v)


class OfItsSize(Rowwise):
    """It goes by the number of bytes, which a row's number tells nothing of."""

    def value(self, d, y, v):
        factor = 1.0 if isinstance(d, np.ndarray) else 2.0
        return factor * super().value(d, y, v)


def test_what_is_followed_and_is_not_the_loss_is_refused():
    for loss, message in ((Counting(), "it changes itself"), (OfItsSize(), "to each row")):
        with pytest.raises(Untraceable, match=message):
            formulas.cost_of(Head(loss, Task("regression", 2)), DOUBLE)


def test_one_row_needs_no_more_loops_than_there_are_sums_on_which_others_wait():
    trace = RowTrace(3)
    d, y = trace.signal("d"), trace.signal("y")
    r = d - y
    assert sum("for j" in line for line in trace.code((r * r).sum(axis=1), "e", r)) == 1
    mean = r.mean(axis=1)[:, None]
    lines = trace.code(((r - mean) ** 2).sum(axis=1), "e", r - mean)
    assert sum("for j" in line for line in lines) == 2
