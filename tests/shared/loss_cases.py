"""What several tests of losses share."""

import numpy as np
import pytest

RNG = np.random.default_rng(0)


D, Y = np.exp(RNG.normal(size=(40, 1))), np.exp(RNG.normal(size=(40, 1)))


unconverged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


Z = RNG.normal(size=(120, 3))


TARGET = np.exp(0.5 * Z[:, 0]) + 0.3 * np.abs(Z[:, 1])
