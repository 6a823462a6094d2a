"""The start form in a real browser: it shows what Start will run, and says on the page what cannot run."""

import re

from playwright.sync_api import expect

from tests.e2e.harness import eventually, newest_summary

STANDARD = "standard: 30 long-lived, 15 burst, 10 churn · 5 min"
PLAN = ("userCount", "spawnRate", "runTime")


def expect_shown(page, users, spawn_rate, run_time, preset=None):
    """Waits until the newest form shows these users, this ramp-up and this run time, and this preset."""
    for name, value in zip(PLAN, (users, spawn_rate, run_time), strict=True):
        expect(field(page, name)).to_have_value(value)
    if preset:
        expect(field(page, "Preset")).to_have_value(preset)


def field(page, title):
    """A field of the newest form."""
    return page.locator("form").last.locator(f'[name="{title}"]')


def test_the_form_shows_what_start_will_run_and_keeps_it(locust_with, page_with, shoot):
    """Fields follow the preset; a typed one is a wish, which the next form shows again, after a reload as well."""
    url, locust = locust_with("--warm-up", "1s")
    page = page_with(url)
    expect(page.get_by_role("heading", name="Target")).to_be_visible()
    expect_shown(page, "18", "3.6", "120")
    field(page, "Preset").select_option(STANDARD)
    expect(page.get_by_text("55 users for 5 minutes, an ordinary day. Judged by append_latency_ms")).to_be_visible()
    expect_shown(page, "55", "5.5", "300")
    shoot(page, "start-form", full_page=True)
    field(page, "userCount").fill("18")
    expect_shown(page, "18", "1.8", "300")
    field(page, "Run id").fill("typed")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_text("RUNNING")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    summary = eventually(lambda: newest_summary(locust.results), "the run is judged")
    assert summary["plan"]["users"] == {"long_lived": 10, "burst": 5, "churn": 3, "inbox_watcher": 0}
    assert (summary["plan"]["preset"], summary["plan"]["duration_s"]) == ("standard", 300)
    page.get_by_role("button", name="New", exact=True).click()
    expect_shown(page, "18", "1.8", "300", STANDARD)
    page.reload()
    page.get_by_role("button", name="New", exact=True).click()
    expect_shown(page, "18", "1.8", "300", STANDARD)
    field(page, "Preset").select_option(index=0)
    expect_shown(page, "18", "3.6", "120")


def test_stages_are_drawn_before_the_start(locust_with, page_with, shoot):
    """The drawing shows the preset's stages, or those typed in their place; invalid stages are not drawn."""
    url, _ = locust_with()
    page = page_with(url)
    drawing = page.locator(".fleetlm-profile")
    expect(drawing).to_be_hidden()
    field(page, "Preset").select_option(label="spike: 60 long-lived, 30 burst, 10 churn · 4 min")
    expect(drawing).to_contain_text("Users over 4 min: up to 10, before to 10, peak to 100, after to 10")
    page.get_by_role("button", name=re.compile("Load in detail")).click()
    field(page, "Stages").fill("1m:50,peak=1h30m:200,0s:20")
    expect(drawing).to_contain_text("Users over 91 min: stage1 to 50, peak to 200")
    assert drawing.locator("path.line").get_attribute("d").startswith("M0 90L6.6 68.5L600.0 4.0")
    shoot(page, "start-form-stages")
    field(page, "Stages").fill("1m:50,peak")
    expect(drawing).to_be_hidden()
    field(page, "Preset").select_option(index=0)
    field(page, "Stages").fill("")
    field(page, "Session rate").fill("30s:0.5,rush=30s:20")
    expect(drawing).to_contain_text("Sessions a second over 60 s: stage1 to 0.5, rush to 20")


def test_a_mistake_is_reported_on_the_page_in_the_forms_words(locust_with, page_with, shoot):
    """Visible also when Enter was pressed far above, and gone once corrected."""
    url, _ = locust_with()
    page = page_with(url, height=500)
    expect(page.get_by_role("heading", name="Target")).to_be_visible()
    right = field(page, "API URL").input_value()
    field(page, "API URL").fill("nonsense")
    field(page, "API URL").press("Enter")
    alert = page.get_by_role("alert").filter(has_text="invalid value 'nonsense' for API URL")
    expect(alert).to_be_in_viewport()
    shoot(page, "start-form-refused")
    field(page, "API URL").fill(right)
    expect(alert).to_be_hidden()
    field(page, "Thresholds").fill("append_latncy: p(95)<1")
    field(page, "Thresholds").press("Enter")
    expect(page.get_by_role("alert").filter(has_text="the nearest is append_latency_ms")).to_be_in_viewport()


def test_the_form_can_be_used_by_keyboard_and_on_a_phone(locust_with, page_with, shoot):
    """Sections open and close by keyboard, and what is closed is not lost; nothing is wider than the screen."""
    url, _ = locust_with()
    page = page_with(url, width=390, height=844, scheme="dark")
    rare = page.get_by_role("button", name=re.compile("Rarely needed"))
    expect(rare).to_have_attribute("aria-expanded", "false")
    expect(field(page, "Reply timeout")).to_be_hidden()
    rare.focus()
    page.keyboard.press("Enter")
    expect(rare).to_have_attribute("aria-expanded", "true")
    expect(field(page, "Reply timeout")).to_be_visible()
    assert field(page, "Reply timeout").input_value() == "30s"
    expect(field(page, "Preset")).to_be_visible()
    expect(page.locator(".MuiCollapse-entered").last).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shoot(page, "start-form-phone", full_page=True)
