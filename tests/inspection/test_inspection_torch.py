"""Every array of a trace against torch's autograd, where torch is installed."""

import warnings

import numpy as np
import pytest
from heads import HEADS, HIDDEN, X, make

from skbackprop import LOSSES, Mixed, trace_signals

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch", reason="torch is the peer of these tests")

F = torch.nn.functional
ACTIVATIONS = {
    "identity": lambda v: v * 1.0,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled_tanh": lambda v: 1.7159 * torch.tanh(2 / 3 * v),
    "relu": torch.relu,
    "leaky_relu": lambda v: F.leaky_relu(v, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "exp": torch.exp,
    "softsign": F.softsign,
    "arctan": torch.arctan,
    "sin": torch.sin,
    "gaussian": lambda v: torch.exp(-v * v),
    "hard_tanh": F.hardtanh,
    "hard_sigmoid": lambda v: torch.clamp(v / 6 + 0.5, 0, 1),  # torch's own slope is a float32
    "softmax": lambda v: torch.softmax(v, dim=1),
}


def pinball(d, y, level):
    r, tau = d - y, torch.tensor(level, dtype=torch.float64)
    return torch.maximum(tau * r, (tau - 1) * r)


def tweedie(d, y, p):
    return d ** (2 - p) / ((1 - p) * (2 - p)) - d * y ** (1 - p) / (1 - p) + y ** (2 - p) / (2 - p)


def gaussian(d, y):
    m, s = y[:, :2], y[:, 2:] + 1e-6
    return 0.5 * (torch.log(2 * torch.pi * s) + (d[:, :2] - m) ** 2 / s)


def likelihood(d, y):
    """Softmax outputs sum to one; logistic ones stand alone."""
    if y.shape[1] > 1 and np.allclose(y.detach().sum(dim=1), 1):
        return -d * torch.log(y)
    return -d * torch.log(y) - (1 - d) * torch.log1p(-y)


def focal(d, y):
    if y.shape[1] > 1 and np.allclose(y.detach().sum(dim=1), 1):
        return -d * (1 - y) ** 2 * torch.log(y)
    p = torch.where(d > 0.5, y, 1 - y)
    return -((1 - p) ** 2) * torch.log(p)


COSTS = {
    "squared_error": lambda d, y: 0.5 * (d - y) ** 2,
    "absolute_error": lambda d, y: torch.abs(d - y),
    "huber": lambda d, y: F.huber_loss(y, d, reduction="none"),
    "log_cosh": lambda d, y: torch.log(torch.cosh(d - y)),
    "quantile": lambda d, y: pinball(d, y, 0.5),
    "Quantile(level=[0.1, 0.5, 0.9])": lambda d, y: pinball(d, y, [0.1, 0.5, 0.9]),
    "poisson": lambda d, y: d * torch.log(d / y) - d + y,
    "gamma": lambda d, y: d / y - torch.log(d / y) - 1,
    "tweedie": lambda d, y: tweedie(d, y, 1.5),
    "Tweedie(power=2.5)": lambda d, y: tweedie(d, y, 2.5),
    "gaussian_nll": gaussian,
    "cross_entropy": likelihood,
    "CrossEntropy(label_smoothing=0.1)": likelihood,
    "focal": focal,
    "hinge": lambda d, y: torch.relu(1 - d * y),
}


def apply(trace, layer, v):
    """The outputs of a layer, and the slope of each by its own v."""
    n = v.shape[1]
    names = [trace.neuron_activation(layer, j) for j in range(n)]
    if names[0] == "softmax":
        return ACTIVATIONS["softmax"](v)
    return torch.cat([ACTIVATIONS[names[j]](v[:, j : j + 1]) for j in range(n)], dim=1)


def autograd(trace):
    """Every signal of the trace, by torch from its inputs, weights and desired outputs."""
    y, v = [torch.tensor(trace.y[0])], []
    parameters = [(torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True))
                  for W, b in zip(trace.coefs, trace.intercepts, strict=True)]  # fmt: skip
    for layer, (W, b) in enumerate(parameters):
        v.append(y[-1] @ W + b)
        y.append(apply(trace, layer, v[-1]))
    E = COSTS[trace.loss](torch.tensor(trace.d), y[-1]).sum(dim=1)
    slopes = []
    for layer, a in enumerate(v):
        columns = []
        for j in range(a.shape[1]):
            grad = torch.autograd.grad(y[layer + 1][:, j].sum(), a, retain_graph=True)[0]
            columns.append(grad[:, j])
        slopes.append(torch.stack(columns, dim=1))
    for signals in (*v, y[-1]):
        signals.retain_grad()
    E.sum().backward()
    return y, v, slopes, E, parameters


CASES = [(head, HIDDEN[k % len(HIDDEN)]) for k, head in enumerate(HEADS)]
CASES += [(HEADS[1], hidden) for hidden in HIDDEN]
CASES += [(("squared_error", "several", hidden), "tanh") for hidden in HIDDEN]
CASES += [(("squared_error", "several", "exp"), "tanh")]
CASES += [(HEADS[14], ["relu", Mixed(["sin", "gelu", "relu"])])]


def test_every_loss_and_activation_has_its_twin():
    assert set(COSTS) >= set(LOSSES)
    from skbackprop import ACTIVATIONS as ours

    assert set(ACTIVATIONS) == set(ours)


@pytest.mark.parametrize(("head", "hidden"), CASES, ids=repr)
def test_every_array(head, hidden):
    model, targets = make(head, hidden)
    trace = trace_signals(model, X, targets)
    y, v, slopes, E, parameters = autograd(trace)

    def same(ours, theirs):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)

    same(trace.E, E)
    same(trace.e, -y[-1].grad)
    for layer in range(trace.n_layers):
        same(trace.y[layer + 1], y[layer + 1])
        same(trace.v[layer], v[layer])
        same(trace.phi_prime[layer], slopes[layer])
        same(trace.delta[layer], -v[layer].grad)
        W, b = parameters[layer]
        same(sum(trace.dw(layer, n) for n in range(len(X))), -0.1 * W.grad)
        same(sum(trace.db(layer, n) for n in range(len(X))), -0.1 * b.grad)
