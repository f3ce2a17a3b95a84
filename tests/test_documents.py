"""The Python that the documents show runs as it stands, and what they say is so."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skbackprop
from skbackprop import addresses, synonyms

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md")
)
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
    return [(match[1], text[: match.start(1)].count("\n")) for match in BLOCK.finditer(text)]


CASES = [
    pytest.param(block, name, line, id=f"{name}:{line}")
    for name in DOCUMENTS
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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_python_is_shown_that_is_not_run(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    opened = re.findall(r"^ *[`:~]{3,}.*py.*$", text, re.M | re.I)
    included = text.count("```{literalinclude}")
    # What needs other packages is run where they are: tests/export/test_onnx.py, tests/recipes.
    beside = ("docs/clusters.md", "docs/deployment.md", "docs/other_libraries.md")
    elsewhere = text.count("\n```py\n") if name in beside else 0
    assert len(opened) == len(BLOCK.findall(text)) + included + elsewhere


def test_every_page_of_the_user_guide_shows_python():
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    pages = re.findall(r"^(\w+)$", guide, re.M)
    assert len(pages) >= 8
    assert all(blocks(f"docs/{page}.md") for page in pages)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files_and_headings(name):
    # Sphinx checks the links of the site; those of the repository are looked at here as well.
    path = ROOT / name
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        assert not target.startswith(("gallery/", "api/")), "only the site's build makes these"
        linked = path.parent / target if target else path
        assert linked.exists(), target
        if anchor:
            assert anchor in headings(linked), (target, anchor)


def headings(path):
    """The anchors of a document's headings, as GitHub and MyST make them."""
    text = path.read_text(encoding="utf-8")
    for included in re.findall(r"{include} (.+)", text):
        text += (path.parent / included).read_text(encoding="utf-8")
    found = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_readme_is_short_and_its_commands_stand_once():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    commands = [line for line in lines if line.startswith("python3 -m venv ")]
    assert [line.split()[-1] for line in commands] == ["examples/quickstart.py", "pytest"]


def test_readme_on_a_package_index_leads_to_the_site():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    n_links = len(re.findall(r"\]\(", text))
    for rule in settings["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) == n_links > 15
    assert all(target.startswith(addresses.URLS["Homepage"]) for target in targets)
    pictures = [target for target in targets if target.endswith(".png")]
    assert len(pictures) == 2 == text.count("![")
    assert all(p.startswith(addresses.URLS["Documentation"] + "_images/") for p in pictures)


def test_where_a_checkout_comes_from():
    page = (ROOT / "docs/getting_started.md").read_text(encoding="utf-8")
    assert f"git clone {addresses.URLS['Source']} " in page


def test_whom_to_tell_of_a_weakness():
    assert addresses.SECURITY in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere():
    released = re.findall(
        r"^## \[(\d.*)\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M
    )
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: (.+)\ndate-released: (.+)$", citation, re.M).groups()
    assert released[0] == cited
    assert cited[0] == skbackprop.__version__
    assert f"url: {addresses.URLS['Homepage']}\n" in citation


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
