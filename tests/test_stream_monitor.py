"""What the monitor of the examples shows of a stream, in a terminal and on its page."""

import importlib.util
import io
import json
import re
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from skbackprop import StreamRegressor

PATH = Path(__file__).parent.parent / "examples" / "stream_monitor.py"
_spec = importlib.util.spec_from_file_location("stream_monitor", PATH)
stream_monitor = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stream_monitor)


def new_monitor():
    return stream_monitor.Monitor(StreamRegressor(random_state=0))


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Ascii(io.StringIO):
    encoding = "ascii"


def test_frames_hold_what_was_predicted_before_each_row():
    monitor, model = new_monitor(), StreamRegressor(random_state=0)
    stream_monitor.watch(60, monitor, stream_monitor.Screen(Ascii()))
    targets, predictions = [], []
    for x, y in stream_monitor.make_stream(50):
        prediction = model.predict_one(x)
        targets.append(round(y, 1))
        predictions.append(round(y if prediction is None else prediction, 1))
        model.learn_one(x, y)
    assert [frame["row"] for frame in monitor.frames] == [25, 50]
    assert sum((frame["targets"] for frame in monitor.frames), []) == targets
    assert sum((frame["predictions"] for frame in monitor.frames), []) == predictions
    assert monitor.frames[1]["weights"] == model.weights_.round(4).tolist()


def test_a_file_gets_lines_in_its_encoding(monkeypatch):
    out = Ascii()
    screen = stream_monitor.Screen(out, rows_per_line=50)
    stream_monitor.watch(100, new_monitor(), screen)
    frame = {**new_frame(), "row": 110, "alarms": [101, 107]}
    screen.show(frame)
    first, second, *alarms = out.getvalue().splitlines()
    assert re.match(r"row     50  R2 -?[\d.]+  error +[\d.]+  drift 0.00  leader .* [\d.]+", first)
    assert second.startswith("row    100  ")
    assert alarms == ["row    101  drift: alarm", "row    107  drift: alarm"]
    assert out.getvalue().isascii()


def new_frame():
    monitor = new_monitor()
    stream_monitor.watch(25, monitor, stream_monitor.Screen(Ascii()))
    return monitor.frames[0]


def test_a_terminal_is_drawn_in_place(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    out = Terminal()
    screen = stream_monitor.Screen(out)
    frame = {**new_frame(), "alarms": [101]}
    screen.show(frame)
    screen.show(frame)  # too early
    screen.show(frame, is_last=True)
    n_lines = len(frame["networks"]) + 3
    first, second = out.getvalue().split(f"\x1b[{n_lines}A")
    lines = [line.removeprefix("\x1b[2K") for line in first.splitlines()]
    assert len(lines) == n_lines and max(map(len, lines)) < 60
    assert lines[-1].endswith(" 101") and lines[2].startswith(frame["networks"][0])
    assert len(second.splitlines()) == n_lines
    monkeypatch.setenv("TERM", "dumb")
    assert not stream_monitor.Screen(out).is_live


@pytest.fixture
def served():
    monitor = new_monitor()
    with stream_monitor.new_page_server(monitor, 0) as server:
        yield monitor, server.server_port
        server.shutdown()


def read_events(port, n_events, **headers):
    """Numbers and frames of the first events that come."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/events", headers=headers)
    response = connection.getresponse()
    assert response.getheader("Content-Type") == "text/event-stream"
    events = []
    while len(events) < n_events:
        line = response.readline().decode()
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            events.append((number, json.loads(line[6:])))
    response.close()
    connection.close()
    return events


def test_the_page_gets_each_frame_once(served, monkeypatch):
    monitor, port = served
    watching = Thread(
        target=stream_monitor.watch, args=(150, monitor, stream_monitor.Screen(Ascii()))
    )
    watching.start()
    events = read_events(port, 6)
    watching.join()
    assert events == list(enumerate(monitor.frames))
    resumed = {"Last-Event-ID": "3"}
    assert read_events(port, 2, **resumed) == events[4:]
    monkeypatch.setattr(stream_monitor, "MOST_FRAMES", 4)
    stream_monitor.watch(25, monitor, stream_monitor.Screen(Ascii()))
    assert [number for number, _ in read_events(port, 4)] == [3, 4, 5, 6]


def test_the_page_loads_nothing_else(served):
    _, port = served
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    assert 'new EventSource("events")' in page
    assert not re.search(r"https?://|@import|url\(|<script src", page)
    connection.request("GET", "/other")
    assert connection.getresponse().status == 404
    connection.close()
