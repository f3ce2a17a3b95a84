"""What other libraries call the things of this one, and what to say to who asks for them so.

The tables hold names of scikit-learn, MATLAB, Keras, PyTorch and FANN that mean the same here under
another name, or that a thing here comes closest to. How a name is written does not count:
``LeakyReLU`` is ``leaky_relu``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

__all__ = ["NAMES", "PARAMETERS", "advise_on_name", "advise_on_parameter"]

#: Names in each registry: theirs -> ours.
NAMES: dict[str, dict[str, str]] = {
    "activations": {
        "sigmoid": "logistic",
        "logsig": "logistic",
        "FANN_SIGMOID": "logistic",
        "FANN_SIGMOID_STEPWISE": "logistic",
        "tansig": "tanh",
        "FANN_SIGMOID_SYMMETRIC": "tanh",
        "FANN_SIGMOID_SYMMETRIC_STEPWISE": "tanh",
        "linear": "identity",
        "purelin": "identity",
        "none": "identity",
        "FANN_LINEAR": "identity",
        "poslin": "relu",
        "rectifier": "relu",
        "satlins": "hard_tanh",
        "FANN_LINEAR_PIECE_SYMMETRIC": "hard_tanh",
        "satlin": "hard_sigmoid",
        "FANN_LINEAR_PIECE": "hard_sigmoid",
        "swish": "silu",
        "elliotsig": "softsign",
        "elliot": "softsign",
        "FANN_ELLIOT_SYMMETRIC": "softsign",
        "atan": "arctan",
        "sine": "sin",
        "FANN_SIN_SYMMETRIC": "sin",
        "exponential": "exp",
        "radbas": "gaussian",
        "FANN_GAUSSIAN": "gaussian",
        "lecun_tanh": "scaled_tanh",
    },
    "losses": {
        "mse": "squared_error",
        "sse": "squared_error",
        "l2": "squared_error",
        "MSELoss": "squared_error",
        "mean_squared_error": "squared_error",
        "mae": "absolute_error",
        "sae": "absolute_error",
        "l1": "absolute_error",
        "L1Loss": "absolute_error",
        "mean_absolute_error": "absolute_error",
        "huber_loss": "huber",
        "SmoothL1Loss": "huber",
        "log_loss": "cross_entropy",
        "NLLLoss": "cross_entropy",
        "BCELoss": "cross_entropy",
        "BCEWithLogitsLoss": "cross_entropy",
        "CrossEntropyLoss": "cross_entropy",
        "binary_crossentropy": "cross_entropy",
        "categorical_crossentropy": "cross_entropy",
        "sparse_categorical_crossentropy": "cross_entropy",
        "binary_focal_crossentropy": "focal",
        "categorical_focal_crossentropy": "focal",
        "categorical_hinge": "hinge",
        "HingeEmbeddingLoss": "hinge",
        "pinball": "quantile",
        "PoissonNLLLoss": "poisson",
        "GaussianNLLLoss": "gaussian_nll",
    },
    "solvers": {
        "gd": "sgd",
        "backprop": "sgd",
        "traingd": "sgd",
        "traingda": "sgd",
        "FANN_TRAIN_INCREMENTAL": "sgd",
        "FANN_TRAIN_BATCH": "sgd",
        "traingdm": "momentum",
        "traingdx": "momentum",
        "nag": "nesterov",
        "FANN_TRAIN_RPROP": "irprop-",
        "FANN_TRAIN_QUICKPROP": "quickprop",
        "rprop": "irprop-",
        "trainrp": "irprop-",
        "trainlm": "lm",
        "marquardt": "lm",
        "levenberg_marquardt": "lm",
        "trainbr": "br",
        "bayesian_regularization": "br",
        "trainscg": "scg",
        "traincgb": "scg",
        "traincgf": "scg",
        "traincgp": "scg",
        "scaled_conjugate_gradient": "scg",
        "bfgs": "lbfgs",
        "trainbfg": "lbfgs",
        "trainoss": "lbfgs",
        "L-BFGS-B": "lbfgs",
    },
    "schedules": {
        "inverse_scaling": "invscaling",
        "optimal": "search_then_converge",
        "InverseTimeDecay": "search_then_converge",
        "ExponentialDecay": "exponential",
        "ExponentialLR": "exponential",
        "StepLR": "step",
        "LinearLR": "polynomial",
        "PolynomialLR": "polynomial",
        "PolynomialDecay": "polynomial",
        "linear": "polynomial",
        "CosineDecay": "cosine",
        "CosineAnnealingLR": "cosine",
        "CosineDecayRestarts": "cosine_restarts",
        "CosineAnnealingWarmRestarts": "cosine_restarts",
        "OneCycleLR": "one_cycle",
        "ReduceLROnPlateau": "adaptive",
        "plateau": "adaptive",
    },
    "initializers": {
        "glorot": "glorot_uniform",
        "xavier": "glorot_uniform",
        "xavier_uniform": "glorot_uniform",
        "xavier_normal": "glorot_normal",
        "he": "he_uniform",
        "kaiming_uniform": "he_uniform",
        "kaiming_normal": "he_normal",
        "lecun": "lecun_normal",
    },
}

#: Parameters: theirs -> what to write here; between backquotes a parameter, or one with a value.
PARAMETERS: dict[str, str] = {
    # scikit-learn
    "learning_rate_init": "`eta`",
    "eta0": "`eta`",
    "learning_rate": "`eta_schedule`, or `eta` if it is a number",
    "power_t": "`eta_schedule=InverseScaling(power=0.5)`",
    "momentum": "`solver=Momentum(momentum=0.9)`",
    "nesterovs_momentum": "`solver=Nesterov(momentum=0.9)`",
    "beta_1": "`solver=Adam(beta_1=0.9)`",
    "beta_2": "`solver=Adam(beta_2=0.999)`",
    "epsilon": "`solver=Adam(epsilon=1e-8)`",
    "max_fun": "`max_iter`",
    "penalty": "`alpha` with `l1_ratio`",
    # Keras and PyTorch
    "n_hidden": "`hidden_layer_sizes`",
    "layers": "`hidden_layer_sizes`",
    "units": "`hidden_layer_sizes`",
    "hidden_units": "`hidden_layer_sizes`",
    "hidden_size": "`hidden_layer_sizes`",
    "hidden_layers": "`hidden_layer_sizes`",
    "epochs": "`max_iter`",
    "n_epochs": "`max_iter`",
    "optimizer": "`solver`",
    "lr": "`eta`",
    "betas": "`solver=Adam(beta_1=0.9, beta_2=0.999)`",
    "rho": "`solver=RMSprop(rho=0.9)`",
    "nesterov": "`solver=Nesterov(momentum=0.9)`",
    "amsgrad": "`solver=Adam(amsgrad=True)`",
    "weight_decay": "`alpha`, or `solver=AdamW(weight_decay=0.01)`",
    "kernel_regularizer": "`alpha` with `l1_ratio`",
    "kernel_initializer": "`weight_init`",
    "kernel_constraint": "`max_norm`",
    "clipnorm": "`max_grad_norm`",
    "label_smoothing": "`loss=CrossEntropy(label_smoothing=0.1)`",
    "criterion": "`loss`",
    "rate": "`dropout`",
    "patience": "`n_iter_no_change`",
    "min_delta": "`tol`",
    "restore_best_weights": "`early_stopping=True`, which does",
    "validation_split": "`validation_fraction` with `early_stopping=True`",
    "seed": "`random_state`",
    # MATLAB
    "hiddenSizes": "`hidden_layer_sizes`",
    "transferFcn": "`activation`",
    "trainFcn": "`solver`",
    "performFcn": "`loss`",
    "initFcn": "`weight_init`",
    "mc": "`solver=Momentum(momentum=0.9)`",
    "mu": "`solver=LM(mu=1e-3)`",
    "mu_max": "`solver=LM(mu_max=1e10)`",
    "min_grad": "`solver=LM(min_grad=1e-9)`",
    "max_fail": "`n_iter_no_change` with `early_stopping=True`",
    "time": "`max_time`",
    # FANN
    "num_neurons_hidden": "`hidden_layer_sizes`",
    "activation_function_hidden": "`activation`",
    "activation_function_output": "`output_activation`",
    "training_algorithm": "`solver`",
    "train_error_function": "`loss`",
    "learning_momentum": "`solver=Momentum(momentum=0.9)`",
    "max_epochs": "`max_iter`",
    "quickprop_mu": "`solver=Quickprop(mu=1.75)`",
    "rprop_increase_factor": "`solver=IRpropMinus(grow=1.2)`",
    "rprop_decrease_factor": "`solver=IRpropMinus(shrink=0.5)`",
}

#: What some estimators have in the place of others' parameters: theirs -> ours.
_ELSEWHERE: dict[str, str] = {"eta": "etas", "solver": "etas", "eta_schedule": "etas"}


def advise_on_name(name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that a registry does not know.

    Parameters
    ----------
    name : str
    known : iterable of str
        The names of the registry.

    Returns
    -------
    str
        ``"here it is 'logistic'"`` or ``"did you mean 'tanh'?"``; empty if there is nothing to say.
    """
    known = list(known)
    for synonyms in NAMES.values():
        ours = _found(name, synonyms)
        if ours in known:
            return f"here it is {ours!r}"
    return _guess(name, known)


def advise_on_parameter(name: str, known: Iterable[str]) -> str:
    """Return what to say of a parameter that a constructor does not know.

    Parameters
    ----------
    name : str
    known : iterable of str
        The parameters of the constructor.

    Returns
    -------
    str
        A sentence, such as ``"Instead of learning_rate_init, give eta."`` or ``"Did you mean
        'batch_size'?"``; empty if there is nothing to say.
    """
    known = list(known)
    advice = _found(name, PARAMETERS)
    if advice is not None and _plain(name) not in map(_plain, known):
        ours = {part.partition("=")[0] for part in advice.split("`")[1::2]}
        if ours <= set(known):
            return f"Instead of {name}, give {advice.replace('`', '')}."
        if "random_state" not in known:  # an object that an estimator holds
            return f"Instead of {name}, give {advice.replace('`', '')} to the estimator."
    else:
        ours = {name}
    elsewhere = [each for each in dict.fromkeys(map(_ELSEWHERE.get, ours)) if each in known]
    if elsewhere:
        return f"Instead of {name}, give {elsewhere[0]}."
    guess = _guess(name, known)
    return guess[:1].upper() + guess[1:]


def _plain(name: str) -> str:
    """A name without what libraries write differently: capitals, underscores."""
    return "".join(letter for letter in name.lower() if letter not in "_- ")


def _found(name: str, synonyms: Mapping[str, str]) -> str | None:
    """The entry of a name, however it is written."""
    plain = _plain(name)
    return next((ours for theirs, ours in synonyms.items() if _plain(theirs) == plain), None)


def _guess(name: str, known: Iterable[str]) -> str:
    """A question, if a known name is written like this one."""
    plain = {_plain(ours): ours for ours in known}
    close = get_close_matches(_plain(name), plain, n=1, cutoff=0.7)
    return f"did you mean {plain[close[0]]!r}?" if close else ""
