"""The slots of a closed loop: at most so many messages in flight, the next due the moment a slot becomes free. Pure.

A closed loop measures what a server can do, not what people feel: a slow answer delays the next message, so the moments
that were slow are sampled less (coordinated omission). Latencies of such a run are to be compared with each other only.
"""

from collections import deque


class Window:
    """`depth` slots, all free from `start_s` on. Raises ValueError for a depth below 1."""

    __slots__ = ("_depth", "_free", "_reopened")

    def __init__(self, depth: int, start_s: float) -> None:
        if depth < 1:
            raise ValueError(f"not a depth: {depth!r}")
        self._depth = depth
        self._free = deque([start_s] * depth)
        self._reopened: set[str] = set()

    def __repr__(self) -> str:
        return f"<Window {self._depth - len(self._free)} of {self._depth} taken>"

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    def take(self) -> float:
        """Takes the slot that has been free for longest; returns since when, which is when its message is due."""
        return self._free.popleft()

    def ended(self, client_ref: str, moment_s: float) -> None:
        """A message has its fate: its slot is free."""
        if client_ref in self._reopened:
            self._reopened.remove(client_ref)
        else:
            self._free.append(moment_s)

    def reopened(self, client_ref: str) -> None:
        """The fate of a message was presumed and is taken back; its slot is free already, its next fate frees none."""
        self._reopened.add(client_ref)
