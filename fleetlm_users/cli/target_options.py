"""The options for the addresses of FleetLM and the agent: the same flags and environment variables as a benchmark's."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from fleetlm_users.client import SourceAddresses, Targets, sources_here
from fleetlm_users.errors import UsageError
from fleetlm_users.trust import check_trust
from fleetlm_users.workload.duration import parse_duration
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.options.parsing import is_blank, parse_value
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.urls import urls_of_host

TAKEN: Final = ("api_url", "ws_url", "agent_url", "agent_id", "insecure", "protocol")
SOURCES: Final = "source_ips"
HOST_ENV: Final = "LOCUST_HOST"  # Locust's own variable for -H

SPECS: Final = {spec.name: spec for spec in COMMON}
METAVARS: Final = {"http_url": "URL", "ws_url": "URL", "name": "NAME", "addresses": "LIST"}

Command = TypeVar("Command", bound=Callable[..., Any])


def target_options(command: Command) -> Command:
    """Add the targets' options to a click command; `targets_of` and `sources_of` read its keyword arguments."""
    for name in (SOURCES, *reversed(TAKEN)):
        command = common_option(name)(command)
    return click.option(
        "-H",
        "--host",
        envvar=HOST_ENV,
        metavar="URL",
        help=f"FleetLM's API and WebSocket together, such as http://localhost:4000. [env: {HOST_ENV}]",
    )(command)


def common_option(name: str) -> Callable[[Command], Command]:
    """Return the click option of one of the benchmarks' common options, with its flag, variable and default."""
    return _option(SPECS[name])


def typed(name: str, value: object) -> Any:
    """Return the value of a common option made by `common_option`; None if neither it nor a default is set.

    Raises UsageError.
    """
    spec = SPECS[name]
    if is_blank(value):
        value = spec.default
    return None if value == "" else parse_value(spec, value, spec.label)


def targets_of(given: dict[str, Any]) -> Targets:
    """Return the targets: a URL of its own beats -H, and -H beats the default. Raises UsageError."""
    host = given.get("host")
    derived = dict(zip(("api_url", "ws_url"), urls_of_host(host), strict=True)) if host else {}
    values = {name: typed(name, derived.get(name) if is_blank(given.get(name)) else given[name]) for name in TAKEN}
    targets = Targets(**values)
    check_trust((targets.api_url, targets.ws_url, targets.agent_url), insecure=targets.insecure)
    return targets


def sources_of(given: dict[str, Any]) -> SourceAddresses | None:
    """Return the local addresses to ask FleetLM from; None for any. Raises UsageError if this machine has none of
    them.
    """
    addresses = typed(SOURCES, given.get(SOURCES)) or ()
    sources = sources_here(addresses)
    if addresses and sources is None:
        accepted = "addresses of this machine (`ip address` lists them)"
        raise UsageError(SPECS[SOURCES].label, given[SOURCES], accepted, SPECS[SOURCES].example)
    return sources


def seconds(what: str) -> Callable[[click.Context, click.Parameter, str], float]:
    """Return a click callback that reads a duration above 0, such as `10s` or `500ms`."""

    def read(_ctx: click.Context, _parameter: click.Parameter, text: str) -> float:
        duration_s = parse_duration(text, what)
        if not duration_s:
            raise click.BadParameter("a duration above 0, such as 10s")
        return duration_s

    return read


def _option(spec: OptionSpec) -> Callable[[Command], Command]:
    note = f"{spec.help}. [env: {spec.env}]" + (f" [default: {spec.default}]" if spec.default else "")
    text = note[0].upper() + note[1:]
    if spec.kind == "flag":
        return click.option(spec.flag, spec.name, is_flag=True, envvar=spec.env, help=text)
    return click.option(spec.flag, spec.name, envvar=spec.env, metavar=METAVARS.get(spec.kind, "TEXT"), help=text)
