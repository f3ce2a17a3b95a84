"""Predictions of several columns, and validation rows, in scikit-learn's meta-estimators."""

import numpy as np
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor, Quantile

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = 100.0 + 20.0 * X[:, 0]
Y = np.c_[y, 2 * y, -y]


def model(loss, **parameters):
    return BackpropRegressor((4,), loss=loss, max_iter=5, random_state=0, **parameters)


def test_scaled_targets_of_mean_and_variance():
    wrapped = TransformedTargetRegressor(model("gaussian_nll"), transformer=StandardScaler())
    wrapped.fit(X, y)
    inner, scaler = wrapped.regressor_, wrapped.transformer_
    mean, std = inner.predict(X, return_std=True)
    assert np.allclose(scaler.inverse_transform(mean[:, None])[:, 0], wrapped.predict(X))
    assert std.shape == (60,) and np.isfinite(wrapped.score(X, y))
    with pytest.raises(AttributeError, match="tuple"):  # scikit-learn's; it never answers wrongly
        wrapped.predict(X, return_std=True)


def test_scaled_targets_of_quantiles():
    wrapped = TransformedTargetRegressor(model(Quantile([0.1, 0.9])), transformer=StandardScaler())
    wrapped.fit(X, y)
    inner, scaler = wrapped.regressor_, wrapped.transformer_
    assert np.allclose(wrapped.predict(X), inner.predict(X) * scaler.scale_ + scaler.mean_)
    with pytest.raises(ValueError, match="different number of output"):
        wrapped.score(X, y)
    assert np.isfinite(inner.score(X, scaler.transform(y[:, None])))


def test_who_takes_quantiles_and_who_does_not():
    quantiles = model(Quantile([0.1, 0.9]))
    assert cross_val_predict(quantiles, X, y, cv=3).shape == (60, 2)
    assert BaggingRegressor(quantiles, n_estimators=2).fit(X, y).predict(X).shape == (60, 2)
    stacked = StackingRegressor([("net", quantiles)], LinearRegression(), cv=3).fit(X, y)
    assert stacked.predict(X).shape == (60,)
    # What README warns of: shapes that are wrong, with no error but from the score.
    voted = VotingRegressor([("a", quantiles), ("b", quantiles)]).fit(X, y)
    assert voted.predict(X).shape == (2, 2)
    several = MultiOutputRegressor(quantiles).fit(X, Y)
    assert several.predict(X).shape == (2, 60, 3)
    for wrong, targets in ((voted, y), (several, Y)):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            wrong.score(X, targets)
    with pytest.raises(ValueError, match="broadcast"):
        RegressorChain(quantiles).fit(X, Y).predict(X)


def test_a_search_cuts_validation_rows_that_are_as_many_as_the_rows():
    seen = []

    class Spy(BackpropRegressor):
        def fit(self, X, y, *, X_val=None, y_val=None):
            seen.append(len(X_val))
            return super().fit(X, y, X_val=X_val, y_val=y_val)

    with sklearn.config_context(enable_metadata_routing=True):
        net = Spy((2,), max_iter=2, random_state=0).set_fit_request(X_val=True, y_val=True)
        search = GridSearchCV(net, {"eta": [0.01]}, cv=3, refit=False)
        for n_rows, cut in ((60, 40), (59, 59)):
            seen.clear()
            search.fit(X, y, X_val=X[:n_rows], y_val=y[:n_rows])
            assert set(seen) == {cut}
