"""Solvers x six problems: time to reach a stated error, beside MLPRegressor's and MLPClassifier's.

Each solver trains the same network on the same data until the training error (root mean square of
standardised targets, or share of wrong classes) is not above the target; then that fit alone, with
as many epochs as it took, is timed, the best of three runs. Three seeds; one BLAS thread; the
median in milliseconds, and in brackets the seeds that reached the target within the limit of three
seconds, if not all did. Settings are the defaults; `lm` and `br` classify by the squared error.
"""

from time import perf_counter

import numpy as np
from sklearn import datasets
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import SOLVERS, BackpropClassifier, BackpropRegressor

from . import tables

LIMIT = 3.0  # seconds of a fit
SEEDS = (0, 1, 2)
REPEATS = 3  # of the fit that is timed
OURS = ("lm", "br", "lbfgs", "scg", "irprop+", "adam", "sgd")
PEERS = ("lbfgs", "adam")


class Reached(Exception):
    """The error is low enough."""


def main(arguments):
    tables.head("problem, error", *OURS, *(f"MLP {name}" for name in PEERS))
    for name, X, y, hidden, target in problems():
        target = 1.1 if arguments.quick else target
        cells = [cell(X, y, hidden, target, ours, solver) for ours, solver in columns()]
        tables.line(f"{name}, {target:g}", *cells)


def columns():
    yield from ((True, solver) for solver in OURS)
    yield from ((False, solver) for solver in PEERS)


def problems():
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 200)[:, None]
    yield "sine", x, np.sin(3 * np.pi * x[:, 0]), (15,), 0.005
    X, y = datasets.make_friedman1(500, n_features=5, random_state=0)
    yield "Friedman #1", 2 * X - 1, y, (20,), 0.01
    t = np.sqrt(rng.uniform(0.02, 1, 200)) * 3 * np.pi
    arm = np.c_[t * np.cos(t), t * np.sin(t)] / (3 * np.pi)
    yield "two spirals", np.r_[arm, -arm], np.repeat([0, 1], 200), (30,), 0.01
    X = rng.uniform(-3, 3, size=(600, 2))
    yield "peaks", X / 1.75, peaks(*X.T), (25,), 0.05
    yield "diabetes", *datasets.load_diabetes(return_X_y=True), (10,), 0.6
    yield "breast cancer", *datasets.load_breast_cancer(return_X_y=True), (10,), 0.002


def peaks(a, b):
    """A surface of three hills and three hollows."""
    return (
        3 * (1 - a) ** 2 * np.exp(-(a**2) - (b + 1) ** 2)
        - 10 * (a / 5 - a**3 - b**5) * np.exp(-(a**2) - b**2)
        - np.exp(-((a + 1) ** 2) - b**2) / 3
    )


def cell(X, y, hidden, target, ours, solver):
    classes = y.dtype.kind == "i"
    if X.shape[1] > 5:
        X = StandardScaler().fit_transform(X)
    y = y if classes else (y - y.mean()) / y.std()
    seconds = []
    for seed in SEEDS:
        model = make(classes, hidden, ours, solver, seed)
        n_epochs = epochs_to_reach(model, X, y, target, ours)
        if n_epochs is not None:
            model.set_params(max_iter=n_epochs)
            seconds.append(min(timed(model, X, y) for _ in range(REPEATS)))
    if not seconds:
        return "-"
    reached = "" if len(seconds) == len(SEEDS) else f" ({len(seconds)}/{len(SEEDS)})"
    return f"{1e3 * np.median(seconds):.3g}{reached}"


def timed(model, X, y):
    start = perf_counter()
    model.fit(X, y)
    return perf_counter() - start


def make(classes, hidden, ours, solver, seed):
    common = {"activation": "tanh", "solver": solver, "random_state": seed}
    if not ours:
        # No stopping before the target, as far as its parameters can say so.
        Model = MLPClassifier if classes else MLPRegressor
        return Model(
            hidden_layer_sizes=hidden, tol=1e-12, n_iter_no_change=10**6, max_fun=10**9, **common
        )
    Model = BackpropClassifier if classes else BackpropRegressor
    if classes and solver in SOLVERS and SOLVERS[solver].sum_of_squares:
        common["loss"] = "squared_error"
    return Model(hidden, n_iter_no_change=np.inf, **common)


def error(model, X, y):
    if y.dtype.kind == "i":
        return np.mean(model.predict(X) != y)
    return np.sqrt(np.mean((model.predict(X) - y) ** 2))


def epochs_to_reach(model, X, y, target, ours):
    """The least number of epochs whose fit has the error `target`; None if the limit is over."""
    if ours:
        return _by_watching(model, X, y, target)
    # Its lbfgs shows no epochs: fits of twice the length, then bisection to 10 %.
    n_epochs, short = 1, 0
    while not _reaches(model, X, y, target, n_epochs):
        if model.n_iter_ < n_epochs or model.seconds > LIMIT:
            return None
        n_epochs, short = 2 * n_epochs, n_epochs
    while n_epochs - short > max(1, 0.1 * n_epochs):
        middle = (n_epochs + short) // 2
        if _reaches(model, X, y, target, middle):
            n_epochs = middle
        else:
            short = middle
    return n_epochs


def _reaches(model, X, y, target, n_epochs):
    start = perf_counter()
    model.set_params(max_iter=n_epochs).fit(X, y)
    model.seconds = perf_counter() - start
    return error(model, X, y) <= target


def _by_watching(model, X, y, target):
    seen = 0

    def watch(view, X_val, y_val):
        nonlocal seen
        seen += 1
        if error(view, X_val, y_val) <= target:
            raise Reached
        return 0.0

    model.set_params(max_iter=10**6, scoring=watch, max_time=LIMIT)
    try:
        model.fit(X, y, X_val=X, y_val=y)
    except Reached:
        return seen
    except ArithmeticError:
        pass
    finally:
        model.set_params(scoring=None, max_time=None)
    return None
