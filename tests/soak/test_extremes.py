"""Targets and inputs from the least to the largest numbers, for every loss and activation.

What comes out is a finite model, or an error that says what is wrong; never a warning of NumPy.
"""

import warnings

import numpy as np
import pytest
from odd_calls import state_of

from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    RULES,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
SCALES = (0.0, 5e-324, 1e-160, 1.0, 1e20, 1e155, 7e307)
HIDDEN = sorted(name for name, each in ACTIVATIONS.items() if each.elementwise)
REGRESSION = sorted(name for name, loss in LOSSES.items() if "regression" in loss.tasks)
OTHERS = sorted(LOSSES.keys() - REGRESSION)


def attempts(loss):
    """Rows and targets of every scale, also in float32 where it holds them."""
    for of_X in SCALES:
        for of_y in SCALES if loss in REGRESSION else (1.0,):
            rows = X * of_X
            if loss in REGRESSION:
                y = np.abs(X[:, 0]) + 0.1 if loss in ("gamma", "poisson", "tweedie") else X[:, 0]
                y = y * of_y
            else:
                y = np.arange(20) % 3
            yield f"X {of_X:g}, y {of_y:g}", rows, y
            if of_X < 1e37 and of_y < 1e37:
                yield f"X {of_X:g}, y {of_y:g}, float32", rows.astype(np.float32), y


def outcome(model, what, *arguments, **named):
    """What comes of a call: "done", or the kind of its error; and what is wrong with that."""
    before = state_of(model)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            getattr(model, what)(*arguments, **named)
            came = "done"
        except DivergenceError:
            came = "diverged"
        except ValueError as error:
            came = "refused"
            if state_of(model) != before:
                return came, f"changed by {error}"
            if not any(word in str(error) for word in ("X", "y ", "y_", "loss")):
                return came, f"names nobody: {error}"
    wrong = [
        f"{each.message} at {each.filename}:{each.lineno}"
        for each in warned
        if issubclass(each.category, RuntimeWarning)
    ]
    if model.__sklearn_is_fitted__() and not np.isfinite(model._model.network.w).all():
        wrong.append("weights are not finite")
    return came, "; ".join(dict.fromkeys(wrong))


def all_attempts(make, loss, figures):
    counts = figures.setdefault("extremes", {})
    wrong = []
    for title, rows, y in attempts(loss):
        model = make()
        calls = [("fit", (rows, y), {}), ("predict", (rows,), {}), ("score", (rows, y), {})]
        if hasattr(model, "partial_fit"):
            first = {} if isinstance(model, BackpropRegressor) else {"classes": [0, 1, 2]}
            calls = [("partial_fit", (rows, y), first), *calls, ("partial_fit", (rows, y), {})]
        for what, arguments, named in calls:
            if what in ("predict", "score") and not model.__sklearn_is_fitted__():
                continue
            if what == "partial_fit" and not model.__sklearn_is_fitted__() and not named:
                named = {} if isinstance(model, BackpropRegressor) else {"classes": [0, 1, 2]}
            came, fault = outcome(model, what, *arguments, **named)
            counts[came] = counts.get(came, 0) + 1
            if fault:
                wrong.append(f"{model!r}.{what}, {title}: {fault}")
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(wrong[:40])


def estimator(loss, **params):
    Estimator = BackpropRegressor if loss in REGRESSION else BackpropClassifier
    return Estimator((4,), loss=loss, max_iter=3, random_state=0, engine="numpy", **params)


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize("loss", [*REGRESSION, *OTHERS])
def test_losses_and_activations(loss, activation, figures):
    all_attempts(lambda: estimator(loss, activation=activation), loss, figures)


@pytest.mark.parametrize("solver", [*RULES, *SOLVERS])
@pytest.mark.parametrize("loss", [*REGRESSION, *OTHERS])
def test_losses_and_solvers(loss, solver, figures):
    if {**RULES, **SOLVERS}[solver].sum_of_squares and not LOSSES[loss].sum_of_squares:
        pytest.skip("refused")
    all_attempts(lambda: estimator(loss, activation="tanh", solver=solver), loss, figures)


@pytest.mark.parametrize("output", HIDDEN)
def test_output_activations(output, figures):
    make = lambda: estimator("squared_error", output_activation=output)  # noqa: E731
    all_attempts(make, "squared_error", figures)
