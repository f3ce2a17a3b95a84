"""scikit-learn's own checks: nothing fails, and nothing is expected to fail."""

import importlib
import inspect

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from skbackprop import ACTIVATIONS, RULES, SOLVERS, BackpropClassifier, BackpropRegressor

ESTIMATORS = (BackpropRegressor, BackpropClassifier)
HIDDEN = sorted(set(ACTIVATIONS) - {"softmax", "exp"})  # exp is for outputs: it overflows

# A check that is not meant for an estimator raises SkipTest (missing pandas, say): what a bare
# machine may skip. ConvergenceWarning and the like are the checks' own business.
pytestmark = pytest.mark.filterwarnings("ignore")


# As `parametrize_with_checks` does; that of scikit-learn 1.6 trips a warning of pytest 9.
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{estimator}-{getattr(check, 'func', check).__name__}")
        for E in ESTIMATORS
        for estimator, check in estimator_checks_generator(E())
    ],
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.matrix
@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_check_estimator_activations(Estimator, activation):
    check_all(Estimator(activation=activation))


# The others cannot train a classifier from its defaults: they need the squared error.
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("Estimator", "solver"),
    [
        (Estimator, name)
        for Estimator in ESTIMATORS
        for name, solver in {**RULES, **SOLVERS}.items()
        if Estimator is BackpropRegressor or not solver.sum_of_squares
    ],
)
def test_check_estimator_solvers(Estimator, solver):
    # The time of a step of lm and br grows with the cube of the weights: minutes with 100 neurons.
    settings = {"hidden_layer_sizes": (20,)} if {**RULES, **SOLVERS}[solver].sum_of_squares else {}
    if Estimator is BackpropClassifier and solver.startswith("irprop"):
        # One check wants 87 % of noise in one class, by its weight: from biases among the rows,
        # these solvers fit more of the noise than that.
        settings["weight_init"] = "glorot_uniform"
    check_all(Estimator(solver=solver, **settings))


@pytest.mark.matrix
@pytest.mark.parametrize(
    "name", [name for name, solver in SOLVERS.items() if solver.sum_of_squares]
)
def test_check_estimator_least_squares_classifiers(name):
    check_all(BackpropClassifier((20,), solver=name, loss="squared_error"))


def check_all(estimator):
    for one, check in estimator_checks_generator(estimator):
        try:
            check(one)
        except BaseException as error:
            if type(error).__name__ != "SkipTest":
                raise


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "name", ["check_param_validation", "check_dataframe_column_names_consistency"]
)
def test_private_checks(name, Estimator):
    checks = importlib.import_module("sklearn.utils.estimator_checks")
    if not hasattr(checks, name):
        pytest.skip(f"this scikit-learn has no {name}")
    getattr(checks, name)(Estimator.__name__, Estimator())


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameters_are_documented(Estimator):
    for name in inspect.signature(Estimator).parameters:
        assert name in Estimator.__doc__
