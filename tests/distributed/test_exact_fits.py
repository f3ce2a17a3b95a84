"""Whole-batch fits on rows in partitions, on workers that are processes: one machine's results."""

import os
import signal

import numpy as np
import pytest

from skbackprop import LBFGS, LM, BackpropClassifier, BackpropRegressor, fit_distributed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.uniform(-1.0, 1.0, (400, 3))
Y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
WEIGHTS = RNG.uniform(0.0, 2.0, 400)
WEIGHTS[::9] = 0.0
CUTS = [0, 150, 150, 250, 260, 400]  # the second partition is empty


def parts(A):
    """A list of partitions of uneven length, as delayed objects."""
    import dask

    return [dask.delayed(A[a:b]) for a, b in zip(CUTS, CUTS[1:], strict=False)]


def regressor(solver, **parameters):
    parameters = {"activation": "tanh", "max_iter": 12, "random_state": 0, **parameters}
    return BackpropRegressor((5,), solver=solver, **parameters)


def flat(model):
    return np.concatenate([A.ravel() for A in (*model.coefs_, *model.intercepts_)])


def assert_same(ours, theirs, rtol=1e-8):
    size = np.abs(flat(theirs)).max()
    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=0.0, atol=rtol * size)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=rtol)
    assert ours.stop_reason_ == theirs.stop_reason_
    assert (ours.t_, ours.n_updates_) == (theirs.t_, theirs.n_updates_)


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_four_workers_give_the_weights_of_one_machine(client, solver):
    alone = regressor(solver).fit(X, Y)
    assert_same(fit_distributed(regressor(solver), parts(X), parts(Y), client=client), alone)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", ["lbfgs", "lm", "scg", "br", "irprop+", "irprop-", "quickprop"])
def test_every_solver_of_all_rows_is_exact(threads, solver, weighted):
    weights = WEIGHTS if weighted else None
    settings = {"scale_targets": weighted, "alpha": 0.0 if solver == "br" else 1e-3}
    alone = regressor(solver, **settings).fit(X, Y, weights)
    there = None if weights is None else parts(weights)
    model = fit_distributed(regressor(solver, **settings), parts(X), parts(Y), there)
    assert_same(model, alone)
    if solver == "br":
        assert model.gamma_ == pytest.approx(alone.gamma_, rel=1e-8)


class Losing:
    """What makes a solver lose a worker after its first iteration."""

    pid: int

    def minimise(self, problem, state, monitor):
        after_epoch, self.lost = monitor.after_epoch, []  # of this fit

        def lose(*args):
            if not self.lost:
                self.lost.append(self.pid)
                os.kill(self.pid, signal.SIGKILL)
            return after_epoch(*args)

        monitor.after_epoch = lose
        return super().minimise(problem, state, monitor)


class LosingLBFGS(Losing, LBFGS):
    pass


class LosingLM(Losing, LM):
    pass


@pytest.mark.parametrize("Solver", [LosingLBFGS, LosingLM])
def test_a_worker_lost_in_mid_fit_changes_nothing(client, Solver):
    solver = Solver()
    solver.pid = next(iter(client.run(os.getpid).values()))
    model = regressor(solver, max_iter=8)
    fit_distributed(model, parts(X), parts(Y), client=client)
    assert solver.lost == [solver.pid]
    assert solver.pid not in client.run(os.getpid).values()
    name = Solver.__name__.removeprefix("Losing").lower()
    assert_same(model, regressor(name, max_iter=8).fit(X, Y))


def test_a_classifier_of_names_with_early_stopping(threads):
    names = np.array(["low", "middle", "high"])[np.digitize(Y, [-0.4, 0.6])]
    settings = {"class_weight": "balanced", "early_stopping": True, "max_iter": 12}
    alone, model = (
        BackpropClassifier((5,), solver="lbfgs", random_state=1, **settings) for _ in range(2)
    )
    alone.fit(X, names, WEIGHTS)
    fit_distributed(model, parts(X), parts(names), parts(WEIGHTS))
    assert_same(model, alone)
    assert model.classes_.tolist() == ["high", "low", "middle"]
    np.testing.assert_array_equal(model.predict(X), alone.predict(X))
    np.testing.assert_allclose(model.validation_scores_, alone.validation_scores_)
    assert model.best_iter_ == alone.best_iter_
