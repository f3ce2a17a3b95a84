"""The user's own functions in compiled code."""

from functools import partial

import numpy as np
import pytest
from compiled_cases import (
    HEADS,
    LAYERS,
    SIMPLEST,
    agree,
    make,
    needs_numba,
    same_but_for_rounding,
    text_of,
    trainer,
)
from problems import problem
from scipy.special import erf, erfc

from skbackprop import (
    LOSSES,
    SGD,
    Activation,
    Loss,
    Mixed,
    Task,
    UpdateRule,
)
from skbackprop.activations.built_in import elu, softplus
from skbackprop.engines import compiled_rows as compiled


def log_like(v):
    return np.sign(v) * np.log1p(np.abs(v))


def log_like_slope(v, y):
    return np.reciprocal(1.0 + np.abs(v))


def bent(v, knee=0.5):
    out = np.empty_like(v)
    out[...] = v
    high = v > knee
    out[high] = knee + 0.1 * (v[high] - knee)
    np.multiply(out, 0.5, out=out, where=v < -knee)
    return out


def bent_slope(v, y, knee=0.5):
    return np.where(v > knee, 0.1, np.where(v < -knee, 0.5, 1.0))


def everything(v):
    a = np.clip(np.sin(v) * np.cosh(0.1 * v), -0.9, 0.9)
    b = np.arctan2(v, 2.0) + np.arcsinh(v) + np.logaddexp(v, 0.3)
    c = np.float_power(np.abs(v), 1.5) + np.exp2(-np.abs(v)) + v**2 + 1.0 / (1.0 + v**4)
    d = np.floor(v) + np.ceil(0.3 * v) + np.heaviside(v, 0.5) + np.maximum(v, 0.1)
    return 0.05 * (np.tanh(a) + b + c + d + np.sqrt(np.square(v) + 1.0) + erf(v) - erfc(v))


def everything_slope(v, y):
    within = (np.abs(v) < 1.0) & ~(v == 0.0) | np.isnan(v)
    return np.where(within ^ (y > 2.0), 0.2, 0.1) + 0.01 * np.expm1(-np.abs(y)) * np.arctan(v)


OWN = [
    Activation(log_like, log_like_slope),
    Activation(bent, bent_slope, check=False),
    Activation(partial(bent, knee=0.2), partial(bent_slope, knee=0.2), check=False),
    Activation(everything, everything_slope, check=False),  # no slope of it, yet a function
    Activation(lambda v: 0.5 * v, lambda v, y: 0.5, name="half"),
]


class Clipped(UpdateRule):
    """Momentum on clipped corrections, with a setting that decides."""

    n_slots = 1
    default_eta = 0.01

    def __init__(self, largest=0.3, decay=0.5, nesterov=True):
        self.largest = largest
        self.decay = decay
        self.nesterov = nesterov

    def step(self, w, g, state, t, eta, cost):
        (u,) = state
        np.clip(g, -self.largest, self.largest, out=g)
        u *= self.decay
        if self.decay:
            u += eta * g / (1.0 + 0.01 * t)
        w += u + eta * g if self.nesterov else u


class Asymmetric(Loss):
    """Softly absolute, and dearer on one side: a loss of the user's own."""

    def __init__(self, width=0.5, dear=2.0):
        self.width = width
        self.dear = dear

    def _side(self, r):
        return np.where(r > 0.0, self.dear, 1.0)

    def value(self, d, y, v):
        r = d - y
        return (self._side(r) * (np.sqrt(r * r + self.width**2) - self.width)).sum(axis=1)

    def error(self, d, y):
        r = d - y
        return self._side(r) * r / np.hypot(r, self.width)


class Contrast(Loss):
    """Of classes: the squared distance from the desired shares, less their mean."""

    tasks = ("multiclass",)
    canonical_output = "logistic"

    def _residuals(self, d, y):
        r = d - y
        return r - r.mean(axis=1, keepdims=True)

    def value(self, d, y, v):
        return 0.5 * np.vecdot(self._residuals(d, y), self._residuals(d, y))

    def error(self, d, y):
        return self._residuals(d, y)


class Scales(Loss):
    """Mean and log-scale of one target, whose d is for both neurons."""

    units_per_target = 2

    def value(self, d, y, v):
        return 0.5 * (np.exp(-y[:, 1:]) * (d[:, :1] - y[:, :1]) ** 2 + y[:, 1:]).sum(axis=1)

    def error(self, d, y):
        r, s = d[:, :1] - y[:, :1], np.exp(-y[:, 1:])
        return np.hstack([s * r, 0.5 * (s * r * r - 1.0)])


@needs_numba
@pytest.mark.parametrize(
    ("loss", "task"),
    [
        (Asymmetric(), Task("regression", 1)),
        (Asymmetric(0.2, 3), Task("regression", 3)),
        (Contrast(), Task("multiclass", 4)),
        (Scales(), Task("regression", 1)),
    ],
    ids=repr,
)
def test_a_loss_of_the_users_own(loss, task, monkeypatch):
    monkeypatch.setitem(HEADS, "own", (task, loss, None))
    agree([{"head": "own", "layers": "tanh"}, {"head": "own", "weights": "some_zero"}], SGD())


@needs_numba
def test_a_loss_by_its_name_compiles_from_the_one_place_where_it_is_written(monkeypatch):
    monkeypatch.setitem(LOSSES, "asymmetric", Asymmetric())
    X, y = problem("regression")
    ours = make(loss="asymmetric").partial_fit(X, y)
    theirs = make(loss="asymmetric", engine="numpy").partial_fit(X, y)
    assert (ours.engine_, theirs.engine_) == ("compiled", "numpy")
    same_but_for_rounding(ours, theirs)
    assert make(loss="asymmetric", engine="auto").partial_fit(X, y).engine_ == "compiled"


@needs_numba
def test_activations_and_a_rule_of_the_users_own(monkeypatch):
    # All in one network, so that they are compiled together.
    monkeypatch.setitem(LAYERS, "own", ((5, 4, 3), (Mixed(OWN), OWN[1], OWN[3])))
    cases = [
        {"layers": "own"},
        {"layers": "own", "rows": "csr", "head": "softmax"},
        {"layers": "own", "mask": "connections", "penalty": "l2"},
    ]
    agree(cases, Clipped())
    X, y = problem("regression")
    params = {"hidden_layer_sizes": (5, 4, 3), "activation": [Mixed(OWN), OWN[1], OWN[3]]}
    params["solver"] = Clipped()
    auto = make(**params, engine="auto").partial_fit(X, y)
    assert auto.engine_ == "compiled"
    same_but_for_rounding(auto, make(**params, engine="numpy").partial_fit(X, y))


def test_settings_of_an_activation_are_data(monkeypatch):
    texts = []
    for knee in (0.3, 0.6):
        own = Activation(partial(bent, knee=knee), partial(bent_slope, knee=knee), check=False)
        monkeypatch.setitem(LAYERS, "own", ((5,), (own,)))
        texts.append(text_of("own"))
    assert texts[0] == texts[1]
    texts = []
    for alpha, beta in ((0.3, 3.0), (0.5, 2.0)):
        monkeypatch.setitem(LAYERS, "own", ((5, 4), (elu(alpha), softplus(beta))))
        texts.append(text_of("own"))
    assert texts[0] == texts[1]


class Gain:
    """A function that has content, and so no hash."""

    def __init__(self, gain):
        self.gain = gain

    def __eq__(self, other):
        return type(self) is type(other) and self.gain == other.gain

    def __call__(self, v, y=None):
        return self.gain * v if y is None else np.full_like(v, self.gain)


def test_functions_without_a_hash(monkeypatch):
    texts = []
    for gain in (0.5, 0.5, 0.7):
        own = Activation(Gain(gain), Gain(gain), name="gain")
        monkeypatch.setitem(LAYERS, "own", ((5,), (own,)))
        texts.append(text_of("own"))
    assert texts[0] == texts[1] != texts[2]


CELL = """
import numpy as np

K = {K}


def scaled(v):
    return K * v


class Curve:
    k = K

    def phi(self, v):
        return np.tanh(self.k * v)

    def dphi(self, v, y):
        return self.k * (1.0 - y * y)


curve = Curve()


def phi(v):
    return np.tanh(K * v)


def dphi(v, y):
    return K * (1.0 - y * y)


def phi_by_another(v):
    return np.tanh(scaled(v))
"""


def cell(K):
    """What a notebook's cell defines when it is run."""
    names = {"__name__": "notebook"}
    exec(compile(CELL.format(K=K), "cell", "exec"), names)
    return names


@pytest.mark.parametrize("change", ["global", "function", "attribute", "cell"])
def test_what_functions_refer_to_is_read_anew_by_every_trainer(change, monkeypatch):
    names = cell(1.0)
    texts = []
    for k in (1.0, 2.0, 1.0):
        phi, dphi = names["phi"], names["dphi"]
        if change == "global":
            names["K"] = k
        elif change == "function":
            names["scaled"] = cell(k)["scaled"]
            phi = names["phi_by_another"]
        elif change == "attribute":
            names["curve"].k = k
            phi, dphi = names["curve"].phi, names["curve"].dphi
        else:  # run again: the same code, of other globals
            phi, dphi = cell(k)["phi"], cell(k)["dphi"]
        monkeypatch.setitem(LAYERS, "own", ((5,), (Activation(phi, dphi, name="own"),)))
        texts.append(text_of("own"))
        assert ("real(2.0) * v_j" in texts[-1]) == (k == 2.0)
    assert texts[0] == texts[2]


@needs_numba
def test_functions_of_one_code_and_other_globals_in_one_network(monkeypatch):
    first, second = cell(1.0), cell(2.0)
    own = [Activation(names["phi"], names["dphi"], name="own") for names in (first, second)]
    assert own[0] == own[1]  # as far as `Activation` can tell
    monkeypatch.setitem(LAYERS, "own", ((4,), (Mixed([own[0], own[1], own[0], own[1]]),)))
    case = {**SIMPLEST, "layers": "own"}
    made = compiled.CompiledPass(trainer(case, SGD(), np.float64, None).update)
    made.load()
    layers, groups, member = made._tables[1:4]
    codes = [groups[group][0] for group in member[16:20]]  # the inputs take the first 16
    assert codes[0] == codes[2] != codes[1] == codes[3]


def by_dtype(v):
    return v / (np.sqrt(np.finfo(v.dtype).eps) + np.abs(v))


def by_dtype_slope(v, y):
    a = np.sqrt(np.finfo(v.dtype).eps)
    return a / (a + np.abs(v)) ** 2


class ByDtype(UpdateRule):
    default_eta = 0.01

    def step(self, w, g, state, t, eta, cost):
        w += eta * g / (np.abs(g) + (0.5 if g.dtype == np.float32 else 0.25))


def test_functions_that_ask_for_their_dtype_have_a_text_for_each(monkeypatch):
    own = Activation(by_dtype, by_dtype_slope, check=False)
    monkeypatch.setitem(LAYERS, "own", ((5,), (own,)))
    for dtype, other, share in ((np.float32, np.float64, 0.5), (np.float64, np.float32, 0.25)):
        text = text_of("own", ByDtype(), dtype)
        constants = [repr(float(np.sqrt(np.finfo(kind).eps))) for kind in (dtype, other)]
        assert constants[0] in text and constants[1] not in text
        assert f"real({share})" in text and f"real({0.75 - share})" not in text


class StraightThrough(Activation):
    def delta(self, e, v, y, out=None):
        return np.multiply(e, 1.0, out=out)


class Steeper(Activation):
    def into(self, v, out):
        return np.tanh(2.0 * v, out=out)


@pytest.mark.parametrize("kind, what", [(StraightThrough, "delta"), (Steeper, "into")])
def test_an_activation_with_its_own_way_is_numpys(kind, what, empty_room):
    X, y = problem("regression")
    own = kind(np.tanh, lambda v, y: 1.0 - y * y, name="own")
    with pytest.raises(ValueError, match=f"'own' does not compile: it has its own {what}"):
        make(activation=own).partial_fit(X, y)
    assert make(activation=own, engine="auto").partial_fit(X, y).engine_ == "numpy"
