"""Bayesian regularisation."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import BayesianRidge
from solver_cases import X, Y, flat, make, unconverged

from skbackprop import (
    BackpropRegressor,
    BayesianLM,
)


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
        model = make("br", (10,), random_state=1).fit(x, y)
    assert [w.filename for w in caught] == [__file__]
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.predict(x), y.mean(), atol=1e-3 * scale)
    assert model.gamma_ == pytest.approx(1, abs=0.02)
    assert model.beta_ == pytest.approx(79 / 80 / y.var(), rel=1e-3)
    # More rows, and a function in them: it is not held back by what it found before.
    x = rng.uniform(-2, 2, size=(80, 1))
    model.set_params(warm_start=True, max_iter=400).fit(x, scale * np.sin(2 * x[:, 0]))
    assert model.score(x, scale * np.sin(2 * x[:, 0])) > 0.9


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_br_goes_on_where_nothing_is_left_to_fit():
    """The decay that it comes back with is below the round-off of the Hessian."""
    X = np.random.default_rng(0).normal(size=(600, 20))
    model = BackpropRegressor((8,), solver="br", warm_start=True, max_iter=30, tol=0.0)
    model.set_params(random_state=0).fit(X, X[:, 0]).fit(X, X[:, 0])
    assert model.loss_ < 1e-15 and np.isfinite(model.alpha_)
