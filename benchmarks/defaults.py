"""The defaults beside those of scikit-learn's MLP, in score and in time, by mean rank.

On the sets that scikit-learn ships and, with ``--data DIR``, on every ``.npz`` there with arrays
``X``, ``y`` and ``cat`` (indices of categorical columns): missing values become the median,
categories of up to 20 levels are one-hot. Each set is tried scaled (StandardScaler) and as it is,
and those of regression scaled with standardised targets, too (TransformedTargetRegressor for the
MLP, ``scale_targets=True`` for ours). One BLAS thread; the models' fits alternate in one process.
"""

from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import rankdata
from sklearn import datasets
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skbackprop import BackpropClassifier, BackpropRegressor

VARIANTS = ("scaled", "as it is", "scaled with its targets")
BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")


def main(folder, most_rows, n_splits, candidates):
    scores, seconds, names = [], [], []
    models = ["MLP", "skbackprop", *candidates]
    print("| set | " + " | ".join(f"{m} (s)" for m in models) + " |")
    print("| --- " * (len(models) + 1) + "|")
    for name, X, y, cat in load_sets(folder, most_rows):
        for variant in VARIANTS if y.dtype.kind == "f" else VARIANTS[:2]:
            with threadpool_limits(1):
                score, time = compare(X, y, cat, variant, n_splits, candidates)
            scores.append(score), seconds.append(time)
            names.append(name)
            cells = (f"{s:.3f} ({t:.2f})" for s, t in zip(score, time, strict=True))
            print(f"| {name}, {variant} | " + " | ".join(cells) + " |", flush=True)
    for what, table in (("score", -np.array(scores)), ("time", np.array(seconds))):
        ranks = rankdata(np.round(table, 3), axis=1).mean(axis=0)
        print(f"| **mean rank in {what}** | " + " | ".join(f"{r:.2f}" for r in ranks) + " |")


def load_sets(folder, most_rows):
    rng = np.random.RandomState(0)
    for name in BUNDLED:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield name, X, y, np.array([], int)
    for path in sets_in(folder) if folder else ():
        with np.load(path) as data:
            X, y, cat = data["X"], data["y"], data["cat"]
        if len(X) > most_rows:
            rows = np.sort(rng.choice(len(X), most_rows, replace=False))
            X, y = X[rows], y[rows]
        yield path.stem, X.astype(float), y, cat


def sets_in(folder):
    """The `.npz` files of a folder, in order."""
    return sorted(Path(folder).glob("*.npz"))


def compare(X, y, cat, variant, n_splits, candidates):
    regression = y.dtype.kind == "f"
    MLP, Ours = (
        (MLPRegressor, BackpropRegressor) if regression else (MLPClassifier, BackpropClassifier)
    )
    scores = np.zeros((n_splits, len(candidates) + 2))
    seconds = np.zeros_like(scores)
    for split in range(n_splits):
        single = y.ndim == 1 and not regression and np.unique(y, return_counts=True)[1].min() > 1
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.3, random_state=split, stratify=y if single else None
        )
        encode = encoder(X_train, cat, scaled=variant != "as it is")
        X_train, X_test = encode.fit_transform(X_train), encode.transform(X_test)
        models = [MLP(random_state=split), Ours(random_state=split)]
        if variant == VARIANTS[2]:
            scaler = StandardScaler()
            models[0] = TransformedTargetRegressor(models[0], transformer=scaler)
            models[1].set_params(scale_targets=True)
        for settings in candidates.values():
            loss = settings.get("loss")
            fits = loss is None or regression == ("regression" in loss.tasks)
            own = settings if fits else {k: v for k, v in settings.items() if k != "loss"}
            models.append(clone(models[1]).set_params(**own))
        for j, model in enumerate(models):
            start = perf_counter()
            try:
                prediction = model.fit(X_train, y_train).predict(X_test)
                scores[split, j] = score(y_test, prediction, regression)
            except (ValueError, ArithmeticError):
                scores[split, j] = -np.inf
            seconds[split, j] = perf_counter() - start
    return scores.mean(axis=0), np.median(seconds, axis=0)


def score(y, prediction, regression):
    """R^2 (kept above -1), balanced accuracy, or the share of right labels."""
    if regression:
        return max(r2_score(y, prediction), -1.0)
    return (y == prediction).mean() if y.ndim == 2 else balanced_accuracy_score(y, prediction)


def encoder(X, cat, scaled):
    """Impute, one-hot the small categorical columns, and scale."""
    few = [j for j in cat if len(np.unique(X[:, j])) <= 20]
    rest = [j for j in range(X.shape[1]) if j not in few]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("few", one_hot, few), ("rest", SimpleImputer(strategy="median"), rest)]
    )
    if not scaled:
        return columns
    return make_pipeline(columns, StandardScaler())
