"""The pages of the reference: every public name, under the folder of the package it comes from."""

import ast
import inspect
import operator
import re
from pathlib import Path

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent

#: Folder, or file at the top of the package -> heading, in the order of the page. What is not
#: named here comes last, under its own name.
HEADINGS = {
    "estimators": "Estimators",
    "tabular": "Tables as they come",
    "streams": "Streams",
    "model_selection": "Search",
    "activations": "Activations",
    "losses": "Losses",
    "updates": "Update rules",
    "solvers": "Whole-batch solvers",
    "schedules": "Schedules",
    "network": "First weights",
    "engines": "The compiled pass",
    "inspection": "Looking inside",
    "plots": "Displays",
    "export": "Export",
    "persistence": "Model files",
    "distributed": "Clusters",
    "exceptions": "Errors and warnings",
}

#: Names that users meet without importing them from the top: what a public function returns, or
#: takes beside what the top of the package holds.
BESIDE = {
    "activations": ["check_activation", "elu", "leaky_relu", "scaled_tanh", "softplus"],
    "inspection": [
        "Diagnosis", "Explanation", "Finding", "GradientCheck", "TrainingStep", "WorstWeight"
    ],
    "tabular": ["TableEncoder"],
    "exceptions": ["InconsistentVersionWarning"],
}  # fmt: skip

#: What is private, and what scikit-learn gives every estimator and documents itself.
UNLISTED = re.compile("_.*|set_output|set_.*_request|get_metadata_routing")


def rooms() -> dict[str, list[str]]:
    """Return the public names, dotted, by the folder that the top of the package has them from."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    found: dict[str, list[str]] = {room: [] for room in HEADINGS}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            room = (node.module or "").partition(".")[0]
            public = [alias.name for alias in node.names if alias.name in skbackprop.__all__]
            found.setdefault(room, []).extend(f"skbackprop.{name}" for name in public)
    for room, names in BESIDE.items():
        found[room] += [f"skbackprop.{room}.{name}" for name in names]
    return {room: sorted(names, key=str.lower) for room, names in found.items() if names}


def descriptions_of_data() -> dict[str, str]:
    """Return what is said of each name that is assigned: the string below the assignment."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        body = ast.parse(path.read_text("utf-8")).body
        for node, below in zip(body, body[1:], strict=False):
            if isinstance(node, ast.AnnAssign) and isinstance(below, ast.Expr):
                found[ast.unparse(node.target)] = inspect.cleandoc(ast.literal_eval(below.value))
    return found


def page() -> str:
    """Return the first page of the reference, from which `autosummary` makes one for each name."""
    lines = ["API reference", "=============", "", "Every public name, with an example.", ""]
    for room, names in rooms().items():
        title = HEADINGS.get(room, room)
        lines += [title, "-" * len(title), "", ".. autosummary::", "   :toctree: ."]
        lines += ["   :nosignatures:", "", *(f"   {name}" for name in names), ""]
    return "\n".join(lines)


def members_of(fullname: str) -> dict[str, str]:
    """Return the directive for each public member of a class, those of Python's own bases apart."""
    cls = operator.attrgetter(fullname.partition(".")[2])(skbackprop)
    bases = (base for base in cls.__mro__ if base.__module__ != "builtins")
    names = {name for base in bases for name in vars(base) if not UNLISTED.fullmatch(name)}
    members = {name: getattr(cls, name, None) for name in sorted(names)}
    properties = [name for name, member in members.items() if isinstance(member, property)]
    methods = [name for name, member in members.items() if callable(member)]
    return dict.fromkeys(properties, "autoproperty") | dict.fromkeys(methods, "automethod")


def write(folder: Path) -> None:
    """Write the first page, if it is another than the one that is there."""
    folder.mkdir(exist_ok=True)
    path, text = folder / "index.rst", page()
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
