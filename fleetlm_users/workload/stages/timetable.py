"""How many users run in each second of a run in stages, and the stage that each moment belongs to. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec

PHASE_PREFIX = "main:"
"""The prefix of a stage's name in the ledgers: each stage is a part of the main phase."""


class Stage(msgspec.Struct, frozen=True):
    """A stretch of `length_s` whole seconds in which the number of users changes evenly to `users`.

    One of 0 s is a jump: the next stage begins with its users.
    """

    name: str
    length_s: int
    users: int

    @property
    def phase(self) -> str:
        """The phase of what is due in this stage."""
        return PHASE_PREFIX + self.name


class Timetable:
    """Stages in sequence, the first one starting from 0 users. `peak` is the most users, `total_s` the total length."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        self.peak = max(stage.users for stage in stages)
        lengths = [sum(stage.length_s for stage in stages[:n]) for n in range(len(stages) + 1)]
        self.total_s = lengths[-1]
        self._lasting = [
            (begins_s, stages[n - 1].users if n else 0, stage)
            for n, (begins_s, stage) in enumerate(zip(lengths, stages, strict=False))
            if stage.length_s
        ]
        self._begins = [begins_s for begins_s, _, _ in self._lasting]
        self._phases = [stage.phase for _, _, stage in self._lasting]

    def __repr__(self) -> str:
        return f"Timetable({len(self.stages)} stages, {self.total_s} s, at most {self.peak} users)"

    def users_at(self, second: int) -> int:
        """Return how many users run from that second of the run; from the end on, those of the last stage.

        Between two numbers it is the nearest whole number, with a half rounded up.
        """
        if second >= self.total_s:
            return self.stages[-1].users
        begins_s, before, stage = self._lasting[bisect_right(self._begins, max(0, second)) - 1]
        moved = (stage.users - before) * (second - begins_s)
        return (2 * (before * stage.length_s + moved) + stage.length_s) // (2 * stage.length_s)

    def next_change(self, second: int) -> int:
        """Return the next second in which the number of users changes, or the end of the run."""
        now = self.users_at(second)
        later = range(second + 1, self.total_s)
        return next((one for one in later if self.users_at(one) != now), self.total_s)

    def phase_at(self, elapsed_s: float) -> str:
        """Return the phase of what is due at that moment; before the start and after the end, that of the nearest
        stage.
        """
        return self._phases[max(0, bisect_right(self._begins, elapsed_s) - 1)]

    def spans(self) -> Iterator[tuple[int, int, Stage]]:
        """Yield, for each stage that lasts, the second in which it begins, the users before it, and the stage."""
        yield from self._lasting
