"""scikit-learn's own checks: nothing fails, nothing is expected to fail."""

import inspect

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from skbackprop import OnlineScaler, StreamClassifier, StreamRegressor

ESTIMATORS = (
    OnlineScaler(),
    OnlineScaler(half_life=20, clip=3.0),
    StreamRegressor(),
    StreamClassifier(),
    StreamRegressor(correct_scale=True, last_target=True, half_life=None),
    StreamClassifier(correct_scale=True, last_target=True, half_life=None),
)


# As `parametrize_with_checks` does; that of scikit-learn 1.6 trips a warning of pytest 9.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{estimator}-{getattr(check, 'func', check).__name__}")
        for each in ESTIMATORS
        for estimator, check in estimator_checks_generator(each)
    ],
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", [OnlineScaler, StreamRegressor, StreamClassifier])
def test_parameters_are_documented(Estimator):
    for name in inspect.signature(Estimator).parameters:
        assert name in Estimator.__doc__
