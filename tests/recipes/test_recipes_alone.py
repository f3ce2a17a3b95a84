"""Recipes of one process, and pages beside other libraries; `alone.txt` lists what they need."""

import pytest
from recipe_scripts import RECIPES, SECTIONS, numbers, run, run_section

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


@pytest.mark.parametrize("name", sorted({*SECTIONS} - {"MLflow"}))
def test_sections_of_the_page(name, tmp_path):
    run_section(tmp_path, name)
