"""Rules that take batches learn on each partition, and their networks are averaged each round."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor, DivergenceError, fit_distributed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(1)
X = RNG.uniform(-1.0, 1.0, (300, 3))
Y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
WEIGHTS = RNG.uniform(0.5, 2.0, 300)
CUTS = [0, 60, 200, 300]


def parts(A, cuts=CUTS):
    import dask

    return [dask.delayed(A[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]


def make(solver="sgd", **parameters):
    settings = {"eta": 0.05, "batch_size": 20, "max_iter": 3, "random_state": 0, "engine": "numpy"}
    return BackpropRegressor((4,), activation="tanh", solver=solver, **{**settings, **parameters})


def flat(model):
    return np.concatenate([A.ravel() for A in (*model.coefs_, *model.intercepts_)])


@pytest.mark.parametrize("solver", ["sgd", "momentum", "adam", "rmsprop"])
def test_one_partition_is_fit(threads, solver):
    alone = make(solver, shuffle=False).fit(X, Y, WEIGHTS)
    whole = (parts(A, [0, 300]) for A in (X, Y, WEIGHTS))
    model = fit_distributed(make(solver, shuffle=False), *whole)
    np.testing.assert_allclose(flat(model), flat(alone), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-12)
    assert (model.t_, model.n_updates_) == (alone.t_, alone.n_updates_)


@pytest.mark.parametrize("local_passes", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_round_is_the_weighted_mean_of_networks_trained_apart(threads, weighted, local_passes):
    # Each by partial_fit, from the same weights; sample weights of mean one over all rows.
    scale = WEIGHTS / WEIGHTS.mean() if weighted else np.ones(300)
    start = make(max_iter=1).fit(X, Y)
    weights, biases = start.coefs_, start.intercepts_
    settings = {"max_iter": 3, "shuffle": False, "weight_init": "glorot_uniform"}
    mean = [A.copy() for A in (*weights, *biases)]
    for _ in range(3):
        apart = []
        for a, b in zip(CUTS, CUTS[1:], strict=False):
            given = {"coef_init": mean[:2], "intercept_init": mean[2:]}
            model = make(**settings).partial_fit(X[a:b], Y[a:b], sample_weight=scale[a:b], **given)
            for _ in range(local_passes - 1):
                model.partial_fit(X[a:b], Y[a:b], sample_weight=scale[a:b])
            apart.append([*model.coefs_, *model.intercepts_])
        shares = [scale[a:b].sum() / 300 for a, b in zip(CUTS, CUTS[1:], strict=False)]
        mean = [
            sum(s * A for s, A in zip(shares, each, strict=True))
            for each in zip(*apart, strict=True)
        ]
    there = parts(WEIGHTS) if weighted else None
    model = fit_distributed(
        make(**settings),
        parts(X),
        parts(Y),
        there,
        coef_init=weights,
        intercept_init=biases,
        local_passes=local_passes,
    )
    for ours, theirs in zip([*model.coefs_, *model.intercepts_], mean, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    assert model.t_ == 3 * 300 * local_passes
    assert model.n_updates_ == 3 * 7 * local_passes  # those of the largest partition


def test_it_learns_and_says_so_as_fit_does(threads):
    model = make("adam", eta=0.01, max_iter=30, early_stopping=True)
    fit_distributed(model, parts(X), parts(Y), X_val=X[:50], y_val=Y[:50])
    assert model.score(X, Y) > 0.5
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    again = make("adam", eta=0.01, max_iter=30, early_stopping=True)
    fit_distributed(again, parts(X), parts(Y), X_val=X[:50], y_val=Y[:50])
    np.testing.assert_array_equal(flat(model), flat(again))
    labels = np.where(Y > 0, "up", "down")
    net = BackpropClassifier((6,), eta=0.02, max_iter=30, dropout=0.1, random_state=0)
    assert fit_distributed(net, parts(X), parts(labels)).score(X, labels) > 0.8


def test_what_is_fixed_stays_to_the_bit(threads):
    mask = [np.ones((3, 4)), np.ones((4, 1))]
    mask[0][1, 2] = mask[0][0, 3] = 0.0
    start = [RNG.normal(size=(3, 4)), RNG.normal(size=(4, 1))]
    model = make("adam", mask=mask)
    fit_distributed(model, parts(X), parts(Y), coef_init=start)
    fixed = mask[0] == 0.0
    np.testing.assert_array_equal(model.coefs_[0][fixed], start[0][fixed])
    assert (model.coefs_[0][~fixed] != start[0][~fixed]).all()


def test_a_divergence_names_the_partition_and_keeps_the_last_round(threads):
    wild = Y.copy()
    wild[100:140] = 1e200
    model = make(eta=10.0, weight_init="glorot_uniform")
    with pytest.raises(DivergenceError, match="in partition 1, at row "):
        fit_distributed(model, parts(X), parts(wild))
    assert np.isfinite(flat(model)).all() and model.stop_reason_ == "diverged"


def test_a_worker_lost_between_rounds_changes_nothing(client):
    pids = list(client.run(os.getpid).values())[:1]
    undisturbed = fit_distributed(make("adam"), parts(X), parts(Y), client=client)

    def losing(estimator, A, b):
        if pids:
            os.kill(pids.pop(), signal.SIGKILL)
        return estimator.score(A, b)

    model = make("adam", scoring=losing)
    fit_distributed(model, parts(X), parts(Y), X_val=X[:9], y_val=Y[:9], client=client)
    assert not pids
    np.testing.assert_allclose(flat(model), flat(undisturbed), rtol=1e-12, atol=1e-14)


def test_scores_beside_one_machine_are_measured(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "rounds", "--quick", "--images", tmp_path]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (line,) = re.findall(r"^\| friedman1 \| 20 \| 4 \| 1 \| (.*) \|$", run.stdout, re.M)
    scores = [float(score) for score in line.split(" | ")]
    assert len(scores) == 3 and all(0.0 < score < 1.0 for score in scores)
