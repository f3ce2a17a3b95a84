"""Products of small matrices, ``C = C_0 + A B``, for the compiler: a tile of C at a time.

A tile is a few rows of C, and as many of its columns as fill one or two registers. Along k each
number of A meets a vector of B, and the sums stay in registers until they are whole: so A and B are
read and C is written once a tile, and nothing is packed, as a BLAS must for matrices of any size.
That pays while a layer's weights are in the second-level cache; `compiled_batches` says where it
ends.

The numbers of A are reached by two strides, so that A may be a matrix or the transpose of one.
This module needs Numba.
"""

from __future__ import annotations

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .kernels import FLAGS, jit, shifted, spread

_FEATURES = llvmlite.binding.get_host_cpu_features()
# Of a register. What a processor does not have in one piece, LLVM makes of two.
VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
# Twelve registers of sums hide the latency of the additions, and leave some of sixteen.
_TILE_ROWS = (6, 2, 1)


def _load(builder, context, array, index, kind):
    number = builder.gep(array, [index])
    place = builder.bitcast(number, kind.as_pointer())
    return builder.load(place, align=context.get_abi_sizeof(kind.element), typ=kind)


def _make_tile(n_rows: int, width: int):
    """The product for a tile of C, `n_rows` by `width`."""

    @intrinsic
    def tile(typing_context, a, across, along, b, ldb, c, ldc, n_k, start, ld_start):
        """``c_rj = start_rj + sum_k a_rk b_kj``; a_rk is at ``r across + k along``."""

        def generate(context, builder, signature, arguments):
            a, across, along, b, ldb, c, ldc, n_k, start, ld_start = arguments
            number = context.get_value_type(signature.args[0].dtype)
            kind = ir.VectorType(number, width)
            rows = [ir.Constant(across.type, r) for r in range(n_rows)]
            steps = [builder.mul(r, across) for r in rows]
            totals = [cgutils.alloca_once(builder, kind) for _ in rows]
            for r, total in zip(rows, totals, strict=True):
                begin = _load(builder, context, start, builder.mul(r, ld_start), kind)
                builder.store(begin, total)
            with cgutils.for_range(builder, n_k) as loop:
                x = _load(builder, context, b, builder.mul(loop.index, ldb), kind)
                column = builder.mul(loop.index, along)
                for step, total in zip(steps, totals, strict=True):
                    place = builder.gep(a, [builder.add(column, step)])
                    factor = spread(builder, builder.load(place, typ=number), width)
                    product = builder.fmul(factor, x, flags=FLAGS)
                    builder.store(builder.fadd(builder.load(total), product, flags=FLAGS), total)
            align = context.get_abi_sizeof(number)
            for r, total in zip(rows, totals, strict=True):
                place = builder.gep(c, [builder.mul(r, ldc)])
                place = builder.bitcast(place, kind.as_pointer())
                builder.store(builder.load(total), place, align=align)
            return context.get_dummy_value()

        i = types.int64
        return types.void(a, i, i, b, i, c, i, i, start, i), generate

    return tile


def _make_columns(width: int):
    """The product for `width` columns of C, tile under tile."""
    tile_6, tile_2, tile_1 = (_make_tile(n_rows, width) for n_rows in _TILE_ROWS)

    @jit
    def columns(a, across, along, b, ldb, c, ldc, n_rows, n_k, start, ld_start):
        r = 0
        while r + 6 <= n_rows:
            tile_6(
                shifted(a, r * across), across, along, b, ldb, shifted(c, r * ldc), ldc, n_k,
                shifted(start, r * ld_start), ld_start,
            )  # fmt: skip
            r += 6
        while r + 2 <= n_rows:
            tile_2(
                shifted(a, r * across), across, along, b, ldb, shifted(c, r * ldc), ldc, n_k,
                shifted(start, r * ld_start), ld_start,
            )  # fmt: skip
            r += 2
        if r < n_rows:
            tile_1(
                shifted(a, r * across), across, along, b, ldb, shifted(c, r * ldc), ldc, n_k,
                shifted(start, r * ld_start), ld_start,
            )  # fmt: skip

    return columns


def make_product(dtype: np.dtype):
    """The product for matrices of a dtype."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    widths = [2 * lanes]
    while widths[-1] > 1:
        widths.append(widths[-1] // 2)

    product = None
    for width in reversed(widths):
        product = _with_wider(product, _make_columns(width), width)
    return product


def _with_wider(narrower, columns, width: int):
    """The product that takes `width` columns at a time, and leaves the rest to another."""

    @jit
    def last(a, across, along, b, ldb, c, ldc, n_rows, n_columns, n_k, start, ld_start):
        for j in range(n_columns):
            columns(
                a, across, along, shifted(b, j), ldb, shifted(c, j), ldc, n_rows, n_k,
                shifted(start, j), ld_start,
            )  # fmt: skip

    @jit
    def product(a, across, along, b, ldb, c, ldc, n_rows, n_columns, n_k, start, ld_start):
        """Write ``c_rj = start_rj + sum_k a_rk b_kj``; a_rk is at ``r across + k along``."""
        j = 0
        while j + width <= n_columns:
            columns(
                a, across, along, shifted(b, j), ldb, shifted(c, j), ldc, n_rows, n_k,
                shifted(start, j), ld_start,
            )  # fmt: skip
            j += width
        if j < n_columns:
            narrower(
                a, across, along, shifted(b, j), ldb, shifted(c, j), ldc, n_rows, n_columns - j,
                n_k, shifted(start, j), ld_start,
            )  # fmt: skip

    return last if narrower is None else product
