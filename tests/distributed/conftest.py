"""Clusters on this machine, for fits on rows that lie in partitions."""

from pathlib import Path

import pytest

# Dask's own sockets, which it leaves to the garbage collector.
DASK_LEAVES = [
    "ignore::ResourceWarning",
    "ignore:.*socket.*:pytest.PytestUnraisableExceptionWarning",
]


def pytest_collection_modifyitems(items):
    """All tests of this folder are of a cluster."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            for words in DASK_LEAVES:
                item.add_marker(pytest.mark.filterwarnings(words))


@pytest.fixture(scope="session")
def client():
    """Four workers, processes of their own. Three tests lose one each: one is left at least.

    (Dask's nannies start others in their place; on a busy machine that may take minutes.)
    """
    from dask.distributed import Client, LocalCluster

    settings = {"n_workers": 4, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**settings) as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="session")
def threads():
    """Two workers in this process, whose client is the current one: quick, and nothing is sent."""
    from dask.distributed import Client

    with Client(processes=False, n_workers=2, dashboard_address=":0") as client:
        yield client
