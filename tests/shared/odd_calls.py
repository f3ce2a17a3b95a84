"""Calls that nobody expects: drawn from a seed, made, and judged.

A call is right if it does what it says, or raises an error of a kind that users expect, which names
its offender and has changed nothing. NumPy warns of nothing meanwhile, and all weights are finite.
"""

import contextlib
import copy
import io
import pickle
import random
import re
import signal
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from inspect import signature

import numpy as np
from odd_values import (
    CLASSES,
    COEFS,
    INTERCEPTS,
    NAMES,
    ROWS,
    TARGETS,
    VALUES,
    WEIGHTS,
    evaluate,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skbackprop import (
    LOSSES,
    RULES,
    SCHEDULES,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
    DivergenceError,
    check_gradient,
    diagnose,
    record_training,
    trace_signals,
)

__all__ = ["OddCall", "Tally", "draw", "judge"]

EXPECTED = (*(ValueError, TypeError, NotFittedError, DivergenceError, ImportError, MemoryError),)
# What does not go with a call, however good its arguments are.
_MAY_BE_BLAMED = {
    "record_training": {"solver", "eta_schedule"},
    # What an odd y does not go with, and which part of an activation is odd.
    "y": {"class_weight", "classes", "early_stopping"},
    "activation": {"dphi"},
    "output_activation": {"dphi"},
    # An entry of the one for each layer of the other.
    "hidden_layer_sizes": {"dropout", "eta", "mask", "activation", "weight_init"},
}
_COPIES = ("pickle", "clone", "record_training")
_ABSTRACT = {"Loss()", "UpdateRule()"}  # raise NotImplementedError, as they should
PATIENCE = 30.0  # seconds for a call

_BASE = "max_iter=3, random_state=np.random.RandomState(5), engine='numpy'"
_REGRESSORS = [
    ("BackpropRegressor((4,), {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), solver='sgd', loss='huber', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), activation='tanh', solver='lbfgs', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), activation='tanh', solver='lm', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), activation='tanh', solver='br', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), solver='scg', loss='log_cosh', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), solver='irprop+', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), loss='poisson', batch_size=5, {})", "abs(Xs[:, 0])"),
    ("BackpropRegressor((4,), loss='gamma', solver='rmsprop', {})", "abs(Xs[:, 0])"),
    ("BackpropRegressor((4,), loss='gaussian_nll', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), loss='quantile', {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), loss=Quantile([0.1, 0.9]), {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), warm_start=True, shuffle=False, {})", "Xs[:, :2]"),
    ("BackpropRegressor((), solver='sgd', loss='absolute_error', dropout=[0.2], {})", "Xs"),
    ("BackpropRegressor((4,), early_stopping=True, validation_fraction=0.3, {})", "Xs[:, 0]"),
    ("BackpropRegressor((4,), eta_schedule='invscaling', noise=0.1, {})", "Xs[:, 0]"),
]
_CLASSIFIERS = [
    ("BackpropClassifier((4,), {})", "np.arange(12) % 2"),
    ("BackpropClassifier((4,), {})", "np.arange(12) % 3"),
    ("BackpropClassifier((4,), solver='lbfgs', {})", "np.array(['a', 'b', 'c'] * 4)"),
    ("BackpropClassifier((4,), solver='sgd', dropout=0.5, {})", "['a', 'b'] * 6"),
    ("BackpropClassifier((4,), {})", "(Xs > 0).astype(int)"),
    ("BackpropClassifier((4,), loss='squared_error', solver='lm', {})", "np.arange(12) % 3"),
    ("BackpropClassifier((4,), loss='squared_error', {})", "np.arange(12) % 2"),
    ("BackpropClassifier((4,), loss='focal', max_grad_norm=1.0, {})", "np.arange(12) % 2"),
    ("BackpropClassifier((4,), loss='hinge', batch_size=3, {})", "np.arange(12) % 3"),
    ("BackpropClassifier((4,), class_weight={{0: 1.0, 1: 3.0}}, {})", "np.arange(12) % 2"),
    ("BackpropClassifier((4,), warm_start=True, alpha=0.01, {})", "np.arange(12) % 3"),
    (
        "BackpropClassifier((4,), early_stopping=True, validation_fraction=0.5, {})",
        "np.arange(12) % 2",
    ),
]
_MODELS = [(text.format(_BASE), targets) for text, targets in _REGRESSORS + _CLASSIFIERS]

_POOLS = {
    "X": ROWS,
    "X_val": ROWS,
    "y": TARGETS,
    "y_val": TARGETS,
    "sample_weight": WEIGHTS,
    "sample_weight_val": WEIGHTS,
    "classes": CLASSES,
    "coef_init": COEFS,
    "intercept_init": INTERCEPTS,
    "coefs_": COEFS,
    "intercepts_": INTERCEPTS,
}
_FITS = ("X", "y", "sample_weight", "coef_init", "intercept_init")
_ARGUMENTS = {
    "fit": (*_FITS, "X_val", "y_val", "sample_weight_val"),
    "partial_fit": (*_FITS, "classes"),
    "predict": ("X",),
    "predict_proba": ("X",),
    "predict_log_proba": ("X",),
    "decision_function": ("X",),
    "score": ("X", "y", "sample_weight"),
    "assign coefs_": ("coefs_",),
    "assign intercepts_": ("intercepts_",),
    "trace_signals": ("X", "y"),
    "explain": ("X", "y", "sample", "layer", "neuron", "weight", "fmt", "digits"),
    "diagnose": ("X", "y"),
    "check_gradient": ("X", "y"),
    "record_training": ("X", "y", "n_steps"),
    "get_params": (),
    "repr": (),
    "html": (),
    "clone": (),
    "copy": (),
    "pickle": (),
}
_ALWAYS = {
    "fit": ("X", "y"),
    "partial_fit": ("X", "y"),
    "score": ("X", "y"),
    "trace_signals": ("X", "y"),
    "explain": ("X", "y"),
    "diagnose": ("X", "y"),
    "check_gradient": ("X", "y"),
    "record_training": ("X", "y", "n_steps"),
}
_STARTS = {"fit", "partial_fit", "record_training", "check_gradient"}
_ENDLESS = ("2**31", "2**63", "10**30", "np.uint64(2**63)")  # steps
_TRAINS = {"fit", "partial_fit", "assign coefs_", "assign intercepts_"}
_SHARES = {"fit": 10, "partial_fit": 10, "predict": 3, "score": 2, "diagnose": 2}


def _parts():
    """What the parameters solver, loss and eta_schedule may be given, with its own parameters."""
    parts = []
    for parameter, registry in (
        ("solver", {**RULES, **SOLVERS}),
        ("loss", LOSSES),
        ("eta_schedule", SCHEDULES),
    ):
        for kind in {type(member) for member in registry.values()}:
            names = [] if not hasattr(kind, "_get_param_names") else kind._get_param_names()
            parts += [(parameter, kind.__name__, name) for name in names if kind.__name__ in NAMES]
    return sorted(parts)


_PARTS = _parts()
_PARAMETERS = {
    Estimator.__name__: list(signature(Estimator).parameters)
    for Estimator in (BackpropRegressor, BackpropClassifier)
}


@dataclass
class OddCall:
    """One call, as text."""

    model: str
    targets: str  # that it is fitted to
    fitted: bool
    method: str
    params: dict = field(default_factory=dict)  # set before
    arguments: dict = field(default_factory=dict)
    odd: set = field(default_factory=set)  # names, one of which an error is to name

    def __str__(self):
        steps = [self.model]
        if self.fitted:
            steps.append(f"fit(Xs, {self.targets})")
        if self.params:
            steps.append(f"set_params({', '.join(f'{k}={v}' for k, v in self.params.items())})")
        given = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return ".".join([*steps, f"{self.method}({given})"])


def draw(rng: random.Random) -> OddCall:
    """One call with one odd thing in it, or some."""
    model, targets = rng.choice(_MODELS)
    methods = list(_ARGUMENTS)
    method = rng.choices(methods, [_SHARES.get(name, 1) for name in methods])[0]
    is_fitted = rng.random() < (0.6 if method in _STARTS else 0.95)
    call = OddCall(model, targets, is_fitted, method)
    names = _ALWAYS.get(method, _ARGUMENTS[method])
    good = {"X": "Xs", "y": "ys", "n_steps": "3", "coefs_": "good", "intercepts_": "good"}
    good |= dict.fromkeys(("sample", "layer", "neuron"), "0")
    call.arguments = {name: good.get(name, "None") for name in names if name in good}
    is_classifier = model.startswith("BackpropClassifier")
    if is_classifier and method == "partial_fit" and not call.fitted:
        call.arguments["classes"] = "np.unique(ys)" if not targets.startswith("(") else "None"
    if method == "explain":
        call.arguments |= dict.fromkeys(("sample", "layer", "neuron"), "0")
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        _make_odd(call, rng)
    return call


def _make_odd(call: OddCall, rng: random.Random) -> None:
    places = list(_ARGUMENTS[call.method])
    if call.model.startswith("BackpropRegressor") and "classes" in places:
        places.remove("classes")
    place = rng.random()
    if places and place < 0.6:
        name = rng.choice(places)
        pool = _POOLS.get(name, VALUES)
        if rng.random() < 0.1:
            pool = VALUES
        call.arguments[name] = rng.choice(pool)
        if name == "n_steps" and call.arguments[name] in _ENDLESS:
            call.arguments[name] = "2"
        if name in ("X_val", "y_val"):
            for other, good in (("X_val", "Xs"), ("y_val", "ys")):
                call.arguments.setdefault(other, good)
        call.odd.add(name)
    elif place < 0.9:
        name = rng.choice(_PARAMETERS[call.model.partition("(")[0]])
        call.params[name] = rng.choice(VALUES)
        call.odd.add(name)
        if name == "max_iter":
            call.params["max_time"] = "0.05"
    else:
        name, kind, inner = rng.choice(_PARTS)
        call.params[name] = f"{kind}({inner}={rng.choice(VALUES)})"
        call.odd |= {name, inner}


# -- making a call ---------------------------------------------------------------------------------


@cache
def _fitted(model: str, targets: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pickle.dumps(evaluate(model).fit(NAMES["Xs"], evaluate(targets)))


def _make(call: OddCall):
    if not call.fitted:
        return evaluate(call.model)
    return pickle.loads(_fitted(call.model, call.targets))


def state_of(model) -> tuple:
    """All that the model has learnt, and what it draws from, to the bit."""
    learnt = {k: v for k, v in vars(model).items() if k.endswith("_") or k == "_model"}
    others = vars(model).keys() - learnt.keys() - {"_running"}
    parameters = {name: id(vars(model)[name]) for name in sorted(others)}
    random_state = vars(model).get("random_state")
    if isinstance(random_state, np.random.RandomState):
        learnt["draws"] = random_state.get_state()
    return pickle.dumps(learnt), parameters, pickle.dumps(np.random.get_state())


def _do(call: OddCall, model, arguments: dict):
    method = call.method
    if method.startswith("assign "):
        (name, value), *_ = arguments.items()
        setattr(model, name, value)
    elif method in ("trace_signals", "diagnose", "check_gradient", "record_training"):
        return repr(NAMES[method](model, **arguments))
    elif method == "explain":
        trace = trace_signals(model, arguments.pop("X"), arguments.pop("y"))
        return str(trace.explain(**arguments))
    elif method == "repr":
        return repr(model) + str(model)
    elif method == "html":
        return model._repr_html_()
    elif method == "clone":
        return clone(model)
    elif method == "copy":
        return copy.copy(model)
    elif method == "pickle":
        return pickle.loads(pickle.dumps(model))
    else:
        return getattr(model, method)(**arguments)


def _evaluated(call: OddCall) -> dict:
    names = {"ys": np.asarray(evaluate(call.targets))}
    arguments = {}
    for name, text in call.arguments.items():
        if "good" in text:
            filled = pickle.loads(_fitted(call.model, call.targets))
            names["good"] = filled.coefs_ if name.startswith("coef") else filled.intercepts_
        arguments[name] = evaluate(text, **names)
    return arguments


# -- judging it ------------------------------------------------------------------------------------


class Hang(BaseException):
    """A call that does not end."""


def _give_up(signum, frame):
    raise Hang


@contextlib.contextmanager
def _with_patience():
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Tally:
    """What came of the calls."""

    calls: int = 0
    successes: int = 0
    errors: Counter = field(default_factory=Counter)
    findings: list = field(default_factory=list)  # (kind, call, what happened)

    def add(self, other: "Tally") -> None:
        self.calls += other.calls
        self.successes += other.successes
        self.errors += other.errors
        self.findings += other.findings

    def report(self) -> str:
        """Every finding, with the call that shows it."""
        return "\n".join(f"{kind}: {call}\n    {what}" for kind, call, what in self.findings)

    def __str__(self):
        errors = ", ".join(f"{name} {count}" for name, count in self.errors.most_common())
        kinds = Counter(kind for kind, *_ in self.findings)
        return (
            f"{self.calls} odd calls: {self.successes} did what they say; errors: {errors}\n"
            f"findings: {dict(kinds) or 'none'}"
        )


def judge(call: OddCall, tally: Tally) -> None:
    """Make the call, and note what is wrong with what came of it."""

    def note(kind, what):
        tally.findings.append((kind, str(call), what))

    model = _make(call)
    params = {name: evaluate(text) for name, text in call.params.items()}
    if call.method in _COPIES and not _is_picklable(params):
        return
    arguments = _evaluated(call)
    given = {k: _bytes_of(v) for k, v in arguments.items()}
    values = dict(arguments)
    tally.calls += 1
    error = None
    with warnings.catch_warnings(record=True) as warned, _with_patience(), _silence():
        warnings.simplefilter("always")
        try:
            model.set_params(**params)
            before = state_of(model)
            _do(call, model, arguments)
        except Hang:
            return note("hang", "")
        except Exception as raised:
            error = raised
            _check_error(call, model, raised, note)
    if error is None:
        tally.successes += 1
        may_change = call.method in _TRAINS
    else:
        tally.errors[type(error).__name__] += 1
        may_change = isinstance(error, DivergenceError)
    if not may_change and state_of(model) != before:
        note("state changed", f"{type(error).__name__}: {error}")
    if not _is_finite(model):
        note("not finite", f"{type(error).__name__}: {error}")
    for name, bytes_before in given.items():
        if _bytes_of(values[name]) != bytes_before:
            note("argument changed", name)
    for each in warned:
        if issubclass(each.category, (RuntimeWarning, DeprecationWarning)):
            note(
                "warning",
                f"{each.category.__name__}: {each.message} ({each.filename}:{each.lineno})",
            )


def _silence():
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    return stack


def _is_picklable(params) -> bool:
    try:
        pickle.dumps(params)
    except Exception:
        return False
    return True


def _bytes_of(value) -> bytes | None:
    return value.tobytes() if type(value) is np.ndarray and not value.dtype.hasobject else None


def _is_finite(model) -> bool:
    if not model.__sklearn_is_fitted__():
        return True
    return bool(np.isfinite(model._model.network.w).all())


def _last_frames(error: Exception) -> str:
    return " ".join(frame.filename for frame in traceback.extract_tb(error.__traceback__)[-3:])


def _check_error(call: OddCall, model, error: Exception, note) -> None:
    told = f"{type(error).__name__}: {error} {' '.join(getattr(error, '__notes__', ()))}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{told[:300]} ({place.filename.rpartition('site-packages/')[-1]}:{place.lineno})"
    name = repr(call.method.removeprefix("assign "))
    is_absent = isinstance(error, AttributeError) and f"no attribute {name}" in told
    is_place = isinstance(error, IndexError) and call.method == "explain"
    if isinstance(error, NotImplementedError) and _ABSTRACT & {*call.params.values()}:
        return None
    frames = _last_frames(error)
    if call.method in ("repr", "html") and ("/sklearn/" in frames or "/scipy/" in frames):
        return None  # scikit-learn compares parameters with their defaults, of any type
    # Raised by a function of the user's own.
    is_own = isinstance(error, ZeroDivisionError) and place.filename == "<string>"
    if not isinstance(error, EXPECTED) and not (is_absent or is_place or is_own):
        return note("unexpected", where)
    if isinstance(error, (NotFittedError, DivergenceError)) or is_absent:
        return None
    words = set(call.odd)
    for blamed in (call.method, *call.odd):
        words |= _MAY_BE_BLAMED.get(blamed, set())
    if not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", told) for word in words):
        note("unnamed", where)
    return None


NAMES |= {
    "trace_signals": trace_signals,
    "diagnose": diagnose,
    "check_gradient": check_gradient,
    "record_training": record_training,
}
