"""Waits with a time limit: for one greenlet until the event loop notifies it, or for a block of code with any number of
waits.

gevent's Event, AsyncResult and Timeout do the same for any number of greenlets and threads, with a list of links, and
cost twice as much (5 against 2.4 µs per wait); a session waits for each of its answers.
"""

from typing import Any, Final

import gevent

FOR_EVER: Final = None


class Wait:
    """One wait of one greenlet; `notify` ends it, even before it began. Not thread-safe."""

    __slots__ = ("_greenlet", "is_notified")

    def __init__(self) -> None:
        self.is_notified = False
        self._greenlet: gevent.Greenlet | None = None

    def notify(self) -> None:
        """Wake the waiting greenlet on the next loop iteration. May be repeated, and called from anywhere."""
        if not self.is_notified:
            self.is_notified = True
            if self._greenlet is not None:
                gevent.get_hub().loop.run_callback(self._wake)

    def wait(self, timeout_s: float | None = FOR_EVER) -> bool:
        """Wait for `notify`; return whether it came within `timeout_s` seconds."""
        if self.is_notified:
            return True
        hub = gevent.get_hub()
        timer = None if timeout_s is None else hub.loop.timer(max(timeout_s, 0.0))
        self._greenlet = gevent.getcurrent()
        try:
            if timer is not None:
                timer.start(self._wake)
            hub.switch()
        finally:
            self._greenlet = None
            if timer is not None:
                timer.stop()
                timer.close()
        return self.is_notified

    def _wake(self) -> None:
        """Switch to the greenlet if it still waits: its time may be up, or it may have been killed."""
        if self._greenlet is not None:
            self._greenlet.switch()

    def __repr__(self) -> str:
        state = "notified" if self.is_notified else "waiting" if self._greenlet else "not waiting"
        return f"{type(self).__name__}({state})"


class AnswerWait(Wait):
    """A wait for an answer, or for an error in its place."""

    __slots__ = ("_answer", "_error")

    def __init__(self) -> None:
        self.is_notified = False  # as in Wait, without a call for each answer
        self._greenlet = None
        self._answer: Any = None
        self._error: BaseException | None = None

    def set(self, answer: Any) -> None:
        """End the wait with the answer."""
        self._answer = answer
        self.notify()

    def set_exception(self, error: BaseException) -> None:
        """End the wait with an error in place of the answer."""
        self._error = error
        self.notify()

    def get(self) -> Any:
        """Return the answer, once, after the wait. Raise the error that came instead."""
        error, self._error = self._error, None
        if error is None:
            return self._answer
        try:
            raise error
        finally:
            del error  # its traceback holds this frame, so it would hold itself


class Overdue(Exception):
    """A deadline of ours has passed. Deliberately not an OSError: code that tries the next address must not swallow
    it.
    """


class Deadline:
    """A context manager that raises Overdue in its block if that takes longer than `seconds`.

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
