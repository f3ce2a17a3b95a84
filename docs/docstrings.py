"""Docstrings on their way to numpydoc: names that end in an underscore are no links of RST."""

import re

_NAME = re.compile(r"(?<![\w`])(\w+_)(?=[,)])")


def quote_names(app, what, name, obj, options, lines):
    """Put the shapes of a line such as ``coef_ : ndarray of shape (n_features_in_,)`` in quotes."""
    for i, line in enumerate(lines):
        if " : " in line:
            lines[i] = _NAME.sub(r"``\1``", line)


def setup(app):
    app.connect("autodoc-process-docstring", quote_names, priority=100)  # before numpydoc
    return {"parallel_read_safe": True}
