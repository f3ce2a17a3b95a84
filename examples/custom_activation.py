"""Activations of your own
=======================

Activations of your own: a pair (phi, dphi), one per layer, and mixed within a layer.

Run it with ``python examples/custom_activation.py``.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import Activation, BackpropClassifier, Mixed


# Plain functions at module level, not lambdas: a fitted model that holds them can be pickled.
def bent(v):
    """The bent identity, phi(v) = (sqrt(v^2 + 1) - 1) / 2 + v."""
    return (np.sqrt(v * v + 1.0) - 1.0) / 2.0 + v


def dbent(v, y):
    """Its derivative; a dphi may use the local field v, the output y = phi(v), or both."""
    return v / (2.0 * np.sqrt(v * v + 1.0)) + 1.0


def dbent_wrong(v, y):
    """The same with its factor 2 forgotten."""
    return v / np.sqrt(v * v + 1.0) + 1.0


def asinh(v):
    """An odd function that flattens slowly, phi(v) = asinh(v)."""
    return np.arcsinh(v)


def dasinh(v, y):
    """Its derivative, 1 / sqrt(1 + v^2)."""
    return 1.0 / np.sqrt(1.0 + v * v)


def step(v):
    """Heaviside's step: its true derivative is 0, so nothing could be learnt through it."""
    return (v > 0).astype(v.dtype)


def hat(v, y):
    """A slope to use in its place: 1 at the step, down to 0 at |v| = 1."""
    return np.maximum(0.0, 1.0 - np.abs(v))


def main():
    """Fit each variant on the digits and print its test accuracy."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

    def score(hidden_layer_sizes, activation):
        net = BackpropClassifier(
            hidden_layer_sizes,
            activation=activation,
            solver="momentum",
            eta=0.02,
            tol=1e-3,
            random_state=0,
        )
        return make_pipeline(StandardScaler(), net).fit(X_train, y_train).score(X_test, y_test)

    bent_identity = Activation(bent, dbent, name="bent_identity")
    slow = Activation(asinh, dasinh, name="asinh")
    # Sixteen neurons of each kind in one layer of 48.
    mixed = Mixed(["tanh"] * 16 + ["relu"] * 16 + [slow] * 16)
    variants = [
        ("tanh, by name", (48,), "tanh"),
        ("bent identity, your own", (48,), bent_identity),
        ("asinh, your own", (48,), slow),
        ("one per layer: asinh, relu", (48, 24), [slow, "relu"]),
        ("mixed in one layer", (48,), mixed),
    ]
    print("digits, accuracy on the test rows")
    for title, sizes, activation in variants:
        print(f"  {title:<30}{sizes!s:<10}{score(sizes, activation):.3f}")

    print("\na derivative that contradicts its phi is found out at fit:")
    wrong = Activation(bent, dbent_wrong, name="bent_identity")
    try:
        score((48,), wrong)
    except ValueError as error:
        print(f"  {type(error).__name__}: {error}")
    else:
        raise SystemExit("the wrong derivative went unnoticed")

    print("\ncheck=False is for a deliberate surrogate, here a step trained by a hat's slope:")
    surrogate = Activation(step, hat, name="step", check=False)
    print(f"  {'step with surrogate slope':<30}{'(48,)':<10}{score((48,), surrogate):.3f}")


if __name__ == "__main__":
    main()
