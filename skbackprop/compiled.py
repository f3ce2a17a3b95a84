"""The compiled per-sample pass: what `kernels` is for one model, written, compiled and run.

Numba compiles the pass for one update rule, one dtype and all built-in activations at once; sizes,
activations, costs, penalties and learning rates are data to it. The formulas of the activations and
of the rule come from their NumPy source by `tracing`, a user's own like the built-in ones.

Compiling takes seconds, so the code is kept on disk (see `code_cache`): with an edit of any formula
or of `kernels` it is another text. Importing this module imports no Numba, nor does the question
what is on disk.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy import sparse, special

from .activations import ACTIVATIONS, Activation, Mixed
from .code_cache import is_compiled, load, why_no_compiler
from .losses import CrossEntropy, Loss, SquaredError
from .objective import take_rows
from .tracing import Lines, Symbol, Trace, Untraceable
from .updates import HEADROOM, RULES, SGD, UpdateRule

__all__ = ["CompiledPass", "compile_engine"]

_PIECE_ROWS = 4096  # most rows of a call: each needs its desired outputs
_PIECE_WORK = 2e7  # most weights to visit in a call, so that Ctrl-C waits a tenth of a second


# What the code is made of: activations ------------------------------------------------------------


class _Formula:
    """An activation as code: its functions, apart from the values of their parameters.

    Two are equal if their code is.

    Attributes
    ----------
    phi, dphi : Lines
        In the names ``v_j``, ``y_j``, and ``p0, p1, ...`` for the parameters.
    n_parameters : int
    """

    def __init__(self, phi: Callable, dphi: Callable, names: tuple[str, ...], dtype: np.dtype):
        trace = Trace(dtype=dtype)
        v, y = trace.symbol("v_j"), trace.symbol("y_j")
        bound = {name: trace.symbol(f"p{i}", varies=False) for i, name in enumerate(names)}
        self.phi = trace.lines([trace.call(partial(phi, **bound), v.copy())])
        self.dphi = trace.lines([trace.call(partial(dphi, **bound), v.copy(), y.copy())])
        self.n_parameters = len(names)

    def _content(self) -> tuple:
        code = [tuple(part) for f in (self.phi, self.dphi) for part in (f.once, f.each, f.results)]
        return self.n_parameters, *code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Formula) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def assignments(self) -> list[str]:
        """Lines that fetch the parameters."""
        return [f"p{i} = p[{i}]" for i in range(self.n_parameters)]


def _parts(activation: Activation) -> tuple[Callable, Callable, dict[str, float]]:
    """``phi`` and ``dphi``, and the numbers that both are bound to."""
    phi, dphi = activation.phi, activation.dphi
    if not (isinstance(phi, partial) and isinstance(dphi, partial)):
        return phi, dphi, {}
    numbers = dict(phi.keywords)
    if phi.args or dphi.args or dphi.keywords != numbers:
        return phi, dphi, {}
    if not all(type(value) is float for value in numbers.values()):
        return phi, dphi, {}
    return phi.func, dphi.func, dict(sorted(numbers.items()))


def _formula(activation: Activation, dtype: np.dtype) -> _Formula:
    """The formula of an activation of arrays of `dtype`; an Untraceable says why there is none."""
    # What a user's function computes may change with all that it refers to, though the function
    # stays the same: it is traced anew for every trainer.
    is_ours = all(map(_is_ours, _parts(activation)[:2]))
    return (_formula_of_ours if is_ours else _traced)(activation, dtype)


def _is_ours(function: Callable) -> bool:
    module = getattr(function, "__module__", None)
    return isinstance(function, np.ufunc) or module == Activation.__module__


def _traced(activation: Activation, dtype: np.dtype) -> _Formula:
    if not activation.elementwise:
        raise Untraceable(f"activation {activation.name!r} is no function of one neuron")
    for name in ("into", "delta"):
        if getattr(type(activation), name) is not getattr(Activation, name):
            raise Untraceable(
                f"activation {activation.name!r} does not compile: it has its own {name}"
            )
    phi, dphi, numbers = _parts(activation)
    try:
        formula = _Formula(phi, dphi, tuple(numbers), dtype)
    except Untraceable as error:
        raise Untraceable(f"activation {activation.name!r} does not compile: {error}") from None
    _check_formula(formula, activation, list(numbers.values()), dtype)
    return formula


_formula_of_ours = lru_cache(maxsize=256)(_traced)


# The names of the code, in NumPy: what a branch that is not taken computes must not raise.
_INTERPRETED = {
    "exp": np.exp,
    "expm1": np.expm1,
    "expit": special.expit,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "real": np.float64,
    "math": SimpleNamespace(
        inf=math.inf, nan=math.nan, pow=np.power, sqrt=np.sqrt, log=np.log, log2=np.log2,
        log10=np.log10, erf=special.erf, erfc=special.erfc, sin=np.sin, cos=np.cos, tan=np.tan,
        sinh=np.sinh, cosh=np.cosh, asin=np.arcsin, acos=np.arccos, atan=np.arctan,
        atan2=np.arctan2, asinh=np.arcsinh, acosh=np.arccosh, atanh=np.arctanh, floor=np.floor,
        ceil=np.ceil, isfinite=np.isfinite, isnan=np.isnan,
    ),
}  # fmt: skip


def _interpreter(lines: Lines) -> Callable[..., list[float]]:
    """What the code makes of numbers that are given by name."""
    text = [*lines.once, *lines.each, f"results = [{', '.join(lines.results)}]"]
    code, scope = compile("\n".join(text), "<traced>", "exec"), dict(_INTERPRETED)

    def interpret(**names: float) -> list[float]:
        scope.update((name, np.float64(number)) for name, number in names.items())
        exec(code, scope)  # noqa: S102
        return [float(result) for result in scope["results"]]

    return interpret


def _is_close(got, wanted, dtype: np.dtype) -> bool:
    """Whether numbers are those of NumPy, which computes in `dtype`, but for its rounding."""
    rtol, atol = (1e-9, 1e-12) if dtype == np.float64 else (1e-4, 1e-5)
    return np.allclose(got, wanted, rtol, atol, equal_nan=True)


def _check_formula(
    formula: _Formula, activation: Activation, numbers: list[float], dtype: np.dtype
) -> None:
    """Refuse a formula that is not the function: one that goes by the size of an array, say."""
    v = np.linspace(-7.9, 8.0, 23, dtype=dtype)
    parameters = {f"p{i}": number for i, number in enumerate(numbers)}
    phi, dphi = _interpreter(formula.phi), _interpreter(formula.dphi)
    with np.errstate(all="ignore"):
        y = np.asarray(activation.phi(v.copy()), dtype)
        slope = np.broadcast_to(np.asarray(activation.dphi(v.copy(), y.copy()), dtype), v.shape)
        got = [
            phi(v_j=v_j, **parameters) + dphi(v_j=v_j, y_j=y_j, **parameters)
            for v_j, y_j in zip(v, y, strict=True)
        ]
    if not _is_close(got, np.column_stack([y, slope]), dtype):
        raise Untraceable(
            f"activation {activation.name!r} does not compile: it does to an array what it does "
            "not do to each number"
        )


@cache
def _built_in(dtype: np.dtype) -> tuple[_Formula, ...]:
    """The formulas of the package's own activations, in the order of their codes."""
    # By the slope: phi may be NumPy's own function.
    slopes = {a: getattr(_parts(a)[1], "__module__", None) for a in ACTIVATIONS.values()}
    own = [a for a, module in slopes.items() if module == Activation.__module__]
    return tuple(_formula(activation, dtype) for activation in own if activation.elementwise)


def _members(activation: Activation) -> Sequence[Activation]:
    """The activation of each neuron, or the one of all."""
    return activation.activations if isinstance(activation, Mixed) else (activation,)


def _formulas(activations: Sequence[Activation], dtype: np.dtype) -> dict[int, _Formula | None]:
    """The formula of each activation of a network, by its id; None is softmax, which has none."""
    members = {id(member): member for layer in activations for member in _members(layer)}
    return {
        key: None if member == ACTIVATIONS["softmax"] else _formula(member, dtype)
        for key, member in members.items()
    }


# What the code is made of: the rule ---------------------------------------------------------------


class _Rows(Sequence):
    """The rows of `state`, symbols: what is assigned to one is copied into it, as in NumPy."""

    def __init__(self, rows: list[Symbol]):
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key):
        return _Rows(self._rows[key]) if isinstance(key, slice) else self._rows[key]

    def __setitem__(self, key, value) -> None:
        if isinstance(key, slice):
            for row, each in zip(self._rows[key], value, strict=True):
                row[...] = each  # one by one, as NumPy copies a list of rows
        else:
            self._rows[key][...] = value


class _Step:
    """An update rule as code, in the names ``w_k``, ``g_k``, ``s0_k ...``, ``eta``, ``t``.

    Attributes
    ----------
    uniform, varied : Lines
        With one eta for all weights of a layer, and with one for each weight.
    numbers : list of float
        The rule's parameters, ``p0, p1, ...``.
    """

    def __init__(self, rule: UpdateRule, dtype: np.dtype):
        self._dtype = dtype
        settings = {
            name: float(value)
            for name, value in vars(rule).items()
            if isinstance(value, (int, float, np.integer, np.floating))
            and not isinstance(value, bool)
        }
        self.n_slots = rule.n_slots
        try:
            self.uniform, self.varied = self._trace(rule, settings)
        except Untraceable:
            # It may decide by a parameter: then that is a part of the code.
            settings = {}
            self.uniform, self.varied = self._trace(rule, settings)
        self.numbers = list(settings.values())

    def _trace(self, rule: UpdateRule, settings: dict[str, float]) -> tuple[Lines, Lines]:
        uniform, varied = (self._lines(rule, settings, varies) for varies in (False, True))
        if type(rule).__module__ != UpdateRule.__module__:
            _check_step(uniform, rule, settings, 0.07, self._dtype)
            _check_step(varied, rule, settings, np.linspace(0.02, 0.14, 6), self._dtype)
        return uniform, varied

    def _lines(self, rule: UpdateRule, settings: dict[str, float], eta_varies: bool) -> Lines:
        trace = Trace(sized=False, dtype=self._dtype)
        rule = trace.call(copy.deepcopy, rule)
        for i, name in enumerate(settings):
            setattr(rule, name, trace.symbol(f"p{i}", varies=False, value=settings[name]))
        before = dict(vars(rule))
        w, g = trace.symbol("w_k"), trace.symbol("g_k")
        slots = [trace.symbol(f"s{i}_k") for i in range(self.n_slots)]
        eta = trace.symbol("eta_k" if eta_varies else "eta", varies=eta_varies)
        t = trace.symbol("t", varies=False)
        trace.call(rule.step, w, g, _Rows(slots), t, eta, None)
        if any(before.get(name) is not value for name, value in vars(rule).items()):
            raise Untraceable("it changes itself")
        return trace.lines([w, *slots], scalar="real({})")


def _check_step(
    lines: Lines, rule: UpdateRule, settings: dict[str, float], eta, dtype: np.dtype
) -> None:
    """Refuse lines that do not move six weights as the rule does, in four steps."""
    step, rule = _interpreter(lines), copy.deepcopy(rule)
    parameters = {f"p{i}": number for i, number in enumerate(settings.values())}
    w, state = np.linspace(-1.1, 1.3, 6, dtype=dtype), np.zeros((rule.n_slots, 6), dtype)
    ours = np.vstack([w, state]).astype(np.float64)
    for t in range(4):
        g = (np.cos(1.7 * np.arange(6) + 2.3 * t) * np.logspace(-2, 1, 6)).astype(dtype)
        g[t + 1] = 0.0
        for k, eta_k in enumerate(np.broadcast_to(eta, 6)):
            names = {"w_k": ours[0, k], "g_k": g[k], "t": t, "eta": eta_k, "eta_k": eta_k}
            slots = {f"s{i}_k": slot for i, slot in enumerate(ours[1:, k])}
            with np.errstate(all="ignore"):
                ours[:, k] = step(**names, **slots, **parameters)
        given = np.array(eta, dtype) if np.ndim(eta) else eta
        Trace().call(rule.step, w, g, state, t, given, 1.0)
    if not _is_close(ours, np.vstack([w, state]), dtype):
        raise Untraceable("it does to arrays what it does not do to each weight")


def _step(rule: UpdateRule, dtype: np.dtype) -> _Step:
    try:
        return _Step(rule, dtype)
    except Untraceable as error:
        raise Untraceable(f"solver {rule!r} does not compile: {error}") from None


# The text of the code -----------------------------------------------------------------------------

_HEADER = """\
import math

import numba
import numpy as np

from skbackprop.kernels import exact, exp, expit, expm1, like, log1p, make_present, tanh

real = np.{dtype}
"""
_ENTRY = """\
present_rows = make_present(phi, dphi, prepare, step, {headroom!r})
numbers = numba.{dtype}
wholes = numba.int64[::1]


@numba.njit(
    [
        (
            numbers[::1], numbers[:, ::1], numbers[:, ::1], numbers[:, ::1], numba.int32[::1],
            wholes, numbers[:, ::1], numbers[::1], numba.float64[::1], numba.int64, wholes,
            numba.int64[:, ::1], numba.int64[:, ::1], numba.int32[::1], numba.float64[::1],
            numbers[:, ::1], numba.int32[::1], numbers[::1], numba.float64[::1],
        )
    ],
    error_model="numpy",
    fastmath={{"reassoc", "contract", "arcp", "nsz"}},
    nogil=True,
    cache=True,
)
def present(
    w, state, gains, X, indices, bounds, d, scale, factors, t, plan, layers, groups, member,
    settings, signals, rows, g, shared,
):
    return present_rows(
        w, state, gains, X, indices, bounds, d, scale, factors, t,
        (plan, layers, groups, member, settings), (signals, rows, g, shared),
    )
"""


def _indented(depth: int, lines: Sequence[str]) -> str:
    return "".join(f"{'    ' * depth}{line}\n" for line in lines)


def _activation_text(formulas: Sequence[_Formula]) -> str:
    """The functions `phi` and `dphi`: a loop over neurons for each code."""
    text = ""
    for name, inputs, output in (("phi", "v", "y"), ("dphi", "vy", "slope")):
        arguments = ", ".join(["code", "p", *inputs, output, "count"])
        text += f"@exact\ndef {name}({arguments}):\n"
        for code, formula in enumerate(formulas):
            lines = getattr(formula, name)
            text += f"    {'elif' if code else 'if'} code == {code}:\n"
            text += _indented(2, [*formula.assignments(), *lines.once])
            text += _indented(2, ["for j in range(count):"])
            text += _indented(3, [f"{a}_j = float({a}[j])" for a in inputs])
            text += _indented(3, [*lines.each, f"{output}[j] = {lines.results[0]}"])
        text += "\n\n"
    return text


def _step_text(step: _Step) -> str:
    """The functions `prepare`, for what a layer's weights have in common, and `step`."""
    numbers = [f"p{i} = p[{i}]" for i in range(len(step.numbers))]
    shared = step.uniform.shared
    text = "@exact\ndef prepare(p, eta, t, shared):\n"
    text += _indented(1, [*numbers, *step.uniform.once])
    text += _indented(1, [f"shared[{i}] = {name}" for i, name in enumerate(shared)] + ["return"])
    text += "\n\n@exact\n"
    text += "def step(w, state, gains, size, n_gains, g, count, p, eta, factor, t, shared):\n"
    text += _indented(1, [*numbers, "if n_gains == 0:"])
    text += _indented(2, [f"{name} = shared[{i}]" for i, name in enumerate(shared)])
    text += _indented(2, _step_loop(step, step.uniform, ["g_k = g[k]"]))
    text += _indented(1, ["else:"])
    text += _indented(2, step.varied.once)
    gains = [
        "eta_k = gains[k] * real(factor)",
        "g_k = g[k] * gains[size + k]",
    ]
    text += _indented(2, _step_loop(step, step.varied, gains))
    return text + "\n\n"


def _step_loop(step: _Step, lines: Lines, gain: list[str]) -> list[str]:
    slots = range(step.n_slots)
    places = ["w[k]", *(f"state[{i} * size + k]" for i in slots)]
    names = ["w_k", *(f"s{i}_k" for i in slots)]
    body = [f"{name} = {place}" for name, place in zip(names, places, strict=True)]
    body += [*gain, *lines.each]
    changed = zip(places, names, lines.results, strict=True)
    body += [f"{place} = {result}" for place, name, result in changed if result != name]
    return ["for k in range(count):", *(f"    {line}" for line in body)]


@lru_cache(maxsize=64)
def _text(formulas: tuple[_Formula, ...], step_text: str, dtype: str) -> str:
    """All of the code."""
    made_of = hashlib.sha256(Path(__file__).with_name("kernels.py").read_bytes()).hexdigest()
    return (
        f'"""Made by skbackprop.compiled, for kernels {made_of[:16]}; an edit is overwritten."""\n'
        + _HEADER.format(dtype=dtype)
        + "\n\n"
        + _activation_text(formulas)
        + step_text
        + _ENTRY.format(dtype=dtype, headroom=HEADROOM)
    )


def _head(loss: Loss) -> str:
    """The name in `kernels` of what the output neurons cost."""
    if type(loss) is SquaredError:
        return "SQUARED_CANONICAL" if loss.canonical else "SQUARED"
    if type(loss) is CrossEntropy and loss.canonical:
        return "LOGISTIC" if loss.output.elementwise else "SOFTMAX"
    raise Untraceable(f"loss {loss!r} has no compiled counterpart")


# The pass -----------------------------------------------------------------------------------------


class CompiledPass:
    """The compiled pass over the rows of one trainer's network.

    Nothing is compiled or loaded before the first row comes.

    Parameters
    ----------
    trainer : training.Trainer
        Its network's `w` and its state are changed.

    Raises
    ------
    Untraceable
        If the compiled pass cannot do what the trainer does; it says why.
    """

    def __init__(self, trainer):
        if trainer.extras:
            raise Untraceable(f"only NumPy knows {' and '.join(trainer.extras)}")
        self._trainer = trainer
        objective = trainer.objective
        network = objective.network
        dtype = network.w.dtype
        plain = type(trainer.rule) is SGD and not any(objective.penalty.strengths)
        self._is_plain = plain and objective.learning is None and trainer.eta_by_layer() is not None
        self._head = _head(objective.loss)
        formulas = _formulas(network.activations, dtype)
        in_text = dict.fromkeys([*_built_in(dtype), *filter(None, formulas.values())])
        codes: dict[_Formula | None, int | None] = {None: None}
        codes |= {formula: code for code, formula in enumerate(in_text)}
        self._codes = {key: codes[formula] for key, formula in formulas.items()}
        self._step = _step(trainer.rule, dtype)
        self.text = _text(tuple(in_text), _step_text(self._step), dtype.name)
        self._present: Callable | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether the code is there, in this process or on disk."""
        return is_compiled(self.text)

    def load(self) -> None:
        """Load the code, compiled first if need be, and lay out what it must know of the network.

        Raises
        ------
        ValueError
            If Numba cannot compile it.
        """
        if self._present is not None:
            return
        from . import kernels  # which imports Numba

        self._kernels = kernels
        network = self._trainer.objective.network
        present = load(self.text)
        padded = [-(-n // kernels.PAD) * kernels.PAD for n in network.sizes]
        self._gains = self._of_each_weight()
        self._tables = self._lay_out(padded)
        dtype = network.w.dtype
        n_chunk = max(kernels.CHUNK, *network.sizes)
        self._work = (
            np.zeros((4, sum(padded)), dtype),
            np.zeros(sum(padded), np.int32),
            np.zeros(n_chunk, dtype),
            np.zeros(64),
        )
        self._all_ones = np.ones(0, dtype)
        self._no_indices, self._no_bounds = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._present = present

    def _of_each_weight(self) -> np.ndarray:
        """Eta of each parameter, and whether it learns; empty where `settings` says it all."""
        trainer, network = self._trainer, self._trainer.objective.network
        learning = trainer.objective.learning
        if learning is None and trainer.eta_by_layer() is not None:
            return np.zeros((2, 0), network.w.dtype)
        gains = np.ones((2, network.w.size), network.w.dtype)
        gains[0] = trainer.eta
        if learning is not None:
            gains[1] = learning
        return gains

    def _lay_out(self, padded: list[int]) -> tuple[np.ndarray, ...]:
        """The tables that `kernels.present` reads."""
        kernels, trainer = self._kernels, self._trainer
        objective = trainer.objective
        network, penalty = objective.network, objective.penalty
        by_layer = trainer.eta_by_layer() or [trainer.largest_eta] * network.n_layers
        settings = [*penalty.strengths, *by_layer, *self._step.numbers]
        layers = np.zeros((network.n_layers, kernels.N_COLUMNS), np.int64)
        groups: list[tuple[int, int]] = []
        member = np.zeros(sum(padded), np.int32)
        starts = np.cumsum([0, *((n_in + 1) * n_out for n_in, n_out in pairwise(network.sizes))])
        offsets = np.cumsum([0, *padded])
        for layer, activation in enumerate(network.activations):
            kinds = [self._kind(member) for member in _members(activation)]
            numbers = {kind: len(groups) + i for i, kind in enumerate(dict.fromkeys(kinds))}
            before, after = offsets[layer : layer + 2]
            row = layers[layer]
            row[kernels.N_IN], row[kernels.N_OUT] = network.sizes[layer : layer + 2]
            row[kernels.WEIGHTS], row[kernels.BEFORE] = starts[layer], before
            row[kernels.AFTER], row[kernels.FIRST_GROUP] = after, len(groups)
            row[kernels.LAST_GROUP] = len(groups) + len(numbers) - 1
            member[after : after + len(kinds)] = [numbers[kind] for kind in kinds]
            for code, parameters in numbers:
                groups.append((code, len(settings)))
                settings += parameters
        plan = np.zeros(kernels.N_PLAN, np.int64)
        plan[kernels.N_LAYERS] = network.n_layers
        plan[kernels.HEAD] = getattr(kernels, self._head)
        plan[kernels.RULE] = kernels.ETA + network.n_layers
        plan[kernels.PLAIN] = self._is_plain
        return plan, layers, np.array(groups), member, np.array(settings, float)

    def _kind(self, activation: Activation) -> tuple[int, tuple[float, ...]]:
        """The code of an activation, and the numbers that its functions are bound to."""
        code = self._codes[id(activation)]
        if code is None:
            return self._kernels.SOFTMAX_CODE, ()
        return code, tuple(_parts(activation)[2].values())

    def rows_at_once(self, X) -> int:
        """Rows for one call of `present`: few enough that it takes no more than 0.1 s."""
        network = self._trainer.objective.network
        work = network.w.size
        if sparse.issparse(X) and self._is_plain:  # else all weights move, stored or not
            stored = X.nnz / max(X.shape[0], 1)
            work += int((stored - X.shape[1]) * network.sizes[1])
        return max(1, min(_PIECE_ROWS, int(_PIECE_WORK / max(work, 1))))

    def present(self, X, targets, scale, rows, factors: np.ndarray) -> tuple[int, float]:
        """See `online.RowPass.present`."""
        assert self._present is not None
        state, w = self._trainer.state, self._trainer.objective.network.w
        d = self._trainer.objective.loss.encode(take_rows(targets, rows), w.dtype)
        numbers, indices, bounds = self._rows(take_rows(X, rows))
        done, total = self._present(
            w,
            state.rule_state,
            self._gains,
            numbers,
            indices,
            bounds,
            _plain(d, w.dtype),
            self._all_ones if scale is None else _plain(take_rows(scale, rows), w.dtype),
            factors,
            state.n_updates - state.rule_start,
            *self._tables,
            *self._work,
        )
        state.n_updates += done
        state.n_samples += done
        return done, total

    def _rows(self, X) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows as the compiled code takes them, dense or sparse: contiguous and writeable."""
        if not sparse.issparse(X):
            return _plain(X), self._no_indices, self._no_bounds
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        self._work[0][0, : X.shape[1]] = 0.0
        numbers, indices = _plain(X.data), _plain(X.indices, np.dtype(np.int32))
        return numbers[np.newaxis], indices, X.indptr.astype(np.int64)


def _plain(A: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """`A` as the compiled code takes arrays: contiguous, aligned, writeable, of one dtype."""
    if A.flags.carray and (dtype is None or A.dtype == dtype):
        return A
    return np.require(A, dtype, ("C", "A", "W"))


def compile_engine(*, verbose: bool = False) -> None:
    """Compile the per-sample pass once, for all update rules of `RULES`, and keep it on disk.

    After that, estimators with ``engine="auto"`` use it wherever they present one row an update by
    one of these rules, whatever its numbers; what has functions or a rule of its own, or
    ``amsgrad=True``, is compiled when ``engine="compiled"`` is first asked for it. It takes some
    seconds for each rule and dtype; what is there already is not compiled again. The code is kept
    in ``$SKBACKPROP_CACHE_DIR``, or where the user's programs keep such things.

    Parameters
    ----------
    verbose : bool, default=False
        Print what is compiled.

    Raises
    ------
    ImportError
        If Numba is not installed.
    """
    missing = why_no_compiler()
    if missing is not None:
        raise ImportError(f"The compiled engine cannot be used: {missing}.")
    for name, rule in RULES.items():
        for dtype in map(np.dtype, ("float64", "float32")):
            try:
                step_text = _step_text(_step(rule, dtype))
            except Untraceable as error:
                if verbose:
                    print(error)
                break
            text = _text(_built_in(dtype), step_text, dtype.name)
            if verbose:
                print(f"{name}, {dtype}: {'there' if is_compiled(text) else 'compiling'}")
            if not is_compiled(text):
                load(text)
