"""Finds the network inside what the user holds: an estimator, or a fitted pipeline around one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators.classifier import BackpropClassifier
from ..estimators.regressor import BackpropRegressor
from ..network.rows import checked_csr

__all__ = ["Unwrapped", "index_of", "input_names", "output_names", "unwrap"]


@dataclass(frozen=True)
class Unwrapped:
    """An estimator of this package, and the data as they reach it.

    Attributes
    ----------
    estimator : BackpropRegressor or BackpropClassifier
    X, y : array-like
        Transformed by the steps before it, sparse ones CSR, whose rows can be taken; y may be None.
    feature_names : list of str or None
        Of the columns of X, where the steps before tell them.
    """

    estimator: BackpropRegressor | BackpropClassifier
    X: Any
    y: Any
    feature_names: list[str] | None = None


def unwrap(estimator, X=None, y=None, feature_names=None) -> Unwrapped:
    """Find the network's estimator, and bring the data to it as the steps before it would.

    Parameters
    ----------
    estimator : BackpropRegressor, BackpropClassifier, or a fitted scikit-learn estimator around one
        A `Pipeline` that ends in one, whose other steps transform X, or a
        `TransformedTargetRegressor`, whose transformer transforms y.
    X, y : array-like, optional
        As the outermost estimator takes them; without X only the estimator is looked for.
    feature_names : list of str, optional
        Of the columns of X, where the estimator was fitted without.

    Returns
    -------
    Unwrapped

    Raises
    ------
    TypeError
        If there is no estimator of this package inside.
    NotFittedError
        If what is around it is not fitted.
    """
    if isinstance(estimator, (BackpropRegressor, BackpropClassifier)):
        return Unwrapped(estimator, _with_rows(X, "X"), _with_rows(y, "y"), feature_names)
    if isinstance(estimator, Pipeline):
        return _unwrap_pipeline(estimator, X, y, feature_names)
    from sklearn.compose import TransformedTargetRegressor  # a tenth of the package's import time

    if isinstance(estimator, TransformedTargetRegressor):
        check_is_fitted(estimator)
        if y is not None:
            y = np.asarray(y)
            y = estimator.transformer_.transform(y.reshape(-1, 1) if y.ndim == 1 else y)
        return unwrap(estimator.regressor_, X, y, feature_names)
    hint = ""
    if hasattr(estimator, "best_estimator_"):
        hint = "; of a search, give its best_estimator_"
    raise TypeError(
        f"estimator is {estimator!r}; it must be a BackpropRegressor or BackpropClassifier, or a "
        f"Pipeline or TransformedTargetRegressor around one{hint}."
    )


def _with_rows(a, name: str):
    """What rows can be taken of; an array, if that is what becomes of it when one asks."""
    is_lazy = isinstance(a, memoryview) or (hasattr(a, "__array__") and not hasattr(a, "__len__"))
    return np.asarray(a) if is_lazy else checked_csr(a, name)


def _unwrap_pipeline(pipeline: Pipeline, X, y, names) -> Unwrapped:
    before, last = pipeline[:-1], pipeline[-1]
    if not len(before):
        return unwrap(last, X, y, names)
    check_is_fitted(pipeline)
    try:
        names = [str(name) for name in before.get_feature_names_out(names)]
    except (AttributeError, ValueError):  # a step that does not know
        names = None
    return unwrap(last, None if X is None else before.transform(X), y, names)


def input_names(unwrapped: Unwrapped) -> list[str]:
    """Names of the columns that reach a fitted network; x0, x1, ... where nobody tells them."""
    names = getattr(unwrapped.estimator, "feature_names_in_", unwrapped.feature_names)
    count = unwrapped.estimator.n_features_in_
    if names is None or len(names) != count:
        return [f"x{i}" for i in range(count)]
    return [str(name) for name in names]


def output_names(unwrapped: Unwrapped) -> list[str]:
    """What each output neuron of a fitted network stands for, in words of its own.

    ``"class 1"`` or ``"class 'b'"``, ``"label 0"`` of several that may hold at once, ``"output 0"``
    of a regression: beside a hidden neuron, which has a number only, nothing reads like it.
    """
    estimator, head = unwrapped.estimator, unwrapped.estimator._model.head
    if isinstance(estimator, BackpropClassifier):
        what = "label" if head.task.kind == "multilabel" else "class"
        labels = [
            repr(label) if isinstance(label, str) else str(label)
            for label in estimator.classes_.tolist()
        ]
        return head.unit_names([f"{what} {label}" for label in labels])
    return head.unit_names([f"output {j}" for j in range(head.task.n_targets)])


def index_of(value, count: int, what: str) -> int:
    """A place among `count`, counted from the end if it is negative.

    Raises
    ------
    TypeError
        If it is no whole number.
    IndexError
        If there is no such place.
    """
    if isinstance(value, (bool, np.timedelta64)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what} is {value!r}; it must be a whole number.")
    if not -count <= value < count:
        raise IndexError(
            f"{what} is {value!r}; there are {count}, so it must be from 0 to {count - 1}, or from "
            f"-{count} to -1, counted from the end."
        )
    return int(value) % count
