"""CSR matrices whose parts do not fit together are refused; they never end the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Runs in a process of its own: prints each case before it, and what came of it after.
SCRIPT = r"""
import itertools, pickle, re, sys, warnings
import numpy as np
from scipy import sparse
from skbackprop import *
warnings.simplefilter("ignore")
N = 12
X = np.random.default_rng(0).normal(size=(N, 3))
Y = {BackpropRegressor: X[:, 0], BackpropClassifier: (X > 0).astype(int)}

def good(kind, index=np.int32):
    m = kind(X)
    m.indices, m.indptr = m.indices.astype(index), m.indptr.astype(index)
    return m

def put(part, place, value):
    def spoil(m):
        getattr(m, part)[place] = value
    return spoil

def cut(part, count):
    def spoil(m):
        setattr(m, part, getattr(m, part)[:count])
    return spoil

WAYS = {
    "index far off": put("indices", 4, 10**7),
    "index next to the last": put("indices", 4, 3),
    "index below 0": put("indices", 4, -1),
    "index far below 0": put("indices", 4, -10**7),
    "last index off": put("indices", -1, 2**31 - 1),
    "all indices off": put("indices", slice(None), 10**6),
    "indptr falls": put("indptr", 5, 0),
    "indptr too large inside": put("indptr", 5, 10**6),
    "indptr ends too late": put("indptr", -1, 10**7),
    "indptr ends too early": put("indptr", -1, 3),
    "indptr begins late": put("indptr", 0, 2),
    "indptr begins below 0": put("indptr", 0, -5),
    "indptr below 0 inside": put("indptr", 3, -10**6),
    "data too short": cut("data", 5),
    "indices too short": cut("indices", 5),
    "indptr too short": cut("indptr", -2),
    "no data": cut("data", 0),
}
KINDS = (sparse.csr_matrix, sparse.csr_array)
METHODS = ("fit", "fit X_val", "partial_fit", "first partial_fit", "predict", "score", "fit y",
           "partial_fit y", "trace_signals", "diagnose", "check_gradient", "record_training")
FORMATS = ("csr", "csc", "one row")
solver, fitted = sys.argv[1], {}
for (way, spoil), kind, index, method, form, Estimator in itertools.product(
        WAYS.items(), KINDS, (np.int32, np.int64), METHODS, FORMATS, Y):
    y = Y[Estimator]
    is_y = method.endswith(" y")
    if is_y and Estimator is BackpropRegressor:
        continue
    loss = {"loss": "squared_error"} if solver == "lm" else {}
    model = Estimator((4,), solver=solver, max_iter=2, random_state=0, engine="numpy", **loss)
    if not method.startswith("first"):
        if Estimator not in fitted:
            fitted[Estimator] = pickle.dumps(model.fit(X, y))
        model = pickle.loads(fitted[Estimator])
    if ("partial" in method or method == "record_training") and not hasattr(model, "partial_fit"):
        continue
    before = pickle.dumps(model._model) if hasattr(model, "_model") else None
    base = good(kind, index)
    if is_y:
        base = kind((X > 0).astype(int))
    if form == "csc" and way == "index next to the last":
        continue  # there it is a row, and right
    if form == "csc":
        base = base.tocsc()
        base.indices, base.indptr = base.indices.astype(index), base.indptr.astype(index)
    if form == "one row":
        if "index" not in way or "indptr" in way or "first" in method:
            continue
        base = base[:1]
        base.indices = base.indices.astype(index)
        y = y[:1]
        if method.startswith("fit"):
            continue
        way_of_one = put("indices", 0, 10**7)
    try:
        (spoil if form != "one row" else way_of_one)(base)
    except IndexError:
        continue
    title = f"{Estimator.__name__}.{method}, {way}, {kind.__name__} {form} {np.dtype(index)}"
    print("TRY", title, flush=True)
    calls = {
        "fit": lambda: model.fit(base, y),
        "fit X_val": lambda: model.fit(X, y, X_val=base, y_val=y),
        "fit y": lambda: model.fit(X, base),
        "partial_fit": lambda: model.partial_fit(base, y),
        "partial_fit y": lambda: model.partial_fit(X[: base.shape[0]], base),
        "first partial_fit": lambda: model.partial_fit(base, y),
        "predict": lambda: model.predict(base),
        "score": lambda: model.score(base, y),
        "trace_signals": lambda: trace_signals(model, base, y),
        "diagnose": lambda: diagnose(model, base, y),
        "check_gradient": lambda: check_gradient(model, base, y),
        "record_training": lambda: record_training(model, base, y, 3),
    }
    try:
        calls[method]()
        came = "SILENT"
    except (ValueError, TypeError, IndexError) as error:
        told = str(error)
        named = re.search(r"\bX\b|\by\b", told) is not None
        came = "refused" if named and not isinstance(error, IndexError) else f"UNNAMED {error!r}"
    except Exception as error:
        came = f"UNEXPECTED {error!r}"
    after = pickle.dumps(model._model) if hasattr(model, "_model") else None
    if came != "SILENT" and after != before:
        came += " CHANGED"
    print("GOT", came, flush=True)
"""


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "lm"])
def test_broken_csr(solver, tmp_path, figures):
    script = tmp_path / "broken.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(script), solver],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"{lines[-1:]}\n{done.stderr[-3000:]}"
    pairs = list(zip(lines[::2], lines[1::2], strict=True))
    assert len(pairs) > 100
    wrong = [f"{title}: {came}" for title, came in pairs if came != "GOT refused"]
    figures[f"broken matrices, {solver}"] = f"{len(pairs)} calls, {len(wrong)} not refused by name"
    assert not wrong, "\n".join(wrong[:60])
