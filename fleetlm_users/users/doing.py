"""What a user can do in a journey beside opening a session: rest, send on a timetable, in a closed loop, or ask."""

import math
import time
from collections.abc import Iterable

from fleetlm_users.swarm.runtime.sleeper import Sleeper
from fleetlm_users.users.session import UserSession
from fleetlm_users.workload.window import Window


class Doing:
    """The part of a FleetUser that rests and sends; everything in it returns early when the user's end comes."""

    _sleeper: Sleeper

    @property
    def ending(self) -> bool:
        """True when nothing new may begin."""
        raise NotImplementedError

    def wait_until(self, moment_s: float) -> bool:
        """Sleeps until the moment, never less; False when the user's end came first."""
        while not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._sleeper.sleep(moment_s)
        return False

    def hold(self, session: UserSession, moment_s: float) -> bool:
        """As `wait_until`, with an eye on the session. Raises Disconnected as soon as it is lost."""
        while session.down is None and not self.ending:
            if time.perf_counter() >= moment_s:
                return True
            self._sleeper.sleep(moment_s)
        if session.down is not None:
            raise session.down
        return False

    def send_at(self, session: UserSession, dues: Iterable[float]) -> None:
        """Sends one message at each due moment, whatever the replies do; returns early when the user's end comes.

        Raises Disconnected when the session is lost.
        """
        for due_s in dues:
            if not self.hold(session, due_s):
                return
            session.send(due_s)

    def send_within(
        self, session: UserSession, depth: int, *, count: float = math.inf, until_s: float = math.inf
    ) -> None:
        """A closed loop: keeps `depth` messages in flight until `count` are sent, the moment, or the user's end.

        A message is due when the slot it takes became free, the first ones at the join. A slot is free when its
        message has its fate, so what is measured is how fast the server takes messages, not what a person would feel.
        Raises Disconnected when the session is lost.
        """
        window = session.window = Window(depth, session.joined_s)

        def over() -> bool:
            return self.ending or time.perf_counter() >= until_s

        sent = 0
        while sent < count and session.await_room(window, over, until_s):
            session.send(window.take())
            sent += 1

    def ask(self, session: UserSession) -> bool:
        """Sends one message, due when the last one came, and waits for its agent reply; False: the user's end came.

        Raises PushRefused, ReplyTimeout or Disconnected: a question without an answer breaks the journey.
        """
        if self.ending:
            session.cut_short = True
            return False
        return session.ask(session.last_seen_s)
