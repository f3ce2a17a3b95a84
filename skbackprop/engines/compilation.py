"""Compiling ahead: the code that most models need, before the first of them asks for it."""

from __future__ import annotations

import numpy as np

from ..updates.rule import RULES
from .code_cache import is_compiled, load, why_no_compiler
from .formulas import built_in_formulas, step_of
from .source import source_of, step_text
from .symbols import Untraceable

__all__ = ["compile_engine"]


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
                text = source_of(
                    built_in_formulas(dtype), step_text(step_of(rule, dtype)), dtype.name
                )
            except Untraceable as error:
                if verbose:
                    print(error)
                break
            if verbose:
                print(f"{name}, {dtype}: {'there' if is_compiled(text) else 'compiling'}")
            if not is_compiled(text):
                load(text)
