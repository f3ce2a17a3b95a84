"""Some odd calls of each kind; `pytest -m soak` makes a hundred thousand."""

import random

import pytest
from odd_calls import Tally, draw, judge


@pytest.mark.parametrize("seed", range(4))
def test_odd_calls(seed):
    rng, tally = random.Random(seed), Tally()
    for _ in range(100):
        judge(draw(rng), tally)
    assert not tally.findings, tally.report()
