"""Running moments are those of the rows, weighted by their age, row by row or merged."""

import numpy as np
import pytest

from skbackprop.streams.moments import Moments, NumberMoments

X = np.random.default_rng(0).normal([0.0, 1e3, -5.0], [1.0, 0.1, 30.0], (200, 3))


def of_rows(X, **parameters):
    moments = Moments(X.shape[1], **parameters)
    for x in X:
        moments.update(x)
    return moments


def test_without_a_half_life_they_are_mean_and_variance():
    moments = of_rows(X)
    np.testing.assert_allclose(moments.mean, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, X.var(axis=0), rtol=1e-9)
    np.testing.assert_allclose(moments.inverse, 1 / X.std(axis=0), rtol=1e-9)


def test_with_a_half_life_rows_count_by_their_age():
    moments = of_rows(X, half_life=20)
    weights = 0.5 ** (np.arange(200)[::-1] / 20)
    mean = np.average(X, axis=0, weights=weights)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
    variance = np.average((X - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(moments.variance, variance, rtol=1e-9)


@pytest.mark.parametrize("half_life", [None, 15])
@pytest.mark.parametrize("chunk", [1, 7, 200])
def test_merged_chunks_equal_their_rows(half_life, chunk):
    holes = X.copy()
    holes[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    merged = Moments(3, half_life)
    for start in range(0, 200, chunk):
        merged.merge(holes[start : start + chunk])
    np.testing.assert_allclose(merged.table[:4], of_rows(holes, half_life=half_life).table[:4])


def test_a_number_is_a_column():
    column, number = Moments(1, 10, 10.0), NumberMoments(10, 10.0)
    for x in [*X[:, 2], 1e9, *X[:, 0]]:
        column.update(np.array([x]))
        number.update(x)
    np.testing.assert_allclose(number.table, column.table[:, 0], rtol=1e-14)


def test_an_outlier_counts_for_ten_deviations():
    robust, exact = of_rows(X[:100], limit=10.0), of_rows(X[:100])
    deviation = np.sqrt(exact.variance)
    wild, tame = X[100] + 1e6 * deviation, exact.mean + 10 * deviation
    robust.update(wild)
    exact.update(tame)
    np.testing.assert_allclose(robust.mean, exact.mean, rtol=1e-12)
    np.testing.assert_allclose(robust.variance, exact.variance, rtol=1e-9)


def test_what_does_not_vary_or_is_missing_becomes_zero():
    moments = of_rows(np.array([[1e9, 1.0], [1e9, np.nan], [1e9, 3.0]]))
    Z = moments.scaled(np.array([[1e9, np.nan], [7.0, 3.0]]), 6.0)
    np.testing.assert_array_equal(Z, [[0.0, 0.0], [0.0, 1.0]])


def test_a_fixed_column_never_moves():
    moments = Moments(1)
    moments.grow(fixed=True)
    for x in (0.0, 1.0, 1.0):
        moments.update(np.array([x, x]))
    np.testing.assert_array_equal(moments.scaled(np.array([[0.0, 1.0]]), 3.0)[:, 1], [1.0])
