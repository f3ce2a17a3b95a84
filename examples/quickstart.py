"""Classification, regression and a per-sample stream, beside scikit-learn's own MLP.

Run it with ``python examples/quickstart.py``. The data ship with scikit-learn.
"""

import time
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor


def print_row(*cells):
    """Print one line of the table: the name on the left, numbers on the right."""
    name, *rest = cells
    print(f"  {name:<28}" + "".join(f"{cell:>16}" for cell in rest))


def cross_validate(models, X, y, cv, score_name):
    """Print the mean and the spread of each model's score over the folds, and the time."""
    print_row("", score_name, "std over folds", "seconds")
    for model in models:
        start = time.perf_counter()
        scores = cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=cv)
        seconds = time.perf_counter() - start
        inner = getattr(model, "regressor", model)
        print_row(
            type(inner).__name__,
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
    models = [BackpropClassifier(**settings), MLPClassifier(**settings)]
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    cross_validate(models, X, y, cv, "accuracy")


def predict_diabetes():
    """Progression of a disease; the target is scaled for training and scaled back."""
    X, y = load_diabetes(return_X_y=True)
    print(f"\nRegression: diabetes, {X.shape[0]} rows x {X.shape[1]} features, 10 folds")
    # The set is small and noisy: both models stop by the score on a tenth of the rows held out.
    settings = {
        "hidden_layer_sizes": (32,),
        "activation": "tanh",
        "early_stopping": True,
        "max_iter": 1000,
        "random_state": 0,
    }
    models = [BackpropRegressor(**settings), MLPRegressor(**settings)]
    scaled = [TransformedTargetRegressor(model, transformer=StandardScaler()) for model in models]
    cross_validate(scaled, X, y, KFold(10, shuffle=True, random_state=0), "R^2")


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
    classify_digits()
    predict_diabetes()
    follow_stream()
