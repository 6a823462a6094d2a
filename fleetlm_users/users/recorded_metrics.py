"""Which metrics a run records, so that a threshold on any other one is refused before the run."""

from collections.abc import Mapping, Sequence
from typing import Final

from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.phoenix import PHOENIX_METRICS, SHARED_METRICS
from fleetlm_users.measure.metrics.storm import STORM
from fleetlm_users.measure.metrics.visits import VISITS
from fleetlm_users.protocol.profile import PROFILES, Profile
from fleetlm_users.users.behaviours.capacity import CapacityUser
from fleetlm_users.users.behaviours.cold_start import ColdStartUser
from fleetlm_users.users.behaviours.correctness import CorrectnessUser
from fleetlm_users.users.behaviours.durability import DurabilityUser
from fleetlm_users.users.behaviours.fan_out import FanOutUser
from fleetlm_users.users.behaviours.inbox_watcher import InboxWatcher
from fleetlm_users.users.behaviours.lifecycle import LifecycleUser
from fleetlm_users.users.behaviours.mixed import ChurnUser
from fleetlm_users.users.behaviours.reconnect_storm import ReconnectStormUser
from fleetlm_users.users.behaviours.rest_mix import RestMixUser
from fleetlm_users.users.rest_user import RestUser
from fleetlm_users.users.user import FleetUser
from fleetlm_users.users.virtual_user import VirtualUser
from fleetlm_users.workload.options.audit import is_audited
from fleetlm_users.workload.options.model import Options

_CHECKED: Final = (
    "messages_checked", "messages_correct", "message_flaws", "message_correctness_rate",
)  # fmt: skip
_REPLAYED: Final = (
    "replay_checked", "replay_missing", "replay_changed",
)  # fmt: skip
_COLD: Final = (
    "replay_rest_ms", "replay_join_ms", "active_append_ms", "backlog_appends", "backlogs_short", "active_appends",
    "replays", "replays_failed", "messages_replayed",
)  # fmt: skip
_READ: Final = ("rest_reads", "rest_reads_failed", "messages_read", "rest_read_ms")
_OF_LISTS: Final = (*_READ, "replay_rest_ms")
_SHOWN: Final = (
    "inbox_watched", "inbox_deltas", "inbox_shown", "inbox_missed", "inbox_shown_rate",
    "inbox_latency_ms", "inbox_service_ms",
)  # fmt: skip
_DELETED: Final = ("cleanup_attempted", "cleanup_succeeded", "cleanup_failed", "cleanup_success_rate")
_ANSWERED: Final = ("agent_latency_ms", "agent_latencies_left_out", "message_roundtrip_ms", "agent_reply_rate")
_BEHIND_AGENT: Final = ("agent_backlog_growth", "agent_backlog_end_s")
_BEHIND_APPENDS: Final = ("append_backlog_growth", "append_backlog_end_s")
_AUDITED: Final = (
    "messages_audited", "messages_stored", "messages_unstored", "messages_stored_changed", "messages_unaudited",
    "durability_rate",
)  # fmt: skip
_AUDITED_ANSWERS: Final = (
    "answers_audited", "answers_stored", "answers_unstored", "answers_stored_changed", "answers_unaudited",
)  # fmt: skip
_AUDITED_OPEN: Final = ("unconfirmed_stored", "unconfirmed_unstored", "unconfirmed_unaudited")
_RESUMED: Final = ("outage_ms", "sessions_resumed", "sessions_not_resumed", "resumes_failed")
_FANNED_OUT: Final = (
    "fan_out_first_ms", "fan_out_median_ms", "fan_out_last_ms", "fan_out_spread_ms",
    "fan_out_first_service_ms", "fan_out_median_service_ms", "fan_out_last_service_ms",
    "fan_outs_whole", "fan_outs_missed", "fan_outs_open",
    "deliveries_expected", "deliveries_seen", "deliveries_missed", "deliveries_open", "deliveries_repeated",
    "deliveries_duplicated", "deliveries_out_of_order", "deliveries_unexpected", "delivery_rate", "chunks_delivered",
)  # fmt: skip
_OF_BREAKS: Final = (
    "lost_ack_age_ms", "kept_ack_age_ms", "seqs_given_twice", "messages_below_resume",
    "open_messages_stored", "open_messages_unstored", "open_messages_unaudited",
)  # fmt: skip
_OF_REPLIES: Final = (
    "ack_latency_ms", "ack_service_ms", "messages_acknowledged", "messages_unacknowledged", "acknowledgement_rate",
    "messages_not_pushed", "messages_unconfirmed", *_AUDITED_OPEN,
)  # fmt: skip
_OF_STREAMS: Final = (
    "agent_first_chunk_ms", "agent_first_chunk_service_ms", "agent_chunk_gap_ms", "agent_stream_ms",
    "agent_chunks", "agent_streams", "agent_streams_incomplete", "agent_stream_stalls",
)  # fmt: skip
_OF_VISITS: Final = frozenset(metric.name for metric in VISITS)
_OF_PROCESSES: Final = (
    "event_loop_lag_ms", "name_lookup_ms", "visit_presence_ms",
    "worker_cpu_percent", "worker_rss_bytes", "worker_cpu_samples", "worker_cpu_starved",
)  # fmt: skip

_OF_PHOENIX: Final = frozenset(metric.name for metric in PHOENIX_METRICS)

RECORDED_BY: Final[Mapping[str, tuple[type[FleetUser], ...]]] = {
    "session_churn_total": (ChurnUser,),
    "lifecycle_total_ms": (LifecycleUser,),
    **dict.fromkeys(_CHECKED, (CorrectnessUser,)),
    **dict.fromkeys(_REPLAYED, (CorrectnessUser, RestUser)),
    **dict.fromkeys(_READ, (RestUser,)),
    "rest_read_ms": (RestMixUser,),
    **dict.fromkeys(_COLD, (ColdStartUser,)),
    **dict.fromkeys(_SHOWN, (InboxWatcher,)),
    **dict.fromkeys(_FANNED_OUT, (FanOutUser,)),
    **dict.fromkeys(_RESUMED, (DurabilityUser, ReconnectStormUser)),
    **dict.fromkeys((metric.name for metric in STORM), (ReconnectStormUser,)),
    **dict.fromkeys(_DELETED, (ChurnUser, LifecycleUser, CapacityUser)),
}
"""Metrics that only some of the package's behaviours record; all behaviours record those of sessions and messages."""

_PACKAGE: Final = __name__.partition(".")[0] + "."


def records(metric: str, scenario: str | None, behaviours: Sequence[type[VirtualUser]], options: Options) -> bool:
    """Return whether a run of these behaviours records a metric at all, for a scenario if one is given.

    A behaviour from outside this package may record anything, but counts no answers unless it follows the agent.
    """
    judged = [kind for kind in behaviours if scenario in (None, kind.scenario)]
    if metric in _OF_VISITS and not options.plan.session_rate:
        return False
    if metric in _OF_PROCESSES:
        return scenario is None
    if judged and not any(kind.needs_fleetlm for kind in judged):
        return metric in SHARED_METRICS or metric in _OF_VISITS - {"visit_creation_ms"} or metric not in DEFAULT
    if metric in _OF_PHOENIX and all(kind.needs_fleetlm for kind in judged):
        return False
    if metric in _BEHIND_APPENDS and all("append" in kind.waits_for(options) for kind in judged):
        return False
    if metric in _BEHIND_AGENT and all("answer" in kind.waits_for(options) for kind in judged):
        return False
    if metric in ("agent_reply_rate", *_BEHIND_AGENT, *_AUDITED_ANSWERS) and not _awaits_answers(judged, options):
        return False
    if metric in (*_AUDITED, *_AUDITED_ANSWERS, *_AUDITED_OPEN, *_OF_BREAKS) and not is_audited(options):
        return False
    if any(not kind.__module__.startswith(_PACKAGE) for kind in judged):
        return True
    if metric in _DELETED and options.cleanup:
        return True
    if _is_beyond(PROFILES.get(options.protocol), metric):
        return False
    if metric in (*_ANSWERED, *_AUDITED_ANSWERS):
        return _awaits_answers(judged, options)
    only = RECORDED_BY.get(metric)
    return only is None or any(issubclass(kind, only) for kind in judged)


def _is_beyond(profile: Profile | None, metric: str) -> bool:
    """Return whether a metric measures something that the protocol lacks; an unknown protocol lacks nothing."""
    return profile is not None and (
        (metric in _OF_REPLIES and not profile.acknowledges)
        or (metric in _OF_STREAMS and not profile.streams)
        or (metric in _OF_LISTS and not profile.lists_messages)
        or (metric == "messages_out_of_order" and not profile.conversation.IS_ORDERED)
    )


def _awaits_answers(behaviours: Sequence[type[VirtualUser]], options: Options) -> bool:
    return options.agent_replies > 0 and any(kind.follows_agent for kind in behaviours)
