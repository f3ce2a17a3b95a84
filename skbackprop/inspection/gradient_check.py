"""The back-propagated gradient against numeric derivatives, for a user's own network and data.

What is compared is the descent direction ``-dE_av/dw``, penalty included, at the network's weights:
by back-propagation, and by central differences of ``E_av`` alone, to which SciPy's one-sided
quotients are put together. A wrong slope ``dphi`` of a layer spoils the corrections of that layer
and of all before it, and none after: the last layer that is wrong names the culprit.

At a kink of the cost there is no one slope to compare with: not even the slopes of the two sides
bound what is back-propagated, where several neurons have their kinks at once. So the comparison is
then made beside the kinks, at weights moved off them.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import approx_fprime

from ..activations.mixed import Mixed
from ..network.network import Network, Workspace
from ..network.objective import Objective, Problem
from ..network.row_sums import RowSums
from .fitted import fitted_objective, initial_objective, read_pairs
from .unwrapping import unwrap

__all__ = ["GradientCheck", "WorstWeight", "check_gradient"]

_STEP = 1e-5
_OTHER_STEPS = (1e-6, 1e-4, 1e-7)  # small ones drown in round-off, large ones meet kinks
_BESIDE = 1e-2  # how far weights are moved off kinks, in standard deviations
_FEW = 2000  # parameters that are checked one by one
_DIRECTIONS = 10  # for each layer of larger networks

Cost = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class WorstWeight:
    """The weight at which back-propagation and the numeric derivative differ most.

    Attributes
    ----------
    layer, neuron : int
    source : int, "bias" or "gain"
        The signal that enters the weight. Of a gain, `neuron` is the input's place.
    backpropagated, numeric : float
        ``-dE_av/dw``.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, check_gradient
    >>> X, y = np.eye(2), np.array([0.0, 1.0])
    >>> net = BackpropRegressor((), random_state=0).partial_fit(X, y)
    >>> worst = check_gradient(net, X, y).worst
    >>> worst.layer, worst.neuron, bool(np.isclose(worst.backpropagated, worst.numeric))
    (0, 0, True)
    """

    layer: int
    source: int | str
    neuron: int
    backpropagated: float
    numeric: float

    def __str__(self) -> str:
        source = "the bias" if self.source == "bias" else f"signal {self.source}"
        place = f"layer {self.layer}, from {source} to neuron {self.neuron}"
        if self.source == "gain":
            place = f"the gain of input {self.neuron}"
        return f"{place}: back-propagated {self.backpropagated:.9g}, numeric {self.numeric:.9g}"


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """The result of `check_gradient`, which is true if the gradient is right.

    Attributes
    ----------
    errors : list of float
        Relative error of each layer, the gains of the inputs with the first,
        ``|g - numeric| / max(|g|, |numeric|)``; of slopes so small
        that round-off leaves too little of the numeric ones, as in a minimum, relative to a size of
        which it leaves enough.
    round_off : list of float
        Relative error of each layer that may be round-off of the cost: what lies between the
        tolerance and this is inconclusive.
    worst : WorstWeight
    tolerance : float
    n_directions : int
        Random directions in each layer; 0 if each weight was checked by itself.
    n_kinks : int
        Weights, or directions, along which the cost has a kink at the weights at hand. If there are
        any, all else is of weights beside the kinks.
    advice : str
        Where to look if something is wrong, else empty.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, check_gradient
    >>> X, y = np.eye(2), np.array([0.0, 1.0])
    >>> check = check_gradient(BackpropRegressor((3,), random_state=0).partial_fit(X, y), X, y)
    >>> bool(check), len(check.errors), check.n_kinks
    (True, 2, 0)
    """

    errors: list[float]
    round_off: list[float]
    worst: WorstWeight
    tolerance: float
    n_directions: int
    n_kinks: int
    advice: str

    def __bool__(self) -> bool:
        return self.verdict == "right"

    @property
    def verdict(self) -> str:
        """``"right"``, ``"WRONG"``, or ``"inconclusive: round-off"``."""
        if all(error <= self.tolerance for error in self.errors):  # NaN is not right
            return "right"
        return "WRONG" if self.wrong_layers else "inconclusive: round-off"

    @property
    def wrong_layers(self) -> list[int]:
        """The layers whose error is more than the tolerance, and than round-off."""
        bounds = [max(self.tolerance, round_off) for round_off in self.round_off]
        return [layer for layer, error in enumerate(self.errors) if not error <= bounds[layer]]

    def __repr__(self) -> str:
        how = (
            f"in {self.n_directions} random directions" if self.n_directions else "weight by weight"
        )
        lines = [f"The gradient is {self.verdict}, {how}. Relative errors:"]
        for layer, error in enumerate(self.errors):
            mark = "" if error <= self.tolerance else f"   > {self.tolerance:g}"
            lines.append(f"  layer {layer}: {error:.1e}{mark}")
        lines.append(f"  worst weight: {self.worst}")
        return "\n".join(lines + ([f"  {self.advice}"] if self.advice else []))


@np.errstate(all="ignore")
def check_gradient(
    estimator,
    X,
    y,
    *,
    n_directions: int | None = None,
    tolerance: float = 1e-5,
    random_state: int = 0,
) -> GradientCheck:
    """Compare the back-propagated gradient with numeric derivatives of the cost.

    In float64, whatever the model's own type; with the penalty, without dropout and noise. Nothing
    of the estimator changes. A few rows will do, and are faster.

    Where the cost has a kink at the very weights, as where a relu neuron has ``v = 0`` (rows of
    zeros meet biases that start at 0), there is no one slope, and any value that ``dphi`` has at
    the kink counts as right: what is compared are the slopes beside it, at weights moved at random
    by some 0.01. Where round-off of a large cost hides the slopes, the check is inconclusive.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        At its weights if it is fitted, else at initial ones. Or something fitted around one, as in
        `trace_signals`.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like
    n_directions : int, optional
        Random directions in each layer, instead of each weight by itself, which 0 means. By default
        0 for networks of up to 2000 parameters and 10 for larger ones, where the worst weight is
        then found by halving the worst direction.
    tolerance : float, default=1e-5
        Largest relative error that counts as right.
    random_state : int, default=0
        Decides the directions, and where weights are moved.

    Returns
    -------
    GradientCheck

    Raises
    ------
    ValueError, TypeError
        On invalid rows or targets, as from the estimators; if their cost is not finite.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, check_gradient
    >>> bool(check_gradient(BackpropRegressor((3,), random_state=0), [[0.0], [1.0]], [0.0, 1.0]))
    True
    """
    if n_directions is not None and (
        isinstance(n_directions, bool)
        or not isinstance(n_directions, (int, np.integer))
        or n_directions < 0
    ):
        raise ValueError(f"n_directions is {n_directions!r}; it must be a whole number >= 0.")
    if not isinstance(tolerance, numbers.Real) or not 0 < tolerance < np.inf:
        raise ValueError(f"tolerance is {tolerance!r}; it must be a number > 0.")
    problem, w = _problem(estimator, X, y)
    if n_directions is None:
        n_directions = 0 if w.size <= _FEW else _DIRECTIONS
    rng = np.random.default_rng(random_state)
    check = _Comparison(problem, w, tolerance).check(n_directions, rng)
    if check.n_kinks:
        w = w + _BESIDE * rng.standard_normal(w.size)
        beside = _Comparison(problem, w, tolerance).check(n_directions, rng)
        check = replace(beside, n_kinks=check.n_kinks)
    return check


def _problem(estimator, X, y) -> tuple[Problem, np.ndarray]:
    """The cost in float64, every parameter free, and the weights at hand."""
    unwrapped = unwrap(estimator, X, y)
    if unwrapped.estimator.__sklearn_is_fitted__():
        rows, targets = read_pairs(unwrapped.estimator, unwrapped.X, unwrapped.y)
        objective = fitted_objective(unwrapped.estimator)
    else:
        objective, rows, targets = initial_objective(unwrapped.estimator, unwrapped.X, unwrapped.y)
    w = objective.network.w.astype(np.float64)
    network = objective.network.with_parameters(w)
    free = Objective(network, objective.head, objective.penalty)
    data = rows.astype(np.float64), targets, None
    return Problem(free, RowSums(network, objective.head, data)), w


class _Comparison:
    """Back-propagation and differences at one point."""

    def __init__(self, problem: Problem, w: np.ndarray, tolerance: float):
        self.w, self.tolerance = w, tolerance
        self.network: Network = problem.objective.network
        self.loss = problem.objective.head.loss
        cost, self.g = problem.correction(w)
        self.descent: Cost = lambda at: -problem.value(at)
        if not np.isfinite(cost):
            raise ValueError(
                f"The cost of these rows is {cost}: there is no slope to compare with. Scale X and "
                f"y; if they are scaled, look at value() of loss {self.loss!r}."
            )
        # What round-off leaves of a slope that is a difference of two costs.
        self.noise = 64 * sys.float_info.epsilon * abs(float(cost)) / _STEP + sys.float_info.min
        self.n_kinks = 0
        sizes = [W.size + b.size for W, b in self.network.layers(self.g)]
        # Where each layer's parameters are; the gains of the inputs, at the end, are the first's.
        *self.layers, gains = np.split(np.arange(w.size), np.cumsum(sizes))
        self.layers[0] = np.concatenate([self.layers[0], gains])
        terms = _terms(problem)
        # The size that slopes are compared at, at least: of smaller ones round-off leaves too
        # little, but what hides those of all layers hides what is wrong.
        largest = max(_typical(terms[layer]) for layer in self.layers)
        self.least = max(min(self.noise / tolerance, largest), sys.float_info.min)

    def check(self, n_directions: int, rng: np.random.Generator) -> GradientCheck:
        return self.along_directions(n_directions, rng) if n_directions else self.by_weights()

    def by_weights(self) -> GradientCheck:
        forward, backward = (approx_fprime(self.w, self.descent, h) for h in (_STEP, -_STEP))
        numeric = (forward + backward) / 2
        for i in np.flatnonzero(self.deviation(numeric) > self.tolerance / 10).tolist():
            numeric[i] = self.closest(_unit(self.w, i), self.g[i])
        deviation = self.deviation(numeric)
        compared = [(self.g[layer], numeric[layer]) for layer in self.layers]
        errors, round_off = self.errors(compared)
        i = int(np.argmax(deviation))
        return self.report(errors, round_off, i, float(numeric[i]), 0, deviation)

    def along_directions(self, count: int, rng: np.random.Generator) -> GradientCheck:
        compared, worsts = [], []
        for layer in self.layers:
            directions = rng.standard_normal((count, self.g[layer].size))
            directions /= np.linalg.norm(directions, axis=1)[:, None]
            slopes = directions @ self.g[layer]
            embedded = (self.embed(layer, part) for part in directions)
            numeric = np.array([self.closest(p, s) for p, s in zip(embedded, slopes, strict=True)])
            compared.append((slopes, numeric))
            worsts.append(self.embed(layer, directions[np.argmax(np.abs(slopes - numeric))]))
        errors, round_off = self.errors(compared)
        n_kinks = self.n_kinks
        i = self.halve(worsts[int(np.argmax(errors))])
        numeric_i = self.closest(_unit(self.w, i), self.g[i])
        self.n_kinks = n_kinks
        return self.report(errors, round_off, i, numeric_i, count)

    def embed(self, layer: np.ndarray, part: np.ndarray) -> np.ndarray:
        """A direction in all parameters that moves those of one layer."""
        p = np.zeros_like(self.w)
        p[layer] = part
        return p

    def halve(self, p: np.ndarray) -> int:
        """The parameter that a direction's difference comes from, or most of it."""
        places = np.flatnonzero(p)
        while len(places) > 1:
            halves = np.array_split(places, 2)
            differences = []
            for half in halves:
                q = np.zeros_like(p)
                q[half] = p[half]
                length = float(np.linalg.norm(q))
                slope = float(self.g @ q) / length
                differences.append(length * abs(slope - self.closest(q / length, slope)))
            places = halves[int(np.argmax(differences))]
        return int(places[0])

    # -- numeric derivatives -----------------------------------------------------------------

    def closest(self, p: np.ndarray, slope: float) -> float:
        """The numeric slope along `p`, of several steps, that is the closest to `slope`.

        A wrong slope is close to none. So may be a right one at a kink of the cost, where the
        slopes of the two sides differ at any step; it is counted.
        """
        enough = 0.1 * self.tolerance * max(abs(slope), self.noise / self.tolerance)
        best, gaps = np.inf, {}
        for step in (_STEP, *_OTHER_STEPS):
            forward, backward = self.one_sided(p, step)
            gaps[step] = abs(forward - backward)
            central = (forward + backward) / 2
            if abs(central - slope) < abs(best - slope):
                best = central
            if abs(best - slope) <= enough:
                return best
        self.n_kinks += gaps[step] > 0.5 * gaps[_STEP] and gaps[step] > 1e4 * self.noise
        return best

    def one_sided(self, p: np.ndarray, step: float) -> tuple[float, float]:
        """The slopes ahead and behind."""
        along = lambda s: self.descent(self.w + s[0] * p)  # noqa: E731
        origin = np.zeros(1)
        forward, backward = (float(approx_fprime(origin, along, h)[0]) for h in (step, -step))
        return forward, backward

    # -- what comes of it --------------------------------------------------------------------

    def errors(self, compared) -> tuple[list[float], list[float]]:
        """Relative errors of the layers, from two kinds of slopes; and those of round-off."""
        errors, round_off = [], []
        for slopes, numeric in compared:
            scale = max(_typical(slopes), _typical(numeric), self.least)
            errors.append(_typical(slopes - numeric) / scale)
            round_off.append(self.noise / scale)
        return errors, round_off

    def deviation(self, numeric: np.ndarray) -> np.ndarray:
        """Deviation of each parameter, relative to its slope or the typical one of its layer."""
        scale = np.maximum(np.abs(self.g), np.abs(numeric))
        for layer in self.layers:
            scale[layer] = np.maximum(scale[layer], max(_typical(scale[layer]), self.least))
        return np.abs(self.g - numeric) / scale

    def report(
        self, errors, round_off, i: int, numeric: float, n_directions: int, deviation=None
    ) -> GradientCheck:
        place = np.arange(self.w.size)
        if self.network.input_gain:
            source = i - self.w.size + self.network.sizes[0]
            worst = WorstWeight(0, "gain", source, float(self.g[i]), numeric)
        for layer, (W, b) in enumerate(self.network.layers(place)):
            if i in W:
                source, neuron = (int(k) for k in np.argwhere(W == i)[0])
                worst = WorstWeight(layer, source, neuron, float(self.g[i]), numeric)
            elif i in b:
                worst = WorstWeight(layer, "bias", i - int(b[0]), float(self.g[i]), numeric)
        found = GradientCheck(
            errors, round_off, worst, self.tolerance, n_directions, self.n_kinks, ""
        )
        return replace(found, advice=self.advice(found, deviation))

    def advice(self, found: GradientCheck, deviation) -> str:
        if found:
            return ""
        if not found.wrong_layers:
            return "Round-off of the cost hides its slopes: scale X and y, and check again."
        layer, neurons = found.wrong_layers[-1], []  # the last, where the error comes from
        if deviation is not None:
            W, b = self.network.layers(deviation)[layer]
            worst_of_each = np.maximum(W.max(axis=0), b)
            neurons = np.flatnonzero(worst_of_each > self.tolerance).tolist()
        if not neurons and found.worst.source != "gain":
            neurons = [found.worst.neuron]
        activation = self.network.activations[layer]
        names = [activation.name]
        if isinstance(activation, Mixed):
            names = list(dict.fromkeys(activation.activations[j].name for j in neurons))
        whose = ", ".join(map(repr, names))
        listed = ", ".join(map(str, neurons[:10])) + ", ..." * (len(neurons) > 10)
        which = f"layer {layer} (neuron {listed})"
        if layer < self.network.n_layers - 1:
            return f"Look at dphi of {whose}, the activation of {which}: later layers are right."
        return (
            f"Look at error() or fused_delta() of loss {self.loss!r}, and at dphi of {whose}, the "
            f"activation of {which}."
        )


def _unit(w: np.ndarray, i: int) -> np.ndarray:
    """The direction of one parameter."""
    p = np.zeros_like(w)
    p[i] = 1.0
    return p


def _terms(problem: Problem) -> np.ndarray:
    """The mean of ``|delta_j y_i|`` over the rows, of each parameter: g without the signs."""
    objective, rows = problem.objective, problem.sums
    assert isinstance(rows, RowSums)
    n_rows = problem.n_rows
    workspace = Workspace(objective.network, n_rows)
    with np.errstate(over="ignore", invalid="ignore"):
        objective.signal_flow(rows.X, rows.targets, None, workspace, n_rows)
    workspace.entering = [abs(y) for y in workspace.entering]
    workspace.delta = [abs(delta) for delta in workspace.delta]
    return objective.network.correction(workspace)


def _typical(slopes: np.ndarray) -> float:
    """Their root mean square."""
    return float(np.linalg.norm(slopes)) / math.sqrt(slopes.size)
