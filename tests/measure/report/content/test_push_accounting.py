"""The accounting of pushes in a report: shown where no message was sent to a FleetLM, and added up by phase."""

from fleetlm_users.measure.report.content.push_accounting import PUSH_TITLE, is_of_pushes, push_rows, pushes_sent


def summary_of(messages=0, **counts):
    """A summary with these counters, each by scenario; a warm-up has the same."""
    metrics = {}
    for name, by_scenario in counts.items():
        figures = {
            "all": {"count": sum(by_scenario.values())},
            "scenarios": {scenario: {"count": count} for scenario, count in by_scenario.items()},
        }
        metrics[name] = {"kind": "counter", "main": figures, "warm_up": figures}
    sent = {"all": {"sent": messages}}
    return {"metrics": metrics, "accounting": {"main": sent, "warm_up": sent}}


def test_pushes_are_accounted_for_where_no_message_was_sent():
    """Else the report has the accounting of messages."""
    assert is_of_pushes(summary_of(pushes_sent={"chat": 1}))
    assert not is_of_pushes(summary_of(messages=1, pushes_sent={"chat": 1}))
    assert not is_of_pushes(summary_of())
    assert pushes_sent(summary_of(pushes_sent={"chat": 1, "other": 2})) == 3


def test_each_scenario_all_and_the_warm_up_have_a_row():
    """The last column says whether they add up."""
    counts = {"pushes_sent": {"a": 3, "b": 2}, "pushes_replied": {"a": 2, "b": 2}, "pushes_lost": {"a": 1}}
    head, rows = push_rows(summary_of(**counts))
    assert head == ("", "sent", "replied", "refused", "timed out", "lost", "in flight", "adds up")
    assert rows == (
        ("a", "3", "2", "0", "0", "1", "0", "✓"),
        ("b", "2", "2", "0", "0", "0", "0", "✓"),
        ("all", "5", "4", "0", "0", "1", "0", "✓"),
        ("warm-up", "5", "4", "0", "0", "1", "0", "✓"),
    )
    assert push_rows(summary_of(pushes_sent={"a": 2}, pushes_replied={"a": 1}))[1][0][-1] == "✗"
    assert PUSH_TITLE == "pushes: sent = replied + refused + timed out + lost + in flight"
