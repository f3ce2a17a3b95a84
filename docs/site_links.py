"""Links that lead somewhere in the files as on the site.

In the files a link leads to an example, to the module of a class, or to a file at the top; on the
site, to the page that the build makes of it. The site's front page begins as ``README.md`` does.
"""

import re

_PAGES = [
    (r"\]\(\.\./examples/\)", r"](gallery/index.rst)"),
    (r"\]\(\.\./examples/((?:recipes/)?\w+)\.py\)", r"](gallery/\1.rst)"),
    (r"\]\(\.\./CONTRIBUTING\.md", r"](contributing.md"),
    (r"\]\(\.\./CHANGELOG\.md", r"](changelog.md"),
    (r"\]\(\.\./skbackprop/__init__\.py\)", r"](api/index.rst)"),
    (r"\[(\w+)\]\(\.\./skbackprop/[\w/]+\.py\)", r"[\1](api/skbackprop.\1.rst)"),
]
_FRONT_PAGE = """```{include} ../README.md
:end-before: "<!-- the front page of the documentation ends here -->"
:relative-docs: docs/
:relative-images:
```

"""


def of_the_site(text: str) -> str:
    """Return a page with the links that the site has."""
    for pattern, page in _PAGES:
        text = re.sub(pattern, page, text)
    return text


def _rewrite(app, name: str, source: list[str]) -> None:
    source[0] = of_the_site(source[0])
    if name == "index":
        source[0] = _FRONT_PAGE + source[0][source[0].index("## ") :]


def setup(app):
    """Register what is done to a page before it is read."""
    app.connect("source-read", _rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
