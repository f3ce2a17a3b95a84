"""Programs and packages that the tests of this folder need."""

import pytest
from outside import need_package, need_program


@pytest.fixture(scope="session")
def gcc():
    return need_program("gcc")


@pytest.fixture(scope="session")
def node():
    return need_program("node")


@pytest.fixture(scope="session")
def onnxruntime():
    need_package("onnx")
    return need_package("onnxruntime")
