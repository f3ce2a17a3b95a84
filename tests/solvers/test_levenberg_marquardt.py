"""Levenberg-Marquardt."""

import re
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import least_squares
from sklearn.base import clone
from solver_cases import Y2, X, Y, flat, make, unconverged

from skbackprop import (
    LM,
    SOLVERS,
    BackpropClassifier,
    BayesianLM,
)

LEAST_SQUARES = [name for name, solver in SOLVERS.items() if solver.sum_of_squares]


@unconverged
@pytest.mark.parametrize(
    ("targets", "alpha"),
    [
        pytest.param(Y, 0.0, id="one-0"),
        pytest.param(Y2, 1e-3, id="two-1e-3"),
        pytest.param(Y, 1e-3, id="one-1e-3", marks=pytest.mark.matrix),
        pytest.param(Y2, 0.0, id="two-0", marks=pytest.mark.matrix),
    ],
)
def test_lm_against_scipy(targets, alpha):
    model = make("lm", alpha=alpha, max_iter=2000, hidden=(3,)).fit(X, targets)
    network, d = model._model.network, targets.reshape(80, -1)
    is_weight = network.spread([1.0] * 2, [0.0] * 2)

    def residuals(w):
        moved = network.with_parameters(w)
        e = d - moved.respond(X)[1]
        return np.r_[e.ravel() / np.sqrt(80), np.sqrt(alpha) * is_weight * w]

    start = make("lm", alpha=alpha, hidden=(3,), max_iter=1).fit(X, targets)
    reference = least_squares(residuals, flat(start), method="lm", ftol=1e-13, xtol=1e-13)
    assert model.loss_ <= reference.cost * (1 + 1e-4)
    polished = least_squares(residuals, flat(model), method="lm", xtol=1e-14, ftol=1e-14)
    assert model.loss_ == pytest.approx(polished.cost, rel=1e-3, abs=1e-7)


@unconverged
def test_lm_reaches_what_the_others_do_not():
    losses = {s: make(s, (10,), max_iter=150).fit(X, Y).loss_ for s in ("lm", "lbfgs", "adam")}
    assert losses["lm"] < 0.01 * min(losses["lbfgs"], losses["adam"])


@unconverged
def test_every_lm_step_lowers_the_cost():
    curve = make("lm", alpha=1e-4).fit(X, Y2).loss_curve_
    assert (np.diff(curve) < 0).all()


def test_lm_with_fewer_residuals_than_weights():
    model = make("lm", (20,), max_iter=500).fit(X[:10], Y[:10])
    np.testing.assert_allclose(model.predict(X[:10]), Y[:10], atol=1e-6)


@unconverged
@pytest.mark.parametrize("hidden", [(10,), (17,), (31,)])
def test_lm_refuses_more_memory_than_allowed(hidden):
    message = r"LM needs .* bytes .*max_memory=1e\+04.*LM\(max_memory=(\S+)\).*'lbfgs' or 'scg'"
    with pytest.raises(ValueError, match=message) as refusal:
        make(LM(max_memory=1e4), hidden).fit(X, Y)
    enough = float(re.search(message, str(refusal.value))[1])
    for memory in (enough, np.inf):
        assert make(LM(max_memory=memory), hidden, max_iter=1).fit(X, Y).n_iter_ == 1


@unconverged
@pytest.mark.parametrize("solver", [LM(), BayesianLM()], ids=["lm", "br"])
@pytest.mark.parametrize(("n_rows", "hidden"), [(80, (40,)), (4000, (10,))])
def test_lm_keeps_to_the_memory_that_it_names(solver, n_rows, hidden):
    rows = np.resize(X, (n_rows, 2))
    model = make(clone(solver).set_params(max_memory=1.0), hidden, max_iter=2)
    with pytest.raises(ValueError, match="bytes") as refusal:
        model.fit(rows, rows)
    named = float(re.search(r"needs (\S+) bytes", str(refusal.value))[1])
    model.set_params(solver__max_memory=np.inf)
    tracemalloc.start()
    try:
        model.fit(rows, rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.4 * named < peak < named + 1e6  # and the rows' own signals


@pytest.mark.parametrize("solver", LEAST_SQUARES)
def test_least_squares_solvers_want_a_sum_of_squares(solver):
    with pytest.raises(ValueError, match=f"cross_entropy.*'{solver}'.*squared_error.*'lbfgs'"):
        BackpropClassifier(solver=solver).fit(X, Y > 0)


@unconverged
@pytest.mark.parametrize("solver", LEAST_SQUARES)
@pytest.mark.parametrize("classes", [2, 3])
def test_least_squares_solvers_classify(solver, classes):
    y = np.digitize(Y, np.quantile(Y, np.arange(1, classes) / classes))
    model = BackpropClassifier((5,), activation="tanh", solver=solver, loss="squared_error",
                               max_iter=60, random_state=0).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.9
