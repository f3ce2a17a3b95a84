"""Every public name has an example in its docstring, and all examples of docstrings run."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest
from outside import need_package
from package_modules import MODULES

import skbackprop
from skbackprop.addresses import API_PAGE, URLS

DOCS = Path(__file__).parents[1] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def load_reference():
    """The module that writes the reference of the site."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = load_reference()
DATA = reference.descriptions_of_data()


def test_every_public_name_is_in_the_reference_once():
    names = [name for names in reference.rooms().values() for name in names]
    assert len(names) == len(set(names))
    top = {name.removeprefix("skbackprop.") for name in names if name.count(".") == 1}
    assert top == set(skbackprop.__all__)
    assert all(f"   {name}\n" in reference.page() + "\n" for name in names)


@pytest.mark.parametrize("name", ["BackpropClassifier", "TabularRegressor"])
def test_estimators_link_to_their_pages(name):
    # The page of a name is called after it; notebooks show this link beside an estimator.
    page = API_PAGE.format(estimator_name=name)
    assert page == f"{URLS['Documentation']}api/skbackprop.{name}.html"
    assert f"skbackprop.{name}" in sum(reference.rooms().values(), [])


def test_every_name_of_the_reference_has_an_example():
    for dotted in (name for names in reference.rooms().values() for name in names):
        module, _, name = dotted.rpartition(".")
        value = getattr(importlib.import_module(module), name)
        documented = inspect.isclass(value) or inspect.isfunction(value)
        text = inspect.getdoc(value) if documented else DATA[name]
        assert "\nExamples\n--------\n>>> " in text, dotted


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "module",
    [
        pytest.param(m, marks=pytest.mark.cluster if m.startswith("distributed.") else ())
        for m in MODULES
        if ">>> " in MODULES[m].read_text("utf-8")
    ],
)
def test_examples_of_functions_and_classes_run(module):
    if module == "export.onnx":
        need_package("onnx")
    name = f"skbackprop.{module}".removesuffix(".__init__")
    assert doctest.testmod(importlib.import_module(name), optionflags=FLAGS).failed == 0


@pytest.mark.parametrize("name", DATA)
def test_examples_of_data_run(name):
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(doctest.DocTestParser().get_doctest(DATA[name], {}, name, None, 0))
    assert runner.tries and not runner.failures
