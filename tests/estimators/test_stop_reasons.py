"""Why a fit ended."""

import time

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from validation_cases import X, Y, regressor

from skbackprop import BackpropRegressor, DivergenceError
from skbackprop.training.monitor import REASONS


def test_reasons():
    assert regressor(max_iter=5000).fit(X, Y).stop_reason_ == "no_improvement"
    with pytest.warns(ConvergenceWarning, match="max_iter=2.* 2 epochs.*raise max_iter or eta"):
        assert regressor(max_iter=2).fit(X, Y).stop_reason_ == "max_iter"
    with pytest.warns(ConvergenceWarning, match="max_iter=2.*raise max_iter, or scale"):
        regressor(max_iter=2, solver="lbfgs").fit(X, Y)
    with pytest.warns(ConvergenceWarning, match=r"Time limit \(max_time=1e-09\).*raise max_time"):
        model = regressor(max_time=1e-9).fit(X, Y)
    assert model.stop_reason_ == "max_time" and model.n_updates_ == 1
    model = regressor(solver="sgd", eta=1e6)
    with pytest.raises(DivergenceError):
        model.fit(X, 1e100 * Y)
    assert model.stop_reason_ == "diverged"
    assert regressor().partial_fit(X, Y).stop_reason_ is None
    text = BackpropRegressor.__doc__
    assert all(f'``"{reason}"``' in text for reason in REASONS)


def test_max_time_stops_within_an_epoch():
    rows = np.random.default_rng(0).normal(size=(20000, 3))
    model = regressor(batch_size=1, max_time=0.05)
    started = time.perf_counter()
    with pytest.warns(ConvergenceWarning, match="max_time"):
        model.fit(rows, rows[:, 0])
    assert time.perf_counter() - started < 5  # an epoch takes longer than the limit
    assert 0 < model.n_updates_ < 20000 and model.n_iter_ == 1
    assert np.isfinite(model.loss_)


def test_interrupt_is_told():
    def interrupt(t):
        if t == 7:
            raise KeyboardInterrupt
        return 1.0

    model = regressor(eta_schedule=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert model.stop_reason_ == "interrupted" and model.n_updates_ == 7
