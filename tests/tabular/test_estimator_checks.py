"""scikit-learn's own checks: nothing fails, nothing is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from skbackprop import (
    PeriodicFeatures,
    RobustSmoothScaler,
    TabularClassifier,
    TabularRegressor,
)
from skbackprop.tabular import TableEncoder

TRANSFORMERS = (
    RobustSmoothScaler(),
    PeriodicFeatures(),
    PeriodicFeatures(2, keep_input=False),
    TableEncoder(),
    TableEncoder(categorical_features=[0]),
)
QUICK = (TabularRegressor((16,), n_networks=1), TabularClassifier((16,), n_networks=1))
AT_DEFAULTS = (TabularRegressor(), TabularClassifier())


def cases(estimators, *marks):
    """Parameters of each check of each estimator."""
    return [
        pytest.param(
            estimator,
            check,
            id=f"{estimator}-{getattr(check, 'func', check).__name__}",
            marks=marks,
        )
        for each in estimators
        for estimator, check in estimator_checks_generator(each)
    ]


# As `parametrize_with_checks` does; that of scikit-learn 1.6 trips a warning of pytest 9.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "check"),
    cases(TRANSFORMERS) + cases(QUICK) + cases(AT_DEFAULTS, pytest.mark.matrix),
)
def test_check_estimator(estimator, check):
    check(estimator)
