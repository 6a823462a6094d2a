"""The options of one run, typed; each is declared here once, next to its field.

From the declaration follow the flag, the environment variable, the field of the start form, the entry of the reference
page (docs/options.md), and, from the field's type, the form in which master and workers exchange it.
"""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Final

from fleetlm_users.units import S_PER_HOUR
from fleetlm_users.workload.arrivals.process import KINDS
from fleetlm_users.workload.arrivals.visit_plan import DEFAULT_MAX_USERS
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.options.specs import OptionSpec, option
from fleetlm_users.workload.plan import Plan
from fleetlm_users.workload.urls import API_EXAMPLE, WS_EXAMPLE

LOOPBACK: Final = "127.0.0.1"

HOUR_S: Final = S_PER_HOUR
"""The longest time a server may take to answer, in seconds: histograms of durations end at one hour."""

MIB: Final = 1 << 20
"""The longest text of a message. FleetLM accepts 8 MB (Plug.Parsers); each message in flight holds its text in
memory.
"""


AUDIT_WAYS: Final = ("off", "auto", "replay", "rest", "database")

PLAN_OPTIONS: Final = (
    option("preset", example="standard", group="load", in_preset=False,
           help="a plan by name; empty: the benchmark's first, such as light for mixed",
           hint="users, duration and thresholds"),
    option("vus", kind="count", most=VUS_PER_BLOCK, example="18", group="load", in_form=False, in_preset=False,
           help="total number of users, scales the preset in proportion; -u means the same and wins"),
    option("duration", kind="duration", example="2m", group="load", in_form=False, in_preset=False,
           help="length of the run, 0 runs until stopped; -t means the same and wins"),
    option("warm_up", kind="duration", example="10s", group="load", in_preset=False,
           help="time from the start whose samples are kept apart and not judged",
           title="Warm-up", hint="not judged; empty: the preset's", section="Load in detail"),
    option("ramp_up", kind="duration", example="5s", group="load", in_form=False, in_preset=False,
           help="time from the start until all users are running"),
    option("stages", kind="stages", example="ramp=30s:10,peak=2m:100,30s:0", group="load",
           help="users over time, DURATION:USERS with commas, ramping evenly; NAME=DURATION:USERS names one",
           hint="such as ramp=30s:10,peak=2m:100,30s:0; in place of users and duration", section="Load in detail"),
    option("session_rate", kind="rates", example="20", group="load",
           help="new sessions per second, each for one journey; or stages, up=30s:5,peak=2m:50",
           hint="sessions per second, whatever the server does; in place of users", section="Load in detail"),
    option("arrivals", choices=KINDS, example="poisson", group="load",
           help="how sessions or messages arrive at --session-rate or --arrival-rate; empty: even",
           hint="of a session rate or an arrival rate; empty: even", section="Load in detail"),
    option("max_users", kind="count", most=VUS_PER_BLOCK, example="200", group="load",
           help=f"with --session-rate: users that may be in a session at once; empty: {DEFAULT_MAX_USERS:,}",
           hint=f"at once, with a session rate; empty: {DEFAULT_MAX_USERS:,}", section="Load in detail"),
)  # fmt: skip
"""The options that become `Options.plan`, with the counts of the behaviours (specs.count_specs)."""


# fmt: off
@dataclass(frozen=True)
class Options:
    """The configuration of a run; durations are in seconds.

    `given_thresholds` come from flag, environment and form, and still have to be merged into `plan.thresholds`. `extra`
    holds the benchmark's own options by name, `secrets` the names of those whose values no report may show.
    `is_protocol_detected` says whether `protocol` was detected on the server rather than given.
    """

    benchmark: str
    plan: Plan

    api_url: Annotated[str, option(
        "api_url", default=API_EXAMPLE, kind="http_url", group="target", title="API URL", hint="",
        help="FleetLM's REST API; -H sets it together with --ws-url")]
    ws_url: Annotated[str, option(
        "ws_url", default=WS_EXAMPLE, kind="ws_url", group="target", title="Socket URL",
        help="FleetLM's WebSocket; wss:// for TLS")]
    agent_url: Annotated[str, option(
        "agent_url", default="http://localhost:4001", kind="http_url", group="target", title="Agent URL",
        help="the agent's URL, as FleetLM reaches it", hint="as FleetLM reaches it")]
    agent_id: Annotated[str, option(
        "agent_id", default="bench-echo-agent", group="target", title="Agent id",
        help="the agent's id; created when missing", hint="created when missing")]
    insecure: Annotated[bool, option(
        "insecure", default=False, group="target", title="Accept any TLS certificate", hint="",
        help="do not verify TLS certificates")]
    source_ips: Annotated[tuple[str, ...], option(
        "source_ips", kind="addresses", group="target", in_preset=False,
        help="local addresses to connect from, in turn; each allows 28,000 connections to a target",
        title="Source addresses", hint="connections leave from them in turn", section="Rarely needed")]
    server_metrics: Annotated[tuple[str, ...], option(
        "server_metrics", kind="endpoints", example="http://localhost:4000/metrics", group="target", in_preset=False,
        help="the server's Prometheus endpoints, for its memory and connections during the run",
        title="Metrics URLs of the server", section="Rarely needed",
        hint="Prometheus format, several with commas; api=http://... gives one a name")]
    server_pid: Annotated[tuple[str, ...], option(
        "server_pid", kind="processes", example="12345", group="target", in_preset=False,
        help="the server's process ids, if it runs on this machine, for its memory and CPU",
        title="Process ids of the server", section="Rarely needed",
        hint="if it runs on this machine; several with commas; db=12345 gives one a name")]
    protocol: Annotated[str, option(
        "protocol", default="auto", example="late", choices=("auto", "early", "late"), group="target",
        help="FleetLM's chat protocol; auto asks the server, see docs/protocols.md",
        title="Chat protocol", hint="auto asks the server")]
    standin: Annotated[bool, option(
        "standin", default=False, group="target", in_preset=False,
        help="start the embedded FleetLM and an echo agent, and run against them",
        title="Run on the embedded stand-in", hint="the URLs are not used then")]
    standin_like: Annotated[str | None, option(
        "standin_like", choices=("early", "late"), example="early", group="target", in_form=False, in_preset=False,
        help="with --standin: behave like a FleetLM measured under load")]
    standin_options: Annotated[str | None, option(
        "standin_options", example="--webhook-order node --webhook-service-ms 2.5", group="target", in_form=False,
        in_preset=False, help="with --standin: more options of fleetlm-standin")]

    presets_file: Annotated[Path | None, option(
        "presets_file", kind="path", example="my-presets.yaml", group="load", in_preset=False,
        help="your own presets, added to the packaged ones")]
    message_bytes: Annotated[int, option(
        "message_bytes", default=64, kind="count", most=MIB, group="load", help="size of each message's text in bytes",
        title="Bytes per message", hint="", section="Load in detail")]
    agent_replies: Annotated[int, option(
        "agent_replies", default=1, most=1000, group="load",
        help="number of messages with which the agent answers each message",
        title="Agent replies per message", hint="", section="Load in detail")]
    time_scale: Annotated[float, option(
        "time_scale", default=1, kind="positive", least=0.0001, most=1000, example="0.1", group="load", in_form=False,
        help="factor for every duration of the behaviours' timetables; for tests only")]

    given_thresholds: Annotated[tuple[str, ...], option(
        "threshold", kind="threshold", group="judging", repeatable=True, in_preset=False,
        help="a bound that decides the verdict; separate several by `;`",
        title="Thresholds", hint="replace the preset's of the same metric; separate several by ;")]
    abort_on_fail: Annotated[bool, option(
        "abort_on_fail", default=False, group="judging",
        help="end the run as failed as soon as a threshold is hopeless", title="Abort a hopeless run", hint="")]
    abort_grace_s: Annotated[float, option(
        "abort_grace", default="10s", kind="duration", group="judging",
        help="time after the warm-up, and time missed without a break, until it is hopeless",
        title="Grace before an abort", hint="how long it is missed before it is hopeless", section="Rarely needed")]
    lateness_limit_s: Annotated[float, option(
        "lateness_limit", default="100ms", kind="timeout", most=HOUR_S, group="judging", section="Rarely needed",
        help="how late sends may be at p99; p95 a tenth, loop lag double; beyond: inconclusive",
        hint="of sends at p99; beyond it the run is inconclusive")]
    audit: Annotated[str | None, option(
        "audit", choices=AUDIT_WAYS, example="replay", group="judging", section="Thresholds",
        help="at the end, read back what was acknowledged, in this way; empty: the preset's, or off",
        title="Audit of what is stored", hint="reads back, at the end, every message that was acknowledged")]
    audit_after_s: Annotated[float | None, option(
        "audit_after", kind="duration", most=HOUR_S, example="5s", group="judging", section="Rarely needed",
        help="wait before the audit; empty: two flush periods, 600ms (early) or 10s (late)",
        title="Time before the audit", hint="empty: two flush periods, 600ms (early), 10s (late)")]
    audit_messages: Annotated[int, option(
        "audit_messages", default=1_000_000, kind="count", group="judging", section="Rarely needed",
        help="messages that each process remembers for the audit, in whole sessions; 20 bytes each",
        title="Messages remembered for the audit", hint="per process, 20 bytes each")]
    audit_share: Annotated[float, option(
        "audit_share", default=0.1, most=1, group="judging", section="Rarely needed", example="0.5",
        help="share of the acknowledged messages that the audit must see, or the run is inconclusive",
        title="Share that the audit must see", hint="of the acknowledged messages, from 0 to 1")]
    audit_database_file: Annotated[Path | None, option(
        "audit_database_file", kind="path", example="/run/secrets/fleetlm_database", group="judging", in_preset=False,
        help="file with the address of FleetLM's PostgreSQL, instead of --audit-database")]
    baseline: Annotated[Path | None, option(
        "baseline", kind="path", example="results", group="judging", in_preset=False,
        help="an earlier run, or a folder of runs: the report says what differs; decides nothing")]
    results_dir: Annotated[Path, option(
        "results_dir", default="results", kind="path", group="judging", help="folder for the run's report")]
    junit: Annotated[Path | None, option(
        "junit", kind="path", example="junit.xml", group="judging", in_preset=False,
        help="also write the thresholds as JUnit XML to this file, for CI")]
    markdown: Annotated[Path | None, option(
        "markdown", kind="path", example="summary.md", group="judging", in_preset=False,
        help="also write a summary in Markdown to this file, for CI")]
    no_results: Annotated[bool, option(
        "no_results", default=False, group="judging", section="Rarely needed", hint="", help="write no report")]

    run_id: Annotated[str, option(
        "run_id", kind="name", example="r1124-2135-7f3a", in_preset=False, hint="empty generates one",
        help="name of the run, in session metadata and participants; empty generates one")]
    participant_prefix: Annotated[str, option(
        "participant_prefix", default="bench", kind="name", section="Rarely needed",
        help="participants are <prefix>-<run id>-<n>")]
    seed: Annotated[int, option(
        "seed", kind="whole", most=2**53, example="42", section="Rarely needed",
        help="repeats the random draws of an earlier run; empty draws a new seed")]
    cleanup: Annotated[bool, option(
        "cleanup", default=False, title="Delete the run's sessions at its end", hint="",
        help="delete the run's own sessions at its end")]
    on_worker_lost: Annotated[str, option(
        "on_worker_lost", default="continue", example="stop", choices=("continue", "stop"),
        help="when a worker is lost: continue with the others, or stop the run",
        title="When a worker is lost", hint="")]
    traceparent: Annotated[bool, option(
        "traceparent", default=False, env_is_shared=True,  # CI systems set TRACEPARENT to a trace of their own
        help="send a W3C trace context with each message and REST call, see docs/monitoring.md",
        title="Trace every message", hint="traceparent in REST calls and metadata", section="Rarely needed")]
    trace_share: Annotated[float | None, option(
        "trace_share", kind="number", most=1, example="0.1", section="Rarely needed",
        help="with --traceparent: share of the traces that are marked as sampled; empty: all",
        title="Share of traces sampled", hint="from 0 to 1; empty: all")]
    debug: Annotated[bool, option(
        "debug", default=False, env_is_shared=True,  # such as `DEBUG=app:*` of Node's debug package
        help="write every frame to the log", title="Log every frame", hint="", section="Rarely needed")]

    connect_timeout_s: Annotated[float, option(
        "connect_timeout", default="10s", kind="timeout", most=HOUR_S, group="timeouts",
        help="for TCP, TLS and upgrade, for a REST answer, and for each answer before a run")]
    join_timeout_s: Annotated[float, option(
        "join_timeout", default="10s", kind="timeout", most=HOUR_S, group="timeouts", help="for the answer to a join")]
    reply_timeout_s: Annotated[float, option(
        "reply_timeout", default="30s", kind="timeout", most=HOUR_S, group="timeouts",
        help="for the answer to an append, and for the agent's answer")]
    stall_limit_s: Annotated[float, option(
        "stall_limit", default="10s", kind="timeout", group="timeouts",
        help="a longer pause between two pieces of an agent's answer counts as a stall",
        hint="between two pieces of an agent's streaming answer")]
    drain_timeout_s: Annotated[float, option(
        "drain_timeout", default="10s", kind="duration", most=24 * HOUR_S, group="timeouts",
        help="how long the end of a run waits for messages in flight")]
    heartbeat_interval_s: Annotated[float, option(
        "heartbeat_interval", default="30s", kind="timeout", least=0.01, most=HOUR_S, group="timeouts",
        help="time between heartbeats; FleetLM closes a socket that is silent for 120 s")]
    worker_timeout_s: Annotated[float, option(
        "worker_timeout", default="30s", kind="timeout", least=0.1, most=24 * HOUR_S, group="timeouts",
        help="silence after which a worker counts as lost, or leaves its master",
        hint="a worker that is silent for longer is lost")]

    metrics_port: Annotated[int | None, option(
        "metrics_port", kind="count", most=65_535, example="9646", group="monitoring", in_form=False, in_preset=False,
        help="port on which to serve metrics for Prometheus; on master or standalone, headless too")]
    metrics_host: Annotated[str, option(
        "metrics_host", default=LOOPBACK, example="10.0.0.5", group="monitoring", in_form=False, in_preset=False,
        help="the address that --metrics-port listens on")]
    web_allowed_hosts: Annotated[tuple[str, ...], option(
        "web_allowed_hosts", kind="hosts", group="monitoring", in_preset=False,
        help="further host names that the web UI and --metrics-port answer to, such as a proxy's")]

    annotate: Annotated[str | None, option(
        "annotate", kind="grafana_url", group="monitoring", in_preset=False,
        help="post the run's start, stages and verdict to this Grafana; GRAFANA_TOKEN holds its token")]

    # not in the repr, which a log might show
    audit_database: Annotated[str | None, option(
        "audit_database", kind="database_url", group="judging", secret=True, in_preset=False,
        help="address of FleetLM's PostgreSQL; better set the variable, since `ps` shows flags",
        )] = field(default=None, repr=False)
    is_protocol_detected: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
# fmt: on


def _declared() -> Iterator[tuple[str, OptionSpec]]:
    """Yield the name and declaration of each field that is an option."""
    for name, hint in typing.get_type_hints(Options, include_extras=True).items():
        for spec in getattr(hint, "__metadata__", ()):
            yield name, spec


FIELD_OF: Final[Mapping[str, str]] = {spec.name: name for name, spec in _declared()}
"""The field of Options by the option's name."""

COMMON: Final[tuple[OptionSpec, ...]] = (*PLAN_OPTIONS, *(spec for _, spec in _declared()))
"""The options of every benchmark, apart from the counts of its behaviours."""


def describe(options: Options) -> dict[str, Any]:
    """Return the options as JSON-able values, for reports; secrets are left out."""
    described: dict[str, Any] = {item.name: _jsonable(getattr(options, item.name)) for item in fields(options)}
    hidden = (*(FIELD_OF.get(name, name) for name in options.secrets), "secrets")
    described = {name: value for name, value in described.items() if name not in hidden}
    described["extra"] = {
        name: _jsonable(value) for name, value in options.extra.items() if name not in options.secrets
    }
    described["plan"] = {
        **{item.name: _jsonable(getattr(options.plan, item.name)) for item in fields(options.plan)},
        "total_users": options.plan.total_users,
        "spawn_rate": options.plan.spawn_rate,
    }
    return described


def _jsonable(value: object) -> Any:
    match value:
        case Path():
            return str(value)
        case tuple() | list():
            return [_jsonable(item) for item in value]
        case Mapping():
            return {str(name): _jsonable(item) for name, item in value.items()}
        case _:
            return value
