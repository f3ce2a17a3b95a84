"""Learning curves."""

import matplotlib
import numpy as np
import pytest
from plot_cases import X, Y, curves, regressor, unconverged
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import (
    LossCurveDisplay,
)

matplotlib.use("Agg")


@unconverged
def test_loss_curves_show_the_history():
    model = regressor(eta_schedule="exponential").set_params(early_stopping=True, max_iter=12)
    model.fit(X, Y)
    display = LossCurveDisplay.from_estimator(make_pipeline(model))
    assert display.panels_ == ("loss", "score", "eta")
    loss, score, eta = display.axes_
    np.testing.assert_array_equal(curves(loss)[0], model.loss_curve_)
    np.testing.assert_array_equal(curves(loss)[1], model.validation_loss_curve_)
    np.testing.assert_array_equal(curves(score)[0], model.validation_scores_)
    np.testing.assert_array_equal(curves(eta)[0], model.eta_curve_)
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), np.arange(1, 13))
    (star,) = (line for line in loss.lines if line.get_marker() == "*")
    best = model.best_iter_
    assert star.get_xydata().tolist() == [[best, model.validation_loss_curve_[best - 1]]]
    labels = [text.get_text() for text in loss.get_legend().get_texts()]
    assert labels == ["training", "validation", f"weights kept: epoch {best}"]


@unconverged
def test_loss_curves_of_several():
    models = {"adam": regressor(), "lbfgs": regressor(solver="lbfgs"),
              "MLP": MLPRegressor(max_iter=5, random_state=0)}  # fmt: skip
    display = LossCurveDisplay.from_estimator({name: m.fit(X, Y) for name, m in models.items()})
    assert display.panels_ == ("loss",)  # no scores, and eta never changed
    lines = display.ax_.lines
    for line, model in zip(lines, models.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), model.loss_curve_)
    assert len({line.get_color() for line in lines}) == len({x.get_marker() for x in lines}) == 3
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == list(models)
    np.testing.assert_array_equal(curves(display.plot(panels=["eta"]).ax_)[0], [0.003] * 8)


def test_loss_curves_on_a_logarithmic_scale():
    wide = LossCurveDisplay({"": {"loss": [1.0, 0.1, 0.01]}}).plot()
    narrow = LossCurveDisplay({"": {"loss": [1.0, 0.9, 0.8]}}).plot()
    negative = LossCurveDisplay({"": {"loss": [100.0, 0.9, -0.8]}}).plot()
    scales = [display.ax_.get_yscale() for display in (wide, narrow, negative)]
    assert scales == ["log", "linear", "linear"]


def test_loss_curves_refuse():
    with pytest.raises(ValueError, match="online: BackpropRegressor has no loss curve; fit it"):
        LossCurveDisplay.from_estimator({"online": regressor().partial_fit(X, Y)})
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(regressor())
    with pytest.raises(TypeError, match="StandardScaler"):
        LossCurveDisplay.from_estimator(StandardScaler())
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(make_pipeline(StandardScaler(), regressor()))
    display = LossCurveDisplay({"": {"loss": [1.0]}})
    with pytest.raises(ValueError, match="panels is 'cost'; choose one of 'loss', 'score', 'eta'"):
        display.plot(panels=["cost"])
    with pytest.raises(ValueError, match="estimator is an empty dict"):
        LossCurveDisplay.from_estimator({})
    with pytest.raises(ValueError, match="panels is empty"):
        display.plot(panels=())
    with pytest.raises(ValueError, match="panels is None; it must be 'auto', or one or several"):
        display.plot(panels=None)
    with pytest.raises(ValueError, match="there is no validation score to show: none was recorded"):
        display.plot(panels=["loss", "score"])
    with pytest.raises(ValueError, match="panels is .'eta',., but there is no eta to show"):
        display.plot(panels="eta")


@unconverged
def test_loss_curves_of_a_pipeline_of_scikit_learn():
    model = make_pipeline(StandardScaler(), make_pipeline(MLPRegressor(max_iter=5))).fit(X, Y)
    (curve,) = curves(LossCurveDisplay.from_estimator(model).ax_)
    np.testing.assert_array_equal(curve, model[-1][-1].loss_curve_)
