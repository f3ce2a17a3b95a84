"""Where memory runs out in mid-call the model stays as it was, or some whole updates on."""

import pickle

import numpy as np
import pytest
from failing_memory import no_memory_after
from odd_calls import state_of

from skbackprop import LOSSES, RULES, SOLVERS, BackpropClassifier, BackpropRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.abs(X[:, 0]) + 0.1
CLASSES = np.arange(40) % 3
CALLS = 400  # more than any call below makes arrays


def models():
    for solver in [*RULES, *SOLVERS]:
        yield BackpropRegressor((4,), solver=solver, activation="tanh"), Y
    for loss, known in LOSSES.items():
        if "regression" in known.tasks:
            yield BackpropRegressor((4,), loss=loss, eta=1e-3), Y
        else:
            yield BackpropClassifier((4,), loss=loss), CLASSES
    yield BackpropClassifier((4,), early_stopping=True, validation_fraction=0.3), CLASSES
    yield BackpropRegressor((4,), dropout=0.3, noise=0.1, alpha=0.1, max_norm=1.0), Y


CASES = [
    pytest.param(
        model.set_params(max_iter=2, engine="numpy", random_state=np.random.RandomState(0)),
        y,
        id=f"{number}-{model.solver}-{model.loss}",
    )
    for number, (model, y) in enumerate(models())
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model, y", CASES)
def test_a_call_without_memory(model, y, figures):
    blob = pickle.dumps(model.fit(X, y))
    failures = figures.setdefault("failures of memory", {})
    for method in ("fit", "partial_fit", "predict", "score"):
        if not hasattr(model, method):
            continue
        for k in range(1, CALLS):
            model = pickle.loads(blob)
            before = state_of(model)
            arguments = (X,) if method == "predict" else (X, y)
            with no_memory_after(k) as failing:
                try:
                    getattr(model, method)(*arguments)
                    raised = False
                except MemoryError:
                    raised = True
            if failing.calls < k:
                break
            failures[method] = failures.get(method, 0) + 1
            if method == "partial_fit":
                assert_some_updates_on(blob, model, y)
            elif raised or method != "fit":
                assert state_of(model) == before
            assert np.isfinite(model._model.network.w).all()
            model.fit(X, y)


def assert_some_updates_on(blob, model, y):
    same = pickle.loads(blob)
    n_rows = model.n_updates_ - same.n_updates_
    assert model.t_ - same.t_ == n_rows
    if n_rows:
        same.partial_fit(X[:n_rows], y[:n_rows])
    np.testing.assert_array_equal(model._model.network.w, same._model.network.w)
    np.testing.assert_array_equal(model._model.state.rule_state, same._model.state.rule_state)
