"""`BackpropRegressor` and `BackpropClassifier`: validate, encode the labels, delegate.

Every call validates all of its input before it changes anything. `fit` trains a network of its own
and commits it, with every fitted attribute, in one step at the end; `partial_fit` moves the fitted
weights in place, one whole update after the other.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Options
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from .callbacks import CallbackSupport, fit_with_callbacks
from .course import Course, HeldOut, TrainingSet, history_of
from .losses import LOSSES, Loss, Task, check_loss
from .model import (
    Model,
    new_model,
    outputs_of,
    rest_outputs,
    start_from,
    trainer_of,
    write_arrays,
)
from .monitor import History
from .network import Network
from .parameters import (
    STRUCTURE,
    Parameters,
    batch_rows,
    check_online_parameters,
    check_parameters,
    check_rows,
    check_structure,
    is_same_key,
    loss_of,
    schedule_of,
    solver_of,
)
from .targets import ClassCoding, NumberCoding, check_weights, plain_target
from .training import DivergenceError, Trainer, TrainingState
from .updates import RULES

__all__ = ["BackpropClassifier", "BackpropRegressor"]

_LEAVES_A_MODEL = (KeyboardInterrupt, DivergenceError)  # what ends a fit, yet leaves its weights
_PLAIN_ROWS = (np.ndarray, sparse.csr_array, sparse.csr_matrix)


class _Backprop(CallbackSupport, Parameters):
    """What both estimators share."""

    _network: Network
    _loss: Loss
    _state: TrainingState
    _running: tuple[tuple[tuple, tuple], Trainer, Any]
    _numeric_targets: bool
    engine_: str | None

    def __sklearn_tags__(self):
        """Sparse input is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network."""
        return "_network" in vars(self)

    def __getstate__(self):
        """Everything but the workspaces of the running trainer."""
        state = dict(super().__getstate__())
        state.pop("_running", None)
        return state

    # -- fitted attributes that live elsewhere ---------------------------------------------------

    def _fitted(self, name: str):
        if "_network" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._network

    @property
    def coefs_(self) -> tuple[np.ndarray, ...]:
        """Weights of each layer, (n_in, n_out): views; assigning copies in."""
        network = self._fitted("coefs_")
        return tuple(W for W, _ in network.layers(network.w))

    @coefs_.setter
    def coefs_(self, values):
        network = self._fitted("coefs_")
        write_arrays("coefs_", values, [W for W, _ in network.layers(self._writeable().w)])

    @property
    def intercepts_(self) -> tuple[np.ndarray, ...]:
        """Biases of each layer, (n_out,): views; assigning copies in."""
        network = self._fitted("intercepts_")
        return tuple(b for _, b in network.layers(network.w))

    @intercepts_.setter
    def intercepts_(self, values):
        network = self._fitted("intercepts_")
        write_arrays("intercepts_", values, [b for _, b in network.layers(self._writeable().w)])

    @property
    def t_(self) -> int:
        """Samples seen in training."""
        self._fitted("t_")
        return self._state.n_samples

    @property
    def n_updates_(self) -> int:
        """Updates done in training."""
        self._fitted("n_updates_")
        return self._state.n_updates

    @property
    def n_layers_(self) -> int:
        """Number of layers, the input counted, as in scikit-learn."""
        return len(self._fitted("n_layers_").sizes)

    @property
    def out_activation_(self) -> str:
        """Name of the output activation."""
        return self._fitted("out_activation_").activations[-1].name

    def _model(self) -> Model:
        """What training moves."""
        return Model(self._network, self._loss, self._state, self._rng, self.engine_)

    def _writeable(self) -> Network:
        """The network, its parameters copied if they are read-only (a memory-mapped pickle)."""
        if not self._network.w.flags.writeable:
            self._network = self._network.with_parameters(self._network.w.copy())
        if not self._state.rule_state.flags.writeable:
            self._state.rule_state = self._state.rule_state.copy()
        return self._network

    # -- fit -------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, coef_init, intercept_init) -> _Backprop:
        check_parameters(self)
        going_on = self.warm_start and self.__sklearn_is_fitted__()
        data = self._prepare(X, y, sample_weight, validation, going_on)
        with _restored_on_error(check_random_state(self.random_state)) as rng:
            if going_on:
                model, history = self._model().copy(), history_of(self)
            else:
                model, history = new_model(self, data.X, data.coding.task, rng), History()
                check_loss(model.loss, data.targets)
            course = Course(self, data, model, history)
            course.hold_out()
            batch_size = batch_rows(self, len(data.rows))
            # At one row an update, fit is the online rule: it starts where partial_fit does.
            if self.weight_init == "auto" and not going_on and batch_size > 1:
                rest_outputs(model, data.targets, data.weights, data.rows)
            start_from(model.network, coef_init, intercept_init)
            course.run(batch_size)
        self._commit(course)
        if course.ended_by is not None:
            raise course.ended_by
        course.warn_not_converged()
        return self

    def _prepare(self, X, y, sample_weight, validation, going_on: bool) -> TrainingSet:
        """Validate all that `fit` is given, and change nothing."""
        carrier = copy.copy(self)  # takes what validation writes, so that a failure writes nothing
        if going_on:
            check_structure(self, self._structure)
        dtype = self._network.w.dtype if going_on else None
        X, y = self._validate_X_y(carrier, X, y, dtype, reset=not going_on)
        check_rows(self, X)
        coding, targets = self._read_targets(y, X.dtype)
        given = check_weights(sample_weight, X, "sample_weight")
        weights = self._weights(X, coding, targets, given)
        held_out = self._validate_validation(carrier, X, coding, validation)
        if going_on:
            coding = coding.going_on(self._coding())
        rows = np.arange(X.shape[0]) if weights is None else np.flatnonzero(weights)
        if not len(rows):
            raise ValueError("sample_weight is zero for every row; at least one must be positive.")
        return TrainingSet(X, y, targets, weights, rows, coding, carrier, held_out, given)

    def _commit(self, course: Course) -> None:
        """Replace all fitted attributes in one step."""
        kept = {k: v for k, v in vars(self).items() if not k.endswith("_") and k != "_running"}
        self.__dict__ = {**kept, **course.attributes()}

    def _validate_validation(self, carrier, X, coding, validation):
        """The user's own validation set, or None."""
        X_val, y_val, sample_weight_val = validation
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is given without X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together.")
        try:
            X_val, y_val = self._validate_X_y(carrier, X_val, y_val, X.dtype, reset=False)
            targets = coding.encode(y_val, X.dtype)
        except (ValueError, TypeError) as error:
            raise type(error)(f"in the validation rows, X_val and y_val: {error}") from error
        if self.early_stopping and self.scoring != "loss" and X_val.shape[0] < 2:
            raise ValueError("The validation set is too small: X_val has 1 row; give at least 2.")
        weights = check_weights(sample_weight_val, X_val, "sample_weight_val")
        if weights is not None and not weights.any():
            raise ValueError("sample_weight_val is zero for every row.")
        return HeldOut(X_val, y_val, targets, weights)

    # -- partial_fit -----------------------------------------------------------------------------

    def _trains_online(self) -> bool:
        running = vars(self).get("_running")
        if running is not None and running[1].rule is RULES.get(self.solver, self.solver):
            return True
        try:
            solver = solver_of(self)
        except (ValueError, TypeError):
            return True  # partial_fit says what is wrong with it
        if solver.full_batch:
            raise AttributeError(
                f"partial_fit is not available with solver={self.solver!r}, which needs all rows "
                "in each update; use fit, or a solver that takes rows as they come, such as 'sgd' "
                "or 'adam'."
            )
        return True

    def _partial_fit(
        self, X, y, sample_weight, coef_init, intercept_init, classes=None
    ) -> _Backprop:
        if not self.__sklearn_is_fitted__():
            return self._first_partial_fit(X, y, sample_weight, coef_init, intercept_init, classes)
        if coef_init is not None or intercept_init is not None:
            raise ValueError(
                "coef_init and intercept_init are for fit and the first partial_fit; to change a "
                "fitted model's weights assign coefs_ and intercepts_."
            )
        if classes is not None:
            self._check_classes(classes)
        trainer, coding = self._running_trainer()
        dtype = self._network.w.dtype
        row, target = self._plain_row(X), plain_target(y, numeric=self._numeric_targets)
        if row is None or target is None:
            X, y = self._validate_X_y(self, X, y, dtype, reset=False)
        else:
            X, y = row, target
        check_rows(self, X)
        targets = coding.encode(y, dtype)
        given = check_weights(sample_weight, X, "sample_weight")
        weights = self._weights(X, coding, targets, given, online=True)
        self._present(trainer, X, targets, weights, self._count_pass)
        return self

    def _first_partial_fit(self, X, y, sample_weight, coef_init, intercept_init, classes):
        check_online_parameters(self)
        carrier = copy.copy(self)
        X, y = self._validate_X_y(carrier, X, y, None)
        check_rows(self, X)
        coding, targets = self._read_targets(y, X.dtype, classes, online=True)
        given = check_weights(sample_weight, X, "sample_weight")
        weights = self._weights(X, coding, targets, given, online=True)
        ended_by = None
        with _restored_on_error(check_random_state(self.random_state)) as rng:
            model = new_model(self, X, coding.task, rng)
            check_loss(model.loss, targets)
            start_from(model.network, coef_init, intercept_init)
            losses: list[float] = []  # of the pass, if it is whole
            try:
                trainer = trainer_of(self, model, schedule_of(self))
                self._present(trainer, X, targets, weights, losses.append)
            except _LEAVES_A_MODEL as error:
                ended_by = error
        rows = np.arange(X.shape[0])
        data = TrainingSet(X, y, targets, weights, rows, coding, carrier)
        self._commit(Course(self, data, model, History()))
        for loss in losses:
            self._count_pass(loss)
        if ended_by is not None:
            raise ended_by
        return self

    def _present(self, trainer: Trainer, X, targets, weights, count_pass) -> None:
        """Present the rows once, in the order given; rows of weight zero are passed over."""
        order = None
        if weights is not None and not weights.all():
            order = np.flatnonzero(weights)
        batch_size = 1 if self.batch_size == "auto" else self.batch_size
        trainer.present(X, targets, weights, order, batch_size, count_pass=count_pass)

    def _count_pass(self, loss: float) -> None:
        self.n_iter_ += 1
        if loss == loss:  # NaN: every row had weight zero
            self.loss_ = loss

    def _running_trainer(self) -> tuple[Trainer, Any]:
        """The trainer of the fitted network, and the coding of its targets.

        Both are made anew when a parameter has changed.
        """
        key = self._params_key()
        running = vars(self).get("_running")
        if running is not None:
            known, trainer, coding = running
            if trainer.objective.network is self._network and is_same_key(known, key):
                return trainer, coding
        check_online_parameters(self)
        check_structure(self, self._structure)
        self._writeable()
        model = self._model()
        trainer = trainer_of(self, model, schedule_of(self))
        self.engine_ = model.engine
        self._running = key, trainer, self._coding()
        return self._running[1:]

    # -- data ------------------------------------------------------------------------------------

    def _validate_X_y(self, carrier, X, y, dtype, *, reset=True):
        return validate_data(
            carrier,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32) if dtype is None else dtype,
            multi_output=True,
            y_numeric=self._numeric_targets,
            reset=reset,
        )

    def _plain_row(self, X):
        """`X` as validation would give it, if it is one row that needs no more than this test."""
        if type(X) not in _PLAIN_ROWS or X.shape != (1, self.n_features_in_):
            return None
        if "feature_names_in_" in vars(self):
            return None
        dtype = self._network.w.dtype
        if X.dtype != dtype:
            if not np.can_cast(X.dtype, dtype):
                return None
            X = X.astype(dtype)
        values = X if type(X) is np.ndarray else X.data
        # What overflows here takes the full road, no more; `vdot` does not warn of it.
        return X if isfinite(np.vdot(values, values)) else None

    def _read_targets(self, y, dtype, classes=None, *, online=False):
        """The coding of the first `y`, and the targets."""
        raise NotImplementedError

    def _coding(self) -> Any:
        """The coding that the model was fitted with."""
        raise NotImplementedError

    def _weights(self, X, coding, targets, given, *, online=False):
        """Weights of the rows in training, from those that the user gave (None: all one)."""
        return given

    def _check_classes(self, classes) -> None:
        """Refuse `classes` that are not those of the first call."""

    # -- predictions -----------------------------------------------------------------------------

    def _signals(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Induced local fields and outputs of the output neurons, each (n, n_units)."""
        if "_network" not in vars(self):
            check_is_fitted(self)
        row = self._plain_row(X)
        if row is None:
            row = validate_data(
                self, X, accept_sparse="csr", dtype=self._network.w.dtype, reset=False
            )
        return outputs_of(self._network, row)

    def predict(self, X) -> np.ndarray:
        """Predict targets, classes or labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the `y` that the model was fitted with.
        """
        v, y = self._signals(X)
        return self._decode(self._loss.decode(v, y))


class BackpropRegressor(RegressorMixin, _Backprop):
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
        What counts as an improvement of the loss or of the validation score.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement before training stops.
    early_stopping : bool, default=False
        Watch a validation score in the place of the training loss, and keep the best weights.
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
        classes), so that y need not be centred.
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
        What presents single rows.
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
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        coef_init=None,
        intercept_init=None,
    ) -> BackpropRegressor:
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
        """
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, coef_init, intercept_init)

    @available_if(_Backprop._trains_online)
    def partial_fit(
        self, X, y, *, sample_weight=None, coef_init=None, intercept_init=None
    ) -> BackpropRegressor:
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

    def _read_targets(self, y, dtype, classes=None, *, online=False):
        return NumberCoding.read(y, dtype, loss_of(self))

    def _coding(self) -> NumberCoding:
        return NumberCoding(self._loss.task, self._one_column, loss_of(self))

    def _decode(self, prediction):
        return prediction[:, 0] if self._one_column and prediction.shape[1] == 1 else prediction

    def predict(self, X, return_std: bool = False):
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
        if not self._loss.gives_deviation:
            raise ValueError(
                f"return_std=True needs a loss that estimates it, loss='gaussian_nll'; the model "
                f"was fitted with loss={self._structure[STRUCTURE.index('loss')]!r}."
            )
        parts = self._loss.decode(v, y), self._loss.deviation(v, y)
        return tuple(self._decode(part) for part in parts)

    def score(self, X, y, sample_weight=None) -> float:
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
        return self._loss.score(y, prediction, sample_weight)


class BackpropClassifier(ClassifierMixin, _Backprop):
    """Classification by the back-propagation rule ``Dw_ji = eta delta_j y_i``.

    Two classes have one logistic output neuron, more classes one softmax neuron each, labels (a 0/1
    indicator matrix `y`) one logistic neuron each; the cost is the cross-entropy, whose local
    gradient at these outputs is ``delta_j = d_j - y_j``. ``loss="squared_error"`` is the cost of
    the notes, behind any output activation.

    Parameters
    ----------
    hidden_layer_sizes, activation, output_activation, solver, eta, eta_schedule
        See `BackpropRegressor`.
    loss : str or Loss, default="cross_entropy"
        Or ``"squared_error"`` (the desired outputs are 0 and 1, or -1 and 1 where the output
        activation's range is bounded on both sides of zero), ``"focal"``, ``"hinge"``, or an object
        such as ``CrossEntropy(label_smoothing=0.1)``.
    alpha, l1_ratio, dropout, noise, max_grad_norm, max_norm, mask
        See `BackpropRegressor`.
    batch_size, max_iter, tol, n_iter_no_change, scoring, max_time
        See `BackpropRegressor`.
    shuffle, warm_start, verbose, weight_init, engine
        See `BackpropRegressor`.
    early_stopping, validation_fraction, random_state
        See `BackpropRegressor`; the validation split is stratified, the score the accuracy.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Multiplies ``sample_weight``. "balanced" is for `fit` only.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
    coefs_, intercepts_, n_iter_, t_, n_updates_, loss_, best_loss_, loss_curve_, eta_curve_
        See `BackpropRegressor`.
    validation_loss_curve_, validation_scores_, best_validation_score_, best_iter_, stop_reason_
        See `BackpropRegressor`; unless `scoring` says otherwise, the score is the accuracy.
    engine_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        See `BackpropRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BackpropClassifier((10,), eta=0.01, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _numeric_targets = False
    _parameter_constraints: dict = {
        **_Backprop._parameter_constraints,
        "class_weight": [Options(str, {"balanced"}), dict, list, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        *,
        activation="relu",
        output_activation=None,
        loss="cross_entropy",
        solver="adam",
        eta="auto",
        eta_schedule=None,
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        noise=0.0,
        max_grad_norm=None,
        max_norm=None,
        mask=None,
        batch_size="auto",
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        max_time=None,
        shuffle=True,
        warm_start=False,
        random_state=None,
        verbose=False,
        weight_init="auto",
        engine="auto",
        class_weight=None,
    ):
        super().__init__(
            hidden_layer_sizes,
            activation=activation,
            output_activation=output_activation,
            loss=loss,
            solver=solver,
            eta=eta,
            eta_schedule=eta_schedule,
            alpha=alpha,
            l1_ratio=l1_ratio,
            dropout=dropout,
            noise=noise,
            max_grad_norm=max_grad_norm,
            max_norm=max_norm,
            mask=mask,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            scoring=scoring,
            max_time=max_time,
            shuffle=shuffle,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            weight_init=weight_init,
            engine=engine,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self):
        """Label indicators are taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @fit_with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        coef_init=None,
        intercept_init=None,
    ) -> BackpropClassifier:
        """Train on the rows of X for up to `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 is kept as float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
            Classes of any sortable type, or a 0/1 indicator matrix.
        sample_weight, X_val, y_val, sample_weight_val, coef_init, intercept_init
            See `BackpropRegressor.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            On invalid input; the model is left as it was.
        DivergenceError
            When an update would not be finite; the weights before it are kept.
        """
        validation = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation, coef_init, intercept_init)

    @available_if(_Backprop._trains_online)
    def partial_fit(
        self, X, y, *, classes=None, sample_weight=None, coef_init=None, intercept_init=None
    ) -> BackpropClassifier:
        """Present the rows once, in the order given: by default one update a row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or {array-like, sparse matrix} (n_samples, n_labels)
        classes : array-like of shape (n_classes,), optional
            All classes that will come; needed on the first call (not for indicators).
        sample_weight, coef_init, intercept_init
            See `BackpropRegressor.partial_fit`.

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
        return self._partial_fit(X, y, sample_weight, coef_init, intercept_init, classes)

    def _read_targets(self, y, dtype, classes=None, *, online=False):
        return ClassCoding.read(y, classes, online=online)

    def _coding(self) -> ClassCoding:
        return ClassCoding(self._loss.task, self.classes_)

    def _weights(self, X, coding, targets, given, *, online=False):
        if self.class_weight is None:
            return given
        return coding.weigh(self.class_weight, targets, given, X.dtype, online=online)

    def _check_classes(self, classes) -> None:
        if not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes={classes!r} is not the same as on the last call to partial_fit: "
                f"{self.classes_!r}."
            )

    def _decode(self, prediction):
        return prediction if self._loss.task.kind == "multilabel" else self.classes_[prediction]

    def decision_function(self, X) -> np.ndarray:
        """Confidence of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Two classes: > 0 for ``classes_[1]``. Cross-entropy: the induced local fields v;
            squared error: the outputs, with their threshold at 0.
        """
        return self._loss_for(X).decision(*self._signals(X))

    def _loss_for(self, X) -> Loss:
        check_is_fitted(self)
        return self._loss

    def _gives_probabilities(self) -> bool:
        if self.__sklearn_is_fitted__():
            able = self._loss.gives_probabilities
        else:
            able = self._could_give_probabilities()
        if not able:
            raise AttributeError(
                f"predict_proba is not available with loss={self.loss!r} and "
                f"output_activation={self.output_activation!r}: the outputs are no probabilities."
            )
        return True

    def _could_give_probabilities(self) -> bool:
        for task in (Task("binary", 2), Task("multiclass", 3)):
            try:
                loss = loss_of(self).bind(task, self.output_activation)
            except (ValueError, TypeError):
                continue
            if loss.gives_probabilities:
                return True
        return False

    @available_if(_gives_probabilities)
    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Rows sum to one over classes; a label's is that of the label being present.
        """
        v, y = self._signals(X)
        return self._loss.probabilities(v, y)

    @available_if(_gives_probabilities)
    def predict_log_proba(self, X) -> np.ndarray:
        """Logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


@contextmanager
def _restored_on_error(random_state):
    """Put a random state back to where it was when nothing comes of what drew from it."""
    before = random_state.get_state()
    try:
        yield random_state
    except BaseException:
        random_state.set_state(before)
        raise
