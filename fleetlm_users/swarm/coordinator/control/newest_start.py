"""The `start` of a master: only the newest call keeps spawning.

A call lasts as long as its ramp, and all calls step the dispatcher's one generator, so the second of two calls fails:
"generator already executing" (dispatch.py: __next__). Locust's web UI ends its own earlier call; nothing ends one from
--headless, --autostart or a key.
"""

from collections.abc import Callable
from typing import Any

from gevent import get_hub, getcurrent
from gevent.event import Event
from locust.runners import STATE_SPAWNING, MasterRunner, Runner


class _Superseded(BaseException):
    """Ends a call, whatever it is waiting for."""


class NewestStart:
    """Calls `start`, the runner's own. A runner that is not a master ends its earlier call itself."""

    def __init__(self, runner: Runner, start: Callable[..., Any]) -> None:
        self._runner = runner
        self._start = start
        self._caller: Any = None  # a greenlet; its package has no types
        self._has_ended = Event()

    def __repr__(self) -> str:
        return f"NewestStart({self._start!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """End the call that is still spawning, then call `start` with these arguments."""
        self.end()
        caller, has_ended = getcurrent(), Event()
        self._caller, self._has_ended = caller, has_ended
        try:
            return self._start(*args, **kwargs)
        except _Superseded:
            return None
        finally:
            has_ended.set()
            if self._caller is caller:
                self._caller = None

    def end(self) -> None:
        """End the call that is still spawning, if there is one, and wait until it has ended."""
        caller, has_ended = self._caller, self._has_ended
        spawns = isinstance(self._runner, MasterRunner) and self._runner.state == STATE_SPAWNING
        if not spawns or caller is None or caller is getcurrent():
            return

        def throw() -> None:
            if not has_ended.is_set():
                caller.throw(_Superseded())

        get_hub().loop.run_callback(throw)  # only the hub may throw into a greenlet
        has_ended.wait()
