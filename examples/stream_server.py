"""A server that learns, and survives
==================================

A stream over HTTP: each POSTed row is predicted, then learned, and nothing that was acknowledged is
lost, whenever the server is killed.

A row is acknowledged once it is in a journal. From time to time the model is saved, and the journal
begins anew. A server that starts loads the model, learns what the journal holds, and goes on as if
nothing had been: to the last bit, as ``learn_one`` depends on nothing but the rows. A last line
that was not written to its end was not acknowledged, and is dropped.

======================================  ===========================================================
``POST /learn {"x": {...}, "y": ...}``  learn a row; the answer is the prediction made before
``POST /predict {"x": {...}}``          predict a row
``GET /state``                          rows learned, score, networks, drift, CPU seconds
======================================  ===========================================================

A client that lost the connection asks ``/state`` how many rows have been learned, and goes on from
there: the row without an answer may be among them or not.

Run it with ``python examples/stream_server.py --folder DIR``. Without a folder it shows what
happens when it is killed.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import pickle
import re
import tempfile
import time
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
from sklearn.base import is_classifier

from skbackprop import StreamClassifier, StreamRegressor

MODELS = {"classification": StreamClassifier, "regression": StreamRegressor}
MOST_BYTES = 1_000_000  # of a request
HEAD = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
REFUSALS = (TypeError, ValueError, OverflowError, RecursionError)  # of what is no JSON, or no row


class DurableModel:
    """A model of a stream, and the folder from which it rises again.

    ``model.pickle`` is the model as it was after some row ``n``, and ``journal-n`` has the rows
    since, a line each. That the name says where the journal begins makes the two agree: between the
    saving of the model and the new journal there is no moment at which a row would count twice.

    Parameters
    ----------
    folder : path-like
    model : StreamClassifier or StreamRegressor
        With which a new folder begins. Only one that has a ``random_state`` rises bit for bit.
    rows_per_snapshot : int
    fsync : bool
        Whether rows must be on the disk itself, to survive a power cut, too. What the operating
        system has in its hands survives the end of the process, however sudden.
    """

    def __init__(self, folder, model, *, rows_per_snapshot=10_000, fsync=False):
        self.folder, self.fsync = Path(folder), fsync
        self.rows_per_snapshot = rows_per_snapshot
        self.pending = []
        self.folder.mkdir(parents=True, exist_ok=True)
        self.snapshot = self.folder / "model.pickle"
        self.model = pickle.loads(self.snapshot.read_bytes()) if self.snapshot.exists() else model
        self.n_saved = self.n_rows
        self.remove_old_journals()
        self.open_journal(self.learn_again())
        if not self.snapshot.exists():
            self.save()

    @property
    def n_rows(self):
        """Rows learned."""
        return getattr(self.model, "n_samples_seen_", 0)

    @property
    def journal_path(self):
        return self.folder / f"journal-{self.n_saved}"

    def remove_old_journals(self):
        for path in self.folder.glob("journal-*"):
            n = int(path.name.removeprefix("journal-"))
            if n > self.n_saved:
                raise RuntimeError(f"{path} has rows after {n}; {self.snapshot} is not as far.")
            if n < self.n_saved:
                path.unlink()

    def learn_again(self):
        """Learn the rows of the journal; returns the length of its whole lines, in bytes."""
        n_bytes = 0
        if self.journal_path.exists():
            with self.journal_path.open("rb") as lines:
                for line in lines:
                    if line.endswith(b"\n"):
                        self.model.learn_one(*json.loads(line))
                        n_bytes += len(line)
        return n_bytes

    def open_journal(self, n_bytes=0):
        self.journal = self.journal_path.open("ab")
        self.journal.truncate(n_bytes)
        if self.fsync and os.name == "posix":  # the folder has to know the file, too
            descriptor = os.open(self.folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)

    def predict(self, x):
        """The prediction of a row, as JSON has it; None before the first row was learned."""
        if not isinstance(x, dict):
            raise TypeError(f"x is {x!r}; it must be an object.")
        if not is_classifier(self.model):
            return {"prediction": self.model.predict_one(x)}
        p = self.model.predict_proba_one(x)
        return {"prediction": max(p, key=p.get) if p else None, "probabilities": p}

    def learn(self, x, y):
        """Learn a row, which counts once it is committed; returns the prediction made before."""
        answer = self.predict(x)
        self.model.learn_one(x, y)  # refuses what is no row
        self.pending.append(json.dumps([x, y]).encode() + b"\n")
        return answer

    def commit(self):
        """Write the rows that have been learned into the journal."""
        if not self.pending:
            return
        self.journal.write(b"".join(self.pending))
        self.journal.flush()
        if self.fsync:
            os.fsync(self.journal.fileno())
        self.pending.clear()
        if self.n_rows - self.n_saved >= self.rows_per_snapshot:
            self.save()

    def save(self):
        """Save the model in one step, and begin a new journal."""
        new, old_journal = self.snapshot.with_suffix(".new"), self.journal_path
        with new.open("wb") as file:
            pickle.dump(self.model, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.snapshot)
        self.close()
        self.n_saved = self.n_rows
        self.open_journal()
        if old_journal != self.journal_path:
            old_journal.unlink()

    def close(self):
        self.journal.close()

    def state(self):
        """Figures of the model, as JSON has them."""
        state = {"rows": self.n_rows, "cpu_seconds": time.process_time()}
        if self.n_rows:
            score, weights = self.model.metric_, self.model.weights_.tolist()
            state["score"] = None if np.isnan(score) else score
            state["networks"] = dict(zip(self.model.networks_, weights, strict=True))
            state["drift"] = self.model.drift_
        return state


class Server:
    """Answers requests around a model, in one thread: rows are learned in the order they come.

    No answer leaves before the journal is written; what came in at the same time, over several
    connections, shares one writing.
    """

    def __init__(self, model):
        self.model = model
        self.answers = []
        self.actions = {
            ("POST", "/learn"): self.learn,
            ("POST", "/predict"): model.predict,
            ("GET", "/state"): model.state,
        }

    def request(self, transport, method, path, body):
        """Take in a request; its answer goes to the transport."""
        if not self.answers:
            asyncio.get_running_loop().call_soon(self.send)
        status, content = self.respond(method, path, body)
        content = json.dumps(content).encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(content)}\r\n\r\n"
        self.answers.append((transport, head.encode() + content))

    def respond(self, method, path, body):
        action = self.actions.get((method, path))
        if action is None:
            known = ", ".join(map(" ".join, self.actions))
            return HTTPStatus.NOT_FOUND, {"error": f"{method} {path}: there are {known}."}
        try:
            return HTTPStatus.OK, action(**json.loads(body or b"{}"))
        except REFUSALS as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}

    def learn(self, x, y):
        return {**self.model.learn(x, y), "rows": self.model.n_rows}

    def send(self):
        """Write the journal, then the answers."""
        try:
            self.model.commit()
        except OSError as error:  # the model is ahead of its journal: only a new start mends that
            print(f"The journal cannot be written: {error}", flush=True)
            os._exit(1)
        for transport, answer in self.answers:
            transport.write(answer)
        self.answers.clear()


class Connection(asyncio.Protocol):
    """HTTP/1.1: cuts what comes into requests, as far as this server needs it."""

    def __init__(self, server):
        self.server = server
        self.received = bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while (n_head := self.received.find(b"\r\n\r\n") + 4) >= 4:
            request, length = HEAD.match(self.received), LENGTH.search(self.received, 0, n_head)
            n_bytes = n_head + (int(length[1]) if length else 0)
            if request is None or n_bytes > MOST_BYTES:
                break
            if len(self.received) < n_bytes:
                return
            body = bytes(self.received[n_head:n_bytes])
            self.server.request(self.transport, request[1].decode(), request[2].decode(), body)
            del self.received[:n_bytes]
        if n_head >= 4 or len(self.received) > MOST_BYTES:
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()

    def pause_writing(self):  # for a client that sends, and does not read
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def listen(model, port, tell):
    """Serve on this machine only; `tell` is called with the port, once it is open."""
    server = Server(model)
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(server), "127.0.0.1", port) as listener:
        tell(listener.sockets[0].getsockname()[1])
        await listener.serve_forever()


def serve(folder, tell, *, task="classification", port=0, **settings):
    """Load the model of a folder, or begin one, and serve it until the process ends."""
    with closing(DurableModel(folder, MODELS[task](random_state=0), **settings)) as model:
        asyncio.run(listen(model, port, tell))


# %%
# Killed in the middle
# --------------------
#
# A process with a server is killed twice, without a warning, while rows are being posted. The model
# that is left is compared with one that has learned the same rows undisturbed.


def make_rows(n_rows):
    """Rows of a shop: whether a visitor buys."""
    rng = np.random.default_rng(0)
    shops, prices = rng.choice(["north", "south", "web"], n_rows), rng.gamma(4.0, 5.0, n_rows)
    buys = rng.random(n_rows) < 1.0 / (1.0 + np.exp(0.3 * (prices - 20.0 - 8.0 * (shops == "web"))))
    columns = (shops.tolist(), prices.round(2).tolist(), buys.tolist())
    return [({"shop": s, "price": p}, y) for s, p, y in zip(*columns, strict=True)]


def ask(connection, method, path, content=None):
    connection.request(method, path, None if content is None else json.dumps(content))
    return json.loads(connection.getresponse().read())


def post_until(rows, folder, end):
    """Post what the server does not have yet, up to a row, and kill it; returns its last answer."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(
        target=serve, args=(folder, there.send), kwargs={"rows_per_snapshot": 400}
    )
    process.start()
    connection = HTTPConnection("127.0.0.1", here.recv())
    begin = ask(connection, "GET", "/state")["rows"]
    for x, y in rows[begin:end]:
        answer = ask(connection, "POST", "/learn", {"x": x, "y": y})
    process.kill()  # kill -9
    process.join()
    connection.close()
    print(f"rows {begin} to {answer['rows']} were acknowledged; killed")


def show():
    """Kill a server in mid-stream, and compare."""
    rows = make_rows(1500)
    with tempfile.TemporaryDirectory() as folder:
        for end in (700, 1101, 1500):
            post_until(rows, folder, end)
        with closing(DurableModel(folder, None)) as durable:
            model = durable.model
    undisturbed = StreamClassifier(random_state=0)
    for x, y in rows:
        undisturbed.learn_one(x, y)
    inputs = [x for x, _ in rows]
    differ = model.predict_proba(inputs) != undisturbed.predict_proba(inputs)
    print(f"{model.n_samples_seen_} rows in the model, accuracy {model.metric_:.3f}")
    print(f"predictions that differ from those of an undisturbed model: {differ.sum()}")


def main():
    parser = argparse.ArgumentParser(description="A server that learns each row that is POSTed.")
    parser.add_argument("--folder", help="of the model and its journal; made if it is not there")
    parser.add_argument("--task", choices=MODELS, default="classification")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--rows-per-snapshot", type=int, default=10_000)
    parser.add_argument("--fsync", action="store_true", help="survive a power cut, too")
    arguments = vars(parser.parse_known_args()[0])
    folder = arguments.pop("folder")
    if folder is None:
        show()
    else:
        with suppress(KeyboardInterrupt):
            serve(folder, lambda port: print(f"http://127.0.0.1:{port}", flush=True), **arguments)


if __name__ == "__main__":
    main()
