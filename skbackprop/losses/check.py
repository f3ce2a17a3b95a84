"""The numerical check of a user's own loss: whether `error` is the slope of `value`."""

from __future__ import annotations

import numpy as np

from ..activations.activation import ACTIVATIONS, Activation
from ..activations.mixed import Mixed
from ..registry import is_ours
from .head import Head

__all__ = ["check_loss"]


_CHECKED_ROWS, _CHECKED_DIRECTIONS, _CHECK_STEPS = 12, 8, (1e-5, 1e-3, 1e-2)


def check_loss(head: Head, targets) -> None:
    """Check that a user's loss gives a cost for each row, and the slope of that cost.

    For a few of the targets, at random v in float64, the local gradients of the output neurons are
    compared with central differences of the summed cost in random directions of v. Steps of several
    sizes are tried, so that a loss may compute in float32; what round-off hides is passed over.

    Parameters
    ----------
    head : Head
        Nothing happens if its loss has ``check_error = False``, or is one of the package. The slope
        is not compared behind an output activation of the user's own that has ``check=False``.
    targets : ndarray or CSR
        Of a row at least.

    Raises
    ------
    ValueError
        If something is wrong; the message shows what.
    """
    if not head.loss.check_error or is_ours(type(head.loss)):
        return
    with np.errstate(all="ignore"):
        d = head.encode(targets[np.arange(_CHECKED_ROWS) % targets.shape[0]], np.float64)
        rng = np.random.default_rng(1974)  # not a seed that y itself may come from
        v = rng.normal(size=(len(d), head.n_units()))
        y = head.output.phi(v.copy())
        values = _checked(head, "value(d, y, v)", (len(v),), d, y, v)
        e = None if head.fused else _checked(head, "error(d, y)", v.shape, d, y)
        if not _is_smooth(head.output):
            return
        delta = head.output_delta(d, y, v, np.empty_like(v))
        precision = max(np.finfo(a.dtype).eps for a in (values, e) if a is not None)
        usable = np.isfinite(values) & np.isfinite(delta).all(axis=1)
        noise = 16.0 * precision * float(np.abs(values[usable]).sum())
        wrong = []
        for direction in rng.normal(size=(_CHECKED_DIRECTIONS, *v.shape)):
            direction[~usable] = 0.0
            given = float((delta * direction)[usable].sum())
            numeric = _numeric_slope(head, d, v, direction, given, noise)
            if numeric is not None:
                wrong.append((given, numeric))
    if 2 * len(wrong) > _CHECKED_DIRECTIONS:  # of a right slope, one in a while meets a kink
        given, numeric = wrong[0]
        part = "fused_delta()" if head.fused else "error()"
        raise ValueError(
            f"loss {head.loss!r}: {part} is not the slope of value(): in a random direction of the "
            f"outputs' v it gives {given:.6g}, but the cost falls by {numeric:.6g} a step. Correct "
            "it, or set check_error = False in the class if the difference is on purpose."
        )


def _checked(head: Head, call: str, shape: tuple[int, ...], *arguments: np.ndarray) -> np.ndarray:
    """What a method gives, as floats of that shape; its arguments must be left alone."""
    copies = [a.copy() for a in arguments]
    given = np.asarray(getattr(head, call.partition("(")[0])(*copies))
    for name, before, after in zip("dyv", arguments, copies, strict=False):
        if not np.array_equal(before, after, equal_nan=True):
            raise ValueError(
                f"loss {head.loss!r}: {call} writes into its argument {name}, which may be a "
                "part of the user's y; work on a copy."
            )
    if given.shape != shape:
        raise ValueError(
            f"loss {head.loss!r}: {call} gives shape {given.shape} for outputs of shape "
            f"{arguments[1].shape}; it must give {shape}."
        )
    return given if given.dtype.kind == "f" else given.astype(np.float64)


def _is_smooth(output: Activation) -> bool:
    """Whether dphi is the slope of phi: of the package's own, and of all that is checked."""
    members = output.activations if isinstance(output, Mixed) else (output,)
    return all(member.check or member in ACTIVATIONS.values() for member in members)


def _numeric_slope(head: Head, d, v, direction, given: float, noise: float) -> float | None:
    """The numeric slope of the summed cost if it is not the given one; None if it is, or may be."""
    usable = direction.any(axis=1)

    def cost(at: np.ndarray) -> float:
        return float(head.value(d, head.output.phi(at.copy()), at)[usable].sum())

    numeric = None
    for step in _CHECK_STEPS:
        difference = (cost(v - step * direction) - cost(v + step * direction)) / (2.0 * step)
        size = abs(difference) + abs(given)
        if not noise / step + 1e-9 < 0.01 * size:
            continue  # round-off hides it, or nothing is finite, or both are zero
        if abs(difference - given) <= 1e-3 * size + noise / step:
            return None
        numeric = difference
    return numeric
