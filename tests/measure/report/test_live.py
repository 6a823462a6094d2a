"""The live page tells the fates of what a run sends: messages, pushes and awaited events."""

import pytest

from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS
from fleetlm_users.measure.report.live import accountings_of, kinds_of
from fleetlm_users.measure.totals import Totals

PHOENIX = DEFAULT.with_metrics(PHOENIX_METRICS)


def totals_of(catalogue=PHOENIX, *, final=True, **counts):
    """Totals of one worker with these counts."""
    ledger = Ledger(catalogue, "run", "w")
    for metric, n in counts.items():
        ledger.count(metric, "chat", MAIN, n)
    return Totals(catalogue, [ledger.snapshot(1, final=final, elapsed_s=1.0)])


@pytest.mark.parametrize(
    ("catalogue", "counts", "kinds"),
    [
        (DEFAULT, {}, ("messages",)),
        (PHOENIX, {}, ("pushes",)),
        (PHOENIX, {"joins_attempted": 1}, ("pushes",)),
        (PHOENIX, {"messages_sent": 1}, ("messages",)),
        (PHOENIX, {"messages_sent": 1, "pushes_sent": 1}, ("messages", "pushes")),
    ],
)
def test_what_is_sent_is_told_by_what_was_counted(catalogue, counts, kinds):
    """A run of both kinds of users sends both."""
    totals = totals_of(catalogue, **counts)
    assert kinds_of(totals) == kinds
    assert [accounting["what"] for accounting in accountings_of(totals, is_over=False)] == list(kinds)


def test_what_has_no_fate_yet_is_in_flight_while_the_run_goes_on():
    """Afterwards it is a defect, unless it was a lost worker's."""
    counts = {"pushes_sent": 3, "pushes_replied": 1, "events_awaited": 2, "events_seen": 1}
    pushes, events = accountings_of(totals_of(**counts), is_over=False)
    assert pushes["title"] == "pushes: sent = replied + refused + timed out + lost + in flight"
    assert (pushes["counts"], pushes["adds_up"]) == ([3, 1, 0, 0, 0, 2], True)
    assert (events["head"], events["counts"]) == (["awaited", "seen", "missed", "open"], [2, 1, 0, 1])
    pushes = accountings_of(totals_of(**counts), is_over=True)[0]
    assert (pushes["head"][-1], pushes["counts"], pushes["adds_up"]) == ("unknown", [3, 1, 0, 0, 0, 0, 2], False)
    assert accountings_of(totals_of(final=False, **counts), is_over=True)[0]["adds_up"]


def test_messages_have_their_accounting():
    """Without the fates that only some servers know."""
    (messages,) = accountings_of(
        totals_of(DEFAULT, messages_sent=3, messages_appended=2, messages_lost=1), is_over=True
    )
    assert messages["title"] == "messages: sent = appended + rejected + lost + in flight"
    assert (messages["counts"], messages["adds_up"]) == ([3, 2, 0, 1, 0], True)
