"""Which engine presents rows, one by one or in batches."""

import importlib.util
import pickle
import sys

import numpy as np
import pytest
from compiled_cases import (
    HEADS,
    SIMPLEST,
    bits,
    learnt,
    make,
    needs_numba,
    run,
    same_but_for_rounding,
    trainer,
)
from problems import problem
from sklearn.exceptions import ConvergenceWarning

from skbackprop import (
    LOSSES,
    RULES,
    Activation,
    Mixed,
    SquaredError,
    UpdateRule,
    compile_engine,
)
from skbackprop.engines import code_cache, compilation
from skbackprop.engines.compiled_batches import CompiledBatches
from skbackprop.engines.compiled_rows import CompiledPass
from skbackprop.engines.formulas import cost_of
from skbackprop.engines.source import cost_text
from skbackprop.engines.symbols import Untraceable
from skbackprop.losses.head import Head


@pytest.fixture
def no_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert importlib.util.find_spec("numba") is None


@needs_numba
@pytest.mark.matrix
def test_the_engine_may_change_in_mid_stream():
    X, y = problem("regression")
    ours, theirs = make(engine="auto"), make(engine="numpy")
    for engine in ("numpy", "compiled", "compiled", "numpy", "compiled"):
        ours.set_params(engine=engine).partial_fit(X, y)
        theirs.partial_fit(X, y)
        assert ours.engine_ == engine
        same_but_for_rounding(ours, theirs)


@needs_numba
def test_auto_never_compiles_and_is_asked_once(empty_room, monkeypatch):
    X, y = problem("regression")
    early = make(engine="auto").partial_fit(X, y)
    assert early.engine_ == "numpy"
    assert not empty_room.exists()
    monkeypatch.undo()  # back to where the code is
    assert make().partial_fit(X, y).engine_ == "compiled"
    late = make(engine="auto").partial_fit(X, y)
    early.set_params(eta=0.01).partial_fit(X, y)  # keeps to what it has begun with
    pickle.loads(pickle.dumps(early)).partial_fit(X, y)
    assert (early.engine_, late.engine_) == ("numpy", "compiled")
    early.set_params(batch_size=1, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        assert early.fit(X, y).engine_ == "compiled"  # a new fit chooses anew


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_engine_of_batches_where_nothing_is_compiled(empty_room):
    X, y = problem("regression")
    model = make(engine="auto", max_iter=2).fit(X, y)
    model.set_params(batch_size=7).partial_fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    before = bits(model)
    assert model.engine_ == "numpy" and bits(model) == before and not empty_room.exists()
    assert make(engine="auto", solver="lbfgs", eta="auto", max_iter=2).fit(X, y).engine_ == "numpy"
    assert not hasattr(make(engine="auto"), "engine_")
    late = copy.set_params(solver="nonsense")
    assert late.engine_ == "numpy"  # nothing else could, as things are
    assert late.set_params(solver="sgd").partial_fit(X, y).engine_ == "numpy"


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_chooses_when_rows_come_and_not_when_it_is_asked(empty_room, monkeypatch):
    """A notebook asks for every attribute whose value it shows, and changes no model by that."""
    X, y = problem("regression")
    model = make(engine="auto", solver="lbfgs", eta="auto", max_iter=2).fit(X, y)
    model.set_params(solver="sgd")
    assert model.engine_ == "numpy"
    monkeypatch.undo()  # to where the code is
    make().partial_fit(X, y)
    assert model.set_params(batch_size=1).partial_fit(X, y).engine_ == "compiled"


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_batches_and_single_rows_keep_to_one_engine(empty_room, monkeypatch):
    X, y = problem("regression")
    early = make(engine="auto", batch_size=7, max_iter=2).fit(X, y)
    monkeypatch.undo()  # to where the code is
    make(batch_size=7).partial_fit(X, y)
    late = make(engine="auto", batch_size=7, max_iter=2).fit(X, y)
    for model, engine in ((early, "numpy"), (late, "compiled")):
        assert model.engine_ == engine
        assert model.set_params(batch_size=1).partial_fit(X, y).engine_ == engine


@needs_numba
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_of_one_or_two_batches_is_numpys_and_binds_to_nothing():
    X, y = problem("regression")
    make(batch_size=7).partial_fit(X, y)  # the code is there
    for max_iter in (1, 2, 3):
        settings = {"batch_size": len(X), "max_iter": max_iter}
        few, theirs = (make(engine=e, **settings).fit(X, y) for e in ("auto", "numpy"))
        compiled = make(**settings).fit(X, y)
        alike = max_iter < 3
        assert (bits(few) == bits(theirs)) == alike
        assert (few._model.state.engine is None) == alike
        assert few.engine_ == compiled._model.state.engine == "compiled"
        assert few.partial_fit(X, y)._model.state.engine == "compiled"
        theirs.partial_fit(X, y)
        same_but_for_rounding(few, theirs)


@needs_numba
@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_short_fits_that_go_on_are_one_long_fit(options):
    X, y = problem("regression")
    make(batch_size=7).partial_fit(X, y)  # the code is there
    settings = {"engine": "auto", "batch_size": len(X), "tol": 0.0, **options}
    whole = make(max_iter=5, **settings).fit(X, y)
    parts = make(max_iter=1, warm_start=True, **settings)
    for _ in range(5):
        parts.fit(X, y)
    assert bits(whole) == bits(parts)
    assert whole._model.state.engine == parts._model.state.engine == "compiled"


@needs_numba
def test_single_rows_where_only_the_code_of_batches_is_there(monkeypatch):
    X, y = problem("regression")
    make(batch_size=7).partial_fit(X, y)
    monkeypatch.setattr(CompiledPass, "is_compiled", False)
    ours = make(engine="auto").partial_fit(X, y)
    assert ours.engine_ == "compiled"
    same_but_for_rounding(ours, make(engine="numpy").partial_fit(X, y))


@needs_numba
def test_large_layers_are_numpys_unless_it_has_begun_otherwise():
    X, y = problem("regression")
    settings = {"hidden_layer_sizes": (600, 600), "batch_size": 30}
    model = make(**settings).partial_fit(X[:30], y[:30])
    assert make(engine="auto", **settings).partial_fit(X[:30], y[:30]).engine_ == "numpy"
    assert model.set_params(engine="auto").partial_fit(X[:30], y[:30]).engine_ == "compiled"


@needs_numba
def test_auto_finds_the_code_on_disk(monkeypatch):
    X, y = problem("regression")
    ours = make().partial_fit(X, y)
    monkeypatch.setattr(code_cache, "_loaded", {})  # as in a new process
    model = make(engine="auto").partial_fit(X, y)
    assert model.engine_ == "compiled" and bits(model) == bits(ours)


@needs_numba
@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_a_pickle_goes_on_bit_for_bit(engine):
    X, y = problem("regression")
    model = learnt(solver="adam").set_params(engine=engine)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.engine_ == "compiled"
    assert bits(copy.partial_fit(X, y)) == bits(model.partial_fit(X, y))


@needs_numba
@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_a_pickle_whose_engine_is_missing_goes_on_in_numpy(engine, monkeypatch):
    X, y = problem("regression")
    model = learnt(solver="adam").set_params(engine=engine)
    pickled = pickle.dumps(model)
    numpy = pickle.loads(pickled).set_params(engine="numpy").partial_fit(X, y)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numba", None)
        copy = pickle.loads(pickled)
        with pytest.warns(UserWarning, match="goes on in NumPy: it needs numba, which") as told:
            copy.partial_fit(X[:30], y[:30])
        assert [warning.filename for warning in told] == [__file__]
        copy.set_params(eta=[0.05, 0.05, 0.05])
        copy.partial_fit(X[30:], y[30:])  # says it once
        with pytest.warns(UserWarning, match="goes on in NumPy"):  # as does any other model
            pickle.loads(pickled).partial_fit(X[:30], y[:30])
        assert copy.engine_ == "compiled"
    assert bits(copy)[:3] == bits(numpy)[:3]
    again = pickle.loads(pickle.dumps(copy)).partial_fit(X, y)  # and Numba is there again
    for part in (slice(30), slice(30, 60), slice(60)):
        model.partial_fit(X[part], y[part])
    same_but_for_rounding(again, model)


def _normal_cdf(v):
    from scipy.special import ndtr

    return ndtr(v)


def _normal_density(v, y):
    return np.exp(-0.5 * v * v) / np.sqrt(2.0 * np.pi)


NORMAL = Activation(_normal_cdf, _normal_density)


class Whole(UpdateRule):
    """Steps of one length, which a single weight knows nothing of."""

    def step(self, w, g, state, t, eta, cost):
        w += eta * g / np.sqrt(np.vdot(g, g) + 1.0)


class Trimmed(SquaredError):
    """Without the largest residual of a row."""

    fused = False

    def value(self, d, y, v):
        return 0.5 * np.sort((d - y) ** 2, axis=1)[:, :-1].sum(axis=1)

    def error(self, d, y):
        r = np.abs(d - y)
        return (d - y) * (r < r.max(axis=1, keepdims=True))


CANNOT = {  # parameters, and what the error says
    "loss": ({"loss": Trimmed()}, r"loss Trimmed\(\) does not compile: np.sort has no scalar"),
    "activation": ({"activation": NORMAL}, "'_normal_cdf' does not compile: ndtr has no scalar"),
    "one_of_a_layer": (
        {"activation": ["tanh", Mixed(["tanh", NORMAL, "tanh"])]},
        "'_normal_cdf' does not compile",
    ),
    "nadam": ({"solver": "nadam"}, r"solver Nadam\(\) does not compile"),
    "delta_bar_delta": ({"solver": "delta_bar_delta"}, "solver DeltaBarDelta"),
    "rule": ({"solver": Whole()}, r"solver Whole\(\) does not compile"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_it_cannot_do_is_an_error_and_changes_nothing(case, empty_room):
    params, match = CANNOT[case]
    X, y = problem("regression")
    match = f"engine='compiled' cannot train this model: .*{match}"
    model = make(**params)
    before = dict(vars(model))
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=match):
            method(X, y)
        assert vars(model) == before
    numpy = make(**params, engine="auto").partial_fit(X, y)
    assert numpy.engine_ == "numpy" and not empty_room.exists()
    assert bits(numpy) == bits(make(**params, engine="numpy").partial_fit(X, y))
    # The same of a model that is trained already.
    before = bits(numpy)
    numpy.set_params(engine="compiled")
    for method in (numpy.fit, numpy.partial_fit):
        with pytest.raises(ValueError, match=match):
            method(X, y)
        assert bits(numpy) == before and numpy.engine_ == "numpy"


def test_a_solver_of_all_rows_is_an_error():
    X, y = problem("regression")
    for solver in ("lbfgs", "scg", "irprop+"):
        model = make(solver=solver)
        with pytest.raises(ValueError) as error:
            model.fit(X, y)
        assert f"engine='compiled' does not go with solver='{solver}'" in str(error.value)
        assert not hasattr(model, "coefs_")


def test_without_numba(no_numba, empty_room):
    X, y = problem("regression")
    model = make()
    before = dict(vars(model))
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ImportError, match=r"pip install 'skbackprop\[fast\]'"):
            method(X, y)
        assert vars(model) == before
    with pytest.raises(ImportError, match=r"pip install 'skbackprop\[fast\]'"):
        compile_engine()
    auto = make(engine="auto").partial_fit(X, y)
    assert auto.engine_ == "numpy"
    assert bits(auto) == bits(make(engine="numpy").partial_fit(X, y))
    before = bits(auto)
    with pytest.raises(ImportError, match="needs numba"):
        auto.set_params(engine="compiled").partial_fit(X, y)
    assert bits(auto) == before and auto.engine_ == "numpy"


@needs_numba
def test_numba_switched_off(monkeypatch):
    X, y = problem("regression")
    make().partial_fit(X, y)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with pytest.raises(ImportError, match="NUMBA_DISABLE_JIT is set"):
        make().partial_fit(X, y)
    assert make(engine="auto").partial_fit(X, y).engine_ == "numpy"


def test_nothing_optional_is_imported_unasked(tmp_path):
    run(
        """
import sys
import numpy as np
import sklearn.base
before = set(sys.modules)  # scikit-learn imports pandas where it is
from skbackprop import BackpropRegressor
from skbackprop.extras import EXTRAS
X = np.ones((3, 2))
BackpropRegressor(batch_size=1, random_state=0).partial_fit(X, X[:, 0])
BackpropRegressor(engine="numpy", batch_size=1, random_state=0).partial_fit(X, X[:, 0])
assert not {"llvmlite", *EXTRAS} & (set(sys.modules) - before)
""",
        SKBACKPROP_CACHE_DIR=str(tmp_path),
    )
    assert not list(tmp_path.iterdir())


@needs_numba
@pytest.mark.matrix
def test_compile_engine(capsys, monkeypatch):
    monkeypatch.setattr(compilation, "RULES", {name: RULES[name] for name in ("sgd", "nadam")})
    there, loaded = set(), []
    monkeypatch.setattr(compilation, "is_compiled", there.__contains__)
    monkeypatch.setattr(compilation, "load", loaded.append)
    compile_engine()
    assert capsys.readouterr().out == ""
    there |= set(loaded)
    compile_engine(verbose=True)
    assert len(loaded) == len(there)
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [
        "single rows, float64: there",
        "batches, float64: there",
        "activations, float64: there",
        "sgd, float64: there",
    ]
    assert said[4].startswith("solver Nadam() does not compile")
    assert said[5] == "cross_entropy, float64: there" and said[-1] == "streams: there"
    assert len(said) == 2 * (5 + len(LOSSES)) + 1


@needs_numba
def test_compile_engine_compiles_what_auto_takes(empty_room, monkeypatch):
    asked = []
    monkeypatch.setattr(compilation, "load", asked.append)
    compile_engine()
    able = [name for name, rule in RULES.items() if _compiles(rule)]
    assert set(able) >= {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"}
    for name in able:
        for dtype in (np.float64, np.float32):
            made = trainer(SIMPLEST, RULES[name], dtype, None)
            for wanted in (CompiledPass(made.update), CompiledBatches(made.update, 7)):
                assert set(wanted.texts) <= set(asked)
    assert len(asked) == len(set(asked))
    for task, loss, output in HEADS.values():
        wanted = cost_text(cost_of(Head(loss, task, output), np.dtype(float)), "float64")
        assert wanted in asked, (task, loss, output)


def _compiles(rule):
    try:
        return bool(CompiledPass(trainer(SIMPLEST, rule, np.float64, None).update))
    except Untraceable:
        return False
