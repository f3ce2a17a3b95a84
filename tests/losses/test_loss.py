"""Every built-in loss, by its peers and by hand."""

import numpy as np
import pytest
from loss_cases import RNG, D, Y
from scipy.special import huber
from scipy.stats import norm
from sklearn.metrics import (
    hinge_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    mean_tweedie_deviance,
)

from skbackprop import (
    LOSSES,
    AbsoluteError,
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    Focal,
    Gamma,
    GaussianNLL,
    Hinge,
    Huber,
    LogCosh,
    Poisson,
    Quantile,
    SquaredError,
    Task,
    Tweedie,
)
from skbackprop.losses.head import Head


def value_of(loss, d=D, y=Y, kind="regression", output=None):
    head = Head(loss, Task(kind, d.shape[1]), output)
    v = np.log(y) if head.output.name == "exp" else y
    return head.value(d, y, v)


@pytest.mark.parametrize(
    ("loss", "peer"),
    [
        (SquaredError(), lambda d, y: mean_squared_error(d, y) / 2),
        (AbsoluteError(), mean_absolute_error),
        (Poisson(), lambda d, y: mean_poisson_deviance(d, y) / 2),
        (Gamma(), lambda d, y: mean_gamma_deviance(d, y) / 2),
        (Tweedie(1.3), lambda d, y: mean_tweedie_deviance(d, y, power=1.3) / 2),
        (Tweedie(3.1), lambda d, y: mean_tweedie_deviance(d, y, power=3.1) / 2),
        (Quantile(0.2), lambda d, y: mean_pinball_loss(d, y, alpha=0.2)),
        (LogCosh(), lambda d, y: np.log(np.cosh(d - y)).mean()),
        (Huber(0.7), lambda d, y: huber(0.7, d - y).mean()),
    ],
    ids=repr,
)
def test_regression_losses_by_their_peers(loss, peer):
    assert value_of(loss).mean() == pytest.approx(peer(D, Y), rel=1e-12)
    if isinstance(loss, (Poisson, Gamma, Tweedie)):
        assert value_of(loss, output="softplus").mean() == pytest.approx(peer(D, Y), rel=1e-12)
        np.testing.assert_allclose(value_of(loss, D, D), 0, atol=1e-13)
    two = value_of(loss, np.hstack([D, Y]), np.hstack([Y, Y]))
    np.testing.assert_allclose(two, value_of(loss) + value_of(loss, Y, Y), rtol=1e-12)


@pytest.mark.parametrize("loss", [Poisson(), Tweedie(1.5)], ids=repr)
def test_deviances_of_zero(loss):
    d, y = np.zeros((2, 1)), np.array([[0.5], [2.0]])
    expected = y if isinstance(loss, Poisson) else y**0.5 / 0.5
    np.testing.assert_allclose(value_of(loss, d, y), expected[:, 0])


def test_gaussian_nll_is_that_of_scipy():
    head = Head(GaussianNLL(), Task("regression", 2))
    y = np.hstack([RNG.normal(size=(40, 2)), np.exp(RNG.normal(size=(40, 2)))])
    d = head.encode(RNG.normal(size=(40, 2)), float)
    expected = -norm.logpdf(d[:, :2], y[:, :2], np.sqrt(y[:, 2:] + 1e-6)).sum(axis=1)
    np.testing.assert_allclose(head.value(d, y, y), expected, rtol=1e-12)
    np.testing.assert_allclose(head.deviation(y, y) ** 2, y[:, 2:] + 1e-6, rtol=1e-12)


def test_label_smoothing_by_hand():
    head = Head(CrossEntropy(0.3), Task("multiclass", 3))
    d = head.encode(np.array([2]), float)
    np.testing.assert_allclose(d, [[0.1, 0.1, 0.8]], rtol=1e-15)
    v = np.array([[0.2, -1.0, 0.5]])
    y = head.output.into(v, np.empty_like(v))
    assert head.value(d, y, v)[0] == pytest.approx(-(d * np.log(y)).sum(), rel=1e-12)
    two = Head(CrossEntropy(0.3), Task("binary", 2))
    np.testing.assert_allclose(two.encode(np.array([0, 1]), float), [[0.15], [0.85]])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_by_hand(gamma):
    v = RNG.normal(size=(9, 3))
    many = Head(Focal(gamma), Task("multiclass", 3))
    y = many.output.into(v, np.empty_like(v))
    p = y[np.arange(9), np.arange(9) % 3]
    d = many.encode(np.arange(9) % 3, float)
    np.testing.assert_allclose(many.value(d, y, v), -((1 - p) ** gamma) * np.log(p), rtol=1e-12)
    if gamma == 0.0:
        plain = Head(CrossEntropy(), Task("multiclass", 3))
        np.testing.assert_allclose(many.value(d, y, v), plain.value(d, y, v), rtol=1e-12)
        delta = many.output_delta(d, y, v, np.empty_like(v))
        np.testing.assert_allclose(delta, d - y, atol=1e-15)
    labels = Head(Focal(gamma), Task("multilabel", 3))
    y, d = 1 / (1 + np.exp(-v)), (RNG.uniform(size=(9, 3)) < 0.5).astype(float)
    p = np.where(d == 1, y, 1 - y)
    expected = -((1 - p) ** gamma * np.log(p)).sum(axis=1)
    np.testing.assert_allclose(labels.value(d, y, v), expected, rtol=1e-12)


def test_hinge_by_its_peer():
    d, y = np.where(RNG.normal(size=(40, 1)) > 0, 1.0, -1.0), RNG.normal(size=(40, 1))
    head = Head(Hinge(), Task("binary", 2))
    assert head.value(d, y, y).mean() == pytest.approx(hinge_loss(d[:, 0], y[:, 0]))
    np.testing.assert_array_equal(head.encode(np.array([0, 1]), float), [[-1], [1]])
    assert not head.gives_probabilities


@pytest.mark.parametrize("loss", [Huber(), LogCosh(), Poisson(), Quantile(), AbsoluteError()])
def test_huge_residuals(loss):
    d, y = np.array([[1e300], [1.0]]), np.array([[1.0], [1e300]])
    head = Head(loss, Task("regression", 1), "softplus" if isinstance(loss, Poisson) else None)
    values, e = head.value(d, y, y), head.error(d, y)
    assert np.isfinite(values).all() and (values > 1e299).all() and np.isfinite(e).all()


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("output", ["identity", "tanh", "relu", "hard_sigmoid", "softmax", "sin"])
def test_positive_losses_need_positive_outputs(name, output):
    with pytest.raises(ValueError, match=f"output_activation.*{output}.*positive.*'exp'"):
        Head(LOSSES[name], Task("regression", 2), output)


@pytest.mark.parametrize("name", ["hinge", "gaussian_nll", "focal"])
def test_impossible_outputs(name):
    kind = LOSSES[name].tasks[0]
    with pytest.raises(ValueError, match="output_activation=.*does not go with loss"):
        Head(LOSSES[name], Task(kind, 2), "hard_sigmoid")


@pytest.mark.parametrize(
    "loss",
    [
        Huber(0.0), Huber("1"), Tweedie(1.0), Tweedie(2.0), Tweedie(0.5), Quantile(0.0),
        Quantile(1.0), Quantile([0.9, 0.1]), Quantile([]), Quantile("median"), Quantile([0.1, 0.1]),
        GaussianNLL(0.0), CrossEntropy(1.0), CrossEntropy(-0.1), Focal(-1.0),
    ],
    ids=repr,
)  # fmt: skip
def test_parameters_are_checked(loss):
    Estimator = BackpropRegressor if "regression" in loss.tasks else BackpropClassifier
    with pytest.raises(ValueError, match=rf"\w+ of {type(loss).__name__} is"):
        Estimator(loss=loss).fit([[0.0], [1.0]], [0, 1])


def test_several_levels_and_several_targets():
    with pytest.raises(ValueError, match="2 levels, and y 3 targets; give one"):
        Head(Quantile([0.1, 0.9]), Task("regression", 3))


@pytest.mark.parametrize(
    ("loss", "bad"),
    [("poisson", -0.5), ("gamma", 0.0), ("gamma", -1.0), ("tweedie", -1e-9), (Tweedie(2.5), 0.0)],
)
def test_targets_out_of_range_are_refused_and_nothing_changes(loss, bad):
    X, y = RNG.normal(size=(20, 2)), np.exp(RNG.normal(size=20))
    model = BackpropRegressor((4,), loss=loss, random_state=0).partial_fit(X, y)
    before = model._model.network.w.copy()
    wrong = y.copy()
    wrong[7] = bad
    message = rf"y has {bad}, but loss=.* needs y >=? 0.0"
    for call in (
        lambda: model.fit(X, wrong),
        lambda: model.partial_fit(X, wrong),
        lambda: model.partial_fit(X[7:8], [bad]),
        lambda: model.partial_fit(X[7:8], wrong[7:8]),
        lambda: model.fit(X, y, X_val=X, y_val=wrong),
        lambda: BackpropRegressor(loss=loss).partial_fit(X, wrong),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    np.testing.assert_array_equal(model._model.network.w, before)
    assert model.t_ == 20
    assert BackpropRegressor(loss=loss).__sklearn_tags__().target_tags.positive_only
