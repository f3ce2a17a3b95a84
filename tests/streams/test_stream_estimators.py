"""The stream estimators: rows, chunks, dicts, classes and features that come up, bad input."""

import copy
import pickle
import signal
import sys
import threading
import types
from abc import ABC
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skbackprop import StreamClassifier, StreamRegressor
from skbackprop.streams.river import register

RNG = np.random.default_rng(0)
X = RNG.normal([0, 50, -3, 0], [1, 9, 0.1, 1], (400, 4))
Y = 100 + 40 * np.sin(X[:, 0]) + 2 * X[:, 1]
K = np.array(["low", "mid", "top"])[np.digitize(Y, [190, 215])]
BOTH = [(StreamRegressor, Y), (StreamClassifier, K)]
CALM = {"sgd": (0.02, 0.1), "adagrad": (0.1, 0.3), "rmsprop": (0.003, 0.02)}
ENGINES = ["numpy", "compiled"]


@pytest.fixture(params=ENGINES)
def engine(request, numba):
    return request.param


def as_dicts(X):
    names = ("a", "b", "c", "d")
    return [dict(zip(names, map(float, x), strict=True)) for x in X]


def content(model):
    """All that a model has learned."""
    inner = model._model
    arrays = (
        inner.stack.w,
        inner.stack.state,
        inner.moments.table,
        inner.race.table,
        inner.task.moments.table,
        np.asarray(inner.task.last),
    )
    return [array.tobytes() for array in arrays], model.drift_, repr(model.metric_)


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
@pytest.mark.parametrize("parameters", [{}, {"last_target": True}])
def test_a_chunk_equals_its_rows_bit_for_bit(Estimator, y, parameters, engine):
    rows, chunk = (Estimator(random_state=0, engine=engine, **parameters) for _ in range(2))
    for i in range(len(X)):
        rows.partial_fit(X[i : i + 1], y[i : i + 1])
    chunk.partial_fit(X[:150], y[:150]).partial_fit(X[150:], y[150:])
    assert content(rows) == content(chunk)
    fitted = Estimator(random_state=0, engine=engine, **parameters).fit(X, y)
    assert content(fitted) == content(chunk)


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_a_pickle_goes_on_bit_for_bit(Estimator, y, engine):
    model = Estimator(random_state=0, engine=engine).partial_fit(X[:200], y[:200])
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.partial_fit(X[200:], y[200:])
    assert content(model) == content(copy)
    np.testing.assert_array_equal(model.predict(X), copy.predict(X))


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"etas": CALM},
        {"last_target": True, "half_life": None, "etas": CALM},
        {"hidden_layer_sizes": (6, 5), "activation": "softplus", "etas": CALM},
        {"hidden_layer_sizes": (), "etas": {"adam": [0.01, 0.003], "momentum": [0.001]}},
        {"etas": [0.05]},
    ],
)
def test_the_compiled_engine_learns_what_numpy_does(Estimator, y, parameters, numba):
    holes = X[:150].copy()
    holes[RNG.random(holes.shape) < 0.1] = np.nan
    weights = RNG.uniform(0.5, 2.0, 150)
    if not parameters:  # 0.15 times 2 makes rounding grow from row to row
        weights /= 2.0
    models = [
        Estimator(random_state=0, engine=engine, **parameters).partial_fit(holes, y[:150], weights)
        for engine in ENGINES
    ]
    assert [model.engine_ for model in models] == ENGINES
    for name in ("w", "state"):
        a, b = (getattr(model._model.stack, name) for model in models)
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(models[0].weights_, models[1].weights_, atol=1e-8)
    assert models[0].metric_ == pytest.approx(models[1].metric_, rel=1e-9)
    a, b = (model._model.moments.table for model in models)
    np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
@pytest.mark.parametrize("parameters", [{}, {"hidden_layer_sizes": (), "last_target": True}])
def test_the_compiled_engine_predicts_what_numpy_does(Estimator, y, parameters, numba):
    model = Estimator(random_state=0, engine="compiled", **parameters).partial_fit(X, y)
    rows = X[:40].copy()
    rows[RNG.random(rows.shape) < 0.1] = np.nan
    votes = model._vote(rows)
    inner = model._model
    np.testing.assert_allclose(votes, inner._predict_numpy(inner.inputs(rows)), rtol=1e-10)
    for row, vote in zip(rows, votes, strict=True):
        np.testing.assert_array_equal(model._vote(row[None])[0], vote)
        np.testing.assert_array_equal(model._vote(row[None, ::-1][:, ::-1])[0], vote)  # strided


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_without_its_engine_a_pickle_goes_on_in_numpy(Estimator, y, numba, monkeypatch):
    model = Estimator(random_state=0, engine="compiled").partial_fit(X[:200], y[:200])
    copy = pickle.loads(pickle.dumps(model))
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    with pytest.warns(UserWarning, match="goes on in NumPy: NUMBA_DISABLE_JIT is set"):
        copy.predict(X)
    copy.partial_fit(X[200:], y[200:])  # and says it once
    model.partial_fit(X[200:], y[200:])
    assert copy.engine_ == "compiled"
    np.testing.assert_allclose(copy._model.stack.w, model._model.stack.w, rtol=1e-6, atol=1e-8)


def test_what_the_compiled_code_cannot_do_is_refused(numba):
    with pytest.raises(ValueError, match="correct_scale"):
        StreamRegressor(engine="compiled", correct_scale=True).fit(X, Y)
    with pytest.raises(ValueError, match="Nadam"):
        StreamRegressor(engine="compiled", etas={"nadam": [0.01]}).fit(X, Y)
    assert StreamRegressor(correct_scale=True).fit(X, Y).engine_ == "numpy"


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_the_metric_is_prequential(Estimator, y, engine):
    model, predicted = Estimator(random_state=0, engine=engine), []
    for i in range(150):
        if i:
            predicted += model.predict(X[i : i + 1]).tolist()
        model.partial_fit(X[i : i + 1], y[i : i + 1])
    if Estimator is StreamClassifier:
        expected = np.mean(np.array(predicted) == y[1:150])
    else:
        d = y[1:150]
        expected = 1 - np.sum((predicted - d) ** 2) / np.sum((d - d.mean()) ** 2)
    assert model.metric_ == pytest.approx(expected, rel=1e-9)
    assert model.n_samples_seen_ == 150


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_it_learns_and_the_weights_are_of_the_losses(Estimator, y, engine):
    model = Estimator(random_state=0, engine=engine).partial_fit(X, y)
    for _ in range(4):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.9
    shares = np.exp((model.losses_.min() - model.losses_) / 2)
    np.testing.assert_allclose(model.weights_, shares / shares.sum(), rtol=1e-9)
    assert len(model.networks_) == len(model.weights_) == 7


def test_predictions_are_in_the_units_of_y():
    model = StreamRegressor(random_state=0, engine="numpy").fit(X, Y * 1e6 - 1e9)
    other = StreamRegressor(random_state=0, engine="numpy").fit(X, Y)
    np.testing.assert_allclose(model.predict(X), other.predict(X) * 1e6 - 1e9, rtol=1e-4)


# -- dict rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_dict_rows_of_numbers_are_rows_of_an_array(Estimator, y, engine):
    dicts, array = (Estimator(random_state=0, engine=engine) for _ in range(2))
    for row, target in zip(as_dicts(X), y.tolist(), strict=True):
        dicts.learn_one(row, target)
    array.partial_fit(X, y)
    np.testing.assert_array_equal(dicts.predict(as_dicts(X)), array.predict(X))
    assert dicts.feature_names_ == ["a", "b", "c", "d"]
    assert dicts.predict_one(as_dicts(X)[0]) == dicts.predict(as_dicts(X[:1]))[0]


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_features_that_come_up_change_no_prediction_without_them(Estimator, y, engine):
    model = Estimator(random_state=0, engine=engine).partial_fit(as_dicts(X), list(y))
    rows = as_dicts(X[:5])
    before = model._vote(rows)
    model._model._add_features({"new": 3.0, ("shop", "a"): 1.0})
    model._model._grow_stack()
    np.testing.assert_array_equal(model._vote(rows), before)
    wide = [{**row, "new": 5.0, "shop": "a"} for row in rows]
    np.testing.assert_array_equal(model._vote(wide), before)  # their weights are zero


def test_strings_have_a_column_for_each_value_and_teach(engine):
    model = StreamClassifier(random_state=0, engine=engine)
    colours = RNG.choice(["red", "green", "blue"], 300).tolist()
    for colour in colours:
        model.learn_one({"colour": colour, "noise": float(RNG.normal())}, colour == "green")
    assert model.predict_one({"colour": "green"}) is True
    assert model.predict_one({"colour": "red"}) is False
    assert {name for name in model.feature_names_ if "=" in name} == {
        "colour=red",
        "colour=green",
        "colour=blue",
    }
    assert model.n_features_in_ == 4


def test_absent_none_and_nan_are_the_mean(engine):
    model = StreamRegressor(random_state=0, engine=engine).partial_fit(as_dicts(X), Y)
    mean = model._model.moments.mean
    row = {"a": 1.0, "c": -3.0, "d": 0.5}
    filled = model.predict_one({**row, "b": mean[1]})
    for absent in (row, *({**row, "b": gap} for gap in (None, float("nan"), pd.NA))):
        assert model.predict_one(absent) == pytest.approx(filled, rel=1e-12)


def test_numbers_of_all_kinds_are_the_same_numbers(engine):
    rows = [{"a": float(i % 5), "b": float(i % 3)} for i in range(40)]
    floats, others = (StreamRegressor(random_state=0, engine=engine) for _ in range(2))
    for i, row in enumerate(rows):
        kind = (int, Decimal, np.float32, np.array, Fraction)[i % 5]
        floats.learn_one(row, i % 7)
        others.learn_one({name: kind(int(value)) for name, value in row.items()}, float(i % 7))
        assert floats.predict_one(row) == others.predict_one({**row, "a": kind(int(row["a"]))})
    assert content(floats) == content(others)
    for bad in (np.ones(2), b"1", object()):
        with pytest.raises(TypeError, match="'b' is .* in a dict row; give a number"):
            floats.learn_one({"a": 1.0, "b": bad}, 1.0)
    assert content(floats) == content(others)


def test_features_are_bounded():
    model = StreamRegressor(random_state=0, max_features=3)
    for i in range(20):
        model.learn_one({f"f{i}": 1.0, "x": float(i)}, float(i))
    assert model.n_features_in_ == 3
    with pytest.raises(ValueError, match="max_features"):
        StreamRegressor(max_features=3).fit(X, Y)


def test_before_the_first_row():
    for model in (StreamRegressor(), StreamClassifier()):
        with pytest.raises(TypeError, match="x is 7; give one row as a dict"):
            model.predict_one(7)
    for model in (StreamRegressor(), StreamClassifier()):
        assert model.predict_one({"a": 1.0}) is None
        with pytest.raises(NotFittedError):
            model.predict(X)
    assert StreamClassifier().predict_proba_one({"a": 1.0}) == {}


def test_arrays_and_dicts_do_not_mix():
    dicts = StreamRegressor(random_state=0).partial_fit(as_dicts(X), Y)
    with pytest.raises(ValueError, match="dict rows"):
        dicts.predict(X)
    array = StreamRegressor(random_state=0).partial_fit(X, Y)
    with pytest.raises(ValueError, match="without names"):
        array.predict(as_dicts(X))


def test_an_array_with_names_takes_dict_rows_by_name():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = StreamRegressor(random_state=0).partial_fit(frame, Y)
    shuffled = [dict(sorted(row.items(), reverse=True)) for row in as_dicts(X)]
    np.testing.assert_array_equal(model.predict(shuffled), model.predict(frame))


# -- classes -----------------------------------------------------------------------------------


def test_a_class_that_comes_up_starts_at_its_frequency():
    model = StreamClassifier(random_state=0, engine="numpy").partial_fit(X[:50], K[:50])
    inner = model._model
    v = inner._forward(X[50])
    inner._add_class("new", v, X[50])
    n, n_classes = 50, len(set(K[:50])) + 1
    p = inner.task.outputs(inner._forward(X[50]))[:, inner.task.place("new")]
    np.testing.assert_allclose(p, 2 / (n + 1 + n_classes), rtol=1e-12)


def test_classes_grow_and_stay_sorted(engine):
    model = StreamClassifier(random_state=0, engine=engine)
    for i in range(300):
        model.learn_one({"x": float(i % 3)}, ["m", "z", "a"][i % 3])
        assert model.classes_.tolist() == sorted(model.classes_.tolist())
    assert model.classes_.tolist() == ["a", "m", "z"]
    p = model.predict_proba_one({"x": 1.0})
    assert max(p, key=p.get) == "z"
    assert sum(p.values()) == pytest.approx(1.0)


def test_classes_that_are_given_are_all():
    model = StreamClassifier(random_state=0)
    model.partial_fit(X[:5], K[:5], classes=["low", "mid", "top"])
    assert model.classes_.tolist() == ["low", "mid", "top"]
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="other"):
        model.partial_fit(X[:1], ["other"])
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X[:1], ["low"], classes=["low", "top"])
    assert pickle.dumps(model) == before


def test_classes_are_bounded_and_must_sort():
    with pytest.raises(ValueError, match="classes has 4 classes; max_classes is 3"):
        StreamClassifier(max_classes=3).partial_fit([[1.0]], [1], classes=[1, 2, 3, 4])
    model = StreamClassifier(random_state=0, max_classes=3).partial_fit(X[:9], K[:9])
    model.partial_fit(X[:3], ["low", "mid", "top"])
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="max_classes"):
        model.partial_fit(X[:1], ["a fourth"])
    with pytest.raises(ValueError):
        StreamClassifier().partial_fit(as_dicts(X[:1]), ["a"]).learn_one({"a": 1.0}, 3)
    assert pickle.dumps(model) == before


# -- what goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_bad_input_leaves_the_model_bit_for_bit(Estimator, y):
    model = Estimator(random_state=0).partial_fit(X, y)
    dicts = Estimator(random_state=0).partial_fit(as_dicts(X), list(y))
    before = pickle.dumps(model), pickle.dumps(dicts)
    bad = X[:3].copy()
    bad[2, 1] = np.inf
    calls = [
        lambda: model.partial_fit(bad, y[:3]),
        lambda: model.partial_fit(X[:3], y[:2]),
        lambda: model.partial_fit(X[:3, :2], y[:3]),
        lambda: model.partial_fit(X[:3], [None, *y[:2]]),
        lambda: model.partial_fit(X[:3], y[:3], [1.0, -1.0, 1.0]),
        lambda: model.fit(bad, y[:3]),
        lambda: dicts.learn_one({"a": float("inf")}, y[0]),
        lambda: dicts.learn_one({"a": [1]}, y[0]),
        lambda: dicts.learn_one({1: 1.0}, y[0]),
        lambda: dicts.learn_one({"a": 1.0}, None),
        lambda: dicts.partial_fit([{"a": 1.0}, 3], y[:2]),
    ]
    for call in calls:
        with pytest.raises((ValueError, TypeError)):
            call()
    assert (pickle.dumps(model), pickle.dumps(dicts)) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (0,)),
        ("discount", 1.0),
        ("half_life", 0),
        ("etas", [0.1, -1.0]),
        ("etas", {"lbfgs": [0.1]}),
        ("etas", []),
        ("engine", "fast"),
        ("last_target", 1),
        ("max_features", 0),
        ("activation", "softmax"),
        ("random_state", "x"),
        ("correct_scale", "yes"),
    ],
)
def test_parameters_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        StreamRegressor(**{name: value}).fit(X, Y)


def test_a_row_of_weight_zero_changes_nothing():
    model = StreamRegressor(random_state=0).partial_fit(X, Y)
    before = content(model)
    model.partial_fit(X[:5] * 9, Y[:5], sample_weight=np.zeros(5))
    assert content(model) == before


def test_networks_that_diverge_start_anew_from_the_winner(engine):
    model = StreamRegressor(random_state=0, etas=[0.01, 0.02], engine=engine).partial_fit(X, Y)
    model._model.stack.w[0] = np.inf
    assert np.isfinite(model.predict(X)).all()
    model.partial_fit(X, Y)
    assert np.isfinite(model._model.stack.w).all()
    assert model.score(X, Y) > 0.5


def test_outliers_do_no_lasting_harm(engine):
    model = StreamRegressor(random_state=0, engine=engine).partial_fit(X, Y)
    for _ in range(3):
        model.partial_fit(X, Y)
    wild = X[:3].copy()
    wild[:, 0] = 1e12
    model.partial_fit(wild, [1e12, -1e12, 0.0])
    model.partial_fit(X, Y)
    assert model.score(X, Y) > 0.8


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_extreme_units(scale, engine):
    model = StreamRegressor(random_state=0, engine=engine)
    model.partial_fit(X, np.ones(400)).partial_fit(np.tile(X, (4, 1)) * 1e100, np.tile(Y, 4))
    assert np.isfinite(model.predict(X)).all()
    extreme = StreamRegressor(random_state=0, engine=engine).partial_fit(X, Y * scale)
    assert np.isfinite(extreme.predict(X)).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_targets_of_any_unit_are_learned(scale, engine):
    y = X[:, 0] + X[:, 3]
    plain, scaled = (StreamRegressor(random_state=0, engine=engine) for _ in range(2))
    for _ in range(3):
        plain.partial_fit(X, y)
        scaled.partial_fit(X, y * scale)
    assert scaled.metric_ == pytest.approx(plain.metric_, abs=1e-3)
    assert np.corrcoef(scaled.predict(X) / scale, y)[0, 1] > 0.98


def test_one_extreme_target_does_not_spoil_the_metric_for_good(engine):
    model = StreamRegressor(random_state=0, engine=engine).partial_fit(X, Y)
    model.partial_fit(X[:1], [1e160])
    assert np.isfinite(model.metric_)
    before = model.score(X, Y)
    for _ in range(3):
        model.partial_fit(X, Y)
    assert abs(model.metric_) < 0.01  # next to that row no other counts
    assert model.score(X, Y) > max(before, 0.8)


def test_labels_beyond_integers_leak_no_warning():
    model = StreamClassifier(random_state=0).partial_fit(X, (K == "low").astype(float))
    before = pickle.dumps(model)
    for label in (1e308, 0.5):
        with pytest.raises(ValueError, match="continuous"):
            model.partial_fit(X[:2], [label, 0.0])
        with pytest.raises(ValueError, match="continuous"):
            model.partial_fit(X[:1], [label])
    assert pickle.dumps(model) == before


def test_a_stream_names_its_own_parameters():
    with pytest.raises(TypeError, match="Instead of lr, give etas"):
        StreamRegressor(lr=0.1)
    with pytest.raises(TypeError, match="Instead of solver, give etas"):
        StreamClassifier(solver="sgd")
    with pytest.raises(TypeError, match="'epochs'. It takes hidden_layer_sizes"):
        StreamClassifier(epochs=3)


def test_sparse_rows_are_the_dense_ones_without_a_shift(engine):
    rng = np.random.default_rng(1)
    S = sparse.csr_array(rng.random((200, 6)) * (rng.random((200, 6)) < 0.4))
    y = S.toarray().sum(axis=1)
    model = StreamRegressor(random_state=0, engine=engine).partial_fit(S, y)
    np.testing.assert_allclose(model.predict(S), model.predict(S.toarray()), rtol=1e-12)
    zeros = sparse.csr_array((1, 6))
    z = model._model.moments.scaled(zeros.toarray(), 3.0, model._model.with_mean)
    assert not z.any()


def test_the_last_target_is_an_input(engine):
    # Nothing but the last target tells anything, and that all.
    y = [0.3]
    for _ in range(1500):
        y.append(1.0 - 1.9 * abs(y[-1]))  # a tent: chaotic, without a trend
    noise = RNG.normal(size=(len(y), 1))
    with_last, without = (
        StreamRegressor(random_state=0, engine=engine, last_target=last).partial_fit(noise, y)
        for last in (True, False)
    )
    assert with_last.metric_ > 0.5
    assert without.metric_ < 0.1


def test_correct_scale_keeps_the_function_while_the_scale_moves():
    model = StreamRegressor(random_state=0, correct_scale=True, half_life=50, engine="numpy")
    model.partial_fit(X, Y)
    inner = model._model
    # Only the scales move: a row of weight so small that no weight does.
    near = X[:20] * 0.3 + X.mean(axis=0) * 0.7
    before = model.predict(near)
    moved = inner.moments.mean.copy()
    inner._update_moments(X[0] + 3 * X.std(axis=0))
    ratio, shift = inner.task.see(float(Y.mean() + 3 * Y.std()))
    inner.stack.rescale_outputs(ratio, shift)
    assert np.abs(inner.moments.mean - moved).max() > 1e-3
    np.testing.assert_allclose(model.predict(near), before, rtol=1e-10)


def test_drift_is_flagged_and_nothing_else(engine):
    rng = np.random.default_rng(5)
    X = rng.uniform(0, 10, (9000, 3))
    edge = np.repeat([8.0, 12.0, 6.0], 3000)
    y = (X[:, 0] + X[:, 1] > edge) ^ (rng.random(9000) < 0.1)
    model = StreamClassifier(random_state=0, engine=engine).partial_fit(X, y)
    first, second = model.drift_["alarms"]
    assert 3000 <= first < 3500
    assert 6000 <= second < 6500
    assert model.drift_["n_alarms"] == 2
    assert model.drift_["level"] < 1


def test_a_chunk_through_an_alarm_and_a_new_class_equals_its_rows(engine):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(3000, 3))
    labels = np.where(inputs[:, 0] > 0, "a", "b")
    labels[1500:] = np.where(inputs[1500:, 0] > 0, "b", "a")
    labels[2990] = "c"
    rows, chunk = (StreamClassifier((4,), random_state=0, engine=engine) for _ in range(2))
    for i in range(len(inputs)):
        rows.partial_fit(inputs[i : i + 1], labels[i : i + 1])
    chunk.partial_fit(inputs, labels)
    assert content(rows) == content(chunk)
    (alarm,) = chunk.drift_["alarms"]
    assert 1500 < alarm < 1800 and chunk.classes_.tolist() == ["a", "b", "c"]
    by_hand = StreamClassifier((4,), random_state=0, engine="numpy").partial_fit(inputs, labels)
    assert by_hand.drift_["alarms"] == [alarm] and by_hand.metric_ == chunk.metric_


def interrupted_at(line, learn):
    """Learn, with a SIGINT when that many lines of the package's streams have run; how many ran."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        if not frame.f_globals.get("__name__", "").startswith("skbackprop.streams"):
            return None
        if event == "line":
            count += 1
            if count == line:
                signal.raise_signal(signal.SIGINT)
        return trace

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        learn()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        signal.signal(signal.SIGINT, handler)
    return count


GROWING = [
    {f"f{j}": float(i * j % 5), "s": "abc"[i % 3]} for i in range(8) for j in range(i, i + 2)
]


@pytest.mark.parametrize("last_target", [False, True])
@pytest.mark.parametrize("kind", ["dicts", "chunk", "rows"])
def test_ctrl_c_finds_each_row_whole_or_not_begun(kind, last_target, engine):
    rows = GROWING if kind == "dicts" else X[: len(GROWING)]
    labels = [i // 3 for i in range(len(rows))]

    def learn(model):
        begin = model.n_samples_seen_ if hasattr(model, "n_samples_seen_") else 0
        if kind != "rows":
            model.partial_fit(rows[begin:], labels[begin:])
        else:
            for i in range(begin, len(rows)):
                model.partial_fit(rows[i : i + 1], labels[i : i + 1])

    def new():
        return StreamClassifier(3, random_state=0, engine=engine, last_target=last_target)

    expected = new()
    n_lines = interrupted_at(0, lambda: learn(expected))
    for line in range(1, n_lines, max(1, n_lines // 40)):
        model = new()
        interrupted_at(line, lambda model=model: learn(model))
        if getattr(model, "n_samples_seen_", 0) < len(rows):
            learn(model)
        assert model.n_samples_seen_ == len(rows)
        assert content(model) == content(expected), line
        np.testing.assert_array_equal(model.predict_proba(rows), expected.predict_proba(rows))


def test_fit_that_is_interrupted_leaves_what_it_has_learned():
    model = StreamRegressor(3, random_state=0, engine="numpy")
    n_lines = interrupted_at(0, lambda: clone(model).fit(X[:50], Y[:50]))
    interrupted_at(n_lines // 2, lambda: model.fit(X[:50], Y[:50]))
    assert 10 < model.n_samples_seen_ < 40
    whole = clone(model).fit(X[: model.n_samples_seen_], Y[: model.n_samples_seen_])
    assert content(model) == content(whole)


def test_copies_are_taken_between_two_rows_and_go_on_by_themselves(engine):
    model = StreamClassifier(4, random_state=0, engine=engine).partial_fit(X[:50], K[:50])
    stop = threading.Event()
    copies = []

    def take():
        while not stop.is_set():
            copies.append((copy.copy(model), pickle.dumps(model)))

    thread = threading.Thread(target=take)
    thread.start()
    for i in range(50, 300):
        model.partial_fit(X[i : i + 1], K[i : i + 1])
    stop.set()
    thread.join()
    for one, pickled in copies[:: max(1, len(copies) // 10)]:
        for each in (one, pickle.loads(pickled)):
            n = each.n_samples_seen_
            alone = clone(model).partial_fit(X[:50], K[:50])
            for i in range(50, n):
                alone.partial_fit(X[i : i + 1], K[i : i + 1])
            assert content(each) == content(alone)


def test_rows_of_weight_zero_alone_leave_it_unfitted():
    model = StreamClassifier().partial_fit([[1.0]], [1], [0.0])
    with pytest.raises(NotFittedError):
        model.predict([[1.0]])
    assert model.partial_fit([[1.0, 2.0]], [1]).n_features_in_ == 2


@pytest.mark.parametrize(("Estimator", "y"), BOTH)
def test_numbers_without_a_variance_are_refused(Estimator, y, engine):
    of_rows = Estimator(random_state=0, engine=engine).partial_fit(X[:20], y[:20])
    of_dicts = Estimator(random_state=0, engine=engine)
    dicts = [dict(zip("abcd", row, strict=True)) for row in X[:20].tolist()]
    of_dicts.partial_fit(dicts, y[:20])
    before = content(of_rows), content(of_dicts)
    wild = X[:2].copy()
    wild[1, 2] = -1e300
    for model, rows in ((of_rows, wild), (of_rows, wild[1:]), (of_rows, sparse.csr_array(wild))):
        with pytest.raises(ValueError, match="X has -1e.300; a number beyond 5e.149"):
            model.partial_fit(rows, y[: rows.shape[0]])
    with pytest.raises(ValueError, match="a number beyond"):
        of_dicts.learn_one({**dicts[0], "b": 1e300}, y[0])
    assert before == (content(of_rows), content(of_dicts))
    assert np.isfinite(of_rows.predict_proba(wild) if y is K else of_rows.predict(wild)).all()


def test_frames_may_have_the_missing_value_of_pandas():
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [pd.NA, 3.0, 1.0]})
    plain = pd.DataFrame({"a": frame["a"], "b": [np.nan, 3.0, 1.0]})
    models = [
        StreamRegressor(random_state=0).partial_fit(each, [1, 2, 0]) for each in (frame, plain)
    ]
    np.testing.assert_array_equal(models[0].predict(frame), models[1].predict(plain))


def test_threads_predict_while_one_learns(engine):
    model = StreamClassifier(random_state=0, engine=engine).partial_fit(as_dicts(X), K.tolist())
    wrong, done = [], threading.Event()

    def predict():
        while not done.is_set():
            p = model.predict_proba_one(as_dicts(X[:1])[0])
            if abs(sum(p.values()) - 1) > 1e-9:
                wrong.append(p)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(60):
        model.learn_one({"a": 1.0, f"new{i}": 1.0}, f"class {i % 9}")
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_river_s_bases_are_known_once_river_is_there(monkeypatch):
    class Classifier(ABC):  # noqa: B024
        pass

    class Own:
        pass

    monkeypatch.delitem(sys.modules, "river.base", raising=False)
    register(Own, "Classifier")
    base = types.ModuleType("river.base")
    base.Classifier = Classifier
    monkeypatch.setitem(sys.modules, "river.base", base)
    assert not isinstance(Own(), Classifier)
    register(Own, "Classifier")
    assert isinstance(Own(), Classifier)


@pytest.mark.parametrize("make", [StreamRegressor, StreamClassifier])
def test_one_row_is_a_dict_and_one_target(make):
    model = make(engine="numpy", random_state=0)
    model.learn_one({"a": 1.0}, 1)
    before = pickle.dumps(model)
    wrong = [
        (lambda: model.learn_one([1.0], 1), TypeError, r"x is \[1.0\]; give one row as a dict"),
        (lambda: model.predict_one([1.0]), TypeError, r"x is \[1.0\]; give one row as a dict"),
        (lambda: model.learn_one({"a": 1.0}, [1]), ValueError, r"y is \[1\]; learn_one takes the"),
        (lambda: model.learn_one({"a": 10**400}, 1), ValueError, "'a' is 1000.*within float64"),
    ]
    for call, error, message in wrong:
        with pytest.raises(error, match=message):
            call()
    assert pickle.dumps(model) == before
    with pytest.raises(TypeError, match="x is 'abc'"):
        make().learn_one("abc", 1)


@pytest.mark.parametrize("make", [StreamRegressor, StreamClassifier])
def test_parameters_may_not_change_in_mid_stream(make):
    model = make(engine="numpy", etas=[0.01, 0.1], random_state=0)
    model.learn_one({"a": 1.0}, 1)
    again = pickle.loads(pickle.dumps(model)).set_params(etas=(0.01, 0.1))
    again.learn_one({"a": 1.0}, 1)  # the same, if not the same object
    model.set_params(half_life=5)
    with pytest.raises(
        ValueError, match="half_life was .* when the first row was learned, and is 5"
    ):
        model.learn_one({"a": 1.0}, 1)
    assert model.n_samples_seen_ == 1
    model.fit([[1.0], [2.0]], [0, 1])  # begins anew
    assert model.n_samples_seen_ == 2


def test_rows_of_dicts_need_as_many_targets():
    model = StreamRegressor(engine="numpy", random_state=0)
    model.learn_one({"a": 1.0}, 1.0)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="X has 1 rows, and y has 2"):
        model.partial_fit([{"a": 3.0}], [1.0, 2.0])
    assert pickle.dumps(model) == before


def test_an_early_outlier_among_the_targets_is_got_over():
    rng = np.random.default_rng(1)
    model = StreamRegressor(engine="numpy", random_state=0)
    errors = []
    for i in range(600):
        a = rng.normal()
        target = 2 * a + 1
        if i > 500:
            errors.append(abs(model.predict_one({"a": a}) - target))
        model.learn_one({"a": a}, 1e6 if i == 14 else target)
    assert np.mean(errors) < 0.3
