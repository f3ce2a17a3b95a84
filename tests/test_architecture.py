"""A folder imports lower floors only, no file imports in a circle, or what pip did not install."""

import ast
import sys

import pytest
from package_modules import MODULES

# The floors of the house, from the ground up. What stands in one line stands side by side, and does
# not import each other. A name is a folder, or a file at the top of the package.
FLOORS = """
    addresses callers extras synonyms version
    registry exceptions signal_handlers
    activations updates schedules
    losses
    network
    engines
    training
    solvers
    estimators
    tabular streams model_selection
    inspection export persistence distributed
    plots
"""
FLOOR = {room: floor for floor, line in enumerate(FLOORS.split("\n")) for room in line.split()}
ALLOWED = {"skbackprop", "numpy", "scipy", "sklearn"} | sys.stdlib_module_names
# Modules that nothing imports until an extra is asked for.
EXTRAS = {f"engines.{name}": {"numba", "llvmlite"} for name in ("kernels", "products")}


def imported(module, nodes):
    """Yield the dotted names that import statements speak of, those of the package from its top."""
    package = module.split(".") if MODULES[module].stem == "__init__" else module.split(".")[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                [] if not node.level else ["skbackprop", *package[: len(package) + 1 - node.level]]
            )
            base = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_imports(module):
    """The modules of the package that a module imports, anywhere in it."""
    found = set()
    for name in imported(module, ast.walk(ast.parse(MODULES[module].read_text()))):
        parts = name.split(".")
        if parts[0] == "skbackprop":
            # The longest part that is a module: the rest is a name in it.
            ends = range(len(parts), 1, -1)
            inside = (".".join(parts[1:end]) for end in ends)
            found |= {next((part for part in inside if part in MODULES), parts[1])}
    return found - {module}


def at_module_level(node):
    """Yield the nodes that run at import: everything outside function bodies."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_module_level(child)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    if module == "__init__":
        return  # the front door: it opens on every floor
    room = module.partition(".")[0]
    assert room in FLOOR, f"place {room} on a floor of this map"
    for other in own_imports(module):
        target = other.partition(".")[0]
        assert target in FLOOR, f"{module} imports {other}, which is not on the map"
        assert target == room or FLOOR[target] < FLOOR[room], f"{module} -> {other}"


def test_no_file_imports_in_a_circle():
    # Fronts re-export the files of their folder.
    graph = {module: own_imports(module) for module in MODULES if module != "__init__"}
    done, path = set(), []

    def visit(module):
        assert module not in path, f"a circle: {' -> '.join([*path, module])}"
        if module in done or module not in graph:
            return
        path.append(module)
        for other in sorted(graph[module]):
            visit(other)
        path.pop()
        done.add(module)

    for module in graph:
        visit(module)


@pytest.mark.parametrize("module", MODULES)
def test_import_needs_only_the_required_packages(module):
    tree = ast.parse(MODULES[module].read_text())
    needed = {name.partition(".")[0] for name in imported(module, at_module_level(tree))}
    assert needed <= ALLOWED | EXTRAS.get(module, set())
