"""`OnlineScaler`: the scaling of the stream estimators, alone."""

from __future__ import annotations

import copy
from math import isfinite
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..estimators.given_data import accept_rows
from ..network.rows import row_blocks
from ..registry import Checked
from .moments import Moments

__all__ = ["OnlineScaler"]

_BLOCK_ROWS = 1024


class OnlineScaler(OneToOneFeatureMixin, TransformerMixin, Checked):
    """Standardise each column by its running mean and deviation: ``z = (x - m) / s``.

    Rows are taken in one at a time or in chunks, with the same result to round-off, in float64. A
    row costs little enough to stand before an estimator that learns online.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether columns are shifted by their means. Sparse rows never are.
    half_life : float > 0 or None, default=None
        Rows after which a row counts for half; None counts all rows alike.
    clip : float > 0 or None, default=None
        Deviations that z is kept within, against outliers.

    Attributes
    ----------
    mean_, var_ : ndarray of shape (n_features,)
        Running mean, and variance over n rows (not n - 1).
    scale_ : ndarray of shape (n_features,)
        Its root; 1 where a column does not vary.
    n_samples_seen_ : int
        Rows taken in.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X has string column names.

    See Also
    --------
    StreamRegressor, StreamClassifier : Estimators with this scaling inside.

    Notes
    -----
    NaN is missing: it leaves the moments of its column as they are, and becomes 0, the mean. A
    column that does not vary becomes 0, too.

    Examples
    --------
    >>> from skbackprop import OnlineScaler
    >>> scaler = OnlineScaler()
    >>> for row in ([0.0, 3.0], [4.0, 3.0]):
    ...     z = scaler.partial_fit([row]).transform([row])
    >>> z.tolist()
    [[1.0, 0.0]]
    """

    n_features_in_: int
    feature_names_in_: np.ndarray
    n_samples_seen_: int
    _moments: Moments

    def __init__(
        self,
        *,
        with_mean: bool = True,
        half_life: float | None = None,
        clip: float | None = None,
    ):
        self.with_mean = with_mean
        self.half_life = half_life
        self.clip = clip

    def __sklearn_tags__(self):
        """Missing values and sparse rows are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a row has been taken in."""
        return "_moments" in vars(self)

    def _fitted(self, name: str) -> Moments:
        if "_moments" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._moments

    @property
    def mean_(self) -> np.ndarray:
        """Running means (n_features,)."""
        return self._fitted("mean_").mean.copy()

    @property
    def var_(self) -> np.ndarray:
        """Running variances (n_features,)."""
        return self._fitted("var_").variance.copy()

    @property
    def scale_(self) -> np.ndarray:
        """Running deviations (n_features,); 1 where a column does not vary."""
        inverse = self._fitted("scale_").inverse
        return np.divide(1.0, inverse, out=np.ones_like(inverse), where=inverse > 0.0)

    # -- rows ------------------------------------------------------------------------------------

    def _plain(self, X: Any) -> Any:
        """`X` if it is rows that validation would find nothing in; else None."""
        moments = vars(self).get("_moments")
        if moments is None or type(X) is not np.ndarray or X.dtype != np.float64:
            return None
        if X.ndim != 2 or X.shape[1] != len(moments) or not len(X):
            return None
        plain = "feature_names_in_" not in vars(self) and isfinite(np.vdot(X, X))
        return X if plain else None

    def _validated(self, carrier, X: Any, *, reset: bool) -> Any:
        return validate_data(
            carrier,
            accept_rows(X),
            accept_sparse="csr",
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            reset=reset,
        )

    def _check_parameters(self) -> None:
        for name in ("half_life", "clip"):
            if getattr(self, name) is not None:
                self._check_number(name, "(0, inf)")
        if not isinstance(self.with_mean, (bool, np.bool_)):
            self._refuse("with_mean", "True or False")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Start anew with these rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            Not used.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the scaler is left as it was.
        """
        fresh: Any = copy.copy(self)
        fresh.__dict__ = {
            name: value
            for name, value in vars(self).items()
            if not name.endswith("_") and name != "_moments"
        }
        fresh.partial_fit(X)
        self.__dict__ = vars(fresh)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Take in rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : None
            Not used.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the scaler is left as it was.
        """
        rows = self._plain(X)
        if rows is None:
            carrier: Any = copy.copy(self)
            is_first = not self.__sklearn_is_fitted__()
            rows = self._validated(carrier, X, reset=is_first)
            if is_first:
                self._check_parameters()
                carrier._moments = Moments(rows.shape[1], self.half_life)
                carrier.n_samples_seen_ = 0
                self.__dict__ = vars(carrier)
        with np.errstate(all="ignore"):
            if rows.shape[0] == 1 and isinstance(rows, np.ndarray):
                self._moments.update(rows[0])
            else:
                for block in row_blocks(rows.shape[0], _BLOCK_ROWS):
                    part = rows[block]
                    self._moments.merge(part.toarray() if sparse.issparse(part) else part)
        self.n_samples_seen_ += rows.shape[0]
        return self

    def transform(self, X: Any) -> Any:
        """Scale rows by the moments as they are now.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray or CSR of shape (n_samples, n_features)

        Raises
        ------
        NotFittedError
            Before the first row.
        """
        rows = self._plain(X)
        if rows is None:
            check_is_fitted(self)
            rows = self._validated(self, X, reset=False)
        clip = np.inf if self.clip is None else float(self.clip)
        if not sparse.issparse(rows):
            return self._moments.scaled(rows, clip, self.with_mean)
        values = np.nan_to_num(rows.data * self._moments.inverse[rows.indices], nan=0.0)
        return _with_data(rows, np.clip(values, -clip, clip))

    def inverse_transform(self, X: Any) -> Any:
        """Give scaled rows their units again; what `clip` cut off is not there.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray or CSR of shape (n_samples, n_features)

        Raises
        ------
        NotFittedError
            Before the first row.
        """
        check_is_fitted(self)
        rows = self._validated(self, X, reset=False)
        if sparse.issparse(rows):
            return _with_data(rows, rows.data * self.scale_[rows.indices])
        return rows * self.scale_ + (self._moments.mean if self.with_mean else 0.0)


def _with_data(rows: Any, data: np.ndarray) -> Any:
    """A CSR matrix with other numbers in the places of its own."""
    return type(rows)((data, rows.indices, rows.indptr), shape=rows.shape)
