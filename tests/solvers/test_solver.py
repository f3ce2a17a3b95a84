"""What all whole-batch solvers do."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from solver_cases import RNG, Y2, X, Y, flat, make, problem_of, unconverged

from skbackprop import (
    LBFGS,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
)
from skbackprop.estimators.plan import resolve_solver
from skbackprop.solvers.solver import ScaledProblem

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
    problem.sums.targets *= 1e4
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
        np.testing.assert_array_equal(model.intercepts_[1], start.intercepts_[1])
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
