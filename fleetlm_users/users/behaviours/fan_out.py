"""Crowds: several devices of one user in one session; some write, all others listen."""

import math
import time
from collections.abc import Iterator, Mapping

from fleetlm_users.units import MS_PER_S
from fleetlm_users.users.crowd.crowd import Crowd
from fleetlm_users.users.shared_client import shared_client_of
from fleetlm_users.users.skewed_user import SkewedUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.benchmark_specs import AGENT_LISTENERS, LISTENERS, SEND_INTERVAL, WRITERS
from fleetlm_users.workload.options.model import Options


class FanOutUser(SkewedUser):
    """One session with WRITERS devices that write and LISTENERS that listen, to the end of the run.

    Each writer sends a message every SEND_INTERVAL, in even turns, whatever the replies. The first writer's socket
    reports the fate of each message. With AGENT_LISTENERS the agent listens, too. If one of the devices is lost the
    session is over, and another one follows.
    """

    scenario = "fan_out"
    options = BEHAVIOUR_OPTIONS["fan_out"]
    thresholds = BEHAVIOUR_THRESHOLDS["fan_out"]

    @classmethod
    def needed(cls, options: Options) -> Mapping[str, str]:
        """Return that the agent must be able to join, if it is to listen."""
        if not options.extra[AGENT_LISTENERS.name]:
            return cls.needs
        return {"agent_joins": f"a protocol in which the agent may join its sessions, or {AGENT_LISTENERS.flag} 0"}

    @classmethod
    def sockets_of(cls, options: Options) -> int:
        """Return the devices of a session."""
        return sum(int(options.extra[spec.name]) for spec in (WRITERS, LISTENERS, AGENT_LISTENERS))

    @classmethod
    def stays(cls, options: Options) -> str:
        """Return that a session lasts to the end of the run."""
        del options
        return "whose sessions last to the end of the run"

    def journey(self) -> None:
        """Live one session with all of its devices."""
        run, writers = self.current_run, int(self.option(WRITERS.name))
        interval_s = self.option(SEND_INTERVAL.name) / MS_PER_S / writers * run.options.time_scale
        listeners = [self.participant_id] * self.option(LISTENERS.name)
        listeners += [run.options.agent_id] * self.option(AGENT_LISTENERS.name)
        with (
            self.session() as session,
            Crowd(run, shared_client_of(run), self.scenario, session, self._sleeper.wake) as crowd,
        ):
            crowd.open(listeners, writers - 1, lambda: self.ending)
            began_s = time.perf_counter()
            for turn, due_s in enumerate(self._dues(interval_s, began_s)):
                if not self.hold(session, due_s, since_s=self.since_s):
                    break
                crowd.send(session.held_until_s, turn % writers)
            self.reached_end()
            self.hold(session, math.inf)
            session.settle()
            crowd.settle(self._sleeper.sleep)

    def _dues(self, interval_s: float, began_s: float) -> Iterator[float]:
        """Return the due moments of a session whose devices have all joined."""
        if self.part is None:
            self.since_s = began_s
            return self.steady_dues(interval_s, began_s)
        self.since_s = self.since_s or began_s
        return self.lasting_dues(lambda: self.steady_dues(interval_s, began_s), self.planned_s(began_s))
