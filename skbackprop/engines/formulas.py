"""Activations, losses and update rules as scalar code, traced from NumPy source and checked."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import cache, cached_property, lru_cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import special

from ..activations.activation import ACTIVATIONS, Activation
from ..activations.mixed import Mixed
from ..losses.head import Head
from ..losses.loss import Loss
from ..registry import is_ours
from ..updates.rule import UpdateRule
from .row_symbols import RowTrace
from .symbols import Lines, Symbol, Trace, Untraceable


class Formula:
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
        phi, dphi = partial(phi, **bound), partial(dphi, **bound)
        self.phi = trace.lines([trace.call(phi, v.copy())], scalar="real({})")
        self.dphi = trace.lines([trace.call(dphi, v.copy(), y.copy())], scalar="real({})")
        self.n_parameters = len(names)

    @cached_property
    def _content(self) -> tuple:
        code = [tuple(part) for f in (self.phi, self.dphi) for part in (f.once, f.each, f.results)]
        return self.n_parameters, *code

    @cached_property
    def _hash(self) -> int:
        return hash(self._content)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Formula) and self._content == other._content)

    def __hash__(self) -> int:
        return self._hash


def parts(activation: Activation) -> tuple[Callable, Callable, dict[str, float]]:
    """An activation's ``phi`` and ``dphi``, and the numbers that both are bound to, by name."""
    phi, dphi = activation.phi, activation.dphi
    if not (isinstance(phi, partial) and isinstance(dphi, partial)):
        return phi, dphi, {}
    numbers = dict(phi.keywords)
    if phi.args or dphi.args or dphi.keywords != numbers:
        return phi, dphi, {}
    if not all(type(value) is float for value in numbers.values()):
        return phi, dphi, {}
    return phi.func, dphi.func, dict(sorted(numbers.items()))


def formula_of(activation: Activation, dtype: np.dtype) -> Formula:
    """The formula of an activation of arrays of `dtype`; an Untraceable says why there is none."""
    # What a user's function computes may change with all that it refers to, though the function
    # stays the same: it is traced anew for every update.
    is_ours = all(map(_is_ours, parts(activation)[:2]))
    return (_formula_of_ours if is_ours else _traced)(activation, dtype)


def _is_ours(function: Callable) -> bool:
    return isinstance(function, np.ufunc) or is_ours(function)


def _traced(activation: Activation, dtype: np.dtype) -> Formula:
    if not activation.elementwise:
        raise Untraceable(f"activation {activation.name!r} is no function of one neuron")
    for name in ("into", "delta"):
        if getattr(type(activation), name) is not getattr(Activation, name):
            raise Untraceable(
                f"activation {activation.name!r} does not compile: it has its own {name}"
            )
    phi, dphi, numbers = parts(activation)
    try:
        formula = Formula(phi, dphi, tuple(numbers), dtype)
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
    "where": np.where,
    "math": SimpleNamespace(
        inf=math.inf, nan=math.nan, pow=np.power, sqrt=np.sqrt, log=np.log, log2=np.log2,
        log10=np.log10, erf=special.erf, erfc=special.erfc, sin=np.sin, cos=np.cos, tan=np.tan,
        sinh=np.sinh, cosh=np.cosh, asin=np.arcsin, acos=np.arccos, atan=np.arctan,
        atan2=np.arctan2, hypot=np.hypot, asinh=np.arcsinh, acosh=np.arccosh, atanh=np.arctanh,
        floor=np.floor, ceil=np.ceil, isfinite=np.isfinite, isnan=np.isnan,
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
    formula: Formula, activation: Activation, numbers: list[float], dtype: np.dtype
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
def built_in_formulas(dtype: np.dtype) -> tuple[Formula, ...]:
    """The formulas of the package's own activations, in the order of their codes."""
    # By the slope: phi may be NumPy's own function.
    own = [a for a in ACTIVATIONS.values() if is_ours(parts(a)[1])]
    return tuple(formula_of(activation, dtype) for activation in own if activation.elementwise)


def members_of(activation: Activation) -> Sequence[Activation]:
    """The activation of each neuron, or the one of all."""
    return activation.activations if isinstance(activation, Mixed) else (activation,)


def formulas_of(activations: Sequence[Activation], dtype: np.dtype) -> dict[int, Formula | None]:
    """The formula of each activation of a network, by its id; None is softmax, which has none."""
    members = {id(member): member for layer in activations for member in members_of(layer)}
    return {
        key: None if member == ACTIVATIONS["softmax"] else formula_of(member, dtype)
        for key, member in members.items()
    }


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


class Cost:
    """A loss behind its output activation as code: the cost of one row, and its slope.

    Attributes
    ----------
    lines : list of str
        They return the cost, and write to ``e`` the error signals, or the local gradients if the
        head is fused. In the names ``n`` (output neurons), ``d``, ``v``, ``y``, ``e``, ``columns``,
        and ``p0, p1, ...`` for the loss's parameters.
    numbers : list of float
        The parameters.
    columns : list of ndarray of shape (n_units,)
        What the loss holds for each output neuron: ``columns``, one after the other.
    """

    def __init__(self, head: Head, dtype: np.dtype):
        settings = _settings_of(head.loss)
        try:
            trace, self.lines = self._trace(head, settings, dtype)
        except Untraceable:
            # It may decide by a parameter: then that is a part of the code.
            settings = {}
            trace, self.lines = self._trace(head, settings, dtype)
        self.numbers, self.columns = list(settings.values()), trace.columns
        if not is_ours(type(head.loss)):
            _check_cost(self, head, dtype)

    @staticmethod
    def _trace(
        head: Head, settings: dict[str, float], dtype: np.dtype
    ) -> tuple[RowTrace, list[str]]:
        trace = RowTrace(head.n_units(), dtype)
        loss: Loss = trace.call(copy.deepcopy, head.loss)
        for i, name in enumerate(settings):
            setattr(loss, name, trace.symbol(f"p{i}", varies=False, value=settings[name]))
        before = dict(vars(loss))

        def signals(names: str) -> list[Symbol]:
            return [trace.signal(name) for name in names]

        value = trace.call(loss.value, *signals("dyv"))
        if head.fused:
            slope = trace.call(loss.fused_delta, *signals("dyve"))
        else:
            slope = trace.call(loss.error, *signals("dy"))
        if any(before.get(name) is not value for name, value in vars(loss).items()):
            raise Untraceable("it changes itself")
        return trace, trace.code(value, "e", slope)


_CHECKED_ROWS = 12


def _check_cost(cost: Cost, head: Head, dtype: np.dtype) -> None:
    """Refuse code that does not do to single rows what the loss does."""
    rng, interpret = np.random.default_rng(0), _interpreted(cost)
    v = rng.normal(scale=2.0, size=(_CHECKED_ROWS, head.n_units())).astype(dtype)
    with np.errstate(all="ignore"):
        y = head.output.into(v.copy(), np.empty_like(v))
        d = Trace().call(head.encode, _some_targets(head, rng), dtype)
        for i in range(_CHECKED_ROWS):
            row = d[i : i + 1], y[i : i + 1], v[i : i + 1]
            wanted = Trace().call(_cost_and_slope, head, *row)
            if not _is_close(interpret(*row), wanted, dtype):
                raise Untraceable("it does to arrays what it does not do to each row")


def _cost_and_slope(head: Head, *row: np.ndarray) -> np.ndarray:
    """What NumPy computes of one row: its cost, and what starts the backward pass."""
    d, y, v = (a.copy() for a in row)
    value, e = head.loss.value(d, y, v), np.empty_like(v)
    if head.fused:
        head.loss.fused_delta(d, y, v, e)
    else:
        e[...] = head.loss.error(d, y)
    return np.concatenate([value, e[0]])


def _interpreted(cost: Cost) -> Callable[..., list[float]]:
    """What the code of a cost makes of one row."""
    scope = {**_INTERPRETED, "columns": np.ravel(cost.columns)}
    scope |= {f"p{i}": np.float64(number) for i, number in enumerate(cost.numbers)}
    body = "\n".join(f"    {line}" for line in cost.lines)
    exec(compile(f"def cost(n, d, y, v, e):\n{body}", "<traced>", "exec"), scope)  # noqa: S102

    def interpret(d, y, v) -> list[float]:
        e = np.empty(v.size)
        rows = (np.broadcast_to(a, v.shape)[0].astype(np.float64) for a in (d, y, v))
        return [scope["cost"](v.size, *rows, e), *e]

    return interpret


def _some_targets(head: Head, rng: np.random.Generator) -> np.ndarray:
    """Targets of the head's task, at random."""
    n = head.task.n_targets
    if head.task.kind == "multilabel":
        return rng.integers(0, 2, size=(_CHECKED_ROWS, n))
    if head.task.is_classification:
        n_classes = 2 if head.task.kind == "binary" else n
        return rng.integers(0, n_classes, size=_CHECKED_ROWS)
    targets = rng.normal(scale=3.0, size=(_CHECKED_ROWS, n))
    least = head.loss.least_target
    return targets if least is None else least + np.exp(targets)


_costs: dict[tuple, Cost] = {}
_steps: dict[tuple, Step] = {}
_MOST = 256  # that are kept of each


def _kept(kept: dict, thing: Any, make: Callable[[], Any], *context: Any) -> Any:
    """What is traced of one of our own losses or rules, which depends on its content alone."""
    if not is_ours(type(thing)):
        return make()
    content = sorted((name, type(value), value) for name, value in vars(thing).items())
    key = type(thing), *map(tuple, content), *context
    try:
        found = kept.get(key)
    except TypeError:  # of a content without a hash
        return make()
    if found is None:
        if len(kept) >= _MOST:
            kept.clear()
        found = kept[key] = make()
    return found


def cost_of(head: Head, dtype: np.dtype) -> Cost:
    """The code of a loss behind its output; an Untraceable says why there is none."""
    try:
        context = head.fused, head.n_units(), dtype
        return _kept(_costs, head.loss, lambda: Cost(head, dtype), *context)
    except Untraceable as error:
        raise Untraceable(f"loss {head.loss!r} does not compile: {error}") from None


def _settings_of(thing: Any) -> dict[str, float]:
    """The parameters of a rule or loss that are numbers, by their names."""
    return {
        name: float(value)
        for name, value in vars(thing).items()
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    }


class Step:
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
        settings = _settings_of(rule)
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
        if not is_ours(type(rule)):
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


def step_of(rule: UpdateRule, dtype: np.dtype) -> Step:
    """The code of an update rule; an Untraceable says why there is none."""
    try:
        return _kept(_steps, rule, lambda: Step(rule, dtype), dtype)
    except Untraceable as error:
        raise Untraceable(f"solver {rule!r} does not compile: {error}") from None
