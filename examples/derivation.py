"""One step of the rule, by hand
=============================

One step of the rule by plain arithmetic, beside what the package computed.

The network has two inputs, two hidden neurons and one output neuron, every phi is the logistic
function, eta = 0.5, the input is x = (1, 0) and the desired output d = 1.

Run it with ``python examples/derivation.py``.
"""

import math

import numpy as np

from skbackprop import BackpropRegressor

ETA = 0.5
X = (1.0, 0.0)
D = 1.0
# Each neuron's weights, bias first: w_j0, w_j1, w_j2.
HIDDEN = [(0.1, 0.2, -0.3), (-0.2, 0.4, 0.5)]
OUTPUT = (0.3, -0.6, 0.7)


def phi(v):
    """The logistic function."""
    return 1.0 / (1.0 + math.exp(-v))


def dphi(y):
    """Its derivative phi'(v), written in terms of the output y = phi(v)."""
    return y * (1.0 - y)


def inverse_phi(y):
    """The local field v that gave the output y."""
    return math.log(y / (1.0 - y))


def step_by_hand():
    """Go through the rule with no library at all; return every symbol by name."""
    s = {}
    # Forward: v_j = sum_i w_ji y_i with y_0 = +1, y_j = phi(v_j).
    for j, (w0, w1, w2) in enumerate(HIDDEN, start=1):
        s[f"v_{j}"] = w0 + w1 * X[0] + w2 * X[1]
        s[f"y_{j}"] = phi(s[f"v_{j}"])
    s["v_o"] = OUTPUT[0] + OUTPUT[1] * s["y_1"] + OUTPUT[2] * s["y_2"]
    s["y_o"] = phi(s["v_o"])
    # Error: e = d - y, E = e^2 / 2.
    s["e"] = D - s["y_o"]
    s["E"] = 0.5 * s["e"] ** 2
    # Backward: delta_o = e phi'(v_o); delta_j = phi'(v_j) sum_k delta_k w_kj, with the weights
    # as they were before this step.
    s["delta_o"] = s["e"] * dphi(s["y_o"])
    for j in (1, 2):
        s[f"delta_{j}"] = dphi(s[f"y_{j}"]) * s["delta_o"] * OUTPUT[j]
    # Correction: Dw_ji = eta delta_j y_i, and y_0 = +1 for the bias.
    for i, y_i in enumerate((1.0, s["y_1"], s["y_2"])):
        s[f"Dw_o{i}"] = ETA * s["delta_o"] * y_i
    for j in (1, 2):
        for i, y_i in enumerate((1.0, *X)):
            s[f"Dw_{j}{i}"] = ETA * s[f"delta_{j}"] * y_i
    # The forward pass once more, with every weight changed by its Dw.
    signals = [1.0]
    for j, w in enumerate(HIDDEN, start=1):
        signals.append(phi(sum((w[i] + s[f"Dw_{j}{i}"]) * (1.0, *X)[i] for i in range(3))))
    s["y_o after"] = phi(sum((OUTPUT[i] + s[f"Dw_o{i}"]) * signals[i] for i in range(3)))
    return s


def step_by_package():
    """Let the same row through partial_fit from the same weights, and read the symbols off it.

    Every signal follows from public attributes: an update is Dw_ji = eta delta_j y_i, so the
    change of a bias gives delta_j (its input is y_0 = +1), and the change of an output weight
    over that of the output bias gives y_i.
    """
    hidden, output = np.array(HIDDEN), np.array([OUTPUT])
    coefs = [hidden[:, 1:].T, output[:, 1:].T]  # (n_in, n_out), scikit-learn's orientation
    intercepts = [hidden[:, 0], output[:, 0]]
    x, d = np.array([X]), np.array([D])
    model = BackpropRegressor(
        (2,),
        activation="logistic",
        output_activation="logistic",
        loss="squared_error",
        solver="sgd",
        eta=ETA,
    )
    model.partial_fit(x, d, coef_init=coefs, intercept_init=intercepts)  # the step

    s = {"E": model.loss_, "y_o after": model.predict(x)[0]}
    dw_hidden, dw_output = (new - old for new, old in zip(model.coefs_, coefs, strict=True))
    db_hidden, db_output = (
        new - old for new, old in zip(model.intercepts_, intercepts, strict=True)
    )
    s["Dw_o0"], s["delta_o"] = db_output[0], db_output[0] / ETA
    for j in (1, 2):
        s[f"Dw_o{j}"] = dw_output[j - 1, 0]
        s[f"y_{j}"] = s[f"Dw_o{j}"] / s["Dw_o0"]
        s[f"v_{j}"] = inverse_phi(s[f"y_{j}"])
        s[f"Dw_{j}0"], s[f"delta_{j}"] = db_hidden[j - 1], db_hidden[j - 1] / ETA
        for i in (1, 2):
            s[f"Dw_{j}{i}"] = dw_hidden[i - 1, j - 1]
    # With the old weights put back, the model says what it said before the step.
    model.coefs_, model.intercepts_ = coefs, intercepts
    s["y_o"] = model.predict(x)[0]
    s["v_o"], s["e"] = inverse_phi(s["y_o"]), D - s["y_o"]
    return s


STAGES = {
    "forward:    v_j = sum_i w_ji y_i,  y_j = phi(v_j)": ["v_1", "v_2", "y_1", "y_2", "v_o", "y_o"],
    "error:      e = d - y_o,  E = e^2 / 2": ["e", "E"],
    "backward:   delta_o = e phi'(v_o),  delta_j = phi'(v_j) sum_k delta_k w_kj": [
        "delta_o",
        "delta_1",
        "delta_2",
    ],
    "correction: Dw_ji = eta delta_j y_i": [
        f"Dw_{neuron}{i}" for neuron in ("o", "1", "2") for i in range(3)
    ],
    "after the step: the output is nearer to d": ["y_o after"],
}


def main():
    """Print both columns and hold them to each other."""
    by_hand, by_package = step_by_hand(), step_by_package()
    print(f"x = {X}, d = {D}, eta = {ETA}, phi = logistic, network 2-2-1")
    print(f"{'symbol':<12}{'by hand':>20}{'skbackprop':>20}{'difference':>12}")
    worst = 0.0
    for stage, symbols in STAGES.items():
        print(f"\n{stage}")
        for symbol in symbols:
            # + 0.0 prints a negative zero as zero
            hand, package = by_hand[symbol] + 0.0, float(by_package[symbol]) + 0.0
            difference = abs(hand - package)
            worst = max(worst, difference)
            print(f"  {symbol:<10}{hand:>20.12g}{package:>20.12g}{difference:>12.1e}")
    assert worst < 1e-12, f"the package and the arithmetic differ by {worst}"
    print(f"\nevery symbol agrees to 1e-12 (largest difference {worst:.1e})")


if __name__ == "__main__":
    main()
