"""Activation functions phi and their derivatives, and what a user may plug in as one."""

from .activation import ACTIVATIONS, Activation, resolve_activation
from .built_in import elu, leaky_relu, scaled_tanh, softplus
from .check import check_activation
from .mixed import Mixed

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Mixed",
    "check_activation",
    "elu",
    "leaky_relu",
    "resolve_activation",
    "scaled_tanh",
    "softplus",
]
