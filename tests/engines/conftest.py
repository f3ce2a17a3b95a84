"""Fixtures that several tests of this folder share."""

import importlib.util
import os

import pytest

from skbackprop.engines import code_cache


@pytest.fixture(scope="module")
def numba():
    if importlib.util.find_spec("numba") is None:
        reason = "needs Numba, which is not installed: pip install -e '.[fast]'"
        if os.environ.get("SKBACKPROP_NUMBA") == "required":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def empty_room(tmp_path, monkeypatch):
    """As on a machine where nothing has been compiled."""
    monkeypatch.setenv("SKBACKPROP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(code_cache, "_loaded", {})
    return tmp_path / "cache"
