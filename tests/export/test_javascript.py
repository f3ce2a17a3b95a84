"""Models as ES modules: run by Node.js they give what Python gives, and learn alike."""

import json
import re
import subprocess

import numpy as np
import pytest
from exported import (
    HEADS,
    LAYERS,
    LOOKING,
    OWN,
    ROWS,
    SORTED,
    TABLE,
    TABULAR,
    Doubled,
    OwnLoss,
    assert_same_results,
    each_hidden,
    make,
    models_of,
    pipelines,
    table_as_numbers,
    table_model,
)
from heads import X

from skbackprop import BackpropClassifier
from skbackprop.export import to_js

METHODS = {
    "predict": "predict",
    "predictStd": "predict_std",
    "predictProba": "predict_proba",
    "decisionFunction": "decision_function",
}
# Numbers go out and come in with all their digits; NaN is null in JSON.
SCRIPT = """
import { readFileSync } from "node:fs";
const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
const jobs = JSON.parse(readFileSync(0, "utf8"));
const results = [];
for (const { file, lessons, eta, rows } of jobs) {
  const model = await import(file);
  const given = { learnt: lessons.map(([x, target]) => model.partialFit(x, target, eta)) };
  for (const name of Object.keys(model)) {
    if (typeof model[name] === "function" && name !== "partialFit") {
      given[name] = rows.map((row) => plain(model[name](row.map((x) => x ?? NaN))));
    }
  }
  results.push(given);
}
console.log(JSON.stringify(results));
"""


@pytest.fixture
def run(node, tmp_path):
    """A function that lets Node.js learn some lessons, and then call all functions of modules."""

    def run_all(texts, rows=ROWS, lessons=None, eta=0.0):
        jobs = []
        for i, text in enumerate(texts):
            (tmp_path / f"m{i}.mjs").write_text(text)
            job = {"file": f"./m{i}.mjs", "eta": eta, "rows": as_json(rows)}
            jobs.append({**job, "lessons": lessons[i] if lessons else []})
        (tmp_path / "run.mjs").write_text(SCRIPT)
        done = subprocess.run(
            [node, "run.mjs"], input=json.dumps(jobs), cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_all


def as_json(rows):
    return [[None if np.isnan(x) else x for x in row] for row in np.asarray(rows).tolist()]


def by_method(given):
    return {METHODS[name]: np.array(made) for name, made in given.items() if name != "learnt"}


def check(run, models, tolerance=1e-12):
    for model, given in zip(models, run([to_js(model) for model in models]), strict=True):
        assert_same_results(by_method(given), model, ROWS, tolerance)


def check_learning(run, models, eta=0.001):
    lessons = [list(zip(np.tile(X, (2, 1)), [*y, *y], strict=True)) for _, y in models]
    written = [[[row.tolist(), np.asarray(t).tolist()] for row, t in each] for each in lessons]
    for pairs in written:  # a number alone is an array of one
        pairs[:] = [[row, [t] if isinstance(t, float) else t] for row, t in pairs]
    texts = [to_js(model, learning=True) for model, _ in models]
    for (model, _), given, each in zip(
        models, run(texts, ROWS, written, eta), lessons, strict=True
    ):
        before = model._model.network.w.copy()
        for row, target in each:
            model.partial_fit(row[None], np.asarray(target)[None])
        assert given["learnt"] == [1] * len(each) and (model._model.network.w != before).any()
        assert_same_results(by_method(given), model, ROWS, 1e-11)


@each_hidden
def test_every_activation_and_head(run, hidden):
    check(run, models_of(hidden))


@pytest.mark.parametrize("layers", LAYERS)
def test_layers(run, layers):
    models = [make(head, LAYERS[layers])[0] for head in (HEADS[0], HEADS[17])]
    check(run, [*models, make(hidden=LAYERS[layers], input_gain=True)[0]])


def test_float32_is_computed_in_double(run):
    check(run, models_of("tanh", "float"), 1e-6)


def test_pipelines(run):
    check(run, [model for _, model in pipelines()])


def test_tables(run):
    models = [table_model(key) for key in TABULAR]
    texts = [to_js(model) for model in models]
    assert all("x[4] is a category: 0 for 'Bonn'" in text.replace("\n//", "") for text in texts)
    for model, given in zip(models, run(texts, table_as_numbers(TABLE)), strict=True):
        assert_same_results(by_method(given), model, TABLE, 2e-6)


@pytest.mark.parametrize(
    "classes",
    [["no", 'a "quoted" \\ </script> text */ ${x}'], [1, 7, 9], [0.0, 1.0], [False, True], ["one"]],
)
def test_classes_come_out_as_they_are(run, classes):
    y = np.array(classes)[np.arange(len(ROWS)) % len(classes)]
    model = (
        BackpropClassifier((2,)).partial_fit(ROWS, y, classes=np.unique(y))
        if len(classes) > 1
        else make_of_one(y)
    )
    assert "</script" not in to_js(model)
    (given,) = run([to_js(model)])
    assert_same_results(by_method(given), model, ROWS, 1e-12)


def make_of_one(y):
    with pytest.warns(UserWarning, match="one class"):
        return BackpropClassifier((2,)).partial_fit(ROWS, y, classes=np.unique(y))


@each_hidden
def test_learning(run, hidden):
    check_learning(run, [make(head, hidden, eta=0.001, engine="numpy") for head in HEADS])


def test_learning_with_gains_and_mixed_layers(run):
    models = [make(hidden=layers, eta=0.001, input_gain=True) for layers in LAYERS.values()]
    check_learning(run, models)


def test_an_update_near_overflow_is_refused(run):
    model, _ = make(HEADS[0], "identity")
    lessons = [[[1e200, 0.0, 0.0], [1.0]], [[1.0, 1.0, 1.0], [1e300]]]
    (given,) = run([to_js(model, learning=True)], ROWS, [lessons], 0.1)
    assert given.pop("learnt") == [0, 0]
    assert_same_results(by_method(given), model, ROWS, 1e-12)


def test_a_class_that_is_none_is_refused(node, run):
    model, _ = make(HEADS[16])
    with pytest.raises(AssertionError, match="RangeError: maybe is none of the classes"):
        run([to_js(model, learning=True)], ROWS, [[[[1.0, 1.0, 1.0], "maybe"]]], 0.1)


def test_whether_it_learns_is_true_or_false():
    with pytest.raises(ValueError, match="learning is 'no'; it must be True or False"):
        to_js(make()[0], learning="no")


def test_a_users_own_activation_and_loss_come_out(run):
    models = [make((OwnLoss(), "several", None), OWN), make((Doubled(), "regression", None), OWN)]
    check(run, [model for model, _ in models])


def test_what_cannot_be_traced_says_what_to_do():
    with pytest.raises(TypeError, match=r"activation 'looking' .*np.where in the place of if"):
        to_js(make(hidden=LOOKING)[0])
    with pytest.raises(TypeError, match=r"Sorted.*prediction has no formula"):
        to_js(make((SORTED, "several", None))[0])


def test_a_module_imports_nothing_and_only_what_is_used_is_in_it():
    plain, gelu = (to_js(make(HEADS[0], hidden)[0]) for hidden in ("tanh", "gelu"))
    assert not re.findall(r"\b(import|require|eval|Function)\b", plain + gelu)
    assert "erfc" not in plain and gelu.count("function erfc(x)") == 1
