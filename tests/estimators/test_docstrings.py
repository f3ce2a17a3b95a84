"""Every parameter and attribute is described in the docstring of the class that has it."""

import ast
import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.utils import estimator_html_repr

from skbackprop import Adam, BackpropClassifier, BackpropRegressor
from skbackprop.addresses import API_PAGE
from skbackprop.estimators.docstrings import complete_docstring
from skbackprop.estimators.parameters import Parameters

X = np.random.default_rng(0).normal(size=(20, 2))
BOTH = [BackpropRegressor, BackpropClassifier]


def entries(cls, title):
    """Name -> (type, description) in a section of the class's docstring."""
    section = re.search(
        rf"^{title}\n-+\n(.*?)(?=\n\n\w+\n---|\Z)", inspect.getdoc(cls), re.S | re.M
    )
    found = re.findall(r"^(\S+) : (.+)\n((?:    .+\n?)+)", section[1] + "\n", re.M)
    assert len(found) == len(re.findall(r"^\S", section[1], re.M)), "an entry without description"
    return {name: (kind, " ".join(text.split())) for name, kind, text in found}


@pytest.mark.parametrize("Estimator", BOTH)
def test_every_parameter_with_its_default(Estimator):
    described, defaults = entries(Estimator, "Parameters"), Estimator().get_params(deep=False)
    assert list(described) == list(inspect.signature(Estimator).parameters)
    for name, (kind, text) in described.items():
        assert ast.literal_eval(kind.partition("default=")[2]) == defaults[name], name
        assert "See `Backprop" not in text


@pytest.mark.parametrize(
    "Estimator, y", [(BackpropRegressor, X[:, 0]), (BackpropClassifier, X[:, 0] > 0)]
)
def test_every_fitted_attribute(Estimator, y):
    pandas = pytest.importorskip("pandas")
    model = Estimator((3,), activation="tanh", loss="squared_error", solver="br", random_state=0)
    model.set_params(max_iter=3, tol=0.0)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        model.fit(pandas.DataFrame(X, columns=["a", "b"]), y)
    public = {name for name in dir(model) if re.fullmatch(r"[a-z]\w*(?<!_)_", name)}
    # `gains_` is there with input_gain=True alone, which solver="br" refuses.
    assert public | {"gains_"} == set(entries(Estimator, "Attributes"))


def test_where_the_classes_differ():
    here, there = (entries(Estimator, "Parameters") for Estimator in BOTH)
    assert {name for name in there if there[name] != here.get(name)} == {"loss", "class_weight"}
    assert inspect.getdoc(BackpropClassifier).startswith("Classification by the back-propagation")
    assert "\nExamples\n--------\n>>> from sklearn" in inspect.getdoc(BackpropClassifier)
    assert "\nReferences\n----------\n.. [1] S. Haykin" in inspect.getdoc(BackpropRegressor)


def test_a_subclass_describes_what_it_adds():
    class Hasty(Parameters):
        """Train in haste.

        Parameters
        ----------
        haste : float, default=1.0
            How much.
        """

    complete_docstring(Hasty, ["eta", "haste", "unheard_of"])
    assert Hasty.__doc__.startswith("Train in haste.\n\nParameters\n----------\neta : float, ")
    assert Hasty.__doc__.endswith("\nhaste : float, default=1.0\n    How much.")
    Silent = type("Silent", (Parameters,), {})
    complete_docstring(Silent, ["eta"])
    assert Silent.__doc__ is None


@pytest.mark.matrix  # it compiles scikit-learn anew
def test_without_docstrings():
    command = [sys.executable, "-OO", "-c", "import skbackprop; skbackprop.BackpropClassifier()"]
    subprocess.run(command, check=True)


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="no descriptions before"
)
@pytest.mark.parametrize("Estimator", BOTH)
def test_notebooks_show_the_descriptions(Estimator):
    shown = estimator_html_repr(
        Estimator(solver=Adam()).partial_fit(X[:2], [0, 1], **classes(Estimator))
    )
    for title in ("Parameters", "Attributes"):
        for name in entries(Estimator, title):
            if title == "Attributes" and not re.search(rf"\b{name}\b", shown):
                continue  # not every attribute is there after every fit
            assert f"--doc-link-{name};" in shown, name
    page = API_PAGE.format(estimator_name=Estimator.__name__)
    assert f'href="{page}"' in shown and f'href="{page}#:~:text=eta,-float' in shown


def classes(Estimator):
    return {"classes": [0, 1]} if Estimator is BackpropClassifier else {}
