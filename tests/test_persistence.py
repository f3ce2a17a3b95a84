"""Model files: what is read is what was written, to the bit, and no file runs code."""

import importlib
import io
import json
import os
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from heads import HEADS, HIDDEN, TARGETS, X, make
from outside import need_package
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skbackprop
from skbackprop import (
    RULES,
    SCHEDULES,
    SOLVERS,
    TRUSTED_TYPES,
    Activation,
    Adam,
    BackpropClassifier,
    BackpropRegressor,
    FanInEta,
    Loss,
    Mixed,
    OneCycle,
    OnlineScaler,
    PeriodicFeatures,
    RobustSmoothScaler,
    StreamClassifier,
    StreamRegressor,
    TabularClassifier,
    TabularRegressor,
    WarmUp,
    load_model,
    persistence,
    save_model,
    to_c,
)
from skbackprop.exceptions import InconsistentVersionWarning
from skbackprop.registry import is_same
from skbackprop.tabular import TableEncoder

FORMAT_1 = Path(__file__).parent / "data" / "model_format_1.npz"
SHORT = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
DATA = np.random.default_rng(3).normal(size=(60, 3))
TARGET = DATA[:, 0] * DATA[:, 1] + 0.1 * DATA[:, 2]
TABLE = pd.DataFrame(
    {
        "size": np.where(DATA[:, 0] > 1.5, np.nan, DATA[:, 0]),
        "year": 2000 + np.arange(60) % 7,
        "city": np.array(["Oslo", "Rome", "Bonn", None], dtype=object)[np.arange(60) % 4],
        "flag": np.arange(60) % 2 == 0,
    }
)


def through_file(model, tmp_path):
    save_model(model, tmp_path / "model.npz")
    return load_model(tmp_path / "model.npz")


def assert_same(model, again, *rows):
    """Two models have the same parameters, and give the same bits."""
    assert type(again) is type(model)
    assert is_same(model.get_params(), again.get_params())
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(model, method):
            ours, theirs = getattr(model, method)(*rows), getattr(again, method)(*rows)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)  # takes NaN for NaN


def train(model, kind="fit"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(model, kind)(DATA, TARGET)


# -- round trips -----------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize(
    "hidden", [pytest.param(h, marks=pytest.mark.matrix if h != "mish" else ()) for h in HIDDEN]
)
def test_every_activation_and_head(head, hidden, tmp_path):
    model, y = make(head, hidden, eta=0.001)
    again = through_file(model, tmp_path)
    assert_same(model, again, X)
    for each in (model, again):
        each.partial_fit(X, y)
    assert_same(model, again, X)


def test_every_target_has_a_head():
    assert {kind for _, kind, _ in HEADS} == set(TARGETS)


@pytest.mark.parametrize("solver", sorted({*RULES, *SOLVERS}))
def test_training_goes_on_bit_for_bit_with_every_solver(solver, tmp_path):
    settings = {"dropout": 0.2} if solver in RULES and not RULES[solver].full_batch else {}
    model = BackpropRegressor(
        (5,), solver=solver, max_iter=3, warm_start=True, random_state=1, **settings
    )
    again = through_file(train(model), tmp_path)
    for each in (model, again):
        train(each)
    assert_same(model, again, DATA)
    assert model.loss_curve_ == again.loss_curve_
    assert np.array_equal(model._model.network.w, again._model.network.w)
    assert again._model.network.w.flags.writeable


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_training_goes_on_bit_for_bit_on_every_schedule(schedule, tmp_path):
    schedule = SCHEDULES[schedule]
    if schedule.has_horizon:
        schedule = clone(schedule).set_params(total_steps=500)
    model = BackpropRegressor((5,), eta_schedule=WarmUp(schedule, 10), random_state=1)
    again = through_file(train(model, "partial_fit"), tmp_path)
    for each in (model, again):
        train(each, "partial_fit")
    assert_same(model, again, DATA)
    assert model.n_updates_ == again.n_updates_ == 120


@SHORT
def test_random_states_go_on(tmp_path):
    rng = np.random.RandomState(7)
    model = BackpropRegressor((5,), random_state=rng, noise=0.1, max_iter=2, early_stopping=True)
    again = through_file(model.fit(DATA, TARGET), tmp_path)
    for each in (model, again):
        each.set_params(warm_start=True).fit(DATA, TARGET)
        each.set_params(warm_start=False).fit(DATA, TARGET)  # from the parameter's own state
    assert_same(model.set_params(random_state=0), again.set_params(random_state=0), DATA)


def test_objects_among_the_parameters(tmp_path):
    model = BackpropRegressor(
        (4, 2),
        activation=["gelu", Mixed(["tanh", skbackprop.activations.elu(0.3)])],
        solver=Adam(beta_2=0.95),
        eta=FanInEta(0.05),
        eta_schedule=OneCycle(total_steps=400),
        mask=[np.array([[1, 0, 1, 1]] * 3), None, True],
        n_iter_no_change=np.inf,
        input_gain=True,
        max_norm=np.float32(3.5),
        scale_targets=True,
        max_iter=2,
    )
    unfitted = through_file(model, tmp_path)
    assert is_same(model.get_params(), unfitted.get_params())
    assert_same(train(model), through_file(model, tmp_path), DATA)


@pytest.mark.parametrize("kind", [TabularRegressor, TabularClassifier])
def test_tables(kind, tmp_path):
    y = TARGET if kind is TabularRegressor else np.where(TARGET > 0, "high", "low")
    model = kind((4,), n_networks=1, max_iter=2, random_state=0).fit(TABLE, y)
    again = through_file(model, tmp_path)
    assert_same(model, again, TABLE)
    assert again.score(TABLE, y) == model.score(TABLE, y)
    assert again.estimators_[0] is again._members[0].estimator
    assert again.feature_names_in_.tolist() == list(TABLE)


def test_neighbours_are_kept_in_a_file_and_do_not_go_out(tmp_path):
    rows = np.random.default_rng(0).uniform(0, 4, size=(400, 2))
    squares = np.floor(rows).sum(axis=1) % 2  # a chessboard, which few epochs do not tell
    model = TabularClassifier((4,), n_networks=1, max_iter=2, random_state=0).fit(rows, squares)
    assert "neighbours" in model.views_
    assert_same(model, through_file(model, tmp_path), rows)
    with pytest.raises(TypeError, match=r"TabularClassifier\(neighbours=False\)"):
        to_c(model)


STREAM = [
    {"a": float(x), "b": None if i % 5 == 0 else float(i % 3), "shop": "xyz"[i % 3]}
    for i, x in enumerate(DATA[:, 0])
]
LABELS = np.array(["low", "mid", "top"])[np.digitize(TARGET, [-0.3, 0.3])].tolist()


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize(
    "kind, y", [(StreamRegressor, TARGET.tolist()), (StreamClassifier, LABELS)]
)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"last_target": True, "half_life": None, "hidden_layer_sizes": (4, 3)},
        {"etas": {"adam": [0.01], "sgd": (0.1,)}, "activation": "softplus"},
    ],
)
def test_streams_go_on_bit_for_bit(kind, y, settings, engine, tmp_path):
    model = kind(**settings, engine=engine, random_state=0)
    assert is_same(model.get_params(), through_file(model, tmp_path).get_params())
    for rows in (STREAM, DATA):
        model = kind(**settings, engine=engine, random_state=0).partial_fit(rows[:30], y[:30])
        again = through_file(model, tmp_path)
        assert_same(model, again, rows)
        for i in range(30, 60):  # more values, classes and features come up
            for each in (model, again):
                each.partial_fit(rows[i : i + 1], y[i : i + 1])
        assert_same(model, again, rows)
        for name in ("weights_", "losses_"):
            np.testing.assert_array_equal(getattr(model, name), getattr(again, name))
        assert (model.metric_, model.drift_) == (again.metric_, again.drift_)
        assert model.engine_ == again.engine_
        for name in ("w", "state"):
            ours, theirs = (getattr(each._model.stack, name) for each in (model, again))
            np.testing.assert_array_equal(ours, theirs)


def test_a_stream_s_file_of_other_sizes_is_told_of(tmp_path):
    path = tmp_path / "model.npz"
    for name, change in [
        ("Stack", lambda state: state.update(sizes=[3, 64, 1])),
        ("Stack", lambda state: state.update(w={"array": "a0"})),
        ("Stack", lambda state: state.update(etas={"dict": [["sgd", {"tuple": [0.1] * 40}]]})),
        ("Stack", lambda state: state.update(etas={"dict": [["no rule", {"tuple": [0.1]}]]})),
        ("Race", lambda state: state.update(table={"array": "a0"})),
        ("Moments", lambda state: state.update(table={"array": "a1"})),
    ]:
        save_model(StreamRegressor(random_state=0).partial_fit(DATA, TARGET), path)
        changed(path, lambda settings, name=name, f=change: f(state_of(settings, name)))
        with pytest.raises(ValueError, match="is no model file"):
            load_model(path)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_an_online_scaler_goes_on(engine, tmp_path):
    scaler = OnlineScaler(half_life=20, engine=engine).partial_fit(DATA)
    again = through_file(scaler, tmp_path)
    for each in (scaler, again):
        each.partial_fit(DATA[:1])
    assert_same(scaler, again, DATA)
    assert again.n_samples_seen_ == 61


@pytest.mark.parametrize("scaler", [RobustSmoothScaler(), PeriodicFeatures(2, random_state=0)])
def test_scalers(scaler, tmp_path):
    assert_same(scaler.fit(DATA), through_file(scaler, tmp_path), DATA)


def test_encoder(tmp_path):
    encoder = TableEncoder(max_categories=3).fit(TABLE)
    again = through_file(encoder, tmp_path)
    assert_same(encoder, again, TABLE)
    assert again.get_feature_names_out().tolist() == encoder.get_feature_names_out().tolist()


@SHORT
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_pipelines(scaler, tmp_path):
    model = make_pipeline(scaler, PeriodicFeatures(), BackpropRegressor((3,), max_iter=2))
    model.fit(DATA, TARGET)
    again = through_file(model, tmp_path)
    assert np.array_equal(model.predict(DATA), again.predict(DATA))


@pytest.mark.parametrize(
    "labels", [["a", "b", "c"], [1, 5, 9], [1.0, 2.0, 3.0], [True, False, True]], ids=str
)
def test_classes_keep_their_type(labels, tmp_path):
    for dtype in (None, object) if labels[0] == "a" else (None,):
        y = np.array(labels, dtype=dtype)[np.arange(60) % 3]
        model = BackpropClassifier((3,)).partial_fit(DATA, y, classes=np.unique(y))
        again = through_file(model, tmp_path)
        assert again.classes_.dtype == model.classes_.dtype
        assert again.predict(DATA).tolist() == model.predict(DATA).tolist()


def test_float32_stays_float32(tmp_path):
    model = BackpropRegressor((3,)).partial_fit(DATA.astype(np.float32), TARGET)
    assert_same(model, through_file(model, tmp_path), DATA.astype(np.float32))
    assert through_file(model, tmp_path)._model.network.w.dtype == np.float32


# -- what is refused -------------------------------------------------------------------------------


def bent(v):
    return v + 0.1 * v * v


def bent_slope(v, y):
    return 1.0 + 0.2 * v


class OwnLoss(Loss):
    def value(self, d, y, v):
        return (0.5 * (d - y) ** 2).sum(axis=1)

    def error(self, d, y):
        return d - y


class OwnRule(skbackprop.UpdateRule):
    def step(self, w, g, state, t, eta, cost):
        w += eta * g


class OwnRegressor(BackpropRegressor):
    pass


@pytest.mark.parametrize(
    "model, named",
    [
        (BackpropRegressor((2,), activation=Activation(bent, bent_slope)), r"\.activation is"),
        (
            BackpropRegressor((2,), activation=Mixed(["tanh", Activation(bent, bent_slope)])),
            r"\.activation\.activations\[1\] is Activation\(phi=bent",
        ),
        (BackpropRegressor((2,), loss=OwnLoss()), r"\.loss is OwnLoss\(\)"),
        (BackpropRegressor((2,), solver=OwnRule()), r"\.solver is OwnRule\(\)"),
        (BackpropRegressor((2,), eta_schedule=bent), r"\.eta_schedule is <function bent"),
        (BackpropRegressor((2,), scoring=bent), r"\.scoring is"),
        (OwnRegressor((2,)), r"^OwnRegressor is OwnRegressor"),
        (StandardScaler, r"it must be an estimator"),
        ({"a": 1}, r"it must be an estimator"),
        (np.ones(3), r"it must be an estimator"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_ours_is_named_and_nothing_written(model, named, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"before")
    with pytest.raises(TypeError, match=named):
        save_model(model, path)
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["model.npz"]


def test_what_a_name_stands_for_is_named_too(tmp_path, monkeypatch):
    monkeypatch.setitem(skbackprop.ACTIVATIONS, "bent", Activation(bent, bent_slope, name="bent"))
    model = train(BackpropRegressor((2,), activation="bent"), "partial_fit")
    with pytest.raises(TypeError, match=r"_model\.network\.activations\[0\] is"):
        save_model(model, tmp_path / "model.npz")
    assert not os.listdir(tmp_path)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    save_model(BackpropRegressor((2,)), path)
    before = path.read_bytes()

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_model(BackpropRegressor((3,)), path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.npz"]


# -- files -----------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    model = train(BackpropRegressor((3,), random_state=0), "partial_fit")
    save_model(model, tmp_path / "model.npz")
    return tmp_path / "model.npz"


def changed(path, change):
    """Write the file anew with its settings changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    settings = json.loads(entries["settings.json"])
    change(settings)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**entries, "settings.json": json.dumps(settings)}.items():
            archive.writestr(name, content)
    return path


def state_of(settings, name):
    (entry,) = (entry for entry in settings["objects"] if entry.get("is") == name)
    return entry["state"]


def test_a_later_format_is_refused(path):
    changed(path, lambda settings: settings.update(format=2, skbackprop="9.1"))
    with pytest.raises(ValueError, match=r"format 2, written by skbackprop 9\.1.*Update"):
        load_model(path)


@pytest.mark.filterwarnings("ignore::skbackprop.exceptions.InconsistentVersionWarning")
def test_a_file_of_format_1_is_read():
    """The file was written when the format was: it must be read for good."""
    model = load_model(FORMAT_1)
    expected = [-0.0465900885, 0.0040371584, -0.2921893575]
    np.testing.assert_allclose(model.predict(np.eye(3)), expected, rtol=0, atol=1e-9)
    assert model.partial_fit(np.eye(3), [1.0, 0.0, 1.0]).n_updates_ == 15


def test_another_version_is_told_of(path):
    change = "BackpropRegressor"
    changed(path, lambda s: state_of(s, change).update(_skbackprop_version="0.0.1"))
    with pytest.warns(InconsistentVersionWarning, match=r"by skbackprop 0\.0\.1"):
        load_model(path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "model.npz")


def test_every_cut_off_file_is_told_of(path):
    whole = path.read_bytes()
    for end in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="no model file .* damaged"):
            load_model(path)


def test_every_flipped_byte_is_told_of_or_harmless(path):
    whole, model = path.read_bytes(), load_model(path)
    n_told = 0
    for place in range(0, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            again = load_model(path)
        except ValueError as error:
            assert "no model file" in str(error)
            n_told += 1
        else:
            assert_same(model, again, DATA)
    assert n_told > 20


def numpy_archive():
    file = io.BytesIO()
    np.savez(file, a=np.ones(3))
    return file.getvalue()


def pickled_array():
    file = io.BytesIO()
    np.savez(file, a=np.array([print], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"text", numpy_archive(), pickled_array()])
def test_foreign_files_are_told_of(content, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{str(path)!r} is no model file")):
        load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.clear(),
        lambda s: s.update(format="1"),
        lambda s: s.pop("objects"),
        lambda s: s.pop("model"),
        lambda s: s.update(model=5),
        lambda s: s.update(model={"object": 0}),
        lambda s: s.update(model={"object": 10**6}),
        lambda s: s.update(model={"object": -1}),
        lambda s: s.update(model={"eval": "1"}),
        lambda s: s["objects"].insert(0, {"object": 1}),
        lambda s: s["objects"].append({"is": "Popen", "state": {}}),
        lambda s: s["objects"].append({"activation": ["no such"]}),
        lambda s: s["objects"].append({"RandomState": {"dict": [["bit_generator", "x"]]}}),
        lambda s: state_of(s, "Network").update(sizes={"tuple": [3, 30, 1]}),
        lambda s: state_of(s, "Network").update(sizes={"tuple": [3, -3, 1]}),
        lambda s: state_of(s, "Network").update(sizes={"tuple": []}),
        lambda s: state_of(s, "Network").update(input_gain=True),
        lambda s: state_of(s, "TrainingState").update(rule_state={"array": "a0"}),
    ],
)
def test_settings_that_mean_nothing_are_told_of(path, change):
    changed(path, change)
    with pytest.raises(ValueError, match="is no model file"):
        load_model(path)


def test_a_file_is_plain_text_and_numbers(path):
    with np.load(path, allow_pickle=False) as archive:
        settings = json.loads(archive["settings.json"])
        assert all(archive[name].dtype != object for name in archive.files if "json" not in name)
    assert settings["format"] == 1 and settings["skbackprop"] == skbackprop.__version__


# -- skops -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def skops():
    need_package("skops")
    return importlib.import_module("skops.io")


def through_skops(skops, model):
    written = skops.dumps(model)
    assert set(skops.get_untrusted_types(data=written)) <= set(TRUSTED_TYPES)
    return skops.loads(written, trusted=TRUSTED_TYPES)


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize(
    "hidden", [pytest.param(h, marks=pytest.mark.matrix if h != "mish" else ()) for h in HIDDEN]
)
def test_skops_takes_every_activation_and_head(skops, head, hidden):
    model, y = make(head, hidden, eta=0.001)
    again = through_skops(skops, model)
    for each in (model, again):
        each.partial_fit(X, y)
    assert_same(model, again, X)


@pytest.mark.parametrize("solver", sorted({*RULES, *SOLVERS}))
def test_skops_takes_every_solver(skops, solver):
    model = train(BackpropRegressor((5,), solver=solver, max_iter=3, random_state=1))
    assert_same(model, through_skops(skops, model), DATA)


@SHORT
@pytest.mark.parametrize(
    "model",
    [
        BackpropRegressor((4,), activation=[Mixed(["tanh"] * 2 + ["relu"] * 2)], max_iter=2),
        TabularRegressor((4,), n_networks=1, max_iter=2),
        TabularClassifier((4,), n_networks=1, max_iter=2),
        StreamRegressor(random_state=0),
        StreamClassifier(random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_skops_takes_pipelines(skops, model):
    pipeline = make_pipeline(RobustSmoothScaler(), PeriodicFeatures(2), model)
    pipeline.fit(DATA, TARGET if "Reg" in type(model).__name__ else TARGET > 0)
    again = through_skops(skops, pipeline)
    assert np.array_equal(pipeline.predict(DATA), again.predict(DATA))


def test_what_has_no_form_says_so(tmp_path, monkeypatch):
    monkeypatch.delitem(persistence._NAMES, OnlineScaler)
    with pytest.raises(
        TypeError, match="of which model files have no form, and nothing was written"
    ):
        save_model(OnlineScaler(), tmp_path / "scaler.npz")
    assert not list(tmp_path.iterdir())
