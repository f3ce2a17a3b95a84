"""The models that are compared on tables, each at its defaults, given what its kind of model needs.

MLP and the linear models get imputed, scaled and one-hot columns from a Pipeline, and MLP
standardised targets. Trees are told which columns are categories.
"""

from importlib import import_module

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skbackprop import TabularClassifier, TabularRegressor

from .peers import has


def ours(regression, cat, seed):
    own = TabularRegressor if regression else TabularClassifier
    return own(categorical_features=[int(j) for j in cat], random_state=seed)


def mlp(regression, cat, seed):
    model = (
        TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
        if regression
        else MLPClassifier(random_state=seed)
    )
    return make_pipeline(encoder(cat), model)


def hist_gb(regression, cat, seed):
    forest = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    model = forest(categorical_features=range(len(cat)), random_state=seed)
    return make_pipeline(small_codes(cat), model)


def linear(regression, cat, seed):
    return make_pipeline(encoder(cat), Ridge() if regression else LogisticRegression(max_iter=1000))


def constant(regression, cat, seed):
    return DummyRegressor() if regression else DummyClassifier()


def light_gbm(regression, cat, seed):
    model = of_package("lightgbm", "LGBM", regression)
    return make_pipeline(Frame(cat), model(random_state=seed, n_jobs=1, verbose=-1))


def xgboost(regression, cat, seed):
    model = of_package("xgboost", "XGB", regression)
    return make_pipeline(Frame(cat), model(random_state=seed, n_jobs=1, enable_categorical=True))


def cat_boost(regression, cat, seed):
    model = of_package("catboost", "CatBoost", regression)
    quiet = {"thread_count": 1, "verbose": False, "allow_writing_files": False}
    return make_pipeline(
        Frame(cat, text=True), model(random_seed=seed, cat_features=list(cat), **quiet)
    )


def real_mlp(regression, cat, seed):
    model = of_package("pytabkit", "RealMLP_TD_S_", regression)
    return make_pipeline(
        Frame(cat, complete=True), model(random_state=seed, device="cpu", n_threads=1)
    )


#: The models by name, the quick ones first, with the package that each needs.
MODELS = {
    "ours": (ours, "skbackprop"),
    "constant": (constant, "sklearn"),
    "linear": (linear, "sklearn"),
    "MLP": (mlp, "sklearn"),
    "HistGB": (hist_gb, "sklearn"),
    "LightGBM": (light_gbm, "lightgbm"),
    "XGBoost": (xgboost, "xgboost"),
    "CatBoost": (cat_boost, "catboost"),
    "RealMLP": (real_mlp, "pytabkit"),
}


def installed():
    """The names of the models that can be measured here."""
    return [name for name, (_, package) in MODELS.items() if has(package)]


def of_package(package, prefix, regression):
    kind = "Regressor" if regression else "Classifier"
    return getattr(import_module(package), prefix + kind)


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
    """Make a DataFrame whose categories are known as such, or are text.

    With `complete`, missing numbers are replaced by the median.
    """

    def __init__(self, cat, text=False, complete=False):
        self.cat = cat
        self.text = text
        self.complete = complete

    def fit(self, X, y=None):
        self.levels_ = {j: np.unique(X[~np.isnan(X[:, j]), j]) for j in self.cat}
        self.numbers_ = [j for j in range(X.shape[1]) if j not in self.levels_]
        self.imputer_ = SimpleImputer(strategy="median", keep_empty_features=True)
        if self.numbers_:
            self.imputer_.fit(X[:, self.numbers_])
        return self

    def transform(self, X):
        pandas = import_module("pandas")
        if self.complete and self.numbers_:
            X = X.copy()
            X[:, self.numbers_] = self.imputer_.transform(X[:, self.numbers_])
        frame = pandas.DataFrame(X)
        for j, levels in self.levels_.items():
            known = pandas.Categorical(X[:, j], levels)
            whole = pandas.Categorical.from_codes(known.codes, range(len(levels)))
            frame[j] = X[:, j].astype(str) if self.text else whole
        return frame
