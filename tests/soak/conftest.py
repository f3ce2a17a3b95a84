"""Figures of the soak, printed last; every test here is one of its marker."""

from pathlib import Path

import pytest

FIGURES = pytest.StashKey()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("soak")


@pytest.fixture
def figures(request):
    """A dict whose values are printed, as text, when all is done."""
    return request.config.stash.setdefault(FIGURES, {})


def pytest_terminal_summary(terminalreporter, config):
    for title, figure in config.stash.get(FIGURES, {}).items():
        terminalreporter.section(title)
        terminalreporter.write_line(str(figure))
