"""Many threads ask one model
==========================

Predictions from many threads at once: a small HTTP server around one fitted network.

``predict`` and ``predict_proba`` write nothing that the model holds, so the threads of a server
share one model without a lock. Eight clients ask here for all rows at the same time; each answer is
to the last bit what the model says when it is asked alone. (Training does write: to go on learning
while serving, train a copy and put it in the model's place.)

Run it with ``python examples/prediction_server.py``; it listens on this machine only, on a free
port, and stops by itself.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread, get_ident

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier

N_CLIENTS = 8
X, y = load_breast_cancer(return_X_y=True)
model = make_pipeline(
    StandardScaler(), BackpropClassifier((32,), early_stopping=True, random_state=0)
).fit(X, y)
alone = np.array([model.predict_proba(row[np.newaxis])[0, 1] for row in X])
threads = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    wbufsize = -1  # an answer is one packet

    def do_POST(self):
        row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        threads.add(get_ident())
        probability = model.predict_proba(np.array([row]))[0, 1]
        body = json.dumps(float(probability)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def ask_for_all(server):
    """One client: the answers to all rows, in order."""
    connection = HTTPConnection(*server.server_address)
    answers = []
    for row in X:
        connection.request("POST", "/", json.dumps(row.tolist()).encode())
        answers.append(json.loads(connection.getresponse().read()))
    connection.close()
    return answers


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    Thread(target=server.serve_forever, daemon=True).start()
    with ThreadPoolExecutor(N_CLIENTS) as clients:
        answers = np.array(list(clients.map(ask_for_all, [server] * N_CLIENTS)))
    server.shutdown()

print(f"{N_CLIENTS} clients, {answers.size} predictions, {len(threads)} threads of the server")
print(f"answers that differ from those of the model alone: {np.count_nonzero(answers != alone)}")
