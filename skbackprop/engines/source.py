"""The texts of the code that Numba compiles: what is traced, and the passes that call it.

Each traced formula is a text of its own, for one dtype: an activation, an update rule, the cost of
the output neurons. A pass, of single rows or of batches, is one more for each dtype, whose
equations are in `kernels` and `batch_kernels`. It calls the formulas by their addresses, so that
each goes with each, and what is compiled once serves all models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from ..updates.headroom import HEADROOM
from .formulas import Cost, Formula, Step
from .symbols import Lines

__all__ = [
    "activation_text", "batches_text", "cost_text", "known_rows_text", "outputs_text",
    "product_text", "race_text", "rows_text", "rule_text", "scale_text", "votes_text",
]  # fmt: skip


_HEADER = """\
import math

import numba
import numpy as np
from numba import types

from skbackprop.engines import {modules}
from skbackprop.engines.kernels import exact, exact_part, like, pointer, shifted, where
from skbackprop.engines.kernels import {functions}

real = np.{dtype}
numbers = types.CPointer(numba.{dtype})
settings = types.CPointer(numba.float64)
whole, decimal = numba.int64, numba.float64
exactly = {{"error_model": "numpy", "fastmath": {{"contract"}}, "cache": True}}
quickly = {{
    "error_model": "numpy", "fastmath": {{"reassoc", "contract", "arcp", "nsz"}}, "nogil": True,
    "cache": True,
}}


"""

_ACTIVATION = """\
@{called_phi}
def phi{number}(p, v, y, count):
{phi}

@{called_delta}
def delta{number}(p, v, y, e, count):
{delta}

"""

_COST = """\
@exact_part
def cost(n, p, columns, d, v, y, e):
{cost}

@{called_cost}
def of_rows({address}count, n, p, columns, d, v, y, e, costs):
    if n == 1:  # a loop that becomes vector code
        for row in range(count):
            costs[row] = cost(
                1, p, columns, shifted(d, row), shifted(v, row), shifted(y, row), shifted(e, row)
            )
        return
    for row in range(count):
        k = row * n
        costs[row] = cost(
            n, p, columns, shifted(d, k), shifted(v, k), shifted(y, k), shifted(e, k)
        )


"""

_RULE = """\
@{called_prepare}
def prepare({address}p, eta, t, shared):
{prepare}

@{called_step}
def step({address}w, state, gains, size, n_gains, g, count, p, eta, factor, t, shared):
{step}

"""

# How a pass calls these functions: by their addresses, or, of a network that it is compiled for,
# not at all.
_KINDS = {
    "phi": "settings, numbers, numbers, whole",
    "delta": "settings, numbers, numbers, numbers, whole",
    "cost": "whole, whole, settings, settings, numbers, numbers, numbers, numbers, settings",
    "prepare": "settings, decimal, whole, settings",
    "step": "numbers, numbers, numbers, whole, whole, numbers, whole, settings, decimal, decimal, "
    "whole, settings",
}
_BY_ADDRESS = {"address": ""} | {
    f"called_{name}": f"numba.cfunc(types.void({kinds}), **exactly)"
    for name, kinds in _KINDS.items()
}
_IN_PLACE = {"address": "_, "} | {f"called_{name}": "exact_part" for name in _KINDS}

_ADDRESSES = """\
compiled = {}
held = {}
"""

_ROWS = """\
present_rows = kernels.make_present({headroom!r}{known})
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
    **quickly,
)
def compiled(
    w, state, gains, X, indices, bounds, d, scale, factors, t, plan, layers, groups, member,
    settings, signals, rows, g, shared,
):
    return present_rows(
        w, state, gains, X, indices, bounds, d, scale, factors, t,
        ({tables}, settings), (signals, rows, g, shared),
    )
"""

# Of one network: its tables are constants, but for the numbers in `settings`.
_KNOWN = """\
known_plan = np.array({plan})
known_layers = np.array({layers})
known_groups = np.array({groups})
known = kernels.Known({sizes}, ({activations},), of_rows, {rule})
"""
_TABLES = "plan, layers, groups, member"
_KNOWN_TABLES = "known_plan, known_layers, known_groups, member"

_PRODUCT = """\
multiply = products.make_product(real)


@numba.cfunc(
    types.void(
        numbers, whole, whole, numbers, whole, numbers, whole, whole, whole, whole, numbers, whole
    ),
    **exactly,
)
def product(a, across, along, b, ldb, c, ldc, n_rows, n_columns, n_k, start, ld_start):
    multiply(a, across, along, b, ldb, c, ldc, n_rows, n_columns, n_k, start, ld_start)


compiled = product.address
held = product
"""

_BATCHES = """\
present_batches = batch_kernels.make_present({headroom!r})
numbers = numba.{dtype}
wholes = numba.int64[::1]


@numba.njit(
    [
        (
            numbers[::1], numbers[:, ::1], numbers[:, ::1], numbers[:, ::1], numba.int32[::1],
            wholes, wholes, numbers[:, ::1], numbers[::1], numba.float64[::1], numba.int64,
            wholes, wholes, numba.int64[:, ::1], numba.int64[:, ::1], numba.int32[::1],
            numba.float64[::1], numbers[::1], numbers[::1], numba.float64[::1],
        )
    ],
    **quickly,
)
def compiled(
    w, state, gains, X, indices, bounds, order, d, scale, factors, t, seeds, plan, layers, groups,
    member, settings, signals, g, shared,
):
    return present_batches(
        w, state, gains, X, indices, bounds, order, d, scale, factors, t, seeds,
        (plan, layers, groups, member, settings), (signals, g, shared),
    )
"""


_OUTPUTS = """\
numbers = numba.{dtype}
wholes = numba.int64[::1]


@numba.njit(
    [
        (
            numbers[::1], numbers[:, ::1], wholes, numbers[:, ::1], numbers[:, ::1], wholes,
            numba.int64[:, ::1], numba.int64[:, ::1], numba.int32[::1], numba.float64[::1],
            numbers[::1],
        )
    ],
    **quickly,
)
def compiled(w, X, order, v, y, plan, layers, groups, member, settings, signals):
    batch_kernels.respond(w, X, order, v, y, (plan, layers, groups, member, settings), signals)
"""


_RACE = """\
table = numba.float64[:, ::1]
line = numba.float64[::1]


@numba.njit(whole(numba.int64[::1], table, line, line, whole), **quickly)
def compiled(plan, X, labels, weights, n_rows):
    return race_kernels.learn(plan, X, labels, weights, n_rows)
"""

_VOTES = """\
table = numba.float64[:, ::1]


@numba.njit(numba.boolean(numba.int64[::1], table, table), **quickly)
def compiled(plan, X, votes):
    return race_kernels.vote(plan, X, votes)
"""

_SCALE = """\
line = numba.float64[::1]


@numba.njit(
    types.void(line, numba.float64[:, ::1], line, numba.boolean, numba.boolean, line), **quickly
)
def compiled(x, moments, settings, shifted, learns, z):
    race_kernels.scale(x, moments, settings, shifted, learns, z)
"""


def _indented(depth: int, lines: Sequence[str]) -> str:
    """Lines of code, `depth` levels in."""
    return "".join(f"{'    ' * depth}{line}\n" for line in lines)


def _parameters(count: int) -> list[str]:
    """Lines that fetch the parameters."""
    return [f"p{i} = p[{i}]" for i in range(count)]


@lru_cache(maxsize=256)
def activation_text(formula: Formula, dtype: str) -> str:
    """The two functions of an activation: one writes ``y``, the other multiplies e by the slope."""
    return _beginning(dtype) + _activation(formula, _BY_ADDRESS) + _addresses("phi", "delta")


def _addresses(*names: str) -> str:
    """The end of a text whose functions are called by their addresses."""
    addresses = [f"{name}.address" for name in names]
    return _ADDRESSES.format(", ".join(addresses), ", ".join(names))


def _activation(formula: Formula, called: dict[str, str], number: int | str = "") -> str:
    parameters = _parameters(formula.n_parameters)
    phi, slope = formula.phi, formula.dphi
    return _ACTIVATION.format(
        phi=_each_neuron(parameters, phi, ["v"], f"y[j] = {phi.results[0]}"),
        delta=_each_neuron(parameters, slope, ["v", "y"], f"e[j] = e[j] * {slope.results[0]}"),
        number=number,
        **called,
    )


def _each_neuron(parameters: list[str], lines: Lines, read: list[str], last: str) -> str:
    text = _indented(1, [*parameters, *lines.once, "for j in range(count):"])
    return text + _indented(2, [*(f"{name}_j = {name}[j]" for name in read), *lines.each, last])


@lru_cache(maxsize=256)
def rule_text(step: Step, dtype: str) -> str:
    """The two functions of a rule: what some weights have in common, and their `step`."""
    return _beginning(dtype) + _rule(step, _BY_ADDRESS) + _addresses("prepare", "step")


def _rule(step: Step, called: dict[str, str]) -> str:
    numbers = _parameters(len(step.numbers))
    shared = step.uniform.shared
    prepare = [*numbers, *step.uniform.once]
    prepare += [f"shared[{i}] = {name}" for i, name in enumerate(shared)] + ["return"]
    text = _indented(1, [*numbers, "if n_gains == 0:"])
    text += _indented(2, [f"{name} = shared[{i}]" for i, name in enumerate(shared)])
    text += _indented(2, _step_loop(step, step.uniform, ["g_k = g[k]"]))
    text += _indented(1, ["else:"])
    text += _indented(2, step.varied.once)
    gains = [
        "eta_k = gains[k] * real(factor)",
        "g_k = g[k] * gains[size + k]",
    ]
    text += _indented(2, _step_loop(step, step.varied, gains))
    return _RULE.format(prepare=_indented(1, prepare), step=text, **called)


def _step_loop(step: Step, lines: Lines, gain: list[str]) -> list[str]:
    slots = range(step.n_slots)
    places = ["w[k]", *(f"state[{i} * size + k]" for i in slots)]
    names = ["w_k", *(f"s{i}_k" for i in slots)]
    body = [f"{name} = {place}" for name, place in zip(names, places, strict=True)]
    body += [*gain, *lines.each]
    changed = zip(places, names, lines.results, strict=True)
    body += [f"{place} = {result}" for place, name, result in changed if result != name]
    return ["for k in range(count):", *(f"    {line}" for line in body)]


@lru_cache(maxsize=256)
def cost_text(cost: Cost, dtype: str) -> str:
    """The function of a loss: the costs of some rows, and their error signals or delta."""
    return _beginning(dtype, "float64") + _cost(cost, _BY_ADDRESS) + _addresses("of_rows")


def _cost(cost: Cost, called: dict[str, str]) -> str:
    lines = _indented(1, [*_parameters(len(cost.numbers)), *cost.lines])
    return _COST.format(cost=lines, **called)


@cache
def rows_text(dtype: str) -> str:
    """The pass of single rows."""
    return _beginning(dtype) + _ROWS.format(
        dtype=dtype, headroom=HEADROOM, known="", tables=_TABLES
    )


def known_rows_text(
    dtype: str,
    sizes: Sequence[int],
    formulas: Sequence[Formula | None],
    cost: Cost,
    step: Step | None,
    tables: Sequence[np.ndarray],
) -> str:
    """The pass of single rows, for one network.

    Parameters
    ----------
    dtype : str
    sizes : sequence of int
        Neurons of each layer, the inputs first.
    formulas : sequence of Formula or None
        The activation of each layer after these; None is softmax.
    cost : Cost
    step : Step or None
        The rule; None if the change is plain.
    tables : sequence of ndarray
        `plan`, `layers` and `groups`, with no address in them.
    """
    numbers = {formula: k for k, formula in enumerate(dict.fromkeys(formulas)) if formula}
    parts = [_activation(formula, _IN_PLACE, k) for formula, k in numbers.items()]
    parts.append(_cost(cost, _IN_PLACE))
    if step is not None:
        parts.append(_rule(step, _IN_PLACE))
    pairs = [f"(phi{numbers[f]}, delta{numbers[f]})" if f else "(None, None)" for f in formulas]
    plan, layers, groups = (table.ravel().tolist() for table in tables)
    known = _KNOWN.format(
        plan=plan, layers=layers, groups=groups, sizes=tuple(sizes),
        activations=", ".join(pairs), rule="None" if step is None else "(prepare, step)",
    )  # fmt: skip
    rows = _ROWS.format(dtype=dtype, headroom=HEADROOM, known=", known", tables=_KNOWN_TABLES)
    return "\n".join([_beginning(dtype), *parts, known, rows])


@cache
def batches_text(dtype: str) -> str:
    """The pass of batches."""
    text = _beginning(dtype, modules=("kernels", "batch_kernels"))
    return text + _BATCHES.format(dtype=dtype, headroom=HEADROOM)


@cache
def outputs_text(dtype: str) -> str:
    """The forward pass of rows in batches."""
    return _beginning(dtype, modules=("kernels", "batch_kernels")) + _OUTPUTS.format(dtype=dtype)


@cache
def race_text() -> str:
    """A row of a stream, for all networks of a race."""
    return _beginning("float64", modules=("kernels", "race_kernels")) + _RACE


@cache
def votes_text() -> str:
    """What the networks of a race predict, for rows of a stream."""
    return _beginning("float64", modules=("kernels", "race_kernels")) + _VOTES


@cache
def product_text(dtype: str) -> str:
    """The product of matrices that the pass of batches calls."""
    return _beginning(dtype, modules=("kernels", "products")) + _PRODUCT


@cache
def scale_text() -> str:
    """A row for running moments."""
    return _beginning("float64", modules=("kernels", "race_kernels")) + _SCALE


_FUNCTIONS = ("exp", "expit", "expm1", "log1p", "tanh")


@cache
def _beginning(
    dtype: str, functions_for: str | None = None, modules: tuple[str, ...] = ("kernels",)
) -> str:
    """What every text begins with; it has the content of the modules in its first line."""
    files = [Path(__file__).with_name(f"{module}.py").read_bytes() for module in modules]
    made_of = hashlib.sha256(b"".join(files)).hexdigest()
    suffix = "_32" if (functions_for or dtype) == "float32" else ""
    functions = [f"{name}{suffix} as {name}" if suffix else name for name in _FUNCTIONS]
    return (
        f'"""Made by skbackprop.engines, for kernels {made_of[:16]}; an edit is overwritten."""\n'
        + _HEADER.format(dtype=dtype, functions=", ".join(functions), modules=", ".join(modules))
    )
