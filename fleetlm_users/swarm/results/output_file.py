"""An output file that the user named: tried before a run, written in place at its end, never replaced.

Whatever exists at the path is written to and stays the same node: a link, a device, a pipe, a mount point or
`/dev/stdout`. Nothing here yields to other greenlets, so no signal can end it halfway.
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
"""About the size of a report, so that a full disk or a quota is noticed before the run."""

READER_S: Final = 5.0
"""How long the end of a run waits for a reader of a named pipe, or for room in a full one."""

MOST_LINKS: Final = 40  # as in Linux (path_resolution(7))
POLL_S: Final = 0.02
_STANDARD: Final = {1: "stdout", 2: "stderr"}
_FLAGS: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_sleep = monkey.get_original("time", "sleep")


def try_file(path: Path) -> None:
    """Check that a file can be written, and leave everything as it was.

    A pipe is only checked by its type and permissions: opening it would look to its reader like a writer that left.

    Raises:
        OSError: It cannot be written.
    """
    number = _descriptor_named(path)
    if number is not None:
        _check_descriptor(number)
        return
    target = _target_of(path)
    try:
        status = os.stat(target)
    except FileNotFoundError:
        try_new(target)
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISFIFO(status.st_mode):
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return
    os.close(os.open(target, _FLAGS))
    if stat.S_ISREG(status.st_mode):
        _check_space(target)


def try_new(target: Path) -> None:
    """Create a file and its missing folders, and remove all of them again. Raise OSError."""
    new_folders: list[Path] = []
    try:
        for folder in reversed(list(_missing(target.parent))):
            folder.mkdir()
            new_folders.append(folder)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
        try:
            _pour(descriptor, bytes(PROBE_BYTES))
        finally:
            os.unlink(target)
            os.close(descriptor)
    finally:
        for folder in reversed(new_folders):
            with contextlib.suppress(OSError):  # somebody has started to use it
                folder.rmdir()


def share_a_file(one: Path, other: Path) -> bool:
    """Return whether writing a text to one path would replace that at the other; pipes and devices take both."""
    if _descriptor_named(one) is not None or (one.exists() and not one.is_file()):
        return False
    return os.path.realpath(one) == os.path.realpath(other)


def write_file(path: Path, text: str) -> None:
    """Write the text to whatever exists at the path, or to a new file in new folders.

    A file that existed is truncated first. A new one is removed again if it cannot be written completely.

    Raises:
        OSError: It cannot be written.
    """
    data = text.encode("utf-8", "backslashreplace")  # a lone surrogate, from a server or a file name, has no UTF-8
    number = _descriptor_named(path)
    if number is not None:
        _check_descriptor(number)
        _pour_after_what_was_printed(number, data)
        return
    target = _target_of(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, is_new = _open(target)
    try:
        status = os.fstat(descriptor)
        number = _standard_of(status)
        if number is not None:
            _pour_after_what_was_printed(number, data)
            return
        if stat.S_ISREG(status.st_mode):
            os.ftruncate(descriptor, 0)
        _pour(descriptor, data)
    except OSError:
        with contextlib.suppress(OSError):  # half a file is worse than none
            os.unlink(target) if is_new else os.ftruncate(descriptor, 0)
        raise
    finally:
        os.close(descriptor)


def _target_of(path: Path) -> Path:
    """Return the path with all links resolved, including dangling ones. Raise OSError."""
    try:
        return Path(os.path.realpath(path))
    except ValueError as problem:  # a NUL, or a character that the locale has no bytes for
        raise OSError(errno.EINVAL, str(problem), str(path)) from problem


def _missing(folder: Path) -> Iterator[Path]:
    """Yield the missing folder and its missing parents, innermost first."""
    while not os.path.lexists(folder):
        yield folder
        folder = folder.parent


def _check_space(target: Path) -> None:
    status = os.statvfs(target)
    free = status.f_bfree if os.geteuid() == 0 else status.f_bavail
    if status.f_blocks and free * status.f_frsize < PROBE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))


def _descriptor_named(path: Path) -> int | None:
    """Return N if the path leads to /proc/self/fd/N: opened by name, a file would lose its place, a socket fail."""
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
    """Raise OSError unless the descriptor is open for writing."""
    was_closed = number in _STANDARD and getattr(sys, f"__{_STANDARD[number]}__") is None
    if was_closed or fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "not open for writing", f"/dev/fd/{number}")


def _standard_of(status: os.stat_result) -> int | None:
    """Return which standard stream goes to that file: two writers with separate positions would overwrite each
    other.
    """
    for number in _STANDARD:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(status.st_mode) and os.path.samestat(os.fstat(number), status):
                return number
    return None


def _open(target: Path) -> tuple[int, bool]:
    """Return the descriptor, and whether the file is new."""
    deadline_s = time.monotonic() + READER_S
    while True:
        try:
            # not with O_CREAT: in world-writable folders Linux refuses that for other users' files
            # (fs.protected_regular)
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
    """Write all of it; wait a bounded time for a reader that takes nothing."""
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    done = 0
    while done < len(data):
        if not takes(descriptor, int(READER_S * 1000)):
            raise TimeoutError(errno.ETIMEDOUT, f"nobody took what was written within {READER_S:g} s")
        # a pipe that polls as writable takes PIPE_BUF bytes without waiting (pipe(7))
        with contextlib.suppress(BlockingIOError):
            done += os.write(descriptor, data[done:] if is_file else data[done : done + select.PIPE_BUF])
