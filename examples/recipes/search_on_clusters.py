"""A search on Dask, Ray and Spark
===============================

Any search that joblib runs, on the workers of Dask, Ray or Spark, with the scores of one process.

Needs ``dask[distributed]``, ``ray``, or ``joblibspark``, ``pyspark`` and a Java runtime, whichever
is asked for: ``python examples/recipes/search_on_clusters.py dask ray spark``.
"""

import os
import sys
from contextlib import contextmanager

import joblib
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, HalvingPartialFitSearchCV


@contextmanager
def on_dask(n_workers=2):
    """Let joblib work on Dask: here processes of this machine, elsewhere by its address."""
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster), joblib.parallel_backend("dask"):
        yield


@contextmanager
def on_ray(n_workers=2):
    """Let joblib work on Ray: here processes of this machine, elsewhere ``ray.init("auto")``."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=n_workers, include_dashboard=False, log_to_driver=False)
    register_ray()
    try:
        with joblib.parallel_backend("ray", n_jobs=n_workers):
            yield
    finally:
        ray.shutdown()


@contextmanager
def on_spark(n_workers=2):
    """Let joblib work on Spark: here threads of this machine, elsewhere the cluster's session."""
    from joblibspark import register_spark
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.builder.master(f"local[{n_workers}]").getOrCreate()
    register_spark()
    try:
        with joblib.parallel_backend("spark", n_jobs=n_workers):
            yield
    finally:
        session.stop()


def searches():
    """Return a grid search of a Pipeline, and one that trains survivors on."""
    net = BackpropClassifier((16,), max_iter=200, batch_size=16, random_state=0)
    etas = [0.001, 0.003, 0.01, 0.03]
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), net), {"backpropclassifier__eta": etas}, cv=3
    )
    halving = HalvingPartialFitSearchCV(
        net, {"eta": etas}, factor=2, max_resources=20, cv=3, random_state=0
    )
    return {
        "GridSearchCV": grid,
        "HalvingPartialFitSearchCV": make_pipeline(StandardScaler(), halving),
    }


def main(names):
    """Search in this process, then on each cluster, and say how far the scores are apart."""
    X, y = load_wine(return_X_y=True)
    alone = {name: fitted_scores(search, X, y) for name, search in searches().items()}
    for backend in names:
        with {"dask": on_dask, "ray": on_ray, "spark": on_spark}[backend]():
            for name, search in searches().items():
                found = fitted_scores(search, X, y)
                apart = np.abs(found - alone[name]).max()
                print(f"{name} on {backend}: best {found.max():.3f}, from one process {apart:.1e}")


def fitted_scores(search, X, y):
    """Fit, and return the mean score of each candidate."""
    search.fit(X, y)
    search = search if hasattr(search, "cv_results_") else search[-1]
    return search.cv_results_["mean_test_score"]


if __name__ == "__main__":
    main(sys.argv[1:] or ["dask", "ray", "spark"])
