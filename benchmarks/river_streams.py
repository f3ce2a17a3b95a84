"""Streams of the river library, as the `.npz` files that `python -m benchmarks streams` reads.

``python -m benchmarks.river_streams DIR`` writes four small sets that come with river, and nine
streams of its generators, most of which drift. No default was chosen on them: they judge.
"""

import sys
from itertools import islice
from pathlib import Path

import numpy as np

ROWS = 20000  # at most


def streams():
    """Name and rows of each: river's pairs of a dict and a target."""
    from river import datasets
    from river.datasets import synth

    before, after = synth.Agrawal(0, seed=1), synth.Agrawal(3, seed=2)
    return {
        "bananas": datasets.Bananas(),
        "chick_weights": datasets.ChickWeights(),
        "image_segments": datasets.ImageSegments(),
        "trump_approval": datasets.TrumpApproval(),
        "agrawal": synth.Agrawal(4, seed=1),
        "agrawal_drift": synth.ConceptDriftStream(before, after, position=10000, width=500, seed=3),
        "friedman_drift": synth.FriedmanDrift("gra", position=(7000, 14000), seed=9),
        "hyperplane": synth.Hyperplane(4, n_drift_features=5, mag_change=0.001),
        "led_drift": synth.LEDDrift(7, 0.1, irrelevant_features=True, n_drift_features=4),
        "mv": synth.Mv(seed=10),
        "planes": synth.Planes2D(seed=11),
        "rbf_drift": synth.RandomRBFDrift(
            5, 6, n_classes=4, n_features=8, n_centroids=20, change_speed=1e-4, n_drift_centroids=10
        ),
        "sine": synth.Sine(2, seed=8, has_noise=True),
    }


def table(rows):
    """Rows of dicts as an array: a string is a column for each of its values."""
    names = sorted({name for row in rows for name in row})
    columns = []
    for name in names:
        values = [row.get(name, np.nan) for row in rows]
        texts = sorted({value for value in values if isinstance(value, str)})
        if texts:
            columns += [[float(value == text) for value in values] for text in texts]
        else:
            columns.append([float(value) for value in values])
    return np.array(columns).T


def main(folder):
    """Write all streams into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, stream in streams().items():
        rows, targets = zip(*islice(stream, ROWS), strict=True)
        y = np.array(targets)
        if y.dtype.kind in "bU":
            y = np.unique(y, return_inverse=True)[1]
        if name == "chick_weights":  # grams
            y = y.astype(float)
        X = table(rows)
        np.savez(folder / f"{name}.npz", X=X, y=y)
        print(f"{name}: {len(X)} x {X.shape[1]}")


if __name__ == "__main__":
    main(sys.argv[1])
