"""Millions of rows as they come: memory stays what it is, and a row takes as long as ever."""

import gc
import pickle
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor, StreamClassifier

ROWS, PIECES, CHUNK = 1_000_000, 20, 500
RNG = np.random.default_rng(0)
X = RNG.normal(size=(CHUNK, 5))
STATM = Path("/proc/self/statm")
MODELS = {
    "regressor": (BackpropRegressor((4,), random_state=0, engine="numpy"), X[:, 0], {}),
    "classifier": (
        BackpropClassifier((4,), solver="sgd", random_state=0, engine="numpy"),
        (X[:, 0] > 0).astype(int),
        {"classes": [0, 1]},
    ),
    "adaptive": (
        BackpropRegressor((4,), eta_schedule="invscaling", alpha=1e-4, dropout=0.1, batch_size=10),
        X[:, 0],
        {},
    ),
}


def resident() -> int:
    """Bytes of memory that the process holds."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * 4096


@pytest.mark.skipif(not STATM.exists(), reason=f"no /proc on {sys.platform}")
@pytest.mark.parametrize("kind", MODELS)
def test_a_million_rows(kind, figures):
    model, y, first = MODELS[kind]
    model.partial_fit(X, y, **first)
    times, sizes = [], []
    for _ in range(PIECES):
        start = time.process_time()
        for _ in range(ROWS // PIECES // CHUNK):
            model.partial_fit(X, y)
        model.predict(X)
        times.append((time.process_time() - start) / (ROWS // PIECES) * 1e6)
        sizes.append(resident())
    early, late = np.median(times[:5]), np.median(times[-5:])
    grown = sizes[-1] - sizes[2]
    figures[f"a million rows, {kind}"] = (
        f"{early:.1f} us a row at first, {late:.1f} at last; {grown / 1024:.0f} kB more memory"
    )
    assert model.t_ == ROWS + CHUNK
    assert np.isfinite(model.loss_)
    assert late < 1.5 * early
    assert grown < 2**20


@pytest.mark.parametrize("kind", MODELS)
def test_nothing_piles_up(kind):
    """Counted by Python itself: rows one at a time, and predictions between them."""
    model, y, first = MODELS[kind]
    model.partial_fit(X, y, **first)

    def pass_by():
        for i in range(CHUNK):
            model.partial_fit(X[i : i + 1], y[i : i + 1])
            model.predict(X[i : i + 1])

    pass_by()
    tracemalloc.start()
    try:
        pass_by()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            pass_by()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


def test_ten_million_rows_at_constant_memory_and_time():
    n_chunks = 100
    rng, edge = np.random.default_rng(0), np.random.default_rng(1).normal(size=30)
    model, sizes, seconds = StreamClassifier(random_state=0, engine="compiled"), [], []
    for _ in range(n_chunks):
        X = rng.normal(size=(100_000, 30))
        y = (X @ edge > 0) ^ (rng.random(100_000) < 0.1)
        start = time.process_time()
        model.partial_fit(X, y)
        seconds.append(time.process_time() - start)
        sizes.append(len(pickle.dumps(model)))
    tenth = n_chunks // 10
    assert max(sizes[tenth:]) - min(sizes[tenth:]) < 2000  # numbers of alarms have digits
    assert np.median(seconds[-tenth:]) < 1.5 * np.median(seconds[1 : tenth + 1])
    assert model.metric_ > 0.88
    assert np.isfinite(model._model.stack.w).all()
