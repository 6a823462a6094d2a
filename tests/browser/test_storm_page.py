"""A reconnect storm on the live page, while it goes on: who is back, and after how many attempts."""

from playwright.sync_api import expect

from tests.e2e.harness import eventually

STORM = ("-u", "4", "--ramp-up", "0s", "--warm-up", "0s", "--cut-at", "10s", "-t", "120s", "--send-interval", "1000")
REFUSE = ("--rejoin-after", "300ms")


def tile(page, name):
    """The figure of one tile of the storm."""
    return page.locator("#storm-tiles .tile", has=page.get_by_text(name, exact=True)).locator("b")


def test_a_storm_is_followed_from_the_cut_to_the_last_return(locust_with, page_with, standin, shoot):
    """Nobody is back while the server refuses joins, then everybody; at the end the words are the report's."""
    url, _ = locust_with(
        *STORM, *REFUSE, "--autostart", "--autoquit", "60", locustfile="locustfiles/reconnect_storm.py"
    )
    eventually(lambda: any(run["joins_ok"] == 4 for run in standin.counters()["runs"].values()), "all joined")
    standin.faults(refuse_joins=True)
    page = page_with(f"{url}/fleetlm")
    expect(page.locator("#users")).to_have_text("4 / 4")
    expect(tile(page, "Still away")).to_have_text("4")
    expect(tile(page, "Back")).to_have_text("0")
    expect(tile(page, "Refused or failed")).not_to_have_text("0")
    expect(page.locator("#storm-lines")).to_contain_text("Still away: 4 of the 4")
    phone = page_with(f"{url}/fleetlm", width=390, height=844, scheme="dark")
    expect(phone.locator("#storm-tiles .tile")).to_have_count(6)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(page, "storm")
    standin.faults(refuse_joins=False)
    expect(tile(page, "Back")).to_have_text("4")
    assert page.request.post(f"{url}/stop").ok
    expect(page.locator("#state")).to_have_text("ENDED")
    expect(page.locator("#storm-lines")).to_contain_text("4 of 4 sessions lost their connection")
