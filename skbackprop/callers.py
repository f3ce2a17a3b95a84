"""Warnings that point to the line of the user's program that called the package."""

import sys
import warnings

__all__ = ["warn_user"]

# What may stand between a user's line and the place that warns.
_NOT_THE_USER = (__name__.partition(".")[0], "sklearn", "joblib", "contextlib")


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning at the line that called the package, however deep within it this is."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_THE_USER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
