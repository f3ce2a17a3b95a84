"""Tables as they come: the estimators of tables beside their peers, by score, log loss and time.

Each ``.npz`` file of the folder holds arrays ``X`` (n_samples, n_features; NaN where a value is
missing), ``y`` (integers are classes, floats are numbers) and ``cat`` (indices of the columns that
are categories, held as codes). Everything is at its defaults. MLP and the linear models get
imputed, scaled and one-hot columns from a Pipeline; trees are told which columns are categories.
One thread; the models' fits alternate in one process; k folds, classes stratified. The score is R^2
(kept above -1), or balanced accuracy; the time, in CPU seconds, is that of `fit` and a prediction.
"""

import warnings
from time import process_time

import numpy as np
from scipy.stats import rankdata
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
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
    mlp = MLPRegressor if regression else MLPClassifier
    forest = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    linear = Ridge() if regression else LogisticRegression(max_iter=1000)
    categories = [int(j) for j in cat]
    found = {
        own.__name__.replace("Regressor", "").replace("Classifier", ""): own(
            categorical_features=categories, random_state=seed
        ),
        "MLP": make_pipeline(encoder(cat), mlp(random_state=seed)),
        "HistGB": make_pipeline(
            small_codes(cat), forest(categorical_features=categories, random_state=seed)
        ),
        "linear": make_pipeline(encoder(cat), linear),
    }
    kind = "Regressor" if regression else "Classifier"
    settings = {"random_state": seed, "n_jobs": 1}
    if has("lightgbm"):
        import lightgbm

        model = getattr(lightgbm, f"LGBM{kind}")(verbose=-1, **settings)
        found["LightGBM"] = _Told(model, categorical_feature=categories)
    if has("xgboost"):
        import xgboost

        kinds = ["c" if j in categories else "q" for j in range(10_000)]
        found["XGBoost"] = _ByType(getattr(xgboost, f"XGB{kind}")(**settings), kinds)
    if has("catboost"):
        import catboost

        model = getattr(catboost, f"CatBoost{kind}")(
            random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
        )
        found["CatBoost"] = _AsObjects(model, categories)
    return found


def encoder(cat):
    """What makes numbers of the columns, imputed, one-hot and scaled, for MLP and linear models."""
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return make_column_transformer((categories, list(cat)), remainder=numbers)
