"""What `fit_distributed` takes and refuses, and that what it fits is an ordinary estimator."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    TabularRegressor,
    fit_distributed,
    load_model,
    save_model,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(2)
X = RNG.uniform(-1.0, 1.0, (120, 3))
Y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2]
CUTS = [0, 50, 80, 120]


def parts(A):
    import dask

    return [dask.delayed(A[a:b]) for a, b in zip(CUTS, CUTS[1:], strict=False)]


def make(**parameters):
    settings = {"activation": "tanh", "solver": "lbfgs", "max_iter": 15, "random_state": 0}
    return BackpropRegressor((4,), **{**settings, **parameters})


def flat(model):
    return np.concatenate([A.ravel() for A in (*model.coefs_, *model.intercepts_)])


def assert_same(ours, theirs, rtol=1e-8):
    assert flat(ours).dtype == flat(theirs).dtype
    np.testing.assert_allclose(
        flat(ours), flat(theirs), rtol=0.0, atol=rtol * np.abs(flat(theirs)).max()
    )


def test_dask_arrays_in_chunks_of_any_form(threads):
    import dask.array as da

    alone = make().fit(X, Y)
    for chunks in ((50, 2), ((50, 30, 40), 3), (120, 1)):
        rows = da.from_array(X, chunks)
        assert_same(fit_distributed(make(), rows, da.from_array(Y, 70)), alone)
    unknown = da.from_array(X, (40, 3))
    unknown = unknown[unknown[:, 0] > 0]  # of lengths that nobody knows yet
    targets = da.from_array(Y, 40)[da.from_array(X, (40, 3))[:, 0] > 0]
    assert_same(
        fit_distributed(make(), unknown, targets), make().fit(X[X[:, 0] > 0], Y[X[:, 0] > 0])
    )


def test_dask_frames_keep_the_names_of_columns(threads):
    import dask.dataframe as dd
    import pandas as pd

    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(d=Y)
    there = dd.from_pandas(frame, npartitions=3)
    model = fit_distributed(make(), there[["a", "b", "c"]], there["d"])
    assert_same(model, make().fit(X, Y))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    some = there[there["a"] > 0.9]  # most of it is empty, perhaps a partition
    assert fit_distributed(make(), some[["a", "b"]], some["d"]).n_features_in_ == 2


def test_futures_sparse_rows_and_single_precision(threads):
    Z = sparse.csr_array(np.where(np.abs(X) > 0.4, X, 0.0).astype(np.float32))
    rows = threads.compute(parts(Z))
    model = fit_distributed(make(), rows, parts(Y), client=threads)
    # Sums in single precision: as near as its round-off lets several iterations come.
    assert_same(model, make().fit(Z, Y), rtol=1e-3)
    mixed = [*parts(X.astype(np.float32))[:2], parts(X)[2]]
    assert fit_distributed(make(), mixed, parts(Y)).coefs_[0].dtype == np.float64


def test_labels_and_several_targets(threads):
    labels = (np.c_[Y, X[:, 0], X[:, 1]] > 0).astype(int)
    nets = [BackpropClassifier((4,), solver="lbfgs", max_iter=10, random_state=0) for _ in "abc"]
    alone = nets[0].fit(X, labels)
    assert_same(fit_distributed(nets[1], parts(X), parts(labels)), alone)
    assert_same(fit_distributed(nets[2], parts(X), parts(sparse.csr_array(labels))), alone)
    targets = np.c_[Y, X[:, 0] ** 2]
    assert_same(fit_distributed(make(), parts(X), parts(targets)), make().fit(X, targets))


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "gaussian_nll"])
def test_other_losses_start_where_fit_does(threads, loss):
    settings = {"loss": loss, "max_iter": 4}
    assert_same(fit_distributed(make(**settings), parts(X), parts(Y)), make(**settings).fit(X, Y))


def test_what_is_fitted_is_an_ordinary_estimator(threads, tmp_path):
    alone, model = make().fit(X, Y), make()
    assert fit_distributed(model, parts(X), parts(Y)) is model
    assert set(vars(model)) == set(vars(alone))
    save_model(model, tmp_path / "model.npz")
    for again in (pickle.loads(pickle.dumps(model)), load_model(tmp_path / "model.npz")):
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_fit_goes_on_with_warm_start(threads):
    alone, model = (make(solver="lm", warm_start=True, max_iter=5) for _ in "ab")
    for _ in range(2):
        alone.fit(X, Y)
        fit_distributed(model, parts(X), parts(Y))
    assert_same(model, alone)
    assert len(model.loss_curve_) == len(alone.loss_curve_) == 10
    with pytest.raises(ValueError, match=r"in partition \d: X has 2 features, but .* expecting 3"):
        fit_distributed(model, parts(X[:, :2]), parts(Y))


def test_the_same_is_warned_of(threads):
    noise = np.random.default_rng(0).normal(size=120)
    with pytest.warns(UserWarning, match="learnt .*nothing from X.*Large columns of X"):
        fit_distributed(make(solver="irprop+", max_iter=2), parts(1e6 * X), parts(noise))


NAN = Y.copy()
NAN[60] = np.nan
REFUSED = {
    "X in memory": (
        (X, Y),
        "X is of type ndarray. It must be a dask array or DataFrame, or a list",
    ),
    "a list of rows": ((X.tolist(), Y.tolist()), "X is a list of list. .*Rows in memory are for"),
    "arrays": (([X, X], [Y, Y]), "X is a list of ndarray. .*dask.delayed.rows. makes a partition"),
    "arrays and partitions": (lambda: ([X, *parts(X)], parts(Y)), "X is a list of ndarray"),
    "nothing": (([], []), "X is an empty list. It must be"),
    "one partition": (
        lambda: (parts(X)[0], parts(Y)[0]),
        r"X is one delayed object, not a list; of a single partition give \[X\]",
    ),
    "one partition of y": (
        lambda: (parts(X)[:1], parts(Y)[0]),
        "y is one delayed object, not a list",
    ),
    "fewer partitions": (lambda: (parts(X), parts(Y)[:2]), "y has 2 partitions, and X has 3"),
    "rows without targets": (
        lambda: (parts(X), [*parts(Y)[:2], parts(Y)[0]]),
        "in partition 2: .*inconsistent numbers of samples: .40, 50.",
    ),
    "a missing target": (lambda: (parts(X), parts(NAN)), "in partition 1: y contains NaN in 1 of"),
    "a missing number": (lambda: (parts(np.c_[X, NAN]), parts(Y)), "in partition 1: .*X contains"),
    "other columns": (
        lambda: ([*parts(X)[:2], parts(X[:, :2])[2]], parts(Y)),
        "X has partitions that do not belong together: columns 3 in partition 0, and 2 in part",
    ),
    "a negative weight": (
        lambda: (parts(X), parts(Y), parts(-np.ones(120))),
        r"in partition \d: sample_weight has negative values",
    ),
    "no weight": (lambda: (parts(X), parts(Y), parts(np.zeros(120))), "sample_weight is zero for"),
    "no rows": (lambda: (parts(X[:0]), parts(Y[:0])), "X has no rows in any of its partitions"),
    "rows of y_val": (
        lambda: (parts(X), parts(Y), None, {"X_val": X[:5]}),
        "X_val and y_val must be given together",
    ),
    "passes": (
        lambda: (parts(X), parts(Y), None, {"local_passes": 2}),
        "local_passes=2 does not go with solver='lbfgs'",
    ),
    "no passes": (
        lambda: (parts(X), parts(Y), None, {"local_passes": 0}),
        "local_passes is 0; it must be a whole number >= 1",
    ),
    "no client": (
        lambda: (parts(X), parts(Y), None, {"client": 3}),
        "client is 3; it must be a dask.distributed.Client",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_the_model_as_it_was(threads, case):
    given, words = REFUSED[case]
    X_, y_, *rest = given() if callable(given) else given
    weights, options = (*rest, None, None)[:2]
    model = make().fit(X, Y)
    before, w = vars(model).copy(), flat(model)
    with pytest.raises((ValueError, TypeError), match=words):
        fit_distributed(model, X_, y_, weights, **(options or {}))
    assert vars(model) == before
    np.testing.assert_array_equal(flat(model), w)


def test_labels_of_two_types(threads):
    given = [*parts(np.array(["a", "b"])[(Y > 0).astype(int)])[:2], parts((Y > 0).astype(int))[2]]
    with pytest.raises(ValueError, match="y has partitions .*: labels of type text in partition 0"):
        fit_distributed(BackpropClassifier((4,), solver="lbfgs"), parts(X), given)


def test_other_estimators_are_refused(threads):
    with pytest.raises(TypeError, match="must be a BackpropRegressor or a BackpropClassifier"):
        fit_distributed(TabularRegressor(), parts(X), parts(Y))


def test_without_a_client():
    call = "import skbackprop as s; s.fit_distributed(s.BackpropRegressor(), [[1.0]], [1.0])"
    told = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True)
    assert "ValueError: client is None, and there is no current client: make a" in told.stderr
