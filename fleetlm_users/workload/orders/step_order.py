"""What a capacity search currently asks of every process: which messages are judged, and what share is sent. Pure."""

import math

import msgspec

from fleetlm_users.workload.plan import Phase


class StepOrder(msgspec.Struct, frozen=True):
    """One step, held from `held_from_s` to before `held_to_s`, in seconds of the run; never, if both are the same.

    Messages due in it are judged, whichever process sends them and whenever they are answered. All others belong to no
    step, and count as warm-up. Users send `share` of their messages: 1 means all, 0 none.
    """

    held_from_s: float = 0.0
    held_to_s: float = 0.0
    share: float = 1.0

    def phase_at(self, due_s: float) -> Phase:
        """Return the phase of a message due at that second of the run."""
        return "main" if self.held_from_s <= due_s < self.held_to_s else "warm_up"

    def sends(self, turn: int, offset: float) -> bool:
        """Return whether a user sends its message number `turn`; users of different `offset` (0 to 1) take turns."""
        return math.floor((turn + 1) * self.share + offset) > math.floor(turn * self.share + offset)
