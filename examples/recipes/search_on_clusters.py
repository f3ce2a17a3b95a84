"""A search on Dask, Ray and Spark
===============================

Any search that joblib runs, on the workers of Dask, Ray or Spark, with the scores of one process.

Needs ``dask[distributed]``, ``ray``, or ``joblibspark``, ``pyspark`` and a Java runtime, whichever
is asked for: ``python examples/recipes/search_on_clusters.py dask ray spark``.
"""

import os
import sys

import joblib
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, HalvingPartialFitSearchCV


def fit_on_dask(searches, X, y):
    """Fit on Dask: here on processes of this machine, elsewhere on a scheduler's address."""
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster), joblib.parallel_backend("dask"):
        for search in searches:
            search.fit(X, y)


def fit_on_ray(searches, X, y):
    """Fit on Ray: here on processes of this machine, elsewhere after ``ray.init("auto")``."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    try:
        with joblib.parallel_backend("ray", n_jobs=2):
            for search in searches:
                search.fit(X, y)
    finally:
        ray.shutdown()


def fit_on_spark(searches, X, y):
    """Fit on Spark: here on threads of this machine, elsewhere in the cluster's session."""
    from joblibspark import register_spark
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.builder.master("local[2]").getOrCreate()
    register_spark()
    try:
        with joblib.parallel_backend("spark", n_jobs=2):
            for search in searches:
                search.fit(X, y)
    finally:
        session.stop()


CLUSTERS = {"dask": fit_on_dask, "ray": fit_on_ray, "spark": fit_on_spark}


def searches():
    """Return a grid search of a Pipeline, and one that trains survivors on."""
    net = BackpropClassifier((16,), max_iter=200, batch_size=16, random_state=0)
    etas = [0.001, 0.003, 0.01, 0.03]
    model = make_pipeline(StandardScaler(), net)
    search = GridSearchCV(model, {"backpropclassifier__eta": etas}, cv=3)
    halving = HalvingPartialFitSearchCV(
        net, {"eta": etas}, factor=2, max_resources=20, cv=3, random_state=0
    )
    return {
        "GridSearchCV": search,
        "HalvingPartialFitSearchCV": make_pipeline(StandardScaler(), halving),
    }


def main(names):
    """Search in this process, then on each cluster, and say how far the scores are apart."""
    X, y = load_wine(return_X_y=True)
    alone = searches()
    for search in alone.values():
        search.fit(X, y)
    for backend in names:
        there = searches()
        CLUSTERS[backend](there.values(), X, y)
        for name, search in there.items():
            found = scores(search)
            apart = np.abs(found - scores(alone[name])).max()
            print(f"{name} on {backend}: best {found.max():.3f}, from one process {apart:.1e}")


def scores(search):
    """Return the mean score of each candidate of a fitted search."""
    search = search if hasattr(search, "cv_results_") else search[-1]
    return search.cv_results_["mean_test_score"]


if __name__ == "__main__":  # workers import this file
    main(sys.argv[1:] or ["dask", "ray", "spark"])
