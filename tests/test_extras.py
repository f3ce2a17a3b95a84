"""What one place says of requirements and addresses, pyproject.toml says too."""

import re
import tomllib
from pathlib import Path

import pytest

from skbackprop import addresses, compile_engine
from skbackprop.extras import REQUIREMENTS, say_missing

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_requirements():
    optional = {line for lines in PROJECT["optional-dependencies"].values() for line in lines}
    assert set(REQUIREMENTS.values()) <= optional
    for package, requirement in REQUIREMENTS.items():
        assert re.match(r"\w+", requirement)[0] == package


def test_addresses():
    assert PROJECT["urls"] == addresses.URLS
    assert addresses.API_PAGE.startswith(addresses.URLS["Documentation"])


def test_what_is_said_of_a_missing_package(monkeypatch):
    said = say_missing("pandas", "to_frame")
    assert said == "to_frame needs pandas, which is not installed: pip install 'pandas>=2.2'"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="it needs numba, which .*pip install 'numba>=0.60'"):
        compile_engine()


def test_every_missing_package_is_told_of_in_the_same_words():
    for path in (ROOT / "skbackprop").rglob("*.py"):
        if path.name != "extras.py":
            assert "pip install" not in path.read_text(encoding="utf-8"), path
