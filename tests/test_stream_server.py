"""The server of the examples loses nothing that it acknowledged, and goes on bit for bit."""

import importlib.util
import json
import os
import pickle
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import numpy as np
import pytest

from skbackprop import StreamClassifier, StreamRegressor

PATH = Path(__file__).parent.parent / "examples" / "stream_server.py"
_spec = importlib.util.spec_from_file_location("stream_server", PATH)
stream_server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stream_server)
DurableModel = stream_server.DurableModel
ROWS = stream_server.make_rows(15_000)


def state_of(model):
    """What a model of a stream has become, to the last bit."""
    inputs = [x for x, _ in ROWS[:200]]
    arrays = [model.predict_proba(inputs), model.weights_, model.losses_]
    return [array.tolist() for array in arrays], model.metric_, model.drift_


def model_in(folder):
    """What rises from a folder."""
    with closing(DurableModel(folder, None)) as durable:
        return durable.model


def undisturbed(n_rows):
    model = StreamClassifier(random_state=0)
    for x, y in ROWS[:n_rows]:
        model.learn_one(x, y)
    return model


def start(folder, *options, **settings):
    """A process that serves a folder."""
    command = [sys.executable, PATH, "--folder", folder, *options]
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads}, **settings
    )


def connect(process):
    return HTTPConnection("127.0.0.1", int(process.stdout.readline().rsplit(":", 1)[1]), timeout=60)


def ask(connection, method, path, content=None):
    connection.request(method, path, None if content is None else json.dumps(content))
    return json.loads(connection.getresponse().read())


def post(connection, rows):
    """Post rows, and return how many were acknowledged before the connection broke."""
    n_acknowledged = 0
    for x, y in rows:
        try:
            answer = ask(connection, "POST", "/learn", {"x": x, "y": y})
        except (OSError, HTTPException):
            break
        n_acknowledged = answer["rows"]
    return n_acknowledged


@pytest.mark.parametrize("n_kills", [2, pytest.param(50, marks=pytest.mark.matrix)])
def test_killed_at_random_moments(n_kills, tmp_path):
    rng, n_acknowledged = random.Random(n_kills), 0
    options = ("--rows-per-snapshot", "40")
    for kill in range(n_kills):
        process = start(tmp_path, *options)
        if kill % 5 == 4:  # while it starts
            time.sleep(rng.uniform(0.0, 2.0))
        else:
            connection = connect(process)
            begin = ask(connection, "GET", "/state")["rows"]
            assert n_acknowledged <= begin <= n_acknowledged + 1  # that had no answer
            threading.Timer(rng.uniform(0.0, 0.1), process.kill).start()
            n_acknowledged = max(post(connection, ROWS[begin:]), begin)
            connection.close()
        process.kill()
        process.wait()
        process.stdout.close()
    process = start(tmp_path, *options)
    connection = connect(process)
    begin = ask(connection, "GET", "/state")["rows"]
    assert n_acknowledged <= begin <= n_acknowledged + 1
    assert post(connection, ROWS[begin : begin + 100]) == begin + 100
    connection.close()
    process.kill()
    process.wait()
    process.stdout.close()
    assert begin + 100 < len(ROWS)
    assert state_of(model_in(tmp_path)) == state_of(undisturbed(begin + 100))


def learn(durable, rows):
    for x, y in rows:
        durable.learn(x, y)
        durable.commit()


@pytest.fixture
def folder(tmp_path):
    """Model of 20 rows, journal of 5 more."""
    durable = DurableModel(tmp_path, StreamClassifier(random_state=0), rows_per_snapshot=20)
    learn(durable, ROWS[:25])
    durable.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal-20", "model.pickle"]
    return tmp_path


def goes_on(folder, n_rows):
    """Whether the model of a folder has so many rows, and goes on as if it had never stopped."""
    durable = DurableModel(folder, None, rows_per_snapshot=20)
    assert durable.n_rows == n_rows
    learn(durable, ROWS[n_rows:60])
    durable.close()
    again = model_in(folder)
    return state_of(durable.model) == state_of(again) == state_of(undisturbed(60))


def test_a_torn_last_line_is_dropped(folder):
    journal = folder / "journal-20"
    whole = journal.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    for n_cut in (1, last // 2, last - 1):
        journal.write_bytes(whole[:-n_cut])
        copy = folder / f"cut {n_cut}"
        copy.mkdir()
        for name in ("journal-20", "model.pickle"):
            shutil.copy(folder / name, copy)
        assert goes_on(copy, 24)


def test_killed_between_the_steps_of_a_snapshot(folder):
    model = undisturbed(25)
    (folder / "model.new").write_bytes(pickle.dumps(model)[:100])  # torn, and not yet in place
    assert model_in(folder).n_samples_seen_ == 25
    (folder / "model.pickle").write_bytes(pickle.dumps(model))  # in place, the old journal there
    assert goes_on(folder, 25)
    assert not (folder / "journal-20").exists()


def test_a_journal_without_its_model_is_not_thrown_away(folder):
    (folder / "model.pickle").unlink()
    with pytest.raises(RuntimeError, match="journal-20 has rows after 20"):
        DurableModel(folder, StreamClassifier(random_state=0))
    assert (folder / "journal-20").exists()


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files in the manner of POSIX")
def test_a_journal_that_cannot_be_written_ends_the_server(tmp_path):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    process = start(tmp_path, preexec_fn=limit)
    connection = connect(process)
    n_acknowledged = post(connection, ROWS)
    connection.close()
    assert 10 < n_acknowledged < 100
    assert "cannot be written: " in process.stdout.read()
    process.stdout.close()
    assert process.wait() == 1
    assert goes_on(tmp_path, n_acknowledged)


@pytest.fixture
def served(tmp_path):
    """A server in a thread: a function that connects to it, and its model."""
    import asyncio

    durable = DurableModel(tmp_path, StreamRegressor(random_state=0), fsync=True)
    loop, open_at = asyncio.new_event_loop(), []
    is_open = threading.Event()
    task = loop.create_task(
        stream_server.listen(durable, 0, lambda port: (open_at.append(port), is_open.set()))
    )

    def run():
        asyncio.set_event_loop(loop)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    is_open.wait(30)
    connections = []

    def new_connection():
        connections.append(HTTPConnection("127.0.0.1", open_at[0], timeout=30))
        return connections[-1]

    yield new_connection, durable
    for connection in connections:
        connection.close()
    loop.call_soon_threadsafe(task.cancel)
    thread.join()
    durable.close()


def test_connections_share_the_journal(served, tmp_path):
    new_connection, durable = served
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 30, 2))

    def post_all(rows):
        connection = new_connection()
        for a, b in rows.tolist():
            answer = ask(connection, "POST", "/learn", {"x": {"a": a, "b": b}, "y": a - b})
            assert set(answer) == {"prediction", "rows"}
            assert len((tmp_path / "journal-0").read_bytes().splitlines()) >= answer["rows"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post_all, X))
    live = durable.model
    again = model_in(tmp_path)
    assert live.n_samples_seen_ == again.n_samples_seen_ == 240
    row = {"a": 0.5, "b": -0.5}
    assert ask(new_connection(), "POST", "/predict", {"x": row})["prediction"] == again.predict_one(
        row
    )
    state = ask(new_connection(), "GET", "/state")
    assert state["rows"] == 240 and state["score"] == again.metric_
    assert sum(state["networks"].values()) == pytest.approx(1.0)


BAD = [
    {"x": [1.0, 2.0], "y": 1.0},
    {"x": "abc", "y": 1.0},
    {"x": {"a": [1]}, "y": 1.0},
    {"x": {"a": 1.0}},
    {"x": {"a": 1.0}, "y": None},
    {"x": {"a": 1.0}, "y": "much"},
    {"x": {"a": 10**400}, "y": 1.0},
    {"x": {"a": 1.0}, "y": 10**400},
    {"x": {"a": 1.0}, "y": 1.0, "z": 1.0},
    [1.0],
    None,
]


def test_what_is_no_row_is_refused(served, tmp_path):
    new_connection, durable = served
    connection = new_connection()
    for n_rows in (0, 1):
        for content in BAD:
            connection.request("POST", "/learn", json.dumps(content))
            response = connection.getresponse()
            assert response.status == 400 and json.loads(response.read())["error"]
            assert durable.n_rows == n_rows
        for body in (b"", b"{", b"\xff", b"[" * 100_000):
            connection.request("POST", "/learn", body)
            response = connection.getresponse()
            assert response.status == 400 and json.loads(response.read())["error"]
        predicted = ask(connection, "POST", "/predict", {"x": {"a": 1.0}})
        assert predicted == {"prediction": pytest.approx(2.0) if n_rows else None}
        assert "POST /learn" in ask(connection, "GET", "/learn")["error"]
        if not n_rows:
            ask(connection, "POST", "/learn", {"x": {"a": 1.0}, "y": 2.0})
    assert (tmp_path / "journal-0").read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST /learn HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /learn HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
        b"no end " * 200_000,
    ],
)
def test_what_is_no_http_is_refused(served, request_bytes):
    new_connection, _ = served
    with socket.create_connection(("127.0.0.1", new_connection().port), timeout=30) as client:
        client.sendall(request_bytes)
        assert client.makefile("rb").readline() == b"HTTP/1.1 400 Bad Request\r\n"


def test_requests_that_come_in_pieces_or_together_are_answered_in_order(served):
    new_connection, durable = served
    bodies = [json.dumps({"x": {"a": float(i)}, "y": float(i)}).encode() for i in range(5)]
    head = "POST /learn HTTP/1.1\r\nHost: here\r\ncontent-length: {}\r\n\r\n"
    requests = b"".join(head.format(len(body)).encode() + body for body in bodies)
    with socket.create_connection(("127.0.0.1", new_connection().port), timeout=30) as client:
        for part in (requests[:20], requests[20:90], requests[90:]):
            client.sendall(part)
            time.sleep(0.02)
        answers = client.makefile("rb")
        for i in range(5):
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(iter(lambda: answers.readline().strip().split(b": "), [b""]))
            answer = json.loads(answers.read(int(headers[b"Content-Length"])))
            assert answer["rows"] == i + 1
    assert durable.n_rows == 5
