"""Every loss in an estimator."""

import pickle

import numpy as np
import pytest
from loss_cases import TARGET, Z, unconverged
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import GammaRegressor, PoissonRegressor, QuantileRegressor
from sklearn.metrics import (
    d2_pinball_score,
    mean_pinball_loss,
)
from sklearn.model_selection import GridSearchCV

from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    BackpropClassifier,
    BackpropRegressor,
    Huber,
    Quantile,
    Task,
)
from skbackprop.losses.head import Head

REGRESSION = [name for name, loss in LOSSES.items() if "regression" in loss.tasks]


CLASSIFICATION = [name for name, loss in LOSSES.items() if "binary" in loss.tasks]


@unconverged
@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("targets", [TARGET, np.c_[TARGET, 2 * TARGET]], ids=["one", "two"])
def test_every_regression_loss_learns(name, targets):
    model = BackpropRegressor((16,), loss=name, eta=0.01, random_state=0).fit(Z, targets)
    assert model.score(Z, targets) > 0.5 and model.predict(Z).shape == targets.shape
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    single = BackpropRegressor((4,), loss=name, max_iter=2).fit(Z.astype(np.float32), targets)
    assert single.predict(Z.astype(np.float32)).dtype == np.float32
    if targets.ndim == 1:
        assert pickle.loads(pickle.dumps(model)).predict(Z).tolist() == model.predict(Z).tolist()


@unconverged
@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_every_classification_loss_learns(name, kind):
    y = {"binary": TARGET > 1.3, "multiclass": np.digitize(TARGET, [1.0, 1.7]),
         "multilabel": np.c_[TARGET > 1.3, Z[:, 0] > 0, Z[:, 1] > 0].astype(int)}[kind]  # fmt: skip
    model = BackpropClassifier((16,), loss=name, eta=0.01, random_state=0).fit(Z, y)
    assert model.score(Z, y) > 0.8
    assert hasattr(model, "predict_proba") == (name in ("cross_entropy", "focal"))
    assert model.decision_function(Z).shape == ((120,) if kind == "binary" else (120, 3))


@pytest.mark.parametrize("name", LOSSES)
def test_a_chunk_is_its_rows(name):
    regression = "regression" in LOSSES[name].tasks
    Estimator = BackpropRegressor if regression else BackpropClassifier
    y, first = (TARGET, {}) if regression else (TARGET > 1.3, {"classes": [False, True]})
    chunk = Estimator((5,), loss=name, random_state=0).partial_fit(Z, y, **first)
    rows = Estimator((5,), loss=name, random_state=0)
    for i in range(120):
        rows.partial_fit(Z[i : i + 1], y[i : i + 1], **first)
    np.testing.assert_array_equal(chunk._model.network.w, rows._model.network.w)


def test_linear_peers():
    y = np.round(3 * TARGET)
    fit = {"solver": "lbfgs", "max_iter": 5000, "random_state": 0}
    poisson = BackpropRegressor((), loss="poisson", **fit).fit(Z, y)
    theirs = PoissonRegressor(alpha=0, tol=1e-8, max_iter=1000).fit(Z, y)
    np.testing.assert_allclose(poisson.predict(Z), theirs.predict(Z), rtol=1e-3)
    gamma = BackpropRegressor((), loss="gamma", **fit).fit(Z, TARGET)
    theirs = GammaRegressor(alpha=0, tol=1e-8, max_iter=1000).fit(Z, TARGET)
    np.testing.assert_allclose(gamma.predict(Z), theirs.predict(Z), rtol=1e-3)
    median = BackpropRegressor((), loss="quantile", eta=0.03, eta_schedule="cosine", max_iter=2000,
                               n_iter_no_change=np.inf, random_state=0)  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        median.fit(Z, TARGET)
    theirs = QuantileRegressor(quantile=0.5, alpha=0).fit(Z, TARGET)
    ours, best = (mean_pinball_loss(TARGET, m.predict(Z)) for m in (median, theirs))
    assert best <= ours < 1.002 * best


@unconverged
def test_quantiles_do_not_cross_and_cover():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(600, 1))
    y = x[:, 0] + (0.2 + 0.3 * (x[:, 0] > 0)) * rng.normal(size=600)
    levels = [0.1, 0.5, 0.9]
    model = BackpropRegressor((20,), loss=Quantile(levels), eta=0.01, random_state=0).fit(x, y)
    q = model.predict(x)
    assert q.shape == (600, 3) and (np.diff(q, axis=1) >= 0).all()
    np.testing.assert_allclose((y[:, None] < q).mean(axis=0), levels, atol=0.05)
    untrained = BackpropRegressor((20,), loss=Quantile(levels), random_state=0)
    far = untrained.partial_fit(x[:1], y[:1]).predict(100 * x)
    assert (np.diff(far, axis=1) >= 0).all()
    scores = [d2_pinball_score(y, q[:, j], alpha=level) for j, level in enumerate(levels)]
    assert min(scores) < model.score(x, y) < max(scores)
    one = BackpropRegressor((20,), loss=Quantile(0.9), max_iter=50, random_state=0).fit(x, y)
    w = rng.uniform(size=600)
    assert one.predict(x).shape == (600,)
    for weight in (None, w):
        peer = d2_pinball_score(y, one.predict(x), alpha=0.9, sample_weight=weight)
        assert one.score(x, y, weight) == pytest.approx(peer, abs=2e-3)


@unconverged
def test_a_score_of_quantiles_needs_a_target_and_a_weight_for_each_row():
    for loss, y in ((Quantile([0.1, 0.9]), TARGET), (Quantile(0.5), np.c_[TARGET, TARGET])):
        model = BackpropRegressor((3,), loss=loss, max_iter=2, random_state=0).fit(Z, y)
        assert np.isfinite(model.score(Z, y))
        for bad in (y[: len(Z) // 2], y[:5], np.repeat(TARGET, 2)):
            with pytest.raises(ValueError, match="inconsistent numbers of samples"):
                model.score(Z, bad)
        with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\)"):
            model.score(Z, y, sample_weight=np.ones(3))
        with pytest.raises(ValueError, match="different number of output"):
            model.score(Z, np.c_[TARGET, TARGET, TARGET])


@unconverged
def test_deviation_is_that_of_the_data():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(2000, 1))
    sigma = np.where(x[:, 0] > 0, 0.5, 0.1)
    y = 2 * x[:, 0] + sigma * rng.normal(size=2000)
    model = BackpropRegressor((20,), activation="tanh", loss="gaussian_nll", solver="lbfgs",
                              random_state=0).fit(x, y)  # fmt: skip
    mean, std = model.predict(x, return_std=True)
    assert mean.shape == std.shape == (2000,)
    np.testing.assert_array_equal(mean, model.predict(x))
    for inside, true in ((x[:, 0] > 0.2, 0.5), (x[:, 0] < -0.2, 0.1)):
        assert np.median(std[inside]) == pytest.approx(true, rel=0.15)
    assert np.mean(np.abs(y - mean) < std) == pytest.approx(0.683, abs=0.03)
    pair = BackpropRegressor((5,), loss="gaussian_nll", max_iter=3).fit(x, np.c_[y, y])
    assert [part.shape for part in pair.predict(x, return_std=True)] == [(2000, 2)] * 2
    with pytest.raises(ValueError, match="return_std=True .*'gaussian_nll'.*'squared_error'"):
        BackpropRegressor((5,), max_iter=3).fit(x, y).predict(x, return_std=True)


@unconverged
def test_settings_are_searched_and_fixed_once_fitted():
    search = GridSearchCV(BackpropRegressor((4,), loss=Huber(), max_iter=3),
                          {"loss__delta": [0.1, 1.0]}, cv=2).fit(Z, TARGET)  # fmt: skip
    assert search.best_params_["loss__delta"] in (0.1, 1.0)
    model = BackpropRegressor((4,), loss=Huber()).partial_fit(Z, TARGET)
    model.loss.delta = 0.3
    with pytest.raises(ValueError, match="loss is Huber.delta=0.3.*fitted with Huber"):
        model.partial_fit(Z, TARGET)


@unconverged
@pytest.mark.parametrize("name", REGRESSION)
def test_fit_begins_at_the_best_constant(name):
    # One step of nothing from no hidden layer and no weights: the constant itself.
    model = BackpropRegressor((), loss=name, solver="sgd", eta=1e-300, max_iter=1)
    model.fit(Z, TARGET, coef_init=[np.zeros((3, 2 if name == "gaussian_nll" else 1))])
    v = model.intercepts_[0].copy()
    cost = model.loss_
    for j in range(len(v)):
        for step in (0.05, -0.05):
            model.intercepts_ = [v + step * (np.arange(len(v)) == j)]
            moved = clone(model).fit(Z, TARGET, coef_init=model.coefs_,
                                     intercept_init=model.intercepts_)  # fmt: skip
            slack = 2e-3 if name in ("huber", "log_cosh") else 0.0  # they begin at the median
            assert moved.loss_ > cost - slack


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_needs_no_head_for_its_formulas(name):
    loss, v = LOSSES[name], np.array([[0.3, -0.2], [1.1, 0.4]])
    y = Head(loss, Task(loss.tasks[-1], 2 // loss.units_per_target)).output.phi(v)
    if name in ("cross_entropy", "focal"):  # of classes, unless it is told otherwise
        y = ACTIVATIONS["softmax"].phi(v)
    d = np.array([[0.0, 1.0], [1.0, 0.0]]) + (name == "gamma")
    assert loss.value(d, y, v).shape == (2,) and loss.error(d, y).shape == (2, 2)
    assert isinstance(loss.units_per_target, int) and loss.prediction(y).shape[0] == 2
