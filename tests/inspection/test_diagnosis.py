"""Each illness is found in a network made to have it, and nothing in healthy ones."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
    Mixed,
    Quantile,
    diagnose,
)
from skbackprop.inspection.diagnosis import EXAMINATIONS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
SMOOTH = np.sin(X[:, 0]) + X[:, 1] ** 2 - 1
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)


def fitted(model, rows=X, d=SMOOTH):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows, d)


def started(model, rows=X, d=SMOOTH):
    """Initial weights, nothing learnt."""
    classes = {"classes": np.unique(d)} if isinstance(model, BackpropClassifier) else {}
    return model.partial_fit(rows, d, sample_weight=np.zeros(len(rows)), **classes)


def names(model, rows=X, d=SMOOTH):
    return [finding.name for finding in diagnose(model, rows, d)]


def only(name, model, rows=X, d=SMOOTH):
    """The one finding, of that name."""
    findings = diagnose(model, rows, d)
    assert [finding.name for finding in findings] == [name]
    assert findings[0].advice and f"{name}: {findings[0].message}" in repr(findings)
    return findings[0]


def tanh(*sizes, **settings):
    settings = {"activation": "tanh", "random_state": 0, **settings}
    return BackpropRegressor(sizes or (20,), **settings)


# -- healthy ---------------------------------------------------------------------------------------

COUNTS = RNG.poisson(np.exp(0.5 * X[:, 0]))
HEALTHY = [
    *((BackpropRegressor((30,), loss=loss, random_state=0, max_iter=600), X, SMOOTH)
      for loss in ("squared_error", "absolute_error", "huber", "log_cosh", "gaussian_nll",
                   Quantile([0.1, 0.5, 0.9]))),
    *((BackpropRegressor((20,), loss=loss, random_state=0, max_iter=400), X, COUNTS)
      for loss in ("poisson", "tweedie")),
    (BackpropRegressor((20,), loss="gamma", random_state=0, max_iter=400), X, np.exp(SMOOTH / 3)),
    (tanh(solver="sgd", eta=0.1, max_iter=1500), X, SMOOTH),
    (tanh(solver="lm"), X, SMOOTH),
    (tanh(8, solver="br"), X, SMOOTH),
    (tanh(solver="lbfgs", alpha=1e-3), X, SMOOTH),
    (tanh(solver="irprop+"), X, SMOOTH),
    (tanh(30, 30, 30, 30, max_iter=400), X, SMOOTH),
    (tanh(early_stopping=True, eta=0.01), X, SMOOTH),
    (tanh(eta_schedule="cosine", eta=0.03), X, SMOOTH),
    (BackpropClassifier(eta=0.003, random_state=0), IRIS, SPECIES),
    (BackpropClassifier((10,), loss="hinge", eta=0.003, random_state=0, max_iter=600),
     IRIS, SPECIES),
    (BackpropClassifier((10,), loss="focal", eta=0.003, random_state=0, max_iter=600),
     IRIS, SPECIES),
    (BackpropClassifier((10,), loss="squared_error", output_activation="logistic",
                        eta=0.003, random_state=0, max_iter=800), IRIS, SPECIES == 1),
    (BackpropClassifier((30,), eta=0.003, random_state=0, max_iter=800),
     IRIS, np.eye(3, dtype=int)[SPECIES]),
    (BackpropClassifier((30,), dropout=0.2, random_state=0), scale(load_wine().data),
     load_wine().target),
    (BackpropClassifier((40, 40, 40), random_state=0), load_digits().data[:600] / 16,
     load_digits().target[:600]),
]  # fmt: skip


@pytest.mark.parametrize(("model", "rows", "d"), HEALTHY, ids=lambda x: getattr(x, "loss", ""))
def test_silent_on_healthy_networks(model, rows, d):
    fitted(model, rows, d)
    before = pickle.dumps(model)
    assert diagnose(model, rows, d) == []
    assert diagnose(model, rows) == []
    assert pickle.dumps(model) == before
    assert repr(diagnose(model, rows, d)) == "Nothing ails this network."


@pytest.mark.parametrize("noise", [False, True])
def test_silent_on_healthy_online_training(noise):
    model = tanh(10, solver="sgd", eta=0.02)
    d = RNG.normal(size=200) if noise else SMOOTH
    for _ in range(80):
        model.partial_fit(X, d)
    assert names(model, d=d) == []


# -- neurons ---------------------------------------------------------------------------------------


def test_saturated_neurons():
    model = started(tanh(10))
    W, b = model.coefs_[0].copy(), model.intercepts_[0].copy()
    b[[2, 5, 7]] = [9.0, -9.0, 7.0]
    model.coefs_, model.intercepts_ = [W, model.coefs_[1]], [b, model.intercepts_[1]]
    finding = only("saturated_neurons", model)
    assert (finding.layer, finding.neurons, finding.figure) == (0, (2, 5, 7), 0.3)
    assert names(model, d=model.predict(X)) == []  # nothing more to learn
    assert names(model, X[:9], None) == []  # too few to tell
    b[[2, 5]] = 0.0
    model.intercepts_ = [b, model.intercepts_[1]]
    assert names(model) == []  # one in ten


def test_saturated_outputs():
    d = (SMOOTH > 0).astype(int)
    model = BackpropClassifier((5,), loss="squared_error", output_activation="logistic",
                               activation="tanh", random_state=0)  # fmt: skip
    started(model, d=d)
    model.intercepts_ = [model.intercepts_[0], np.array([12.0])]
    findings = diagnose(model, X, d)
    finding = next(f for f in findings if f.name == "saturated_outputs")
    assert finding.figure == pytest.approx(1 - d.mean()) and finding.neurons == (0,)


def test_dead_neurons():
    model = started(BackpropRegressor((10,), activation="relu", random_state=0))
    b = model.intercepts_[0].copy()
    b[[1, 4, 8]] = -50.0
    model.intercepts_ = [b, model.intercepts_[1]]
    finding = only("dead_neurons", model)
    assert (finding.layer, finding.neurons, finding.figure) == (0, (1, 4, 8), 0.3)
    assert names(model, d=None) == ["dead_neurons"]
    assert names(model, X[:9], None) == []  # they may well respond to other rows


# -- from layer to layer ---------------------------------------------------------------------------


def test_vanishing_and_exploding_gradients():
    model = started(tanh(*[10] * 6, activation="logistic"))
    finding = only("vanishing_gradient", model)
    assert finding.figure < 1e-3 and finding.layer == 0
    model = started(tanh(*[10] * 6, activation="identity"))
    model.coefs_ = [W * 8 for W in model.coefs_]
    findings = {f.name: f for f in diagnose(model, X, model.predict(X) + SMOOTH)}
    assert findings["exploding_gradient"].figure > 1e3
    assert "vanishing_gradient" not in findings


# -- eta -------------------------------------------------------------------------------------------


def test_eta_too_large():
    for solver, eta in (("sgd", 1.0), ("adam", 0.5)):
        model = tanh(solver=solver, eta=eta)
        finding = only("eta_too_large", started(model))
        assert finding.figure > 0.05
        started(model.set_params(eta=0.003))
        assert "eta_too_large" not in names(model)


def test_eta_too_small():
    model = tanh(solver="sgd", eta=1e-5)
    for _ in range(3):
        model.partial_fit(X, SMOOTH)
    finding = only("eta_too_small", model)
    assert finding.figure < 1e-3 and "times as long" in finding.message
    assert "larger eta" in finding.advice
    model = fitted(BackpropClassifier((10,), solver="sgd", eta=1e-6, class_weight="balanced",
                                      random_state=0), IRIS, SPECIES)  # fmt: skip
    assert "eta_too_small" in names(model, IRIS, SPECIES)


# -- data ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_unscaled_inputs(container):
    rows = X.copy()
    rows[:, 1] *= 1000
    model = BackpropRegressor((5,), random_state=0)
    started(model, rows)
    findings = diagnose(model, container(rows))
    assert [finding.name for finding in findings] == ["unscaled_inputs"]
    assert findings[0].neurons == (1,)
    assert findings[0].figure == pytest.approx(np.sqrt(np.mean(rows[:, 1] ** 2)))
    assert findings[0].message.startswith("Large columns of X: 1, ")
    rows[:, 1] /= 1e6
    findings = diagnose(model, container(rows))
    assert [finding.neurons for finding in findings] == [(1,)]
    assert findings[0].figure == pytest.approx(
        np.abs(rows).max() / np.abs(rows[:, 1]).max(), rel=1e-12
    )
    pipeline = fitted(make_pipeline(StandardScaler(), tanh(solver="lbfgs", alpha=1e-3)), rows)
    assert names(pipeline, rows) == []
    findings = diagnose(model, container(X * 1e-4))
    assert [finding.name for finding in findings] == ["unscaled_inputs"]
    assert findings[0].neurons == (0, 1, 2)
    assert findings[0].figure == pytest.approx(1e-4 * np.sqrt(np.mean(np.sum(X * X, axis=1))))


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_a_rarely_active_input_is_not_unscaled(container):
    often, seldom = np.ones((40_000, 1)), np.zeros((40_000, 1))
    often[::2] = -1.0
    seldom[123] = 1.0
    model = started(BackpropRegressor((5,), random_state=0), X[:, :2])
    assert diagnose(model, container(np.hstack([often, seldom]))) == []  # as it is
    assert diagnose(model, container(np.hstack([often, scale(seldom)]))) == []  # up to 200


@pytest.mark.filterwarnings("ignore:.*out of the range")
def test_unscaled_targets():
    for factor in (500.0, 1e-4):
        d = np.column_stack([SMOOTH, factor * SMOOTH])
        model = fitted(tanh(solver="lbfgs", max_iter=1000), X, d)
        finding = next(f for f in diagnose(model, X, d) if f.name == "unscaled_targets")
        assert finding.neurons == (1,)
        assert finding.figure == pytest.approx(d[:, 1].std())
    model = started(tanh(output_activation="tanh"))
    finding = next(f for f in diagnose(model, X, SMOOTH) if f.name == "unscaled_targets")
    assert finding.figure == pytest.approx((np.abs(SMOOTH) > 1).mean())
    assert "out of the range" in finding.message


def test_unlearnt_targets():
    d = np.column_stack([SMOOTH, X[:, 0]])
    model = fitted(tanh(solver="lbfgs", max_iter=1000), X, d)
    assert "unlearnt_targets" not in {f.name for f in diagnose(model, X, d)}
    W, b = model.coefs_[1].copy(), model.intercepts_[1].copy()
    W[:, 1], b[1] = 0.0, d[:, 1].mean() + 2.0 * d[:, 1].std()  # R^2 = 1 - (1 + 4)
    model.coefs_, model.intercepts_ = [model.coefs_[0], W], [model.intercepts_[0], b]
    finding = next(f for f in diagnose(model, X, d) if f.name == "unlearnt_targets")
    assert finding.neurons == (1,)
    assert finding.figure == pytest.approx(-4.0)


@pytest.mark.filterwarnings("ignore:.*out of the range")
def test_each_output_has_its_own_range():
    d = np.column_stack([SMOOTH, 5 * SMOOTH])
    model = started(tanh(output_activation=Mixed(["identity", "tanh"])), X, d)
    finding = next(f for f in diagnose(model, X, d) if f.name == "unscaled_targets")
    assert finding.neurons == (1,) and "(-1, 1)" in finding.message
    assert finding.figure == pytest.approx((np.abs(d[:, 1]) > 1).mean())
    model.intercepts_ = [model.intercepts_[0], np.array([0.0, -9.0])]
    finding = next(f for f in diagnose(model, X, d) if f.name == "saturated_outputs")
    assert finding.neurons == (1,)
    assert finding.figure == pytest.approx((d[:, 1] > 0).mean())


def test_classes_and_labels_that_are_never_predicted():
    model = fitted(BackpropClassifier(random_state=0), IRIS, SPECIES)
    b = model.intercepts_[1].copy()
    b[1] -= 100.0
    model.intercepts_ = [model.intercepts_[0], b]
    findings = {f.name: f for f in diagnose(model, IRIS, SPECIES)}
    assert findings["never_predicted"].neurons == (1,)
    assert findings["never_predicted"].figure == pytest.approx(1 / 3)
    assert findings["never_predicted"].message.startswith("Class 1 never predicted, though 33% of")
    labels = np.eye(3, dtype=int)[SPECIES]
    model = fitted(BackpropClassifier((10,), random_state=0), IRIS, labels)
    model.intercepts_ = [model.intercepts_[0], model.intercepts_[1] - [0, 0, 50]]
    for d in (labels, sparse.csr_array(labels)):
        findings = {f.name: f for f in diagnose(model, IRIS, d)}
        assert findings["never_predicted"].neurons == (2,)
        assert findings["never_predicted"].message.startswith("Label 2 never predicted, though 33%")
    labels[:, 1] = 1 - labels[:, 0]
    model.intercepts_ = [model.intercepts_[0], model.intercepts_[1] - [0, 50, 0]]
    for d in (labels, sparse.csr_array(labels)):
        findings = {f.name: f for f in diagnose(model, IRIS, d)}
        assert findings["never_predicted"].figure == pytest.approx(2 / 3)  # rows with one, or both


# -- the history -----------------------------------------------------------------------------------


def test_still_falling():
    finding = only("still_falling", fitted(tanh(max_iter=60)))
    assert finding.figure > 0.01 and "max_iter" in finding.advice
    model = fitted(tanh(max_iter=100000, max_time=0.05, tol=0, eta=0.001))
    assert "Raise max_time" in repr(diagnose(model, X, SMOOTH))


def test_divergence():
    model = tanh(activation="relu", solver="sgd", eta=50.0)
    with pytest.raises(DivergenceError):
        fitted(model)
    findings = {f.name: f for f in diagnose(model, X, SMOOTH)}
    assert "not finite" in findings["divergence"].message
    model = fitted(tanh(solver="sgd", eta=0.05, max_iter=50, n_iter_no_change=np.inf))
    model.loss_curve_ = [1.0, 0.5, 0.2, 0.4, 0.9]
    model.stop_reason_ = "no_improvement"
    findings = {f.name: f for f in diagnose(model, X, SMOOTH)}
    assert findings["divergence"].figure == pytest.approx(4.5)
    assert "from 0.2 in epoch 3 to 0.9" in findings["divergence"].message


def test_every_examination_has_its_test():
    tested = {name for name in globals() if name.startswith("test_")}
    covered = {
        "divergence": "test_divergence",
        "unscaled_inputs": "test_unscaled_inputs",
        "unscaled_targets": "test_unscaled_targets",
        "unlearnt_targets": "test_unlearnt_targets",
        "saturated_neurons": "test_saturated_neurons",
        "saturated_outputs": "test_saturated_outputs",
        "dead_neurons": "test_dead_neurons",
        "local_gradients": "test_vanishing_and_exploding_gradients",
        "eta_too_large": "test_eta_too_large",
        "eta_too_small": "test_eta_too_small",
        "never_predicted": "test_classes_and_labels_that_are_never_predicted",
        "still_falling": "test_still_falling",
    }
    assert {examination.__name__ for examination in EXAMINATIONS} == set(covered)
    assert set(covered.values()) <= tested
