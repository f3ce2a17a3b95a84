"""Update rules: how a correction ``g = -dE/dw`` moves the weights."""

from .adaptive import Adagrad, Adam, AdamW, DeltaBarDelta, Nadam, RMSprop
from .descent import SGD, Momentum, Nesterov
from .fan_in import FanInEta, Rates
from .headroom import HEADROOM, has_headroom
from .rule import RULES, Solver, UpdateRule
from .whole_batch import IRpropMinus, IRpropPlus, Quickprop

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "DeltaBarDelta",
    "FanInEta",
    "HEADROOM",
    "IRpropMinus",
    "IRpropPlus",
    "Momentum",
    "Nadam",
    "Nesterov",
    "Quickprop",
    "RMSprop",
    "RULES",
    "Rates",
    "SGD",
    "Solver",
    "UpdateRule",
    "has_headroom",
]
