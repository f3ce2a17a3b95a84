"""PeriodicFeatures: the formula, the layout, and what is drawn."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skbackprop import PeriodicFeatures, RobustSmoothScaler


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_formula_and_layout(dtype):
    X = np.random.default_rng(0).normal(size=(6, 2)).astype(dtype)
    periodic = PeriodicFeatures(3, random_state=0).fit(X)
    out = periodic.transform(X)
    assert out.dtype == dtype and out.shape == (6, 8)
    np.testing.assert_array_equal(out[:, :2], X)
    for i in range(2):
        for k in range(3):
            wave = np.cos(periodic.frequencies_[i, k] * X[:, i] + periodic.phases_[i, k])
            np.testing.assert_allclose(out[:, 2 + 3 * i + k], wave, atol=1e-6)
    names = list(periodic.get_feature_names_out(["a", "b"]))
    assert names == ["a", "b", "a_cos0", "a_cos1", "a_cos2", "b_cos0", "b_cos1", "b_cos2"]
    waves = clone(periodic).set_params(keep_input=False).fit(X)
    np.testing.assert_array_equal(waves.transform(X), out[:, 2:])
    assert list(waves.get_feature_names_out(["a", "b"])) == names[2:]


def test_what_is_drawn():
    periodic = PeriodicFeatures(200, scale=2, random_state=0).fit(np.zeros((1, 100)))
    assert abs(periodic.frequencies_.mean()) < 0.2
    np.testing.assert_allclose(periodic.frequencies_.std(), 2 * np.pi, rtol=0.02)
    assert periodic.phases_.min() >= -np.pi and periodic.phases_.max() < np.pi
    np.testing.assert_allclose(periodic.phases_.std(), np.pi / np.sqrt(3), rtol=0.02)
    again = PeriodicFeatures(200, scale=2, random_state=0).fit(np.ones((5, 100)))
    np.testing.assert_array_equal(again.frequencies_, periodic.frequencies_)
    other = PeriodicFeatures(200, random_state=1).fit(np.ones((5, 100)))
    assert (other.phases_ != periodic.phases_).all()


def test_partial_fit_draws_once():
    X = np.random.default_rng(0).normal(size=(6, 2))
    periodic = PeriodicFeatures().partial_fit(X[:2])
    frequencies = periodic.frequencies_
    assert periodic.partial_fit(X[2:]).frequencies_ is frequencies
    with pytest.raises(ValueError, match="3 features"):
        periodic.partial_fit(np.zeros((2, 3)))


@pytest.mark.parametrize("value", [1e300, np.float32(3e38)])
def test_large_and_missing_values(value):
    X = np.array([[value], [-value], [np.nan]], dtype=np.asarray(value).dtype)
    out = PeriodicFeatures(scale=5, random_state=0).fit_transform(X)
    assert np.isfinite(out[:2]).all() and np.isnan(out[2]).all()


@pytest.mark.parametrize(
    "wrong", [{"n_features": 0}, {"n_features": 1.5}, {"scale": 0}, {"scale": np.inf}]
)
def test_wrong_parameters_leave_it_as_it_was(wrong):
    X = np.zeros((2, 1))
    periodic = PeriodicFeatures(random_state=0).fit(X)
    before = periodic.frequencies_
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} of PeriodicFeatures"):
        periodic.set_params(**wrong).fit(X)
    assert periodic.frequencies_ is before


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    frames = pytest.importorskip(library)
    table = frames.DataFrame({"a": [1.0, 2, 3, 9], "b": [4.0, 5, 9, 0]})
    pipeline = make_pipeline(RobustSmoothScaler(), PeriodicFeatures(1, random_state=0))
    plain = pipeline.fit_transform(table)
    out = pipeline.set_output(transform=library).fit_transform(table)
    assert isinstance(out, frames.DataFrame)
    assert list(out.columns)[2:] == [f"{name}_cos0" for name in list(out.columns)[:2]]
    np.testing.assert_array_equal(out.to_numpy(), plain)
