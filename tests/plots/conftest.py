"""Fixtures that several tests of this folder share."""

import warnings

import matplotlib.pyplot as plt
import pytest
from plot_cases import X, Y, regressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    """A small regression, fitted behind a scaler on named columns."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["age", "height", "weight", "income"])
    model = make_pipeline(StandardScaler(), regressor(tol=10.0, n_iter_no_change=3, max_iter=50))
    with warnings.catch_warnings(action="ignore"):  # four epochs teach it nothing
        return model.fit(frame, Y), frame
