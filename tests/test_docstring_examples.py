"""Every public name has an example in its docstring, and all examples of docstrings run."""

import ast
import doctest
import importlib
import inspect
from pathlib import Path

import pytest
from package_modules import MODULES

import skbackprop

DOCS = Path(__file__).parents[1] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def load(module):
    return importlib.import_module("skbackprop" if module == "__init__" else f"skbackprop.{module}")


def described_data(module):
    """The strings below assignments at the top of a module, which describe what is assigned."""
    body = ast.parse(MODULES[module].read_text("utf-8")).body
    for node, after in zip(body, body[1:], strict=False):
        text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(node, ast.Assign | ast.AnnAssign) and text:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            yield ast.unparse(target), inspect.cleandoc(after.value.value)


DATA = {name: text for module in MODULES for name, text in described_data(module)}


@pytest.fixture(scope="module")
def reference():
    """The module that writes the reference of the site."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_in_the_reference_once(reference):
    names = [name for names in reference.rooms().values() for name in names]
    assert len(names) == len(set(names))
    top = {name.removeprefix("skbackprop.") for name in names if name.count(".") == 1}
    assert top == set(skbackprop.__all__)
    assert all(f"   {name}\n" in reference.page() + "\n" for name in names)


def test_every_name_of_the_reference_has_an_example(reference):
    for dotted in (name for names in reference.rooms().values() for name in names):
        module, _, name = dotted.rpartition(".")
        value = getattr(importlib.import_module(module), name)
        documented = inspect.isclass(value) or inspect.isfunction(value)
        text = inspect.getdoc(value) if documented else DATA[name]
        assert "\nExamples\n--------\n>>> " in text, dotted


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("module", [m for m in MODULES if ">>> " in MODULES[m].read_text("utf-8")])
def test_examples_run(module):
    results = doctest.testmod(load(module), optionflags=FLAGS)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=FLAGS)
    for name, text in described_data(module):
        runner.run(parser.get_doctest(text, {}, name, str(MODULES[module]), 0))
    assert results.attempted + runner.tries > 0
    assert results.failed + runner.failures == 0
