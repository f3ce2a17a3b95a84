"""The errors and warnings of the package."""

from __future__ import annotations

__all__ = ["DivergenceError"]


class DivergenceError(ArithmeticError):
    """An update would have made the weights non-finite, and was not applied."""
