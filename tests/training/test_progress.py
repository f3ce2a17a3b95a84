"""The live line of `verbose`."""

import re

import pytest
from sklearn.model_selection import GridSearchCV
from validation_cases import X, Y, regressor, unconverged

from skbackprop.training.monitor import Epoch
from skbackprop.training.progress import Progress


class _Terminal:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


@unconverged
def test_one_live_line_on_a_terminal(monkeypatch):
    terminal = _Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    regressor(verbose=1, early_stopping=True, max_iter=300).fit(X, Y)
    live, _, rest = terminal.text.rpartition("\n")[0].rpartition("\n")
    assert live.startswith("\repoch 1/300, loss ") and "\n" not in live
    last = live.split("\r")[-1]
    assert re.fullmatch(
        r"epoch \d+/300, loss [\d.e-]+, score [\d.e-]+, eta 0.003, [\d.]+ s left, "
        r"validation loss [\d.e-]+ *",
        last,
    )
    assert rest.startswith("stopped (")
    widths = [len(line) for line in live.split("\r")[1:]]
    assert widths == sorted(widths) or min(widths) > 60  # a shorter line covers a longer one


@pytest.mark.parametrize("columns", [200, 80, 40, 10])
def test_the_live_line_does_not_wrap(monkeypatch, columns):
    monkeypatch.setattr("sys.stdout", _Terminal())
    monkeypatch.setenv("COLUMNS", str(columns))
    progress = Progress()
    progress(Epoch(123, 200, 0.123456, 0.123456, -0.987654, 0.000333, 45.6))
    progress.close("max_iter")
    line = progress._out.text.split("\n")[0].split("\r")[-1]
    required = [
        "epoch 123/200", "loss 0.12346", "score -0.9877", "eta 0.000333", "28.5 s left",
        "validation loss 0.12346",
    ]  # fmt: skip
    shown = {200: 6, 80: 5, 40: 2, 10: 1}[columns]  # all that matters at 80, and whole figures only
    assert line == ", ".join(required[:shown])


@unconverged
def test_nothing_is_printed_in_workers(capfd):
    search = GridSearchCV(regressor(verbose=1, max_iter=2), {"eta": [0.1, 0.01]}, n_jobs=2, cv=2)
    search.set_params(refit=False).fit(X, Y)
    assert "epoch" not in capfd.readouterr().out
