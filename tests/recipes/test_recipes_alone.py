"""Recipes of one process, and pages beside other libraries; `alone.txt` lists what they need."""

import pytest
from recipe_scripts import RECIPES, SECTIONS, numbers, run, run_blocks, run_section

pytestmark = pytest.mark.recipes


def test_optuna_pruning(tmp_path):
    text = run(tmp_path, RECIPES / "optuna_pruning.py")
    whole, pruned = numbers(r"(\d+) trials whole, (\d+) pruned", text)
    assert whole + pruned == 30 and pruned >= 5
    done, of = numbers(r"done (\d+) of (\d+) epochs", text)
    assert done < 0.8 * of
    assert numbers(r"accuracy ([\d.]+)", text)[0] > 0.95


def test_parquet_batches(tmp_path):
    text = run(tmp_path, RECIPES / "parquet_batches.py")
    assert "100000 rows in batches of 1000 at most" in text
    assert numbers(r"error ([\d.]+)", text)[0] < 0.2


def test_page_on_clusters_prunes_with_optuna(tmp_path):
    text = run_blocks(tmp_path, "import optuna")
    assert numbers(r"best: accuracy ([\d.]+)", text)[0] > 0.95


def test_page_on_clusters_reads_parquet(tmp_path):
    (tmp_path / "rows").mkdir()
    text = run_blocks(
        tmp_path,
        "import pyarrow",
        before="from parquet_batches import write_files\nwrite_files('rows')",
        after="""
scaler, net = fit('rows')
X = scaler.transform([[1.0, 600.0, 0.0], [-1.0, 600.0, 0.0]])
print(net.t_, net.score(X, [1.0, -1.0]))
""",
    )
    n_rows, score = numbers(r"\S+", text)
    assert n_rows == 100_000 and score > 0.95


@pytest.mark.parametrize("name", sorted({*SECTIONS} - {"MLflow"}))
def test_sections_of_the_page(name, tmp_path):
    run_section(tmp_path, name)
