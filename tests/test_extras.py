"""What one place says of requirements and addresses, pyproject.toml says too."""

import re
import tomllib
from pathlib import Path

import pytest

from skbackprop import addresses, compile_engine
from skbackprop.extras import EXTRAS, say_missing

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("package, extra", EXTRAS.items())
def test_an_extra_brings_what_is_asked_of_it(package, extra):
    brings = PROJECT["optional-dependencies"][extra]
    assert package in {re.match(r"[\w-]+", line)[0] for line in brings}


def test_every_extra_is_in_the_table_of_how_to_install():
    page = (ROOT / "docs" / "getting_started.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `pip install (?:-e )?'\.\[(\w+)\]'` \|", page, re.M)
    assert sorted(table) == sorted(PROJECT["optional-dependencies"])


def test_pages_install_from_where_the_package_is():
    """No index has it: an install line works in a checkout, or beside an error's message."""
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        lines = re.findall(r"pip install[^`\n]*skbackprop[^`\n]*", path.read_text("utf-8"))
        assert lines == (["pip install 'skbackprop[onnx]'"] * (path.name == "getting_started.md"))


def test_addresses():
    assert PROJECT["urls"] == addresses.URLS
    assert addresses.API_PAGE.startswith(addresses.URLS["Documentation"])


def test_what_is_said_of_a_missing_package(monkeypatch):
    said = say_missing("pandas", "to_frame")
    assert said == "to_frame needs pandas, which is not installed: pip install 'skbackprop[frame]'"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"it needs numba, which .*pip install 'skbackprop\[fast\]'"
    ):
        compile_engine()


def test_every_missing_package_is_told_of_in_the_same_words():
    for path in (ROOT / "skbackprop").rglob("*.py"):
        if path.name != "extras.py":
            assert "pip install" not in path.read_text(encoding="utf-8"), path
