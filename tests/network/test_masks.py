"""Masks: what learns, and what stays."""

import numpy as np
import pytest
from regularisation_cases import ONLINE, X, Y, flat, make, unconverged


@pytest.mark.parametrize("rule", ONLINE)
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_masked_weights_never_move(rule, alpha):
    cut = np.random.default_rng(0).integers(0, 2, size=(3, 6))
    mask = [cut, False, True]
    start = make(solver="sgd", eta=1e-300, mask=mask).partial_fit(X[:1], Y[:1])
    model = make(solver=rule, eta=1e-3, mask=mask, alpha=alpha)
    for _ in range(5):
        model.partial_fit(X, Y)
    assert (model.coefs_[0][cut == 0] == 0).all()
    assert (model.coefs_[0] != start.coefs_[0])[cut == 1].all()
    assert (model.intercepts_[0] != 0).all()
    np.testing.assert_array_equal(model.coefs_[1], start.coefs_[1])
    np.testing.assert_array_equal(model.intercepts_[1], 0.0)
    assert (model.coefs_[2] != start.coefs_[2]).all()


@unconverged
def test_given_weights_stay_where_the_mask_is_zero():
    rng = np.random.default_rng(0)
    start = [rng.normal(size=s) for s in ((3, 6), (6, 5), (5, 1))]
    cut = np.zeros((3, 6), bool)
    model = make(mask=[cut, None, None], max_iter=3).fit(X, Y, coef_init=start)
    np.testing.assert_array_equal(model.coefs_[0], start[0])
    assert (model.coefs_[1] != start[1]).all()


def test_mask_may_change_between_calls():
    model = make(mask=[None, False, None]).partial_fit(X, Y)
    before = model.coefs_[1].copy()
    model.mask[1] = True  # in place
    model.partial_fit(X, Y)
    assert (model.coefs_[1] != before).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([None, None], "mask has 2 entries; .* 3"),
        ([np.ones((3, 5)), None, None], r"mask\[0\] has shape \(3, 5\).*\(3, 6\)"),
        ([None, 2 * np.ones((6, 5)), None], r"mask\[1\].*0 and 1"),
    ],
)
def test_bad_masks(mask, message):
    with pytest.raises(ValueError, match=message):
        make(mask=mask).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dropout", 1.0), ("dropout", -0.1), ("dropout", [0.1, 0.1]), ("dropout", [0, 0, 1.0]),
        ("dropout", "half"), ("noise", -1.0), ("max_grad_norm", 0.0), ("max_norm", -1.0),
    ],
)  # fmt: skip
def test_bad_values_are_named(name, value):
    model = make().partial_fit(X, Y)
    before = flat(model)
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=name):
            model.set_params(**{name: value})
            call(X, Y)
    np.testing.assert_array_equal(flat(model), before)
