"""Skip Python's last garbage collections at the end of a process.

At the end of a program, Python collects garbage in everything ever imported, several times: 0.15 to 0.25 s of CPU, a
fifth of a short run, to free memory that the kernel frees next. Frozen objects are skipped.
"""

import contextlib
import fcntl
import gc
import io
import os
import stat
import sys
from typing import Final

from fleetlm_users.output import Output

WRITERS: Final = (io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair, io.TextIOWrapper)
OPEN_FILES: Final = "/proc/self/fd"


def skip_last_collections() -> None:
    """Freeze all objects; call it when only the end of the process is left to do.

    A file left open in a cycle of objects is flushed here: the collections would have closed it.
    """
    if _may_hold_unwritten():
        _write_out()
    gc.freeze()


def _write_out() -> None:
    for each in gc.get_objects():
        if issubclass(type(each), WRITERS):  # not isinstance: a proxy, such as Flask's, may raise on it
            with contextlib.suppress(OSError, ValueError):  # it is closed, or its reader has gone
                each.flush()


def _may_hold_unwritten() -> bool:
    """Return whether anything is open that a file object could write to; searching for such objects takes 0.03 s."""
    try:
        numbers = [int(name) for name in os.listdir(OPEN_FILES)]
    except OSError:
        return True  # only Linux can tell
    return any(_is_written_to(number) for number in {*numbers} - _standard())


def _standard() -> set[int]:
    """Return the descriptors of the standard streams, which Python flushes in any case."""
    ours = (stream.written_to for stream in (sys.stdout, sys.stderr) if isinstance(stream, Output))
    return {0, 1, 2, *ours}


def _is_written_to(number: int) -> bool:
    try:
        kind = os.fstat(number).st_mode
        access = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return False  # the descriptor used to read the folder is closed again
    return bool(stat.S_IFMT(kind)) and access != os.O_RDONLY  # epoll, timers and the like have no kind
