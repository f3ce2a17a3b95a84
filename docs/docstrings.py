"""Docstrings on their way to numpydoc: of data too, and with names that RST takes for names."""

import re

import reference

_NAME = re.compile(r"(?<![\w`])(\w+_)(?=[,)])")


def describe_data(app, what, name, obj, options, lines):
    """Put the string below an assignment in the place of what Python says of any dictionary."""
    if what == "data":
        lines[:] = reference.descriptions_of_data()[name.rpartition(".")[2]].splitlines()


def quote_names(app, what, name, obj, options, lines):
    """Put the shapes of a line such as ``coef_ : ndarray of shape (n_features_in_,)`` in quotes."""
    for i, line in enumerate(lines):
        if " : " in line:
            lines[i] = _NAME.sub(r"``\1``", line)


def setup(app):
    """Connect both."""
    app.connect("autodoc-process-docstring", describe_data, priority=90)
    app.connect("autodoc-process-docstring", quote_names, priority=100)  # before numpydoc
    return {"parallel_read_safe": True}
