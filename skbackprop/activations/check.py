"""The numerical check of a user's own activation: whether `dphi` is the derivative of `phi`."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ..signal_handlers import Watch
from .activation import INF, Activation, Array
from .mixed import Mixed

__all__ = ["check_activation"]


def check_activation(activation: Activation, *, force: bool = False) -> None:
    """Check that a custom activation is sound and that its `dphi` is the derivative of its `phi`.

    `dphi` is compared with difference quotients of `phi` in float64 at 0 and at 200 points of
    [-8, 8]. Where phi has a kink or a jump, any value between its one-sided slopes is right. In
    addition `phi` and `dphi` must be elementwise, finite, of the right shape, and leave their
    arguments alone; `phi_into` must do what `phi` does.

    Parameters
    ----------
    activation : Activation
        For a `Mixed`, each distinct member is checked.
    force : bool, default=False
        Check also what was made with ``check=False``, such as the built-in activations.

    Raises
    ------
    ValueError
        If something is wrong; the message shows where. Nothing happens if `activation.check` is
        False, or for an activation that is not elementwise.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Activation
    >>> from skbackprop.activations import check_activation
    >>> def dsin(v, y):
    ...     return -np.cos(v)
    >>> try:
    ...     check_activation(Activation(np.sin, dsin, name="sin"))
    ... except ValueError as error:
    ...     print(str(error).split(":")[0])
    Activation 'sin'
    """
    if isinstance(activation, Mixed):
        checked: set[Activation] = set()
        for j, member in enumerate(activation.activations):
            if member in checked or not (member.check or force):
                continue
            checked.add(member)
            try:
                check_activation(member, force=force)
            except ValueError as error:
                raise ValueError(f"Mixed: activations[{j}]: {error}") from error
        return
    if not activation.elementwise or not (activation.check or force):
        return
    # What overflows on the way to a finite result is not the business of this check.
    with np.errstate(all="ignore"):
        v = _grid()
        y = _call(activation, "phi", v)
        slope = _call(activation, "dphi", v, y)
        _check_elementwise(activation, v, y, slope)
        _check_into(activation, v, y)
        _check_slope(activation, v, y, slope)
        _check_single_precision(activation, v)


def _grid() -> Array:
    """Return 201 points in an array of 67 rows; apart from 0, none is a likely place of a kink."""
    return np.insert(np.linspace(-7.97, 7.97, 200), 100, 0.0).reshape(67, 3)


def _complain(activation: Activation, problem: str) -> ValueError:
    return ValueError(f"Activation {activation.name!r}: {problem}")


def _call(activation: Activation, function: str, *arguments: Array) -> Array:
    """Call phi or dphi on copies and check all that can be checked about one call."""
    call = "phi(v)" if function == "phi" else "dphi(v, y)"
    v = arguments[0]
    given = [argument.copy() for argument in arguments]
    try:
        result = np.array(getattr(activation, function)(*given))
    except Exception as error:
        error.add_note(f"Raised by {call} of activation {activation.name!r}, v.shape={v.shape}.")
        raise
    for symbol, before, after in zip("vy", arguments, given, strict=False):
        if not np.array_equal(before, after):
            raise _complain(activation, f"{call} writes into its argument {symbol}; return a copy.")
    if result.dtype.kind not in "fiub":
        raise _complain(activation, f"{call} returns dtype {result.dtype}, not real numbers.")
    if function == "dphi" and result.ndim == 0:
        result = np.full(v.shape, result)  # a constant slope
    if result.shape != v.shape:
        raise _complain(
            activation,
            f"{call} returns shape {result.shape} for v of shape {v.shape}; it must be the same.",
        )
    finite = np.isfinite(result)
    if not finite.all():
        where = ~finite
        raise _complain(
            activation, f"{call} is not finite: {result[where][0]:g} at v={v[where][0]:.6g}."
        )
    return result


def _close(a: Array, b: Array) -> bool:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-7 * np.abs(b).max(initial=0.0)))


def _check_elementwise(activation: Activation, v: Array, y: Array, slope: Array) -> None:
    """Compare with the same numbers in other surroundings: another order, shape and row count."""

    def rearranged(array: Array) -> list[Array]:
        return [array.ravel()[::-1].reshape(3, 67), array[20:21], array[:, 2:], array[40:41, 1:2]]

    for some_v, some_y, some_slope in zip(
        rearranged(v), rearranged(y), rearranged(slope), strict=True
    ):
        for call, expected, result in (
            ("phi(v)", some_y, _call(activation, "phi", some_v)),
            ("dphi(v, y)", some_slope, _call(activation, "dphi", some_v, some_y)),
        ):
            if not _close(result, expected):
                raise _complain(
                    activation,
                    f"{call} is not elementwise: the same v gives other values among other "
                    f"neurons or rows (array of shape {some_v.shape} against {v.shape}).",
                )


def _check_into(activation: Activation, v: Array, y: Array) -> None:
    if activation.phi_into is None:
        return
    given, out = v.copy(), np.full_like(v, np.nan)
    activation.phi_into(given, out)
    if not np.array_equal(given, v):
        raise _complain(activation, "phi_into(v, out) writes into v.")
    in_place = v.copy()
    activation.phi_into(in_place, in_place)
    for result, call in ((out, "phi_into(v, out)"), (in_place, "phi_into(v, v)")):
        if not _close(result, y):
            # A result that is not written at all is nan, the farthest of all.
            distance = np.nan_to_num(np.abs(result - y), nan=INF).ravel()
            worst = int(np.argmax(distance))
            raise _complain(
                activation,
                f"{call} contradicts phi(v): at v={v.flat[worst]:.6g} it gives "
                f"{result.flat[worst]:.6g}, phi gives {y.flat[worst]:.6g}.",
            )


def _check_slope(activation: Activation, v: Array, y: Array, slope: Array) -> None:
    """Compare dphi with difference quotients of phi."""
    low, high, numeric, tolerance = _difference_quotients(activation, v, y)

    def wrong(slope: Array) -> NDArray[np.bool_]:
        allowed = tolerance(slope)
        return (slope < low - allowed) | (slope > high + allowed)

    slope = slope.astype(np.float64)
    bad = wrong(slope)
    if not bad.any():
        return
    where = v[bad]
    worst = int(np.argmax(np.where(bad, np.abs(slope - numeric), -1.0)))
    side = ""
    if where.max() < 0 or where.min() > 0:
        side = f" (all with v {'<' if where.max() < 0 else '>'} 0)"
    hint = ""
    with Watch(), suppress(Exception):  # then only the search for a hint failed
        swapped = _call(activation, "dphi", y.astype(np.float64), v).astype(np.float64)
        if not wrong(swapped).any():
            hint = " It would be right with v and y exchanged: dphi is called as dphi(v, y)."
    raise _complain(
        activation,
        f"dphi contradicts phi at {bad.sum()} of {bad.size} points{side}: at "
        f"v={v.flat[worst]:.6g}, dphi(v, y)={slope.flat[worst]:.6g}, but the numeric slope of phi "
        f"is {numeric.flat[worst]:.6g}.{hint} Correct dphi, or give check=False if the difference "
        "is meant (a surrogate slope).",
    )


def _difference_quotients(
    activation: Activation, v: Array, y: Array
) -> tuple[Array, Array, Array, Callable[[Array], Array]]:
    """Return the least and greatest one-sided slope, the central one, and the tolerance."""
    dtype = y.dtype if y.dtype.kind == "f" else np.dtype(np.float64)
    if dtype == np.float64 and np.array_equal(y, y.astype(np.float32)):
        dtype = np.dtype(np.float32)  # computed in single precision, whatever it is kept in
    eps = float(np.finfo(dtype).eps)
    y = y.astype(np.float64)
    width = eps ** (1 / 3)

    def phi(v: Array) -> Array:
        return _call(activation, "phi", v).astype(np.float64)

    above, below = v + width, v - width
    y_above, y_below = phi(above), phi(below)
    forward = (y_above - y) / (above - v)
    backward = (y - y_below) / (v - below)
    central = (y_above - y_below) / (above - below)
    above, below = v + 2 * width, v - 2 * width
    coarse = (phi(above) - phi(below)) / (above - below)
    # Two step widths disagree by three times the truncation error, and at a kink nearby by much.
    truncation = 4 * np.abs(coarse - central)
    rounding = 16 * eps * np.maximum(np.abs(y), np.maximum(np.abs(y_above), np.abs(y_below)))
    absolute = truncation + rounding / width
    # At a jump or a vertical tangent the quotients grow without end as the step shrinks: there phi
    # has no slope that dphi could miss. If that is so at many points, phi is merely steep.
    endless = np.abs(central) - np.abs(coarse) > 0.1 * np.abs(central) + rounding / width
    if endless.sum() <= 10:
        absolute[endless] = np.inf
    relative = max(1e-4, 3 * math.sqrt(eps))

    def tolerance(slope: Array) -> Array:
        return absolute + relative * np.maximum(np.abs(slope), np.abs(central))

    low = np.minimum(np.minimum(forward, backward), central)
    high = np.maximum(np.maximum(forward, backward), central)
    return low, high, central, tolerance


def _check_single_precision(activation: Activation, v: Array) -> None:
    """Run what a network runs on float32 data."""
    v = v.astype(np.float32)
    y = activation.into(v, np.full_like(v, np.nan))
    if not np.isfinite(y).all():
        where = v[~np.isfinite(y)]
        raise _complain(activation, f"phi(v) is not finite for float32 at v={where[0]:.6g}.")
    _call(activation, "dphi", v, y)
