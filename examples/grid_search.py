"""A grid search over layers, activation and eta
=============================================

A Pipeline tuned by GridSearchCV over layers, activation and learning rate, two jobs.

Run it with ``python examples/grid_search.py``.
"""

import time

from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier


def main():
    """Search, show the best settings, and score them on rows the search never saw."""
    X, y = load_wine(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=0
    )
    net = BackpropClassifier(solver="sgd", batch_size=16, max_iter=1000, tol=1e-3, random_state=0)
    model = Pipeline([("scale", StandardScaler()), ("net", net)])
    grid = {
        "net__hidden_layer_sizes": [(), (16,), (16, 16)],
        "net__activation": ["tanh", "relu", "silu"],
        "net__eta": [0.003, 0.03, 0.3],
    }
    search = GridSearchCV(model, grid, cv=3, scoring="neg_log_loss", n_jobs=2)

    start = time.perf_counter()
    search.fit(X_train, y_train)
    seconds = time.perf_counter() - start

    results = search.cv_results_
    order = results["rank_test_score"].argsort()
    n_fits = len(order) * search.n_splits_
    print(
        f"wine: {len(order)} candidates x {search.n_splits_} folds = {n_fits} fits, {seconds:.1f} s"
    )
    print(f"\n{'hidden layers':<16}{'activation':<12}{'eta':>8}{'log loss':>12}")
    shown = [*order[:5], None, *order[-3:]]
    for i in shown:
        if i is None:
            print("...")
            continue
        row = results["params"][i]
        print(
            f"{row['net__hidden_layer_sizes']!s:<16}{row['net__activation']:<12}"
            f"{row['net__eta']:>8g}{-results['mean_test_score'][i]:>12.4f}"
        )
    accuracy = search.best_estimator_.score(X_test, y_test)
    print(f"\nbest: {search.best_params_}")
    print(f"accuracy on {len(y_test)} rows kept out of the search: {accuracy:.3f}")


if __name__ == "__main__":
    main()
