"""Activations by compiled functions, for whole batches: what NumPy gives, sooner."""

import copy

import numpy as np
import pytest
from compiled_cases import needs_numba
from problems import problem

from skbackprop import ACTIVATIONS, Activation, BackpropRegressor
from skbackprop.activations.built_in import elu
from skbackprop.engines import code_cache
from skbackprop.engines.compiled_activations import with_compiled_activations
from skbackprop.engines.formulas import formula_of
from skbackprop.engines.source import activation_text
from skbackprop.network.network import Network

ELEMENTWISE = sorted(name for name, a in ACTIVATIONS.items() if a.elementwise)


def compile_now(activation, dtype):
    code_cache.load(activation_text(formula_of(activation, np.dtype(dtype)), np.dtype(dtype).name))


def network_of(*activations, dtype=np.float64):
    return Network((3, *[60] * len(activations), 1), [*activations, ACTIVATIONS["identity"]],
                   dtype=dtype)  # fmt: skip


@needs_numba
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_compiled_functions_give_what_numpy_gives(name, dtype):
    plain = ACTIVATIONS[name]
    compile_now(plain, dtype)
    quick = with_compiled_activations(network_of(plain, dtype=dtype)).activations[0]
    assert name == "identity" or type(quick) is not Activation
    rng = np.random.default_rng(0)
    v, e = rng.normal(scale=2.0, size=(2, 80, 60)).astype(dtype)
    atol = 1e-13 if dtype == np.float64 else 2e-6
    y, theirs = quick.into(v, np.empty_like(v)), plain.into(v, np.empty_like(v))
    np.testing.assert_allclose(y, theirs, rtol=10 * atol, atol=atol)
    wanted, before = plain.delta(e, v, theirs), e.copy()
    np.testing.assert_allclose(quick.delta(e, v, theirs), wanted, rtol=10 * atol, atol=atol)
    assert np.array_equal(e, before)
    assert quick.delta(e, v, theirs, out=e) is e
    np.testing.assert_allclose(e, wanted, rtol=10 * atol, atol=atol)
    own = v.copy()
    assert np.array_equal(quick.into(own, own), y)


@needs_numba
def test_arrays_that_the_code_cannot_walk_through_are_for_numpy():
    plain = elu(0.7)
    compile_now(plain, np.float64)
    quick = with_compiled_activations(network_of(plain)).activations[0]
    v = np.random.default_rng(0).normal(size=(160, 120))
    for part in (v[::2, ::2], v.T, v[:2], v.astype(np.float32)):
        theirs = plain.into(part, np.empty_like(part))
        np.testing.assert_allclose(quick.into(part, np.empty_like(part)), theirs, rtol=1e-6)
        given = plain.delta(part, part, theirs)
        np.testing.assert_allclose(quick.delta(part, part, theirs), given, rtol=1e-6)


@needs_numba
def test_it_shares_the_parameters_and_leaves_the_network_alone():
    compile_now(ACTIVATIONS["tanh"], np.float64)
    mine = Activation(np.sin, lambda v, y: np.cos(v))
    network = network_of(ACTIVATIONS["tanh"], mine)
    before = network.activations
    quick = with_compiled_activations(network)
    assert quick.w is network.w and network.activations is before
    assert quick.activations[1:] == before[1:] and quick.activations[0] is not before[0]


def test_nothing_is_compiled_unasked(empty_room):
    network = network_of(ACTIVATIONS["tanh"])
    assert with_compiled_activations(network) is network
    assert not empty_room.exists()


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["lbfgs", "scg", "irprop+", "lm", "br"])
def test_whole_batch_solvers_take_them(solver, monkeypatch):
    compile_now(ACTIVATIONS["elu"], np.float64)
    X, y = problem("regression", n=500)
    settings = {"activation": "elu", "solver": solver, "max_iter": 4, "random_state": 0}
    model = BackpropRegressor((8,), **settings).fit(X, y)
    plain = BackpropRegressor((8,), engine="numpy", **settings).fit(X, y)
    assert np.abs(model.predict(X) - plain.predict(X)).max() < 1e-9
    assert model.n_iter_ == plain.n_iter_
    assert [*model._model.network.activations] == [*plain._model.network.activations]
    copy.deepcopy(model)
    called = []

    def count(self, v, out):
        called.append(v.size)
        return Activation.into(self, v, out)

    from skbackprop.engines import compiled_activations

    monkeypatch.setattr(compiled_activations._CompiledActivation, "into", count)
    model.fit(X, y)
    assert called
    called.clear()
    plain.fit(X, y)
    assert not called
