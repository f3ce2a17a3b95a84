"""What a pickled estimator holds: the version that wrote it, and few names of the package."""

import copy
import io
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from online_cases import ONLINE, N, bits, by_rows, make, problem
from problems import KINDS
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.exceptions import InconsistentVersionWarning as SklearnVersionWarning

from skbackprop import (
    ACTIVATIONS,
    Activation,
    Adam,
    BackpropClassifier,
    BackpropRegressor,
    InverseScaling,
    Mixed,
    __version__,
)
from skbackprop.activations import leaky_relu
from skbackprop.exceptions import InconsistentVersionWarning

X = np.random.default_rng(0).normal(size=(30, 3))
HIDDEN = ["tanh", leaky_relu(0.2)]

# What a pickle of a fitted estimator must find again in any later version.
NAMES = {
    "activations.built_in.built_in",
    "estimators.building.Model",
    "losses.head.Head",
    "losses.task.Task",
    "network.network.Network",
    "updates.state.TrainingState",
    "updates.adaptive.Adam",
}


def regressor():
    model = BackpropRegressor((4, 3), activation=HIDDEN, random_state=0)
    return model.partial_fit(X, X[:, 0])


def classifier():
    return BackpropClassifier((4,), random_state=0).partial_fit(X, X[:, 0] > 0, classes=[0, 1])


class Recorder(pickle.Unpickler):
    """Reads a pickle, and notes what it imports."""

    def __init__(self, pickled):
        super().__init__(io.BytesIO(pickled))
        self.imported = set()

    def find_class(self, module, name):
        self.imported.add(f"{module}.{name}")
        return super().find_class(module, name)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("make", "own"),
    [
        (
            regressor,
            {
                "estimators.regressor.BackpropRegressor",
                "estimators.targets.NumberCoding",
                "losses.regression.SquaredError",
            },
        ),
        (
            classifier,
            {
                "estimators.classifier.BackpropClassifier",
                "estimators.targets.ClassCoding",
                "losses.classification.CrossEntropy",
            },
        ),
    ],
)
def test_a_pickle_names_little_of_the_package(make, own, protocol):
    model = make()
    reader = Recorder(pickle.dumps(model, protocol))
    again = reader.load()
    ours = {
        name.removeprefix("skbackprop.")
        for name in reader.imported
        if name.startswith("skbackprop.")
    }
    assert ours == NAMES | own
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_another_version_is_told(monkeypatch):
    model = regressor()
    monkeypatch.setattr("skbackprop.estimators.base.__version__", "0.0.1")
    pickled = pickle.dumps(model)
    monkeypatch.undo()
    with pytest.warns(InconsistentVersionWarning, match="BackpropRegressor .*0.0.1") as told:
        again = pickle.loads(pickled)
    warning = told[0].message
    assert isinstance(warning, SklearnVersionWarning)  # who filters the one filters the other
    assert (warning.original_version, warning.current_version) == ("0.0.1", __version__)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_pickle_without_version_is_told():
    model = regressor()
    again = BackpropRegressor.__new__(BackpropRegressor)
    with pytest.warns(InconsistentVersionWarning, match="unknown version"):
        again.__setstate__(vars(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("make", [regressor, classifier, BackpropRegressor])
def test_the_same_version_is_not(make):
    model = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for again in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
            assert "_skbackprop_version" not in vars(again)
            assert vars(again).keys() == vars(model).keys() - {"_running"}
        clone(model)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_built_in_activation_is_pickled_by_name(name, monkeypatch):
    built_in = ACTIVATIONS[name]
    reader = Recorder(pickle.dumps(built_in))
    assert reader.load() == built_in
    assert reader.imported == {"skbackprop.activations.built_in.built_in"}
    # Whatever a user puts in its place.
    pickled = pickle.dumps(built_in)
    monkeypatch.setitem(ACTIVATIONS, name, Activation(np.sin, slope, name=name))
    assert pickle.loads(pickled) == built_in
    own = pickle.loads(pickle.dumps(ACTIVATIONS[name]))
    assert own == ACTIVATIONS[name] != built_in


def slope(v, y):
    return np.cos(v)


def test_parameters_of_an_activation_are_pickled():
    for made in (leaky_relu(0.3), Mixed([leaky_relu(0.3), "tanh"])):
        assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
    assert leaky_relu(0.3) != pickle.loads(pickle.dumps(ACTIVATIONS["leaky_relu"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ONLINE)
def test_pickled_in_mid_stream(solver, kind):
    X, y = problem(kind, np.float32)
    params = {"solver": solver, "eta_schedule": "invscaling", "alpha": 0.01}
    straight = by_rows(kind, X, y, **params)
    half = by_rows(kind, X, y, range(N // 2), **params)
    loaded = pickle.loads(pickle.dumps(half))
    assert bits(loaded) == bits(half)
    by_rows(kind, X, y, range(N // 2, N), model=loaded)
    assert bits(loaded) == bits(straight)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pickled_between_warm_starts():
    X, y = problem("multiclass", n=40)
    for random_state in (0, np.random.RandomState(3), None):
        model = make(
            "multiclass", warm_start=True, max_iter=2, batch_size=7, random_state=random_state,
            eta_schedule="adaptive",
        )  # fmt: skip
        loaded = pickle.loads(pickle.dumps(model.fit(X, y)))
        assert bits(loaded.fit(X, y)) == bits(model.fit(X, y))
        assert loaded.loss_curve_ == model.loss_curve_


def test_continues_in_another_process(tmp_path):
    X, y = problem("multiclass")
    model = make("multiclass", solver=Adam(beta_2=0.9), eta_schedule=InverseScaling(0.3))
    model.partial_fit(X, y, classes=[0, 1, 2])
    (tmp_path / "model").write_bytes(pickle.dumps((model, X, y)))
    script = (
        "import pickle, sys, pathlib\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "model, X, y = pickle.loads((folder / 'model').read_bytes())\n"
        "for i in range(len(X)):\n"
        "    model.partial_fit(X[i : i + 1], y[i : i + 1])\n"
        "(folder / 'back').write_bytes(pickle.dumps(model))\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, timeout=60)
    back = pickle.loads((tmp_path / "back").read_bytes())
    assert bits(back) == bits(model.partial_fit(X, y))
    assert back.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize("solver", ONLINE)
def test_read_only_memory_mapped_pickle_goes_on(solver, tmp_path):
    X, y = problem("regression")
    model = make("regression", solver=solver).partial_fit(X, y)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    content = path.read_bytes()
    loaded = joblib.load(path, mmap_mode="r")
    assert not loaded.coefs_[0].flags.writeable
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.partial_fit(X[:1], y[:1]).partial_fit(X[1:], y[1:])
    assert bits(loaded) == bits(model.partial_fit(X, y))
    assigned = joblib.load(path, mmap_mode="r")
    assigned.coefs_ = [np.full_like(W, 0.5) for W in assigned.coefs_]
    assert all((W == 0.5).all() for W in assigned.coefs_)
    warm = joblib.load(path, mmap_mode="r").set_params(warm_start=True, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        warm.fit(X, y)
    assert warm.n_updates_ == N + 1
    assert path.read_bytes() == content
