"""Quickstart: a table, classes and a stream
=========================================

A table as it comes, classification and a per-sample stream, beside scikit-learn's own.

Run it with ``python examples/quickstart.py``. The data are made here, or ship with scikit-learn.
"""

import time
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from skbackprop import BackpropClassifier, TabularRegressor


def print_row(*cells):
    """Print one line of the table: the name on the left, numbers on the right."""
    name, *rest = cells
    print(f"  {name:<28}" + "".join(f"{cell:>16}" for cell in rest))


def cross_validate(models, X, y, cv, score_name):
    """Print the mean and the spread of each model's score over the folds, and the time."""
    print_row("", score_name, "std over folds", "seconds")
    for name, model in models.items():
        start = time.perf_counter()
        scores = cross_val_score(model, X, y, cv=cv)
        seconds = time.perf_counter() - start
        print_row(
            name,
            f"{scores.mean():.3f}",
            f"{scores.std():.3f}",
            f"{seconds:.2f}",
        )


def classify_digits():
    """Ten classes, 64 pixels: 3-fold cross-validation."""
    X, y = load_digits(return_X_y=True)
    print(
        f"\nClassification: digits, {X.shape[0]} rows x {X.shape[1]} features, 10 classes, 3 folds"
    )
    settings = {"hidden_layer_sizes": (64,), "max_iter": 200, "random_state": 0}
    models = {
        type(net).__name__: make_pipeline(StandardScaler(), net)
        for net in (BackpropClassifier(**settings), MLPClassifier(**settings))
    }
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    cross_validate(models, X, y, cv, "accuracy")


def houses(n_rows):
    """A table as it comes: numbers, words and gaps; the price of a house, some of it chance."""
    rng = np.random.default_rng(0)
    city = rng.choice(["Ham", "Lund", "Marl", "Nord", "Port", "Ulm"], n_rows)
    heating = rng.choice(["gas", "oil", "pump"], n_rows, p=[0.5, 0.2, 0.3])
    area, age = rng.gamma(9.0, 12.0, n_rows), rng.uniform(0.0, 90.0, n_rows)
    level = {"Ham": 4.1, "Lund": 2.2, "Marl": 1.6, "Nord": 2.9, "Port": 3.4, "Ulm": 2.6}
    price = area * np.vectorize(level.get)(city) * (1.0 - 0.4 * np.sin(age / 60.0))
    price += 25.0 * (heating == "pump") - 30.0 * (age > 50.0) * (heating == "oil")
    price += rng.normal(0.0, 20.0, n_rows)
    X = np.empty((n_rows, 4), object)
    X[:, 0], X[:, 1], X[:, 2], X[:, 3] = area, age, city, heating
    X[rng.random(X.shape) < 0.05] = None  # nobody has filled these in
    return X, price


def predict_prices():
    """One line for a table as it comes, beside what its peers need for the same."""
    X, y = houses(2000)
    print(f"\nA table as it comes: {len(X)} rows, 2 numbers, 2 words, 5 % missing, 3 folds")
    numbers, words = [0, 1], [2, 3]
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    prepared = make_column_transformer(
        (make_pipeline(FunctionTransformer(as_numbers), scaled), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    coded = make_column_transformer(
        (FunctionTransformer(as_numbers), numbers), (OrdinalEncoder(), words)
    )
    mlp = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    trees = HistGradientBoostingRegressor(categorical_features=words, random_state=0)
    models = {
        "TabularRegressor": TabularRegressor(random_state=0),
        "MLPRegressor": make_pipeline(prepared, mlp),
        "HistGradientBoosting": make_pipeline(coded, trees),
    }
    cross_validate(models, X, y, KFold(3, shuffle=True, random_state=0), "R^2")


def as_numbers(X):
    """Columns of objects as numbers, None as NaN."""
    return X.astype(float)


def follow_stream():
    """Rows that come one at a time: predict, then learn from the answer (prequential)."""
    data = load_breast_cancer()
    labels = data.target_names.astype(object)[data.target]
    order = np.random.default_rng(0).permutation(len(labels))
    print(f"\nStream: breast cancer, {len(labels)} rows, one row at a time, test then train")
    print_row("", "accuracy", "last 200 rows", "us per row")
    eta = 0.05
    nets = [
        BackpropClassifier((32,), activation="tanh", solver="sgd", eta=eta, random_state=0),
        MLPClassifier(
            (32,),
            activation="tanh",
            solver="sgd",
            learning_rate_init=eta,
            momentum=0,
            alpha=0,
            random_state=0,
        ),
    ]
    for net in nets:
        hits, seconds = run_stream(net, data.data[order], labels[order])
        print_row(
            type(net).__name__,
            f"{hits.mean():.3f}",
            f"{hits[-200:].mean():.3f}",
            f"{1e6 * seconds / len(hits):.0f}",
        )
    print("  (us per row: one predict and one partial_fit of the network; scaling is not counted)")


def run_stream(net, X, labels):
    """Test then train on every row; return the hits and the network's own seconds."""
    net = clone(net)
    scaler = StandardScaler()
    learn = partial(net.partial_fit, classes=np.unique(labels))
    hits, seconds = [], 0.0
    for i in range(len(X)):
        # The scaler learns online as well: it has seen this row's inputs, never a later row's.
        row = scaler.partial_fit(X[i : i + 1]).transform(X[i : i + 1])
        label = labels[i : i + 1]
        start = time.perf_counter()
        if i > 0:  # before the first row there is no model to ask
            hits.append(net.predict(row)[0] == label[0])
        learn(row, label)
        seconds += time.perf_counter() - start
        learn = net.partial_fit  # classes are needed in the first call only
    return np.array(hits), seconds


if __name__ == "__main__":
    predict_prices()
    classify_digits()
    follow_stream()
