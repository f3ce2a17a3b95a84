"""The modules of the package, for tests that look at all of its source."""

from pathlib import Path

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
#: Dotted name below the package -> file; a folder's front goes by the folder's name.
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
