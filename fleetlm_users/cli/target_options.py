"""The options that say where FleetLM and the agent are: the same flags and environment variables as a benchmark has."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from fleetlm_users.client import Targets
from fleetlm_users.workload.duration import parse_duration
from fleetlm_users.workload.option_spec import COMMON, TARGET, OptionSpec
from fleetlm_users.workload.raw_value import is_blank, parse_value
from fleetlm_users.workload.urls import urls_of_host

LEFT_OUT: Final = ("standin",)  # it starts servers for one run; here there is no run
HOST_ENV: Final = "LOCUST_HOST"  # Locust's own variable for -H

METAVARS: Final = {"http_url": "URL", "ws_url": "URL", "name": "NAME"}

Command = TypeVar("Command", bound=Callable[..., Any])


def target_options(command: Command) -> Command:
    """Gives a click command the options of the targets; `targets_of` makes Targets of its keyword arguments."""
    for spec in reversed(TARGET):
        if spec.name not in LEFT_OUT:
            command = _option(spec)(command)
    return click.option(
        "-H",
        "--host",
        envvar=HOST_ENV,
        metavar="URL",
        help=f"FleetLM's API and WebSocket together, such as http://localhost:4000. [env: {HOST_ENV}]",
    )(command)


def common_option(name: str) -> Callable[[Command], Command]:
    """Return the click option of one of the benchmarks' common options, with its flag, variable and default."""
    return _option(next(spec for spec in COMMON if spec.name == name))


def typed(name: str, text: str | None) -> Any:
    """Return the value of a common option that was made by `common_option`. Raises UsageError."""
    spec = next(spec for spec in COMMON if spec.name == name)
    return parse_value(spec, spec.default if is_blank(text) else text, spec.label)


def targets_of(given: dict[str, Any]) -> Targets:
    """Return where to go: a URL of its own beats -H, and -H beats the default. Raises UsageError."""
    host = given.get("host")
    derived = dict(zip(("api_url", "ws_url"), urls_of_host(host), strict=True)) if host else {}
    values = {}
    for spec in TARGET:
        if spec.name not in LEFT_OUT:
            value = given.get(spec.name)
            is_unset = value is None or is_blank(value)
            values[spec.name] = parse_value(
                spec, derived.get(spec.name, spec.default) if is_unset else value, spec.label
            )
    return Targets(**{name: values[name] for name in Targets.__dataclass_fields__})


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
