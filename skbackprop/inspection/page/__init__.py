"""The web page that steps through the rule."""

from .rendering import MAX_MEGABYTES, render

__all__ = ["MAX_MEGABYTES", "render"]
