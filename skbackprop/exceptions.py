"""The errors and warnings of the package."""

from __future__ import annotations

from sklearn.exceptions import InconsistentVersionWarning as SklearnVersionWarning

__all__ = ["DivergenceError", "InconsistentVersionWarning"]


class DivergenceError(ArithmeticError):
    """An update would have made the weights non-finite, and was not applied.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, DivergenceError
    >>> net = BackpropRegressor((), solver="sgd", eta=1e200, random_state=0)
    >>> try:
    ...     net.partial_fit([[1e3], [1e3]], [1.0, 1.0]).partial_fit([[1e3]], [1.0])
    ... except DivergenceError as error:
    ...     print(error)
    at row 1: training diverged: update 2 at eta=1e+200 would not be finite and was ...
    """


class InconsistentVersionWarning(SklearnVersionWarning):
    """A pickled estimator was written by another version of this package.

    A kind of scikit-learn's warning of that name, for its own estimators.

    Parameters
    ----------
    estimator_name : str
    current_version : str
        The version of this package that reads the pickle.
    original_version : str
        The version that wrote it.

    Examples
    --------
    >>> import pickle, warnings
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.exceptions import InconsistentVersionWarning
    >>> kept = pickle.dumps(BackpropRegressor((3,)))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InconsistentVersionWarning)  # refuse other versions
    ...     pickle.loads(kept)
    BackpropRegressor(hidden_layer_sizes=(3,))
    """

    def __init__(self, *, estimator_name: str, current_version: str, original_version: str):
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=current_version,
            original_sklearn_version=original_version,
        )
        self.current_version = current_version
        self.original_version = original_version

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was pickled by skbackprop {self.original_version} and is read "
            f"by skbackprop {self.current_version}, which may fail or give other predictions. "
            "Fit it again, or use the version that wrote it."
        )
