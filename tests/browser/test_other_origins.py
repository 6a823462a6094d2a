"""A page of another origin, open in a browser on the machine that runs Locust: it starts nothing, stops nothing, reads
nothing.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from playwright.sync_api import expect

from tests.e2e.harness import eventually

pytestmark = pytest.mark.e2e

ATTACK = """async ([target, standin]) => {
  const form = new URLSearchParams({user_count: 1, spawn_rate: 1, preset: "light", presets_file: "/etc/passwd"});
  const told = {};
  const attempt = async (name, url, how) => {
    try {
      const answer = await fetch(url, how);
      told[name] = answer.type === "opaque" ? "opaque" : `read: ${await answer.text()}`;
    } catch (error) {
      told[name] = "refused";
    }
  };
  const load = (tag, more) => new Promise((done) => {
    const element = Object.assign(document.createElement(tag), more);
    element.onload = () => done("loaded");
    element.onerror = () => done("refused");
    document.body.append(element);
  });
  for (const path of ["/swarm", "/stop", "/stats/reset", "/user"]) {
    await attempt(`POST ${path}`, target + path, {method: "POST", body: form});
    await attempt(`blind POST ${path}`, target + path, {method: "POST", body: form, mode: "no-cors"});
    await attempt(`JSON to ${path}`, target + path,
                  {method: "POST", body: "{}", headers: {"Content-Type": "application/json"}});
  }
  const readable = ["/", "/stats/requests", "/stats/report", "/stats/requests/csv", "/logs", "/tasks", "/exceptions",
                    "/fleetlm", "/fleetlm/live.json", "/fleetlm/figures.json", "/fleetlm/metrics"];
  for (const path of readable) {
    await attempt(`GET ${path}`, target + path);
    await attempt(`GET ${path} with cookies`, target + path, {credentials: "include"});
  }
  told["script"] = await load("script", {src: target + "/fleetlm/live.json"});
  told["image"] = await load("img", {src: target + "/fleetlm/static/icon.svg"});
  for (const path of ["/standin/counters", "/standin/faults"]) await attempt(`GET ${path}`, standin + path);
  await attempt("blind faults", standin + "/standin/faults",
                {method: "POST", mode: "no-cors", body: new URLSearchParams({unavailable: "true"})});
  return told;
}"""
FORM = """<form method=post action="{target}/swarm"><input name=user_count value=1><input name=spawn_rate value=1>
<button>Win a prize</button></form><iframe src="{target}/"></iframe>"""


class Elsewhere(BaseHTTPRequestHandler):
    """A web server that has nothing to do with ours."""

    def do_GET(self):  # the name that http.server calls
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def elsewhere():
    """A server on another origin that serves `page`; yields its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.page = "<!doctype html><title>elsewhere</title><body></body>"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def state_of(url):
    return requests.get(f"{url}/stats/requests", timeout=60).json()["state"]


def test_scripts_of_another_origin_start_stop_and_read_nothing(browser, locust_with, elsewhere, standin):
    """Another port of the same address, another name of the machine, another site."""
    url, locust = locust_with()
    before = standin.counters()
    for host in ("127.0.0.1", "localhost", "evil.example"):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(f"http://{host}:{elsewhere.server_port}/")
            told = page.evaluate(ATTACK, [url, standin.url])
        assert {name: said for name, said in told.items() if said not in ("refused", "opaque")} == {}
    assert state_of(url) == "ready"
    assert not locust.results.exists()
    assert "Refused: the request comes from a page of another origin" in locust.output
    after = standin.counters()
    assert after["sessions_created"] == before["sessions_created"]
    assert not requests.get(f"{standin.url}/standin/faults", timeout=60).json()["unavailable"]


def test_a_run_is_not_stopped_by_a_page_of_another_origin(browser, locust_with, elsewhere, standin):
    """Nor are its figures reset or read."""
    url, _ = locust_with()
    started = requests.post(
        f"{url}/swarm", data={"user_count": 18, "spawn_rate": 18, "run_time": ""}, timeout=60
    ).json()
    assert started["success"]
    eventually(lambda: state_of(url) == "running", "the run is on")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://localhost:{elsewhere.server_port}/")
        told = page.evaluate(ATTACK, [url, standin.url])
    assert not [said for said in told.values() if said.startswith("read")]
    assert state_of(url) == "running"
    assert requests.get(f"{url}/stats/requests", timeout=60).json()["user_count"] == 18
    requests.post(f"{url}/stop", timeout=60)


def test_a_form_and_a_frame_of_another_origin_start_and_show_nothing(browser, locust_with, elsewhere):
    """A form needs no script and no permission; a frame lets a person press our Start below the page's own words."""
    url, locust = locust_with()
    elsewhere.page = FORM.format(target=url)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://localhost:{elsewhere.server_port}/")
        assert not page.frame_locator("iframe").get_by_role("button", name="Start").is_visible()
        page.get_by_role("button", name="Win a prize").click()
        expect(page.get_by_text("Refused: the request comes from a page of another origin")).to_be_visible()
    assert state_of(url) == "ready"
    assert not locust.results.exists()


def test_a_name_that_was_made_to_point_here_shows_nothing(browser, locust_with):
    """DNS rebinding: to the browser our server is the page's own origin, and only the name tells."""
    url, _ = locust_with()
    strange = url.replace("127.0.0.1", "evil.example")
    with browser.new_context() as context:
        page = context.new_page()
        for path in ("/", "/fleetlm", "/stats/requests", "/fleetlm/metrics"):
            assert page.goto(f"{strange}{path}").status == 403
            expect(page.get_by_text("Refused: 'evil.example:")).to_be_visible()
        status = page.evaluate("async () => (await fetch('/swarm', {method: 'POST'})).status")
        assert status == 403


def test_a_person_may_follow_a_link_from_anywhere(browser, locust_with, elsewhere):
    """A link from a chat or a wiki leads to the charts: the page with the link sees nothing of them."""
    url, _ = locust_with()
    elsewhere.page = f'<a href="{url}/fleetlm">charts</a>'
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://localhost:{elsewhere.server_port}/")
        page.get_by_role("link", name="charts").click()
        expect(page.get_by_role("heading", name="No run yet")).to_be_visible()
