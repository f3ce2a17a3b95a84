"""Who comes from another library is told what his words are here, and only what exists."""

import inspect
import re

import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skbackprop
from skbackprop import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    RULES,
    SCHEDULES,
    SOLVERS,
    BackpropClassifier,
    BackpropRegressor,
)
from skbackprop.estimators.plan import make_plan
from skbackprop.synonyms import NAMES, PARAMETERS, advise_on_name, advise_on_parameter

REGISTRIES = {
    "activations": ACTIVATIONS,
    "losses": LOSSES,
    "solvers": {**RULES, **SOLVERS},
    "schedules": SCHEDULES,
    "initializers": INITIALIZERS,
}
PARAMETER = {
    "activations": "activation",
    "losses": "loss",
    "solvers": "solver",
    "schedules": "eta_schedule",
    "initializers": "weight_init",
}
OURS = BackpropClassifier().get_params(deep=False)
SYNONYMS = [(kind, *pair) for kind, names in NAMES.items() for pair in names.items()]


def plain(name):
    return re.sub("[_ -]", "", name.lower())


@pytest.mark.parametrize("kind, theirs, ours", SYNONYMS)
def test_a_name_of_another_library(kind, theirs, ours):
    registry = REGISTRIES[kind]
    assert ours in registry
    assert plain(theirs) not in map(plain, registry)  # else it needs no synonym
    for written in (theirs, theirs.upper(), theirs.replace("_", "-")):
        assert advise_on_name(written, registry) == f"here it is {ours!r}"
    model = BackpropClassifier if kind == "losses" and ours != "poisson" else BackpropRegressor
    with pytest.raises(ValueError) as caught:
        model(**{PARAMETER[kind]: theirs}).fit([[0.0], [1.0]], [0, 1])
    assert f"{theirs!r} is not a known name (here it is {ours!r}); choose one of" in str(
        caught.value
    )


@pytest.mark.parametrize("kind", NAMES)
def test_our_own_names_are_no_synonyms_of_others(kind):
    # Nor may a name stand in a table twice.
    assert len(set(map(plain, NAMES[kind]))) == len(NAMES[kind])
    for name in REGISTRIES[kind]:
        assert NAMES[kind].get(name, name) == name


@pytest.mark.parametrize(
    "name, kind, advice",
    [
        ("LeakyReLU", "activations", "did you mean 'leaky_relu'?"),
        ("logcosh", "losses", "did you mean 'log_cosh'?"),
        ("tahn", "activations", "did you mean 'tanh'?"),
        ("Adam", "solvers", "did you mean 'adam'?"),
        ("he_norm", "initializers", "did you mean 'he_normal'?"),
        ("linear", "activations", "here it is 'identity'"),
        ("linear", "schedules", "here it is 'polynomial'"),
        ("nothing like it", "losses", ""),
    ],
)
def test_spelling(name, kind, advice):
    assert advise_on_name(name, REGISTRIES[kind]) == advice
    with pytest.raises(ValueError, match=re.escape(f"{name!r} is not a known name")) as caught:
        BackpropRegressor(**{PARAMETER[kind]: name}).fit([[0.0], [1.0]], [0, 1])
    assert (f" ({advice}); " if advice else "known name; ") in str(caught.value)


@pytest.mark.parametrize("theirs, advice", PARAMETERS.items())
def test_a_parameter_of_another_library(theirs, advice):
    assert theirs not in OURS
    said = re.findall("`(.+?)`", advice)
    assert said
    for ours in said:
        given = (
            eval(f"dict({ours})", vars(skbackprop).copy()) if "=" in ours else {ours: OURS[ours]}
        )
        make_plan((BackpropClassifier if "loss" in given else BackpropRegressor)(**given))
    spoken = f"Instead of {theirs}, give {advice.replace('`', '')}."
    assert advise_on_parameter(theirs, OURS) == spoken


def test_parameters_that_are_misspelt():
    assert advise_on_parameter("hidden_layer_size", OURS) == "Did you mean 'hidden_layer_sizes'?"
    assert advise_on_parameter("maxIter", OURS) == "Did you mean 'max_iter'?"
    assert advise_on_parameter("batchsize", OURS) == "Did you mean 'batch_size'?"
    assert advise_on_parameter("quux", OURS) == ""


@pytest.mark.parametrize("theirs", [MLPClassifier, MLPRegressor])
def test_every_parameter_of_the_mlp_is_ours_or_has_its_word(theirs):
    assert set(theirs().get_params()) <= {*OURS, *PARAMETERS}


@pytest.mark.parametrize("theirs", PARAMETERS)
@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor])
def test_estimators_answer_a_parameter_of_another_library(Estimator, theirs):
    answer = f"{Estimator.__name__} has no parameter {theirs!r}. Instead of {theirs}, give "
    with pytest.raises(TypeError, match=re.escape(answer)):
        Estimator(**{theirs: 1})
    model = Estimator(eta=0.5)
    with pytest.raises(ValueError, match=re.escape(answer)):
        model.set_params(eta=0.1, **{theirs: 1})
    assert model.eta == 0.5


def test_all_that_is_wrong_is_answered_at_once():
    with pytest.raises(TypeError) as caught:
        BackpropRegressor((3,), learning_rate_init=0.01, max_iter=5, momentum=0.9)
    assert str(caught.value) == (
        "BackpropRegressor has no parameter 'learning_rate_init' or 'momentum'. Instead of "
        "learning_rate_init, give eta. Instead of momentum, give solver=Momentum(momentum=0.9)."
    )


@pytest.mark.parametrize(
    "Part, wrong, answer",
    [
        ("TabularRegressor", "learning_rate", "It takes hidden_layer_sizes, n_networks"),
        ("TabularRegressor", "n_hidden", "Instead of n_hidden, give hidden_layer_sizes."),
        ("Adam", "lr", "Instead of lr, give eta to the estimator."),
        ("Adam", "beta1", "Did you mean 'beta_1'?"),
        ("SGD", "momentum", "Instead of momentum, give solver=Momentum(momentum=0.9) to the"),
        ("SGD", "quux", "It takes none."),
        ("Momentum", "nesterov", "Instead of nesterov, give solver=Nesterov(momentum=0.9) to the"),
        ("LM", "quux", "It takes mu, mu_max, min_grad, max_memory."),
        ("CrossEntropy", "labelsmoothing", "Did you mean 'label_smoothing'?"),
        ("InverseScaling", "power_t", "Instead of power_t, give eta_schedule=InverseScaling("),
        ("RobustSmoothScaler", "limits", "Did you mean 'limit'?"),
        ("BackpropClassifier", "quux", "It takes hidden_layer_sizes, activation, "),
    ],
)
def test_objects_answer_too(Part, wrong, answer):
    cls = getattr(skbackprop, Part)
    expected = re.escape(f"{Part} has no parameter {wrong!r}. {answer}")
    with pytest.raises(TypeError, match=expected):
        cls(**{wrong: 1})
    with pytest.raises(ValueError, match=expected):
        cls().set_params(**{wrong: 1})


@pytest.mark.parametrize(
    "Estimator, given, answer",
    [
        (BackpropRegressor, "epochs", "Instead of epochs, give max_iter to the estimator."),
        (BackpropClassifier, "max_iter", "max_iter is a parameter of the estimator."),
        (BackpropRegressor, "sample_weights", "Did you mean 'sample_weight'?"),
        (skbackprop.TabularRegressor, "n_epochs", "Instead of n_epochs, give max_iter to the"),
        (skbackprop.TabularClassifier, "class_weight", "class_weight is a parameter of the"),
        (skbackprop.StreamClassifier, "quux", "It takes X, y"),
        (skbackprop.OnlineScaler, "quux", "It takes X, y."),
    ],
)
def test_fit_answers_too(Estimator, given, answer):
    expected = re.escape(f"{Estimator.__name__}.fit has no parameter {given!r}. {answer}")
    with pytest.raises(TypeError, match=expected):
        Estimator().fit([[0.0], [1.0]], [0, 1], **{given: 3})


def test_parameters_of_what_an_estimator_holds():
    model = BackpropRegressor(solver=skbackprop.Adam())
    assert model.set_params(solver__beta_1=0.5).solver.beta_1 == 0.5
    with pytest.raises(ValueError, match="Adam has no parameter 'lr'. Instead of lr, give eta"):
        model.set_params(solver__lr=0.1)


class WithKeywords(skbackprop.Momentum):
    def __init__(self, momentum=0.9, **others):
        super().__init__(**others)
        self.momentum = momentum


class Picky(skbackprop.SGD):
    def __init__(self, given=1):
        self.given = given + 0  # a TypeError of its own


def test_other_errors_of_a_constructor_are_left_as_they_are():
    assert WithKeywords(momentum=0.5).momentum == 0.5
    with pytest.raises(TypeError, match="WithKeywords has no parameter 'momntum'. Did you mean"):
        WithKeywords(momntum=0.5)
    with pytest.raises(TypeError, match="can only concatenate"):
        Picky(given="1")
    with pytest.raises(TypeError, match="positional"):
        BackpropRegressor((3,), "tanh")
    model = BackpropRegressor((3,)).partial_fit([[0.0]], [1.0])
    with pytest.raises(ValueError, match="Invalid parameter 'loss_'"):
        model.set_params(loss_=1)


@pytest.mark.parametrize("Estimator", [BackpropClassifier, BackpropRegressor, skbackprop.Adam])
def test_signatures_and_copies_are_scikit_learns(Estimator):
    names = list(inspect.signature(Estimator).parameters)
    assert "kwargs" not in names and sorted(names) == Estimator._get_param_names()
    assert sorted(Estimator().get_params(deep=False)) == sorted(names)
    assert clone(Estimator()).get_params() == Estimator().get_params()
    assert inspect.signature(skbackprop.SGD).parameters == {}
