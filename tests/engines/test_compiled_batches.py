"""The compiled pass of batches does what NumPy does: the same weights, costs and counters."""

from functools import cache

from compiled_cases import FACTORS, agree, needs_numba
from test_compiled_rows import pairs

BATCH = {
    **FACTORS,
    "rows": ("dense", "fortran"),
    "max_grad_norm": (None, 0.3),
    "max_norm": (None, 0.8),
}


@cache
def cases(*rules):
    found = pairs({**BATCH, "gain": (False, True), "rule": rules})
    return [{**case, **({"input_gain": True} if case["gain"] else {})} for case in found]


@needs_numba
def test_settings_in_pairs():
    agree(cases("sgd", "adam"), n=100, batch_size=7)
