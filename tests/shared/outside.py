"""Programs and packages that only tests of exports need: skipped without them, unless required."""

import importlib
import os
import shutil

import pytest


def need(name, found, install):
    """Skip the test if there is none; with ``SKBACKPROP_EXPORT=required`` it fails instead."""
    if found:
        return found
    reason = f"needs {name}, which is not installed: {install}"
    if os.environ.get("SKBACKPROP_EXPORT") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def need_program(name):
    return need(name, shutil.which(name), f"install it, as in apt-get install {name}")


def need_package(name):
    """Import a package of the extra ``export``."""
    found = importlib.util.find_spec(name)
    need(name, found, "pip install -e '.[export]'")
    return importlib.import_module(name)
