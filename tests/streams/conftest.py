"""The fixture that says whether Numba is there."""

from tests.engines.conftest import numba

__all__ = ["numba"]
