"""What skbackprop is measured beside, where it is installed: torch, skorch, FANN in C, Numba."""

import ctypes
import importlib.util
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_info

from . import tables

PACKAGES = ("numpy", "scipy", "scikit-learn", "numba", "torch", "skorch", "matplotlib")


def has(name):
    return importlib.util.find_spec(name) is not None


def describe():
    """The machine, what is installed, what is not, and how it is measured."""
    found = [f"{name} {version(name)}" for name in PACKAGES if has(name.replace("scikit-", "sk"))]
    missing = [name for name in PACKAGES if not has(name.replace("scikit-", "sk"))]
    if Fann.library() is None:
        missing.append("FANN (libdoublefann)")
    else:
        found.append("FANN (double)")
    of_what = " of CPU time" if tables.counts_cpu() else ""
    kernels = {lib.get("architecture") for lib in threadpool_info()} - {None}
    return (
        f"Python {platform.python_version()}, {', '.join(found)}; {processor()}, BLAS kernels "
        f"{', '.join(sorted(kernels))}. Not installed: {', '.join(missing) or 'nothing'}.\n\n"
        "One process, one BLAS thread; warmed up; runs of the compared interleaved; medians"
        f"{of_what}."
    )


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [text.split(":", 1)[1].strip() for text in lines if text.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(names)} cores"


def online_mlp(hidden, eta=0.001, *, shuffle=False):
    """scikit-learn's MLP set to one update a row of plain sgd: `fit` is one epoch."""
    return MLPRegressor(
        hidden_layer_sizes=hidden,
        activation="tanh",
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=1,
        learning_rate_init=eta,
        max_iter=1,
        warm_start=True,
        shuffle=shuffle,
        random_state=0,
    )


class Fann:
    """Incremental training of a network of FANN, in doubles: tanh hidden, linear output neurons.

    Its error and rule are the textbook's (Haykin 2009, ch. 4): one update a row,
    ``Dw = eta delta y``.
    """

    TRAIN_INCREMENTAL, LINEAR, TANH = 0, 0, 5

    def __init__(self, sizes, eta=0.001):
        lib = self.lib = self.library()
        lib.fann_create_standard_array.restype = ctypes.c_void_p
        numbers = (ctypes.c_uint * len(sizes))(*sizes)
        self.net = ctypes.c_void_p(lib.fann_create_standard_array(len(sizes), numbers))
        lib.fann_set_activation_function_hidden(self.net, self.TANH)
        lib.fann_set_activation_function_output(self.net, self.LINEAR)
        lib.fann_set_training_algorithm(self.net, self.TRAIN_INCREMENTAL)
        lib.fann_set_learning_rate(self.net, ctypes.c_float(eta))
        for part in ("hidden", "output"):
            steepness = getattr(lib, f"fann_set_activation_steepness_{part}")
            steepness(self.net, ctypes.c_double(1.0))
        lib.fann_train_epoch.restype = ctypes.c_float
        lib.fann_create_train.restype = ctypes.c_void_p

    @staticmethod
    def library():
        for name in ("libdoublefann.so.2", "libdoublefann.so"):
            try:
                return ctypes.CDLL(name)
            except OSError:
                continue
        return None

    def data(self, X, D):
        """The rows as FANN keeps them."""

        class Data(ctypes.Structure):
            _fields_ = [
                ("errno_f", ctypes.c_int),
                ("error_log", ctypes.c_void_p),
                ("errstr", ctypes.c_char_p),
                ("num_data", ctypes.c_uint),
                ("num_input", ctypes.c_uint),
                ("num_output", ctypes.c_uint),
                ("input", ctypes.POINTER(ctypes.POINTER(ctypes.c_double))),
                ("output", ctypes.POINTER(ctypes.POINTER(ctypes.c_double))),
            ]

        pointer = ctypes.c_void_p(self.lib.fann_create_train(len(X), X.shape[1], D.shape[1]))
        data = ctypes.cast(pointer, ctypes.POINTER(Data)).contents
        for rows, A in ((data.input, X), (data.output, D)):
            for i, row in enumerate(np.ascontiguousarray(A, float)):
                ctypes.memmove(rows[i], row.ctypes.data, row.nbytes)
        return pointer

    def epoch(self, data):
        self.lib.fann_train_epoch(self.net, data)


def torch_network(sizes, dtype, activation="Tanh"):
    """A plain sequential network, and its loss over rows: half the sum of squares, or classes."""
    import torch

    torch.set_num_threads(1)
    layers = []
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        layers += [torch.nn.Linear(n_in, n_out), getattr(torch.nn, activation)()]
    return torch.nn.Sequential(*layers[:-1]).to(getattr(torch, np.dtype(dtype).name))


def torch_epochs(X, y, hidden, n_outputs, batch, dtype, compiled=False):
    """A function: seconds of one epoch of a plain loop, relu, adam, cross-entropy.

    With `compiled` the network goes through `torch.compile`, which needs a C++ compiler.
    """
    import torch

    net = torch_network((X.shape[1], *hidden, n_outputs), dtype, "ReLU")
    optimiser = torch.optim.Adam(net.parameters(), lr=0.001)
    rows, labels = torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))
    cost = torch.nn.CrossEntropyLoss()
    respond = torch.compile(net) if compiled else net

    def epoch():
        start = tables.now()
        order = torch.randperm(len(rows))
        for i in range(0, len(rows), batch):
            chosen = order[i : i + batch]
            optimiser.zero_grad()
            cost(respond(rows[chosen]), labels[chosen]).backward()
            optimiser.step()
        return tables.now() - start

    return epoch
