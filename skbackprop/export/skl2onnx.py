"""What `skl2onnx` asks an estimator for: the names, types and nodes of its outputs.

It finds these by methods of the estimators (`estimators.onnx_methods`), so that nothing has to be
registered, and converts what stands before them in a Pipeline itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from .computation import Computation, computation_of
from .graph import Graph
from .onnx import add_outputs, class_tensor, output_names
from .preprocessing import transformed
from .vectors import Input

__all__ = ["add_nodes", "declare_outputs", "set_types"]


def declare_outputs(model: BaseEstimator, scope: Any, inputs: list[Any]) -> list[Any]:
    """Return the variables of the outputs, for ``onnx_parser``."""
    from skl2onnx.common.data_types import Int64TensorType, guess_tensor_type

    def kind(name: str) -> Any:
        return Int64TensorType() if name == "label" else guess_tensor_type(inputs[0].type)

    names = output_names(_computation(model))
    return [scope.declare_local_variable(name, kind(name)) for name in names]


def set_types(operator: Any) -> None:
    """Set the type and shape of each output of an operator, for ``onnx_shape_calculator``."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType, guess_tensor_type

    computation, source = _computation(operator.raw_operator), operator.inputs[0]
    rows = source.get_first_dimension()
    for output, vector in zip(operator.outputs, output_names(computation).values(), strict=True):
        if vector is not computation.predict or computation.kind == "numbers":
            output.type = guess_tensor_type(source.type)
            output.type.shape = [rows, vector.size]
        elif computation.kind == "labels":
            output.type = Int64TensorType([rows, vector.size])
        else:
            texts = class_tensor(computation).dtype.kind == "O"
            output.type = (StringTensorType if texts else Int64TensorType)([rows])


def add_nodes(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an operator to a container, for ``onnx_converter``."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    source = operator.inputs[0]
    dtype = np.dtype(np.float64 if isinstance(source.type, DoubleTensorType) else np.float32)
    graph, rows = _Container(scope, container, dtype), source.full_name
    if not isinstance(source.type, DoubleTensorType | FloatTensorType):
        rows = graph.add("Cast", [rows], to=1)  # whole numbers, to onnx.TensorProto.FLOAT
    made = add_outputs(graph, rows, _computation(operator.raw_operator))
    for output, name in zip(operator.outputs, made.values(), strict=True):
        container.add_node(
            "Identity", [name], [output.full_name], name=scope.get_unique_operator_name("Identity")
        )


def _computation(model: BaseEstimator) -> Computation:
    """What a model computes, or a transformer."""
    if not isinstance(model, TransformerMixin):
        return computation_of(model)
    inputs = Input(model.n_features_in_, "x")
    return Computation(inputs, "numbers", transformed(model, inputs))


class _Container(Graph):
    """The nodes that skl2onnx collects.

    Parameters
    ----------
    scope, container
        Of skl2onnx.
    dtype : dtype
    """

    def __init__(self, scope: Any, container: Any, dtype: np.dtype):
        self.dtype = dtype
        self.opset = container.target_opset_any_domain("")
        self._scope = scope
        self._container = container

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node."""
        name = self._scope.get_unique_variable_name("n")
        outputs = [name, f"{name}_places"] if operator == "TopK" else [name]
        node = self._scope.get_unique_operator_name(operator)
        self._container.add_node(operator, inputs, outputs, name=node, **attributes)
        return name

    def constant(self, values: np.ndarray) -> str:
        """Add a tensor."""
        from onnx import numpy_helper

        name = self._scope.get_unique_variable_name("c")
        tensor = numpy_helper.from_array(values, name)
        content = tensor if values.dtype.kind != "O" else [v.encode() for v in values]
        self._container.add_initializer(name, tensor.data_type, list(values.shape), content)
        return name
