"""Every example runs as a script, and its output says what it should."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import SGDRegressor

EXAMPLES = Path(__file__).parent.parent / "examples"
DRAWING = sorted(p.name for p in EXAMPLES.glob("*.py") if "savefig" in p.read_text("utf-8"))
LEFT_OUT = re.compile(r"# sphinx_gallery_start_ignore\n.*# sphinx_gallery_end_ignore\n", re.S)
PAGES = [EXAMPLES.parent / "README.md", *(EXAMPLES.parent / "docs").glob("*.md")]


def starts_cluster(path):
    """Whether an example needs packages of a cluster, and processes that it starts."""
    return "import Client" in path.read_text("utf-8")


def run(name, folder):
    """Run one example as a user would, its picture going to `folder`; return what it printed."""
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, folder],
        env={**os.environ, **threads, "PYTHONWARNINGS": "default", "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def scores(text, name):
    """Return the first number after each line-opening ``name``."""
    return [float(n) for n in re.findall(rf"^\s*{name}\s+(-?[\d.]+)", text, re.MULTILINE)]


def check_quickstart(text):
    ours = scores(text, "BackpropClassifier") + scores(text, "TabularRegressor")
    theirs = scores(text, "MLPClassifier") + scores(text, "MLPRegressor")
    assert len(ours) == len(theirs) == 3  # digits and the stream, then the table
    digits, stream, prices = ours
    assert digits > 0.95 and stream > 0.9 and prices > 0.9
    assert all(our > their - 0.05 for our, their in zip(ours, theirs, strict=True))
    (trees,) = scores(text, "HistGradientBoosting")
    assert prices > trees


def check_grid_search(text):
    assert "27 candidates x 3 folds = 81 fits" in text
    assert float(re.search(r"kept out of the search: ([\d.]+)", text)[1]) > 0.9


def check_online_stream(text):
    drift, scaling = text.split("Online scaling")
    accuracies = {
        name: [float(n) for n in re.findall(r"([\d.]+) \(", line)]
        for name, line in (line.split(maxsplit=1) for line in drift.splitlines() if "(0." in line)
    }
    ours, linear = accuracies["BackpropClassifier"], accuracies["SGDClassifier"]
    assert ours[0] > 0.85 and ours[3] > 0.85
    # What is not linear is out of a linear model's reach and within ours.
    assert ours[1] > linear[1] + 0.1 and ours[2] > linear[2] + 0.1
    (baseline,) = scores(scaling, "mean of the rows so far")
    (error,) = scores(scaling, "BackpropRegressor")
    assert 100 < error < baseline / 2  # in watts


def check_derivation(text):
    assert "every symbol agrees to 1e-12" in text
    for number in ("0.584243546733", "0.0864267142164", "0.100988500093", "-0.0148124869397"):
        assert text.count(number) == 2  # by hand and by the package


def check_custom_activation(text):
    accuracies = [float(n) for n in re.findall(r"\s(0\.\d{3})$", text, re.MULTILINE)]
    assert len(accuracies) == 6
    assert min(accuracies) > 0.85
    assert "Error: " in text


def check_bayesian_regularisation(text):
    lm, br = (float(n) for n in re.findall(r"true sine ([\d.]+)", text))
    assert br < 0.12 < 0.2 < lm
    assert float(re.search(r"br: ([\d.]+) effective", text)[1]) < 12


def check_xor(text):
    outputs = [float(n) for n in re.search(r"outputs: (.*)", text)[1].split()]
    assert np.allclose(outputs, [0, 1, 1, 0], atol=0.05)
    v, y, delta = (
        float(re.search(rf"{symbol} .*(?:\n {{6,}}=.*)*\n {{6,}}= (.*)\n", text)[1])
        for symbol in ("v_j", "y_j", "delta_j")
    )
    assert abs(np.tanh(v) - y) < 1e-5
    assert abs(float(re.search(r"= (-?[\d.e-]+)    \(input x0\)", text)[1]) - 0.1 * delta) < 1e-7


def check_decision_boundary(text):
    accuracies = [float(n) for n in re.findall(r"accuracy ([\d.]+)", text)]
    assert len(accuracies) == 4
    assert accuracies == sorted(accuracies) and accuracies[0] < 0.9 < 0.98 < accuracies[-1]


def check_saturation(text):
    ill, cured = text.split("scaled: ")
    accuracies = [float(n) for n in re.findall(r"accuracy on new rows ([\d.]+)", text)]
    assert accuracies[0] < 0.7 < 0.95 < accuracies[1]
    assert "saturated_neurons: " in ill and "unscaled_inputs: " in ill
    assert "Nothing ails this network." in cured


def check_learning_rate(text):
    last = [float(n) for n in re.findall(r"-> ([\d.]+)", text)]
    assert np.argmin(last) == 2 and last[0] > last[1] > 10 * last[2] < last[3]
    assert "DivergenceError: " in text and "eta=30 " in text


def check_mixed_activations(text):
    figures = re.findall(r"error ([\d.]+) where there were data, ([\d.]+) beyond", text)
    tanh, relu, mixed = np.array(figures, dtype=float)
    assert mixed[0] < 0.06 and (mixed < 0.25 * np.minimum(tanh, relu)).all()


def check_levenberg_marquardt(text):
    errors = {k: float(e) for k, e in re.findall(r"(\w+): .* error on new points (.*)", text)}
    assert 10 * errors["lm"] < errors["lbfgs"] < errors["adam"]


def check_stream_server(text):
    begins = [0, 700, 1101]
    acknowledged = re.findall(r"rows (\d+) to (\d+) were acknowledged; killed", text)
    assert acknowledged == [
        (str(a), str(b)) for a, b in zip(begins, [700, 1101, 1500], strict=True)
    ]
    assert "1500 rows in the model" in text
    assert float(re.search(r"accuracy ([\d.]+)", text)[1]) > 0.8
    assert "undisturbed model: 0\n" in text


def check_stream_monitor(text):
    states = re.findall(
        r"row +(\d+)  R(?:²|2) ([\d.]+)  error +([\d.]+)  drift [\d.]+  leader ", text
    )
    assert [int(row) for row, _, _ in states] == list(range(500, 6001, 500))
    errors = {int(row): float(error) for row, _, error in states}
    assert errors[3500] > 1.5 * errors[3000] and errors[6000] < 0.6 * errors[3500]
    assert float(states[-1][1]) > 0.95
    alarms = [int(row) for row in re.findall(r"row +(\d+)  drift: alarm", text)]
    assert any(3000 < row <= 3100 for row in alarms)
    assert len(alarms) < 10


def check_distributed_fit(text):
    differences = [float(n) for n in re.findall(r"largest difference ([\d.e+-]+)", text)]
    assert len(differences) == 3 and max(differences) < 1e-8
    assert scores(text, "lm     R2")[0] > 0.98
    ours, alone = re.search(r"adam +R2 ([\d.]+)  on one machine ([\d.]+)", text).groups()
    assert float(ours) > float(alone) - 0.05 > 0.8


CHECKS = {name.removeprefix("check_") + ".py": check for name, check in globals().items()
          if name.startswith("check_")}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            path.name, marks=pytest.mark.cluster if starts_cluster(path) else pytest.mark.matrix
        )
        for path in sorted(EXAMPLES.glob("*.py"))
    ],
)
def test_example(name, tmp_path):
    CHECKS[name](run(name, tmp_path))
    pictures = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(pictures) == ({Path(name).stem + ".png"} if name in DRAWING else set())
    assert all(size < 150_000 for size in pictures.values())


def test_pictures_that_are_kept():
    # One for each example that draws, and small.
    pictures = {path.name: path.stat().st_size for path in (EXAMPLES / "images").iterdir()}
    assert sorted(pictures) == [name.replace(".py", ".png") for name in DRAWING]
    assert max(pictures.values()) < 150_000


@pytest.mark.parametrize("name", DRAWING)
def test_pictures_are_shown(name):
    picture = name.replace(".py", ".png")
    shown = [path for path in PAGES if f"examples/images/{picture})" in path.read_text("utf-8")]
    assert shown, f"no page shows {picture}"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_are_pages_of_the_gallery(path):
    # The gallery makes a page and a notebook of each. In a notebook there is no __file__, and
    # sys.argv is the notebook's: what saves pictures is left out of it.
    text = path.read_text("utf-8")
    title, line, blank = ast.get_docstring(ast.parse(text)).split("\n")[:3]
    assert (line, blank) == ("=" * len(title), "")
    notebook = LEFT_OUT.sub("", text)
    assert not re.search(r"__file__|sys\.argv|savefig", notebook)


def test_every_recipe_is_run():
    tests = (EXAMPLES.parent / "tests" / "recipes").glob("*.py")
    tested = "".join(path.read_text("utf-8") for path in tests)
    assert all(f'"{path.name}"' in tested for path in EXAMPLES.glob("recipes/*.py"))


def test_online_scaling_recipe():
    # The recipe of online_stream.py is the three estimators told in turn, in y's own units.
    spec = importlib.util.spec_from_file_location("online_stream", EXAMPLES / "online_stream.py")
    online_stream = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(online_stream)
    rng = np.random.default_rng(0)
    X = 1e4 + 1e3 * rng.standard_normal((300, 2))
    y = 5e6 + 200.0 * X[:, 0]
    model = online_stream.OnlineScaled(SGDRegressor(random_state=0))
    for i in range(len(X)):
        model.partial_fit(X[i : i + 1], y[i : i + 1])
    np.testing.assert_allclose(model.x_scaler.mean_, X.mean(axis=0))
    np.testing.assert_allclose(model.y_scaler.var_, y.var())
    scaled = model.regressor.predict((X - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(model.predict(X), y.mean() + y.std() * scaled)
    assert np.abs(model.predict(X) - y).mean() < 0.5 * y.std()
