"""scikit-learn's own checks of the transformers: nothing fails, nothing is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from skbackprop import PeriodicFeatures, RobustSmoothScaler
from skbackprop.tabular import TableEncoder

TRANSFORMERS = (
    RobustSmoothScaler(),
    PeriodicFeatures(),
    PeriodicFeatures(2, keep_input=False),
    TableEncoder(),
    TableEncoder(categorical_features=[0]),
)


# As `parametrize_with_checks` does; that of scikit-learn 1.6 trips a warning of pytest 9.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{estimator}-{getattr(check, 'func', check).__name__}")
        for transformer in TRANSFORMERS
        for estimator, check in estimator_checks_generator(transformer)
    ],
)
def test_check_estimator(estimator, check):
    check(estimator)
