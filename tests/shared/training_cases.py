"""What several tests of training share."""

import numpy as np

from skbackprop import ACTIVATIONS, SquaredError, Task
from skbackprop.engines.update import Update
from skbackprop.losses.head import Head
from skbackprop.network.network import Network
from skbackprop.network.objective import Objective
from skbackprop.network.penalties import ElasticNet
from skbackprop.schedules import constant, resolve_schedule
from skbackprop.training.trainer import Trainer
from skbackprop.updates.rule import RULES
from skbackprop.updates.state import TrainingState

RNG = np.random.default_rng(0)


X, D = RNG.normal(size=(23, 3)), RNG.normal(size=(23, 2))


def trainer(rule="sgd", eta=0.1, schedule=constant):
    tanh, identity = ACTIVATIONS["tanh"], ACTIVATIONS["identity"]
    network = Network((3, 4, 2), (tanh, identity))
    network.w[:] = np.random.default_rng(1).normal(size=network.w.size)
    loss = Head(SquaredError(), Task("regression", 2))
    state = TrainingState(np.empty((0, network.w.size)))
    objective = Objective(network, loss, ElasticNet(None))
    return Trainer(Update(objective, RULES[rule], eta, state), resolve_schedule(schedule))
