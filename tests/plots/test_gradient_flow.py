"""The flow of error."""

import matplotlib
import numpy as np
import pytest
from plot_cases import X, Y, regressor, unconverged
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import (
    GradientFlowDisplay,
    trace_signals,
)

matplotlib.use("Agg")


@unconverged
@pytest.mark.parametrize("mask", [None, [np.arange(24).reshape(4, 6) % 5 > 1, None, None]])
def test_gradient_flow(mask):
    model = regressor((6, 5), activation="relu", solver="sgd", eta=[0.1, 0.0, 0.2], batch_size=1)
    model.set_params(mask=mask)
    model = TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, Y)
    trace = trace_signals(model, X, Y)
    display = GradientFlowDisplay.from_estimator(model, X, Y)
    for layer in range(3):
        W = trace.coefs[layer]
        changes = [trace.dw(layer, sample) for sample in range(40)]
        np.testing.assert_array_equal(display.delta_[layer], np.abs(trace.delta[layer]))
        size = np.sqrt((W**2).sum())
        ratios = [np.sqrt((dw**2).sum()) / size for dw in changes]
        np.testing.assert_allclose(display.ratio_[layer], ratios, rtol=1e-12)
        whole = np.sqrt((np.mean(changes, axis=0) ** 2).sum()) / size
        assert display.batch_ratio_[layer] == pytest.approx(whole, rel=1e-12)
    left, right = display.axes_
    zero = (trace.delta[0] == 0).mean()
    labels = [label.get_text() for label in left.get_xticklabels()]
    assert labels[0] == f"0\n{zero:.0%} zero" and labels[2] == "2"
    assert right.get_xticklabels()[1].get_text() == "1\n100% zero"  # frozen
    median = np.median(display.delta_[2])
    assert median in [line.get_ydata()[0] for line in left.lines if len(line.get_ydata()) == 2]
    assert left.get_yscale() == right.get_yscale() == "log"


def test_gradient_flow_needs_targets():
    trace = trace_signals(regressor().partial_fit(X, Y), X)
    with pytest.raises(ValueError, match="GradientFlowDisplay needs the errors; give the targets"):
        GradientFlowDisplay(trace).plot()
