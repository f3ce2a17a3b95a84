"""Whole-batch solvers: L-BFGS, scaled conjugate gradient, Levenberg-Marquardt, Bayesian."""

from .bayesian import BayesianLM
from .conjugate_gradient import SCG
from .lbfgs import LBFGS
from .levenberg_marquardt import LM
from .solver import SOLVERS, WholeBatchSolver, solve

__all__ = ["BayesianLM", "LBFGS", "LM", "SCG", "SOLVERS", "WholeBatchSolver", "solve"]
