"""`record_training`: online training, one recorded step after the other."""

from __future__ import annotations

import copy

import numpy as np
from sklearn.utils.multiclass import unique_labels

from ..estimators.classifier import BackpropClassifier
from ..estimators.compatibility import count_samples, take_samples
from ..estimators.offenders import naming
from ..estimators.regressor import BackpropRegressor
from .fitted import read_pairs
from .records import TrainingRecord, TrainingStep
from .signals import fixed, trace_unwrapped
from .unwrapping import Unwrapped, unwrap

__all__ = ["record_training"]


def record_training(estimator, X, y, n_steps: int) -> TrainingRecord:
    """Train a copy of an estimator online, one row an update, and keep every step.

    The rows come in their order, again and again, each by the estimator's own `partial_fit`: its
    solver, schedule, penalty and dropout are in force, so that what a step does to the weights is
    the trace's `SignalTrace.dw` for a bare ``solver="sgd"`` only. It goes on from the weights that
    the estimator has; one that is not fitted begins at its initial weights.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Left as it is. Or something fitted around one, as in `trace_signals`: what is trained is the
        network inside, on transformed rows. Of a Pipeline give the whole, not its last step, lest
        the network meet rows that were not transformed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like
    n_steps : int

    Returns
    -------
    TrainingRecord

    Raises
    ------
    ValueError
        On invalid rows, or if the solver needs all rows at once.
    DivergenceError
        When an update would not be finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, record_training
    >>> X, y = np.eye(2), np.array([0.0, 1.0])
    >>> net = BackpropRegressor((), solver="sgd", eta=0.1, random_state=0)
    >>> record = record_training(net, X, y, n_steps=2)
    >>> step = record.steps[0]
    >>> np.allclose(step.coefs[0] - step.trace.coefs[0], step.trace.dw(0, sample=0))
    True
    """
    whole = isinstance(n_steps, (int, np.integer))
    if not whole or isinstance(n_steps, (bool, np.timedelta64)) or n_steps < 1:
        raise ValueError(f"n_steps is {n_steps!r}; it must be a whole number >= 1.")
    unwrapped = unwrap(estimator, X, y)
    model = copy.deepcopy(unwrapped.estimator)
    if not hasattr(model, "partial_fit"):
        raise ValueError(
            f"solver={model.solver!r} needs all rows in each update and cannot be recorded row by "
            "row; set_params(solver='sgd'), for one, can."
        )
    n_rows = naming("X")(count_samples)(unwrapped.X)
    _initialise(model, unwrapped.X, unwrapped.y, n_rows)
    # The last row is refused before the first is presented.
    read_pairs(model, unwrapped.X, unwrapped.y)
    steps = [_step(model, unwrapped, step % n_rows) for step in range(n_steps)]
    return TrainingRecord(steps, model)


@naming("y")
@np.errstate(all="ignore")
def _initialise(model: BackpropRegressor | BackpropClassifier, X, y, n_rows: int) -> None:
    """Give a model that is not fitted its initial weights: no row counts yet."""
    if model.__sklearn_is_fitted__():
        return
    has_classes = isinstance(model, BackpropClassifier) and y is not None  # that it refuses
    classes = {"classes": unique_labels(y)} if has_classes else {}
    model.partial_fit(X, y, sample_weight=np.zeros(n_rows), **classes)


def _step(
    model: BackpropRegressor | BackpropClassifier, unwrapped: Unwrapped, row: int
) -> TrainingStep:
    """Trace one row, and train on it."""
    X, y = take_samples(unwrapped.X, [row]), take_samples(unwrapped.y, [row])
    trace = trace_unwrapped(Unwrapped(model, X, y, unwrapped.feature_names))
    model.partial_fit(X, y)
    return TrainingStep(
        row, trace, [fixed(W) for W in model.coefs_], [fixed(b) for b in model.intercepts_]
    )
