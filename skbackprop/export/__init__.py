"""Fitted models outside Python: C, JavaScript, ONNX."""

from .c_source import to_c
from .javascript import to_js
from .onnx import to_onnx

__all__ = ["to_c", "to_js", "to_onnx"]
