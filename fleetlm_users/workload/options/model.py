"""The options of one run, typed and checked before any load: flag > environment > preset > default."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from fleetlm_users.workload.identity import check_run_id
from fleetlm_users.workload.options.sources import OptionSource, check_preset
from fleetlm_users.workload.options.specs import COMMON, OptionSpec, count_name, count_specs
from fleetlm_users.workload.plan import Plan, make_plan, narrow
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.presets.presets import Presets
from fleetlm_users.workload.urls import urls_of_host

__all__ = ["COMMON", "OptionSpec", "Options", "count_specs", "describe", "resolve"]


@dataclass(frozen=True)
class Options:
    """Everything a run can be told; durations are seconds.

    `given_thresholds` are those of flag, environment and form, still to be laid over `plan.thresholds`. `extra` holds
    the benchmark's own options by name, `secrets` the names of those whose values no report may show.
    """

    benchmark: str
    plan: Plan
    given_thresholds: tuple[str, ...]
    run_id: str
    seed: int
    api_url: str
    ws_url: str
    agent_url: str
    agent_id: str
    insecure: bool
    source_ips: tuple[str, ...]
    server_metrics: str | None
    server_pid: int | None
    standin: bool
    participant_prefix: str
    message_bytes: int
    agent_replies: int
    time_scale: float
    connect_timeout_s: float
    join_timeout_s: float
    reply_timeout_s: float
    drain_timeout_s: float
    heartbeat_interval_s: float
    worker_timeout_s: float
    on_worker_lost: str
    abort_on_fail: bool
    abort_grace_s: float
    lateness_limit_s: float
    cleanup: bool
    debug: bool
    results_dir: Path
    no_results: bool
    junit: Path | None
    markdown: Path | None
    presets_file: Path | None
    extra: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


def resolve(  # noqa: PLR0913  # the seam to Locust: each argument is one thing that Locust knows
    raw: Mapping[str, object],
    presets: Presets,
    benchmark: str,
    behaviours: Sequence[str],
    *,
    host: str | None,
    num_users: int | None,
    run_time_s: float | None,
    spawn_rate: float | None,
    new_run_id: Callable[[], str],
    new_seed: Callable[[], int],
    extra_specs: Sequence[OptionSpec] = (),
    given: Collection[str] = (),
    chosen: Collection[str] | None = None,
) -> Options:
    """Return the options of a run from the parser's values, in which flag, environment and conf are already folded.

    A value equal to its default counts as unset, and then the preset's applies; `given` are names known to be set all
    the same, which beat the preset with whatever they hold. `host` sets API and WebSocket URL where these are unset.
    `num_users` beats vus, `run_time_s` (0: until stopped) beats duration. `extra_specs` are the benchmark's own,
    `chosen` the behaviours that are to run, None for all.
    Raises UsageError that names the setting, its value, what is accepted and an example.
    """
    specs = {spec.name: spec for spec in (*COMMON, *count_specs(behaviours), *extra_specs)}
    asked = OptionSource(specs, raw, given)
    preset = presets.get(benchmark, asked.take("preset") or presets.default_name(benchmark))
    check_preset(preset, specs, behaviours)
    source = replace(asked, preset=preset, derived=_urls_of(host))
    values = {_field_of(spec): source.take(spec.name) for spec in COMMON if _field_of(spec) in _FIELDS}
    made = {"run_id": lambda: check_run_id(new_run_id()), "seed": new_seed}
    values |= {name: make() for name, make in made.items() if values[name] is None}
    values["source_ips"] = values["source_ips"] or ()
    return Options(
        benchmark=benchmark,
        plan=_plan(source, _filled(preset, behaviours), num_users, run_time_s, spawn_rate, chosen),
        given_thresholds=source.take("threshold") or (),
        **values,
        extra={spec.name: source.take(spec.name) for spec in extra_specs},
        secrets=frozenset(spec.name for spec in specs.values() if spec.secret),
    )


def describe(options: Options) -> dict[str, Any]:
    """Return the options as JSON-able values, for reports; secrets are left out."""
    described: dict[str, Any] = {
        name: _jsonable(getattr(options, name)) for name in _FIELDS if name not in (*options.secrets, "secrets")
    }
    described["extra"] = {
        name: _jsonable(value) for name, value in options.extra.items() if name not in options.secrets
    }
    described["plan"] = {
        **{item.name: _jsonable(getattr(options.plan, item.name)) for item in fields(options.plan)},
        "total_users": options.plan.total_users,
        "spawn_rate": options.plan.spawn_rate,
    }
    return described


_FIELDS: Final = tuple(item.name for item in fields(Options))


def _field_of(spec: OptionSpec) -> str:
    """Return the field of Options that holds an option: durations carry their unit in the name."""
    return f"{spec.name}_s" if spec.kind in ("duration", "timeout") else spec.name


def _urls_of(host: str | None) -> dict[str, str]:
    return dict(zip(("api_url", "ws_url"), urls_of_host(host), strict=True)) if host else {}


def _filled(preset: Preset, behaviours: Sequence[str]) -> Preset:
    """Return the preset with a count for every behaviour of the benchmark, in the benchmark's order."""
    return replace(preset, users={name: preset.users.get(name, 0) for name in behaviours})


def _plan(  # noqa: PLR0913, PLR0917  # as resolve, whose arguments these are
    source: OptionSource,
    preset: Preset,
    num_users: int | None,
    run_time_s: float | None,
    spawn_rate: float | None,
    chosen: Collection[str] | None,
) -> Plan:
    asked = {name: source.take(count_name(name)) for name in preset.users}
    counts = {name: count for name, count in asked.items() if count is not None}
    total = source.take("vus") if num_users is None else num_users
    if chosen is not None:
        users, counts = narrow(preset.users, counts, total, chosen)
        preset = replace(preset, users=users)
    return make_plan(
        preset,
        total=total,
        counts=counts,
        duration_s=source.take("duration") if run_time_s is None else run_time_s,
        ramp_up_s=source.take("ramp_up"),
        warm_up_s=source.take("warm_up"),
        spawn_rate=spawn_rate,
    )


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
