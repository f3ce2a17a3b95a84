"""Figures of the soak, printed last; every test here is one of its marker.

``--one-in 7`` runs each seventh test of every file, from the first on.
"""

from collections import defaultdict
from pathlib import Path

import pytest

FIGURES = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--one-in", type=int, default=1, help="of the soak, each n-th test of a file")


def pytest_collection_modifyitems(config, items):
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    by_file = defaultdict(list)
    for item in ours:
        item.add_marker("soak")
        by_file[item.path].append(item)
    n = config.getoption("one_in", 1)  # there only if the soak is asked for by its folder
    left_out = {item for each in by_file.values() for i, item in enumerate(each) if i % n}
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def figures(request):
    """A dict whose values are printed, as text, when all is done."""
    return request.config.stash.setdefault(FIGURES, {})


def pytest_terminal_summary(terminalreporter, config):
    for title, figure in config.stash.get(FIGURES, {}).items():
        terminalreporter.section(title)
        terminalreporter.write_line(str(figure))
