"""The stages of a run under a person's own load shape, known only as the run proceeds. Pure."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from fleetlm_users.workload.stages.grammar import MAX_STAGES
from fleetlm_users.workload.stages.timetable import PHASE_PREFIX

NAME_FORM: Final = "a letter, then up to 29 letters, digits, - or _"
LEAST_STEP_S: Final = 10.0
"""The least length of a stage under a shape that does not name stages, where each number of users is one: a shape may
ask for another number every second, and each stage has its own distributions.
"""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}")


class StageChange(NamedTuple):
    """A change of stage: from `at_s`, in seconds of the run, whatever is due belongs to the stage `name`."""

    at_s: float
    name: str


class BegunStage(NamedTuple):
    """A stage that began at second `at_s` of the run: it has `users`, and `users_before` ran before it."""

    name: str
    at_s: float
    users_before: int
    users: int


def check_stage_name(name: str) -> None:
    """Check a shape's name for a stage; it may be empty. Raise ValueError unless it is of NAME_FORM."""
    if name and not _NAME.fullmatch(name):
        raise ValueError(f"the stage {name!r}; a name is {NAME_FORM}")


class BegunStages:
    """The stages that a shape's ticks make: one for each name that the shape gives, or for each number of users.

    At most MAX_STAGES: everything after the last belongs to it.
    """

    def __init__(self) -> None:
        self.stages: list[BegunStage] = []
        self._given = ""
        self._users = 0

    def __repr__(self) -> str:
        return f"BegunStages({[stage.name for stage in self.stages]})"

    def tick(self, at_s: float, users: int, name: str = "") -> bool:
        """Take a shape's request from a moment on; return whether a stage begins with it.

        Args:
            at_s: The second of the run.
            users: How many users it asks for.
            name: The shape's name for the stage; empty if it has none.

        Raises:
            ValueError: The name is not of NAME_FORM.
        """
        check_stage_name(name)
        before, self._users = self._users, users
        is_new = name != self._given if name or self._given else users != before and self._is_long_enough(at_s)
        self._given = name
        if self.stages and not (is_new and len(self.stages) < MAX_STAGES):
            self.stages[-1] = self.stages[-1]._replace(users=users)
            return False
        self.stages.append(BegunStage(self._unique(name), at_s, before, users))
        return True

    @property
    def changes(self) -> list[StageChange]:
        """The moments at which the stages began."""
        return [StageChange(stage.at_s, stage.name) for stage in self.stages]

    def _is_long_enough(self, at_s: float) -> bool:
        return not self.stages or at_s - self.stages[-1].at_s >= LEAST_STEP_S

    def _unique(self, name: str) -> str:
        """Return the name, made unique: two stages of one name would count as one."""
        taken = {stage.name for stage in self.stages}
        name = name or f"step{len(self.stages) + 1}"
        times = 2
        unique = name
        while unique in taken:
            unique, times = f"{name[:26]}_{times}", times + 1
        return unique


class StagePhases:
    """The phase of each moment of the run, by its stage; none has begun before the first."""

    __slots__ = ("_begins_s", "_phases")

    def __init__(self, changes: Sequence[StageChange]) -> None:
        self._begins_s = [change.at_s for change in changes]
        self._phases = [PHASE_PREFIX + change.name for change in changes]

    def __repr__(self) -> str:
        return f"StagePhases({self._phases})"

    def phase_at(self, elapsed_s: float) -> str:
        """Return the phase of what is due at that moment; before the first stage, that stage's."""
        return self._phases[max(0, bisect_right(self._begins_s, elapsed_s) - 1)]
