"""A stream, watched while it is learned
=====================================

A live monitor of a stream: predictions beside targets, error, the weights of the networks that
race, and alarms of drift, in the terminal and on a page.

A pump's power is predicted from what its sensors say, row by row, each before it is learned. Every
3000 rows its behaviour changes: it wears, and it is mended. Nobody tells the estimator; its alarms
say so, and its networks find the way back.

Run it with ``python examples/stream_monitor.py``. A terminal shows the present state, where it
stands; a file or a pipe gets a line each 500 rows. With ``--page 8000`` a page on this machine
shows the same, at ``http://127.0.0.1:8000``: one file, that loads nothing else, and that the
server's events keep up to date.
"""

import argparse
import json
import os
import shutil
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

import numpy as np

from skbackprop import StreamRegressor

ROWS_PER_CONCEPT = 3000
ROWS_PER_FRAME = 25
MOST_FRAMES = 2000  # that are kept for who opens the page later


def make_stream(n_rows, seed=0):
    """Rows of sensors, and the pump's power in watts."""
    rng = np.random.default_rng(seed)
    for i in range(n_rows):
        flow, pressure = rng.uniform(5.0, 40.0), rng.uniform(1.0, 6.0)
        fluid = "water" if rng.random() < 0.7 else "oil"
        is_worn = i // ROWS_PER_CONCEPT % 2 == 1
        loss = 900.0 + (25.0 if is_worn else 2.0) * (flow - 15.0) ** 2 * (fluid == "oil")
        power = 100.0 * flow * pressure * (1.3 if is_worn else 1.0) + loss
        x = {"flow": flow, "pressure": pressure, "fluid": fluid}
        yield x, power + 150.0 * rng.standard_normal()


class Monitor:
    """Learns a stream, and keeps a frame of figures for every few rows.

    Parameters
    ----------
    model : StreamRegressor

    Attributes
    ----------
    frames : list of dict
    n_dropped : int
        Frames that were before these.
    changed : threading.Condition
        Notified at each new frame.
    """

    def __init__(self, model):
        self.model, self.rows = model, []
        self.frames, self.n_dropped, self.changed = [], 0, Condition()

    def learn(self, x, y):
        """Predict a row, then learn it; returns the new frame if one is whole."""
        prediction = self.model.predict_one(x)
        self.model.learn_one(x, y)
        self.rows.append((y, y if prediction is None else prediction))
        if len(self.rows) < ROWS_PER_FRAME:
            return None
        frame = self.take_frame()
        with self.changed:
            self.frames.append(frame)
            self.n_dropped += len(self.frames[:-MOST_FRAMES])
            del self.frames[:-MOST_FRAMES]
            self.changed.notify_all()
        return frame

    def take_frame(self):
        targets, predictions = np.array(self.rows).T
        self.rows = []
        drift = self.model.drift_
        return {
            "row": self.model.n_samples_seen_,
            "targets": targets.round(1).tolist(),
            "predictions": predictions.round(1).tolist(),
            "error": float(np.abs(targets - predictions).mean()),
            "score": self.model.metric_,
            "networks": self.model.networks_,
            "weights": self.model.weights_.round(4).tolist(),
            "level": drift["level"],
            "alarms": drift["alarms"],
        }

    def frames_from(self, n):
        """Wait for frames from number n on; returns the number of the first, and the frames."""
        with self.changed:
            self.changed.wait_for(lambda: self.n_dropped + len(self.frames) > n, timeout=10.0)
            n = max(n, self.n_dropped)
            return n, self.frames[n - self.n_dropped :]


# %%
# In the terminal
# ---------------
#
# The lines are written over the last ones, if they go to a terminal.


class Screen:
    """Shows the state of a stream: in place on a terminal, else a line from time to time."""

    def __init__(self, stream, *, rows_per_line=500):
        self.stream, self.rows_per_line = stream, rows_per_line
        self.is_live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.errors, self.n_alarms, self.n_lines, self.shown_at = [], 0, 0, -1.0
        try:
            "▁█".encode(stream.encoding or "ascii")
            self.steps, self.square = "▁▂▃▄▅▆▇█", "R²"
        except UnicodeEncodeError:
            self.steps, self.square = ".:-=+*#", "R2"

    def show(self, frame, *, is_last=False):
        self.errors = [*self.errors[-200:], frame["error"]]
        if not self.is_live:
            self.tell(frame)
        elif is_last or time.monotonic() - self.shown_at > 0.1:
            self.draw(frame)

    def tell(self, frame):
        """Print new alarms, and the state every few rows."""
        for row in frame["alarms"][self.n_alarms :]:
            print(f"row {row:>6}  drift: alarm", file=self.stream)
        self.n_alarms = len(frame["alarms"])
        if frame["row"] % self.rows_per_line == 0:
            print(self.summary(frame), file=self.stream, flush=True)

    def summary(self, frame):
        best = int(np.argmax(frame["weights"]))
        return (
            f"row {frame['row']:>6}  {self.square} {frame['score']:.3f}"
            f"  error {frame['error']:7.1f}  drift {max(frame['level'], 0.0):.2f}"
            f"  leader {frame['networks'][best]} ({frame['weights'][best]:.2f})"
        )

    def draw(self, frame):
        """Write the state over what was written before."""
        columns = shutil.get_terminal_size().columns - 1
        margin = max(map(len, [*frame["networks"], "alarms at"])) + 1
        width = max(columns - margin - 10, 1)
        lines = [self.summary(frame)]
        lines.append("error".ljust(margin) + self.curve(self.errors[-width:]))
        for name, weight in zip(frame["networks"], frame["weights"], strict=True):
            bar = self.steps[-1] * round(weight * width)
            lines.append(f"{name.ljust(margin)}{bar} {weight:.2f}")
        lines.append("alarms at".ljust(margin) + " ".join(map(str, frame["alarms"][-8:])))
        up = f"\x1b[{self.n_lines}A" if self.n_lines else ""
        self.stream.write(up + "".join(f"\x1b[2K{line[:columns]}\n" for line in lines))
        self.stream.flush()
        self.n_lines, self.shown_at = len(lines), time.monotonic()

    def curve(self, values):
        highest = max(max(values), 1e-300)
        last = len(self.steps) - 1
        return "".join(self.steps[round(last * value / highest)] for value in values)


# %%
# On a page
# ---------
#
# The page asks for ``/events`` once, and gets every frame as a server-sent event. A page that lost
# the connection says which frame it had last, and gets those that it has missed.

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A stream</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --back: #fff; --card: #f5f5f4; --ink: #1c1917; --dim: #57534e;
    --line: #d6d3d1; --target: #a8a29e; --ours: #0369a1; --alarm: #dc2626; }
  @media (prefers-color-scheme: dark) { :root { --back: #161412; --card: #221f1c; --ink: #f5f5f4;
    --dim: #a8a29e; --line: #44403c; --target: #78716c; --ours: #38bdf8; --alarm: #f87171; } }
  body { margin: 0 auto; padding: 16px; max-width: 1200px; background: var(--back);
    color: var(--ink); font: 15px/1.4 system-ui, sans-serif; }
  h1 { font-size: 20px; margin: 0 0 12px; }
  h2 { font-size: 14px; margin: 0 0 6px; font-weight: 600; }
  #tiles, #charts { display: grid; gap: 12px; }
  #tiles { grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); margin-bottom: 12px; }
  #charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
  #tiles div, section { background: var(--card); border-radius: 8px; padding: 10px 12px;
    min-width: 0; }
  #tiles span { color: var(--dim); font-size: 13px; display: block; }
  #tiles b { font-size: 20px; font-variant-numeric: tabular-nums; }
  canvas { width: 100%; height: 190px; display: block; }
  .key { color: var(--dim); font-size: 13px; display: flex; flex-wrap: wrap; gap: 2px 14px;
    min-height: 18px; margin-top: 4px; font-variant-numeric: tabular-nums; }
  .key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px;
    margin-right: 5px; }
</style>
<h1>Power of a pump, predicted before it is learned</h1>
<div id="tiles"></div>
<div id="charts">
  <section><h2>Target and prediction, the last rows</h2><canvas id="rows"></canvas>
    <div class="key" id="rows-key"></div></section>
  <section><h2>Mean absolute error, and alarms</h2><canvas id="error"></canvas>
    <div class="key" id="error-key"></div></section>
  <section><h2>Weights of the networks</h2><canvas id="weights"></canvas>
    <div class="key" id="weights-key"></div></section>
  <section><h2>Distance to an alarm, at 1</h2><canvas id="level"></canvas>
    <div class="key" id="level-key"></div></section>
</div>
<script>
"use strict";
const COLOURS = ["#0072B2", "#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#D55E00", "#999999"];
const FRAMES = 2000, RECENT = 4;
const byId = id => document.getElementById(id);
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name);
const colour = k => COLOURS[k % COLOURS.length];
let frames = [], due = false;

function text(tag, content, parent) {
  const element = parent.appendChild(document.createElement(tag));
  element.textContent = content;
  return element;
}
function tiles(values) {
  byId("tiles").replaceChildren();
  for (const [name, value] of values) {
    const tile = byId("tiles").appendChild(document.createElement("div"));
    text("span", name, tile);
    text("b", value, tile);
  }
}
function key(id, entries) {
  byId(id).replaceChildren();
  for (const [name, fill] of entries) {
    const entry = byId(id).appendChild(document.createElement("span"));
    entry.appendChild(document.createElement("i")).style.background = fill;
    entry.append(name);
  }
}
// A canvas of sharp pixels, with axes; returns its context, and where a point of the data lies.
function axes(id, [x0, x1], [y0, y1]) {
  const canvas = byId(id), scale = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const c = canvas.getContext("2d"), left = 46, bottom = height - 20, top = 6, right = width - 8;
  c.scale(scale, scale);
  const x = v => left + (right - left) * (v - x0) / Math.max(x1 - x0, 1);
  const y = v => bottom - (bottom - top) * (v - y0) / ((y1 - y0) || 1);
  c.font = "12px system-ui, sans-serif";
  c.fillStyle = css("--dim");
  c.strokeStyle = css("--line");
  for (const v of [y0, (y0 + y1) / 2, y1]) {
    c.beginPath(); c.moveTo(left, y(v)); c.lineTo(right, y(v)); c.stroke();
    c.textAlign = "right"; c.textBaseline = "middle";
    c.fillText(Math.abs(y1) >= 10 ? Math.round(v) : v.toFixed(2), left - 6, y(v));
  }
  c.textBaseline = "bottom";
  c.textAlign = "left"; c.fillText(`row ${x0}`, left, height);
  c.textAlign = "right"; c.fillText(x1, right, height);
  return { c, x, y };
}
function curve({ c, x, y }, points, stroke, width = 1.5) {
  c.strokeStyle = stroke; c.lineWidth = width; c.beginPath();
  points.forEach(([a, b], i) => i ? c.lineTo(x(a), y(b)) : c.moveTo(x(a), y(b)));
  c.stroke();
}
function drawRows() {
  const recent = frames.slice(-RECENT), first = recent[0];
  const targets = recent.flatMap(f => f.targets), predictions = recent.flatMap(f => f.predictions);
  const start = first.row - first.targets.length;
  const all = [...targets, ...predictions];
  const plot = axes("rows", [start, start + targets.length], [Math.min(...all), Math.max(...all)]);
  curve(plot, targets.map((v, i) => [start + i + 1, v]), css("--target"), 3);
  curve(plot, predictions.map((v, i) => [start + i + 1, v]), css("--ours"));
  key("rows-key", [["target", css("--target")], ["prediction", css("--ours")]]);
}
function drawCourse(id, figure, highest, entries) {
  const span = [frames[0].row, frames.at(-1).row];
  const plot = axes(id, span, [0, highest]);
  for (const row of frames.at(-1).alarms.filter(row => row >= span[0]))
    curve(plot, [[row, 0], [row, highest]], css("--alarm"));
  curve(plot, frames.map(f => [f.row, Math.min(figure(f), highest)]), css("--ours"));
  key(id + "-key", [...entries, ["alarm", css("--alarm")]]);
}
function drawWeights() {
  const last = frames.at(-1), plot = axes("weights", [frames[0].row, last.row], [0, 1]);
  const { c, x, y } = plot, tops = frames.map(() => 0);
  last.networks.forEach((name, k) => {
    c.fillStyle = colour(k);
    c.beginPath();
    frames.forEach((f, i) => c.lineTo(x(f.row), y(tops[i])));
    frames.forEach((f, i) => { tops[i] += f.weights[k]; });
    for (let i = frames.length - 1; i >= 0; i--) c.lineTo(x(frames[i].row), y(tops[i]));
    c.fill();
  });
  const weight = k => last.weights[k].toFixed(2);
  key("weights-key", last.networks.map((name, k) => [`${name}: ${weight(k)}`, colour(k)]));
}
function draw() {
  due = false;
  if (!frames.length) return;
  const last = frames.at(-1);
  tiles([["rows", last.row], ["R², prequential", last.score.toFixed(3)],
    ["recent error", last.error.toFixed(1)], ["alarms", last.alarms.length],
    ["last alarm", last.alarms.length ? `row ${last.alarms.at(-1)}` : "none"]]);
  drawRows();
  const highest = Math.max(...frames.map(f => f.error));
  drawCourse("error", f => f.error, highest, [["error", css("--ours")]]);
  drawWeights();
  drawCourse("level", f => Math.max(f.level, 0), 1, [["distance", css("--ours")]]);
}
function ask() { if (!due) { due = true; requestAnimationFrame(draw); } }
new EventSource("events").onmessage = event => {
  frames.push(JSON.parse(event.data));
  frames = frames.slice(-FRAMES);
  ask();
};
addEventListener("resize", ask);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask);
</script>
</html>
"""


def new_page_server(monitor, port):
    """A server of the page and its events, on this machine only."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/":
                self.start("text/html; charset=utf-8")
                self.wfile.write(PAGE.encode())
            elif self.path == "/events":
                self.start("text/event-stream")
                with suppress(ConnectionError):
                    self.send_events()
            else:
                self.send_error(404)

        def start(self, kind):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()

        def send_events(self):
            n = int(self.headers.get("Last-Event-ID", -1)) + 1
            while True:
                n, frames = monitor.frames_from(n)
                events = [f"id: {n + i}\ndata: {json.dumps(f)}\n\n" for i, f in enumerate(frames)]
                self.wfile.write("".join(events or [": still there\n\n"]).encode())
                n += len(frames)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    return server


# %%
# Both
# ----


def watch(n_rows, monitor, screen, rows_per_second=None):
    """Learn a stream, as fast as it goes or at a pace, and show it."""
    start = time.monotonic()
    for i, (x, y) in enumerate(make_stream(n_rows)):
        frame = monitor.learn(x, y)
        if frame is not None:
            screen.show(frame, is_last=i + ROWS_PER_FRAME >= n_rows)
            if rows_per_second is not None:
                time.sleep(max(start + i / rows_per_second - time.monotonic(), 0.0))


def main():
    parser = argparse.ArgumentParser(description="A stream, watched while it is learned.")
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument(
        "--page", type=int, metavar="PORT", help="serve a page, too; 0: a free port"
    )
    parser.add_argument("--rows-per-second", type=float, help="the pace; with a page 400")
    arguments = parser.parse_known_args()[0]
    monitor, pace = Monitor(StreamRegressor(random_state=0)), arguments.rows_per_second
    if arguments.page is None:
        watch(arguments.rows, monitor, Screen(sys.stdout), pace)
        return
    with new_page_server(monitor, arguments.page) as server, suppress(KeyboardInterrupt):
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        watch(arguments.rows, monitor, Screen(sys.stdout), pace or 400.0)
        print("The stream has ended; the page stays until Ctrl-C.", flush=True)
        while True:
            time.sleep(1.0)


if __name__ == "__main__":
    main()
