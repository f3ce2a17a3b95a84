"""Compiled code where files find room for so many bytes only: it is kept, or the error says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from compiled_cases import TINY

from skbackprop.engines.code_cache import why_no_compiler

SCRIPT = """
import resource, signal, sys
from skbackprop.engines import code_cache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too large a file is an OSError
text = {text!r}
import numba
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
assert code_cache.load(text)(1) == 2
"""


@pytest.mark.skipif(why_no_compiler() is not None, reason="no compiler here")
@pytest.mark.skipif(sys.platform == "win32", reason="no limits here")
@pytest.mark.parametrize("size", [1, 20, 200, 1000, 5000, 10**7])
def test_a_disk_that_is_full(size, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(text=TINY.format(1), size=size)],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "SKBACKPROP_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )
    told = done.stderr[-2000:]
    if done.returncode:  # nor is there room in any other place: that is said
        assert size < 10**7 and "SKBACKPROP_CACHE_DIR" in told, told
