"""Cores: BLAS threads of whole-batch solvers, of a grid search's workers, and of prediction.

Here BLAS may use all cores, but where a column says one. The workers of `GridSearchCV` tell how
many BLAS threads each of them has: more than one for a core's share would slow all of them. The
server is a pool of threads that predict single rows with one model. Fits by L-BFGS and by
Levenberg-Marquardt call NumPy's and SciPy's BLAS in turn. Compiled epochs need no BLAS: their fits
run side by side in threads.
"""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from joblib import parallel_config
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from skbackprop import BackpropClassifier, BackpropRegressor

from . import peers, tables

CORES = os.cpu_count() or 1


def main(arguments):
    quick = arguments.quick
    tables.head("work", "one", f"all {CORES} cores", "one / all", "")
    with threadpool_limits(CORES):
        fit(200 if quick else 2000, quick)
        search(2000 if quick else 100000, quick)
        predict(2000 if quick else 200000, quick)
        serve(100 if quick else 5000, quick)
    if peers.has("numba"):
        with threadpool_limits(1):
            train(200 if quick else 20000, quick)


def fit(n_rows, quick):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 30))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    settings = {"activation": "tanh", "max_iter": 3 if quick else 20, "random_state": 0}
    models = {
        "MLPRegressor, 100 hidden, `lbfgs`": MLPRegressor(
            hidden_layer_sizes=(100,), solver="lbfgs", alpha=0.0, **settings
        ),
        "`lbfgs`, the same": BackpropRegressor((100,), solver="lbfgs", **settings),
        "`lm`, 30 hidden": BackpropRegressor((30,), solver="lm", **settings),
    }

    def with_threads(model, count):
        with threadpool_limits(count), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)

    for name, model in models.items():
        runs = [lambda n=n, model=model: with_threads(model, n) for n in (1, CORES)]
        taken = tables.interleaved(runs, 1 if quick else 7)
        line(f"`fit` of {n_rows} x 30, {name}, BLAS threads", taken)


def blas_threads(model, X, y):
    """A scorer: the BLAS threads of the process that it runs in, negative because less is more."""
    return -max(library["num_threads"] for library in threadpool_info())


def search(n_rows, quick):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 100))
    model = BackpropRegressor((200,), max_iter=2 if quick else 6, random_state=0)
    searches = {
        n_jobs: GridSearchCV(
            model,
            {"eta": [0.001, 0.01]},
            cv=2,
            refit=False,
            n_jobs=n_jobs,
            scoring={"threads": blas_threads},
        )  # fmt: skip
        for n_jobs in (1, CORES)
    }
    runs = [lambda s=s: s.fit(X, X[:, 0]) and None for s in searches.values()]
    taken = tables.interleaved(runs, 1 if quick else 5)
    threads = -int(searches[CORES].cv_results_["mean_test_threads"].min())
    line("`GridSearchCV` of 4 fits, n_jobs", taken, f"{threads} BLAS thread(s) in each worker")


def predict(n_rows, quick):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 100))
    model = BackpropRegressor((200,), max_iter=1, random_state=0).fit(X[:1000], X[:1000, 0])

    def with_threads(count):
        with threadpool_limits(count):
            model.predict(X)

    runs = [lambda: with_threads(1), lambda: with_threads(CORES)]
    line(f"`predict` of {n_rows} x 100, BLAS threads", tables.interleaved(runs, 1 if quick else 7))


def serve(n_calls, quick):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_calls, 30))
    model = BackpropRegressor((32,), max_iter=1, random_state=0).fit(X[:100], X[:100, 0])
    alone = np.concatenate([model.predict(X[i : i + 1]) for i in range(n_calls)])
    answers = []

    def with_workers(count):
        with ThreadPoolExecutor(count) as pool:
            parts = pool.map(lambda i: model.predict(X[i : i + 1]), range(n_calls))
            answers.append(np.concatenate(list(parts)))

    taken = tables.interleaved(
        [lambda: with_workers(1), lambda: with_workers(8)], 1 if quick else 5
    )
    same = all(np.array_equal(alone, answer) for answer in answers)
    told = "every answer as when alone" if same else "ANSWERS DIFFER"
    line(f"{n_calls} single predictions, threads of a server (1, 8)", taken, told)


def train(n_rows, quick):
    """Compiled epochs run without the GIL: as many fits as there are cores, in a thread each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 30))
    y = (X[:, 0] > 0).astype(int)
    model = BackpropClassifier(
        (64, 64), batch_size=32, max_iter=2 if quick else 10, engine="compiled", random_state=0
    )

    def fit_once(_=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clone(model).fit(X, y)

    def fit_all():
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(fit_once, range(CORES)))

    taken = tables.interleaved([fit_once, fit_all], 1 if quick else 7)
    line(f"a compiled `fit` of {n_rows} x 30; as many as there are cores, in threads", taken)
    ensembles = {
        n_jobs: BaggingClassifier(model, n_estimators=2 * CORES, n_jobs=n_jobs, random_state=0)
        for n_jobs in (1, CORES)
    }

    def bag(n_jobs):
        with parallel_config("threading"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            ensembles[n_jobs].fit(X, y)

    runs = [lambda n=n: bag(n) for n in (1, CORES)]
    taken = tables.interleaved(runs, 1 if quick else 5)
    line(f"`BaggingClassifier` of {2 * CORES} such fits, n_jobs of threads", taken)


def line(work, taken, remark=""):
    one, all_ = taken
    cells = tables.duration(one), tables.duration(all_), tables.ratio(one, all_)
    tables.line(work, *cells, remark)
