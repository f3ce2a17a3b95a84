"""Displays of a fitted network, in scikit-learn's manner.

A display takes data; `from_estimator` gets it from a fitted estimator, alone or at the end of a
Pipeline, and draws it; `plot` draws it again, into axes of one's own if they are given. Axes that
the display has drawn into before are emptied first. What was drawn is in ``figure_``, ``ax_`` (the
first panel) and ``axes_`` (all of them). Legends stand above their axes: figures of one's own with
``layout="constrained"`` leave room for them.

Matplotlib is needed, and imported, when something is drawn. For predictions against targets
scikit-learn's `PredictionErrorDisplay` serves, and for the regions of a classifier its
`DecisionBoundaryDisplay`.
"""

from .activation import ActivationDisplay
from .gradient_flow import GradientFlowDisplay
from .loss_curve import LossCurveDisplay
from .signal_flow import SignalFlowDisplay
from .weights import WeightsDisplay

__all__ = [
    "ActivationDisplay",
    "GradientFlowDisplay",
    "LossCurveDisplay",
    "SignalFlowDisplay",
    "WeightsDisplay",
]
