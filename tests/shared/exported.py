"""What several tests of exports share: the models, and the results of Python to compare with."""

import warnings

import numpy as np
import pandas as pd
import pytest
from heads import HEADS, HIDDEN, TARGETS, make
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skbackprop import (
    Activation,
    BackpropClassifier,
    BackpropRegressor,
    CrossEntropy,
    Loss,
    Mixed,
    PeriodicFeatures,
    Quantile,
    RobustSmoothScaler,
    TabularClassifier,
    TabularRegressor,
)
from skbackprop.activations import elu, leaky_relu, scaled_tanh, softplus

RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(20, 3))
PRECISIONS = {"double": (np.float64, 1e-12), "float": (np.float32, 1e-6)}
LAYERS = {
    "mixed": [Mixed(["tanh", "relu", elu(0.4), "tanh"]), Mixed(["gelu"] * 2 + ["sin"])],
    "with parameters": [leaky_relu(0.2), scaled_tanh(1.2, 0.8)],
    "softplus": [softplus(3.0), elu(1.3)],
}

each_hidden = pytest.mark.parametrize(
    "hidden", [pytest.param(h, marks=pytest.mark.matrix if h != "gelu" else ()) for h in HIDDEN]
)
each_precision = pytest.mark.parametrize("precision", PRECISIONS)


def models_of(hidden, precision="double"):
    """A model for each head, behind hidden neurons of one kind."""
    return [make(head, hidden, PRECISIONS[precision][0])[0] for head in HEADS]


def results_of(model, rows):
    """All that a model gives for rows, by method."""
    results = {"predict": model.predict(rows)}
    for method in ("predict_proba", "decision_function"):
        if hasattr(model, method):
            results[method] = getattr(model, method)(rows)
    with np.errstate(all="ignore"):
        try:
            results["predict_std"] = model.predict(rows, return_std=True)[1]
        except (TypeError, ValueError):
            pass
    return results


def assert_close(ours, theirs, tolerance):
    """Two arrays are equal, relative to numbers that are larger than one."""
    ours, theirs = (np.asarray(a) for a in (ours, theirs))
    if theirs.dtype.kind not in "f":
        assert ours.tolist() == theirs.tolist()
        return
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    assert ours.shape == theirs.shape
    distance = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)
    assert distance.max() <= tolerance, distance.max()


def assert_same_results(given, model, rows, tolerance):
    """What an export gives for rows is what the model does."""
    wanted = results_of(model, rows)
    assert set(given) == set(wanted)
    for method in wanted:
        assert_close(given[method], wanted[method], tolerance)


TABLE = pd.DataFrame(
    {
        "size": np.where(np.arange(90) % 7 == 3, np.nan, RNG.normal(size=90)),
        "year": 2000.0 + np.arange(90) % 11,
        "flag": np.arange(90) % 2 == 0,
        "kind": pd.Categorical(np.array([3, 5, 8])[np.arange(90) % 3]),
        "city": np.array(["Oslo", "Rome", "Bonn", None], dtype=object)[np.arange(90) % 4],
    }
)
CITIES = {"Bonn": 0.0, "Oslo": 1.0, "Rome": 2.0}  # the places of the levels, sorted
SEEN = np.nan_to_num(TABLE["size"]) + (TABLE["kind"].astype(int) - 5) * (TABLE["flag"] - 0.5)
AMOUNTS = {
    "one": SEEN.to_numpy(),
    "two": np.column_stack([SEEN, 3 - TABLE["year"]]),
    "counts": np.arange(90) % 5 + 1.0,
    "binary": np.where(SEEN > 0, "yes", "no"),
    "classes": np.arange(90) % 3,
    "labels": np.column_stack([SEEN > 0, TABLE["flag"]]).astype(int),
}
TABULAR = {
    "regressor": (TabularRegressor, {}, "one"),
    "several": (TabularRegressor, {}, "two"),
    "quantiles": (TabularRegressor, {"loss": Quantile([0.2, 0.8])}, "one"),
    "poisson": (TabularRegressor, {"loss": "poisson"}, "counts"),
    "deviation": (TabularRegressor, {"loss": "gaussian_nll"}, "two"),
    "binary": (TabularClassifier, {}, "binary"),
    "classes": (TabularClassifier, {}, "classes"),
    "labels": (TabularClassifier, {}, "labels"),
}


def table_model(key, n_rows=90):
    """A fitted estimator of tables; of few rows it is in double precision."""
    kind, settings, target = TABULAR[key]
    model = kind((5,), n_networks=1, neighbours=False, max_iter=3, random_state=0, **settings)
    return model.fit(TABLE[:n_rows], AMOUNTS[target][:n_rows])


def table_as_numbers(table):
    """A table as exports take it."""
    columns = [table[name].astype(float) for name in ("size", "year", "flag", "kind")]
    cities = [CITIES.get(city, np.nan if pd.isna(city) else 7.0) for city in table["city"]]
    return np.column_stack([*columns, cities])


def pipelines():
    """Networks behind each scaler, and behind all of them."""
    y = ROWS[:, 0] - ROWS[:, 1]
    scalers = {
        "standard": [StandardScaler()],
        "spread": [StandardScaler(with_mean=False)],
        "minmax": [MinMaxScaler((-1, 2))],
        "clipped": [MinMaxScaler(clip=True)],
        "robust": [RobustSmoothScaler(2.0)],
        "periodic": [PeriodicFeatures(2, random_state=0)],
        "waves": [PeriodicFeatures(3, keep_input=False, random_state=0)],
        "all": ["passthrough", StandardScaler(), make_pipeline(RobustSmoothScaler())]
        + [PeriodicFeatures(2, random_state=0)],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, steps in scalers.items():
            network = BackpropRegressor((4,), max_iter=2, random_state=0, scale_targets=True)
            yield name, make_pipeline(*steps, network).fit(ROWS, 100 + 7 * y)


# -- what is a user's own --------------------------------------------------------------------------


def bent(v):
    return np.where(v > 0, np.log1p(np.abs(v)), np.arctan(v) + 0.1 * np.sinh(v / 9))


def bent_slope(v, y):
    return np.where(v > 0, 1 / (1 + np.abs(v)), 1 / (1 + v * v) + 0.1 / 9 * np.cosh(v / 9))


def looking(v):
    return v if v.max() > 1e9 else 0.5 * v


def looking_slope(v, y):
    return np.full_like(v, 0.5)


class OwnLoss(Loss):
    def value(self, d, y, v):
        return ((d - y) ** 4).sum(axis=1) / 4

    def error(self, d, y):
        return (d - y) ** 3


class Doubled(OwnLoss):
    def prediction(self, y):
        return 2.0 * y


OWN = Activation(bent, bent_slope, name="bent")
LOOKING = Activation(looking, looking_slope, name="looking")
SORTED = type("Sorted", (OwnLoss,), {"prediction": lambda self, y: np.sort(y, axis=1)})()
ONE_CLASS = BackpropClassifier((2,))

__all__ = [name for name in dir() if not name.startswith("_")]
assert len(TARGETS) == 6 and CrossEntropy
