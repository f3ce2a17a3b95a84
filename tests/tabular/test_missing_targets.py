"""Missing targets are refused by name, and one class is a model, with tables too."""

import pickle

import numpy as np
import pytest

from skbackprop import TabularClassifier, TabularRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0]
HOLED = Y.astype(object)
HOLED[3] = None
SEVERAL = np.stack([Y, Y], axis=1)
SEVERAL[3, 1] = np.nan


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (HOLED, r"y contains NaN in 1 of 60 rows \(3\)"),
        (SEVERAL, "fit an estimator for each output"),
        (np.ma.array(Y, mask=np.arange(60) == 3), "y is a masked array"),
        (np.arange(60).astype("m8[s]"), "y holds dates, times or durations"),
    ],
    ids=["None", "several", "masked", "durations"],
)
def test_targets_that_are_missing_or_no_numbers(y, match):
    model = TabularRegressor(max_iter=1, n_networks=1, random_state=0).fit(X, Y)
    before = pickle.dumps(model)
    for call in (
        lambda: model.fit(X, y),
        lambda: model.fit(X, Y, X_val=X, y_val=y),
        lambda: model.score(X, y),
    ):
        with pytest.raises((ValueError, TypeError), match=match):
            call()
    with pytest.raises(ValueError, match="y is None; score compares"):
        model.score(X, None)
    with pytest.raises(ValueError, match="X is a masked array"):
        model.fit(np.ma.masked_less(X, 0), Y)
    with pytest.raises(ValueError, match="X is a masked array"):
        model.predict(np.ma.masked_less(X, 0))
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("n", [20, 60])
def test_one_class(n):
    labels = np.full(n, "b")
    model = TabularClassifier(max_iter=1, n_networks=1, random_state=0)
    with pytest.warns(UserWarning, match="There is one class, 'b'") as caught:
        model.fit(X[:n], labels)
    assert caught[0].filename == __file__ and len(caught) == 1
    assert model.predict(X).tolist() == ["b"] * 60
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((60, 1)))
    with pytest.raises(ValueError, match="y contains missing values"):
        model.score(X, HOLED)
