"""The line that says what a start is waiting for, once that takes longer than a moment."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

import gevent

FIRST_S: Final = 2.0
NEXT_S: Final = 5.0

Answer = TypeVar("Answer")


class WaitingNotice:
    """The answers now being waited for, each for at most `timeout_s`.

    As a context manager it passes a line to `tell` after 2 s, then every 5 s.
    """

    def __init__(
        self, timeout_s: float, tell: Callable[[str], None], *, first_s: float = FIRST_S, next_s: float = NEXT_S
    ) -> None:
        self._timeout_s = timeout_s
        self._tell = tell
        self._first_s = first_s
        self._next_s = next_s
        self._since_s: dict[str, float] = {}
        self._questions: Counter[str] = Counter()
        self._greenlet: gevent.Greenlet | None = None

    def __enter__(self) -> None:
        self._greenlet = gevent.spawn(self._tell_regularly)

    def __exit__(self, *_: object) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()

    def asking(self, what: str, ask: Callable[[], Answer]) -> Answer:
        """Return the answer of `ask`; until then `what` counts as pending, however many questions it gets."""
        self.renew(what)
        self._questions[what] += 1
        try:
            return ask()
        finally:
            self._questions[what] -= 1
            if not self._questions[what]:
                del self._since_s[what]

    def renew(self, what: str) -> None:
        """Restart the time of `what`, for the next question to it."""
        self._since_s[what] = time.perf_counter()

    def text(self, now_s: float) -> str:
        """Return what is pending and for how long already; empty if nothing is."""
        if not self._since_s:
            return ""
        waited_s = now_s - min(self._since_s.values())
        return f"waiting for {' and '.join(self._since_s)}: {waited_s:.0f} s of {self._timeout_s:g} s"

    def _tell_regularly(self) -> None:
        gevent.sleep(self._first_s)
        while True:
            text = self.text(time.perf_counter())
            if text:
                self._tell(text)
            gevent.sleep(self._next_s)

    def __repr__(self) -> str:
        return f"<WaitingNotice {self.text(time.perf_counter())!r}>"
