"""`install`, the one call of a locustfile: combine behaviours, preflight and Locust into a benchmark."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleetlm_users.client import (
    TOKEN,
    GrafanaApi,
    SocketTarget,
    Targets,
    TextPage,
    check,
    check_sockets,
    not_local,
    sources_here,
)
from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.metric import Metric
from fleetlm_users.protocol.profile import PROFILES, UNSUITED
from fleetlm_users.swarm.benchmark import Benchmark, Preflight
from fleetlm_users.swarm.lifecycle import install as install_benchmark
from fleetlm_users.trust import check_trust
from fleetlm_users.users.audit.making import table_of
from fleetlm_users.users.recorded_metrics import records
from fleetlm_users.users.virtual_user import VirtualUser
from fleetlm_users.workload.arrivals.visit_plan import RATE_FLAG
from fleetlm_users.workload.options.audit import DATABASE, check_audit, is_audited, way_of
from fleetlm_users.workload.options.benchmark_specs import ITERATIONS
from fleetlm_users.workload.options.capacity import SearchSettings
from fleetlm_users.workload.options.durability import CrashPlan
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.options.server_sources import source_of
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.options.storm import StormPlan
from fleetlm_users.workload.options.tracing import check_tracing
from fleetlm_users.workload.presets.file import preset_of

OWN_PRESET = "the preset given to install()"

ANNOTATION_TIMEOUT_S = 5.0
"""Grafana answers in milliseconds, and a run does not wait for it."""

MAX_NAMED_ADDRESSES = 8
"""How many addresses an error names."""


def install(  # noqa: PLR0913  # what a locustfile may say, each under its own name
    benchmark: str,
    behaviours: Sequence[type[VirtualUser]],
    *,
    options: Sequence[OptionSpec] = (),
    metrics: Sequence[Metric] = (),
    preset: Mapping[str, Any] | None = None,
    search: Callable[[Options], SearchSettings] | None = None,
    crash: Callable[[Options], CrashPlan | None] | None = None,
    storm: Callable[[Options], StormPlan] | None = None,
) -> None:
    """Make this locustfile a benchmark. Call it once, at import.

    Args:
        benchmark: Name of the benchmark, in reports and presets.
        behaviours: The user classes, in the order of reports.
        options: Options of the benchmark, in addition to the common ones and those of its behaviours.
        metrics: Metrics of the benchmark, in addition to the catalogue's and those of its behaviours.
        preset: The default preset, with the keys of presets.yaml; needed if presets.yaml has none for that benchmark.
        search: Makes the benchmark a search for the most load that still keeps the thresholds, in steps of users of its
            one behaviour, a `CapacityUser` or derived from it; `search_settings` reads the settings from its options.
        crash: Stops the server during each run; `crash_plan` reads how from the options of `DurabilityUser`.
        storm: Judges the run as a reconnect storm; `storm_plan` reads it from the options of `ReconnectStormUser`.

    Raises:
        UsageError: The preset is not valid.
    """
    install_benchmark(
        Benchmark(
            name=benchmark,
            behaviours={behaviour.scenario: behaviour for behaviour in behaviours},
            check=lambda given, tell: _check(_running(behaviours, given), given, tell),
            check_protocol=lambda given: _check_protocol(behaviours, given),
            remarks=lambda given: _remarks(behaviours, given),
            check_host=_check_host,
            metrics_page=_metrics_page,
            annotations=_annotations,
            options=_each_once((*_of(behaviours, "options"), *options)),
            metrics=_each_once((*_of(behaviours, "common_metrics"), *_of(behaviours, "metrics"), *metrics)),
            thresholds={behaviour.scenario: behaviour.thresholds for behaviour in behaviours},
            over_rest=frozenset(behaviour.scenario for behaviour in behaviours if behaviour.sends_over_rest),
            preset=None if preset is None else preset_of(benchmark, dict(preset), OWN_PRESET),
            validate=lambda given: _validate(behaviours, search, crash, given),
            is_finite=lambda given: search is not None or _is_finite(behaviours, given),
            most_users=lambda given: given.plan.total_users if search is None else search(given).plan.most,
            sockets_of_user=lambda given: _sockets_of_user(behaviours, given),
            search=search,
            crash=crash,
            storm=storm,
            needs_fleetlm=lambda given: _needs_fleetlm(behaviours, given),
            records=lambda given, metric, scenario: records(metric, scenario, _running(behaviours, given), given),
        )
    )


def _of(behaviours: Sequence[type[VirtualUser]], attribute: str) -> list[Any]:
    return [item for behaviour in behaviours for item in getattr(behaviour, attribute)]


def _each_once(items: Sequence[Any]) -> tuple[Any, ...]:
    """Return the items without repetitions: behaviours may share options and metrics; the first of a name counts."""
    return tuple({item.name: item for item in reversed(items)}.values())[::-1]


def _present(behaviours: Sequence[type[VirtualUser]], options: Options) -> list[type[VirtualUser]]:
    return [behaviour for behaviour in behaviours if options.plan.users.get(behaviour.scenario)]


def _running(behaviours: Sequence[type[VirtualUser]], options: Options) -> list[type[VirtualUser]]:
    """Return the behaviours that may run: a load shape may ask for one that has no users in the plan."""
    return list(behaviours) if options.plan.shape else _present(behaviours, options)


def _validate(
    behaviours: Sequence[type[VirtualUser]],
    search: Callable[[Options], SearchSettings] | None,
    crash: Callable[[Options], CrashPlan | None] | None,
    options: Options,
) -> None:
    _check_trust(options)
    _check_standin(options)
    check_audit(options)
    check_tracing(options)
    _check_fleetlm_only(behaviours, options)
    if search is not None:
        _check_search(behaviours)
        search(options)
    if crash is not None:
        crash(options)
    for behaviour in _present(behaviours, options):
        behaviour.check_options(options)
        if options.plan.session_rate:
            _check_visits(behaviour, options)


def _check_search(behaviours: Sequence[type[VirtualUser]]) -> None:
    """Refuse a search whose users do not let a server recover, or are of more than one kind. Raises UsageError."""
    if len(behaviours) == 1 and behaviours[0].follows_search:
        return
    given = ", ".join(behaviour.__name__ for behaviour in behaviours)
    accepted = "one behaviour derived from CapacityUser, whose users let the server recover between two steps"
    raise UsageError("the behaviours of a capacity search", given, accepted, "class Chatter(CapacityUser)")


def _check_visits(behaviour: type[VirtualUser], options: Options) -> None:
    """Refuse a session rate for journeys that do not end, or with a number of journeys. Raises UsageError."""
    rate, reason = ",".join(options.plan.session_rate), behaviour.stays(options)
    if reason:
        accepted = f"no session rate with {behaviour.scenario}, {reason}"
        raise UsageError(RATE_FLAG, rate, accepted, "session_lifecycle.py --session-rate 20")
    for spec in behaviour.options:
        if spec.name == ITERATIONS.name and str(options.extra[spec.name]) != spec.default:
            accepted = f"no value with {RATE_FLAG}, with which each user lives one journey"
            raise UsageError(spec.label, options.extra[spec.name], accepted, "--session-rate 20 -t 2m")


def _needs_fleetlm(behaviours: Sequence[type[VirtualUser]], options: Options) -> bool:
    running = _running(behaviours, options)
    return not running or any(kind.needs_fleetlm for kind in running)


def _sockets_of_user(behaviours: Sequence[type[VirtualUser]], options: Options) -> int:
    return max((kind.sockets_of(options) for kind in _running(behaviours, options)), default=1)


def _is_finite(behaviours: Sequence[type[VirtualUser]], options: Options) -> bool:
    """Return whether every user finishes at some point; one that lives on keeps the run going."""
    if options.plan.session_rate:
        return False  # others arrive in their place
    return all(behaviour.is_finite(options) for behaviour in _present(behaviours, options))


def _check(behaviours: Sequence[type[VirtualUser]], options: Options, tell: Callable[[str], None]) -> Preflight:
    """Check FleetLM for behaviours that need it, and the sockets of the others."""
    sources = sources_here(options.source_ips)
    looks: list[Preflight] = []
    if any(kind.needs_fleetlm for kind in behaviours):
        targets = Targets(**{name: getattr(options, name) for name in Targets.__struct_fields__})
        looks.append(check(targets, options.connect_timeout_s, sources=sources, tell=tell))
    sockets = [SocketTarget(*kind.socket_of(options)) for kind in behaviours if not kind.needs_fleetlm]
    if sockets:
        timeout_s, insecure = options.connect_timeout_s, options.insecure
        looks.append(check_sockets(sockets, timeout_s, insecure=insecure, sources=sources, tell=tell))
    return looks[0] if len(looks) == 1 else _Both(looks)


class _Both:
    """The findings of several checks before a run."""

    def __init__(self, looks: Sequence[Preflight]) -> None:
        self.fatal = any(each.fatal for each in looks)
        self.protocol = next((each.protocol for each in looks if each.protocol), "")
        self._texts = [each.text() for each in looks]

    def __repr__(self) -> str:
        return f"_Both({self.text()!r})"

    def text(self) -> str:
        """Return the text of each."""
        return "\n".join(filter(None, self._texts))


def _check_protocol(behaviours: Sequence[type[VirtualUser]], options: Options) -> None:
    """Refuse a protocol that lacks something a behaviour needs, once it is known. Raises UsageError."""
    profile = PROFILES.get(options.protocol)
    if profile is None:
        return
    for behaviour in _running(behaviours, options):
        for feature, reason in behaviour.needed(options).items():
            if not getattr(profile, feature):
                able = " or ".join(each.name for each in PROFILES.values() if getattr(each, feature))
                raise UsageError(UNSUITED, profile.name, reason, f"--protocol {able}")


def _remarks(behaviours: Sequence[type[VirtualUser]], options: Options) -> list[str]:
    """Return how behaviours differ with a protocol that lacks something they could use."""
    profile = PROFILES.get(options.protocol)
    if profile is None:
        return []
    return [
        f"{behaviour.scenario}, {profile.name} protocol: {text}"
        for behaviour in _running(behaviours, options)
        for feature, text in behaviour.lacks.items()
        if not getattr(profile, feature)
    ]


def _metrics_page(url: str, options: Options) -> TextPage:
    return TextPage(url, "--server-metrics", timeout_s=options.connect_timeout_s, insecure=options.insecure)


def _annotations(options: Options) -> GrafanaApi | None:
    if options.annotate is None:
        return None
    token = os.environ.get(TOKEN, "")
    return GrafanaApi(options.annotate, token, timeout_s=ANNOTATION_TIMEOUT_S, insecure=options.insecure)


def _check_fleetlm_only(behaviours: Sequence[type[VirtualUser]], options: Options) -> None:
    """Refuse options that mean nothing without FleetLM. Raises UsageError."""
    if _needs_fleetlm(behaviours, options):
        return
    given = {
        "--audit": is_audited(options) and way_of(options),
        "--cleanup": options.cleanup and "on",
        "--protocol": options.protocol in PROFILES and options.protocol,
        "--standin": options.standin and "on",
        "--traceparent": options.traceparent and "on",
    }
    for flag, value in given.items():
        if value:
            accepted = "nothing in a run whose users need no FleetLM: there is none to ask"
            raise UsageError(flag, value, accepted, f"leave {flag} out")


def _check_trust(options: Options) -> None:
    metrics = (source_of(text).place for text in options.server_metrics)
    urls = (options.api_url, options.ws_url, options.agent_url, *metrics, *filter(None, (options.annotate,)))
    check_trust(urls, insecure=options.insecure)


def _check_standin(options: Options) -> None:
    """Refuse options that the stand-in would not accept. Raises UsageError."""
    if options.standin_like is None and options.standin_options is None:
        return
    if not options.standin:
        given = options.standin_options or options.standin_like
        raise UsageError("--standin-like and --standin-options", given, "them together with --standin", "--standin")
    # only here, since a run against FleetLM needs nothing of the stand-in
    from fleetlm_users.standin.embedded import check_embedded  # noqa: PLC0415 - as above

    check_embedded(options.standin_like, options.standin_options)


def _check_host(options: Options, is_only_one: bool) -> None:
    """Refuse source addresses that no machine of the run has; each machine needs only some of them."""
    _check_trust(options)
    _check_database(options)
    foreign = not_local(options.source_ips)
    if foreign and (is_only_one or len(foreign) == len(options.source_ips)):
        named = ", ".join(foreign[:MAX_NAMED_ADDRESSES]) + (", …" if len(foreign) > MAX_NAMED_ADDRESSES else "")
        accepted = "addresses of this machine (`ip address` lists them, `ip address add` adds one)"
        raise UsageError("--source-ips (SOURCE_IPS)", named, accepted, "127.0.0.2-127.0.0.9 for a local server")


def _check_database(options: Options) -> None:
    """Refuse a database that an audit could not read, in processes with users: only they will read it. Raises
    UsageError.
    """
    if way_of(options) != DATABASE:
        return
    table = table_of(options)
    try:
        table.check()
    finally:
        table.close()
