"""Streams, a row at a time, each predicted before it is learned: scores beside peers, and costs.

Each ``.npz`` file of the folder holds arrays ``X`` (n_samples, n_features) and ``y`` (integers are
classes, floats are numbers), in the order of time. ``--sets A,B`` names those to measure; else all
of one target are. At most the first ``--rows`` rows count (60000). Missing values are 0, and
codes of categories are numbers, for all. Everything is at its defaults, in one thread; scales are
learned with the rest. The score is accuracy, or R^2, kept above -1; the first row does not count.
"No change" predicts the last target. Microseconds are of CPU, for the prediction of a row and its
update, scaling included. A model's size is that of its pickle, or of its file, at the end; its
growth is that over the second half of the rows.

With ``--results FILE`` each row is appended to a CSV file as soon as it is measured, and what is
there is not measured again: the tables and the plot are made from the whole file.
"""

import warnings
from time import process_time

import numpy as np
from sklearn.metrics import r2_score

from .defaults import sets_in
from .results import Results
from .stream_models import MODELS, installed
from .tabular import LEAST_PROBABILITY

FIGURES = ("features", "score", "log_loss", "seconds", "bytes", "growth")
WORDS = ("kind", "measure", "course", "alarms")
MOST_PARTS, PART_ROWS = 50, 30  # of a stream, in the plot of the score over time


def main(folder, most_rows, *, names=None, sets=None, path=None):
    """Measure what is not in the file yet; return the results."""
    results = Results(path, FIGURES, WORDS)
    for set_path in sets_in(folder):
        if sets is not None and set_path.stem not in sets:
            continue
        with np.load(set_path) as data:
            X, y = data["X"][:most_rows], data["y"][:most_rows]
        if y.ndim > 1 or X.dtype == np.uint8:
            continue
        for name in installed() if names is None else names:
            key = {"set": set_path.stem, "rows": len(X), "fold": 0, "model": name}
            if tuple(key.values()) not in results:
                results.add(**key, features=X.shape[1], **measure(MODELS[name][0], X, y))
    return results


def measure(kind, X, y, seed=0):
    """The figures of a model over a stream: a dict."""
    n_classes = int(y.max()) + 1 if y.dtype.kind == "i" else 0
    model = kind(n_classes, seed)
    rows, targets = model.rows(np.nan_to_num(X.astype(float))), y.tolist()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        first, seconds = run(model, rows, targets, range(len(y) // 2))
        half = model.size()
        second, more_seconds = run(model, rows, targets, range(len(y) // 2, len(y)))
    size = model.size()
    outputs = (first + second)[1:]
    figures = of_classes if n_classes else of_numbers
    return {
        **figures(y[1:], model.probabilities(outputs) if n_classes else np.array(outputs, float)),
        "alarms": " ".join(map(str, model.alarms())) if hasattr(model, "alarms") else "",
        "seconds": seconds + more_seconds,
        "bytes": size,
        "growth": (size - half) / len(second),
    }


def run(model, rows, targets, places):
    """Predict and learn the rows at some places, in turn; the outputs, and CPU seconds."""
    outputs = []
    start = process_time()
    for i in places:
        outputs.append(model.predict(rows[i]))
        model.learn(rows[i], targets[i])
    return outputs, process_time() - start


def of_numbers(y, output):
    """The figures of predicted numbers; in the course of time a part's is 1 - its MSE / var(y)."""
    with np.errstate(over="ignore"):
        errors = np.square(np.where(np.isfinite(output), output, np.inf) - y)
    score = r2_score(y, output) if np.isfinite(errors.sum()) else -1.0
    return {
        "kind": "numbers", "measure": "R2", "score": max(score, -1.0), "log_loss": np.nan,
        "course": course(np.maximum(1.0 - errors / y.var(), -1e6)),
    }  # fmt: skip


def of_classes(y, p):
    """The figures of probabilities (n_samples, n_classes)."""
    true = p[np.arange(len(y)), y]
    hits = p.argmax(axis=1) == y
    return {
        "kind": "classes", "measure": "accuracy", "score": hits.mean(),
        "log_loss": -np.log(np.maximum(true, LEAST_PROBABILITY)).mean(), "course": course(hits),
    }  # fmt: skip


def course(scores):
    """Means over parts of the stream, as text."""
    parts = np.array_split(scores, min(MOST_PARTS, len(scores) // PART_ROWS + 1))
    return " ".join(f"{part.mean():.4g}" for part in parts)
