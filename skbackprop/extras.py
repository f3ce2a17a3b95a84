"""Packages that only a part of this one needs, and what to say where they are missing."""

__all__ = ["REQUIREMENTS", "say_missing"]

#: Package -> what pip is to install; `pyproject.toml` asks for the same, and a test compares.
REQUIREMENTS = {
    "matplotlib": "matplotlib>=3.9",
    "numba": "numba>=0.60",
    "onnx": "onnx>=1.16",
    "pandas": "pandas>=2.2",
}


def say_missing(package: str, caller: str) -> str:
    """Return the words for an optional package that cannot be imported.

    They name the package itself, which any index has, not an extra of this one.

    Parameters
    ----------
    package : str
        A name in `REQUIREMENTS`.
    caller : str
        What needs it.

    Returns
    -------
    str
        Such as ``"to_frame needs pandas, which is not installed: pip install 'pandas>=2.2'"``.
    """
    command = f"pip install {REQUIREMENTS[package]!r}"
    return f"{caller} needs {package}, which is not installed: {command}"
