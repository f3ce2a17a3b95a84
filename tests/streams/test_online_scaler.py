"""`OnlineScaler` beside scikit-learn's scaler, row by row, in chunks, dense and sparse."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skbackprop import OnlineScaler

X = np.random.default_rng(0).normal([0, 50, -3], [1, 9, 0.1], (300, 3))


def test_it_scales_as_standard_scaler_does():
    ours, theirs = OnlineScaler(), StandardScaler()
    for start in (0, 1, 2, 100):
        rows = X[start : {0: 1, 1: 2, 2: 100, 100: 300}[start]]
        ours.partial_fit(rows)
        theirs.partial_fit(rows)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.inverse_transform(ours.transform(X)), X)
    assert ours.n_samples_seen_ == 300


def test_a_chunk_equals_its_rows():
    rows, chunk = OnlineScaler(half_life=30), OnlineScaler(half_life=30).partial_fit(X)
    for x in X:
        rows.partial_fit(x[None])
    np.testing.assert_allclose(rows.mean_, chunk.mean_, rtol=1e-12)
    np.testing.assert_allclose(rows.var_, chunk.var_, rtol=1e-9)


def test_sparse_rows_are_not_shifted():
    rng = np.random.default_rng(1)
    S = sparse.csr_array(rng.random((200, 5)) * (rng.random((200, 5)) < 0.3))
    scaler = OnlineScaler().fit(S)
    scaled = scaler.transform(S)
    assert sparse.issparse(scaled)
    assert scaled.nnz == S.nnz
    np.testing.assert_allclose(scaled.toarray(), S.toarray() / S.toarray().std(axis=0))
    np.testing.assert_allclose(scaler.inverse_transform(scaled).toarray(), S.toarray())


def test_clip_bounds_what_comes_out():
    scaler = OnlineScaler(clip=2.0).fit(X)
    assert np.abs(scaler.transform(X * 100)).max() == 2.0


@pytest.mark.parametrize("parameters", [{}, {"half_life": 30, "clip": 1.0, "with_mean": False}])
def test_the_compiled_engine_scales_as_numpy_does(parameters, numba):
    compiled, other = (OnlineScaler(engine=e, **parameters) for e in ("compiled", "numpy"))
    holes = X.copy()
    holes[np.random.default_rng(2).random(X.shape) < 0.1] = np.nan
    for x in holes:
        rows = [each.partial_fit(x[None]).transform(x[None]) for each in (compiled, other)]
        np.testing.assert_allclose(*rows, rtol=1e-9, atol=1e-12)
    assert (compiled.engine_, other.engine_) == ("compiled", "numpy")
    again = pickle.loads(pickle.dumps(compiled))
    for each in (again, compiled):
        each.partial_fit(X[:1])
    np.testing.assert_array_equal(again.var_, compiled.var_)


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize("at_once", [True, False])
def test_large_numbers_are_scaled_as_small_ones_or_refused(engine, at_once, numba):
    pieces = [X] if at_once else np.split(X, len(X))
    small, large = OnlineScaler(engine=engine), OnlineScaler(engine=engine)
    unit = 5e149 / np.abs(X).max()
    for piece in pieces:
        small.partial_fit(piece)
        large.partial_fit(piece * unit)
    expected = small.transform(X)
    np.testing.assert_allclose(large.transform(X * unit), expected, rtol=1e-9, atol=1e-12)
    before = pickle.dumps(large)
    holes = np.where(X[:2] > 0, X[:2] * unit * 10, np.nan)
    for bad in (
        [[1e155, 0, 0]],
        np.array([[0, -6e149, 0]]),
        holes,
        sparse.csr_array([[0, 0, 1e300]]),
    ):
        with pytest.raises(ValueError, match="X has .* beyond 5e.149 has no variance"):
            large.partial_fit(bad)
    assert pickle.dumps(large) == before
    assert large.transform([[1e160, 0, 0]])[0, 0] > 1e9  # what is not learnt from may be larger


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"half_life": 0}, "half_life"),
        ({"clip": -1.0}, "clip"),
        ({"with_mean": 2}, "with_mean"),
        ({"engine": "fast"}, "engine"),
    ],
)
def test_parameters_out_of_range_are_named(parameters, told):
    with pytest.raises(ValueError, match=told):
        OnlineScaler(**parameters).fit(X)


def test_bad_rows_leave_it_as_it_was():
    scaler = OnlineScaler().fit(X)
    before = pickle.dumps(scaler)
    for bad in (np.full((1, 3), np.inf), X[:, :2], [["a", "b", "c"]]):
        with pytest.raises(ValueError):
            scaler.partial_fit(bad)
        with pytest.raises(ValueError):
            scaler.fit(bad if np.shape(bad)[1] == 3 else [[np.inf]])
    assert pickle.dumps(scaler) == before


def test_parameters_may_not_change_into_what_the_moments_do_not_know():
    scaler = OnlineScaler().fit(X)
    for half_life in (3.0, -1):
        with pytest.raises(ValueError, match=f"half_life was None .* is {half_life} now"):
            clone(scaler).fit(X).set_params(half_life=half_life).partial_fit(X[:1].copy())
    with pytest.raises(ValueError, match="clip"):
        scaler.set_params(clip=-1.0).transform(X)
    bounded = scaler.set_params(clip=1.5).transform(X)
    np.testing.assert_array_equal(bounded, np.clip(OnlineScaler().fit_transform(X), -1.5, 1.5))
