"""What both estimators share: validate, encode the targets, delegate.

Every call validates all of its input before it changes anything. `fit` trains a network of its own
and commits it, with every fitted attribute, in one step at the end; `partial_fit` moves the fitted
weights in place, one whole update after the other.
"""

from __future__ import annotations

import copy
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..callers import warn_user
from ..engines.compiled_outputs import outputs_of
from ..engines.update import Update
from ..exceptions import DivergenceError, InconsistentVersionWarning
from ..losses.check import check_loss
from ..network.rows import checked_csr
from ..signal_handlers import Watch
from ..training.monitor import History
from ..training.trainer import Trainer
from ..updates.rule import RULES
from ..version import __version__
from .building import (
    Model,
    new_model,
    start_among_the_rows,
    start_at_best_constant,
    start_from,
    trainer_of,
    write_arrays,
)
from .callbacks import CallbackSupport
from .fitting import Fit, HeldOut, TrainingSet, history_of, warn_of_targets
from .given_data import accept_rows, accept_targets, is_surely_finite
from .offenders import naming, naming_rows_or_targets
from .onnx_methods import OnnxMethods
from .parameters import Parameters, is_same_key
from .plan import (
    Plan,
    check_online,
    check_rows,
    check_structure,
    make_plan,
    resolve_solver,
)
from .sample_weights import accept_scored, check_weights
from .targets import plain_targets, warn_of_one_class

_LEAVES_A_MODEL = (KeyboardInterrupt, DivergenceError)  # what ends a fit, yet leaves its weights


_DTYPES = np.float64, np.float32  # those that a network may have
_PLAIN_ROWS = (np.ndarray, sparse.csr_array, sparse.csr_matrix)


@dataclass(frozen=True)
class Running:
    """What `partial_fit` keeps from call to call, for as long as the parameters stay the same."""

    key: tuple[tuple, tuple]  # of the parameters, see `is_same_key`
    plan: Plan
    trainer: Trainer


class Backprop(CallbackSupport, OnnxMethods, Parameters):
    """What both estimators share: how they fit, what is fitted, how they predict.

    Attributes
    ----------
    coefs_ : tuple of ndarray of shape (n_in, n_out)
        Weights of each layer, views into one flat vector; assigning copies in.
    intercepts_ : tuple of ndarray of shape (n_out,)
        Biases of each layer, views likewise.
    gains_ : ndarray of shape (n_features_in_,)
        With ``input_gain=True`` only: the factor of each input, a view as `coefs_` are.
    n_iter_ : int
        Epochs of the last `fit`, and passes of `partial_fit` since.
    t_ : int
        Samples seen in training.
    n_updates_ : int
        Updates done in training.
    loss_ : float
        Cost of the last epoch or `partial_fit` call, each row before its own update.
    best_loss_ : float or None
        Lowest cost of an epoch; None with early stopping, which watches the score.
    loss_curve_ : list of float
        Cost of each epoch of `fit`.
    eta_curve_ : list of float or None
        Learning rate at the start of each epoch of `fit`, the largest if there is one per layer,
        the base of a `FanInEta`; None for an epoch of a whole-batch solver, which chooses its own
        steps.
    validation_loss_curve_ : list of float or None
        Cost on the validation rows after each epoch.
    validation_scores_ : list of float or None
        Score on the validation rows after each epoch; see `scoring`.
    best_validation_score_ : float or None
        Best of `validation_scores_`.
    best_iter_ : int or None
        With early stopping, the epochs of `loss_curve_` after which the weights were those kept.
    stop_reason_ : str or None
        Why the last `fit` ended: ``"no_improvement"`` (of `tol` in `n_iter_no_change` epochs),
        ``"converged"`` or ``"stalled"`` (a whole-batch solver), ``"max_iter"``, ``"max_time"``,
        ``"callback"``, ``"interrupted"``, ``"diverged"``.
    gamma_ : float
        Effective number of parameters; with ``solver="br"`` only, like the next two.
    alpha_ : float
        Precision of the weights.
    beta_ : float
        Precision of the noise.
    engine_ : {"numpy", "compiled"}
        What presents rows, and gives outputs: chosen when rows first come, but not by a fit of one
        batch or two, which are NumPy's; until then, what would present the next row.
    n_layers_ : int
        Number of layers, the input counted.
    n_outputs_ : int
        Number of output neurons.
    out_activation_ : str
        Name of the output activation.
    n_features_in_ : int
        Number of inputs.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the inputs, if X has string column names.
    """

    n_features_in_: int
    feature_names_in_: np.ndarray
    n_iter_: int
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    eta_curve_: list[float | None]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    best_iter_: int | None
    stop_reason_: str | None
    gamma_: float
    alpha_: float
    beta_: float
    _model: Model
    _running: Running
    _numeric_targets: bool

    def __sklearn_tags__(self):
        """Sparse input is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a network."""
        return "_model" in vars(self)

    def __getstate__(self):
        """Everything but the workspaces of the running trainer, and the version that wrote it."""
        state = {**super().__getstate__(), "_skbackprop_version": __version__}
        state.pop("_running", None)
        return state

    def __setstate__(self, state):
        """Take a pickled state, with a warning if another version wrote it."""
        state = dict(state)
        written_by = state.pop("_skbackprop_version", "(of unknown version)")
        if written_by != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_version=__version__,
                    original_version=written_by,
                ),
                stacklevel=2,
            )
        super().__setstate__(state)

    # -- fitted attributes that live elsewhere ---------------------------------------------------

    def _fitted(self, name: str) -> Model:
        """The model, for the attribute of that name, which there is only after a fit."""
        if "_model" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._model

    @property
    def coefs_(self) -> tuple[np.ndarray, ...]:
        """Weights of each layer, (n_in, n_out): views; assigning copies in."""
        network = self._fitted("coefs_").network
        return tuple(W for W, _ in network.layers(network.w))

    @coefs_.setter
    def coefs_(self, values):
        layers = _writeable_layers(self._fitted("coefs_"))
        write_arrays("coefs_", values, [W for W, _ in layers])

    @property
    def intercepts_(self) -> tuple[np.ndarray, ...]:
        """Biases of each layer, (n_out,): views; assigning copies in."""
        network = self._fitted("intercepts_").network
        return tuple(b for _, b in network.layers(network.w))

    @intercepts_.setter
    def intercepts_(self, values):
        layers = _writeable_layers(self._fitted("intercepts_"))
        write_arrays("intercepts_", values, [b for _, b in layers])

    @property
    def gains_(self) -> np.ndarray:
        """Gain of each input, (n_features,), with ``input_gain=True``: a view, as `coefs_` are."""
        network = self._fitted("gains_").network
        gains = network.gains(network.w)
        if gains is None:
            raise AttributeError("gains_ is there with input_gain=True only")
        return gains[:, 0]

    @gains_.setter
    def gains_(self, values):
        self._fitted("gains_").make_writeable()
        write_arrays("gains_", [values], [self.gains_])

    @property
    def t_(self) -> int:
        """Samples seen in training."""
        return self._fitted("t_").state.n_samples

    @property
    def n_updates_(self) -> int:
        """Updates done in training."""
        return self._fitted("n_updates_").state.n_updates

    @property
    def n_layers_(self) -> int:
        """Number of layers, the input counted, as in scikit-learn."""
        return len(self._fitted("n_layers_").network.sizes)

    @property
    def n_outputs_(self) -> int:
        """Number of output neurons."""
        return self._fitted("n_outputs_").head.n_units()

    @property
    def out_activation_(self) -> str:
        """Name of the output activation."""
        return self._fitted("out_activation_").network.activations[-1].name

    @property
    def engine_(self) -> str:
        """What presents rows: until it is chosen, what would present the next."""
        engine = self._fitted("engine_").state.engine
        if engine is None:
            # Where it cannot train as things are, partial_fit says what is wrong.
            with Watch(), suppress(ValueError, TypeError, ImportError):
                plan = make_plan(self)
                if not plan.solver.full_batch:  # which knows no single rows
                    check_online(plan)
                    check_structure(self, self._model.structure)
                    copy_of = self._model.copy()
                    rows = plan.online_batch_rows
                    engine = trainer_of(plan, copy_of, plan.schedule, rows).engine
        return engine or "numpy"

    # -- fit -------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, coef_init, intercept_init) -> Self:
        plan = make_plan(self)
        continues = self.warm_start and self.__sklearn_is_fitted__()
        data = self._prepare(plan, X, y, sample_weight, validation, continues)
        return self._fit_on(plan, data, continues, coef_init, intercept_init)

    def _fit_on(self, plan: Plan, data: TrainingSet, continues, coef_init, intercept_init) -> Self:
        """Train on what is validated, and commit what comes of it."""
        warn_of_one_class(data.coding, None if continues else data.targets, data.weights)
        with _restored_on_error(self.random_state) as rng:
            if continues:
                model, history = self._model.copy(), history_of(self)
                model.coding = data.coding
            else:
                model, history = new_model(plan, data.X, data.coding, rng), History()
                check_loss(model.head, data.targets)
            fit = Fit(self, plan, data, model, history)
            fit.hold_out()
            fit.scale_targets()
            batch_size = plan.batch_rows(len(data.rows))
            # At one row an update, fit is the online rule: it starts where partial_fit does.
            if plan.starts_at_constant and not continues and batch_size > 1:
                start_at_best_constant(model, data.targets, data.weights, data.rows)
                if coef_init is None and plan.given.weight_init == "auto":
                    start_among_the_rows(model, data.moments)
            start_from(model.network, coef_init, intercept_init)
            warn_of_targets(model, data.targets, data.rows)
            fit.run(batch_size)
            fit.check_outcome(is_refit=self.__sklearn_is_fitted__())
            failure = fit.failure()  # which asks for memory, before anything is replaced
        self._commit(fit)
        if fit.ended_by is not None:
            raise fit.ended_by
        if failure:
            warn_user(failure, ConvergenceWarning)
        return self

    def _prepare(
        self, plan: Plan, X, y, sample_weight=None, validation=(None,) * 3, continues=False
    ) -> TrainingSet:
        """Validate all that `fit` is given, and change nothing."""
        validated = copy.copy(self)  # so that a failure leaves the estimator as it is
        if continues:
            check_structure(self, self._model.structure)
        dtype = self._model.network.w.dtype if continues else None
        X, y = self._validate_X_y(validated, X, y, dtype, reset=not continues)
        given = check_weights(sample_weight, X, "sample_weight")
        return self._training_set(plan, validated, X, y, given, validation, continues)

    def _training_set(
        self, plan: Plan, validated, X, y, given, validation, continues, kind=TrainingSet
    ) -> TrainingSet:
        """What `fit` trains on, of validated rows, targets and the user's weights (or None)."""
        check_rows(plan, X)
        coding, targets = self._read_targets(plan, y, X.dtype)
        if continues:
            coding = coding.after(self._model.coding)
        weights = self._weights(X, coding, targets, given)
        held_out = self._validate_validation(validated, X, coding, targets, validation)
        rows = np.arange(X.shape[0]) if weights is None else np.flatnonzero(weights)
        if not len(rows):
            raise ValueError("sample_weight is zero for every row; at least one must be positive.")
        return kind(X, y, targets, weights, rows, coding, validated, held_out, given)

    def _commit(self, fit: Fit) -> None:
        """Replace all fitted attributes in one step."""
        kept = {k: v for k, v in vars(self).items() if not k.endswith("_") and k != "_running"}
        self.__dict__ = {**kept, **fit.attributes()}

    def _validate_validation(self, validated, X, coding, trained, validation):
        """The user's own validation set, or None."""
        X_val, y_val, sample_weight_val = validation
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is given without X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together.")
        try:
            X_val, y_val = self._validate_X_y(validated, X_val, y_val, X.dtype, reset=False)
            targets = coding.encode(y_val, X.dtype)
        except (ValueError, TypeError) as error:
            raise type(error)(f"in the validation rows, X_val and y_val: {error}") from error
        if self.early_stopping and self.scoring != "loss" and X_val.shape[0] < 2:
            raise ValueError("The validation set is too small: X_val has 1 row; give at least 2.")
        given = check_weights(sample_weight_val, X_val, "sample_weight_val")
        if given is not None and not given.any():
            raise ValueError("sample_weight_val is zero for every row.")
        weights = self._weights(X_val, coding, targets, given, like=trained)
        if weights is not None and not weights.any():
            raise ValueError("class_weight is zero for the class of every row of y_val.")
        return HeldOut(X_val, y_val, targets, weights, given)

    # -- partial_fit -----------------------------------------------------------------------------

    def _trains_online(self) -> bool:
        running = vars(self).get("_running")
        if running is not None and running.plan.solver is RULES.get(self.solver, self.solver):
            return True
        try:
            solver = resolve_solver(self.solver)
        except (ValueError, TypeError):
            return True  # partial_fit says what is wrong with it
        if solver.full_batch:
            raise AttributeError(
                f"partial_fit is not available with solver={self.solver!r}, which needs all rows "
                "in each update; use fit, or a solver that takes rows as they come, such as 'sgd' "
                "or 'adam'."
            )
        return True

    def _partial_fit(self, X, y, sample_weight, coef_init, intercept_init, classes=None) -> Self:
        model = vars(self).get("_model")
        if model is None:
            return self._first_partial_fit(X, y, sample_weight, coef_init, intercept_init, classes)
        if coef_init is not None or intercept_init is not None:
            raise ValueError(
                "coef_init and intercept_init are for fit and the first partial_fit; to change a "
                "fitted model's weights assign coefs_ and intercepts_."
            )
        if classes is not None:
            self._check_classes(classes)
        coding, dtype = model.coding, model.network.w.dtype
        targets = plain_targets(y, numeric=self._numeric_targets)
        rows = None if targets is None else self._plain_rows(X)
        if rows is None or targets is None or rows.shape[0] != len(targets):
            X, y = self._validate_X_y(self, X, y, dtype, reset=False)
        else:
            X, y = rows, targets
        targets = coding.encode(y, dtype)
        weights = check_weights(sample_weight, X, "sample_weight")
        weights = self._weights(X, coding, targets, weights, online=True)
        running = self._current_run()  # which may draw the seed of dropout: the data are in order
        check_rows(running.plan, X)
        _present(running.plan, running.trainer, X, targets, weights, self._count_pass)
        return self

    def _first_partial_fit(self, X, y, sample_weight, coef_init, intercept_init, classes) -> Self:
        plan = make_plan(self)
        check_online(plan)
        validated = copy.copy(self)
        X, y = self._validate_X_y(validated, X, y, None)
        check_rows(plan, X)
        coding, targets = self._read_targets(plan, y, X.dtype, classes, online=True)
        given = check_weights(sample_weight, X, "sample_weight")
        weights = self._weights(X, coding, targets, given, online=True)
        warn_of_one_class(coding)
        ended_by = None
        with _restored_on_error(self.random_state) as rng:
            model = new_model(plan, X, coding, rng)
            check_loss(model.head, targets)
            start_from(model.network, coef_init, intercept_init)
            warn_of_targets(model, targets)
            losses: list[float] = []  # of the pass, if it is whole
            try:
                trainer = trainer_of(plan, model, plan.schedule, plan.online_batch_rows)
                _present(plan, trainer, X, targets, weights, losses.append)
            except _LEAVES_A_MODEL as error:
                ended_by = error
        rows = np.arange(X.shape[0])
        data = TrainingSet(X, y, targets, weights, rows, coding, validated)
        self._commit(Fit(self, plan, data, model, History()))
        for loss in losses:
            self._count_pass(loss)
        if ended_by is not None:
            raise ended_by
        return self

    def _count_pass(self, loss: float) -> None:
        self.n_iter_ += 1
        if loss == loss:  # NaN: every row had weight zero
            self.loss_ = loss

    def _current_run(self) -> Running:
        """Plan and trainer of the fitted network, made anew when a parameter has changed."""
        key = self._params_key()
        running = vars(self).get("_running")
        if running is not None and is_same_key(running.key, key):
            if running.trainer.objective.network is self._model.network:
                return running
        plan = make_plan(self)
        check_online(plan)
        check_structure(self, self._model.structure)
        self._model.make_writeable()
        trainer = trainer_of(plan, self._model, plan.schedule, plan.online_batch_rows)
        self._running = Running(key, plan, trainer)
        return self._running

    def _update_of_rows(self) -> Update:
        """The update by single rows, of a copy; `partial_fit` looks for its code anew."""
        check_is_fitted(self)
        plan = make_plan(self)
        check_online(plan)
        check_structure(self, self._model.structure)
        trainer = trainer_of(plan, self._model.copy(), plan.schedule, 1)
        if hasattr(self, "_running"):
            del self._running
        return trainer.update

    # -- data ------------------------------------------------------------------------------------

    @naming_rows_or_targets
    def _validate_X_y(self, carrier, X, y, dtype, *, reset=True):
        if reset and type(X) is np.ndarray and X.ndim == 2 and X.dtype in _DTYPES and X.size:
            targets = plain_targets(y, numeric=self._numeric_targets)
            if targets is not None and len(targets) == len(X) and is_surely_finite(X):
                carrier.n_features_in_ = X.shape[1]
                vars(carrier).pop("feature_names_in_", None)
                return X, targets
        with np.errstate(over="ignore", invalid="ignore"):  # of the sums that are tested
            return validate_data(
                carrier,
                accept_rows(X),
                accept_targets(y, numeric=self._numeric_targets),
                accept_sparse="csr",
                dtype=_DTYPES if dtype is None else dtype,
                multi_output=True,
                y_numeric=self._numeric_targets,
                reset=reset,
            )

    def _plain_rows(self, X):
        """`X` as validation would give it, if these are rows that need no more than this test."""
        if "feature_names_in_" in vars(self):
            return None
        if type(X) is list and len(X) == 1 and type(X[0]) in (list, tuple):
            try:
                X = np.array(X)
            except ValueError:  # nested unevenly: validation says so
                return None
        if type(X) not in _PLAIN_ROWS or X.ndim != 2:
            return None
        n_samples, n_features = X.shape
        if n_features != self.n_features_in_ or not n_samples:
            return None
        if type(X) is not np.ndarray:
            if n_samples > 1:
                return None
            X = checked_csr(X)
        dtype = self._model.network.w.dtype
        if X.dtype is not dtype and X.dtype != dtype:
            if not np.can_cast(X.dtype, dtype):
                return None
            X = X.astype(dtype)
        values = X if type(X) is np.ndarray else X.data
        return X if is_surely_finite(values) else None  # what overflows takes the full road

    def _read_targets(self, plan: Plan, y, dtype, classes=None, *, online=False):
        """The coding of the first `y`, and the targets."""
        raise NotImplementedError

    def _weights(self, X, coding, targets, given, *, like=None, online=False):
        """Weights of the rows in training, from those that the user gave (None: all one)."""
        return given

    def _check_classes(self, classes) -> None:
        """Refuse `classes` that are not those of the first call."""

    # -- predictions -----------------------------------------------------------------------------

    @naming("X")
    def _signals(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Induced local fields and outputs of the output neurons, each (n, n_units)."""
        if "_model" not in vars(self):
            check_is_fitted(self)
        network, row = self._model.network, self._plain_rows(X)
        if row is None:
            X, dtype = accept_rows(X), network.w.dtype
            with np.errstate(over="ignore", invalid="ignore"):  # of the sums that are tested
                row = validate_data(self, X, accept_sparse="csr", dtype=dtype, reset=False)
        return outputs_of(network, row, engine=self._model.state.engine)

    def predict(self, X: Any) -> np.ndarray:
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
        model = self._model
        return model.coding.decode(model.head.decode(v, y))

    def _score(self, y, prediction, sample_weight) -> float:
        """How good a prediction is, by targets that a user gives."""
        numeric = self._numeric_targets
        y, weights = accept_scored(y, sample_weight, prediction, numeric=numeric)
        return self._model.head.score(y, prediction, weights)


def _writeable_layers(model: Model):
    """Weights and biases of each layer of a model's network, views that can be assigned to."""
    model.make_writeable()
    return model.network.layers(model.network.w)


def _present(plan: Plan, trainer: Trainer, X, targets, weights, count_pass) -> None:
    """Present the rows once, in the order given; rows of weight zero are passed over."""
    order = None
    if weights is not None and not weights.all():
        order = np.flatnonzero(weights)
    trainer.present(X, targets, weights, order, plan.online_batch_rows, count_pass=count_pass)


@contextmanager
def _restored_on_error(random_state):
    """Give a generator; put it back to where it was when nothing comes of what drew from it."""
    rng = check_random_state(random_state)
    if isinstance(random_state, Integral):  # of its own, made from the seed
        yield rng
        return
    before = rng.get_state()
    try:
        yield rng
    except BaseException:
        rng.set_state(before)
        raise
