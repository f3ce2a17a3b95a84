"""A sparse matrix whose indices are out of range is refused, wherever rows come in."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor, diagnose, trace_signals
from skbackprop.network.rows import checked_csr

N, K = 12, 6
RNG = np.random.default_rng(0)
DENSE = RNG.normal(size=(N, K)) * (RNG.random((N, K)) < 0.5)
Y = RNG.normal(size=N)


def _indices(A, value, name="indices"):
    array = getattr(A, name).copy()
    array[len(array) // 2] = value
    setattr(A, name, array)


def _short(A):
    A.data = A.data[:-1]


def _floats(A):
    A.indices = A.indices.astype(float)


BREAKAGES = {
    "far": lambda A: _indices(A, 10**7),
    "just beyond": lambda A: _indices(A, max(A.shape)),
    "negative": lambda A: _indices(A, -1),
    "very negative": lambda A: _indices(A, -(10**7)),
    "indptr beyond": lambda A: _indices(A, 10**7, "indptr"),
    "indptr negative": lambda A: _indices(A, -5, "indptr"),
    "indptr decreases": lambda A: _indices(A, 0, "indptr"),
    "numbers missing": _short,
    "floats": _floats,
}


def broken(form, breakage, dtype=np.float64):
    A = getattr(sparse, form)(DENSE.astype(dtype))
    BREAKAGES[breakage](A)
    return A


FORMS = ["csr_matrix", "csr_array", "csc_matrix", "csc_array", "bsr_array"]


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_broken_is_refused(form, breakage):
    with pytest.raises(ValueError, match="X is a broken sparse matrix: "):
        checked_csr(broken(form, breakage))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dense", [DENSE, np.zeros((3, 4)), np.zeros((0, 4)), np.eye(1)])
def test_what_is_whole_is_taken(form, kind, dense):
    A = getattr(sparse, f"{form}_{kind}")(dense)
    taken = checked_csr(A)
    assert taken.format == "csr" and (taken.toarray() == dense).all()
    assert taken is A or form != "csr"


def test_other_forms_with_indices_of_nowhere():
    coo = sparse.coo_array(DENSE)
    coo.coords[1][3] = 10**7
    lil = sparse.lil_array(DENSE)
    lil.rows[2], lil.data[2] = [1, 77], [1.0, 2.0]
    for A in (coo, lil):
        with pytest.raises(ValueError, match="broken sparse matrix"):
            checked_csr(A)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "bsr_array"])
@pytest.mark.parametrize("breakage", ["far", "negative", "indptr beyond"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_way_in(form, breakage, solver):
    model = BackpropRegressor((3,), solver=solver, max_iter=3, tol=1.0, random_state=0)
    model.set_params(max_iter=200).fit(DENSE, Y)
    before = model._model.network.w.copy()
    A = broken(form, breakage)
    calls = [
        lambda: model.fit(A, Y),
        lambda: model.fit(DENSE, Y, X_val=A, y_val=Y),
        lambda: model.predict(A),
        lambda: model.score(A, Y),
        lambda: trace_signals(model, A, Y),
        lambda: diagnose(model, A, Y),
    ]
    if solver == "adam":
        calls.append(lambda: model.partial_fit(A, Y))
    for call in calls:
        with pytest.raises(ValueError, match="broken sparse matrix"):
            call()
    assert (model._model.network.w == before).all()


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_one_row(engine):
    model = BackpropRegressor((3,), solver="sgd", engine=engine, random_state=0)
    row = sparse.csr_array(DENSE[:1])
    model.partial_fit(row, Y[:1])
    before = model._model.network.w.copy()
    for value in (K, 10**7, -1):
        bad = row.copy()
        bad.indices[0] = value
        for call in (model.predict, lambda A: model.partial_fit(A, Y[:1])):
            with pytest.raises(ValueError, match=f"index {value}, out of range for {K}"):
                call(bad)
    assert (model._model.network.w == before).all()


def test_labels():
    labels = sparse.csr_array((DENSE > 0).astype(int))
    _indices(labels, 10**7)
    for call in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match="y is a broken sparse matrix"):
            getattr(BackpropClassifier((3,)), call)(DENSE, labels)
