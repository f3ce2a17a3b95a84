"""Every test sees the same machine: no code of the compiled pass on disk but what it compiles."""

import os
import tempfile

_EMPTY = tempfile.TemporaryDirectory(prefix="skbackprop-tests-")
os.environ["SKBACKPROP_CACHE_DIR"] = _EMPTY.name
