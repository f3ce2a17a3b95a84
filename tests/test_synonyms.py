"""Who comes from another library is told what his words are here, and only what exists."""

import re

import pytest
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
