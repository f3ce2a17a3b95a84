"""Models of ONNX: onnxruntime gives what Python gives, from `to_onnx` and from skl2onnx alike."""

import importlib
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from exported import (
    HEADS,
    LAYERS,
    LOOKING,
    OWN,
    PRECISIONS,
    ROWS,
    TABLE,
    TABULAR,
    Doubled,
    OwnLoss,
    assert_close,
    each_hidden,
    each_precision,
    make,
    models_of,
    pipelines,
    results_of,
    table_as_numbers,
    table_model,
)
from outside import need_package
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from skbackprop import Activation, BackpropClassifier, BackpropRegressor, TabularRegressor
from skbackprop.export import to_onnx

METHODS = {
    "variable": "predict",
    "label": "predict",
    "std": "predict_std",
    "probabilities": "predict_proba",
    "scores": "decision_function",
}
OLDEST = 13


@pytest.fixture
def run(onnxruntime):
    """A function that gives the outputs of a model of ONNX for rows, by their names."""

    def run_model(made, rows):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a second one is waited for, where the core is busy
        session = onnxruntime.InferenceSession(
            made.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, {"X": rows}), strict=True))

    return run_model


@pytest.fixture(scope="module")
def skl2onnx(onnxruntime):
    return need_package("skl2onnx")


def assert_agrees(outputs, model, rows, tolerance):
    """The outputs are what the model gives: all but the scores that stand beside probabilities."""
    wanted = results_of(model, rows)
    for name, made in outputs.items():
        # Classes that are truth values come out as whole numbers.
        theirs = wanted[METHODS[name]]
        assert_close(
            made, theirs.astype(made.dtype) if made.dtype.kind == "i" else theirs, tolerance
        )
    missing = set(wanted) - {METHODS[name] for name in outputs}
    assert missing <= ({"decision_function"} if "probabilities" in outputs else set())


def check(run, models, precision, rows=ROWS, **settings):
    dtype, tolerance = PRECISIONS[precision]
    for model in models:
        made = to_onnx(model, rows.astype(dtype), **settings)
        outputs = run(made, rows.astype(dtype))
        assert all(a.dtype == dtype for a in outputs.values() if a.dtype.kind == "f")
        assert_agrees(outputs, model, rows.astype(dtype), tolerance)


@each_precision
@each_hidden
def test_every_activation_and_head(run, hidden, precision):
    check(run, models_of(hidden, precision), precision)


@each_precision
@pytest.mark.parametrize("layers", LAYERS)
def test_layers(run, layers, precision):
    dtype = PRECISIONS[precision][0]
    models = [make(head, LAYERS[layers], dtype)[0] for head in (HEADS[0], HEADS[17])]
    models.append(make(hidden=LAYERS[layers], dtype=dtype, input_gain=True)[0])
    check(run, models, precision)


def test_pipelines(run):
    check(run, [model for _, model in pipelines()], "double")


@pytest.mark.parametrize("key", TABULAR)
def test_tables(run, key):
    model, rows = table_model(key), table_as_numbers(TABLE)
    made = to_onnx(model, rows)
    assert "0 for 'Bonn'" in made.graph.doc_string
    assert_agrees(run(made, rows), model, TABLE, 2e-6)


@pytest.mark.parametrize("opset", [OLDEST, 17, 18, 20])
def test_opsets(run, opset):
    models = [make(head, "gelu")[0] for head in (*HEADS[2:10:7], *HEADS[15:17])]
    check(run, models, "double", target_opset=opset)
    assert to_onnx(models[0], ROWS, target_opset=opset).opset_import[0].version == opset


def test_the_number_of_rows_is_free_or_fixed(run):
    model, _ = make(HEADS[17])
    for n in (1, 7):
        assert_agrees(run(to_onnx(model, ROWS), ROWS[:n]), model, ROWS[:n], 1e-12)
        fixed = to_onnx(model, ROWS, batch_size=n)
        assert_agrees(run(fixed, ROWS[:n]), model, ROWS[:n], 1e-12)
        assert fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value == n


@pytest.mark.parametrize(
    "classes", [["a", "b", "c"], [3, 5], [0.0, 1.0, 2.0], [0.5, 1.5], [False, True], ["one"]]
)
def test_classes(run, classes):
    y = np.array(classes)[np.arange(len(ROWS)) % len(classes)]
    if classes == [0.5, 1.5]:  # numbers that scikit-learn takes for no classes at fit
        model, _ = make(HEADS[16])
        model._model.coding.classes = np.array(classes)
    else:
        model = fitted_on(y)
    assert_agrees(run(to_onnx(model, ROWS), ROWS), model, ROWS, 1e-12)


def fitted_on(y):
    model = BackpropClassifier((3,), random_state=0)
    if len(np.unique(y)) > 1:
        return model.partial_fit(ROWS, y, classes=np.unique(y))
    with pytest.warns(UserWarning, match="one class"):
        return model.partial_fit(ROWS, y, classes=np.unique(y))


@pytest.mark.usefixtures("onnxruntime")
def test_no_operator_of_onnx_that_lacks_double_precision():
    models = [make(head, h)[0] for head in HEADS[3:18:14] for h in ("gelu", "arctan", "softplus")]
    used = {node.op_type for model in models for node in to_onnx(model, ROWS).graph.node}
    lacking = {"Erf", "Atan", "Softplus", "Elu", "Selu", "Gelu", "Mish", "LeakyRelu", "Softsign"}
    assert "MatMul" in used and not used & lacking


# -- skl2onnx --------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_skl2onnx_knows_the_estimators(run, skl2onnx, head):
    for precision, (dtype, tolerance) in PRECISIONS.items():
        model, _ = make(head, "mish", dtype)
        rows = ROWS.astype(dtype)
        outputs = run(skl2onnx.to_onnx(model, rows[:1]), rows)
        assert_agrees(outputs, model, rows, tolerance), precision


def test_skl2onnx_knows_them_in_pipelines(run, skl2onnx):
    for name, model in pipelines():
        if name != "all":  # skl2onnx takes no "passthrough"
            outputs = run(skl2onnx.to_onnx(model, ROWS[:1]), ROWS)
            assert_agrees(outputs, model, ROWS, 1e-12)


@pytest.mark.parametrize("key", TABULAR)
def test_skl2onnx_knows_tables(run, skl2onnx, key):
    model, rows = table_model(key), table_as_numbers(TABLE)
    outputs = run(skl2onnx.to_onnx(model, rows[:1], target_opset=OLDEST + 2), rows)
    assert_agrees(outputs, model, TABLE, 2e-6)


def test_skl2onnx_takes_whole_numbers(run, skl2onnx):
    model, rows = make()[0], np.arange(12).reshape(4, 3)
    made = skl2onnx.to_onnx(model, rows[:1])
    assert_close(run(made, rows)["variable"], model.predict(rows), 1e-6)


# -- what is a user's own, and what is refused -----------------------------------------------------


def test_a_users_own_activation_and_loss_come_out(run):
    for head in ((OwnLoss(), "several", None), (Doubled(), "regression", None)):
        check(run, [make(head, OWN)[0]], "double")


def bounded(v):
    return np.arcsin(np.clip(v, -0.9, 0.9))


def bounded_slope(v, y):
    return np.where(np.abs(v) < 0.9, 1 / np.cos(y), 0.0)


def test_what_cannot_be_traced_says_what_to_do(onnxruntime):
    with pytest.raises(TypeError, match=r"activation 'looking' .*np.where in the place of if"):
        to_onnx(make(hidden=LOOKING)[0], ROWS)
    with pytest.raises(TypeError, match="arcsin has no counterpart in ONNX"):
        to_onnx(make(hidden=Activation(bounded, bounded_slope, name="bounded"))[0], ROWS)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"target_opset": 12}, "target_opset is 12; it must be a whole number from 13 to"),
        ({"target_opset": 999}, "target_opset is 999"),
        ({"target_opset": "17"}, "target_opset is '17'"),
        ({"batch_size": 0}, "batch_size is 0; it must be a whole number >= 1, or None"),
    ],
)
def test_bad_options(onnxruntime, settings, message):
    with pytest.raises(ValueError, match=message):
        to_onnx(make()[0], ROWS, **settings)


@pytest.mark.parametrize("model", ["network", "pipeline", "table"])
def test_rows_of_other_columns_are_refused(onnxruntime, model):
    columns = ["a", "b", "c"]
    given = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=columns)
    net = BackpropRegressor((2,), max_iter=1)
    kinds = {
        "network": net,
        "pipeline": make_pipeline(StandardScaler(), net),
        "table": TabularRegressor(2, n_networks=1, neighbours=False, max_iter=1),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = kinds[model].fit(given, given["a"])
    for taken in (given, given.to_numpy(), np.zeros((1, 3)), [[0.0, 0.0, 0.0]]):
        assert to_onnx(fitted, taken).graph.input[0].type.tensor_type.shape.dim[1].dim_value == 3
    for wrong in (given[["a", "b"]], np.zeros((4, 4)), np.zeros(3), [0.0] * 3, 0.0):
        with pytest.raises(ValueError, match=r"X has shape \(.*\); it must be .* the 3 columns"):
            to_onnx(fitted, wrong)
    for wrong in (given[["b", "a", "c"]], given.rename(columns={"c": "d"})):
        told = rf"X has the columns .*; the {type(fitted).__name__} was fitted on \['a', 'b', 'c'\]"
        with pytest.raises(ValueError, match=told):
            to_onnx(fitted, wrong)


def test_what_else_stands_in_a_pipeline_is_named(onnxruntime):
    model = make_pipeline(QuantileTransformer(n_quantiles=5), BackpropRegressor((2,)))
    model[0].fit(ROWS)
    model[1].partial_fit(ROWS, ROWS[:, 0])
    with pytest.raises(TypeError, match="QuantileTransformer.* cannot be exported"):
        to_onnx(model, ROWS)


def test_without_onnx_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        ImportError, match=r"to_onnx needs onnx, .* pip install 'skbackprop\[onnx\]'"
    ):
        to_onnx(make()[0], ROWS)
    assert importlib.import_module("skbackprop.export.skl2onnx")  # which needs it only when asked


def test_what_the_page_shows_runs(onnxruntime, skl2onnx):
    page = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text("utf-8")
    need_package("skops")
    blocks = re.findall(r"^```py\n(.*?)^```$", page, re.S | re.M)
    assert len(blocks) == 3
    scope = {"__name__": "__main__"}
    for block in blocks:
        exec(block, scope)
