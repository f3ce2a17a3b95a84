"""What moves the weights by an update rule: updates, epochs, and what watches them."""

from ..exceptions import DivergenceError
from ..updates.state import TrainingState
from .monitor import REASONS, Epoch, History, Monitor, Stopping
from .progress import Progress, describe_epoch
from .trainer import Trainer, train

__all__ = [
    "DivergenceError",
    "TrainingState",
    "Epoch",
    "History",
    "Monitor",
    "Progress",
    "REASONS",
    "Stopping",
    "Trainer",
    "describe_epoch",
    "train",
]
