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


def growing_rows(n, n_features=500, n_classes=20):
    """Rows of a stream whose features and classes come up over its first half, as an array."""
    rng = np.random.default_rng(0)
    X, y = np.full((n, n_features), np.nan), np.empty(n, int)
    for i in range(n):
        share = min(2 * i / n, 1.0)
        y[i] = rng.integers(2 + int(share * (n_classes - 2)))
        known = 5 + int(share * (n_features - 5))
        own = np.arange(y[i], known, n_classes)  # those that are high in rows of the class
        shown = np.append(rng.choice(own, 3), rng.integers(known, size=8))
        X[i, shown] = rng.normal(0.0, 0.5, len(shown))
        X[i, shown[:3]] += 2.0
    return X, y


def test_what_grows_ends_where_a_network_that_knew_all_does(figures):
    n, last = 20_000, 5000
    X, y = growing_rows(n)
    dicts = [
        {f"f{j}": float(x[j]) for j in np.flatnonzero(~np.isnan(x))} for x in X
    ]  # absent, where the array has NaN
    grown = StreamClassifier(random_state=0, engine="compiled")
    knew = StreamClassifier(random_state=0, engine="compiled")
    right = np.zeros((n, 2), bool)
    for i in range(n):
        if i:
            right[i] = grown.predict_one(dicts[i]) == y[i], knew.predict(X[i : i + 1])[0] == y[i]
        grown.learn_one(dicts[i], int(y[i]))
        knew.partial_fit(X[i : i + 1], y[i : i + 1], classes=None if i else range(20))
        if i == 0:
            assert (grown.n_features_in_, len(grown.classes_)) <= (5, 1)
    assert (grown.n_features_in_, len(grown.classes_)) == (500, 20)
    accuracy = right[-last:].mean(axis=0)
    figures["from 2 to 20 classes and 5 to 500 features"] = (
        f"accuracy at the end {accuracy[0]:.4f}, {accuracy[1]:.4f} where all were known"
    )
    assert accuracy[0] > accuracy[1] - 0.01
    assert accuracy[1] > 0.9
