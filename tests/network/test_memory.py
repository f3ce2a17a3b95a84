"""Where arrays begin in memory."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from problems import problem

from skbackprop import BackpropRegressor
from skbackprop.network.memory import aligned_copy, aligned_zeros


def begins(array):
    return array.__array_interface__["data"][0] % 64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 8, 1000])
def test_arrays_begin_at_a_cache_line(dtype, size):
    zeros = aligned_zeros(size, dtype)
    assert zeros.shape == (size,) and zeros.dtype == dtype and not zeros.any()
    assert begins(zeros) == 0 and zeros.flags.carray
    given = np.arange(size + 1, dtype=dtype)[1:]
    copied = aligned_copy(given)
    np.testing.assert_array_equal(copied, given)
    assert begins(copied) == 0 and copied.dtype == dtype and not np.shares_memory(copied, given)


def test_so_do_the_weights_of_models(tmp_path):
    X, y = problem("regression")
    for size in range(1, 12):
        model = BackpropRegressor((size,), max_iter=2, tol=0.0, solver="sgd", random_state=0)
        model.partial_fit(X, y)
        for each in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model):
            w = each._model.network.w
            assert begins(w) == 0
            np.testing.assert_array_equal(w, model._model.network.w)
            each.coefs_[0][0, 0] = 7.0  # a view
            assert w[0] == 7.0
            assert (model.coefs_[0][0, 0] == 7.0) == (each is model)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not mapped._model.network.w.flags.writeable
    mapped.partial_fit(X, y)
    assert begins(mapped._model.network.w) == 0
