"""The benchmarks run, and print their tables; their figures are nobody's business here."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import benchmarks.__main__
from benchmarks import stream_models, streams, tables

pytestmark = pytest.mark.matrix  # a minute, compiling included
ROOT = Path(__file__).parent.parent
SECTIONS = (
    "online",
    "rows",
    "batches",
    "calls",
    "sparse",
    "solvers",
    "scale",
    "memory",
    "cores",
    "imports",
    "server",
)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    images = tmp_path_factory.mktemp("images")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "benchmarks", "--quick", "--images", images],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "SKBACKPROP_CACHE_DIR": str(images)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert run.returncode == 0, run.stderr
    for name in ("scale.png", "speed.png"):
        assert (images / name).stat().st_size > 10_000
    return run.stdout


def test_without_matplotlib_there_are_tables_and_no_plots(tmp_path):
    hide = "import importlib.util as u; f = u.find_spec; "
    hide += "u.find_spec = lambda name, *rest: None if name == 'matplotlib' else f(name, *rest)"
    (tmp_path / "sitecustomize.py").write_text(hide)
    command = [sys.executable, "-m", "benchmarks", "scale", "--quick", "--images", tmp_path / "i"]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(r"Not installed: .*matplotlib", run.stdout) and "| depth |" in run.stdout
    assert not list((tmp_path / "i").iterdir())


def test_an_epoch_that_the_clock_does_not_see_is_unknown(monkeypatch):
    fits = []
    for clock, seconds in (([0.0, 2.0, 2.0, 8.0], 2.0), ([0.0, 2.0, 2.0, 3.0], np.nan)):
        monkeypatch.setattr(tables, "_clock", iter(clock).__next__)
        np.testing.assert_equal(tables.epoch(fits.append, 2), seconds)
    assert fits == [1, 3, 1, 3]
    assert tables.duration(np.nan) == tables.ratio(1.0, np.nan, 2) == "-"


@pytest.mark.parametrize("section", ["batches", "scale"])
def test_no_time_is_negative(printed, section):
    parts = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", printed, re.S | re.M))
    assert re.search(r"\d [mun]?s", parts[section])
    assert not re.search(r"-[\d.e+]+(x| [mun]?s)", parts[section])


@pytest.mark.parametrize("folder", ["missing", "."])
def test_a_folder_without_sets_is_refused(folder, tmp_path, monkeypatch, capsys):
    arguments = ["benchmarks", "defaults", "--data", str(tmp_path / folder)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        benchmarks.__main__.main()
    assert ended.value.code == 2 and "no folder with .npz sets" in capsys.readouterr().err


def test_it_says_what_it_ran_on(printed):
    assert re.search(r"scikit-learn [\d.]+.*cores.*Not installed: ", printed)
    assert "interleaved; medians" in printed


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_prints_whole_tables(printed, section):
    parts = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", printed, re.S | re.M))
    lines = [line for line in parts[section].splitlines() if line.startswith("|")]
    assert len(lines) >= 3 and len({line.count("|") for line in lines}) == 1
    assert re.search(r"\d", lines[2])


def test_tables_are_compared_set_by_set_and_by_mean_ranks(tmp_path, monkeypatch, capsys):
    rng = np.random.RandomState(0)
    X = rng.randn(90, 4)
    X[:, 3] = rng.randint(3, size=90)
    X[::9, [0, 3]] = np.nan
    for name, y in (("numbers", X[:, 1]), ("classes", (X[:, 1] > 0).astype(int))):
        np.savez(tmp_path / name, X=X, y=y, cat=[3])
    arguments = ["benchmarks", "tabular", "--splits", "2", "--images", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        benchmarks.__main__.main()
    assert "tabular needs --data DIR" in capsys.readouterr().err
    file = tmp_path / "results.csv"
    arguments += ["--data", str(tmp_path), "--models", "ours,linear", "--results", str(file)]
    monkeypatch.setattr(sys, "argv", [*arguments, "--folds", "1"])
    benchmarks.__main__.main()
    first = file.read_text()
    assert first.count("\n") == 5  # the head, and two sets with two models
    monkeypatch.setattr(sys, "argv", arguments)
    benchmarks.__main__.main()
    assert file.read_text().startswith(first)
    assert file.read_text().count("\n") == 9
    printed = capsys.readouterr().out
    assert re.search(
        r"^\| classes, accuracy \| \d+ x 4 \| .*\d\.\d+.* \(\d+\.\d\) \| ", printed, re.M
    )
    assert "| mean rank in log loss, 1 sets of classes |" in printed
    assert not importlib.util.find_spec("matplotlib") or (tmp_path / "tables.png").exists()


def test_copies_of_a_table_score_as_it_does(tmp_path, monkeypatch, capsys):
    X = np.random.RandomState(0).randn(200, 3)
    np.savez(tmp_path / "numbers", X=X, y=X[:, 1], cat=[])
    np.savez(tmp_path / "flags", X=np.sign(X), y=(X[:, 1] > 0).astype(int), cat=[0, 1, 2])
    arguments = ["benchmarks", "units", "--images", str(tmp_path), "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    benchmarks.__main__.main()
    printed = capsys.readouterr().out
    assert "| flags | 1.000 | 1.000 | 1.000 |" in printed
    assert re.search(r"^\| within 0.01 of 2 \|  \| 2 \| [12] \|$", printed, re.M)
    changed = benchmarks.units.with_outliers(X.copy(), [1], np.random.RandomState(0))
    assert ((np.abs(changed - X) > 900).sum(axis=0) == [0, 2, 0]).all()


def test_scores_of_classes_are_those_that_a_large_majority_asks_for():
    y = np.array([0] * 90 + [1] * 10)
    test = np.arange(0, 100, 3)
    right = np.eye(2)[y[test]]
    found = benchmarks.tabular.of_classes(y, test, right * 0.8 + 0.1, np.array([0, 1]))
    assert (found["measure"], found["score"]) == ("AUC", 1.0)
    assert found["log_loss"] == pytest.approx(-np.log(0.9))
    assert found["brier"] == pytest.approx(2 * 0.1**2)
    y[:5] = 2
    missing = np.full((len(test), 1), 1.0)  # the model knows the class 0 alone
    found = benchmarks.tabular.of_classes(y, test, missing, np.array([0]))
    assert (found["measure"], found["score"]) == ("balanced accuracy", pytest.approx(1 / 3))


def test_streams_are_compared_prequentially_and_by_cost(tmp_path, monkeypatch, capsys):
    rng = np.random.RandomState(0)
    X = rng.randn(120, 3)
    X[5, 1] = np.nan
    for name, y in (("numbers", X[:, 0]), ("classes", (X[:, 0] > 0).astype(int))):
        np.savez(tmp_path / name, X=X, y=y, cat=[])
    np.savez(tmp_path / "several", X=X, y=X)
    arguments = ["benchmarks", "streams", "--images", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        benchmarks.__main__.main()
    assert "streams needs --data DIR" in capsys.readouterr().err
    file = tmp_path / "results.csv"
    arguments += ["--data", str(tmp_path), "--results", str(file), "--drifts", "classes=60"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--sets", "classes", "--models", "SGD"])
    benchmarks.__main__.main()
    first = file.read_text()
    assert first.count("\n") == 2
    models = "ours,no change,SGD,MLP,eta 0.1"
    monkeypatch.setattr(sys, "argv", [*arguments, "--models", models])
    benchmarks.__main__.main()
    assert file.read_text().startswith(first) and file.read_text().count("\n") == 11
    printed = capsys.readouterr().out
    assert re.search(r"^\| classes, accuracy \| 120 x 3 \| .*0\.\d+.* \| ", printed, re.M)
    assert "| stream, log loss | rows x columns | ours | SGD | MLP | eta 0.1 |" in printed
    assert re.search(r"^\| CPU microseconds a row, median \| \d", printed, re.M)
    assert not importlib.util.find_spec("matplotlib") or (tmp_path / "streams.png").exists()


@pytest.mark.parametrize("name", stream_models.installed())
def test_a_stream_is_scored_by_what_was_said_before_each_row(name):
    rng = np.random.RandomState(0)
    X = rng.randn(300, 2)
    for n_classes in (2, 3):
        y = (X[:, 0] > 0).astype(int) + (n_classes > 2) * (X[:, 0] > 0.7)
        found = streams.measure(stream_models.MODELS[name][0], X, y)
        assert found["seconds"] > 0 and found["bytes"] > 0 and found["log_loss"] > 0
        if name == "no change":
            assert found["score"] == np.mean(y[1:] == y[:-1])
        else:
            assert found["score"] > 0.5
    y = 1e3 * (5.0 + X[:, 0] - X[:, 1])
    found = streams.measure(stream_models.MODELS[name][0], X, y)
    assert -1.0 <= found["score"] < 1.0 and np.isnan(found["log_loss"])


def test_scores_of_numbers_are_kept_above_minus_one():
    y = np.arange(100.0)
    found = streams.of_numbers(y, y + 5.0)
    assert found["score"] == pytest.approx(1.0 - 25.0 / y.var())
    parts = [float(part) for part in found["course"].split()]
    assert len(parts) == 4 and parts == pytest.approx([found["score"]] * 4, rel=1e-3)
    for wrong in (np.inf, np.nan, 1e300):
        assert streams.of_numbers(y, np.append(y[1:], wrong))["score"] == -1.0
