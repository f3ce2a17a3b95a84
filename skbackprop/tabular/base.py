"""What both estimators of tables share: read the table, train a team, predict by its average."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import KW_ONLY
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..callers import warn_user
from ..estimators.base import Backprop
from ..estimators.compatibility import Interval, Options, check_constraints
from ..estimators.given_data import accept_groups, accept_targets
from ..estimators.onnx_methods import OnnxMethods
from ..estimators.parameters import COUNT, with_constructor
from ..estimators.plan import make_plan
from ..estimators.sample_weights import check_weights
from ..estimators.targets import warn_of_one_class
from ..losses.head import Head
from ..losses.loss import Loss
from ..network.rows import row_blocks, with_mean_one
from ..registry import Checked
from ..training.causes import cost_unit
from ..updates.adaptive import Adam
from ..updates.fan_in import FanInEta
from .columns import TableEncoder
from .holdouts import LEAST_ROWS, hold_out
from .members import Member, TableRows
from .neighbours import Neighbours
from .scaling import positive_rows
from .tables import Table, read_table
from .team import Team

__all__ = ["TabularEstimator"]

_FEW_ROWS, _FOR_FEW, _FOR_MORE = 1500, 8, 4  # networks of a view
_HELD_OF_FEW, _HELD_OF_MORE = 0.2, 0.1  # shares of the rows
_MANY_ROWS = 3000
_BLOCK_ROWS = 4096
_FAR = 1e15  # deviations: sums of squares are within single precision
_SMALL_COST = 1e-3  # of a constant: there is nothing to learn
_SMALL_GAIN = 1e-2  # of that cost: next to nothing was learnt


@with_constructor
class TableParameters(Checked):
    """The parameters that both estimators of tables share.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Neurons of each hidden layer, in every network.
    n_networks : int or "auto", default="auto"
        Networks of each view, each with held-out rows of its own; "auto" is 8 up to 1500 rows, 4
        for more, and 2 for classes of more than 3000 rows. There are three views, or two of the
        same kind where no column is continuous.
    neighbours : bool, default=True
        Whether the 20 nearest training rows may be members of the average: they are if the rows
        held out give them 5 % of the weight or more, with the squared error or classes. They help
        where rows repeat each other; the model keeps its training rows then, cannot be exported,
        and is slower at predictions.
    categorical_features : "from_dtype" or array-like of bool, int or str, default="from_dtype"
        Which columns are categories, as a mask, indices or names; "from_dtype": columns of strings,
        of the dtype of categories, and of objects that are not all numbers. See `TableEncoder`.
    max_categories : int, default=40
        Most levels of a column of categories that count by themselves; the rarest are pooled.
    max_iter : int, default=32
        Epochs of each network. The learning rate falls to zero over them.
    validation_fraction : float in (0, 1) or "auto", default="auto"
        The share of the rows that each network holds out; "auto" is 0.2 up to 1500 rows, and 0.1
        for more. With fewer than 50 rows none are: all epochs are run, on one full batch, and the
        views have equal weights.
    max_time : float or None, default=None
        Seconds after which no further epoch begins, shared evenly among the networks.
    n_jobs : int or None, default=None
        Networks that are trained side by side, in threads. The result is the same for any number.
    verbose : bool, default=False
        Whether to print a line for each network.
    random_state : int, RandomState instance or None, default=None
        Of the rows held out, the waves, the first weights, and the order of the rows.
    """

    hidden_layer_sizes: Annotated[
        int | Sequence[int] | np.ndarray, COUNT, list, tuple, np.ndarray
    ] = (64, 64)
    _: KW_ONLY
    n_networks: Annotated[int | Literal["auto"], Options(str, {"auto"}), COUNT] = "auto"
    neighbours: Annotated[bool, "boolean"] = True
    loss: Annotated[str | Loss, str, Loss] = "squared_error"
    categorical_features: Annotated[Any, object] = "from_dtype"
    max_categories: Annotated[int, Interval(Integral, 2, None, closed="left")] = 40
    max_iter: Annotated[int, COUNT] = 32
    validation_fraction: Annotated[
        float | Literal["auto"], Options(str, {"auto"}), Interval(Real, 0, 1, closed="neither")
    ] = "auto"
    max_time: Annotated[float | None, Interval(Real, 0, None, closed="neither"), None] = None
    n_jobs: Annotated[int | None, Integral, None] = None
    verbose: Annotated[bool, "verbose"] = False
    random_state: Annotated[int | np.random.RandomState | None, "random_state"] = None

    _parameter_hints: ClassVar[dict[str, Any]]

    def _check_parameters(self) -> None:
        """Refuse parameters that are out of their range."""
        check_constraints(self, {name: getattr(self, name) for name in self._parameter_hints})


class TabularEstimator(OnnxMethods, TableParameters):
    """What both estimators of tables share.

    Attributes
    ----------
    views_ : list of str
        What each member sees: "plain", "waves", "ramps", "steps"; or "linear", "neighbours".
    weights_ : ndarray of shape (n_estimators,)
        Their weights; the sum is one.
    loss_curve_ : list of list of float
        The training loss of each network, epoch by epoch.
    n_iter_ : int
        The most epochs of a network.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where `fit` saw names.
    """

    n_features_in_: int
    feature_names_in_: np.ndarray
    estimators_: list
    views_: list[str]
    weights_: np.ndarray
    loss_curve_: list[list[float]]
    n_iter_: int
    _task: Any
    _encoder: TableEncoder
    _members: list[Member]

    _numeric_targets: bool

    def __sklearn_tags__(self):
        """Categories and missing values are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are members."""
        return "_members" in vars(self)

    def _read_task(self, y, weights) -> Any:
        """The task that targets pose, with their weights (None: all one)."""
        raise NotImplementedError

    def _weigh_classes(self, task, targets, weights) -> np.ndarray | None:
        """The weights of the rows times those of their classes."""
        return weights

    # -- fit -------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, groups) -> Self:
        self._check_parameters()
        validated = copy.copy(self)
        table, y, weights, groups = self._read_training(validated, X, y, sample_weight, groups)
        task = self._read_task(y, weights)
        targets = task.encode(y)
        weights = self._weigh_classes(task, targets, weights)
        kept, weights = positive_rows(weights)
        if not isinstance(kept, slice):
            table, targets = table.rows(kept), targets[kept]
            groups = None if groups is None else groups[kept]
        warn_of_one_class(task.coding, targets)
        encoder = TableEncoder(
            categorical_features=self.categorical_features, max_categories=self.max_categories
        ).fit(table.data, sample_weight=weights)
        rows = self._rows(task, encoder, table, targets, weights)
        rows = self._with_validation(rows, validated, task, encoder, validation)
        make_plan(self._new_network(task, 0))  # refuses what networks do not take

        rng = check_random_state(self.random_state)
        splits = self._splits(rows, task, groups, rng)
        holds_out = len(splits[0][1]) > 0
        names = task.views if holds_out else task.views_of_few
        team = Team(task, rows, splits, names, encoder.is_continuous_, self.neighbours)
        team.train(
            lambda seed: self._new_network(task, seed, holds_out),
            rng,
            max_time=self.max_time,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        costs = team.fair_costs()
        self._commit(validated, task, encoder, team.weighed())
        if team.interrupted is not None:
            raise team.interrupted
        self._warn_of_divergence()
        self._warn_of_nothing_learnt(task.head, *costs)
        return self

    def _read_training(self, validated, X, y, sample_weight, groups):
        """The table, targets, weights and groups of the rows with weights above zero."""
        y = self._check_y(validated, y)
        table = read_table(X, self)
        validate_data(validated, table.data, skip_check_array=True)
        check_consistent_length(table.data, y)
        every_row = np.empty((table.n_rows, 0))
        weights = check_weights(sample_weight, every_row, "sample_weight")
        if groups is not None:
            groups = accept_groups(groups, table.n_rows)
        kept, weights = positive_rows(weights)
        if isinstance(kept, slice):
            return table, y, weights, groups
        return table.rows(kept), y[kept], weights, None if groups is None else groups[kept]

    def _check_y(self, carrier, y):
        return validate_data(
            copy.copy(carrier),  # whose names of columns it would forget
            y=accept_targets(y, numeric=self._numeric_targets),
            multi_output=True,
            y_numeric=self._numeric_targets,
        )

    def _rows(
        self, task, encoder: TableEncoder, table: Table, targets, weights, name: str = "y"
    ) -> TableRows:
        # Few rows are for exact weights: in single precision these would end in other digits.
        dtype = np.float32 if table.n_rows >= LEAST_ROWS else np.float64
        encoded = encoder._encode(table).astype(dtype, copy=False)
        if targets.dtype.kind == "f":
            _refuse_far_targets(targets, name)
        marks = task.marks(targets, dtype)
        if targets.dtype.kind == "f":
            targets = targets.astype(dtype)
        if weights is not None:
            if table.n_rows >= LEAST_ROWS:
                weights = with_mean_one(weights)  # whatever their unit
            weights = weights.astype(dtype)
        return TableRows(encoded, targets, marks, weights, task.coding, table.n_rows)

    def _with_validation(self, rows: TableRows, validated, task, encoder, validation) -> TableRows:
        """The rows, and behind them the user's own to validate on, if there are any."""
        X_val, y_val, sample_weight_val = validation
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is given without X_val and y_val.")
            return rows
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together.")
        table, y, weights, _ = self._read_validation(validated, X_val, y_val, sample_weight_val)
        own = self._rows(task, encoder, table, task.encode(y), weights, "y_val")
        if rows.weights is not None or own.weights is not None:
            both = [np.ones(len(r.X)) if r.weights is None else r.weights for r in (rows, own)]
            weights = np.concatenate(both).astype(rows.X.dtype)
        return TableRows(
            np.concatenate([rows.X, own.X], dtype=rows.X.dtype),
            np.concatenate([rows.targets, own.targets], dtype=rows.targets.dtype),
            rows.marks,
            weights,
            rows.coding,
            rows.n_train,
        )

    def _read_validation(self, validated, X, y, sample_weight):
        try:
            y = self._check_y(validated, y)
            table = read_table(X, self)
            validate_data(validated, table.data, reset=False, skip_check_array=True)
            check_consistent_length(table.data, y)
        except (ValueError, TypeError) as error:
            raise type(error)(f"in the validation rows, X_val and y_val: {error}") from error
        every_row = np.empty((table.n_rows, 0))
        weights = check_weights(sample_weight, every_row, "sample_weight_val")
        if weights is not None and not weights.any():
            raise ValueError("sample_weight_val is zero for every row.")
        kept, weights = positive_rows(weights)
        if isinstance(kept, slice):
            return table, y, weights, None
        return table.rows(kept), y[kept], weights, None

    def _splits(self, rows: TableRows, task, groups, rng) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on, and rows to hold out, for each network of a view."""
        n = rows.n_train
        n_networks = self.n_networks
        if isinstance(n_networks, str):
            n_networks = _networks_for(n, task)
        if len(rows.X) > n:
            return [(np.arange(n), np.arange(n, len(rows.X)))] * n_networks
        if n < LEAST_ROWS:
            return [(np.arange(n), np.arange(0))] * n_networks
        fraction = self.validation_fraction
        if isinstance(fraction, str):
            fraction = _HELD_OF_FEW if n <= _FEW_ROWS else _HELD_OF_MORE
        return hold_out(n, n_networks, fraction, rng, task.strata(rows.targets), groups)

    def _new_network(self, task, seed: int, holds_out: bool = False) -> Backprop:
        """A network of this package that is not fitted."""
        return task.network_class(
            self.hidden_layer_sizes,
            activation=task.activation,
            output_activation=task.output_activation,
            loss=task.loss,
            solver=Adam(beta_2=0.95),
            input_gain=True,
            eta=FanInEta(task.eta),
            weight_init=["lecun_normal"] * np.size(self.hidden_layer_sizes) + ["zeros"],
            max_iter=int(self.max_iter),
            early_stopping=holds_out,
            scoring="loss",
            random_state=seed,
        )

    def _commit(self, validated, task, encoder, members: list[Member]) -> None:
        """Replace all fitted attributes in one step."""
        networks = [m.estimator for m in members if isinstance(m.estimator, Backprop)]
        fitted = {
            "_task": task,
            "_encoder": encoder,
            "_members": members,
            "estimators_": [member.estimator for member in members],
            "views_": [_view_of(member) for member in members],
            "weights_": np.array([member.weight for member in members]),
            "loss_curve_": [network.loss_curve_ for network in networks],
            "n_iter_": max((network.n_iter_ for network in networks), default=0),
        }
        kept = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        of_input = {
            name: vars(validated)[name]
            for name in ("n_features_in_", "feature_names_in_")
            if name in vars(validated)
        }
        self.__dict__ = {**kept, **fitted, **of_input}

    def _warn_of_divergence(self) -> None:
        networks = [e for e in self.estimators_ if isinstance(e, Backprop)]
        n_diverged = sum(network.stop_reason_ == "diverged" for network in networks)
        if n_diverged:
            warn_user(
                f"{n_diverged} of {len(networks)} networks diverged, and keep weights from before "
                f"that. Look at y: loss={self.loss!r} may not suit it.",
                ConvergenceWarning,
            )

    def _warn_of_nothing_learnt(self, head: Head, cost: float, constant: float) -> None:
        """Warn if rows held out are predicted hardly better than by a constant."""
        if constant > _SMALL_COST and cost > constant - _SMALL_GAIN * cost_unit(head, constant):
            warn_user(
                f"{type(self).__name__} has learnt next to nothing that serves for other rows: "
                f"those held out cost {cost:.4g}, and with a constant prediction {constant:.4g}. "
                "Either the columns of X tell nothing about y, or the rows are too few.",
                ConvergenceWarning,
            )

    # -- predictions -----------------------------------------------------------------------------

    def _blend(self, X) -> np.ndarray:
        """The weighted average of the members' outputs, (n, n_outputs)."""
        check_is_fitted(self)
        table = read_table(X, self)
        validate_data(self, table.data, reset=False, skip_check_array=True)
        encoded = self._encoder._encode(table)
        return np.concatenate(
            [self._blend_block(encoded[block]) for block in row_blocks(len(encoded), _BLOCK_ROWS)]
        )

    def _blend_block(self, encoded) -> np.ndarray:
        seen: dict[int, np.ndarray] = {}
        outputs = []
        for member in self._members:
            view = member.view
            if id(view) not in seen:
                seen[id(view)] = view.transform(encoded)
            outputs.append(self._task.outputs(member.estimator, seen[id(view)]))
        return self._task.blend(self._members, outputs)


def _refuse_far_targets(targets: np.ndarray, name: str) -> None:
    """Refuse targets, in the units of the networks, whose squares single precision cannot add."""
    far = np.abs(targets).max(initial=0.0)
    if far > _FAR:
        raise ValueError(
            f"{name} has a number that is {far:.1g} times the spread of y away: no loss can be "
            "computed of it. Look whether it is an error, and drop its row."
        )


def _networks_for(n_rows: int, task) -> int:
    """How many networks of each view a number of rows gets."""
    if n_rows <= _FEW_ROWS:
        return _FOR_FEW
    return _FOR_MORE if n_rows <= _MANY_ROWS else task.networks_for_many


def _view_of(member: Member) -> str:
    if isinstance(member.estimator, Backprop):
        return member.view.name
    return "neighbours" if isinstance(member.estimator, Neighbours) else "linear"
