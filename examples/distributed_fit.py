"""
Rows on several machines
========================

Four partitions of rows lie on the workers of a Dask cluster, here two processes of this machine; on
a real one only the client's address differs. ``fit_distributed`` trains on them where they are, and
leaves an ordinary estimator.

A solver that takes all rows in an update needs nothing of them but sums: cost, correction and
``J'J``. Each worker sums over its own rows, so the weights are those of one machine, up to
round-off, and a worker that is killed in mid-fit changes nothing. A rule that takes batches, such
as adam, learns on each partition by itself, and the networks are averaged each round.
"""

import os
import signal
import warnings

import dask
import numpy as np
from dask.distributed import Client, LocalCluster
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor, fit_distributed

NOISE = 0.05
warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are few, so that it runs quickly


def rows_of(partition, n_rows=500):
    """Draw the rows of one partition, as a worker would read them from a file."""
    rng = np.random.default_rng(partition)
    X = rng.uniform(-1.0, 1.0, (n_rows, 4))
    y = np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2] + rng.normal(0.0, NOISE, n_rows)
    return X, y


def largest_difference(one, other):
    """Return the largest difference of two networks' weights and biases."""
    arrays = zip((*one.coefs_, *one.intercepts_), (*other.coefs_, *other.intercepts_), strict=True)
    return max(np.abs(A - B).max() for A, B in arrays)


def compare(client):
    """Fit on the cluster and on one machine, and print how far apart the results are."""
    # What a worker computes, when and where it is needed: nothing is drawn here.
    pairs = [dask.delayed(rows_of, nout=2)(partition) for partition in range(4)]
    X, y = ([pair[i] for pair in pairs] for i in range(2))
    X_all, y_all = (np.concatenate(parts) for parts in zip(*map(rows_of, range(4)), strict=True))
    X_new, y_new = rows_of(99)

    print("Solvers of all rows: the weights of one machine")
    for solver in ("lbfgs", "lm"):
        net = BackpropRegressor((6,), activation="tanh", alpha=1e-4, max_iter=20, tol=0.0)
        net.set_params(solver=solver, random_state=0)
        alone = BackpropRegressor(**net.get_params()).fit(X_all, y_all)
        fit_distributed(net, X, y, client=client)
        print(f"{solver:6} R2 {net.score(X_new, y_new):.3f}", end="  ")
        print(f"largest difference {largest_difference(net, alone):.0e}")

    pids = list(client.run(os.getpid).values())[:1]

    def losing_a_worker(estimator, X, y):
        """Score the validation rows after an epoch; after the first, kill a worker."""
        if pids:
            os.kill(pids.pop(), signal.SIGKILL)
        return estimator.score(X, y)

    again = BackpropRegressor(**net.get_params()).set_params(scoring=losing_a_worker)
    fit_distributed(again, X, y, X_val=X_new, y_val=y_new, client=client)
    print(f"lm, a worker killed: largest difference {largest_difference(again, net):.0e}")

    print("A rule of batches: rounds, in which the networks of the partitions are averaged")
    net = BackpropRegressor((32,), solver="adam", eta=0.01, batch_size=20, max_iter=25, tol=0.0)
    net.set_params(random_state=0)
    alone = BackpropRegressor(**net.get_params()).fit(X_all, y_all)
    fit_distributed(net, X, y, client=client)
    print(
        f"adam   R2 {net.score(X_new, y_new):.3f}  on one machine {alone.score(X_new, y_new):.3f}"
    )


# Workers are processes that import this file: what starts them is not to run there.
if __name__ == "__main__":
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**settings) as cluster, Client(cluster) as client:
        compare(client)
