"""Schedules of the learning rate: ``t -> multiplier of eta``, t = updates done so far.

A schedule sees the update count and nothing else, so a chunk of rows trains as its rows do one at
a time. The estimators take any callable for one, and `resolve_schedule` makes it a `Schedule`.
Those here take an array of t as well. The one that looks at the loss, `Adaptive`, acts between
epochs. Those with a horizon spread themselves over `total_steps` updates, which `fit` fills in, and
stay at their last multiplier after it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from .registry import Checked, resolve

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "CosLog4",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "FromFunction",
    "InverseScaling",
    "OneCycle",
    "Polynomial",
    "Schedule",
    "SearchThenConverge",
    "Step",
    "WarmUp",
    "constant",
    "resolve_schedule",
]


class Schedule(Checked):
    """Base class of the schedules here; a plain function does as well.

    Attributes
    ----------
    has_horizon : bool
        Whether the schedule spreads itself over `total_steps` updates.
    total_steps : int or None
        Length of the horizon; None leaves it to `fit`.
    acts_on_plateau : bool
        Whether `fit` divides eta when the epochs stop improving (see `Adaptive`).

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, Schedule
    >>> class Halving(Schedule):
    ...     def __call__(self, t):
    ...         return 0.5 ** (t // 100)
    >>> [Halving()(t) for t in (0, 99, 100, 200)]
    [1.0, 1.0, 0.5, 0.25]
    >>> net = BackpropRegressor(solver="sgd", eta=0.01, eta_schedule=Halving())
    """

    total_steps: int | None = None
    has_horizon = False
    acts_on_plateau = False

    @property
    def unnamed_horizon(self) -> Schedule | None:
        """The schedule here that still needs `total_steps`, or None."""
        return self if self.has_horizon and self.total_steps is None else None

    def __call__(self, t):
        """Multiplier after t updates; t is an int or an array of them."""
        raise NotImplementedError

    def for_horizon(self, total_steps: int) -> Schedule:
        """The schedule over `total_steps` updates, if it has a horizon and was given none."""
        if not self.has_horizon or self.total_steps is not None:
            return self
        bound = copy.copy(self)
        bound.total_steps = total_steps
        return bound

    def _share(self, t):
        """``t / total_steps``, at most 1."""
        if self.total_steps is None:
            raise ValueError(
                f"{type(self).__name__} needs total_steps, the number of updates over which eta "
                f"runs its course; give it as {type(self).__name__}(total_steps=...). Only fit "
                "can fill it in."
            )
        return np.minimum(t, self.total_steps) / self.total_steps


class Constant(Schedule):
    """eta as it is: the textbook rule."""

    def __call__(self, t):
        """Multiplier after t updates: 1."""
        return np.ones_like(t, dtype=float) if np.ndim(t) else 1.0


constant = Constant()


class FromFunction(Schedule):
    """A user's own ``t -> multiplier`` as a schedule.

    Parameters
    ----------
    function : callable
    """

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, t):
        """Multiplier after t updates."""
        return self.function(t)


class InverseScaling(Schedule):
    """``(t + 1) ** -power`` (Robbins and Monro 1951 ask for 1/2 < power <= 1).

    Parameters
    ----------
    power : float, default=0.5
        Exponent, > 0.

    Examples
    --------
    >>> from skbackprop import InverseScaling
    >>> schedule = InverseScaling(power=0.5)
    >>> [round(float(schedule(t)), 4) for t in (0, 3, 99)]
    [1.0, 0.5, 0.1]
    """

    def __init__(self, power: float = 0.5):
        self.power = power

    def check(self) -> None:
        """Raise ValueError if power is not positive."""
        self._check_number("power", "(0, inf)")

    def __call__(self, t):
        """Multiplier after t updates."""
        return (np.asarray(t) + 1.0) ** -self.power


class Exponential(Schedule):
    """``gamma ** t``.

    Parameters
    ----------
    gamma : float in (0, 1], default=0.999
        Factor of eta from an update to the next.

    Examples
    --------
    >>> from skbackprop import Exponential
    >>> schedule = Exponential(gamma=0.99)
    >>> [round(float(schedule(t)), 4) for t in (0, 50, 100)]
    [1.0, 0.605, 0.366]
    """

    def __init__(self, gamma: float = 0.999):
        self.gamma = gamma

    def check(self) -> None:
        """Raise ValueError if gamma is not in (0, 1]."""
        self._check_number("gamma", "(0, 1]")

    def __call__(self, t):
        """Multiplier after t updates."""
        return self.gamma ** np.asarray(t, dtype=float)


class Step(Schedule):
    """``gamma ** floor(t / step_size)``: a cut every `step_size` updates.

    Parameters
    ----------
    step_size : int, default=1000
    gamma : float in (0, 1], default=0.1

    Examples
    --------
    >>> from skbackprop import Step
    >>> schedule = Step(step_size=50, gamma=0.1)
    >>> [round(float(schedule(t)), 4) for t in (0, 49, 50, 100)]
    [1.0, 1.0, 0.1, 0.01]
    """

    def __init__(self, step_size: int = 1000, gamma: float = 0.1):
        self.step_size = step_size
        self.gamma = gamma

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_count("step_size")
        self._check_number("gamma", "(0, 1]")

    def __call__(self, t):
        """Multiplier after t updates."""
        return self.gamma ** np.floor_divide(t, self.step_size).astype(float)


class SearchThenConverge(Schedule):
    """``1 / (1 + t / tau)``: constant at first, then as 1 / t (Darken and Moody, NIPS 1990).

    Parameters
    ----------
    tau : float > 0, default=1000.0
        Updates after which eta is halved.

    Examples
    --------
    >>> from skbackprop import SearchThenConverge
    >>> schedule = SearchThenConverge(tau=100)
    >>> [round(float(schedule(t)), 4) for t in (0, 100, 300)]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, tau: float = 1000.0):
        self.tau = tau

    def check(self) -> None:
        """Raise ValueError if tau is not positive."""
        self._check_number("tau", "(0, inf)")

    def __call__(self, t):
        """Multiplier after t updates."""
        with np.errstate(over="ignore"):  # of a tau next to nothing: eta is zero from then on
            return 1.0 / (1.0 + np.asarray(t) / self.tau)


class Polynomial(Schedule):
    """``end + (1 - end) (1 - t / T) ** power``, T = total_steps.

    Parameters
    ----------
    power : float > 0, default=1.0
        1 is a straight line.
    end : float in [0, 1], default=0.0
        Multiplier from T on; at 0 nothing is learnt any more.
    total_steps : int, optional
        Updates; `fit` fills it in.

    Examples
    --------
    >>> from skbackprop import Polynomial
    >>> schedule = Polynomial(total_steps=100)
    >>> [round(float(schedule(t)), 4) for t in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    """

    has_horizon = True

    def __init__(self, power: float = 1.0, end: float = 0.0, total_steps: int | None = None):
        self.power = power
        self.end = end
        self.total_steps = total_steps

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("power", "(0, inf)")
        self._check_number("end", "[0, 1]")
        self._check_count("total_steps", optional=True)

    def __call__(self, t):
        """Multiplier after t updates."""
        return self.end + (1.0 - self.end) * (1.0 - self._share(t)) ** self.power


class Cosine(Schedule):
    """``end + (1 - end) (1 + cos(pi t / T)) / 2``, T = total_steps (Loshchilov and Hutter 2017).

    Parameters
    ----------
    end : float in [0, 1], default=0.0
        Multiplier from T on; at 0 nothing is learnt any more.
    total_steps : int, optional
        Updates; `fit` fills it in.

    Examples
    --------
    >>> from skbackprop import Cosine
    >>> schedule = Cosine(total_steps=100)
    >>> [round(float(schedule(t)), 4) for t in (0, 50, 100)]
    [1.0, 0.5, 0.0]
    """

    has_horizon = True

    def __init__(self, end: float = 0.0, total_steps: int | None = None):
        self.end = end
        self.total_steps = total_steps

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("end", "[0, 1]")
        self._check_count("total_steps", optional=True)

    def __call__(self, t):
        """Multiplier after t updates."""
        return self.end + (1.0 - self.end) * 0.5 * (1.0 + np.cos(np.pi * self._share(t)))


class CosineRestarts(Schedule):
    """A cosine that begins anew after each period (SGDR: Loshchilov and Hutter, ICLR 2017).

    ``end + (1 - end) (1 + cos(pi s / S)) / 2``, s being the updates since the last restart and S
    the length of that period.

    Parameters
    ----------
    period : int, default=1000
        Updates in the first period.
    factor : int, default=2
        Growth of the period from one restart to the next.
    end : float in [0, 1], default=0.0
        Multiplier that each period runs down to.

    Examples
    --------
    >>> from skbackprop import CosineRestarts
    >>> schedule = CosineRestarts(50)
    >>> [round(float(schedule(t)), 4) for t in (0, 25, 49, 50)]
    [1.0, 0.5, 0.001, 1.0]
    """

    def __init__(self, period: int = 1000, factor: int = 2, end: float = 0.0):
        self.period = period
        self.factor = factor
        self.end = end

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_count("period")
        self._check_count("factor")
        self._check_number("end", "[0, 1]")

    def __call__(self, t):
        """Multiplier after t updates."""
        t = np.asarray(t, dtype=float)
        if self.factor == 1:
            s, length = t % self.period, self.period
        else:
            grown = t / self.period * (self.factor - 1) + 1.0
            n = np.floor(np.log(grown) / np.log(self.factor))
            n += grown >= self.factor ** (n + 1)  # where the logarithm was rounded down,
            n -= grown < self.factor**n  # or up
            length = self.period * self.factor**n
            s = t - self.period * (self.factor**n - 1) / (self.factor - 1)
        return self.end + (1.0 - self.end) * 0.5 * (1.0 + np.cos(np.pi * s / length))


class CosLog4(Schedule):
    """``(1 - cos(2 pi log2(1 + (2^cycles - 1) t / T))) / 2``, T = total_steps.

    Four cycles, each twice as long as the one before, as in RealMLP (Holzmueller, Grinsztajn and
    Steinwart, NeurIPS 2024). It begins at 0, and is 0 from T on.

    Parameters
    ----------
    cycles : int, default=4
    total_steps : int, optional
        Updates; `fit` fills it in.

    Examples
    --------
    >>> from skbackprop import CosLog4
    >>> schedule = CosLog4(total_steps=100)
    >>> [round(float(schedule(t)), 4) for t in (0, 7, 20, 50, 100)]
    [0.0, 0.0125, 0.0, 0.0736, 0.0]
    """

    has_horizon = True

    def __init__(self, cycles: int = 4, total_steps: int | None = None):
        self.cycles = cycles
        self.total_steps = total_steps

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_count("cycles")
        self._check_count("total_steps", optional=True)

    def __call__(self, t):
        """Multiplier after t updates."""
        phase = np.log2(1.0 + (2.0**self.cycles - 1.0) * self._share(t))
        return 0.5 * (1.0 - np.cos(2.0 * np.pi * phase))


class OneCycle(Schedule):
    """One cycle (Smith and Topin 2018): a cosine up to 1, and a cosine down to almost nothing.

    From `start` to 1 over the first ``warm_up T - 1`` updates, then down to `end` at update
    ``T - 1``, T = total_steps.

    Parameters
    ----------
    warm_up : float in (0, 1), default=0.3
        Share of the updates that go up.
    start, end : float in [0, 1], default=0.04, 4e-6
        First multiplier, and the last, which stays from T on.
    total_steps : int, optional
        Updates; `fit` fills it in.

    Examples
    --------
    >>> from skbackprop import OneCycle
    >>> schedule = OneCycle(total_steps=100)
    >>> [round(float(schedule(t)), 4) for t in (0, 30, 65, 100)]
    [0.04, 0.9995, 0.4776, 0.0]
    """

    has_horizon = True

    def __init__(
        self,
        warm_up: float = 0.3,
        start: float = 0.04,
        end: float = 4e-6,
        total_steps: int | None = None,
    ):
        self.warm_up = warm_up
        self.start = start
        self.end = end
        self.total_steps = total_steps

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("warm_up", "(0, 1)")
        self._check_number("start", "[0, 1]")
        self._check_number("end", "[0, 1]")
        self._check_count("total_steps", optional=True)

    def __call__(self, t):
        """Multiplier after t updates."""
        self._share(t)  # refuses a horizon that nobody gave
        last = max(self.total_steps - 1, 1)  # type: ignore[operator]
        peak = max(self.warm_up * self.total_steps - 1.0, 0.0)  # type: ignore[operator]
        t = np.minimum(np.asarray(t, dtype=float), last)
        rising = _ease(self.start, 1.0, t / peak) if peak else np.ones_like(t)
        falling = _ease(1.0, self.end, (t - peak) / max(last - peak, 1e-9))
        return np.where(t <= peak, rising, falling)


def _ease(a: float, b: float, share):
    """A number between a and b, along half a cosine."""
    return b + (a - b) * 0.5 * (1.0 + np.cos(np.pi * share))


class WarmUp(Schedule):
    """``(t + 1) / n_steps`` for the first `n_steps` updates, then another schedule from its start.

    Parameters
    ----------
    schedule : str, Schedule or callable, default="constant"
        What comes after; one with a horizon has the rest of it.
    n_steps : int, default=100

    Examples
    --------
    >>> from skbackprop import WarmUp
    >>> schedule = WarmUp("constant", n_steps=10)
    >>> [round(float(schedule(t)), 4) for t in (0, 4, 9, 50)]
    [0.1, 0.5, 1.0, 1.0]
    """

    def __init__(self, schedule="constant", n_steps: int = 100):
        self.schedule = schedule
        self.n_steps = n_steps

    @property
    def following(self) -> Schedule:
        """The schedule after the warm-up."""
        return resolve_schedule(self.schedule, "schedule")

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_count("n_steps")
        self.following.check()

    @property
    def acts_on_plateau(self) -> bool:  # type: ignore[override]
        """Whether the following schedule acts on plateaus."""
        return self.following.acts_on_plateau

    @property
    def factor(self) -> float:
        """Divisor of eta on a plateau, of the `Adaptive` that follows."""
        return self.following.factor

    @property
    def floor(self) -> float:
        """Least eta that a plateau divides, of the `Adaptive` that follows."""
        return self.following.floor

    @property
    def has_horizon(self) -> bool:  # type: ignore[override]
        """Whether the following schedule has a horizon."""
        return self.following.has_horizon

    @property
    def total_steps(self) -> int | None:  # type: ignore[override]
        """Length of the warm-up and of the following horizon together."""
        following = self.following.total_steps
        return None if following is None else following + self.n_steps

    @property
    def unnamed_horizon(self) -> Schedule | None:
        """The following schedule, if it still needs `total_steps`."""
        return self.following.unnamed_horizon

    def for_horizon(self, total_steps: int) -> WarmUp:
        """The schedule, in which the one that follows has the rest of the horizon."""
        if not self.has_horizon:
            return self
        rest = max(total_steps - self.n_steps, 1)
        return WarmUp(self.following.for_horizon(rest), self.n_steps)

    def __call__(self, t):
        """Multiplier after t updates."""
        t = np.asarray(t)
        after = self.following(np.maximum(t - self.n_steps, 0))
        return np.where(t < self.n_steps, (t + 1.0) / self.n_steps, after)


class Adaptive(Schedule):
    """Divide eta by `factor` each time the epochs stop improving, and stop below `floor`.

    Acts in ``fit`` only, as in scikit-learn's MLP; ``partial_fit`` keeps the eta that it reached.

    Parameters
    ----------
    factor : float, default=5.0
        Divisor, > 1.
    floor : float, default=1e-6
        On the next plateau training stops if eta (the largest, if there is one per layer) is not
        above it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import Adaptive, BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> schedule = Adaptive(factor=5.0)
    >>> net = BackpropClassifier(
    ...     (), solver="sgd", eta=0.5, eta_schedule=schedule, max_iter=1000, random_state=0
    ... )
    >>> curve = net.fit(X, y).eta_curve_  # of every epoch
    >>> curve[0], curve[0] > curve[-1]
    (0.5, True)
    """

    acts_on_plateau = True

    def __init__(self, factor: float = 5.0, floor: float = 1e-6):
        self.factor = factor
        self.floor = floor

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("factor", "(1, inf)")
        self._check_number("floor", "[0, inf)")

    def __call__(self, t):
        """Constant between plateaus."""
        return constant(t)


def multiplier_at(schedule: Schedule, t: int) -> float:
    """The multiplier of eta that a schedule gives after t updates, checked.

    Raises
    ------
    ValueError
        If it is no finite number >= 0; what a user's own schedule raises says so in a note.
    """
    try:
        given = schedule(t)
    except Exception as error:
        error.add_note(f"Raised by eta_schedule={schedule!r} after {t} updates.")
        raise
    try:
        multiplier = float(given)
    except (TypeError, ValueError):
        multiplier = np.nan
    if not 0.0 <= multiplier < np.inf:
        raise ValueError(
            f"eta_schedule gave {given!r} after {t} updates; it must give a finite multiplier >= 0."
        )
    return multiplier


SCHEDULES: dict[str, Callable] = {
    "constant": constant,
    "invscaling": InverseScaling(),
    "exponential": Exponential(),
    "step": Step(),
    "search_then_converge": SearchThenConverge(),
    "polynomial": Polynomial(),
    "cosine": Cosine(),
    "cosine_restarts": CosineRestarts(),
    "coslog4": CosLog4(),
    "one_cycle": OneCycle(),
    "warm_up": WarmUp(),
    "adaptive": Adaptive(),
}
"""The schedules by name.

Examples
--------
>>> from skbackprop import SCHEDULES
>>> float(SCHEDULES["step"](1000))  # the factor of eta after 1000 updates
0.1
"""


def resolve_schedule(value: str | Callable, parameter: str = "eta_schedule") -> Schedule:
    """Return the schedule that a name or a callable stands for.

    Parameters
    ----------
    value : str, Schedule or callable
        A name of `SCHEDULES`, a schedule, which is passed through, or any ``t -> multiplier``.
    parameter : str, default="eta_schedule"
        The parameter whose value it is, for the error message.

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If the name is not known.
    TypeError
        If `value` is neither a name nor a callable.
    """
    schedule = resolve(value, SCHEDULES, Callable, parameter)
    return schedule if isinstance(schedule, Schedule) else FromFunction(schedule)
