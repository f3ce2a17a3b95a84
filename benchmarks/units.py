"""Scores of the estimators of tables on copies of a table: other units, and outliers.

Each set of the folder is fitted as it is; with every column of numbers in another unit, and moved;
and with outliers: one row in a hundred, of training and of test, has a column of numbers 1000
deviations off. All is at its defaults, one fold of `--splits`, at most `--rows` rows (1000).
"""

import numpy as np

from .defaults import sets_in
from .table_models import ours
from .tables import head, line
from .tabular import load, measure

OUTLIERS, FAR = 0.01, 1000.0
CLOSE = 0.01


def main(folder, most_rows, n_splits, without=()):
    """Print a line for each set, and how many scores are the same."""
    head("set", "as it is", *COPIES)
    differences = []
    for path in sets_in(folder):
        X, y, cat = load(path, most_rows)
        if path.stem in without or y.ndim > 1 or X.dtype == np.uint8:
            continue
        numbers = np.setdiff1d(np.arange(X.shape[1]), cat)
        rng = np.random.RandomState(0)
        copies = [X, *(change(X.astype(float), numbers, rng) for change in COPIES.values())]
        scores = [measure(ours, copy, y, cat, 0, n_splits)["score"] for copy in copies]
        differences.append(np.subtract(scores[1:], scores[0]))
        line(path.stem, *(f"{score:.3f}" for score in scores))
    close = (np.abs(differences) <= CLOSE).sum(axis=0)
    line(f"within {CLOSE} of {len(differences)}", "", *close)


def in_other_units(X, numbers, rng):
    """Each column times a factor from 1e-6 to 1e6, and moved by up to ten of its deviations."""
    X[:, numbers] *= 10 ** rng.uniform(-6, 6, len(numbers))
    X[:, numbers] += rng.uniform(-10, 10, len(numbers)) * np.nanstd(X[:, numbers], axis=0)
    return X


def with_outliers(X, numbers, rng):
    """One row in a hundred has one of its columns of numbers 1000 deviations off."""
    rows = rng.permutation(len(X))[: round(OUTLIERS * len(X))]
    if len(numbers):
        columns = rng.choice(numbers, len(rows))
        X[rows, columns] += FAR * np.nanstd(X, axis=0)[columns] * rng.choice([-1, 1], len(rows))
    return X


COPIES = {"other units": in_other_units, "outliers": with_outliers}
