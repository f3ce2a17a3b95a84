"""The linear members of an average: scikit-learn's logistic regression and ridge regression."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["ABSENT", "fit_logistic", "fit_ridge", "logits_of"]

_ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
ABSENT = -12.0  # the logit of a class that the training rows lack


def fit_logistic(X, classes, weights, rows) -> Pipeline | None:
    """Return a logistic regression on standardised columns; None if the rows are of one class.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
    classes : ndarray of shape (n_samples,), int
    weights : ndarray of shape (n_samples,) or None
    rows : ndarray of int
        The rows to train on.
    """
    if len(np.unique(classes[rows])) < 2:
        return None
    Z, weights, scaler = _standardised(X, weights, rows)
    with warnings.catch_warnings():  # a hundred steps serve
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=100).fit(Z, classes[rows], weights)
    return Pipeline([("scale", scaler), ("logistic", model)])


def logits_of(model: Pipeline, X, n_classes: int) -> np.ndarray:
    """Return the logits (n_samples, n_classes) of a fitted logistic regression."""
    scores = model.decision_function(X)
    logits = np.full((len(X), n_classes), ABSENT, X.dtype)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    logits[:, model.classes_] = scores
    return logits


def fit_ridge(X, targets, weights, rows, held) -> Pipeline:
    """Return a ridge regression on standardised columns.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
    targets : ndarray of shape (n_samples, n_targets)
    weights : ndarray of shape (n_samples,) or None
    rows, held : ndarray of int
        The rows to train on, and those by whose squared error the penalty is chosen; 1 if there
        are none.
    """
    Z, w, scaler = _standardised(X, weights, rows)
    if not len(held):
        return Pipeline([("scale", scaler), ("ridge", Ridge(1.0).fit(Z, targets[rows], w))])
    Z_held, t_held = scaler.transform(X[held]), targets[held]
    w_held = None if weights is None else weights[held]
    models = [Ridge(alpha).fit(Z, targets[rows], w) for alpha in _ALPHAS]

    def cost(model):
        errors = (model.predict(Z_held).reshape(t_held.shape) - t_held) ** 2
        return np.average(errors.mean(axis=1), weights=w_held)

    return Pipeline([("scale", scaler), ("ridge", min(models, key=cost))])


def _standardised(X, weights, rows):
    """The rows, standardised, their weights, and the scaler."""
    weights = None if weights is None else weights[rows]
    scaler = StandardScaler().fit(X[rows], sample_weight=weights)
    return scaler.transform(X[rows]), weights, scaler
