"""The per-sample pass for the compiler: the equations of `network` for one row at a time.

This module needs Numba, and is imported only by the code that `source` writes. What
differs from model to model is not here: activations, loss and update rule are functions of their
own, made from their NumPy source, and are called by their addresses.

All weights are read and written where they are, in the flat vector `w`: for a layer, n_in rows of
n_out weights, then n_out biases. A row's signals lie in `y`, `v` and `e`, each layer's from its own
offset, the input's first. The loops over weights take up to 32 numbers of a row at once, as a
`Vector`: what a compiler makes of short scalar loops is several times as slow. And they use bare
pointers, because Numba counts the references of the arrays that it hands from function to function.
Rows of weights whose signal is exactly zero add nothing, and are skipped where that pays.

The local gradients of all layers are there before the first weight changes. So an update that
comes near overflow (see `updates.headroom`) is refused whole, and NumPy is left to make it or to
say why not.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

# What the order of additions, and a fused multiply-add, may change; inf and nan stay what they are.
FLAGS = ("reassoc", "contract", "arcp", "nsz")
_OPTIONS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
jit = numba.njit(fastmath=set(FLAGS), **_OPTIONS)
part = numba.njit(fastmath=set(FLAGS), forceinline=True, **_OPTIONS)
inlined = numba.njit(fastmath=set(FLAGS), inline="always", **_OPTIONS)
exact = numba.njit(fastmath={"contract"}, **_OPTIONS)
exact_part = numba.njit(fastmath={"contract"}, forceinline=True, **_OPTIONS)

# Entries of `plan`: the number of layers of weights; whether the change is ``eta delta y`` and
# nothing else; where in `settings` the parameters of the rule and of the loss begin, and the loss's
# numbers for each output neuron; the addresses of the functions of loss and rule, and whether the
# loss gives the local gradients of the output neurons, or their error signals.
N_LAYERS, PLAIN, RULE, LOSS, COLUMNS, COST, PREPARE, STEP, FUSED, N_PLAN = range(10)
# Columns of `layers`, a row for each layer of weights: neurons before and after it; where its
# weights begin, and the signals before and after it; its groups (see below).
N_IN, N_OUT, WEIGHTS, BEFORE, AFTER, FIRST_GROUP, LAST_GROUP, N_COLUMNS = range(8)
# Columns of `groups`: the addresses of an activation's functions, and where in `settings` its
# parameters begin. Softmax has no address.
PHI, DELTA, PARAMETERS, N_GROUP = range(4)
SOFTMAX = 0
# Entries of `settings`, before what the rule and the activations are set to.
L1, L2, ETA = range(3)
PAD = 16  # each layer's signals begin at a multiple of this
CHUNK = 512  # weights that a rule is given at a time, if the layer's rows are not longer


# Vectors ------------------------------------------------------------------------------------------


class Vector(types.Type):
    """A few numbers of one dtype in a register."""

    def __init__(self, dtype, count: int):
        self.dtype = dtype
        self.count = count
        super().__init__(name=f"Vector({dtype}, {count})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        number = manager.lookup(vector.dtype).get_value_type()
        super().__init__(manager, vector, ir.VectorType(number, vector.count))


@intrinsic
def pointer(typing_context, array):
    """A pointer to a contiguous array's first number; its indices cost nothing, and no check."""

    def generate(context, builder, signature, arguments):
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def like(typing_context, array, number):
    """The number in the dtype of an array, which is given by a pointer."""

    def generate(context, builder, signature, arguments):
        return context.cast(builder, arguments[1], signature.args[1], signature.return_type)

    return array.dtype(array, number), generate


@intrinsic
def shifted(typing_context, array, index):
    """The pointer to the number at `index`."""

    def generate(context, builder, signature, arguments):
        return builder.gep(*_place_of(arguments))

    return array(array, index), generate


def _make_at(kind):
    """A function that gives a pointer to numbers of a kind."""

    @intrinsic
    def at(typing_context, address):
        """A pointer to the numbers at an address."""

        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), generate

    return at


decimals_at, places_at = _make_at(types.float64), _make_at(types.int32)


def make_load(count: int):
    """A function that gives a vector of numbers from an array."""

    @intrinsic
    def load(typing_context, array, index):
        """`count` numbers from `index` on."""

        def generate(context, builder, signature, arguments):
            kind = context.get_value_type(signature.return_type)
            place = builder.bitcast(builder.gep(*_place_of(arguments)), kind.as_pointer())
            number = context.get_value_type(signature.args[0].dtype)
            return builder.load(place, align=context.get_abi_sizeof(number), typ=kind)

        return Vector(array.dtype, count)(array, index), generate

    return load


def make_store(count: int):
    """A function that writes a vector of numbers into an array."""

    @intrinsic
    def store(typing_context, array, index, vector):
        """Write `count` numbers, from `index` on."""

        def generate(context, builder, signature, arguments):
            vector = arguments[2]
            place = builder.bitcast(builder.gep(*_place_of(arguments)), vector.type.as_pointer())
            number = context.get_value_type(signature.args[0].dtype)
            builder.store(vector, place, align=context.get_abi_sizeof(number))
            return context.get_dummy_value()

        return types.void(array, index, vector), generate

    return store


def _place_of(arguments):
    array, index = arguments[:2]
    return array, [index]


def spread(builder, number, count: int):
    """A vector of one number, so many times."""
    kind = ir.VectorType(number.type, count)
    lanes = ir.VectorType(ir.IntType(32), count)
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(lanes, [0] * count))


@intrinsic
def add_scaled(typing_context, total, factor, vector):
    """``total + factor * vector``; the factor is a number."""

    def generate(context, builder, signature, arguments):
        total, factor, vector = arguments
        factor = spread(builder, factor, total.type.count)
        product = builder.fmul(factor, vector, flags=FLAGS)
        return builder.fadd(total, product, flags=FLAGS)

    return total(total, factor, vector), generate


@intrinsic
def where(typing_context, condition, a, b):
    """`a` where the condition holds, else `b`: both are there, and no branch stops vector code."""
    kind = typing_context.unify_types(a, b)

    def generate(context, builder, signature, arguments):
        return builder.select(*arguments)

    return kind(types.boolean, kind, kind), generate


def _called(context, builder, signature, arguments):
    """Call the function at an address, the first argument, with the others."""
    kinds = [argument.type for argument in arguments[1:]]
    function = ir.FunctionType(ir.VoidType(), kinds)
    builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
    return context.get_dummy_value()


_i, _f = types.int64, types.float64


@intrinsic
def call_cost(typing_context, address, count, n, p, columns, d, v, y, e, costs):
    """Call a loss's function (`source.cost_text`): `e` of some rows is written, and their costs."""
    signature = types.void(_i, _i, _i, p, columns, d, v, y, e, costs)
    return signature, _called


@intrinsic
def call_phi(typing_context, address, p, v, y, count):
    """Call an activation's function (`source.activation_text`): `y` is written."""
    return types.void(_i, p, v, y, _i), _called


@intrinsic
def call_delta(typing_context, address, p, v, y, e, count):
    """Call the other function of an activation: `e` is multiplied by the slope."""
    return types.void(_i, p, v, y, e, _i), _called


@intrinsic
def call_prepare(typing_context, address, p, eta, t, shared):
    """Call a rule's function (`source.rule_text`): what some weights have in common is written."""
    return types.void(_i, p, _f, _i, shared), _called


@intrinsic
def call_step(
    typing_context, address, w, state, gains, size, n_gains, g, count, p, eta, factor, t, shared
):
    """Call the other function of a rule: some weights are moved."""
    signature = types.void(_i, w, state, gains, _i, _i, g, _i, p, _f, _f, _i, shared)
    return signature, _called


@intrinsic
def call_product(
    typing_context,
    address,
    a,
    across,
    along,
    b,
    ldb,
    c,
    ldc,
    n_rows,
    n_columns,
    n_k,
    start,
    ld_start,
):
    """Call the product of matrices (`products`): ``C = C_0 + A B`` is written to `c`."""
    signature = types.void(_i, a, _i, _i, b, _i, c, _i, _i, _i, _i, start, _i)
    return signature, _called


# Functions for the activations --------------------------------------------------------------------
# Written so that a loop over neurons becomes vector code, which calls of the C library prevent. As
# exact as these are, to a few units in the last place.


@intrinsic
def _bits_of(typing_context, number):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _from_bits(typing_context, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUNDER = 6755399441055744.0  # 1.5 * 2**52: what is added to it is rounded to a whole number
_ROUNDER_BITS = 0x4338000000000000


@exact
def _two_to(n):
    """``2.0 ** n`` for a whole n of -1022 .. 1023."""
    return _from_bits((n + 1023) << 52)


@exact
def _reduced(x):
    """The whole n nearest to ``x / log(2)``, and ``exp(x - n log(2)) - 1``."""
    shifted = x * _LOG2_E + _ROUNDER
    whole = shifted - _ROUNDER
    r = x - whole * _LN2_HIGH
    r = r - whole * _LN2_LOW
    # The Taylor series to r**13, its terms added in pairs (Estrin): |r| <= log(2) / 2.
    r2 = r * r
    r4 = r2 * r2
    low = (0.5 + r * (1 / 6)) + r2 * (1 / 24 + r * (1 / 120))
    middle = (1 / 720 + r * (1 / 5040)) + r2 * (1 / 40320 + r * (1 / 362880))
    high = (1 / 3628800 + r * (1 / 39916800)) + r2 * (1 / 479001600 + r * (1 / 6227020800))
    return _bits_of(shifted) - _ROUNDER_BITS, r + r2 * (low + r4 * (middle + r4 * high))


@exact
def exp(x):
    """``e ** x``."""
    if x < -746.0:
        x = -746.0
    if x > 710.0:
        x = 710.0
    n, p = _reduced(x)
    half = n >> 1  # in two steps, because 2 ** n may be out of range where e ** x is not
    return (1.0 + p) * _two_to(half) * _two_to(n - half)


@exact
def expm1(x):
    """``e ** x - 1``, exact for small x too."""
    if x < -40.0:
        x = -40.0
    if x > 710.0:
        x = 710.0
    n, p = _reduced(x)
    half = n >> 1
    scale = _two_to(half)
    other = _two_to(n - half)
    if n > 60:
        return (1.0 + p) * scale * other
    return scale * other * p + (scale * other - 1.0)


@exact
def tanh(x):
    """``-z / (2 + z)`` with ``z = exp(-2 |x|) - 1``, under the sign of x."""
    z = -2.0 * abs(x)
    if z < -40.0:
        z = -40.0
    n, p = _reduced(z)
    scale = _two_to(n)
    z = scale * p + (scale - 1.0)
    return math.copysign(z / (2.0 + z), x)


@exact
def expit(x):
    """``1 / (1 + exp(-x))``."""
    return 1.0 / (1.0 + exp(-x))


# ``log(m)`` for ``1 + x = 2**n m`` with m within a factor of sqrt(2) of 1, by the series of fdlibm
# (Sun, 1993) in ``s = (m - 1) / (m + 1)``; what 1 + x has lost by rounding is added at the end.
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_ONE_BITS = 0x3FF0000000000000


@exact
def log1p(x):
    """``log(1 + x)``, exact for small x too."""
    u = 1.0 + x
    bits = _bits_of(u) + (_ONE_BITS - _SQRT_HALF_BITS)
    exponent = bits >> 52
    f = _from_bits(bits - (exponent << 52) + _SQRT_HALF_BITS) - 1.0
    n = _from_bits(exponent - 1023 + _ROUNDER_BITS) - _ROUNDER
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    even = z2 * (0.3999999999940941908 + z2 * (0.2222219843214978396 + z2 * 0.1531383769920937332))
    odd = 0.6666666666666735130 + z2 * (
        0.2857142874366239149 + z2 * (0.1818357216161805012 + z2 * 0.1479819860511658591)
    )
    half = 0.5 * f * f
    lost = (x - (u - 1.0)) / u
    log = n * _LN2_HIGH - ((half - (s * (half + (z * odd + even)) + (n * _LN2_LOW + lost))) - f)
    log = where(x > -1.0, log, where(x == -1.0, -math.inf, math.nan))
    return where(x < math.inf, log, x)


# The same in float32, to 2.5 units in the last place: twice as fast as through float64.


@intrinsic
def _bits_of_32(typing_context, number):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _from_bits_32(typing_context, bits):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


_f4, _i4 = np.float32, np.int32
_LOG2_E_32 = _f4(_LOG2_E)
_LN2_HIGH_32, _LN2_LOW_32 = _f4(0.693359375), _f4(-2.12194440e-4)
_ROUNDER_32 = _f4(12582912.0)  # 1.5 * 2**23
_ROUNDER_BITS_32 = _i4(0x4B400000)


@exact
def _two_to_32(n):
    """``2 ** n`` for a whole n of -126 .. 127."""
    return _from_bits_32((n + _i4(127)) << _i4(23))


@exact
def _reduced_32(x):
    """The whole n nearest to ``x / log(2)``, and ``exp(x - n log(2)) - 1``."""
    shifted = x * _LOG2_E_32 + _ROUNDER_32
    whole = shifted - _ROUNDER_32
    r = x - whole * _LN2_HIGH_32
    r = r - whole * _LN2_LOW_32
    r2 = r * r
    low = _f4(1 / 2) + r * _f4(1 / 6)
    high = (_f4(1 / 24) + r * _f4(1 / 120)) + r2 * (_f4(1 / 720) + r * _f4(1 / 5040))
    return _bits_of_32(shifted) - _ROUNDER_BITS_32, r + r2 * (low + r2 * high)


@exact
def exp_32(x):
    """``e ** x``."""
    x = _f4(x)
    if x < _f4(-104.0):
        x = _f4(-104.0)
    if x > _f4(89.0):
        x = _f4(89.0)
    n, p = _reduced_32(x)
    half = n >> _i4(1)
    return (_f4(1.0) + p) * _two_to_32(half) * _two_to_32(n - half)


@exact
def expm1_32(x):
    """``e ** x - 1``, exact for small x too."""
    x = _f4(x)
    if x < _f4(-20.0):
        x = _f4(-20.0)
    if x > _f4(89.0):
        x = _f4(89.0)
    n, p = _reduced_32(x)
    half = n >> _i4(1)
    scale = _two_to_32(half)
    other = _two_to_32(n - half)
    if n > _i4(30):
        return (_f4(1.0) + p) * scale * other
    return scale * other * p + (scale * other - _f4(1.0))


@exact
def tanh_32(x):
    """``-z / (2 + z)`` with ``z = exp(-2 |x|) - 1``, under the sign of x."""
    x = _f4(x)
    z = _f4(-2.0) * abs(x)
    if z < _f4(-20.0):
        z = _f4(-20.0)
    n, p = _reduced_32(z)
    scale = _two_to_32(n)
    z = scale * p + (scale - _f4(1.0))
    return _f4(math.copysign(z / (_f4(2.0) + z), x))


@exact
def expit_32(x):
    """``1 / (1 + exp(-x))``, by an exponential that does not overflow."""
    e = exp_32(-abs(x))
    return where(x < _f4(0.0), e, _f4(1.0)) / (_f4(1.0) + e)


_SQRT_HALF_BITS_32 = _i4(0x3F3504F3)
_ONE_BITS_32 = _i4(0x3F800000)


@exact
def log1p_32(x):
    """``log(1 + x)``, exact for small x too."""
    x = _f4(x)
    u = _f4(1.0) + x
    bits = _bits_of_32(u) + (_ONE_BITS_32 - _SQRT_HALF_BITS_32)
    exponent = bits >> _i4(23)
    f = _from_bits_32(bits - (exponent << _i4(23)) + _SQRT_HALF_BITS_32) - _f4(1.0)
    n = _f4(exponent - _i4(127))
    s = f / (_f4(2.0) + f)
    z = s * s
    z2 = z * z
    odd, even = _f4(0.66666662693) + z2 * _f4(0.28498786688), _f4(0.40000972152)
    even = z2 * (even + z2 * _f4(0.24279078841))
    half = _f4(0.5) * f * f
    lost = (x - (u - _f4(1.0))) / u
    low = n * _LN2_LOW_32 + lost
    log = n * _LN2_HIGH_32 - ((half - (s * (half + (z * odd + even)) + low)) - f)
    log = where(x > _f4(-1.0), log, where(x == _f4(-1.0), _f4(-math.inf), _f4(math.nan)))
    return where(x < _f4(math.inf), log, x)


# One layer, one row -------------------------------------------------------------------------------
# `signals` is what enters a layer: ``(y, n_in, rows, n_rows)``, pointers and numbers; `rows` lists
# the i whose y_i is not zero, or `n_rows` is -1 and all count. A block is as many neurons as a
# vector has numbers: w, v and steps point at its first one.


def _make_block(count: int):
    load = make_load(count)
    store = make_store(count)

    @jit
    def fields(w, n_out, signals, v):
        """``v_j = w_j0 + sum_i w_ji y_i`` for the neurons j of a block."""
        y, n_in, rows, n_rows = signals
        total = load(w, n_in * n_out)
        if n_rows < 0:
            for i in range(n_in):
                total = add_scaled(total, y[i], load(w, i * n_out))
        else:
            for q in range(n_rows):
                total = add_scaled(total, y[rows[q]], load(w, rows[q] * n_out))
        store(v, 0, total)

    @jit
    def change(w, n_out, signals, steps):
        """``w_ji += eta delta_j y_i`` for the neurons j of a block; `steps` are eta delta."""
        y, n_in, rows, n_rows = signals
        step = load(steps, 0)
        if n_rows < 0:
            for i in range(n_in):
                store(w, i * n_out, add_scaled(load(w, i * n_out), y[i], step))
        else:
            for q in range(n_rows):
                k = rows[q] * n_out
                store(w, k, add_scaled(load(w, k), y[rows[q]], step))
        k = n_in * n_out  # y_0 = 1 drives the bias
        store(w, k, add_scaled(load(w, k), like(w, 1.0), step))

    return fields, change


def _make_layer(blocks):
    of_32, of_8, of_4, of_2, of_1 = blocks

    @jit
    def layer(w, n_out, signals, out):
        """The blocks of a layer, the widest first."""
        j = 0
        while j + 32 <= n_out:
            of_32(shifted(w, j), n_out, signals, shifted(out, j))
            j += 32
        while j + 8 <= n_out:
            of_8(shifted(w, j), n_out, signals, shifted(out, j))
            j += 8
        if j + 4 <= n_out:
            of_4(shifted(w, j), n_out, signals, shifted(out, j))
            j += 4
        if j + 2 <= n_out:
            of_2(shifted(w, j), n_out, signals, shifted(out, j))
            j += 2
        if j < n_out:
            of_1(shifted(w, j), n_out, signals, shifted(out, j))

    return layer


_WIDTHS = 32, 8, 4, 2, 1
_FIELDS, _CHANGES = zip(*map(_make_block, _WIDTHS), strict=True)
_fields, _change = _make_layer(_FIELDS), _make_layer(_CHANGES)


def _make_known_layer(blocks, n_out):
    """What `_make_layer` gives, for a number of neurons that is known."""
    places, j = [], 0
    for width, block in zip(_WIDTHS, blocks, strict=True):
        while j + width <= n_out:
            places.append((block, j))
            j += width
    layer = None
    for block, j in reversed(places):
        layer = _block_and(block, j, layer)
    return layer


def _block_and(block, j, others):
    """The block of neurons from the j-th on, and the others after it, if there are any."""
    if others is None:

        @part
        def layer(w, n_out, signals, out):
            block(shifted(w, j), n_out, signals, shifted(out, j))

    else:

        @part
        def layer(w, n_out, signals, out):
            block(shifted(w, j), n_out, signals, shifted(out, j))
            others(w, n_out, signals, out)

    return layer


@jit
def _errors(w, n_out, n_in, delta, e):
    """``e_i = sum_k delta_k w_ki``: the error signal of each neuron i before the layer."""
    for i in range(n_in):
        total = like(w, 0.0)
        for k in range(n_out):
            total += w[i * n_out + k] * delta[k]
        e[i] = total


@jit
def squares(a, count):
    """``sum_i a_i**2``."""
    total = like(a, 0.0)
    for i in range(count):
        total += a[i] * a[i]
    return total


@jit
def _list_rows(y, n_in, rows):
    """List the rows whose signal is not zero; -1, and no list, if that is most of them."""
    n_zero = 0
    for i in range(n_in):
        n_zero += y[i] == 0.0
    if 4 * n_zero < n_in:
        return -1
    n_rows = 0
    for i in range(n_in):
        rows[n_rows] = i
        n_rows += y[i] != 0.0
    return n_rows


# The activations of a layer -----------------------------------------------------------------------
# A group is what has one activation: in most layers all neurons, in a mixed one those whose
# `member` is the group's number. The signals of a layer are followed by as many unused places as
# make them a multiple of PAD, so that loops over neurons need no rest.


@jit
def _groups_of(layers, layer):
    """The first and the last group of a layer, and its padded number of neurons."""
    row = shifted(layers, layer * N_COLUMNS)
    return row[FIRST_GROUP], row[LAST_GROUP], (row[N_OUT] + PAD - 1) // PAD * PAD


@jit
def _outputs(tables, layer, signals, scratch):
    """``y_j = phi_j(v_j)`` of the neurons after a layer."""
    _, layers, groups, member, settings = tables
    v, y, _ = signals
    first, last, padded = _groups_of(layers, layer)
    if groups[N_GROUP * first] == SOFTMAX:
        softmax(v, y, layers[layer * N_COLUMNS + N_OUT])
    elif last == first:
        group = shifted(groups, N_GROUP * first)
        call_phi(group[PHI], shifted(settings, group[PARAMETERS]), v, y, padded)
    else:
        member = shifted(member, layers[layer * N_COLUMNS + AFTER])
        for number in range(first, last + 1):
            group = shifted(groups, N_GROUP * number)
            call_phi(group[PHI], shifted(settings, group[PARAMETERS]), v, scratch, padded)
            for j in range(padded):
                if member[j] == number:
                    y[j] = scratch[j]


@jit
def _local_gradients(tables, layer, signals, scratch):
    """``delta_j = e_j phi_j'(v_j)`` of the neurons after a layer, in the place of e."""
    _, layers, groups, member, settings = tables
    v, y, e = signals
    first, last, padded = _groups_of(layers, layer)
    if groups[N_GROUP * first] == SOFTMAX:
        softmax_gradients(y, e, layers[layer * N_COLUMNS + N_OUT])
    elif last == first:
        group = shifted(groups, N_GROUP * first)
        call_delta(group[DELTA], shifted(settings, group[PARAMETERS]), v, y, e, padded)
    else:
        # Each group multiplies all of a copy; what is its own is taken over.
        member = shifted(member, layers[layer * N_COLUMNS + AFTER])
        for number in range(first, last + 1):
            group = shifted(groups, N_GROUP * number)
            for j in range(padded):
                scratch[j] = e[j]
            call_delta(group[DELTA], shifted(settings, group[PARAMETERS]), v, y, scratch, padded)
            for j in range(padded):
                if member[j] == number:
                    e[j] = scratch[j]


def _make_known_activation(phi, delta):
    """What `_outputs` and `_local_gradients` are, for functions that are known; None is softmax."""
    if phi is None:

        @part
        def outputs(tables, layer, signals, scratch):
            softmax(signals[0], signals[1], tables[1][layer * N_COLUMNS + N_OUT])

        @part
        def local_gradients(tables, layer, signals, scratch):
            softmax_gradients(signals[1], signals[2], tables[1][layer * N_COLUMNS + N_OUT])

    else:

        @part
        def outputs(tables, layer, signals, scratch):
            first, _, padded = _groups_of(tables[1], layer)
            p = shifted(tables[4], tables[2][N_GROUP * first + PARAMETERS])
            phi(p, signals[0], signals[1], padded)

        @part
        def local_gradients(tables, layer, signals, scratch):
            first, _, padded = _groups_of(tables[1], layer)
            p = shifted(tables[4], tables[2][N_GROUP * first + PARAMETERS])
            delta(p, signals[0], signals[1], signals[2], padded)

    return outputs, local_gradients


@jit
def softmax(v, y, n_out):
    """``y_j = exp(v_j) / sum_k exp(v_k)``."""
    largest = v[0]
    for j in range(n_out):
        largest = max(largest, v[j])
    total = 0.0
    for j in range(n_out):
        y[j] = exp(np.float64(v[j] - largest))
        total += y[j]
    for j in range(n_out):
        y[j] = y[j] / total


@jit
def softmax_gradients(y, e, n_out):
    """``delta_j = y_j (e_j - sum_k e_k y_k)``."""
    mean = like(y, 0.0)
    for j in range(n_out):
        mean += e[j] * y[j]
    for j in range(n_out):
        e[j] = (e[j] - mean) * y[j]


# The change of the weights by a rule --------------------------------------------------------------


@jit
def correct(w, count, g, settings):
    """Add the penalty's part to the correction `g` of some weights; returns the penalty."""
    l1, l2, half = like(w, settings[L1]), like(w, settings[L2]), like(w, 0.5)
    penalty = 0.0
    for k in range(count):
        sign = like(w, w[k] > 0.0) - like(w, w[k] < 0.0)
        g[k] = g[k] - l1 * sign - l2 * w[k]
        penalty += l1 * abs(w[k]) + half * l2 * w[k] * w[k]
    return penalty


def _make_change_by_rule(call_prepare, call_step):
    @jit
    def change_by_rule(
        n_in, n_out, start, y, delta, changing, plan, settings, eta, factor, t, work
    ):
        """Give the rule the layer's corrections ``delta_j y_i``, some rows of weights at a time.

        Returns the penalty of the layer's weights as they were.
        """
        w, size, state, gains, n_gains = changing
        g, shared = work
        p = shifted(settings, plan[RULE])
        call_prepare(plan[PREPARE], p, eta, t, shared)
        penalised = settings[L1] != 0.0 or settings[L2] != 0.0
        penalty = 0.0
        many = max(1, CHUNK // n_out)
        for first in range(0, n_in + 1, many):
            n_rows = min(many, n_in + 1 - first)
            for i in range(n_rows):
                # y_0 = 1 drives the biases, which follow the last row of weights
                signal = y[first + i] if first + i < n_in else like(w, 1.0)
                for j in range(n_out):
                    g[i * n_out + j] = signal * delta[j]
            k = start + first * n_out
            if penalised:
                n_weights = min(n_rows, n_in - first) * n_out
                penalty += correct(shifted(w, k), n_weights, g, settings)
            call_step(
                plan[STEP], shifted(w, k), shifted(state, k), shifted(gains, k), size, n_gains,
                g, n_rows * n_out, p, eta, factor, t, shared,
            )  # fmt: skip
        return penalty

    return change_by_rule


# The pass -----------------------------------------------------------------------------------------


@jit
def _layer(layers, layer):
    """What a layer is: n_in, n_out, and where its weights and the signals around it begin."""
    row = shifted(layers, layer * N_COLUMNS)
    return row[N_IN], row[N_OUT], row[WEIGHTS], row[BEFORE], row[AFTER]


@jit
def _take_dense(X, row, n_features, y):
    for i in range(n_features):
        y[i] = X[row * n_features + i]


@jit
def _take_sparse(X, indices, bounds, row, y, rows):
    """Write a sparse row into `y`, which is zero, and list its columns."""
    start = bounds[row]
    n_stored = bounds[row + 1] - start
    for q in range(n_stored):
        rows[q] = indices[start + q]
        y[rows[q]] = X[start + q]
    return n_stored


@jit
def _forget(y, rows, n_rows):
    """Set the listed inputs to zero again."""
    for q in range(n_rows):
        y[rows[q]] = 0.0


class Known(NamedTuple):
    """A network that the compiler is told of: its sizes are constants, and nothing is called.

    The functions are jitted ones, and take what those take that are called by their addresses.
    """

    sizes: tuple[int, ...]
    activations: tuple[tuple[Any, Any], ...]  # phi and delta of each layer; None of softmax
    cost: Any
    rule: tuple[Any, Any] | None  # prepare and step; None if the change is plain


# What is done to a layer is given its number and `flow`: ``tables, changing, n_stored, factor, t,
# work``, where `n_stored` counts the stored numbers of a sparse row, and is -1 of a dense one.


def _make_forward(known, layer):
    fields_of, outputs = _fields, _outputs
    any_rows = known is None
    if known is not None:
        fields_of = _make_known_layer(_FIELDS, known.sizes[layer + 1])
        outputs, _ = _make_known_activation(*known.activations[layer])

    @part
    def forward(layer, flow):
        """``v_j = sum_i w_ji y_i`` and ``y_j = phi_j(v_j)``; returns ``sum_j v_j**2``."""
        tables, changing, n_stored, _, _, work = flow
        y, v, _, scratch, rows, counts, _, _ = work
        n_in, n_out, start, before, after = _layer(tables[1], layer)
        entering, listed, fields = shifted(y, before), shifted(rows, before), shifted(v, after)
        n_rows = -1
        if any_rows:
            n_rows = n_stored
            if layer > 0 or n_stored < 0:
                n_rows = _list_rows(entering, n_in, listed)
            counts[layer] = n_rows
        fields_of(shifted(changing[0], start), n_out, (entering, n_in, listed, n_rows), fields)
        outputs(tables, layer, (fields, shifted(y, after), fields), scratch)
        return squares(fields, n_out)

    return forward


def _make_backward(known, layer):
    local_gradients = _local_gradients
    if known is not None:
        if layer == 0:
            return _nothing
        _, local_gradients = _make_known_activation(*known.activations[layer - 1])

    @part
    def backward(layer, flow):
        """``delta_i = phi_i'(v_i) sum_k delta_k w_ki`` of the neurons before a layer."""
        if layer == 0:
            return 0.0
        tables, changing, _, _, _, work = flow
        y, v, e, scratch, _, _, _, _ = work
        n_in, n_out, start, before, after = _layer(tables[1], layer)
        errors = shifted(e, before)
        _errors(shifted(changing[0], start), n_out, n_in, shifted(e, after), errors)
        local_gradients(
            tables, layer - 1, (shifted(v, before), shifted(y, before), errors), scratch
        )
        return 0.0

    return backward


@part
def _nothing(layer, flow):
    return 0.0


def _make_size(known, layer):
    is_plain = known is not None and known.rule is None

    @part
    def size_of(layer, flow):
        """What the criterion of `updates.headroom` counts of a layer.

        ``|g|^2`` is ``|delta|^2 |y|^2``, with ``y_0 = 1`` of the biases, and its largest eta is
        known.
        """
        (plan, layers, _, _, settings), changing, _, factor, _, work = flow
        w, y, e = changing[0], work[0], work[2]
        n_in, n_out, start, before, after = _layer(layers, layer)
        largest = like(w, max(1.0, settings[ETA + layer] * factor))
        slope = squares(shifted(e, after), n_out) * largest * largest
        size = slope * (1.0 + squares(shifted(y, before), n_in))
        if is_plain or plan[PLAIN]:
            return size
        # |w|^2 too, and the penalty's part of g, l1 sign(w) + l2 w
        pull, push = 1.0 + settings[L2] * largest, settings[L1] * largest
        return size + squares(shifted(w, start), (n_in + 1) * n_out) * pull * pull + push * push

    return size_of


def _make_change(known, layer):
    change_of, by_rule, any_rows = _change, (call_prepare, call_step), known is None
    if known is not None:
        change_of = _make_known_layer(_CHANGES, known.sizes[layer + 1])
        by_rule = known.rule

    @part
    def plainly(layer, flow):
        """``Dw_ji = eta delta_j y_i``."""
        (_, layers, _, _, settings), changing, _, factor, _, work = flow
        y, _, e, _, rows, counts, _, _ = work
        n_in, n_out, start, before, after = _layer(layers, layer)
        delta, eta = shifted(e, after), settings[ETA + layer] * factor
        for j in range(n_out):
            delta[j] = delta[j] * like(delta, eta)
        n_rows = counts[layer] if any_rows else -1
        signals = shifted(y, before), n_in, shifted(rows, before), n_rows
        change_of(shifted(changing[0], start), n_out, signals, delta)
        return 0.0

    if by_rule is None:
        return plainly
    change_by_rule = _make_change_by_rule(*by_rule)

    @part
    def change(layer, flow):
        """The change of a layer's weights; returns their penalty as they were."""
        (plan, layers, _, _, settings), changing, _, factor, t, work = flow
        y, _, e, _, _, _, g, shared = work
        if any_rows and plan[PLAIN]:
            return plainly(layer, flow)
        n_in, n_out, start, before, after = _layer(layers, layer)
        eta = settings[ETA + layer] * factor
        return change_by_rule(
            n_in, n_out, start, shifted(y, before), shifted(e, after), changing, plan, settings,
            eta, factor, t, (g, shared),
        )  # fmt: skip

    return change


def _for_layers(make, known, step=1):
    """What `make` gives for a layer, done to all; the sum of what it returns.

    By a loop from the first to the last, or by a negative step back; of a known network one after
    the other, for the number of each layer is a constant then.
    """
    if known is None:
        one = make(None, None)

        @part
        def each(count, flow):
            total = 0.0
            for k in range(count):
                total += one(k if step > 0 else count - 1 - k, flow)
            return total

        return each

    each = None
    for layer in reversed(range(len(known.sizes) - 1)[::step]):
        each = _layer_and(make(known, layer), layer, each)
    return each


def _layer_and(one, layer, others):
    """A layer, and the others that follow, if there are any."""
    if others is None:

        @part
        def each(count, flow):
            return one(layer, flow)

    else:

        @part
        def each(count, flow):
            return one(layer, flow) + others(count, flow)

    return each


def make_present(headroom, known=None):
    """The pass, for any network, activations, rule and loss; or for one that is known."""
    forward, sizes = _for_layers(_make_forward, known), _for_layers(_make_size, known)
    backward, change = _for_layers(_make_backward, known, -1), _for_layers(_make_change, known)
    cost_of_row, output_gradients, any_rows = call_cost, _local_gradients, known is None
    if known is not None:
        cost_of_row = known.cost
        _, output_gradients = _make_known_activation(*known.activations[-1])

    @inlined
    def present_one(row, data, changing, factor, t, tables, work):
        """Present one row; whether that was done, and the cost before it."""
        X, indices, bounds, is_sparse, d, scale, is_scaled = data
        plan, layers, _, _, settings = tables
        y, v, e, scratch, rows, _, _, shared = work
        n_layers = plan[N_LAYERS]
        top = n_layers - 1
        _, n_units, _, _, end = _layer(layers, top)
        n_stored = -1
        if any_rows and is_sparse:
            n_stored = _take_sparse(X, indices, bounds, row, y, rows)
        else:
            _take_dense(X, row, layers[N_IN], y)
        flow = tables, changing, n_stored, factor, t, work
        size = forward(n_layers, flow)
        # The output neurons.
        v, y, e = shifted(v, end), shifted(y, end), shifted(e, end)
        p, columns = shifted(settings, plan[LOSS]), shifted(settings, plan[COLUMNS])
        cost_of_row(plan[COST], 1, n_units, p, columns, shifted(d, row * n_units), v, y, e, shared)
        cost = shared[0]
        if not plan[FUSED]:
            output_gradients(tables, top, (v, y, e), scratch)
        size += squares(y, n_units)
        if is_scaled:
            cost *= scale[row]
            for j in range(n_units):
                e[j] = e[j] * scale[row]
        # Backward, with the weights as they are before this step's change.
        backward(n_layers, flow)
        # Whether it comes near overflow, before anything is applied. In the dtype of the weights,
        # which overflows sooner than the sum if it is float32. And math.isfinite takes x - x == 0,
        # which may become 0 == 0 when additions are reordered.
        size += abs(cost) + sizes(n_layers, flow)
        is_tame = like(v, size * headroom) < math.inf
        if is_tame:
            cost += change(n_layers, flow)
        if any_rows:
            _forget(work[0], rows, n_stored)
        return is_tame, cost

    @inlined
    def present(w, state, gains, X, indices, bounds, d, scale, factors, t, tables, work):
        """Present rows in order, an update each, and stop before one that needs care.

        Parameters
        ----------
        w : (P,) array
            The parameters; changed.
        state : (n_slots, P) array
            Of the rule; changed.
        gains : (2, P) array
            ``eta`` of each parameter, and whether it learns; empty if `settings` says it all.
        X : (n, n_features) array, or (1, n_stored) array
            The rows; or the stored numbers of sparse rows.
        indices, bounds : int32 array, int64 array of shape (n + 1,)
            Columns of the stored numbers, and where each row's begin; `bounds` is empty if X is
            dense.
        d : (n, n_units) array
            Desired outputs.
        scale : (n,) array
            Factor of each row; empty if all are one.
        factors : (n,) or (1,) array of float64
            Of eta, at each update or at all.
        t : int
            Updates that the rule has done.
        tables : tuple of arrays
            ``plan, layers, groups, member, settings``.
        work : tuple of arrays
            ``signals`` (4, n), ``rows``, ``g`` and ``shared``: scratch.

        Returns
        -------
        done : int
            Rows presented; the next one's v, delta or step may not be finite.
        total : float
            Their costs, each before its own update, summed.
        """
        plan, layers, groups, member, settings = tables
        signals, rows, g, shared = work
        n = signals.shape[1]
        y = pointer(signals)
        v, e, scratch = shifted(y, n), shifted(y, 2 * n), shifted(y, 3 * n)
        listed = pointer(rows)
        counts = shifted(listed, n)
        changing = pointer(w), w.size, pointer(state), pointer(gains), gains.size
        data = (
            pointer(X), pointer(indices), pointer(bounds), bounds.size > 0,
            pointer(d), pointer(scale), scale.size > 0,
        )  # fmt: skip
        known = (
            pointer(plan), pointer(layers), pointer(groups), pointer(member), pointer(settings)
        )  # fmt: skip
        scratches = y, v, e, scratch, listed, counts, pointer(g), pointer(shared)
        total = 0.0
        for row in range(d.shape[0]):
            factor = factors[row if factors.size > 1 else 0]
            done, cost = present_one(row, data, changing, factor, t + row, known, scratches)
            if not done:
                return row, total
            total += cost
        return d.shape[0], total

    return present
