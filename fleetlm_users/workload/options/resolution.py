"""The options of a run from their sources: flag > environment > configuration file > preset > default. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.arrivals.visit_plan import check_beside_rate, check_without_rate
from fleetlm_users.workload.identity import check_run_id
from fleetlm_users.workload.options.benchmark_specs import ARRIVAL_RATE
from fleetlm_users.workload.options.model import COMMON, FIELD_OF, Options
from fleetlm_users.workload.options.parsing import LISTS, is_blank, parse_value
from fleetlm_users.workload.options.specs import OptionSpec, count_name, count_specs
from fleetlm_users.workload.plan import (
    DURATION_FLAG,
    RAMP_UP_FLAG,
    SPAWN_RATE_FLAG,
    STAGES_FLAG,
    TOTAL_FLAG,
    Plan,
    check_beside_stages,
    make_plan,
    narrow,
    staged,
    visited,
)
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.presets.presets import Presets
from fleetlm_users.workload.urls import urls_of_host


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

    A value equal to its default counts as unset, and then the preset's applies, unless it is a GivenText; `given` are
    names known to be set all the same; their values beat the preset's, whatever they are. `host` sets API and WebSocket
    URL where these are unset. `num_users` beats vus, `run_time_s` (0: until stopped) beats duration. `extra_specs` are
    the benchmark's own, `chosen` the behaviours that are to run, None for all. Raises UsageError that names the
    setting, its value, what is accepted and an example.
    """
    specs = {spec.name: spec for spec in (*COMMON, *count_specs(behaviours), *extra_specs)}
    unpreset = OptionSource(specs, raw, given)
    preset = presets.get(benchmark, unpreset.take("preset") or presets.default_name(benchmark))
    check_preset(preset, specs, behaviours)
    source = replace(unpreset, preset=preset, derived=_urls_of(host))
    values = {field_name: source.take(name) for name, field_name in FIELD_OF.items()}
    generated = {"run_id": lambda: check_run_id(new_run_id()), "seed": new_seed}
    values |= {name: generate() for name, generate in generated.items() if values[name] is None}
    values |= {
        FIELD_OF[name]: values[FIELD_OF[name]] or () for name in FIELD_OF if specs[name].kind in (*LISTS, "threshold")
    }
    extra = {spec.name: source.take(spec.name) for spec in extra_specs}
    return Options(
        benchmark=benchmark,
        plan=_arriving(
            _plan(source, _filled(preset, behaviours), num_users, run_time_s, spawn_rate, chosen), source, extra
        ),
        **values,
        extra=extra,
        secrets=frozenset(spec.name for spec in specs.values() if spec.secret),
    )


def common_value(raw: Mapping[str, object], name: str) -> Any:
    """Return the typed value of one common option before a run is resolved, or None. Raises UsageError.

    For options that a process needs at its start and that no preset may set.
    """
    return OptionSource({spec.name: spec for spec in COMMON}, raw).take(name)


class GivenText(str):
    """Text that a person is known to have given: it counts as set even if it equals the option's default."""

    __slots__ = ()


@dataclass(frozen=True)
class OptionSource:
    """The typed values of options by name.

    `raw` are the parser's values, flag, environment and conf folded; one equal to its default counts as unset, unless
    it is a GivenText or its name is in `given`. `derived` are values that another flag implies.
    """

    specs: Mapping[str, OptionSpec]
    raw: Mapping[str, object]
    given: Collection[str] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    preset: Preset | None = None

    def take(self, name: str) -> Any:
        """Return an option's typed value; None if nobody set it and it has no default. Raises UsageError."""
        spec = self.specs[name]
        value = self.raw.get(name)
        if self._is_set(spec, value):
            return parse_value(spec, value, spec.label)
        for other in self.specs.values():
            if other.stands_for == name and self._is_set(other, self.raw.get(other.name)):
                return parse_value(other, self.raw[other.name], other.label)
        if name in self.derived:
            return self.derived[name]
        if self.preset is not None and name in self.preset.options:
            return parse_value(spec, self.preset.options[name], _key(self.preset, name))
        return None if spec.default == "" else parse_value(spec, spec.default, spec.label)

    def _is_set(self, spec: OptionSpec, value: object) -> bool:
        if is_blank(value):
            return False
        trimmed = value.strip() if isinstance(value, str) else value
        return spec.name in self.given or isinstance(value, GivenText) or trimmed != spec.default


def check_preset(preset: Preset, specs: Mapping[str, OptionSpec], behaviours: Sequence[str]) -> None:
    """Raise UsageError when a preset names a behaviour or an option that its benchmark does not have."""
    for behaviour in preset.users:
        if behaviour not in behaviours:
            where = f"{preset.source}: {preset.benchmark}.{preset.name}.users"
            raise UsageError(
                where, behaviour, f"a behaviour of {preset.benchmark}: {', '.join(behaviours)}", behaviours[0]
            )
    allowed = sorted(name for name, spec in specs.items() if spec.in_preset)
    for name in preset.options:
        if name not in allowed:
            raise UsageError(_key(preset, name), name, f"an option that presets may set: {', '.join(allowed)}", "seed")


def _urls_of(host: str | None) -> dict[str, str]:
    return dict(zip(("api_url", "ws_url"), urls_of_host(host), strict=True)) if host else {}


def _filled(preset: Preset, behaviours: Sequence[str]) -> Preset:
    """Return the preset with a count for every behaviour of the benchmark, in the benchmark's order."""
    return structs.replace(preset, users={name: preset.users.get(name, 0) for name in behaviours})


def _plan(  # noqa: PLR0913, PLR0917  # as resolve, whose arguments these are
    source: OptionSource,
    preset: Preset,
    num_users: int | None,
    run_time_s: float | None,
    spawn_rate: float | None,
    chosen: Collection[str] | None,
) -> Plan:
    given_counts = {name: source.take(count_name(name)) for name in preset.users}
    counts = {name: count for name, count in given_counts.items() if count is not None}
    total = source.take("vus") if num_users is None else num_users
    if chosen is not None:
        users, counts = narrow(preset.users, counts, total, chosen)
        preset = structs.replace(preset, users=users)
    stages, rates = source.take("stages"), source.take("session_rate")
    if rates is not None:
        said = {
            TOTAL_FLAG: total,
            RAMP_UP_FLAG: source.take("ramp_up"),
            SPAWN_RATE_FLAG: spawn_rate,
            STAGES_FLAG: None if stages is None else ",".join(stages),
        }
        check_beside_rate(said)
        return visited(
            preset,
            rates,
            arrivals=source.take("arrivals"),
            max_users=source.take("max_users"),
            counts=counts,
            duration_s=source.take("duration") if run_time_s is None else run_time_s,
            warm_up_s=source.take("warm_up"),
        )
    if stages is not None:
        said = {
            TOTAL_FLAG: total,
            DURATION_FLAG: source.take("duration") if run_time_s is None else run_time_s,
            RAMP_UP_FLAG: source.take("ramp_up"),
            SPAWN_RATE_FLAG: spawn_rate,
        }
        check_beside_stages(said)
        return staged(preset, stages, counts=counts, warm_up_s=source.take("warm_up"))
    return make_plan(
        preset,
        total=total,
        counts=counts,
        duration_s=source.take("duration") if run_time_s is None else run_time_s,
        ramp_up_s=source.take("ramp_up"),
        warm_up_s=source.take("warm_up"),
        spawn_rate=spawn_rate,
    )


def _arriving(plan: Plan, source: OptionSource, extra: Mapping[str, Any]) -> Plan:
    """Return the plan with the way in which messages arrive at a rate. Raise UsageError for a setting without
    effect.
    """
    if plan.session_rate:
        return plan
    arrivals = source.take("arrivals")
    has_arrival_rate = extra.get(ARRIVAL_RATE.name) is not None
    check_without_rate(source.take("max_users"), arrivals, has_arrival_rate=has_arrival_rate)
    return replace(plan, arrivals=arrivals or plan.arrivals)


def _key(preset: Preset, name: str) -> str:
    return f"{preset.source}: {preset.benchmark}.{preset.name}.options.{name}"
