"""What a trace keeps, names and shows."""

import copy
import pickle
import re
import sys
import types

import numpy as np
import pytest
from heads import HEADS, LABELS, REAL, X, make
from inspection_cases import _with_rows
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    Loss,
    check_gradient,
    diagnose,
    record_training,
    trace_signals,
)


def test_the_record_is_its_own():
    model, d = make()
    rows = X.copy()
    trace = trace_signals(model, rows, d)
    again = pickle.loads(pickle.dumps(trace))
    W, x = trace.coefs[0].copy(), trace.y[0].copy()
    model.partial_fit(rows, d)
    rows[:] = 0.0
    np.testing.assert_array_equal(trace.coefs[0], W)
    np.testing.assert_array_equal(trace.y[0], x)
    np.testing.assert_array_equal(again.delta[0], trace.delta[0])
    assert again.explain() == trace.explain()
    with pytest.raises(ValueError, match="read-only"):
        trace.v[0][0, 0] = 1.0
    with pytest.raises(AttributeError):
        trace.eta = []
    record = record_training(model, X, d, 1)
    for copied in (again, copy.deepcopy(trace), copy.copy(trace)):
        held = [a for value in vars(copied).values() if isinstance(value, list) for a in value]
        arrays = [a for a in [*held, copied.d, copied.e, copied.E] if isinstance(a, np.ndarray)]
        assert len(arrays) == 22 and not any(a.flags.writeable for a in arrays)
    for step in (*record.steps, *pickle.loads(pickle.dumps(record)).steps):
        assert not any(a.flags.writeable for a in (*step.coefs, *step.intercepts, step.trace.d))
    assert (trace.n_samples, trace.n_layers, trace.sizes) == (7, 3, (3, 4, 3, 1))
    assert repr(trace) == "<SignalTrace: 7 samples with targets through 3-4-3-1, squared_error>"


def test_float32_and_sparse_rows():
    rows = X.astype(np.float32)
    rows[rows < 0] = 0
    model = BackpropRegressor((4,), random_state=0).partial_fit(rows, REAL)
    trace = trace_signals(model, rows, REAL)
    assert {a.dtype for a in (*trace.y, *trace.v, *trace.delta, trace.E)} == {np.dtype("f4")}
    from_sparse = trace_signals(model, sparse.csr_array(rows), REAL)
    assert isinstance(from_sparse.y[0], np.ndarray)
    np.testing.assert_array_equal(from_sparse.y[0], rows)
    np.testing.assert_allclose(from_sparse.delta[0], trace.delta[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("container", [sparse.coo_array, sparse.dia_array, sparse.bsr_matrix,
                                       sparse.csc_matrix])  # fmt: skip
def test_sparse_formats(container):
    model = BackpropClassifier((4,), solver="sgd", random_state=0)
    model.partial_fit(X, LABELS, classes=[0, 1])
    rows, labels = container(X), container(LABELS)
    trace, record = trace_signals(model, rows, labels), record_training(model, rows, labels, 9)
    np.testing.assert_array_equal(trace.d, LABELS)
    np.testing.assert_array_equal(record.steps[8].trace.y[0], X[1:2])
    assert diagnose(model, rows, labels) == diagnose(model, X, LABELS)
    for estimator in (model, BackpropClassifier((4,), random_state=0)):
        assert check_gradient(estimator, rows, labels)
    pipeline = make_pipeline(FunctionTransformer(container), model)
    assert len(record_training(pipeline, X, LABELS, 2).steps) == 2


def test_names():
    trace = trace_signals(*_with_rows(HEADS[4]))
    assert trace.activations == ["tanh", "tanh", "mixed"]
    assert [trace.neuron_activation(-1, j) for j in (0, 1)] == ["tanh", "softplus"]
    assert trace.output_names == ["output 0", "output 1"]
    assert trace.feature_names == ["x0", "x1", "x2"]
    names = {
        ("cross_entropy", "multiclass"): ["class 'a'", "class 'b'", "class 'c'"],
        ("cross_entropy", "binary"): ["class True"],
        ("cross_entropy", "multilabel"): ["label 0", "label 1"],
        ("gaussian_nll", "several"): ["output 0, mean", "output 1, mean", "output 0, variance",
                                      "output 1, variance"],
    }  # fmt: skip
    for (loss, kind), expected in names.items():
        assert trace_signals(*_with_rows((loss, kind, None))).output_names == expected
    quantiles = trace_signals(*_with_rows(HEADS[9]))
    assert quantiles.output_names == [f"output 0, quantile {q}" for q in (0.1, 0.5, 0.9)]
    assert quantiles.loss == "Quantile(level=[0.1, 0.5, 0.9])"


def test_a_binary_classifier_has_an_output_neuron_that_is_not_taken_for_a_hidden_one():
    model = BackpropClassifier((2,), random_state=0).partial_fit(X, X[:, 0] > 0, classes=[0, 1])
    trace = trace_signals(model, X, X[:, 0] > 0)
    assert trace.output_names == trace.neuron_names(-1) == ["class 1"]
    assert trace.neuron_names(0) == ["neuron 0", "neuron 1"]
    assert trace.explain().startswith("Output neuron 0 (class 1), layer 1, sample 0")
    regressor = BackpropRegressor((2,), random_state=0).partial_fit(X, X[:, 0])
    assert trace_signals(regressor, X).explain().startswith("Output neuron 0, layer 1")


def test_no_zero_has_a_sign():
    # Rows with zeros, dead relus, a mask: products of zero with what is negative.
    rows, d = X.copy(), -np.ones(len(X))
    rows[::2] = -0.0
    mask = [np.zeros((3, 4)), None]
    model = BackpropRegressor((4,), solver="sgd", mask=mask, random_state=0)
    recording = record_training(model, rows, d, len(rows))
    trace = trace_signals(recording.final_estimator, rows, d)
    for shown in (trace, *(step.trace for step in recording.steps)):
        layers = [(layer, sample) for layer in (0, 1) for sample in range(shown.n_samples)]
        arrays = [*shown.y, *shown.v, *shown.phi_prime, shown.d, shown.e, *shown.delta, shown.E]
        arrays += [change(*at) for change in (shown.dw, shown.db) for at in layers]
        assert sum((a == 0).sum() for a in arrays) > 10
        assert not any(np.signbit(a[a == 0]).any() for a in arrays)
    for layer in (0, 1):
        assert not re.search(r"-0(?![.\d])", trace.explain(0, layer))


class Cubed(Loss):
    def value(self, d, y, v):
        return np.abs(d - y).sum(axis=1) ** 3

    def error(self, d, y):
        return 3 * np.abs(d - y) ** 2 * np.sign(d - y)


def test_a_loss_of_the_user():
    trace = trace_signals(*_with_rows((Cubed(), "regression", None)))
    assert trace.loss == "Cubed()" and not trace.fused
    np.testing.assert_allclose(trace.E, np.abs(trace.d - trace.y[-1])[:, 0] ** 3)


def test_a_saturated_output_has_a_finite_delta():
    model, d = make(("cross_entropy", "binary", None))
    model.coefs_ = [W * 1e4 for W in model.coefs_]
    trace = trace_signals(model, X, d)
    assert not np.isfinite(trace.e).all()
    assert all(np.isfinite(delta).all() for delta in trace.delta) and np.isfinite(trace.E).all()
    row = int(np.flatnonzero(~np.isfinite(trace.e[:, 0]))[0])
    assert "e is not finite" in trace.explain(row)


def test_to_frame():
    pd = pytest.importorskip("pandas")
    trace = trace_signals(*_with_rows(HEADS[1]))
    table = trace.to_frame()
    columns = ["sample", "layer", "neuron", "name", "v", "y", "phi_prime", "e", "delta"]
    assert list(table) == columns
    assert len(table) == 7 * (4 + 3 + 2)
    row = table.set_index(["sample", "layer", "neuron"]).loc[(5, 2, 1)]
    expected = [a[5, 1] for a in (trace.v[2], trace.y[3], trace.phi_prime[2], trace.e)]
    assert [*row[["v", "y", "phi_prime", "e"]]] == expected
    assert row["delta"] == trace.delta[2][5, 1]
    assert table["e"].isna().equals(table["layer"] < 2)
    named = {tuple(at): name for *at, name in table[columns[1:4]].to_numpy()}
    assert named[0, 3] == "neuron 3" and named[2, 1] == trace.output_names[1] == "output 1"
    model, _ = make()
    assert "delta" not in trace_signals(model, pd.DataFrame(X).to_numpy()).to_frame()


def test_without_targets_there_is_the_forward_pass():
    model, _ = make()
    trace = trace_signals(model, X)
    assert trace.d is trace.e is trace.delta is trace.E is None
    np.testing.assert_array_equal(trace.y[-1][:, 0], model.predict(X))
    with pytest.raises(ValueError, match="made without y"):
        trace.dw(0, 0)
    with pytest.raises(ValueError, match="made without y"):
        trace.explain(weight=0)
    assert "Forward" in trace.explain() and "Error" not in trace.explain()


def test_to_html_writes_the_page(tmp_path, monkeypatch):
    model, d = make()
    trace = trace_signals(model, X, d)
    seen = []

    def render(*given):
        seen.append(given)
        return "<p>δ = e · φ′</p>"

    monkeypatch.setitem(
        sys.modules, "skbackprop.inspection.page", types.SimpleNamespace(render=render)
    )
    record = record_training(model, X, d, 1)
    trace.to_html(tmp_path / "a.html")
    trace.to_html(str(tmp_path / "b.html"), recording=record)
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == "<p>δ = e · φ′</p>"
    assert (tmp_path / "b.html").exists() and seen == [(trace, None), (trace, record)]
