"""Every test sees the same machine: no code of the compiled pass on disk but what it compiles.

And what drives a browser is not among the quick tests.
"""

import os
import tempfile

_EMPTY = tempfile.TemporaryDirectory(prefix="skbackprop-tests-")
os.environ["SKBACKPROP_CACHE_DIR"] = _EMPTY.name


def pytest_collection_modifyitems(items):
    """Mark what drives a browser as part of the matrix: it takes most of a minute."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker("matrix")
