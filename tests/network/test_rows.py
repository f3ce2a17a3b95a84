"""Rows are taken contiguous."""

import numpy as np
from scipy import sparse
from training_cases import X

from skbackprop.network.rows import take_rows


def test_take_rows_is_contiguous():
    wide = np.asfortranarray(X)
    for rows in (slice(2, 5), np.array([4, 1])):
        taken = take_rows(wide, rows)
        assert taken.flags.c_contiguous
        np.testing.assert_array_equal(taken, X[rows])
        np.testing.assert_array_equal(take_rows(sparse.csr_array(X), rows).toarray(), X[rows])
    out = np.empty((2, 3))
    assert take_rows(X, np.array([4, 1]), lambda: out) is out
