"""The text of the code that Numba compiles, written around the traced formulas.

There are two kinds of text: the pass, for an update rule and all activations, and the cost of the
output neurons, for a loss. The pass calls the cost by its address, so that each goes with each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from ..updates.headroom import HEADROOM
from .formulas import Cost, Formula, Step
from .symbols import Lines

_HEADER = """\
import math

import numba
import numpy as np
from numba import types

from skbackprop.engines.kernels import exact, exp, expit, expm1, like, log1p, make_present, tanh

real = np.{dtype}
"""


_COST = """\
numbers = types.CPointer(numba.{dtype})
settings = types.CPointer(numba.float64)


@numba.cfunc(
    numba.float64(numba.int64, settings, settings, numbers, numbers, numbers, numbers),
    error_model="numpy",
    fastmath={{"contract"}},
    cache=True,
)
def compiled(n, p, columns, d, v, y, e):
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
def compiled(
    w, state, gains, X, indices, bounds, d, scale, factors, t, plan, layers, groups, member,
    settings, signals, rows, g, shared,
):
    return present_rows(
        w, state, gains, X, indices, bounds, d, scale, factors, t,
        (plan, layers, groups, member, settings), (signals, rows, g, shared),
    )
"""


def _indented(depth: int, lines: Sequence[str]) -> str:
    """Lines of code, `depth` levels in."""
    return "".join(f"{'    ' * depth}{line}\n" for line in lines)


def activation_text(formulas: Sequence[Formula]) -> str:
    """The functions `phi` and `dphi` of all activations: a loop over neurons for each code."""
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


def step_text(step: Step) -> str:
    """The functions of a rule: `prepare`, what a layer's weights have in common, and `step`."""
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


def _step_loop(step: Step, lines: Lines, gain: list[str]) -> list[str]:
    slots = range(step.n_slots)
    places = ["w[k]", *(f"state[{i} * size + k]" for i in slots)]
    names = ["w_k", *(f"s{i}_k" for i in slots)]
    body = [f"{name} = {place}" for name, place in zip(names, places, strict=True)]
    body += [*gain, *lines.each]
    changed = zip(places, names, lines.results, strict=True)
    body += [f"{place} = {result}" for place, name, result in changed if result != name]
    return ["for k in range(count):", *(f"    {line}" for line in body)]


@lru_cache(maxsize=64)
def source_of(formulas: tuple[Formula, ...], step_text: str, dtype: str) -> str:
    """The text of the pass for activations, a rule and a dtype, which Numba compiles.

    Parameters
    ----------
    formulas : tuple of Formula
        Of all activations; the place of each is its code in the tables of `compiled_rows`.
    step_text : str
        The rule (see `step_text`).
    dtype : {"float32", "float64"}
    """
    return (
        beginning(dtype)
        + activation_text(formulas)
        + step_text
        + _ENTRY.format(dtype=dtype, headroom=HEADROOM)
    )


def cost_text(cost: Cost, dtype: str) -> str:
    """The text of the cost of a row: it is returned, and the error signal or delta written."""
    numbers = [f"p{i} = p[{i}]" for i in range(len(cost.numbers))]
    return beginning(dtype) + _COST.format(dtype=dtype) + _indented(1, [*numbers, *cost.lines])


@cache
def beginning(dtype: str) -> str:
    """What every text begins with."""
    made_of = hashlib.sha256(Path(__file__).with_name("kernels.py").read_bytes()).hexdigest()
    return (
        f'"""Made by skbackprop.engines, for kernels {made_of[:16]}; an edit is overwritten."""\n'
        + _HEADER.format(dtype=dtype)
        + "\n\n"
    )
