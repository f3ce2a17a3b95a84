"""Rows that the networks hold out of their training, each network some of its own."""

from __future__ import annotations

import numpy as np

__all__ = ["LEAST_ROWS", "hold_out"]

#: With fewer rows than this nothing is held out.
LEAST_ROWS = 50


def hold_out(
    n_rows: int, n_holdouts: int, fraction: float, rng, labels=None, groups=None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows to train on and rows to hold out, `n_holdouts` times, disjoint if possible.

    Parameters
    ----------
    n_rows, n_holdouts : int
    fraction : float in (0, 1)
        The share of the rows that is held out each time.
    rng : RandomState
    labels : ndarray of shape (n_rows,), optional
        Classes, whose shares are kept.
    groups : ndarray of shape (n_rows,), optional
        Rows of one group stay on one side; then classes are not looked at.

    Returns
    -------
    list of (ndarray, ndarray)
        The indices to train on, and those that are held out; both sorted.

    Raises
    ------
    ValueError
        If all rows are of one group.
    """
    if groups is not None:
        return [_parts(n_rows, held) for held in _of_groups(groups, n_holdouts, fraction, rng)]
    n_held = min(max(1, round(fraction * n_rows)), n_rows - 1)
    order = rng.permutation(n_rows)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    # Every period-th row in the order of the classes, each holdout some rows further on.
    period = n_rows / n_held
    places = (np.arange(n_held) + rng.rand()) * period
    shift = max(1.0, period / n_holdouts)
    return [
        _parts(n_rows, order[np.unique((places + i * shift).astype(int) % n_rows)])
        for i in range(n_holdouts)
    ]


def _of_groups(groups, n_holdouts: int, fraction: float, rng):
    """The rows of some groups, for each holdout the next ones in a random order."""
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"groups has one group only, {names.tolist()[0]!r}; the rows that are held out need "
            "one of their own. Give more groups, or validation rows (X_val, y_val)."
        )
    counts = np.bincount(group_of)
    order, at = rng.permutation(len(names)), 0
    for _ in range(n_holdouts):
        held: list[int] = []
        n_held = 0
        while not held or (n_held < fraction * len(groups) and len(held) < len(names) - 1):
            held.append(order[at % len(names)])
            n_held += counts[held[-1]]
            at += 1
        yield np.flatnonzero(np.isin(group_of, held))


def _parts(n_rows: int, held) -> tuple[np.ndarray, np.ndarray]:
    is_held = np.zeros(n_rows, bool)
    is_held[held] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)
