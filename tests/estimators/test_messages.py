"""What is wrong is named."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from estimator_cases import TARGETS, N, X, flat, make
from sklearn.base import clone

from skbackprop import (
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    Quantile,
    WarmUp,
    WholeBatchSolver,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


REFUSED = [
    ({"scoring": "nonsense"}, "'scoring' parameter.*'nonsense'"),
    ({"mask": ["no", None]}, r"mask\[0\] holds no; .* None, True, False, or an array of 0 and 1"),
    ({"mask": [None, 2]}, r"mask\[1\] holds 2;"),
    ({"mask": [np.nan, None]}, r"mask\[0\] holds nan"),
    ({"mask": [np.full((4, 8), 0.5), None]}, r"mask\[0\] holds 0.5"),
    ({"mask": [np.ones((8, 4)), None]}, r"mask\[0\] has shape \(8, 4\); .* shape \(4, 8\)"),
    ({"eta": [0.1, "a"]}, r"eta is \[0.1, 'a'\]; one per layer means 2"),
    ({"dropout": ["a", "b"]}, r"dropout is \['a', 'b'\]; it must be a number in \[0, 1\)"),
    ({"output_activation": "x"}, "output_activation='x' is not a known name"),
    ({"activation": ["x"]}, r"activation\[0\]='x' is not a known name"),
    ({"eta": [[0.1], [1, 2]]}, r"eta is \[\[0.1\], \[1, 2\]\]; one per layer means 2"),
    (
        {"dropout": [[0.1], [0.1, 0.2]]},
        r"dropout is \[\[0.1\], .*; it must be a number in \[0, 1\)",
    ),
    ({"hidden_layer_sizes": [[3], [1, 2]]}, r"hidden_layer_sizes is \[\[3\], .* whole number >= 1"),
    ({"mask": [[[1], [1, 0]], None]}, r"mask\[0\] is a list whose rows differ .* shape \(4, 8\)"),
    *(
        ({name: Fraction(1, 2)}, rf"{name} is Fraction\(1, 2\); it must be an int or a float.* 0.5")
        for name in (
            *("alpha", "l1_ratio", "tol", "eta", "dropout", "noise", "max_grad_norm", "max_norm"),
            *("max_time", "validation_fraction", "n_iter_no_change"),
        )
    ),
    ({"eta_schedule": Cosine}, "this is the class Cosine: give an instance"),
]


@pytest.mark.parametrize(("settings", "match"), REFUSED, ids=str)
def test_what_is_wrong_with_a_parameter_is_named(settings, match):
    model = make("regression").fit(X, TARGETS["regression"])
    before = pickle.dumps(model)
    was = {name: getattr(model, name) for name in settings}
    for call in (model.fit, clone(model).set_params(**settings).partial_fit):
        model.set_params(**settings)
        with pytest.raises((ValueError, TypeError), match=match):
            call(X, TARGETS["regression"])
    assert pickle.dumps(model.set_params(**was)) == before


def test_the_schedule_that_lacks_its_horizon_is_named():
    model = make("regression", eta_schedule=WarmUp("cosine", 5))
    with pytest.raises(ValueError, match=r"give Cosine\(total_steps=\.\.\.\)"):
        model.partial_fit(X, TARGETS["regression"])


@pytest.mark.parametrize(
    "rule", [Adam(epsilon=1e-50), Adagrad(epsilon=1e-60), AdamW(weight_decay=1e200)], ids=repr
)
def test_a_constant_of_a_rule_must_exist_in_the_type_of_the_weights(rule):
    y = TARGETS["regression"]
    model = make("regression", solver=rule)
    with pytest.raises(ValueError, match=r"(epsilon|weight_decay) of solver .* in float32"):
        model.fit(X.astype(np.float32), y)
    if rule.__class__ is not AdamW:
        assert np.isfinite(flat(model.fit(X, y))).all()


def test_what_cannot_be_held_out_is_told():
    with pytest.raises(ValueError, match="cannot hold out validation_fraction=0.1 of 1 rows"):
        make("regression", early_stopping=True).fit(X[:1], TARGETS["regression"][:1])
    y = np.repeat(np.arange(30), 2)
    rows = np.random.default_rng(0).normal(size=(60, 4))
    with pytest.raises(ValueError, match=r"early_stopping=True .* of 60 rows.*\(X_val, y_val\)"):
        make("multiclass", early_stopping=True).fit(rows, y)


def test_a_loss_of_one_row_is_a_loss():
    y = TARGETS["regression"]
    model = make("regression", early_stopping=True, scoring="loss")
    model.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert model.best_validation_score_ == -min(model.validation_loss_curve_)


def test_an_error_of_a_scorer_names_it():
    y = TARGETS["regression"]
    model = make("regression", early_stopping=True, loss=Quantile([0.1, 0.9]), scoring="r2")
    with pytest.raises(ValueError, match="different number of output") as caught:
        model.fit(X, y)
    (note,) = caught.value.__notes__
    assert "scoring='r2'" in note and "loss=Quantile(level=[0.1, 0.9])" in note


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"X_val": X[:5, :2]}, "X has 2 features"),
        ({"X_val": np.full((5, 4), np.nan)}, "contains NaN"),
        ({"y_val": ["no"] * 5}, "labels that are not in classes"),
        ({"y_val": ["yes"]}, "inconsistent numbers of samples"),
    ],
)
def test_errors_of_the_validation_rows_say_so(given, match):
    y = np.where(X[:, 0] > 0, "yes", "nay")
    given = {"X_val": X[:5], "y_val": y[:5], **given}
    with pytest.raises(ValueError, match=f"in the validation rows, X_val and y_val: .*{match}"):
        make("binary").fit(X, y, **given)


@pytest.mark.parametrize(
    ("settings", "given", "match"),
    [
        ({"class_weight": {"yes": "a"}}, {}, r"class_weight is \{'yes': 'a'\}: could not convert"),
        ({"class_weight": [{0: 1}]}, {}, r"class_weight is \[\{0: 1\}\]; a list is for"),
        (
            {},
            {"sample_weight": ["a"] * N},
            "sample_weight must be numbers within float64: could not convert",
        ),
        ({}, {"sample_weight": [np.nan] * N}, "sample_weight contains NaN"),
    ],
    ids=str,
)
def test_weights_that_are_none_are_named(settings, given, match):
    y = np.where(X[:, 0] > 0, "yes", "nay")
    with pytest.raises(ValueError, match=match):
        make("binary", **settings).fit(X, y, **given)
    with pytest.raises(ValueError, match=match):
        make("binary", **settings).partial_fit(X, y, classes=["yes", "nay"], **given)


def test_labels_of_bytes_are_refused():
    y = np.where(X[:, 0] > 0, "yes", "nay")
    with pytest.raises((TypeError, FutureWarning), match="bytes"):  # a warning before 1.7
        make("binary").fit(X, y.astype("S"))


class Odd(WholeBatchSolver):
    def minimise(self, problem, state, monitor):
        return "tired"


def test_a_solver_ends_for_a_known_reason():
    with pytest.raises(ValueError, match=r"Odd\(\) ended with 'tired'; .*None or one of 'no_imp"):
        make("regression", solver=Odd(), eta="auto").fit(X, TARGETS["regression"])
