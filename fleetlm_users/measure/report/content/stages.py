"""The parts of a run in the summary, its stages or its busiest sessions: messages, fates, and latency."""

from typing import NamedTuple

from fleetlm_users.measure.histogram import Trend
from fleetlm_users.measure.metrics.metric import STAGE_PREFIX
from fleetlm_users.measure.metrics.phoenix import PUSH_FATES
from fleetlm_users.measure.report.summary.figures import accounting_figures, trend_figures
from fleetlm_users.measure.report.summary.load_types import PushStageEntry, SkewEntry, StageEntry
from fleetlm_users.measure.totals import Totals


class StageSpan(NamedTuple):
    """A planned stage: from second `begins_s` of the run, and from `users_before` users to `users`.

    A stage of a rate goes from `rate_before` to `rate` sessions per second.
    """

    name: str
    begins_s: float
    length_s: float
    users_before: int
    users: int
    rate_before: float | None = None
    rate: float | None = None


def stage_entry(totals: Totals, span: StageSpan, judged_from_s: float, judged_to_s: float) -> StageEntry:
    """Return the entry of a stage for what was due in it; the run was judged between these seconds, which may cut the
    stage.
    """
    phase = STAGE_PREFIX + span.name
    accounting = totals.accounting(None, phase)
    lasted_s = min(span.begins_s + span.length_s, judged_to_s) - max(span.begins_s, judged_from_s)
    entry: StageEntry = {
        **span._asdict(),  # type: ignore[typeddict-item]  # its fields are those of the entry
        "lasted_s": round(max(0.0, lasted_s), 3),
        "sent_per_s": round(accounting.sent / lasted_s, 3) if lasted_s > 0 else None,
        "accounting": accounting_figures(accounting),
        "append_latency_ms": trend_figures(totals.trend("append_latency_ms", None, phase) or Trend()),
        "agent_latency_ms": trend_figures(totals.trend("agent_latency_ms", None, phase) or Trend()),
    }
    if "pushes_sent" in totals.catalogue and totals.count("pushes_sent", None, phase):
        entry["pushes"] = _pushes(totals, phase, lasted_s)
    return entry


def _pushes(totals: Totals, phase: str, lasted_s: float) -> PushStageEntry:
    sent = totals.count("pushes_sent", None, phase)
    fates = sum(totals.count(f"pushes_{fate}", None, phase) for fate in PUSH_FATES)
    return {
        "sent": sent,
        "sent_per_s": round(sent / lasted_s, 3) if lasted_s > 0 else None,
        "replied": totals.count("pushes_replied", None, phase),
        "adds_up": sent == fates,
        "push_latency_ms": trend_figures(totals.trend("push_latency_ms", None, phase) or Trend()),
        "event_latency_ms": trend_figures(totals.trend("event_latency_ms", None, phase) or Trend()),
    }


class SkewedPart(NamedTuple):
    """Some sessions of a scenario: `part` is their name in phases, `share` their part of all planned messages."""

    scenario: str
    part: str
    sessions: int
    share: float


def skew_entry(totals: Totals, planned: SkewedPart, judged_s: float) -> SkewEntry:
    """Return the entry for the messages of these sessions that were due in the judged time."""
    scenario, phase = planned.scenario, STAGE_PREFIX + planned.part
    accounting = totals.accounting(scenario, phase)
    return {
        "scenario": scenario,
        "part": planned.part,
        "sessions": planned.sessions,
        "share": round(planned.share, 6),
        "sent_per_s": round(accounting.sent / judged_s, 3) if judged_s > 0 else None,
        "accounting": accounting_figures(accounting),
        "append_latency_ms": trend_figures(totals.trend("append_latency_ms", scenario, phase) or Trend()),
        "agent_latency_ms": trend_figures(totals.trend("agent_latency_ms", scenario, phase) or Trend()),
    }
