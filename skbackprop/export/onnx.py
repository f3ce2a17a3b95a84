"""`to_onnx`: a fitted model as a model of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..extras import say_missing
from ..version import __version__
from .computation import Computation, computation_of
from .graph import Graph, Tensors

__all__ = ["add_outputs", "class_tensor", "output_names", "to_onnx"]

_OLDEST, _USUAL = 13, 17


class _Model(Graph):
    """The nodes of a model of ONNX.

    Parameters
    ----------
    dtype : dtype
    opset : int
    """

    def __init__(self, dtype: np.dtype, opset: int):
        self.dtype = dtype
        self.opset = opset
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node."""
        from onnx import helper

        name = f"n{len(self.nodes)}"
        outputs = [name, f"{name}_places"] if operator == "TopK" else [name]
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return name

    def constant(self, values: np.ndarray) -> str:
        """Add a tensor."""
        from onnx import numpy_helper

        name = f"c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(values, name))
        return name


def to_onnx(
    model: BaseEstimator,
    X: Any,
    *,
    target_opset: int = _USUAL,
    batch_size: int | None = None,
) -> Any:
    """Return a fitted model as a model of ONNX.

    Its input is ``X``, (n_rows, n_features). Its outputs are ``variable``, (n_rows, n_outputs), of
    a regressor, and ``std`` with ``gaussian_nll``; ``label`` of a classifier, a class for each row,
    or 0 and 1 for each label; and ``probabilities``, or ``scores`` where the model has none.

    Needs the package `onnx`.

    Parameters
    ----------
    model : estimator
        As `to_c` takes it.
    X : array-like of shape (n_samples, n_features)
        Some rows with the columns that the model was fitted on. Their dtype counts, not their
        numbers: float32 makes a model in single precision, anything else one in double precision.
    target_opset : int, default=17
        The version of ONNX's operators, 13 or later. What runs the model must know it.
    batch_size : int or None, default=None
        The number of rows that the model takes; None is any.

    Returns
    -------
    onnx.ModelProto
        Checked by `onnx`. Write it with ``onnx.save(made, path)``.

    Raises
    ------
    ImportError
        If `onnx` is missing.
    TypeError
        If a part of the model has no formula, or its classes no type of ONNX.
    ValueError
        If an option is out of its range, or the columns of X are others than in `fit`.

    Notes
    -----
    ``skl2onnx.to_onnx`` converts the estimators too, alone and in Pipelines with all that it knows.
    Beside Python, results differ by 1e-12 in double and 1e-6 in single precision, of numbers of
    size one. Those of tables are computed in single precision in Python, for 50 rows and more.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, to_onnx
    >>> net = BackpropRegressor((2,), activation="tanh", random_state=0).partial_fit([[0.0]], [1.0])
    >>> model = to_onnx(net, np.zeros((1, 1)))
    >>> model.graph.input[0].name, model.graph.output[0].name
    ('X', 'variable')
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError(say_missing("onnx", "to_onnx")) from error
    newest = onnx.defs.onnx_opset_version()
    if not isinstance(target_opset, int) or not _OLDEST <= target_opset <= newest:
        raise ValueError(
            f"target_opset is {target_opset!r}; it must be a whole number from {_OLDEST} to "
            f"{newest}, the last that onnx {onnx.__version__} knows."
        )
    if batch_size is not None and not (isinstance(batch_size, int) and batch_size >= 1):
        raise ValueError(f"batch_size is {batch_size!r}; it must be a whole number >= 1, or None.")
    computation = computation_of(model)
    single = _dtype_of_rows(model, X, computation.inputs.size) == np.float32
    graph = _Model(np.dtype(np.float32 if single else np.float64), target_opset)
    outputs = add_outputs(graph, "X", computation)
    return _finished(type(model).__name__, graph, computation, outputs, batch_size)


def _dtype_of_rows(model: BaseEstimator, X: Any, n_features: int) -> np.dtype:
    """The dtype of rows, whose columns are those that a model was fitted on; or an error."""
    rows = X if hasattr(X, "shape") else np.asarray(X)
    if len(rows.shape) != 2 or rows.shape[1] != n_features:
        raise ValueError(
            f"X has shape {tuple(rows.shape)}; it must be some rows of the {n_features} columns "
            f"that the {type(model).__name__} was fitted on."
        )
    known = getattr(model, "feature_names_in_", None)
    if known is not None and hasattr(X, "columns") and list(X.columns) != list(known):
        raise ValueError(
            f"X has the columns {list(X.columns)}; the {type(model).__name__} was fitted on "
            f"{list(known)}, in this order."
        )
    return rows.dtype if hasattr(rows, "dtype") else np.asarray(rows).dtype


def _finished(name: str, graph: _Model, computation: Computation, outputs, batch_size) -> Any:
    """The model of the nodes, checked."""
    import onnx
    from onnx import helper

    real = helper.np_dtype_to_tensor_dtype(graph.dtype)
    rows: Any = "n_rows" if batch_size is None else batch_size
    shape = [rows, computation.inputs.size]
    inputs = [helper.make_tensor_value_info("X", real, shape)]
    named = []
    for output, made in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [made], [output]))
        kind, width = _declared(output, computation)
        named.append(helper.make_tensor_value_info(output, kind or real, [rows, *width]))
    made_of = helper.make_graph(
        graph.nodes, name, inputs, named, graph.tensors, "\n".join(computation.notes)
    )
    opset = helper.make_opsetid("", graph.opset)
    found = helper.make_model(
        made_of,
        opset_imports=[opset],
        ir_version=helper.find_min_ir_version_for([opset]),
        producer_name="skbackprop",
        producer_version=__version__,
    )
    onnx.checker.check_model(found, full_check=True)
    return found


def _declared(output: str, computation: Computation) -> tuple[int | None, list[int]]:
    """The type of an output, None for the real numbers of the model, and its further sizes."""
    from onnx import TensorProto

    if output == "label" and computation.kind == "labels":
        return TensorProto.INT64, [computation.predict.size]
    if output == "label":
        kind = class_tensor(computation).dtype.kind
        return {"i": TensorProto.INT64, "f": None}.get(kind, TensorProto.STRING), []
    return None, [output_names(computation)[output].size]


def output_names(computation: Computation) -> dict[str, Any]:
    """Return the vectors of a computation by the names that ONNX models have for them."""
    others = computation.others
    if computation.kind == "numbers":
        std = {"std": others["predict_std"]} if "predict_std" in others else {}
        return {"variable": computation.predict, **std}
    if "predict_proba" in others:
        return {"label": computation.predict, "probabilities": others["predict_proba"]}
    return {"label": computation.predict, "scores": others["decision_function"]}


def class_tensor(computation: Computation) -> np.ndarray:
    """Return the classes as a tensor takes them: whole numbers, texts, or real numbers."""
    classes = np.asarray(computation.classes)
    values = classes.tolist()
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    if classes.dtype.kind not in "biuf":
        raise TypeError(f"classes_ is {values!r:.80}; ONNX takes text and numbers.")
    whole = classes.astype(np.int64)
    return whole if (whole == classes).all() else classes.astype(np.float64)


def add_outputs(graph: Graph, rows: str, computation: Computation) -> dict[str, str]:
    """Add all nodes to a graph; returns what its outputs are called there, by their names."""
    tensors = Tensors(graph, rows)
    made = {name: tensors.of(vector) for name, vector in output_names(computation).items()}
    if "label" in made:
        places = graph.add("Cast", [made["label"]], to=_INT64)
        made["label"] = (
            places if computation.kind == "labels" else _named(graph, places, computation)
        )
    return made


_INT64 = 7  # of onnx.TensorProto


def _named(graph: Graph, places: str, computation: Computation) -> str:
    """The classes (n_rows,) in the given places, (n_rows, 1)."""
    classes = class_tensor(computation)
    if classes.dtype.kind == "f":
        classes = classes.astype(graph.dtype)
    flat = graph.add("Reshape", [places, graph.whole(-1)])
    return graph.add("Gather", [graph.constant(classes), flat])
