"""Extremes of inputs and targets: a finite model or a named error, and no warning of NumPy's."""

import warnings
from itertools import product

import numpy as np
import pytest

from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    RULES,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
)

SIZES = {
    np.float64: (0.0, 1e-300, 1.0, 1e150, 1e300, 1.7e308),
    np.float32: (0.0, 1e-38, 1.0, 1e18, 1e30, 3.4e38),
}
HIDDEN = [name for name, activation in ACTIVATIONS.items() if activation.elementwise]
REGRESSIONS = [name for name, loss in LOSSES.items() if "regression" in loss.tasks]
CLASSIFICATIONS = [name for name, loss in LOSSES.items() if "binary" in loss.tasks]
ALL_SOLVERS = [*RULES, *SOLVERS]
N = 12


def data(x_size, y_size, loss, dtype):
    """Rows and targets of such sizes; all targets positive where the loss wants that."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(N, 2))
    if loss in CLASSIFICATIONS and loss not in REGRESSIONS:
        return (X * x_size).astype(dtype), np.arange(N) % 3
    y = rng.uniform(-1, 1, size=N)
    if LOSSES[loss].least_target is not None:
        y = np.abs(y) + 0.1 * (y_size > 0)
        y /= y.max()
    return (X * x_size).astype(dtype), (y * y_size).astype(dtype)


def make(loss, **parameters):
    kind = BackpropRegressor if loss in REGRESSIONS else BackpropClassifier
    return kind((3,), loss=loss, max_iter=3, random_state=0, engine="numpy", **parameters)


def attempt(call, *arguments):
    """Call; a named error is as good as a result, whatever fit says of its convergence too."""
    try:
        return call(*arguments)
    except DivergenceError as error:
        assert "diverged" in str(error) or "not finite" in str(error)
    except ValueError as error:
        # of targets that a loss does not take; of scores of predictions that are not finite
        assert any(word in str(error) for word in ("y has", "infinity", "NaN", "does not go with"))
    return None


def all_finite(model):
    state = model._model.state
    numbers = [model._model.network.w, state.rule_state]
    return all(np.isfinite(a).all() for a in numbers)


def check(loss, activation, solver, x_size, y_size, dtype):
    X, y = data(x_size, y_size, loss, dtype)
    model = make(loss, activation=activation, solver=solver)
    with warnings.catch_warnings(), np.errstate(over="warn", invalid="warn", divide="warn"):
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)  # ConvergenceWarning, and all the like
        attempt(model.fit, X, y)
        if model.__sklearn_is_fitted__():
            assert all_finite(model)
            attempt(model.predict, X)
            attempt(model.score, X, y)
            if hasattr(model, "predict_proba"):
                attempt(model.predict_proba, X)
                attempt(model.predict_log_proba, X)
        if solver in SOLVERS or RULES[solver].full_batch:
            return
        # Online, from a good model on: what is refused leaves it finite.
        X_1, y_1 = data(1.0, 1.0, loss, dtype)
        classes = () if loss in REGRESSIONS else (np.unique(y),)
        online = make(loss, activation=activation, solver=solver)
        online.partial_fit(X_1, y_1, **({"classes": classes[0]} if classes else {}))
        for rows in (slice(1), slice(None)):
            attempt(online.partial_fit, X[rows], y[rows])
            assert all_finite(online)
            attempt(online.predict, X[rows])


def cases():
    """Every loss, activation and solver beside some of the others; all pairs of sizes."""
    rng = np.random.default_rng(0)
    losses = list(LOSSES)
    for place in range(max(len(losses), len(HIDDEN), len(ALL_SOLVERS))):
        names = [
            each[place] if place < len(each) else each[rng.integers(len(each))]
            for each in (losses, HIDDEN, ALL_SOLVERS)
        ]
        yield tuple(names)


def goes_together(loss, solver):
    squares = SOLVERS[solver].sum_of_squares if solver in SOLVERS else False
    return loss == "squared_error" or not squares


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize(("loss", "activation", "solver"), list(cases()))
def test_a_finite_model_or_a_named_error(loss, activation, solver, dtype):
    if not goes_together(loss, solver):
        loss = "squared_error"
    sizes = SIZES[dtype]
    for x_size, y_size in [*zip(sizes, sizes, strict=True), (1.0, sizes[-1]), (sizes[-1], 1.0)]:
        check(loss, activation, solver, x_size, y_size, dtype)


@pytest.mark.soak
@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_solver_and_activation(loss, solver, dtype):
    if not goes_together(loss, solver):
        pytest.skip(f"{solver} takes no {loss}")
    turn = list(LOSSES).index(loss) + ALL_SOLVERS.index(solver)  # all pairs of them are there
    for place, (x_size, y_size) in enumerate(product(SIZES[dtype], repeat=2)):
        activation = HIDDEN[(turn + place) % len(HIDDEN)]
        check(loss, activation, solver, x_size, y_size, dtype)
