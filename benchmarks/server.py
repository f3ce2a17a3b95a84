"""Rows that a server of a stream learns in a second: examples/stream_server.py on loopback.

Each row of ten numbers is POSTed by itself, predicted and learned, and acknowledged when it is in
the journal; or only predicted. Several connections send at the same time, each waiting for its
answer. The clients have a process of their own; CPU time is the server's.
"""

import json
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from . import tables

SERVER = Path(__file__).parent.parent / "examples" / "stream_server.py"
TARGET = 2000  # rows a second on one core
# path, connections, whether each row is to be on the disk itself
LOADS = [("/learn", 1, False), ("/learn", 8, False), ("/learn", 1, True), ("/learn", 8, True),
         ("/predict", 8, False)]  # fmt: skip


def main(arguments):
    n_rows = 40 if arguments.quick else 8000
    bodies = rows(n_rows)
    tables.head("request", "connections", "fsync", "rows a second", f"rows a CPU second ({TARGET})",
                "p50", "p99")  # fmt: skip
    for path, n_connections, fsync in LOADS:
        wall, cpu, latencies = load(path, bodies, n_connections, fsync)
        cells = (f"{n_rows / wall:.0f}", f"{n_rows / cpu:.0f}" if cpu > 0 else "-")
        quantiles = map(tables.duration, np.quantile(latencies, (0.5, 0.99)))
        tables.line(path, n_connections, "yes" if fsync else "no", *cells, *quantiles)


def rows(n_rows):
    """Bodies of requests: ten numbers, and whether the first two are of one sign."""
    X = np.random.default_rng(0).normal(size=(n_rows, 10)).round(6)
    names = [f"sensor_{j}" for j in range(X.shape[1])]
    return [
        json.dumps({"x": dict(zip(names, x, strict=True)), "y": x[0] * x[1] > 0}).encode()
        for x in X.tolist()
    ]


def load(path, bodies, n_connections, fsync):
    """Seconds, CPU seconds of the server, and the latencies (n_rows,) of requests."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, SERVER, "--folder", folder, *["--fsync"] * fsync]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                port = int(server.stdout.readline().rsplit(":", 1)[1])
                return talk(port, path, bodies, n_connections)
            finally:
                server.kill()


def talk(port, path, bodies, n_connections):
    clients = [Client(port) for _ in range(n_connections)]
    for body in bodies[: 2 * n_connections]:  # a model that has rows to predict by
        clients[0].ask("POST", "/learn", body)
    if path == "/predict":
        bodies = [json.dumps({"x": json.loads(body)["x"]}).encode() for body in bodies]
    requests = [Client.request("POST", path, body) for body in bodies]
    cpu = json.loads(clients[0].ask("GET", "/state"))["cpu_seconds"]
    latencies, begin = [], perf_counter()
    for i in range(0, len(requests), n_connections):
        busy = list(zip(clients, requests[i : i + n_connections], strict=False))
        sent = []
        for client, request in busy:
            sent.append(perf_counter())
            client.socket.sendall(request)
        for (client, _), start in zip(busy, sent, strict=True):
            client.answer()
            latencies.append(perf_counter() - start)
    wall = perf_counter() - begin
    cpu = json.loads(clients[0].ask("GET", "/state"))["cpu_seconds"] - cpu
    for client in clients:
        client.socket.close()
    return wall, cpu, latencies


class Client:
    """A connection that stays open; it costs less than what it measures."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def request(method, path, body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def ask(self, method, path, body=b""):
        self.socket.sendall(self.request(method, path, body))
        return self.answer()

    def answer(self):
        """The body of the next answer."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.received()
        head, body = received.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{head!r} {body!r}")
        size = int(head.rsplit(b"Content-Length: ", 1)[1])
        while len(body) < size:
            body += self.received()
        return body

    def received(self):
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("The server has closed the connection.")
        return part
