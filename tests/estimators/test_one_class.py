"""One class is a model that predicts it, with a warning."""

import pickle
import warnings

import numpy as np
import pytest
from estimator_cases import N, X
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

from skbackprop import (
    RULES,
    SOLVERS,
    BackpropClassifier,
    check_gradient,
    diagnose,
    trace_signals,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ONE = r"There is one class, 'b': the model predicts it for every row"
Y = np.full(N, "b")


def make(**params):
    return BackpropClassifier(
        **{"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0, **params}
    )


def check_predictions(model, label):
    """It is `label` everywhere, and every shape is as documented."""
    assert model.classes_.tolist() == [label]
    assert model.predict(X).tolist() == [label] * N
    np.testing.assert_array_equal(model.decision_function(X), np.zeros(N))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(model.predict_proba(X), np.ones((N, 1)))
        np.testing.assert_array_equal(model.predict_log_proba(X), np.zeros((N, 1)))
    assert all(np.isfinite(W).all() for W in (*model.coefs_, *model.intercepts_))
    assert model.loss_ >= 0.0


SETTINGS = [
    *({"solver": name} for name in {**RULES, **SOLVERS} if name not in ("lm", "br")),
    *({"solver": name, "loss": "squared_error", "activation": "tanh"} for name in ("lm", "br")),
    *({"loss": name} for name in ("focal", "hinge", "squared_error")),
    *({"output_activation": name} for name in ("logistic", "softmax")),
    *({"loss": "squared_error", "output_activation": f} for f in ("tanh", "logistic", "softmax")),
    {"early_stopping": True},
    {"early_stopping": True, "scoring": "loss"},
    {"class_weight": "balanced"},
    {"class_weight": {"b": 2.0}},
    {"batch_size": 1},
    {"dropout": 0.3, "alpha": 0.1, "noise": 0.1},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_fit(settings):
    with pytest.warns(UserWarning, match=ONE):
        model = make(**settings).fit(X, Y)
    check_predictions(model, "b")
    assert model.score(X, Y) == 1.0
    if hasattr(model, "partial_fit") and model.class_weight != "balanced":
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_predictions(model.partial_fit(X[:1], Y[:1]).partial_fit(X, Y), "b")
    check_predictions(pickle.loads(pickle.dumps(model)), "b")


@pytest.mark.parametrize("solver", [s for s, rule in RULES.items() if not rule.full_batch])
def test_partial_fit(solver):
    with pytest.warns(UserWarning, match=ONE) as caught:
        model = make(solver=solver).partial_fit(X, Y, classes=["b"])
    assert caught[0].filename == __file__
    check_predictions(model, "b")
    with pytest.raises(ValueError, match=r"not in classes \['b'\]: \['c'\]"):
        model.partial_fit(X[:1], ["c"])
    with pytest.raises(ValueError, match=r"y has labels that are not in classes \['b'\]"):
        make().partial_fit(X, np.where(X[:, 0] > 0, "b", "c"), classes=["b"])


def test_the_warning_is_told_where_fit_was_called_and_as_an_error_changes_nothing():
    with pytest.warns(UserWarning, match=ONE) as caught:
        make().fit(X, Y)
    assert caught[0].filename == __file__
    model = make().fit(X, (X[:, 0] > 0).astype(int))
    before = pickle.dumps(model)
    with pytest.raises(UserWarning, match=ONE):  # warnings are errors here
        model.fit(X, Y)
    assert pickle.dumps(model) == before
    fresh = make()
    with pytest.raises(UserWarning, match=ONE):
        fresh.partial_fit(X, Y, classes=["b"])
    assert not hasattr(fresh, "coefs_")


@pytest.mark.parametrize("given", [0, 1, 7.0, True])
def test_labels_of_any_kind(given):
    with pytest.warns(UserWarning, match="There is one class"):
        check_predictions(make().fit(X, np.full(N, given)), given)


@pytest.mark.parametrize("given", [{}, {"sample_weight": 1.0 * (X[:, 0] > 0)}])
def test_rows_with_weights_of_one_class_alone_are_told(given):
    labels = np.where(X[:, 0] > 0, "b", "c")
    model = make(class_weight=None if given else {"b": 1.0, "c": 0.0})
    with pytest.warns(UserWarning, match="All rows with a weight above zero are of one class, 'b'"):
        model.fit(X, labels, **given)
    assert (model.predict(X) == "b").all()


@pytest.mark.filterwarnings("ignore:There is one class")
def test_warm_start():
    model = make(warm_start=True).fit(X, Y)
    check_predictions(model.fit(X, Y), "b")
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        model.fit(X, np.where(X[:, 0] > 0, "b", "c"))
    model.set_params(warm_start=False).fit(X, np.where(X[:, 0] > 0, "b", "c"))
    assert model.predict_proba(X).shape == (N, 2)


@pytest.mark.filterwarnings("ignore:There is one class")
def test_validation_rows_of_another_class_are_refused():
    with pytest.raises(ValueError, match=r"validation rows.*not in classes \['b'\]: \['c'\]"):
        make().fit(X, Y, X_val=X[:3], y_val=["b", "c", "b"])
    assert make().fit(X, Y, X_val=X[:3], y_val=Y[:3]).validation_scores_[-1] == 1.0


@pytest.mark.filterwarnings("ignore:There is one class")
def test_a_constant_column_of_labels():
    labels = np.stack([np.zeros(N, int), X[:, 0] > 0, np.ones(N, int)], axis=1).astype(int)
    each = MultiOutputClassifier(make(max_iter=200)).fit(X, labels)
    assert [p.shape for p in each.predict_proba(X)] == [(N, 1), (N, 2), (N, 1)]
    for method in ("predict", "decision_function"):
        chain = ClassifierChain(make(max_iter=200), chain_method=method).fit(X, labels)
        np.testing.assert_array_equal(chain.predict(X)[:, [0, 2]], labels[:, [0, 2]])
        assert (chain.predict(X) == labels).mean() > 0.9
    assert ClassifierChain(make(), cv=2).fit(X, labels).predict(X).shape == labels.shape
    alone = make(max_iter=200).fit(X, labels)
    np.testing.assert_array_equal(alone.predict(X)[:, [0, 2]], labels[:, [0, 2]])


@pytest.mark.filterwarnings("ignore:There is one class")
def test_folds_of_one_class():
    y = (np.arange(N) >= N // 2).astype(int)
    scores = cross_val_score(make(), X, y, cv=[(range(N // 2), range(N // 2, N))])
    assert scores.tolist() == [0.0]


@pytest.mark.filterwarnings("ignore:There is one class")
def test_looking_inside():
    model = make().fit(X, Y)
    trace = trace_signals(model, X[:2], Y[:2])
    assert "class 'b'" in str(trace.explain())
    assert diagnose(model, X, Y) is not None
    check_gradient(model, X, Y)
