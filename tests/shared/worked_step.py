"""One step of the rule by hand, for the 2-2-1 network of the derivation."""

import math

import numpy as np

ETA = 0.5
X, D = (1.0, 0.0), 1.0
# Bias first, as the derivation writes them.
HIDDEN = ((0.1, 0.2, -0.3), (-0.2, 0.4, 0.5))
OUTPUT = (0.3, -0.6, 0.7)


def logistic(v):
    return 1.0 / (1.0 + math.exp(-v))


def by_hand():
    """One step of the rule for the 2-2-1 net, number by number."""
    y_in = (1.0, *X)
    v = [sum(w * y for w, y in zip(row, y_in, strict=True)) for row in HIDDEN]
    y = [logistic(a) for a in v]
    v_o = OUTPUT[0] + OUTPUT[1] * y[0] + OUTPUT[2] * y[1]
    y_o = logistic(v_o)
    e = D - y_o
    delta_o = e * y_o * (1 - y_o)
    delta = [y[j] * (1 - y[j]) * delta_o * OUTPUT[j + 1] for j in range(2)]
    d_output = [ETA * delta_o * signal for signal in (1.0, *y)]
    d_hidden = [[ETA * delta[j] * signal for signal in y_in] for j in range(2)]
    return v, y, v_o, y_o, e, delta_o, delta, d_output, d_hidden


def start():
    coefs = [np.array([row[1:] for row in HIDDEN]).T, np.array(OUTPUT[1:])[:, None]]
    return coefs, [np.array([row[0] for row in HIDDEN]), np.array(OUTPUT[:1])]
