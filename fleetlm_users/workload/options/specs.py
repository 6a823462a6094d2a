"""The one list of options: from it the swarm registers Locust's arguments, and the CLI reference is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fleetlm_users.workload.plan import count_flag
from fleetlm_users.workload.urls import API_EXAMPLE, WS_EXAMPLE

Kind = Literal[
    "text",
    "name",  # a text of letters, digits, dots, underscores and hyphens
    "path",
    "flag",
    "http_url",
    "ws_url",
    "duration",  # 0 or more
    "timeout",  # a duration above 0
    "whole",  # a whole number, 0 or more
    "count",  # a whole number, 1 or more
    "number",  # 0 or more
    "positive",  # a number above 0
    "threshold",
    "addresses",  # local addresses: a list, ranges, networks
    "hosts",  # names or addresses, with a port or without: a list
]

NOT_IN_FORM: Final[frozenset[Kind]] = frozenset(("path", "hosts"))
"""What never comes from the web form, however an option is declared: what names a place on the machine that Locust runs
on, and who may use the form."""


@dataclass(frozen=True)
class OptionSpec:
    """One option: its flag, environment variable and form field, and how its value is read.

    Every default is a text, because Locust's web form gives texts back and converts them to the default's type; the
    empty one means unset: taken from the preset, or made for the run. Only kind `flag` has False, for a checkbox. A
    `repeatable` one should be registered with default None: given a list, the form cuts its text at commas.
    `choices` are the only values accepted; `in_form` and `in_preset` say where else the option may stand, `in_form` of
    some kinds is always False (NOT_IN_FORM); the value of a `secret` one is left out of reports. `env_is_shared` marks
    a flag whose variable other programs use too: what is no value of ours there is theirs, and ignored with a word.
    """

    name: str
    flag: str
    env: str
    default: str | bool
    help: str
    kind: Kind
    example: str
    choices: tuple[str, ...] | None = None
    in_form: bool = True
    repeatable: bool = False
    secret: bool = False
    group: str = "run"
    in_preset: bool = True
    env_is_shared: bool = False

    def __post_init__(self) -> None:
        if self.kind in NOT_IN_FORM:
            object.__setattr__(self, "in_form", False)

    @property
    def label(self) -> str:
        """The name that errors use: flag and environment variable."""
        return f"{self.flag} ({self.env})"


TARGET: Final[tuple[OptionSpec, ...]] = (
    OptionSpec(
        "api_url", "--api-url", "API_URL", API_EXAMPLE, "FleetLM's REST API; -H sets it together with --ws-url",
        "http_url", API_EXAMPLE, group="target",
    ),
    OptionSpec(
        "ws_url", "--ws-url", "WS_URL", WS_EXAMPLE, "FleetLM's WebSocket; wss:// for TLS",
        "ws_url", WS_EXAMPLE, group="target",
    ),
    OptionSpec(
        "agent_url", "--agent-url", "AGENT_URL", "http://localhost:4001", "the agent, as FleetLM reaches it",
        "http_url", "http://localhost:4001", group="target",
    ),
    OptionSpec(
        "agent_id", "--agent-id", "AGENT_ID", "bench-echo-agent", "the agent's id; it is created when missing",
        "text", "bench-echo-agent", group="target",
    ),
    OptionSpec(
        "insecure", "--insecure", "INSECURE", False, "do not verify TLS certificates",
        "flag", "true", group="target",
    ),
    OptionSpec(
        "source_ips", "--source-ips", "SOURCE_IPS", "",
        "local addresses that connections leave from, in turn; each can have 28,000 to one target",
        "addresses", "127.0.0.2-127.0.0.9", group="target", in_preset=False,
    ),
    OptionSpec(
        "server_metrics", "--server-metrics", "SERVER_METRICS", "",
        "the server's Prometheus endpoint, for its memory and connections during the run",
        "http_url", "http://localhost:4000/metrics", group="target", in_preset=False,
    ),
    OptionSpec(
        "server_pid", "--server-pid", "SERVER_PID", "",
        "the server's process id where it runs on this machine, for its memory and CPU",
        "count", "12345", group="target", in_preset=False,
    ),
    OptionSpec(
        "standin", "--standin", "STANDIN", False, "start the embedded FleetLM and an echo agent and run on them",
        "flag", "true", group="target", in_preset=False,
    ),
)  # fmt: skip

LOAD: Final[tuple[OptionSpec, ...]] = (
    OptionSpec(
        "preset", "--preset", "PRESET", "", "a plan by name; empty is the benchmark's first, as light for mixed",
        "text", "standard", group="load", in_preset=False,
    ),
    OptionSpec(
        "presets_file", "--presets-file", "PRESETS_FILE", "", "your own presets, laid over the packaged ones",
        "path", "my-presets.yaml", group="load", in_preset=False,
    ),
    OptionSpec(
        "vus", "--vus", "VUS", "", "users in all: scales the preset in proportion; -u is the same and beats it",
        "count", "18", group="load", in_form=False, in_preset=False,
    ),
    OptionSpec(
        "duration", "--duration", "DURATION", "", "length of the run, 0 until stopped; -t is the same and beats it",
        "duration", "2m", group="load", in_form=False, in_preset=False,
    ),
    OptionSpec(
        "warm_up", "--warm-up", "WARM_UP", "", "how long from the start samples are kept apart and not judged",
        "duration", "10s", group="load", in_preset=False,
    ),
    OptionSpec(
        "ramp_up", "--ramp-up", "RAMP_UP", "", "how long from the start until all users run",
        "duration", "5s", group="load", in_form=False, in_preset=False,
    ),
    OptionSpec(
        "message_bytes", "--message-bytes", "MESSAGE_BYTES", "64", "size of each message's text in bytes",
        "count", "64", group="load",
    ),
    OptionSpec(
        "agent_replies", "--agent-replies", "AGENT_REPLIES", "1", "how many messages the agent answers to each",
        "whole", "1", group="load",
    ),
    OptionSpec(
        "time_scale", "--time-scale", "TIME_SCALE", "1", "multiplies every gap of the behaviours; for tests only",
        "positive", "0.1", group="load", in_form=False,
    ),
)  # fmt: skip

JUDGING: Final[tuple[OptionSpec, ...]] = (
    OptionSpec(
        "threshold", "--threshold", "THRESHOLD", "", "a bound that decides the verdict; several separated by `;`",
        "threshold", "append_latency_ms: p(95)<500", repeatable=True, group="judging", in_preset=False,
    ),
    OptionSpec(
        "abort_on_fail", "--abort-on-fail", "ABORT_ON_FAIL", False,
        "end the run as failed as soon as a threshold is hopeless", "flag", "true", group="judging",
    ),
    OptionSpec(
        "abort_grace", "--abort-grace", "ABORT_GRACE", "10s",
        "how long after the warm-up, and how long missed without a break, before it is hopeless",
        "duration", "10s", group="judging",
    ),
    OptionSpec(
        "lateness_limit", "--lateness-limit", "LATENESS_LIMIT", "100ms",
        "how late sends may be at p99; p95 a tenth, loop lag the double; above: inconclusive",
        "timeout", "100ms", group="judging",
    ),
    OptionSpec(
        "results_dir", "--results-dir", "RESULTS_DIR", "results", "where the run's report is written",
        "path", "results", group="judging",
    ),
    OptionSpec(
        "junit", "--junit", "JUNIT", "", "also write the thresholds as JUnit XML to this file, for CI",
        "path", "junit.xml", group="judging", in_preset=False,
    ),
    OptionSpec(
        "markdown", "--markdown", "MARKDOWN", "", "also write a summary in Markdown to this file, for CI",
        "path", "summary.md", group="judging", in_preset=False,
    ),
    OptionSpec(
        "no_results", "--no-results", "NO_RESULTS", False, "write no report",
        "flag", "true", group="judging",
    ),
)  # fmt: skip

IDENTITY: Final[tuple[OptionSpec, ...]] = (
    OptionSpec(
        "run_id", "--run-id", "RUN_ID", "", "name of the run, in session metadata and participants; empty makes one",
        "name", "r1124-2135-7f3a", in_preset=False,
    ),
    OptionSpec(
        "participant_prefix", "--participant-prefix", "PARTICIPANT_PREFIX", "bench",
        "participants are <prefix>-<run id>-<n>", "name", "bench",
    ),
    OptionSpec(
        "seed", "--seed", "SEED", "", "repeats the random draws of an earlier run; empty draws one",
        "whole", "42",
    ),
    OptionSpec(
        "cleanup", "--cleanup", "CLEANUP", False, "delete the run's own sessions at its end",
        "flag", "true",
    ),
    OptionSpec(
        "on_worker_lost", "--on-worker-lost", "ON_WORKER_LOST", "continue",
        "when a worker is lost: go on with the others, or stop the run",
        "text", "stop", choices=("continue", "stop"),
    ),
    OptionSpec(
        "debug", "--debug", "DEBUG", False, "write every frame to the log",
        "flag", "true", env_is_shared=True,  # as `DEBUG=app:*` of Node's debug package
    ),
)  # fmt: skip

TIMEOUTS: Final[tuple[OptionSpec, ...]] = (
    OptionSpec(
        "connect_timeout", "--connect-timeout", "CONNECT_TIMEOUT", "10s",
        "for TCP, TLS and upgrade, for an answer over REST, and for each answer before a run",
        "timeout", "10s", group="timeouts",
    ),
    OptionSpec(
        "join_timeout", "--join-timeout", "JOIN_TIMEOUT", "10s", "for the answer to a join",
        "timeout", "10s", group="timeouts",
    ),
    OptionSpec(
        "reply_timeout", "--reply-timeout", "REPLY_TIMEOUT", "30s", "for an append and for the agent's answer",
        "timeout", "30s", group="timeouts",
    ),
    OptionSpec(
        "drain_timeout", "--drain-timeout", "DRAIN_TIMEOUT", "10s", "how long a run's end waits for what is in flight",
        "duration", "10s", group="timeouts",
    ),
    OptionSpec(
        "heartbeat_interval", "--heartbeat-interval", "HEARTBEAT_INTERVAL", "30s",
        "between heartbeats; FleetLM closes a socket that is silent for 120 s", "timeout", "30s", group="timeouts",
    ),
    OptionSpec(
        "worker_timeout", "--worker-timeout", "WORKER_TIMEOUT", "30s",
        "after this long without a word a worker counts as lost, and a worker leaves its master",
        "timeout", "30s", group="timeouts",
    ),
)  # fmt: skip

WEB_ALLOWED_HOSTS: Final = OptionSpec(
    "web_allowed_hosts", "--web-allowed-hosts", "WEB_ALLOWED_HOSTS", "",
    "further host names that the web UI and --metrics-port answer to, as of a proxy",
    "hosts", "load.example.org", group="monitoring", in_preset=False,
)  # fmt: skip

MONITORING: Final[tuple[OptionSpec, ...]] = (
    OptionSpec(
        "metrics_port", "--metrics-port", "METRICS_PORT", "",
        "serve the run's numbers for Prometheus on this port, on master or standalone, headless too",
        "count", "9646", group="monitoring", in_form=False, in_preset=False,
    ),
    OptionSpec(
        "metrics_host", "--metrics-host", "METRICS_HOST", "127.0.0.1", "the address that --metrics-port listens on",
        "text", "10.0.0.5", group="monitoring", in_form=False, in_preset=False,
    ),
    WEB_ALLOWED_HOSTS,
)  # fmt: skip

COMMON: Final[tuple[OptionSpec, ...]] = (*TARGET, *LOAD, *JUDGING, *IDENTITY, *TIMEOUTS, *MONITORING)


def count_name(behaviour: str) -> str:
    """Return the name of the option that sets one behaviour's count: `long_lived_vus`."""
    return f"{behaviour}_vus"


def count_specs(behaviours: Sequence[str]) -> tuple[OptionSpec, ...]:
    """Return the options that set each behaviour's count: `--long-lived-vus` LONG_LIVED_VUS and so on."""
    return tuple(
        OptionSpec(
            name=count_name(behaviour),
            flag=count_flag(behaviour),
            env=count_name(behaviour).upper(),
            default="",
            help=f"{behaviour.replace('_', '-')} users, exactly",
            kind="whole",
            example="10",
            group="load",
            in_preset=False,
        )
        for behaviour in behaviours
    )
