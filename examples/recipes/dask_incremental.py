"""dask-ml's Incremental: block after block
========================================

The blocks of a Dask array go through ``partial_fit`` one after another, each where it lies.

Needs ``dask-ml``. Run it with ``python examples/recipes/dask_incremental.py``.
"""

import dask.array as da
import numpy as np
from dask.distributed import Client, LocalCluster
from dask_ml.wrappers import Incremental

from skbackprop import BackpropClassifier


def make_blocks():
    """Inputs and classes in blocks of 1000 rows, as they would be read from files."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8000, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    return da.from_array(X, chunks=(1000, 4)), da.from_array(y, chunks=1000)


def main():
    """Train on blocks that workers hold, for some epochs; compare with one process."""
    X, y = make_blocks()
    net = BackpropClassifier((16,), batch_size=20, eta=0.01, random_state=0)
    alone = BackpropClassifier(**net.get_params())
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster):
            model = Incremental(net, shuffle_blocks=False)
            for _ in range(5):
                model.partial_fit(X, y, classes=[0, 1])
            print(f"accuracy {model.score(X, y):.3f} after {model.estimator_.n_updates_} updates")
    rows = X.compute(scheduler="sync"), y.compute(scheduler="sync")
    for _ in range(5):
        alone.partial_fit(*rows, classes=[0, 1])
    apart = np.abs(alone.coefs_[0] - model.estimator_.coefs_[0]).max()
    print(f"from one process: {apart:.1e}")


if __name__ == "__main__":
    main()
