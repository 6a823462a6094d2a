"""The metrics that a run has samples for are known before it begins."""

import inspect
import re
from dataclasses import replace

import pytest

from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.users import (
    BurstUser,
    ChurnUser,
    CorrectnessUser,
    HotPathUser,
    InboxWatcher,
    LifecycleUser,
    ThroughputUser,
)
from fleetlm_users.users.behaviours.cold_start import ColdStartUser
from fleetlm_users.users.behaviours.durability import DurabilityUser
from fleetlm_users.users.behaviours.fan_out import FanOutUser
from fleetlm_users.users.behaviours.pipeline import PipelineUser
from fleetlm_users.users.behaviours.reconnect_storm import ReconnectStormUser
from fleetlm_users.users.behaviours.rest_mix import RestMixUser
from fleetlm_users.users.phoenix.user import PhoenixUser
from fleetlm_users.users.recorded_metrics import RECORDED_BY, records
from fleetlm_users.users.user import FleetUser
from fleetlm_users.workload.presets.presets import load_presets
from tests.swarm.samples import options


class ChatUser(PhoenixUser):
    """A user of any Phoenix application."""

    scenario = "chat"


MIXED = [BurstUser, ChurnUser]


@pytest.mark.parametrize(
    ("metric", "scenario", "behaviours", "raw", "expected"),
    [
        ("append_latency_ms", None, MIXED, {}, True),
        ("push_latency_ms", None, MIXED, {}, False),
        ("push_latency_ms", None, [BurstUser, ChatUser], {}, True),
        ("append_latency_ms", "burst", MIXED, {}, True),
        ("lifecycle_total_ms", None, MIXED, {}, False),
        ("lifecycle_total_ms", None, [LifecycleUser], {}, True),
        ("session_churn_total", None, MIXED, {}, True),
        ("session_churn_total", "burst", MIXED, {}, False),
        ("inbox_latency_ms", None, MIXED, {}, False),
        ("inbox_shown_rate", None, [*MIXED, InboxWatcher], {}, True),
        ("message_correctness_rate", None, [CorrectnessUser], {}, True),
        ("cleanup_success_rate", None, MIXED, {}, True),
        ("cleanup_success_rate", "burst", MIXED, {}, False),
        ("cleanup_success_rate", "burst", MIXED, {"cleanup": True}, True),
        ("agent_reply_rate", None, MIXED, {}, True),
        ("agent_reply_rate", None, MIXED, {"agent_replies": "0"}, False),
        ("agent_latency_ms", None, [HotPathUser], {}, False),
        ("agent_backlog_growth", None, MIXED, {}, True),
        ("agent_backlog_end_s", None, MIXED, {"agent_replies": "0"}, False),
        ("agent_backlog_growth", None, [HotPathUser], {}, False),
        ("append_backlog_growth", None, [HotPathUser], {}, True),
        ("append_backlog_growth", None, [LifecycleUser], {}, False),
        ("agent_backlog_end_s", None, [CorrectnessUser], {}, False),
        ("event_loop_lag_ms", None, MIXED, {}, True),
        ("event_loop_lag_ms", "burst", MIXED, {}, False),
    ],
)
def test_a_run_records_what_its_behaviours_do(metric, scenario, behaviours, raw, expected):
    """It also records what its options request."""
    assert records(metric, scenario, behaviours, options(**raw)) is expected


@pytest.mark.parametrize(("depth", "appends"), [(None, True), (4, False)])
def test_a_pipeline_waits_for_appends_and_can_outrun_the_agent(depth, appends):
    """The backlog of appends is bounded by design, that of answers is not."""
    asked = options()
    asked = replace(asked, extra={**asked.extra, "pipeline_depth": depth})
    assert records("append_backlog_end_s", None, [ThroughputUser], asked) is appends
    assert records("agent_backlog_end_s", None, [ThroughputUser], asked)


def test_a_behaviour_of_somebodys_own_may_record_anything():
    """Nobody can know beforehand."""
    own = type("Own", (BurstUser,), {"__module__": "my_locustfile"})
    assert records("lifecycle_total_ms", None, [own], options())


def test_the_list_is_what_the_behaviours_source_says():
    """Each behaviour that deletes its sessions, or counts or records a metric by name, is in it."""
    for kind in subclasses(FleetUser):
        if not kind.__module__.startswith("fleetlm_users."):
            continue
        source = inspect.getsource(kind)
        named = set(re.findall(r"\.(?:count|record)\(\s*\"([a-z_]+)\"", source))
        if "delete=True" in source or "session.delete()" in source:
            named.add("cleanup_attempted")
        for metric in named - {"messages_not_sent"}:
            assert kind in RECORDED_BY[metric], (metric, kind)


def subclasses(kind):
    return {found for child in kind.__subclasses__() for found in (child, *subclasses(child))}


@pytest.mark.parametrize(
    ("metric", "protocols"),
    [
        ("messages_out_of_order", ("early",)),  # the late protocol promises no order
        ("messages_unacknowledged", ("late",)),  # the early one replies to no send
        ("acknowledgement_rate", ("late",)),
        ("messages_duplicated", ("early", "late")),
        ("agent_streams_incomplete", ("late",)),
    ],
)
def test_what_a_protocol_does_not_have_is_not_recorded_in_it(metric, protocols):
    """While nobody has asked the server, everything may be."""
    assert {name for name in ("early", "late") if records(metric, None, MIXED, options(protocol=name))} == {*protocols}
    assert records(metric, None, MIXED, options())


def test_the_names_are_those_of_metrics():
    """A typo would let a wrong threshold through, or refuse a right one."""
    assert all(name in DEFAULT for name in RECORDED_BY)


def test_every_packaged_preset_judges_what_its_benchmark_records():
    """None of its thresholds lacks samples."""
    behaviours = {
        "session_lifecycle": [LifecycleUser], "message_correctness": [CorrectnessUser], "ws_hot_path": [HotPathUser],
        "hot_path_throughput": [PipelineUser],
        "durability": [DurabilityUser],
        "fan_out": [FanOutUser],
        "reconnect_storm": [ReconnectStormUser],
        "rest_read_write_mix": [RestMixUser],
        "cold_start_replay": [ColdStartUser],
    }  # fmt: skip
    for benchmark, presets in load_presets().by_benchmark.items():
        for preset in presets.values():
            given = {name: str(value) for name, value in preset.options.items() if name == "session_rate"}
            for text in preset.thresholds:
                kinds = behaviours.get(benchmark, MIXED)
                assert records(text.partition(":")[0], None, kinds, options(**given)), text
