"""A learning rate for each kind of parameter, by the number of signals that it is added to."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from ..registry import Checked

__all__ = ["FanInEta", "Rates"]


class Rates(NamedTuple):
    """Learning rates of the parts of a network.

    Attributes
    ----------
    weights, biases : list of float
        One for each layer of weights.
    gains : float
        Of the gains of the inputs.
    """

    weights: list[float]
    biases: list[float]
    gains: float


class FanInEta(Checked):
    """Learning rates by fan-in: ``eta = base / sqrt(n_in)`` for the weights of a layer.

    A weight of a neuron with ``n_in`` weights is of the size ``1 / sqrt(n_in)`` (see
    `INITIALIZERS`), and so are its steps by a rule that, like adam, makes all steps of one size:
    each layer then turns at the same pace, whatever its width (the parametrisation of Jacot,
    Gabriel and Hongler, "Neural Tangent Kernel", 2018). Biases and gains have rates of their own,
    here by default those that Holzmüller, Grinsztajn and Steinwart found good on tables ("Better by
    Default", 2024).

    Parameters
    ----------
    base : float
        In units of eta, > 0. `eta_curve_` shows it, times the schedule.
    bias : float, default=0.1
        The biases learn at ``bias * base``; 0 freezes them.
    gain : float, default=6.0
        The gains of the inputs (`input_gain`) learn at ``gain * base``; 0 freezes them.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, FanInEta
    >>> model = BackpropRegressor((64, 64), eta=FanInEta(0.07))
    >>> model.set_params(eta__base=0.05).eta
    FanInEta(base=0.05)
    """

    def __init__(self, base: float, bias: float = 0.1, gain: float = 6.0):
        self.base = base
        self.bias = bias
        self.gain = gain

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("base", "(0, inf)")
        self._check_number("bias", "[0, inf)")
        self._check_number("gain", "[0, inf)")

    def rates(self, fan_in: Sequence[int]) -> Rates:
        """The learning rates of a network.

        Parameters
        ----------
        fan_in : sequence of int
            Signals that enter each layer of weights, the bias's not counted.

        Returns
        -------
        Rates
        """
        base = float(self.base)
        weights = [base / sqrt(n_in) for n_in in fan_in]
        return Rates(weights, [base * self.bias] * len(weights), base * self.gain)
