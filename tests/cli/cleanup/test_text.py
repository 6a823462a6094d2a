from collections import Counter

from fleetlm_users.cli.cleanup.finder import FoundSessions
from fleetlm_users.cli.cleanup.sessions import RunMark, bench_sessions
from fleetlm_users.cli.cleanup.text import MAX_RUNS, done_text, found_text
from fleetlm_users.measure.report.terminal_style import Style


def found_of(api):
    found = FoundSessions()
    found.sessions.update(
        (session.id, session) for session in bench_sessions({"sessions": list(api.sessions.values())})
    )
    return found


def test_a_line_per_run_and_what_cannot_be_known(api):
    """Counts, scenarios, times; archived ones apart; how FleetLM's list limits what can be found."""
    api.add("bench-r1-1", "r1", count=2)
    api.add("bench-r2-1", "r2", scenario="churn")
    api.add("bench-r2-1", "r2", archived=True)
    text = found_text(found_of(api), [], Style(width=80))
    assert "3 sessions to delete, 1 deleted already." in text
    assert ["r1", "2", "burst"] in [line.split()[:3] for line in text.splitlines()]
    assert "churn" in text
    assert "Only the newest 50 sessions of all are listed" in text
    assert max(map(len, text.splitlines())) <= 80


def test_named_runs_are_compared_with_what_their_folders_know(api):
    """A run that began more sessions than were found is reported, and so are full lists."""
    api.add("bench-r1-1", "r1")
    found = found_of(api)
    found.full.add("bench-r1-1")
    text = " ".join(found_text(found, [RunMark("r1", "bench", sessions=9)], Style(width=80)).split())
    assert "1 session to delete." in text
    assert "Run r1 began 9 sessions, but only 1 could be found" in text
    assert "1 participant has 50 sessions or more" in text
    assert "another --participant-prefix" in text
    assert "began" not in found_text(found, [RunMark("r1", "bench", sessions=1)], Style())


def test_many_runs_are_cut(api):
    """The newest are shown."""
    for number in range(MAX_RUNS + 5):
        api.add(f"bench-r{number}-1", f"r{number}")
    assert "… and 5 older runs" in found_text(found_of(api), [], Style())


def test_failures_are_reported_by_kind():
    """Most frequent first."""
    text = done_text(1, Counter({"a": 1, "b": 3}), style=Style())
    assert text.splitlines()[:3] == ["  1 session deleted.", "  ✗ 3 × b", "  ✗ 1 × a"]


def test_names_of_the_server_are_printable_and_bounded(api):
    """The creator of the sessions chose these names."""
    api.add("bench-r1-1", "r\x1b[2J1", scenario="s\r\n" * 500)
    text = found_text(found_of(api), [], Style(width=200))
    assert "r\\x1b[2J1" in text
    assert all(char.isprintable() or char == "\n" for char in text)
    assert max(map(len, text.splitlines())) <= 200
