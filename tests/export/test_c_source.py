"""Models as C: compiled with warnings as errors, they give what Python gives, and learn alike."""

import ctypes
import re
import subprocess

import numpy as np
import pytest
from exported import (
    HEADS,
    LAYERS,
    LOOKING,
    OWN,
    PRECISIONS,
    ROWS,
    SORTED,
    TABLE,
    TABULAR,
    TARGETS,
    Doubled,
    OwnLoss,
    assert_close,
    assert_same_results,
    bent,
    bent_slope,
    each_hidden,
    each_precision,
    make,
    models_of,
    pipelines,
    table_as_numbers,
    table_model,
)
from heads import X
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop.export import to_c

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC"]


@pytest.fixture
def compiled(gcc, tmp_path):
    """A function that compiles texts into one library, each under the name it was given."""

    def compile_all(*texts):
        (tmp_path / "models.c").write_text("\n".join(texts))  # of different names: one file
        command = [gcc, *FLAGS, "-o", "models.so", "models.c", "-lm", "-Wl,--no-undefined"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return ctypes.CDLL(str(tmp_path / "models.so"))

    return compile_all


class InC:
    """A compiled model, called like the one that it was made of."""

    def __init__(self, library, name, model, precision):
        self.library, self.name, self.model = library, name, model
        self.real = {"float": ctypes.c_float, "double": ctypes.c_double}[precision]
        last = model[-1] if hasattr(model, "steps") else model
        self.classes = getattr(last, "classes_", None)
        target = last._task.coding if hasattr(last, "_task") else last._model.coding
        self.kind, self.n_targets = target.task.kind, target.task.n_targets

    def results(self, text, rows):
        methods = re.findall(rf"^\w+ {self.name}_(\w+)\(", text, re.M)
        return {m: self.call(m, rows) for m in methods if m != "partial_fit"}

    def call(self, method, rows):
        function = getattr(self.library, f"{self.name}_{method}")
        if method == "predict" and self.kind in ("binary", "multiclass"):
            return self.classes[[function(self.row(row)) for row in rows]]
        wanted = getattr(self.model, method.replace("_std", ""))(self.python_rows(rows))
        size = 1 if wanted.ndim == 1 else wanted.shape[1]
        labels = method == "predict" and self.kind == "multilabel"
        made = []
        for row in rows:
            out = ((ctypes.c_int if labels else self.real) * size)()
            function(self.row(row), out)
            made.append(list(out))
        return np.array(made)

    def python_rows(self, rows):
        return TABLE if len(rows) == len(TABLE) else rows

    def row(self, row):
        return (self.real * len(row))(*row)

    def learn(self, row, target, eta):
        function = getattr(self.library, f"{self.name}_partial_fit")
        function.argtypes = [ctypes.c_void_p, None or ctypes.c_void_p, self.real]
        if self.kind in ("binary", "multiclass"):
            function.argtypes[1] = ctypes.c_int
            function.argtypes = [ctypes.c_void_p, ctypes.c_int, self.real]
            given = int(np.flatnonzero(self.classes == target)[0])
        else:
            kind = ctypes.c_int if self.kind == "multilabel" else self.real
            target = np.ravel(target).tolist()
            given = (kind * len(target))(*target)
        return function(self.row(row), given, eta)


def check(compiled, models, precision, rows=ROWS, tolerance=None, **settings):
    """Compile models, and compare all that they give."""
    texts = [to_c(m, name=f"m{i}", precision=precision, **settings) for i, m in enumerate(models)]
    library = compiled(*texts)
    for i, (model, text) in enumerate(zip(models, texts, strict=True)):
        given = InC(library, f"m{i}", model, precision).results(text, rows)
        assert_same_results(given, model, rows, tolerance or PRECISIONS[precision][1])
    return library


@each_precision
@each_hidden
def test_every_activation_and_head(compiled, hidden, precision):
    check(compiled, models_of(hidden, precision), precision)


@each_precision
@pytest.mark.parametrize("layers", LAYERS)
def test_layers(compiled, layers, precision):
    models = [make(h, LAYERS[layers], PRECISIONS[precision][0])[0] for h in (HEADS[0], HEADS[17])]
    models.append(make(hidden=LAYERS[layers], dtype=PRECISIONS[precision][0], input_gain=True)[0])
    check(compiled, models, precision)


def test_pipelines(compiled):
    check(compiled, [model for _, model in pipelines()], "double")


@pytest.mark.parametrize("key", TABULAR)
def test_tables(compiled, key):
    model = table_model(key)
    text = to_c(model)
    assert "float table_predict" not in text and "x[4] is a category: 0 for 'Bonn', " in text
    given = InC(compiled(text), "model", model, "float").results(text, table_as_numbers(TABLE))
    # Networks for so many rows are in single precision themselves.
    assert_same_results(given, model, TABLE, 2e-6)


def test_one_class_is_told_for_every_row(compiled):
    with pytest.warns(UserWarning, match="one class"):
        model = BackpropClassifier((2,), random_state=0).fit(ROWS, ["a"] * len(ROWS))
    check(compiled, [model], "double")


def test_precision_is_that_of_the_model():
    assert "double" in to_c(make()[0]) and "float" not in to_c(make()[0])
    assert "float" in to_c(make(dtype=np.float32)[0])
    assert "double" not in to_c(make(dtype=np.float32)[0])


def test_nothing_is_included_but_math():
    text = to_c(make(HEADS[-4], "gelu")[0], learning=True)
    assert re.findall("#include.*", text) == ["#include <math.h>"]
    assert "alloc" not in text


# -- learning --------------------------------------------------------------------------------------


def check_learning(compiled, models, precision, eta=0.001):
    """Present rows in C and in Python: the results are the same afterwards, and not as before."""
    dtype, tolerance = PRECISIONS[precision]
    texts = [
        to_c(m, name=f"m{i}", precision=precision, learning=True) for i, (m, _) in enumerate(models)
    ]
    library = compiled(*texts)
    for i, ((model, y), text) in enumerate(zip(models, texts, strict=True)):
        ours = InC(library, f"m{i}", model, precision)
        before = model._model.network.w.copy()
        for row, target in zip(np.tile(X, (2, 1)), [*y, *y], strict=True):
            assert ours.learn(row, target, eta) == 1
            model.partial_fit(row[None].astype(dtype), np.asarray(target)[None])
        assert (model._model.network.w != before).any()
        assert_same_results(ours.results(text, ROWS), model, ROWS, 10 * tolerance)


@each_hidden
def test_learning(compiled, hidden):
    models = [make(head, hidden, eta=0.001, engine="numpy") for head in HEADS]
    check_learning(compiled, models, "double")


def test_learning_in_single_precision(compiled):
    models = [make(head, "tanh", np.float32, eta=0.001, engine="numpy") for head in HEADS]
    check_learning(compiled, models, "float")


def test_learning_with_gains_mixed_layers_and_scaled_targets(compiled):
    models = [make(hidden=layers, eta=0.001, input_gain=True) for layers in LAYERS.values()]
    scaled = BackpropRegressor((3,), solver="sgd", eta=0.001, scale_targets=True, random_state=0)
    y = 50 + 9 * X[:, :2]
    with pytest.warns(match="max_iter"):
        models.append((scaled.set_params(max_iter=1).fit(X, y), y))
    check_learning(compiled, models, "double")


def test_an_update_near_overflow_is_refused(compiled):
    model, _ = make(HEADS[0], "identity")
    text = to_c(model, learning=True)
    ours = InC(compiled(text), "model", model, "double")
    before = ours.results(text, ROWS)
    for row, target, eta in (
        ([1e200, 0, 0], 1.0, 0.1),
        ([1, 1, 1], 1e300, 0.1),
        ([1, 1, 1], 1, 1e200),
    ):
        assert ours.learn(row, target, eta) == 0
    assert ours.learn([np.nan, 0, 0], 1.0, 0.1) == 0
    assert ours.results(text, ROWS)["predict"].tolist() == before["predict"].tolist()


@pytest.mark.parametrize(
    "settings", [{"alpha": 0.1}, {"dropout": 0.2}, {"mask": [None, None, False]}, {"max_norm": 1.0}]
)
def test_learning_is_the_bare_rule(settings):
    model, _ = make(**settings)
    (name,) = settings
    with pytest.raises(ValueError, match=f"^{name} is .*bare rule"):
        to_c(model, learning=True)
    assert "predict" in to_c(model)


def test_tables_do_not_learn():
    with pytest.raises(ValueError, match="no single network"):
        to_c(table_model("regressor", 40), learning=True)


# -- what is a user's own, and what is refused -----------------------------------------------------


def test_a_users_own_activation_and_loss_come_out(compiled):
    models = [make((OwnLoss(), "several", None), OWN, eta=0.001, engine="numpy")]
    models.append(make((Doubled(), "regression", None), OWN, eta=0.001, engine="numpy"))
    check(compiled, [model for model, _ in models], "double")


def test_a_prediction_needs_no_slope(compiled):
    model, _ = make(hidden=Activation(bent, array_slope, name="bent"))
    check(compiled, [model], "double")
    with pytest.raises(TypeError, match="activation 'bent' .*it makes an array of its argument"):
        to_c(model, learning=True)


def array_slope(v, y):
    return np.asarray(bent_slope(np.asarray(v), y))


def test_a_users_own_activation_and_loss_learn(compiled):
    check_learning(compiled, [make((OwnLoss(), "several", None), OWN, eta=0.001)], "double", 0.001)


def test_what_cannot_be_traced_says_what_to_do():
    with pytest.raises(TypeError, match=r"activation 'looking' .*np.where in the place of if"):
        to_c(make(hidden=LOOKING)[0])
    with pytest.raises(TypeError, match=r"Sorted.*prediction has no formula.*by a name"):
        to_c(make((SORTED, "several", None))[0])


@pytest.mark.parametrize(
    "model, settings, message",
    [
        (make()[0], {"name": "9 lives"}, "name is '9 lives'; it must be an identifier"),
        (make()[0], {"learning": "no"}, "learning is 'no'; it must be True or False"),
        (make()[0], {"precision": "half"}, "precision is 'half'; it must be 'auto', 'float' or"),
        (
            LinearRegression().fit(ROWS, ROWS[:, 0]),
            {},
            "cannot be exported: a model must be one of",
        ),
        (
            make_pipeline(PowerTransformer(), make()[0]).__sklearn_clone__(),
            {},
            "the step PowerTransformer.. cannot be exported; those that can are MinMaxScaler",
        ),
    ],
)
def test_bad_calls(model, settings, message):
    if hasattr(model, "steps"):
        model = make_pipeline(PowerTransformer(), BackpropRegressor((2,), max_iter=1))
        with pytest.warns(match="max_iter"):
            model.fit(ROWS, ROWS[:, 0])
    with pytest.raises((TypeError, ValueError), match=message):
        to_c(model, **settings)


def test_what_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        to_c(BackpropRegressor((2,)))


def test_every_kind_of_target_is_exported():
    assert {kind for _, kind, _ in HEADS} == set(TARGETS)
    assert_close(np.ones(2), np.ones(2), 0.0)


def test_a_number_beyond_single_precision_is_refused():
    model = BackpropRegressor((2,), random_state=0).partial_fit([[0.0]], [1.0])
    model.coefs_ = [np.full((1, 2), 1e39), np.ones((2, 1))]
    with pytest.raises(ValueError, match=r"1e\+39, which single precision cannot: give precision"):
        to_c(model, precision="float")
    assert "1e+39" in to_c(model, precision="double")
