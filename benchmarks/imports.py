"""Time to import skbackprop, beyond what scikit-learn's own neural network needs."""

import os
import subprocess
import sys

import numpy as np

from . import tables

CODE = """
from time import perf_counter
import sklearn.neural_network, sklearn.metrics, sklearn.model_selection
start = perf_counter()
import skbackprop
print(perf_counter() - start)
"""


def main(arguments):
    # As a user has it: Python keeps the byte code of what it has imported once.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = {"env": environment, "capture_output": True, "text": True}
    seconds = [
        float(subprocess.run([sys.executable, "-c", CODE], **run).stdout)
        for _ in range(2 if arguments.quick else 11)
    ][1:]
    tables.head("import skbackprop", "target")
    taken = float(np.median(seconds))
    tables.line(tables.duration(taken), f"20 ms: {'met' if taken <= 0.02 else 'NOT met'}")
