"""Streams that never decide: closed, full, without a reader, without a character, paused, narrow."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading

import pytest

from fleetlm_users.output import ERASE_LINE, MOST_WAITING_BYTES, LiveLine, Output, tell, wants_colour, width_of


@contextlib.contextmanager
def pipe():
    """(reader's descriptor, the stream that writes to it)"""
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as stream:
        yield reader, stream
    with contextlib.suppress(OSError):
        os.close(reader)


@contextlib.contextmanager
def terminal(columns):
    """(the descriptor that sees what a terminal would, the stream of a program on it)"""
    seen, its = pty.openpty()
    attributes = termios.tcgetattr(its)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(its, termios.TCSANOW, attributes)
    resize(its, columns)
    with open(its, "w", encoding="utf-8") as stream:
        yield seen, stream
    os.close(seen)


def read(descriptor, expected):
    """Read the terminal's input until there is as much as expected."""
    got = b""
    while len(got) < len(expected.encode()):
        got += os.read(descriptor, 65536)
    return got.decode()


def resize(descriptor, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def in_a_child(code, redirected, **env):
    """(exit code, standard output, standard error) of a program that begins with steady streams."""
    program = f"from fleetlm_users.output import steady_streams; steady_streams(); import sys; {code}"
    command = ["bash", "-c", f'exec "$@" {redirected}', "bash", sys.executable, "-c", program]
    environment = {**os.environ, **env}
    done = subprocess.run(
        command, check=False, capture_output=True, encoding="utf-8", errors="replace", env=environment
    )
    return done.returncode, done.stdout, done.stderr


SAY = r"print('\u2713 said'); sys.stderr.write('\u2717 told\n'); sys.exit(3)"


@pytest.mark.parametrize(
    ("redirected", "env", "out", "err"),
    [
        ("", {"PYTHONIOENCODING": "utf-8"}, "✓ said\n", "✗ told\n"),
        ("", {"PYTHONIOENCODING": "latin-1"}, "+ said\n", "x told\n"),
        ("", {"PYTHONIOENCODING": "ascii:strict"}, "+ said\n", "x told\n"),
        ("", {"PYTHONIOENCODING": "gbk"}, "+ said\n", "x told\n"),
        ("", {"PYTHONIOENCODING": "euc-jp"}, "+ said\n", "x told\n"),
        (
            "",
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
            "+ said\n",
            "x told\n",
        ),
        (">&-", {}, "", "✗ told\n"),
        ("2>&-", {}, "✓ said\n", ""),
        ("<&- >&- 2>&-", {}, "", ""),
        (">/dev/full", {}, "", "✗ told\nstandard output cannot be written: No space left on device\n"),
        ("2>/dev/full", {}, "✓ said\n", ""),
        (">/dev/full 2>/dev/full", {}, "", ""),
        ("> >(exec <&-)", {}, "", "✗ told\n"),
    ],
)
def test_whatever_the_streams_are_the_exit_code_stays(redirected, env, out, err):
    """Python itself would raise, or end with 120 for data left in a buffer."""
    assert in_a_child(SAY, redirected, **{"PYTHONIOENCODING": "utf-8", **env}) == (3, out, err)


def test_no_file_gets_the_number_of_a_closed_stream():
    """Text printed to descriptor 1 must not go into it."""
    code, _, err = in_a_child("f = open('/dev/null'); sys.stderr.write(str(f.fileno() > 2))", "<&- >&-")
    assert (code, err) == (0, "True")


def test_a_stream_that_a_test_or_program_put_there_is_left_alone(capsys):
    """Only the process's own are replaced."""
    code, out, _ = in_a_child("steady_streams(); print(type(sys.stdout).__name__)", "")
    assert (code, out) == (0, "Output\n")
    tell(sys.stdout, "kept")
    assert capsys.readouterr().out == "kept"


def test_nothing_is_reported_to_no_stream_or_a_closed_one():
    """sys.stderr is None in a process that began without one."""
    closed = io.StringIO()
    closed.close()
    tell(None, "x")
    tell(closed, "x")
    assert not wants_colour(None)
    assert not wants_colour(closed)


def test_a_full_pipe_holds_up_nobody_while_there_is_load():
    """Text that a paused reader does not take is kept, and arrives when it reads again."""
    with pipe() as (reader, stream):
        output = Output(stream, wait_ms=0)
        line = "x" * 99 + "\n"
        for _ in range(3_000):
            tell(output, line)
        assert not output.is_ready()
        got = bytearray()
        taker = threading.Thread(
            target=lambda: [got.extend(os.read(reader, 65536)) for _ in iter(lambda: len(got) < 300_000, False)]
        )
        taker.start()
        output.settle("stderr")
        taker.join()
        assert got == line.encode() * 3_000


def test_what_nobody_ever_takes_is_bounded_and_told():
    """Memory stays bounded; the reader sees that something is missing."""
    with pipe() as (reader, stream):
        output = Output(stream, wait_ms=0)
        for _ in range(2 * MOST_WAITING_BYTES // 1_000):
            tell(output, "x" * 999 + "\n")
        got = bytearray()

        def take():
            while chunk := os.read(reader, 65536):
                got.extend(chunk)

        taker = threading.Thread(target=take)
        taker.start()
        output.settle("stderr")
        output.close()
        stream.close()
        taker.join()
        assert re.search(rb"x\n\(\d+ bytes of output were lost here: nothing read them\)\n$", got)


def test_a_report_does_not_wait_for_ever(monkeypatch):
    """One vain wait is enough; written text is not lost as long as the process lives."""
    monkeypatch.setattr("fleetlm_users.output.LAST_WAIT_MS", 100)
    with pipe() as (reader, stream):
        output = Output(stream, wait_ms=1)
        for _ in range(3):
            tell(output, "x" * 50_000)
        assert not output.is_ready()
        assert len(os.read(reader, 200_000)) < 150_000
        output.settle("stdout")
        assert os.read(reader, 200_000)


def test_a_live_line_never_waits_for_a_paused_terminal():
    """Ctrl-S: it is not shown, and not kept either."""
    with pipe() as (_, stream):
        output = Output(stream, wait_ms=0)
        tell(output, "x" * 200_000)
        live = LiveLine(output)
        live.is_possible = True
        live.show("1s")
        assert not output.is_ready()


def test_a_terminal_that_nobody_reads_holds_up_nobody():
    """It polls as writable but would block; what it shares with others does not change."""
    with terminal(80) as (_, stream):
        output = Output(stream, wait_ms=0)
        for _ in range(3_000):
            tell(output, "x" * 99 + "\n")
        assert not output.is_ready()
        assert os.get_blocking(output.fileno())


def test_a_line_fits_the_terminal_also_after_a_resize():
    """It is asked each time; the last column stays free."""
    with terminal(40) as (seen, stream):
        output = Output(stream)
        live = LiveLine(output)
        assert live.is_possible
        assert width_of(output) == 40
        live.show("a" * 100)
        resize(output.fileno(), 20)
        live.show("b" * 100)
        live.show("c" * 10)
        expected = f"{ERASE_LINE}{'a' * 38}~\r{ERASE_LINE}{'b' * 18}~\r{ERASE_LINE}{'c' * 10}\r"
        assert read(seen, expected) == expected


def test_text_of_others_takes_the_place_of_the_live_line():
    """Locust's log lines would else begin behind it, or leave its end standing."""
    with terminal(80) as (seen, stream):
        output = Output(stream)
        live = LiveLine(output)
        live.show("1s")
        tell(output, "log\n")
        tell(output, "log\n")
        live.clear()
        expected = f"{ERASE_LINE}1s\r{ERASE_LINE}log\nlog\n"
        assert read(seen, expected) == expected


def test_a_terminal_that_is_gone_is_no_terminal(monkeypatch):
    """Its other end is closed."""
    monkeypatch.delenv("COLUMNS", raising=False)
    seen, its = pty.openpty()
    with open(its, "w", encoding="utf-8") as stream:
        output = Output(stream)
        live = LiveLine(output)
        os.close(seen)
        live.show("1s")
        live.clear()
        tell(output, "x\n")
        assert width_of(output) == 80


@pytest.mark.parametrize(("given", "width"), [("60", 60), ("", 80), ("0", 80), ("wide", 80)])
def test_without_a_terminal_the_width_is_that_of_the_environment(monkeypatch, given, width):
    """Or 80."""
    monkeypatch.setenv("COLUMNS", given)
    assert width_of(io.StringIO()) == width
