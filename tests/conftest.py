"""Every test sees the same machine: no code of the compiled pass on disk but what it compiles.

One BLAS thread, too: the matrices of the tests are small, and where the other core is busy a second
thread is waited for, up to a thousand times as long as it takes to do without. And what drives a
browser is not among the quick tests.
"""

import os
import signal
import tempfile

import pytest

_EMPTY = tempfile.TemporaryDirectory(prefix="skbackprop-tests-")
os.environ["SKBACKPROP_CACHE_DIR"] = _EMPTY.name
for _library in ("OPENBLAS", "OMP", "MKL"):  # before NumPy is imported
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Mark what drives a browser as part of the matrix: it takes most of a minute."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker("matrix")


@pytest.fixture
def alarm():
    """SIGALRM raises an `Alarm`; nothing rings after the test."""
    from alarms import ring

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.signal(signal.SIGALRM, before) is ring
