"""Ten million rows: a stream estimator grows neither in size nor in time."""

import pickle
from time import process_time

import numpy as np
import pytest

from skbackprop import StreamClassifier

N_CHUNKS, CHUNK = 100, 100_000


@pytest.mark.soak
def test_ten_million_rows_at_constant_memory_and_time():
    rng, edge = np.random.default_rng(0), np.random.default_rng(1).normal(size=30)
    model, sizes, seconds = StreamClassifier(random_state=0, engine="compiled"), [], []
    for _ in range(N_CHUNKS):
        X = rng.normal(size=(CHUNK, 30))
        y = (X @ edge > 0) ^ (rng.random(CHUNK) < 0.1)
        start = process_time()
        model.partial_fit(X, y)
        seconds.append(process_time() - start)
        sizes.append(len(pickle.dumps(model)))
    tenth = N_CHUNKS // 10
    assert max(sizes[tenth:]) - min(sizes[tenth:]) < 2000  # numbers of alarms have digits
    assert np.median(seconds[-tenth:]) < 1.5 * np.median(seconds[1 : tenth + 1])
    assert model.metric_ > 0.88
    assert np.isfinite(model._model.stack.w).all()
