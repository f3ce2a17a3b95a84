"""Probabilities and their logarithms are right where the network is certain."""

import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax

from skbackprop import BackpropClassifier

V = (0.0, 1.0, 10.0, 18.0, 40.0, 100.0, 700.0)
Y = {
    "binary": np.array([0, 1]),
    "multiclass": np.array([0, 1, 2]),
    "multilabel": np.array([[0, 1], [1, 0], [1, 1]]),
}


def certain(kind, v, dtype, **parameters):
    """A model whose induced local fields are v x, and -v x of a second output neuron."""
    y = Y[kind]
    X = np.linspace(-1, 1, len(y), dtype=dtype)[:, None]
    model = BackpropClassifier((), solver="sgd", random_state=0, **parameters)
    model.partial_fit(X, y, classes=None if kind == "multilabel" else np.unique(y))
    n_units = model.n_outputs_
    model.coefs_ = [np.array([[v, -v, 0.0][:n_units]], dtype)]
    model.intercepts_ = [np.zeros(n_units, dtype)]
    return model


def where_there_is_any(p, log_p):
    """Logarithms as scikit-learn checks them: -inf where a probability has underflowed to zero."""
    return np.where(p > 0, log_p, -np.inf)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "focal"])
@pytest.mark.parametrize("v", V)
def test_both_classes_are_alike(v, loss, dtype):
    output = "logistic" if loss == "squared_error" else None
    model = certain("binary", v, dtype, loss=loss, output_activation=output)
    X = np.array([[1.0], [-1.0]], dtype)
    p, log_p = model.predict_proba(X), model.predict_log_proba(X)
    assert p.dtype == log_p.dtype == dtype
    exact = np.array([[-v, v], [v, -v]], dtype)
    np.testing.assert_allclose(p, expit(exact), rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(
        log_p, where_there_is_any(p, log_expit(exact)), rtol=4 * np.finfo(dtype).eps
    )
    assert (p == p[::-1, ::-1]).all() and (log_p == log_p[::-1, ::-1]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("v", V)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_labels(v, loss, dtype):
    output = "logistic" if loss == "squared_error" else None
    model = certain("multilabel", v, dtype, loss=loss, output_activation=output)
    log_p = model.predict_log_proba(np.ones((1, 1), dtype))
    p = model.predict_proba(np.ones((1, 1), dtype))
    exact = where_there_is_any(p, log_expit(np.array([[v, -v]], dtype)))
    np.testing.assert_allclose(log_p, exact, rtol=4 * np.finfo(dtype).eps)
    assert log_p.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("v", V)
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_softmax(v, kind, loss, dtype):
    model = certain(kind, v, dtype, loss=loss, output_activation="softmax")
    log_p = model.predict_log_proba(np.ones((1, 1), dtype))
    p = model.predict_proba(np.ones((1, 1), dtype))
    exact = log_softmax(np.array([[v, -v, 0.0][: model.n_outputs_]], dtype), axis=1)
    np.testing.assert_allclose(log_p, where_there_is_any(p, exact), rtol=4 * np.finfo(dtype).eps)
    assert log_p.dtype == dtype


def test_fields_at_the_end_of_the_range():
    model = certain("multiclass", 1.7e308, np.float64)
    log_p = model.predict_log_proba(np.ones((1, 1)))
    assert log_p[0, 0] == 0.0 and (log_p[0, 1:] == -np.inf).all()  # as of any probability of zero
