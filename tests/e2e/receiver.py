"""An HTTP server for tests on loopback that accepts posts for as long as a `with` block lasts."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Subclasses write `take`; `base_url` is where it listens."""

    def take(self, path, headers, body):
        """Take in a POST; return the status and the body of the answer."""
        raise NotImplementedError

    def __enter__(self):
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = take(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self):
        """The address it listens on."""
        return f"http://127.0.0.1:{self._server.server_port}"
