"""The web UI's start form as data: which options it holds, under which headings and names, in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.specs import OptionSpec, count_name
from fleetlm_users.workload.presets.preset import Preset

SECTIONS: Final = ("Load", "Target", "Thresholds", "This run", "Load in detail", "Rarely needed")
"""In this order; what people need most comes first."""

FIRST: Final = ("preset", "api_url", "ws_url", "agent_url", "agent_id", "threshold", "run_id")
"""What comes first in its section."""

TITLES: Final = {
    "api_url": "API URL",
    "ws_url": "Socket URL",
    "agent_url": "Agent URL",
    "agent_id": "Agent id",
    "insecure": "Accept any TLS certificate",
    "source_ips": "Source addresses",
    "server_metrics": "Metrics URL of the server",
    "server_pid": "Process id of the server",
    "standin": "Run on the embedded stand-in",
    "warm_up": "Warm-up",
    "message_bytes": "Bytes per message",
    "agent_replies": "Agent replies per message",
    "threshold": "Thresholds",
    "abort_on_fail": "Abort a hopeless run",
    "abort_grace": "Grace before an abort",
    "no_results": "Write no report",
    "run_id": "Run id",
    "cleanup": "Delete the run's sessions at its end",
    "debug": "Log every frame",
    "on_worker_lost": "When a worker is lost",
    "keep_alive_ms": "Hold each session (ms)",
    "send_interval": "Send interval (ms)",
    "runtime_ms": "Send for (ms)",
}
"""Names for people, where an option's own name is not one yet."""

HINTS: Final = {
    "preset": "users, duration and thresholds",
    "threshold": "replace the preset's of the same metric; several separated by ;",
    "agent_url": "as FleetLM reaches it",
    "agent_id": "created when missing",
    "warm_up": "not judged; empty is the preset's",
    "run_id": "empty makes one",
    "standin": "the URLs are not used then",
    "source_ips": "connections leave from them in turn",
    "server_metrics": "Prometheus format; for its memory and connections during the run",
    "server_pid": "where it runs on this machine; for its memory and CPU",
    "lateness_limit": "of sends at p99; above it the run is inconclusive",
    "abort_grace": "how long it is missed before it is hopeless",
    "on_worker_lost": "",
    "worker_timeout": "a worker that is silent for longer is lost",
    "api_url": "",
    "message_bytes": "",
    "agent_replies": "",
    "abort_on_fail": "",
    "cleanup": "",
    "debug": "",
    "no_results": "",
    "insecure": "",
}
"""What the form says beside a name, where the command line's help is not it."""

_SECTION_OF_GROUP: Final = {
    "load": "Load", "target": "Target", "judging": "Thresholds", "run": "This run", "timeouts": "Rarely needed",
}  # fmt: skip
_RARE: Final = (
    "source_ips", "server_metrics", "server_pid", "no_results", "abort_grace",
    "lateness_limit", "participant_prefix", "seed", "debug",
)  # fmt: skip
_ELSEWHERE: Final = {
    **dict.fromkeys(("warm_up", "message_bytes", "agent_replies"), "Load in detail"),
    **dict.fromkeys(_RARE, "Rarely needed"),
}


@dataclass(frozen=True, slots=True)
class FormField:
    """One field. `title` is its name on the page and in what the page sends: Locust's page shows no other."""

    spec: OptionSpec
    title: str
    hint: str
    section: str


def fields_of(specs: Sequence[OptionSpec], behaviours: Iterable[str]) -> tuple[FormField, ...]:
    """The form's fields in the order in which it shows them."""
    counts = {count_name(behaviour): behaviour for behaviour in behaviours}
    fields: dict[str, FormField] = {}
    for spec in specs:
        field = _field(spec, counts.get(spec.name))
        if field.title in fields:  # by an option of somebody's own
            field = replace(field, title=f"{field.title}: {spec.flag}")
        if spec.in_form:
            fields[field.title] = field
    return tuple(sorted(fields.values(), key=_place))


def preset_label(preset: Preset) -> str:
    """What a preset runs, in a line: `light: 10 long-lived, 5 burst, 3 churn · 2 min`."""
    users = ", ".join(f"{count} {name.replace('_', '-')}" for name, count in preset.users.items() if count)
    return f"{preset.name}: {users} · {_length(preset.duration_s)}"


def _field(spec: OptionSpec, behaviour: str | None) -> FormField:
    if behaviour is not None:
        return FormField(spec, f"Users: {behaviour.replace('_', '-')}", "empty is the preset's", "Load in detail")
    title = TITLES.get(spec.name, spec.name.replace("_", " ").capitalize())
    return FormField(spec, title, HINTS.get(spec.name, spec.help), _section(spec))


def _section(spec: OptionSpec) -> str:
    return _ELSEWHERE.get(spec.name) or _SECTION_OF_GROUP.get(spec.group, "Load")


def _place(field: FormField) -> tuple[int, int]:
    name = field.spec.name
    return SECTIONS.index(field.section), FIRST.index(name) if name in FIRST else len(FIRST)


def _length(duration_s: float | None) -> str:
    if not duration_s:
        return "no time limit"
    minutes, seconds = divmod(duration_s, 60)
    return f"{minutes:.0f} min" if not seconds else format_duration(duration_s)
