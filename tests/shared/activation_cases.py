"""What several tests of activations share."""

import numpy as np
import pytest

from skbackprop.activations.activation import ACTIVATIONS
from skbackprop.activations.built_in import elu, leaky_relu, scaled_tanh, softplus

ENTRIES = {
    **ACTIVATIONS,
    "leaky_relu(0.3)": leaky_relu(0.3),
    "leaky_relu(0)": leaky_relu(0),
    "leaky_relu(1)": leaky_relu(slope=1),
    "elu(0.5)": elu(alpha=0.5),
    "elu(0)": elu(0),
    "scaled_tanh(2, 0.5)": scaled_tanh(2, 0.5),
    "softplus(3)": softplus(beta=3),
}


ELEMENTWISE = {key: entry for key, entry in ENTRIES.items() if entry.elementwise}


DTYPES = [np.float64, np.float32]


each_elementwise = pytest.mark.parametrize("entry", ELEMENTWISE.values(), ids=ELEMENTWISE)


each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def normal(shape, dtype=np.float64, seed=0):
    return (3 * np.random.default_rng(seed).normal(size=shape)).astype(dtype)


def cube(v):
    return v**3


def cube_slope(v, y):
    return 3 * v**2
