"""What watches a fit: stopping, the best weights, reasons."""

import numpy as np
from training_cases import D, X, trainer

from skbackprop.training.monitor import History, Monitor, Stopping
from skbackprop.training.trainer import train


def stop_after(losses, patience, tol=0.1):
    stopping = Stopping(tol, patience)
    for epoch, loss in enumerate(losses):
        stopping.improved(loss)
        if stopping.exhausted:
            return epoch
    return None


def test_stopping_counts_epochs_without_improvement():
    assert stop_after([5, 4, 3, 2, 1], 1) is None
    assert stop_after([1, 1, 1, 1, 1], 2) == 3
    assert stop_after([1, 0.95, 0.9, 0.85, 0.8], 2) == 3  # each less than tol better than the best
    assert stop_after([1, 1, 0.5, 0.5, 0.5, 0.5], 2) == 5
    assert stop_after([1] * 1000, np.inf) is None


def test_train_keeps_the_best_weights_by_validation_score():
    ours, weights = trainer(), []
    scores = iter([0.1, 0.5, 0.3, 0.2, 0.1])

    def validate():
        weights.append(ours.objective.network.w.copy())
        return 0.0, next(scores)

    network, state, history = ours.objective.network, ours.state, History()
    monitor = Monitor(
        network, state, history, Stopping(0.0, 2), max_iter=100, validate=validate, keep_best=True
    )
    train(ours, lambda: None, (X, D, None), 5, monitor)
    monitor.restore_best()
    assert monitor.reason == "no_improvement"
    assert history.best_validation_score == 0.5 and history.best_iter == 2
    np.testing.assert_array_equal(ours.objective.network.w, weights[1])
