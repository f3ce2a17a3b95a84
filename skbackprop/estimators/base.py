"""What both estimators share: validate, encode the targets, delegate.

Every call validates all of its input before it changes anything. `fit` trains a network of its own
and commits it, with every fitted attribute, in one step at the end; `partial_fit` moves the fitted
weights in place, one whole update after the other.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager, suppress
from math import isfinite
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..exceptions import DivergenceError
from ..losses.check import check_loss
from ..losses.loss import Loss
from ..network.network import Network
from ..network.outputs import outputs_of
from ..signal_handlers import Watch
from ..training.monitor import History
from ..training.trainer import Trainer
from ..updates.rule import RULES
from ..updates.state import TrainingState
from .building import Model, new_model, rest_outputs, start_from, trainer_of, write_arrays
from .callbacks import CallbackSupport
from .fitting import Course, HeldOut, TrainingSet, history_of
from .parameters import (
    Parameters,
    batch_rows,
    check_online_parameters,
    check_parameters,
    check_rows,
    check_structure,
    is_same_key,
    schedule_of,
    solver_of,
)
from .sample_weights import check_weights
from .targets import plain_target

_LEAVES_A_MODEL = (KeyboardInterrupt, DivergenceError)  # what ends a fit, yet leaves its weights


_PLAIN_ROWS = (np.ndarray, sparse.csr_array, sparse.csr_matrix)


class Backprop(CallbackSupport, Parameters):
    """What both estimators share."""

    _network: Network
    _loss: Loss
    _state: TrainingState
    _running: tuple[tuple[tuple, tuple], Trainer, Any]
    _numeric_targets: bool

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

    @property
    def engine_(self) -> str:
        """What presents single rows, chosen when they first come, or when this is first asked."""
        self._fitted("engine_")
        if self._state.engine is None:
            # Where it cannot train as things are, partial_fit says what is wrong.
            with Watch(), suppress(ValueError, TypeError, ImportError):
                if not solver_of(self).full_batch:  # which knows no single rows
                    self._state.engine = self._running_trainer()[0].engine
        return self._state.engine or "numpy"

    def _model(self) -> Model:
        """What training moves."""
        return Model(self._network, self._loss, self._state, self._rng)

    def _writeable(self) -> Network:
        """The network, its parameters copied if they are read-only (a memory-mapped pickle)."""
        if not self._network.w.flags.writeable:
            self._network = self._network.with_parameters(self._network.w.copy())
        if not self._state.rule_state.flags.writeable:
            self._state.rule_state = self._state.rule_state.copy()
        return self._network

    # -- fit -------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight, validation, coef_init, intercept_init) -> Backprop:
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
        if running is not None and running[1].update.rule is RULES.get(self.solver, self.solver):
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
    ) -> Backprop:
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
        trainer = trainer_of(self, self._model(), schedule_of(self))
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


@contextmanager
def _restored_on_error(random_state):
    """Put a random state back to where it was when nothing comes of what drew from it."""
    before = random_state.get_state()
    try:
        yield random_state
    except BaseException:
        random_state.set_state(before)
        raise
