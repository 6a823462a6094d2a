"""The accounting of pushes in a report: shown where no message was sent to a FleetLM, and added up by phase."""

from fleetlm_users.measure.report.content.push_accounting import book_tables, is_of_pushes, sent_in_words, sent_of


def summary_of(*sends, messages=0, **counts):
    """A summary with these counters, each by scenario; a warm-up has the same."""
    metrics = {}
    for name, by_scenario in counts.items():
        figures = {
            "all": {"count": sum(by_scenario.values())},
            "scenarios": {scenario: {"count": count} for scenario, count in by_scenario.items()},
        }
        metrics[name] = {"kind": "counter", "main": figures, "warm_up": figures}
    sent = {"all": {"sent": messages}}
    run = {"sends": list(sends)} if sends else {}
    return {"metrics": metrics, "accounting": {"main": sent, "warm_up": sent}, "run": run}


def test_what_was_sent_is_told_by_the_run():
    """Messages, pushes or both; a run of an older version sent messages."""
    assert sent_of(summary_of()) == ("messages",)
    both = summary_of("messages", "pushes", messages=1, pushes_sent={"chat": 1, "other": 2})
    assert sent_in_words(both) == "1 message and 3 pushes"
    assert sent_in_words(summary_of(messages=2, sessions_started={"a": 3})) == "2 messages"
    assert sent_in_words(summary_of(sessions_started={"a": 3, "b": 1})) == "4 sessions"
    assert sent_in_words(summary_of(sessions_started={"a": 1})) == "1 session"
    assert sent_in_words(summary_of()) == "0 messages"
    assert [is_of_pushes(each) for each in (both, summary_of("pushes"), summary_of())] == [False, True, False]


def test_each_scenario_all_and_the_warm_up_have_a_row():
    """The last column says whether they add up; events have a table of their own."""
    counts = {"pushes_sent": {"a": 3, "b": 2}, "pushes_replied": {"a": 2, "b": 2}, "pushes_lost": {"a": 1}}
    events = {"events_awaited": {"a": 2}, "events_seen": {"a": 1}, "events_missed": {"a": 1}}
    (title, (head, rows)), (of_events, _) = book_tables(summary_of(**counts, **events))
    assert title == "pushes: sent = replied + refused + timed out + lost + in flight"
    assert of_events == "events: awaited = seen + missed + open"
    assert head == ("", "sent", "replied", "refused", "timed out", "lost", "in flight", "adds up")
    assert rows == (
        ("a", "3", "2", "0", "0", "1", "0", "✓"),
        ("b", "2", "2", "0", "0", "0", "0", "✓"),
        ("all", "5", "4", "0", "0", "1", "0", "✓"),
        ("warm-up", "5", "4", "0", "0", "1", "0", "✓"),
    )


def test_what_a_lost_worker_left_open_is_unknown_and_no_defect():
    """Without a lost worker it is one."""
    summary = summary_of(pushes_sent={"a": 2}, pushes_replied={"a": 1})
    ((_, (head, (row, _))),) = book_tables(summary)
    assert (head[-2:], row[-2:]) == (("unknown", "adds up"), ("1", "✗"))
    ((_, (_, (row, _))),) = book_tables({**summary, "workers_lost": [{}]})
    assert row[-2:] == ("1", "✓")


def test_a_run_without_a_push_has_an_empty_table():
    """It says that none was sent, in the terms of pushes."""
    ((_, (_, rows)),) = book_tables(summary_of("pushes"))
    assert rows == (("all", "0", "0", "0", "0", "0", "0", "✓"),)
