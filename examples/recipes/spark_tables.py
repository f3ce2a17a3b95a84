"""Spark: scores of many rows, and one model a group
=================================================

A fitted model scores the partitions of a Spark DataFrame; and each group of rows trains its own.

Needs ``pyspark`` and a Java runtime. Run it with ``python examples/recipes/spark_tables.py``.
"""

import os
import sys

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from skbackprop import BackpropRegressor, TabularRegressor

INPUTS = ["size", "shop"]


def make_table(n_rows=1200):
    """Prices by size, by another rule in each shop; some sizes are missing."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"size": rng.uniform(-1, 1, n_rows), "shop": rng.choice(["a", "b", "c"], n_rows)}
    )
    slope = table["shop"].map({"a": 1.0, "b": -1.0, "c": 3.0})
    table["price"] = slope * table["size"] + 0.01 * rng.normal(size=n_rows)
    return table


def score_rows(frame, model):
    """Return the DataFrame with a column of predictions; each worker unpickles the model once."""

    def predict(batches):
        for batch in batches:
            yield batch.assign(predicted=model.predict(batch[INPUTS]))

    schema = StructType(list(frame.schema)).add("predicted", "double")
    return frame.mapInPandas(predict, schema)


def fit_groups(frame, by, X_names, y_name):
    """Train a network on the rows of each group; return a DataFrame of pickles, one a group."""

    def fit(group):
        import pickle

        net = BackpropRegressor((8,), solver="lm", max_iter=30, random_state=0)
        net.fit(group[X_names], group[y_name])
        return pd.DataFrame(
            {by: group[by].iloc[:1], "rows": [len(group)], "model": [pickle.dumps(net)]}
        )

    return frame.groupBy(by).applyInPandas(fit, f"{by} string, rows long, model binary")


def main():
    """Score rows by a model of this process, then train a model a shop, and look at both."""
    import pickle

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers' Python is this one
    session = SparkSession.builder.master("local[2]").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    table = make_table()
    frame = session.createDataFrame(table).repartition(4)

    model = TabularRegressor(n_networks=2, random_state=0).fit(table[INPUTS], table["price"])
    scored = score_rows(frame, model).toPandas()
    apart = np.abs(scored["predicted"] - model.predict(scored[INPUTS])).max()
    print(f"{len(scored)} rows scored in {frame.rdd.getNumPartitions()} partitions")
    print(f"from this process: {apart:.1e}")

    for row in sorted(fit_groups(frame, "shop", ["size"], "price").collect()):
        slope = np.diff(pickle.loads(row["model"]).predict(pd.DataFrame({"size": [-0.5, 0.5]})))
        print(f"shop {row['shop']}: slope {slope[0]:.2f} of {row['rows']} rows")
    session.stop()


if __name__ == "__main__":
    main()
