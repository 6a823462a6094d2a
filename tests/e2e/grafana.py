"""A Grafana of our own: takes annotations over HTTP on loopback, and keeps what it was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Grafana:
    """`posted` are the annotations, `tokens` the Authorization of each request; every answer has the `status`."""

    def __init__(self, status=200):
        self.posted = []
        self.tokens = []
        self.status = status

    def __enter__(self):
        grafana = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                grafana.tokens.append(self.headers["Authorization"])
                grafana.posted.append((self.path, json.loads(body)))
                self.send_response(grafana.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"
