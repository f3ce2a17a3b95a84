"""Initial weights, layer by layer."""

import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropClassifier, BackpropRegressor

RNG = np.random.RandomState(0)
X = RNG.randn(50, 4)
Y = 3 + X[:, 0] * X[:, 1]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halves(n_in, n_out, rng):
    return np.full((n_in, n_out), 0.5)


def frozen(Estimator=BackpropRegressor, **given):
    """A network as it starts."""
    return Estimator((6, 5), solver="sgd", eta=[0.0] * 3, max_iter=1, random_state=0, **given)


def test_one_entry_a_layer():
    model = frozen(weight_init=["lecun_normal", halves, "zeros"]).fit(X, Y)
    whole = frozen(weight_init="lecun_normal").fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])
    assert (model.coefs_[1] == 0.5).all() and not model.coefs_[2].any()
    same = frozen(weight_init=("lecun_normal", halves, "zeros")).fit(X, Y)
    np.testing.assert_array_equal(same.coefs_[0], model.coefs_[0])
    assert clone(model).weight_init == model.weight_init


def test_zeros_at_the_output_start_at_the_best_constant():
    model = frozen(weight_init=["auto", "auto", "zeros"]).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y.mean())
    classes = (Y > 3.5).astype(int)
    model = frozen(BackpropClassifier, weight_init=["auto", "auto", "zeros"]).fit(X, classes)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], classes.mean())
    learnt = model.set_params(eta=0.05, max_iter=300, solver="adam").fit(X, classes)
    assert learnt.score(X, classes) > 0.9


def test_a_linear_model_from_zeros():
    model = BackpropRegressor((), weight_init="zeros", eta=0.1, max_iter=500, random_state=0)
    assert model.fit(X, X[:, 0]).score(X, X[:, 0]) > 0.9


def test_an_entry_changed_in_place_is_seen():
    entries = ["auto", "auto", "auto"]
    model = BackpropRegressor((6, 5), weight_init=entries, random_state=0).partial_fit(X, Y)
    entries[0] = "nonsense"
    with pytest.raises(ValueError, match=r"weight_init\[0\]='nonsense' is not a known name"):
        model.partial_fit(X, Y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["auto"], "weight_init has 1 entries; it must have one for each of the 3 layers"),
        (["auto", "nonsense", "auto"], r"weight_init\[1\]='nonsense' is not a known name"),
        (["auto", "zeros", "zeros"], "only one layer, as a rule the last"),
        ("zeros", "only one layer, as a rule the last"),
    ],
)
def test_what_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        BackpropRegressor((6, 5), weight_init=given).fit(X, Y)
    with pytest.raises(TypeError, match=r"weight_init\[0\]=3 is neither a name"):
        BackpropRegressor((), weight_init=[3]).fit(X, Y)
