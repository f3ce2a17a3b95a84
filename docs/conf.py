"""Sphinx's settings: ``sphinx-build -W --keep-going -n docs OUTPUT`` makes the site.

What the build writes beside the pages (the reference, the gallery, drawings) goes to folders that
git ignores. Nothing is downloaded, neither by the build nor by a page that is read: equations are
MathML, and there are no links to other projects' inventories.
"""

import re
import sys
from pathlib import Path

import matplotlib

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import drawings  # noqa: E402
import reference  # noqa: E402

from skbackprop import __version__  # noqa: E402
from skbackprop.addresses import URLS  # noqa: E402

matplotlib.use("Agg")
GENERATED = DOCS / "_generated"
reference.write(DOCS / "api")
drawings.write(GENERATED)

project = "skbackprop"
author = "The skbackprop developers"
copyright = "2026, the skbackprop developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "docstrings",
    "mathml",
    "site_links",
]
exclude_patterns = ["_build", "_generated", "gallery/*.ipynb", "gallery/*.py"]
templates_path = ["_templates"]
default_role = "literal"
python_use_unqualified_type_names = True

autodoc_typehints = "none"  # numpydoc's Parameters say them, with shapes
autosummary_generate = True
suppress_warnings = ["config.cache"]  # the functions below are the same in each build
autosummary_context = {"members_of": reference.members_of}
numpydoc_show_class_members = False  # the template of a class lists them
# What docstrings inherited from scikit-learn refer to lies in its own documentation.
nitpick_ignore_regex = [("py:.*", r"sklearn\..*"), ("py:.*", r"(numpy|np|matplotlib|scipy)\..*")]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # Server and cluster start processes of themselves, which a page that runs them is not; recipes
    # need more than the site does.
    "filename_pattern": re.escape("examples/") + "(?!stream_server|distributed_fit|recipes)",
    "within_subsection_order": "ExampleTitleSortKey",
    "reset_argv": "example_runs.give_output_folder",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 3600,
    "remove_config_comments": True,
}

html_theme = "pydata_sphinx_theme"
html_title = f"skbackprop {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_generated/live"]
html_baseurl = URLS["Documentation"]
html_show_sourcelink = False
# Pages that have no others beside them in the tree leave its column to their text.
_ALONE = "index getting_started derivation coming_from speed defaults promises"
html_sidebars = {page: [] for page in [*_ALONE.split(), "changelog", "contributing", "security"]}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "skbackprop"},
    "header_links_before_dropdown": 5,
    "navbar_align": "left",
    "external_links": [{"name": "Source", "url": URLS["Source"]}],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
