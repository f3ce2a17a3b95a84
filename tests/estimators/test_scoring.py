"""Validation rows, scores and the best weights, in an estimator."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer, log_loss, mean_absolute_error
from validation_cases import X, Y, regressor, unconverged

from skbackprop import Adam, BackpropClassifier, DivergenceError

IRIS = load_iris(return_X_y=True)


NAMES = np.array(["setosa", "versicolor", "virginica"])[IRIS[1]]


def classifier(**kw):
    return BackpropClassifier((8,), **{"random_state": 0, "max_iter": 30, **kw})


@unconverged
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("make", "y", "scoring"),
    [
        (regressor, Y, "neg_mean_absolute_error"),
        (regressor, Y, "r2"),
        (classifier, NAMES, "neg_log_loss"),
        (classifier, NAMES, "balanced_accuracy"),
        (classifier, NAMES, "roc_auc_ovr"),
        (classifier, NAMES == "setosa", "roc_auc"),
        (classifier, NAMES == "setosa", "f1"),
    ],
)
def test_any_scorer(make, y, scoring, early_stopping):
    data = X if make is regressor else IRIS[0]
    rows = np.random.default_rng(1).permutation(len(data))
    a, b = rows[:80], rows[80:]
    model = make(scoring=scoring, early_stopping=early_stopping)
    model.fit(data[a], y[a], X_val=data[b], y_val=y[b])
    best = len(model.validation_scores_) if not early_stopping else model.best_iter_
    score = get_scorer(scoring)(model, data[b], y[b])
    assert model.validation_scores_[best - 1] == pytest.approx(score, rel=1e-9)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_
    if early_stopping:
        assert model.best_validation_score_ == model.validation_scores_[best - 1]
    else:
        assert model.best_iter_ is None


@unconverged
def test_a_scorer_gets_the_weights_of_the_validation_rows():
    w = np.linspace(0, 1, 40)
    model = regressor(scoring="neg_mean_absolute_error")
    model.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:], sample_weight_val=w)
    expected = -mean_absolute_error(Y[80:], model.predict(X[80:]), sample_weight=w)
    assert model.validation_scores_[-1] == pytest.approx(expected)


@unconverged
def test_a_scorer_of_ones_own_knows_no_class_weights():
    """What is watched by default weighs the classes as training does; a scorer does not."""
    rows = np.random.default_rng(0).normal(size=(400, 2))
    rare = np.where(rows[:, 0] + rows[:, 1] > 1.5, "yes", "no")
    seen = []

    def accuracy(estimator, X, y):  # takes no sample_weight, and is given none
        seen.append((X, y))
        return estimator.score(X, y)

    kw = {"class_weight": {"no": 1.0, "yes": 9.0}, "early_stopping": True, "max_iter": 1}
    split = classifier(**kw).fit(rows, rare)
    own = classifier(**kw, scoring=accuracy).fit(rows, rare)
    X_val, y_val = seen[-1]
    assert own.validation_scores_ == [own.score(X_val, y_val)]
    weights = np.where(y_val == "yes", 9.0, 1.0)
    assert split.validation_scores_ == pytest.approx([split.score(X_val, y_val, weights)])
    p = split.predict_proba(X_val)
    assert split.validation_loss_curve_ == pytest.approx(
        [log_loss(y_val, p, sample_weight=weights)]
    )
    assert own.loss_ > classifier(**{**kw, "class_weight": None}).fit(rows, rare).loss_


@unconverged
@pytest.mark.parametrize("labels", [False, True])
def test_balanced_validation_rows_weigh_what_the_classes_of_training_do(labels):
    rng = np.random.default_rng(0)
    X, X_val = rng.normal(size=(200, 2)), rng.normal(size=(40, 2))
    y, y_val = (np.column_stack([A[:, 0] > 1, A[:, 1] > 0]).astype(int) for A in (X, X_val))
    y_val[:, 0] = 0  # so that one class is absent
    named = [dict(enumerate(len(y) / (2 * np.bincount(column)))) for column in y.T]
    if not labels:
        y, y_val, named = y[:, 0], y_val[:, 0], named[0]
    rows_val = {
        "X_val": X_val,
        "y_val": y_val,
        "sample_weight_val": rng.uniform(0.5, 2, len(X_val)),
    }
    curves = [
        classifier(class_weight=class_weight, max_iter=1)
        .fit(X, y, **rows_val)
        .validation_loss_curve_
        for class_weight in ("balanced", named)
    ]
    assert curves[0] == pytest.approx(curves[1])


def test_validation_rows_of_no_weight_are_refused():
    X, y = np.arange(8.0)[:, np.newaxis], [0, 1] * 4
    with pytest.raises(ValueError, match="zero for the class of every row of y_val"):
        classifier(class_weight={0: 1.0, 1: 0.0}).fit(X, y, X_val=X[:2], y_val=[1, 1])


@unconverged
def test_loss_as_score():
    model = classifier(scoring="loss", early_stopping=True, tol=0.0).fit(*IRIS)
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]
    assert model.best_iter_ == 1 + int(np.argmin(model.validation_loss_curve_))
    given = classifier(scoring="loss").fit(*IRIS, X_val=IRIS[0], y_val=IRIS[1])
    expected = log_loss(IRIS[1], given.predict_proba(IRIS[0]))
    assert given.validation_loss_curve_[-1] == pytest.approx(expected)


@unconverged
def test_a_scorer_of_ones_own_sees_a_fitted_estimator_and_the_users_labels():
    seen = []

    def scorer(estimator, X_, y):
        seen.append((set(y), estimator.predict(X_[:1]).dtype.kind, estimator.n_features_in_))
        return 0.5

    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(IRIS[0], columns=list("abcd"))
    classifier(scoring=scorer, early_stopping=True, max_iter=3).fit(frame, NAMES)
    assert len(seen) == 3
    assert seen[0] == ({"setosa", "versicolor", "virginica"}, "U", 4)


def test_unknown_scorer():
    with pytest.raises(ValueError, match="scoring.*no_such"):
        regressor(scoring="no_such", early_stopping=True).fit(X, Y)


@unconverged
def test_best_weights_are_those_of_the_best_epoch():
    stopped = regressor(early_stopping=True, tol=0.0, max_iter=400, eta=0.05).fit(X, Y)
    best = stopped.best_iter_
    assert best < stopped.n_iter_ and stopped.stop_reason_ == "no_improvement"
    up_to = regressor(early_stopping=True, tol=0.0, max_iter=best, eta=0.05).fit(X, Y)
    np.testing.assert_array_equal(up_to.predict(X), stopped.predict(X))
    assert up_to.best_iter_ == best


@unconverged
@pytest.mark.parametrize("solver", ["momentum", "adam", "nadam", "amsgrad", "irprop+", "scg"])
def test_the_solver_goes_on_from_the_best_epoch(solver):
    """With what it knew then, not what it came to know in the epochs that were thrown away."""
    solver = Adam(amsgrad=True) if solver == "amsgrad" else solver
    kw = {"early_stopping": True, "tol": 0.0, "solver": solver, "warm_start": True}
    if not isinstance(solver, str) or solver not in ("irprop+", "scg"):
        kw |= {"eta_schedule": "adaptive", "eta": 0.03}
    stopped = regressor(max_iter=300, n_iter_no_change=3, **kw).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    best = stopped.best_iter_
    assert best < stopped.n_iter_
    up_to = regressor(max_iter=best, **kw).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    assert up_to.best_iter_ == best
    for model in (stopped, up_to):
        model.set_params(early_stopping=False, max_iter=3, shuffle=False, batch_size=120)
        model.fit(X, Y)
    np.testing.assert_array_equal(up_to.predict(X), stopped.predict(X))


@unconverged
def test_bayesian_regularisation_shows_the_alpha_of_the_weights_that_it_keeps():
    rng = np.random.default_rng(0)
    noisy, rows, d = Y + 0.5 * rng.normal(size=120), *regression_rows(rng)
    kw = {"activation": "tanh", "solver": "br", "early_stopping": True}
    stopped = regressor(max_iter=200, **kw).fit(X, noisy, X_val=rows, y_val=d)
    assert stopped.best_iter_ < stopped.n_iter_
    up_to = regressor(max_iter=stopped.best_iter_, **kw).fit(X, noisy, X_val=rows, y_val=d)
    for name in ("alpha_", "beta_", "gamma_"):
        assert getattr(stopped, name) == getattr(up_to, name)


def regression_rows(rng):
    rows = rng.normal(size=(30, 3))
    return rows, np.sin(rows[:, 0]) + rng.normal(size=30)


@unconverged
@pytest.mark.parametrize("ending", [KeyboardInterrupt, DivergenceError])
def test_the_best_weights_are_kept_whatever_ends_the_fit(ending):
    def scorer(estimator, X, y):
        scorer.calls += 1
        if scorer.calls == 12:
            raise ending
        return -abs(scorer.calls - 5)  # best at the fifth epoch

    scorer.calls = 0
    model = regressor(early_stopping=True, scoring=scorer, n_iter_no_change=100)
    with pytest.raises(ending):
        model.fit(X, Y)
    scorer.calls = 0
    up_to = regressor(early_stopping=True, scoring=scorer, max_iter=5).fit(X, Y)
    assert model.best_iter_ == up_to.best_iter_ == 5
    np.testing.assert_array_equal(model.predict(X), up_to.predict(X))
    assert len(model.loss_curve_) == len(model.validation_scores_) == 11


@unconverged
def test_a_score_that_is_no_number():
    def scorer(estimator, X, y):
        scorer.calls += 1
        return np.nan if scorer.calls == 3 else 0.5

    scorer.calls = 0
    model = regressor(max_iter=4).fit(X, Y)
    before = pickle.dumps(model)
    model.set_params(early_stopping=True, scoring=scorer)
    with pytest.raises(ValueError, match="scoring=.*gives nan on the validation rows"):
        model.fit(X, Y)
    model.set_params(early_stopping=False, scoring=None)
    assert pickle.dumps(model) == before
    scorer.calls = 0  # recorded, where the fit does not go by it
    model.set_params(scoring=scorer).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    assert np.isnan(model.validation_scores_[2]) and model.best_validation_score_ == 0.5


@unconverged
@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_improvement_of_zero_is_an_improvement(early_stopping):
    still = regressor(eta=[0.0, 0.0], tol=0.0, max_iter=50, early_stopping=early_stopping)
    still.fit(X, Y, X_val=X[:9], y_val=Y[:9])
    assert still.stop_reason_ == "no_improvement" and still.n_iter_ == 12


@unconverged
def test_online_after_early_stopping():
    model = regressor(early_stopping=True, max_iter=50).fit(X, Y)
    updates, before = model.n_updates_, model.predict(X)
    copy = pickle.loads(pickle.dumps(model))
    for i in range(20):
        model.partial_fit(X[i : i + 1], Y[i : i + 1])
    copy.partial_fit(X[:20], Y[:20])
    np.testing.assert_array_equal(model.predict(X), copy.predict(X))
    assert model.n_updates_ == updates + 20
    assert 0 < np.abs(model.predict(X) - before).max() < 1.0


@unconverged
def test_best_iter_counts_on_through_a_warm_start():
    model = regressor(early_stopping=True, warm_start=True, max_iter=5, tol=0.0).fit(X, Y)
    first = model.best_iter_
    model.fit(X, Y)
    assert len(model.loss_curve_) == len(model.validation_scores_) == 10
    assert model.n_iter_ == 5 and first <= model.best_iter_ <= 10
    if model.best_iter_ > 5:
        best = model.validation_scores_[model.best_iter_ - 1]
        assert best == model.best_validation_score_
