"""Streams: estimators that scale, tune and grow by themselves, and their scaling alone."""

from .classifier import StreamClassifier
from .regressor import StreamRegressor
from .scaling import OnlineScaler

__all__ = ["OnlineScaler", "StreamClassifier", "StreamRegressor"]
