"""Per-sample training: a chunk of rows at batch_size=1, plain sgd, tanh, linear outputs, float64.

Small networks have compiled code of their own. Time of one update; scikit-learn's is
`fit(batch_size=1)` of an MLPRegressor, which is several times faster than its `partial_fit`; it
shuffles, unless told not to ("in order": what the others do).
"""

import itertools

import numpy as np

from skbackprop import BackpropRegressor, compile_engine

from . import peers, tables

# sizes, rows of a run, targets: FANN / compiled, scikit-learn / compiled, scikit-learn / NumPy
NETS = [
    ((4, 10, 3), 20000, 2, 100, 10),
    ((30, 32, 2), 10000, 2, 100, 10),
    ((30, 64, 64, 2), 2000, 2, None, 10),
    ((784, 100, 10), 500, 2, 15, None),
]
LARGE = 9000  # weights from which a network has no code of its own
SHOWN = ("compiled", "NumPy", "FANN", "scikit-learn", "in order", "torch")
PEERS = {"scikit-learn": "scikit-learn MLP", "torch": "torch", "FANN": "FANN (C)"}
PAIRS = (
    ("FANN", "compiled"),
    ("scikit-learn", "compiled"),
    ("scikit-learn", "NumPy"),
    ("in order", "NumPy"),
)


def main(arguments):
    ratios = []
    tables.head("net", *SHOWN, *(f"{peer} / {ours}" for peer, ours in PAIRS))
    for sizes, n_rows, *targets in NETS[: 1 if arguments.quick else None]:
        n_rows = 20 if arguments.quick else n_rows
        rng = np.random.default_rng(0)
        X, D = rng.normal(size=(n_rows, sizes[0])), rng.normal(size=(n_rows, sizes[-1]))
        runs = contestants(sizes, X, D)
        repeats = 1 if arguments.quick else 11
        taken = dict(zip(runs, tables.interleaved(list(runs.values()), repeats), strict=True))
        each = {name: seconds / rows_of(name, n_rows) for name, seconds in taken.items()}
        cells = [tables.duration(each[name]) if name in each else "-" for name in SHOWN]
        for (peer, ours), target in zip(PAIRS, [*targets, None], strict=True):
            both = peer in each and ours in each
            cells.append(tables.ratio(each[peer], each[ours], target) if both else "-")
        work = "-".join(map(str, sizes))
        tables.line(work, *cells)
        for peer, ours in itertools.product(PEERS, ("compiled", "NumPy")):
            if peer in each and ours in each:
                label = f"{PEERS[peer]} / {ours}"
                ratios.append((f"row by row, {work}, sgd", label, each[peer] / each[ours]))
    return ratios


def rows_of(name, n_rows):
    """The slow ones run on fewer rows."""
    share = {"scikit-learn": 20, "in order": 20, "torch": 40}
    return max(n_rows // share[name], 2) if name in share else n_rows


def contestants(sizes, X, D):
    runs = {}
    hidden, eta = sizes[1:-1], 0.001
    for name, engine in (("compiled", "compiled"), ("NumPy", "numpy")):
        if engine == "compiled" and not peers.has("numba"):
            continue
        model = BackpropRegressor(hidden, activation="tanh", solver="sgd", eta=eta, engine=engine,
                                  random_state=0).partial_fit(X, D)  # fmt: skip
        if engine == "compiled" and sum(W.size for W in model.coefs_) < LARGE:
            compile_engine(model)
        runs[name] = lambda model=model: model.partial_fit(X, D) and None
    if peers.Fann.library() is not None:
        net = peers.Fann(sizes, eta)
        data = net.data(X, D)
        runs["FANN"] = lambda: net.epoch(data)
    n = rows_of("scikit-learn", len(X))
    for name, shuffle in (("scikit-learn", True), ("in order", False)):
        mlp = peers.online_mlp(hidden, shuffle=shuffle).fit(X[:2], D[:2])
        runs[name] = lambda mlp=mlp: mlp.fit(X[:n], D[:n]) and None
    if peers.has("torch"):
        runs["torch"] = torch_run(sizes, X, D, eta)
    return runs


def torch_run(sizes, X, D, eta):
    import torch

    net = peers.torch_network(sizes, float)
    optimiser = torch.optim.SGD(net.parameters(), eta)
    n = rows_of("torch", len(X))
    rows, targets = torch.from_numpy(X[:n]), torch.from_numpy(D[:n])

    def run():
        for x, d in zip(rows, targets, strict=True):
            optimiser.zero_grad()
            (0.5 * (net(x) - d).square().sum()).backward()
            optimiser.step()

    return run
