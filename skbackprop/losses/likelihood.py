"""Losses of numbers by their distribution: counts, amounts, mean and variance."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from ..activations.activation import ACTIVATIONS
from ..activations.mixed import Mixed
from .loss import LOSSES, Loss

__all__ = ["Gamma", "GaussianNLL", "Poisson", "Tweedie"]


class _Deviance(Loss):
    """Half the deviance of a distribution with a positive mean, behind ``exp`` by default."""

    canonical_output = "exp"
    fused = True
    least_target = 0.0
    log_link = False  # whether v is log y: behind exp, where the cost comes from v

    def behind(self, output) -> Loss:
        """A copy, which knows whether v is ``log y``."""
        form = super().behind(output)
        form.log_link = output == ACTIVATIONS["exp"]
        return form

    def check_output(self, task, output) -> None:
        """Raise ValueError if an output is not positive at any v."""
        members = output.activations if isinstance(output, Mixed) else (output,)
        v = np.linspace(-30.0, 30.0, 121)[:, None]  # so that sin does not pass
        if not all(member.elementwise and (member.phi(v) > 0).all() for member in members):
            raise ValueError(
                f"output_activation={output!r} does not go with loss {self!r}, which needs "
                "positive outputs; leave it None for 'exp', or use 'softplus'."
            )

    def link(self, d) -> np.ndarray:
        """``v = log d``, behind exp."""
        return np.log(np.maximum(d, 1e-8))


class Poisson(_Deviance):
    """Half the Poisson deviance, ``E = sum_j d_j log(d_j / y_j) - d_j + y_j``, for counts.

    ``e_j = d_j / y_j - 1``; behind ``exp``, ``delta_j = d_j - y_j``. Targets must be >= 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Poisson
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = Poisson()
    >>> loss.value(d, y, np.log(y))  # the cost of each row
    array([0.19314718, 0.61370564])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 1. ],
           [-0.5]])
    """

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j d_j log d_j - d_j log y_j - d_j + y_j``; behind exp, ``log y_j`` is ``v_j``."""
        log_y = v if self.log_link else np.log(y)
        return (xlogy(d, d) - d * log_y - d + y).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = d_j / y_j - 1``."""
        return d / y - 1.0

    def error_rule(self, j, n_units) -> str:
        """``d_j / y_j - 1``."""
        return "d_j / y_j - 1"


class Gamma(_Deviance):
    """Half the gamma deviance, ``E = sum_j d_j / y_j - log(d_j / y_j) - 1``, for skewed amounts.

    ``e_j = (d_j - y_j) / y_j^2``; behind ``exp``, ``delta_j = d_j / y_j - 1``. Targets must be
    positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Gamma
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = Gamma()
    >>> loss.value(d, y, np.log(y))  # the cost of each row
    array([0.30685282, 0.19314718])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 2.   ],
           [-0.125]])
    """

    takes_least = False

    def value(self, d, y, v) -> np.ndarray:
        """``sum_j d_j / y_j - log(d_j / y_j) - 1``; behind exp, from v."""
        if self.log_link:
            return (d * np.exp(-v) - np.log(d) + v - 1.0).sum(axis=1)
        return (d / y - np.log(d / y) - 1.0).sum(axis=1)

    def error(self, d, y) -> np.ndarray:
        """``e_j = (d_j - y_j) / y_j^2``."""
        return (d - y) / (y * y)

    def error_rule(self, j, n_units) -> str:
        """``(d_j - y_j) / y_j^2``."""
        return "(d_j - y_j) / y_j^2"

    def fused_delta(self, d, y, v, out) -> np.ndarray:
        """``delta_j = d_j exp(-v_j) - 1``."""
        np.negative(v, out=out)
        np.exp(out, out=out)
        out *= d
        out -= 1.0
        return out


class Tweedie(_Deviance):
    """Half the Tweedie deviance of a power p: between 1 and 2, amounts that may be exactly 0.

    ``E = sum_j d_j^(2-p) / ((1-p)(2-p)) - d_j y_j^(1-p) / (1-p) + y_j^(2-p) / (2-p)``,
    ``e_j = (d_j - y_j) / y_j^p``; behind ``exp``, ``delta_j = d_j y_j^(1-p) - y_j^(2-p)``
    (Jorgensen, Journal of the Royal Statistical Society B 49, 1987).

    Parameters
    ----------
    power : float, default=1.5
        The variance grows as ``mean^p``; > 1 and not 2: 1 is `Poisson`, 2 is `Gamma`. Targets must
        be >= 0 below 2, positive above.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Tweedie
    >>> d, y = np.array([[1.0], [2.0]]), np.array([[0.5], [4.0]])  # desired and given, two rows
    >>> loss = Tweedie(power=1.5)
    >>> loss.value(d, y, np.log(y))  # the cost of each row
    array([0.24264069, 0.34314575])
    >>> loss.error(d, y)  # e = -dE/dy
    array([[ 1.41421356],
           [-0.25      ]])
    """

    def __init__(self, power: float = 1.5):
        self.power = power

    def check(self) -> None:
        """Raise ValueError if power is not above 1, or is 2."""
        self._check_number("power", "(1, inf)")
        if self.power == 2:
            raise ValueError("power of Tweedie is 2; that is loss='gamma'.")

    @property
    def takes_least(self) -> bool:  # type: ignore[override]
        """Whether a target may be zero."""
        return self.power < 2

    def value(self, d, y, v) -> np.ndarray:
        """Half the deviance, in the three terms above; behind exp, powers of y come from v."""
        p = self.power
        first = np.maximum(d, np.finfo(d.dtype).tiny * (p > 2)) ** (2.0 - p)
        y_1, y_2 = self._powers(y, v)
        terms = first / ((1.0 - p) * (2.0 - p)) - d * y_1 / (1.0 - p) + y_2 / (2.0 - p)
        return terms.sum(axis=1)

    def _powers(self, y, v):
        p = self.power
        if self.log_link:
            return np.exp((1.0 - p) * v), np.exp((2.0 - p) * v)
        return y ** (1.0 - p), y ** (2.0 - p)

    def error(self, d, y) -> np.ndarray:
        """``e_j = (d_j - y_j) / y_j^p``."""
        return (d - y) * y**-self.power

    def error_rule(self, j, n_units) -> str:
        """``(d_j - y_j) / y_j^p``."""
        return f"(d_j - y_j) / y_j^{self.power:g}"

    def fused_delta(self, d, y, v, out) -> np.ndarray:
        """``delta_j = d_j y_j^(1-p) - y_j^(2-p)``, from v."""
        y_1, y_2 = self._powers(y, v)
        return np.subtract(d * y_1, y_2, out=out)


class GaussianNLL(Loss):
    """The negative log-likelihood of a normal target, whose mean and variance are estimated.

    ``E = 1/2 sum_j [log(2 pi s_j) + (d_j - m_j)^2 / s_j]``. The first half of the output neurons
    are the means m, behind the identity; the others, behind ``exp``, give ``s_j = y_j + epsilon``
    (Nix and Weigend, ICNN 1994). Prediction is the mean; ``predict(X, return_std=True)`` gives
    ``sqrt(s)``, too.

    Parameters
    ----------
    epsilon : float > 0, default=1e-6
        Least variance, in the square of y's unit.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, GaussianNLL
    >>> X = np.linspace(-1.0, 1.0, 400)[:, None]
    >>> y = X[:, 0] + np.random.default_rng(0).normal(0.0, 0.5, 400)
    >>> net = BackpropRegressor((), loss=GaussianNLL(), eta=0.01, random_state=0).fit(X, y)
    >>> mean, std = net.predict([[0.0]], return_std=True)
    >>> print(f"{mean[0]:.1f} +- {std[0]:.1f}")
    -0.0 +- 0.5
    """

    def __init__(self, epsilon: float = 1e-6):
        self.epsilon = epsilon

    def check(self) -> None:
        """Raise ValueError if epsilon is not positive."""
        self._check_number("epsilon", "(0, inf)")

    gives_deviation = True
    unit_free = True
    units_per_target = 2

    def canonical_outputs(self, task):
        """The identity for the means, exp for the variances."""
        return (Mixed(["identity"] * task.n_targets + ["exp"] * task.n_targets),)

    def check_output(self, task, output) -> None:
        """Raise ValueError if the output activation is another."""
        if output not in self.canonical_outputs(task):
            raise ValueError(
                f"output_activation={output!r} does not go with loss {self!r}, whose outputs "
                "are means and variances; leave it None."
            )

    def unit_names(self, targets) -> list[str]:
        """The mean of each target, then the variances."""
        return [f"{name}, {what}" for what in ("mean", "variance") for name in targets]

    def _split(self, d, y):
        """Residuals of the means, and the variances."""
        n = y.shape[1] // 2
        return d[:, :n] - y[:, :n], y[:, n:] + y.dtype.type(self.epsilon)

    def desired(self, d) -> np.ndarray:
        """The targets, and zeros in the place of the unknown variances."""
        return np.hstack([d, np.zeros_like(d)])

    def value(self, d, y, v) -> np.ndarray:
        """``1/2 sum_j log(2 pi s_j) + r_j^2 / s_j``."""
        r, s = self._split(d, y)
        return 0.5 * (np.log(2.0 * np.pi * s) + r * r / s).sum(axis=1).astype(y.dtype)

    def error(self, d, y) -> np.ndarray:
        """``r_j / s_j`` of the means, ``(r_j^2 / s_j - 1) / (2 s_j)`` of the variances."""
        r, s = self._split(d, y)
        return np.hstack([r / s, 0.5 * (r * r / s - 1.0) / s])

    def has_desired(self, j, n_units) -> bool:
        """Whether neuron j stands for a mean; nobody knows the variances."""
        return j < n_units // 2

    def error_rule(self, j, n_units) -> str:
        """``r_j / s_j`` of a mean, ``(r_j^2 / s_j - 1) / (2 s_j)`` of a variance."""
        n, epsilon = n_units // 2, f"{self.epsilon:g}"
        if j < n:
            return f"(d_j - y_j) / (y_{j + n} + {epsilon})"
        s = f"(y_j + {epsilon})"
        return f"((d_{j - n} - y_{j - n})^2 / {s} - 1) / (2 * {s})"

    def best_constant(self, targets, weights) -> np.ndarray:
        """Mean and log-variance of each target."""
        mean = weights @ targets
        variance = np.maximum(weights @ (targets - mean) ** 2, self.epsilon)
        return np.hstack([mean, np.log(variance)])

    def prediction(self, y) -> np.ndarray:
        """The means (n, n_targets)."""
        return y[:, : y.shape[1] // 2]

    def deviation(self, y) -> np.ndarray:
        """``sqrt(s_j)``."""
        return np.sqrt(self._split(y, y)[1])


LOSSES.update(
    {"poisson": Poisson(), "gamma": Gamma(), "tweedie": Tweedie(), "gaussian_nll": GaussianNLL()}
)
