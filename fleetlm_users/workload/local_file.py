"""The one reader of small files that a user names: bounded, never blocking, regular files only."""

import os
import stat
from pathlib import Path
from typing import Final

KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class UnreadableFile(Exception):
    """A file cannot be read; the text says why and shows none of its content."""


def read_text(path: Path, max_bytes: int) -> str:
    """Return the UTF-8 text of a regular file of at most `max_bytes`. Raises UnreadableFile.

    Its type is checked before it is opened, since merely opening a device can have an effect, and again afterwards.
    Without O_NONBLOCK a pipe without a writer would block the whole event loop.
    """
    try:
        path = path.expanduser()
        _check(os.stat(path), max_bytes)
        descriptor = os.open(path, _FLAGS)
        with open(descriptor, "rb", buffering=0) as file:
            _check(os.fstat(descriptor), max_bytes)
            content = _read(file.fileno(), max_bytes)
    except OSError as problem:
        raise UnreadableFile(problem.strerror or type(problem).__name__) from problem
    except ValueError as problem:  # a NUL in the path
        raise UnreadableFile("no path can hold a NUL") from problem
    except RuntimeError as problem:  # ~somebody who is unknown here
        raise UnreadableFile("no such home directory") from problem
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise UnreadableFile(f"not UTF-8 at byte {problem.start:,}") from problem


def _check(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((words for is_kind, words in KINDS if is_kind(status.st_mode)), "a special file")
        raise UnreadableFile(f"it is {kind}, not a file")
    if status.st_size > max_bytes:
        raise UnreadableFile(_too_large(max_bytes))


def _read(descriptor: int, max_bytes: int) -> bytes:
    """Return all of it: files that the kernel makes on reading, as below /proc, have a size of 0 and may have no
    end.
    """
    content = bytearray()
    while chunk := os.read(descriptor, max_bytes + 1 - len(content)):
        content += chunk
        if len(content) > max_bytes:
            raise UnreadableFile(_too_large(max_bytes))
    return bytes(content)


def _too_large(max_bytes: int) -> str:
    return f"it is larger than {max_bytes // 1024:,} KiB"
