"""Back-propagation exactly as it is derived on paper, as scikit-learn estimators."""

from .activations import ACTIVATIONS, Activation, Mixed
from .estimators import BackpropClassifier, BackpropRegressor
from .initializers import INITIALIZERS
from .losses import LOSSES, CrossEntropy, Loss, SquaredError, Task
from .online import compile_engine
from .schedules import SCHEDULES, Adaptive, InverseScaling
from .solvers import LBFGS, LM, SCG, SOLVERS, BayesianLM, WholeBatchSolver
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
    "BayesianLM",
    "CrossEntropy",
    "DivergenceError",
    "InverseScaling",
    "LBFGS",
    "LM",
    "Loss",
    "Mixed",
    "Momentum",
    "Nesterov",
    "SCG",
    "SOLVERS",
    "SquaredError",
    "Task",
    "UpdateRule",
    "WholeBatchSolver",
    "compile_engine",
]
__version__ = "0.1.0"
