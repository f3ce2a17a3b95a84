"""The Python that the documents show runs as it stands, and what they say of names is so."""

import importlib
import re
from pathlib import Path

import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skbackprop
from skbackprop import synonyms

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.S | re.M)
REGISTRIES = {
    "activations": "ACTIVATIONS",
    "losses": "LOSSES",
    "updates": "RULES",
    "schedules": "SCHEDULES",
}


def blocks(name):
    """Return (block, line) pairs; the line numbers make a failure easy to find."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = [(match[1], text[: match.start(1)].count("\n")) for match in BLOCK.finditer(text)]
    assert found, f"{name} shows no Python"
    return found


CASES = [
    pytest.param(block, name, line, id=f"{name}:{line}")
    for name in ("README.md", "CONTRIBUTING.md", "docs/coming_from.md", "docs/deployment.md")
    for block, line in blocks(name)
]


@pytest.fixture
def registries_restored():
    """A recipe may register something; the other tests must not see it."""
    registries = [
        getattr(importlib.import_module(f"skbackprop.{module}"), registry)
        for module, registry in REGISTRIES.items()
    ]
    saved = [dict(registry) for registry in registries]
    yield
    for registry, entries in zip(registries, saved, strict=True):
        registry.clear()
        registry.update(entries)


@pytest.mark.usefixtures("registries_restored")
@pytest.mark.parametrize("block, name, line", CASES)
def test_block_runs(block, name, line):
    code = compile("\n" * line + block, str(ROOT / name), "exec")
    exec(code, {"__name__": "__main__"})


def test_each_kind_of_extension_has_a_recipe_under_ten_lines():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^### Add an? (.+?)\n(.*?)(?=^#|\Z)", text, re.S | re.M))
    assert set(recipes) == {"activation", "loss", "update rule", "schedule", "solver"}
    for kind, recipe in recipes.items():
        (block,) = BLOCK.findall(recipe)
        assert len(block.splitlines()) < 10, kind


def rows_for(section):
    """The rows of the tables that a section of docs/coming_from.md holds, as lists of cells."""
    text = (ROOT / "docs/coming_from.md").read_text(encoding="utf-8")
    text = re.search(rf"^## From {section}.*?(?=^## |\Z)", text, re.S | re.M)[0]
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("Theirs", [MLPClassifier, MLPRegressor])
def test_every_parameter_and_attribute_of_the_mlp_has_its_row(Theirs):
    named = set(re.findall(r"`(\w+)", " ".join(row[0] for row in rows_for("MLPClassifier"))))
    attributes = set(re.findall(r"^    (\w+_) : ", Theirs.__doc__, re.M))
    assert len(attributes) > 10
    assert {*Theirs().get_params(), *attributes} <= named


@pytest.mark.parametrize("section", ["MLPClassifier", "MATLAB", "Keras", "FANN"])
def test_what_stands_opposite_a_name_exists(section):
    known = {*skbackprop.BackpropClassifier().get_params(), *vars(skbackprop)}
    registries = ("ACTIVATIONS", "LOSSES", "RULES", "SOLVERS", "SCHEDULES")
    names = {name for registry in registries for name in getattr(skbackprop, registry)}
    for _, ours, *_ in rows_for(section):
        for code in re.findall("`(.+?)`", ours):
            assert set(re.findall(r'"([^"]+)"', code)) <= names | {"auto"}, code
            for word in re.findall(r"\b([A-Za-z]\w*)(?==|\()", code):
                member = hasattr(skbackprop.BackpropClassifier, word)
                argument = re.search(rf"\(.*\b{word}=", code)
                assert word in known or member or argument or word in ("len", "tanh"), (code, word)


@pytest.mark.parametrize("section", ["MATLAB", "Keras", "FANN"])
def test_the_tables_agree_with_the_synonyms(section):
    # Names that stand one by one in both cells, as `a`, `b` | `"x"`, `"y"`.
    agreeing = 0
    for theirs, ours, *_ in rows_for(section):
        left, right = (re.findall("`(.+?)`", cell) for cell in (theirs, ours))
        if len(left) != len(right):
            continue
        for name, here in zip(left, right, strict=True):
            tables = synonyms.NAMES.values()
            known = {names[name.strip('"')] for names in tables if name.strip('"') in names}
            if known and here.startswith('"'):
                assert here.strip('"') in known
                agreeing += 1
    assert agreeing >= 3
