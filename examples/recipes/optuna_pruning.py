"""Optuna with pruning
===================

Trials report a score after each epoch of ``partial_fit``, and end where it is below the median.

Needs ``optuna``. Run it with ``python examples/recipes/optuna_pruning.py``.
"""

import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import BackpropClassifier, DivergenceError

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, random_state=0)


def objective(trial):
    """Return the score of one trial; a network that diverges is pruned as well."""
    net = BackpropClassifier(
        (trial.suggest_int("neurons", 4, 64, log=True),),
        eta=trial.suggest_float("eta", 1e-5, 1.0, log=True),
        activation=trial.suggest_categorical("activation", ["tanh", "relu"]),
        batch_size=32,
        random_state=0,
    )
    for epoch in range(15):
        try:
            net.partial_fit(X_train, y_train, classes=range(10))
        except DivergenceError as error:
            raise optuna.TrialPruned() from error
        score = net.score(X_val, y_val)
        trial.report(score, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return score


def main():
    """Search, and show what was pruned."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=30)
    states = [trial.state.name for trial in study.trials]
    epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    print(f"{states.count('COMPLETE')} trials whole, {states.count('PRUNED')} pruned")
    print(f"done {epochs} of {15 * len(states)} epochs")
    print(f"best: accuracy {study.best_value:.3f} with {study.best_params}")


if __name__ == "__main__":
    main()
