"""A limit on how long a block of code may take, however many waits it consists of."""

import gevent


class Overdue(Exception):
    """A deadline of ours passed. Not an OSError on purpose: code that tries the next address must not swallow it."""


class Deadline:
    """A context manager that raises Overdue in its block when that takes longer than `seconds`.

    It costs half as much as gevent.Timeout, which also has a name, a state and a text.
    """

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.0)

    def __enter__(self) -> None:
        self._timer = gevent.get_hub().loop.timer(self._seconds)
        self._timer.start(gevent.getcurrent().throw, Overdue)

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._timer.close()

    def __repr__(self) -> str:
        return f"Deadline({self._seconds:g} s)"
