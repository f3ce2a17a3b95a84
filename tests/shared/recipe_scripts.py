"""Runs recipes as scripts, and the pages on other libraries and on clusters as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "examples" / "recipes"
PAGE = (ROOT / "docs" / "other_libraries.md").read_text("utf-8")
SECTIONS = {
    section.split("\n")[0]: "\n".join(
        re.findall(r"^```py(?:thon)?\n(.*?)^```", section, re.S | re.M)
    )
    for section in re.split(r"^## ", PAGE, flags=re.M)[1:]
}
BLOCKS = re.findall(
    r"^```py\n(.*?)^```", (ROOT / "docs" / "clusters.md").read_text("utf-8"), re.S | re.M
)


def run(folder, *command):
    """Run Python as a user would, in a folder of its own; return what was printed."""
    result = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def numbers(pattern, text):
    """Return the numbers that a pattern's groups find, all of its matches in one list."""
    return [
        float(n)
        for found in re.findall(pattern, text)
        for n in ([found] if isinstance(found, str) else found)
    ]


def run_section(folder, name):
    """Run what a section of the page shows, one block after another."""
    script = folder / "section.py"
    script.write_text(SECTIONS[name])
    return run(folder, script)


def run_blocks(folder, *words, before="", after=""):
    """Run the blocks of the page on clusters in which the words stand, one a word."""
    blocks = [block for word in words for block in BLOCKS if word in block]
    assert len(blocks) == len(words), words
    script = folder / "blocks.py"
    script.write_text(f"import sys\nsys.path.append({str(RECIPES)!r})\n")
    with script.open("a") as file:
        file.write("\n".join([before, *blocks, after]))
    return run(folder, script)
