"""REST appends and reads side by side; the read that follows an append must contain it."""

import time
from collections.abc import Mapping
from typing import ClassVar, Final

from fleetlm_users.users.rest_session import RestSession
from fleetlm_users.users.rest_user import RestUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options

READ_BACK: Final = 50
"""How many seqs before the newest one a read begins: as many as FleetLM's default page holds."""

REMEMBERED: Final = 1_000
"""A message that is stored a second time is recognised within this many seqs; no read begins further back."""


class RestMixUser(RestUser):
    """One session; POST and GET of messages in turn, without a pause, until the run ends.

    Each GET reads from 50 seqs before the newest accepted message to the end, and must hold every message accepted in
    that range unchanged. Both are due when the previous call was answered.
    """

    scenario = "rest_mix"
    options = BEHAVIOUR_OPTIONS["rest_mix"]
    thresholds = BEHAVIOUR_THRESHOLDS["rest_mix"]
    needs: ClassVar[Mapping[str, str]] = {
        "lists_messages": "a protocol in which the messages of a session can be read over REST: the early one answers "
        "that with 500, so there is nothing to read beside the appends"
    }

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session lasts to the end of the run."""
        del options
        return "whose sessions last to the end of the run"

    def journey(self) -> None:
        """Live one session, to the end of the run."""
        with self.rest_session() as session:
            due_s = time.perf_counter()
            while not self.ending:
                due_s = max(due_s, self.wait_while_paused())
                is_accepted = session.append(due_s)
                due_s = self._read(session, time.perf_counter()) if is_accepted else self.wait_after_failure()

    def _read(self, session: RestSession, due_s: float) -> float:
        """Read the messages accepted since the last read and check them; return when the next append is due."""
        after_seq = max(0, (session.unchecked[0].seq or 0) - READ_BACK)
        messages = session.read(due_s, "rest_read_ms", after_seq=after_seq)
        if messages is None:
            return self.wait_after_failure()
        done_s = time.perf_counter()
        session.check(session.unchecked, messages)
        session.forget_checked(REMEMBERED)
        return done_s
