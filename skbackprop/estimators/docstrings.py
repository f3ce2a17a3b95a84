"""Docstrings that name every parameter and attribute, of the class and of its bases.

Each is described once, in the docstring of the class that defines it. A class whose own docstring
describes one again means something else by it, or has another default.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

__all__ = ["complete_docstring"]

_TITLE = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"\n+(?=\S)")
_INDENT = re.compile(r"\n+( *)\S")


def complete_docstring(cls: type, parameters: Sequence[str]) -> None:
    """Write what the bases of a class say of its parameters and attributes into its docstring.

    Parameters
    ----------
    cls : type
        A class with a numpydoc docstring, or with none, which it then stays without.
    parameters : sequence of str
        The parameters of its constructor, in order; other entries of the bases are left out.
    """
    if cls.__doc__ is None:  # as for all classes under ``python -OO``
        return
    known: dict[str, dict[str, str]] = {"Parameters": {}, "Attributes": {}}
    for base in reversed(cls.__mro__):
        sections = _sections(vars(base).get("__doc__") or "")
        for title, entries in known.items():
            entries |= _entries(sections.get(title, ""))
    described = known["Parameters"]
    known["Parameters"] = {name: described[name] for name in parameters if name in described}
    own = dict(_sections(cls.__doc__))
    summary = own.pop("")
    whole = {title: "\n".join(entries.values()) for title, entries in known.items() if entries}
    cls.__doc__ = summary.strip() + "".join(
        f"\n\n{title}\n{'-' * len(title)}\n{body.strip()}"
        for title, body in {**whole, **own, **whole}.items()
    )


@cache
def _sections(docstring: str) -> dict[str, str]:
    """Split a numpydoc docstring: title -> text; what stands before all titles has the title ""."""
    found = _INDENT.search(docstring)  # of the first line below the summary
    indent = found[1] if found else ""
    summary, *others = _TITLE.split(docstring.replace(f"\n{indent}", "\n"))
    return {"": summary, **dict(zip(others[::2], others[1::2], strict=True))}


def _entries(section: str) -> dict[str, str]:
    """Split a section of parameters or attributes: name -> its line and the lines below it."""
    entries = _ENTRY.split(section.strip("\n")) if section else []
    return {entry.partition(" : ")[0]: entry for entry in entries}
