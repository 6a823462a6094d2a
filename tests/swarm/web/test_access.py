"""The guard protects every route, no matter who added it, and no other origin may read an answer."""

import sys
from argparse import Namespace

import pytest
from locust.env import Environment

from fleetlm_users.errors import UsageError
from fleetlm_users.http_access import AccessRules
from fleetlm_users.swarm.web.access import MAX_LOGGED, GuardedApp, guard_access, rules_of, with_own_headers

HERE = "http://127.0.0.1:8089"
EVIL = {"Origin": "http://evil.example"}


@pytest.fixture
def web_ui(monkeypatch):
    """Locust's web UI as a run has it, and a route of somebody's plugin."""
    return made_ui(monkeypatch)


@pytest.fixture(params=[False, True], ids=["no login", "login"])
def any_web_ui(monkeypatch, request):
    """Without a login, and with one."""
    return made_ui(monkeypatch, web_login=request.param)


def made_ui(monkeypatch, **how):
    """Return the result of `create_web_ui`, before it listens."""
    monkeypatch.setattr(sys, "argv", ["locust"])  # Locust parses it for its page
    environment = Environment()
    environment.create_local_runner()
    ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True, **how)
    ui.app.add_url_rule("/plugin", "plugin", lambda: "secret", methods=["GET", "POST"])
    ui.app.add_url_rule("/fleetlm/metrics", "metrics", lambda: "numbers")
    return ui


def client_of(web_ui, bound="127.0.0.1", *allowed):
    guard_access(web_ui, AccessRules(bound, allowed), "/fleetlm/metrics")
    return web_ui.app.test_client()


def routes_of(web_ui):
    """Every route that needs no argument, with each of its methods."""
    for rule in web_ui.app.url_map.iter_rules():
        if not rule.arguments:
            yield from ((method, rule.rule) for method in rule.methods)


def test_no_route_answers_a_page_of_another_origin_or_by_another_name(any_web_ui):
    """Locust's, ours and a plugin's, by each method: refused before it acts, and the answer is not readable."""
    client = client_of(any_web_ui)
    routes = list(routes_of(any_web_ui))
    assert {("POST", "/swarm"), ("POST", "/stop"), ("GET", "/stats/requests"), ("POST", "/user")} < set(routes)
    for method, path in (*routes, ("GET", "/nowhere"), ("OPTIONS", "/swarm")):
        for base, headers in ((HERE, EVIL), ("http://evil.example:8089", {}), (HERE, {"Sec-Fetch-Site": "same-site"})):
            answer = client.open(path, method=method, base_url=base, headers=headers)
            assert answer.status_code == 403, (method, path)
            assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
            assert method == "HEAD" or answer.text.startswith("Refused: ")


def test_our_own_page_and_programs_are_answered_and_no_other_origin_may_read_it(web_ui):
    """Locust alone would allow each origin that asks."""
    client = client_of(web_ui)
    for headers in ({}, {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}):
        for path in ("/stats/requests", "/plugin", "/fleetlm/metrics"):
            answer = client.get(path, base_url=HERE, headers=headers)
            assert answer.status_code == 200
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_metrics_alone_are_scraped_by_any_name_beyond_loopback(web_ui):
    """All else needs to know the name."""
    client = client_of(web_ui, "0.0.0.0")
    assert client.get("/fleetlm/metrics", base_url="http://loadgen.example.org:8089").status_code == 200
    assert client.get("/fleetlm/metrics", base_url="http://loadgen.example.org:8089", headers=EVIL).status_code == 403
    assert client.get("/stats/requests", base_url="http://loadgen.example.org:8089").status_code == 403
    assert client.get("/stats/requests", base_url="http://master:8089").status_code == 200


def test_a_proxys_name_is_allowed_by_the_option(web_ui):
    """It is a list, from a flag, a variable or a file."""
    rules = rules_of(Namespace(web_allowed_hosts="load.example.org, 10.0.0.9:81"), "127.0.0.1")
    assert rules == AccessRules("127.0.0.1", ("load.example.org", "10.0.0.9:81"))
    assert rules_of(Namespace(web_allowed_hosts=""), "x") == rules_of(Namespace(), "x") == AccessRules("x")
    with pytest.raises(UsageError, match="--web-allowed-hosts"):
        rules_of(Namespace(web_allowed_hosts="https://x"), "127.0.0.1")
    guard_access(web_ui, rules, "/fleetlm/metrics")
    client = web_ui.app.test_client()
    headers = {"Origin": "https://load.example.org"}
    assert client.get("/stats/requests", base_url="http://load.example.org", headers=headers).status_code == 200


def test_a_body_of_any_size_is_not_taken(web_ui):
    """`/user` would read all of it."""
    answer = client_of(web_ui).post("/user", base_url=HERE, data=b"x" * 2_000_000)
    assert answer.status_code == 413


def test_refusals_are_logged_once_each_and_not_without_end(caplog):
    """A page that tries on and on must not fill the disk."""
    app = GuardedApp(lambda *_: [], AccessRules("127.0.0.1"), lambda _path: False)
    for number in range(MAX_LOGGED + 9):
        for _ in range(2):
            app({"REQUEST_METHOD": "GET", "HTTP_HOST": f"a{number}.example"}, lambda *_: None)
    assert len(caplog.records) == MAX_LOGGED
    assert "--web-allowed-hosts" in caplog.text


def test_headers_of_an_answer_are_kept_but_for_those_that_let_others_in():
    """Upper and lower case do not matter."""
    given = [("Set-Cookie", "a"), ("ACCESS-control-Allow-Origin", "*"), ("x-frame-options", "ALLOWALL")]
    assert [name for name, _ in with_own_headers(given)] == [
        "Set-Cookie",
        "Cross-Origin-Resource-Policy",
        "X-Frame-Options",
    ]
