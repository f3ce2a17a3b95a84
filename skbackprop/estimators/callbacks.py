"""scikit-learn's callbacks (1.9 and later): the one module that knows their experimental API.

`CallbackSupport` gives an estimator `set_callbacks`, and `fit_with_callbacks` wraps its `fit`; with
an older scikit-learn there is no `set_callbacks`, and both do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .compatibility import Method

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks
except ImportError:
    with_callbacks = None

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""


__all__ = ["CallbackSupport", "callback_listener", "fit_with_callbacks"]


def fit_with_callbacks(method: Method) -> Method:
    """Let `fit` run the callbacks of its estimator, if this scikit-learn has any."""
    return method if with_callbacks is None else with_callbacks(method)


@contextmanager
def callback_listener(
    estimator, X, y, sample_weight, max_iter: int, reconstruct: Callable[[], dict]
) -> Iterator[list[Callable]]:
    """Tell an estimator's callbacks of the fit that runs in this context.

    Parameters
    ----------
    estimator : CallbackSupport
    X, y, sample_weight
        The training data, as callbacks are to score it.
    max_iter : int
    reconstruct : callable
        Gives attributes that make a copy of the estimator predict as it would after the last epoch.

    Yields
    ------
    list of callable
        Empty, or one listener of epochs, which returns true when a callback asks to stop.
    """
    if not getattr(estimator, "_skl_callbacks", None) and not hasattr(
        estimator, "_parent_callback_ctx"
    ):
        yield []
        return
    told = {
        "estimator": estimator,
        "X": X,
        "y": y,
        "metadata": None if sample_weight is None else {"sample_weight": sample_weight},
        "reconstruction_attributes": reconstruct,
    }
    context = estimator._init_callback_context(max_subtasks=max_iter)
    context.call_on_fit_task_begin(**told)

    def listen(epoch) -> bool:
        # Begun and ended at once: a solver does not say when it is about to iterate.
        task = context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**told)
        return task.call_on_fit_task_end(**told)

    yield [listen]
    context.call_on_fit_task_end(**told)
