"""Compiling ahead: the code that most models need, before the first of them asks for it."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import numpy as np

from ..losses.head import Head
from ..losses.loss import LOSSES, Loss
from ..losses.task import Task
from ..updates.rule import RULES
from .code_cache import is_compiled, load, why_no_compiler
from .formulas import built_in_formulas, cost_of, step_of
from .source import (
    activation_text,
    batches_text,
    cost_text,
    outputs_text,
    product_text,
    race_text,
    rows_text,
    rule_text,
    scale_text,
    votes_text,
)
from .symbols import Untraceable

__all__ = ["compile_engine"]


def compile_engine(*, verbose: bool = False) -> None:
    """Compile the passes of single rows and of batches once, and keep them on disk.

    After that, estimators with ``engine="auto"`` use them with all rules of `RULES` that compile,
    all `LOSSES` and all activations, whatever their numbers. What has functions, a loss or a rule
    of its own, or ``amsgrad=True``, is compiled when ``engine="compiled"`` is first asked for it.
    It takes about a minute of CPU time; what is there already is not compiled again. The code is
    kept in ``$SKBACKPROP_CACHE_DIR``, or where the user's programs keep such things.

    Parameters
    ----------
    verbose : bool, default=False
        Print what is compiled.

    Raises
    ------
    ImportError
        If Numba is not installed.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, compile_engine
    >>> compile_engine()  # doctest: +SKIP
    >>> BackpropRegressor().partial_fit([[0.0]], [0.0]).engine_ in ("numpy", "compiled")
    True
    """
    missing = why_no_compiler()
    if missing is not None:
        raise ImportError(f"The compiled engine cannot be used: {missing}.")
    for name in ("float64", "float32"):
        dtype = np.dtype(name)
        _keep(f"single rows, {name}", [rows_text(name)], verbose)
        of_batches = [product_text(name), batches_text(name), outputs_text(name)]
        _keep(f"batches, {name}", of_batches, verbose)
        activations = [activation_text(formula, name) for formula in built_in_formulas(dtype)]
        _keep(f"activations, {name}", activations, verbose)
        for key, rule in RULES.items():
            try:
                _keep(f"{key}, {name}", [rule_text(step_of(rule, dtype), name)], verbose)
            except Untraceable as error:
                if verbose:
                    print(error)
        for key, loss in LOSSES.items():
            _keep(f"{key}, {name}", _texts_of(loss, dtype), verbose)
    _keep("streams", [race_text(), votes_text(), scale_text()], verbose)


def _keep(name: str, texts: list[str], verbose: bool) -> None:
    """Compile texts that are not on disk."""
    missing = [text for text in texts if not is_compiled(text)]
    if verbose:
        print(f"{name}: {'compiling' if missing else 'there'}")
    for text in missing:
        load(text)


def _texts_of(loss: Loss, dtype: np.dtype) -> list[str]:
    """The texts of a loss, in all the forms that it takes behind some output."""
    texts: dict[str, None] = {}  # each once, in order
    for kind, output in product(loss.tasks, (None, "tanh", "softplus", "softmax")):
        with suppress(ValueError, Untraceable):
            head = Head(loss, Task(kind, 2), output)
            texts[cost_text(cost_of(head, dtype), dtype.name)] = None
    return list(texts)
