"""Message correctness: every message exactly once, in order, answered, and unchanged when read again."""

from fleetlm_users.measure.judging.correctness import Judged, Round, judge_round
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.session_observer import SessionLog
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.benchmarks import BEHAVIOUR_OPTIONS, BEHAVIOUR_THRESHOLDS
from fleetlm_users.workload.options.model import Options


class CorrectnessUser(FleetUser):
    """ITERATIONS rounds: MESSAGES at once (at most PIPELINE_DEPTH in flight), leave, join again, compare the replay.

    Every message that is lost, doubled, reordered, unanswered, or missing or changed in the replay is reported with its
    session, seq and client_ref.
    """

    scenario = "correctness"
    options = BEHAVIOUR_OPTIONS["correctness"]
    thresholds = BEHAVIOUR_THRESHOLDS["correctness"]

    @classmethod
    def journeys(cls, options: Options) -> int:
        """Return ITERATIONS, broken rounds included."""
        return int(options.extra["iterations"])

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return both: a round waits for the fates of all its messages."""
        del options
        return frozenset(("append", "answer"))

    def journey(self) -> None:
        """Live one round. A round cut short by the end of the run is judged on events so far, without the replay."""
        messages = self.option("messages")
        log, replay = SessionLog(), None
        try:
            with self.session() as session:
                log = session.keep_log()
                self.send_within(session, self.option("pipeline_depth") or messages, count=messages)
                session.settle()
                if self.ending:
                    session.cut_short = True
                else:
                    replay = session.rejoin()
        finally:
            if log.sent:
                self._judge(session, log, replay)

    def pause_s(self) -> float:
        """Return no pause."""
        return 0.0

    def _judge(self, session: UserSession, log: SessionLog, replay: list[dict[str, object]] | None) -> None:
        options = self.current_run.options
        observed = Round(
            sent=log.sent,
            fates=log.fates,
            live=log.in_order(),
            replay=replay,
            participant_id=self.participant_id,
            agent_id=options.agent_id,
            agent_replies=options.agent_replies,
            cut=session.cut_short or self.ending,
        )
        self._report(session, judge_round(observed))

    def _report(self, session: UserSession, judged: Judged) -> None:
        for metric in ("checked", "correct"):
            self.count(f"messages_{metric}", getattr(judged, metric))
        for metric in ("replay_checked", "replay_missing", "replay_changed"):
            self.count(metric, getattr(judged, metric))
        for flaw in judged.flaws:
            self.count("message_flaws", label=flaw.kind)
            session.observer.finding(flaw.kind, flaw.seq, flaw.client_ref, flaw.detail)
