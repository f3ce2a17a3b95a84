"""`check_gradient` finds what is wrong, says where, and lets pass what is right."""

import pickle

import numpy as np
import pytest
from heads import HEADS, HIDDEN, TARGETS, X, make
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import (
    ACTIVATIONS,
    Activation,
    BackpropClassifier,
    BackpropRegressor,
    Loss,
    Mixed,
    check_gradient,
)


def arc(v):
    return np.arctan(v)


def right_slope(v, y):
    return 1 / (1 + v * v)


def wrong_slope(v, y):
    return 0.99 / (1 + v * v)


RIGHT = Activation(arc, right_slope, check=False)
WRONG = Activation(arc, wrong_slope, check=False)


class Power(Loss):
    check_error = False

    def __init__(self, slip=0.0):
        self.slip = slip

    def value(self, d, y, v):
        return ((d - y) ** 4).sum(axis=1)

    def error(self, d, y):
        return 4 * (d - y) ** 3 + self.slip


@pytest.mark.parametrize("n_directions", [0, 5])
@pytest.mark.parametrize(
    ("head", "hidden"),
    [(head, HIDDEN[-k % len(HIDDEN)]) for k, head in enumerate(HEADS)]
    + [(HEADS[1], hidden) for hidden in HIDDEN],
    ids=repr,
)
def test_every_loss_and_activation_is_right(head, hidden, n_directions):
    model, d = make(head, hidden, alpha=0.1, l1_ratio=0.5)
    before = pickle.dumps(model)
    check = check_gradient(model, X, d, n_directions=n_directions)
    assert check and not check.advice, check
    assert len(check.errors) == 3 and max(check.errors) < 1e-6
    assert pickle.dumps(model) == before


def test_the_numbers_are_those_of_the_cost():
    model, d = make()
    check = check_gradient(model, X, d)
    worst = check.worst
    W, b = model.coefs_[worst.layer], model.intercepts_[worst.layer]
    costs = []
    for s in (1e-5, -1e-5):
        parameter, place = (b, worst.neuron) if worst.source == "bias" else (
            W, (worst.source, worst.neuron))  # fmt: skip
        parameter[place] += s
        costs.append(0.5 * np.mean((d - model.predict(X)) ** 2))
        parameter[place] -= s
    assert worst.numeric == pytest.approx(-(costs[0] - costs[1]) / 2e-5, rel=1e-5, abs=1e-10)
    assert worst.backpropagated == pytest.approx(worst.numeric, rel=1e-5)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("n_directions", [0, 8])
def test_a_wrong_slope_is_found_and_located(layer, n_directions):
    hidden = ["tanh", "tanh"]
    hidden[layer] = Mixed(["tanh", RIGHT, WRONG] + ["tanh"] * (1 - layer))
    model, d = make(("cross_entropy", "multiclass", None), hidden)
    check = check_gradient(model, X, d, n_directions=n_directions)
    assert not check
    assert [error > 1e-4 for error in check.errors] == [k <= layer for k in range(3)]
    assert (check.worst.layer, check.worst.neuron) == (layer, 2) or layer == 1
    assert f"'arc', the activation of layer {layer} (neuron 2)" in check.advice or n_directions
    assert "WRONG" in repr(check) and f"layer {layer}" in check.advice


def test_a_wrong_output_slope_and_a_wrong_loss_are_found():
    check = check_gradient(BackpropRegressor((3,), output_activation=WRONG, random_state=0),
                           X, TARGETS["several"])  # fmt: skip
    assert not check and "dphi of 'arc', the activation of layer 1" in check.advice
    fine = BackpropRegressor((3,), loss=Power(), activation="tanh", random_state=0)
    assert check_gradient(fine, X, TARGETS["several"])
    check = check_gradient(fine.set_params(loss=Power(0.01)), X, TARGETS["several"])
    assert not check and "error() or fused_delta() of loss Power(slip=0.01)" in check.advice


def test_a_wrong_loss_is_reported_and_not_refused():
    class Slipped(Power):
        check_error = True

    check = check_gradient(BackpropRegressor((3,), loss=Slipped(0.01)), X, TARGETS["several"])
    assert not check and "error() or fused_delta() of loss Slipped(slip=0.01)" in check.advice
    with pytest.raises(ValueError, match="is not the slope"):
        BackpropRegressor((3,), loss=Slipped(1e3)).fit(X, TARGETS["several"])


def test_large_nets_go_by_directions_and_name_the_weight():
    rng = np.random.default_rng(0)
    rows, d = rng.normal(size=(20, 64)), rng.integers(0, 10, size=20)
    hidden = ["relu", Mixed(["tanh"] * 49 + [WRONG])]
    model = BackpropClassifier((100, 50), activation=hidden, random_state=0)
    check = check_gradient(model, rows, d)
    assert check.n_directions == 10 and not check
    assert check.errors[2] < 1e-6 < 1e-4 < check.errors[1]
    assert "dphi" in check.advice and "layer 1" in check.advice
    if check.worst.layer == 1:
        assert check.worst.neuron == 49
    model.set_params(activation=["relu", "tanh"])
    check = check_gradient(model, rows, d)
    assert check and "in 10 random directions" in repr(check)
    assert repr(check) == repr(check_gradient(model, rows, d))


def test_at_initial_weights_and_inside_others():
    net = BackpropClassifier((3,), random_state=0, dropout=0.5)
    state = np.random.get_state()[1].copy()
    assert check_gradient(net, X, TARGETS["multiclass"])
    assert check_gradient(BackpropClassifier((3,)), X, TARGETS["multilabel"])
    assert not hasattr(net, "coefs_") and (np.random.get_state()[1] == state).all()
    pipeline = make_pipeline(StandardScaler(), BackpropRegressor((2,), solver="lbfgs"))
    with pytest.raises(NotFittedError):
        check_gradient(pipeline, X, TARGETS["regression"])
    assert check_gradient(pipeline.fit(X, TARGETS["regression"]), X, TARGETS["regression"])


def test_single_precision_sparse_rows_masks_and_large_costs():
    rows, d = X.astype(np.float32), 1e4 * TARGETS["regression"]
    model = BackpropRegressor((5,), mask=[False, None], random_state=0).partial_fit(rows, d)
    assert check_gradient(model, rows, d).errors[0] < 1e-6
    assert check_gradient(model, sparse.csr_array(rows), d)


def test_kinks_are_no_errors():
    # At all-zero rows every relu sits on its kink, and its numeric slope is a half.
    check = check_gradient(BackpropRegressor((5,), random_state=0), np.zeros((3, 2)), [1, 2, 4])
    assert check and check.n_kinks == 5


def wrong_step(v, y):
    return 0.99 * (v > 0)


WRONG_RELU = Activation(ACTIVATIONS["relu"].phi, wrong_step, check=False)


@pytest.mark.parametrize("n_directions", [0, 10])
def test_kinks_of_several_neurons_at_once(n_directions):
    # The row of zeros puts every neuron on its kink, and other rows some more.
    rows, d = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), [0, 1, 1, 0]
    for seed in range(10):
        model = BackpropClassifier((4,), random_state=seed)
        check = check_gradient(model, rows, d, n_directions=n_directions)
        assert check and check.n_kinks and not check.advice, check
        model.set_params(activation=WRONG_RELU)
        check = check_gradient(model, rows, d, n_directions=n_directions)
        assert not check and "layer 0" in check.advice


def test_kinks_of_a_larger_net():
    rng = np.random.default_rng(0)
    rows, d = rng.normal(size=(40, 30)), rng.normal(size=40)
    rows[:3] = 0.0
    model = BackpropRegressor((100,), random_state=0)
    assert check_gradient(model, rows, d)
    assert not check_gradient(model.set_params(activation=WRONG_RELU), rows, d)


def half_slope(v, y):
    return 0.5 * (1 - y * y)


@pytest.mark.parametrize("n_directions", [0, 5])
def test_round_off_of_large_costs_hides_nothing_wrong(n_directions):
    half = Activation(np.tanh, half_slope, name="half", check=False)
    fine, wrong = (BackpropRegressor((5,), activation=a, random_state=0) for a in ("tanh", half))
    for factor, verdicts in ((1e4, ("right", "WRONG")), (1e9, ("inconclusive: round-off",) * 2)):
        for model, verdict in zip((fine, wrong), verdicts, strict=True):
            d = factor * (1 + 0.5 * X[:, 0])
            check = check_gradient(model, X, d, n_directions=n_directions)
            assert check.verdict == verdict and bool(check) == (verdict == "right")
            assert f"The gradient is {verdict}, " in repr(check)
            if verdict.startswith("inconclusive"):
                assert "scale X and y" in check.advice and not check.wrong_layers
                assert max(check.round_off) > max(check.errors) > check.tolerance


def test_a_minimum_is_no_error():
    # Rows cancel there: what is left of the slopes is hardly more than round-off of the cost.
    d = TARGETS["regression"]
    for seed in (3, 11, 101):
        model = BackpropRegressor((2,), solver="lbfgs", random_state=seed).fit(X, d)
        assert check_gradient(model, X, d)


@pytest.mark.parametrize("n_directions", [0, 5])
def test_a_cost_that_is_not_finite(n_directions):
    model = BackpropRegressor((5,), loss="poisson", random_state=0)
    with pytest.raises(ValueError, match=r"cost of these rows is inf: .* Scale X and\s+y"):
        check_gradient(model, 1e4 * X, TARGETS["positive"], n_directions=n_directions)


def test_bad_input():
    model, d = make()
    for bad in (-1, 0.5, True):
        with pytest.raises(ValueError, match="n_directions"):
            check_gradient(model, X, d, n_directions=bad)
    for bad in (0, np.nan, "1e-5"):
        with pytest.raises(ValueError, match=f"tolerance is {bad!r}"):
            check_gradient(model, X, d, tolerance=bad)
    with pytest.raises(ValueError, match="3 features"):
        check_gradient(model, X[:, :2], d)
    with pytest.raises(ValueError, match="NaN"):
        check_gradient(BackpropRegressor(), X, np.full(7, np.nan))
