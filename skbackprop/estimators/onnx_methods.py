"""The methods by which `skl2onnx` converts an estimator, without being told of it before."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["OnnxMethods"]


class OnnxMethods:
    """What `skl2onnx` looks for in an estimator.

    The work is done by `export.skl2onnx`, which stands on a floor above this one: it is looked up
    by its name when `skl2onnx` asks, and is not needed before.
    """

    def onnx_parser(self) -> Callable[..., list[Any]]:
        """Return the function that declares the outputs, for `skl2onnx`.

        Returns
        -------
        callable
        """
        return lambda scope, inputs: _export().declare_outputs(self, scope, inputs)

    def onnx_shape_calculator(self) -> Callable[[Any], None]:
        """Return the function that sets the types of the outputs, for `skl2onnx`.

        Returns
        -------
        callable
        """
        return _export().set_types

    def onnx_converter(self) -> Callable[[Any, Any, Any], None]:
        """Return the function that adds the nodes, for `skl2onnx`.

        Returns
        -------
        callable
        """
        return _export().add_nodes


def _export() -> Any:
    return import_module(f"{__package__.partition('.')[0]}.export.skl2onnx")
