"""Tables as they come: the estimators of tables beside their peers, by score, log loss and time.

Each ``.npz`` file of the folder holds arrays ``X`` (n_samples, n_features; NaN where a value is
missing), ``y`` (integers are classes, floats are numbers) and ``cat`` (indices of the columns that
are categories, held as codes). Images and sets of several targets are passed over, as are those
named by ``--without``. At most ``--rows`` rows count (20000), the same ones for all; k folds,
classes stratified. Everything is at its defaults, in one thread; the models' fits alternate in one
process. The score is R^2, kept above -1, of numbers; of classes the accuracy, or, where a class has
more than four fifths of the rows, the AUC of two and the balanced accuracy of several. Log loss
and Brier's score (the sum over classes of squared errors) are those of the probabilities. Seconds
are of CPU, for `fit` and a prediction of the rows held back.

With ``--results FILE`` each row is appended to a CSV file as soon as it is measured, and what is
there is not measured again: the tables and the plot are made from the whole file.
"""

import warnings
from time import process_time

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from .defaults import sets_in
from .results import Results
from .table_models import MODELS, installed

LARGE_MAJORITY = 0.8
LEAST_PROBABILITY = 1e-15


def main(folder, most_rows, n_splits, *, names=None, folds=None, without=(), path=None):
    """Measure what is not in the file yet; return the results."""
    results = Results(path)
    names = installed() if names is None else names
    for fold in range(n_splits) if folds is None else folds:
        for set_path in sets_in(folder):
            if set_path.stem in without:
                continue
            X, y, cat = load(set_path, most_rows)
            if y.ndim > 1 or X.dtype == np.uint8:
                continue
            for name in names:
                key = (set_path.stem, len(X), fold, name)
                if key not in results:
                    measured = measure(MODELS[name][0], X, y, cat, fold, n_splits)
                    keyed = dict(zip(("set", "rows", "fold", "model"), key, strict=True))
                    results.add(**keyed, features=X.shape[1], **measured)
    return results


def load(path, most_rows):
    """X, y and cat of a set; the same rows at every call."""
    with np.load(path) as data:
        X, y, cat = data["X"], data["y"], data["cat"]
    if len(X) > most_rows:
        rows = np.random.RandomState(0).permutation(len(X))[:most_rows]
        X, y = X[rows], y[rows]
    return X, y, cat.astype(int)


def measure(new_model, X, y, cat, fold, n_splits):
    """The figures of a model, trained on all folds but one: a dict."""
    X = X.astype(float)
    regression = y.dtype.kind == "f"
    splitter = (KFold if regression else StratifiedKFold)(n_splits, shuffle=True, random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train, test = list(splitter.split(X, y))[fold]
        model = new_model(regression, cat, fold)
        start = process_time()
        model.fit(X[train], y[train])
        output = model.predict(X[test]) if regression else model.predict_proba(X[test])
        seconds = process_time() - start
    if regression:
        score = max(r2_score(y[test], np.asarray(output, float).ravel()), -1.0)
        figures = {"kind": "numbers", "measure": "R2", "score": score}
        figures |= {"log_loss": np.nan, "brier": np.nan}
    else:
        figures = of_classes(y, test, output, np.asarray(model.classes_).astype(int))
    return {**figures, "seconds": seconds}


def of_classes(y, test, output, classes):
    """The figures of probabilities (n_test, n_classes)."""
    n_classes = int(y.max()) + 1
    p = np.zeros((len(test), n_classes))
    p[:, classes] = output
    true, rows = y[test], np.arange(len(test))
    two = np.count_nonzero(np.bincount(y)) == 2
    log_loss = -np.log(np.maximum(p[rows, true], LEAST_PROBABILITY)).mean()
    brier = ((p - np.eye(n_classes)[true]) ** 2).sum(axis=1).mean()
    if np.bincount(y).max() <= LARGE_MAJORITY * len(y):
        measure, score = "accuracy", accuracy_score(true, p.argmax(axis=1))
    elif two:
        measure, score = "AUC", roc_auc_score(true, p[:, -1])
    else:
        measure, score = "balanced accuracy", balanced_accuracy_score(true, p.argmax(axis=1))
    kind = "two classes" if two else "classes"
    return {
        "kind": kind, "measure": measure, "score": score, "log_loss": log_loss, "brier": brier
    }  # fmt: skip
