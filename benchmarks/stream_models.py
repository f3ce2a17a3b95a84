"""The models that are compared on streams, at their defaults, given what their kind needs.

Those of scikit-learn, and our own network at a fixed learning rate, learn behind a StandardScaler
that is told each row before them, and regressors behind one of the targets, too. River's linear
models have river's scalers.
"""

import pickle
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, StreamClassifier, StreamRegressor
from skbackprop.exceptions import DivergenceError

from .peers import has

ETAS = (0.02, 0.1, 0.5)


class NoChange:
    """The next target is the last one."""

    def __init__(self, n_classes, seed):
        self.last = None
        self.n_classes = n_classes

    def rows(self, X):
        return range(len(X))

    def predict(self, row):
        return self.last

    def learn(self, row, target):
        self.last = target

    def size(self):
        return len(pickle.dumps(self.last))

    def probabilities(self, outputs):
        return np.eye(self.n_classes)[outputs]


class Arrays:
    """A model that is given arrays of one row, classes being 0, 1, ...

    Parameters
    ----------
    n_classes : int
        0 for regression.
    seed : int
    """

    known = False

    def __init__(self, n_classes, seed):
        self.n_classes = n_classes
        self.model = self.new(seed)

    def rows(self, X):
        return [X[i : i + 1] for i in range(len(X))]

    def predict(self, row):
        return self.output(row) if self.known else None

    def output(self, row):
        return self.model.predict_proba(row)[0] if self.n_classes else self.model.predict(row)[0]

    def learn(self, row, target):
        classes = {} if self.known or not self.n_classes else {"classes": range(self.n_classes)}
        self.model.partial_fit(row, [target], **classes)
        self.known = True

    def size(self):
        return len(pickle.dumps(self.model))

    def probabilities(self, outputs):
        return np.array(outputs)


class Ours(Arrays):
    settings: dict = {}

    def new(self, seed):
        kind = StreamClassifier if self.n_classes else StreamRegressor
        return kind(**self.settings, random_state=seed)

    def alarms(self):
        return self.model.drift_["alarms"]


class OursLastTarget(Ours):
    settings = {"last_target": True}


class Scaled(Arrays):
    """A model of arrays behind running scalers of the inputs, and of numbers as targets."""

    def __init__(self, n_classes, seed):
        super().__init__(n_classes, seed)
        self.scaler, self.target_scaler = StandardScaler(), StandardScaler()

    def output(self, row):
        output = super().output(self.scaler.transform(row))
        return output if self.n_classes else self.target_scaler.inverse_transform([[output]])[0, 0]

    def learn(self, row, target):
        if not self.n_classes:
            target = self.target_scaler.partial_fit([[target]]).transform([[target]])[0, 0]
        super().learn(self.scaler.partial_fit(row).transform(row), target)

    def size(self):
        return len(pickle.dumps((self.model, self.scaler, self.target_scaler)))


class Sgd(Scaled):
    def new(self, seed):
        if self.n_classes:
            return SGDClassifier(loss="log_loss", random_state=seed)
        return SGDRegressor(random_state=seed)


class Mlp(Scaled):
    def new(self, seed):
        kind = MLPClassifier if self.n_classes else MLPRegressor
        return kind(hidden_layer_sizes=(32,), random_state=seed)


def fixed_eta(eta):
    """Our own network by the plain rule, at one learning rate; it stays where it diverges."""

    class FixedEta(Scaled):
        def new(self, seed):
            kind = BackpropClassifier if self.n_classes else BackpropRegressor
            rule = {"activation": "tanh", "solver": "sgd", "eta": eta}
            return kind((32,), **rule, random_state=seed)

        def learn(self, row, target):
            with suppress(DivergenceError):
                super().learn(row, target)

    return FixedEta


class River:
    """A model of river's, which is given dicts."""

    def __init__(self, n_classes, seed):
        self.n_classes = n_classes
        self.model = self.new(seed)

    def rows(self, X):
        return [dict(enumerate(x)) for x in X.tolist()]

    def predict(self, row):
        return self.model.predict_proba_one(row) if self.n_classes else self.model.predict_one(row)

    def learn(self, row, target):
        self.model.learn_one(row, target)

    def size(self):
        try:
            return len(pickle.dumps(self.model))
        except RecursionError:  # of a tree that has grown deep
            return np.nan

    def probabilities(self, outputs):
        return np.array([[p.get(k, 0.0) for k in range(self.n_classes)] for p in outputs])


class RiverLinear(River):
    def new(self, seed):
        models, scalers = import_module("river.linear_model"), import_module("river.preprocessing")
        if self.n_classes > 2:
            return scalers.StandardScaler() | models.SoftmaxRegression()
        if self.n_classes:
            return scalers.StandardScaler() | models.LogisticRegression()
        model = scalers.StandardScaler() | models.LinearRegression()
        return scalers.TargetStandardScaler(regressor=model)


class HoeffdingTree(River):
    def new(self, seed):
        kind = "Classifier" if self.n_classes else "Regressor"
        trees = import_module("river.tree")
        return getattr(trees, f"HoeffdingAdaptiveTree{kind}")(seed=seed)


class RandomForest(River):
    def new(self, seed):
        kind = "Classifier" if self.n_classes else "Regressor"
        return getattr(import_module("river.forest"), f"ARF{kind}")(seed=seed)


class DeepRiver(River):
    """A network of PyTorch's of the size of ours behind river's scaler; made at the first row."""

    def new(self, seed):
        self.seed = seed

    def learn(self, row, target):
        if self.model is None:
            self.model = self.network(len(row))
        super().learn(row, target)

    def predict(self, row):
        return super().predict(row) if self.model else None

    def network(self, n_in):
        nn, scalers = import_module("torch.nn"), import_module("river.preprocessing")
        import_module("torch").manual_seed(self.seed)
        layers = nn.Linear(n_in, 32), nn.Tanh(), nn.Linear(32, self.n_classes or 1)
        settings = {"module": nn.Sequential(*layers), "optimizer_fn": "adam", "seed": self.seed}
        if self.n_classes:
            kind = import_module("deep_river.classification").Classifier
            return scalers.StandardScaler() | kind(loss_fn="cross_entropy", **settings)
        kind = import_module("deep_river.regression").Regressor
        model = scalers.StandardScaler() | kind(loss_fn="mse", **settings)
        return scalers.TargetStandardScaler(regressor=model)


class VowpalWabbit:
    """Vowpal Wabbit, which is given lines of text."""

    def __init__(self, n_classes, seed):
        self.n_classes = n_classes
        options = "--quiet"
        if n_classes == 2:
            options += " --loss_function logistic --link logistic"
        elif n_classes:
            options += f" --loss_function logistic --oaa {n_classes} --probabilities"
        self.model = import_module("vowpalwabbit").Workspace(options)

    def rows(self, X):
        return ["| " + " ".join(f"{j}:{x!r}" for j, x in enumerate(row)) for row in X.tolist()]

    def predict(self, row):
        return self.model.predict(row)

    def learn(self, row, target):
        label = 2 * target - 1 if self.n_classes == 2 else target + bool(self.n_classes)
        self.model.learn(f"{label} {row}")

    def size(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            self.model.save(str(path))
            return path.stat().st_size

    def probabilities(self, outputs):
        p = np.array(outputs)
        return np.column_stack([1.0 - p, p]) if p.ndim == 1 else p


#: The models by name, with the package that each needs.
MODELS = {
    "ours": (Ours, "skbackprop"),
    "ours + last target": (OursLastTarget, "skbackprop"),
    "no change": (NoChange, "sklearn"),
    "SGD": (Sgd, "sklearn"),
    "MLP": (Mlp, "sklearn"),
    **{f"eta {eta}": (fixed_eta(eta), "skbackprop") for eta in ETAS},
    "river linear": (RiverLinear, "river"),
    "Hoeffding tree": (HoeffdingTree, "river"),
    "Vowpal Wabbit": (VowpalWabbit, "vowpalwabbit"),
    "random forest": (RandomForest, "river"),
    "deep-river": (DeepRiver, "deep_river"),
}


def installed():
    """The names of the models that can be measured here."""
    return [name for name, (_, package) in MODELS.items() if has(package)]
