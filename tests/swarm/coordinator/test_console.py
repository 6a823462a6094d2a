"""One live line on a terminal, plain lines in a log, and no harm when the terminal goes away."""

import io
from dataclasses import replace

from fleetlm_users.output import ERASE_LINE
from fleetlm_users.swarm.coordinator.console import LOG_INTERVAL_S, TERMINAL_INTERVAL_S, Console, announcement
from tests.swarm.samples import options


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_shows_one_line_that_changes():
    """Permanent text is written below it, not after it."""
    stream = Terminal()
    console = Console(stream)
    console.progress("one")
    console.progress("two")
    console.say("done")
    assert stream.getvalue() == f"{ERASE_LINE}one\r{ERASE_LINE}two\r{ERASE_LINE}done\n"
    assert console.interval_s == TERMINAL_INTERVAL_S


def test_a_log_gets_whole_lines_now_and_then():
    """No control characters in a file."""
    stream = io.StringIO()
    console = Console(stream)
    console.progress("one")
    console.say("done\n")
    console.clear()
    assert stream.getvalue() == "one\ndone\n"
    assert console.interval_s == LOG_INTERVAL_S


def test_a_stream_that_is_gone_does_not_end_the_run():
    """The terminal was closed."""
    stream = io.StringIO()
    console = Console(stream)
    stream.close()
    console.progress("one")


def test_no_stream_at_all_does_not_end_the_run(monkeypatch):
    """Standard error was closed before the start: sys.stderr is None."""
    monkeypatch.setattr("sys.stderr", None)
    console = Console()
    console.progress("one")
    console.say("two")
    console.clear()


def test_a_terminal_without_escape_codes_gets_lines(monkeypatch):
    """TERM=dumb cannot erase."""
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    Console(stream).progress("one")
    assert stream.getvalue() == "one\n"


def test_what_fits_is_asked_of_the_terminal_each_time(monkeypatch):
    """It may be resized; a log takes lines of any length."""
    console = Console(Terminal())
    monkeypatch.setenv("COLUMNS", "10")
    assert console.fits("a" * 9)
    assert not console.fits("a" * 10)
    monkeypatch.setenv("COLUMNS", "20")
    assert console.fits("a" * 19)
    assert Console(io.StringIO()).fits("a" * 500)


def test_foreign_words_cannot_move_the_cursor():
    """A worker's problem, or a warning that quotes a server; our own lines stay lines."""
    stream = io.StringIO()
    Console(stream).say("first\x1b[2J\rover\x00\nsecond\u202e")
    assert stream.getvalue() == "first\\x1b[2J\\rover\\x00\nsecond\\u202e\n"


def test_it_names_users_targets_run_and_seed():
    """Everything that is needed to run it again."""
    text = announcement(options(), False)
    for said in ("18 users", "10 long_lived", "2m", "http://localhost:4000/api", "r1", "seed 7", "not judged"):
        assert said in text


def test_a_run_without_end_says_so():
    """Nobody should wait for it."""
    assert "until stopped" in announcement(options(duration="0"), False)
    assert "protocol" not in announcement(options())  # nobody has asked the server yet
    spoken = replace(options(), protocol="late", is_protocol_detected=True)
    assert "  protocol late, detected\n" in announcement(spoken)
    assert "  protocol late, as given\n" in announcement(options(protocol="late"))
