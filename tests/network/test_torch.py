"""Rules and schedules against torch, step for step, where torch is installed."""

import warnings

import numpy as np
import pytest

from skbackprop import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    BackpropRegressor,
    Cosine,
    CosineRestarts,
    Exponential,
    IRpropMinus,
    Momentum,
    Nadam,
    Nesterov,
    OneCycle,
    Polynomial,
    RMSprop,
    Step,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch", reason="torch is the peer of these tests")

STEPS = 30


@pytest.fixture(autouse=True)
def float64():
    """torch keeps its optimisers' scalars in its default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


RNG = np.random.default_rng(0)
X, D = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 2))
RULES = [
    (SGD(), lambda p: torch.optim.SGD(p, 0.03)),
    (Momentum(0.8), lambda p: torch.optim.SGD(p, 0.03, momentum=0.8)),
    (Nesterov(0.8), lambda p: torch.optim.SGD(p, 0.03, momentum=0.8, nesterov=True)),
    (Adagrad(), lambda p: torch.optim.Adagrad(p, 0.03)),
    (RMSprop(), lambda p: torch.optim.RMSprop(p, 0.03, alpha=0.9)),
    (RMSprop(0.8, 0.7), lambda p: torch.optim.RMSprop(p, 0.03, alpha=0.8, momentum=0.7)),
    (Adam(), lambda p: torch.optim.Adam(p, 0.03)),
    (Adam(0.8, 0.6, 1e-3, True),
     lambda p: torch.optim.Adam(p, 0.03, betas=(0.8, 0.6), eps=1e-3, amsgrad=True)),
    (AdamW(weight_decay=0.2), lambda p: torch.optim.AdamW(p, 0.03, weight_decay=0.2)),
    (AdamW(amsgrad=True), lambda p: torch.optim.AdamW(p, 0.03, amsgrad=True)),
    (Nadam(), lambda p: torch.optim.NAdam(p, 0.03)),
    (Nadam(0.8, 0.9, 1e-3, 0.5),
     lambda p: torch.optim.NAdam(p, 0.03, betas=(0.8, 0.9), eps=1e-3, momentum_decay=0.5)),
    (IRpropMinus(), lambda p: torch.optim.Rprop(p, 0.03)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("rule", "make"), RULES, ids=[repr(rule) for rule, _ in RULES])
def test_a_network_trained_by_torch(rule, make):
    start = [RNG.normal(size=(4, 5)), RNG.normal(size=(5, 2))]
    biases = [RNG.normal(size=5), RNG.normal(size=2)]
    tensors = [torch.tensor(a.copy(), requires_grad=True) for a in (*start, *biases)]
    W1, W2, b1, b2 = tensors
    optimiser = make(tensors)
    for _ in range(STEPS):
        optimiser.zero_grad()
        y = torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2
        cost = 0.5 * ((torch.tensor(D) - y) ** 2).sum(dim=1).mean()
        cost.backward()
        optimiser.step()
    model = BackpropRegressor((5,), activation="tanh", solver=rule, eta=0.03, max_iter=STEPS,
                              n_iter_no_change=np.inf)  # fmt: skip
    model.fit(X, D, coef_init=start, intercept_init=biases)
    for ours, theirs in zip((*model.coefs_, *model.intercepts_), tensors, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


SCHEDULERS = torch.optim.lr_scheduler
SCHEDULES = [
    (Exponential(0.9), lambda o: SCHEDULERS.ExponentialLR(o, 0.9)),
    (Step(7, 0.3), lambda o: SCHEDULERS.StepLR(o, 7, 0.3)),
    (Polynomial(2.0, total_steps=STEPS), lambda o: SCHEDULERS.PolynomialLR(o, STEPS, 2.0)),
    (Cosine(total_steps=STEPS), lambda o: SCHEDULERS.CosineAnnealingLR(o, STEPS)),
    (CosineRestarts(4, 2), lambda o: SCHEDULERS.CosineAnnealingWarmRestarts(o, 4, 2)),
    (OneCycle(total_steps=STEPS), lambda o: SCHEDULERS.OneCycleLR(o, 1.0, STEPS)),
]


@pytest.mark.parametrize(("ours", "make"), SCHEDULES, ids=[repr(ours) for ours, _ in SCHEDULES])
def test_a_schedule_of_torch(ours, make):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler, expected = make(optimiser), []
    for _ in range(STEPS):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    np.testing.assert_allclose(ours(np.arange(STEPS)), expected, rtol=1e-9, atol=1e-12)
