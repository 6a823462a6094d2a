"""People's ways through the web UI, in a real browser: start, watch, stop, start again, reload, log in."""

import re

import pytest
from playwright.sync_api import expect

from fleetlm_users.workload.presets.presets import load_presets
from tests.docs.pages import page as page_of_docs

pytestmark = pytest.mark.e2e

VERDICT = re.compile("PASS|FAIL|INCONCLUSIVE")
PRESET = """
  {name}:
    description: {users} users who stay, for 4 seconds
    users: {{long_lived: {users}, burst: 1, churn: 1}}
    duration_s: 4
    ramp_up_s: 0
    warm_up_s: 1
    thresholds: {{messages_sent: "count>0", message_success_rate: "rate>0.90"}}
"""


def start(page, run_time=None, run_id=None, users=None):
    """Fills Locust's form and presses Start."""
    if users:
        page.get_by_label("Number of users").fill(str(users))
    if run_time:
        page.get_by_role("button", name="Advanced options").click()
        page.get_by_label("Run time").fill(run_time)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("tab", name="FleetLM")).to_be_visible()


def rows(page):
    """The append chart as a table, newest first."""
    return page.locator("#charts figure").first.locator("tbody tr")


def bar(page):
    return page.get_by_role("complementary", name="FleetLM")


def test_the_charts_fill_thresholds_turn_and_a_reload_loses_nothing(locust_with, page_with, shoot):
    """One run from Start to its report, seen on Locust's page, on the charts page, in the dark and on a phone."""
    url, locust = locust_with("--warm-up", "10s")
    page = page_with(f"{url}/")
    bar(page).get_by_role("link", name="FleetLM live charts").click()
    expect(page.get_by_role("heading", name="No run yet")).to_be_visible()
    expect(page.locator("#charts")).to_be_hidden()
    page.get_by_role("link", name="Locust", exact=True).click()
    charts = page_with(f"{url}/fleetlm")
    start(page, run_time="600s")

    expect(charts.locator(".sign").first).to_have_text("…")
    expect(charts.locator(".sign").first).to_have_text("✓")
    charts.get_by_text("Append latency as a table").click()
    expect(charts.locator("#charts .plot canvas")).to_have_count(7)
    expect(rows(charts).nth(7)).to_be_visible()
    label = charts.locator("#charts .plot").first.get_attribute("aria-label")
    assert re.search(r"p95 [\d.,]+, at most [\d.,]+", label), label
    shoot(charts, "live-light")

    charts.reload()
    charts.get_by_text("Append latency as a table").click()
    expect(rows(charts).nth(7)).to_be_visible()
    expect(rows(charts).last.get_by_role("rowheader")).to_have_text("0:00")

    phone = page_with(f"{url}/fleetlm", width=390, height=844, scheme="dark")
    expect(phone.locator("#charts .plot canvas").first).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(phone, "live-phone", full_page=True)

    page.get_by_role("button", name="Stop").click()
    expect(charts.locator("#verdict-kind")).to_have_text(VERDICT)
    expect(charts.locator("#state")).to_have_text("ENDED")
    dark = page_with(f"{url}/fleetlm", scheme="dark")
    expect(dark.locator("#verdict-kind")).to_be_visible()
    shoot(dark, "live-dark", full_page=True)
    for name in ("report.html", "summary.json", "timeseries.csv"):
        href = charts.get_by_role("link", name=name).get_attribute("href")
        assert charts.request.get(f"{url}/{href}").ok, name
    (folder,) = locust.results.iterdir()
    escapes = ("..%2f..%2fpyproject.toml", "%2e%2e/summary.json", f"..%2f{folder.name}%2fsummary.json")
    for wrong in (*escapes, "nothing.html"):
        assert charts.request.get(f"{url}/fleetlm/runs/{folder.name}/{wrong}").status == 404, wrong
    assert charts.request.get(f"{url}/fleetlm/runs/elsewhere/summary.json").status == 404


def test_every_preset_runs_by_its_name_and_its_last_figures_stay(locust_with, page_with, shoot, tmp_path):
    """Run after run in one session, each with a folder of its own; runs of four seconds show their final figures."""
    names = list(load_presets(None).of("mixed"))
    file = tmp_path / "presets.yaml"
    file.write_text("mixed:" + "".join(PRESET.format(name=name, users=n) for n, name in enumerate(names, 2)))
    url, locust = locust_with("--presets-file", file)
    page = page_with(f"{url}/")
    for number, name in enumerate(names):
        if number:
            page.get_by_role("button", name="New").click()
        choose(page, name)
        page.get_by_role("button", name="Start").click()
        tab = page.get_by_role("tab", name="FleetLM")
        tab.click()
        expect(page.get_by_role("cell", name=VERDICT).first).to_have_text("PASS")
        expect(page.get_by_role("button", name="New")).to_be_visible()
        expect(page.get_by_role("cell", name="✓ messages_sent: count>0")).to_be_visible()
        expect(bar(page).get_by_role("link", name="report")).to_be_visible()
    shoot(page, "tab")
    bar(page).get_by_role("link", name="FleetLM live charts").click()
    expect(page.locator("#past tbody tr")).to_have_count(len(names))
    expect(page.locator("#past tbody td:nth-child(2)")).to_have_text(list(reversed(names)))
    assert len(list(locust.results.iterdir())) == len(names)


def choose(page, preset):
    """Picks a preset in the drop-down of the form."""
    drop_down = page.locator("form").last.locator("select[name=Preset]")
    value = drop_down.locator("option").evaluate_all(
        "(options, name) => options.find((option) => option.value === name || option.text.startsWith(name)).value",
        preset,
    )
    drop_down.select_option(value)


def test_behind_a_login_and_below_a_base_path_nothing_is_shown_to_strangers(locust_with, page_with, shoot, tmp_path):
    """With the recipe of docs/security.md, every page of ours leads to the login and works after it."""
    recipe = page_of_docs("docs/security.md").save(tmp_path)["web_login.py"]
    url, _ = locust_with(
        "--web-login",
        base_path="/load",
        env={"WEB_PASSWORD": "open sesame"},
        locustfile=f"locustfiles/mixed.py,{recipe}",
    )
    page = page_with(f"{url}/")
    for path in ("", "/live.json", "/figures.json", "/static/live.js", "/runs/any/report.html", "/metrics"):
        answer = page.request.get(f"{url}/fleetlm{path}", max_redirects=0)
        assert answer.status == 302, path
        assert "/load/login" in answer.headers["location"]
    page.get_by_label("Password", exact=True).fill("open sesame")
    page.get_by_role("textbox").first.fill("me")
    page.get_by_role("button", name=re.compile("log ?in", re.IGNORECASE)).click()
    start(page, run_time="600s")
    bar(page).get_by_role("link", name="FleetLM live charts").click()
    expect(page).to_have_url(f"{url}/fleetlm")
    expect(page.locator("#charts .plot canvas").first).to_be_visible()
    page.context.clear_cookies()
    expect(page.get_by_role("alert")).to_contain_text("Your login has expired")


def test_the_page_can_be_used_without_a_mouse_and_follows_locusts_light_and_dark(locust_with, page_with):
    """Skip link, links and the switch by Tab; the choice is the one that Locust's page has."""
    url, _ = locust_with()
    page = page_with(f"{url}/fleetlm")
    names = []
    for _ in range(3):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
        )
    assert names == ["Skip to the figures", "Locust", "Switch between light and dark"]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 18, 18)"
