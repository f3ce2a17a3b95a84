"""Outputs of many rows: the compiled panels give what NumPy gives."""

import threading

import numpy as np
import pytest
from compiled_cases import LAYERS, make, needs_numba
from problems import problem
from scipy import sparse

from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop.engines import code_cache, compiled_outputs
from skbackprop.engines.compiled_outputs import outputs_of
from skbackprop.engines.source import outputs_text
from skbackprop.network import outputs
from skbackprop.network.network import Network


@pytest.fixture
def ready(numba):
    """The code is there, as after `compile_engine`."""
    for name in ("float64", "float32"):
        code_cache.load(outputs_text(name))


def network_of(layers, dtype=np.float64, input_gain=False, n_features=9):
    hidden, activations = LAYERS[layers]
    from skbackprop.activations import resolve_activation

    activations = [*map(resolve_activation, (*activations, "identity"))]
    network = Network((n_features, *hidden, 3), activations, dtype=dtype, input_gain=input_gain)
    network.w[...] = np.random.default_rng(0).normal(scale=0.4, size=network.w.size)
    return network


def learn_by_the_engine(network, dtype):
    """Compile what the network's own activations need."""
    compiled = compiled_outputs._CompiledOutputs(network)
    compiled.load()
    compiled_outputs._known.pop(network, None)


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_every_kind_of_layer(layers, dtype, bound, ready):
    network = network_of(layers, dtype)
    learn_by_the_engine(network, dtype)
    X = np.random.default_rng(1).normal(size=(1000, 9)).astype(dtype)
    for rows in (None, np.arange(999, 100, -1)):
        ours = outputs_of(network, X, rows, "compiled")
        assert compiled_outputs._known[network] is not None
        for a, b in zip(ours, outputs.outputs_of(network, X, rows), strict=True):
            assert a.dtype == dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=bound, atol=bound)


def test_gains_and_softmax(ready):
    network = network_of("tanh", input_gain=True)
    learn_by_the_engine(network, np.float64)
    X = np.random.default_rng(1).normal(size=(700, 9))
    for a, b in zip(
        outputs_of(network, X, engine="compiled"), outputs.outputs_of(network, X), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


def test_what_is_not_for_it_is_numpys(ready, monkeypatch):
    network, X = network_of("tanh"), np.random.default_rng(1).normal(size=(700, 9))
    wanted = outputs.outputs_of(network, X)
    own = network_of("tanh")
    own.activations = (Activation(lambda v: np.sort(v), lambda v, y: 1.0, check=False),) * 2
    assert np.isfinite(outputs_of(own, X, engine="compiled")[0]).all()
    assert compiled_outputs._known[own] is None
    monkeypatch.setattr(compiled_outputs, "is_compiled", None, raising=False)
    for engine in (None, "numpy"):
        for a, b in zip(outputs_of(network, X, engine=engine), wanted, strict=True):
            assert np.array_equal(a, b)
    S = sparse.csr_array(X)
    np.testing.assert_allclose(outputs_of(network, S, engine="compiled")[0], wanted[0], rtol=1e-12)
    few = outputs_of(network, X[:10], engine="compiled")
    assert np.array_equal(few[0], outputs.outputs_of(network, X[:10])[0])


def test_nothing_is_compiled_for_it(numba, empty_room):
    network, X = network_of("tanh"), np.zeros((700, 9))
    outputs_of(network, X, engine="compiled")
    assert compiled_outputs._known[network] is None and not empty_room.exists()


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", [BackpropRegressor, BackpropClassifier])
def test_predict_in_threads(Estimator, ready):
    X, y = problem("regression" if Estimator is BackpropRegressor else "multiclass", n=2000)
    model = make("regression" if Estimator is BackpropRegressor else "multiclass", batch_size=50)
    model.fit(X, y)
    learn_by_the_engine(model._model.network, np.float64)
    alone, found = model.predict(X), [None] * 4

    def predict(i):
        found[i] = model.predict(X)

    threads = [threading.Thread(target=predict, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compiled_outputs._known[model._model.network] is not None
    assert all(np.array_equal(each, alone) for each in found)
