"""Rows in partitions: from Dask's collections to validated rows, each part on a worker of its own.

The rows of X stay where they are. Targets and sample weights, some bytes a row, come to the client
as well: classes, medians, the spread of the targets and the like are then worked out as in `fit`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..estimators.base import Backprop
from ..estimators.sample_weights import check_weights
from ..extras import say_missing
from .sums import same

__all__ = ["PartitionedRows", "client_of", "load"]


def client_of(client: Any) -> Any:
    """Return the client that is given, or the current one.

    Raises
    ------
    ImportError
        If Dask's scheduler is not installed.
    ValueError, TypeError
        If there is no client, or it is none.
    """
    try:
        from distributed import Client, default_client
    except ImportError as error:
        raise ImportError(say_missing("distributed", "fit_distributed")) from error
    if client is None:
        try:
            return default_client()
        except ValueError as error:
            raise ValueError(
                "client is None, and there is no current client: make a "
                "dask.distributed.Client first, or give one."
            ) from error
    if not isinstance(client, Client) or client.asynchronous:
        raise TypeError(
            f"client is {client!r}; it must be a dask.distributed.Client that is not asynchronous."
        )
    return client


@dataclass
class Part:
    """The validated rows of one partition, on a worker."""

    X: Any
    y: Any
    weights: np.ndarray | None
    names: np.ndarray | None  # of the columns, if X has any


@dataclass
class Description:
    """What the client is told of a partition."""

    n_rows: int
    n_features: int = 0
    names: np.ndarray | None = None
    dtype: Any = None
    y: Any = None
    weights: np.ndarray | None = None


@dataclass
class PartitionedRows:
    """The rows of X, each partition on a worker.

    Attributes
    ----------
    client : distributed.Client
    parts : list of distributed.Future
        Of the `Part` of each partition that has rows.
    starts : ndarray of shape (n_parts + 1,)
        Number of the first row of each part, and of all rows.
    n_features : int
    dtype : dtype
        Of the model; a part may have a smaller one.
    """

    client: Any
    parts: list
    starts: np.ndarray
    n_features: int
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.starts[-1]), self.n_features

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each part."""
        return np.diff(self.starts)

    def split(self, rows: np.ndarray) -> list[np.ndarray]:
        """The sorted numbers `rows`, those in each part, from the first of it."""
        pieces = np.split(rows, np.searchsorted(rows, self.starts[1:-1]))
        return [piece - start for piece, start in zip(pieces, self.starts, strict=False)]

    def take(self, rows: np.ndarray) -> Any:
        """Some rows, by their sorted numbers, in memory."""
        pairs = zip(self.parts, self.split(rows), strict=True)
        futures = [
            self.client.submit(_take, part, local, self.dtype, pure=False)
            for part, local in pairs
            if len(local)
        ]
        return _stack(self.client.gather(futures))


def _take(part: Part, rows: np.ndarray, dtype) -> Any:
    return part.X[rows].astype(dtype)


def load(estimator: Backprop, continues: bool, client: Any, X: Any, y: Any, sample_weight: Any):
    """Validate rows in partitions, each on a worker.

    Parameters
    ----------
    estimator : Backprop
        Left as it is.
    continues : bool
        Whether the rows are to be such as it was fitted on.
    client : distributed.Client
    X, y : dask array or DataFrame, or list of delayed objects or futures
    sample_weight : likewise, or None

    Returns
    -------
    rows : PartitionedRows
    y : ndarray or CSR
        In memory.
    weights : ndarray of shape (n,) or None
        As the user gave them.
    validated : Backprop
        A copy of the estimator with what validation tells of the columns.

    Raises
    ------
    ValueError, TypeError
        The number of the partition, and what is wrong with it.
    """
    pieces = _futures(client, X, y, sample_weight)
    blank = type(estimator)()  # no parameter plays a part
    names = ("n_features_in_", "feature_names_in_")
    if continues:
        known = {name: vars(estimator)[name] for name in names if name in vars(estimator)}
        blank.__dict__.update(known)
    dtype = estimator._model.network.w.dtype if continues else None
    shared = client.submit(same, (blank, dtype, continues), pure=False)
    numbers = list(range(len(pieces[0])))
    parts = client.map(_validate, numbers, *pieces, shared=shared, pure=False)
    told = client.gather(client.map(_describe, parts, shared=shared, pure=False))
    counts = np.array([description.n_rows for description in told])
    some = np.flatnonzero(counts)
    if not len(some):
        raise ValueError("X has no rows in any of its partitions.")
    told = {int(i): told[i] for i in some}
    _check_alike(told)
    first = told[int(some[0])]
    starts = np.concatenate([[0], np.cumsum(counts[some])])
    dtypes = [description.dtype for description in told.values()]
    rows = PartitionedRows(
        client, [parts[i] for i in some], starts, first.n_features, np.result_type(*dtypes)
    )
    validated = copy.copy(estimator)
    if not continues:
        validated.__dict__.pop("feature_names_in_", None)
        validated.n_features_in_ = first.n_features
        if first.names is not None:
            validated.feature_names_in_ = first.names
    weights = None
    if sample_weight is not None:
        weights = np.concatenate([d.weights for d in told.values()]).astype(rows.dtype)
    return rows, _stack([d.y for d in told.values()]), weights, validated


# -- what the user gives ---------------------------------------------------------------------------


def _futures(client, X, y, sample_weight) -> list[list]:
    """Futures of the partitions of X, y and, if there are any, weights; else None for each."""
    from distributed import Future

    chunks = getattr(X, "chunks", None)
    given = {"X": X, "y": y, "sample_weight": sample_weight}
    pieces = {
        name: _pieces(value, name, chunks) for name, value in given.items() if value is not None
    }
    n_parts = len(pieces["X"])
    for name, listed in pieces.items():
        if len(listed) != n_parts:
            raise ValueError(
                f"{name} has {len(listed)} partitions, and X has {n_parts}; each partition of X "
                "needs its own, of as many rows."
            )
    # In one call, which computes once what they share.
    delayed = [piece for listed in pieces.values() for piece in listed]
    computed = iter(client.compute([p for p in delayed if not isinstance(p, Future)]))
    futures = [
        [piece if isinstance(piece, Future) else next(computed) for piece in listed]
        for listed in pieces.values()
    ]
    return futures if sample_weight is not None else [*futures, [None] * n_parts]


def _pieces(given: Any, name: str, chunks) -> list:
    """The partitions of a collection as delayed objects, or a list of these or of futures."""
    from dask.delayed import Delayed
    from distributed import Future

    what = f"of type {type(given).__name__}"
    if isinstance(given, (Delayed, Future)):  # which would say that it has any attribute
        kind = "future" if isinstance(given, Future) else "delayed object"
        what = f"one {kind}, not a list; of a single partition give [{name}]"
    elif isinstance(given, (list, tuple)):
        others = sorted({type(p).__name__ for p in given if not isinstance(p, (Delayed, Future))})
        if given and not others:
            return list(given)
        what = f"a list of {' and '.join(others)}" if given else "an empty list"
    elif hasattr(given, "to_delayed"):
        if hasattr(given, "chunks"):
            given = _whole_rows(given, chunks)
        return np.ravel(np.array(given.to_delayed(), dtype=object)).tolist()
    raise TypeError(
        f"{name} is {what}. It must be a dask array or DataFrame, or a list of delayed objects or "
        "futures, one for each partition. Rows in memory are for fit; dask.delayed(rows) makes a "
        "partition of them."
    )


def _whole_rows(array, chunks):
    """A dask array in chunks of whole rows, cut as X is where the lengths are known."""
    if array.ndim == 2:
        array = array.rechunk({1: -1})
    known = chunks is not None and not np.isnan([*chunks[0], *array.chunks[0]]).any()
    if known and array.chunks[0] != chunks[0] and sum(array.chunks[0]) == sum(chunks[0]):
        array = array.rechunk({0: chunks[0]})
    return array


# -- on a worker -----------------------------------------------------------------------------------


def _validate(number: int, X, y, weights, shared) -> Part | None:
    blank, dtype, continues = shared
    if not _count(X) and not _count(y):
        return None
    try:
        carrier = copy.copy(blank)
        X, y = blank._validate_X_y(carrier, X, y, dtype, reset=not continues)
        weights = check_weights(weights, X, "sample_weight")
    except (ValueError, TypeError) as error:
        raise type(error)(f"in partition {number}: {error}") from None
    return Part(X, y, weights, getattr(carrier, "feature_names_in_", None))


def _count(values) -> int:
    shape = getattr(values, "shape", None)
    return len(values) if shape is None else shape[0]


def _describe(part: Part | None, shared) -> Description:
    if part is None:
        return Description(0)
    n_rows, n_features = part.X.shape
    return Description(n_rows, n_features, part.names, part.X.dtype, part.y, part.weights)


# -- on the client ---------------------------------------------------------------------------------


def _check_alike(told: dict[int, Description]) -> None:
    """Refuse partitions that do not belong together."""
    (first, model), *others = told.items()
    for number, description in others:
        both = f"partition {first}", f"partition {number}"
        _agree("X", "columns", both, model.n_features, description.n_features)
        _agree("X", "column names", both, _listed(model.names), _listed(description.names))
        _agree("y", "columns", both, model.y.shape[1:], description.y.shape[1:])
        _agree("y", "labels of type", both, _is_text(model.y), _is_text(description.y))


def _agree(name: str, what: str, both: tuple[str, str], one, other) -> None:
    if one != other:
        raise ValueError(
            f"{name} has partitions that do not belong together: {what} {one} in {both[0]}, and "
            f"{other} in {both[1]}."
        )


def _listed(names) -> list | None:
    return None if names is None else list(names)


def _is_text(y) -> str:
    return "text" if y.dtype.kind in "USO" and not sparse.issparse(y) else "number"


def _stack(pieces: list) -> Any:
    """Arrays or sparse matrices, one below the other."""
    if any(sparse.issparse(piece) for piece in pieces):
        return sparse.vstack(pieces, format="csr")
    return np.concatenate(pieces)
