"""The parameters of the estimators: the one list of their names, types, ranges and defaults."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, field, make_dataclass
from inspect import get_annotations
from numbers import Integral, Real
from operator import attrgetter, is_
from typing import Annotated, Any, ClassVar, Literal, TypeVar, dataclass_transform, get_origin

import numpy as np
from sklearn.base import BaseEstimator

from ..activations.activation import Activation
from ..losses.loss import Loss
from ..registry import Checked
from ..updates.fan_in import FanInEta
from ..updates.rule import Solver
from .compatibility import Interval, Options

__all__ = ["Parameters", "is_same_key", "with_constructor"]

T = TypeVar("T")

_COUNT = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SEQUENCE = (list, tuple, np.ndarray)
_UNCHANGING = {type(None), str, float, int}


@dataclass_transform(eq_default=False)
def with_constructor(cls: type[T]) -> type[T]:
    """Give a class the constructor of the parameters that are annotated in it and its bases.

    A parameter is one line, ``name: Annotated[type, *constraints] = default``: the type is for
    readers and type checkers, the constraints are what scikit-learn checks when `fit` is called.
    All are keyword-only but the first.

    Instances are no dataclasses, though a dataclass writes the constructor: libraries that cache by
    content (dask, for one) know a dataclass by its fields, and would take two fits of the same
    parameters for the same model.
    """
    own = get_annotations(cls, eval_str=True).items()
    hints = {**getattr(cls, "_parameter_hints", {})}
    hints |= {name: hint for name, hint in own if get_origin(hint) is Annotated}
    fields = [
        (name, hint.__origin__, field(default=getattr(cls, name), kw_only=bool(place)))
        for place, (name, hint) in enumerate(hints.items())
    ]
    constructor = vars(make_dataclass(cls.__name__, fields, eq=False, repr=False))["__init__"]
    constructor.__module__ = cls.__module__
    constraints = {name: list(hint.__metadata__) for name, hint in hints.items()}
    described = {"_parameter_hints": hints, "_parameter_constraints": constraints}
    for name, value in {**described, "__init__": constructor}.items():
        setattr(cls, name, value)
    return cls


@with_constructor
class Parameters(BaseEstimator):
    """The parameters that both estimators share; `BackpropRegressor` documents them."""

    _parameter_hints: ClassVar[dict[str, Any]]  # of each parameter, in order
    _getter: ClassVar[attrgetter]

    hidden_layer_sizes: Annotated[int | Sequence[int] | np.ndarray, _COUNT, *_SEQUENCE] = (100,)
    _: KW_ONLY
    activation: Annotated[
        str | Activation | Sequence[str | Activation], str, Activation, list, tuple
    ] = "relu"
    output_activation: Annotated[str | Activation | None, str, Activation, None] = None
    loss: Annotated[str | Loss, str, Loss] = "squared_error"
    solver: Annotated[str | Solver, str, Solver] = "adam"
    eta: Annotated[
        float | Sequence[float] | np.ndarray | FanInEta | str, str, _POSITIVE, *_SEQUENCE, FanInEta
    ] = "auto"
    eta_schedule: Annotated[str | Callable[[Any], Any] | None, str, callable, None] = None
    alpha: Annotated[float, _NOT_NEGATIVE] = 0.0
    l1_ratio: Annotated[float, Interval(Real, 0, 1, closed="both")] = 0.0
    dropout: Annotated[
        float | Sequence[float] | np.ndarray, Interval(Real, 0, 1, closed="left"), *_SEQUENCE
    ] = 0.0
    noise: Annotated[float, _NOT_NEGATIVE] = 0.0
    max_grad_norm: Annotated[float | None, _POSITIVE, None] = None
    max_norm: Annotated[float | None, _POSITIVE, None] = None
    input_gain: Annotated[bool, "boolean"] = False
    mask: Annotated[Sequence[Any] | None, list, tuple, None] = None
    batch_size: Annotated[int | Literal["auto"], Options(str, {"auto"}), _COUNT] = "auto"
    max_iter: Annotated[int, _COUNT] = 200
    tol: Annotated[float, _NOT_NEGATIVE] = 1e-4
    n_iter_no_change: Annotated[float, _COUNT, Options(Real, {np.inf})] = 10
    early_stopping: Annotated[bool, "boolean"] = False
    validation_fraction: Annotated[float, Interval(Real, 0, 1, closed="neither")] = 0.1
    scoring: Annotated[str | Callable[..., float] | None, str, callable, None] = None
    max_time: Annotated[float | None, _POSITIVE, None] = None
    shuffle: Annotated[bool, "boolean"] = True
    warm_start: Annotated[bool, "boolean"] = False
    random_state: Annotated[int | np.random.RandomState | None, "random_state"] = None
    verbose: Annotated[int, "verbose"] = False
    weight_init: Annotated[
        str | Callable[..., Any] | Sequence[str | Callable[..., Any]], str, callable, list, tuple
    ] = "auto"
    engine: Annotated[
        Literal["auto", "numpy", "compiled"], Options(str, {"auto", "numpy", "compiled"})
    ] = "auto"

    def _params_key(self) -> tuple[tuple, tuple]:
        """What `is_same_key` compares: the objects that the parameters are, and what some hold."""
        cls = type(self)
        if "_getter" not in vars(cls):
            names = dict.fromkeys([*cls._parameter_hints, *cls._get_param_names()])
            cls._getter = attrgetter(*names)
        objects = cls._getter(self)
        for part in (self.solver, self.eta_schedule):
            if type(part) not in _UNCHANGING:
                objects += tuple(getattr(part, "__dict__", {}).values())
        held: tuple = ()
        for value in (self.eta, self.dropout, self.mask, self.weight_init):
            if type(value) not in _UNCHANGING:
                held += (_content(value),)
        return objects, held


def is_same_key(known: tuple[tuple, tuple], key: tuple[tuple, tuple]) -> bool:
    """Whether parameters are the very same objects, and hold what they held."""
    (before, held_before), (now, held) = known, key
    return len(before) == len(now) and all(map(is_, before, now)) and held_before == held


def _content(value) -> Any:
    """What `value` holds, to be compared by ``==`` after it may have changed in place."""
    if type(value) in _UNCHANGING or isinstance(value, (Real, np.bool_)) or callable(value):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(map(_content, value))
    if isinstance(value, Checked):
        return type(value), *map(_content, vars(value).values())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.shape, value.dtype, value.tobytes()
    return object()  # unknown: never the same twice
