"""Parameters that change between calls of partial_fit."""

import copy
import pickle

import numpy as np
import pytest
from online_cases import N, bits, flat, make, problem
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    Adam,
    Huber,
    InverseScaling,
    Momentum,
)


def gradient_step(model, X, y):
    """What one row moves a plain-sgd model by, at eta = 1 (on a copy)."""
    probe = copy.deepcopy(model)
    probe.set_params(solver="sgd", eta=1.0, alpha=0.0, eta_schedule=None)
    return flat(probe.partial_fit(X, y)) - flat(model)


def test_eta_takes_effect_at_the_next_call():
    X, y = problem("regression")
    model = make("regression", solver="sgd").partial_fit(X, y)
    for eta in (0.01, 0.2, np.float32(0.5), np.int64(1), np.array(0.3), [0.1, 0.0, 0.2]):
        g, start = gradient_step(model, X[:1], y[:1]), flat(model)
        model.set_params(eta=eta).partial_fit(X[:1], y[:1])
        if isinstance(eta, list):
            eta = np.repeat(eta, [W.size + b.size for W, b in zip(
                model.coefs_, model.intercepts_, strict=True)])  # fmt: skip
        np.testing.assert_allclose(flat(model) - start, eta * g, rtol=1e-9, atol=1e-15)


def test_eta_list_changed_in_place():
    X, y = problem("regression")
    eta = [0.1, 0.1, 0.1]
    model = make("regression", solver="sgd", eta=eta).partial_fit(X, y)
    start = flat(model)
    eta[:] = [0.0, 0.0, 0.0]
    model.partial_fit(X, y)
    np.testing.assert_array_equal(flat(model), start)


SETTINGS = [
    {"eta": np.float64(0.05)},
    {"eta": np.float32(0.05)},
    {"eta": np.array(0.05)},
    {"eta": (0.1, 0.0, np.float64(0.2))},
    {"eta": np.array([0.1, 0.0, 0.2])},
    {"dropout": [0.0, 0.5, 0.0]},
    {"dropout": np.zeros(3)},
    {"mask": [None, True, np.bool_(False)]},
    {"mask": (np.eye(4, 5), None, [[1], [0], [True]])},
]


@pytest.mark.parametrize("params", SETTINGS, ids=lambda params: next(iter(params)))
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_unchanged_parameters_keep_the_trainer(solver, params):
    X, y = problem("regression")
    model = make("regression", solver=solver, **params).partial_fit(X, y)
    trainer = model.partial_fit(X[:1], y[:1])._running.trainer
    assert model.partial_fit(X[:1], y[:1])._running.trainer is trainer
    assert model.partial_fit(X, y)._running.trainer is trainer
    assert copy.deepcopy(model).partial_fit(X, y)._running.trainer is not trainer


def connections():
    return [np.ones((4, 5)), None, [[1], [1], [1]]]


def cut(mask):
    mask[0][1:, 2] = 0


def cut_listed(mask):
    mask[2][1][0] = 0


def speed_up(eta):
    eta[1] = 0.5


def double(eta):
    eta *= 2.0


@pytest.mark.parametrize(
    "name, value, change",
    [
        ("eta", [0.1, 0.1, 0.1], speed_up),
        ("eta", np.array([0.1, 0.1, 0.1]), speed_up),
        ("eta", np.array(0.1), double),
        ("dropout", [0.0, 0.0, 0.0], speed_up),
        ("mask", connections(), cut),
        ("mask", connections(), cut_listed),
    ],
)
def test_what_changes_in_place_takes_effect_at_the_next_call(name, value, change):
    X, y = problem("regression")
    value = copy.deepcopy(value)  # it is changed
    model = make("regression", solver="sgd", **{name: value}).partial_fit(X, y)
    fresh = copy.deepcopy(model)
    before = pickle.loads(pickle.dumps(model))
    change(value)
    fresh.set_params(**{name: copy.deepcopy(value)})
    assert bits(model.partial_fit(X[:1], y[:1])) == bits(fresh.partial_fit(X[:1], y[:1]))
    assert bits(before.partial_fit(X[:1], y[:1])) != bits(model)


def test_alpha_takes_effect_at_the_next_call():
    X, y = problem("regression")
    model = make("regression", solver="sgd", eta=0.1).partial_fit(X, y)
    is_weight = np.concatenate([
        np.repeat([1.0, 0.0], [W.size, b.size])
        for W, b in zip(model.coefs_, model.intercepts_, strict=True)
    ])  # fmt: skip
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(alpha=0.3, l1_ratio=0.25).partial_fit(X[:1], y[:1])
    pull = 0.3 * is_weight * (0.25 * np.sign(start) + 0.75 * start)
    np.testing.assert_allclose(flat(model) - start, 0.1 * (g - pull), rtol=1e-9, atol=1e-15)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(alpha=0.0).partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(flat(model) - start, 0.1 * g, rtol=1e-9, atol=1e-15)


def test_a_new_kind_of_solver_starts_fresh():
    X, y = problem("regression")
    model = make("regression", solver="momentum", eta=0.01).partial_fit(X, y)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(solver="adam").partial_fit(X[:1], y[:1])
    # Adam's first step is eta sign(g), wherever |g| is far from epsilon.
    big = np.abs(g) > 1e-3
    assert big.sum() > 10
    np.testing.assert_allclose((flat(model) - start)[big], 0.01 * np.sign(g[big]), rtol=1e-4)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(solver="sgd").partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(flat(model) - start, 0.01 * g, rtol=1e-9, atol=1e-15)
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.set_params(solver=Momentum()).partial_fit(X[:1], y[:1])  # its old u is forgotten
    np.testing.assert_allclose(flat(model) - start, 0.01 * g, rtol=1e-9, atol=1e-15)
    assert model.n_updates_ == N + 3


def test_the_same_kind_of_solver_goes_on():
    X, y = problem("regression")
    named = make("regression", solver="adam").partial_fit(X, y).partial_fit(X, y)
    objects = make("regression", solver=Adam()).partial_fit(X, y)
    objects.set_params(solver="adam").partial_fit(X, y)
    assert bits(named) == bits(objects)


def test_settings_of_the_solver_take_effect_at_the_next_call():
    X, y = problem("regression")
    model = make("regression", solver=Momentum(0.9)).partial_fit(X, y)
    (u,) = model._model.state.rule_state.copy()
    for momentum in (0.5, 0.0):
        g, start = gradient_step(model, X[:1], y[:1]), flat(model)
        model.set_params(solver__momentum=momentum).partial_fit(X[:1], y[:1])
        u = momentum * u + 0.05 * g
        np.testing.assert_allclose(flat(model) - start, u, rtol=1e-9, atol=1e-14)
    # also when set on the object itself
    model.solver.momentum = 0.7
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(flat(model) - start, 0.7 * u + 0.05 * g, rtol=1e-9, atol=1e-14)


def test_schedule_sees_the_update_count_and_takes_effect_at_the_next_call():
    X, y = problem("regression")
    seen = []

    def schedule(t):
        seen.append(t)
        return 0.0

    model = make("regression", solver="sgd").partial_fit(X, y)
    start = flat(model)
    model.set_params(eta_schedule=schedule).partial_fit(X, y)
    model.partial_fit(X[:1], y[:1])
    assert seen == list(range(N, 2 * N + 1))
    np.testing.assert_array_equal(flat(model), start)
    for schedule, multiplier in (
        ("invscaling", (2 * N + 2) ** -0.5),
        (InverseScaling(0.8), (2 * N + 3) ** -0.8),
        ("constant", 1.0),
        (None, 1.0),
    ):
        g, start = gradient_step(model, X[:1], y[:1]), flat(model)
        model.set_params(eta_schedule=schedule).partial_fit(X[:1], y[:1])
        np.testing.assert_allclose(
            flat(model) - start, 0.05 * multiplier * g, rtol=1e-9, atol=1e-15
        )
    model.set_params(eta_schedule=InverseScaling(0.5)).partial_fit(X[:1], y[:1])
    g, start, t = gradient_step(model, X[:1], y[:1]), flat(model), model.n_updates_
    model.set_params(eta_schedule__power=0.9).partial_fit(X[:1], y[:1])
    np.testing.assert_allclose(
        flat(model) - start, 0.05 * (t + 1) ** -0.9 * g, rtol=1e-9, atol=1e-15
    )


def test_adaptive_keeps_the_eta_that_fit_reached():
    X, y = problem("regression")
    model = make(
        "regression", solver="sgd", eta=0.1, eta_schedule="adaptive", n_iter_no_change=1,
        tol=1e3, max_iter=9, shuffle=False, batch_size=N,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)  # never improves by tol: divided by 5 in every second epoch
    g, start = gradient_step(model, X[:1], y[:1]), flat(model)
    model.partial_fit(X[:1], y[:1])
    ratio = 0.1 * g / (flat(model) - start)
    divisions = np.log(np.median(ratio)) / np.log(5)
    assert divisions == pytest.approx(round(divisions), abs=1e-9)
    assert round(divisions) >= 3


STRUCTURE = [
    {"hidden_layer_sizes": (5,)},
    {"hidden_layer_sizes": (5, 4)},
    {"activation": "relu"},
    {"activation": ["tanh", "relu"]},
    {"output_activation": "tanh"},
    {"loss": "cross_entropy"},
]


@pytest.mark.parametrize("changed", STRUCTURE, ids=repr)
def test_structural_change_raises_and_predict_goes_on(changed):
    X, y = problem("binary")
    model = make("binary", loss="squared_error").partial_fit(X, y, classes=[0, 1])
    parameters = model.get_params()
    before, predictions = bits(model), model.decision_function(X)
    model.set_params(**changed)
    for rows in (slice(1), slice(None)):
        with pytest.raises(ValueError, match=next(iter(changed))):
            model.partial_fit(X[rows], y[rows])
        np.testing.assert_array_equal(model.decision_function(X), predictions)
        model.predict(X), model.predict(X[:1])
    assert bits(model) == before
    model.set_params(**{name: parameters[name] for name in changed}).partial_fit(X, y)
    assert model.n_updates_ == 2 * N


def test_the_same_structure_said_otherwise_is_no_change():
    X, y = problem("regression")
    model = make("regression").partial_fit(X, y)
    model.set_params(hidden_layer_sizes=[5, 3]).partial_fit(X, y)
    model.set_params(hidden_layer_sizes=np.array([5, 3])).partial_fit(X, y)
    assert model.n_updates_ == 3 * N


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_partial_fit_goes_on_after_fit_and_early_stopping():
    X, y = problem("multiclass", n=40)
    for early_stopping in (False, True):
        model = make("multiclass", max_iter=3, early_stopping=early_stopping).fit(X, y)
        n_updates, t = model.n_updates_, model.t_
        model.partial_fit(X, y)
        assert (model.n_updates_, model.t_) == (n_updates + 40, t + 40)
        assert model.n_iter_ == 4 and len(model.loss_curve_) == 3


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"hidden_layer_sizes": 3}, {"hidden_layer_sizes": (3,)}),
        ({"hidden_layer_sizes": (3,)}, {"hidden_layer_sizes": 3}),
        ({"hidden_layer_sizes": [3]}, {"hidden_layer_sizes": np.array([3])}),
        ({"hidden_layer_sizes": 3}, {"hidden_layer_sizes": np.int32(3)}),
        ({"activation": "tanh"}, {"activation": ["tanh", "tanh"]}),
        ({"activation": ACTIVATIONS["tanh"]}, {"activation": "tanh"}),
        ({"output_activation": "identity"}, {"output_activation": ACTIVATIONS["identity"]}),
        ({"loss": "squared_error"}, {"loss": LOSSES["squared_error"]}),
        ({"loss": Huber(1.0)}, {"loss": "huber"}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_words_for_the_same_network_are_no_change(first, then):
    X, y = problem("regression")
    model, same = (make("regression", **first).partial_fit(X, y) for _ in range(2))
    assert bits(model.set_params(**then).partial_fit(X, y)) == bits(same.partial_fit(X, y))
    model.set_params(warm_start=True, max_iter=1).fit(X, y)
    for other in ({"hidden_layer_sizes": (4, 4)}, {"activation": "relu"}, {"loss": Huber(2.0)}):
        was = {name: getattr(model, name) for name in other}
        with pytest.raises(ValueError, match="the structure can only change in a new fit"):
            model.set_params(**other).partial_fit(X, y)
        model.set_params(**was)
