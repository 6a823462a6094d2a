"""Standard output and error that never end a program: whatever happens to them, its exit code stays right.

A stream may be closed, lack characters, or be a full disk, a pipe without a reader, or a terminal that is gone. Python
raises for each of these, and with data left in a buffer it even ends with exit code 120 (Py_FinalizeEx).
"""

import atexit
import codecs
import contextlib
import errno
import io
import os
import select
import stat
import sys
from typing import Any, Final, TextIO

from fleetlm_users.output_characters import cut, fit, instead_of

COLUMNS: Final = 80
"""The width if the real one is unknown."""

ERASE_LINE: Final = "\r\x1b[2K\x1b[J"
"""Erases everything below as well: a terminal that became narrower has broken the line into several rows."""

MOST_WAITING_BYTES: Final = 1 << 20
REPORT_WAIT_MS: Final = 60_000
"""How long a report waits for a reader that takes nothing, such as a terminal paused by Ctrl-S."""

LAST_WAIT_MS: Final = 5_000
"""The same, at the end of the process."""

_REPLACING: Final = "fleetlm.replacing"
_QUIET: Final = (errno.EPIPE, errno.EIO, errno.EBADF)  # the reader or the terminal is gone: nobody would read it


def steady_streams(*, while_loading: bool = False) -> None:
    """Replace this process's standard streams with ones that never fail; may be called again.

    With `while_loading` standard error never waits, and standard output waits a minute at most: up to 1 MiB that a
    paused terminal or a full pipe does not take is kept for later. A generator that waited would measure its own pause,
    and one that waited forever would never return its exit code.
    """
    codecs.register_error(_REPLACING, _replace)
    _reserve_descriptors()
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115  # it lives as long as the process
    waits_ms = (REPORT_WAIT_MS, 0) if while_loading else (None, None)
    for name, wait_ms in zip(("stdout", "stderr"), waits_ms, strict=True):
        present = getattr(sys, name)
        if present is getattr(sys, f"__{name}__"):  # not one that a test or a program has put there
            output = Output(present, wait_ms=wait_ms)
            setattr(sys, name, output)
            atexit.register(output.settle, name)


def tell(stream: TextIO | None, text: str) -> None:
    """Write as much of the text as the stream can show and accept; never raise."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        stream.write(fit(text, stream.encoding))
        stream.flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal that can erase a line."""
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def wants_colour(stream: TextIO | None) -> bool:
    """Return whether to use colours: only on a terminal, and not if NO_COLOR is set (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def width_of(stream: TextIO | None) -> int:
    """Return how many columns the stream has now: its terminal's, or else those of the variable COLUMNS, or else 80."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        columns = os.get_terminal_size(stream.fileno()).columns  # type: ignore[union-attr]  # None has no fileno
        if columns > 0:
            return columns
    given = os.environ.get("COLUMNS", "")
    return int(given) if len(given) < 6 and given.isdecimal() and int(given) > 0 else COLUMNS


class LiveLine:
    """One line of a terminal that is overwritten repeatedly; other text replaces it first."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None)
        self._is_shown = False
        self.is_possible = is_terminal(stream)
        if isinstance(stream, Output):
            stream.live = self

    def fits(self, text: str) -> bool:
        """Return whether the whole text can be shown now."""
        return self._cut(text) == self._shown(text)

    def show(self, text: str) -> None:
        """Show the text in place of the last one, cut to the terminal's width, unless the terminal is paused."""
        if not self.is_possible or not _is_ready(self._stream):
            return
        self._is_shown = False
        # the cursor returns to the start of the line: there it stays if a narrower terminal breaks the line
        tell(self._stream, f"{ERASE_LINE}{self._cut(text)}\r")
        self._is_shown = True

    def clear(self) -> None:
        """Erase the line, so that other text begins on its own line."""
        if self._is_shown:
            self._is_shown = False
            tell(self._stream, ERASE_LINE)

    def _shown(self, text: str) -> str:
        return fit(text, self._encoding)

    def _cut(self, text: str) -> str:
        # the last column stays free: some terminals break the line after it
        return cut(self._shown(text), max(width_of(self._stream) - 1, 1), self._encoding)


class Output(io.TextIOWrapper):
    """A standard stream that replaces characters it cannot show and drops text it cannot write."""

    live: LiveLine | None = None

    def __init__(self, stream: TextIO | None, *, wait_ms: int | None = None) -> None:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()  # type: ignore[union-attr]  # None is suppressed too
        self._unfailing = _Unfailing(_descriptor_of(stream), wait_ms)
        like: dict[str, Any] = {}
        if isinstance(stream, io.TextIOWrapper):
            like = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
        encoding = getattr(stream, "encoding", None) or "utf-8"
        super().__init__(io.BufferedWriter(self._unfailing), encoding, _REPLACING, **like)

    def write(self, text: str) -> int:
        """Write text, in place of a live line."""
        if self.live is not None:
            self.live.clear()
        return super().write(text)

    def is_ready(self) -> bool:
        """Return whether a line written now would reach the reader without waiting."""
        return self._unfailing.is_ready()

    @property
    def written_to(self) -> int:
        """The descriptor that is written to; it may be another one of the same terminal or pipe."""
        return self._unfailing.written_to

    def settle(self, name: str) -> None:
        """Write pending text a last time, at the end of the process, and report why standard output could not be
        written.
        """
        self.flush()
        self._unfailing.finish(LAST_WAIT_MS)
        problem = self._unfailing.problem
        if problem is not None and problem.errno not in _QUIET and name == "stdout":
            tell(sys.stderr, f"standard output cannot be written: {problem.strerror}\n")


class _Unfailing(io.RawIOBase):
    """A descriptor that never fails; `problem` is the first error that a write met.

    A write waits at most `wait_ms` for the reader, or without a limit for None. Text not taken by then stays pending.
    """

    def __init__(self, descriptor: int, wait_ms: int | None) -> None:
        self._descriptor = descriptor
        self.written_to = descriptor if wait_ms is None else _never_blocking(descriptor)
        self._wait_ms = wait_ms
        self._waiting = bytearray()
        self._lost_bytes = 0
        self.problem: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def close(self) -> None:
        if not self.closed and self.written_to != self._descriptor:
            os.close(self.written_to)
        super().close()

    def is_ready(self) -> bool:
        return not self._waiting and takes(self.written_to, 0)

    def write(self, data: Any) -> int:
        taken = bytes(data)
        wait_ms = 0 if self._waiting else self._wait_ms  # already waited for in vain
        if len(self._waiting) + len(taken) > MOST_WAITING_BYTES and self._wait_ms is not None:
            self._lost_bytes += len(taken)
        else:
            self._note_loss()
            self._waiting += taken
        self.pass_on(wait_ms)
        return len(taken)

    def pass_on(self, wait_ms: int | None) -> None:
        """Write pending text; wait for the reader for at most `wait_ms`, or without a limit for None."""
        try:
            while self._waiting and (wait_ms is None or takes(self.written_to, wait_ms)) and self._write_some(wait_ms):
                pass
        except OSError as problem:
            self.problem = self.problem or problem
            self._waiting.clear()

    def finish(self, wait_ms: int) -> None:
        """Write pending text for the last time."""
        self._note_loss()
        self.pass_on(wait_ms)

    def _note_loss(self) -> None:
        if self._lost_bytes:
            self._waiting += f"({self._lost_bytes} bytes of output were lost here: nothing read them)\n".encode("ascii")
            self._lost_bytes = 0

    def _write_some(self, wait_ms: int | None) -> bool:
        """Write some text and return whether to go on. A pipe that polls as writable takes PIPE_BUF bytes without
        waiting (pipe(7)).
        """
        try:
            del self._waiting[: os.write(self.written_to, self._waiting[: select.PIPE_BUF])]
        except BlockingIOError:
            return wait_ms is None and takes(self.written_to, None)  # another process made it non-blocking
        return True


def takes(descriptor: int, wait_ms: int | None) -> bool:
    """Return whether a descriptor takes bytes, or reports an error, within `wait_ms`; None waits without a limit.

    No other greenlet runs meanwhile.
    """
    # gevent's own poll would switch to other greenlets, which the event loop must not do
    monkey = sys.modules.get("gevent.monkey")
    poll = (monkey.get_original("select", "poll") if monkey is not None else select.poll)()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(wait_ms))


def _is_ready(stream: TextIO | None) -> bool:
    return not isinstance(stream, Output) or stream.is_ready()


def _never_blocking(descriptor: int) -> int:
    """Return another descriptor of the same terminal or pipe: a paused terminal polls as writable and still blocks.

    O_NONBLOCK on the descriptor itself would also affect the shell and every other process that has it.
    """
    try:
        if os.isatty(descriptor) or stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:
        pass  # it belongs to another user, or there is no /proc
    return descriptor


def _replace(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    return "".join(map(instead_of, problem.object[problem.start : problem.end])), problem.end


def _descriptor_of(stream: TextIO | None) -> int:
    """Return the stream's descriptor, or one of /dev/null if the stream was closed before this process began."""
    try:
        return stream.fileno()  # type: ignore[union-attr]  # None is caught too
    except (AttributeError, OSError, ValueError):
        return os.open(os.devnull, os.O_WRONLY)


def _reserve_descriptors() -> None:
    """Reserve the numbers of closed standard streams: text others print must not reach a socket or file."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
