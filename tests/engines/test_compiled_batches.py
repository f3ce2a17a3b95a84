"""The compiled pass of batches does what NumPy does: the same weights, costs and counters."""

import copy
import signal
from functools import cache
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
from alarms import Alarm
from compiled_cases import (
    FACTORS,
    HEADS,
    LAYERS,
    RULES_HERE,
    SIMPLEST,
    agree,
    bits,
    data,
    distance,
    flat,
    make,
    needs_numba,
    read_only,
    same_but_for_rounding,
    trainer,
)
from problems import problem
from scipy import sparse
from test_compiled_rows import OTHER_LOSSES, heads_of, pairs

from skbackprop import ACTIVATIONS, LOSSES, SGD, Adam, DivergenceError, SquaredError, Task
from skbackprop.engines import compiled_batches
from skbackprop.engines.layout import PANEL_ROWS
from skbackprop.network.regularisation import Disturbance

BATCH = {
    **FACTORS,
    "max_grad_norm": (None, 0.3),
    "max_norm": (None, 0.8),
    "gain": (False, True),
}


@cache
def cases(*rules, **factors):
    found = pairs({**BATCH, **factors, "rule": rules})
    return [{**case, **({"input_gain": True} if case["gain"] else {})} for case in found]


@needs_numba
def test_settings_in_pairs():
    agree(cases("sgd", "adam"), n=60, batch_size=7)  # the matrix takes a thousand updates of each


@needs_numba
@pytest.mark.matrix
def test_settings_and_rules_in_pairs():
    agree(cases(*RULES_HERE), n=1000, batch_size=7)


@needs_numba
def test_batches_of_several_panels():
    n_rows = 2 * PANEL_ROWS + 5
    agree(cases("sgd", "adam")[::3], n=5, batch_size=n_rows)
    agree(cases("sgd")[:4], dtype=np.float32, bound=2e-5, n=5, batch_size=n_rows)


@needs_numba
def test_float32():
    agree(cases("sgd")[:12], dtype=np.float32, bound=2e-5, n=60, batch_size=7)


@needs_numba
@pytest.mark.matrix
@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.elementwise])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_every_activation(name, dtype, bound, monkeypatch):
    hidden = ((6,), (name,)) if name == "exp" else ((6, 3), (name, name))  # exp of exp diverges
    monkeypatch.setitem(LAYERS, name, hidden)
    monkeypatch.setitem(HEADS, name, (Task("regression", 2), SquaredError(), name))
    agree([{"layers": name, "head": name}], SGD(), dtype, bound, n=100, batch_size=5)


@needs_numba
@pytest.mark.matrix
@pytest.mark.parametrize("loss", [*LOSSES.values(), *OTHER_LOSSES], ids=repr)
def test_every_loss(loss, monkeypatch):
    heads = dict(enumerate(heads_of(loss, (None, "softplus", "tanh", "softmax"))))
    for key, head in heads.items():
        monkeypatch.setitem(HEADS, key, head)
    agree([{"head": i, "layers": "tanh"} for i in heads], SGD(), n=100, batch_size=9)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_width_and_number_of_rows(dtype, monkeypatch):
    # The products go by tiles: of 6, 2 and 1 rows, and of columns that are powers of two.
    for n in (*range(1, 19), 31, 33, 47, 64, 70):
        monkeypatch.setitem(LAYERS, n, ((n, n), ("tanh", "tanh")))
        monkeypatch.setitem(HEADS, n, (Task("regression", n), SquaredError(), None))
        case = {"layers": n, "head": n}
        bound = 1e-12 if dtype == np.float64 else 2e-5
        agree([case], SGD(), dtype, bound, n=4, batch_size=max(2, n))


class SplitMix(Disturbance):
    """Dropout by the numbers that the compiled pass draws, computed anew from their source.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, figure 16.
    """

    def __init__(self, rates, noise, seeds):
        super().__init__(rates, noise, np.random.default_rng(0))
        self.seeds = seeds  # of the updates

    def _bits(self, seed, counts):
        with np.errstate(over="ignore"):
            z = np.uint64(seed) + (counts + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return z ^ (z >> np.uint64(31))

    def _uniform(self, seed, shape):
        numbers = np.arange(np.prod(shape), dtype=np.uint64)
        return ((self._bits(seed, numbers) >> np.uint64(11)) * 2.0**-53).reshape(shape)

    def forward(self, layer, y):
        if layer == 0:
            self.seed = self.seeds[self.n_batches]
            self.n_batches += 1
        starts = range(0, len(y), PANEL_ROWS)
        panels = [self._of_panel(layer, start, y[start : start + PANEL_ROWS]) for start in starts]
        y, gates = map(np.concatenate, zip(*panels, strict=True))
        if not self.rates[layer]:
            return y
        self._gates[layer] = gates
        return y * gates

    def _of_panel(self, layer, start, y):
        """The signals with their noise, and the gates, of the rows that go through together."""
        seed = self._bits(self._bits(self.seed, np.uint64(start)), np.uint64(layer))
        if layer == 0 and self.noise:
            u = self._uniform(self._bits(seed, np.uint64(0)), (*y.shape, 2))
            radius = np.sqrt(-2.0 * np.log(1.0 - u[..., 0]))
            y = y + self.noise * radius * np.cos(2.0 * np.pi * u[..., 1])
        rate = self.rates[layer]
        return y, (self._uniform(seed, y.shape) >= rate) / (1.0 - rate)

    n_batches = 0

    def dropped(self, S, batch_size):
        """Sparse rows in batches, each stored number behind a gate."""
        parts = []
        for seed, first in zip(self.seeds, range(0, S.shape[0], batch_size), strict=True):
            part = S[first : first + batch_size]
            uniform = self._uniform(self._bits(seed, np.uint64(2**64 - 1)), part.data.shape)
            part.data *= (uniform >= self.rates[0]) / (1.0 - self.rates[0])
            parts.append(part)
        return sparse.vstack(parts, format="csr")


@needs_numba
@pytest.mark.parametrize(("noise", "batch_size"), [(0.0, 7), (0.4, 7), (0.4, 220)])
def test_dropout_and_noise(noise, batch_size):
    case = {**SIMPLEST, "layers": "per_layer"}
    X, targets, scale, order = data(case, np.float64, 10 * batch_size)
    rates = (0.2, 0.0, 0.5, 0.3)
    ours, theirs = (trainer(case, Adam(), np.float64, e, batch_size) for e in ("compiled", None))
    ours.objective.disturbance = Disturbance(rates, noise, np.random.default_rng(1))
    seeds = np.random.default_rng(1).integers(2**63, size=10).astype(np.uint64)
    theirs.objective.disturbance = SplitMix(rates, noise, seeds)
    ours._choose(batch_size)  # anew, with what it is to disturb
    ours._chosen = None
    costs = [each.present(X, targets, scale, order, batch_size) for each in (ours, theirs)]
    assert not len(ours._workspaces)
    assert distance(ours.objective.network.w, theirs.objective.network.w) < 1e-12
    assert distance(*costs) < 1e-12


@needs_numba
@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_dropout_of_sparse_rows(rate):
    case = {**SIMPLEST, "layers": "per_layer"}
    X, targets, scale, _ = data(case, np.float64, 70)
    rates = (rate, 0.0, 0.5, 0.3)
    ours, theirs = (trainer(case, Adam(), np.float64, e, 7) for e in ("compiled", None))
    ours.objective.disturbance = Disturbance(rates, 0.0, np.random.default_rng(1))
    ours._choose(7)
    ours._chosen = None
    S, seeds = sparse.csr_array(X), np.random.default_rng(1).integers(2**63, size=10)
    seeds = seeds.astype(np.uint64)
    dropped = SplitMix(rates, 0.0, seeds).dropped(S, 7)
    assert (dropped.nnz == S.nnz) and (np.count_nonzero(dropped.data) < S.nnz) == (rate > 0)
    theirs.objective.disturbance = SplitMix((0.0, *rates[1:]), 0.0, seeds)
    costs = [
        ours.present(S, targets, scale, None, 7),
        theirs.present(dropped.toarray(), targets, scale, None, 7),
    ]
    assert not len(ours._workspaces)
    assert distance(ours.objective.network.w, theirs.objective.network.w) < 1e-12
    assert distance(*costs) < 1e-12


@needs_numba
def test_disturbed_fits_are_repeated_bit_for_bit():
    X, y = problem("regression")
    settings = {"dropout": [0.2, 0.4, 0.0], "noise": 0.1, "batch_size": 8}
    first, same, other = (make(random_state=s, **settings).partial_fit(X, y) for s in (0, 0, 1))
    assert bits(first) == bits(same) != bits(other)
    assert first.engine_ == "compiled"


@needs_numba
@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_disturbed_chunk_is_its_batches(container, batch_size):
    X, y = problem("regression")
    X = container(X * (np.random.default_rng(0).random(X.shape) < 0.5))
    noise = 0.0 if sparse.issparse(X) else 0.1
    settings = {"dropout": [0.2, 0.4, 0.0], "noise": noise, "batch_size": batch_size}
    chunk, parts = (make(**settings).partial_fit(X[:8], y[:8]) for _ in range(2))
    chunk.partial_fit(X, y)
    for first in range(0, X.shape[0], batch_size):
        rows = slice(first, first + batch_size)
        parts.partial_fit(X[rows], y[rows])
    assert chunk.engine_ == "compiled" and bits(chunk) == bits(parts)


@needs_numba
def test_what_is_not_presented_draws_nothing():
    X, y = problem("regression")
    model = make(dropout=[0.2, 0.4, 0.0], batch_size=8).partial_fit(X[:8], y[:8])
    rng = copy.deepcopy(model._model.state.disturbance_rng)
    rng.integers(2**63)  # of the batch before the one that is too large, which is left to NumPy
    rng.random((8, X.shape[1])), rng.random((8, model.coefs_[0].shape[1]))
    model.partial_fit(X[8:24], np.where(np.arange(16) < 8, y[8:24], 1e200))
    assert model.n_updates_ == 3 and np.abs(model.coefs_[-1]).max() > 1e150
    assert model._model.state.disturbance_rng.bit_generator.state == rng.bit_generator.state


@needs_numba
def test_rows_in_pieces_are_the_same_to_the_bit(monkeypatch):
    X, y = problem("regression")
    whole = make(batch_size=7).partial_fit(X, y)
    monkeypatch.setattr(compiled_batches, "_PIECE_WORK", 1.0)
    in_pieces = make(batch_size=7).partial_fit(X, y)
    assert bits(whole) == bits(in_pieces)
    assert whole.loss_ == pytest.approx(in_pieces.loss_, rel=1e-14)


@needs_numba
def test_rows_that_cannot_be_written_to():
    X, y = problem("regression")
    wanted = make(batch_size=7).partial_fit(X, y)
    assert bits(make(batch_size=7).partial_fit(read_only(X), read_only(y))) == bits(wanted)


@needs_numba
@pytest.mark.parametrize("parameters", [{"max_norm": 0.5}, {"max_grad_norm": 0.1}])
def test_single_rows_with_limits_are_batches_of_one(parameters):
    X, y = problem("regression")
    ours = make(**parameters).partial_fit(X, y)
    assert ours.engine_ == "compiled"
    same_but_for_rounding(ours, make(**parameters, engine="numpy").partial_fit(X, y))


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_fit(kind):
    X, y = problem(kind)
    settings = {"solver": "adam", "eta": 0.01, "max_iter": 5, "batch_size": 8}
    settings |= {"early_stopping": True, "eta_schedule": "one_cycle"}
    ours, theirs = (make(kind, engine=e, **settings).fit(X, y) for e in ("compiled", "numpy"))
    assert (ours.engine_, theirs.engine_) == ("compiled", "numpy")
    assert distance(flat(ours), flat(theirs)) < 1e-12
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
    assert ours.best_iter_ == theirs.best_iter_


@needs_numba
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_an_update_that_would_not_be_finite_is_refused(solver):
    X, y = problem("regression")
    y = y.copy()
    y[40] = 1e308
    ours, theirs = (
        make(solver=solver, batch_size=7, eta=1e-3, engine=e) for e in ("compiled", "numpy")
    )
    said = []
    for model in (ours, theirs):
        model.partial_fit(X[:35], y[:35]).set_params(eta=1e3)
        with pytest.raises(DivergenceError, match="at row 0: training diverged: update 6 ") as e:
            model.partial_fit(X[35:], y[35:])
        said.append(str(e.value))
        assert model.n_updates_ == 5
    assert said[0] == said[1] and distance(flat(ours), flat(theirs)) < 1e-12


@needs_numba
@pytest.mark.usefixtures("alarm")
def test_a_signal_leaves_whole_updates():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400_000, 20))
    model = make(solver="adam", batch_size=50, hidden_layer_sizes=(100, 100), eta=1e-3)
    model.partial_fit(X[:100], X[:100, 0])
    before = model.n_updates_
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(Alarm):
        model.partial_fit(X, X[:, 0])
    n_rows = (model.n_updates_ - before) * 50
    assert 0 < n_rows < len(X)
    again = make(solver="adam", batch_size=50, hidden_layer_sizes=(100, 100), eta=1e-3)
    again.partial_fit(X[:100], X[:100, 0]).partial_fit(X[:n_rows], X[:n_rows, 0])
    assert bits(again) == bits(model)


@needs_numba
def test_models_may_train_in_threads():
    X, y = problem("multiclass", n=300)

    def train(seed):
        model = make("multiclass", random_state=seed, solver="adam", batch_size=16)
        for _ in range(5):
            model.partial_fit(X, y, classes=[0, 1, 2])
        return bits(model)

    alone = [train(seed) for seed in range(4)]
    with ThreadPool(4) as pool:
        assert pool.map(train, range(4)) == alone
