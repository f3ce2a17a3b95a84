"""Model files that run no code: `save_model`, `load_model`, and the types for `skops`.

A model file is a zip archive that `numpy.load` opens: arrays as ``.npy`` entries, and one entry
``settings.json`` with everything else. Nothing in it is executed when it is read. What an object is
stands there by a name, and only the names of this module's own table are known: the classes of
this package, and the few of scikit-learn that stand among them.

The settings are a list of objects, each with its state, in which one speaks of those before it by
their place. So what two objects share they share again when they are read.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import uuid
import zipfile
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from . import estimators, losses, schedules, solvers, streams, tabular, updates
from .activations import Activation, Mixed, functions
from .activations.built_in import Softmax, built_in
from .estimators import targets
from .estimators.building import Model
from .losses import Head, Task
from .network.network import Network
from .registry import Checked, is_ours
from .streams import drift, moments, race, rows, stack, tasks
from .streams.model import StreamModel
from .tabular import class_task, columns, members, neighbours, number_task, views
from .updates.rule import RULES
from .updates.state import TrainingState
from .version import __version__

__all__ = ["TRUSTED_TYPES", "load_model", "save_model"]

_FORMAT = 1
_SETTINGS = "settings.json"


def _public(modules: Iterable[ModuleType]) -> list[type]:
    """The classes with parameters that some modules export."""
    exported = [getattr(module, name) for module in modules for name in module.__all__]
    return [c for c in exported if isinstance(c, type) and issubclass(c, Checked | BaseEstimator)]


_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in [
        *_public((estimators, losses, schedules, solvers, streams, tabular, updates)),
        *(Head, Task, Model, Network, TrainingState),
        *(targets.NumberCoding, targets.ClassCoding, targets.Unit),
        *(class_task.ClassTask, number_task.NumberTask, members.Member, members.Cycle),
        neighbours.Neighbours,
        *views.VIEWS.values(),
        *(StreamModel, stack.Stack, race.Race, rows.Columns, drift.DriftMonitor),
        *(moments.Moments, moments.NumberMoments),
        *(Pipeline, StandardScaler, MinMaxScaler, LogisticRegression, Ridge),
    ]
}
_CLASSES |= {"StreamClassTask": tasks.ClassTask, "StreamNumberTask": tasks.NumberTask}
_TUPLES: dict[str, type] = {cls.__name__: cls for cls in (columns.Numbers, columns.Marks)}
_NAMES = {cls: name for name, cls in (_CLASSES | _TUPLES).items()}
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")

TRUSTED_TYPES: list[str] = sorted(
    f"{thing.__module__}.{thing.__qualname__}"
    for thing in (*_NAMES, *vars(functions).values(), Activation, Mixed, Softmax, built_in)
    if is_ours(thing)
) + ["functools.partial"]
"""Names of the types of this package, for ``skops.io.load(file, trusted=TRUSTED_TYPES)``.

Those of built-in activations are among them, and `functools.partial`, which binds their numbers.

Examples
--------
>>> from skbackprop import TRUSTED_TYPES
>>> "skbackprop.estimators.regressor.BackpropRegressor" in TRUSTED_TYPES
True
"""


def save_model(model: BaseEstimator, path: str | os.PathLike) -> None:
    """Write a model to a file that can be read without running code from it.

    The file holds parameters, weights, the solver's state, schedule and random states, so that
    training goes on bit for bit where it stood.

    Parameters
    ----------
    model : estimator
        An estimator or transformer of this package, or a scikit-learn `Pipeline` of these,
        `StandardScaler` and `MinMaxScaler`; fitted or not.
    path : str or path-like
        The file, which is replaced as a whole or, on any error, left as it was.

    Raises
    ------
    TypeError
        If the model holds an object of the user's own (an activation, a loss, a schedule, a
        callable), or of another library; the message names it. Nothing is written then.

    See Also
    --------
    load_model : Read it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skbackprop import BackpropRegressor, load_model, save_model
    >>> model = BackpropRegressor((4,), random_state=0).partial_fit([[0.0], [1.0]], [0.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, Path(folder) / "model.npz")
    ...     again = load_model(Path(folder) / "model.npz")
    >>> again.n_updates_
    2
    """
    writer = _Writer()
    root = writer.write(model, type(model).__name__)
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model is {model!r:.80}; it must be an estimator or a transformer.")
    settings = {
        "format": _FORMAT,
        "skbackprop": __version__,
        "objects": writer.objects,
        "model": root,
    }
    _replace(Path(path), json.dumps(settings, allow_nan=False), writer.arrays)


def load_model(path: str | os.PathLike) -> Any:
    """Read a model that `save_model` wrote; no code from the file is run.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    estimator
        As it was saved, fitted or not.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be opened.
    ValueError
        If the file is no model file, is damaged, or has a later format than this version of the
        package knows.

    Warns
    -----
    InconsistentVersionWarning
        If another version of this package, or of scikit-learn, wrote it.

    See Also
    --------
    save_model : Write it; with an example.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skbackprop import BackpropRegressor, load_model, save_model
    >>> net = BackpropRegressor((2,), random_state=0).partial_fit([[0.0]], [1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(net, Path(folder) / "net.npz")
    ...     again = load_model(Path(folder) / "net.npz")
    >>> again.predict([[0.5]]) == net.predict([[0.5]])
    array([ True])
    """
    path = Path(path)
    settings, arrays = _contents(path)
    if not isinstance(settings, dict) or type(settings.get("format")) is not int:
        raise _no_model_file(path, "its settings name no format")
    if settings["format"] > _FORMAT:
        raise ValueError(
            f"{str(path)!r} has format {settings['format']}, written by skbackprop "
            f"{settings.get('skbackprop')}; this is version {__version__}, which reads formats up "
            f"to {_FORMAT}. Update the package to read it."
        )
    try:
        reader = _Reader(arrays)
        for entry in settings["objects"]:
            reader.add(entry)
        model = reader.read(settings["model"])
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _no_model_file(path, str(error)) from error
    if not isinstance(model, BaseEstimator):
        raise _no_model_file(path, "it holds no estimator")
    return model


# -- the file --------------------------------------------------------------------------------------


def _replace(path: Path, settings: str, arrays: dict[str, np.ndarray]) -> None:
    """Write a file beside the old one, and put it in its place when it is whole."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(new, "xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(_SETTINGS, settings)
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)


def _contents(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """The settings and arrays of a file."""
    with open(path, "rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no zip archive, or its end is missing")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                names = [name for name in archive.files if name != _SETTINGS]
                settings = json.loads(archive[_SETTINGS])
                return settings, {name: archive[name] for name in names}
        # What zipfile and zlib raise of a damaged archive is of many kinds.
        except Exception as error:
            raise _no_model_file(path, str(error)) from error


def _no_model_file(path: Path, why: str) -> ValueError:
    return ValueError(
        f"{str(path)!r} is no model file of save_model, or it is damaged: {why}. Write it again "
        "from the model."
    )


# -- objects as settings ---------------------------------------------------------------------------


class _Writer:
    """Turns objects into settings, and arrays apart from them."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.arrays: dict[str, np.ndarray] = {}
        self._known: dict[int, tuple[Any, Any]] = {}  # by id: the object, which stays, and its word

    def write(self, value: Any, at: str) -> Any:
        """The settings of a value, which `at` names to the user."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is list:
            return [self.write(each, f"{at}[{i}]") for i, each in enumerate(value)]
        if type(value) is tuple:
            return {"tuple": self.write(list(value), at)}
        if type(value) is dict:
            return {"dict": self._pairs(value, at)}
        if isinstance(value, type):
            return {"class": self._name(value, value, at)}
        if isinstance(value, np.dtype) and value.names is None:
            return {"dtype": value.str}
        return self._shared(value, at)

    def _shared(self, value: Any, at: str) -> Any:
        """What an object or array is referred to by; it is written once."""
        if id(value) not in self._known:
            if isinstance(value, np.ndarray | np.generic) and value.dtype.kind != "O":
                word: dict[str, Any] = self._array(value, at)
            else:
                entry = self._object(value, at)
                self.objects.append(entry)
                word = {"object": len(self.objects) - 1}
            self._known[id(value)] = value, word
        return self._known[id(value)][1]

    def _array(self, value: Any, at: str) -> dict[str, str]:
        if value.dtype.kind not in "biufcUSmM":
            raise _not_held(value, at)
        name = f"a{len(self.arrays)}"
        self.arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "number": name}

    def _object(self, value: Any, at: str) -> dict[str, Any]:
        if isinstance(value, np.ndarray):
            return {"shape": list(value.shape), "values": self.write(value.ravel().tolist(), at)}
        if isinstance(value, Activation):
            return self._activation(value, at)
        if isinstance(value, np.random.RandomState):
            return {"RandomState": self.write(value.get_state(legacy=False), at)}
        if isinstance(value, np.random.Generator):
            return {"Generator": self.write(value.bit_generator.state, at)}
        name = self._name(type(value), value, at)
        if name in _TUPLES:
            return {"is": name, "state": self.write(list(value), at)}
        state = value.__getstate__()
        return {"is": name, "state": {k: self.write(v, f"{at}.{k}") for k, v in state.items()}}

    def _activation(self, value: Activation, at: str) -> dict[str, Any]:
        if value.recipe is not None:
            return {"activation": list(value.recipe[1])}
        if type(value) is Mixed:
            return {"mixed": self.write(list(value.activations), f"{at}.activations")}
        raise _not_held(value, at)

    def _pairs(self, value: dict, at: str) -> list:
        return [
            [self.write(k, f"a key of {at}"), self.write(v, f"{at}[{k!r}]")]
            for k, v in value.items()
        ]

    def _name(self, cls: type, value: Any, at: str) -> str:
        if cls not in _NAMES:
            raise _not_held(value, at)
        return _NAMES[cls]


def _not_held(value: Any, at: str) -> TypeError:
    cls = value if isinstance(value, type) else type(value)
    reason = (
        "of which model files have no form"
        if is_ours(cls)
        else "which is not of this package: a model file that runs no code cannot hold it"
    )
    return TypeError(
        f"{at} is {value!r:.80} ({cls.__module__}.{cls.__qualname__}), {reason}, and nothing was "
        "written. Use pickle or joblib for this model, or what the package has by a name."
    )


# -- settings as objects ---------------------------------------------------------------------------


class _Reader:
    """Turns settings into objects again."""

    def __init__(self, arrays: dict[str, np.ndarray]):
        self._arrays = arrays
        self._objects: list[Any] = []

    def add(self, entry: dict[str, Any]) -> None:
        """Make the next object of the file."""
        self._objects.append(self._object(entry))

    def read(self, word: Any) -> Any:
        """The value that settings stand for."""
        if isinstance(word, list):
            return [self.read(each) for each in word]
        if not isinstance(word, dict):
            return word
        ((kind, content),) = word.items()
        return self._kinds[kind](self, content)

    def _class(self, name: str) -> type:
        return _CLASSES[name]

    def _dict(self, pairs: list) -> dict:
        return {self.read(key): self.read(value) for key, value in pairs}

    def _known(self, place: int) -> Any:
        if not 0 <= place < len(self._objects):
            raise ValueError(f"there is no object {place} so far")
        return self._objects[place]

    _kinds: dict[str, Callable[[_Reader, Any], Any]] = {
        "float": lambda self, text: float(text),
        "tuple": lambda self, values: tuple(self.read(values)),
        "dict": _dict,
        "class": _class,
        "dtype": lambda self, text: np.dtype(text),
        "array": lambda self, name: self._arrays[name],
        "number": lambda self, name: self._arrays[name][()],
        "object": _known,
    }

    def _object(self, entry: dict[str, Any]) -> Any:
        if "is" in entry:
            return self._instance(entry["is"], entry["state"])
        if "values" in entry:
            array = np.empty(len(entry["values"]), dtype=object)
            array[:] = self.read(entry["values"])
            return array.reshape(entry["shape"])
        ((kind, content),) = entry.items()
        content = self.read(content)
        if kind == "activation":
            return built_in(*content)
        if kind == "mixed":
            return Mixed(content)
        if kind == "RandomState":
            return _with_state(np.random.RandomState, content)
        if kind == "Generator":
            return _with_state(np.random.Generator, content)
        raise ValueError(f"it holds {kind!r}, which is unknown")

    def _instance(self, name: str, state: Any) -> Any:
        if name in _TUPLES:
            return _TUPLES[name](*self.read(state))
        cls: Any = _CLASSES[name]
        made = cls.__new__(cls)
        content = {key: self.read(value) for key, value in state.items()}
        if hasattr(made, "__setstate__"):
            made.__setstate__(content)
        else:
            made.__dict__.update(content)
        if isinstance(made, Model):
            _check_model(made)
        if isinstance(made, StreamModel):
            _check_stream(made)
        if isinstance(made, streams.OnlineScaler) and hasattr(made, "_moments"):
            _check_shape(made._moments.table, (5, made.n_features_in_))
        return made


def _with_state(kind: type, state: dict[str, Any]) -> Any:
    """A random state of NumPy's, from what its bit generator was in."""
    name = state["bit_generator"]
    if name not in _BIT_GENERATORS:
        raise ValueError(f"it holds a random state of {name!r}, which is unknown")
    bits = getattr(np.random, name)()
    bits.state = state
    made = kind(bits)
    if kind is np.random.RandomState:
        made.set_state(state)
    return made


def _check_model(model: Model) -> None:
    """Refuse weights and states of other sizes than the network's, which compiled code trusts."""
    network, state = model.network, model.state
    n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(network.sizes))
    shape = (n_weights + network.sizes[0] * bool(network.input_gain),)
    fits = network.w.shape == shape and network.w.dtype in (np.float32, np.float64)
    fits &= state.rule_state.ndim == 2 and state.rule_state.shape[1:] == shape
    fits &= state.rule_state.dtype == network.w.dtype
    fits &= min(network.sizes) > 0 and network.sizes[-1] == model.head.n_units()
    fits &= len(network.activations) == len(network.sizes) - 1
    for activation, n in zip(network.activations, network.sizes[1:], strict=False):
        fits &= getattr(activation, "n_units", n) == n
    if not fits:
        raise ValueError("its weights do not fit its layers")


def _check_stream(stream: StreamModel) -> None:
    """Refuse weights, states and scales of other sizes than the networks', as `_check_model`."""
    nets, task = stream.stack, stream.task
    n_rules = [
        RULES[rule].n_slots * len(etas) * nets.n_parameters for rule, etas in nets.etas.items()
    ]
    fits = min(nets.sizes) > 0 and nets.sizes[-1] == task.n_units and len(nets) > 1
    if not fits:
        raise ValueError("its weights do not fit its layers")
    _check_shape(nets.w, (len(nets), nets.n_parameters))
    _check_shape(nets.state, (sum(n_rules),))
    _check_shape(stream.moments.table, (5, nets.sizes[0]))
    _check_shape(task.moments.table, (5,))
    _check_shape(stream.race.table, (2, len(nets)))
    _check_shape(stream.drift.table, (108,))
    _check_shape(nets.counts, (2,))
    _check_shape(task.scores, (2 if task.is_classification else 4,))


def _check_shape(array: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array that compiled code would read beyond."""
    if array.shape != shape or array.dtype != np.float64 or not array.flags.c_contiguous:
        raise ValueError(f"it holds numbers of shape {array.shape}, in the place of {shape}")
