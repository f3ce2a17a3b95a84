"""Views of an encoded table: what stands beside its columns, for some of the networks.

Networks that see the same table in different ways err in different ways, and their average is
better than more networks of one kind. Every view keeps the columns, and puts beside each continuous
one, scaled to z, features of its own.
"""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from .periodic import PeriodicFeatures
from .scaling import quantiles

__all__ = ["VIEWS", "Plain", "Ramps", "Steps", "View", "Waves", "ramp", "side"]

_RAMPS = 8
_LEAVES = 12
_LEAST_ROWS, _LEAST_SHARE = 5, 1 / 200  # of a leaf


class View:
    """The table as it is; the base of the other views.

    Attributes
    ----------
    own : bool
        Whether every network has features of its own, drawn, or learnt from the targets of the rows
        that it trains on, in the place of one set for all.
    """

    name = "plain"
    own = False
    columns: np.ndarray

    def fit(self, X, continuous, targets, weights, random_state=None) -> View:
        """Learn the features from the rows of training.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns)
            The encoded table.
        continuous : ndarray of shape (n_columns,), bool
            The columns that get features beside them.
        targets : ndarray of shape (n_samples, n_targets)
            Numbers, or marks of classes.
        weights : ndarray of shape (n_samples,) or None
            Above zero.
        random_state : int or None
            Where a view that draws its features draws them from.

        Returns
        -------
        View
            The view itself.
        """
        self.columns = np.flatnonzero(continuous)
        self._learn(X[:, self.columns], targets, weights, random_state)
        return self

    def transform(self, X) -> np.ndarray:
        """Return the columns and the features, in the precision of X."""
        parts = [X, *self._features(X[:, self.columns])]
        return np.concatenate(parts, axis=1, dtype=X.dtype) if len(parts) > 1 else X

    def _learn(self, Z, targets, weights, random_state) -> None:
        """Learn from the continuous columns; the plain view has nothing to learn."""

    def _features(self, Z) -> list[np.ndarray]:
        return []


class Plain(View):
    """The columns alone."""


class Waves(View):
    """`cos(f z + b)`, four a column, with frequencies of each network's own."""

    name = "waves"
    own = True

    def _learn(self, Z, targets, weights, random_state):
        if Z.shape[1]:
            self.periodic = PeriodicFeatures(keep_input=False, random_state=random_state)
            self.periodic.fit(Z[:1])

    def _features(self, Z):
        return [self.periodic.transform(Z)] if Z.shape[1] else []


class Ramps(View):
    """Where z lies between two quantiles: from -1 below the one to 1 above the other.

    ``2 clip((z - e_k) / (e_k+1 - e_k), 0, 1) - 1``, e the eighths of the distribution, or all
    values where there are at most nine: the piecewise-linear encoding of Gorishniy, Rubachev and
    Babenko (NeurIPS 2022).
    """

    name = "ramps"

    def _learn(self, Z, targets, weights, random_state):
        eighths = quantiles(Z, weights, np.arange(_RAMPS + 1) / _RAMPS).astype(Z.dtype)
        self.edges = [_edges(z, e) for z, e in zip(Z.T, eighths.T, strict=True)]

    def _features(self, Z):
        ramps = []
        for z, edges in zip(Z.T, self.edges, strict=True):
            if len(edges) > 2:
                ramps.append(ramp(z[:, None], edges[:-1], edges[1:]))
        return ramps


def _edges(z, eighths) -> np.ndarray:
    values = np.unique(z)
    return values if len(values) <= _RAMPS + 1 else np.unique(eighths)


class Steps(View):
    """On which side of a threshold z lies, -1 or 1; the thresholds jump where the targets do.

    They are those of a small regression tree of the targets on that column alone.
    """

    name = "steps"
    own = True  # rows held out would be flattered by thresholds that their targets chose

    def _learn(self, Z, targets, weights, random_state):
        least = max(_LEAST_ROWS / len(Z), _LEAST_SHARE)
        tree = DecisionTreeRegressor(
            max_leaf_nodes=_LEAVES,
            min_weight_fraction_leaf=min(least, 0.5) * (1 - 1e-9),
            random_state=0,
        )
        self.thresholds = []
        for z in Z.T:
            nodes = tree.fit(z[:, None], targets, weights).tree_
            thresholds = np.sort(nodes.threshold[nodes.feature >= 0])
            self.thresholds.append(thresholds.astype(Z.dtype))

    def _features(self, Z):
        return [side(z[:, None], h) for z, h in zip(Z.T, self.thresholds, strict=True) if len(h)]


def ramp(z, low, high) -> np.ndarray:
    """Return where z lies between two edges: -1 below, 1 above, on a line between them."""
    return 2 * np.clip((z - low) / (high - low), 0, 1) - 1


def side(z, threshold) -> np.ndarray:
    """Return 1 where z is above a threshold, and -1 elsewhere."""
    one = z.dtype.type(1)
    return np.where(z > threshold, one, -one)


#: The views by name.
VIEWS: dict[str, type[View]] = {view.name: view for view in (Plain, Waves, Ramps, Steps)}
