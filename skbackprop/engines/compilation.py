"""Compiling ahead: the code that most models need, before the first of them asks for it."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np

from ..losses.head import Head
from ..losses.loss import LOSSES, Loss
from ..losses.task import Task
from ..updates.rule import RULES
from .code_cache import is_compiled, load, why_no_compiler
from .compiled_rows import text_for_one
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


def compile_engine(*models: Any, verbose: bool = False) -> None:
    """Compile the passes of single rows and of batches once, and keep them on disk.

    After that, estimators with ``engine="auto"`` use them with all rules of `RULES` that compile,
    all `LOSSES` and all activations, whatever their numbers. What has functions, a loss or a rule
    of its own, or ``amsgrad=True``, is compiled when ``engine="compiled"`` is first asked for it.
    It takes a minute of CPU time, or one and a half; what is there is not compiled again. The code
    is kept in ``$SKBACKPROP_CACHE_DIR``, or where the user's programs keep such things.

    Given fitted models, it compiles the pass of single rows for these alone, in which the sizes of
    their networks are constants and their functions part of the code. From then on it presents the
    dense rows of every model with such a network, activations, loss and kind of rule, and agrees
    with the general code to round-off. It takes 4 to 8 seconds of CPU time and 0.3 MB of disk for
    each kind of network, and presents a row 2.2 times as fast with 83 weights, 1.4 times with 1000
    and 1.1 times with 10000.

    Parameters
    ----------
    *models : BackpropRegressor or BackpropClassifier
        Fitted ones, whose networks have at most 10000 weights, in float64, and one activation a
        layer. None by default: the code that all models share is compiled.
    verbose : bool, default=False
        Print what is compiled.

    Raises
    ------
    ImportError
        If Numba is not installed.
    TypeError
        If a model is not such an estimator.
    ValueError
        If the compiled pass cannot serve a model, or its network is of another kind.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, compile_engine
    >>> compile_engine()  # doctest: +SKIP
    >>> model = BackpropRegressor().partial_fit([[0.0]], [0.0])
    >>> model.engine_ in ("numpy", "compiled")
    True
    >>> compile_engine(model)  # doctest: +SKIP
    """
    missing = why_no_compiler()
    if missing is not None:
        raise ImportError(f"The compiled engine cannot be used: {missing}.")
    for model in models:
        _keep_for(model, verbose)
    if not models:
        _keep_all(verbose)


def _keep_for(model: Any, verbose: bool) -> None:
    """Compile the pass of single rows for one model."""
    name = type(model).__name__
    if not hasattr(model, "_update_of_rows"):
        raise TypeError(
            f"compile_engine() takes fitted models, BackpropRegressor or BackpropClassifier; got "
            f"{name}."
        )
    try:
        text = text_for_one(model._update_of_rows())
    except Untraceable as reason:
        raise ValueError(f"The single rows of this {name} do not compile: {reason}.") from None
    _keep(f"single rows of this {name}", [text], verbose)


def _keep_all(verbose: bool) -> None:
    """Compile what all models share."""
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
