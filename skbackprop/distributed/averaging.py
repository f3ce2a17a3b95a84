"""Training in rounds: a network learns on each partition by itself, and the results are averaged.

A round starts everywhere from the same weights. Each partition is presented to a copy of the
network, a batch an update; then weights and the rule's state become the means of the copies',
weighted by what the rows of their partitions weigh (McMahan et al., "Communication-efficient
learning of deep networks from decentralized data", 2017). Between rounds nothing is kept on a
worker, so a pass that is lost is made again, and comes out the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimators.building import Model, trainer_of
from ..estimators.plan import Plan
from ..exceptions import DivergenceError
from ..schedules import Schedule
from ..training.monitor import Monitor
from .sums import Block, added, same

__all__ = ["train_in_rounds", "updates_a_round"]


def updates_a_round(sizes: list[int], batch_size: int, local_passes: int) -> int:
    """How many updates the largest partition makes in a round."""
    largest = max(sizes)
    return local_passes * -(-largest // min(batch_size, largest))


def train_in_rounds(
    rows: tuple[Any, list, list[int], list[float]],
    plan: Plan,
    model: Model,
    schedule: Schedule,
    batch_size: int,
    local_passes: int,
    monitor: Monitor,
) -> None:
    """Run rounds until the monitor ends them.

    Parameters
    ----------
    rows : tuple
        The client; futures of a `Block` each; the rows of each, and their part of all weights.
    plan : Plan
    model : Model
        Moved after each round.
    schedule : Schedule
        Its horizon is known.
    batch_size : int
    local_passes : int
        Passes over a partition in a round.
    monitor : Monitor
        Is told of a round as of an epoch.
    """
    client, blocks, sizes, shares = rows
    state, w = model.state, model.network.w
    trainer = trainer_of(plan, model, schedule, batch_size)
    monitor.on_plateau = trainer.lower_eta
    stop = False
    while not stop:
        eta = trainer.next_eta()
        task = (plan, model.copy(), schedule, batch_size, local_passes)
        shared = client.submit(same, task, pure=False)
        seeds = model.rng.randint(2**31 - 1, size=len(blocks)).tolist()
        numbers = list(range(len(blocks)))
        passes = client.map(_learn, numbers, blocks, seeds, shares, shared=shared, pure=False)
        Dw, change, cost = added(client, passes)
        w += Dw.astype(w.dtype)
        state.rule_state += change.astype(w.dtype)
        state.n_updates += updates_a_round(sizes, batch_size, local_passes)
        state.n_samples += local_passes * sum(sizes)
        stop = monitor.after_epoch(cost / sum(sizes), eta)


def _learn(number: int, block: Block, seed: int, share: float, shared) -> tuple:
    """The change of weights and rule by one partition, times its share; its rows' summed cost.

    Changes are averaged and not weights, so that what no partition moves stays to the bit.
    """
    plan, model, schedule, batch_size, local_passes = shared
    model, before = model.copy(), model
    model.rng = np.random.RandomState(seed)
    model.state.disturbance_rng = None  # drawn anew, by that seed
    n_rows = block.X.shape[0]
    batch_size = min(batch_size, n_rows)
    trainer = trainer_of(plan, model, schedule, batch_size)
    try:
        for _ in range(local_passes):
            shuffles = plan.given.shuffle and batch_size < n_rows
            order = model.rng.permutation(n_rows) if shuffles else None
            cost = trainer.present(block.X, block.targets, block.scale, order, batch_size)
    except DivergenceError as error:
        raise DivergenceError(f"in partition {number}, {error}") from None
    change = model.state.rule_state.astype(np.float64) - before.state.rule_state
    return share * _change(model, before), share * change, n_rows * cost


def _change(model: Model, before: Model) -> np.ndarray:
    return model.network.w.astype(np.float64) - before.network.w
