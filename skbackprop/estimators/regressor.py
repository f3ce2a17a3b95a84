"""`BackpropRegressor`."""

from __future__ import annotations

from typing import Any, Literal, Self, overload

import numpy as np
from sklearn.base import RegressorMixin

from ..losses.loss import LOSSES
from .base import Backprop
from .callbacks import fit_with_callbacks
from .compatibility import available_if
from .plan import Plan
from .targets import NumberCoding

__all__ = ["BackpropRegressor"]


class BackpropRegressor(RegressorMixin, Backprop):
    """Regression by the back-propagation rule ``Dw_ji = eta delta_j y_i``.

    Minimises ``E_av = 1/N sum_n 1/2 sum_j (d_j(n) - y_j(n))^2`` (a sum over outputs, a weighted
    mean over samples) plus ``alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|_2^2)``.
    ``solver="sgd"`` with ``partial_fit`` is the online rule of [1]_: one row, one update.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Neurons of each hidden layer; ``()`` is a linear model behind its output activation.
    activation : str, Activation or sequence of these, default="relu"
        Of the hidden neurons; a sequence has one entry per hidden layer. See `ACTIVATIONS`.
    output_activation : str, Activation or None, default=None
        Of the output neurons; None is the loss's canonical one (identity).
    loss : str or Loss, default="squared_error"
        A name in `LOSSES` or an object: ``"squared_error"``, ``"absolute_error"``, ``"huber"``,
        ``"log_cosh"``, ``"quantile"`` (one or several levels), ``"poisson"``, ``"gamma"``,
        ``"tweedie"`` (positive outputs), ``"gaussian_nll"`` (mean and variance).
    solver : str, UpdateRule or WholeBatchSolver, default="adam"
        An update rule of `RULES`: ``"sgd"`` (the bare rule), ``"adam"``, ...; or a whole-batch
        solver of `SOLVERS`: ``"lbfgs"``, ``"scg"``, ``"lm"`` (Levenberg-Marquardt), ``"br"``
        (Bayesian regularisation). What a solver cannot honour (a parameter, a loss, small batches)
        is an error that names both. A whole-batch solver has no `partial_fit`, an epoch is one of
        its iterations, and it stops by its own criteria.
    eta : float, sequence of float or "auto", default="auto"
        Learning rate: one number or one per layer of weights (0 freezes a layer); "auto" is the
        solver's own default.
    eta_schedule : str, callable or None, default=None
        A name in `SCHEDULES` (None is ``"constant"``), an object, or any ``t -> multiplier`` of
        eta, where t counts the updates done. Those with a horizon take `total_steps`, which `fit`
        fills in and `partial_fit` asks for.
    alpha : float, default=0.0
        Strength of the penalty on the weights (never the biases). Not divided by the number of
        samples: scikit-learn's MLP with ``alpha=a`` on batches of b rows is ``alpha=a / b`` here.
        ``solver="br"`` finds it by itself, and takes this as its start (see `BayesianLM`).
    l1_ratio : float, default=0.0
        0 is L2 only, 1 is L1 only. L1 enters by its subgradient: weights come close to zero, and do
        not become exactly zero; see `mask` to remove some.
    dropout : float in [0, 1) or sequence of float, default=0.0
        Probability that a signal is dropped in training: a number for the outputs of every hidden
        layer, or one for the inputs and one for each hidden layer. Inverted: what is left is
        divided by ``1 - dropout``, and prediction uses all.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to X in training, in the units of X.
    max_grad_norm : float or None, default=None
        A correction whose Euclidean norm, over all parameters, is longer is scaled down to it.
    max_norm : float or None, default=None
        Largest Euclidean norm of the weights into one neuron, kept after each update; of those
        that learn.
    mask : sequence or None, default=None
        What learns, an entry for each layer of weights: None or True, all of it; False, nothing (a
        frozen layer); an array (n_in, n_out) of 0 and 1, the weights at 1 and the biases. A weight
        at 0 starts at 0, no connection, unless ``coef_init`` gives it a value, and stays there.
    batch_size : int or "auto", default="auto"
        Rows per update, in `fit` and `partial_fit` alike; "auto" is min(200, n) in `fit` and 1, the
        online rule, in `partial_fit`.
    max_iter : int, default=200
        Most epochs of a `fit`.
    tol : float, default=1e-4
        What counts as an improvement. Of a loss, in training or validation: a multiple of what the
        best constant prediction costs (without class weights), so that it does not depend on the
        unit of y; absolute for `loss="gaussian_nll"`, whose differences have no unit. Of any other
        validation score: absolute. Whole-batch solvers have criteria of their own.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before training stops.
    early_stopping : bool, default=False
        Watch held-out rows in the place of the training loss: stop when neither their score nor
        their loss has improved for `n_iter_no_change` epochs, and keep the weights of the best
        score, of those that tie the one with the least loss.
    validation_fraction : float, default=0.1
        Share of the rows held out for early stopping, unless `fit` is given ``X_val``.
    scoring : str, callable or None, default=None
        The validation score, higher is better: a scikit-learn scorer or its name, ``"loss"`` for
        the negative of the validation loss, None for what `score` gives.
    max_time : float or None, default=None
        Seconds after which `fit` stops at the next update or iteration.
    shuffle : bool, default=True
        Whether each epoch of `fit` presents the rows in a new order.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted weights and solver state.
    random_state : int, RandomState or None, default=None
        Decides initial weights, the order of rows and the validation split.
    verbose : bool, default=False
        Show epoch, costs, score, eta and time: one live line on a terminal, else a line an epoch;
        nothing in worker processes.
    weight_init : str or callable, default="auto"
        Name in `INITIALIZERS`, or ``(n_in, n_out, rng) -> W``; "auto" goes by the activation.
        Biases start at zero; but with "auto", and batches of more than one row, `fit` starts those
        of the output neurons at the best constant prediction (the mean of y, the log-odds of the
        classes), so that y need not be centred, and, unless ``coef_init`` is given, those of the
        hidden neurons so that each bends at a random point where the rows of X are.
    engine : {"auto", "numpy", "compiled"}, default="auto"
        What presents single rows (``batch_size=1``, and `partial_fit` by default): "compiled" is
        the pass that Numba compiles, in seconds when it is first needed, and an error where it
        cannot serve. "auto" takes it if its code is on disk already (see `compile_engine`), else
        NumPy, and keeps to its choice for as long as the model lives. Batches always run in NumPy.

    Attributes
    ----------
    coefs_ : tuple of ndarray of shape (n_in, n_out)
        Weights of each layer, views into one flat vector; assigning copies in.
    intercepts_ : tuple of ndarray of shape (n_out,)
        Biases.
    n_iter_ : int
        Epochs of the last `fit`, and passes of `partial_fit` since.
    t_, n_updates_ : int
        Samples seen and updates done.
    loss_, best_loss_ : float
        Cost of the last epoch or `partial_fit` call, each row before its own update; and the best
        (None with early stopping, which watches the score).
    loss_curve_ : list of float
        Cost of each epoch of `fit`.
    eta_curve_ : list of float or None
        Learning rate at the start of each epoch of `fit`, the largest if there is one per layer;
        None for an epoch of a whole-batch solver, which chooses its own steps.
    validation_loss_curve_, validation_scores_ : list of float or None
        Cost and score (see `scoring`) on the validation rows after each epoch.
    best_validation_score_ : float or None
    best_iter_ : int or None
        With early stopping, the epochs of `loss_curve_` after which the weights were those kept.
    stop_reason_ : str or None
        Why the last `fit` ended: ``"no_improvement"`` (of `tol` in `n_iter_no_change` epochs),
        ``"converged"`` or ``"stalled"`` (a whole-batch solver), ``"max_iter"``, ``"max_time"``,
        ``"callback"``, ``"interrupted"``, ``"diverged"``.
    gamma_, alpha_, beta_ : float
        With ``solver="br"`` only: effective number of parameters, and precisions of the weights and
        of the noise.
    engine_ : {"numpy", "compiled"}
        What presents single rows, chosen when they first come, or when this is first read.
    n_layers_, n_outputs_ : int
        Layers, the input counted; output neurons.
    out_activation_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only when X has string column names.

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

    gamma_: float
    alpha_: float
    beta_: float
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
            ``loss="quantile"``, a column for each.
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
        parts = model.head.decode(v, y), model.head.deviation(v, y)
        return tuple(map(model.coding.decode, parts))

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
        return self._model.head.score(y, prediction, sample_weight)
