"""Losses as heads: targets in, desired outputs and predictions out."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.special import huber
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import GammaRegressor, PoissonRegressor, QuantileRegressor
from sklearn.metrics import (
    d2_pinball_score,
    hinge_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    mean_tweedie_deviance,
)
from sklearn.model_selection import GridSearchCV

from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    AbsoluteError,
    Activation,
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    Focal,
    Gamma,
    GaussianNLL,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    Quantile,
    SquaredError,
    Task,
    Tweedie,
)
from skbackprop.losses.check import check_loss
from skbackprop.losses.head import Head

FUSED = ("squared_error", "poisson", "gamma", "tweedie", "cross_entropy", "focal")
KINDS = ("regression", "binary", "multiclass", "multilabel")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_binding_says_what_a_loss_serves(name, kind):
    loss, task = LOSSES[name], Task(kind, 2 if kind == "binary" else 3)
    if kind not in loss.tasks:
        with pytest.raises(ValueError, match=rf"{kind} targets.*Use one of .*'squared_error'"):
            Head(loss, task)
        return
    head = Head(loss, task)
    assert head.loss is not loss and head.task is task
    per_target = 2 if name == "gaussian_nll" else 1
    assert head.n_units() == per_target * (1 if kind == "binary" else 3)
    assert head.fused == (name in FUSED)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in FUSED for kind in LOSSES[name].tasks if name != "focal"],
)
def test_link_is_the_best_constant(name, kind):
    head = Head(LOSSES[name], Task(kind, 2 if kind == "binary" else 3))
    d = np.full(head.n_units(), 0.2)
    d[-1] += 1.0 - d.sum() if kind == "multiclass" else 0.0
    v = head.link(d)[None]
    y = head.output.into(v, np.empty_like(v))
    np.testing.assert_allclose(y[0], d, rtol=1e-12)


def test_levels_go_by_the_range_of_the_output():
    wanted = {"tanh": (-1, 1), "scaled_tanh": (-1, 1), "hard_tanh": (-1, 1), "sin": (-1, 1)}
    for name in set(ACTIVATIONS) - {"softmax", "arctan", "softsign"}:
        head = Head(SquaredError(), Task("binary", 2), name)
        assert head.loss.levels(head.output) == wanted.get(name, (0, 1)), name


def test_encoding():
    one_hot = Head(SquaredError(), Task("multiclass", 3), "tanh")
    np.testing.assert_array_equal(
        one_hot.encode(np.array([2, 0]), np.float32), [[-1, -1, 1], [1, -1, -1]]
    )
    two = Head(CrossEntropy(), Task("binary", 2), "softmax")
    np.testing.assert_array_equal(two.encode(np.array([1, 0]), float), [[0, 1], [1, 0]])
    one = Head(CrossEntropy(), Task("binary", 2))
    np.testing.assert_array_equal(one.encode(np.array([1, 0]), float), [[1], [0]])
    labels = Head(CrossEntropy(), Task("multilabel", 3))
    Y = np.array([[0, 1, 1], [0, 0, 0]])
    for given in (Y, sparse.csr_array(Y)):
        d = labels.encode(given, np.float32)
        assert d.dtype == np.float32
        np.testing.assert_array_equal(d, Y)


def test_decoding_and_decisions():
    v = np.array([[0.1, 2.0, -1.0], [3.0, 0.0, 1.0]])
    head = Head(CrossEntropy(), Task("multiclass", 3))
    y = head.output.into(v, np.empty_like(v))
    np.testing.assert_array_equal(head.decode(v, y), [1, 0])
    np.testing.assert_array_equal(head.decision(v, y), v)
    np.testing.assert_allclose(head.probabilities(v, y).sum(axis=1), 1.0)
    labels = Head(SquaredError(), Task("multilabel", 3), "tanh")
    np.testing.assert_array_equal(labels.decode(v, np.tanh(v)), v > 0)
    two = Head(SquaredError(), Task("binary", 2), "identity")
    np.testing.assert_allclose(two.decision(v[:, :1], v[:, :1]), v[:, 0] - 0.5)


def test_softplus_at_forty_is_exact():
    head = Head(CrossEntropy(), Task("binary", 2))
    v = np.array([[40.0], [-40.0], [800.0], [-800.0]])
    y = head.output.into(v, np.empty_like(v))
    assert y[0, 0] == 1.0
    wrong = head.value(np.array([[0.0], [1.0], [0.0], [1.0]]), y, v)
    np.testing.assert_allclose(wrong, [40.0, 40.0, 800.0, 800.0], rtol=1e-15)
    right = head.value(np.array([[1.0], [0.0], [1.0], [0.0]]), y, v)
    np.testing.assert_allclose(right[:2], np.log1p(np.exp(-40.0)), rtol=1e-6, atol=1e-17)


@pytest.mark.parametrize("output", ["tanh", "identity", "hard_sigmoid", "relu"])
def test_cross_entropy_names_what_it_cannot_stand_behind(output):
    with pytest.raises(ValueError, match=f"(?s){output}.*CrossEntropy.*squared_error"):
        Head(CrossEntropy(), Task("binary", 2), output)


def test_a_loss_of_ones_own_needs_two_methods():
    class Quartic(Loss):
        def value(self, d, y, v):
            return ((d - y) ** 4).sum(axis=1) / 4

        def error(self, d, y):
            return (d - y) ** 3

    head = Head(Quartic(), Task("regression", 2), "tanh")
    v = np.array([[0.3, -0.2]])
    y, d = np.tanh(v), np.array([[1.0, 0.5]])
    delta = head.output_delta(d, y, v, np.empty_like(v))
    np.testing.assert_allclose(delta, (d - y) ** 3 * (1 - y * y), rtol=1e-14)
    assert not head.fused and not head.gives_probabilities


# -- the formulas, by peers and by hand ------------------------------------------------------------

RNG = np.random.default_rng(0)
D, Y = np.exp(RNG.normal(size=(40, 1))), np.exp(RNG.normal(size=(40, 1)))


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


# -- what they refuse ------------------------------------------------------------------------------


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


# -- in the estimators -----------------------------------------------------------------------------

unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
REGRESSION = [name for name, loss in LOSSES.items() if "regression" in loss.tasks]
CLASSIFICATION = [name for name, loss in LOSSES.items() if "binary" in loss.tasks]
Z = RNG.normal(size=(120, 3))
TARGET = np.exp(0.5 * Z[:, 0]) + 0.3 * np.abs(Z[:, 1])


class Own(Loss):
    """A loss of the user's own, with something wrong."""

    def __init__(self, value_is="row", error_is="right"):
        self.value_is, self.error_is = value_is, error_is

    def value(self, d, y, v):
        if self.value_is == "in place":
            d -= y
            return 0.5 * (d * d).sum(axis=1)
        if self.value_is == "column":
            return 0.5 * (d - y) ** 2
        return 0.5 * ((d - y) ** 2).sum(axis=1)

    def error(self, d, y):
        if self.error_is == "row":
            return (d - y).sum(axis=1)
        return {"right": d - y, "uphill": y - d, "twice": 2 * (d - y)}[self.error_is]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            Own("column"),
            r"value\(d, y, v\) gives shape \(12, 2\) .* \(12, 2\); it must give \(12,\)",
        ),
        (Own(error_is="row"), r"error\(d, y\) gives shape \(12,\) for outputs of shape \(12, 2\)"),
        (
            Own(error_is="uphill"),
            r"error\(\) is not the slope of value\(\): in a random direction",
        ),
        (Own(error_is="twice"), "is not the slope"),
        (Own("in place"), r"value\(d, y, v\) writes into its argument d"),
    ],
    ids=["column", "row", "uphill", "twice", "in place"],
)
def test_a_wrong_loss_is_found_before_training(loss, message):
    model = BackpropRegressor((3,), random_state=0).partial_fit(Z, np.c_[TARGET, TARGET])
    before = pickle.dumps(model)
    for train in (model.set_params(loss=loss).fit, BackpropRegressor((3,), loss=loss).partial_fit):
        with pytest.raises(ValueError, match=message):
            train(Z, np.c_[TARGET, TARGET])
    assert pickle.dumps(model.set_params(loss="squared_error")) == before


class Single(Own):
    """Right, and computed in float32."""

    def value(self, d, y, v):
        r = (d - y).astype(np.float32)
        return np.where(abs(r) < 1, 0.5 * r * r, abs(r) - np.float32(0.5)).sum(axis=1)

    def error(self, d, y):
        return np.clip((d - y).astype(np.float32), -1, 1)


class Inside(Single):
    """In float32 inside, which cannot be seen from outside."""

    def value(self, d, y, v):
        return super().value(d, y, v).astype(float)


class Tube(Own):
    def value(self, d, y, v):
        return np.maximum(abs(d - y) - np.float32(0.1), 0).astype(np.float32).sum(axis=1)

    def error(self, d, y):
        return np.sign(d - y) * (abs(d - y) > 0.1)


class Scales(Own):
    """A mean and a log-scale for one target, whose d is broadcast."""

    units_per_target = 2

    def value(self, d, y, v):
        return 0.5 * (np.exp(-y[:, 1]) * (d[:, 0] - y[:, 0]) ** 2 + y[:, 1])

    def error(self, d, y):
        r, s = d[:, 0] - y[:, 0], np.exp(-y[:, 1])
        return np.c_[s * r, 0.5 * (s * r * r - 1)]


class Pairs(Own):
    """Of the differences between the rows of a batch."""

    def value(self, d, y, v):
        return 0.25 * ((d - d.T - (y - y.T)) ** 2).mean(axis=1)

    def error(self, d, y):
        return ((d - d.T) - (y - y.T)).mean(axis=1)[:, None]


def step_up(v):
    return (v > 0).astype(v.dtype)


def as_if_smooth(v, y):
    return 1 / (1 + v * v)


@unconverged
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("own", [Own, Single, Inside, Tube, Scales, Pairs])
def test_a_right_loss_is_not_refused(own, scale):
    for dtype in (float, np.float32):
        targets = (scale * np.random.default_rng(0).normal(size=(len(Z), 1))).astype(dtype)
        head = Head(own(), Task("regression", 1))
        check_loss(head, targets)
        check_loss(head, targets[:1])
    BackpropRegressor((3,), loss=own(), max_iter=2, random_state=0).fit(Z, TARGET)


@unconverged
def test_the_slope_of_an_output_is_not_laid_to_the_loss():
    surrogate = Activation(step_up, as_if_smooth, range=(0, 1), check=False)
    settings = {"loss": Own(), "output_activation": surrogate, "max_iter": 2, "random_state": 0}
    BackpropRegressor((3,), **settings).fit(Z, TARGET)
    settings["loss"] = Own("column")
    with pytest.raises(ValueError, match=r"value\(d, y, v\) gives shape"):
        BackpropRegressor((3,), **settings).fit(Z, TARGET)


def test_what_is_wrong_is_found_at_any_scale():
    for scale in (1e-6, 1.0, 1e9):
        head = Head(Own(error_is="twice"), Task("regression", 1), "tanh")
        with pytest.raises(ValueError, match="is not the slope"):
            check_loss(head, scale * np.random.default_rng(0).normal(size=(20, 1)))


def test_what_a_loss_lacks_is_named():
    class NoError(Loss):
        def value(self, d, y, v):
            return np.abs(d - y).sum(axis=1)

    with pytest.raises(NotImplementedError, match=r"NoError\(\) defines no error\(d, y\)"):
        BackpropRegressor((3,), loss=NoError()).fit(Z, TARGET)
    with pytest.raises(NotImplementedError, match=r"defines no value\(d, y, v\)"):
        BackpropRegressor((3,), loss=type("Nothing", (Loss,), {})()).fit(Z, TARGET)


@pytest.mark.parametrize("name", LOSSES)
def test_the_check_of_losses_finds_nothing_wrong_with_those_of_the_package(name):
    rng = np.random.default_rng(0)
    targets = {
        "regression": np.exp(3 * rng.normal(size=(20, 2))),
        "binary": rng.integers(0, 2, size=20),
        "multiclass": rng.integers(0, 3, size=20),
        "multilabel": rng.integers(0, 2, size=(20, 3)),
    }
    for kind, some in targets.items():
        mine = type("Mine", (type(LOSSES[name]),), {"__module__": "elsewhere"})()
        if kind in mine.tasks:
            head = Head(mine, Task(kind, some.shape[1] if some.ndim > 1 else some.max() + 1))
            check_loss(head, some)
            check_loss(head, some[:1])
            if kind == "regression":
                check_loss(head, 1e9 * some)
                check_loss(head, 1e-9 * some)
            elif kind == "multilabel":
                check_loss(head, sparse.csr_array(some))


@unconverged
@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("targets", [TARGET, np.c_[TARGET, 2 * TARGET]], ids=["one", "two"])
def test_every_regression_loss_learns(name, targets):
    model = BackpropRegressor((16,), loss=name, eta=0.01, random_state=0).fit(Z, targets)
    assert model.score(Z, targets) > 0.5 and model.predict(Z).shape == targets.shape
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    single = BackpropRegressor((4,), loss=name, max_iter=2).fit(Z.astype(np.float32), targets)
    assert single.predict(Z.astype(np.float32)).dtype == np.float32
    if targets.ndim == 1:
        assert pickle.loads(pickle.dumps(model)).predict(Z).tolist() == model.predict(Z).tolist()


@unconverged
@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_every_classification_loss_learns(name, kind):
    y = {"binary": TARGET > 1.3, "multiclass": np.digitize(TARGET, [1.0, 1.7]),
         "multilabel": np.c_[TARGET > 1.3, Z[:, 0] > 0, Z[:, 1] > 0].astype(int)}[kind]  # fmt: skip
    model = BackpropClassifier((16,), loss=name, eta=0.01, random_state=0).fit(Z, y)
    assert model.score(Z, y) > 0.8
    assert hasattr(model, "predict_proba") == (name in ("cross_entropy", "focal"))
    assert model.decision_function(Z).shape == ((120,) if kind == "binary" else (120, 3))


@pytest.mark.parametrize("name", LOSSES)
def test_a_chunk_is_its_rows(name):
    regression = "regression" in LOSSES[name].tasks
    Estimator = BackpropRegressor if regression else BackpropClassifier
    y, first = (TARGET, {}) if regression else (TARGET > 1.3, {"classes": [False, True]})
    chunk = Estimator((5,), loss=name, random_state=0).partial_fit(Z, y, **first)
    rows = Estimator((5,), loss=name, random_state=0)
    for i in range(120):
        rows.partial_fit(Z[i : i + 1], y[i : i + 1], **first)
    np.testing.assert_array_equal(chunk._model.network.w, rows._model.network.w)


def test_linear_peers():
    y = np.round(3 * TARGET)
    fit = {"solver": "lbfgs", "max_iter": 5000, "random_state": 0}
    poisson = BackpropRegressor((), loss="poisson", **fit).fit(Z, y)
    theirs = PoissonRegressor(alpha=0, tol=1e-8, max_iter=1000).fit(Z, y)
    np.testing.assert_allclose(poisson.predict(Z), theirs.predict(Z), rtol=1e-3)
    gamma = BackpropRegressor((), loss="gamma", **fit).fit(Z, TARGET)
    theirs = GammaRegressor(alpha=0, tol=1e-8, max_iter=1000).fit(Z, TARGET)
    np.testing.assert_allclose(gamma.predict(Z), theirs.predict(Z), rtol=1e-3)
    median = BackpropRegressor((), loss="quantile", eta=0.03, eta_schedule="cosine", max_iter=2000,
                               n_iter_no_change=np.inf, random_state=0)  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        median.fit(Z, TARGET)
    theirs = QuantileRegressor(quantile=0.5, alpha=0).fit(Z, TARGET)
    ours, best = (mean_pinball_loss(TARGET, m.predict(Z)) for m in (median, theirs))
    assert best <= ours < 1.002 * best


@unconverged
def test_quantiles_do_not_cross_and_cover():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(600, 1))
    y = x[:, 0] + (0.2 + 0.3 * (x[:, 0] > 0)) * rng.normal(size=600)
    levels = [0.1, 0.5, 0.9]
    model = BackpropRegressor((20,), loss=Quantile(levels), eta=0.01, random_state=0).fit(x, y)
    q = model.predict(x)
    assert q.shape == (600, 3) and (np.diff(q, axis=1) >= 0).all()
    np.testing.assert_allclose((y[:, None] < q).mean(axis=0), levels, atol=0.05)
    untrained = BackpropRegressor((20,), loss=Quantile(levels), random_state=0)
    far = untrained.partial_fit(x[:1], y[:1]).predict(100 * x)
    assert (np.diff(far, axis=1) >= 0).all()
    scores = [d2_pinball_score(y, q[:, j], alpha=level) for j, level in enumerate(levels)]
    assert min(scores) < model.score(x, y) < max(scores)
    one = BackpropRegressor((20,), loss=Quantile(0.9), max_iter=50, random_state=0).fit(x, y)
    w = rng.uniform(size=600)
    assert one.predict(x).shape == (600,)
    for weight in (None, w):
        peer = d2_pinball_score(y, one.predict(x), alpha=0.9, sample_weight=weight)
        assert one.score(x, y, weight) == pytest.approx(peer, abs=2e-3)


@unconverged
def test_a_score_of_quantiles_needs_a_target_and_a_weight_for_each_row():
    for loss, y in ((Quantile([0.1, 0.9]), TARGET), (Quantile(0.5), np.c_[TARGET, TARGET])):
        model = BackpropRegressor((3,), loss=loss, max_iter=2, random_state=0).fit(Z, y)
        assert np.isfinite(model.score(Z, y))
        for bad in (y[: len(Z) // 2], y[:5], np.repeat(TARGET, 2)):
            with pytest.raises(ValueError, match="inconsistent numbers of samples"):
                model.score(Z, bad)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.score(Z, y, sample_weight=np.ones(3))
        with pytest.raises(ValueError, match="different number of output"):
            model.score(Z, np.c_[TARGET, TARGET, TARGET])


@unconverged
def test_deviation_is_that_of_the_data():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(2000, 1))
    sigma = np.where(x[:, 0] > 0, 0.5, 0.1)
    y = 2 * x[:, 0] + sigma * rng.normal(size=2000)
    model = BackpropRegressor((20,), activation="tanh", loss="gaussian_nll", solver="lbfgs",
                              random_state=0).fit(x, y)  # fmt: skip
    mean, std = model.predict(x, return_std=True)
    assert mean.shape == std.shape == (2000,)
    np.testing.assert_array_equal(mean, model.predict(x))
    for inside, true in ((x[:, 0] > 0.2, 0.5), (x[:, 0] < -0.2, 0.1)):
        assert np.median(std[inside]) == pytest.approx(true, rel=0.15)
    assert np.mean(np.abs(y - mean) < std) == pytest.approx(0.683, abs=0.03)
    pair = BackpropRegressor((5,), loss="gaussian_nll", max_iter=3).fit(x, np.c_[y, y])
    assert [part.shape for part in pair.predict(x, return_std=True)] == [(2000, 2)] * 2
    with pytest.raises(ValueError, match="return_std=True .*'gaussian_nll'.*'squared_error'"):
        BackpropRegressor((5,), max_iter=3).fit(x, y).predict(x, return_std=True)


@unconverged
def test_settings_are_searched_and_fixed_once_fitted():
    search = GridSearchCV(BackpropRegressor((4,), loss=Huber(), max_iter=3),
                          {"loss__delta": [0.1, 1.0]}, cv=2).fit(Z, TARGET)  # fmt: skip
    assert search.best_params_["loss__delta"] in (0.1, 1.0)
    model = BackpropRegressor((4,), loss=Huber()).partial_fit(Z, TARGET)
    model.loss.delta = 0.3
    with pytest.raises(ValueError, match="loss is Huber.delta=0.3.*fitted with Huber"):
        model.partial_fit(Z, TARGET)


@unconverged
@pytest.mark.parametrize("name", REGRESSION)
def test_fit_begins_at_the_best_constant(name):
    # One step of nothing from no hidden layer and no weights: the constant itself.
    model = BackpropRegressor((), loss=name, solver="sgd", eta=1e-300, max_iter=1)
    model.fit(Z, TARGET, coef_init=[np.zeros((3, 2 if name == "gaussian_nll" else 1))])
    v = model.intercepts_[0].copy()
    cost = model.loss_
    for j in range(len(v)):
        for step in (0.05, -0.05):
            model.intercepts_ = [v + step * (np.arange(len(v)) == j)]
            moved = clone(model).fit(Z, TARGET, coef_init=model.coefs_,
                                     intercept_init=model.intercepts_)  # fmt: skip
            slack = 2e-3 if name in ("huber", "log_cosh") else 0.0  # they begin at the median
            assert moved.loss_ > cost - slack


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_needs_no_head_for_its_formulas(name):
    loss, v = LOSSES[name], np.array([[0.3, -0.2], [1.1, 0.4]])
    y = Head(loss, Task(loss.tasks[-1], 2 // loss.units_per_target)).output.phi(v)
    if name in ("cross_entropy", "focal"):  # of classes, unless it is told otherwise
        y = ACTIVATIONS["softmax"].phi(v)
    d = np.array([[0.0, 1.0], [1.0, 0.0]]) + (name == "gamma")
    assert loss.value(d, y, v).shape == (2,) and loss.error(d, y).shape == (2, 2)
    assert isinstance(loss.units_per_target, int) and loss.prediction(y).shape[0] == 2
