"""Memory beyond the data: anonymous resident memory (RssAnon of /proc) of a process that trains.

Each line is a process of its own, which notes the memory before `fit` and, from a thread, the most
while it runs. The rows are a memory-mapped file without blocks on disk, so they cost no memory of
their own; `partial_fit` takes the rows of a stream, a chunk of 1000 at a time.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from . import tables

ROOT = Path(__file__).parent.parent
# what, code, most MB beyond what was there before
WORK = [
    ("fit, {gb} GB memory-mapped float32 rows, b 200, adam", "fit", 1000),
    ("the same with early stopping", "stopped", 1000),
    ("partial_fit over {million} million rows of 30, sgd", "stream", 20),
    ("fit, 10 classes, 1 million x 20 in memory", "classes", 60),
]


def main(arguments):
    gb = 0.01 if arguments.quick else 10
    million = 0.01 if arguments.quick else 10
    tables.head("work", "before", "most in training", "beyond", "at most")
    for what, code, most in WORK[: 1 if arguments.quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", code, folder, str(gb),
                 str(million)], check=True, capture_output=True, text=True, cwd=ROOT,
            )  # fmt: skip
        before, peak = json.loads(done.stdout.splitlines()[-1])
        met = "met" if peak - before <= most else "NOT met"
        tables.line(what.format(gb=gb, million=million), f"{before:.0f} MB", f"{peak:.0f} MB",
                    f"{peak - before:.0f} MB", f"{most} MB: {met}")  # fmt: skip


def resident():
    """Anonymous resident memory, MB."""
    for text in Path("/proc/self/status").read_text().splitlines():
        if text.startswith("RssAnon"):
            return int(text.split()[1]) / 1024
    raise OSError("this system does not tell RssAnon")


def child(code, folder, gb, million):
    import threading
    import time

    import numpy as np

    from skbackprop import BackpropClassifier, BackpropRegressor

    rng = np.random.default_rng(0)
    warm = rng.normal(size=(300, 3))
    BackpropRegressor((4,), max_iter=1, engine="numpy").fit(warm, warm[:, 0])
    if code in ("fit", "stopped"):
        n_rows = int(gb * 1e9 / (1000 * 4))
        X = np.memmap(Path(folder) / "rows", np.float32, "w+", shape=(n_rows, 1000))
        y = np.zeros(n_rows, np.float32)
        model = BackpropRegressor((20,), max_iter=1, early_stopping=code == "stopped")
        work = lambda: model.fit(X, y)  # noqa: E731
    elif code == "stream":
        model = BackpropRegressor((8,), solver="sgd", eta=1e-4, batch_size=100, engine="numpy")
        chunk = rng.normal(size=(1000, 30))

        def work():
            for _ in range(int(million * 1000)):
                model.partial_fit(chunk, chunk[:, 0])
    else:
        n_rows = int(million * 1e5)
        X, y = rng.normal(size=(n_rows, 20)), rng.integers(10, size=n_rows)
        model = BackpropClassifier((20,), max_iter=2, batch_size=1000)
        work = lambda: model.fit(X, y)  # noqa: E731
    before = peak = resident()
    over = threading.Event()

    def watch():
        nonlocal peak
        while not over.is_set():
            peak = max(peak, resident())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    over.set()
    watcher.join()
    print(json.dumps([before, max(peak, resident())]))


if __name__ == "__main__":
    child(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
