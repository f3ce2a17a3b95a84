"""What the criterion lets through stays finite, by any rule, and it lets all that is ordinary."""

import numpy as np
import pytest

from skbackprop.updates import RULES
from skbackprop.updates.headroom import HEADROOM, has_headroom

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("eta", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_has_headroom_stays_finite(rule, eta, dtype):
    rng = np.random.default_rng(0)
    limit = np.sqrt(np.finfo(dtype).max / HEADROOM)
    rule = RULES[rule]
    refused = 0
    for scale in np.logspace(-6, 1, 15):
        w = (rng.normal(size=4) * scale * limit).astype(dtype)
        state = np.zeros((rule.n_slots, 4), dtype)
        for t in range(50):
            g = (rng.normal(size=4) * scale * limit / max(eta, 1.0)).astype(dtype)
            with np.errstate(all="ignore"):
                if not has_headroom(g.dot(g), eta, w.dot(w)):
                    refused += 1
                    break
                rule.step(w, g, state, t, eta, 1.0)
            assert np.isfinite(w).all() and np.isfinite(state).all()
    assert 0 < refused < 15


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_none(dtype, bad):
    good, bad = dtype(2.0), dtype(bad)
    assert has_headroom(good, 0.1, good)
    assert not has_headroom(bad, 0.1, good)
    assert not has_headroom(good, 0.1, bad)
    with np.errstate(over="ignore"):
        assert not has_headroom(good, 1e39 if dtype is np.float32 else np.inf, good)


def test_it_is_asked_in_the_dtype_of_the_weights():
    beyond = 1e32  # times HEADROOM it overflows float32
    assert has_headroom(np.float64(beyond), 1.0, np.float64(0.0))
    with np.errstate(over="ignore"):
        assert not has_headroom(np.float32(beyond), 1.0, np.float32(0.0))
        assert not has_headroom(np.float32(1.0), 1e16, np.float32(0.0))  # eta**2 counts
