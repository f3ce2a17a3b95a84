"""Recipes on clusters of this machine, and MLflow; `clusters.txt` lists what they need."""

import re

import pytest
from recipe_scripts import RECIPES, numbers, run, run_blocks, run_section

pytestmark = pytest.mark.recipes


@pytest.mark.parametrize("backend", ["dask", "ray", "spark"])
def test_search_on_clusters(backend, tmp_path):
    text = run(tmp_path, RECIPES / "search_on_clusters.py", backend)
    found = re.findall(r"(\w+) on (\w+): best ([\d.]+), from one process (\S+)", text)
    assert [name for name, *_ in found] == ["GridSearchCV", "HalvingPartialFitSearchCV"]
    assert all(on == backend and float(best) > 0.9 for _, on, best, _ in found)
    assert all(float(apart) == 0 for *_, apart in found)


@pytest.mark.parametrize("backend", ["dask", "ray", "spark"])
def test_page_on_clusters_searches(backend, tmp_path):
    told = "if __name__ == '__main__':\n    print('best', search.best_score_)"
    text = run_blocks(tmp_path, "search = GridSearchCV", f'backend("{backend}"', after=told)
    assert numbers(r"best (\S+)", text)[0] > 0.9


def test_page_on_clusters_tunes_on_ray(tmp_path):
    text = run_blocks(tmp_path, "tune.Tuner(")
    assert numbers(r"accuracy ([\d.]+)", text)[0] > 0.8


def test_page_on_clusters_goes_block_by_block(tmp_path):
    text = run_blocks(tmp_path, "Incremental(net")
    assert numbers(r"accuracy ([\d.]+)", text)[0] > 0.95


def test_page_on_clusters_scores_tables_of_spark(tmp_path):
    before = "from spark_tables import make_table\ntable = make_table()"
    after = "print('scored', len(scored))"
    text = run_blocks(tmp_path, "def score_rows", "scored =", before=before, after=after)
    assert "scored 1200" in text and text.count("slope") == 3


def test_page_on_clusters_fits_distributed(tmp_path):
    text = run_blocks(tmp_path, "fit_distributed(net")
    assert numbers(r"R2 ([\d.]+)", text)[0] > 0.9


def test_tune_on_ray(tmp_path):
    text = run(tmp_path, RECIPES / "tune_on_ray.py")
    epochs = [int(n) for n in re.search(r"each trial: ([\d ]+)", text)[1].split()]
    assert len(epochs) == 9 and min(epochs) < 9 == max(epochs)
    assert numbers(r"accuracy ([\d.]+)", text)[0] > 0.8


def test_spark_tables(tmp_path):
    text = run(tmp_path, RECIPES / "spark_tables.py")
    assert "1200 rows scored in 4 partitions" in text
    assert numbers(r"from this process: (\S+)", text)[0] < 1e-6
    slopes = dict(re.findall(r"shop (\w): slope (\S+)", text))
    for shop, slope in {"a": 1, "b": -1, "c": 3}.items():
        assert abs(float(slopes[shop]) - slope) < 0.05


def test_dask_incremental(tmp_path):
    text = run(tmp_path, RECIPES / "dask_incremental.py")
    assert numbers(r"accuracy ([\d.]+)", text)[0] > 0.95
    assert numbers(r"from one process: (\S+)", text) == [0]


def test_mlflow(tmp_path):
    run_section(tmp_path, "MLflow")
