"""Initial weights."""

import numpy as np
import pytest

from skbackprop import ACTIVATIONS, INITIALIZERS
from skbackprop.network.initializers import initializer_for

VARIANCES = {"glorot": 2 / 500, "he": 2 / 300, "lecun": 1 / 300}


@pytest.mark.parametrize("name", sorted(INITIALIZERS.keys() - {"zeros"}))
def test_shape_variance_and_seed(name):
    W = INITIALIZERS[name](300, 200, np.random.RandomState(0))
    assert W.shape == (300, 200)
    scheme, distribution = name.split("_")
    assert W.var() == pytest.approx(VARIANCES[scheme], rel=0.02)
    assert abs(W.mean()) < 4 * W.std() / np.sqrt(W.size)
    kurtosis = ((W / W.std()) ** 4).mean()
    assert kurtosis == pytest.approx({"uniform": 1.8, "normal": 3.0}[distribution], rel=0.03)
    np.testing.assert_array_equal(W, INITIALIZERS[name](300, 200, np.random.RandomState(0)))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_auto_goes_by_the_activation(name):
    wanted = "lecun_normal" if name == "selu" else "glorot_uniform"
    assert initializer_for("auto", ACTIVATIONS[name]) is INITIALIZERS[wanted]
    assert initializer_for("he_normal", ACTIVATIONS[name]) is INITIALIZERS["he_normal"]
