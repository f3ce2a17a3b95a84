"""Parquet, batch by batch
=======================

A folder of files that need not fit into the memory, read by pyarrow into ``partial_fit``.

Needs ``pyarrow``. Run it with ``python examples/recipes/parquet_batches.py``.
"""

import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from skbackprop import BackpropRegressor, OnlineScaler


def write_files(folder, n_files=4, n_rows=5000):
    """Write files of some rows each, of columns on scales of their own."""
    rng = np.random.default_rng(0)
    for k in range(n_files):
        X = rng.normal(size=(n_rows, 3)) * [1, 100, 0.01] + [0, 500, 0]
        y = X[:, 0] * (X[:, 1] - 500) / 100 + 100 * X[:, 2]
        columns = dict(zip(["a", "b", "c", "y"], [*X.T, y], strict=True))
        pq.write_table(pa.table(columns), f"{folder}/{k}.parquet", row_group_size=1000)


def batches(folder, rng):
    """Yield inputs and targets of a thousand rows at most, the rows of each in a new order."""
    for batch in ds.dataset(folder).to_batches(columns=["a", "b", "c", "y"], batch_size=1000):
        rows = np.column_stack([column.to_numpy() for column in batch.columns])
        rng.shuffle(rows)
        yield rows[:, :-1], rows[:, -1]


def main():
    """Scale in a first pass, train in five more, and measure what is left."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        write_files(folder)
        scaler = OnlineScaler(half_life=None)
        for X, _ in batches(folder, rng):
            scaler.partial_fit(X)
        net = BackpropRegressor((16,), activation="tanh", batch_size=20, eta=0.01, random_state=0)
        largest = 0
        for _ in range(5):
            for X, y in batches(folder, rng):
                net.partial_fit(scaler.transform(X), y)
                largest = max(largest, len(X))
        errors = np.concatenate(
            [y - net.predict(scaler.transform(X)) for X, y in batches(folder, rng)]
        )
    print(f"{net.t_} rows in batches of {largest} at most")
    print(f"error {np.sqrt(np.mean(errors**2)):.3f}, where the targets' deviation is 1.41")


if __name__ == "__main__":
    main()
