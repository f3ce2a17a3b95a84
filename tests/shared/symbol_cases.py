"""What several tests of engines share."""

import math

import numpy as np
from scipy import special

DOUBLE = np.dtype(np.float64)


NAMES = {
    "math": math,
    "exp": np.exp,
    "expm1": math.expm1,
    "expit": special.expit,
    "log1p": math.log1p,
    "tanh": math.tanh,
    "real": float,
    "where": lambda condition, a, b: a if condition else b,
}


def value(lines, **names):
    """What straight-line code computes of numbers."""
    scope = {**NAMES, **names}
    exec("\n".join([*lines.once, *lines.each]), scope)
    results = [float(eval(result, scope)) for result in lines.results]
    return results[0] if len(results) == 1 else results
