"""River's base classes, of which the stream estimators count as kinds where river is imported."""

from __future__ import annotations

import sys

__all__ = ["register"]

_registered: set[type] = set()


def register(cls: type, base_name: str) -> None:
    """Make a class a virtual subclass of ``river.base``'s class of that name, once it is there.

    River's evaluators and pipelines ask with ``isinstance`` what they have before them. This
    package does not import river: whoever uses it has done so.
    """
    base = sys.modules.get("river.base")
    if base is None or cls in _registered:
        return
    getattr(base, base_name).register(cls)
    _registered.add(cls)
