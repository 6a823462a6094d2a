"""The end of a process without Python's last garbage collections.

When a program is over, Python collects garbage in everything that was ever imported, several times: 0.15 to 0.25 s of
CPU, a fifth of what a short run takes, to free memory that the kernel frees next. Frozen objects are left out.
"""

import contextlib
import gc
import io
from typing import Final

WRITERS: Final = (io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair, io.TextIOWrapper)


def skip_last_collections() -> None:
    """Freeze all objects; call it when nothing but the end of the process is left to do.

    A file that somebody has left open in a cycle of objects is written out here: the collections would have closed it.
    """
    for each in gc.get_objects():
        if issubclass(type(each), WRITERS):  # not isinstance: a proxy, such as Flask's, may raise when asked
            with contextlib.suppress(OSError, ValueError):  # it is closed, or its reader has gone
                each.flush()
    gc.freeze()
