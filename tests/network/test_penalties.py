"""Penalties: value and derivative, on weights and never on biases."""

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop.network.penalties import ElasticNet

IS_WEIGHT = np.array([1.0, 1.0, 0.0, 1.0])
W = np.array([0.5, -2.0, 7.0, 0.25])


@pytest.mark.parametrize(
    ("alpha", "l1_ratio", "value", "slope"),
    [
        (0.0, 0.5, 0.0, [0, 0, 0, 0]),
        (0.1, 0.0, 0.05 * (0.25 + 4 + 0.0625), [0.05, -0.2, 0, 0.025]),
        (0.1, 1.0, 0.1 * 2.75, [0.1, -0.1, 0, 0.1]),
        (0.2, 0.5, 0.1 * 2.75 + 0.05 * 4.3125, [0.15, -0.3, 0, 0.125]),
    ],
)
def test_elastic_net(alpha, l1_ratio, value, slope):
    penalty, g = ElasticNet(IS_WEIGHT, alpha, l1_ratio), np.ones(4)
    penalty.correct(W, g)
    np.testing.assert_allclose(g, 1.0 - np.array(slope), rtol=1e-14)
    assert penalty.value(W) == pytest.approx(value, rel=1e-14)


def test_alpha_is_not_divided_by_the_rows_and_spares_the_biases():
    model = BackpropRegressor((), solver="sgd", eta=0.5, alpha=0.2)
    model.partial_fit([[0.0]], [3.0], coef_init=[[[4.0]]], intercept_init=[[3.0]])
    np.testing.assert_allclose(model.coefs_[0], [[4.0 - 0.5 * 0.2 * 4.0]], rtol=1e-14)
    assert model.intercepts_[0][0] == 3.0
