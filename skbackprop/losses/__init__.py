"""Losses: what an output costs, the error signal it sends back, and what the outputs mean."""

from .check import check_loss
from .classification import CrossEntropy, Focal, Hinge
from .head import Head
from .likelihood import Gamma, GaussianNLL, Poisson, Tweedie
from .loss import LOSSES, Loss
from .regression import AbsoluteError, Huber, LogCosh, Quantile, SquaredError
from .task import Task

__all__ = [
    "AbsoluteError",
    "CrossEntropy",
    "Focal",
    "Gamma",
    "GaussianNLL",
    "Head",
    "Hinge",
    "Huber",
    "LOSSES",
    "LogCosh",
    "Loss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "Task",
    "Tweedie",
    "check_loss",
]
