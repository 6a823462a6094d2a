"""How many users a run is to have, and when it is to end: as planned, until a person edits the run in the web UI."""

import math
from collections.abc import Iterator
from typing import Any


class Goal:
    """`duration_s` None is a run until stopped. `users` is the number that is wanted now."""

    def __init__(self, users: int, duration_s: float | None) -> None:
        self.users = users
        self.duration_s = duration_s
        self.edits: list[dict[str, Any]] = []
        self._most_users = 0

    def __repr__(self) -> str:
        return f"Goal({self._most_users} of {self.users} users, duration_s={self.duration_s}, {len(self.edits)} edits)"

    def note(self, users: int) -> None:
        """So many users run at this moment."""
        self._most_users = max(self._most_users, users)

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
        """Whether the users that were wanted last ever ran, in words."""
        if self._most_users < self.users:
            yield f"only {self._most_users} of the planned {self.users} users ever ran"
