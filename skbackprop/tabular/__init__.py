"""Tables as they come: what turns their columns into numbers, and estimators of whole tables."""

from .classifier import TabularClassifier
from .columns import TableEncoder
from .periodic import PeriodicFeatures
from .regressor import TabularRegressor
from .scaling import RobustSmoothScaler

__all__ = [
    "PeriodicFeatures",
    "RobustSmoothScaler",
    "TableEncoder",
    "TabularClassifier",
    "TabularRegressor",
]
