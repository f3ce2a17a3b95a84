"""RobustSmoothScaler: by hand, by its peers, at the ends of the floating-point range."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.preprocessing import RobustScaler

from skbackprop import PeriodicFeatures, RobustSmoothScaler

pd = pytest.importorskip("pandas")


def test_by_hand():
    X = np.array([[0.0, 5, 1], [1, 5, 0], [2, 5, 0], [4, 5, 0], [10, 5, 0]])
    scaler = RobustSmoothScaler(limit=2).fit(X)
    np.testing.assert_array_equal(scaler.center_, [2, 5, 0])
    # Quartiles 1 and 4; a constant column; quartiles that are equal, and half the range.
    np.testing.assert_array_equal(scaler.scale_, [3, np.inf, 0.5])
    z = np.array([-2 / 3, -1 / 3, 0, 2 / 3, 8 / 3])
    expected = np.stack([z, 0 * z, [2, 0, 0, 0, 0]], axis=1)
    expected /= np.sqrt(1 + (expected / 2) ** 2)
    np.testing.assert_allclose(scaler.transform(X), expected, rtol=1e-15)
    np.testing.assert_array_equal(scaler.transform([[2, 99, 0]])[:, 1], 0)


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("transformer", [RobustSmoothScaler(), PeriodicFeatures()], ids=repr)
def test_what_is_no_number_is_refused_by_name(transformer):
    X = np.random.default_rng(0).normal(size=(20, 2))
    fitted = clone(transformer).fit(X)
    before = pickle.dumps(fitted)
    calls = [fitted.fit, fitted.transform]
    calls += [fitted.inverse_transform] if hasattr(fitted, "inverse_transform") else []
    for wrong, match in (
        (np.ma.masked_less(X, 0), "X is a masked array"),
        (X.astype("M8[s]"), "X holds dates"),
        ([["a", "b"]], "X must be numbers"),
        (pd.DataFrame({"a": ["x", "y"], "b": 1.0}), "X: could not convert"),
        (np.full((20, 2), np.longdouble("1e4000")), "X contains infinity"),
        ([[1.0], [1.0, 2.0]], "X is a list whose rows differ"),
    ):
        for call in calls:
            with pytest.raises((ValueError, TypeError), match=match):
                call(wrong)
    assert pickle.dumps(fitted) == before


def test_like_scikit_learn_where_nothing_is_clipped():
    X = np.random.default_rng(0).normal(3, 5, (401, 4))  # quartiles that are rows
    np.testing.assert_allclose(
        RobustSmoothScaler(limit=1e12).fit_transform(X), RobustScaler().fit_transform(X), rtol=1e-12
    )


@given(
    arrays(np.float64, (7, 3), elements=st.floats(-1e300, 1e300)),
    arrays(np.int64, 7, elements=st.integers(0, 4)),
)
def test_weights_are_repetition(X, weights):
    weights[0] = max(weights[0], 1)
    weighted = RobustSmoothScaler().fit(X, sample_weight=weights)
    repeated = RobustSmoothScaler().fit(np.repeat(X, weights, axis=0))
    np.testing.assert_array_equal(weighted.center_, repeated.center_)
    np.testing.assert_array_equal(weighted.scale_, repeated.scale_)
    S = weighted.transform(X)
    assert np.isfinite(S).all() and (np.abs(S) <= 3).all()


def test_the_unit_of_the_weights_does_not_matter():
    X = np.random.default_rng(0).normal(size=(1000, 2))
    a, b = (RobustSmoothScaler().fit(X, sample_weight=np.full(1000, w)) for w in (1, 0.1))
    np.testing.assert_array_equal(a.center_, b.center_)
    np.testing.assert_array_equal(a.scale_, b.scale_)


def test_missing_values_stay_and_count_nowhere():
    X = np.random.default_rng(0).normal(size=(40, 2))
    gaps = np.vstack([X, np.full((9, 2), np.nan)])
    for weights in (None, np.ones(49)):
        scaler = RobustSmoothScaler().fit(gaps, sample_weight=weights)
        np.testing.assert_array_equal(scaler.scale_, RobustSmoothScaler().fit(X).scale_)
        assert np.isnan(scaler.transform(gaps)[40:]).all()
    nothing = RobustSmoothScaler().fit([[np.nan], [np.nan]])
    np.testing.assert_array_equal(nothing.transform([[np.nan], [7]]), [[np.nan], [0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_stay_finite_and_in_order(dtype):
    top = {np.float32: 1e38, np.float64: 1e300}[dtype]
    X = np.array([-top, -1e20, -1, -0.1, 0, 0.1, 1, 1e20, top], dtype)[:, None]
    S = RobustSmoothScaler().fit_transform(X)
    assert S.dtype == dtype
    assert np.isfinite(S).all() and (np.diff(S[:, 0]) >= 0).all()
    assert abs(S[0, 0]) == abs(S[-1, 0]) == dtype(3)
    tiny = np.array([0, 5e-324, 1e-323, 1e-323, 1e300])[:, None]
    assert np.isfinite(RobustSmoothScaler().fit_transform(tiny)).all()


def test_one_outlier_changes_next_to_nothing():
    X = np.random.default_rng(0).normal(size=(500, 1))
    spoilt = X.copy()
    spoilt[0] = 1e12
    a, b = (RobustSmoothScaler().fit(data).transform(X[1:]) for data in (X, spoilt))
    assert np.abs(a - b).max() < 0.02


def test_inverse():
    X = np.random.default_rng(0).normal(50, 20, (200, 3))
    X[:, 2] = 4
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        scaler = RobustSmoothScaler().fit(X.astype(dtype))
        S = scaler.transform(X.astype(dtype))
        back = scaler.inverse_transform(S)
        assert back.dtype == dtype
        np.testing.assert_allclose(back, X, rtol=tolerance)
        at_limit = scaler.inverse_transform(np.array([[3, -3, 3]], dtype))
        assert np.isfinite(at_limit).all() and at_limit[0, 0] > 1e4 and at_limit[0, 2] == 4
    with pytest.raises(ValueError, match="2 columns; expected 3"):
        scaler.inverse_transform(X[:, :2])


def test_what_is_refused_leaves_the_scaler_as_it_was():
    X = np.random.default_rng(0).normal(size=(20, 3))
    scaler = RobustSmoothScaler().fit(X)
    before = pickle.dumps(scaler)
    for message, weights, data in (
        ("zero for every row", np.zeros(20), X),
        ("negative", -np.ones(20), X),
        ("shape", np.ones(19), X),
        ("infinity", None, [[np.inf, 1]]),
    ):
        with pytest.raises(ValueError, match=message):
            scaler.fit(data, sample_weight=weights)
    assert pickle.dumps(scaler) == before
    for limit in (0, -1, np.nan, np.inf, "3", True):
        with pytest.raises(ValueError, match="limit of RobustSmoothScaler"):
            RobustSmoothScaler(limit=limit).fit(X)


def test_names_frames_clones_pickles():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1.0, 2, 3], "b": [4, 5, 9]}, index=[7, 8, 9])
    scaler = RobustSmoothScaler(limit=2).set_output(transform="pandas").fit(table)
    out = scaler.transform(table)
    assert list(out.columns) == ["a", "b"] == list(scaler.get_feature_names_out())
    assert list(out.index) == [7, 8, 9]
    assert clone(scaler).limit == 2
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scaler)).transform(table), out)
    with pytest.raises(ValueError, match="feature names"):
        scaler.transform(table[["b", "a"]])
