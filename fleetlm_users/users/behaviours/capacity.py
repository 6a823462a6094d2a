"""Capacity search: users are added step by step, each with one held session and an occasional message."""

import math
import time
from collections.abc import Iterable
from typing import Final

from fleetlm_users.users.session import UserSession
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.capacity import JOIN_RATE, message_interval_s
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.timetables import ArrivalPace

EXPIRE_S: Final = 1.0
"""How often overdue messages are looked for; the search waits for their fate."""


class CapacityUser(FleetUser):
    """One session until the user is removed, with a message every MESSAGE_INTERVAL; then it is left and deleted.

    It is deleted so that a step down leaves the server with exactly the sessions of that step. While the server
    recovers from a step, messages are left out and the session stays, so that late answers are seen.
    """

    scenario = "capacity"
    options = BEHAVIOUR_OPTIONS["capacity"]
    thresholds = BEHAVIOUR_THRESHOLDS["capacity"]
    follows_search = True

    def begins_s(self) -> float:
        """Return the planned moment in the first step, and in later ones a moment in the second of its spawning."""
        if self.vu <= self.current_run.options.plan.total_users:
            return super().begins_s()
        rate = float(self.option(JOIN_RATE.name))
        return time.perf_counter() + self.vu % max(1, math.floor(rate)) / rate  # as many as dispatch.py adds at once

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session is part of the whole run."""
        del options
        return "whose sessions are held until the search ends"

    def journey(self) -> None:
        """Hold one session; if it breaks, another journey follows."""
        pace = ArrivalPace(message_interval_s(self.current_run.options)).scaled(self.current_run.options.time_scale)
        with self.session(delete=True) as session:
            self.send_at(session, pace.dues(session.joined_s, math.inf, self.rng))

    def send_at(self, session: UserSession, dues: Iterable[float], *, since_s: float | None = None) -> None:
        """Send at each due moment, unless the search orders a smaller share; a message left out is never sent.

        Overdue messages are given up meanwhile: the search waits until all have their fate.

        Raises:
            Disconnected: The session was lost.
        """
        del since_s  # a search paces its users itself: nobody changes their rate
        offset = self.rng.random()
        for turn, due_s in enumerate(dues):
            if not self._await_due(session, due_s):
                return
            order = self.current_run.step_order
            if order is None or order.share == 1 or order.sends(turn, offset):
                session.send(due_s)

    def _await_due(self, session: UserSession, due_s: float) -> bool:
        """Wait until the moment, giving up overdue messages meanwhile; return False if the user's end came first."""
        while True:
            session.expire()
            now_s = time.perf_counter()
            if due_s - now_s <= EXPIRE_S:
                return self.hold(session, due_s)
            if not self.hold(session, now_s + EXPIRE_S):
                return False
