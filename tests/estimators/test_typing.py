"""A user's script passes a strict type checker, which knows the types of all that it touches."""

import os
import subprocess
import sys
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
# Each is an error of this kind.
MISTAKES = {
    "BackpropRegressor(alpha='much')": "arg-type",
    "BackpropRegressor(engine='numba')": "arg-type",
    "BackpropClassifier(class_weight='balance')": "arg-type",
    "BackpropRegressor().loss_curve_.lower()": "attr-defined",
}
IMPORTS = "from skbackprop import BackpropClassifier, BackpropRegressor\n"


@pytest.mark.matrix
def test_scripts_of_users(tmp_path):
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(SCRIPT)
    wrong.write_text(IMPORTS + "\n".join(MISTAKES))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--config-file=", f"--cache-dir={tmp_path}", str(right), str(wrong)]
    environment = {**os.environ, "MYPYPATH": str(Path(skbackprop.__file__).parents[1])}
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = [line for line in told.stdout.splitlines() if ": error:" in line]
    assert len(found) == len(MISTAKES), told
    for line, number, code in zip(found, range(2, 9), MISTAKES.values(), strict=False):
        assert f"wrong.py:{number}: " in line and f"[{code}]" in line
