"""Periodic features, from which a network sees where along its range a value lies.

Beside a column `x` stand `cos(f_k x + b_k)`, `k = 1..n_features`, with

    f_k ~ N(0, (scale pi)^2)        b_k uniform in [-pi, pi)

drawn once, column by column, and fixed.

References
----------
Y. Gorishniy, I. Rubachev and A. Babenko (2022). On embeddings for numerical features in tabular
deep learning. NeurIPS 35.

D. Holzmüller, L. Grinsztajn and I. Steinwart (2024). Better by default: strong pre-tuned MLPs and
boosted trees on tabular data. NeurIPS 37. (The form with a cosine and a phase.)
"""

from __future__ import annotations

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from ..estimators.onnx_methods import OnnxMethods
from ..registry import Checked
from .numbers import check_numbers, validate_numbers

__all__ = ["PeriodicFeatures", "wave"]


class PeriodicFeatures(TransformerMixin, OnnxMethods, Checked):
    r"""A transformer that puts fixed periodic features `cos(f x + b)` beside each column `x`.

    .. math::

        f \sim N(0, (\pi\, \mathrm{scale})^2), \qquad b \sim U[-\pi, \pi)

    The columns should be scaled, with :class:`RobustSmoothScaler` say: a frequency counts in
    radians per unit. From Gorishniy, Rubachev and Babenko (2022), "On embeddings for numerical
    features in tabular deep learning", in the form of Holzmüller, Grinsztajn and Steinwart (2024).

    Parameters
    ----------
    n_features : int >= 1, default=4
        The number of periodic features beside each column.
    scale : float > 0, default=0.3
        The standard deviation of the frequencies, in half turns per unit of `x`.
    keep_input : bool, default=True
        Whether the columns themselves come first in the output.
    random_state : int, RandomState instance or None, default=None
        Where the frequencies and phases are drawn from.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_features_in_, n_features)
        The `f`, in radians per unit of `x`.
    phases_ : ndarray of shape (n_features_in_, n_features)
        The `b`, in radians.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, where `fit` saw names.

    Examples
    --------
    >>> from skbackprop import PeriodicFeatures
    >>> periodic = PeriodicFeatures(2, random_state=0).fit([[0.0], [1.0]])
    >>> periodic.get_feature_names_out(["age"])
    array(['age', 'age_cos0', 'age_cos1'], dtype=object)
    """

    frequencies_: np.ndarray
    phases_: np.ndarray

    def __init__(
        self,
        n_features: int = 4,
        scale: float = 0.3,
        *,
        keep_input: bool = True,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.n_features = n_features
        self.scale = scale
        self.keep_input = keep_input
        self.random_state = random_state

    def __sklearn_tags__(self):
        """Missing values are taken; single precision is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X, y=None) -> PeriodicFeatures:
        """Draw the frequencies and phases; of X only the number and names of columns matter.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in)
            Finite numbers, or NaN where a value is missing.
        y : None
            Not used.

        Returns
        -------
        PeriodicFeatures
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or X holds infinity.
        """
        self._check_count("n_features")
        self._check_number("scale", "(0, inf)")
        rng = check_random_state(self.random_state)
        shape = check_numbers(self, X).shape[1], self.n_features
        validate_data(self, X, skip_check_array=True)
        self.frequencies_ = rng.normal(0, self.scale * np.pi, shape)
        self.phases_ = rng.uniform(-np.pi, np.pi, shape)
        return self

    def partial_fit(self, X, y=None) -> PeriodicFeatures:
        """Draw the frequencies and phases at the first call; check X at every later one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in)
            Finite numbers, or NaN where a value is missing.
        y : None
            Not used.

        Returns
        -------
        PeriodicFeatures
            The transformer itself.
        """
        if not hasattr(self, "frequencies_"):
            return self.fit(X)
        validate_numbers(self, X)
        return self

    def transform(self, X) -> np.ndarray:
        """Return the columns and, behind them, the periodic features of one column after another.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_in)
            Finite numbers, scaled as in `fit`, or NaN.

        Returns
        -------
        ndarray of shape (n_samples, n_features_in * (n_features + 1))
            Or `n_features_in * n_features` columns without `keep_input`. NaN where X has it;
            float32 if X is, float64 otherwise.
        """
        check_is_fitted(self)
        X = validate_numbers(self, X)
        waves = wave(X[:, :, None], self.frequencies_, self.phases_).reshape(len(X), -1)
        return np.concatenate([X, waves], axis=1) if self.keep_input else waves

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the output columns: `age`, ..., `age_cos0`, `age_cos1`, ...

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            The names of the columns; by default those that `fit` saw, or `x0`, `x1`, ...

        Returns
        -------
        ndarray of str objects
            One name for each output column.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        n_waves = self.frequencies_.shape[1]
        waves = [f"{name}_cos{k}" for name in names for k in range(n_waves)]
        return np.array([*names, *waves] if self.keep_input else waves, dtype=object)


def wave(x: np.ndarray, frequency: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Return `cos(f x + b)`, in the precision of x."""
    with np.errstate(over="ignore"):
        angles = x * frequency.astype(x.dtype)
    angles += phase.astype(x.dtype)
    # Infinity has no cosine.
    np.clip(angles, np.finfo(x.dtype).min, np.finfo(x.dtype).max, out=angles)
    return np.cos(angles, out=angles)
