"""Back-propagation exactly as it is derived on paper, as scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING

from .activations import ACTIVATIONS, Activation, Mixed
from .engines.compilation import compile_engine
from .estimators import BackpropClassifier, BackpropRegressor
from .exceptions import DivergenceError
from .losses import (
    LOSSES,
    AbsoluteError,
    CrossEntropy,
    Focal,
    Gamma,
    GaussianNLL,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    Quantile,
    SquaredError,
    Task,
    Tweedie,
)
from .network.initializers import INITIALIZERS
from .schedules import (
    SCHEDULES,
    Adaptive,
    Cosine,
    CosineRestarts,
    CosLog4,
    Exponential,
    InverseScaling,
    OneCycle,
    Polynomial,
    Schedule,
    SearchThenConverge,
    Step,
    WarmUp,
)
from .solvers import LBFGS, LM, SCG, SOLVERS, BayesianLM, WholeBatchSolver
from .updates import (
    RULES,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    DeltaBarDelta,
    FanInEta,
    IRpropMinus,
    IRpropPlus,
    Momentum,
    Nadam,
    Nesterov,
    Quickprop,
    RMSprop,
    UpdateRule,
)
from .version import __version__ as __version__

if TYPE_CHECKING:  # imported when asked for: see `__getattr__`
    from .distributed import fit_distributed
    from .export import to_c, to_js, to_onnx
    from .inspection import (
        SignalTrace,
        TrainingRecord,
        check_gradient,
        diagnose,
        record_training,
        trace_signals,
    )
    from .model_selection import HalvingPartialFitSearchCV
    from .persistence import TRUSTED_TYPES, load_model, save_model
    from .plots import (
        ActivationDisplay,
        GradientFlowDisplay,
        LossCurveDisplay,
        SignalFlowDisplay,
        WeightsDisplay,
    )
    from .streams import (
        OnlineScaler,
        StreamClassifier,
        StreamRegressor,
    )
    from .tabular import (
        PeriodicFeatures,
        RobustSmoothScaler,
        TabularClassifier,
        TabularRegressor,
    )

__all__ = [
    "Tweedie",
    "Quantile",
    "Poisson",
    "LogCosh",
    "Huber",
    "Hinge",
    "GaussianNLL",
    "Gamma",
    "Focal",
    "AbsoluteError",
    "WarmUp",
    "Step",
    "SearchThenConverge",
    "Schedule",
    "Polynomial",
    "OneCycle",
    "Exponential",
    "CosLog4",
    "CosineRestarts",
    "Cosine",
    "RMSprop",
    "Quickprop",
    "Nadam",
    "IRpropPlus",
    "IRpropMinus",
    "DeltaBarDelta",
    "AdamW",
    "Adagrad",
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "RULES",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adam",
    "Adaptive",
    "BackpropClassifier",
    "BackpropRegressor",
    "BayesianLM",
    "CrossEntropy",
    "DivergenceError",
    "FanInEta",
    "InverseScaling",
    "LBFGS",
    "LM",
    "Loss",
    "Mixed",
    "Momentum",
    "Nesterov",
    "SCG",
    "SOLVERS",
    "SquaredError",
    "Task",
    "UpdateRule",
    "WholeBatchSolver",
    "HalvingPartialFitSearchCV",
    "OnlineScaler",
    "StreamClassifier",
    "StreamRegressor",
    "PeriodicFeatures",
    "RobustSmoothScaler",
    "TabularClassifier",
    "TabularRegressor",
    "SignalTrace",
    "TrainingRecord",
    "ActivationDisplay",
    "GradientFlowDisplay",
    "LossCurveDisplay",
    "SignalFlowDisplay",
    "WeightsDisplay",
    "check_gradient",
    "compile_engine",
    "diagnose",
    "fit_distributed",
    "load_model",
    "record_training",
    "save_model",
    "to_c",
    "to_js",
    "to_onnx",
    "trace_signals",
    "TRUSTED_TYPES",
]

# Imported when first asked for: what looks into a fitted network, and what is for
# tables or streams. The training of a network needs none of it.
_LATER = {
    "distributed": ("fit_distributed",),
    "export": ("to_c", "to_js", "to_onnx"),
    "inspection": (
        "SignalTrace",
        "TrainingRecord",
        "check_gradient",
        "diagnose",
        "record_training",
        "trace_signals",
    ),
    "model_selection": ("HalvingPartialFitSearchCV",),
    "persistence": ("TRUSTED_TYPES", "load_model", "save_model"),
    "plots": (
        "ActivationDisplay",
        "GradientFlowDisplay",
        "LossCurveDisplay",
        "SignalFlowDisplay",
        "WeightsDisplay",
    ),
    "streams": (
        "OnlineScaler",
        "StreamClassifier",
        "StreamRegressor",
    ),
    "tabular": (
        "PeriodicFeatures",
        "RobustSmoothScaler",
        "TabularClassifier",
        "TabularRegressor",
    ),
}
_MODULE_OF = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
