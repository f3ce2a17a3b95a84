"""Where the project lives: the one place that knows its addresses.

They are placeholders until the project has a place of its own; ``.example`` leads nowhere.
`pyproject.toml` repeats them, and a test compares the two.
"""

__all__ = ["API_PAGE", "SECURITY", "URLS"]

_HOME = "https://skbackprop.example"

#: The addresses by the names that package indexes know.
URLS = {
    "Homepage": _HOME,
    "Documentation": f"{_HOME}/docs/",
    "Source": f"{_HOME}/source/",
    "Issues": f"{_HOME}/issues/",
    "Changelog": f"{_HOME}/docs/changelog.html",
}

#: The page of a public class, to be filled in by `str.format`.
API_PAGE = URLS["Documentation"] + "api/skbackprop.{estimator_name}.html"

#: Whom to tell of a weakness, as `SECURITY.md` says.
SECURITY = "security@skbackprop.example"
