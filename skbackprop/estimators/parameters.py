"""The parameters of the estimators: the one list of their names, types, ranges and defaults."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, field, make_dataclass
from inspect import get_annotations
from numbers import Integral, Real
from operator import attrgetter, is_
from typing import Annotated, Any, ClassVar, Literal, TypeVar, dataclass_transform, get_origin

import numpy as np

from ..activations.activation import Activation
from ..losses.loss import Loss
from ..registry import Checked, Parametrised, advise_callers
from ..updates.fan_in import FanInEta
from ..updates.rule import Solver
from .compatibility import Interval, Options
from .docstrings import complete_docstring

__all__ = ["COUNT", "Parameters", "is_same_key", "with_constructor"]

T = TypeVar("T")

#: A whole number >= 1.
COUNT = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SEQUENCE = (list, tuple, np.ndarray)
_UNCHANGING = {type(None), str, float, int}


@dataclass_transform(eq_default=False)
def with_constructor(cls: type[T]) -> type[T]:
    """Give a class the constructor of the parameters that are annotated in it and its bases.

    A parameter is one line, ``name: Annotated[type, *constraints] = default``: the type is for
    readers and type checkers, the constraints are what scikit-learn checks when `fit` is called.
    All are keyword-only but the first. What it means stands in the docstring of the class that
    names it, and is written into those of its subclasses.

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
    for name, value in {**described, "__init__": advise_callers(constructor)}.items():
        setattr(cls, name, value)
    complete_docstring(cls, list(hints))
    return cls


@with_constructor
class Parameters(Parametrised):
    """The parameters that both estimators share, each with its meaning, type, range and default.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Neurons of each hidden layer; ``()`` is a linear model behind its output activation.
    activation : str, Activation or sequence of these, default="relu"
        Activation of the hidden neurons: a name in `ACTIVATIONS` or an object; a sequence has one
        entry per hidden layer.
    output_activation : str, Activation or None, default=None
        Activation of the output neurons; None is the loss's own: the identity for squared errors,
        softmax or logistic for cross-entropy.
    loss : str or Loss, default="squared_error"
        What an output costs: a name in `LOSSES` or an object.
    solver : str, UpdateRule or WholeBatchSolver, default="adam"
        An update rule of `RULES`: ``"sgd"`` (the bare rule), ``"adam"``, ...; or a whole-batch
        solver of `SOLVERS`: ``"lbfgs"``, ``"scg"``, ``"lm"`` (Levenberg-Marquardt), ``"br"``
        (Bayesian regularisation). What a solver cannot honour (a parameter, a loss, small batches)
        is an error that names both. A whole-batch solver has no `partial_fit`, an epoch is one of
        its iterations, and it stops by its own criteria.
    eta : float, sequence of float, FanInEta or "auto", default="auto"
        Learning rate: one number, one per layer of weights (0 freezes a layer), or a `FanInEta`,
        ``base / sqrt(n_in)`` layer by layer; "auto" is the solver's own default. That of adam
        is 0.003; 0.001 where batches learn targets of size one, classes or scaled numbers.
    eta_schedule : str, callable or None, default=None
        A name in `SCHEDULES` (None is ``"constant"``), an object, or any ``t -> multiplier`` of
        eta, where t counts the updates done. Those with a horizon take `total_steps`, which `fit`
        fills in and `partial_fit` asks for.
    alpha : float, default=0.0
        Strength of the penalty on the weights (never the biases). Not divided by the number of
        samples: scikit-learn's MLP with ``alpha=a`` on batches of b rows is ``alpha=a / b`` here.
        ``solver="br"`` finds it by itself, and takes this as its start (see `BayesianLM`).
    l1_ratio : float, default=0.0
        0 is L2 only, 1 is L1 only. L1 enters by its subgradient: weights come close to zero, and do
        not become exactly zero; see `mask` to remove some.
    dropout : float in [0, 1) or sequence of float, default=0.0
        Probability that a signal is dropped in training: a number for the outputs of every hidden
        layer, or one for the inputs and one for each hidden layer. Inverted: what is left is
        divided by ``1 - dropout``, and prediction uses all.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to X in training, in the units of X.
    max_grad_norm : float or None, default=None
        A correction whose Euclidean norm, over all parameters, is longer is scaled down to it.
    max_norm : float or None, default=None
        Largest Euclidean norm of the weights into one neuron, kept after each update; of those
        that learn.
    input_gain : bool, default=False
        Give each input a factor that is learnt, ``gain_i x_i`` in the place of ``x_i``: a diagonal
        layer before the first, which starts at 1 and learns at the first layer's eta, or that of a
        `FanInEta`. Inputs that matter grow, others shrink. It has no penalty, and does not count in
        `max_norm`. Not for ``solver="br"``.
    mask : sequence or None, default=None
        What learns, an entry for each layer of weights: None or True, all of it; False, nothing (a
        frozen layer); an array (n_in, n_out) of 0 and 1, the weights at 1 and the biases. A weight
        at 0 starts at 0, no connection, unless ``coef_init`` gives it a value, and stays there.
    batch_size : int or "auto", default="auto"
        Rows per update, in `fit` and `partial_fit` alike; "auto" is min(200, n) in `fit` and 1, the
        online rule, in `partial_fit`.
    max_iter : int, default=200
        Most epochs of a `fit`.
    tol : float, default=1e-4
        What counts as an improvement. Of a loss, in training or validation: a multiple of what the
        best constant prediction costs (without class weights), so that it does not depend on the
        unit of y; absolute for `loss="gaussian_nll"`, whose differences have no unit. Of any other
        validation score: absolute. Whole-batch solvers have criteria of their own.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before training stops.
    early_stopping : bool, default=False
        Watch held-out rows in the place of the training loss: stop when neither their score nor
        their loss has improved for `n_iter_no_change` epochs, and keep the weights of the best
        score, of those that tie the one with the least loss.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping, unless `fit` is given ``X_val``; of each
        class alike.
    scoring : str, callable or None, default=None
        The validation score, higher is better: a scikit-learn scorer or its name, ``"loss"`` for
        the negative of the validation loss, None for what `score` gives: R^2, or the
        accuracy, in which classes weigh what `class_weight` says.
    max_time : float or None, default=None
        Seconds after which `fit` stops at the next update or iteration.
    shuffle : bool, default=True
        Whether each epoch of `fit` presents the rows in a new order.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted weights and solver state.
    random_state : int, RandomState or None, default=None
        Decides initial weights, the order of rows and the validation split.
    verbose : bool, default=False
        Show epoch, costs, score, eta and time: one live line on a terminal, else a line an epoch;
        nothing in worker processes.
    weight_init : str, callable or sequence of these, default="auto"
        Name in `INITIALIZERS`, or ``(n_in, n_out, rng) -> W``; "auto" goes by the activation; a
        sequence has one entry for each layer of weights. Biases start at zero; but where the output
        layer is "auto" or "zeros", and batches have more than one row, `fit` starts those of the
        output neurons at the best constant prediction (the mean of y, the log-odds of the classes),
        so that y need not be centred. With "auto" itself, and no ``coef_init``, it starts those of
        the hidden neurons so that each bends at a random point where the rows of X are. With
        "zeros" at the output, the network starts as that constant.
    engine : {"auto", "numpy", "compiled"}, default="auto"
        What presents rows, one by one or in batches: "compiled" is the pass that Numba compiles, in
        some ten seconds when it is first needed, and an error where it cannot serve. "auto" takes
        it if its code is on disk already (see `compile_engine`), else NumPy, and keeps to its
        choice for as long as the model lives. The two agree to round-off; dropout and noise are
        other random numbers, from the same `random_state`. A whole-batch solver has its activations
        from the compiled code, if that is on disk, unless engine is "numpy".
    """

    _parameter_hints: ClassVar[dict[str, Any]]  # of each parameter, in order
    _getter: ClassVar[attrgetter]

    hidden_layer_sizes: Annotated[int | Sequence[int] | np.ndarray, COUNT, *_SEQUENCE] = (100,)
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
    batch_size: Annotated[int | Literal["auto"], Options(str, {"auto"}), COUNT] = "auto"
    max_iter: Annotated[int, COUNT] = 200
    tol: Annotated[float, _NOT_NEGATIVE] = 1e-4
    n_iter_no_change: Annotated[float, COUNT, Options(Real, {np.inf})] = 10
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
        parts = self.solver, self.eta_schedule
        values = self.eta, self.dropout, self.mask, self.weight_init
        if _UNCHANGING.issuperset(map(type, parts + values)):  # as mostly
            return objects, ()
        for part in parts:
            if type(part) not in _UNCHANGING:
                objects += tuple(getattr(part, "__dict__", {}).values())
        return objects, tuple(_content(v) for v in values if type(v) not in _UNCHANGING)


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
    is_plain = isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)
    if is_plain and not value.dtype.hasobject:
        return value.shape, value.dtype, value.tobytes()
    return object()  # unknown: never the same twice
