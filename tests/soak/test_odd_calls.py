"""100,000 odd calls, in pieces; one piece is ``-k 'piece7]'``, one call ``draw`` of its seed."""

import random

import pytest
from odd_calls import Tally, draw, judge

PIECES, CALLS = 100, 1000


@pytest.mark.parametrize("piece", range(PIECES), ids="piece{}".format)
def test_odd_calls(piece, figures):
    rng, tally = random.Random(10_000 + piece), Tally()
    for _ in range(CALLS):
        judge(draw(rng), tally)
    figures.setdefault("odd calls", Tally()).add(tally)
    assert not tally.findings, tally.report()
