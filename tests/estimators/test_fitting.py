"""One call of fit: stopping, validation, warm start."""

import re
import warnings

import numpy as np
import pytest
from estimator_cases import ONLINE, TARGETS, N, X, flat, make
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    RULES,
    BackpropRegressor,
    DivergenceError,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", TARGETS)
def test_early_stopping(kind):
    y = TARGETS[kind]
    model = make(kind, early_stopping=True, max_iter=500, eta=0.05, validation_fraction=0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model.fit(X, y)
    scores = model.validation_scores_
    assert model.n_iter_ == len(scores) == len(model.loss_curve_) < 500
    assert len(model.validation_loss_curve_) == len(scores)
    assert model.best_validation_score_ == max(scores)
    # n_iter_no_change epochs in a row have not improved by tol
    best = np.maximum.accumulate(scores)
    assert (np.array(scores[-10:]) <= best[-12] + model.tol).all()
    assert model.t_ == model.n_iter_ * round(0.7 * N)  # the held-out rows are not trained on


def test_early_stopping_keeps_the_best_weights():
    y = TARGETS["regression"]
    model = make("regression", early_stopping=True, eta=0.3, max_iter=60, n_iter_no_change=np.inf)
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    scores = model.validation_scores_
    assert scores[-1] < max(scores)
    assert model.score(X[40:], y[40:]) == pytest.approx(model.best_validation_score_, abs=1e-12)
    best = int(np.argmax(scores))
    stopped = make("regression", eta=0.3, max_iter=best + 1, n_iter_no_change=np.inf)
    np.testing.assert_array_equal(flat(model), flat(stopped.fit(X[:40], y[:40])))


def test_early_stopping_in_a_second_fit_keeps_the_best_of_both():
    # best_validation_score_ is the score of the weights that are kept, also after a warm start.
    y = TARGETS["regression"]
    validation = {"X_val": X[40:], "y_val": y[40:]}
    model = make("regression", early_stopping=True, warm_start=True, max_iter=40, eta=0.01)
    model.fit(X[:40], y[:40], **validation)
    first = model.best_validation_score_
    model.set_params(solver="sgd", eta=0.5, max_iter=2).fit(X[:40], -5 * y[:40], **validation)
    assert max(model.validation_scores_[-2:]) < first  # the second fit made it worse
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X[40:], y[40:]) == pytest.approx(model.best_validation_score_, abs=1e-9)


def each_beside_two(names):
    """All pairs of names; those of a name with itself or the next are quick, the rest matrix."""
    return [
        pytest.param(first, second, marks=() if (j - i) % len(names) < 2 else pytest.mark.matrix)
        for i, first in enumerate(names)
        for j, second in enumerate(names)
    ]


@pytest.mark.parametrize(("first", "second"), each_beside_two(ONLINE))
def test_early_stopping_in_a_second_fit_with_another_solver(first, second):
    # The state that is kept with the best weights is that of their solver.
    y = TARGETS["regression"]
    validation = {"X_val": X[40:], "y_val": y[40:]}
    model = make("regression", solver=first, early_stopping=True, warm_start=True, eta=0.01)
    model.fit(X[:40], y[:40], **validation)
    best = flat(model)
    model.set_params(solver=second, eta=0.5, max_iter=2).fit(X[:40], -5 * y[:40], **validation)
    np.testing.assert_array_equal(flat(model), best)
    for solver in (second, first):
        model.set_params(solver=solver, eta=1e-3).partial_fit(X, y)
        assert model._model.state.rule_state.shape == (RULES[solver].n_slots, best.size)


def test_early_stopping_in_a_second_fit_holds_out_the_same_rows():
    # Rows that the first fit was trained on say nothing about generalisation in the second.
    held_out = []

    def spy(estimator, X, y):
        held_out.append(X)
        return 0.0

    model = BackpropRegressor(
        (4,), early_stopping=True, scoring=spy, warm_start=True, max_iter=1, random_state=0
    )
    model.fit(X, TARGETS["regression"]).fit(X, TARGETS["regression"])
    np.testing.assert_array_equal(*held_out)
    assert 1 < len(held_out[0]) < len(X) / 2


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_validation_rows_are_recorded_without_early_stopping(kind):
    y = TARGETS[kind]
    plain = make(kind, max_iter=7).fit(X, y)
    w = np.linspace(0, 1, 20)
    model = make(kind, max_iter=7).fit(X, y, X_val=X[:20], y_val=y[:20], sample_weight_val=w)
    np.testing.assert_array_equal(flat(model), flat(plain))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 7
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[:20], y[:20], w))
    assert plain.validation_scores_ is None and plain.best_validation_score_ is None
    assert plain.validation_loss_curve_ is None


def test_validation_loss_is_the_cost():
    y = TARGETS["regression"]
    w = np.linspace(0, 1, 20)
    model = make("regression", max_iter=3, alpha=0.1).fit(
        X, y, X_val=X[:20], y_val=y[:20], sample_weight_val=w
    )
    e = y[:20] - model.predict(X[:20])
    cost = np.average(0.5 * e**2, weights=w)
    cost += 0.1 * 0.5 * sum((W**2).sum() for W in model.coefs_)
    assert model.validation_loss_curve_[-1] == pytest.approx(cost, rel=1e-12)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", ONLINE)
def test_warm_start_goes_on(kind, solver):
    y = TARGETS[kind]
    params = {"solver": solver, "n_iter_no_change": np.inf, "batch_size": 9, "shuffle": True}
    whole = make(kind, **params, max_iter=6).fit(X, y)
    model = make(kind, **params, max_iter=2, warm_start=True)
    for _ in range(3):
        model.fit(X, y)
        assert model.n_iter_ == 2
    np.testing.assert_array_equal(flat(model), flat(whole))
    assert model.loss_curve_ == whole.loss_curve_
    assert (model.t_, model.n_updates_) == (whole.t_, whole.n_updates_)
    assert model.best_loss_ == min(model.loss_curve_) == whole.best_loss_


def test_best_loss_after_a_warm_start_that_made_it_worse():
    y = TARGETS["regression"]
    model = make("regression", warm_start=True).fit(X, y)
    model.fit(X, 10 * y)
    assert model.best_loss_ == min(model.loss_curve_)


def test_warm_start_refuses_what_it_cannot_go_on_from():
    model = make("regression", warm_start=True).fit(X, TARGETS["regression"])
    before = flat(model)
    for params in ({"hidden_layer_sizes": (9,)}, {"activation": "tanh"}):
        with pytest.raises(ValueError, match="structure"):
            clone(model).fit(X, TARGETS["regression"]).set_params(**params).fit(
                X, TARGETS["regression"]
            )
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.fit(X[:, :3], TARGETS["regression"])
    with pytest.raises(ValueError):
        model.fit(X, TARGETS["two_targets"])
    np.testing.assert_array_equal(flat(model), before)


def test_refit_starts_anew():
    y = TARGETS["multiclass"]
    model = make("multiclass").fit(X, y)
    first = flat(model)
    np.testing.assert_array_equal(flat(model.fit(X, y)), first)
    assert model.t_ == model.n_iter_ * N
    model.fit(X[:, :2], y % 2)
    assert model.n_features_in_ == 2 and model.n_outputs_ == 1
    model.partial_fit(X[:, :2], y % 2)


@pytest.mark.parametrize("value", [True, 1])
def test_verbose(value, capsys):
    make("regression", max_iter=3, verbose=value).fit(X, TARGETS["regression"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("epoch 2/3, loss ") and lines[3].startswith("stopped (max_iter)")
    make("regression", max_iter=3, verbose=value, early_stopping=True).fit(X, TARGETS["regression"])
    out = capsys.readouterr().out
    assert len(re.findall("loss .*, score .*, eta .* left, validation loss ", out)) == 3
    make("regression", tol=1e9, verbose=value).fit(X, TARGETS["regression"])
    assert "stopped (no_improvement)" in capsys.readouterr().out
    make("regression", max_iter=3).fit(X, TARGETS["regression"])
    assert capsys.readouterr().out == ""


def test_not_converged_warns():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2\b.*raise max_iter") as caught:
        make("regression", max_iter=2).fit(X, TARGETS["regression"])
    assert caught[0].filename == __file__  # it points at the caller's line


def test_loss_curve_is_the_cost():
    # A full batch: each epoch's figure is the cost of the weights before its update.
    y, rng = TARGETS["two_targets"], np.random.default_rng(0)
    start = [rng.normal(size=(4, 8)), rng.normal(size=(8, 2))]
    model = make(
        "two_targets", activation="tanh", batch_size=N, max_iter=1, alpha=0.3, l1_ratio=0.4
    )
    model.fit(X, y, coef_init=start, intercept_init=[np.zeros(8), np.zeros(2)])
    e = y - np.tanh(X @ start[0]) @ start[1]
    cost = 0.5 * (e**2).sum(axis=1).mean()
    cost += 0.3 * sum(0.4 * np.abs(W).sum() + 0.3 * (W**2).sum() for W in start)
    assert model.loss_ == pytest.approx(cost, rel=1e-12)


def test_named_labels_go_on_in_a_warm_start():
    Y = TARGETS["multilabel"]
    names = [2, 3, 5]
    model = make("multilabel", warm_start=True).partial_fit(X, Y, classes=names)
    model.fit(X, Y)
    assert model.classes_.tolist() == names


def test_one_validation_row_is_too_few_to_stop_by():
    model = make("regression", early_stopping=True)
    y = TARGETS["regression"]
    with pytest.raises(ValueError, match="validation set is too small"):
        model.fit(X, y, X_val=X[:1], y_val=y[:1])


def test_a_refused_first_pass_is_not_counted():
    model = make("regression", solver="sgd", eta=1e300)
    with pytest.raises(DivergenceError):
        model.partial_fit(X, TARGETS["regression"])
    assert model.n_iter_ == 0


def test_one_row_of_fit_is_the_online_rule():
    y = TARGETS["regression"][:1]
    fitted = make("regression", max_iter=1).fit(X[:1], y)
    online = make("regression").partial_fit(X[:1], y)
    np.testing.assert_array_equal(fitted.coefs_[0], online.coefs_[0])
