"""Compiled code, kept on disk: a text is compiled once on a machine, and found from then on.

Compiling takes seconds. So a text is written to a file whose name is a hash of the text and of all
that its compiled code depends on beside it, and Numba keeps what it makes of that file beside it.
A third file tells that this is whole: Numba would compile anew what it misses, and nobody has asked
for that. Where nothing can be kept, the code goes with the process.

What Numba has kept is unpickled, which runs whatever is in it. So nothing is taken from a place
that others may write to.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import get_ident
from typing import Any

from ..callers import warn_user
from ..extras import say_missing
from ..signal_handlers import Watch

__all__ = ["is_compiled", "load", "why_no_compiler"]

_CACHE_VARIABLE = "SKBACKPROP_CACHE_DIR"
_KEPT = "__pycache__"  # where Numba keeps what it makes of a file, in the file's directory


@cache
def _machine() -> str:
    """What compiled code depends on, beside its text."""
    parts = [platform.python_version(), platform.machine(), platform.processor()]
    for package in ("numba", "llvmlite", "numpy"):
        try:
            parts.append(version(package))
        except PackageNotFoundError:
            parts.append("none")
    parts += [os.environ.get(f"NUMBA_CPU_{name}", "") for name in ("NAME", "FEATURES")]
    try:
        facts = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        parts += [fact for fact in facts if fact.startswith(("model name", "flags", "Features"))]
    except (FileNotFoundError, PermissionError):
        pass
    return "\n".join(parts)


def _cache_directory() -> Path:
    """The directory of compiled code: $SKBACKPROP_CACHE_DIR, or the user's own cache."""
    given = os.environ.get(_CACHE_VARIABLE)
    if given:
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError:  # a user without one
        home = Path(_passing_directory().name)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not base.is_absolute():  # to be ignored, by the XDG Base Directory Specification
            base = home / ".cache"
    return base / "skbackprop"


@cache
def _passing_directory() -> tempfile.TemporaryDirectory:
    """A place for code that cannot be kept; it goes with the process."""
    return tempfile.TemporaryDirectory(prefix="skbackprop")


@lru_cache(maxsize=256)
def _file_name(text: str) -> str:
    return "pass_" + hashlib.sha256((text + _machine()).encode()).hexdigest()[:20]


def is_compiled(text: str) -> bool:
    """Whether the code of `text` is there, in this process or on disk."""
    if text in _loaded:
        return True
    path = _cache_directory() / f"{_file_name(text)}.py"
    if not os.access(path.with_suffix(".compiled"), os.R_OK):  # as mostly, and nothing is raised
        return False
    with Watch():  # a TimeoutError is an OSError, too
        # Numba takes nothing from where it could not write, and would compile.
        whole = _is_whole(path) and os.access(path.parent / _KEPT, os.W_OK)
        return whole and _is_trusted(path)


_loaded: dict[str, Any] = {}


def load(text: str) -> Any:
    """The compiled function of `text`: from this process, from disk, or compiled now.

    Raises
    ------
    ValueError
        If Numba cannot compile it.
    """
    if text not in _loaded:
        with Watch():
            _loaded[text] = _compiled(text)
    return _loaded[text]


def _compiled(text: str) -> Any:
    """The compiled function of `text`, from disk or compiled now, where it can be kept or not."""
    with suppress(OSError):  # where only reading is allowed, a full disk
        directory = _cache_directory()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_trusted(directory / f"{_file_name(text)}.py"):
            return _compiled_in(directory, text)
    try:
        return _compiled_in(Path(_passing_directory().name), text)
    except OSError as error:
        raise OSError(
            error.errno,
            f"engine='compiled' has no place for its code: {error.strerror}. Make room, let "
            f"${_CACHE_VARIABLE} name another place, or use engine='numpy'",
            error.filename,
        ) from error


def _compiled_in(directory: Path, text: str) -> Any:
    """The compiled function of `text`, kept in a directory if that can be done."""
    path = _write(directory, text)
    with suppress(OSError):
        if not _is_whole(path):  # a full disk, a process that was killed
            _forget(path)
    compiled = _run(path).compiled
    with suppress(OSError):
        if kept := _kept(path):
            for file in kept:
                file.chmod(0o600)
            _write_private(path.with_suffix(".compiled"), _fingerprint(path))
    return compiled


_distrusted: set[Path] = set()  # places that the user has been told of


def _is_trusted(path: Path) -> bool:
    """Whether none but the user can have written a file of code, or what is kept of it."""
    places = [path.parent, path.parent / _KEPT, path, path.with_suffix(".compiled"), *_kept(path)]
    foreign = next((place for place in places if place.exists() and not _is_private(place)), None)
    if foreign is None:
        return True
    if foreign not in _distrusted:
        _distrusted.add(foreign)
        warn_user(
            f"No compiled code is taken from or kept in {path.parent}: {foreign} is another user's "
            "or others may write to it, and what they put there would be run. Make it your own "
            f"(chmod go-w), or let ${_CACHE_VARIABLE} name a place that is.",
        )
    return False


def _is_private(path: Path) -> bool:
    """Whether a file or directory is the user's own, and none but the user may write to it."""
    if sys.platform == "win32":  # whose profiles are private, and whose modes say nothing
        return True
    status = path.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _kept(path: Path) -> list[Path]:
    """What Numba has kept of a file of code."""
    return sorted((path.parent / _KEPT).glob(f"{path.stem}.*.nb[ic]"))


def _fingerprint(path: Path) -> str:
    """A text that is another if anything changes that Numba has kept of a file of code."""
    contents = [zlib.crc32(file.read_bytes()) for file in _kept(path)]
    return repr([path.stat().st_mtime_ns, *contents])


def _is_whole(path: Path) -> bool:
    """Whether what was kept of a file of code is there as it was."""
    try:
        return path.with_suffix(".compiled").read_text() == _fingerprint(path)
    except (OSError, UnicodeDecodeError):
        return False


def _forget(path: Path) -> None:
    """Delete what Numba has kept of a file of code."""
    for file in _kept(path):
        file.unlink(missing_ok=True)


def _run(path: Path) -> Any:
    """The module of a file of code, compiled unless Numba has kept it."""
    specification = importlib.util.spec_from_file_location(f"skbackprop_{path.stem}", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # where Numba looks up what it has read from disk
    try:
        with _keeping_beside():
            specification.loader.exec_module(module)
    except OSError:  # nothing can be written
        raise
    except Exception as error:
        raise ValueError(f"The compiled engine cannot train this model: {error}") from error
    return module


@contextmanager
def _keeping_beside() -> Iterator[None]:
    """Numba keeps what it makes of a file in its `_KEPT`, whatever NUMBA_CACHE_DIR says."""
    from numba.core import config
    from numba.core.compiler_lock import global_compiler_lock

    with global_compiler_lock:
        names = {"CACHE_DIR", "CACHE_LOCATOR_CLASSES"} & set(vars(config))
        before = {name: getattr(config, name) for name in names}
        vars(config).update(dict.fromkeys(names, ""))
        try:
            yield
        finally:
            vars(config).update(before)


def _write(directory: Path, text: str) -> Path:
    """Write the code to its file, unless it is there: Numba goes by the time of the file."""
    path = directory / f"{_file_name(text)}.py"
    if not path.exists() or path.read_text() != text:
        _write_private(path, text)
    (directory / _KEPT).mkdir(mode=0o700, exist_ok=True)
    return path


def _write_private(path: Path, text: str) -> None:
    """Write a file that only the user may write to, whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}-{get_ident()}")
    try:
        part.touch(mode=0o600)
        part.write_text(text)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def why_no_compiler() -> str | None:
    """Why nothing can be compiled here; None if it can."""
    if importlib.util.find_spec("numba") is None:
        return say_missing("numba", "it")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "NUMBA_DISABLE_JIT is set"
    return None
