"""A module of the package imports from lower floors only, and nothing that pip did not install."""

import ast
import sys
from itertools import combinations
from pathlib import Path

import pytest

import skbackprop

FLOORS = {
    0: "activations losses penalties initializers schedules updates registry regularisation "
    "tracing code_cache blas_threads",
    1: "network objective kernels",
    2: "training solvers monitor progress online compiled callbacks",
    3: "access estimators course model parameters targets",
    4: "inspection dissection explanations gradient_check diagnosis plots "
    "signal_flow drawing page export",
}
FLOOR = {module: floor for floor, modules in FLOORS.items() for module in modules.split()}
# The arrows drawn between neighbours; on the ground floor anything may import the registry.
SIDE_BY_SIDE = {("objective", "network")}
SIDE_BY_SIDE |= set(combinations(["access", "estimators", "course", "model", "parameters"], 2))
SIDE_BY_SIDE |= {(module, "targets") for module in ("estimators", "course")}
SIDE_BY_SIDE |= {("inspection", "dissection"), ("inspection", "explanations")}
SIDE_BY_SIDE |= {("inspection", "gradient_check"), ("inspection", "diagnosis")}
SIDE_BY_SIDE |= {("gradient_check", "dissection"), ("diagnosis", "dissection")}
SIDE_BY_SIDE |= {("inspection", "page")}
SIDE_BY_SIDE |= {("plots", "signal_flow"), ("plots", "drawing"), ("signal_flow", "drawing")}
SIDE_BY_SIDE |= {
    (module, below) for module in ("plots", "signal_flow") for below in ("inspection", "dissection")
}
SIDE_BY_SIDE |= {("drawing", "inspection")}
SIDE_BY_SIDE |= {("solvers", "training"), ("training", "online"), ("online", "compiled")}
SIDE_BY_SIDE |= {(module, "monitor") for module in ("training", "solvers", "progress")}
SIDE_BY_SIDE |= {("losses", "activations"), ("initializers", "activations")}
SIDE_BY_SIDE |= {(module, "registry") for module in FLOOR if FLOOR[module] == 0}
MODULES = sorted(path for path in Path(skbackprop.__file__).parent.rglob("*.py"))
ALLOWED = {"skbackprop", "numpy", "scipy", "sklearn"} | sys.stdlib_module_names
# Modules that nothing imports until an extra is asked for.
EXTRAS = {"kernels": {"numba", "llvmlite"}}


def imported(nodes):
    """Yield each imported module's dotted name; `from skbackprop import x` gives skbackprop.x."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = f"skbackprop.{base}".rstrip(".")
            names = (alias.name for alias in node.names)
            yield from (f"{base}.{name}" for name in names) if base == "skbackprop" else [base]


def at_module_level(node):
    """Yield the nodes that run at import: everything outside function bodies."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_module_level(child)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_go_down(path):
    if path.stem == "__init__":
        return  # the front door: it re-exports every floor
    assert path.stem in FLOOR, f"place {path.name} on a floor of this map"
    for name in imported(ast.walk(ast.parse(path.read_text()))):
        package, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if package == "skbackprop":
            assert target in FLOOR, f"{path.stem} imports {name}, which is not a module on the map"
            lower = FLOOR[target] < FLOOR[path.stem]
            assert lower or (path.stem, target) in SIDE_BY_SIDE, f"{path.stem} -> {target}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_import_needs_only_the_required_packages(path):
    tree = ast.parse(path.read_text())
    needed = {name.partition(".")[0] for name in imported(at_module_level(tree))}
    assert needed <= ALLOWED | EXTRAS.get(path.stem, set())
