"""Every signal of the derivation, in view, on the user's own data.

`trace_signals` presents rows to a fitted estimator and keeps what flows through it ::

    y_i -> w_ji -> v_j -> phi_j -> y_j        forward, then d_j - y_j = e_j
    delta_j <- phi_j'(v_j) <- sum_k delta_k w_kj        backward
    Dw_ji = eta delta_j y_i        the change of any weight

by the very functions that train it. A `SignalTrace` explains any of its numbers (`explain`), and
`record_training` keeps one for each step of online training. `check_gradient` holds the backward
pass against numeric derivatives; `diagnose` looks for what commonly ails a network.
"""

from .diagnosis import EXAMINATIONS, Diagnosis, Finding, diagnose
from .explanations import RENDERERS, Explanation, explain_neuron
from .gradient_check import GradientCheck, WorstWeight, check_gradient
from .recording import record_training
from .records import SignalTrace, TrainingRecord, TrainingStep
from .signals import trace_signals

__all__ = [
    "Diagnosis",
    "EXAMINATIONS",
    "Explanation",
    "Finding",
    "GradientCheck",
    "RENDERERS",
    "SignalTrace",
    "TrainingRecord",
    "TrainingStep",
    "WorstWeight",
    "check_gradient",
    "diagnose",
    "explain_neuron",
    "record_training",
    "trace_signals",
]
