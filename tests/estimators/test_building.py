"""From parameters to a network: weights, activations, etas."""

import copy

import numpy as np
import pytest
from estimator_cases import TARGETS, N, X, flat, make
from sklearn.exceptions import NotFittedError

from skbackprop import (
    ACTIVATIONS,
    INITIALIZERS,
    RULES,
    Activation,
    BackpropClassifier,
    BackpropRegressor,
    Mixed,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_start_from_given_weights():
    y = TARGETS["regression"]
    donor = make("regression").fit(X, y)
    frozen = {"solver": "sgd", "eta": [0.0, 0.0]}
    for model in (
        make("regression", **frozen, max_iter=1).fit(
            X, y, coef_init=donor.coefs_, intercept_init=donor.intercepts_
        ),
        make("regression", **frozen).partial_fit(
            X, y, coef_init=donor.coefs_, intercept_init=donor.intercepts_
        ),
        make("regression", **frozen).partial_fit(
            X, y, coef_init=[W.tolist() for W in donor.coefs_], intercept_init=donor.intercepts_
        ),
    ):
        np.testing.assert_array_equal(flat(model), flat(donor))
    biases_only = make("regression", **frozen).partial_fit(X, y, intercept_init=donor.intercepts_)
    np.testing.assert_array_equal(biases_only.intercepts_[1], donor.intercepts_[1])


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("coef_init", [np.zeros((4, 8))], r"\(8, 1\)"),
        ("coef_init", [np.zeros((8, 4)), np.zeros((8, 1))], r"\(4, 8\)"),
        ("coef_init", [np.zeros((4, 8)), np.full((8, 1), np.nan)], "finite"),
        ("coef_init", [np.zeros((4, 8), dtype=str), np.zeros((8, 1))], "real numbers"),
        ("intercept_init", [np.zeros(8), np.zeros((1, 1))], r"\(1,\)"),
        ("intercept_init", [np.zeros(8)], "intercept_init"),
        ("coef_init", 3, "coef_init is 3; it must be a sequence of 2 arrays"),
    ],
)
def test_wrong_starts_say_what_is_wanted(name, value, match):
    for call in ("fit", "partial_fit"):
        with pytest.raises((ValueError, TypeError), match=match) as caught:
            getattr(make("regression"), call)(X, TARGETS["regression"], **{name: value})
        assert name in str(caught.value)


def test_assigning_weights_copies_in():
    model = make("regression", hidden_layer_sizes=(4, 4)).fit(X, TARGETS["regression"])
    views = model.coefs_
    new = [np.full(W.shape, float(i)) for i, W in enumerate(views)]
    model.coefs_ = new
    for W, value in zip(views, new, strict=True):
        np.testing.assert_array_equal(W, value)
        assert not np.shares_memory(W, value)
    model.intercepts_ = [b.tolist() for b in model.intercepts_]
    model.coefs_[0][0, 0] = 17.0  # a view: written straight into the model
    assert model.coefs_[0][0, 0] == 17.0
    before = flat(model)
    for wrong in (new[:2], new[::-1], [W.T for W in new], [np.full_like(W, np.inf) for W in new],
                  None, 3, [None] * 3, [W.astype(complex) for W in new]):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            model.coefs_ = wrong
        np.testing.assert_array_equal(flat(model), before)
    with pytest.raises(ValueError, match="intercepts_"):
        model.intercepts_ = [np.zeros(4)] * 3
    # what is assigned is what predicts and what is trained on
    model.coefs_ = [np.zeros(W.shape) for W in model.coefs_]
    np.testing.assert_array_equal(model.predict(X), model.intercepts_[-1].repeat(N))
    with pytest.raises(AttributeError):
        make("regression").coefs_ = new


def test_assigning_weights_of_one_layer_to_another():
    model = make("regression", hidden_layer_sizes=(4, 4)).fit(X, TARGETS["regression"])
    first, second, last = (W.copy() for W in model.coefs_)
    model.coefs_ = [model.coefs_[1], model.coefs_[0], model.coefs_[2]]
    for W, wanted in zip(model.coefs_, (second, first, last), strict=True):
        np.testing.assert_array_equal(W, wanted)
    model.coefs_ = [model.coefs_[0].T, model.coefs_[1], model.coefs_[2]]
    np.testing.assert_array_equal(model.coefs_[0], second.T)


def test_averaging_two_models_through_their_weights():
    y = TARGETS["regression"]
    one, two = (make("regression", random_state=seed).fit(X, y) for seed in (0, 1))
    mean = copy.deepcopy(one)
    mean.coefs_ = [(a + b) / 2 for a, b in zip(one.coefs_, two.coefs_, strict=True)]
    mean.intercepts_ = [(a + b) / 2 for a, b in zip(one.intercepts_, two.intercepts_, strict=True)]
    np.testing.assert_allclose(flat(mean), (flat(one) + flat(two)) / 2)
    assert not np.shares_memory(mean.coefs_[0], one.coefs_[0])


def test_unfitted():
    for model in (BackpropRegressor(), BackpropClassifier()):
        with pytest.raises(NotFittedError):
            model.predict(X)
        names = ("coefs_", "intercepts_", "t_", "n_updates_", "n_layers_", "out_activation_")
        for name in (*names, "n_features_in_", "loss_"):
            assert not hasattr(model, name)


def cubed(v):
    return v**3 / 10 + v


def cubed_slope(v, y):
    return 3 * v**2 / 10 + 1


def wrong_slope(v, y):
    return 3 * v**2 / 10


def step(v):
    return np.where(v > 0, 1.0, 0.0)


def smooth_slope(v, y):
    return np.exp(-np.abs(v)) / 2


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_custom_activation(kind):
    custom = Activation(cubed, cubed_slope, name="cubed")
    model = make(kind, activation=custom, max_iter=100).fit(X, TARGETS[kind])
    assert model.score(X, TARGETS[kind]) > 0.7
    assert model.coefs_[0].dtype == np.float64
    tanh = Activation(np.tanh, ACTIVATIONS["tanh"].dphi, name="my_tanh")
    mine, theirs = (make(kind, activation=a, weight_init="glorot_uniform").fit(X, TARGETS[kind])
                    for a in (tanh, "tanh"))  # fmt: skip
    np.testing.assert_allclose(flat(mine), flat(theirs), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "where",
    [
        lambda a: {"activation": a},
        lambda a: {"activation": ["tanh", a], "hidden_layer_sizes": (3, 2)},
        lambda a: {"activation": Mixed(["relu", a, "tanh"]), "hidden_layer_sizes": (3,)},
        lambda a: {"output_activation": a},
    ],
    ids=["everywhere", "one layer", "one neuron", "output"],
)
def test_wrong_derivative_is_found_out(where, call):
    wrong = Activation(cubed, wrong_slope, name="cubed")
    model = make("regression", **where(wrong))
    with pytest.raises(ValueError, match="cubed"):
        getattr(model, call)(X, TARGETS["regression"])
    assert not hasattr(model, "coefs_")
    unchecked = Activation(cubed, wrong_slope, name="cubed", check=False)
    getattr(make("regression", **where(unchecked), max_iter=1), call)(X, TARGETS["regression"])


def test_surrogate_slope():
    surrogate = Activation(step, smooth_slope, name="step", check=False)
    model = make("binary", activation=surrogate, max_iter=200).fit(X, TARGETS["binary"])
    assert model.score(X, TARGETS["binary"]) > 0.8


def test_different_neurons_of_one_layer():
    mixed = Mixed(["tanh"] * 4 + ["relu"] * 4)
    y = TARGETS["regression"]
    assert make("regression", activation=mixed, max_iter=100).fit(X, y).score(X, y) > 0.7
    same = Mixed(["tanh"] * 8)
    np.testing.assert_allclose(
        flat(make("regression", activation=same, weight_init="glorot_uniform").fit(X, y)),
        flat(make("regression", activation="tanh", weight_init="glorot_uniform").fit(X, y)),
        rtol=1e-9, atol=1e-12,
    )  # fmt: skip
    with pytest.raises(ValueError, match="for 8 neurons; its layer has 9"):
        make("regression", activation=mixed, hidden_layer_sizes=(9,)).fit(X, y)
    outputs = make("two_targets", output_activation=Mixed(["identity", "tanh"])).fit(
        X, np.tanh(TARGETS["two_targets"])
    )
    assert np.abs(outputs.predict(10 * X)[:, 1]).max() <= 1


def test_one_activation_per_layer():
    y = TARGETS["regression"]
    params = {"hidden_layer_sizes": (4, 3, 2)}
    model = make("regression", **params, activation=["tanh", "relu", "sin"], max_iter=5).fit(X, y)
    assert model.n_layers_ == 5
    with pytest.raises(ValueError, match="one per hidden layer"):
        make("regression", **params, activation=["tanh", "relu"]).fit(X, y)
    with pytest.raises(ValueError, match="softmax"):
        make("regression", **params, activation="softmax").fit(X, y)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_every_activation_learns(name):
    y = TARGETS["multiclass"]
    model = make("multiclass", activation=name, max_iter=100, batch_size=10).fit(X, y)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_every_output_activation_regresses(name):
    low, high = ACTIVATIONS[name].range
    y = np.clip(0.5 + 0.1 * X[:, 0], max(low, 0.2), min(high, 0.8))
    model = make("regression", output_activation=name, max_iter=20).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.predict(X).min() >= low and model.predict(X).max() <= high


def test_eta_per_layer():
    y = TARGETS["regression"]
    for solver in RULES:
        one = make("regression", solver=solver, eta=0.01).fit(X, y)
        same = make("regression", solver=solver, eta=[0.01, 0.01]).fit(X, y)
        np.testing.assert_allclose(flat(same), flat(one), rtol=1e-9, atol=1e-12)
        start = make("regression", solver=solver, eta=[0.0, 1e-3], max_iter=1)
        rng = np.random.default_rng(0)
        W = [rng.normal(size=(4, 8)), rng.normal(size=(8, 1))]
        start.fit(X, y, coef_init=W)
        np.testing.assert_array_equal(start.coefs_[0], W[0])  # 0 freezes a layer
        assert not np.array_equal(start.coefs_[1], W[1])
    np.testing.assert_array_equal(
        flat(make("regression", eta=np.array([0.01, 0.02])).fit(X, y)),
        flat(make("regression", eta=(0.01, 0.02)).fit(X, y)),
    )


@pytest.mark.parametrize("solver", sorted(RULES))
def test_auto_eta_is_the_solvers_own(solver):
    y = TARGETS["regression"]
    auto = make("regression", solver=solver, eta="auto").fit(X, y)
    named = make("regression", solver=solver, eta=RULES[solver].default_eta).fit(X, y)
    np.testing.assert_array_equal(flat(auto), flat(named))


def constant_init(n_in, n_out, rng):
    return np.full((n_in, n_out), 0.25)


@pytest.mark.parametrize(
    "weight_init", ["auto", *sorted(INITIALIZERS.keys() - {"zeros"}), constant_init]
)
def test_initial_weights_do_not_depend_on_the_rows(weight_init):
    frozen = {"solver": "sgd", "eta": [0.0, 0.0], "max_iter": 1, "weight_init": weight_init}
    one = make("regression", **frozen).fit(X, TARGETS["regression"])
    few = make("regression", **frozen).fit(X[:5] * 100, TARGETS["regression"][:5])
    for a, b in zip(one.coefs_, few.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    if weight_init is constant_init:
        assert (one.coefs_[0] == 0.25).all()
    if weight_init != "auto":
        np.testing.assert_array_equal(one.intercepts_[0], np.zeros(8))
