"""The number of users a run should have, and its end: as planned, until a person edits it in the web UI."""

import math
from collections.abc import Iterator
from typing import Any, Final

SETTLE_S: Final = 10.0
"""The extra time for a load shape's step beyond its rate: workers report their users every three seconds."""


class UserTarget:
    """The number of users that the run should have now, and whether they ever ran. `duration_s` is None for a run until
    stopped.
    """

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
        """Note how many users are running at this moment."""
        self._most_users, self._at_s = max(self._most_users, users), elapsed_s

    def step(self, users: int, rate: float, running: int, elapsed_s: float) -> None:
        """Expect the users of a load shape's next step, which start or stop at `rate` per second."""
        self._close_step()
        self.users, self._most_users = users, running
        self._reached_by_s = elapsed_s + abs(users - running) / rate + SETTLE_S

    def edit(self, users: int, running: int, elapsed_s: float) -> None:
        """Expect `users` from now on; `running` of them are there. The end of the run does not move."""
        if users == self.users:
            return
        self.users, self._most_users = users, running
        self.edits.append({"at_s": round(elapsed_s, 1), "users": users})

    def remaining_s(self, elapsed_s: float) -> int | None:
        """Return the whole seconds until the end, at least 1; None for a run until stopped."""
        return None if self.duration_s is None else max(1, math.ceil(self.duration_s - elapsed_s))

    def doubts(self) -> Iterator[str]:
        """Yield whether the users expected last, or those of a shape's steps, never ran."""
        if self._reached_by_s is not None:
            self._close_step()
            if self._missed is not None:
                yield f"only {self._missed[0]} of the {self._missed[1]} users that the load shape asked for ran"
        elif self._most_users < self.users:
            yield f"only {self._most_users} of the planned {self.users} users ever ran"

    def _close_step(self) -> None:
        """Close a step of a shape: record how many users were missing in it, if it is the worst."""
        if self._reached_by_s is None or self._at_s < self._reached_by_s or self._most_users >= self.users:
            return
        if self._missed is None or self.users - self._most_users > self._missed[1] - self._missed[0]:
            self._missed = self._most_users, self.users
