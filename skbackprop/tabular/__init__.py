"""Tables as they come: what turns their columns into numbers that a network learns from."""

from .columns import TableEncoder
from .periodic import PeriodicFeatures
from .scaling import RobustSmoothScaler

__all__ = ["PeriodicFeatures", "RobustSmoothScaler", "TableEncoder"]
