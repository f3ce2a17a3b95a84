"""Back-propagation exactly as it is derived on paper, as scikit-learn estimators."""

from .activations import ACTIVATIONS, Activation, Mixed
from .estimators import BackpropClassifier, BackpropRegressor
from .initializers import INITIALIZERS
from .losses import LOSSES, CrossEntropy, Loss, SquaredError, Task
from .schedules import SCHEDULES, Adaptive, InverseScaling
from .training import DivergenceError
from .updates import RULES, SGD, Adam, Momentum, Nesterov, UpdateRule

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "RULES",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adam",
    "Adaptive",
    "BackpropClassifier",
    "BackpropRegressor",
    "CrossEntropy",
    "DivergenceError",
    "InverseScaling",
    "Loss",
    "Mixed",
    "Momentum",
    "Nesterov",
    "SquaredError",
    "Task",
    "UpdateRule",
]
__version__ = "0.1.0"
