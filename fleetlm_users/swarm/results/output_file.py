"""A file that a person named for output: tried before a run, written through at its end, never replaced.

What stands at the path keeps its node: a link, a device, a pipe, a mount point or `/dev/stdout` is written to. Nothing
here gives way to other greenlets, so that no signal can end it halfway.
"""

import contextlib
import errno
import fcntl
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gevent import monkey

from fleetlm_users.output import takes

PROBE_BYTES: Final = 64 * 1024
"""About the size of a report: what a full disk or a quota has no room for is seen before the run."""

READER_S: Final = 5.0
"""How long the end of a run waits for somebody who opens a named pipe, or who takes something out of a full one."""

MOST_LINKS: Final = 40  # as Linux has it (path_resolution(7))
POLL_S: Final = 0.02
_STANDARD: Final = {1: "stdout", 2: "stderr"}
_FLAGS: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_sleep = monkey.get_original("time", "sleep")


def try_file(path: Path) -> None:
    """Finds out whether a file can be written, and leaves everything as it was. Raises OSError.

    A pipe is tried by its type and permissions only: to open it would look to its reader like a writer that left.
    """
    number = _descriptor_named(path)
    if number is not None:
        _check_descriptor(number)
        return
    target = _target_of(path)
    try:
        found = os.stat(target)
    except FileNotFoundError:
        try_new(target)
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISFIFO(found.st_mode):
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    os.close(os.open(target, _FLAGS))
    if stat.S_ISREG(found.st_mode):
        _check_space(target)


def try_new(target: Path) -> None:
    """Makes a file and the folders that it lacks, and takes all of them away again. Raises OSError."""
    made: list[Path] = []
    try:
        for folder in reversed(list(_missing(target.parent))):
            folder.mkdir()
            made.append(folder)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
        try:
            _pour(descriptor, bytes(PROBE_BYTES))
        finally:
            os.unlink(target)
            os.close(descriptor)
    finally:
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # somebody has begun to use it
                folder.rmdir()


def share_a_file(one: Path, other: Path) -> bool:
    """Whether a text written to one path would replace that of the other; pipes and devices take both."""
    if _descriptor_named(one) is not None or (one.exists() and not one.is_file()):
        return False
    return os.path.realpath(one) == os.path.realpath(other)


def write_file(path: Path, text: str) -> None:
    """Writes the text to what stands at the path, or to a new file, its folders with it. Raises OSError.

    A file that existed is truncated; one that was made here is taken away again when it cannot be written whole.
    """
    data = text.encode("utf-8", "backslashreplace")  # a lone surrogate of a server or a file name has no UTF-8
    number = _descriptor_named(path)
    if number is not None:
        _check_descriptor(number)
        _pour_after_what_was_printed(number, data)
        return
    target = _target_of(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, is_new = _open(target)
    try:
        found = os.fstat(descriptor)
        number = _standard_of(found)
        if number is not None:
            _pour_after_what_was_printed(number, data)
            return
        if stat.S_ISREG(found.st_mode):
            os.ftruncate(descriptor, 0)
        _pour(descriptor, data)
    except OSError:
        with contextlib.suppress(OSError):  # half a file is worse than none
            os.unlink(target) if is_new else os.ftruncate(descriptor, 0)
        raise
    finally:
        os.close(descriptor)


def _target_of(path: Path) -> Path:
    """The path with all links followed, those too that lead to nothing yet. Raises OSError."""
    try:
        return Path(os.path.realpath(path))
    except ValueError as problem:  # a NUL, or a character that the locale has no bytes for
        raise OSError(errno.EINVAL, str(problem), str(path)) from problem


def _missing(folder: Path) -> Iterator[Path]:
    """The folder and those above it that do not exist, from below."""
    while not os.path.lexists(folder):
        yield folder
        folder = folder.parent


def _check_space(target: Path) -> None:
    found = os.statvfs(target)
    free = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    if found.f_blocks and free * found.f_frsize < PROBE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


def _descriptor_named(path: Path) -> int | None:
    """N where the path leads to /proc/self/fd/N: opened by that name, a file would lose its place, a socket fail."""
    own = os.path.realpath("/proc/self/fd")
    here = str(path)
    for _ in range(MOST_LINKS):
        folder, name = os.path.split(os.path.abspath(here))
        with contextlib.suppress(ValueError):
            folder = os.path.realpath(folder)
        if folder == own and name.isdecimal():
            return int(name)
        try:
            here = os.path.join(folder, os.readlink(os.path.join(folder, name)))
        except (OSError, ValueError):
            return None
    return None


def _check_descriptor(number: int) -> None:
    """Raises OSError where it is not open for writing."""
    was_closed = number in _STANDARD and getattr(sys, f"__{_STANDARD[number]}__") is None
    if was_closed or fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "not open for writing", f"/dev/fd/{number}")


def _standard_of(found: os.stat_result) -> int | None:
    """Which standard stream goes to that file: two writers with a place each would write over one another."""
    for number in _STANDARD:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(found.st_mode) and os.path.samestat(os.fstat(number), found):
                return number
    return None


def _open(target: Path) -> tuple[int, bool]:
    """(the descriptor, whether the file is new)"""
    deadline_s = time.monotonic() + READER_S
    while True:
        try:
            # not with O_CREAT: where everybody may write, Linux refuses that for files of others (fs.protected_regular)
            return os.open(target, _FLAGS), False
        except FileNotFoundError:
            return os.open(target, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), True
        except OSError as problem:
            is_pipe = problem.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(target).st_mode)
            if not is_pipe:
                raise
            if time.monotonic() > deadline_s:
                raise TimeoutError(errno.ETIMEDOUT, f"nobody read from it within {READER_S:g} s", str(target)) from None
        _sleep(POLL_S)


def _pour_after_what_was_printed(number: int, data: bytes) -> None:
    for name in _STANDARD.values():
        with contextlib.suppress(AttributeError, OSError, ValueError):
            getattr(sys, name).flush()
    _pour(number, data)


def _pour(descriptor: int, data: bytes) -> None:
    """Writes all of it; a reader that takes nothing is waited for within bounds."""
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    done = 0
    while done < len(data):
        if not takes(descriptor, int(READER_S * 1000)):
            raise TimeoutError(errno.ETIMEDOUT, f"nobody took what was written within {READER_S:g} s")
        # a pipe that polls as writable takes PIPE_BUF bytes without waiting (pipe(7))
        with contextlib.suppress(BlockingIOError):
            done += os.write(descriptor, data[done:] if is_file else data[done : done + select.PIPE_BUF])
