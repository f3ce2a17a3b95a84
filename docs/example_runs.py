"""How the gallery runs the examples."""

import tempfile

_FOLDER = tempfile.TemporaryDirectory(prefix="skbackprop-docs-")


def give_output_folder(gallery_conf, script_vars):
    """Return an example's arguments: a folder that is thrown away, for the picture it saves."""
    return [_FOLDER.name]
