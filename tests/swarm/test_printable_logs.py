"""Every log record is printable, no matter who wrote it."""

import io
import logging

from fleetlm_users.swarm.printable_logs import MAX_RECORD, PrintableFormatter, make_logs_printable


def logged(message, *args, **kwargs):
    """Return the output of a root logger's handler for one record."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        make_logs_printable()
        make_logs_printable()
        assert isinstance(handler.formatter, PrintableFormatter)
        root.error(message, *args, **kwargs)
    finally:
        root.removeHandler(handler)
    return stream.getvalue()


def test_control_characters_of_a_server_are_escaped_in_the_log():
    """It covers messages and tracebacks; lines stay lines."""
    try:
        raise ValueError("\x1b]0;title\x07 \u202e")
    except ValueError as problem:
        text = logged("%s\nand\tmore", problem, exc_info=True)
    assert text.startswith("ERROR: \\x1b]0;title\\x07 \\u202e\nand\tmore\nTraceback")
    assert "ValueError: \\x1b]0;title\\x07 \\u202e" in text
    assert all(char.isprintable() or char in "\n\t" for char in text)


def test_a_record_is_bounded():
    """An exception may quote megabytes."""
    assert len(logged("%s", "x" * 1_000_000)) <= MAX_RECORD + 1
