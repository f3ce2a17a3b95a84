"""`BackpropRegressor`."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self, overload

import numpy as np
from sklearn.base import RegressorMixin

from ..losses.loss import LOSSES
from .base import Backprop
from .callbacks import fit_with_callbacks
from .compatibility import available_if
from .offenders import naming
from .parameters import with_constructor
from .plan import Plan
from .targets import NumberCoding

__all__ = ["BackpropRegressor"]


@with_constructor
class BackpropRegressor(RegressorMixin, Backprop):
    """Regression by the back-propagation rule ``Dw_ji = eta delta_j y_i``.

    Minimises ``E_av = 1/N sum_n 1/2 sum_j (d_j(n) - y_j(n))^2`` (a sum over outputs, a weighted
    mean over samples) plus ``alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2)``.
    ``solver="sgd"`` with ``partial_fit`` is the online rule of [1]_: one row, one update.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        A name in `LOSSES` or an object: ``"squared_error"``, ``"absolute_error"``, ``"huber"``,
        ``"log_cosh"``, ``"quantile"`` (one or several levels), ``"poisson"``, ``"gamma"``,
        ``"tweedie"`` (positive outputs), ``"gaussian_nll"`` (mean and variance).
    scale_targets : bool, default=False
        Give the network each target less its mean, over its standard deviation (both weighted, of
        the rows that `fit` trains on), so that eta and weights meet targets of size one.
        Predictions, quantiles and standard deviations come out in the units of y; costs (`loss_`,
        the curves), `coefs_` and what looks inside are of the scaled problem. With losses for
        positive targets (poisson, gamma, tweedie) the mean is divided by, and nothing subtracted.
        Kept by `warm_start` and by `partial_fit`, which `fit` must precede.

    References
    ----------
    .. [1] S. Haykin, "Neural Networks and Learning Machines", 3rd ed., 2009, chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = BackpropRegressor((10,), activation="tanh", solver="sgd", eta=0.1, random_state=0)
    >>> for row, target in zip(X, X[:, 0] ** 2):
    ...     model = model.partial_fit(row[None, :], [target])
    >>> model.n_updates_
    50
    """

    _: KW_ONLY
    scale_targets: Annotated[bool, "boolean"] = False

    _numeric_targets = True

    def __sklearn_tags__(self):
        """Several targets are taken; by some losses positive ones only."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        loss = LOSSES.get(self.loss) if isinstance(self.loss, str) else self.loss
        tags.target_tags.positive_only = getattr(loss, "least_target", None) is not None
        return tags

    @fit_with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
    ) -> Self:
        """Train on the rows of X for up to `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is kept as float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            A batch of b rows steps along ``sum_i w_i g_i / (b mean(w))``: on one full batch that is
            the weighted mean, and at ``batch_size=1`` a heavy row moves more. >= 0.
        X_val, y_val, sample_weight_val : array-like, optional
            Validation rows: recorded each epoch, and watched if ``early_stopping=True``.
        coef_init, intercept_init : sequence of ndarray, optional
            Weights and biases to start from, in the shapes of `coefs_` and `intercepts_`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; the weights before it are kept.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` or `max_time` ended the fit; if the output activation cannot reach some of
            the targets; or if the fit has learnt nothing: its training cost, without penalty and
            dropout, is not better than that of the best constant prediction. The likely cause is
            named. (With `warm_start` the last waits for a fit that no limit has ended.)
        """
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, coef_init, intercept_init)

    @available_if(Backprop._trains_online)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
    ) -> Self:
        """Present the rows once, in the order given: by default one update a row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional
            Raw: ``Dw = eta w delta y``. A row of weight zero changes nothing. >= 0.
        coef_init, intercept_init : sequence of ndarray, optional
            Weights and biases to start from; first call only.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; it is not applied, earlier rows stay applied.
        """
        return self._partial_fit(X, y, sample_weight, coef_init, intercept_init)

    def _read_targets(self, plan: Plan, y, dtype, classes=None, *, online=False):
        if online and self.scale_targets:
            raise ValueError(
                "scale_targets=True needs the spread of the targets, which the first rows of a "
                "stream do not tell; call fit first, on rows that do, or scale y."
            )
        return NumberCoding.read(y, dtype, plan.loss)

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> np.ndarray: ...

    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Also give standard deviations; for ``loss="gaussian_nll"``.

        Returns
        -------
        prediction : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the `y` that the model was fitted with; with several levels of
            ``loss="quantile"``, a column for each, which `VotingRegressor` and
            `MultiOutputRegressor` of scikit-learn put together wrongly.
        std : ndarray of the same shape
            If `return_std`.

        Raises
        ------
        ValueError
            On invalid rows, or if the loss gives no standard deviations.
        """
        if not return_std:
            return super().predict(X)
        v, y = self._signals(X)
        model = self._model
        if not model.head.gives_deviation:
            raise ValueError(
                f"return_std=True needs a loss that estimates it, loss='gaussian_nll'; the model "
                f"was fitted with loss={model.structure['loss']!r}."
            )
        coding = model.coding
        assert isinstance(coding, NumberCoding)
        return (
            coding.decode(model.head.decode(v, y)),
            coding.decode_deviation(model.head.deviation(v, y)),
        )

    @naming("X, y or sample_weight")
    @np.errstate(all="ignore")
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of the prediction, the mean over targets; of quantiles, D^2 of the pinball loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 is perfect, 0 is as good as a constant.
        """
        prediction = self.predict(X)
        return self._score(y, prediction, sample_weight)
