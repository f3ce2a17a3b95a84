"""What stands between a user's `y` and the targets of a loss.

A coding is read off the first `y`: the task, and what is needed to encode every later `y` alike.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ..callers import warn_user
from ..losses.loss import Loss
from ..losses.task import Task
from ..network.rows import ROUND_OFF
from .given_data import accept_targets, is_surely_finite
from .offenders import naming

__all__ = ["ClassCoding", "NumberCoding", "plain_targets", "warn_of_one_class"]


_LABELS = "biufUO"  # kinds of arrays whose entries, if they are equal, are the same label
_DISCRETE = "biuU"  # those that hold labels and nothing else


_NUMBERS = (float, int, np.number, np.bool_)
_SCALARS = (*_NUMBERS, str)


@dataclass(frozen=True, eq=False)
class Unit:
    """The unit in which a network has its targets, ``(y - center) / scale``.

    Attributes
    ----------
    center, scale : ndarray of shape (n_targets,)
        In float64.
    """

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, targets, weights, loss: Loss) -> Unit:
        """Weighted mean and standard deviation; of a loss for positive targets, the mean alone.

        Such a loss knows zero, and has no other place for it: its targets are divided by their mean
        and not moved. Targets that do not vary keep their scale.
        """
        targets = np.asarray(targets, np.float64).reshape(len(targets), -1)
        size = np.abs(targets).max(axis=0)  # so that no square overflows
        size[size == 0.0] = 1.0
        relative = targets / size
        mean = np.average(relative, axis=0, weights=weights)
        if loss.least_target is not None:
            return cls(np.zeros_like(mean), size * np.where(mean > 0.0, mean, 1.0))
        spread = np.sqrt(np.average((relative - mean) ** 2, axis=0, weights=weights))
        scale, limits = size * spread, np.finfo(np.float64)
        is_constant = (spread <= ROUND_OFF * limits.eps) | (scale < limits.tiny)
        return cls(size * mean, np.where(is_constant, 1.0, scale))

    def apply(self, y: np.ndarray) -> np.ndarray:
        """`y` in this unit, in float64."""
        with np.errstate(over="ignore"):  # inf is what it is; the coding refuses it
            return (y - self.center) / self.scale

    def undo(self, y: np.ndarray) -> np.ndarray:
        """Turn numbers in this unit back into the unit of the targets."""
        return (y * self.scale + self.center).astype(y.dtype)

    def stretch(self, spread: np.ndarray) -> np.ndarray:
        """A spread in this unit in that of the targets."""
        return (spread * self.scale).astype(spread.dtype)


@dataclass(eq=False)
class NumberCoding:
    """Numbers, as a regressor takes them; the loss may refuse some."""

    task: Task
    one_column: bool  # `y` is a vector, and so is a prediction of one column
    loss: Loss
    unit: Unit | None = None  # in which the network has the targets; None is their own

    @classmethod
    def read(cls, y, dtype, loss: Loss) -> tuple[NumberCoding, np.ndarray]:
        """The coding of `y`, and the targets."""
        coding = cls(Task("regression", 1 if y.ndim == 1 else y.shape[1]), y.ndim == 1, loss)
        return coding, coding.encode(y, dtype)

    def encode(self, y, dtype) -> np.ndarray:
        """Targets (n, n_targets) in the dtype of the model; `y` is finite."""
        if not isinstance(y, np.ndarray):
            raise TypeError("y is sparse; regression targets must be a dense array.")
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != self.task.n_targets:
            raise ValueError(
                f"y has {n_targets} columns; the model has {self.task.n_targets} targets."
            )
        given = y.reshape(len(y), n_targets)
        targets = given if y.dtype == dtype else _cast(given, dtype)
        self.loss.check_targets(targets)
        # From `given`, so that float32 rounds what is left without the center.
        return targets if self.unit is None else _cast(self.unit.apply(given), dtype)

    def decode(self, prediction) -> np.ndarray:
        """Predictions as `y` was given: in its units, without columns if it had none."""
        if self.unit is not None:
            prediction = self.unit.undo(prediction)
        return self._without_columns(prediction)

    def decode_deviation(self, deviation) -> np.ndarray:
        """Standard deviations of predictions, as `decode` gives the predictions."""
        if self.unit is not None:
            deviation = self.unit.stretch(deviation)
        return self._without_columns(deviation)

    def _without_columns(self, prediction) -> np.ndarray:
        return prediction[:, 0] if self.one_column and prediction.shape[1] == 1 else prediction

    def scaled(self, targets, weights) -> NumberCoding:
        """The same coding in the unit of these targets' spread, their rows weighed."""
        return replace(self, unit=Unit.of(targets, weights, self.loss))

    def after(self, fitted: NumberCoding) -> NumberCoding:
        """The coding of a fit that continues a model with the coding `fitted`; or an error."""
        if self.task != fitted.task:
            raise ValueError(
                f"warm_start=True needs y as in the first fit, {fitted.task}; got {self.task}."
            )
        return replace(self, unit=fitted.unit)

    def strata(self, targets, rows) -> tuple[np.ndarray, None]:
        """The rows that a split may hold out, and what it keeps the shares of: all, nothing."""
        return rows, None


@dataclass(eq=False)
class ClassCoding:
    """Classes, or labels as a 0/1 indicator matrix, as a classifier takes them."""

    task: Task
    classes: np.ndarray
    _weighed: tuple[Any, np.ndarray] | None = field(default=None, init=False)

    @classmethod
    def read(cls, y, classes=None, *, online=False) -> tuple[ClassCoding, Any]:
        """The coding of `y`, for all the `classes` if given, and the targets."""
        y = _without_column(y)
        known = None if classes is None else _known_classes(classes)
        labels = np.unique(y) if y.ndim == 1 and y.dtype.kind in _DISCRETE else None
        if labels is None or 2 * len(labels) > len(y):  # else nothing is wrong with them
            _check_labels(y)
        if _is_indicator(y):
            _check_indicator(y)
            task = Task("multilabel", y.shape[1])
            known = np.arange(y.shape[1]) if known is None else known
            if len(known) != y.shape[1]:
                raise ValueError(f"classes has {len(known)} labels; y has {y.shape[1]} columns.")
        else:
            if online and classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            labels = np.unique(y) if labels is None else labels
            known = labels if known is None else known
            task = Task("binary" if len(known) == 2 else "multiclass", len(known))
        coding = cls(task, known)
        return coding, coding._encode(y)

    def __getstate__(self) -> dict:
        """Everything but what is worked out when it is needed."""
        return {"task": self.task, "classes": self.classes}

    def encode(self, y, dtype):
        """Indices (n,) in `classes`, or the indicator matrix; neither is of the model's dtype."""
        known = self._look_up(y) if y.shape == (1,) else None
        return self._encode(_without_column(y)) if known is None else known

    def _look_up(self, y) -> np.ndarray | None:
        """The index (1,) of one label; None where finding it takes more than looking it up."""
        label = y.item()
        plain = y.dtype.kind in _LABELS and isinstance(label, (str, int, float))
        return self._indices.get(label) if plain else None

    @cached_property
    def _indices(self) -> dict:
        """Index of each class, as an array (1,), by its label."""
        if self.task.kind == "multilabel" or self.classes.dtype.kind not in _LABELS:
            return {}
        return {label: np.array([i]) for i, label in enumerate(self.classes.tolist())}

    @naming("y")
    def _encode(self, y):
        if self.task.kind == "multilabel":
            if y.ndim != 2 or y.shape[1] != self.task.n_targets or not _is_binary(y):
                raise ValueError(
                    f"y has shape {y.shape}; the model was fitted on a 0/1 indicator matrix with "
                    f"{self.task.n_targets} columns."
                )
            return sparse.csr_array(y) if sparse.issparse(y) else y
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}; one class per row is needed.")
        return _class_indices(y, self.classes)

    def decode(self, prediction) -> np.ndarray:
        """Predictions as `y` was given: classes in the place of their indices."""
        return prediction if self.task.kind == "multilabel" else self.classes[prediction]

    def after(self, fitted: ClassCoding) -> ClassCoding:
        """The coding of a fit that continues a model with the coding `fitted`; or an error."""
        classes = self.classes
        if self.task.kind == fitted.task.kind == "multilabel":
            classes = fitted.classes  # named by the first call; the columns count
        if not np.array_equal(classes, fitted.classes) or self.task != fitted.task:
            some = set(classes.tolist()) < set(fitted.classes.tolist())
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {fitted.classes}, `y` has {classes}."
                f"{' partial_fit takes rows of some of the classes.' if some else ''}"
            )
        return ClassCoding(self.task, classes)

    def strata(self, targets, rows) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows that a split may hold out, and the codes whose shares it keeps.

        The only row of a class is kept to train on. Labels (None) are split as they come.
        """
        if targets.ndim != 1:
            return rows, None
        codes = targets[rows]
        several = np.bincount(codes)[codes] > 1
        return rows[several], codes[several]

    def weigh(
        self, class_weight, targets, weights, dtype, *, like=None, online: bool
    ) -> np.ndarray:
        """The weights of the rows (None: all one) times those of their classes.

        "balanced" goes by the targets in `like`, by default by those of the rows themselves.
        """
        if isinstance(class_weight, str) and online:
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit: the share of each class "
                "in the stream is not known. Give a dict of weights, or sample_weight."
            )
        if isinstance(class_weight, list) and targets.ndim == 1:
            raise ValueError(
                f"class_weight is {class_weight!r}; a list is for the columns of labels, give one "
                "dict with the weight of each class."
            )
        try:
            like = targets if like is None else like
            factors = self._factors(class_weight, targets, like, online)
        except (TypeError, ValueError) as error:
            raise ValueError(f"class_weight is {class_weight!r}: {error}") from error
        with np.errstate(over="ignore"):
            factors = factors.astype(dtype)
            factors = factors if weights is None else factors * weights
        if not np.isfinite(factors).all() or (factors < 0).any():
            raise ValueError(
                f"class_weight is {class_weight!r}; times sample_weight, weights must be >= 0 "
                f"and within {dtype}."
            )
        return factors

    def _factors(self, class_weight, targets, like, online: bool) -> np.ndarray:
        """The weight of each row that `class_weight` gives to its class, or to its labels."""
        if targets.ndim == 1 and online:
            return self._class_factors(class_weight)[targets]
        if targets.ndim == 1:
            given = self.classes[like]
            return compute_class_weight(class_weight, classes=self.classes, y=given)[targets]
        labels = _dense(targets)
        if not online:
            return _label_factors(class_weight, labels, labels if like is targets else _dense(like))
        if not isinstance(class_weight, list) or len(class_weight) != labels.shape[1]:
            raise ValueError(
                f"class_weight is {class_weight!r}; for labels it must be a list of "
                f"{labels.shape[1]} dicts."
            )
        both = np.array([0, 1])
        factors = [compute_class_weight(w, classes=both, y=both) for w in class_weight]
        return np.prod([f[c] for f, c in zip(factors, labels.T, strict=True)], axis=0)

    def _class_factors(self, class_weight) -> np.ndarray:
        """The weight of each class in a dict, which says it all; worked out when it changes."""
        if self._weighed is None or self._weighed[0] != class_weight:
            factors = compute_class_weight(class_weight, classes=self.classes, y=self.classes)
            self._weighed = copy.copy(class_weight), factors
        return self._weighed[1]


@naming("y")
def _cast(y: np.ndarray, dtype) -> np.ndarray:
    """`y` in the dtype of the model, which has to hold it."""
    with np.errstate(over="ignore"):
        y = y.astype(dtype, copy=False)
    if not np.isfinite(y).all():
        raise ValueError(f"y has values too large for {np.dtype(dtype)}, the dtype of X.")
    return y


def warn_of_one_class(coding: NumberCoding | ClassCoding, targets=None, weights=None) -> None:
    """Warn if the rows that count are of a single class, so that there is nothing to tell apart.

    Parameters
    ----------
    coding : NumberCoding or ClassCoding
    targets : ndarray, optional
        Encoded; None where more rows come later.
    weights : ndarray of shape (n,), optional
        Of the rows; those of weight zero do not count.
    """
    if not isinstance(coding, ClassCoding) or coding.task.kind == "multilabel":
        return
    if coding.task.is_one_class:
        (label,) = coding.classes.tolist()
        warn_user(f"There is one class, {label!r}: the model predicts it for every row.")
    elif targets is not None and (alone := _only_class(targets, weights)) is not None:
        label = coding.classes.tolist()[alone]
        warn_user(
            f"All rows with a weight above zero are of one class, {label!r}: the model predicts it "
            "for every row. Look at sample_weight and class_weight."
        )


def _only_class(targets, weights) -> int | None:
    """The index of the class that all rows with weight are of, if there is one."""
    counted = targets if weights is None else targets[weights > 0.0]
    alone = len(counted) > 0 and (counted == counted[0]).all()
    return int(counted[0]) if alone else None


def plain_targets(y, *, numeric: bool) -> np.ndarray | None:
    """`y` as an array, if scikit-learn would find nothing in it to refuse or to change.

    A list is one only if it is that of a single row.

    Parameters
    ----------
    y : array-like
        Anything; only lists and arrays are looked at.
    numeric : bool
        Whether numbers are wanted, and not labels.
    """
    if type(y) is list and len(y) == 1 and (isinstance(y[0], _SCALARS) or _is_number_list(y[0])):
        y = np.array(y)
    if type(y) is not np.ndarray or y.ndim not in (1, 2) or not y.size:
        return None
    kind = y.dtype.kind
    if kind == "f":  # squares that overflow take the full road, no more
        return y if (isfinite(y.item()) if y.size == 1 else is_surely_finite(y)) else None
    if kind == "O":
        return y if not numeric and y.size == 1 and isinstance(y.item(), str) else None
    return y if kind in ("biu" if numeric else "biuU") else None


def _is_number_list(entry) -> bool:
    """Whether it is one row of several targets, as a list."""
    return type(entry) is list and all(isinstance(number, _NUMBERS) for number in entry)


def _known_classes(classes) -> np.ndarray:
    """The classes that a user names, sorted."""
    try:
        given = accept_targets(classes, numeric=False)
        if np.ndim(given) != 1 or not len(given):
            raise ValueError("they are no sequence")
        return unique_labels(classes)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"classes is {classes!r}; it must be a sequence of all classes that will come, each of "
            "the type that it has in y."
        ) from error


def _without_column(y):
    """`y` as it is, but a single dense column as a vector, with scikit-learn's warning."""
    one = y.ndim == 2 and y.shape[1] == 1 and not sparse.issparse(y)
    return column_or_1d(y, warn=True) if one else y


def _check_labels(y) -> None:
    """Refuse what is no classes and no labels; warn of more classes than rows can teach."""
    try:
        check_classification_targets(y)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y.tolist()})
        if len(kinds) == 1:
            raise
        raise ValueError(f"y mixes labels of types that do not sort: {kinds}.") from error
    if type_of_target(y) == "multiclass-multioutput":
        raise ValueError(
            "y is multiclass-multioutput, which is not supported: give one class per row, or a "
            "0/1 indicator matrix of labels."
        )


def _is_indicator(y) -> bool:
    return y.ndim == 2 and type_of_target(y) == "multilabel-indicator"


def _check_indicator(y) -> None:
    """Refuse a matrix of labels that are told by other numbers than 0 and 1."""
    if not _is_binary(y):
        values = np.unique(y.data if sparse.issparse(y) else y).tolist()
        raise ValueError(
            f"y is a matrix of labels with the values {values}; it must hold 0 and 1, 1 where a "
            f"row has the label, such as (y == {values[-1]}).astype(int)."
        )


def _is_binary(y) -> bool:
    values = y.data if sparse.issparse(y) else y
    return bool(((values == 0) | (values == 1)).all())


def _class_indices(y, classes) -> np.ndarray:
    """Index in `classes` of every label; a label that is not there is an error."""
    if y.dtype.kind not in _DISCRETE:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    try:
        indices = np.searchsorted(classes, y)
        indices[indices == len(classes)] = 0
        unseen = classes[indices] != y
    except TypeError:  # of a type that does not sort among them
        known = classes.tolist()
        unseen = np.array([label not in known for label in y.tolist()])
    if np.any(unseen):
        raise ValueError(
            f"y has labels that are not in classes {classes.tolist()}: "
            f"{list(dict.fromkeys(y[unseen].tolist()))[:5]}."
        )
    return indices


def _dense(labels) -> np.ndarray:
    return labels.toarray() if sparse.issparse(labels) else labels


def _label_factors(class_weight, labels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The weights of rows by their labels, which "balanced" takes from the rows of `like`."""
    if like is labels:
        return compute_sample_weight(class_weight, labels)
    of_like = np.arange(len(like)) if isinstance(class_weight, str) else None
    both = compute_sample_weight(class_weight, np.concatenate([like, labels]), indices=of_like)
    return both[len(like) :]
