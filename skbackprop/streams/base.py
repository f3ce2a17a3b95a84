"""What both stream estimators share: rows as they come, validated, then learned one by one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY
from numbers import Integral, Real
from operator import attrgetter
from threading import RLock
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..activations.activation import Activation, resolve_activation
from ..estimators.compatibility import Interval, Options, check_constraints
from ..estimators.parameters import COUNT, with_constructor
from ..estimators.sample_weights import check_weights
from ..estimators.targets import plain_targets
from ..network.rows import row_blocks
from ..updates.rule import RULES
from .model import StreamModel
from .moments import have_variances, refuse_large
from .race import Race
from .raw_rows import TakesRows, is_plain_row
from .river import register
from .rows import is_row, read_row
from .stack import Stack

__all__ = ["StreamEstimator", "one_row"]

#: What ``etas="auto"`` stands for: docs/streams.md has the measurements.
ETAS: dict[str, Sequence[float]] = {
    "sgd": (0.02, 0.15),
    "adagrad": (0.1, 0.3),
    "rmsprop": (0.003, 0.02),
}
_UNLOCKED = nullcontext()
_BLOCK_ROWS = 256  # rows that are predicted at a time


@with_constructor
class StreamParameters(TakesRows):
    """The parameters that both stream estimators share.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(32,)
        Neurons of the hidden layers of each network; ``()`` is none.
    activation : str or Activation, default="tanh"
        Of the hidden neurons.
    etas : "auto", sequence of float or dict, default="auto"
        Learning rates: a network for each. A sequence is for ``sgd``; a dict has those of each
        update rule. "auto" is ``{"sgd": (0.02, 0.15), "adagrad": (0.1, 0.3), "rmsprop": (0.003,
        0.02)}``.
    discount : float in (0, 1), default=0.99
        What the loss of a row counts a row later, in the weights of the networks.
    half_life : float > 0 or None, default=1000
        Rows after which a row counts for half in the scales; None counts all rows alike.
    correct_scale : bool, default=False
        Whether first and last layer are corrected when a scale moves, so that the function does
        not. It costs time, and on most of the streams that were measured, accuracy.
    last_target : bool, default=False
        Whether the target of the row learned before is an input, too. Leave it off where targets
        come late.
    max_features : int, default=10000
        Most features. Of dict rows later ones are left out; arrays and sparse rows of more columns
        are refused.
    engine : {"auto", "numpy", "compiled"}, default="auto"
        What learns and predicts the rows. "compiled" needs Numba; "auto" takes it where its code is
        there (see `compile_engine`).
    random_state : int, RandomState or None, default=None
        Draws the initial weights.
    """

    hidden_layer_sizes: Annotated[int | Sequence[int], Integral, list, tuple, np.ndarray] = (32,)
    _: KW_ONLY
    activation: Annotated[str | Activation, str, Activation] = "tanh"
    etas: Annotated[
        str | Sequence[float] | Mapping[str, Sequence[float]],
        *(str, list, tuple, np.ndarray, Mapping),
    ] = "auto"
    discount: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.99
    half_life: Annotated[float | None, Interval(Real, 0, None, closed="neither"), None] = 1000
    correct_scale: Annotated[bool, "boolean"] = False
    last_target: Annotated[bool, "boolean"] = False
    max_features: Annotated[int, COUNT] = 10_000
    engine: Annotated[
        Literal["auto", "numpy", "compiled"], Options(str, {"auto", "numpy", "compiled"})
    ] = "auto"
    random_state: Annotated[int | np.random.RandomState | None, "random_state"] = None

    _parameter_hints: ClassVar[dict[str, Any]]

    def _check_parameters(self) -> None:
        """Refuse parameters that are out of their range."""
        check_constraints(self, {name: getattr(self, name) for name in self._parameter_hints})
        if not resolve_activation(self.activation).elementwise:
            self._refuse("activation", "one that acts on each neuron by itself")


class StreamEstimator(StreamParameters):
    """What both stream estimators share: how rows come in, and how they are learned.

    Attributes
    ----------
    n_samples_seen_ : int
        Rows learned.
    networks_ : list of str
        Rule and learning rate of each network.
    weights_ : ndarray of shape (n_networks,)
        Of the networks in the vote; their sum is 1.
    losses_ : ndarray of shape (n_networks,)
        Discounted losses of the networks.
    drift_ : dict
        ``n_alarms``; ``alarms``, the rows of the last hundred; ``recent_loss`` and ``usual_loss``
        since the last alarm; ``level``, how near the next one is: it rings at 1.
    engine_ : {"numpy", "compiled"}
        What learns the rows.
    feature_names_ : list of str
        The inputs of dict rows, in order of arrival; ``"shop=a"`` for a string's value.
    n_features_in_ : int
        Number of inputs; with dict rows, so far.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the inputs, if X has string column names.
    """

    feature_names_in_: np.ndarray
    _model: StreamModel
    _getter: ClassVar[attrgetter]

    _inside = ("_model", "_lock", "_begun_with")
    _river_base: str
    _numeric_targets: bool
    # What river asks of an estimator, beside its class.
    _supervised = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make an estimator that river knows as its own, where river is imported."""
        register(cls, cls._river_base)
        return super().__new__(cls)

    @property
    def _held(self) -> Any:
        """What keeps other threads out; nothing before the first row."""
        return vars(self).get("_lock", _UNLOCKED)

    def __getstate__(self) -> dict:
        """Everything but the lock; the model as it is between two rows."""
        with self._held:
            state = {**super().__getstate__()}
            state.pop("_lock", None)
            if "_model" in state:
                state["_model"] = copy.deepcopy(self._model)
        return state

    def __setstate__(self, state: dict) -> None:
        """Take a pickled state, with a lock of its own."""
        super().__setstate__(state)
        if "_model" in vars(self):
            self._lock = RLock()

    # -- fitted attributes -----------------------------------------------------------------------

    @property
    def n_features_in_(self) -> int:
        """Number of inputs; with dict rows, so far."""
        model = vars(self).get("_model")
        if model is not None and model.takes_dicts:
            return model.n_features
        if "n_features_in_" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'n_features_in_'"
            )
        return vars(self)["n_features_in_"]

    @n_features_in_.setter
    def n_features_in_(self, n_features: int) -> None:
        self.__dict__["n_features_in_"] = n_features

    @property
    def n_samples_seen_(self) -> int:
        """Rows learned."""
        return self._fitted("n_samples_seen_").n_samples

    @property
    def metric_(self) -> float:
        """Prequential score; NaN until two rows have come."""
        return self._fitted("metric_").task.metric

    @property
    def networks_(self) -> list[str]:
        """Rule and learning rate of each network."""
        return self._fitted("networks_").stack.names

    @property
    def weights_(self) -> np.ndarray:
        """Weights (n_networks,) of the networks in the vote."""
        return self._fitted("weights_").race.weights.copy()

    @property
    def losses_(self) -> np.ndarray:
        """Discounted losses (n_networks,)."""
        return self._fitted("losses_").race.losses.copy()

    @property
    def drift_(self) -> dict[str, Any]:
        """Figures of the drift monitor."""
        return self._fitted("drift_").drift.figures()

    @property
    def engine_(self) -> str:
        """What learns the rows: "numpy" or "compiled"."""
        return self._fitted("engine_").engine

    @property
    def feature_names_(self) -> list[str]:
        """Names of the inputs of dict rows."""
        with self._held:
            return self._fitted("feature_names_").columns.names

    # -- a new model -----------------------------------------------------------------------------

    def _new_task(self, classes) -> Any:
        """What is predicted, before the first row."""
        raise NotImplementedError

    def _new_model(self, task: Any, first, with_mean: bool) -> StreamModel:
        """A model of the parameters as they are now, from the first row."""
        etas, hidden = self._rates(), self._hidden_sizes()
        if isinstance(first, np.ndarray) and len(first) > self.max_features:
            self._refuse("max_features", f"at least the {len(first)} features of X")
        activation = resolve_activation(self.activation)
        rng = check_random_state(self.random_state)
        model = StreamModel(
            task,
            first,
            lambda n_in, n_out: Stack((n_in, *hidden, n_out), activation, etas, rng),
            Race(sum(map(len, etas.values())) + 1, float(self.discount)),
            max_features=int(self.max_features),
            half_life=self.half_life,
            with_mean=with_mean,
            corrects=bool(self.correct_scale),
            last_target=bool(self.last_target),
        )
        model.choose_engine(self.engine)
        return model

    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes: Any = self.hidden_layer_sizes
        listed = [sizes] if isinstance(sizes, Integral) else sizes
        if not isinstance(listed, (list, tuple, np.ndarray)) or not all(
            isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 1 for n in listed
        ):
            self._refuse("hidden_layer_sizes", "a whole number >= 1 or a sequence of them")
        return tuple(map(int, listed))

    def _rates(self) -> dict[str, tuple[float, ...]]:
        """Learning rates by rule, as `etas` says."""
        etas: Any = self.etas
        if isinstance(etas, str) and etas == "auto":
            etas = ETAS
        if not isinstance(etas, Mapping):
            etas = {"sgd": etas}
        online = ", ".join(repr(name) for name, rule in RULES.items() if not rule.full_batch)
        wanted = f"'auto', learning rates > 0, or a dict of them by update rules: {online}"
        try:
            rates = {rule: tuple(map(float, values)) for rule, values in etas.items()}
        except (TypeError, ValueError):
            self._refuse("etas", wanted)
        numbers = [eta for values in rates.values() for eta in values]
        known = all(rule in RULES and not RULES[rule].full_batch for rule in rates)
        if not known or not numbers or not all(0.0 < eta < np.inf for eta in numbers):
            self._refuse("etas", wanted)
        return {rule: values for rule, values in rates.items() if values}

    # -- rows as they come -----------------------------------------------------------------------

    def _read_rows(self, carrier, X, *, is_first: bool) -> Any:
        """Rows as the model takes them: an array, CSR, or a list of entries of dict rows."""
        if _are_dicts(X):
            return self._by_names([read_row(row) for row in X], is_first)
        if not is_first and self._model.takes_dicts:
            raise ValueError(
                f"This {type(self).__name__} has learned dict rows; give dict rows, such as "
                "DataFrame.to_dict('records')."
            )
        return self._validated(carrier, X, reset=is_first)

    def _by_names(self, rows: list, is_first: bool):
        """Entries as they are, or as an array if the model has learned one with names."""
        if is_first or self._model.takes_dicts:
            return rows
        names = list(vars(self).get("feature_names_in_", ()))
        unknown = {key for row in rows for key in row} - set(names)
        if unknown or not names:
            raise ValueError(
                f"This {type(self).__name__} has learned arrays of {self.n_features_in_} features, "
                f"{names or 'without names'}; dict rows have others."
            )
        return np.array([[row.get(name, np.nan) for name in names] for row in rows])

    def _read_targets(self, carrier, y):
        """Targets (n,), validated."""
        raise NotImplementedError

    def _is_plain(self, y) -> bool:
        """Whether validation would find nothing in a target to refuse or to change."""
        raise NotImplementedError

    def _check_targets(self, task: Any, targets: list) -> None:
        """Refuse targets that the task cannot take in."""

    def _plain_row(self, X) -> Any:
        """One row as the model takes it, if validation would look only at numbers; else None."""
        state = vars(self)
        model = state.get("_model")
        if model is None:
            return None
        if model.takes_dicts:
            return self._dict_row(X[0]) if _are_dicts(X) and len(X) == 1 else None
        if "feature_names_in_" in state or not is_plain_row(X, model.n_features):
            return None
        return X[0]

    def _takes(self, x) -> bool:
        """Whether x is a dict row, and the model is one of dict rows."""
        model = vars(self).get("_model")
        return model is not None and model.takes_dicts and is_row(x)

    def _dict_row(self, row) -> Any:
        """A dict row as a model of dict rows takes it."""
        x = self._model.columns.whole(row) if type(row) is dict else None
        return read_row(row) if x is None else x

    def _plain_label(self, y) -> Any:
        """The target of one row, if validation would find nothing in it; else None."""
        if type(y) is np.ndarray and y.shape == (1,):
            label = y.item()
            if self._is_plain(label):
                return label
        target = plain_targets(y, numeric=self._numeric_targets)
        return None if target is None or target.size != 1 else target.item()

    # -- learning --------------------------------------------------------------------------------

    def _fit(self, X, y) -> Self:
        fresh = self._unfitted()
        try:
            fresh._partial_fit(X, y, None)
        finally:
            if fresh.__sklearn_is_fitted__():  # also where Ctrl-C has ended the pass
                self.__dict__ = vars(fresh)
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None) -> Self:
        self._check_unchanged()
        if sample_weight is classes is None:
            row, label = self._plain_row(X), self._plain_label(y)
            if row is not None and label is not None and self._model.task.knows(label):
                self._learn_row(row, label)
                return self
        carrier, is_first = self._carrier(), not self.__sklearn_is_fitted__()
        targets = self._read_targets(carrier, y)
        rows = self._read_rows(carrier, X, is_first=is_first)
        n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        if n_rows != len(targets):
            raise ValueError(f"X has {n_rows} rows, and y has {len(targets)} targets.")
        weights = check_weights(sample_weight, np.empty((n_rows, 0)), "sample_weight")
        model = self._new_model_for(rows, classes) if is_first else self._model
        if classes is not None and not is_first:
            self._check_classes(classes)
        self._check_targets(model.task, targets)
        refuse_large(rows)
        if not is_first:
            self._learn(model, rows, targets, weights)
            return self
        try:
            self._learn(model, rows, targets, weights)
        finally:
            if model.n_samples:  # else nothing has been learned, as from rows of weight 0
                self._commit(model, carrier)
        return self

    def _learn_row(self, row, label) -> None:
        """Learn one row that is as the model takes it."""
        with self._lock:
            self._model.learn(row, label, 1.0)

    def _values(self) -> tuple:
        """The parameters, in order, as they are now."""
        cls = type(self)
        if "_getter" not in vars(cls):
            cls._getter = attrgetter(*cls._get_param_names())
        return cls._getter(self)

    def _check_unchanged(self) -> None:
        """Refuse parameters that were changed after the first row: the model does not know."""
        begun_with = vars(self).get("_begun_with")
        if begun_with is None:
            return
        try:  # equal are values that are one object, and numbers and names that are equal
            if self._values() == begun_with:
                return
        except ValueError:  # an array is compared below
            pass
        for name, value in zip(self._get_param_names(), begun_with, strict=True):
            now = getattr(self, name)
            if not _are_same(now, value):
                raise ValueError(
                    f"{name} was {value!r} when the first row was learned, and is {now!r} now; a "
                    "stream goes on with what it began with. Set it back, or begin with a new "
                    f"{type(self).__name__}."
                )
        # Of a pickle: other objects of the same content.
        self._begun_with = self._values()

    def _new_model_for(self, rows, classes) -> StreamModel:
        self._check_parameters()
        is_sparse = sparse.issparse(rows)
        first = rows[:1].toarray()[0] if is_sparse else rows[0]
        return self._new_model(self._new_task(classes), first, not is_sparse)

    def _check_classes(self, classes) -> None:
        """Refuse other classes than those of the first call."""

    def _commit(self, model: StreamModel, carrier) -> None:
        """Take a new model, and what the rows have told of themselves."""
        for name in ("n_features_in_", "feature_names_in_"):
            if name in vars(carrier) and not model.takes_dicts:
                setattr(self, name, vars(carrier)[name])
        self._begun_with = self._values()
        self._lock = RLock()
        self._model = model

    def _learn(self, model: StreamModel, rows, targets: list, weights) -> None:
        """Learn validated rows, in order."""
        each = np.ones(len(targets)) if weights is None else weights
        kept = np.flatnonzero(each).tolist()  # a row of weight 0 changes nothing
        if len(kept) < len(targets):
            rows = [rows[i] for i in kept] if isinstance(rows, list) else rows[kept]
            targets, each = [targets[i] for i in kept], each[kept]
        with self._held:
            model.learn_rows(rows, targets, each)

    # -- predictions -----------------------------------------------------------------------------

    def _vote(self, X) -> np.ndarray:
        """The vote (n, n_outputs) of the networks on rows."""
        row = self._plain_row(X)
        if row is not None and _is_finite(row):
            return self._vote_one(row)
        check_is_fitted(self)
        rows = self._read_rows(self, X, is_first=False)
        n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
        with self._held:
            votes = [
                self._model.predict(block.toarray() if sparse.issparse(block) else block)
                for block in (rows[part] for part in row_blocks(n_rows, _BLOCK_ROWS))
            ]
        return np.concatenate(votes)

    def _vote_one(self, row) -> np.ndarray:
        """The vote (1, n_outputs) on a row as the model takes it."""
        with self._held:
            return self._model.predict([row] if type(row) is dict else row[np.newaxis])

    def _vote_dict(self, x) -> np.ndarray:
        """The vote (n_outputs,) on a dict row."""
        row = self._dict_row(x) if self._takes(x) else None
        return (
            self._vote(one_row(x)) if row is None or not _is_finite(row) else self._vote_one(row)
        )[0]

    # -- river's manner --------------------------------------------------------------------------

    def learn_one(self, x: Mapping[str, Any], y: Any, w: float = 1.0) -> None:
        """Learn one dict row, as ``{"price": 3.2, "shop": "a"}``; features may be new or absent.

        Parameters
        ----------
        x : dict
            Numbers and strings by name; None and NaN are missing, as what is not there.
        y : float or label
        w : float >= 0, default=1.0
            Weight of the row: it multiplies the update.

        Raises
        ------
        ValueError, TypeError
            On invalid input; the model is left as it was.
        """
        if w == 1.0 and self._takes(x) and self._is_plain(y) and self._model.task.knows(y):
            self._check_unchanged()
            self._learn_row(self._dict_row(x), y)
            return
        if not isinstance(y, (str, float, int)) and np.ndim(y):
            raise ValueError(f"y is {y!r}; learn_one takes the target of one row.")
        self._partial_fit(one_row(x), [y], None if w == 1.0 else [w])


def _are_same(now, before) -> bool:
    """Whether a parameter is what it was; a pickle makes new objects of the same numbers."""
    if now is before:
        return True
    if isinstance(now, (int, float, str)):
        return now == before
    return np.array_equal(now, before)


def one_row(x) -> list[Mapping[str, Any]]:
    """Return a dict row as rows; TypeError if it is none."""
    if not is_row(x):
        raise TypeError(f"x is {x!r}; give one row as a dict, or rows of an array to partial_fit.")
    return [x]


def _is_finite(row) -> bool:
    """Whether a row as the model takes it has no number that might be refused."""
    return type(row) is dict or have_variances(row)


def _are_dicts(X) -> bool:
    """Whether X is a sequence of dict rows."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and is_row(X[0])
