"""Packages that only a part of this one needs, and what to say where they are missing."""

__all__ = ["EXTRAS", "say_missing"]

#: Package -> the extra of this package that brings it; `pyproject.toml` says in which version.
EXTRAS = {
    "distributed": "dask",
    "matplotlib": "plot",
    "numba": "fast",
    "onnx": "onnx",
    "pandas": "frame",
}


def say_missing(package: str, caller: str) -> str:
    """Return the words for an optional package that cannot be imported.

    The command works wherever this package is installed, from an index or not: pip takes what is
    installed, and adds what the extra asks for.

    Parameters
    ----------
    package : str
        A name in `EXTRAS`.
    caller : str
        What needs it.

    Returns
    -------
    str
        Such as ``"to_frame needs pandas, which is not installed: pip install
        'skbackprop[frame]'"``.
    """
    command = f"pip install 'skbackprop[{EXTRAS[package]}]'"
    return f"{caller} needs {package}, which is not installed: {command}"
