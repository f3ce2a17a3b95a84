"""Threads of the two BLAS libraries that a whole-batch solver calls in turn.

The wheels of NumPy and of SciPy bring an OpenBLAS each, with threads of its own that keep a core
busy for some time after they have worked. Where calls of the two alternate, the threads of the one
wait for those of the other: on busy cores a fit took up to a hundred times as long as with one
thread (``python -m benchmarks cores``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, Literal

import numpy as np
import scipy

__all__ = ["one_thread"]

_PACKAGES = {"numpy": np, "scipy": scipy}
_lock = Lock()
_before: dict[str, tuple[int, list[int]]] = {}  # fits that are at it, threads before the first


@contextmanager
def one_thread(package: Literal["numpy", "scipy"]) -> Iterator[None]:
    """Within it, the BLAS of `package` has one thread, if the two packages have one each.

    All threads of the process see that, and what it was is restored when the last has left.
    """
    libraries = _libraries(package)
    with _lock:
        count, threads = _before.get(package, (0, []))
        if not count:
            threads = [library.num_threads for library in libraries]
            for library in libraries:
                library.set_num_threads(1)
        _before[package] = count + 1, threads
    try:
        yield
    finally:
        with _lock:
            count, threads = _before[package]
            _before[package] = count - 1, threads
            if count == 1:
                _set_back(libraries, threads)


def _set_back(libraries: list[Any], threads: list[int]) -> None:
    for library, n in zip(libraries, threads, strict=True):
        if library.num_threads == 1:  # and nobody else has asked for more meanwhile
            library.set_num_threads(n)


def _begin_in_child() -> None:
    """Begin anew in a forked process: no fit is at it, and nobody holds the lock."""
    global _lock
    _lock = Lock()
    for package, (count, threads) in _before.items():
        if count:
            _set_back(_libraries(package), threads)
    _before.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


@cache
def _libraries(package: str) -> list[Any]:
    """What a wheel of `package` brought; none where both packages call the same library."""
    # threadpoolctl comes with scikit-learn, which needs it for the same purpose.
    from threadpoolctl import ThreadpoolController

    blas = [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
    own = {name: [lib for lib in blas if _came_with(lib, name)] for name in _PACKAGES}
    return own[package] if all(own.values()) else []


def _came_with(library: Any, package: str) -> bool:
    """Whether the file lies where wheels put libraries: numpy.libs, or numpy/.dylibs."""
    folder = os.path.dirname(os.path.realpath(_PACKAGES[package].__file__))
    return library.filepath.startswith((f"{folder}.libs{os.sep}", folder + os.sep))
