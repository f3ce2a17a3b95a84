"""Whole-batch solvers: against SciPy, against each other, and what they refuse."""

import pickle
import re
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.model_selection import GridSearchCV

from skbackprop import (
    LBFGS,
    LM,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
    BayesianLM,
)
from skbackprop.activations.activation import resolve_activation
from skbackprop.estimators.plan import resolve_solver
from skbackprop.losses.head import Head
from skbackprop.losses.regression import SquaredError
from skbackprop.losses.task import Task
from skbackprop.network.network import Network, Workspace
from skbackprop.network.objective import Objective, Problem
from skbackprop.network.penalties import ElasticNet
from skbackprop.solvers.solver import ScaledProblem

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LEAST_SQUARES = [name for name, solver in SOLVERS.items() if solver.sum_of_squares]
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, size=(80, 2))
Y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
Y2 = np.c_[Y, X[:, 0] * X[:, 1]]


def flat(model):
    return model._model.network.w.copy()


def make(solver, hidden=(6,), **kw):
    kw = {"activation": "tanh", "max_iter": 200, "random_state": 0, **kw}
    return BackpropRegressor(hidden, solver=solver, **kw)


def problem_of(n_units=2, alpha=0.0, weights=None, learning=None, output="identity", n=7):
    rng = np.random.default_rng(3)
    loss = Head(SquaredError(), Task("regression", n_units), output)
    network = Network((3, 4, 5, n_units), [resolve_activation("tanh")] * 2 + [loss.output])
    network.w[:] = 0.6 * rng.normal(size=network.w.size)
    penalty = ElasticNet(network.spread([1.0] * 3, [0.0] * 3), alpha)
    objective = Objective(network, loss, penalty, learning=learning)
    data = rng.normal(size=(n, 3)), rng.normal(size=(n, n_units)), weights
    return Problem(objective, data)


# -- the problem ---------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["identity", "tanh", "softmax"])
@pytest.mark.parametrize("weighted", [False, True])
def test_jacobian_transposed_times_error_is_the_correction(output, weighted):
    weights = np.array([1.0, 0.5, 2.0, 1.0, 3.0, 0.1, 1.0]) if weighted else None
    problem = problem_of(weights=weights, output=output)
    network, (X_, d) = problem.objective.network, (problem.X, problem.targets)
    workspace = Workspace(network, len(X_))
    e = d - network.forward(X_, workspace)
    J = network.jacobian(workspace)
    scale = np.ones(7) if weights is None else weights
    by_hand = np.einsum("n,nk,nkp->p", scale / scale.sum(), e, J)
    _, g = problem.correction(problem.w)
    np.testing.assert_allclose(g, by_hand, rtol=1e-10, atol=1e-14)
    cost, g, H = problem.gauss_newton(problem.w)
    assert cost == pytest.approx(0.5 * np.sum(scale[:, None] * e**2) / scale.sum(), rel=1e-12)
    np.testing.assert_allclose(g, by_hand, rtol=1e-10, atol=1e-14)
    expected = np.einsum("n,nkp,nkq->pq", scale / scale.sum(), J, J)
    np.testing.assert_allclose(H, np.tril(expected), rtol=1e-9, atol=1e-14)


def test_blocks_of_rows_add_up(monkeypatch):
    whole = problem_of(n=50, alpha=0.1, weights=np.linspace(0, 2, 50))
    results = whole.value(whole.w), *whole.correction(whole.w), *whole.gauss_newton(whole.w)
    monkeypatch.setattr("skbackprop.network.objective.BLOCK_ROWS", 7)
    pieces = problem_of(n=50, alpha=0.1, weights=np.linspace(0, 2, 50))
    again = pieces.value(pieces.w), *pieces.correction(pieces.w), *pieces.gauss_newton(pieces.w)
    for a, b in zip(results, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    assert len(pieces._workspaces) == 2


def test_only_some_rows_count():
    rows = np.array([1, 4, 5])
    some = problem_of()
    some = Problem(some.objective, (some.X, some.targets, None), rows)
    alone = Problem(some.objective, (some.X[rows], some.targets[rows], None))
    for ours, expected in zip(some.gauss_newton(some.w), alone.gauss_newton(some.w), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
    assert some.value(some.w) == pytest.approx(alone.value(some.w), rel=1e-12)


def test_trial_points_do_not_move_the_network():
    problem = problem_of()
    before = problem._trained.w.copy()
    problem.value(before + 1), problem.correction(before + 2), problem.gauss_newton(before + 3)
    np.testing.assert_array_equal(problem._trained.w, before)
    problem.accept(before + 4)
    np.testing.assert_array_equal(problem._trained.w, before + 4)


# -- Levenberg-Marquardt -------------------------------------------------------------------------


@unconverged
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
@pytest.mark.parametrize("targets", [Y, Y2], ids=["one", "two"])
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


# -- Bayesian regularisation ---------------------------------------------------------------------


def test_br_on_a_linear_model_is_bayesian_ridge():
    # Without hidden layers the evidence framework is that of the linear model.
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(60, 8))
    d = Z[:, :3] @ [1.0, -2.0, 0.5] + 0.7 * rng.normal(size=60) + 3
    model = BackpropRegressor((), solver=BayesianLM(tol=1e-10), max_iter=500).fit(Z, d)
    ridge = BayesianRidge(alpha_1=0, alpha_2=0, lambda_1=0, lambda_2=0, tol=1e-12, max_iter=2000)
    ridge.fit(Z, d)
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.coefs_[0][:, 0], ridge.coef_, rtol=5e-3)
    assert model.alpha_ == pytest.approx(ridge.lambda_, rel=2e-2)
    assert model.beta_ == pytest.approx(ridge.alpha_, rel=5e-2)  # it does not count the intercept
    assert 7 < model.gamma_ < 9


@unconverged
def test_br_does_not_overfit_where_lm_does():
    rng = np.random.default_rng(2)
    x = np.linspace(-1, 1, 60)[:, None]
    grid = np.linspace(-1, 1, 300)[:, None]
    y = np.sin(4 * x[:, 0]) + 0.3 * rng.normal(size=60)
    errors = {}
    for solver in ("br", "lm"):
        model = make(solver, (50,)).fit(x, y)
        errors[solver] = np.sqrt(np.mean((model.predict(grid) - np.sin(4 * grid[:, 0])) ** 2))
        if solver == "br":
            assert 3 < model.gamma_ < 12  # of 151 parameters
            assert 0.2 < 1 / np.sqrt(model.beta_) < 0.4  # the noise that is in the data
    assert errors["br"] < 0.12 < 0.2 < errors["lm"]


@pytest.mark.parametrize("scale", [1e-4, 1e3, 1e6])
def test_br_learns_a_target_of_another_size(scale):
    model = make("br", activation="relu", max_iter=500).fit(X, scale * Y)
    assert model.score(X, scale * Y) > 0.9 and model.stop_reason_ == "converged"
    assert 5 < model.gamma_ < 26 and model.alpha_ > 0 and model.beta_ > 0


@unconverged
def test_br_finds_the_bends_from_a_small_alpha():
    rng = np.random.default_rng(0)
    x, grid = rng.uniform(-1, 1, size=(80, 1)), np.linspace(-0.95, 0.95, 200)[:, None]
    y = np.sin(3 * np.pi * x[:, 0]) + 0.2 * rng.normal(size=80)
    errors = {}
    for alpha in (1.0, 1e-6):
        model = make("br", (20,), alpha=alpha, max_iter=400).fit(x, y)
        wrong = model.predict(grid) - np.sin(3 * np.pi * grid[:, 0])
        errors[alpha] = np.sqrt(np.mean(wrong**2)), 1 / np.sqrt(model.beta_)
    assert errors[1.0][0] > 0.5  # a start at which all is noise, in this region of w
    assert errors[1e-6][0] < 0.12 and errors[1e-6][1] == pytest.approx(0.2, rel=0.3)


@unconverged
def test_br_sees_that_there_is_nothing_to_learn():
    rng = np.random.default_rng(0)
    model = make("br").fit(rng.normal(size=(200, 2)), 1e4 * rng.normal(size=200))
    assert 1 <= model.gamma_ < 6 and np.isfinite([model.alpha_, model.beta_]).all()


def test_br_counts_a_weight_as_repetition():
    w = np.random.default_rng(0).integers(0, 4, size=80)
    rows = np.repeat(np.arange(80), w)
    rng = np.random.default_rng(5)
    start = [rng.normal(size=(2, 4)), rng.normal(size=(4, 1))]
    weighted = make("br", (4,), max_iter=20).set_params(solver=BayesianLM(tol=0))
    repeated = clone(weighted)
    with pytest.warns(ConvergenceWarning):
        weighted.fit(X, Y, w, coef_init=start)
        repeated.fit(X[rows], Y[rows], coef_init=start)
    np.testing.assert_allclose(flat(weighted), flat(repeated), rtol=1e-6)
    assert weighted.gamma_ == pytest.approx(repeated.gamma_, rel=1e-6)


@unconverged
def test_only_br_has_its_attributes():
    model = make("br", max_iter=5).fit(X, Y)
    assert {"gamma_", "alpha_", "beta_"} <= set(vars(model))
    model.set_params(solver="lm").fit(X, Y)
    assert not {"gamma_", "alpha_", "beta_"} & set(vars(model))


def test_br_finds_the_greatest_evidence_of_a_linear_model():
    # ln p(d | alpha, beta) with the intercept integrated out, from its closed form.
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(50, 6))
    d = Z[:, :2] @ [1.5, -1.0] + 0.8 * rng.normal(size=50) + 2
    centred, e = Z - Z.mean(axis=0), d - d.mean()
    eigenvalues, V = np.linalg.eigh(centred.T @ centred)
    projected = (V.T @ centred.T @ e) ** 2

    def minus_evidence(logs):
        alpha, beta = np.exp(logs)
        A = alpha + beta * eigenvalues
        F = beta / 2 * e @ e - beta**2 / 2 * (projected / A).sum()
        return F + np.log(A).sum() / 2 - 6 / 2 * logs[0] - 49 / 2 * logs[1]

    best = minimize(minus_evidence, [0.0, 0.0], method="Nelder-Mead",
                    options={"xatol": 1e-12, "fatol": 1e-14, "maxiter": 5000})  # fmt: skip
    model = BackpropRegressor((), solver=BayesianLM(tol=1e-12), max_iter=1000).fit(Z, d)
    assert model.stop_reason_ == "converged"
    alpha, beta = np.exp(best.x)
    # The evidence is flat at its top: there, a search finds the place to half of the digits only.
    np.testing.assert_allclose([model.alpha_, model.beta_], [alpha, beta], rtol=1e-6)
    found = minus_evidence(np.log([model.alpha_, model.beta_]))
    assert found == pytest.approx(best.fun, rel=1e-12)
    weights = np.linalg.solve(
        centred.T @ centred + alpha / beta * np.eye(6), centred.T @ e
    )  # fmt: skip
    np.testing.assert_allclose(model.coefs_[0][:, 0], weights, rtol=1e-6)
    gamma = (beta * eigenvalues / (alpha + beta * eigenvalues)).sum()
    assert model.gamma_ == pytest.approx(1 + gamma, rel=1e-6)


def bends(name, x):
    y = {"sine": np.sin(x), "square": np.sign(np.sin(x)), "sine 2": np.sin(2 * x)}[name]
    return y / y.std()


@unconverged
@pytest.mark.parametrize("noise", [0.05, 0.3])
@pytest.mark.parametrize(("name", "r2"), [("sine", 0.97), ("sine 2", 0.95), ("square", 0.85)])
def test_br_takes_no_bends_for_noise(name, r2, noise):
    x, grid = np.linspace(0, 10, 80), np.linspace(0.1, 9.9, 400)
    for seed in range(3):
        y = bends(name, x) + noise * np.random.default_rng(seed).normal(size=80)
        model = make("br", (10,), random_state=seed).fit((x[:, None] - 5) / 2.9, y)
        wrong = model.predict((grid[:, None] - 5) / 2.9) - bends(name, grid)
        assert 1 - np.mean(wrong**2) > r2


@unconverged
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_br_says_that_the_network_came_out_constant(scale):
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-2, 2, size=(80, 1)), scale * rng.normal(size=80)
    with pytest.warns(ConvergenceWarning, match="constant.*80 rows.*more rows.*alpha=") as caught:
        model = make("br", (10,)).fit(x, y)
    assert [w.filename for w in caught] == [__file__]
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.predict(x), y.mean(), atol=1e-3 * scale)
    assert model.gamma_ == pytest.approx(1, abs=0.02)
    assert model.beta_ == pytest.approx(79 / 80 / y.var(), rel=1e-3)
    # More rows, and a function in them: it is not held back by what it found before.
    x = rng.uniform(-2, 2, size=(80, 1))
    model.set_params(warm_start=True, max_iter=400).fit(x, scale * np.sin(2 * x[:, 0]))
    assert model.score(x, scale * np.sin(2 * x[:, 0])) > 0.9


# -- the unit of the targets -----------------------------------------------------------------------

START = [RNG.normal(size=(2, 6)), RNG.normal(size=(6, 1))]


@unconverged
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40, 1e-12, 1e-6, 1e6, 1e12])
def test_the_unit_of_y_changes_nothing(solver, scale):
    one, other = (
        make(solver, max_iter=25).fit(X, c * Y, coef_init=[START[0], c * START[1]])
        for c in (1.0, scale)
    )
    exact = np.log2(scale) % 1 == 0
    assert one.n_iter_ == other.n_iter_ and one.stop_reason_ == other.stop_reason_
    np.testing.assert_allclose(
        other.loss_curve_, scale**2 * np.array(one.loss_curve_), rtol=0 if exact else 1e-6
    )
    np.testing.assert_allclose(
        other.coefs_[0], one.coefs_[0], rtol=0 if exact else 1e-3, atol=0 if exact else 1e-3
    )


@unconverged
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_initial_weights_suit_targets_of_any_size(solver, scale):
    assert make(solver, max_iter=300).fit(X, scale * Y).score(X, scale * Y) > 0.995


@unconverged
@pytest.mark.parametrize("output", ["identity", "tanh"])
def test_scaled_problem_keeps_derivatives_and_what_is_fixed(output):
    learning = np.ones(53)
    learning[[3, -1, -4]] = 0.0
    problem = problem_of(n_units=2, learning=learning, output=output)
    problem.targets *= 1e4
    scaled, before = ScaledProblem(problem), problem.w
    assert (scaled.unit == 1.0) == (output == "tanh")
    u = scaled.start() + 0.1 * np.random.default_rng(0).normal(size=before.size)
    E, g = scaled.correction(u)
    assert E == pytest.approx(scaled.value(u), rel=1e-12)
    step = 1e-6 * np.eye(u.size)
    slope = [(scaled.value(u - h) - scaled.value(u + h)) / 2e-6 for h in step]
    np.testing.assert_allclose(g, slope, rtol=1e-4, atol=1e-4 * np.abs(g).max())
    assert scaled.cost(E) == pytest.approx(problem.value(scaled._w(u)), rel=1e-12)
    scaled.accept(u)
    np.testing.assert_array_equal(problem.w[learning == 0], before[learning == 0])


EXTREMES = {
    "y 1e300": (X, 1e300 * Y), "y 1e150": (X, 1e150 * Y), "y 1e-300": (X, 1e-300 * Y),
    "y 1e-150": (X, 1e-150 * Y), "X 1e40": (1e40 * X, Y), "X 1e150": (1e150 * X, Y),
    "X 1e300": (1e300 * X, Y), "X 1e-300": (1e-300 * X, Y), "both": (1e150 * X, 1e150 * Y),
    "far off": (X, 1e9 + Y), "constant": (X, np.full(80, 1e6)),
}  # fmt: skip


@unconverged
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_end_in_a_result_or_a_divergence(name, solver, activation):
    from skbackprop import DivergenceError

    rows, targets = EXTREMES[name]
    model = make(solver, activation=activation, max_iter=60)
    try:
        model.fit(rows, targets)
    except DivergenceError:
        assert name in ("y 1e300", "X 1e150", "X 1e300", "both")
    assert np.isfinite(flat(model)).all()


@unconverged
@pytest.mark.parametrize("weight", [1e-320, 1e-200, 1e200, 1e308])
def test_br_with_weights_of_any_size(weight):
    model = make("br", max_iter=60).fit(X, Y, np.full(80, weight))
    assert np.isfinite([model.gamma_, model.alpha_]).all() and np.isfinite(flat(model)).all()
    assert (np.ptp(model.predict(X)) < 1e-3) == (weight < 1)  # less than one row, or many


# -- all solvers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["lbfgs", "scg"])
def test_solvers_find_the_logistic_regression(solver):
    y = (Y > 0.3).astype(int)
    alpha = 1e-3
    ours = BackpropClassifier((), solver=solver, alpha=alpha, max_iter=2000).fit(X, y)
    theirs = LogisticRegression(C=1 / (alpha * 80), tol=1e-10).fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_[0], rtol=1e-2)
    assert ours.stop_reason_ == "converged"


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_find_the_least_squares_line(solver):
    model = BackpropRegressor((), solver=solver, max_iter=1000).fit(X, Y2)
    expected, *_ = np.linalg.lstsq(np.c_[X, np.ones(80)], Y2, rcond=None)
    tolerance = 0.05 if solver == "br" else 1e-3  # it has a prior
    np.testing.assert_allclose(model.coefs_[0], expected[:2], atol=tolerance)
    np.testing.assert_allclose(model.intercepts_[0], expected[2], atol=tolerance)
    assert model.stop_reason_ in ("converged", "stalled")


@unconverged
@pytest.mark.parametrize("solver", SOLVERS)
class TestEverySolver:
    def test_counts(self, solver):
        model = make(solver, max_iter=7).fit(X, Y)
        assert model.n_iter_ == model.n_updates_ == len(model.loss_curve_) == 7
        assert model.t_ == 7 * 80 and model.stop_reason_ == "max_iter"

    def test_loss_is_the_cost_of_the_weights(self, solver):
        model = make(solver, max_iter=5).fit(X, Y2)
        cost = 0.5 * ((Y2 - model.predict(X)) ** 2).sum(axis=1).mean()
        assert model.loss_ == pytest.approx(cost, rel=1e-10)

    def test_float32(self, solver):
        model = make(solver, max_iter=20).fit(X.astype(np.float32), Y)
        assert {W.dtype for W in (*model.coefs_, *model.intercepts_)} == {np.dtype(np.float32)}
        assert model.predict(X.astype(np.float32)).dtype == np.float32
        assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]

    def test_sample_weight_is_repetition(self, solver):
        w = np.random.default_rng(0).integers(0, 4, size=80)
        rows = np.repeat(np.arange(80), w)
        weighted = make(solver, max_iter=8, alpha=1e-3)
        repeated = clone(weighted).fit(X[rows], Y[rows])
        weighted.fit(X, Y, w)
        np.testing.assert_allclose(flat(weighted), flat(repeated), rtol=1e-5, atol=1e-7)

    @pytest.mark.parametrize("kind", [None, "csr"])
    def test_sparse(self, solver, kind):
        from scipy.sparse import csr_array

        Z = X * (np.abs(X) > 0.3)
        dense = make(solver, max_iter=6).fit(Z, Y)
        sparse = make(solver, max_iter=6).fit(csr_array(Z), Y)
        np.testing.assert_allclose(flat(dense), flat(sparse), rtol=1e-6, atol=1e-9)

    def test_frozen_and_cut_weights_stay(self, solver):
        cut = np.array([[1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 1, 0]])
        model = make(solver, (6, 4), mask=[cut, False, None], max_iter=6).fit(X, Y)
        start = make("sgd", (6, 4), mask=[cut, False, None], max_iter=1, eta=1e-300).fit(X, Y)
        assert (model.coefs_[0][cut == 0] == 0).all() and (model.coefs_[0][cut == 1] != 0).all()
        np.testing.assert_array_equal(model.coefs_[1], start.coefs_[1])
        np.testing.assert_array_equal(model.intercepts_[1], 0.0)
        assert (model.coefs_[2] != start.coefs_[2]).all()

    def test_early_stopping_keeps_the_best(self, solver):
        noise = np.random.default_rng(0).normal(size=80)
        model = make(solver, (15,), early_stopping=True, validation_fraction=0.3, tol=0.0)
        model.fit(X, Y + noise)
        best = int(np.argmax(model.validation_scores_))
        assert model.best_iter_ == best + 1
        assert model.best_validation_score_ == model.validation_scores_[best]

    def test_max_time(self, solver):
        model = make(solver, (15,), max_iter=100000, max_time=1e-9).fit(X, Y)
        assert model.stop_reason_ == "max_time" and model.n_iter_ == 1

    def test_pickles_and_clones(self, solver):
        model = pickle.loads(pickle.dumps(make(solver, max_iter=5).fit(X, Y)))
        np.testing.assert_array_equal(clone(model).fit(X, Y).predict(X), model.predict(X))

    def test_goes_on_online_with_another_solver(self, solver):
        model = make(solver, max_iter=30).fit(X, Y)
        with pytest.raises(AttributeError) as error:
            model.partial_fit(X, Y)
        assert f"partial_fit is not available with solver='{solver}'" in str(error.value.__cause__)
        assert not hasattr(model, "partial_fit")
        model.set_params(solver="sgd", eta=1e-3)
        assert hasattr(model, "partial_fit")
        before = flat(model)
        model.partial_fit(X[:5], Y[:5])
        assert model.n_updates_ == 35 and 0 < np.abs(flat(model) - before).max() < 0.01

    def test_grid_search_over_its_parameters(self, solver):
        search = GridSearchCV(
            make(clone(SOLVERS[solver]), max_iter=3), {"solver__min_grad": [1e-3, 1e-6]}, cv=2
        ) if "min_grad" in SOLVERS[solver].get_params() else None  # fmt: skip
        assert search.fit(X, Y).best_score_ > -1

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("batch_size", 1), ("batch_size", 79), ("dropout", 0.2), ("dropout", [0.1, 0.0]),
            ("noise", 0.1), ("eta", 0.1), ("eta", [0.1, 0.0]), ("eta_schedule", "invscaling"),
            ("max_grad_norm", 1.0), ("max_norm", 1.0),
        ],
    )  # fmt: skip
    def test_refuses_by_name(self, solver, name, value):
        model = make(solver, **{name: value})
        with pytest.raises(ValueError, match=rf"{name}=.*solver='{solver}'.*'(adam|sgd)'"):
            model.fit(X, Y)
        assert not hasattr(model, "coefs_")

    def test_refuses_l1(self, solver):
        with pytest.raises(ValueError, match="(l1_ratio|alpha)=.*solver="):
            make(solver, alpha=0.1, l1_ratio=0.5).fit(X, Y)
        make(solver, l1_ratio=0.5, max_iter=1).fit(X, Y)  # a share of nothing


@unconverged
@pytest.mark.parametrize("solver", ["scg", "lm", "br"])
def test_warm_start_resumes(solver):
    whole = make(solver, max_iter=20, hidden=(4,)).fit(X, Y2)
    parts = make(solver, max_iter=10, hidden=(4,), warm_start=True).fit(X, Y2)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, Y2)
    # br estimates its alpha and beta anew from the same weights.
    np.testing.assert_allclose(flat(parts), flat(whole), rtol=1e-9)
    assert parts.n_updates_ == 20 and len(parts.loss_curve_) == 20 and parts.n_iter_ == 10


@unconverged
def test_interrupted_solver_leaves_the_last_whole_iteration():
    def interrupt(estimator, X_, y):
        if interrupt.count == 3:
            raise KeyboardInterrupt
        interrupt.count += 1
        return 0.0

    interrupt.count = 0
    model = make("lm", scoring=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, X_val=X, y_val=Y)
    assert model.stop_reason_ == "interrupted"
    expected = make("lm", max_iter=4).fit(X, Y)
    np.testing.assert_array_equal(flat(model), flat(expected))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_that_is_not_finite_is_a_divergence(solver):
    from skbackprop import DivergenceError

    big = [np.full((2, 6), 1e200), np.full((6, 1), 1e200)]
    with pytest.raises(DivergenceError, match="not finite"):
        make(solver, activation="relu").fit(X, Y, coef_init=big)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_at_the_optimum_has_its_cost(solver):
    model = make(solver, ()).fit(X, np.full(80, 2.0), coef_init=[np.zeros((2, 1))])
    assert model.stop_reason_ == "converged" and model.n_iter_ == len(model.loss_curve_) >= 1
    assert model.loss_ == model.best_loss_ == pytest.approx(0.0, abs=1e-20)
    np.testing.assert_allclose(model.predict(X), 2.0)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=list(SOLVERS))
def test_parameters_are_checked(solver):
    for name in solver.get_params():
        with pytest.raises(ValueError, match=f"{name} of {type(solver).__name__} is -1"):
            make(clone(solver).set_params(**{name: -1})).fit(X, Y)


def test_unknown_solver_names_the_choices():
    with pytest.raises(ValueError, match="'adam'.*'br'.*'lbfgs'.*'lm'.*'scg'.*'sgd'"):
        make("lbgfs").fit(X, Y)
    with pytest.raises(TypeError, match="LBFGS: give an instance"):
        resolve_solver(LBFGS)
