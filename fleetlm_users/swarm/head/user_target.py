"""How many users a run is to have, and when it is to end: as planned, until a person edits the run in the web UI."""

import math
from collections.abc import Iterator
from typing import Any, Final

SETTLE_S: Final = 10.0
"""How much longer than its rate says a load shape's step may take: workers tell their users every three seconds."""


class UserTarget:
    """`duration_s` None is a run until stopped. `users` is the number that is wanted now."""

    def __init__(self, users: int, duration_s: float | None) -> None:
        self.users = users
        self.duration_s = duration_s
        self.edits: list[dict[str, Any]] = []
        self._most_users = 0
        self._at_s = 0.0
        self._reached_by_s: float | None = None
        self._missed: tuple[int, int] | None = None

    def __repr__(self) -> str:
        counts = f"{self._most_users} of {self.users} users"
        return f"UserTarget({counts}, duration_s={self.duration_s}, {len(self.edits)} edits)"

    def note(self, users: int, elapsed_s: float = 0.0) -> None:
        """So many users run at this moment."""
        self._most_users, self._at_s = max(self._most_users, users), elapsed_s

    def step(self, users: int, rate: float, running: int, elapsed_s: float) -> None:
        """A load shape wants so many users from now on, which are to come or go at that rate."""
        self._close_step()
        self.users, self._most_users = users, running
        self._reached_by_s = elapsed_s + abs(users - running) / rate + SETTLE_S

    def edit(self, users: int, running: int, elapsed_s: float) -> None:
        """From now on so many users are wanted; `running` of them are there. The run still ends when it was to end."""
        if users == self.users:
            return
        self.users, self._most_users = users, running
        self.edits.append({"at_s": round(elapsed_s, 1), "users": users})

    def remaining_s(self, elapsed_s: float) -> int | None:
        """Whole seconds until the end, at least 1; None for a run until stopped."""
        return None if self.duration_s is None else max(1, math.ceil(self.duration_s - elapsed_s))

    def doubts(self) -> Iterator[str]:
        """Whether the users that were wanted last ever ran, or those of a shape's steps that lasted; in words."""
        if self._reached_by_s is not None:
            self._close_step()
            if self._missed is not None:
                yield f"only {self._missed[0]} of the {self._missed[1]} users that the load shape asked for ran"
        elif self._most_users < self.users:
            yield f"only {self._most_users} of the planned {self.users} users ever ran"

    def _close_step(self) -> None:
        """The step of a shape is over: what was missing in it is kept, the worst of all."""
        if self._reached_by_s is None or self._at_s < self._reached_by_s or self._most_users >= self.users:
            return
        if self._missed is None or self.users - self._most_users > self._missed[1] - self._missed[0]:
            self._missed = self._most_users, self.users
