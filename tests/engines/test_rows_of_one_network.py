"""Code of single rows for one network does what the general code does, and is made if asked for."""

import numpy as np
import pytest
from compiled_cases import (
    FACTORS,
    SIMPLEST,
    bits,
    data,
    distance,
    flat,
    learnt,
    make,
    needs_numba,
    same_but_for_rounding,
    trainer,
)
from problems import problem
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDRegressor

from skbackprop import SGD, Adam, Mixed, Momentum, compile_engine
from skbackprop.engines import code_cache, compiled_rows
from skbackprop.engines.code_cache import load
from skbackprop.engines.compiled_rows import text_for_one

CASES = {
    "softmax_by_adam": ({"layers": "elu", "head": "softmax", "penalty": "both"}, Adam()),
    "bare": ({"layers": "with_settings"}, SGD()),
    "no_hidden_layer": ({"layers": "none", "head": "logistic"}, SGD()),
    "not_fused": ({"layers": "wide", "head": "squared_softplus", "weights": "some_zero"}, SGD()),
    "softmax_not_fused": ({"layers": "elu", "head": "squared_softmax"}, SGD()),
    "masked": ({"layers": "per_layer", "mask": "connections", "eta": "per_layer"}, Momentum()),
    "scheduled": ({"layers": "tanh", "schedule": "invscaling", "order": "permuted"}, SGD()),
}
OTHERS = sorted(set(CASES) - {"softmax_by_adam"})


@pytest.fixture
def made_here():
    """Texts that a test compiles; it is forgotten that they are there, for others have the same."""
    texts = []
    yield texts
    for text in texts:
        del code_cache._loaded[text]
        path = code_cache._cache_directory() / code_cache._file_name(text)
        path.with_suffix(".compiled").unlink()


@needs_numba
@pytest.mark.parametrize(
    "name", ["softmax_by_adam", *(pytest.param(name, marks=pytest.mark.matrix) for name in OTHERS)]
)
def test_it_gives_the_weights_the_state_and_the_cost_of_the_others(name, made_here, n=400):
    case, rule = CASES[name]
    case = {**SIMPLEST, **case}
    X, targets, scale, order = data(case, np.float64, n)
    ends = {}
    for kind in ("numpy", "general", "own"):
        made = trainer(case, rule, np.float64, "numpy" if kind == "numpy" else "compiled")
        if kind == "own":
            made_here.append(text_for_one(made.update))
            own = load(made_here[-1])
            assert made._pass_of(1)._run_dense is own
        cost = made.present(X, targets, scale, order, 1)
        assert made.state.n_updates == n
        ends[kind] = made.objective.network.w, made.state.rule_state, cost
        if kind == "general":
            assert made._pass_of(1)._run_dense is made._pass_of(1)._run
    for kind in ("numpy", "general"):
        for ours, theirs in zip(ends["own"], ends[kind], strict=True):
            assert distance(ours, theirs) < 1e-12


def own(**params):
    """A model of a network that no other test has, after some rows."""
    return learnt(**{"hidden_layer_sizes": (6, 4), **params})


def has_its_own(model):
    """Whether the rows of the last call were presented by code for this network alone."""
    used = model._running.trainer._pass_of(1)
    return used._run_dense is not used._run


@needs_numba
def test_nobody_compiles_it_unasked_and_all_take_what_is_there():
    X, y = problem("regression")
    first, theirs = own().partial_fit(X, y), own(engine="numpy").partial_fit(X, y)
    assert not has_its_own(first)
    compile_engine(first)
    second = own(engine="auto").partial_fit(X, y)
    assert second.engine_ == "compiled" and has_its_own(second)
    same_but_for_rounding(second, theirs)
    first.partial_fit(X, y)  # the model itself, in mid-stream
    assert has_its_own(first)
    same_but_for_rounding(first, theirs.partial_fit(X, y))
    second.set_params(eta=0.01).partial_fit(X, y)  # a number that the code is given
    assert has_its_own(second)
    second.set_params(alpha=0.1).partial_fit(X, y)  # another kind of rule
    assert not has_its_own(second)
    other = own(engine="auto", hidden_layer_sizes=(5, 4)).partial_fit(X, y)
    assert other.engine_ == "compiled" and not has_its_own(other)
    chunk, rows = own(), make(hidden_layer_sizes=(6, 4))
    for i in range(len(X)):
        rows.partial_fit(X[i : i + 1], y[i : i + 1])
    assert has_its_own(rows) and flat(chunk).tobytes() == flat(rows).tobytes()
    theirs = own(engine="numpy")
    for model in (chunk, theirs):
        model.partial_fit(sparse.csr_array(X), y)  # sparse rows have the general code
    same_but_for_rounding(chunk, theirs)


REFUSED = {
    "too many weights": ({"hidden_layer_sizes": (3000,)}, "weights"),
    "several activations": (
        {"hidden_layer_sizes": (2,), "activation": [Mixed(["tanh", "relu"])]},
        "several",
    ),
    "dropout": ({"dropout": 0.5}, "dropout"),
}


@needs_numba
@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_code_of_its_own_is_an_error_that_changes_nothing(what, monkeypatch):
    settings, said = REFUSED[what]
    X, y = problem("regression")
    model = make(**{"engine": "numpy", "eta": 0.001, **settings}).partial_fit(X, y)
    before = bits(model)
    monkeypatch.setattr(compiled_rows, "load", None)
    with pytest.raises(ValueError, match=said):
        compile_engine(model)
    assert bits(model) == before


@needs_numba
def test_float32_has_the_general_code_alone():
    with pytest.raises(ValueError, match="float32, not float64"):
        compile_engine(learnt(dtype=np.float32, engine="numpy"))


@needs_numba
def test_it_takes_fitted_models():
    with pytest.raises(NotFittedError):
        compile_engine(make())
    with pytest.raises(TypeError, match="got SGDRegressor"):
        compile_engine(SGDRegressor())


@needs_numba
def test_settings_are_no_part_of_the_text():
    texts = {
        text_for_one(trainer({**SIMPLEST, "schedule": name}, SGD(), np.float64, None).update)
        for name in FACTORS["schedule"]
    }
    assert len(texts) == 1
