"""The Python that README.md and CONTRIBUTING.md show runs as it stands."""

import importlib
import re
from pathlib import Path

import pytest

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
    for name in ("README.md", "CONTRIBUTING.md")
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
