"""A drifting stream, row by row
=============================

Online learning, one row at a time: abrupt concept drift, and online scaling.

Part 1 is a classification stream whose concept changes abruptly; part 2 a regression stream
whose target is in the thousands. Both are prequential: every row is predicted first and learnt
from afterwards.

Run it with ``python examples/online_stream.py``.
"""

import time

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

ROWS_PER_CONCEPT = 800
REGRESSION_ROWS = 600

# What the two informative inputs, drawn from [-1, 1], say about the label.
CONCEPTS = {
    "half plane": lambda a, b: a + b > 0.0,
    "exclusive or": lambda a, b: a * b > 0.0,
    "disc": lambda a, b: a * a + b * b < 0.64,
    "other half plane": lambda a, b: a - b < 0.0,
}


class OnlineScaled:
    """A regressor between two scalers that learn online: one for X, one for y.

    ``Pipeline`` has no ``partial_fit``, so the three estimators are told in turn. Predictions
    come back in y's own units.
    """

    def __init__(self, regressor):
        self.regressor = regressor
        self.x_scaler = StandardScaler()
        self.y_scaler = StandardScaler()

    def partial_fit(self, X, y):
        """Let the scalers see the rows, then present the scaled rows to the regressor.

        A row is scaled by statistics that already count it: of n values none lies further than
        sqrt(n - 1) standard deviations from their mean, so even the first rows of a stream in
        large units are presented small.
        """
        column = np.reshape(y, (-1, 1))
        rows = self.x_scaler.partial_fit(X).transform(X)
        targets = self.y_scaler.partial_fit(column).transform(column).ravel()
        self.regressor.partial_fit(rows, targets)
        return self

    def predict(self, X):
        """Predict in y's own units."""
        scaled = self.regressor.predict(self.x_scaler.transform(X))
        return self.y_scaler.inverse_transform(scaled.reshape(-1, 1)).ravel()


class NoChange:
    """The baseline: the next answer will be the last one."""

    def partial_fit(self, X, y, classes=None):
        self.last = y[-1:]
        return self

    def predict(self, X):
        return self.last


def make_drifting_stream(rng):
    """Return X, labels: six inputs in six different units, two of them informative."""
    n = ROWS_PER_CONCEPT * len(CONCEPTS)
    signals = rng.uniform(-1.0, 1.0, size=(n, 6))
    a, b = signals[:, :2].reshape(len(CONCEPTS), ROWS_PER_CONCEPT, 2).transpose(2, 0, 1)
    holds = [concept(a[i], b[i]) for i, concept in enumerate(CONCEPTS.values())]
    labels = np.where(np.concatenate(holds), "yes", "no").astype(object)
    units, zero = np.array([5.0, 300.0, 0.01, 40.0, 1.0, 2e4]), np.array([20, 1000, 0, 50, 7, 1e5])
    return zero + units * signals, labels


def follow_drift():
    """Print the prequential accuracy of every model in every concept."""
    rng = np.random.default_rng(0)
    X, labels = make_drifting_stream(rng)
    eta = 0.1
    net = {"activation": "relu", "solver": "sgd", "random_state": 0}
    models = {
        "no change": NoChange(),
        "SGDClassifier": SGDClassifier(
            loss="log_loss", learning_rate="constant", eta0=eta, alpha=0.0, random_state=0
        ),
        "MLPClassifier": MLPClassifier(
            hidden_layer_sizes=(24,), learning_rate_init=eta, momentum=0.0, alpha=0.0, **net
        ),
        "BackpropClassifier": BackpropClassifier((24,), eta=eta, **net),
    }
    scaler = StandardScaler()
    classes = np.unique(labels)
    hits = {name: np.zeros(len(X), dtype=bool) for name in models}
    seconds = dict.fromkeys(models, 0.0)
    for i in range(len(X)):
        row, label = X[i : i + 1], labels[i : i + 1]
        row = scaler.partial_fit(row).transform(row)  # one scaler serves all models
        for name, model in models.items():
            start = time.perf_counter()
            if i == 0:
                model.partial_fit(row, label, classes=classes)
            else:
                hits[name][i] = model.predict(row)[0] == label[0]
                model.partial_fit(row, label)
            seconds[name] += time.perf_counter() - start

    print(f"Concept drift: {len(CONCEPTS)} concepts x {ROWS_PER_CONCEPT} rows, one row at a time")
    print("prequential accuracy over each concept (its last 300 rows)\n")
    print(f"{'':<20}" + "".join(f"{name:>18}" for name in CONCEPTS) + f"{'us per row':>12}")
    for name, hit in hits.items():
        pieces = np.split(hit, len(CONCEPTS))
        cells = [f"{piece.mean():.3f} ({piece[-300:].mean():.3f})" for piece in pieces]
        us = 1e6 * seconds[name] / len(X)
        print(f"{name:<20}" + "".join(f"{cell:>18}" for cell in cells) + f"{us:>12.0f}")
    print("(us per row: the model's predict and partial_fit; scaling the inputs is not counted)")


def make_power_stream(rng):
    """Return X, y: the power a building draws, in watts, from hour, temperature and people."""
    hour = rng.uniform(0.0, 24.0, REGRESSION_ROWS)
    temperature = 12.0 + 9.0 * rng.standard_normal(REGRESSION_ROWS)
    people = rng.integers(0, 400, REGRESSION_ROWS)
    heating = 900.0 * np.maximum(0.0, 18.0 - temperature)
    light = 8000.0 * np.cos(np.pi * hour / 12.0)
    y = 30000.0 + heating + light + 25.0 * people + 500.0 * rng.standard_normal(REGRESSION_ROWS)
    return np.column_stack([hour, temperature, people]), y


def follow_power():
    """Print the prequential error in watts of models behind online scalers."""
    X, y = make_power_stream(np.random.default_rng(1))
    eta = 0.05
    net = {"activation": "relu", "solver": "sgd", "random_state": 0}
    models = {
        "SGDRegressor": SGDRegressor(learning_rate="constant", eta0=eta, alpha=0.0, random_state=0),
        "MLPRegressor": MLPRegressor(
            hidden_layer_sizes=(24,), learning_rate_init=eta, momentum=0.0, alpha=0.0, **net
        ),
        # Initial weights of the same spread as the MLP's.
        "BackpropRegressor": BackpropRegressor((24,), eta=eta, **net),
    }
    print(f"\nOnline scaling: {len(y)} rows, y in watts, standard deviation {y.std():.0f} W")
    print(f"\n{'mean absolute error in watts':<30}{'all rows':>12}{'last 300':>12}")
    late = slice(-300, None)
    mean_so_far = np.cumsum(y[:-1]) / np.arange(1, len(y))
    print(f"{'mean of the rows so far':<30}" + error_cells(y[1:], mean_so_far, late))
    for name, regressor in models.items():
        model = OnlineScaled(regressor).partial_fit(X[:1], y[:1])
        predictions = np.empty(len(y) - 1)
        for i in range(1, len(y)):
            predictions[i - 1] = model.predict(X[i : i + 1])[0]
            model.partial_fit(X[i : i + 1], y[i : i + 1])
        print(f"{name:<30}" + error_cells(y[1:], predictions, late))


def error_cells(y, predictions, late):
    """Format the mean absolute error over all rows and over the late ones."""
    everywhere = mean_absolute_error(y, predictions)
    return f"{everywhere:>12.0f}{mean_absolute_error(y[late], predictions[late]):>12.0f}"


if __name__ == "__main__":
    follow_drift()
    follow_power()
