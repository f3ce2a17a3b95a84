"""Ray Tune with pruning
=====================

Trials on Ray's workers, one epoch of ``partial_fit`` a report, the worse ones ended early by ASHA.

Needs ``ray[tune]``. Run it with ``python examples/recipes/tune_on_ray.py``.
"""

import tempfile

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import BackpropClassifier

EPOCHS = 9


def train(config, data):
    """Train one trial, and report its score after each epoch: the scheduler may end it there."""
    X, X_val, y, y_val = data
    net = BackpropClassifier((32,), batch_size=32, random_state=0, **config)
    for _ in range(EPOCHS):
        net.partial_fit(X, y, classes=range(10))
        tune.report({"accuracy": net.score(X_val, y_val)})


def search(data, folder):
    """Return what became of 9 trials, of which few are trained to the end."""
    tuner = tune.Tuner(
        tune.with_parameters(train, data=data),
        param_space={
            "eta": tune.loguniform(1e-5, 1.0),
            "activation": tune.choice(["tanh", "relu"]),
        },
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=9,
            scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=1, reduction_factor=3),
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0),
    )
    return tuner.fit()


def main():
    """Search, and show how many epochs each trial was given."""
    X, y = load_digits(return_X_y=True)
    data = train_test_split(X / 16, y, random_state=0)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        found = search(data, folder)
    epochs = sorted(result.metrics["training_iteration"] for result in found)
    best = found.get_best_result()
    print("epochs of each trial:", *epochs)
    print(f"done {sum(epochs)} of {EPOCHS * len(epochs)} epochs")
    print(f"best: accuracy {best.metrics['accuracy']:.3f} with eta {best.config['eta']:.4f}")
    ray.shutdown()


if __name__ == "__main__":
    main()
