"""While a whole-batch solver is at work, one of the two BLAS libraries has one thread."""

import os

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from skbackprop import BackpropRegressor, Loss
from skbackprop.solvers import blas_threads
from skbackprop.solvers.blas_threads import _libraries, one_thread

X = np.random.default_rng(0).normal(size=(20, 3))
PACKAGES = ("numpy", "scipy")


@pytest.fixture(autouse=True)
def two_threads():
    if not _libraries("numpy"):
        pytest.skip("NumPy and SciPy call the same BLAS here, whose threads do not wait for others")
    with threadpool_limits(2, user_api="blas"):
        yield


def threads():
    return {package: _libraries(package)[0].num_threads for package in PACKAGES}


class Watching(Loss):
    """The squared error; sees how many threads there are, and may fail."""

    sum_of_squares = True
    check_error = False  # only what `fit` does is seen

    def __init__(self, seen=None, fails=False):
        self.seen, self.fails = seen, fails

    def value(self, d, y, v):
        return 0.5 * ((d - y) ** 2).sum(axis=1)

    def error(self, d, y):
        self.seen.append(threads())
        if self.fails and len(self.seen) > 3:
            raise RuntimeError("in the middle")
        return d - y


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("solver", "single"), [("lm", "numpy"), ("br", "numpy"), ("lbfgs", "scipy"), ("scg", "scipy")]
)
@pytest.mark.parametrize("fails", [False, True])
def test_the_lesser_one_has_one_thread_in_fit_and_two_again_after_it(solver, single, fails):
    seen = []
    model = BackpropRegressor((4,), solver=solver, max_iter=8, random_state=0)
    model.set_params(loss=Watching(seen, fails))
    assert threads() == {"numpy": 2, "scipy": 2}
    if fails:
        with pytest.raises(RuntimeError, match="in the middle"):
            model.fit(X, X[:, 0])
    else:
        model.fit(X, X[:, 0])
    assert len(seen) > 3
    assert all(at_work == {"numpy": 2, "scipy": 2} | {single: 1} for at_work in seen)
    assert threads() == {"numpy": 2, "scipy": 2}


def test_update_rules_leave_all_threads_alone():
    seen = []
    BackpropRegressor((4,), loss=Watching(seen), random_state=0).partial_fit(X, X[:, 0])
    assert seen and all(at_work == {"numpy": 2, "scipy": 2} for at_work in seen)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_in_the_middle_begins_anew():
    with one_thread("scipy"), blas_threads._lock:
        child = os.fork()
        if not child:
            fresh = blas_threads._lock.acquire(timeout=5) and not blas_threads._before
            os._exit(0 if fresh and threads() == {"numpy": 2, "scipy": 2} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_others_ask_for_meanwhile_stays():
    with one_thread("scipy"):
        _libraries("scipy")[0].set_num_threads(3)
    assert threads()["scipy"] == 3


def test_what_it_was_comes_back_when_the_last_has_left():
    first, second = one_thread("scipy"), one_thread("scipy")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {"numpy": 2, "scipy": 1}
    second.__exit__(None, None, None)
    assert threads() == {"numpy": 2, "scipy": 2}
    with threadpool_limits(1, user_api="blas"), one_thread("numpy"):
        assert threads() == {"numpy": 1, "scipy": 1}
    assert threads() == {"numpy": 2, "scipy": 2}
