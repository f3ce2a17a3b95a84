"""Scores of training in rounds on partitions, beside one machine's, after as many passes.

R^2 on a fifth of the rows: 64 tanh neurons, adam at eta 0.005, batches of 32, inputs scaled and the
targets too, a number of passes over the rows (20, or that of the line). Rows lie in so many
partitions as they come (shuffled), or sorted by their target: then partitions have nothing in
common, and a mean of networks is of none of them. On sklearn's make_friedman1, and on the sets of
`--data` whose targets are one column of numbers.
"""

import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor, fit_distributed

from .defaults import sets_in
from .tables import head, line

# Passes over the rows, partitions, passes of a round.
SETTINGS = [(20, 4, 1), (20, 4, 4), (20, 16, 1), (20, 16, 4), (80, 4, 1), (80, 16, 1)]


def main(arguments):
    """Print a line for each set and each setting."""
    from dask.distributed import Client

    n_rows = 400 if arguments.quick else 20000
    settings = SETTINGS[:1] if arguments.quick else SETTINGS
    sets = {"friedman1": make_friedman1(n_rows, noise=1.0, random_state=0)}
    for path in sets_in(arguments.data) if arguments.data else ():
        with np.load(path, allow_pickle=True) as stored:
            X, y = stored["X"], stored["y"]
            if y.ndim == 1 and y.dtype.kind == "f" and not stored["cat"].size:
                sets[path.stem] = X[: arguments.rows], y[: arguments.rows]
    head("set", "passes", "partitions", "passes a round", "one machine", "shuffled", "sorted")
    with Client(processes=False, dashboard_address=":0") as client:
        for name, (X, y) in sets.items():
            for setting in settings:
                line(name, *setting, *scores(X, y, *setting, client))


def scores(X, y, n_passes, n_parts, local_passes, client):
    """R^2 of one machine, of shuffled rows in partitions, and of sorted ones."""
    X, X_new, y, y_new = train_test_split(X.astype(float), y, test_size=0.2, random_state=0)
    scaler = StandardScaler().fit(X)
    X, X_new = scaler.transform(X), scaler.transform(X_new)

    def net(epochs):
        return BackpropRegressor(
            (64,),
            activation="tanh",
            eta=0.005,
            batch_size=32,
            max_iter=epochs,
            n_iter_no_change=epochs,
            scale_targets=True,
            random_state=0,
        )

    models = [net(n_passes).fit(X, y)]
    for order in (np.arange(len(y)), np.argsort(y)):
        pieces = np.array_split(order, n_parts)
        parts = ([client.scatter(A[piece], hash=False) for piece in pieces] for A in (X, y))
        model = net(n_passes // local_passes)
        models.append(fit_distributed(model, *parts, local_passes=local_passes, client=client))
    return [f"{model.score(X_new, y_new):.3f}" for model in models]
