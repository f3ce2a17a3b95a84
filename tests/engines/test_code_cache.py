"""Compiled code on disk."""

import errno
import hashlib
import importlib.util
import os
import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from compiled_cases import (
    LAYERS,
    TINY,
    as_they_are,
    learnt,
    needs_numba,
    run,
    text_of,
)

import skbackprop
from skbackprop import (
    Activation,
)
from skbackprop.engines import code_cache
from skbackprop.engines import compiled_rows as compiled


@pytest.fixture(scope="module", autouse=True)
def room(pytestconfig, tmp_path_factory):
    """A place of its own: what is compiled here is not there for the tests of other modules.

    It is pytest's, which the next run finds again: what has been edited is another text there.
    """
    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.pluginmanager.hasplugin("cacheprovider"):
            place = pytestconfig.cache.mkdir("compiled")
        else:
            place = tmp_path_factory.mktemp("compiled")
        place.chmod(0o700)  # whatever the umask
        patch.setenv("SKBACKPROP_CACHE_DIR", str(place))
        patch.setattr(code_cache, "_loaded", {})
        yield place


def reloaded(text):
    """The code of a text as a new process sees it."""
    code_cache._loaded.clear()
    return code_cache.load(text)


def files(room, pattern):
    return sorted(room.rglob(pattern))


@needs_numba
def test_code_is_compiled_once_and_found_on_disk(empty_room):
    assert not code_cache.is_compiled(TINY)
    assert code_cache.load(TINY.format(1))(1) == 2
    assert code_cache.is_compiled(TINY.format(1)) and not code_cache.is_compiled(TINY.format(2))
    (data,) = files(empty_room, "*.nbc")
    before = data.stat().st_mtime_ns
    compiled = reloaded(TINY.format(1))
    assert compiled(1) == 2
    assert compiled.stats.cache_hits and not compiled.stats.cache_misses
    assert code_cache.is_compiled(TINY.format(1))
    assert data.stat().st_mtime_ns == before
    assert reloaded(TINY.format(2))(1) == 3
    assert not files(empty_room, f"*.{os.getpid()}")  # no half-written file is left


@needs_numba
@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_spoilt_files_are_made_anew(empty_room, pattern, content):
    code_cache.load(TINY.format(1))
    (path,) = files(empty_room, pattern)
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    code_cache._loaded.clear()
    assert not code_cache.is_compiled(TINY.format(1))  # "auto" does without
    assert reloaded(TINY.format(1))(1) == 2
    (path,) = files(empty_room, pattern)
    assert len(path.read_bytes()) > 20
    assert reloaded(TINY.format(1)).stats.cache_hits


@needs_numba
def test_files_that_are_gone_are_made_anew(empty_room):
    code_cache.load(TINY.format(1))
    for path in files(empty_room, "*.nb?"):
        path.unlink()
        code_cache._loaded.clear()
        assert not code_cache.is_compiled(TINY.format(1))
    assert reloaded(TINY.format(1))(1) == 2
    assert code_cache.is_compiled(TINY.format(1))
    (source,) = files(empty_room, "*.py")
    source.write_text("compiled = None")
    assert reloaded(TINY.format(1))(1) == 2


@needs_numba
def test_code_that_was_touched_is_not_counted_on(empty_room):
    # Older versions of Numba go by the time of the source, and would compile.
    code_cache.load(TINY.format(1))
    (source,) = files(empty_room, "*.py")
    os.utime(source, (0, 0))
    code_cache._loaded.clear()
    assert not code_cache.is_compiled(TINY.format(1))
    assert reloaded(TINY.format(1))(1) == 2 and code_cache.is_compiled(TINY.format(1))


@needs_numba
def test_numbas_own_cache_directory_is_for_others(empty_room, tmp_path, monkeypatch):
    from numba import njit
    from numba.core import config

    elsewhere = tmp_path / "numba"
    code_cache.load(TINY.format(1))
    monkeypatch.setattr(config, "CACHE_DIR", str(elsewhere))  # what NUMBA_CACHE_DIR sets
    present = reloaded(TINY.format(1))
    assert present.stats.cache_hits and not present.stats.cache_misses
    assert reloaded(TINY.format(2)).stats.cache_misses
    assert reloaded(TINY.format(2)).stats.cache_hits
    assert len(files(empty_room, "*.nbc")) == 2 and not elsewhere.exists()
    assert config.CACHE_DIR == str(elsewhere)
    njit(cache=True)(as_they_are)
    assert elsewhere.exists()


@needs_numba
def test_a_place_that_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKBACKPROP_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(code_cache, "_loaded", {})
    assert not code_cache.is_compiled(TINY.format(3))
    assert code_cache.load(TINY.format(3))(1) == 4
    assert code_cache.is_compiled(TINY.format(3))  # in this process
    assert files(tmp_path, "*") == [tmp_path / "file"]


@needs_numba
def test_a_place_that_may_only_be_read(empty_room, monkeypatch):
    code_cache.load(TINY.format(1))
    for path in files(empty_room, "*.nb?"):
        path.unlink()
    read_only = OSError(errno.EROFS, "Read-only file system", str(empty_room))

    def refuse(path, *arguments, **settings):
        if empty_room in Path(path).parents:
            raise read_only
        return write(path, *arguments, **settings)

    write = Path.write_text
    monkeypatch.setattr(Path, "write_text", refuse)
    assert reloaded(TINY.format(1))(1) == 2


@needs_numba
def test_auto_does_not_count_on_a_place_it_cannot_write_to(empty_room, monkeypatch):
    # Numba does not take its own files from there, and would compile.
    code_cache.load(TINY.format(1))
    code_cache._loaded.clear()
    assert code_cache.is_compiled(TINY.format(1))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not code_cache.is_compiled(TINY.format(1))


def _give_away(room, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1, raising=False)


def _open_directory(room, monkeypatch):
    room.chmod(0o777)


def _open_kept(room, monkeypatch):
    (room / "__pycache__").chmod(0o770)


def _open_file(room, monkeypatch):
    files(room, "*.nbi")[0].chmod(0o620)


def _open_text(room, monkeypatch):
    files(room, "*.py")[0].chmod(0o602)


@needs_numba
@pytest.mark.skipif(sys.platform == "win32", reason="modes say nothing there")
@pytest.mark.parametrize("give", [_give_away, _open_directory, _open_kept, _open_file, _open_text])
def test_nothing_is_taken_from_where_others_may_write(give, tmp_path, monkeypatch):
    room = tmp_path / "cache"
    monkeypatch.setenv("SKBACKPROP_CACHE_DIR", str(room))
    monkeypatch.setattr(code_cache, "_loaded", {})
    monkeypatch.setattr(code_cache, "_distrusted", set())
    umask = os.umask(0o002)
    try:
        code_cache.load(TINY.format(1))
    finally:
        os.umask(umask)
    code_cache._loaded.clear()
    assert code_cache.is_compiled(TINY.format(1))  # whatever the umask
    give(room, monkeypatch)
    with pytest.warns(UserWarning, match=r"No compiled code is taken .*chmod go-w"):
        assert not code_cache.is_compiled(TINY.format(1))
    assert not code_cache.is_compiled(TINY.format(1))  # said once
    files(room, "*.nbc")[0].write_bytes(b"planted")
    assert code_cache.load(TINY.format(1))(1) == 2
    assert files(room, "*.nbc")[0].read_bytes() == b"planted"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no XDG there")
def test_a_relative_cache_home_is_none(monkeypatch):
    monkeypatch.delenv("SKBACKPROP_CACHE_DIR")
    for given in ("cache", "./cache", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert code_cache._cache_directory() == Path.home() / ".cache" / "skbackprop"
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert code_cache._cache_directory() == Path("/somewhere/skbackprop")


@needs_numba
def test_a_full_disk_is_named(empty_room, monkeypatch):
    def full(path, *arguments, **settings):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="engine='compiled' has no place for its code: No space"):
        code_cache.load(TINY.format(99))
    assert not files(empty_room, "*.py") and not files(empty_room, f"*.{os.getpid()}-*")


@needs_numba
def test_a_disk_that_fills_up_in_numbas_hands(empty_room, monkeypatch):
    from numba.core import caching

    def full(self, name, data):
        if str(empty_room) in str(self._cache_path):
            raise OSError(errno.ENOSPC, "No space left on device", name)
        return save(self, name, data)

    save = caching.IndexDataCacheFile.save
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    assert code_cache.load(TINY.format(1))(1) == 2


def test_code_is_for_the_packages_it_was_compiled_with(monkeypatch):
    # Numba refuses a NumPy that is too new for it: "auto" must not come to that point.
    file_name = code_cache._file_name.__wrapped__  # which is kept, as the machine is
    names = {file_name(TINY)}
    for package in ("numba", "llvmlite", "numpy"):
        versions = {"numba": "1.0", "llvmlite": "1.0", "numpy": "1.0", package: "2.0"}
        monkeypatch.setattr(code_cache, "version", versions.get)
        monkeypatch.setattr(
            code_cache, "_machine", getattr(code_cache._machine, "__wrapped__", None)
        )
        names.add(file_name(TINY))
        monkeypatch.undo()
    assert len(names) == 4


@pytest.mark.parametrize("trouble", ["no home", "another's home"])
def test_auto_where_there_is_no_place_for_code(trouble, monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    def refuse(path, *arguments, **settings):
        if str(tmp_path) in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, *arguments, **settings)

    stat = os.stat
    monkeypatch.delenv("SKBACKPROP_CACHE_DIR")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(code_cache, "_loaded", {})
    monkeypatch.setattr(skbackprop.engines.choice, "why_no_compiler", lambda: None)
    if trouble == "no home":
        monkeypatch.setattr(Path, "home", no_home)
    else:
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        monkeypatch.setattr(os, "stat", refuse)
    assert learnt(engine="auto").engine_ == "numpy"


@needs_numba
@pytest.mark.matrix
def test_processes_that_compile_the_same_code(tmp_path):
    program = """
import sys
from skbackprop.engines import code_cache, compilation
print(code_cache.load(sys.argv[1])(1))
"""
    with ThreadPool(2) as pool:
        said = pool.map(
            lambda text: run(program, text, SKBACKPROP_CACHE_DIR=str(tmp_path)),
            [TINY.format(1), TINY.format(1)],
        )
    assert said == ["2\n", "2\n"]
    assert len(files(tmp_path, "*.compiled")) == len(files(tmp_path, "*.py")) == 1
    assert len(files(tmp_path, "*.nbc")) == 1


@needs_numba
def test_what_numba_cannot_compile_is_an_error(empty_room):
    text = TINY.replace("x + {}", "x + len(x)")
    with pytest.raises(ValueError, match="The compiled engine cannot train this model: "):
        code_cache.load(text)
    assert not code_cache.is_compiled(text)


def test_kernels_are_a_part_of_the_text():
    source = Path(compiled.__file__).with_name("kernels.py").read_bytes()
    made_of = hashlib.sha256(source).hexdigest()[:16]
    assert text_of().count(made_of) == 5  # the pass, the loss, the rule and two activations


MODULE = """
import numpy as np
from skbackprop import Activation, UpdateRule


def phi(v):
    return np.tanh({factor} * v)


def dphi(v, y):
    return {factor} * (1.0 - y * y)


class Slow(UpdateRule):
    def step(self, w, g, state, t, eta, cost):
        w += {share} * eta * g
"""


def imported(path, **numbers):
    """The module, written anew and imported anew."""
    path.write_text(MODULE.format(**numbers))
    specification = importlib.util.spec_from_file_location("edited", path)
    module = importlib.util.module_from_spec(specification)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def test_an_edit_is_another_text(tmp_path, monkeypatch):
    path = tmp_path / "edited.py"
    texts = []
    for factor, share in [(1.0, 0.5), (2.0, 0.5), (2.0, 0.25), (1.0, 0.5)]:
        module = imported(path, factor=factor, share=share)
        activation = Activation(module.phi, module.dphi)
        monkeypatch.setitem(LAYERS, "edited", ((3,), (activation,)))
        texts.append(text_of("edited", module.Slow()))
    assert texts[0] == texts[3] and len(set(texts)) == 3


@needs_numba
@pytest.mark.matrix
def test_an_edit_is_seen_by_a_new_process(tmp_path):
    program = """
import numpy as np
import edited
from skbackprop import Activation, BackpropRegressor
X = np.random.default_rng(0).normal(size=(50, 3))
w = []
for engine in ("compiled", "numpy"):
    model = BackpropRegressor(
        (4,), activation=Activation(edited.phi, edited.dphi), solver=edited.Slow(), eta=0.1,
        engine=engine, random_state=0,
    ).partial_fit(X, X[:, 0])
    w.append(model._model.network.w)
np.testing.assert_allclose(*w, rtol=0, atol=1e-13)
print(w[0].sum())
"""
    said = []
    for factor, share in [(1.0, 0.5), (2.0, 0.25)]:
        (tmp_path / "edited.py").write_text(MODULE.format(factor=factor, share=share))
        path = os.pathsep.join([str(Path(skbackprop.__file__).parents[1]), str(tmp_path)])
        said.append(run(program, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1"))
    assert len(set(said)) == 2
