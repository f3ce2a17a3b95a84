"""The first sentence of a docstring has a subject that a stranger knows."""

import ast
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
# Words that speak of something said before, of which there is nothing.
DANGLING = {"Of", "Those", "That", "As", "It", "Its", "They", "From", "For", "Such"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_docstrings_begin_with_their_subject(path):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = (
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)
    )
    for docstring in filter(None, map(ast.get_docstring, nodes)):
        assert docstring.split()[0] not in DANGLING, docstring
