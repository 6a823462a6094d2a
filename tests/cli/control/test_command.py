"""`fleetlm-bench control` against a small web UI: its requests, its login, and how it reports refusals."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

LOGIN_PAGE = '<script>window.authArgs = {"username_password_callback": "%s"}\n</script>'


class FakeWebUi(ThreadingHTTPServer):
    """Answers like a locust of ours; with a password only after the login."""

    def __init__(self, answer=(200, {"success": True, "message": "paused"}), password="", callback="/login_submit"):
        self.answer, self.password, self.callback = answer, password, callback
        self.asked = []
        super().__init__(("127.0.0.1", 0), FakePages)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class FakePages(BaseHTTPRequestHandler):
    """The pages of a FakeWebUi."""

    def do_GET(self):
        self._send(200, LOGIN_PAGE % self.server.callback, {"Content-Type": "text/html"})

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
        self.server.asked.append((self.path, {name: values[0] for name, values in form.items()}))
        if self.path == "/login_submit":
            good = form["password"] == [self.server.password]
            self._send(302, "", {"Location": "/", **({"Set-Cookie": "session=yes"} if good else {})})
        elif self.server.password and self.headers["Cookie"] != "session=yes":
            self._send(302, "", {"Location": "/login?next=x"})
        else:
            status, body = self.server.answer
            self._send(status, body if isinstance(body, str) else json.dumps(body), {})

    def log_message(self, *_):
        """Print nothing."""

    def _send(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def web_ui():
    """Makes a fake web UI."""
    servers = []

    def make(**more):
        servers.append(server := FakeWebUi(**more))
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("words", [("pause",), ("resume",), ("stop",), ("rate", "150%"), ("users", "40")])
def test_an_action_is_asked_for(bench, web_ui, words):
    """The value is sent with it, and the answer's words are shown."""
    server = web_ui()
    result = bench("control", *words, "--web-url", server.url)
    assert (result.exit_code, result.output) == (0, "paused\n")
    assert server.asked == [("/fleetlm/control", {"action": words[0], "value": words[1] if words[1:] else ""})]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fly",), "one of rate, users, pause, resume, stop"),
        (("rate",), "fleetlm-bench control rate 150%"),
        (("users",), "fleetlm-bench control users 40"),
        (("pause", "3"), "pause takes none"),
        (("users", "-1"), "invalid value '-1' for users: expected a whole number of users above 0"),
        (("rate", "-5"), "fleetlm-bench control rate 150%"),
        (("--insecure", "rate", "-.5%"), "invalid value '-.5%' for rate"),
        (("pause", "--web-url", "ftp://x"), "--web-url"),
    ],
)
def test_a_mistake_is_explained_before_anything_is_asked(bench, words, said):
    """The exit code is 2."""
    result = bench("control", *words)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, {"success": False, "message": "No run is on"}), "No run is on"),
        ((409, {"success": False}), "refused without a reason, status 409"),
        ((404, "<html>"), "does not control runs: it answers with status 404"),
        ((200, "[1, 2]"), "does not control runs"),
        ((409, {"success": False, "message": "a\x1b[31m" + "b" * 9000}), "a"),
    ],
)
def test_a_refusal_is_shown(bench, web_ui, answer, said):
    """The text is printable and bounded, and the exit code is 1."""
    result = bench("control", "pause", "--web-url", web_ui(answer=answer).url)
    assert result.exit_code == 1
    assert said in result.output
    assert "\x1b" not in result.output
    assert len(result.output) < 700


def test_nobody_there(bench, web_ui):
    """Says where it asked."""
    server = web_ui()
    url = server.url
    server.shutdown()
    server.server_close()
    result = bench("control", "stop", "--web-url", url)
    assert result.exit_code == 1
    assert f"no web UI answers at {url}: " in result.output
    assert "a headless run has none: start it with --autostart in place of --headless" in result.output


def test_a_login_is_passed_with_the_password_of_the_environment(bench, web_ui, monkeypatch):
    """The login works as a person's on the page; without a password, the error names the variable."""
    server = web_ui(password="open sesame")
    result = bench("control", "pause", "--web-url", server.url)
    assert result.exit_code == 2
    assert "WEB_PASSWORD" in result.output
    monkeypatch.setenv("WEB_PASSWORD", "open sesame")
    assert bench("control", "pause", "--web-url", server.url).output == "paused\n"
    monkeypatch.setenv("WEB_PASSWORD", "wrong")
    refused = bench("control", "pause", "--web-url", server.url)
    assert refused.exit_code == 1
    assert "a redirect to /login" in refused.output


def test_the_password_goes_nowhere_else(bench, web_ui, monkeypatch):
    """A login page that sends it to another server gets none."""
    stranger = web_ui()
    server = web_ui(password="open sesame", callback=f"{stranger.url}/login_submit")
    monkeypatch.setenv("WEB_PASSWORD", "open sesame")
    result = bench("control", "pause", "--web-url", server.url)
    assert result.exit_code == 1
    assert "no form for a name and a password" in result.output
    assert stranger.asked == []
