"""Which rows early stopping holds out, and what it says where it cannot."""

from fractions import Fraction

import numpy as np
import pytest
from estimator_cases import TARGETS, N, X, make
from sklearn.model_selection import train_test_split

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Y = TARGETS["multiclass"]


def coefs_of(y, **params):
    return make("multiclass", early_stopping=True, max_iter=3, **params).fit(X, y).coefs_[0]


@pytest.mark.parametrize("share", [np.float32(0.25), np.float16(0.25), np.float64(0.25)], ids=repr)
def test_a_fraction_of_any_float_type(share):
    wanted = coefs_of(Y, validation_fraction=0.25)
    np.testing.assert_array_equal(coefs_of(Y, validation_fraction=share), wanted)


def test_a_fraction_that_is_no_float_is_named():
    with pytest.raises(TypeError, match=r"validation_fraction is Fraction\(1, 4\); .* 0.25"):
        coefs_of(Y, validation_fraction=Fraction(1, 4))


@pytest.mark.parametrize("lone", [[0], [0, 7], [3, 11, 40]])
def test_the_only_row_of_a_class_is_trained_on(lone):
    y = np.array(["low", "middle", "high"])[Y].astype(object)
    for i in lone:
        y[i] = f"only {i}"
    model = make("multiclass", early_stopping=True, max_iter=200, validation_fraction=0.2)
    model.set_params(n_iter_no_change=np.inf, scoring="loss").fit(X, y)
    assert set(model.classes_) == set(y)
    # The others are held out as if they were alone.
    others = np.setdiff1d(np.arange(N), lone)
    seed = model._model.state.split_seed
    held_out = train_test_split(others, test_size=0.2, random_state=seed, stratify=y[others])[1]
    assert model.validation_scores_[-1] is not None
    again = make("multiclass", max_iter=3, early_stopping=True).fit(
        X, y, X_val=X[held_out], y_val=y[held_out]
    )
    assert len(again.validation_scores_) == again.n_iter_


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_every_class_has_one_row():
    y = np.array([f"class {i}" for i in range(N)])
    with pytest.raises(ValueError, match=r"every class has one row\. Give validation rows"):
        coefs_of(y)


def test_too_few_rows_for_the_classes_names_no_codes():
    y = np.array(["a", "b", "c", "d", "e", "f"])[np.arange(N) % 6]
    with pytest.raises(ValueError, match="another validation_fraction") as caught:
        coefs_of(y, validation_fraction=0.05)
    assert "Classes with too few members" not in str(caught.value)
