"""Functions composed of others: how far they are from the C library's, over all numbers."""

import math

import numpy as np
import pytest

from skbackprop.export import composed

WIDE = np.logspace(-300, 300, 6001)
NARROW = np.logspace(-300, math.log10(700), 6001)
BOTH = {"wide": np.concatenate([-WIDE, WIDE]), "narrow": np.concatenate([-NARROW, NARROW])}


def relative(ours, theirs, x):
    """The greatest error, of values that are normal numbers."""
    with np.errstate(all="ignore"):
        got = ours(x)
    wanted = np.array([theirs(v) for v in x.tolist()])
    normal = np.abs(wanted) > 1e-300
    return float(np.max(np.abs(got - wanted)[normal] / np.abs(wanted)[normal]))


@pytest.mark.parametrize(
    "name, x, bound",
    [
        ("erfc", np.linspace(-6, 26, 20001), 5e-15),
        ("erfc", BOTH["narrow"][np.abs(BOTH["narrow"]) < 26], 5e-15),
        ("erf", np.linspace(-7, 7, 20001), 5e-15),
        ("erf", BOTH["narrow"], 5e-15),
        ("expm1", np.linspace(-40, 40, 20001), 1e-15),
        ("expm1", BOTH["narrow"], 1e-15),
        ("log1p", WIDE, 1e-15),
        ("log1p", -np.logspace(-300, -1e-9, 6001), 1e-15),
        ("arctan", BOTH["wide"], 1e-15),
        ("arctan", np.linspace(-3, 3, 20001), 1e-15),
        ("sinh", BOTH["narrow"], 1e-15),
        ("cosh", BOTH["narrow"], 1e-15),
        ("tan", np.linspace(-1.5, 1.5, 2001), 1e-15),
    ],
)
def test_errors(name, x, bound):
    theirs = {"arctan": math.atan}.get(name) or getattr(math, name)
    assert relative(getattr(composed, name), theirs, x) < bound


def test_limits():
    x = np.array([0.0, np.inf, -np.inf, np.nan])
    with np.errstate(all="ignore"):
        for name in ("erfc", "erf", "expm1", "arctan", "sinh"):
            theirs = np.array(
                [{"arctan": math.atan}.get(name, getattr(math, name, None))(v) for v in x]
            )
            np.testing.assert_allclose(getattr(composed, name)(x), theirs, 5e-15, err_msg=name)
    np.testing.assert_allclose(composed.hypot(3.0, 4.0), 5.0, rtol=1e-15)
