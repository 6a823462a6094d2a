"""A browser for the whole session, and locust processes with a web UI; screenshots go to tests/browser/screenshots."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.e2e.harness import Locust, Standin, eventually, free_port, targets
from tests.e2e.test_web_ui import answers

SHOTS = Path(__file__).parent / "screenshots"
# no sandbox: CI runs as root; the others keep Chromium from asking for anything that a closed network has not
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",  # a name that points to this machine: test_other_origins.py
]
WAIT_MS = 60_000


def pytest_collection_modifyitems(items):
    """All of them run real locust processes."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, headless; playwright's own browsers are not needed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        expect.set_options(timeout=WAIT_MS)
        yield browser
        browser.close()


@pytest.fixture
def page_with(browser):
    """Makes pages of given looks; what the browser complains of, or asks of anybody else, fails the test."""
    contexts, complaints = [], []

    def make(url, width=1280, height=800, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        host = "/".join(url.split("/")[:3])
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: asked.url.startswith((host, "data:")) or complaints.append(asked.url))
        page.goto(url)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def standin():
    """One stand-in for all."""
    server = Standin("--builtin-agent")
    yield server
    server.stop()


@pytest.fixture
def locust_with(tmp_path, standin):
    """Starts locust with a web UI and further flags; gives its URL and the process."""
    made = []

    def make(*flags, base_path="", env=None, locustfile="locustfiles/mixed.py"):
        port = free_port()
        common = [*targets(standin), "--time-scale", "0.2", "--web-port", port]
        if base_path:
            common += ["--web-base-path", base_path]
        locust = Locust(tmp_path, *common, *flags, headless=False, locustfile=locustfile, env=env)
        made.append(locust)
        url = f"http://127.0.0.1:{port}{base_path}"
        eventually(lambda: answers(f"{url}/"), f"the page answers: {locust.output}", wait_s=60)
        return url, locust

    yield make
    for locust in made:
        locust.__exit__()


@pytest.fixture
def shoot():
    """Saves a picture of a page."""
    SHOTS.mkdir(exist_ok=True)

    def save(page, name, full_page=False):
        page.screenshot(path=SHOTS / f"{name}.png", full_page=full_page)

    return save
