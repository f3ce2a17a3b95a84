"""`fit_distributed`: what `fit` does, on rows that lie in partitions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, TypeVar

import numpy as np

from ..estimators.base import Backprop
from ..estimators.building import Model, trainer_of
from ..estimators.fitting import HeldOut, TrainingSet
from ..estimators.plan import Plan, check_structure, make_plan
from ..network.network import Network
from ..network.objective import Objective, Problem
from ..network.outputs import outputs_of
from ..network.rows import moment_sums, moments_of, row_of_origin, row_shares, take_rows
from ..schedules import Schedule
from ..training.causes import some_rows
from ..training.monitor import Monitor
from .averaging import train_in_rounds, updates_a_round
from .partitions import Part, PartitionedRows, client_of, load
from .sums import Block, PartitionSums, added, same

__all__ = ["fit_distributed"]

Estimator = TypeVar("Estimator", bound=Backprop)


def fit_distributed(
    model: Estimator,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
    coef_init: Any = None,
    intercept_init: Any = None,
    local_passes: int = 1,
    client: Any = None,
) -> Estimator:
    """Train an estimator on rows that lie in partitions on the workers of a Dask cluster.

    It is fitted as by its own `fit`, and is the same ordinary estimator afterwards. Rows of X stay
    on their workers; y and sample weights come to the client, too.

    With a solver that takes all rows in an update (``"lbfgs"``, ``"scg"``, ``"lm"``, ``"br"``,
    ``"irprop+"``, ``"irprop-"``, ``"quickprop"``) the fit is exact: cost, correction and ``J'J``
    are sums over rows, each worker sums over its own, and the weights are those of `fit` on one
    machine, up to round-off. Any other rule learns in rounds: a pass over each partition from the
    same weights, a batch an update, then the mean of the networks and of the rule's states,
    weighted by the rows [1]_. A round counts as an epoch.

    A worker that is lost changes nothing: what it held is computed again from where it came.

    Parameters
    ----------
    model : BackpropRegressor or BackpropClassifier
        Fitted in place, by all of its parameters.
    X : dask array or DataFrame, or list of delayed objects or futures
        Of shape (n_samples, n_features); an entry of a list is a partition, any rows that `fit`
        takes. Partitions may differ in length, and may be empty.
    y : dask array, Series or DataFrame, or list of delayed objects or futures
        Of shape (n_samples,) or (n_samples, n_targets), in as many partitions.
    sample_weight : likewise, of shape (n_samples,), optional
    X_val, y_val, sample_weight_val : array-like, optional
        Validation rows, in memory, as in `fit`. With ``early_stopping=True`` and without these,
        `validation_fraction` of the rows is held out, which come to the client.
    coef_init, intercept_init : sequence of ndarray, optional
        As in `fit`.
    local_passes : int, default=1
        Passes over each partition in a round; for rules that learn in rounds.
    client : distributed.Client, optional
        By default the current one.

    Returns
    -------
    BackpropRegressor or BackpropClassifier
        `model`, fitted.

    Raises
    ------
    ImportError
        If Dask's scheduler is not installed.
    ValueError, TypeError
        On invalid input, with the number of the partition; the model is left as it was.
    DivergenceError
        When an update would not be finite; the weights before it, or before the round, are kept.

    References
    ----------
    .. [1] H. B. McMahan et al., "Communication-efficient learning of deep networks from
       decentralized data", AISTATS 2017.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from dask.distributed import Client
    >>> from skbackprop import BackpropRegressor, fit_distributed
    >>> X = np.random.default_rng(0).uniform(-1.0, 1.0, (400, 2))
    >>> y = X[:, 0] * X[:, 1]
    >>> net = BackpropRegressor((8,), activation="tanh", solver="lm", max_iter=30, random_state=0)
    >>> with Client(processes=False, n_workers=2, dashboard_address=":0"):
    ...     net = fit_distributed(net, da.from_array(X, (100, 2)), da.from_array(y, 100))
    >>> bool(net.score(X, y) > 0.99)
    True
    """
    _check_call(model, local_passes)
    plan = make_plan(model)
    if plan.solver.full_batch and local_passes != 1:
        raise ValueError(
            f"local_passes={local_passes!r} does not go with solver={model.solver!r}, which takes "
            "all rows in each update; leave it at 1."
        )
    client = client_of(client)
    continues = model.warm_start and model.__sklearn_is_fitted__()
    if continues:
        check_structure(model, model._model.structure)
    rows, targets, weights, validated = load(model, continues, client, X, y, sample_weight)
    validation = X_val, y_val, sample_weight_val
    data = model._training_set(
        plan, validated, rows, targets, weights, validation, continues, kind=PartitionedSet
    )
    assert isinstance(data, PartitionedSet)
    data.local_passes = local_passes
    return model._fit_on(plan, data, continues, coef_init, intercept_init)


def _check_call(model: Any, local_passes: Any) -> None:
    if not isinstance(model, Backprop):
        raise TypeError(
            f"model is {model!r}; it must be a BackpropRegressor or a BackpropClassifier. Put the "
            "steps of a Pipeline before it into the partitions: X.map_blocks(scaler.transform)."
        )
    if getattr(model, "_skl_callbacks", None):
        raise ValueError(
            "set_callbacks was called on the model; callbacks are told of X in memory, which "
            "fit_distributed does not have. Use a clone without them."
        )
    whole = isinstance(local_passes, Integral) and not isinstance(local_passes, bool)
    if not whole or local_passes < 1:
        raise ValueError(f"local_passes is {local_passes!r}; it must be a whole number >= 1.")


@dataclass
class PartitionedSet(TrainingSet):
    """What `fit_distributed` trains on: X on the workers, targets and weights on the client."""

    local_passes: int = 1

    @property
    def _rows(self) -> PartitionedRows:
        return self.X

    @cached_property
    def _blocks(self) -> tuple[list, list[np.ndarray]]:
        """Futures of the rows to train on, and their numbers; the targets are in their unit."""
        rows, (parts, picked, numbers) = self._rows, ([], [], [])
        pieces = zip(rows.parts, rows.split(self.rows), rows.starts, rows.sizes, strict=False)
        for part, local, start, size in pieces:
            if len(local):
                parts.append(part)
                picked.append(None if len(local) == size else local)
                numbers.append(start + local)
        scales = self._there(self.scale, numbers)
        shared = rows.client.submit(same, (self.coding, rows.dtype), pure=False)
        blocks = rows.client.map(_block, parts, picked, scales, shared=shared, pure=False)
        return blocks, numbers

    def _there(self, values: np.ndarray | None, numbers: list[np.ndarray]) -> list:
        """What each block needs of a number for each row: a task apiece, for they may be many."""
        if values is None:
            return [None] * len(numbers)
        return [self._rows.client.submit(same, values[rows], pure=False) for rows in numbers]

    @property
    def _sizes(self) -> list[int]:
        return [len(numbers) for numbers in self._blocks[1]]

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean and standard deviation of each column of X, (n_features,) each."""
        client, (blocks, numbers) = self._rows.client, self._blocks
        shares = None
        if self.weights is not None:
            shares = np.zeros(len(self.weights))
            shares[self.rows] = row_shares(len(self.weights), self.weights, self.rows)
        origin = row_of_origin(self._rows.take(self.rows[:1]), 0)
        shared = client.submit(same, (origin, len(self.rows)), pure=False)
        slices = self._there(shares, numbers)
        parts = client.map(_moments, blocks, slices, shared=shared, pure=False)
        return moments_of(origin, *added(client, parts))

    def problem(self, objective: Objective, alpha: float = 0.0) -> Problem:
        """The objective on the rows to train on."""
        total = float(len(self.rows))
        if self.weights is not None:
            with np.errstate(over="ignore"):
                total = float(self.weights[self.rows].sum(dtype=np.float64))
        client, (blocks, _) = self._rows.client, self._blocks
        network, head = objective.network, objective.head
        return Problem(
            objective, PartitionSums(client, network, head, blocks, self._sizes, total), alpha
        )

    def outputs(self, network: Network) -> np.ndarray:
        """The outputs (n, n_units) of a network for the rows to train on."""
        client, (blocks, _) = self._rows.client, self._blocks
        shared = client.submit(same, network, pure=False)
        return np.concatenate(
            client.gather(client.map(_outputs, blocks, network=shared, pure=False))
        )

    def some(self) -> tuple[Any, Any]:
        """Some of the rows to train on, and their targets."""
        rows = some_rows(self.rows)
        return self._rows.take(rows), self.targets[rows]

    def hold_out(self, rows: np.ndarray) -> None:
        """Set these rows apart, in memory."""
        here = (
            None if A is None else A[rows]
            for A in (self.y, self.targets, self.weights, self.given_weights)
        )
        self.held_out = HeldOut(self._rows.take(rows), *here)
        self.rows = np.setdiff1d(self.rows, rows)

    def updates_an_epoch(self, batch_size: int) -> int:
        """How many updates a round makes, or one."""
        return updates_a_round(self._sizes, batch_size, self.local_passes)

    def train(
        self, plan: Plan, model: Model, schedule: Schedule, batch_size: int, monitor: Monitor
    ) -> None:
        """Run epochs or rounds of an update rule until the monitor ends them."""
        if plan.solver.full_batch:
            self._train_exactly(plan, model, schedule, batch_size, monitor)
            return
        blocks, numbers = self._blocks
        scale = self.scale
        shares = [len(n) if scale is None else scale[n].sum(dtype=np.float64) for n in numbers]
        shares = [float(share / sum(shares)) for share in shares]
        rows = self._rows.client, blocks, self._sizes, shares
        train_in_rounds(rows, plan, model, schedule, batch_size, self.local_passes, monitor)

    def _train_exactly(self, plan, model, schedule, batch_size, monitor) -> None:
        trainer = trainer_of(plan, model, schedule, batch_size)
        monitor.on_plateau = trainer.lower_eta
        problem, stop = self.problem(trainer.objective), False
        while not stop:
            eta = trainer.next_eta()
            cost, g = problem.correction(problem.w)
            trainer.move(cost, g.astype(model.network.w.dtype), problem.n_rows)
            stop = monitor.after_epoch(cost, eta)


# -- on a worker -----------------------------------------------------------------------------------


def _block(part: Part, rows: np.ndarray | None, scale, shared) -> Block:
    coding, dtype = shared
    X, y = take_rows(part.X, rows), take_rows(part.y, rows)
    return Block(X.astype(dtype, copy=False), coding.encode(y, dtype), scale)


def _moments(block: Block, shares: np.ndarray | None, shared) -> tuple[np.ndarray, np.ndarray]:
    origin, n_rows = shared
    if shares is None:
        shares = np.full(block.X.shape[0], 1.0 / n_rows)
    return moment_sums(block.X, shares, origin)


def _outputs(block: Block, network: Network) -> np.ndarray:
    return outputs_of(network, block.X)[1]
