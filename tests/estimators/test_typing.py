"""A user's script passes a strict type checker, which knows the types of all that it touches."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import skbackprop

SCRIPT = """
from typing import assert_type

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor, DivergenceError

rng = np.random.default_rng(0)
X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
model = BackpropRegressor((10,), activation=["tanh"], eta=0.01, batch_size=10, random_state=0)
assert_type(model.fit(X, y, sample_weight=np.ones(50)), BackpropRegressor)
assert_type(model.partial_fit(X[:1], y[:1]), BackpropRegressor)
assert_type(model.predict(X), np.ndarray)
mean, deviation = model.predict(X, return_std=True)
assert_type(model.score(X, y), float)
assert_type(model.coefs_, tuple[np.ndarray, ...])
assert_type(model.loss_, float)
assert_type(model.loss_curve_, list[float])
assert_type(model.best_validation_score_, float | None)
assert_type(model.stop_reason_, str | None)
assert_type(model.n_iter_, int)
assert_type(model.alpha, float)
assert_type(model.max_iter, int)
labels = BackpropClassifier(class_weight={0: 1.0, 1: 2.0}, early_stopping=True).fit(X, y > 0)
assert_type(labels, BackpropClassifier)
assert_type(labels.partial_fit(X, y > 0, classes=[False, True]), BackpropClassifier)
assert_type(labels.predict_proba(X), np.ndarray)
assert_type(labels.decision_function(X), np.ndarray)
assert_type(labels.classes_, np.ndarray)
assert_type(labels.score(X, y > 0), float)
"""
# All that the package names, as a stranger would use it.
TOUR = """
from typing import Any, assert_type

import numpy as np

import skbackprop as sb

rng = np.random.default_rng(0)
X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
losses: list[sb.Loss] = [
    sb.AbsoluteError(), sb.CrossEntropy(label_smoothing=0.1), sb.Focal(gamma=2.0), sb.Gamma(),
    sb.GaussianNLL(), sb.Hinge(), sb.Huber(delta=1.0), sb.LogCosh(), sb.Poisson(),
    sb.Quantile([0.1, 0.9]), sb.Quantile(level=0.5), sb.SquaredError(), sb.Tweedie(power=1.5),
]
rules: list[sb.UpdateRule] = [
    sb.SGD(), sb.Adagrad(), sb.Adam(beta_1=0.9, beta_2=0.95, amsgrad=True), sb.DeltaBarDelta(),
    sb.AdamW(weight_decay=0.1), sb.IRpropMinus(), sb.IRpropPlus(), sb.Momentum(momentum=0.9),
    sb.Nadam(), sb.Nesterov(), sb.Quickprop(mu=1.75), sb.RMSprop(rho=0.9),
]
solvers: list[sb.WholeBatchSolver] = [
    sb.LBFGS(memory=10), sb.LM(mu=1e-3, max_memory=1e9), sb.SCG(), sb.BayesianLM(),
]
schedules: list[sb.Schedule] = [
    sb.Adaptive(), sb.Cosine(total_steps=100), sb.CosineRestarts(), sb.CosLog4(), sb.Step(),
    sb.Exponential(gamma=0.9), sb.InverseScaling(power=0.5), sb.OneCycle(total_steps=10),
    sb.Polynomial(), sb.SearchThenConverge(), sb.WarmUp("cosine", n_steps=3),
]


def dphi(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 - y * y)


def first_weights(n_in: int, n_out: int, rng: np.random.RandomState) -> np.ndarray:
    return rng.normal(size=(n_in, n_out))


def halving(t: float) -> float:
    return float(0.5 ** (t / 1000))


class OwnLoss(sb.Loss):
    def value(self, d: np.ndarray, y: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.asarray(np.logaddexp(d - y, y - d).sum(axis=1))

    def error(self, d: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(np.tanh(d - y))


class OwnRule(sb.UpdateRule):
    def step(self, w: Any, g: Any, state: Any, t: Any, eta: Any, cost: Any) -> None:
        w += eta * np.sign(g)


class OwnSolver(sb.WholeBatchSolver):
    def minimise(self, problem: Any, state: Any, monitor: Any) -> str | None:
        return "converged"


own = sb.Activation(np.tanh, dphi, name="own")
sb.ACTIVATIONS["own"] = own
sb.LOSSES["own"] = OwnLoss()
sb.RULES["own"] = OwnRule()
sb.SOLVERS["own"] = OwnSolver()
sb.SCHEDULES["own"] = halving
sb.INITIALIZERS["own"] = first_weights
layers = [sb.Mixed(["tanh", own]), own]
model = sb.BackpropRegressor(
    (2, 3), activation=layers, loss=losses[0], solver=rules[0], eta_schedule=schedules[0]
)
sb.BackpropRegressor(solver=solvers[0], eta_schedule=halving, weight_init=first_weights)
assert_type(model.set_params(eta=0.1), sb.BackpropRegressor)
assert_type(model.fit(X, y).gamma_, float)
trace = sb.trace_signals(model, X, y)
assert_type(trace, sb.SignalTrace)
print(trace.v, trace.y, trace.delta, trace.dw(0, sample=1), trace.db(0, sample=1))
print(trace.explain(sample=0, layer=0, neuron=0), trace.to_frame())
recording = sb.record_training(model, X, y, n_steps=5)
assert_type(recording, sb.TrainingRecord)
trace.to_html("rule.html", recording)
print(bool(sb.check_gradient(model, X, y)), list(sb.diagnose(model, X, y)))
sb.LossCurveDisplay.from_estimator(model).plot()
sb.SignalFlowDisplay.from_estimator(model, X[:1], y[:1])
sb.WeightsDisplay.from_estimator(model)
sb.GradientFlowDisplay.from_estimator(model, X, y)
sb.ActivationDisplay.from_estimator(model)
sb.PeriodicFeatures(n_features=3, random_state=0).fit(X).transform(X)
sb.RobustSmoothScaler(limit=3.0).fit_transform(X)
assert_type(sb.TabularRegressor(random_state=0).fit(X, y), sb.TabularRegressor)
assert_type(sb.TabularClassifier(random_state=0).fit(X, y > 0), sb.TabularClassifier)
assert_type(sb.StreamRegressor(random_state=0).partial_fit(X, y), sb.StreamRegressor)
assert_type(sb.StreamClassifier(random_state=0).fit(X, y > 0), sb.StreamClassifier)
print(sb.StreamRegressor().predict_one({"x": 1.0}), sb.OnlineScaler().fit(X).transform(X))
sb.BackpropRegressor(eta=sb.FanInEta(0.1), input_gain=True, scale_targets=True)
assert_type(sb.to_c(model, name="plant", precision="float"), str)
assert_type(sb.to_js(model), str)
sb.save_model(sb.TabularRegressor(max_iter=1).fit(X, y), "model.npz")
print(sb.load_model("model.npz").predict(X), sb.TRUSTED_TYPES, sb.to_onnx.__name__)
search = sb.HalvingPartialFitSearchCV(sb.BackpropRegressor(), {"eta": [0.01, 0.1]}, max_resources=3)
assert_type(search.fit(X, y), sb.HalvingPartialFitSearchCV)
assert_type(search.best_score_, float)
sb.compile_engine(verbose=True)
assert_type(sb.fit_distributed(sb.BackpropRegressor(), [X], [y]), sb.BackpropRegressor)
print(sb.Task("binary", 2), sb.DivergenceError.__name__, sb.__version__)
"""
# Each is an error of this kind.
MISTAKES = {
    "BackpropRegressor(alpha='much')": "arg-type",
    "BackpropRegressor(engine='numba')": "arg-type",
    "BackpropClassifier(class_weight='balance')": "arg-type",
    "BackpropRegressor().loss_curve_.lower()": "attr-defined",
    "Adam(lr=0.01)": "call-arg",
    "Quantile('half')": "arg-type",
}
IMPORTS = "from skbackprop import Adam, BackpropClassifier, BackpropRegressor, Quantile\n"


@pytest.mark.matrix
def test_scripts_of_users(tmp_path):
    right, tour, wrong = (tmp_path / f"{name}.py" for name in ("right", "tour", "wrong"))
    right.write_text(SCRIPT)
    tour.write_text(TOUR)
    wrong.write_text(IMPORTS + "\n".join(MISTAKES))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--config-file=", f"--cache-dir={tmp_path}", str(right), str(tour), str(wrong)]
    environment = {**os.environ, "MYPYPATH": str(Path(skbackprop.__file__).parents[1])}
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = [line for line in told.stdout.splitlines() if ": error:" in line]
    assert len(found) == len(MISTAKES), told
    for line, number, code in zip(found, range(2, 12), MISTAKES.values(), strict=False):
        assert f"wrong.py:{number}: " in line and f"[{code}]" in line


def test_the_tour_names_all():
    missing = {name for name in skbackprop.__all__ if f"sb.{name}" not in TOUR}
    assert missing == {"BackpropClassifier"}  # which the other script takes


@pytest.mark.matrix
def test_the_tour_can_be_gone(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    names = ("ACTIVATIONS", "LOSSES", "RULES", "SOLVERS", "SCHEDULES", "INITIALIZERS")
    for name in names:
        monkeypatch.setattr(skbackprop, name, dict(getattr(skbackprop, name)))
    monkeypatch.setattr(skbackprop, "compile_engine", lambda *, verbose: None)
    monkeypatch.setattr(skbackprop, "fit_distributed", lambda model, X, y: model)  # needs a cluster
    script = TOUR.replace("(X, y).gamma_, float)", "(X, y).loss_, float)")  # which br alone has
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(script, {})
