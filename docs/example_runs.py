"""How the gallery runs the examples."""

import tempfile
from pathlib import Path

_FOLDER = tempfile.TemporaryDirectory(prefix="skbackprop-docs-")


def give_output_folder(gallery_conf, script_vars):
    """Return an example's arguments: if it saves a picture, a folder that is thrown away."""
    saves = "savefig" in Path(script_vars["src_file"]).read_text("utf-8")
    return [_FOLDER.name] if saves else []
