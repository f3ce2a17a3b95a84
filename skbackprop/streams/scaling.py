"""`OnlineScaler`: the scaling of the stream estimators, alone."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..engines.code_cache import why_no_compiler
from ..engines.compiled_moments import CompiledMoments
from ..network.rows import row_blocks
from .moments import ROUNDING, Moments, refuse_large
from .raw_rows import TakesRows, are_plain

__all__ = ["OnlineScaler"]

_BLOCK_ROWS = 1024


class OnlineScaler(OneToOneFeatureMixin, TransformerMixin, TakesRows):
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
    engine : {"auto", "numpy", "compiled"}, default="auto"
        What takes in and scales single rows. "compiled" needs Numba; "auto" takes it where its code
        is there (see `compile_engine`).

    Attributes
    ----------
    engine_ : {"numpy", "compiled"}
        What takes in and scales single rows.
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
    engine_: str
    _moments: Moments

    _inside = ("_moments", "_code")

    def __init__(
        self,
        *,
        with_mean: bool = True,
        half_life: float | None = None,
        clip: float | None = None,
        engine: Literal["auto", "numpy", "compiled"] = "auto",
    ):
        self.with_mean = with_mean
        self.half_life = half_life
        self.clip = clip
        self.engine = engine

    def __getstate__(self) -> dict[str, Any]:
        """Everything but compiled code."""
        return {name: value for name, value in super().__getstate__().items() if name != "_code"}

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
        if moments is None or "feature_names_in_" in vars(self):
            return None
        return X if are_plain(X, len(moments)) else None

    def _compiled(self) -> CompiledMoments | None:
        """The code of single rows, if that is what the scaler goes by and it is there."""
        if self.engine_ != "compiled":
            return None
        if "_code" not in vars(self):
            code = CompiledMoments(self._moments.table, self._moments.keep, ROUNDING)
            usable = why_no_compiler() is None and (self.engine == "compiled" or code.is_compiled)
            self._code = code if usable else None
        return self._code

    def _chosen_engine(self) -> str:
        """What takes in single rows, as `engine` says."""
        missing = why_no_compiler()
        if self.engine == "compiled" and missing is not None:
            raise ImportError(f"engine='compiled' cannot be used: {missing}.")
        if self.engine == "auto" and missing is None:
            is_there = CompiledMoments(np.zeros((5, 0)), 1.0, ROUNDING).is_compiled
            return "compiled" if is_there else "numpy"
        return "numpy" if self.engine == "auto" else self.engine

    def _check_parameters(self) -> None:
        for name in ("half_life", "clip"):
            if getattr(self, name) is not None:
                self._check_number(name, "(0, inf)")
        if not isinstance(self.with_mean, (bool, np.bool_)):
            self._refuse("with_mean", "True or False")
        if self.engine not in ("auto", "numpy", "compiled"):
            self._refuse("engine", "'auto', 'numpy' or 'compiled'")

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
        fresh = self._unfitted().partial_fit(X)
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
            On invalid input, and on numbers beyond 5e149; the scaler is left as it was.
        """
        rows = self._plain(X)
        if rows is not None or self.__sklearn_is_fitted__():
            self._check_unchanged()
        if rows is None:
            carrier = self._carrier()
            is_first = not self.__sklearn_is_fitted__()
            rows = self._validated(carrier, X, reset=is_first)
            refuse_large(rows)
            if is_first:
                self._check_parameters()
                carrier.engine_ = self._chosen_engine()
                carrier._moments = Moments(rows.shape[1], self.half_life)
                carrier.n_samples_seen_ = 0
                self.__dict__ = vars(carrier)
        if rows.shape[0] == 1 and isinstance(rows, np.ndarray):
            self._take_in(rows[0])
        else:
            self._merge(rows)
        self.n_samples_seen_ += rows.shape[0]
        return self

    def _check_unchanged(self) -> None:
        """Refuse a half-life that was changed after the first row: the moments do not know."""
        begun_with = self._moments.half_life
        if self.half_life != begun_with:
            raise ValueError(
                f"half_life was {begun_with!r} when the first row was taken in, and is "
                f"{self.half_life!r} now. Set it back, or begin with a new OnlineScaler."
            )

    def _checked_clip(self) -> float:
        """The bound of the result, which may be set at any time."""
        if self.clip is None:
            return np.inf
        if type(self.clip) is not float or not self.clip > 0.0:
            self._check_number("clip", "(0, inf)")
        return float(self.clip)

    def _take_in(self, x: np.ndarray) -> None:
        code = self._compiled()
        if code is not None:
            code.update(x)
            return
        with np.errstate(all="ignore"):
            self._moments.update(x)

    @np.errstate(all="ignore")
    def _merge(self, rows: Any) -> None:
        for block in row_blocks(rows.shape[0], _BLOCK_ROWS):
            part = rows[block]
            self._moments.merge(part.toarray() if sparse.issparse(part) else part)

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
        clip = self._checked_clip()
        if not sparse.issparse(rows):
            code = self._compiled() if len(rows) == 1 else None
            if code is not None:
                return code.scaled(rows, clip, bool(self.with_mean))
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
