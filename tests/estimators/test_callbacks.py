"""scikit-learn's callbacks, where scikit-learn has them; and that it works without."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.estimators import callbacks

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:.*callback.*:FutureWarning"
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] - np.tanh(X[:, 1])
TARGETS = {BackpropRegressor: Y, BackpropClassifier: np.where(Y > 0, "up", "down")}
needs_callbacks = pytest.mark.skipif(
    callbacks.with_callbacks is None, reason="scikit-learn before 1.9 has no callbacks"
)
both = pytest.mark.parametrize("Estimator", TARGETS)
solvers = pytest.mark.parametrize("solver", ["adam", "lbfgs", "lm"])


def make(Estimator, solver="adam", **kw):
    return Estimator((4,), loss="squared_error", solver=solver, max_iter=6, random_state=0, **kw)


class Recorder:
    """A user's own callback: notes what it is told, and stops after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.log = []

    def setup(self, estimator, context):
        self.log.append("setup")

    def teardown(self, estimator, context):
        self.log.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.log.append((context.task_name, fitted_estimator))
        return self.stop_after is not None and context.task_id + 1 == self.stop_after

    @property
    def epochs(self):
        return [entry[1] for entry in self.log if entry[0] == "epoch"]


@needs_callbacks
@both
@solvers
def test_a_callback_sees_each_epoch_and_can_predict(Estimator, solver):
    y, recorder = TARGETS[Estimator], Recorder()
    model = make(Estimator, solver).set_callbacks(recorder).fit(X, y)
    assert recorder.log[0] == "setup" and recorder.log[-1] == "teardown"
    assert len(recorder.epochs) == model.n_iter_ == 6
    first, last = recorder.epochs[0], recorder.epochs[-1]
    np.testing.assert_array_equal(last.predict(X), model.predict(X))
    assert (first.coefs_[0] != last.coefs_[0]).any()  # copies, not views of what goes on
    plain = make(Estimator, solver).fit(X, y)
    np.testing.assert_array_equal(plain.coefs_[0], model.coefs_[0])


@needs_callbacks
@both
@solvers
def test_a_callback_can_stop_training(Estimator, solver):
    model = make(Estimator, solver).set_callbacks(Recorder(stop_after=3))
    model.fit(X, TARGETS[Estimator])
    assert model.n_iter_ == 3 and model.stop_reason_ == "callback"


@needs_callbacks
@both
def test_scoring_monitor(Estimator):
    from sklearn.callback import ScoringMonitor

    name = "r2" if Estimator is BackpropRegressor else "accuracy"
    monitor = ScoringMonitor(scoring=name)
    y = TARGETS[Estimator]
    model = make(Estimator).set_callbacks(monitor).fit(X, y)
    scores = [row[name] for row in monitor.get_logs().data if row.get(name) is not None]
    assert len(scores) >= 6 and scores[-1] == pytest.approx(model.score(X, y))


@needs_callbacks
@both
@pytest.mark.parametrize("where", ["alone", "pipeline", "search"])
def test_progress_bar_and_monitor_everywhere(Estimator, where, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    from sklearn.callback import ProgressBar, ScoringMonitor

    pytest.importorskip("rich", reason="scikit-learn draws its ProgressBar with rich")
    name = "r2" if Estimator is BackpropRegressor else "accuracy"
    monitor, bar = ScoringMonitor(scoring=name), ProgressBar()
    y, model = TARGETS[Estimator], make(Estimator)
    if where == "alone":
        model.set_callbacks(monitor, bar).fit(X, y)
    elif where == "pipeline":
        model = make_pipeline(StandardScaler(), model.set_callbacks(monitor))
        model.set_callbacks(bar).fit(X, y)
    else:
        model = GridSearchCV(model.set_callbacks(monitor), {"eta": [0.01, 0.1]}, cv=2, n_jobs=2)
        model.set_callbacks(bar).fit(X, y)
        assert model.best_estimator_.n_iter_ == 6
    assert model.predict(X).shape == y.shape
    n_fits = 5 if where == "search" else 1
    rows = [row for log in monitor.get_logs(select="all") for row in log.data]
    assert len([row for row in rows if row.get(name) is not None]) >= 6 * n_fits
    out = capsys.readouterr().out
    assert "Backprop" in out and "100%" in out


@needs_callbacks
@both
def test_a_failing_fit_tears_down_and_leaves_the_model(Estimator):
    recorder = Recorder()
    model = make(Estimator).fit(X, TARGETS[Estimator])
    before = model.coefs_[0].copy()
    model.set_callbacks(recorder)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X * np.nan, TARGETS[Estimator])
    np.testing.assert_array_equal(model.coefs_[0], before)
    model.fit(X, TARGETS[Estimator])
    assert recorder.log[-1] == "teardown"
    assert not [name for name in vars(model) if "callback_fit" in name or "teardown" in name]
    assert clone(model).fit(X, TARGETS[Estimator]).n_iter_ == 6


@both
def test_without_callbacks_nothing_is_called(Estimator, monkeypatch):
    def refuse(*args, **kw):
        raise AssertionError

    if callbacks.with_callbacks is not None:
        monkeypatch.setattr(Estimator, "_init_callback_context", refuse)
    assert make(Estimator).fit(X, TARGETS[Estimator]).n_iter_ == 6
