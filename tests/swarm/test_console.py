"""One live line on a terminal, plain lines in a log, and no harm when the terminal goes away."""

import io

from fleetlm_users.swarm.console import ERASE_LINE, LOG_INTERVAL_S, TERMINAL_INTERVAL_S, Console


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_shows_one_line_that_changes():
    """What stays is written below it, not behind it."""
    stream = Terminal()
    console = Console(stream)
    console.progress("one")
    console.progress("two")
    console.say("done")
    assert stream.getvalue() == f"{ERASE_LINE}one{ERASE_LINE}two{ERASE_LINE}done\n"
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
