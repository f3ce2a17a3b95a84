"""Which engine presents rows, one by one or in batches: NumPy or the compiled one."""

from __future__ import annotations

from weakref import WeakSet

import numpy as np

from ..callers import warn_user
from ..network.network import Network
from .code_cache import is_compiled, why_no_compiler
from .compiled_batches import CompiledBatches
from .compiled_rows import CompiledPass
from .numpy_rows import NumpyPass, Pass
from .source import batches_text, rows_text
from .symbols import Untraceable
from .update import Update

__all__ = ["NOT_COMPILED", "choose_engine", "warn_of_numpy"]

#: Why "auto" does without the compiled code.
NOT_COMPILED = "its code is not compiled here, which skbackprop.compile_engine() does"

# Batches up to which laying the network out for the compiled pass takes longer than it saves: for
# 20 to 200 rows a batch, NumPy takes 0.9 of the whole fit with one, as long with two or three.
_FEW_BATCHES = 2

_told: WeakSet[Network] = WeakSet()  # of models whose users know that they go on in NumPy


def choose_engine(
    engine: str,
    before: str | None,
    update: Update,
    batch_size: int = 1,
    n_updates: float = np.inf,
) -> tuple[str | None, Pass | None]:
    """The engine of a model, by the user's wish and the model's past, and its pass.

    Parameters
    ----------
    engine : {"auto", "numpy", "compiled"}
        What the user wants. "auto" takes the compiled pass where its code is there already, so that
        nothing is ever compiled unasked, and where it is as fast as NumPy.
    before : {"numpy", "compiled"} or None
        What the model has run on until now; "auto" keeps to it.
    update : Update
    batch_size : int, default=1
        Rows of an update.
    n_updates : int or inf, default=inf
        How many updates there will be at most.

    Returns
    -------
    engine : {"numpy", "compiled"} or None
        What the model runs on from now; "compiled" also where, with a warning, NumPy stands in;
        None where NumPy does for so few updates, and the choice is still to come.
    chosen : Pass or None
        None where only `Trainer.apply` will do.

    Raises
    ------
    ValueError
        If the engine is "compiled", and cannot do what the update asks for.
    ImportError
        If it is "compiled", Numba is missing, and the model has never run on it.
    """
    if engine == "auto" and before is None and batch_size > 1 and n_updates <= _FEW_BATCHES:
        return None, _numpy_pass(update, batch_size)
    keeps_to_numpy = engine == "numpy" or (engine == "auto" and before == "numpy")
    if keeps_to_numpy or (engine == "auto" and not before and not _is_there(update, batch_size)):
        return "numpy", _numpy_pass(update, batch_size)
    missing = why_no_compiler()
    compiled: CompiledPass | CompiledBatches | None = None
    try:
        compiled = _compiled_pass(update, batch_size, engine == "compiled")
    except Untraceable as reason:
        if engine == "compiled":
            raise ValueError(f"engine='compiled' cannot train this model: {reason}.") from None
    if compiled is not None and missing is None:
        if engine == "auto" and before is None and not compiled.pays:
            return "numpy", _numpy_pass(update, batch_size)
        if engine == "compiled" or compiled.is_compiled:
            return "compiled", compiled
        missing = NOT_COMPILED
    if before == "compiled":
        network = update.objective.network
        if missing is not None and network not in _told:
            _told.add(network)
            warn_of_numpy(missing)
        return "compiled", _numpy_pass(update, batch_size)
    if engine == "compiled":
        raise ImportError(f"engine='compiled' cannot be used: {missing}.")
    return "numpy", _numpy_pass(update, batch_size)


def _is_there(update: Update, batch_size: int) -> bool:
    """Whether the code of a compiled pass is, so that it is worth while to trace the formulas."""
    name = update.objective.network.w.dtype.name
    texts = [rows_text] * (batch_size == 1) + [batches_text]
    return any(is_compiled(text(name)) for text in texts)


def warn_of_numpy(missing: str) -> None:
    """Warn that a model of the compiled engine goes on in NumPy, and why."""
    warn_user(f"This model was trained by the compiled engine and goes on in NumPy: {missing}.")


def _compiled_pass(
    update: Update, batch_size: int, may_compile: bool
) -> CompiledPass | CompiledBatches:
    """The compiled pass; that of batches does what that of single rows does not know, or is not.

    Single rows, where only the code of batches is there, are batches of one.
    """
    if batch_size == 1 and not update.extras and not update.objective.network.input_gain:
        rows = CompiledPass(update)
        if may_compile or rows.is_compiled:
            return rows
    return CompiledBatches(update, batch_size)


def _numpy_pass(update: Update, batch_size: int) -> NumpyPass | None:
    """The pass in NumPy, None for what it does not know."""
    return None if update.extras or batch_size > 1 else NumpyPass(update)
