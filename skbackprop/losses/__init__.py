"""Losses: what an output costs, the error signal it sends back, and what the outputs mean."""

from .check import check_loss
from .classification import CrossEntropy, Focal, Hinge
from .head import Task
from .likelihood import Gamma, GaussianNLL, Poisson, Tweedie
from .loss import LOSSES, Loss
from .regression import AbsoluteError, Huber, LogCosh, Quantile, SquaredError

__all__ = [
    "AbsoluteError",
    "CrossEntropy",
    "Focal",
    "Gamma",
    "GaussianNLL",
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
