"""What those that look inside may ask of an estimator: its rows, its cost, its eta.

Beside the estimators' own modules, this is the one that knows their private names.
"""

from __future__ import annotations

import copy
from typing import Any

from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..estimators.building import new_model, objective_of
from ..estimators.classifier import BackpropClassifier
from ..estimators.given_data import accept_rows
from ..estimators.offenders import naming
from ..estimators.plan import Plan, make_plan
from ..estimators.regressor import BackpropRegressor
from ..network.masks import is_connections
from ..network.objective import Objective
from ..schedules import multiplier_at
from ..updates.fan_in import Rates

__all__ = ["eta_in_force", "fitted_objective", "initial_objective", "read_pairs", "read_rows"]


@naming("X")
def read_rows(estimator: BackpropRegressor | BackpropClassifier, X, y=None) -> tuple[Any, Any]:
    """Rows and targets, validated as a fitted estimator's own methods validate them.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted; left as it is.
    X, y : array-like
        As `predict` and `partial_fit` take them; y may be None.

    Returns
    -------
    X : ndarray or CSR of shape (n_samples, n_features)
        In the dtype of the model.
    targets : ndarray or CSR, or None
        See `losses.head`.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        As from the estimators.
    """
    if y is not None:
        return read_pairs(estimator, X, y)
    check_is_fitted(estimator)
    dtype = estimator._model.network.w.dtype
    X = accept_rows(X)
    return validate_data(estimator, X, accept_sparse="csr", dtype=dtype, reset=False), None


@naming("y")
def read_pairs(estimator: BackpropRegressor | BackpropClassifier, X, y) -> tuple[Any, Any]:
    """Rows and targets as `read_rows` gives them, where y of None is refused."""
    check_is_fitted(estimator)
    dtype = estimator._model.network.w.dtype
    X, y = estimator._validate_X_y(estimator, X, y, dtype, reset=False)
    return X, estimator._model.coding.encode(y, dtype)


def fitted_objective(estimator: BackpropRegressor | BackpropClassifier) -> Objective:
    """The cost of a fitted estimator at a copy of its weights; dropout and noise are left out."""
    check_is_fitted(estimator)
    objective = objective_of(_plan_of(estimator), estimator._model.copy())
    objective.disturbance = None
    return objective


def initial_objective(
    estimator: BackpropRegressor | BackpropClassifier, X, y
) -> tuple[Objective, Any, Any]:
    """The cost at new initial weights, biases zero; dropout and noise are left out.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Left as it is.
    X, y : array-like
        As `fit` takes them.

    Returns
    -------
    objective : Objective
    X, targets : ndarray or CSR
        Validated.
    """
    plan = make_plan(estimator)
    data = estimator._prepare(plan, X, y)
    rng = copy.deepcopy(check_random_state(estimator.random_state))
    objective = objective_of(plan, new_model(plan, data.X, data.coding, rng))
    objective.disturbance = None
    return objective, data.X, data.targets


def eta_in_force(estimator: BackpropRegressor | BackpropClassifier) -> Rates:
    """Eta of each part of the network at the next update of a fitted estimator.

    That is `eta` times what the schedule, and plateaus before, make of it; 0 for a frozen layer. A
    schedule whose horizon only `fit` knows counts as 1 here. A whole-batch solver finds its steps
    by itself: eta is 1, so that ``eta delta y`` is the correction.

    Returns
    -------
    Rates
    """
    check_is_fitted(estimator)
    model = estimator._model
    plan, network, state = _plan_of(estimator), model.network, model.state
    plan = plan.for_updates(plan.online_batch_rows, model.head.task)
    n_layers = network.n_layers
    if plan.solver.full_batch:
        factor, rates = 1.0, Rates([1.0] * n_layers, [1.0] * n_layers, 1.0)
    else:
        factor = state.decay if plan.schedule.acts_on_plateau else 1.0
        if plan.schedule.unnamed_horizon is None:
            factor *= multiplier_at(plan.schedule, state.n_updates)
        rates = plan.rates(network.sizes[0])
    mask = [True] * n_layers if plan.given.mask is None else plan.given.mask
    learns = [entry is None or is_connections(entry) or bool(entry) for entry in mask]
    weights, biases = (
        [float(eta) * factor * on for eta, on in zip(part, learns, strict=True)]
        for part in (rates.weights, rates.biases)
    )
    return Rates(weights, biases, float(rates.gains) * factor * learns[0])


def _plan_of(estimator: BackpropRegressor | BackpropClassifier) -> Plan:
    """The plan of a fitted estimator: its parameters as they are now, its structure as fitted."""
    return make_plan(estimator, estimator._model.structure)
