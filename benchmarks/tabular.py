"""Tables as they come: the estimators of tables beside their peers, by score, log loss and time.

Each ``.npz`` file of the folder holds arrays ``X`` (n_samples, n_features; NaN where a value is
missing), ``y`` (integers are classes, floats are numbers) and ``cat`` (indices of the columns that
are categories, held as codes). Everything is at its defaults. MLP and the linear models get
imputed, scaled and one-hot columns from a Pipeline, and MLP standardised targets; trees are told
which columns are categories. One thread; the models' fits alternate in one process; k folds,
classes stratified. A cell shows the score, which is R^2 (kept above -1) or balanced accuracy, the
log loss of classes, and the CPU seconds of `fit` and a prediction.
"""

import warnings
from importlib import import_module
from time import process_time

import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skbackprop import TabularClassifier, TabularRegressor

from .defaults import sets_in
from .peers import has
from .tables import head, line

MEASURES = ("score", "log loss", "seconds")


def main(folder, most_rows, n_splits):
    """Print a line for each set, and mean ranks."""
    figures = {}
    for path in sets_in(folder):
        X, y, cat = load(path, most_rows)
        if y.ndim > 1 or X.ndim > 2:
            continue  # several targets and images are not what is compared here
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figures[path.stem] = compare(X, y, cat, n_splits)
        print_set(path.stem, figures[path.stem], first=len(figures) == 1)
    print()
    print_means(figures)


def load(path, most_rows):
    with np.load(path) as data:
        X, y, cat = data["X"], data["y"], data["cat"]
    if len(X) > most_rows:
        rows = np.random.RandomState(0).permutation(len(X))[:most_rows]
        X, y = X[rows], y[rows]
    return X.astype(float), y, cat.astype(int)


def compare(X, y, cat, n_splits):
    """The measures of each model, means over the folds: a dict of arrays (3,)."""
    regression = y.dtype.kind == "f"
    folds = (KFold if regression else StratifiedKFold)(n_splits, shuffle=True, random_state=0)
    found: dict[str, list] = {}
    for seed, (train, test) in enumerate(folds.split(X, y)):
        for name, model in models(regression, cat, seed).items():
            measured = measure(model, (X[train], y[train]), (X[test], y[test]), regression)
            found.setdefault(name, []).append(measured)
    return {name: np.mean(measured, axis=0) for name, measured in found.items()}


def measure(model, training, test, regression):
    (X, y), (X_test, y_test) = training, test
    start = process_time()
    if regression:
        prediction = model.fit(X, y).predict(X_test)
        seconds = process_time() - start
        return max(r2_score(y_test, prediction), -1.0), np.nan, seconds
    probabilities = model.fit(X, y).predict_proba(X_test)
    seconds = process_time() - start
    prediction = model.classes_[probabilities.argmax(axis=1)]
    score = balanced_accuracy_score(y_test, prediction)
    return score, log_loss(y_test, probabilities, labels=model.classes_), seconds


def models(regression, cat, seed):
    """The models to compare, by name; those that are not installed are left out."""
    own = TabularRegressor if regression else TabularClassifier
    mlp = (
        TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
        if regression
        else MLPClassifier(random_state=seed)
    )
    forest = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    linear = Ridge() if regression else LogisticRegression(max_iter=1000)
    found = {
        "tabular": own(categorical_features=[int(j) for j in cat], random_state=seed),
        "MLP": make_pipeline(encoder(cat), mlp),
        "HistGB": make_pipeline(
            small_codes(cat), forest(categorical_features=range(len(cat)), random_state=seed)
        ),
        "linear": make_pipeline(encoder(cat), linear),
    }
    kind = "Regressor" if regression else "Classifier"
    if has("lightgbm"):
        model = import_module("lightgbm").__dict__[f"LGBM{kind}"]
        found["LightGBM"] = make_pipeline(
            Frame(cat), model(random_state=seed, n_jobs=1, verbose=-1)
        )
    if has("xgboost"):
        model = import_module("xgboost").__dict__[f"XGB{kind}"]
        found["XGBoost"] = make_pipeline(
            Frame(cat), model(random_state=seed, n_jobs=1, enable_categorical=True)
        )
    if has("catboost"):
        model = import_module("catboost").__dict__[f"CatBoost{kind}"]
        quiet = {"thread_count": 1, "verbose": False, "allow_writing_files": False}
        found["CatBoost"] = make_pipeline(
            Frame(cat, text=True), model(random_seed=seed, cat_features=list(cat), **quiet)
        )
    return found


def encoder(cat):
    """What makes numbers of the columns, imputed, one-hot and scaled, for MLP and linear models."""
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer((categories, list(cat)), remainder=numbers)


def small_codes(cat):
    """What HistGradientBoosting wants of categories: codes from 0 to 254, NaN for the rest."""
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=254,
    )
    return ColumnTransformer([("codes", codes, list(cat))], remainder="passthrough")


class Frame(TransformerMixin, BaseEstimator):
    """Make a DataFrame whose categories are known as such, or are text."""

    def __init__(self, cat, text=False):
        self.cat = cat
        self.text = text

    def fit(self, X, y=None):
        self.levels_ = {j: np.unique(X[~np.isnan(X[:, j]), j]) for j in self.cat}
        return self

    def transform(self, X):
        pandas = import_module("pandas")
        frame = pandas.DataFrame(X)
        for j, levels in self.levels_.items():
            known = pandas.Categorical(X[:, j], levels)
            whole = pandas.Categorical.from_codes(known.codes, range(len(levels)))
            frame[j] = X[:, j].astype(str) if self.text else whole
        return frame


def print_set(name, figures, first):
    """A line of the table; before the first one, its head."""
    if first:
        head("set", *figures)
    cells = []
    for score, loss, seconds in figures.values():
        parts = f"{score:.3f}" if np.isnan(loss) else f"{score:.3f}, {loss:.3f}"
        cells.append(f"{parts} ({seconds:.1f})")
    line(name, *cells)


def print_means(sets):
    """Mean ranks and means over the sets, by each measure."""
    names = next(iter(sets.values()))
    table = np.array([[figures[name] for name in names] for figures in sets.values()])
    head("over all sets", *names)
    for k, what in enumerate(MEASURES):
        known = table[~np.isnan(table[:, :, k]).any(axis=1), :, k]
        if not len(known):
            continue
        sign = -1 if what == "score" else 1
        ranks = rankdata(np.round(sign * known, 3), axis=1).mean(axis=0)
        line(f"mean rank in {what} ({len(known)} sets)", *(f"{rank:.2f}" for rank in ranks))
        line(f"mean {what}", *(f"{mean:.3f}" for mean in known.mean(axis=0)))
