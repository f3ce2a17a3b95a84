"""A search by successive halving that trains the better candidates on, and none anew.

scikit-learn's own halving fits each candidate from its start in every iteration. What has
`partial_fit` need not: the networks of an iteration are kept, and those of the better candidates
go on where they are.
"""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, log
from numbers import Integral
from typing import Any, Literal, NoReturn, Self

import numpy as np
from scipy.stats import rankdata
from sklearn import get_config
from sklearn.base import MetaEstimatorMixin, clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .callers import warn_user
from .estimators.compatibility import available_if, count_samples, take_samples
from .registry import Checked

__all__ = ["HalvingPartialFitSearchCV"]


def _best_has(method: str) -> Callable[[Any], bool]:
    """Whether the best estimator, or before the search the given one, has a method."""

    def check(search: HalvingPartialFitSearchCV) -> bool:
        getattr(vars(search).get("best_estimator_", search.estimator), method)
        return True

    return check


class HalvingPartialFitSearchCV(MetaEstimatorMixin, Checked):
    """Search of parameters by successive halving, whose survivors are trained on, not anew.

    All candidates are trained for some epochs on the training rows of each split; the best of them,
    one in `factor`, are trained on to `factor` times as many epochs, and so on (Karnin, Koren &
    Somekh 2013; Jamieson & Talwalkar 2016). An epoch is one call of `partial_fit` with all training
    rows. A candidate that survives goes on with the estimator that it has: its weights are those of
    a training at one go, and no epoch is done twice.

    scikit-learn's `HalvingGridSearchCV` has the same names, and works with any estimator; it starts
    each fit from nothing.

    Parameters
    ----------
    estimator : estimator object
        It has `partial_fit`, and `score` unless `scoring` is given. Of a Pipeline, which has no
        `partial_fit`, search the last step: ``make_pipeline(StandardScaler(), search)``.
    param_distributions : dict or list of dict
        For each parameter a list of values, or a distribution with ``rvs`` (of `scipy.stats`) to
        draw from. Of several dicts each is a search space of its own.
    n_candidates : int or "all", default="all"
        How many are drawn; ``"all"`` takes every combination of the values, which must be lists.
    factor : float > 1, default=3
        One candidate in so many survives an iteration, and has so many times the epochs then, and
        at least one more.
    max_resources : int, default=81
        Epochs, at most, of those that remain to the end.
    min_resources : int or "exhaust", default="exhaust"
        Epochs of the first iteration; ``"exhaust"`` counts back from the last iteration, which
        comes to `max_resources`, as far as there are epochs.
    shuffle : bool, default=True
        Whether each epoch has an order of its own: that of epoch k is drawn from `random_state` and
        k alone, the same for all candidates. False presents the rows as they stand in `X`.
    scoring : str, callable or None, default=None
        What to compare by, as `sklearn.metrics.check_scoring` takes it; None is the estimator's own
        `score`.
    n_jobs : int or None, default=None
        How many fits joblib runs at once, in whatever backend is active; -1 is one a core.
    cv : int, cross-validation generator or iterable, default=5
        The splits, which are made once. An int is stratified for a classifier.
    refit : bool, default=True
        Whether the best candidate is trained on all rows, for the epochs of the last iteration.
    verbose : int, default=0
        Above zero, a line for each iteration.
    random_state : int, RandomState instance or None, default=None
        For the candidates that are drawn, and the orders of the rows.
    error_score : "raise" or float, default=nan
        Score of a split whose training or scoring raised, as an eta that is too large does; it is
        not trained on. A candidate whose mean is NaN does not survive.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        An entry for each candidate of each iteration, as scikit-learn's searches give it: ``iter``,
        ``n_resources`` (epochs so far), ``params``, ``param_...``, ``split0_test_score``, ...,
        ``mean_test_score``, ``std_test_score``, ``rank_test_score``; ``mean_fit_time`` and
        ``mean_score_time`` in seconds, of the epochs of that iteration alone.
    best_index_ : int
        Entry of the best candidate of the last iteration.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its mean score.
    best_estimator_ : estimator
        Trained on all rows, with ``refit=True``. It has `partial_fit`, and may be trained on.
    refit_time_ : float
        Seconds that took.
    scorer_ : callable
        What compared them.
    n_candidates_ : list of int
        Candidates in each iteration.
    n_resources_ : list of int
        Epochs that these have had after it.
    n_iterations_ : int
        Iterations done.
    n_remaining_candidates_ : int
        Candidates that would have gone on.
    n_splits_ : int
        Splits of the rows.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    TypeError
        If a candidate has no `partial_fit`.
    Exception
        If every candidate failed, what the first of them raised. Whatever is raised, what was found
        before is kept.

    References
    ----------
    Karnin, Koren & Somekh (2013), Almost optimal exploration in multi-armed bandits, ICML.
    Jamieson & Talwalkar (2016), Non-stochastic best arm identification and hyperparameter
    optimization, AISTATS.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier, HalvingPartialFitSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> net = BackpropClassifier((10,), solver="sgd", batch_size=10, random_state=0)
    >>> grid = {"eta": [0.001, 0.01, 0.1], "activation": ["tanh", "relu"]}
    >>> search = HalvingPartialFitSearchCV(net, grid, max_resources=30, random_state=0).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([6, 2], [10, 30])
    >>> bool(search.score(X, y) > 0.9)
    True
    """

    cv_results_: dict[str, Any]
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    best_estimator_: Any
    refit_time_: float
    scorer_: Callable[..., float]
    n_candidates_: list[int]
    n_resources_: list[int]
    n_iterations_: int
    n_remaining_candidates_: int
    n_splits_: int

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_candidates: int | Literal["all"] = "all",
        factor: float = 3,
        max_resources: int = 81,
        min_resources: int | Literal["exhaust"] = "exhaust",
        shuffle: bool = True,
        scoring: str | Callable[..., float] | None = None,
        n_jobs: int | None = None,
        cv: Any = 5,
        refit: bool = True,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        error_score: float | Literal["raise"] = np.nan,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.factor = factor
        self.max_resources = max_resources
        self.min_resources = min_resources
        self.shuffle = shuffle
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.cv = cv
        self.refit = refit
        self.verbose = verbose
        self.random_state = random_state
        self.error_score = error_score

    def check(self) -> None:
        """Raise ValueError if a parameter is out of its range."""
        self._check_number("factor", "(1, inf)")
        self._check_count("max_resources")
        for name, word in (("n_candidates", "all"), ("min_resources", "exhaust")):
            value = getattr(self, name)
            if isinstance(value, str) and value != word:
                self._refuse(name, f"a whole number >= 1 or {word!r}")
            if not isinstance(value, str):
                self._check_count(name)
        if not isinstance(self.min_resources, str) and self.min_resources > self.max_resources:
            self._refuse("min_resources", f"at most max_resources, {self.max_resources}")
        if isinstance(self.error_score, str) and self.error_score != "raise":
            self._refuse("error_score", "a number or 'raise'")
        if isinstance(self.scoring, (list, tuple, set, Mapping)):
            self._refuse("scoring", "one scorer, by which candidates are compared")
        jobs = self.n_jobs
        if jobs is not None and (not isinstance(jobs, Integral) or isinstance(jobs, bool)):
            self._refuse("n_jobs", "a whole number or None")

    # -- the search ------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Find the best candidate, and train it on all rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Classes are taken from it, and given to the `partial_fit` of a classifier.
        **params
            What the estimator's `partial_fit` takes, such as ``sample_weight``: an array with an
            entry for each row is split as X is. ``groups`` is for `cv`. With scikit-learn's
            metadata routing, what its consumers have requested.

        Returns
        -------
        self
        """
        self.check()
        if y is None and get_tags(self).target_tags.required:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: its "
                f"estimator, {self.estimator!r}, learns from it."
            )
        X, y = indexable(X, y)
        rng = check_random_state(self.random_state)
        routed = _route(self, params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.split))
        candidates = [
            _Candidate(drawn, [self._new_estimator(drawn) for _ in splits])
            for drawn in self._draw(rng)
        ]
        _warn_of_unread(candidates)
        work = _Work(
            check_scoring(self.estimator, scoring=self.scoring),
            self.error_score,
            int(rng.randint(2**31 - 1)) if self.shuffle else None,
            _with_classes(candidates[0].trained[0], y, routed.partial_fit),
            routed.score,
        )
        with Parallel(n_jobs=self.n_jobs) as parallel:  # the same workers in all iterations
            rounds = self._halve(parallel, candidates, X, y, splits, work)
        found = _found(rounds, len(splits)) | {"scorer_": work.scorer}
        if self.refit:
            start = time.perf_counter()
            best = self._new_estimator(found["best_params_"])
            work.train(best, X, y, np.arange(count_samples(X)), range(rounds[-1].epochs))
            found |= {"best_estimator_": best, "refit_time_": time.perf_counter() - start}
        kept = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        self.__dict__ = {**kept, **found}
        return self

    def _draw(self, rng) -> list[dict[str, Any]]:
        """The parameters of each candidate."""
        given = self.param_distributions
        if not isinstance(self.n_candidates, str):
            return list(ParameterSampler(given, self.n_candidates, random_state=rng))
        try:
            return list(ParameterGrid(given))
        except TypeError as error:
            raise TypeError(
                f"{error} n_candidates='all' takes every combination of lists of values; to draw "
                "from distributions, say how many, such as n_candidates=30."
            ) from error

    def _new_estimator(self, params: dict[str, Any]) -> Any:
        """An untrained estimator with the parameters of a candidate."""
        estimator = clone(self.estimator).set_params(**clone(params, safe=False))
        if not hasattr(estimator, "partial_fit"):
            raise TypeError(
                f"estimator is {estimator!r}, which has no partial_fit. Of a Pipeline, search the "
                "last step; for a solver that needs all rows in each update, take GridSearchCV."
            )
        return estimator

    def _halve(self, parallel, candidates: list[_Candidate], X, y, splits, work) -> list[_Round]:
        """Train the candidates, and those on that are better, until few are left."""
        rounds: list[_Round] = []
        done = 0
        for epochs in self._epochs(len(candidates)):
            if self.verbose > 0:
                print(f"iter {len(rounds)}: {len(candidates)} candidates, {epochs} epochs")
            outcomes = parallel(
                delayed(_train_and_score)(work, estimator, X, y, train, test, range(done, epochs))
                for candidate in candidates
                for estimator, (train, test) in zip(candidate.trained, splits, strict=True)
            )
            rounds.append(_round_of(epochs, candidates, outcomes))
            better = rounds[-1].best_first()[: ceil(len(candidates) / self.factor)]
            if not better:
                self._raise_what_failed(candidates[0], X, y, splits, work, epochs, outcomes)
            rounds[-1].better.extend(better)
            candidates, done = [candidates[i] for i in better], epochs
        return rounds

    def _raise_what_failed(self, candidate, X, y, splits, work, epochs, outcomes) -> NoReturn:
        """Raise the first error once more, from here, where all candidates have failed."""
        again, failed = replace(work, error_score="raise"), "Every candidate failed."
        for train, test in splits:
            try:
                estimator = self._new_estimator(candidate.params)
                _train_and_score(again, estimator, X, y, train, test, range(epochs))
            except Exception as error:
                error.add_note(f"{failed} This is the error of the first, {candidate.params}.")
                raise
        texts = [outcome.error for outcome in outcomes if outcome.error]
        raise ValueError(f"{failed} The first error was:\n{(texts or ['a score of NaN'])[0]}")

    def _epochs(self, n_candidates: int) -> list[int]:
        """The epochs that candidates have had after each iteration: each time more of them."""
        factor, most, least = self.factor, self.max_resources, self.min_resources
        needed = 1 + _floor_log(n_candidates, factor)
        if isinstance(least, str):
            back = [most]
            while len(back) < needed and back[-1] > 1:
                share = int(round(most / factor ** len(back), 9))
                back.append(min(back[-1] - 1, max(share, 1)))
            return back[::-1]
        epochs = [least]
        while len(epochs) < needed:
            more = max(epochs[-1] + 1, int(round(least * factor ** len(epochs), 9)))
            if more > most:
                break
            epochs.append(more)
        return epochs

    # -- what is known of the best ---------------------------------------------------------------

    def _best(self) -> Any:
        check_is_fitted(self)
        if "best_estimator_" not in vars(self):
            raise AttributeError("refit=False trains no best_estimator_: set refit=True, and fit.")
        return self.best_estimator_

    @property
    def classes_(self) -> np.ndarray:
        """Classes of the best estimator."""
        return self._best().classes_

    @property
    def n_features_in_(self) -> int:
        """Number of inputs of the best estimator."""
        return self._best().n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the inputs of the best estimator."""
        return self._best().feature_names_in_

    @available_if(_best_has("predict"))
    def predict(self, X: Any) -> np.ndarray:
        """Return what the best estimator predicts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._best().predict(X)

    @available_if(_best_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the best estimator's probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._best().predict_proba(X)

    @available_if(_best_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the best estimator's probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._best().predict_log_proba(X)

    @available_if(_best_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the best estimator's decision function.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._best().decision_function(X)

    @available_if(_best_has("transform"))
    def transform(self, X: Any) -> Any:
        """Return the rows as the best estimator transforms them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        array-like of shape (n_samples, n_columns)
        """
        return self._best().transform(X)

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the best estimator's score, by what compared the candidates.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        **params
            What a scorer has requested, with scikit-learn's metadata routing.

        Returns
        -------
        float
        """
        best = self._best()
        passed = process_routing(self, "score", **params).scorer["score"] if params else {}
        return self.scorer_(best, X, y, **passed)

    # -- scikit-learn's questions ----------------------------------------------------------------

    def __sklearn_tags__(self):
        """Whatever the estimator takes."""
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags = inner.input_tags
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are results."""
        return "cv_results_" in vars(self)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what `fit` and `score` pass on, and to whom.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        scorer = check_scoring(self.estimator, scoring=self.scoring)
        to_scorer = MethodMapping().add(caller="score", callee="score")
        return (
            MetadataRouter(owner=type(self).__name__)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="partial_fit"),
            )
            .add(scorer=scorer, method_mapping=to_scorer.add(caller="fit", callee="score"))
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )


# Of scikit-learn's estimators and of this package's: when `fit` ends, and what it starts from.
_OF_FIT_ALONE = (
    "early_stopping",
    "max_iter",
    "max_time",
    "n_iter_no_change",
    "tol",
    "validation_fraction",
    "warm_start",
)


def _warn_of_unread(candidates: list[_Candidate]) -> None:
    """Warn of parameters that are searched, and that `partial_fit` does not read."""
    names = sorted({name for candidate in candidates for name in candidate.params})
    unread = [name for name in names if name.rpartition("__")[2] in _OF_FIT_ALONE]
    if unread:
        warn_user(
            f"partial_fit does not read {' or '.join(unread)}, so that a search changes nothing by "
            "it. The epochs of a candidate are counted by max_resources and min_resources."
        )


@dataclass(frozen=True)
class _Routed:
    """The arguments of `fit`, by whom they are for."""

    partial_fit: dict[str, Any]
    split: dict[str, Any]
    score: dict[str, Any]


def _route(search: HalvingPartialFitSearchCV, params: dict[str, Any]) -> _Routed:
    if get_config()["enable_metadata_routing"]:
        to = process_routing(search, "fit", **params)
        return _Routed(to.estimator["partial_fit"], to.splitter["split"], to.scorer["score"])
    split = {name: value for name, value in params.items() if name == "groups"}
    return _Routed({k: v for k, v in params.items() if k not in split}, split, {})


def _with_classes(estimator: Any, y: Any, params: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `partial_fit`, of a classifier's with all classes among them."""
    takes = inspect.signature(estimator.partial_fit).parameters
    if not is_classifier(estimator) or "classes" not in takes or "classes" in params:
        return params
    return {**params, "classes": unique_labels(y)}


@dataclass
class _Candidate:
    """Parameters, and the estimator of each split as far as it is trained; None: it failed."""

    params: dict[str, Any]
    trained: list[Any]


@dataclass(frozen=True)
class _Outcome:
    """What became of one candidate on one split in one iteration."""

    estimator: Any
    score: float
    fit_time: float = 0.0
    score_time: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class _Work:
    """How an estimator is trained and scored, the same for all candidates."""

    scorer: Callable[..., float]
    error_score: Any
    seed: int | None  # of the orders of the rows; None: as they stand
    params: dict[str, Any]  # of partial_fit
    score_params: dict[str, Any]

    def train(self, estimator: Any, X: Any, y: Any, rows: np.ndarray, epochs: range) -> None:
        """Present some rows once an epoch, in an order that the number of the epoch decides."""
        for epoch in epochs:
            order = rows
            if self.seed is not None:
                order = np.random.default_rng((self.seed, epoch)).permutation(rows)
            params = _of_rows(self.params, order, count_samples(X))
            estimator.partial_fit(*_taken(X, y, order), **params)

    def score(self, estimator: Any, X: Any, y: Any, rows: np.ndarray) -> float:
        """The score on some rows."""
        params = _of_rows(self.score_params, rows, count_samples(X))
        return float(self.scorer(estimator, *_taken(X, y, rows), **params))


def _taken(X: Any, y: Any, rows: np.ndarray) -> tuple[Any, ...]:
    """X, and y if there is one, at some rows."""
    X = take_samples(X, rows)
    return (X,) if y is None else (X, take_samples(y, rows))


def _of_rows(params: dict[str, Any], rows: np.ndarray, n_rows: int) -> dict[str, Any]:
    """The arguments for some rows: those with an entry a row are cut down to them."""
    return {
        name: take_samples(value, rows) if _is_by_row(name, value, n_rows) else value
        for name, value in params.items()
    }


def _is_by_row(name: str, value: Any, n_rows: int) -> bool:
    if name == "classes" or isinstance(value, str):
        return False
    has_length = hasattr(value, "__len__") or hasattr(value, "shape")
    return has_length and count_samples(value) == n_rows


def _train_and_score(
    work: _Work, estimator: Any, X: Any, y: Any, train: Any, test: Any, epochs: range
) -> _Outcome:
    """Train an estimator on for some epochs, and score it; what fails is not tried again."""
    if estimator is None:
        return _Outcome(None, work.error_score)
    start = time.perf_counter()
    try:
        work.train(estimator, X, y, train, epochs)
        trained = time.perf_counter()
        score = work.score(estimator, X, y, test)
    except Exception:
        if isinstance(work.error_score, str):
            raise
        return _Outcome(None, work.error_score, error=traceback.format_exc())
    return _Outcome(estimator, score, trained - start, time.perf_counter() - trained)


@dataclass(frozen=True)
class _Round:
    """One iteration: its candidates, and arrays of shape (n_candidates, n_splits)."""

    epochs: int
    params: list[dict[str, Any]]
    scores: np.ndarray
    fit_times: np.ndarray
    score_times: np.ndarray
    better: list[int] = field(default_factory=list)  # which of the candidates go on

    def best_first(self) -> list[int]:
        """The candidates whose mean score is a number, the best first; of equals the first."""
        means = self.scores.mean(axis=1)
        order = np.argsort(-means, kind="stable")
        return [int(i) for i in order if not np.isnan(means[i])]


def _round_of(epochs: int, candidates: list[_Candidate], outcomes: list[_Outcome]) -> _Round:
    """Give the candidates their estimators back, and lay out what became of them."""
    n_splits = len(candidates[0].trained)
    of_each = [outcomes[i : i + n_splits] for i in range(0, len(outcomes), n_splits)]
    for candidate, of_it in zip(candidates, of_each, strict=True):
        candidate.trained = [outcome.estimator for outcome in of_it]

    def measured(name: str) -> np.ndarray:
        return np.array([[getattr(outcome, name) for outcome in of_it] for of_it in of_each], float)

    params = [candidate.params for candidate in candidates]
    times = measured("fit_time"), measured("score_time")
    done = _Round(epochs, params, measured("score"), *times)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors and done.best_first():
        warn_user(
            f"{len(errors)} of {len(outcomes)} trainings failed before epoch {epochs} was over; "
            f"they have error_score, and are not trained on. The first error was:\n{errors[0]}",
            FitFailedWarning,
        )
    return done


def _floor_log(value: float, base: float) -> int:
    """How often `base` divides `value`; rounded first, for the logarithm of a power is inexact."""
    return floor(round(log(value, base), 9))


def _found(rounds: list[_Round], n_splits: int) -> dict[str, Any]:
    """The fitted attributes that tell of the search."""
    results = _table(rounds, n_splits)
    best = int(np.flatnonzero(results["iter"] == len(rounds) - 1)[rounds[-1].better[0]])
    return {
        "cv_results_": results,
        "best_index_": best,
        "best_params_": results["params"][best],
        "best_score_": float(results["mean_test_score"][best]),
        "n_candidates_": [len(done.params) for done in rounds],
        "n_resources_": [done.epochs for done in rounds],
        "n_iterations_": len(rounds),
        "n_remaining_candidates_": len(rounds[-1].better),
        "n_splits_": n_splits,
    }


def _table(rounds: list[_Round], n_splits: int) -> dict[str, Any]:
    """What scikit-learn's searches call `cv_results_`."""
    params = [each for done in rounds for each in done.params]
    sizes = [len(done.params) for done in rounds]
    scores = np.concatenate([done.scores for done in rounds])
    table: dict[str, Any] = {
        "iter": np.repeat(np.arange(len(rounds)), sizes),
        "n_resources": np.repeat([done.epochs for done in rounds], sizes),
    }
    for what in ("fit_times", "score_times"):
        times = np.concatenate([getattr(done, what) for done in rounds])
        table[f"mean_{what[:-1]}"], table[f"std_{what[:-1]}"] = (
            times.mean(axis=1),
            times.std(axis=1),
        )
    for name in sorted({name for each in params for name in each}):
        column = np.ma.masked_all(len(params), dtype=object)
        for i, each in enumerate(params):
            if name in each:
                column[i] = each[name]
        table[f"param_{name}"] = column
    table["params"] = params
    table |= {f"split{i}_test_score": scores[:, i] for i in range(n_splits)}
    table["mean_test_score"], table["std_test_score"] = scores.mean(axis=1), scores.std(axis=1)
    known = np.nan_to_num(table["mean_test_score"], nan=-np.inf)
    table["rank_test_score"] = rankdata(-known, method="min").astype(np.int32)
    return table
