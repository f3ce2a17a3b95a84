"""Traces: every signal against differences of the cost, and the changes against the solver's."""

import copy
import doctest
import importlib
import pickle
import re
import sys
import types

import numpy as np
import pytest
from heads import CLASSES, HEADS, HIDDEN, LABELS, REAL, X, make
from scipy import sparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    LOSSES,
    BackpropClassifier,
    BackpropRegressor,
    Loss,
    Mixed,
    check_gradient,
    diagnose,
    inspection,
    record_training,
    trace_signals,
)


def assert_slope(given, f):
    """Compare with a central difference of fourth order at s = 0; a long step may meet a kink."""
    agrees = False
    for h in (3e-4, 3e-5):
        numeric = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
        agrees = agrees | np.isclose(given, numeric, rtol=1e-9, atol=1e-9)
    assert np.all(agrees), (given, numeric)


def test_public_names():
    for name in inspection.__all__:
        assert hasattr(inspection, name)
    for name in ("trace_signals", "check_gradient", "diagnose", "record_training", "SignalTrace"):
        assert getattr(skbackprop, name) is getattr(inspection, name)


@pytest.mark.parametrize("name", ["signals", "gradient_check", "diagnosis"])
def test_examples_in_docstrings(name):
    outcome = doctest.testmod(importlib.import_module(f"skbackprop.inspection.{name}"))
    assert outcome.attempted and not outcome.failed


# -- every array -----------------------------------------------------------------------------------


def test_every_loss_is_covered():
    assert {head[0] for head in HEADS if isinstance(head[0], str)} == set(LOSSES)


@pytest.mark.parametrize("hidden", [*HIDDEN, ["relu", Mixed(["tanh", "sin", "relu"])]], ids=repr)
def test_forward_and_slopes_of_every_activation(hidden):
    model, d = make(hidden=hidden)
    trace, y = trace_signals(model, X, d), X
    np.testing.assert_array_equal(trace.y[0], X)
    for layer in range(3):
        v = np.array([[model.coefs_[layer][:, j] @ row for j in range(trace.sizes[layer + 1])]
                      for row in y]) + model.intercepts_[layer]  # fmt: skip
        np.testing.assert_allclose(trace.v[layer], v, atol=1e-12)
        y = np.empty_like(v)
        for j in range(v.shape[1]):
            phi = ACTIVATIONS[trace.neuron_activation(layer, j)].phi
            y[:, j] = phi(v[:, j])
            assert_slope(trace.phi_prime[layer][:, j], lambda s, phi=phi, at=v[:, j]: phi(at + s))
        np.testing.assert_allclose(trace.y[layer + 1], y, atol=1e-12)


@pytest.mark.parametrize(
    ("head", "hidden"),
    [(head, HIDDEN[k % len(HIDDEN)]) for k, head in enumerate(HEADS)]
    + [(HEADS[1], hidden) for hidden in HIDDEN],
    ids=repr,
)
def test_delta_is_the_slope_of_the_cost(head, hidden):
    model, d = make(head, hidden)
    trace = trace_signals(model, X, d)
    start = [b.copy() for b in model.intercepts_]

    def moved(layer, j, s):
        biases = [b.copy() for b in start]
        biases[layer][j] += s
        model.intercepts_ = biases
        v, y = model._signals(X)
        return model._model.head.value(trace.d, y, v)

    for layer in range(3):
        for j in range(trace.sizes[layer + 1]):
            assert_slope(-trace.delta[layer][:, j], lambda s, at=(layer, j): moved(*at, s))


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_error_and_slopes_give_delta(head):
    model, d = make(head)
    trace = trace_signals(model, X, d)
    if trace.elementwise:
        delta = trace.e * trace.phi_prime[-1]
    else:
        y, e = trace.y[-1], trace.e
        jacobian = np.einsum("nj,jk->njk", y, np.eye(y.shape[1])) - y[:, :, None] * y[:, None]
        delta = np.einsum("njk,nk->nj", jacobian, e)
        np.testing.assert_allclose(trace.phi_prime[-1], np.einsum("njj->nj", jacobian), rtol=1e-12)
    np.testing.assert_allclose(trace.delta[-1], delta, rtol=1e-9, atol=1e-12)
    if trace.difference:
        np.testing.assert_array_equal(trace.delta[-1], trace.d - trace.y[-1])
    if trace.sum_of_squares:
        np.testing.assert_array_equal(trace.e, trace.d - trace.y[-1])
        np.testing.assert_allclose(trace.E, 0.5 * (trace.e**2).sum(axis=1), rtol=1e-12)


def test_what_is_fused():
    fused = {(head[0], head[1]): trace_signals(*_with_rows(head)).fused for head in HEADS[:4]}
    assert fused[("squared_error", "regression")] and not fused[("squared_error", "several")]
    gamma = trace_signals(*_with_rows(("gamma", "positive", None)))
    assert gamma.fused and not gamma.difference


def _with_rows(head):
    model, d = make(head)
    return model, X, d


# -- changes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_changes_are_what_sgd_does(head):
    model, d = make(head)
    for row in range(4):
        trace = trace_signals(model, X, d)
        coefs, biases = copy.deepcopy(model.coefs_), copy.deepcopy(model.intercepts_)
        model.partial_fit(X[row : row + 1], d[row : row + 1])
        for layer in range(3):
            W, b = coefs[layer] + trace.dw(layer, row), biases[layer] + trace.db(layer, row)
            np.testing.assert_allclose(model.coefs_[layer], W, rtol=1e-14, atol=1e-15)
            np.testing.assert_allclose(model.intercepts_[layer], b, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    "settings",
    [
        {"eta": [0.1, 0.0, 0.3]},
        {"eta": "auto"},
        {"eta_schedule": "invscaling"},
        {"mask": [None, False, np.array([[1], [0], [1]])]},
        {"engine": "numpy", "batch_size": 5},
    ],
    ids=repr,
)
def test_changes_with_eta_of_layers_schedules_and_masks(settings):
    model, d = make(**settings)
    model.partial_fit(X, d)
    trace = trace_signals(model, X, d)
    coefs, biases = copy.deepcopy(model.coefs_), copy.deepcopy(model.intercepts_)
    model.partial_fit(X[2:3], d[2:3])
    for layer in range(3):
        for after, before, change in (
            (model.coefs_[layer], coefs[layer], trace.dw(layer, 2)),
            (model.intercepts_[layer], biases[layer], trace.db(layer, 2)),
        ):
            np.testing.assert_allclose(after - before, change, rtol=1e-9, atol=1e-15)
    if "mask" in settings:
        assert trace.eta[1] == 0.0 and not trace.dw(2, 2)[1].any()


def test_eta_of_plateaus_horizons_and_whole_batch_solvers():
    model, d = make(eta=0.2, eta_schedule="adaptive")
    model._model.state.decay = 0.25
    assert trace_signals(model, X, d).eta == [0.05] * 3
    with pytest.warns(ConvergenceWarning):
        model.set_params(eta_schedule="cosine", max_iter=2).fit(X, d)
    assert trace_signals(model, X, d).eta == [0.2] * 3
    model = BackpropRegressor((2,), solver="lbfgs", random_state=0).fit(X, REAL)
    trace = trace_signals(model, X, REAL)
    assert trace.eta == [1.0, 1.0]
    np.testing.assert_array_equal(trace.db(0, 1), trace.delta[0][1])


def test_changes_of_other_solvers_leave_the_estimator_alone():
    model, d = make(solver="adam", dropout=0.5, noise=0.1)
    before = pickle.dumps(model)
    trace = trace_signals(model, X, d)
    trace.dw(0, 0), trace.explain()
    assert pickle.dumps(model) == before
    expected = 0.1 * np.outer(trace.y[0][3], trace.delta[0][3])
    np.testing.assert_allclose(trace.dw(0, 3), expected, rtol=1e-14)
    np.testing.assert_array_equal(trace.y[-1][:, 0], model.predict(X))  # no dropout


# -- the record ------------------------------------------------------------------------------------


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


# -- around the network ----------------------------------------------------------------------------


def test_through_a_pipeline():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(5 + 3 * X, columns=["width", "length", "height"])
    net = BackpropClassifier((4,), solver="lbfgs", max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    with pytest.warns(ConvergenceWarning):
        pipeline.fit(frame, CLASSES)
    trace = trace_signals(pipeline, frame, CLASSES)
    np.testing.assert_array_equal(trace.y[0], StandardScaler().fit_transform(frame))
    assert trace.feature_names == ["width", "length", "height"]
    np.testing.assert_array_equal(trace.y[-1], pipeline.predict_proba(frame))
    direct = trace_signals(pipeline[-1], StandardScaler().fit_transform(frame), CLASSES)
    np.testing.assert_array_equal(direct.delta[0], trace.delta[0])
    assert "input length" in trace.explain(layer=0)


def test_names_through_nested_pipelines():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["p", "q", "r"])
    steps = [("num", StandardScaler(), ["p", "r"]), ("as", "passthrough", ["q"])]
    columns = ColumnTransformer(steps)
    net = BackpropRegressor((2,), solver="lbfgs", random_state=0)
    names = ["num__p", "num__r", "as__q"]
    for inner in (
        make_pipeline(MaxAbsScaler(), net),
        make_pipeline(net),
        TransformedTargetRegressor(make_pipeline(MaxAbsScaler(), net)),
    ):
        model = make_pipeline(columns, inner).fit(frame, REAL)
        assert trace_signals(model, frame, REAL).feature_names == names
    model = make_pipeline(columns, make_pipeline(FunctionTransformer(np.tanh), net))
    trace = trace_signals(model.fit(frame, REAL), frame, REAL)
    assert trace.feature_names == ["x0", "x1", "x2"]


def test_through_steps_that_know_no_names_and_through_none():
    for steps in ([FunctionTransformer(np.tanh)], []):
        model = make_pipeline(*steps, make_pipeline(BackpropRegressor((2,), solver="lbfgs")))
        model.fit(X, REAL)
        assert trace_signals(model, X, REAL).feature_names == ["x0", "x1", "x2"]


def test_through_a_transformed_target():
    inner = make_pipeline(StandardScaler(), BackpropRegressor((2,), solver="lbfgs", random_state=0))
    model = TransformedTargetRegressor(inner, transformer=StandardScaler())
    model.fit(X, 100 * REAL)
    trace = trace_signals(model, X, 100 * REAL)
    np.testing.assert_allclose(trace.d[:, 0], (REAL - REAL.mean()) / REAL.std(), rtol=1e-12)
    np.testing.assert_allclose(trace.y[-1][:, 0] * 100 * REAL.std() + 100 * REAL.mean(),
                               model.predict(X), rtol=1e-12)  # fmt: skip


# -- bad input -------------------------------------------------------------------------------------


def test_bad_input_gets_the_estimators_errors():
    model, d = make()
    with pytest.raises(NotFittedError):
        trace_signals(BackpropRegressor(), X, d)
    with pytest.raises(NotFittedError):
        trace_signals(make_pipeline(StandardScaler(), BackpropRegressor()), X, d)
    with pytest.raises(NotFittedError):
        trace_signals(TransformedTargetRegressor(BackpropRegressor()), X, d)
    holes = X.copy()
    holes[1, 1] = np.nan
    for rows in (X[:, :2], holes, X[0]):
        with pytest.raises(ValueError) as expected:
            model.predict(rows)
        with pytest.raises(ValueError) as found:
            trace_signals(model, rows)
        assert str(found.value) == str(expected.value)
    for targets in (d[:3], np.full(7, np.nan), np.column_stack([d, d])):
        with pytest.raises(ValueError) as expected:
            model.partial_fit(X, targets)
        with pytest.raises(ValueError) as found:
            trace_signals(model, X, targets)
        assert str(found.value) == str(expected.value)
    with pytest.raises(TypeError, match="must be a BackpropRegressor or BackpropClassifier"):
        trace_signals(StandardScaler(), X)
    search = GridSearchCV(BackpropRegressor((2,), solver="lbfgs"), {"alpha": [0.1]}, cv=2)
    with pytest.raises(TypeError, match="give its best_estimator_"):
        trace_signals(search.fit(X, d), X)
    classifier, labels = make(("cross_entropy", "multiclass", None))
    with pytest.raises(ValueError, match="labels that are not in classes"):
        trace_signals(classifier, X, ["z", *labels[1:]])


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_targets_that_are_needed(kind):
    loss = "squared_error" if kind == "regression" else "cross_entropy"
    fitted, _ = make((loss, kind, None))
    for model in (fitted, type(fitted)((2,), solver="sgd")):
        for look in (check_gradient, lambda *given: record_training(*given, 3)):
            with pytest.raises(ValueError, match="requires y to be passed, but the target y is N"):
                look(model, X, None)


def test_places_out_of_range():
    trace = trace_signals(*_with_rows(HEADS[0]))
    for call in (
        lambda: trace.dw(0, 7),
        lambda: trace.db(3, 0),
        lambda: trace.explain(-8),
        lambda: trace.explain(0, 3),
        lambda: trace.explain(0, -1, 1),
        lambda: trace.explain(0, 0, 0, 3),
        lambda: trace.neuron_activation(0, 4),
    ):
        with pytest.raises(IndexError, match="must be from 0 to"):
            call()
    with pytest.raises(IndexError, match="sample is 7; there are 7"):
        trace.dw(0, 7)
    with pytest.raises(TypeError, match="sample is 1.5"):
        trace.dw(0, 1.5)
    np.testing.assert_array_equal(trace.dw(-1, -1), trace.dw(2, 6))


# -- training, step by step ------------------------------------------------------------------------


@pytest.mark.parametrize("head", [HEADS[0], HEADS[18], HEADS[19]], ids=repr)
def test_recorded_steps_are_those_of_sgd(head):
    model, d = make(head)
    before = pickle.dumps(model)
    record = record_training(model, X, d, 10)
    assert pickle.dumps(model) == before
    assert [step.sample for step in record.steps] == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]
    for step in record.steps:
        for layer, (W, b) in enumerate(zip(step.coefs, step.intercepts, strict=True)):
            given = step.trace.coefs[layer] + step.trace.dw(layer, 0)
            np.testing.assert_allclose(W, given, rtol=1e-13, atol=1e-15)
            given = step.trace.intercepts[layer] + step.trace.db(layer, 0)
            np.testing.assert_allclose(b, given, rtol=1e-13, atol=1e-15)
    model.partial_fit(X, d).partial_fit(X[:3], d[:3])
    for ours, theirs in zip(record.final_estimator.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(record.steps[-1].coefs[0], model.coefs_[0])
    assert "10 steps" in repr(record)


def test_recording_from_the_start_and_through_a_pipeline():
    pd = pytest.importorskip("pandas")
    net = BackpropClassifier((4,), solver="momentum", random_state=0)
    record = record_training(net, pd.DataFrame(X, columns=["p", "q", "r"]), CLASSES, 3)
    fresh = BackpropClassifier((4,), solver="momentum", random_state=0)
    fresh.partial_fit(X[:3], CLASSES[:3], classes=["a", "b", "c"])
    np.testing.assert_array_equal(record.final_estimator.coefs_[0], fresh.coefs_[0])
    assert not hasattr(net, "coefs_")
    assert record.steps[0].trace.feature_names == ["p", "q", "r"]
    net = BackpropRegressor((2,), batch_size=7, max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    with pytest.warns(ConvergenceWarning):
        pipeline.fit(X, REAL)
    record = record_training(pipeline, X.tolist(), REAL.tolist(), 8)
    np.testing.assert_array_equal(record.steps[7].trace.y[0], StandardScaler().fit_transform(X)[:1])


def test_recording_refuses():
    model, d = make()
    for n_steps in (0, 1.5, True):
        with pytest.raises(ValueError, match="n_steps is"):
            record_training(model, X, d, n_steps)
    with pytest.raises(ValueError, match="solver='lbfgs' needs all rows"):
        record_training(BackpropRegressor(solver="lbfgs"), X, d, 1)
    with pytest.raises(ValueError, match="3 features"):
        record_training(model, X[:, :2], d, 1)
