"""The members of an average, trained side by side, and weighed by the rows that they held out.

Neighbours are members only where these rows ask for them, for they make predictions slower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from ..estimators.base import Backprop
from ..training.causes import constant_cost
from .members import Clock, Member, TableRows, train_network
from .neighbours import Neighbours, relevances
from .views import VIEWS, Plain, View

__all__ = ["Team"]

_LEAST_WEIGHT = 0.05  # of neighbours


class Team:
    """All networks of all views, the linear models, and the neighbours.

    Parameters
    ----------
    task : ClassTask or NumberTask
    rows : TableRows
    splits : list of tuple of ndarray
        Rows to train on and rows to hold out: one network of each view for each of them.
    view_names : sequence of str
    continuous : ndarray of shape (n_columns,), bool
        The columns that views put features beside.
    neighbours : bool
        Whether the nearest rows may be members.

    Attributes
    ----------
    interrupted : KeyboardInterrupt or None
        What ended the training before all networks were whole.
    """

    def __init__(self, task, rows: TableRows, splits, view_names, continuous, neighbours: bool):
        self.task = task
        self.rows = rows
        self.splits = splits
        self.view_names = list(view_names) if continuous.any() else ["plain", "plain"]
        self.continuous = continuous
        self.has_neighbours = neighbours and task.has_neighbours() and len(splits[0][1]) > 0
        self.interrupted: KeyboardInterrupt | None = None
        # By view, a number, and split; after the views come the linear models and the neighbours.
        self._members: dict[tuple[int, int], Member] = {}

    def train(
        self,
        new_network: Callable[[int], Backprop],
        rng,
        *,
        max_time: float | None = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        """Train all members; Ctrl-C ends it, and leaves those that are whole.

        Parameters
        ----------
        new_network : callable
            Gives a network, which is not fitted, from its seed.
        rng : RandomState
        max_time, n_jobs, verbose
            As the estimators have them.
        """
        n_views, n_splits = len(self.view_names), len(self.splits)
        seeds = rng.randint(2**31 - 1, size=(2, n_views, n_splits))
        parallel = Parallel(n_jobs=n_jobs, require="sharedmem")
        clock = Clock(max_time, n_views * n_splits, parallel._effective_n_jobs())
        try:
            self._train_linear()
            shared = self._fit_shared_views()

            def train_one(k: int, i: int) -> None:
                view = shared[k] if k in shared else self._fit_view(k, int(seeds[1, k, i]))
                network = new_network(int(seeds[0, k, i]))
                self._train_network(k, i, view, network, clock, verbose)

            parallel(delayed(train_one)(k, i) for i in range(n_splits) for k in range(n_views))
            if self.has_neighbours:
                self._fit_neighbours()
        except KeyboardInterrupt as interrupt:
            clock.stopped = True
            if not self._members:
                raise
            self.interrupted = interrupt

    def _train_linear(self) -> None:
        k, plain = len(self.view_names), Plain().fit(self.rows.X, self.continuous, None, None)
        for i, split in enumerate(self.splits):
            model = self.task.linear(self.rows, split)
            if model is not None:
                self._members[k, i] = Member(model, plain)

    def _fit_neighbours(self) -> None:
        rows, n_views = self.rows, len(self.view_names)
        plain = Plain().fit(rows.X, self.continuous, None, None)
        for i, (train_rows, _) in enumerate(self.splits):
            networks = [self._members[k, i].estimator for k in range(n_views)]
            model = Neighbours(relevances(networks, rows.X.shape[1]))
            weights = None if rows.weights is None else rows.weights[train_rows]
            model.fit(rows.X[train_rows], rows.marks[train_rows], weights)
            self._members[n_views + 1, i] = Member(model, plain)

    def _fit_shared_views(self) -> dict[int, tuple[View, np.ndarray]]:
        """The views of which all networks see the same, with what they see."""
        numbers = [k for k, name in enumerate(self.view_names) if not VIEWS[name].own]
        return {k: self._fit_view(k) for k in numbers}

    def _fit_view(self, k: int, seed: int | None = None) -> tuple[View, np.ndarray]:
        rows, n = self.rows, self.rows.n_train
        weights = None if rows.weights is None else rows.weights[:n]
        view = VIEWS[self.view_names[k]]()
        view.fit(rows.X[:n], self.continuous, rows.marks[:n], weights, seed)
        return view, view.transform(rows.X)

    def _train_network(self, k, i, seen, network, clock: Clock, verbose: bool) -> None:
        began, (view, X) = perf_counter(), seen
        train_network(network, X, self.rows, self.splits[i], self.task.cost, clock)
        if clock.stopped:
            return  # it is not whole
        self._members[k, i] = Member(network, view)
        if verbose:
            seconds = perf_counter() - began
            print(_report(view.name, i, len(self.splits), network, seconds), flush=True)

    def weighed(self) -> list[Member]:
        """Weigh the members that there are by the rows held out, and return them, view by view."""
        by_view: dict[int, list[Any]] = defaultdict(list)
        for (k, _), member in sorted(self._members.items(), key=lambda item: item[0]):
            by_view[k].append(member)
        views = list(by_view)
        common = [i for i in range(len(self.splits)) if all((k, i) in self._members for k in views)]
        if common and len(self.splits[0][1]):
            weights, temperatures = self._weigh(views, common)
            neighbours = len(self.view_names) + 1
            if views[-1] == neighbours and weights[-1] < _LEAST_WEIGHT:
                views.pop()
                weights, temperatures = weights[:-1] / weights[:-1].sum(), temperatures[:-1]
        else:
            weights, temperatures = np.full(len(views), 1 / len(views)), [1.0] * len(views)
        for k, weight, temperature in zip(views, weights, temperatures, strict=True):
            for member in by_view[k]:
                member.weight = float(weight) / len(by_view[k])
                member.temperature = temperature
        return [member for k in views for member in by_view[k]]

    def fair_costs(self) -> tuple[float, float]:
        """The cost of rows held out that chose nothing, and that of the best constant.

        The epoch of each network is the one that is best for the others of its view: its own rows
        flatter the epoch that they chose. The cost is that of the best view; NaN where no view has
        two networks that held rows out.
        """
        of_views = defaultdict(list)
        for (k, _), member in self._members.items():
            if isinstance(member.estimator, Backprop) and member.estimator.validation_loss_curve_:
                of_views[k].append(member.estimator.validation_loss_curve_)
        costs = [_cost_by_others(curves) for curves in of_views.values() if len(curves) > 1]
        if not costs:
            return np.nan, np.nan
        held = np.concatenate([held for _, held in self.splits])
        targets = self.rows.targets[held]
        return min(costs), constant_cost(self.task.head, targets, self.rows.shares(held))

    def _weigh(self, views: list[int], common: list[int]):
        outputs: list[list[np.ndarray]] = [[] for _ in views]
        for i in common:
            X = self.rows.X[self.splits[i][1]]
            for parts, k in zip(outputs, views, strict=True):
                member = self._members[k, i]
                parts.append(self.task.outputs(member.estimator, member.view.transform(X)))
        held = np.concatenate([self.splits[i][1] for i in common])
        targets, shares = self.rows.targets[held], self.rows.shares(held)
        return self.task.weigh([np.concatenate(parts) for parts in outputs], targets, shares)


def _cost_by_others(curves: list[list[float]]) -> float:
    """The mean of curves of costs, each at the epoch at which the mean of the others is least."""
    n_epochs = min(map(len, curves))
    each = np.array([curve[:n_epochs] for curve in curves])
    epochs = (each.sum(axis=0) - each).argmin(axis=1)
    return float(each[np.arange(len(each)), epochs].mean())


def _report(view: str, i: int, n: int, network: Backprop, seconds: float) -> str:
    text = f"{view}, network {i + 1} of {n}: {network.n_iter_} epochs, "
    if network.validation_loss_curve_:
        least = min(network.validation_loss_curve_)
        text += f"held-out loss {least:.4g} at epoch {network.best_iter_}, "
    return text + f"{seconds:.1f} s"
